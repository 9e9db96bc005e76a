"""What a value must be before it is written: its type, its length, and the org's own rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.salesforce.call import Call
from connectors.sandbox.salesforce.fields import Field, Kind
from connectors.sandbox.salesforce.ids import PREFIXES, long
from connectors.sandbox.salesforce.moments import days_of, instant
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.refusals import Problem, Refused, refused
from connectors.sandbox.salesforce.store import Row, Values

_EMAIL = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>().]+(\.[^@\s,;<>().]+)+\Z")
_SYSTEM_KEYS = ("attributes", "id")


def checked(call: Call, kind: Kind, given: Mapping[str, Any], creating: bool) -> Values:
    """The values to write, converted.

    Raises:
        Refused: a field that there is not, that may not be written, or that cannot have the value.
    """
    values: Values = {}
    problems: list[Problem] = []
    frozen: list[str] = []
    for name, value in given.items():
        if name.lower() in _SYSTEM_KEYS:
            continue
        field = kind.by_name.get(name.lower())
        if field is None or not call.user.may_read(kind.name, field.name):
            raise refused(400, "INVALID_FIELD", "no_column", field=name, object=kind.name)
        if not (field.createable if creating else field.updateable) or _is_frozen(call, kind, field):
            frozen.append(field.name)
            continue
        found = converted(call.org, field, value)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            values[field.name] = found
    if frozen:
        raise refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "read_only", frozen, field=", ".join(frozen))
    if problems:
        raise Refused(400, *problems)
    return values


def _is_frozen(call: Call, kind: Kind, field: Field) -> bool:
    return field.name in call.user.frozen.get(kind.name, ())


def converted(org: Org, field: Field, given: Any) -> Any:
    """The value as it is kept, None for a blank, or what is wrong with it."""
    if isinstance(given, dict | list):
        return _unreadable(field)
    if given is None or (isinstance(given, str) and not given.strip()):
        return False if field.type == "boolean" else None
    match field.type:
        case "boolean":
            told = (
                given if isinstance(given, bool) else {"true": True, "false": False}.get(str(given).lower())
            )
            return _unreadable(field) if told is None else told
        case "double" | "int":
            return _number(field, given)
        case "datetime":
            at = instant(given) if isinstance(given, str) else None
            return _unreadable(field) if at is None else at
        case "date":
            days = days_of(given) if isinstance(given, str) else None
            return _unreadable(field) if days is None else days
        case "reference":
            return _reference(org, field, str(given))
        case _:
            text = str(given).lower() if isinstance(given, bool) else str(given)
            return _text(field, text.strip())


def _number(field: Field, given: Any) -> Any:
    try:
        return float(given) if field.type == "double" and not isinstance(given, bool) else int(given)
    except (TypeError, ValueError):
        return _unreadable(field)


def _text(field: Field, text: str) -> Any:
    label = _label(field)
    if len(text) > field.length:
        return Problem("STRING_TOO_LONG", "too_long", [field.name], label=label, value=text, max=field.length)
    if field.type == "email" and not _EMAIL.match(text):
        return Problem("INVALID_EMAIL_ADDRESS", "email", [field.name], label=label, value=text)
    if field.restricted and text not in field.options:
        code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        return Problem(code, "picklist", [field.name], label=label, value=text)
    return text


def _reference(org: Org, field: Field, given: str) -> Any:
    found = long(given)
    if found is None or not found.startswith(PREFIXES[field.references]):
        return Problem(
            "MALFORMED_ID", "malformed_id", [field.name], object=field.label or field.name, id=given
        )
    row = org.store.rows[field.references].get(found)
    if row is None or row.deleted_at is not None:
        return Problem("INVALID_CROSS_REFERENCE_KEY", "reference", [field.name])
    return found


def _label(field: Field) -> str:
    return field.label or field.name


def _unreadable(field: Field) -> Problem:
    return Problem("JSON_PARSER_ERROR", "json_type", [field.name], type=field.type, field=field.name)


# the org's own rules


def enforce(call: Call, kind: Kind, row: Row | None, changes: Values) -> None:
    """Nothing, where required fields, validation rules, triggers and duplicate rules let the write pass.

    Raises:
        Refused: one does not.
    """
    after = {**(row.values if row else {}), **changes}
    missing = [
        f.name
        for f in kind.fields
        if not f.nillable and f.createable and not f.defaulted and after.get(f.name) is None
    ]
    if missing:
        raise refused(400, "REQUIRED_FIELD_MISSING", "required", missing, field=", ".join(missing))
    settings = call.org.settings
    for name, code in (
        ("validation_rules", "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
        ("failing_triggers", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    ):
        for rule in settings[name]:
            if rule.get("object", "Contact") == kind.name and _holds(rule["when"], after):
                fields = [rule["field"]] if rule.get("field") else []
                raise refused(
                    400, code, "said", fields, text=rule.get("message") or "the org's rule forbids it"
                )
    _no_duplicates(call, kind, row, changes)


def _holds(when: Mapping[str, Any], after: Values) -> bool:
    return all(after.get(name) == value for name, value in when.items())


def _no_duplicates(call: Call, kind: Kind, row: Row | None, changes: Values) -> None:
    allowed = (
        "allowsave=true" in call.headers.get("sforce-duplicate-rule-header", "").replace(" ", "").lower()
    )
    for rule in call.org.settings["duplicate_rules"]:
        name = rule.get("field", "Email")
        value = changes.get(name)
        if rule.get("object", "Contact") != kind.name or value is None:
            continue
        if rule.get("mode", "block") == "alert" and allowed:
            continue
        wanted = str(value).casefold()
        for other in call.org.store.living(kind.name):
            if other is not row and str(other.values.get(name, "")).casefold() == wanted:
                raise refused(400, "DUPLICATES_DETECTED", "duplicates")
