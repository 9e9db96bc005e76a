"""Which conditions of a sync HubSpot's search may be trusted with, and the search bodies."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from connectors.hubspot.records import STAMP
from syncd.model import Clause, FieldInfo

PAGE = 200
ID = "hs_object_id"
_MOST_FILTERS = 3
_BODY_CHARACTERS = 2_900

Filter: TypeAlias = Mapping[str, object]


def body(filters: Sequence[Filter], sort: str) -> Mapping[str, object]:
    """A search for ids and time stamps, ascending by one property (HubSpot takes no second one)."""
    return {
        "filterGroups": [{"filters": list(filters)}],
        "sorts": [{"propertyName": sort, "direction": "ASCENDING"}],
        "properties": [STAMP],
        "limit": PAGE,
    }


def between(first: int, last: int) -> Filter:
    """Changed within these milliseconds, both inclusive."""
    return {"propertyName": STAMP, "operator": "BETWEEN", "value": str(first), "highValue": str(last)}


def at(moment: int) -> Filter:
    """Changed in this very millisecond."""
    return {"propertyName": STAMP, "operator": "EQ", "value": str(moment)}


def beyond(contact_id: int) -> Filter:
    return {"propertyName": ID, "operator": "GT", "value": str(contact_id)}


def filters(where: Sequence[Clause], schema: Callable[[], Mapping[str, FieldInfo]]) -> tuple[Filter, ...]:
    """Filters that never hide a record which the clauses would accept.

    Only two forms are certain. HAS_PROPERTY finds every record with a value, blank ones included. IN
    compares enumerations exactly, so each wanted word is given in every spelling that is an option;
    HubSpot's rules for text (lower case, tokens) differ from ours, and its NOT operators are undocumented
    for records without a value. `schema` is asked for only where a clause might be an enumeration's.
    """
    kept: list[Filter] = []
    known: Mapping[str, FieldInfo] | None = None
    for clause in where:
        if clause.op == "present":
            made: Filter | None = {"propertyName": clause.property, "operator": "HAS_PROPERTY"}
        elif clause.op in ("in", "equals"):
            known = schema() if known is None else known
            made = _options(clause, known.get(clause.property))
        else:
            made = None
        # A drained millisecond needs two filters of its own: one of three is left.
        if made is not None and len(kept) < _MOST_FILTERS - 2 and _fits(made):
            kept.append(made)
    return tuple(kept)


def _options(clause: Clause, info: FieldInfo | None) -> Filter | None:
    if info is None or not info.options:
        return None
    wanted = [v.strip().casefold() for v in clause.values]
    matching = sorted(o for o in info.options if o.strip().casefold() in wanted)
    if not wanted or not all(wanted) or {o.strip().casefold() for o in matching} != set(wanted):
        return None
    return {"propertyName": clause.property, "operator": "IN", "values": matching}


def _fits(made: Filter) -> bool:
    longest = 2**63
    whole = body((at(longest), beyond(longest), made), ID)
    return len(json.dumps(whole)) < _BODY_CHARACTERS
