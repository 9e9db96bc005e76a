"""Work rows: one per contact and sync, in exactly one state, handed out under leases and fences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, or_, select, update

from syncd.store import tables as t
from syncd.store.clauses import among, aside
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


_MANY = select(t.work).where(among(t.work.c.id, "b_ids"))


def many(connection: Connection, ids: Sequence[int]) -> list[Row]:
    """Rows by id."""
    return [row_of(r) for r in connection.execute(_MANY, {"b_ids": list(ids)}).all()] if ids else []


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


def touch(connection: Connection, known: Row, version: str, record: bytes | None = None) -> None:
    """A record was seen again and did not change in what is asked by: its version is new.

    So is the record, where one is given, unless the row has moved on or ended since it was known so: whoever did
    that has read a newer one.
    """
    mine = t.work.c.id == known.id
    if record is not None:
        as_known = (
            t.work.c.version == known.version,
            t.work.c.fence == known.fence,
            t.work.c.state.in_(OPEN),
        )
        connection.execute(update(t.work).where(mine, *as_known).values(record=record))
    connection.execute(update(t.work).where(mine).values(version=version, seen_at=Now()))


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


_WAKE = (
    update(t.work).where(among(t.work.c.id, "b_ids"), aside(t.work.c.state) == "waiting").values(not_before=0)
)


def wake(connection: Connection, ids: Sequence[int]) -> None:
    """Make waiting rows due."""
    if ids:
        connection.execute(_WAKE, {"b_ids": list(ids)})


HELD = "has its budgets held by answers under way"
"""How the reason of a contact ends for whom there is money once jobs turn out cheaper than they may."""
_HELD = (
    select(t.work.c.id)
    .where(t.work.c.state == "waiting", t.work.c.not_before > 0, t.work.c.reason == bindparam("b_reason"))
    .order_by(t.work.c.not_before, t.work.c.id)
    .limit(bindparam("b_most", type_=Integer))
)
_WAKE_HELD = update(t.work).where(t.work.c.id.in_(_HELD)).values(not_before=0)


def wake_held(connection: Connection, account: str, most: int) -> None:
    """Answers came that held budgets of an account: as many contacts that waited for those are due."""
    connection.execute(_WAKE_HELD, {"b_reason": f"{account} {HELD}", "b_most": most})


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
