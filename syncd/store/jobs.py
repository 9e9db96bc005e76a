"""Calls that wait for a job's end, and calls whose caller died."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, bindparam, func, or_, select, update

from syncd.store import tables as t
from syncd.store import transitions
from syncd.store.clauses import among, aside
from syncd.store.engine import Now

_OWN = select(t.lookup.c.work_id).where(among(t.lookup.c.call_id, "b_ids"), t.lookup.c.work_id.is_not(None))
_MINE, _OTHER = t.identity.alias("mine"), t.identity.alias("other")
_TWINS = (
    select(_OTHER.c.work_id).join(_MINE, _MINE.c.digest == _OTHER.c.digest).where(_MINE.c.work_id.in_(_OWN))
)
_NEXT_POLLS = (
    select(t.lookup.c.id, t.provider_call.c.poll_at - Now())
    .join(t.provider_call, t.provider_call.c.id == t.lookup.c.call_id)
    .where(among(t.lookup.c.id, "b_ids"), aside(t.provider_call.c.state) == "pending")
)
_NEXT_DUE = select(func.min(t.provider_call.c.poll_at) - Now()).where(t.provider_call.c.state == "pending")


@dataclass(frozen=True, slots=True)
class Due:
    """A job to ask for."""

    call_id: int
    account: str
    operation: str
    handle: str
    polls: int
    overdue: bool


_DUE = (
    select(
        t.provider_call.c.id,
        t.provider_call.c.account,
        t.provider_call.c.operation,
        t.provider_call.c.handle,
        t.provider_call.c.polls,
        (t.provider_call.c.deadline_at < Now()).label("overdue"),
    )
    .where(
        t.provider_call.c.state == "pending",
        t.provider_call.c.poll_at <= Now(),
        or_(t.provider_call.c.lease_until < Now(), t.provider_call.c.owner == bindparam("b_owner")),
    )
    .order_by(t.provider_call.c.poll_at)
    .limit(bindparam("b_limit"))
    .with_for_update(skip_locked=True)
)
_ASK = (
    update(t.provider_call)
    .where(among(t.provider_call.c.id, "b_ids"))
    .values(
        owner=bindparam("b_owner"),
        lease_until=Now() + bindparam("b_lease", type_=BigInteger),
        polls=t.provider_call.c.polls + 1,
    )
)


def claim_due(connection: Connection, owner: str, limit: int, lease_us: int) -> list[Due]:
    """Jobs that are due, leased to `owner` so that no two workers ask for the same."""
    rows = connection.execute(_DUE, {"b_owner": owner, "b_limit": limit}).all()
    if rows:
        given = {"b_ids": [r.id for r in rows], "b_owner": owner, "b_lease": lease_us}
        connection.execute(_ASK, given)
    return [Due(r.id, r.account, r.operation, r.handle or "", r.polls, bool(r.overdue)) for r in rows]


def postpone(connection: Connection, call_id: int, wait_us: int) -> None:
    """Ask again later."""
    later = {"poll_at": wait_us}
    transitions.move(
        connection, t.provider_call, "id", [call_id], ("pending",), "pending", {"lease_until": 0}, later
    )


def hurry(connection: Connection, account: str, handles: Sequence[str]) -> int:
    """A callback said that these jobs have ended: ask now. How many are waited for."""
    done = connection.execute(
        update(t.provider_call)
        .where(
            t.provider_call.c.account == account,
            t.provider_call.c.handle.in_(handles),
            t.provider_call.c.state == "pending",
        )
        .values(poll_at=Now(), lease_until=0)
    )
    return int(done.rowcount)


def launched(connection: Connection, account: str, handles: Sequence[str]) -> bool:
    """Whether any of these jobs is one of ours, ended or not."""
    c = t.provider_call.c
    query = select(c.id).where(c.account == account, c.handle.in_(handles)).limit(1)
    return connection.scalar(query) is not None


def waiting_for(connection: Connection, call_ids: Sequence[int]) -> list[int]:
    """Work rows that wait for these calls: those they were made for, and those of the same person."""
    given = {"b_ids": list(call_ids)}
    own, twins = connection.scalars(_OWN, given), connection.scalars(_TWINS, given)
    return sorted({int(i) for i in own} | {int(i) for i in twins})


LOST = "an answer was lost after it was paid for"
"""The reason of a contact that waits for a person because nobody knows what became of a lookup."""


def reopen(connection: Connection, call_ids: Sequence[int]) -> int:
    """What is known of these calls has changed: contacts that waited for it are due; how many."""
    w = t.work.c
    lost = update(t.work).where(
        w.id.in_(waiting_for(connection, call_ids)), w.state == "review", w.reason == LOST
    )
    return int(connection.execute(lost.values(state="ready", reason="", attempts=0, not_before=0)).rowcount)


def next_due_us(connection: Connection) -> int | None:
    """Microseconds until the next job is to be asked for; None where none is pending."""
    at = connection.scalar(_NEXT_DUE)
    return None if at is None else max(0, int(at))


def next_poll_us(connection: Connection, lookup_ids: Sequence[int]) -> dict[int, int]:
    """Lookup → microseconds until its job is asked for next; only those that wait for a job."""
    if not lookup_ids:
        return {}
    rows = connection.execute(_NEXT_POLLS, {"b_ids": list(lookup_ids)})
    return {int(i): max(0, int(wait)) for i, wait in rows}


def pending(connection: Connection) -> list[tuple[str, int, int]]:
    """(account, jobs pending, when the oldest was launched) per account."""
    c = t.provider_call.c
    rows = connection.execute(
        select(c.account, func.count(), func.min(c.sent_at)).where(c.state == "pending").group_by(c.account)
    )
    return [(a, int(n), int(at)) for a, n, at in rows]


def abandoned(connection: Connection, alive: str = "") -> list[tuple[int, str, str]]:
    """(call id, account, operation) of calls in `sent` whose caller is dead.

    A call whose lease ran out has no caller any more, whoever that was. With `alive` every other owner is
    dead too: only for a state that one process at a time can hold.
    """
    c = t.provider_call.c
    late = c.lease_until < Now()
    dead = or_(late, c.owner != alive) if alive else late
    return [
        (int(r.id), r.account, r.operation)
        for r in connection.execute(select(c.id, c.account, c.operation).where(c.state == "sent", dead))
    ]


@dataclass(frozen=True, slots=True)
class Lost:
    """A call of which nobody knows whether it was charged. Amounts in millionths, instants in microseconds."""

    call_id: int
    account: str
    operation: str
    sent_us: int
    reason: str
    handle: str
    repeated: bool
    worth: Mapping[str, int]
    contacts: tuple[int, ...]


def lost(connection: Connection, account: str = "") -> list[Lost]:
    """Every such call, oldest first, with what it holds and whom it was made for."""
    c, held, asked = t.provider_call.c, t.ledger.c, t.lookup.c
    query = select(t.provider_call).where(c.state == "unknown").order_by(c.id)
    calls = connection.execute(query.where(c.account == account) if account else query).all()
    ids = select(c.id).where(c.state == "unknown")
    worth: dict[int, dict[str, int]] = {}
    sums = select(held.call_id, held.kind, func.sum(held.unknown)).where(held.call_id.in_(ids))
    for call_id, kind, amount in connection.execute(sums.group_by(held.call_id, held.kind)):
        if amount:
            worth.setdefault(int(call_id), {})[kind] = int(amount)
    whose: dict[int, set[int]] = {}
    made = select(asked.call_id, asked.work_id).where(asked.call_id.in_(ids), asked.work_id.is_not(None))
    for call_id, work_id in connection.execute(made):
        whose.setdefault(int(call_id), set()).add(int(work_id))
    return [
        Lost(
            r.id,
            r.account,
            r.operation,
            r.sent_at,
            r.reason,
            r.handle or "",
            r.repeated_at is not None,
            worth.get(r.id, {}),
            tuple(sorted(whose.get(r.id, ()))),
        )
        for r in calls
    ]


def repeat(connection: Connection, call_id: int, within_us: int) -> bool:
    """Take the one repeat that a lost call may have; False where it was taken or is too late for it."""
    c = t.provider_call.c
    taken = update(t.provider_call).where(
        c.id == call_id, c.state == "unknown", c.repeated_at.is_(None), c.sent_at > Now() - within_us
    )
    return int(connection.execute(taken.values(repeated_at=Now())).rowcount) == 1


def unresolved(connection: Connection, account: str = "") -> list[tuple[int, str, str, int, str]]:
    """(call id, account, operation, sent at, reason) of calls whose charge nobody knows, oldest first."""
    c = t.provider_call.c
    query = (
        select(c.id, c.account, c.operation, c.sent_at, c.reason).where(c.state == "unknown").order_by(c.id)
    )
    rows = connection.execute(query.where(c.account == account) if account else query)
    return [(int(r.id), r.account, r.operation, int(r.sent_at), r.reason) for r in rows]
