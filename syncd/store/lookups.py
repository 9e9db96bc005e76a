"""Lookups: the guard against buying twice, and the answers that are kept and shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select, update

from syncd.store import tables as t
from syncd.store import transitions
from syncd.store.clauses import among, aside, one_of
from syncd.store.engine import Now

_BEYOND = 2**62
"""Higher than the id of any row."""
LIVE = ("sent", "pending", "settled", "unknown", "written_off")


@dataclass(frozen=True, slots=True)
class Kept:
    """A lookup that exists. `answer` is the stored form of what came back, or None."""

    id: int
    call_id: int
    account: str
    operation: str
    key_kind: str
    key_digest: str
    epoch: int
    state: str
    outcome: str
    reason: str
    answer: bytes | None
    charge: str
    work_id: int | None
    sent_us: int
    settled_us: int | None


_COLUMNS = [t.lookup.c[f.name.replace("_us", "_at")] for f in fields(Kept)]
"""What a `Kept` is made of, in its order."""
_KNOWN = (
    select(*_COLUMNS)
    .where(among(t.lookup.c.key_digest, "b_digests"), one_of(t.lookup.c.state, LIVE))
    .order_by(t.lookup.c.id)
)
_OF_CALLS = (
    select(*_COLUMNS, t.lookup.c.key)
    .where(among(t.lookup.c.call_id, "b_ids"))
    .order_by(t.lookup.c.call_id, t.lookup.c.position)
)
_LOST = select(*_COLUMNS).where(among(t.lookup.c.work_id, "b_ids"), t.lookup.c.state == "unknown")
_ADD = (
    t.lookup.insert()
    .values(state="sent", sent_at=Now())
    .returning(t.lookup.c.id, sort_by_parameter_order=True)
)
_SETTLE = (
    update(t.lookup)
    .where(t.lookup.c.id == bindparam("b_id"), one_of(t.lookup.c.state, ("sent", "pending", "unknown")))
    .values(
        state="settled",
        settled_at=Now(),
        outcome=bindparam("b_outcome"),
        reason=bindparam("b_reason"),
        answer=bindparam("b_answer"),
        charge=bindparam("b_charge"),
        key=None,
    )
)


def known(connection: Connection, digests: Sequence[str]) -> list[Kept]:
    """Every lookup, by any account, of the keys with these digests, oldest first."""
    if not digests:
        return []
    return [Kept(*row) for row in connection.execute(_KNOWN, {"b_digests": list(digests)}).all()]


def of_call(connection: Connection, call_id: int) -> list[tuple[Kept, bytes | None]]:
    """The lookups of a call in submitted order, with the stored form of their keys."""
    return of_calls(connection, [call_id])[call_id]


def of_calls(connection: Connection, call_ids: Sequence[int]) -> dict[int, list[tuple[Kept, bytes | None]]]:
    """call → its lookups in submitted order, with the stored form of their keys."""
    found: dict[int, list[tuple[Kept, bytes | None]]] = {call_id: [] for call_id in call_ids}
    if found:
        for row in connection.execute(_OF_CALLS, {"b_ids": list(found)}).all():
            found[row.call_id].append((Kept(*row[:-1]), row.key))
    return found


def lost(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[Kept]]:
    """work id → lookups made for it whose charge and answer nobody knows, by whatever key they were made."""
    found: dict[int, list[Kept]] = {}
    if work_ids:
        for row in connection.execute(_LOST, {"b_ids": list(work_ids)}).all():
            found.setdefault(int(row.work_id), []).append(Kept(*row))
    return found


def of_work(connection: Connection, work_id: int) -> list[Kept]:
    """The lookups that were made for a contact."""
    rows = connection.execute(select(*_COLUMNS).where(t.lookup.c.work_id == work_id).order_by(t.lookup.c.id))
    return [Kept(*row) for row in rows]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Kept]:
    """Lookups by their ids."""
    if not ids:
        return []
    return [Kept(*row) for row in connection.execute(select(*_COLUMNS).where(t.lookup.c.id.in_(ids)))]


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert lookups in state `sent`. The table refuses a second purchase of the same key and epoch."""
    return [int(i) for i in connection.execute(_ADD, list(rows)).scalars().all()]


@dataclass(frozen=True, slots=True)
class Result:
    """What is stored of a lookup's outcome: found, not_found, unresolved or refused."""

    lookup_id: int
    outcome: str
    reason: str = ""
    answer: bytes | None = None
    charge: str = ""


def settle(connection: Connection, results: Sequence[Result]) -> int:
    """Store outcomes and forget the keys; how many were not settled already."""
    if not results:
        return 0
    rows = [
        {
            "b_id": r.lookup_id,
            "b_outcome": r.outcome,
            "b_reason": r.reason,
            "b_answer": r.answer,
            "b_charge": r.charge,
        }
        for r in results
    ]
    return int(connection.execute(_SETTLE, rows).rowcount)


def move(connection: Connection, call_id: int, before: Sequence[str], after: str, **values: Any) -> int:
    """Move the lookups of a call that are in one of the states `before`; how many were."""
    return transitions.move(connection, t.lookup, "call_id", [call_id], before, after, values)


def question(operation: str, key_kind: str) -> str:
    """How hits are told apart: by what was asked, and by what kind of key."""
    return f"{operation} {key_kind}"


_OPEN = ("sent", "pending")
_UNDER_WAY = (
    select(func.min(t.lookup.c.id))
    .join(t.provider_call, t.provider_call.c.id == t.lookup.c.call_id)
    .where(
        t.provider_call.c.account == bindparam("b_account"),
        one_of(t.provider_call.c.state, _OPEN),
        one_of(t.lookup.c.state, _OPEN),
    )
)
_earlier = t.lookup.alias("earlier")
_MISSED_BEFORE = exists().where(
    _earlier.c.work_id == t.lookup.c.work_id,
    _earlier.c.id < t.lookup.c.id,
    aside(_earlier.c.account) == t.lookup.c.account,
    aside(_earlier.c.outcome) == "not_found",
)
_LATEST = (
    select(t.lookup.c.id, t.lookup.c.operation, t.lookup.c.key_kind, t.lookup.c.outcome)
    .where(
        t.lookup.c.id > bindparam("b_after"),
        t.lookup.c.id < bindparam("b_before"),
        t.lookup.c.account == bindparam("b_account"),
        among(t.lookup.c.operation, "b_operations"),
        one_of(t.lookup.c.state, ("settled",)),
        one_of(t.lookup.c.outcome, ("found", "not_found")),
        t.lookup.c.epoch == 0,
        ~_MISSED_BEFORE,
    )
    .order_by(t.lookup.c.id.desc())
    .limit(bindparam("b_limit"))
)


def latest(
    connection: Connection, account: str, operations: Sequence[str], limit: int, after: int = 0
) -> list[tuple[int, str, bool]]:
    """(id, question, whether it was a hit) of an account's newest answers to these operations, oldest first.

    Only those that are older than everything under way: a vendor says at once whom it does not know, and takes
    its time for the others. Questions about whom it missed before, by whatever key, are left out: it mostly
    misses them again, and they come together, once the others are through. Only those with a higher id than
    `after`.
    """
    under_way = connection.scalar(_UNDER_WAY, {"b_account": account})
    given = {"b_account": account, "b_operations": operations, "b_limit": limit}
    span = {"b_after": after, "b_before": _BEYOND if under_way is None else int(under_way)}
    rows = connection.execute(_LATEST, given | span).all()
    return [(int(i), question(o, k), outcome == "found") for i, o, k, outcome in reversed(rows)]


def newest(connection: Connection) -> int:
    """The highest id of any lookup, or 0."""
    return int(connection.scalar(select(func.max(t.lookup.c.id))) or 0)


def yields(connection: Connection, since_us: int) -> list[tuple[str, str, str, str, int]]:
    """(account, operation, key kind, outcome, count) of what was settled since."""
    columns = (t.lookup.c.account, t.lookup.c.operation, t.lookup.c.key_kind, t.lookup.c.outcome)
    rows = connection.execute(
        select(*columns, func.count())
        .where(t.lookup.c.state == "settled", t.lookup.c.settled_at >= since_us)
        .group_by(*columns)
    )
    return [(a, o, k, r, int(n)) for a, o, k, r, n in rows]


def answers(connection: Connection, account: str, since_us: int, most: int) -> list[tuple[str, bytes | None]]:
    """(operation, stored answer) of the account's newest lookups that found somebody."""
    rows = connection.execute(
        select(t.lookup.c.operation, t.lookup.c.answer)
        .where(
            t.lookup.c.account == account,
            t.lookup.c.state == "settled",
            t.lookup.c.outcome == "found",
            t.lookup.c.settled_at >= since_us,
        )
        .order_by(t.lookup.c.id.desc())
        .limit(most)
    )
    return [(operation, answer) for operation, answer in rows]
