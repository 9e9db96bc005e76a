"""Every contact that changed within a window, past HubSpot's ceiling of 10,000 hits per search.

Three facts rule this module. A search pages by offset over a set that moves: a contact that is changed
again leaves its place, and the next page skips its neighbour. A search runs over an index that lags
behind the store: the stamp in a hit can be newer than the one by which it was found, so it says little
about how far a page has got. And more contacts than any page holds may bear one millisecond.

So no offset is ever used; every request is a fresh first page, and there are three ways on from it:

- It is the whole answer: the window is read.
- It is cut, and holds settled stamps (older than any lag seen in the wild): everything before the newest
  of them, save a few, has been read, and reading goes on there.
- It is cut and fresh: the far end is drawn in until an answer is whole. A millisecond that is still too
  full is drained in the order of ids, which never change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from connectors.hubspot import narrowing
from connectors.hubspot.narrowing import Filter
from connectors.hubspot.records import STAMP
from connectors.hubspot.shape import milliseconds
from syncd.connector import Failure, FailureKind, Scope
from syncd.model import Contact, Page

FIRST_MS = 1_000
"""HubSpot answers a filter on the instant 0 with a server error."""

_SETTLED_AFTER_MS = 3_600_000
_SLACK = 6
"""So many hits at the end of a cut page are not built upon: neighbours are seen to change places."""
_MARGIN = 0.9


@dataclass(frozen=True, slots=True)
class Hits:
    """One search answer. `more` says that it was cut."""

    contacts: Sequence[Contact]
    more: bool

    @property
    def stamps(self) -> list[int]:
        return [milliseconds(c.updated_at) for c in self.contacts if c.updated_at is not None]

    @property
    def ids(self) -> list[int]:
        return [int(c.id) for c in self.contacts if c.id.isascii() and c.id.isdigit()]


@dataclass(frozen=True, slots=True)
class Place:
    """All before the millisecond `at` is read; within it, where `past` is set, all ids up to that one."""

    at: int
    past: int | None = None

    def cursor(self) -> str:
        """The opaque text from which reading resumes."""
        return json.dumps({"at": self.at} if self.past is None else {"at": self.at, "past": self.past})

    @classmethod
    def resumed(cls, cursor: str, first: int, last: int) -> Place:
        """The place that a cursor names.

        Raises:
            ValueError: the text is no cursor of `changed`, or one of another window.
        """
        try:
            found = json.loads(cursor)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not found.keys() <= {"at", "past"}:
            raise ValueError("the cursor is not one of HubSpot's changed contacts")
        at, past = found.get("at"), found.get("past")
        if type(at) is not int or not (past is None or (type(past) is int and past >= 0)):
            raise ValueError("the cursor is not one of HubSpot's changed contacts")
        if not first <= at <= last + 1:
            raise ValueError("the cursor belongs to another window of changes")
        return cls(at, past)


class Window:
    """A walk from `first` to `last`, milliseconds, both inclusive."""

    def __init__(
        self, search: Callable[[Sequence[Filter], str], Hits], extra: Sequence[Filter], first: int, last: int
    ) -> None:
        self._search = search
        self._extra = tuple(extra)
        self._first = first
        self._last = last
        self._settled_until = last - _SETTLED_AFTER_MS
        self._span = last - first

    def pages(self, place: Place) -> Iterator[Page]:
        """The pages from a place on. May repeat contacts; the last page's cursor has nothing after it."""
        while place.at <= self._last:
            contacts, place = (
                self._walk(place.at) if place.past is None else self._drain(place.at, place.past)
            )
            # A stamp before the window is an older copy of the record; one after it is a newer change.
            kept = (c for c in contacts if c.updated_at is None or milliseconds(c.updated_at) >= self._first)
            yield Page(tuple(kept), place.cursor())

    def _walk(self, at: int) -> tuple[Sequence[Contact], Place]:
        end, tries = self._last, 0
        while end >= at:
            hits = self._search((narrowing.between(at, end), *self._extra), STAMP)
            if not hits.more:
                self._span = end - at + 1
                return hits.contacts, Place(end + 1)
            reached = self._settled(at, hits.stamps)
            if reached is not None:
                # The millisecond that was reached may be cut: it is withheld and read again as a whole.
                return [c for c in hits.contacts if not reached <= _stamp(c) <= self._settled_until], Place(
                    reached
                )
            end = self._nearer(at, end, hits.stamps, tries)
            tries += 1
        return (), Place(at, past=0)

    def _settled(self, at: int, stamps: Sequence[int]) -> int | None:
        settled = sorted(s for s in stamps if s <= self._settled_until)
        reached = settled[-_SLACK] if len(settled) >= _SLACK else at
        return reached if reached > at else None

    def _nearer(self, at: int, end: int, stamps: Sequence[int], tries: int) -> int:
        """A nearer end for a window whose answer was cut; before `at` once the window cannot be smaller."""
        if end == at or (stamps and all(s == at for s in stamps)):
            return at - 1
        # Twice what was whole the last time, and at most half of what was not.
        safe = min((at + end) // 2, at + 2 * self._span)
        inside = sorted(s for s in stamps if at < s <= end)
        if not inside:
            return at if at in stamps else safe
        # A stamp is never older than its place in the index, so it may mislead towards later ones only.
        guess = inside[int(len(inside) * (_MARGIN if tries == 0 else 0.5))] - 1
        return guess if tries < 2 else min(guess, safe)

    def _drain(self, at: int, past: int) -> tuple[Sequence[Contact], Place]:
        filters = (narrowing.at(at), narrowing.beyond(past), *self._extra)
        hits = self._search(filters, narrowing.ID)
        if not hits.more:
            return hits.contacts, Place(at + 1)
        ids = sorted(hits.ids)
        reached = ids[-min(_SLACK, len(ids))] if ids else past
        if reached <= past:
            raise Failure(
                FailureKind.CONTRACT, "HubSpot's search does not advance by record id", scope=Scope.OPERATION
            )
        return hits.contacts, Place(at, reached)


def _stamp(contact: Contact) -> int:
    return -1 if contact.updated_at is None else milliseconds(contact.updated_at)
