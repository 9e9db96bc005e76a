"""What the vendors say and what our books add up to. Nothing here moves money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from syncd.store import tables as t
from syncd.store.engine import Now


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment before a vendor is asked for its figure of one kind.

    `contained` is our spend since the last figure that the new one surely contains, `seen` the newest
    observation of then, `line` the newest line of the ledger. `quiet`: nothing of ours was under way, nor
    had been for so long that the vendor has surely counted it.
    """

    contained: int = 0
    seen: int = 0
    line: int = 0
    quiet: bool = False


def pool_marks(
    connection: Connection, account: str, lag_us: int, settle_us: int | None = None
) -> dict[str, Mark]:
    """kind → mark; to be taken before the vendor is asked.

    Spend of the last `lag_us` is not taken for contained, because vendors count with a delay. `settle_us`
    is how long nothing must have moved for the figure to be quiet.
    """
    pools = connection.execute(
        select(t.pool.c.kind, t.pool.c.spent_since, t.pool.c.reserved).where(t.pool.c.account == account)
    ).all()
    recent = _recent(connection, account, lag_us)
    moved = _moved(connection, account, lag_us if settle_us is None else settle_us)
    return {
        row.kind: Mark(
            max(0, int(row.spent_since) - max(0, recent.get(row.kind, 0))),
            _newest(connection, account, row.kind),
            _line(connection, account, row.kind),
            row.reserved == 0 and row.kind not in moved,
        )
        for row in pools
    }


def _recent(connection: Connection, account: str, lag_us: int) -> dict[str, int]:
    rows = connection.execute(
        select(t.ledger.c.kind, func.sum(t.ledger.c.spent + t.ledger.c.unknown))
        .where(t.ledger.c.account == account, t.ledger.c.at > Now() - lag_us)
        .group_by(t.ledger.c.kind)
    )
    return {kind: int(amount or 0) for kind, amount in rows}


def _moved(connection: Connection, account: str, settle_us: int) -> set[str]:
    """The kinds in which a line was booked within the last `settle_us`, or is said to come from the future."""
    near = t.ledger.c.at > Now() - settle_us
    rows = connection.scalars(select(t.ledger.c.kind).where(t.ledger.c.account == account, near).distinct())
    return set(rows)


def _newest(connection: Connection, account: str, kind: str) -> int:
    """The id of the newest observation, or 0."""
    o = t.observation.c
    query = select(func.max(o.id)).where(o.account == account, o.kind == kind)
    return int(connection.scalar(query) or 0)


def _line(connection: Connection, account: str, kind: str) -> int:
    """The id of the newest line of the ledger, or 0."""
    c = t.ledger.c
    return int(connection.scalar(select(func.max(c.id)).where(c.account == account, c.kind == kind)) or 0)


def last_call(connection: Connection) -> int:
    """The number of the newest call that was booked, or 0."""
    return int(connection.scalar(select(func.max(t.provider_call.c.id))) or 0)


def observe(
    connection: Connection, account: str, kind: str, remaining: int | None, plan: str, period: str, mark: Mark
) -> int:
    """Take over the vendor's own figure and return the drift: credits gone since the first figure of the
    vendor's period that we did not spend; negative where fewer are gone.

    What was settled before `mark` was taken is in the figure; everything reserved or settled since stays
    held on top of it, though the figure may contain some of that too: it errs low, never high. A figure
    whose mark is older than the last observation is dropped: what it contains was taken off already.
    """
    if mark.seen != _newest(connection, account, kind):
        return 0
    row = connection.execute(select(t.pool).where(t.pool.c.account == account, t.pool.c.kind == kind)).one()
    (spent, unknown), reserved = booked(connection, account, kind), int(row.reserved)
    raw = 0 if remaining is None else _drift(connection, account, kind, period, spent + unknown, remaining)
    # The vendor counts late, and what is in flight may be counted before its answer arrives.
    late = -(row.spent_since - mark.contained) - unknown <= raw <= reserved
    drift = 0 if late else raw
    quiet = mark.quiet and reserved == 0 and mark.line == _line(connection, account, kind)
    values = {
        "remaining": remaining,
        "plan": plan,
        "vendor_period": period,
        "our_spent": spent,
        "our_unknown": unknown,
        "our_reserved": reserved,
        "drift": drift,
        "quiet": quiet and remaining is not None,
        "last_call": last_call(connection),
    }
    values |= _split(connection, account, kind, values, raw)
    connection.execute(t.observation.insert().values(account=account, kind=kind, at=Now(), **values))
    _take_over(connection, account, kind, values, mark)
    return drift


def booked(connection: Connection, account: str, kind: str) -> tuple[int, int]:
    """(spent, unknown) of all time, in millionths."""
    c = t.ledger.c
    sums = (func.coalesce(func.sum(c.spent), 0), func.coalesce(func.sum(c.unknown), 0))
    row = connection.execute(select(*sums).where(c.account == account, c.kind == kind)).one()
    return int(row[0]), int(row[1])


def _take_over(connection: Connection, account: str, kind: str, seen: Mapping[str, Any], mark: Mark) -> None:
    """The figure is in force, with what it surely contains taken off our spend since."""
    taken = {name: seen[name] for name in ("remaining", "plan", "vendor_period")}
    connection.execute(
        update(t.pool)
        .where(t.pool.c.account == account, t.pool.c.kind == kind)
        .values(fetched_at=Now(), spent_since=t.pool.c.spent_since - mark.contained, **taken)
    )


def _split(
    connection: Connection, account: str, kind: str, now: Mapping[str, Any], raw: int
) -> dict[str, int]:
    """Credits gone in the vendor's period without being ours: by others, or by a price above the declared one.

    They are others' where our books stood still between two figures; else nobody can tell the two apart.
    What a figure is late with is no new loss once it is counted, and what is unknown is not counted at all.
    """
    o = t.observation.c
    before = connection.execute(
        select(t.observation)
        .where(
            o.account == account,
            o.kind == kind,
            o.vendor_period == now["vendor_period"],
            o.remaining.is_not(None),
        )
        .order_by(o.id.desc())
        .limit(1)
    ).one_or_none()
    if before is None:
        return {"others": 0, "overcharged": 0}
    others, over = int(before.others), int(before.overcharged)
    if now["remaining"] is None:
        return {"others": others, "overcharged": over}
    lost = max(0, raw - int(now["our_reserved"]) - others - over)
    same = all(now[name] == getattr(before, name) for name in ("our_spent", "our_unknown", "our_reserved"))
    if same and not now["our_reserved"]:
        others += lost
    else:
        over += lost
    return {"others": others, "overcharged": over}


def correct(connection: Connection, account: str, kind: str, adopted: int) -> None:
    """Keep the newest figure once more, after credits that it showed to be gone were booked as ours.

    The figure holds them already, so they are not taken off it again.
    """
    row = connection.execute(
        select(t.observation).where(t.observation.c.id == _newest(connection, account, kind))
    ).one()
    values = {c.name: getattr(row, c.name) for c in t.observation.c if c.name not in ("id", "at")}
    others = max(0, int(row.others) - adopted)
    rest = adopted - (int(row.others) - others)
    values |= {
        "our_spent": int(row.our_spent) + adopted,
        "drift": int(row.drift) - adopted,
        "others": others,
        "overcharged": max(0, int(row.overcharged) - rest),
        "quiet": False,
        "last_call": last_call(connection),
    }
    connection.execute(t.observation.insert().values(at=Now(), **values))
    connection.execute(
        update(t.pool)
        .where(t.pool.c.account == account, t.pool.c.kind == kind)
        .values(spent_since=t.pool.c.spent_since - adopted)
    )


def _drift(connection: Connection, account: str, kind: str, period: str, ours: int, remaining: int) -> int:
    o = t.observation.c
    first = connection.execute(
        select(o.remaining, o.our_spent, o.our_unknown)
        .where(o.account == account, o.kind == kind, o.vendor_period == period, o.remaining.is_not(None))
        .order_by(o.id)
        .limit(1)
    ).one_or_none()
    if first is None:
        return 0
    spent = ours - int(first.our_spent) - int(first.our_unknown)
    return int(first.remaining) - spent - remaining


@dataclass(frozen=True, slots=True)
class Pool:
    """The vendor's figure of one credit kind as last read, in millionths."""

    remaining: int | None
    plan: str
    reported: bool
    floor: int
    reserved: int
    spent_since: int
    fetched_us: int | None
    vendor_period: str


def pools(connection: Connection) -> dict[tuple[str, str], Pool]:
    """(account, kind) → the vendor's figure."""
    return {
        (r.account, r.kind): Pool(
            r.remaining,
            r.plan,
            bool(r.reported),
            r.floor,
            r.reserved,
            r.spent_since,
            r.fetched_at,
            r.vendor_period,
        )
        for r in connection.execute(select(t.pool))
    }


def spent_in_run(connection: Connection, run_id: int) -> dict[tuple[str, str], tuple[int, int]]:
    """(account, kind) → (spent, unknown) of a run, in millionths."""
    rows = connection.execute(
        select(t.ledger.c.account, t.ledger.c.kind, func.sum(t.ledger.c.spent), func.sum(t.ledger.c.unknown))
        .where(t.ledger.c.run_id == run_id)
        .group_by(t.ledger.c.account, t.ledger.c.kind)
    )
    return {(a, k): (int(s), int(u)) for a, k, s, u in rows}


def spent_on(connection: Connection, call_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """call id → kind → spent and unknown, in millionths; a call may have served several contacts."""
    found: dict[int, dict[str, int]] = {}
    if call_ids:
        rows = connection.execute(
            select(t.ledger.c.call_id, t.ledger.c.kind, func.sum(t.ledger.c.spent + t.ledger.c.unknown))
            .where(t.ledger.c.call_id.in_(call_ids))
            .group_by(t.ledger.c.call_id, t.ledger.c.kind)
        )
        for call_id, kind, amount in rows:
            found.setdefault(int(call_id), {})[kind] = int(amount)
    return found


@dataclass(frozen=True, slots=True)
class Drift:
    """How the newest figure differs from our books, in millionths: in all, and what is known of it."""

    total: int
    others: int
    """Gone while our books stood still."""
    overcharged: int
    """Gone beyond our books while we bought: a higher price, or others at the same time."""


def drifts(connection: Connection) -> dict[tuple[str, str], Drift]:
    """(account, kind) → the drift that the newest observation found."""
    newest = select(func.max(t.observation.c.id)).group_by(t.observation.c.account, t.observation.c.kind)
    rows = connection.execute(select(t.observation).where(t.observation.c.id.in_(newest)))
    return {(r.account, r.kind): Drift(int(r.drift), int(r.others), int(r.overcharged)) for r in rows}


def burn(connection: Connection, days: int) -> dict[tuple[str, str], int]:
    """(account, kind) → spent and unknown within the last days, in millionths."""
    rows = connection.execute(
        select(t.ledger.c.account, t.ledger.c.kind, func.sum(t.ledger.c.spent + t.ledger.c.unknown))
        .where(t.ledger.c.at > Now() - days * 86_400_000_000)
        .group_by(t.ledger.c.account, t.ledger.c.kind)
    )
    return {(a, k): int(n) for a, k, n in rows}


def counted(connection: Connection, day: str, month: str) -> dict[tuple[str, str, str], dict[str, int]]:
    """(account, kind, scope) → reserved, spent and unknown of the caps of a day and its month that are counted."""
    b = t.budget.c
    these = or_(and_(b.scope == "day", b.period == day), and_(b.scope == "month", b.period == month))
    return {
        (r.account, r.kind, r.scope): {"reserved": r.reserved, "spent": r.spent, "unknown": r.unknown}
        for r in connection.execute(select(t.budget).where(these))
    }


def sums(connection: Connection) -> dict[tuple[str, str], tuple[int, int, int]]:
    """(account, kind) → (reserved, spent, unknown) of all time, in millionths."""
    rows = connection.execute(
        select(
            t.ledger.c.account,
            t.ledger.c.kind,
            func.sum(t.ledger.c.reserved),
            func.sum(t.ledger.c.spent),
            func.sum(t.ledger.c.unknown),
        ).group_by(t.ledger.c.account, t.ledger.c.kind)
    )
    return {(a, k): (int(r), int(s), int(u)) for a, k, r, s, u in rows}
