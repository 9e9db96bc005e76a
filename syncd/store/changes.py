"""Changes: each property that we mean to write, wrote, or could not write, with before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from syncd.store import tables as t
from syncd.store.clauses import among, one_of
from syncd.store.engine import Now

IN_FORCE = ("written", "not_applied")
AMENDMENTS = ("undo", "accept")
"""Runs that carry out a person's order."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One change as it stands."""

    id: int
    work_id: int
    run_id: int
    crm: str
    object: str
    record_id: str
    property: str
    field: str
    before: str | None
    after: str | None
    before_author: str
    account: str
    lookup_id: int | None
    quality: str
    reason: str
    state: str
    code: str
    undoes: int | None
    intended_us: int
    confirmed_us: int | None
    verified_us: int | None


def _stored(r: Any) -> Stored:
    return Stored(
        r.id,
        r.work_id,
        r.run_id,
        r.crm,
        r.object,
        r.record_id,
        r.property,
        r.field,
        r.before,
        r.after,
        r.before_author,
        r.account,
        r.lookup_id,
        r.quality,
        r.reason,
        r.state,
        r.code,
        r.undoes,
        r.intended_at,
        r.confirmed_at,
        r.verified_at,
    )


def intend(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Durable intents, before anything is sent; their ids in the same order."""
    if not rows:
        return []
    made = connection.execute(
        t.change.insert().values(intended_at=Now()).returning(t.change.c.id, sort_by_parameter_order=True),
        list(rows),
    )
    return [int(i) for i in made.scalars()]


def move(connection: Connection, change_id: int, before: Sequence[str], after: str, **values: Any) -> bool:
    """Conditional transition; False where the change was in none of the states `before`."""
    return (
        connection.execute(
            update(t.change)
            .where(t.change.c.id == change_id, t.change.c.state.in_(before))
            .values(state=after, **values)
        ).rowcount
        == 1
    )


def confirm(connection: Connection, change_ids: Sequence[int], verified: bool) -> int:
    """Mark intents as written; how many were."""
    if not change_ids:
        return 0
    values: dict[str, Any] = {"state": "written", "confirmed_at": Now()}
    if verified:
        values["verified_at"] = Now()
    done = connection.execute(
        update(t.change).where(t.change.c.id.in_(change_ids), t.change.c.state == "intended").values(**values)
    )
    return int(done.rowcount)


def open_of(connection: Connection, work_id: int) -> list[Stored]:
    """The intents of a contact that have no outcome yet, but those of a person's orders."""
    by_hand = select(t.run.c.id).where(t.run.c.kind.in_(AMENDMENTS))
    rows = connection.execute(
        select(t.change)
        .where(t.change.c.work_id == work_id, t.change.c.state == "intended")
        .where(t.change.c.run_id.not_in(by_hand))
        .order_by(t.change.c.id)
    )
    return [_stored(r) for r in rows]


_NEWEST = (
    select(func.max(t.change.c.id))
    .where(
        t.change.c.crm == bindparam("b_crm"),
        t.change.c.object == bindparam("b_object"),
        among(t.change.c.record_id, "b_records"),
        one_of(t.change.c.state, ("written", "found")),
    )
    .group_by(t.change.c.record_id, t.change.c.property)
)
_LAST_WRITTEN = select(t.change).where(t.change.c.id.in_(_NEWEST))


def last_written(
    connection: Connection, crm: str, object_name: str, record_ids: Sequence[str]
) -> dict[str, dict[str, Stored]]:
    """record id → property → the newest change that we wrote, or found to be made when it was to be undone."""
    if not record_ids:
        return {}
    given = {"b_crm": crm, "b_object": object_name, "b_records": list(record_ids)}
    found: dict[str, dict[str, Stored]] = {}
    for row in connection.execute(_LAST_WRITTEN, given).all():
        found.setdefault(row.record_id, {})[row.property] = _stored(row)
    return found


def refused(connection: Connection, work_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """work id → property → code of a value that the CRM refused for good."""
    found: dict[int, dict[str, str]] = {}
    rows = connection.execute(
        select(t.change.c.work_id, t.change.c.property, t.change.c.code).where(
            t.change.c.work_id.in_(work_ids), t.change.c.state == "rejected"
        )
    )
    for work_id, name, code in rows:
        found.setdefault(work_id, {})[name] = code
    return found


def give_another_chance(connection: Connection, work_id: int) -> None:
    """Values that the CRM refused may be tried again: the record changed, or somebody asks for it."""
    connection.execute(
        update(t.change)
        .where(t.change.c.work_id == work_id, t.change.c.state == "rejected")
        .values(state="refused")
    )


def of_work(connection: Connection, work_id: int) -> list[Stored]:
    """Everything we meant to write to a contact, oldest first."""
    rows = connection.execute(select(t.change).where(t.change.c.work_id == work_id).order_by(t.change.c.id))
    return [_stored(r) for r in rows]


def unverified(
    connection: Connection, crm: str, object_name: str, record_ids: Sequence[str]
) -> dict[str, list[Stored]]:
    """record id → written changes that no later read has shown yet."""
    found: dict[str, list[Stored]] = {}
    if record_ids:
        rows = connection.execute(
            select(t.change).where(
                t.change.c.crm == crm,
                t.change.c.object == object_name,
                t.change.c.record_id.in_(record_ids),
                t.change.c.state == "written",
                t.change.c.verified_at.is_(None),
            )
        )
        for row in rows:
            found.setdefault(row.record_id, []).append(_stored(row))
    return found


def unverified_records(
    connection: Connection, crm: str, object_name: str, older_than_us: int, limit: int
) -> list[str]:
    """Records with changes that were written longer ago and that no later read has shown."""
    rows = connection.execute(
        select(t.change.c.record_id)
        .where(
            t.change.c.crm == crm,
            t.change.c.object == object_name,
            t.change.c.state == "written",
            t.change.c.verified_at.is_(None),
            t.change.c.confirmed_at < Now() - older_than_us,
        )
        .distinct()
        .limit(limit)
    )
    return [str(r) for r in rows.scalars()]


def verify(connection: Connection, change_ids: Sequence[int]) -> None:
    """Mark changes as seen in the CRM by a later read."""
    if change_ids:
        connection.execute(update(t.change).where(t.change.c.id.in_(change_ids)).values(verified_at=Now()))


def same_value(connection: Connection, run_id: int, name: str, value: str) -> int:
    """How many records this run gave the same value in a property."""
    rows = connection.scalar(
        select(func.count(func.distinct(t.change.c.record_id))).where(
            t.change.c.run_id == run_id,
            t.change.c.property == name,
            t.change.c.after == value,
            t.change.c.state.in_(("intended", "written")),
        )
    )
    return int(rows or 0)


def tally(connection: Connection, run_id: int) -> list[tuple[str, str, bool, int]]:
    """(field, state, whether it replaced a value, count) of a run."""
    replaced = and_(t.change.c.before.is_not(None), t.change.c.before != "")
    rows = connection.execute(
        select(t.change.c.field, t.change.c.state, replaced, func.count())
        .where(t.change.c.run_id == run_id, t.change.c.undoes.is_(None))
        .group_by(t.change.c.field, t.change.c.state, replaced)
    )
    return [(f, s, bool(b), int(n)) for f, s, b, n in rows]


def accept(connection: Connection, change_id: int, run_id: int) -> bool:
    """A proposal becomes the intent of a run; False where it does not wait any more."""
    return move(connection, change_id, ("proposed",), "intended", run_id=run_id, intended_at=Now())


def in_force(connection: Connection, change_ids: Sequence[int]) -> set[int]:
    """Those that stand, and that nobody is taking back at this moment."""
    if not change_ids:
        return set()
    open_undo = t.change.alias("open_undo")
    rows = connection.execute(
        select(t.change.c.id)
        .where(t.change.c.id.in_(change_ids), t.change.c.state.in_(IN_FORCE))
        .where(
            ~select(open_undo.c.id)
            .where(open_undo.c.undoes == t.change.c.id, open_undo.c.state == "intended")
            .exists()
        )
    )
    return {int(i) for i in rows.scalars()}


def unfinished(
    connection: Connection, crm: str, until_us: int | None = None, run_id: int | None = None
) -> list[Stored]:
    """Intents of undos and accepted proposals that have no outcome: those up to an instant, and those of a run."""
    query = (
        select(t.change)
        .join(t.run, t.run.c.id == t.change.c.run_id)
        .where(t.change.c.state == "intended", t.change.c.crm == crm, t.run.c.kind.in_(AMENDMENTS))
    )
    if until_us is not None:
        query = query.where(or_(t.change.c.intended_at <= until_us, t.change.c.run_id == run_id))
    return [_stored(r) for r in connection.execute(query.order_by(t.change.c.id))]


def before_intent(connection: Connection, intent: Stored) -> list[Stored]:
    """What we wrote to the place of an undo and that still stands, from the change that it undoes, newest first."""
    rows = connection.execute(
        select(t.change)
        .where(
            t.change.c.crm == intent.crm,
            t.change.c.object == intent.object,
            t.change.c.record_id == intent.record_id,
            t.change.c.property == intent.property,
            t.change.c.id <= intent.undoes,
            t.change.c.undoes.is_(None),
            t.change.c.state.in_(IN_FORCE),
        )
        .order_by(t.change.c.id.desc())
    )
    return [_stored(r) for r in rows]


def proposed(connection: Connection, syncs: Sequence[str], limit: int) -> list[Stored]:
    """Values that wait for a person's approval, oldest first."""
    rows = connection.execute(
        select(t.change)
        .join(t.work, t.work.c.id == t.change.c.work_id)
        .where(t.change.c.state == "proposed", t.work.c.sync.in_(syncs))
        .order_by(t.change.c.id)
        .limit(limit)
    )
    return [_stored(r) for r in rows]


def supersede(connection: Connection, work_ids: Sequence[int]) -> None:
    """A contact was decided on anew: what was proposed before does not stand any more."""
    connection.execute(
        update(t.change)
        .where(t.change.c.work_id.in_(work_ids), t.change.c.state == "proposed")
        .values(state="refused", code="superseded")
    )


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Stored]:
    """Changes by their ids."""
    rows = connection.execute(select(t.change).where(t.change.c.id.in_(ids)).order_by(t.change.c.id))
    return [_stored(r) for r in rows] if ids else []


def census(connection: Connection) -> list[tuple[str, str, str, str, int]]:
    """(CRM, account, field, state, count) of all changes."""
    c = t.change.c
    rows = connection.execute(
        select(c.crm, c.account, c.field, c.state, func.count()).group_by(c.crm, c.account, c.field, c.state)
    )
    return [(crm, account, field, state, int(n)) for crm, account, field, state, n in rows]


def select_for_undo(
    connection: Connection,
    run_id: int | None,
    work_ids: Sequence[int] | None,
    field: str,
    account: str,
    since_us: int | None,
    until_us: int | None,
    below: int,
    limit: int,
) -> list[Stored]:
    """Written changes in force that fit, newest first, with ids below `below`. Both instants are inclusive."""
    query = select(t.change).where(
        t.change.c.state == "written", t.change.c.undoes.is_(None), t.change.c.id < below
    )
    if since_us is not None:
        query = query.where(t.change.c.confirmed_at >= since_us)
    if until_us is not None:
        query = query.where(t.change.c.confirmed_at <= until_us)
    if run_id is not None:
        query = query.where(t.change.c.run_id == run_id)
    if work_ids is not None:
        query = query.where(t.change.c.work_id.in_(work_ids))
    if field:
        query = query.where(t.change.c.field == field)
    if account:
        query = query.where(t.change.c.account == account)
    return [_stored(r) for r in connection.execute(query.order_by(t.change.c.id.desc()).limit(limit))]
