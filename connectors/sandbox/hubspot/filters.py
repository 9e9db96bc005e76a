"""HubSpot's search filters, turned into tests of an indexed record."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from connectors.sandbox.hubspot.moments import instant
from connectors.sandbox.hubspot.refusals import Refused, invalid

OPERATORS = (
    "EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN",
    "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
)  # fmt: skip
MOST_GROUPS, MOST_IN_GROUP, MOST_IN_ALL = 5, 6, 18
_ORDERED = ("number", "date", "datetime")
_EXACT = ("enumeration", "bool")
_WORD = re.compile(r"[^\W_]+")


class Indexed(Protocol):
    """A record as the search index has it."""

    id: int
    created_ms: int
    modified_ms: int
    finer_ms: float

    def shown(self, name: str) -> str | None:
        """The value of a property; None where there is none."""


Test = Callable[[Indexed], bool]


class Span(NamedTuple):
    """The milliseconds, both included, outside which no record can pass a group."""

    first: float
    last: float


class Group(NamedTuple):
    """Filters that must all hold. `modified` narrows the candidates before any is tested."""

    tests: list[Test]
    modified: Span


def groups_of(data: object, definitions: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """The filter groups of a search body, of which one must hold; none means that all records pass.

    Raises:
        Refused: 400, malformed or past HubSpot's limits.
    """
    groups = _objects(data, "filterGroups")
    if len(groups) > MOST_GROUPS:
        raise invalid(f"too many filter groups: {len(groups)} given, at most {MOST_GROUPS} allowed")
    filters = [_objects(g.get("filters"), "filters") for g in groups]
    if any(len(f) > MOST_IN_GROUP for f in filters):
        raise invalid(f"too many filters in one group: at most {MOST_IN_GROUP} allowed")
    if sum(map(len, filters)) > MOST_IN_ALL:
        raise invalid(f"too many filters: at most {MOST_IN_ALL} allowed in all")
    return [_group(f, definitions) for f in filters]


def _objects(data: object, name: str) -> list[dict[str, Any]]:
    if data is None:
        return []
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise invalid(f"Invalid input JSON: {name} is a list of objects")
    return data


def _group(filters: list[dict[str, Any]], definitions: Mapping[str, Mapping[str, Any]]) -> Group:
    tests: list[Test] = []
    first, last = -math.inf, math.inf
    for given in filters:
        name, operator = given.get("propertyName"), given.get("operator")
        if operator not in OPERATORS:
            raise invalid(f"Invalid input JSON: operator {operator} is none of {', '.join(OPERATORS)}")
        if not isinstance(name, str) or name not in definitions:
            raise invalid(
                f"There was a problem with the request: property {name} does not exist", "INVALID_PROPERTY"
            )
        tests.append(_test(name, definitions[name]["type"], operator, given))
        if name == "lastmodifieddate":
            span = _span(operator, given)
            first, last = max(first, span.first), min(last, span.last)
    return Group(tests, Span(first, last))


def _span(operator: str, given: Mapping[str, Any]) -> Span:
    low = _comparable("datetime", given["value"], "lastmodifieddate") if "value" in given else 0.0
    match operator:
        case "EQ":
            return Span(low, low)
        case "GT" | "GTE":
            return Span(low, math.inf)
        case "LT" | "LTE":
            return Span(-math.inf, low)
        case "BETWEEN":
            return Span(low, _comparable("datetime", given["highValue"], "lastmodifieddate"))
        case _:
            return Span(-math.inf, math.inf)


def _test(name: str, kind: str, operator: str, given: Mapping[str, Any]) -> Test:
    match operator:
        case "HAS_PROPERTY":
            return lambda doc: doc.shown(name) is not None
        case "NOT_HAS_PROPERTY":
            return lambda doc: doc.shown(name) is None
        case "IN" | "NOT_IN":
            return _membership(name, kind, operator, given)
        case "CONTAINS_TOKEN" | "NOT_CONTAINS_TOKEN":
            found = _token(name, _operand(given, "value", name))
            return found if operator == "CONTAINS_TOKEN" else (lambda doc: not found(doc))
        case "EQ" | "NEQ":
            return _equality(name, kind, operator, _operand(given, "value", name))
    return _comparison(name, kind, operator, given)


def _operand(given: Mapping[str, Any], key: str, name: str) -> str:
    value = given.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or value == "":
        raise invalid(f"operator {given.get('operator')} on {name} needs a {key}")
    return value


def _equality(name: str, kind: str, operator: str, operand: str) -> Test:
    """Strings compare without case, enumerations exactly. A blank value is neither equal nor unequal."""
    wanted = operand if kind in _EXACT else _comparable(kind, operand, name)
    equal = operator == "EQ"

    def test(doc: Indexed) -> bool:
        value = _held(doc, name, kind)
        return value is not None and (value == wanted) is equal

    return test


def _held(doc: Indexed, name: str, kind: str) -> Any:
    """The value by which a record is equal to another: for times the millisecond."""
    if name == "lastmodifieddate":
        return doc.modified_ms
    return doc.shown(name) if kind in _EXACT else sort_value(doc, name, kind)


def _membership(name: str, kind: str, operator: str, given: Mapping[str, Any]) -> Test:
    """The stored string is lower-cased, the given ones are not: capitals in a list never match."""
    values = given.get("values")
    if not isinstance(values, list) or not values or not all(isinstance(v, str) for v in values):
        raise invalid(f"operator {operator} on {name} needs values")
    wanted = {_comparable(kind, v, name) for v in values} if kind in _ORDERED else set(values)
    inside = operator == "IN"

    def test(doc: Indexed) -> bool:
        value = _held(doc, name, kind)
        return value is not None and (value in wanted) is inside

    return test


def _comparison(name: str, kind: str, operator: str, given: Mapping[str, Any]) -> Test:
    low = _comparable(kind, _operand(given, "value", name), name)
    high = _comparable(kind, _operand(given, "highValue", name), name) if operator == "BETWEEN" else low
    if kind == "datetime" and low == 0:
        # [code] estuary/connectors met a 500 here and starts a second after the epoch
        raise Refused(500, "internal error", "INTERNAL_ERROR")

    def test(doc: Indexed) -> bool:
        at = sort_value(doc, name, kind)
        if at is None:
            return False
        match operator:
            case "LT":
                return bool(at < low)
            case "LTE":
                return bool(at <= low)
            case "GT":
                return bool(at > low)
            case "GTE":
                return bool(at >= low)
        return bool(low <= at <= high)

    return test


def sort_value(doc: Indexed, name: str, kind: str) -> Any:
    """The value by which a record is ordered; None where it has none."""
    match name:
        case "lastmodifieddate":
            return doc.modified_ms + doc.finer_ms
        case "createdate":
            return doc.created_ms
        case "hs_object_id":
            return float(doc.id)
    value = doc.shown(name)
    return None if value is None else _comparable(kind, value, name)


def _comparable(kind: str, value: Any, name: str) -> Any:
    """The value by which two are ordered.

    Raises:
        Refused: 400, it is none of the property's type.
    """
    if kind == "number":
        try:
            return float(value)
        except ValueError:
            raise invalid(f"{value} is no number, as {name} needs", "INVALID_NUMBER") from None
    if kind in ("date", "datetime"):
        at = instant(str(value))
        if at is None:
            raise invalid(f"{name} is compared with milliseconds or an ISO time", "INVALID_DATE")
        return at
    return str(value).lower()


def _token(name: str, operand: str) -> Test:
    """Whole words; `*` stands for the rest of one."""
    parts = [re.escape(p) for p in operand.lower().strip().split("*")]
    pattern = re.compile(r"(?<![^\W_])" + r"[^\s]*".join(parts) + r"(?![^\W_])")

    def test(doc: Indexed) -> bool:
        value = doc.shown(name)
        return value is not None and pattern.search(value.lower()) is not None

    return test


def full_text(query: str) -> Test:
    """Whether every word of the query begins a word of the record's searchable properties."""
    words = _WORD.findall(query.lower())
    names = (
        "firstname", "lastname", "email", "phone", "company", "hs_additional_emails", "fax", "mobilephone",
        "hs_searchable_calculated_phone_number", "hs_searchable_calculated_mobile_number",
    )  # fmt: skip

    def test(doc: Indexed) -> bool:
        text = " ".join(doc.shown(name) or "" for name in names).lower()
        held = _WORD.findall(text)
        return all(any(h.startswith(word) for h in held) for word in words)

    return test
