"""Work rows counted and listed; nobody is kept from them and nothing moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    and_,
    bindparam,
    func,
    literal,
    select,
    union_all,
)

from syncd.store import tables as t
from syncd.store.clauses import among
from syncd.store.engine import Now
from syncd.store.work import OPEN, Row, row_of


def ids_of(connection: Connection, states: Sequence[str], syncs: Sequence[str]) -> list[int]:
    """The ids of all rows in these states."""
    query = select(t.work.c.id).where(t.work.c.state.in_(states), t.work.c.sync.in_(syncs))
    return [int(i) for i in connection.scalars(query.order_by(t.work.c.id))]


def page(
    connection: Connection, states: Sequence[str], syncs: Sequence[str], after: int, limit: int
) -> list[Row]:
    """Rows of these states by id, beyond `after`; nobody is kept from them."""
    query = (
        select(t.work)
        .where(t.work.c.state.in_(states), t.work.c.sync.in_(syncs), t.work.c.id > after)
        .order_by(t.work.c.id)
        .limit(limit)
    )
    return [row_of(r) for r in connection.execute(query)]


def counts(connection: Connection, syncs: Sequence[str] | None = None) -> dict[str, int]:
    """Rows by state; of these syncs, or of all."""
    # Grouped as an index is ordered, which then answers alone; asked for one sync, SQLite reads every row.
    c = t.work.c
    rows = connection.execute(select(c.state, c.sync, func.count()).group_by(c.state, c.sync))
    found: Counter[str] = Counter()
    for state, sync, n in rows:
        found[state] += int(n) if syncs is None or sync in syncs else 0
    return {state: n for state, n in found.items() if n}


def waiting_by_crm(connection: Connection) -> list[tuple[str, str, int, int]]:
    """(CRM, state, count, when the one changed that has been so for the longest) of open rows and dead ones."""
    rows = connection.execute(
        select(t.work.c.crm, t.work.c.state, func.count(), func.min(t.work.c.changed_at))
        .where(t.work.c.state.in_((*OPEN, "dead")))
        .group_by(t.work.c.crm, t.work.c.state)
    )
    return [(crm, state, int(n), int(at)) for crm, state, n, at in rows]


def reasons(connection: Connection, state: str) -> dict[str, int]:
    """Why rows are in a state, and how many for each reason."""
    query = select(t.work.c.reason, func.count()).where(t.work.c.state == state).group_by(t.work.c.reason)
    return {reason: int(n) for reason, n in connection.execute(query)}


def sample(connection: Connection, reason: str) -> str | None:
    """The record id of some contact that ended for this reason."""
    return connection.scalar(
        select(t.work.c.record_id).where(t.work.c.reason == reason).order_by(t.work.c.id).limit(1)
    )


def due(
    connection: Connection, states: Sequence[str], syncs: Sequence[str], run_id: int | None = None
) -> tuple[int, int | None]:
    """How many rows of these states are due, and microseconds until the next one that is not; of all, or of
    those that belong to a run.
    """
    base = and_(t.work.c.state.in_(states), t.work.c.sync.in_(syncs), *_of(run_id))
    now = int(connection.scalar(select(func.count()).where(base, t.work.c.not_before <= Now())) or 0)
    later = connection.scalar(
        select(func.min(t.work.c.not_before) - Now()).where(base, t.work.c.not_before > Now())
    )
    return now, None if later is None else int(later)


def next_due_us(connection: Connection, states: Sequence[str], syncs: Sequence[str]) -> dict[str, int]:
    """Sync → microseconds until its next row of these states is due, 0 or less where one is; without those that
    have none.
    """
    if not syncs:
        return {}
    found: dict[str, int] = {}
    for sync, wait in connection.execute(_next_due(tuple(states), tuple(syncs))):
        if wait is not None:
            found[sync] = min(int(wait), found.get(sync, int(wait)))
    return found


@lru_cache(4)
def _next_due(states: tuple[str, ...], syncs: tuple[str, ...]) -> CompoundSelect[str, int | None]:
    # Each part is one step into the queue's index; grouped, SQLite and PostgreSQL read every row of the states.
    c = t.work.c
    parts = [
        select(literal(sync), func.min(c.not_before) - Now()).where(c.state == state, c.sync == sync)
        for sync in syncs
        for state in states
    ]
    return union_all(*parts)


@lru_cache(2)
def _backlog(of_run: bool) -> Select[Any, Any, Any]:
    query = select(func.count(), func.min(t.work.c.moved_at), Now()).where(
        among(t.work.c.state, "b_states"),
        t.work.c.sync == bindparam("b_sync"),
        t.work.c.not_before <= Now(),
    )
    return query.where(t.work.c.run_id == bindparam("b_run")) if of_run else query


def backlog(
    connection: Connection, states: Sequence[str], sync: str, run_id: int | None = None
) -> tuple[int, int]:
    """Rows of a sync, or of a run for it, that are due in these states, and for how long the oldest has been,
    in microseconds.
    """
    given = {"b_states": list(states), "b_sync": sync} | ({} if run_id is None else {"b_run": run_id})
    count, oldest, now = connection.execute(_backlog(run_id is not None), given).one()
    return int(count), 0 if oldest is None else max(0, int(now) - int(oldest))


def present(connection: Connection, sync: str, left: Sequence[str]) -> int:
    """How many rows of a sync there are, save those that left it for one of these reasons."""
    query = select(func.count()).where(t.work.c.sync == sync, t.work.c.reason.not_in(left))
    return int(connection.scalar(query) or 0)


def _of(run_id: int | None) -> tuple[ColumnElement[bool], ...]:
    return () if run_id is None else (t.work.c.run_id == run_id,)


def outcomes(connection: Connection, run_id: int) -> list[tuple[str, str, int]]:
    """(state, reason, count) of the rows that a run worked on."""
    rows = connection.execute(
        select(t.work.c.state, t.work.c.reason, func.count())
        .where(t.work.c.run_id == run_id)
        .group_by(t.work.c.state, t.work.c.reason)
    )
    return [(state, reason, int(n)) for state, reason, n in rows]
