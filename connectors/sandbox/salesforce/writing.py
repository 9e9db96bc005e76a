"""Creates, updates and deletes, one by one and in collections of up to 200."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.fields import READ_ONLY, Kind
from connectors.sandbox.salesforce.ids import PREFIXES, long
from connectors.sandbox.salesforce.refusals import Problem, Refused, refused
from connectors.sandbox.salesforce.rules import checked, enforce
from connectors.sandbox.salesforce.store import Row, Values

MOST_RECORDS, MOST_CHUNKS = 200, 10
_GONE = {"ENTITY_IS_DELETED": 404, "NOT_FOUND": 404, "INSUFFICIENT_ACCESS_OR_READONLY": 403}


@dataclass
class Plan:
    """A write that was checked and not yet done; what it does once all of its collection may."""

    act: Callable[[], str]


# one record


def create(call: Call) -> Answer:
    """201 with the new id."""
    plan = planned_create(call, call.kind(), call.data())
    return Answer(201, {"id": plan.act(), "success": True, "errors": []})


def update(call: Call) -> Answer:
    """204; or 412 where the record changed since the time in If-Unmodified-Since."""
    kind, given = call.kind(), call.data()
    row = _named(call, kind)
    if any(name.lower() == "id" for name in given):
        raise refused(
            400, "INVALID_FIELD", "said", text="The Id field should not be specified in the sobject data."
        )
    since = call.date_of("If-Unmodified-Since")
    honoured = call.org.settings["if_unmodified_since"] == "honour"
    if since is not None and honoured and row.values["LastModifiedDate"] > since:
        raise refused(412, "PRECONDITION_FAILED", "precondition")
    try:
        planned_update(call, kind, row, given).act()
    except Refused as error:
        raise _single(error) from None
    return Answer(204)


def remove(call: Call) -> Answer:
    """204; the record is in the recycle bin."""
    kind = call.kind()
    try:
        planned_delete(call, kind, _named(call, kind)).act()
    except Refused as error:
        raise _single(error) from None
    return Answer(204)


def _single(error: Refused) -> Refused:
    status = _GONE.get(error.problems[0].code, error.status)
    return Refused(status, *error.problems, with_fields=True)


def _named(call: Call, kind: Kind) -> Row:
    """The record that the path names; 404 where the user can have none of it."""
    given = call.params["id"]
    row = call.org.store.get(kind.name, given)
    if row is None or not call.user.may_see(row) or call.org.is_gone(row):
        raise refused(404, "NOT_FOUND", "no_such_id", id=given)
    if row.deleted_at is not None:
        raise Refused(404, Problem("ENTITY_IS_DELETED", "deleted"), with_fields=True)
    return row


# collections


def create_many(call: Call) -> Answer:
    """One result for each record, in their order."""
    return _many(call, lambda item, seen: planned_create(call, _kind_of(call, item), item))


def update_many(call: Call) -> Answer:
    """One result for each record, in their order."""

    def plan(item: dict[str, Any], seen: set[str]) -> Plan:
        kind = _kind_of(call, item)
        given = next((v for n, v in item.items() if n.lower() == "id"), None)
        if not given:
            raise refused(400, "MISSING_ARGUMENT", "no_id")
        return planned_update(call, kind, found(call, kind, str(given), seen), item)

    return _many(call, plan)


def delete_many(call: Call) -> Answer:
    """One result for each id of the query, in their order."""
    ids = [i for i in call.query.get("ids", "").split(",") if i]
    all_or_none = call.query.get("allOrNone", "false").lower() == "true"

    def plan(item: dict[str, Any], seen: set[str]) -> Plan:
        kind = next((k for k in call.org.kinds.values() if item["id"].startswith(PREFIXES[k.name])), None)
        if kind is None:
            raise refused(400, "MALFORMED_ID", "malformed_id", object="sObject", id=item["id"])
        return planned_delete(call, kind, found(call, kind, item["id"], seen))

    return _carried_out(call, [{"id": i} for i in ids], all_or_none, plan)


def _many(call: Call, plan: Callable[[dict[str, Any], set[str]], Plan]) -> Answer:
    data = call.data()
    records = data.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise refused(400, "JSON_PARSER_ERROR", "json")
    runs = [key for key, _ in groupby(_type_of(r).lower() for r in records)]
    if len(runs) > MOST_CHUNKS:
        raise refused(400, "LIMIT_EXCEEDED", "chunks", max=MOST_CHUNKS)
    return _carried_out(call, records, data.get("allOrNone") is True, plan)


def _carried_out(
    call: Call,
    items: list[dict[str, Any]],
    all_or_none: bool,
    plan: Callable[[dict[str, Any], set[str]], Plan],
) -> Answer:
    if not items:
        raise refused(400, "REQUIRED_FIELD_MISSING", "no_records")
    if len(items) > MOST_RECORDS:
        raise refused(400, "EXCEEDED_ID_LIMIT", "too_many", max=MOST_RECORDS)
    plans: list[Plan | Refused] = []
    seen: set[str] = set()
    for item in items:
        try:
            plans.append(plan(item, seen))
        except Refused as error:
            plans.append(error)
    if all_or_none and any(isinstance(p, Refused) for p in plans):
        back = refused(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", "rolled_back")
        plans = [p if isinstance(p, Refused) else back for p in plans]
    return Answer(200, [_result(call, p) for p in plans])


def _result(call: Call, plan: Plan | Refused) -> dict[str, Any]:
    """The result of one record; one that failed has no id; [R] amp-labs."""
    if isinstance(plan, Refused):
        return {"success": False, "errors": [p.item(call.language) for p in plan.problems]}
    return {"id": plan.act(), "success": True, "errors": []}


def _type_of(item: dict[str, Any]) -> str:
    """The object that a record says it is of; blank where it does not."""
    attributes = item.get("attributes")
    return str(attributes.get("type", "")) if isinstance(attributes, dict) else ""


def _kind_of(call: Call, item: dict[str, Any]) -> Kind:
    name = _type_of(item)
    kind = call.org.kinds.get(name.lower())
    if kind is None:
        text = f"sObject type '{name}' is not supported."
        raise refused(400, "INVALID_TYPE", "said", text=text)
    return kind


def found(call: Call, kind: Kind, given: str, seen: set[str]) -> Row:
    """The record of an id in a collection, which has not been `seen` in it before.

    Raises:
        Refused: there is none that the user can have.
    """
    number = long(given)
    if number is None:
        raise refused(400, "MALFORMED_ID", "malformed_id", ["Id"], object=kind.name, id=given)
    if number in seen:
        raise refused(400, "INVALID_ARGUMENT_TYPE", "twice", ["Id"], id=number)
    seen.add(number)
    row = call.org.store.rows[kind.name].get(number)
    if row is None:
        raise refused(400, "INVALID_CROSS_REFERENCE_KEY", "reference")
    if row.deleted_at is not None:
        raise refused(400, "ENTITY_IS_DELETED", "deleted")
    if not call.user.may_see(row):
        raise refused(400, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "access_reference", id=number)
    return row


# how a write is checked and done


def planned_create(call: Call, kind: Kind, given: dict[str, Any]) -> Plan:
    """A new record, checked.

    Raises:
        Refused: it cannot be.
    """
    _writable(kind)
    values = checked(call, kind, given, creating=True)
    if kind.name == "Lead":
        values.setdefault("Status", "Open - Not Contacted")
    enforce(call, kind, None, values)

    def act() -> str:
        row = call.org.new_row(kind.name, values, call.author)
        call.org.account_for(Row(kind.name, row.id, {}), values, call.user.id)
        return call.org.add(row).id

    return Plan(act)


def planned_update(call: Call, kind: Kind, row: Row, given: dict[str, Any]) -> Plan:
    """A change of a record, checked.

    Raises:
        Refused: it cannot be.
    """
    _writable(kind)
    _reachable(call, row)
    changes = checked(call, kind, given, creating=False)
    enforce(call, kind, row, changes)

    def act() -> str:
        org = call.org
        org.account_for(row, changes, call.user.id)
        differing: Values = {n: v for n, v in changes.items() if row.values.get(n) != v}
        owner = org.settings["assignment_rule"]
        if (
            kind.name == "Lead"
            and owner
            and call.headers.get("sforce-auto-assign", "true").lower() != "false"
        ):
            differing["OwnerId"] = owner
        if differing or org.settings["same_value"] == "touch":
            org.write(row, differing, call.author)
        return row.id

    return Plan(act)


def planned_delete(call: Call, kind: Kind, row: Row) -> Plan:
    """The end of a record, checked.

    Raises:
        Refused: it cannot be.
    """
    _writable(kind)
    _reachable(call, row)

    def act() -> str:
        call.org.delete(row, call.author)
        return row.id

    return Plan(act)


def _writable(kind: Kind) -> None:
    if kind.name in READ_ONLY:
        text = f"entity type {kind.name} does not support this operation in the sandbox"
        raise refused(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "said", text=text)


def _reachable(call: Call, row: Row) -> None:
    """Nothing, where the user may change the record and nobody holds it."""
    org = call.org
    if row.id in call.user.unwritable:
        raise refused(400, "INSUFFICIENT_ACCESS_OR_READONLY", "access")
    if row.values.get("IsConverted"):
        raise refused(400, "CANNOT_UPDATE_CONVERTED_LEAD", "converted")
    if row.approval:
        raise refused(400, "ENTITY_IS_LOCKED", "approval")
    locked = row.id in org.held() or row.values.get("AccountId") in org.settings["locked_parents"]
    if locked or (org.settings["lock_rate"] and org.dice.random() < org.settings["lock_rate"]):
        raise refused(400, "UNABLE_TO_LOCK_ROW", "locked_row", id=row.id)
