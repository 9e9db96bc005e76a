"""Rate slots and breakers: one row per credential and bucket, shared by every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, select, update

from syncd.store import tables as t
from syncd.store.engine import MILLION, Now

WAIT_US = 60 * MILLION
"""Longer than any caller waits for a slot: no slot is handed out further ahead than a period and this."""
PAUSE_MOST_US = 2 * 3600 * MILLION
"""The longest pause that is kept; a vendor that asks for more is asked again after it. Whatever lies further
ahead can only come from a clock that was set back, and is not waited for."""


@dataclass(frozen=True, slots=True)
class Slots:
    """Slots taken. The first may be used in `wait_us`, each further one `interval_us` later."""

    count: int
    wait_us: int
    interval_us: int


def ensure(connection: Connection, key: str, interval_us: int) -> None:
    """The row exists and has this interval."""
    found = connection.scalar(select(t.rate.c.interval_us).where(t.rate.c.key == key))
    if found is None:
        connection.execute(t.rate.insert().values(key=key, interval_us=interval_us))
    elif found != interval_us:
        connection.execute(update(t.rate).where(t.rate.c.key == key).values(interval_us=interval_us))


@dataclass(frozen=True, slots=True)
class Want:
    """Up to `count` slots of a bucket whose requests are counted over `period_us`."""

    key: str
    count: int
    period_us: int


_FOUND = select(
    t.rate.c.key,
    t.rate.c.tat,
    t.rate.c.interval_us,
    t.rate.c.paused_until,
    t.rate.c.breaker_until,
    Now().label("now"),
).where(t.rate.c.key.in_(bindparam("b_keys", expanding=True)))
_ADVANCE = (
    update(t.rate)
    .where(
        t.rate.c.key == bindparam("b_key"),
        t.rate.c.tat == bindparam("b_tat"),
        t.rate.c.paused_until == bindparam("b_paused"),
    )
    .values(tat=bindparam("b_after"))
)


def take(connection: Connection, wants: Sequence[Want], horizon_us: int) -> list[Slots]:
    """For each want the slots that fall due within `horizon_us`; none where the next is later or paused.

    A slot is a moment, not a token: unused ones lapse, so nothing is ever sent in a burst. A theoretical
    arrival time further ahead than anybody waits can only come from a clock that was set back; it is cut to
    one whole period.
    """
    rows = {row.key: row for row in connection.execute(_FOUND, {"b_keys": [want.key for want in wants]})}
    return [_take(connection, rows[want.key], want, horizon_us) for want in wants]


def _take(connection: Connection, row: Row[Any], want: Want, horizon_us: int) -> Slots:
    at = int(row.now)
    tat = row.tat if row.tat - at <= want.period_us + WAIT_US else at + want.period_us
    stops = [until for until in (row.paused_until, row.breaker_until) if until - at <= PAUSE_MOST_US]
    first = max(tat, at, *stops)
    fitting = 0 if first - at > horizon_us else 1 + (at + horizon_us - first) // max(1, row.interval_us)
    taken = int(min(want.count, fitting))
    after = first + taken * row.interval_us if taken else tat
    if after != row.tat:
        given = {"b_key": want.key, "b_tat": row.tat, "b_paused": row.paused_until, "b_after": after}
        if connection.execute(_ADVANCE, given).rowcount != 1:
            return Slots(0, row.interval_us, row.interval_us)
    return Slots(taken, first - at, row.interval_us)


def pause(connection: Connection, key: str, wait_us: int) -> None:
    """Nobody sends before the wait is over, `PAUSE_MOST_US` at most; a longer pause that is in force stays."""
    wait_us = min(wait_us, PAUSE_MOST_US)
    held = t.rate.c.paused_until.between(Now() + wait_us, Now() + PAUSE_MOST_US)
    connection.execute(
        update(t.rate)
        .where(t.rate.c.key == key)
        .values(paused_until=case((held, t.rate.c.paused_until), else_=Now() + wait_us))
    )


def failed(connection: Connection, key: str, threshold: int, base_us: int, most_us: int) -> int:
    """Count an outage; from `threshold` in a row on, open the breaker ever longer. Returns the count."""
    connection.execute(update(t.rate).where(t.rate.c.key == key).values(failures=t.rate.c.failures + 1))
    count = int(connection.scalar(select(t.rate.c.failures).where(t.rate.c.key == key)) or 0)
    if count >= threshold:
        wait = min(most_us, base_us * 2 ** min(20, count - threshold))
        connection.execute(update(t.rate).where(t.rate.c.key == key).values(breaker_until=Now() + wait))
    return count


def worked(connection: Connection, key: str) -> int:
    """Close the breaker; returns how many outages it had counted."""
    before = int(connection.scalar(select(t.rate.c.failures).where(t.rate.c.key == key)) or 0)
    if before:
        connection.execute(update(t.rate).where(t.rate.c.key == key).values(failures=0, breaker_until=0))
    return before


def states(connection: Connection) -> list[tuple[str, int, int, int]]:
    """(key, failures, microseconds until a pause ends, until the breaker closes) of every bucket."""
    rows = connection.execute(
        select(
            t.rate.c.key, t.rate.c.failures, t.rate.c.paused_until - Now(), t.rate.c.breaker_until - Now()
        ).order_by(t.rate.c.key)
    )
    return [(key, int(n), _left(p), _left(b)) for key, n, p, b in rows]


def _left(stop_us: int) -> int:
    return int(stop_us) if 0 < stop_us <= PAUSE_MOST_US else 0


def count(connection: Connection) -> int:
    """How many buckets there are."""
    return int(connection.scalar(select(func.count()).select_from(t.rate)) or 0)
