"""Queries as text. Names come from descriptions and values are quoted; nothing else enters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote_plus

from connectors.salesforce.metadata import Described
from syncd.model import Clause, FieldInfo

STAMP = "SystemModstamp"
_MARKERS = ("Id", STAMP, "IsDeleted", "MasterRecordId", "IsConverted", "ConvertedContactId")
LONGEST = 14_000
"""Characters of a query in a URL: Salesforce takes 16,384 bytes of URL and headers together."""


def columns(described: Described, properties: Iterable[str]) -> list[str]:
    """What to select: id, stamp and the marks of gone records, as far as there are any, then properties."""
    known = described.known(properties)
    return list(dict.fromkeys([*(m for m in _MARKERS if m in described.fields), *known]))


def select(names: Sequence[str], sobject: str, conditions: Iterable[str], order: Sequence[str] = ()) -> str:
    """A query whose conditions must all hold."""
    kept = [c for c in conditions if c]
    where = f" WHERE {' AND '.join(kept)}" if kept else ""
    by = f" ORDER BY {', '.join(order)}" if order else ""
    return f"SELECT {', '.join(names)} FROM {sobject}{where}{by}"  # noqa: S608 — SOQL, values are quoted


def fits(query: str) -> bool:
    """Whether it can be sent in a URL."""
    return len(quote_plus(query)) <= LONGEST


def any_of(conditions: Sequence[str]) -> str:
    return f"({' OR '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def all_of(conditions: Sequence[str]) -> str:
    return f"({' AND '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def quoted(value: str | Sequence[str]) -> str:
    """Text, or a list of texts, as a literal."""
    from simple_salesforce.format import quote_soql_value

    return str(quote_soql_value(value if isinstance(value, str) else list(value)))


def instant_literal(moment: datetime) -> str:
    """An instant to the millisecond, rounded down."""
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def beyond(stamp: datetime, past: str) -> str:
    """After a record in the order of stamp and id; `>` alone would lose those of the same second."""
    at = instant_literal(stamp)
    return f"(({STAMP} = {at} AND Id > {quoted(past)}) OR {STAMP} > {at})"


def not_converted(described: Described) -> list[str]:
    """Leads that were converted live on as contacts."""
    return ["IsConverted = false"] if "IsConverted" in described.fields else []


def narrowed(where: Iterable[Clause], described: Described) -> str:
    """A condition that never hides a record which the clauses would accept, nor one that is gone; or "".

    Only three forms are certain: a field that holds anything at all, a checkbox, and a picklist whose
    values are fixed, given in their own spelling. Salesforce compares other text by rules of its own.
    """
    made = [text for clause in where if (text := _narrow(clause, described))]
    if not made:
        return ""
    gone = ["IsDeleted = true", *(["IsConverted = true"] if "IsConverted" in described.fields else [])]
    return any_of([*gone, all_of(made)])


def _narrow(clause: Clause, described: Described) -> str:
    name, info = clause.property, described.fields.get(clause.property)
    if info is None or name not in described.filterable:
        return ""
    if clause.op == "present":
        return "" if info.type == "boolean" else f"{name} != null"
    if clause.op not in ("in", "equals"):
        return ""
    wanted = {v.strip().casefold() for v in clause.values}
    if info.type == "boolean":
        return f"{name} = {wanted.pop()}" if wanted in ({"true"}, {"false"}) else ""
    return _picked(name, info, wanted)


def _picked(name: str, info: FieldInfo, wanted: set[str]) -> str:
    matching = sorted(o for o in info.options or () if o.strip().casefold() in wanted)
    if not wanted or {o.strip().casefold() for o in matching} != wanted:
        return ""
    return f"{name} IN {quoted(matching)}"
