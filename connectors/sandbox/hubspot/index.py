"""The search index: a second, later picture of the contacts, as HubSpot's own search has it."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot.filters import Group, Test, sort_value
from connectors.sandbox.hubspot.store import Contact, Held
from connectors.sandbox.population import Dice

_KEPT_RESULTS = 8
_MANY = 500


@dataclass(frozen=True, slots=True)
class Delay:
    """How late the index is: `lag_s` for each change, `tail_s` for a share `tail` of them.

    With `finer`, half of its modified times lie within a millisecond after the one that is shown.
    """

    lag_s: float
    tail: float
    tail_s: float
    finer: bool


@dataclass(frozen=True, slots=True)
class Disorder:
    """How far results sorted by time may stand out of order, while they are younger than `zone_s`."""

    share: float
    zone_s: float


@dataclass(frozen=True, slots=True)
class Query:
    """A search without its page. `sort` is a property, its type and whether it descends."""

    groups: list[Group]
    text: Test | None
    sort: tuple[str, str, bool] | None


class Index:
    """What search sees. Everything is in milliseconds of the sandbox's clock."""

    def __init__(self, contacts: Iterable[Contact], seed: int, finer: bool) -> None:
        self._dice = random.Random(seed)
        self._seed = seed
        self._docs = {c.id: _picture(c, finer) for c in contacts}
        self._by_modified = sorted((d.modified_ms, d.id) for d in self._docs.values())
        self._late: list[tuple[int, int, Held]] = []
        self._count = 0
        self._results: OrderedDict[object, list[int]] = OrderedDict()

    def note(self, contacts: Iterable[Contact], now_ms: int, delay: Delay) -> None:
        """Hear of records that came or changed; each can be found once its delay has passed."""
        at_once: list[Held] = []
        for contact in contacts:
            slow = delay.tail > 0 and self._dice.random() < delay.tail
            wait_s = delay.tail_s if slow else delay.lag_s
            picture = _picture(contact, delay.finer)
            if wait_s > 0:
                self._count += 1
                heapq.heappush(self._late, (now_ms + int(wait_s * 1000), self._count, picture))
            else:
                at_once.append(picture)
        self._put(at_once)

    def forget(self, number: int) -> None:
        """Take a record out at once: archived ones are never found."""
        doc = self._docs.pop(number, None)
        self._late = [late for late in self._late if late[2].id != number]
        heapq.heapify(self._late)
        self._results.clear()
        if doc:
            del self._by_modified[bisect_left(self._by_modified, (doc.modified_ms, number))]

    def find(self, query: Query, key: object, now_ms: int, disorder: Disorder) -> list[int]:
        """Ids of the records that a query finds, in order. Equal `key`s between two changes are answered once."""
        due: list[Held] = []
        while self._late and self._late[0][0] <= now_ms:
            due.append(heapq.heappop(self._late)[2])
        self._put(due)
        known = self._results.get(key)
        if known is not None:
            return known
        found = [doc for doc in self._candidates(query.groups) if _passes(doc, query)]
        ids = [doc.id for doc in self._ordered(found, query, now_ms, disorder)]
        self._results[key] = ids
        if len(self._results) > _KEPT_RESULTS:
            self._results.popitem(last=False)
        return ids

    def _put(self, docs: list[Held]) -> None:
        """Take newer pictures in; one that is older than what is known is dropped."""
        if not docs:
            return
        many = len(docs) > _MANY
        for doc in docs:
            known = self._docs.get(doc.id)
            if known and known.revision > doc.revision:
                continue
            self._docs[doc.id] = doc
            if not many:
                if known:
                    del self._by_modified[bisect_left(self._by_modified, (known.modified_ms, doc.id))]
                insort(self._by_modified, (doc.modified_ms, doc.id))
        if many:
            self._by_modified = sorted((d.modified_ms, d.id) for d in self._docs.values())
        self._results.clear()

    def _candidates(self, groups: list[Group]) -> Iterator[Held]:
        """The records within the widest span of modified times that the groups leave, or all of them."""
        first = min((g.modified.first for g in groups), default=float("-inf"))
        last = max((g.modified.last for g in groups), default=float("inf"))
        low = bisect_left(self._by_modified, (first, -1))
        high = bisect_right(self._by_modified, (last, float("inf")))
        return (self._docs[number] for _, number in self._by_modified[low:high])

    def _ordered(self, found: list[Held], query: Query, now_ms: int, disorder: Disorder) -> list[Held]:
        """By the sort asked for, without one by creation; ties by id, records without a value last."""
        if query.sort is None:
            return sorted(found, key=lambda doc: (doc.created_ms, doc.id))
        name, kind, down = query.sort
        key = self._key(name, kind, now_ms, disorder)
        with_value = [(value, doc.id, doc) for doc in found if (value := key(doc)) is not None]
        with_value.sort(key=lambda row: row[:2])
        if down:
            with_value.sort(key=lambda row: row[0], reverse=True)
        return [row[2] for row in with_value] + [doc for doc in found if key(doc) is None]

    def _key(self, name: str, kind: str, now_ms: int, disorder: Disorder) -> Callable[[Held], Any]:
        if not disorder.share or name != "lastmodifieddate":
            return lambda doc: sort_value(doc, name, kind)
        fresh = now_ms - disorder.zone_s * 1000

        def shaken(doc: Held) -> float:
            at = doc.modified_ms
            if at < fresh:
                return at
            roll = Dice(self._seed, doc.id, at)
            if roll("moved") >= disorder.share:
                return at
            return max(fresh, at + (roll("by") - 0.5) * 2 * disorder.zone_s * 1000)

        return shaken


def _picture(contact: Contact, finer: bool) -> Held:
    held = Held(contact.id, contact.values, contact.created_ms, contact.modified_ms)
    held.finer_ms = 0.5 if finer and contact.modified_ms % 2 else 0.0
    held.revision = contact.revision
    return held


def _passes(doc: Held, query: Query) -> bool:
    if query.text is not None and not query.text(doc):
        return False
    return not query.groups or any(all(test(doc) for test in group.tests) for group in query.groups)


def delay_of(settings: Mapping[str, Any]) -> Delay:
    """The delay that the knobs ask for."""
    return Delay(settings["lag_s"], settings["lag_tail"], settings["lag_tail_s"], settings["finer_stamps"])


def disorder_of(settings: Mapping[str, Any]) -> Disorder:
    """The disorder that the knobs ask for."""
    return Disorder(settings["disorder"], settings["fresh_zone_s"])
