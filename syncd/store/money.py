"""Calls, lookups, budgets, pools and the ledger: every transition conditional, every row count checked.

All functions run inside the caller's transaction. Lock order: work, call and lookup, budget, pool.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from syncd.store import tables as t
from syncd.store.clauses import among
from syncd.store.engine import Now


class Lost(Exception):
    """A conditional transition found its row in another state: somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Periods:
    """The periods in which a call is counted, fixed when it is sent."""

    run_id: int
    day: str
    month: str

    def key(self, scope: str) -> str:
        """The period of a budget row of this scope."""
        return {"run": str(self.run_id), "day": self.day, "month": self.month}[scope]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that exists in the books, as far as settling it needs."""

    call_id: int
    account: str
    periods: Periods
    held: Mapping[str, int]
    """Reserved per kind, in millionths."""


def ensure_budget(connection: Connection, account: str, kind: str, scope: str, period: str, cap: int) -> None:
    """The row of one cap in one period exists and holds the configured cap.

    A row that comes late is filled from the ledger, so that a cap that is added in mid-month counts
    what was spent before.
    """
    row = connection.execute(
        select(t.budget.c.id, t.budget.c.cap).where(
            t.budget.c.account == account,
            t.budget.c.kind == kind,
            t.budget.c.scope == scope,
            t.budget.c.period == period,
        )
    ).one_or_none()
    if row is None:
        sums = totals(connection, account, kind, scope, period)
        connection.execute(
            t.budget.insert().values(account=account, kind=kind, scope=scope, period=period, cap=cap, **sums)
        )
    elif row.cap != cap:
        connection.execute(update(t.budget).where(t.budget.c.id == row.id).values(cap=cap))


def totals(connection: Connection, account: str, kind: str, scope: str, period: str) -> dict[str, int]:
    """reserved, spent, unknown as the ledger has them."""
    column = {"run": t.ledger.c.run_id, "day": t.ledger.c.day, "month": t.ledger.c.month}[scope]
    value: object = int(period) if scope == "run" else period
    row = connection.execute(
        select(
            func.coalesce(func.sum(t.ledger.c.reserved), 0).label("reserved"),
            func.coalesce(func.sum(t.ledger.c.spent), 0).label("spent"),
            func.coalesce(func.sum(t.ledger.c.unknown), 0).label("unknown"),
        ).where(t.ledger.c.account == account, t.ledger.c.kind == kind, column == value)
    ).one()
    return {"reserved": int(row.reserved), "spent": int(row.spent), "unknown": int(row.unknown)}


def ensure_pool(connection: Connection, account: str, kind: str, reported: bool, floor: int) -> None:
    """The row for the vendor's own figure of one credit kind exists."""
    found = connection.execute(
        select(t.pool.c.floor, t.pool.c.reported).where(t.pool.c.account == account, t.pool.c.kind == kind)
    ).one_or_none()
    if found is None:
        connection.execute(t.pool.insert().values(account=account, kind=kind, reported=reported, floor=floor))
    elif (found.floor, found.reported) != (floor, reported):
        connection.execute(
            update(t.pool)
            .where(t.pool.c.account == account, t.pool.c.kind == kind)
            .values(floor=floor, reported=reported)
        )


_SCOPES = or_(
    and_(t.budget.c.scope == "run", t.budget.c.period == bindparam("b_run")),
    and_(t.budget.c.scope == "day", t.budget.c.period == bindparam("b_day")),
    and_(t.budget.c.scope == "month", t.budget.c.period == bindparam("b_month")),
)
_OF_BUDGET = and_(
    t.budget.c.account == bindparam("b_account"), t.budget.c.kind == bindparam("b_kind"), _SCOPES
)
_OF_POOL = and_(t.pool.c.account == bindparam("b_account"), t.pool.c.kind == bindparam("b_kind"))
_MOST: BindParameter[int] = bindparam("b_most", type_=BigInteger)
_HOLD_BUDGET = (
    update(t.budget)
    .where(_OF_BUDGET, among(t.budget.c.scope, "b_scopes"))
    .where(t.budget.c.spent + t.budget.c.unknown + t.budget.c.reserved + _MOST <= t.budget.c.cap)
    .values(reserved=t.budget.c.reserved + _MOST)
)
_HOLD_POOL = (
    update(t.pool)
    .where(_OF_POOL)
    .where(
        or_(
            t.pool.c.reported.is_(False),
            t.pool.c.remaining - t.pool.c.spent_since - t.pool.c.reserved - _MOST >= t.pool.c.floor,
        )
    )
    .values(reserved=t.pool.c.reserved + _MOST)
)
_SHIFT_BUDGET = (
    update(t.budget)
    .where(_OF_BUDGET)
    .values(
        reserved=t.budget.c.reserved + bindparam("b_reserved", type_=BigInteger),
        spent=t.budget.c.spent + bindparam("b_spent", type_=BigInteger),
        unknown=t.budget.c.unknown + bindparam("b_unknown", type_=BigInteger),
    )
)
_SHIFT_POOL = (
    update(t.pool)
    .where(_OF_POOL)
    .values(
        reserved=t.pool.c.reserved + bindparam("b_reserved", type_=BigInteger),
        spent_since=t.pool.c.spent_since + bindparam("b_gone", type_=BigInteger),
    )
)
_POST = t.ledger.insert().values(at=Now())
_THESE = among(t.provider_call.c.id, "b_ids")
_CALLS = select(
    t.provider_call.c.id,
    t.provider_call.c.account,
    t.provider_call.c.run_id,
    t.provider_call.c.day,
    t.provider_call.c.month,
).where(_THESE)
_HELD = (
    select(
        t.ledger.c.call_id,
        t.ledger.c.kind,
        func.sum(t.ledger.c.reserved).label("r"),
        func.sum(t.ledger.c.unknown).label("u"),
    )
    .where(among(t.ledger.c.call_id, "b_ids"))
    .group_by(t.ledger.c.call_id, t.ledger.c.kind)
)


def _where(account: str, kind: str, periods: Periods) -> dict[str, object]:
    return {
        "b_account": account,
        "b_kind": kind,
        "b_run": str(periods.run_id),
        "b_day": periods.day,
        "b_month": periods.month,
    }


def hold(
    connection: Connection, account: str, kind: str, periods: Periods, scopes: Collection[str], most: int
) -> bool:
    """Reserve under every cap in force and the vendor's remainder; False where one of them lacks room.

    `scopes` are those whose caps must be in force; a row of another scope, left by another configuration,
    stands for none of them. On False the caller must roll back: some rows may have been raised already.
    """
    given = _where(account, kind, periods) | {"b_most": most}
    if connection.execute(_HOLD_BUDGET, given | {"b_scopes": list(scopes)}).rowcount != len(scopes):
        return False
    return connection.execute(_HOLD_POOL, given).rowcount == 1


@dataclass(frozen=True, slots=True)
class Shift:
    """A movement between reserved, spent and unknown of one call and kind, in millionths."""

    ticket: Ticket
    kind: str
    reason: str
    reserved: int
    spent: int = 0
    unknown: int = 0


def post(connection: Connection, shifts: Sequence[Shift]) -> None:
    """Lines of the ledger; a second one for the same call, kind and reason is refused by the table."""
    rows = [
        {
            "call_id": s.ticket.call_id,
            "account": s.ticket.account,
            "kind": s.kind,
            "run_id": s.ticket.periods.run_id,
            "day": s.ticket.periods.day,
            "month": s.ticket.periods.month,
            "reserved": s.reserved,
            "spent": s.spent,
            "unknown": s.unknown,
            "reason": s.reason,
        }
        for s in shifts
    ]
    if rows:
        connection.execute(_POST, rows)


def shift(connection: Connection, shifts: Sequence[Shift]) -> None:
    """Move amounts: ledger, every cap's row, and the vendor's pool."""
    post(connection, shifts)
    sums: dict[tuple[str, str, Periods], list[int]] = {}
    for s in shifts:
        total = sums.setdefault((s.ticket.account, s.kind, s.ticket.periods), [0, 0, 0, 0])
        # An unknown counts as spent until the next figure is read; resolving it takes nothing back.
        for place, amount in enumerate((s.reserved, s.spent, s.unknown, max(0, s.spent + s.unknown))):
            total[place] += amount
    rows = [
        _where(account, kind, periods)
        | {"b_reserved": reserved, "b_spent": spent, "b_unknown": unknown, "b_gone": gone}
        for (account, kind, periods), (reserved, spent, unknown, gone) in sums.items()
    ]
    if rows:
        connection.execute(_SHIFT_BUDGET, rows)
        connection.execute(_SHIFT_POOL, rows)


Held = dict[str, tuple[int, int]]
"""Per kind what a call still holds: reserved and unknown."""


def held_by(connection: Connection, call_id: int) -> Held:
    """(reserved, unknown) per kind that a call still holds, by the ledger."""
    return held_by_each(connection, [call_id])[call_id]


def held_by_each(connection: Connection, call_ids: Sequence[int]) -> dict[int, Held]:
    """call → kind → (reserved, unknown) that it still holds, by the ledger."""
    found: dict[int, Held] = {call_id: {} for call_id in call_ids}
    if found:
        for row in connection.execute(_HELD, {"b_ids": list(found)}).all():
            found[row.call_id][row.kind] = (int(row.r), int(row.u))
    return found


def ticket_of(connection: Connection, call_id: int) -> Ticket:
    """The ticket of a call that is known only by its id."""
    return tickets_of(connection, [call_id])[0]


def tickets_of(connection: Connection, call_ids: Sequence[int]) -> list[Ticket]:
    """The tickets of calls that are known only by their ids, in the same order."""
    rows = {row.id: row for row in connection.execute(_CALLS, {"b_ids": list(call_ids)}).all()}
    held = held_by_each(connection, call_ids)
    return [
        Ticket(
            call_id,
            (row := rows[call_id]).account,
            Periods(row.run_id, row.day, row.month),
            {kind: reserved for kind, (reserved, _) in held[call_id].items()},
        )
        for call_id in call_ids
    ]


@dataclass(frozen=True, slots=True)
class Room:
    """What may still be spent of one credit kind, in millionths, and which limit is the tightest.

    `now` is the room beside everything reserved, `later` the room once all of that were released. `limit`
    is run, day, month or vendor.
    """

    now: int
    later: int
    limit: str
    cap: int
    used: int
    cap_left: int = 0
    """Room under the configured caps alone."""


_LIMITS = select(t.budget).where(_SCOPES)
_POOLS = select(t.pool).where(t.pool.c.reported.is_(True))


def headroom(connection: Connection, periods: Periods) -> dict[tuple[str, str], Room]:
    """(account, kind) → room. A vendor whose figure is unknown leaves none."""
    given = {"b_run": str(periods.run_id), "b_day": periods.day, "b_month": periods.month}
    found: dict[tuple[str, str], Room] = {}
    for row in connection.execute(_LIMITS, given).all():
        used = row.spent + row.unknown
        left = row.cap - used
        room = Room(left - row.reserved, left, row.scope, row.cap, used, left - row.reserved)
        found[row.account, row.kind] = _tighter(found.get((row.account, row.kind)), room)
    for row in connection.execute(_POOLS).all():
        key = (row.account, row.kind)
        if key in found:
            left = -1 if row.remaining is None else row.remaining - row.spent_since - row.floor
            mine = found[key].cap_left
            room = Room(left - row.reserved, left, "vendor", row.remaining or 0, row.spent_since, mine)
            found[key] = _tighter(found[key], room)
    return found


def _tighter(one: Room | None, other: Room) -> Room:
    if one is None:
        return other
    tight = one if one.later <= other.later else other
    return Room(
        min(one.now, other.now),
        tight.later,
        tight.limit,
        tight.cap,
        tight.used,
        min(one.cap_left, other.cap_left),
    )


def month_left(connection: Connection, month: str) -> dict[tuple[str, str], int]:
    """(account, kind) → what the cap of a month leaves, in millionths; nothing for kinds without such a cap."""
    b = t.budget.c
    rows = connection.execute(
        select(b.account, b.kind, b.cap - b.spent - b.unknown - b.reserved).where(
            b.scope == "month", b.period == month
        )
    )
    return {(account, kind): max(0, int(left)) for account, kind, left in rows}


def drop_budgets(connection: Connection, account: str, kind: str, scope: str, period: str) -> None:
    """Forget a cap that the configuration no longer has; the ledger keeps what was spent."""
    connection.execute(
        delete(t.budget).where(
            t.budget.c.account == account,
            t.budget.c.kind == kind,
            t.budget.c.scope == scope,
            t.budget.c.period == period,
        )
    )
