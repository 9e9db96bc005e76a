"""What a property takes: HubSpot's checks of a written value, and the form in which it keeps it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot.moments import DAY_MS, day, instant, iso
from connectors.sandbox.hubspot.refusals import Refused
from connectors.sandbox.hubspot.standard import STAGES

LONGEST = 65_536
LATEST_MS = 253_402_300_799_999
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?\Z")
_EMAIL = re.compile(r"[^\s@,;:<>\"()\[\]]+@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}\Z")
_RANK = {value: rank for rank, (value, _) in enumerate(STAGES)}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value is not taken. `code` is HubSpot's name of the reason."""

    property: str
    code: str
    message: str


def missing(name: str) -> Problem:
    """The problem of a property that the portal does not have."""
    return Problem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


def kept(definition: Mapping[str, Any], value: str, current: str) -> str | Problem:
    """The value as it would be kept, or why it is not taken. Blank clears and is always a value."""
    name = definition["name"]
    if definition["modificationMetadata"]["readOnlyValue"]:
        return Problem(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    if value == "":
        return ""
    kind = definition["type"]
    if kind != "string" and value != value.strip():
        return Problem(name, f"INVALID_{kind.upper()}", f"{name} does not take blanks around a value")
    match kind:
        case "number":
            return value if _NUMBER.match(value) else _not_a(name, value, "valid number", "INVALID_INTEGER")
        case "bool":
            return value if value in ("true", "false") else _not_an_option(definition, value)
        case "enumeration":
            return _chosen(definition, value, current)
        case "date":
            return _date(name, value)
        case "datetime":
            at = instant(value)
            fits = at is not None and abs(at) <= LATEST_MS
            return iso(at) if fits and at is not None else _not_a(name, value, "valid long", "INVALID_LONG")
    if len(value) > LONGEST:
        return Problem(name, "PROPERTY_VALUE_TOO_LONG", f"{name} takes at most {LONGEST} characters")
    if name == "email":
        good = len(value) <= 254 and _EMAIL.match(value)
        return value.lower() if good else _not_a(name, value, "valid email address", "INVALID_EMAIL")
    return value


def backwards(current: str, value: str) -> bool:
    """Whether a lifecycle stage would be moved back; a blank in between allows it."""
    return bool(current and value) and _RANK.get(value, 99) < _RANK.get(current, -1)


def _not_a(name: str, value: str, what: str, code: str) -> Problem:
    return Problem(name, code, f"{value} was not a {what}.")


def _not_an_option(definition: Mapping[str, Any], value: str) -> Problem:
    options = ", ".join(o["value"] for o in definition["options"])
    return Problem(
        definition["name"], "INVALID_OPTION", f"{value} was not one of the allowed options: [{options}]"
    )


def _chosen(definition: Mapping[str, Any], value: str, current: str) -> str | Problem:
    """One option, or several between semicolons where the field takes them; a leading one appends."""
    several = definition["fieldType"] == "checkbox"
    given = [v for v in value.split(";") if v] if several else [value]
    if not definition["externalOptions"]:
        allowed = {o["value"] for o in definition["options"]}
        wrong = [v for v in given if v not in allowed]
        if wrong:
            return _not_an_option(definition, wrong[0])
    if several and value.startswith(";"):
        given = [v for v in current.split(";") if v] + given
    return ";".join(dict.fromkeys(given))


def _date(name: str, value: str) -> str | Problem:
    at = instant(value)
    if at is None or abs(at) > LATEST_MS:
        return _not_a(name, value, "valid date", "INVALID_DATE")
    if at % DAY_MS:
        return Problem(name, "INVALID_DATE", f"{value} is at {iso(at)[11:19]} UTC, not midnight!")
    return day(at)


def refusal(problems: list[Problem], shown: int) -> Refused:
    """The 400 for problems of values. The message holds all of them as JSON text, `errors` only some.

    [R] One recorded answer lists three of four problems in `errors`; `shown` is how many it lists.
    """
    inside = [
        {
            "isValid": False,
            "message": p.message,
            "error": p.code,
            "name": p.property,
            "localizedErrorMessage": p.message,
        }
        for p in problems
    ]
    text = json.dumps(inside, ensure_ascii=False, separators=(",", ":"))
    errors = [
        {"message": p.message, "code": p.code, "context": {"propertyName": [p.property]}}
        for p in problems[:shown]
    ]
    return Refused(400, f"Property values were not valid: {text}", errors=errors)
