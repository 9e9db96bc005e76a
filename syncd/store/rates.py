"""Rate slots and breakers: one row per credential and bucket, shared by every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, case, func, select, update

from syncd.store import tables as t
from syncd.store.clauses import among
from syncd.store.engine import MILLION, Now

WAIT_US = 60 * MILLION
"""Longer than any caller waits for a slot: no slot is handed out further ahead than a period and this."""
BREAK_MOST_US = 600 * MILLION
"""The longest time for which a breaker opens."""


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
class Demand:
    """Up to `count` slots of a bucket whose requests are counted over `period_us`."""

    key: str
    count: int
    period_us: int


_PAUSED = t.rate.c.paused_until - case((t.rate.c.paused_at > Now(), t.rate.c.paused_at), else_=Now())
"""How long a pause still lasts. One that began later than now began before the clock was set back: how much of it
has passed nobody knows, so all of it is left."""
_SHUT = case(
    (t.rate.c.breaker_until - Now() > BREAK_MOST_US, BREAK_MOST_US), else_=t.rate.c.breaker_until - Now()
)
"""How long the breaker stays open."""
_FOUND = select(
    t.rate,
    _PAUSED.label("paused"),
    _SHUT.label("shut"),
    Now().label("now"),
).where(among(t.rate.c.key, "b_keys"))
_ADVANCE = (
    update(t.rate)
    .where(
        t.rate.c.key == bindparam("b_key"),
        t.rate.c.tat == bindparam("b_tat"),
        t.rate.c.paused_at == bindparam("b_began"),
        t.rate.c.paused_until == bindparam("b_until"),
        t.rate.c.breaker_until == bindparam("b_shut"),
    )
    .values(
        tat=bindparam("b_tat_then"),
        paused_at=bindparam("b_began_then"),
        paused_until=bindparam("b_until_then"),
        breaker_until=bindparam("b_shut_then"),
    )
)


def take(connection: Connection, demands: Sequence[Demand], horizon_us: int) -> list[Slots]:
    """For each demand the slots that fall due within `horizon_us`; none where the next is later or paused.

    A slot is a moment, not a token: unused ones lapse, so nothing is ever sent in a burst. Moments further
    ahead than there can be any come from a clock that was set back, and are stored anew: an arrival time one
    whole period ahead, a pause as long as it was, a breaker as long as the longest.
    """
    rows = {
        row.key: row for row in connection.execute(_FOUND, {"b_keys": [demand.key for demand in demands]})
    }
    return [_take(connection, rows[demand.key], demand, horizon_us) for demand in demands]


def _take(connection: Connection, row: Row[Any], demand: Demand, horizon_us: int) -> Slots:
    at = int(row.now)
    tat = row.tat if row.tat - at <= demand.period_us + WAIT_US else at + demand.period_us
    first = max(tat, at, at + row.paused, at + row.shut)
    fitting = 0 if first - at > horizon_us else 1 + (at + horizon_us - first) // max(1, row.interval_us)
    taken = int(min(demand.count, fitting))
    after = first + taken * row.interval_us if taken else tat
    if not _stored(connection, row, after):
        return Slots(0, row.interval_us, row.interval_us)
    return Slots(taken, first - at, row.interval_us)


def _stored(connection: Connection, row: Row[Any], after: int) -> bool:
    """Whether the row is as it has to be from now on; False where another worker was faster."""
    held = (row.tat, row.paused_at, row.paused_until, row.breaker_until)
    then = (after, *_stops(row))
    if then == held:
        return True
    given = zip(("b_tat", "b_began", "b_until", "b_shut"), held, strict=True)
    fresh = zip(("b_tat_then", "b_began_then", "b_until_then", "b_shut_then"), then, strict=True)
    return connection.execute(_ADVANCE, {"b_key": row.key, **dict(given), **dict(fresh)}).rowcount == 1


def _stops(row: Row[Any]) -> tuple[int, int, int]:
    """Beginning and end of the pause and end of the breaker, as they are to be stored.

    What is over is forgotten, so that no clock brings it back.
    """
    now = int(row.now)
    began, until = (now, now + row.paused) if row.paused_at > now else (row.paused_at, row.paused_until)
    shut = min(row.breaker_until, now + BREAK_MOST_US) if row.shut > 0 else 0
    return (began, until, shut) if row.paused > 0 else (0, 0, shut)


def pause(connection: Connection, key: str, wait_us: int) -> None:
    """Nobody sends before the wait is over; a longer pause that is in force stays."""
    connection.execute(
        update(t.rate)
        .where(t.rate.c.key == key, wait_us > _PAUSED)
        .values(paused_at=Now(), paused_until=Now() + wait_us)
    )


def failed(connection: Connection, key: str, threshold: int, base_us: int) -> int:
    """Count an outage; from `threshold` in a row on, open the breaker ever longer. Returns the count."""
    connection.execute(update(t.rate).where(t.rate.c.key == key).values(failures=t.rate.c.failures + 1))
    count = int(connection.scalar(select(t.rate.c.failures).where(t.rate.c.key == key)) or 0)
    if count >= threshold:
        wait = min(BREAK_MOST_US, base_us * 2 ** min(20, count - threshold))
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
    found = select(t.rate.c.key, t.rate.c.failures, _PAUSED, _SHUT).order_by(t.rate.c.key)
    return [(key, int(n), max(0, int(p)), max(0, int(s))) for key, n, p, s in connection.execute(found)]


def count(connection: Connection) -> int:
    """How many buckets there are."""
    return int(connection.scalar(select(func.count()).select_from(t.rate)) or 0)
