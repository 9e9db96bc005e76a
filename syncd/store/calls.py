"""Calls to providers: born as sent, moved on only from a state in which that is allowed.

All functions run inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, bindparam, select, update

from syncd.store import tables as t
from syncd.store import transitions
from syncd.store.clauses import among, one_of
from syncd.store.engine import Now
from syncd.store.money import Periods

_ADD = (
    t.provider_call.insert()
    .values(state="sent", lease_until=Now() + bindparam("b_lease", type_=BigInteger), sent_at=Now())
    .returning(t.provider_call.c.id, sort_by_parameter_order=True)
)
_PEND = (
    update(t.provider_call)
    .where(t.provider_call.c.id == bindparam("b_id"), one_of(t.provider_call.c.state, ("sent", "unknown")))
    .values(
        state="pending",
        handle=bindparam("b_handle"),
        poll_at=Now() + bindparam("b_poll", type_=BigInteger),
        deadline_at=Now() + bindparam("b_deadline", type_=BigInteger),
        lease_until=0,
    )
)
_STATES = select(t.provider_call.c.id, t.provider_call.c.state).where(among(t.provider_call.c.id, "b_ids"))


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call that is about to leave. After `lease_us` without an outcome its caller is dead."""

    account: str
    operation: str
    lease_us: int


def add(connection: Connection, owner: str, periods: Periods, calls: Sequence[NewCall]) -> list[int]:
    """Calls in state `sent`: from here on they count as if they had left."""
    rows = [
        {
            "account": call.account,
            "operation": call.operation,
            "run_id": periods.run_id,
            "owner": owner,
            "day": periods.day,
            "month": periods.month,
            "b_lease": call.lease_us,
        }
        for call in calls
    ]
    return [int(i) for i in connection.execute(_ADD, rows).scalars().all()]


def move(
    connection: Connection,
    call_id: int,
    before: Sequence[str],
    after: str,
    later: Mapping[str, int] | None = None,
    **values: object,
) -> bool:
    """Conditional transition of a call; False where it was in none of the states `before`.

    `later` are instants, in microseconds from now.
    """
    return move_all(connection, [call_id], before, after, later, **values) == 1


def move_all(
    connection: Connection,
    call_ids: Sequence[int],
    before: Sequence[str],
    after: str,
    later: Mapping[str, int] | None = None,
    **values: object,
) -> int:
    """Conditional transition of several calls; how many made it."""
    return transitions.move(connection, t.provider_call, "id", call_ids, before, after, values, later)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that a vendor accepted for a call; its next poll and its deadline in microseconds from now."""

    call_id: int
    handle: str
    poll_us: int
    deadline_us: int


def pend(connection: Connection, begun: Sequence[Job]) -> int:
    """Calls and their lookups wait for a job's end; how many calls made that transition."""
    if not begun:
        return 0
    rows = [
        {"b_id": j.call_id, "b_handle": j.handle, "b_poll": j.poll_us, "b_deadline": j.deadline_us}
        for j in begun
    ]
    moved = int(connection.execute(_PEND, rows).rowcount)
    ids = [job.call_id for job in begun]
    transitions.move(connection, t.lookup, "call_id", ids, ("sent", "unknown"), "pending", {})
    return moved


def states(connection: Connection, call_ids: Sequence[int]) -> dict[int, str]:
    """The states of calls."""
    return {int(r.id): str(r.state) for r in connection.execute(_STATES, {"b_ids": list(call_ids)}).all()}
