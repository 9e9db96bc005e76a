"""Forgetting: a person's data leaves the state for good; what was spent and when stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, func, or_, select, update

from syncd.store import tables as t
from syncd.store.engine import Now

FORGOTTEN = "forgotten on request"


def forget(connection: Connection, work_ids: Sequence[int], digests: Iterable[str]) -> dict[str, int]:
    """Blank a person's record, answers and values, and remember the marks that are never looked up again.

    `digests` are the marks of the person beside those that the rows bear. Counts of what was blanked.
    """
    marks = {
        *digests,
        *connection.scalars(select(t.identity.c.digest).where(t.identity.c.work_id.in_(work_ids))),
    }
    known = set(connection.scalars(select(t.tombstone.c.digest).where(t.tombstone.c.digest.in_(marks))))
    fresh = [{"digest": m, "reason": FORGOTTEN} for m in sorted(marks - known)]
    if fresh:
        connection.execute(t.tombstone.insert().values(at=Now()), fresh)
    answers = connection.execute(
        update(t.lookup)
        .where(or_(t.lookup.c.work_id.in_(work_ids), t.lookup.c.key_digest.in_(marks)))
        .values(answer=None, key=None)
    )
    values = connection.execute(
        update(t.change).where(t.change.c.work_id.in_(work_ids)).values(before=None, after=None)
    )
    rows = connection.execute(
        update(t.work)
        .where(t.work.c.id.in_(work_ids))
        .values(
            state="skipped",
            reason=FORGOTTEN,
            record=None,
            trace=None,
            owner="",
            lease_until=0,
            fence=t.work.c.fence + 1,
            not_before=0,
            dirty=False,
        )
    )
    connection.execute(delete(t.identity).where(t.identity.c.work_id.in_(work_ids)))
    return {"contacts": rows.rowcount, "answers": answers.rowcount, "values": values.rowcount}


def forgotten(connection: Connection, digests: Sequence[str]) -> set[str]:
    """Those of the marks that belong to somebody who was forgotten."""
    if not digests:
        return set()
    return set(connection.scalars(select(t.tombstone.c.digest).where(t.tombstone.c.digest.in_(digests))))


def anybody_forgotten(connection: Connection) -> bool:
    """Whether anybody ever was."""
    return bool(connection.scalar(select(func.count()).select_from(t.tombstone)))
