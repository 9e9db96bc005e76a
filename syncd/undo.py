"""Undo: what we wrote is taken back where nobody has changed it since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from syncd.amend import Step
from syncd.plan import equal_text
from syncd.runtime import Runtime
from syncd.store import changes
from syncd.store.changes import Stored

PAGE = 5000


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be taken back; everything that is given must fit. Instants in microseconds."""

    run_id: int | None = None
    work_ids: tuple[int, ...] | None = None
    field: str = ""
    account: str = ""
    since_us: int | None = None
    until_us: int | None = None


def steps(runtime: Runtime, wanted: Selection) -> list[Step]:
    """One step per property of a record: from what the newest change wrote to what stood before the oldest.

    A chain of our own changes is followed only as far as each stood on the one before it.
    """
    by_place: dict[tuple[str, str, str, str], list[Stored]] = {}
    for change in _selected(runtime, wanted):
        place = (change.crm, change.object, change.record_id, change.property)
        by_place.setdefault(place, []).append(change)
    return [_chained(held) for held in by_place.values()]


def _selected(runtime: Runtime, wanted: Selection) -> Iterator[Stored]:
    below = 1 << 62
    while True:
        with runtime.store.read() as connection:
            page = changes.select_for_undo(
                connection,
                wanted.run_id,
                wanted.work_ids,
                wanted.field,
                wanted.account,
                wanted.since_us,
                wanted.until_us,
                below,
                PAGE,
            )
        yield from page
        if len(page) < PAGE:
            return
        below = page[-1].id


def _chained(newest_first: Sequence[Stored]) -> Step:
    newest = newest_first[0]
    target, covers = chain(newest_first)
    return Step(newest, newest.after or "", target, covers)


def chain(newest_first: Sequence[Stored], until: str | None = None) -> tuple[str, tuple[int, ...]]:
    """(what stood before, the changes on top of it), as far as each change stood on the one before it.

    With `until` not further down than to the change before which that value stood.
    """
    target, covers = "", tuple[int, ...]()
    for change in newest_first:
        if covers and not equal_text(change.after or "", target):
            break
        target, covers = change.before or "", (*covers, change.id)
        if until is not None and equal_text(target, until):
            break
    return target, covers
