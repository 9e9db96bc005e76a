"""Lookups: the guard against buying twice, and the answers that are kept and shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, update

from syncd.store import tables as t
from syncd.store.engine import Now

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


def known(connection: Connection, digests: Sequence[str]) -> list[Kept]:
    """Every lookup, by any account, of the keys with these digests, oldest first."""
    if not digests:
        return []
    rows = connection.execute(
        select(t.lookup)
        .where(t.lookup.c.key_digest.in_(digests), t.lookup.c.state.in_(LIVE))
        .order_by(t.lookup.c.id)
    )
    return [_kept(row) for row in rows]


def of_call(connection: Connection, call_id: int) -> list[tuple[Kept, bytes | None]]:
    """The lookups of a call in submitted order, with the stored form of their keys."""
    rows = connection.execute(
        select(t.lookup).where(t.lookup.c.call_id == call_id).order_by(t.lookup.c.position)
    )
    return [(_kept(row), row.key) for row in rows]


def of_work(connection: Connection, work_id: int) -> list[Kept]:
    """The lookups that were made for a contact."""
    rows = connection.execute(select(t.lookup).where(t.lookup.c.work_id == work_id).order_by(t.lookup.c.id))
    return [_kept(row) for row in rows]


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Kept]:
    """Lookups by their ids."""
    if not ids:
        return []
    return [_kept(row) for row in connection.execute(select(t.lookup).where(t.lookup.c.id.in_(ids)))]


def _kept(row: Any) -> Kept:
    return Kept(
        row.id,
        row.call_id,
        row.account,
        row.operation,
        row.key_kind,
        row.key_digest,
        row.epoch,
        row.state,
        row.outcome,
        row.reason,
        row.answer,
        row.charge,
        row.work_id,
        row.sent_at,
        row.settled_at,
    )


def next_epoch(connection: Connection, account: str, operation: str, digest: str) -> int:
    """The epoch in which this key may be bought: one after the newest that was not released."""
    newest = connection.scalar(
        select(func.max(t.lookup.c.epoch)).where(
            t.lookup.c.account == account,
            t.lookup.c.operation == operation,
            t.lookup.c.key_digest == digest,
            t.lookup.c.state != "released",
        )
    )
    return 0 if newest is None else int(newest) + 1


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert lookups in state `sent`. The table refuses a second purchase of the same key and epoch."""
    found = [
        connection.execute(
            t.lookup.insert().values(**row, state="sent", sent_at=Now()).returning(t.lookup.c.id)
        )
        for row in rows
    ]
    return [int(result.scalar_one()) for result in found]


def settle(connection: Connection, lookup_id: int, **values: Any) -> bool:
    """Store an outcome; False where the lookup was settled already."""
    return (
        connection.execute(
            update(t.lookup)
            .where(t.lookup.c.id == lookup_id, t.lookup.c.state.in_(("sent", "pending", "unknown")))
            .values(state="settled", settled_at=Now(), **values)
        ).rowcount
        == 1
    )


def move(connection: Connection, call_id: int, before: Sequence[str], after: str, **values: Any) -> int:
    """Move the lookups of a call that are in one of the states `before`; how many were."""
    return int(
        connection.execute(
            update(t.lookup)
            .where(t.lookup.c.call_id == call_id, t.lookup.c.state.in_(before))
            .values(state=after, **values)
        ).rowcount
    )


def yields(connection: Connection, since_us: int) -> list[tuple[str, str, str, int]]:
    """(account, operation, outcome, count) of what was settled since; the planner's measured rates."""
    rows = connection.execute(
        select(t.lookup.c.account, t.lookup.c.operation, t.lookup.c.outcome, func.count())
        .where(t.lookup.c.state == "settled", t.lookup.c.settled_at >= since_us)
        .group_by(t.lookup.c.account, t.lookup.c.operation, t.lookup.c.outcome)
    )
    return [(a, o, r, int(n)) for a, o, r, n in rows]
