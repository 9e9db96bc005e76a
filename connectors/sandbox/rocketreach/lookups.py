"""Lookups as jobs of profiles: their statuses over time, what they cost when they complete, who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from connectors.sandbox.agenda import Agenda
from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Dice, Person
from connectors.sandbox.rocketreach.directory import VENDOR, profile_id
from connectors.sandbox.rocketreach.knobs import Knobs

TERMINAL = ("complete", "failed")
Settle = Callable[["Lookup"], bool]
"""Pays for a lookup that completes; whether it could be paid."""


@dataclass(slots=True)
class Order:
    """What one request wants of a profile: pools or data classes to pay for, and data classes to show."""

    items: tuple[str, ...]
    classes: frozenset[str]
    cached: bool
    charge: dict[str, Any]
    told: Callable[[Lookup], None] | None = None


@dataclass(slots=True)
class Lookup:
    """The lookup of one profile by one API. `owed` are items with how often each is still to be paid."""

    person: Person
    universal: bool
    script: tuple[str, ...] = ()
    final: str = ""
    started: float = 0.0
    step_s: float = 0.0
    polls: int = 0
    by_polls: bool = False
    due: float | None = None
    owed: dict[str, int] = field(default_factory=dict)
    bought: set[str] = field(default_factory=set)
    classes: set[str] = field(default_factory=set)
    cached: bool = False
    charge: dict[str, Any] = field(default_factory=dict)
    told: list[Callable[[Lookup], None]] = field(default_factory=list)
    status_at_end: str = ""

    @property
    def done(self) -> bool:
        """Whether the lookup has ended."""
        return bool(self.status_at_end)

    def status(self, now: float) -> str:
        """The status as it stands."""
        if self.done:
            return self.status_at_end
        passed = (
            self.polls if self.by_polls else int((now - self.started) / self.step_s) if self.step_s else 0
        )
        return self.script[max(0, min(passed, len(self.script) - 1))]


class Lookups:
    """Every lookup of the account. Those by time end on time whether or not anybody asks."""

    def __init__(self, seed: int, clock: Clock, settle: Settle) -> None:
        self._seed, self._clock, self._settle = seed, clock, settle
        self._all: dict[tuple[bool, int], Lookup] = {}
        self._agenda = Agenda(clock)

    def find(self, universal: bool, number: int, poll: bool = False) -> Lookup | None:
        """The lookup of a profile by its number; a poll may bring it one status further."""
        lookup = self._all.get((universal, number))
        if lookup and poll and lookup.by_polls and not lookup.done:
            lookup.polls += 1
            if lookup.final and lookup.polls >= len(lookup.script):
                self._finish(lookup)
        return lookup

    def owned(self, universal: bool, person: Person, order: Order) -> bool:
        """Whether everything ordered is bought already, so that the order is free."""
        lookup = self._all.get((universal, profile_id(person)))
        return bool(lookup and lookup.status_at_end == "complete" and set(order.items) <= lookup.bought)

    def start(self, universal: bool, person: Person, order: Order, options: Knobs) -> Lookup:
        """The lookup of a profile, begun, joined while it runs, or complete at once where it is owned."""
        key = universal, profile_id(person)
        lookup = self._all.setdefault(key, Lookup(person, universal))
        for item in order.items:
            if options.recharge_on_relookup or item not in lookup.bought | lookup.owed.keys():
                lookup.owed[item] = lookup.owed.get(item, 0) + 1
        fresh = not lookup.classes >= order.classes
        lookup.classes |= order.classes
        lookup.cached, lookup.charge = order.cached, order.charge
        lookup.told += [order.told] if order.told else []
        if not lookup.script:
            self._run(lookup, options)
        elif lookup.done:
            again = fresh or lookup.status_at_end == "failed" or bool(lookup.owed.keys() - lookup.bought)
            if again:
                self._run(lookup, options)
            else:
                self._finish(lookup)
        return lookup

    def _run(self, lookup: Lookup, options: Knobs) -> None:
        script = self._script(lookup, options)
        ends = next((n for n, status in enumerate(script) if status in TERMINAL), None)
        lookup.final = script[ends] if ends is not None else ""
        lookup.script = tuple(script if ends is None else script[:ends])
        lookup.started, lookup.step_s, lookup.polls = self._clock.time(), options.step_s, 0
        lookup.by_polls, lookup.status_at_end = options.advance == "polls", ""
        if lookup.final and not lookup.script:
            lookup.script = (lookup.final,)
            self._finish(lookup)
            return
        roll = Dice(self._seed, VENDOR, "lookup", lookup.person.index)
        charged = roll("lost") < options.lost and options.lost_charged
        if (lookup.final and not lookup.by_polls) or charged:
            late = options.late_s if roll("late") < options.late else 0.0
            self._wait(lookup, lookup.started + len(lookup.script) * options.step_s + late)

    def _script(self, lookup: Lookup, options: Knobs) -> list[str]:
        number = profile_id(lookup.person)
        roll = Dice(self._seed, VENDOR, "lookup", lookup.person.index)
        script = options.scripts.get(str(number), options.script)
        if str(number) in options.scripts:
            return script
        if roll("lost") < options.lost:
            return ["waiting"]
        if roll("instant") < options.instant:
            script = script[-1:]
        if roll("failed") < options.failed:
            script = ["failed" if status == "complete" else status for status in script]
        return script

    def _wait(self, lookup: Lookup, due: float) -> None:
        lookup.due = due
        self._agenda.at(due, partial(self._ripen, lookup, due))

    def _ripen(self, lookup: Lookup, due: float) -> None:
        """End a lookup, unless it was put off or has ended since."""
        if lookup.due == due and not lookup.done:
            self._finish(lookup)

    def catch_up(self) -> None:
        """End every lookup whose time has come."""
        self._agenda.catch_up()

    def _finish(self, lookup: Lookup) -> None:
        """End a lookup: pay, then tell. One that is lost is paid, if at all, and never ends."""
        lookup.due = None
        lookup.charge = lookup.charge | {"at": self._clock.time()}
        if not lookup.final:
            self._settle(lookup)
            return
        final = lookup.final
        if final == "complete" and not self._settle(lookup):
            final = "failed"
        if final == "failed":
            lookup.owed.clear()
        lookup.status_at_end = final
        told, lookup.told = lookup.told, []
        for tell in told:
            tell(lookup)
