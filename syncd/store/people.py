"""People: the marks by which one is recognised in several records, and forgetting them for good."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, and_, delete, func, or_, select, update

from syncd.store import tables as t
from syncd.store.clauses import among
from syncd.store.engine import Now
from syncd.store.work import Row, many

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


def set_identity(connection: Connection, digests_by_work: Mapping[int, Iterable[str]]) -> None:
    """Replace the marks by which a person is recognised in other records."""
    ids = list(digests_by_work)
    if not ids:
        return
    connection.execute(_DROP_MARKS, {"b_ids": ids})
    rows = [
        {"work_id": w, "digest": d} for w, digests in digests_by_work.items() for d in sorted(set(digests))
    ]
    if rows:
        connection.execute(_ADD_MARKS, rows)


_MARKS = select(t.identity.c.work_id, t.identity.c.digest).where(among(t.identity.c.work_id, "b_ids"))
_ADD_MARKS = t.identity.insert()
_DROP_MARKS = delete(t.identity).where(among(t.identity.c.work_id, "b_ids"))


def add_identity(connection: Connection, digests_by_work: Mapping[int, Iterable[str]]) -> None:
    """Further marks of persons; those that are known stay."""
    wanted = {(w, d) for w, digests in digests_by_work.items() for d in digests}
    if not wanted:
        return
    held = connection.execute(_MARKS, {"b_ids": sorted({w for w, _ in wanted})})
    missing = wanted - {(int(w), str(d)) for w, d in held}
    if missing:
        connection.execute(_ADD_MARKS, [{"work_id": w, "digest": d} for w, d in sorted(missing)])


_HOLDERS = select(t.identity.c.digest, t.identity.c.work_id).where(among(t.identity.c.digest, "b_digests"))


def holders(connection: Connection, digests: Sequence[str]) -> dict[str, list[Row]]:
    """mark → the rows that bear it."""
    if not digests:
        return {}
    pairs = connection.execute(_HOLDERS, {"b_digests": list(digests)}).all()
    rows = {r.id: r for r in many(connection, sorted({int(w) for _, w in pairs}))}
    found: dict[str, list[Row]] = {}
    for mark, work_id in pairs:
        found.setdefault(mark, []).append(rows[work_id])
    return found


_MINE, _OTHER = t.identity.alias("mine"), t.identity.alias("other")
_SIBLINGS = (
    select(_MINE.c.work_id, _OTHER.c.work_id)
    .join(_OTHER, and_(_OTHER.c.digest == _MINE.c.digest, _OTHER.c.work_id != _MINE.c.work_id))
    .where(among(_MINE.c.work_id, "b_ids"))
    .distinct()
    .limit(2000)
)


def siblings(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[Row]]:
    """work id → rows of what seems to be the same person, in whatever sync or CRM, by shared marks."""
    if not work_ids:
        return {}
    pairs = connection.execute(_SIBLINGS, {"b_ids": list(work_ids)}).all()
    rows = {r.id: r for r in many(connection, sorted({b for _, b in pairs}))}
    found: dict[int, list[Row]] = {}
    for a, b in pairs:
        if b in rows:
            found.setdefault(a, []).append(rows[b])
    return found
