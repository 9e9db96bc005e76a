"""What the vendors say and what our books add up to. Nothing here moves money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from syncd.store import tables as t
from syncd.store.engine import Now


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment before a vendor is asked for its figure of one kind.

    `contained` is our spend since the last figure that the new one surely contains, `seen` the newest
    observation of then.
    """

    contained: int = 0
    seen: int = 0


def pool_marks(connection: Connection, account: str, lag_us: int) -> dict[str, Mark]:
    """kind → mark; to be taken before the vendor is asked.

    Spend of the last `lag_us` is not taken for contained, because vendors count with a delay.
    """
    recent = dict(
        connection.execute(
            select(t.ledger.c.kind, func.sum(t.ledger.c.spent + t.ledger.c.unknown))
            .where(t.ledger.c.account == account, t.ledger.c.at > Now() - lag_us)
            .group_by(t.ledger.c.kind)
        ).all()
    )
    rows = connection.execute(select(t.pool.c.kind, t.pool.c.spent_since).where(t.pool.c.account == account))
    return {
        row.kind: Mark(
            max(0, int(row.spent_since) - max(0, int(recent.get(row.kind) or 0))),
            _newest(connection, account, row.kind),
        )
        for row in rows.all()
    }


def _newest(connection: Connection, account: str, kind: str) -> int:
    """The id of the newest observation, or 0."""
    o = t.observation.c
    query = select(func.max(o.id)).where(o.account == account, o.kind == kind)
    return int(connection.scalar(query) or 0)


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
    sums = connection.execute(
        select(
            func.coalesce(func.sum(t.ledger.c.spent), 0).label("spent"),
            func.coalesce(func.sum(t.ledger.c.unknown), 0).label("unknown"),
        ).where(t.ledger.c.account == account, t.ledger.c.kind == kind)
    ).one()
    ours = int(sums.spent) + int(sums.unknown)
    drift = 0 if remaining is None else _drift(connection, account, kind, period, ours, remaining)
    # The vendor counts late, and what is in flight may be counted before its answer arrives.
    if -(row.spent_since - mark.contained) - int(sums.unknown) <= drift <= row.reserved:
        drift = 0
    connection.execute(
        t.observation.insert().values(
            account=account,
            kind=kind,
            remaining=remaining,
            plan=plan,
            vendor_period=period,
            our_spent=int(sums.spent),
            our_unknown=int(sums.unknown),
            our_reserved=row.reserved,
            drift=drift,
            at=Now(),
        )
    )
    connection.execute(
        update(t.pool)
        .where(t.pool.c.account == account, t.pool.c.kind == kind)
        .values(
            remaining=remaining,
            plan=plan,
            vendor_period=period,
            fetched_at=Now(),
            spent_since=t.pool.c.spent_since - mark.contained,
        )
    )
    return drift


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


def drifts(connection: Connection) -> dict[tuple[str, str], int]:
    """(account, kind) → the drift that the newest observation found, in millionths."""
    newest = select(func.max(t.observation.c.id)).group_by(t.observation.c.account, t.observation.c.kind)
    rows = connection.execute(select(t.observation).where(t.observation.c.id.in_(newest)))
    return {(r.account, r.kind): int(r.drift) for r in rows}


def burn(connection: Connection, days: int) -> dict[tuple[str, str], int]:
    """(account, kind) → spent and unknown within the last days, in millionths."""
    rows = connection.execute(
        select(t.ledger.c.account, t.ledger.c.kind, func.sum(t.ledger.c.spent + t.ledger.c.unknown))
        .where(t.ledger.c.at > Now() - days * 86_400_000_000)
        .group_by(t.ledger.c.account, t.ledger.c.kind)
    )
    return {(a, k): int(n) for a, k, n in rows}


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
