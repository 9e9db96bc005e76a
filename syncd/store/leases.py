"""Leases of work rows: taken under a fence that rises with each, renewed, and ended with what came of the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)

from syncd.store import tables as t
from syncd.store.clauses import among, one_of
from syncd.store.engine import Now
from syncd.store.work import ENDED, OPEN, Row, many


@lru_cache(8)
def _due(alone: bool, assigned: bool) -> Select[Any]:
    """Rows that are due; `alone` leaves out those whose person is looked up under another row."""
    query = (
        select(t.work.c.id)
        .where(
            among(t.work.c.state, "b_states"),
            among(t.work.c.sync, "b_syncs"),
            t.work.c.not_before <= Now(),
        )
        .order_by(t.work.c.not_before, t.work.c.id)
        .limit(bindparam("b_limit"))
    )
    if alone:
        query = query.where(~_rival(assigned))
    return query.where(t.work.c.run_id == bindparam("b_run")) if assigned else query


def _rival(assigned: bool) -> ColumnElement[bool]:
    mine, other, held = t.identity.alias("mine"), t.identity.alias("other"), t.work.alias("held")
    return exists().where(
        mine.c.work_id == t.work.c.id,
        other.c.digest == mine.c.digest,
        other.c.work_id != t.work.c.id,
        held.c.id == other.c.work_id,
        or_(
            held.c.state == "leased",
            and_(
                one_of(held.c.state, ("ready", "waiting")),
                among(held.c.sync, "b_syncs"),
                held.c.id < t.work.c.id,
                held.c.not_before <= Now(),
                *((held.c.run_id == bindparam("b_run"),) if assigned else ()),
            ),
        ),
    )


_LEASE = (
    update(t.work)
    .where(
        among(t.work.c.id, "b_ids"),
        among(t.work.c.state, "b_before"),
    )
    .values(
        state=bindparam("b_after"),
        owner=bindparam("b_owner"),
        lease_until=Now() + bindparam("b_lease", type_=BigInteger),
        fence=t.work.c.fence + 1,
        run_id=bindparam("b_run"),
    )
)
# A row that keeps its state while it is leased is kept from others by its due time.
_PARK = _LEASE.values(not_before=Now() + bindparam("b_lease", type_=BigInteger))


def claim(
    connection: Connection,
    owner: str,
    states: Sequence[str],
    syncs: Sequence[str],
    limit: int,
    lease_us: int,
    run_id: int,
    assigned: bool = False,
) -> list[Row]:
    """Lease rows that are due, oldest first, to `owner`; the state turns `leased` from ready and waiting.

    Two rows of the same person are never leased at once, so that one look-up serves both. Only rows that
    were `assigned` to the run are, where that is so.
    """
    given = {"b_states": list(states), "b_syncs": list(syncs), "b_limit": limit, "b_run": run_id}
    alone = "leased" not in states and bool(set(states) & {"ready", "waiting"})
    ids = [int(i) for i in connection.scalars(_due(alone, assigned), given).all()]
    if not ids:
        return []
    leased = {"ready": "leased", "waiting": "leased"}
    for after in {leased.get(s, s) for s in states}:
        before = [s for s in states if leased.get(s, s) == after]
        connection.execute(
            _LEASE if after == "leased" else _PARK,
            {"b_ids": ids, "b_before": before, "b_after": after}
            | {"b_owner": owner, "b_lease": lease_us, "b_run": run_id},
        )
    return sorted(many(connection, ids), key=lambda row: row.id)


_OURS = and_(
    t.work.c.id == bindparam("b_id"),
    t.work.c.owner == bindparam("b_owner"),
    t.work.c.fence == bindparam("b_fence"),
)
_HOLD = update(t.work).where(_OURS).values(state=bindparam("b_state"), trace=bindparam("b_trace"))


def hold(connection: Connection, owner: str, state: str, rows: Mapping[int, tuple[int, bytes]]) -> int:
    """Change the state of rows that we go on holding, given as id → (fence, trace); how many were lost."""
    given = [
        {"b_id": i, "b_owner": owner, "b_fence": fence, "b_state": state, "b_trace": trace}
        for i, (fence, trace) in rows.items()
    ]
    return len(rows) - int(connection.execute(_HOLD, given).rowcount) if given else 0


@dataclass(frozen=True, slots=True)
class End:
    """Where a row that we hold goes. None leaves a column as it is."""

    work_id: int
    fence: int
    state: str
    reason: str = ""
    due_us: int = 0
    attempts: int = 0
    trace: bytes | None = None
    record: bytes | None = None
    version: str | None = None
    input_digest: str | None = None


_FINISH = (
    update(t.work)
    .where(_OURS, one_of(t.work.c.state, OPEN))
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        not_before=bindparam("b_due"),
        attempts=bindparam("b_attempts"),
        trace=func.coalesce(bindparam("b_trace", type_=LargeBinary), t.work.c.trace),
        record=func.coalesce(bindparam("b_record", type_=LargeBinary), t.work.c.record),
        version=func.coalesce(bindparam("b_version", type_=Text), t.work.c.version),
        input_digest=func.coalesce(bindparam("b_digest", type_=Text), t.work.c.input_digest),
        owner="",
        lease_until=0,
        moved_at=Now(),
    )
)

_AGAIN = (
    update(t.work)
    .where(among(t.work.c.id, "b_ids"), t.work.c.dirty.is_(True))
    .values(state="ready", reason="", not_before=0, dirty=False, version="", input_digest="")
)


def finish(connection: Connection, owner: str, ends: Sequence[End]) -> list[bool]:
    """Advance rows that we hold; False where a lease was lost and another worker has the row now.

    A row that changed in the CRM meanwhile goes back to `ready` at its end.
    """
    if not ends:
        return []
    rows = [_end_row(owner, end) for end in ends]
    together = connection.begin_nested()
    if connection.execute(_FINISH, rows).rowcount == len(rows):
        together.commit()
        held = [True] * len(rows)
    else:
        together.rollback()
        held = [connection.execute(_FINISH, row).rowcount == 1 for row in rows]
    ended = [e.work_id for e, ours in zip(ends, held, strict=True) if ours and e.state in ENDED]
    if ended:
        connection.execute(_AGAIN, {"b_ids": ended})
    return held


def _end_row(owner: str, end: End) -> dict[str, Any]:
    return {
        "b_id": end.work_id,
        "b_owner": owner,
        "b_fence": end.fence,
        "b_state": end.state,
        "b_reason": end.reason,
        "b_due": end.due_us,
        "b_attempts": end.attempts,
        "b_trace": end.trace,
        "b_record": end.record,
        "b_version": end.version,
        "b_digest": end.input_digest,
    }


_FENCES = select(t.work.c.id, t.work.c.fence).where(
    among(t.work.c.id, "b_ids"), t.work.c.owner == bindparam("b_owner")
)
_EXTEND = (
    update(t.work)
    .where(among(t.work.c.id, "b_ids"), t.work.c.owner == bindparam("b_owner"))
    .values(lease_until=Now() + bindparam("b_lease", type_=BigInteger))
)


def extend(connection: Connection, owner: str, fences: Mapping[int, int], lease_us: int) -> bool:
    """Renew leases by work id and fence; False where one of them was lost, and then none is renewed."""
    given = {"b_ids": list(fences), "b_owner": owner}
    held = {int(r.id): int(r.fence) for r in connection.execute(_FENCES, given).all()}
    if held != dict(fences):
        return False
    return connection.execute(_EXTEND, given | {"b_lease": lease_us}).rowcount == len(fences)


def heartbeat(connection: Connection, owner: str, lease_us: int) -> int:
    """Renew every lease of an owner; how many it holds."""
    return int(
        connection.execute(
            update(t.work).where(t.work.c.owner == owner).values(lease_until=Now() + lease_us)
        ).rowcount
    )


def expire(connection: Connection, grace_us: int, but: Sequence[str] = ()) -> int:
    """Give back what dead workers held: leased rows become ready, writing rows are due at once."""
    late = t.work.c.lease_until < Now() - grace_us
    back = connection.execute(
        update(t.work).where(t.work.c.state == "leased", late).values(state="ready", owner="", lease_until=0)
    )
    due = connection.execute(
        update(t.work)
        .where(t.work.c.state.in_(("enriched", "writing")), t.work.c.owner != "", late)
        .values(owner="", lease_until=0, not_before=0)
    )
    return int(back.rowcount + due.rowcount)


def orphan(connection: Connection, owner: str, alone: bool) -> int:
    """Expire at once what an owner held; where it is alone with the state, what anybody held."""
    held = t.work.c.owner != "" if alone else t.work.c.owner == owner
    return int(connection.execute(update(t.work).where(held).values(lease_until=0)).rowcount)
