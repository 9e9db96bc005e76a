"""Work rows: one per contact and sync, in exactly one state, handed out under leases and fences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    LargeBinary,
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
from syncd.store.engine import Now

OPEN = ("ready", "leased", "waiting", "enriched", "writing")
ENDED = ("done", "skipped", "no_budget", "review", "dead")


@dataclass(frozen=True, slots=True)
class Row:
    """A contact at work. `record` and `trace` are stored forms the stages understand."""

    id: int
    sync: str
    crm: str
    object: str
    record_id: str
    state: str
    reason: str
    fence: int
    attempts: int
    version: str
    input_digest: str
    record: bytes | None
    trace: bytes | None
    run_id: int
    dirty: bool
    owner: str = ""
    not_before_us: int = 0
    seen_us: int = 0
    changed_us: int = 0


def row_of(found: Any) -> Row:
    return Row(
        found.id,
        found.sync,
        found.crm,
        found.object,
        found.record_id,
        found.state,
        found.reason,
        found.fence,
        found.attempts,
        found.version,
        found.input_digest,
        found.record,
        found.trace,
        found.run_id,
        bool(found.dirty),
        found.owner,
        found.not_before,
        found.seen_at,
        found.changed_at,
    )


def known(connection: Connection, sync: str, record_ids: Sequence[str]) -> dict[str, Row]:
    """The rows of these records, by record id."""
    rows = connection.execute(select(t.work).where(t.work.c.sync == sync, t.work.c.record_id.in_(record_ids)))
    return {row.record_id: row_of(row) for row in rows}


def get(connection: Connection, work_id: int) -> Row | None:
    """One row."""
    found = connection.execute(select(t.work).where(t.work.c.id == work_id)).one_or_none()
    return row_of(found) if found else None


def many(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """Rows by id."""
    return [row_of(r) for r in connection.execute(select(t.work).where(t.work.c.id.in_(ids)))] if ids else []


def find(connection: Connection, crm: str, record_id: str) -> list[Row]:
    """The rows of a record in every sync of a CRM; of every CRM where `crm` is blank."""
    query = select(t.work).where(t.work.c.record_id == record_id).order_by(t.work.c.id)
    return [row_of(r) for r in connection.execute(query.where(t.work.c.crm == crm) if crm else query)]


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """New rows in state `ready`; their ids in the same order."""
    if not rows:
        return []
    made = connection.execute(
        t.work.insert().returning(t.work.c.id, sort_by_parameter_order=True),
        [dict(r, seen_at=r["seen_at"], changed_at=r["changed_at"]) for r in rows],
    )
    return [int(i) for i in made.scalars()]


def touch(connection: Connection, work_id: int, version: str) -> None:
    """A record was seen again and did not change in what matters: only its version is new."""
    connection.execute(update(t.work).where(t.work.c.id == work_id).values(version=version, seen_at=Now()))


def leave(connection: Connection, work_id: int, reason: str) -> None:
    """A record is no concern of the sync any more. A worker that holds it loses its lease."""
    connection.execute(
        update(t.work)
        .where(t.work.c.id == work_id)
        .values(
            state="skipped",
            reason=reason,
            owner="",
            lease_until=0,
            fence=t.work.c.fence + 1,
            not_before=0,
            dirty=False,
            seen_at=Now(),
        )
    )


def again(connection: Connection, work_id: int, **values: Any) -> bool:
    """Put a row that has ended back to `ready`, or mark a busy one so that it comes back at its end.

    Returns whether it is ready now. An enriched row is busy while a writer holds it.
    """
    idle = or_(
        t.work.c.state.in_((*ENDED, "ready")), and_(t.work.c.state == "enriched", t.work.c.owner == "")
    )
    ready = connection.execute(
        update(t.work)
        .where(t.work.c.id == work_id, idle)
        .values(
            state="ready",
            reason="",
            not_before=0,
            attempts=0,
            dirty=False,
            changed_at=Now(),
            seen_at=Now(),
            **values,
        )
    )
    if ready.rowcount == 1:
        return True
    connection.execute(update(t.work).where(t.work.c.id == work_id).values(dirty=True, seen_at=Now()))
    return False


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
    mine, other, held = t.identity.alias("mine"), t.identity.alias("other"), t.work.alias("held")
    rival = exists().where(
        and_(
            mine.c.work_id == t.work.c.id,
            other.c.digest == mine.c.digest,
            other.c.work_id != t.work.c.id,
            held.c.id == other.c.work_id,
            or_(
                held.c.state == "leased",
                and_(
                    held.c.state.in_(("ready", "waiting")),
                    held.c.sync.in_(syncs),
                    held.c.id < t.work.c.id,
                    held.c.not_before <= Now(),
                    *((held.c.run_id == run_id,) if assigned else ()),
                ),
            ),
        )
    )
    query = (
        select(t.work.c.id)
        .where(t.work.c.state.in_(states), t.work.c.sync.in_(syncs), t.work.c.not_before <= Now())
        .order_by(t.work.c.not_before, t.work.c.id)
        .limit(limit)
    )
    if "leased" not in states and set(states) & {"ready", "waiting"}:
        query = query.where(~rival)
    if assigned:
        query = query.where(t.work.c.run_id == run_id)
    ids = list(connection.scalars(query))
    if not ids:
        return []
    leased = {"ready": "leased", "waiting": "leased"}
    for state in {leased.get(s, s) for s in states}:
        connection.execute(
            update(t.work)
            .where(t.work.c.id.in_(ids), t.work.c.state.in_([s for s in states if leased.get(s, s) == state]))
            .values(
                state=state,
                owner=owner,
                lease_until=Now() + lease_us,
                not_before=_parked(state, lease_us),
                fence=t.work.c.fence + 1,
                run_id=run_id,
            )
        )
    return [
        row_of(r)
        for r in connection.execute(select(t.work).where(t.work.c.id.in_(ids)).order_by(t.work.c.id))
    ]


def _parked(state: str, lease_us: int) -> Any:
    """A row that keeps its state while it is leased is kept from others by its due time."""
    return t.work.c.not_before if state == "leased" else Now() + lease_us


_HOLD = (
    update(t.work)
    .where(
        t.work.c.id == bindparam("b_id"),
        t.work.c.owner == bindparam("b_owner"),
        t.work.c.fence == bindparam("b_fence"),
    )
    .values(state=bindparam("b_state"), trace=bindparam("b_trace"))
)


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
    .where(
        t.work.c.id == bindparam("b_id"),
        t.work.c.owner == bindparam("b_owner"),
        t.work.c.fence == bindparam("b_fence"),
        # An IN list cannot be sent with many rows at once.
        or_(*(t.work.c.state == state for state in OPEN)),
    )
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
        connection.execute(
            update(t.work)
            .where(t.work.c.id.in_(ended), t.work.c.dirty.is_(True))
            .values(state="ready", reason="", not_before=0, dirty=False, version="", input_digest="")
        )
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
    t.work.c.id.in_(bindparam("b_ids", expanding=True)), t.work.c.owner == bindparam("b_owner")
)
_EXTEND = (
    update(t.work)
    .where(t.work.c.id.in_(bindparam("b_ids", expanding=True)), t.work.c.owner == bindparam("b_owner"))
    .values(lease_until=Now() + bindparam("b_lease", type_=BigInteger))
)


def extend(connection: Connection, owner: str, fences: Mapping[int, int], lease_us: int) -> bool:
    """Renew leases by work id and fence; False where one of them was lost, and then none is renewed."""
    given = {"b_ids": list(fences), "b_owner": owner}
    held = {int(r.id): int(r.fence) for r in connection.execute(_FENCES, given)}
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


def retry(connection: Connection, work_id: int, states: Sequence[str]) -> bool:
    """Put an ended row back to the start of the line, to be read anew; False where it is in no such state."""
    return (
        connection.execute(
            update(t.work)
            .where(t.work.c.id == work_id, t.work.c.state.in_(states))
            .values(state="ready", reason="", attempts=0, not_before=0)
        ).rowcount
        == 1
    )


def discard(connection: Connection, work_id: int, states: Sequence[str], reason: str) -> bool:
    """Leave a row alone until its record changes; False where it is in no such state."""
    return (
        connection.execute(
            update(t.work)
            .where(t.work.c.id == work_id, t.work.c.state.in_(states))
            .values(state="skipped", reason=reason, not_before=0)
        ).rowcount
        == 1
    )


_NOW = select(Now())


def now_us(connection: Connection) -> int:
    """The database's clock."""
    return int(connection.scalar(_NOW) or 0)


def wake(connection: Connection, ids: Sequence[int]) -> None:
    """Make waiting rows due."""
    if ids:
        connection.execute(
            update(t.work).where(t.work.c.id.in_(ids), t.work.c.state == "waiting").values(not_before=0)
        )


STOPPED = "is stopped"
"""How the reason of a contact ends that waits because an account is halted."""


def wake_stopped(connection: Connection) -> int:
    """Something that was stopped goes on: contacts that waited for it are due; how many."""
    stopped = and_(t.work.c.state == "waiting", t.work.c.reason.endswith(STOPPED))
    return int(connection.execute(update(t.work).where(stopped).values(not_before=0)).rowcount)


def release_budget(connection: Connection, syncs: Sequence[str], run_id: int) -> int:
    """Rows that waited for a budget come back once its period has passed; a run's own cap in a new run."""
    return int(
        connection.execute(
            update(t.work)
            .where(
                t.work.c.state == "no_budget",
                t.work.c.sync.in_(syncs),
                t.work.c.not_before <= Now(),
                t.work.c.run_id != run_id,
            )
            .values(state="ready", reason="")
        ).rowcount
    )
