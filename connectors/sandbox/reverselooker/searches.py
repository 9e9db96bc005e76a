"""Searches and bulks of them: paid at the launch, ended in their time."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from connectors.sandbox.agenda import Agenda
from connectors.sandbox.books import Books, Charge
from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Dice
from connectors.sandbox.reverselooker.knobs import PRICE, Knobs
from connectors.sandbox.reverselooker.profiles import VENDOR, Profiles

Json = dict[str, Any]
MOST = 200_000
ONGOING, FOUND, NOT_FOUND = "ongoing", "found", "not_found"
_SHORT = ("linkedin_url", "full_name", "headline", "company_name", "location")


class OutOfCredits(Exception):
    """The account does not hold what a launch costs."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Who launched, and what for. `key` is the digest of the credential, `at` seconds since the epoch."""

    operation: str
    key: str
    live: bool
    at: float
    custom: object = None
    webhook: str = ""


@dataclass(slots=True)
class Search:
    """The search of one address. `result` is the profile that was found."""

    id: str
    email: str
    launch: Launch
    number: int
    qualification: str = ONGOING
    result: Json | None = None
    short: Json | None = None
    refunded: bool = False
    bulk: Bulk | None = None


@dataclass(slots=True)
class Bulk:
    """Searches launched together."""

    id: str
    launch: Launch
    number: int
    searches: list[Search] = field(default_factory=list)
    updated: float = 0.0
    fails: bool = False
    finished: int = 0

    @property
    def status(self) -> str:
        """ongoing, completed or failed."""
        if self.fails:
            return "failed" if self.finished >= (len(self.searches) + 1) // 2 else "ongoing"
        return "completed" if self.finished == len(self.searches) else "ongoing"


class Searches:
    """Everything that was launched and can still be asked for, the oldest first."""

    def __init__(self, clock: Clock, books: Books, profiles: Profiles) -> None:
        self._clock, self._books, self._profiles = clock, books, profiles
        self._agenda = Agenda(clock)
        self.options = Knobs()
        self.balance = 0
        self.told: Callable[[Search | Bulk], None] = lambda ended: None
        """Is told of each search or bulk that ends."""
        self._singles: OrderedDict[str, Search] = OrderedDict()
        self._bulks: OrderedDict[str, Bulk] = OrderedDict()
        self._count = 0

    def catch_up(self) -> None:
        """End everything whose time has come."""
        self._agenda.catch_up()

    def single(self, address: str, launch: Launch) -> Search:
        """Pay for a search and begin it.

        Raises:
            OutOfCredits: the account does not hold the price.
        """
        self._afford(1, launch)
        return self._begin(address, launch)

    def bulk(self, addresses: list[str], launch: Launch) -> Bulk:
        """Pay for all searches and begin them.

        Raises:
            OutOfCredits: the account does not hold the price of all.
        """
        self._afford(len(addresses), launch)
        name, number = self._name("bulk")
        bulk = self._bulks[name] = Bulk(
            name, launch, number, updated=launch.at, fails=self.options.bulk_fails
        )
        for at, address in enumerate(addresses):
            lost = bulk.fails and at % 2 == 1
            search = self._begin(address, launch, at * self.options.bulk_step_s, lost, bulk)
            bulk.searches.append(search)
        self._forget(self._bulks)
        return bulk

    def find(self, name: str) -> Search | None:
        """The search of that id; those of a bulk too, where the knob has it so."""
        search = self._singles.get(name)
        if search is None or not self._lives(search.launch):
            return None
        return search if search.bulk is None or self.options.bulk_items_by_id else None

    def find_bulk(self, name: str) -> Bulk | None:
        """The bulk of that id."""
        bulk = self._bulks.get(name)
        return bulk if bulk and self._lives(bulk.launch) else None

    def _lives(self, launch: Launch) -> bool:
        return self._clock.time() - launch.at <= self.options.search_ttl_s

    def _forget(self, kept: OrderedDict[str, Any]) -> None:
        """Drop what is too old, or too much."""
        while kept and (len(kept) > MOST or not self._lives(next(iter(kept.values())).launch)):
            kept.popitem(last=False)

    def _afford(self, count: int, launch: Launch) -> None:
        if launch.live and self.balance < count * PRICE:
            raise OutOfCredits

    def _name(self, kind: str) -> tuple[str, int]:
        self._count += 1
        text = f"{VENDOR} {kind} {self._profiles.seed} {self._clock.time()} {self._count}"
        spun = hashlib.blake2b(text.encode(), digest_size=16)
        return str(UUID(bytes=spun.digest(), version=4)), self._count

    def _begin(
        self, address: str, launch: Launch, later_s: float = 0.0, lost: bool = False, bulk: Bulk | None = None
    ) -> Search:
        name, number = self._name("search")
        search = self._singles[name] = Search(name, address, launch, number, bulk=bulk)
        self._pay(search, PRICE)
        after_s = self._after_s(address)
        if after_s is not None and not lost:
            self._agenda.at(launch.at + after_s + later_s, partial(self._end, search))
        self._forget(self._singles)
        return search

    def _pay(self, search: Search, amount: int) -> None:
        """Take credits, or give back where negative; a development key pays nothing."""
        if not search.launch.live:
            return
        person = self._profiles.owner(search.email)
        mark = Dice(search.email).pick("mark", 2**32)
        reference = person.ref if person else f"unknown:{mark:08x}"
        self.balance -= amount
        at, launch = self._clock.time(), search.launch
        self._books.charge(Charge(reference, "credit", Decimal(amount), launch.operation, at, launch.key))

    def _after_s(self, address: str) -> float | None:
        options, roll = self.options, Dice(self._profiles.seed, VENDOR, "search", address)
        if script := options.scripts.get(address):
            after_s: float | None = script.get("after_s", options.after_s)
            return after_s
        if roll("stuck") < options.stuck:
            return None
        return options.slow_s if roll("slow") < options.slow else options.after_s

    def _end(self, search: Search) -> None:
        person = self._profiles.owner(search.email)
        known = self._profiles.known(person) if person else None
        wanted = self.options.scripts.get(search.email, {}).get("qualification", FOUND)
        if known and wanted == FOUND:
            search.qualification = FOUND
            search.result, search.short = self._profiles.full(known), self._profiles.short(known)
        else:
            search.qualification = NOT_FOUND
            if self.options.refund_on_miss and search.launch.live:
                search.refunded = True
                self._pay(search, -PRICE)
        if search.bulk is None:
            self.told(search)
            return
        search.bulk.finished += 1
        search.bulk.updated = self._clock.time()
        if search.bulk.status != ONGOING:
            self.told(search.bulk)

    def price(self, count: int, launch: Launch) -> int:
        """What a launch tells that it costs."""
        return count * PRICE if launch.live or self.options.test_shows_price else 0

    def shown(self, search: Search) -> Json:
        """The answer about a single search."""
        whole: Json = {
            "id": search.id,
            "email": search.email,
            "created_at": written(search.launch.at),
            "qualification": search.qualification,
            "result": search.result,
        }
        if search.refunded and self.options.refund_shown:
            whole["credits_refunded"] = PRICE
        return whole

    def shown_bulk(self, bulk: Bulk) -> Json:
        """The answer about a bulk."""
        none = dict.fromkeys(_SHORT)
        return {
            "id": bulk.id,
            "created_at": written(bulk.launch.at),
            "last_update": written(bulk.updated),
            "number_requested": len(bulk.searches),
            "number_finished": bulk.finished,
            "status": bulk.status,
            "results": [
                {"id": s.id, "email": s.email, "qualification": s.qualification} | none | (s.short or {})
                for s in bulk.searches
            ],
        }


def written(at: float) -> str:
    """An instant as the vendor writes it: seconds, and Z."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
