"""Courses: how asking about one contact may go, in imagined worlds. Pure: nobody is asked.

In the costly world every vendor knows the person and none holds a value, in the blank one nobody knows
anybody, and in a drawn one dice decide by the rates that purchases are planned with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Protocol

from syncd.connector import On, Operation
from syncd.model import (
    EMAIL_FIELDS,
    Candidate,
    Field,
    Key,
    KeyKind,
    Level,
    Value,
    Verdict,
)
from syncd.plan import Need
from syncd.purchase import VERIFIES, hit, knows, learns, serves
from syncd.waterfall import Ask, Asked, Stop, Vendor, Wait, step

STEPS = 40
"""Questions after which a course ends."""
_SURE = Verdict(Level.STRONG)
_LINKS = EMAIL_FIELDS | {Field.LINKEDIN_URL, Field.COMPANY_DOMAIN}
"""Fields by whose values further questions can be put."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an imagined vendor says, and what it takes for it."""

    found: bool
    held: frozenset[Field] = frozenset()
    """The fields that the answer holds; of a free check, those that the vendor has."""
    charge: Mapping[str, Decimal] = field(default_factory=dict)
    silent: bool = False
    """The person is known and nothing else is told: not even what the vendor has not."""


class World(Protocol):
    """Answers every question of one contact."""

    def answer(self, vendor: Vendor, operation: Operation, key: Key) -> Told:
        """What comes back."""
        ...


class Costly:
    """Everybody is known, nothing is held, and every answer costs the most that it can."""

    def answer(self, vendor: Vendor, operation: Operation, key: Key) -> Told:
        return Told(True, charge=operation.max_charge, silent=True)


class Blank:
    """Nobody is known: only what is charged for the asking itself falls due."""

    def answer(self, vendor: Vendor, operation: Operation, key: Key) -> Told:
        return Told(False, charge=_due(operation, found=False, held=frozenset()))


class Drawn:
    """Dice decide, once for each vendor and key, and once for each vendor and field."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._known: dict[tuple[str, KeyKind], bool] = {}
        self._has: dict[tuple[str, Field], bool] = {}

    def answer(self, vendor: Vendor, operation: Operation, key: Key) -> Told:
        if not self._knows(vendor, operation, key):
            return Told(False, charge=_due(operation, found=False, held=frozenset()))
        market = vendor.market({}, {})
        fields = operation.gates or frozenset(operation.returns)
        held = {f for f in sorted(fields) if self._holds(vendor.account, f, hit(market, operation, f))}
        if not operation.gates:
            held |= {f for f in sorted(operation.verifies) if self._dice.random() < VERIFIES}
        return Told(True, frozenset(held), _due(operation, True, frozenset(held)))

    def _knows(self, vendor: Vendor, operation: Operation, key: Key) -> bool:
        """By the share that was measured, else presumed; a key of this vendor's own is one that it knows."""
        if key.get("by") == vendor.account:
            return True
        at = (vendor.account, key.kind)
        if at not in self._known:
            chance = vendor.known.get((operation.name, key.kind), knows(key.kind))
            self._known[at] = self._dice.random() < chance
        return self._known[at]

    def _holds(self, account: str, wanted: Field, chance: float) -> bool:
        at = (account, wanted)
        if at not in self._has:
            self._has[at] = self._dice.random() < chance
        return self._has[at]


def _due(operation: Operation, found: bool, held: frozenset[Field]) -> dict[str, Decimal]:
    """What an answer costs by the operation's prices."""
    charge: dict[str, Decimal] = {}
    for price in operation.prices:
        falls = {
            On.LAUNCH: True,
            On.MATCH: found,
            On.FIELDS: found and bool(price.fields & held),
            On.BLANK: not (found and price.fields & held),
        }[price.on]
        if falls:
            charge[price.kind] = charge.get(price.kind, Decimal(0)) + price.amount
    return charge


@dataclass(frozen=True, slots=True)
class Question:
    """One step of a course."""

    account: str
    operation: Operation
    key: Key
    charge: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a contact's courses begin. `own` marks a history that no other contact shares; 0 for none."""

    needs: tuple[Need, ...]
    keys: tuple[Key, ...]
    asked: tuple[Asked, ...] = ()
    least_cost: bool = False
    own: int = 0

    @property
    def likeness(self) -> tuple[object, ...]:
        """Equal for contacts whose courses are ruled by the same."""
        kinds = tuple((k.kind, k.get("account")) for k in self.keys)
        return self.own, self.least_cost, self.needs, kinds


_Next = tuple[str, str, KeyKind] | Stop | Wait
_Place = tuple[object, ...]


class Guide:
    """Walks courses by the very rules that purchases follow. Contacts that are alike share its work."""

    def __init__(self, vendors: Sequence[Vendor]) -> None:
        self.vendors = {v.account: v for v in vendors}
        self._next: dict[_Place, _Next] = {}

    def first(self, begun: Begun) -> _Next:
        """What is asked first: account, operation and kind of key; or why nothing is."""
        return _Walk(self, begun).next()

    def course(self, begun: Begun, world: World) -> Iterator[Question]:
        """Every question, in order."""
        walk = _Walk(self, begun)
        for _ in range(STEPS):
            following = walk.next()
            if not isinstance(following, tuple):
                return
            account, name, kind = following
            vendor = self.vendors[account]
            operation = next(o for o in vendor.operations if o.name == name)
            key = walk.key(account, kind)
            told = world.answer(vendor, operation, key)
            yield Question(account, operation, key, told.charge)
            walk.take(account, operation, key, told)

    def decide(self, place: _Place, needs: Sequence[Need], keys: Sequence[Key], asked: Sequence[Asked],
               least_cost: bool) -> _Next:  # fmt: skip
        """The next step from a place, remembered."""
        if place not in self._next:
            offer = step(needs, keys, asked, list(self.vendors.values()), least_cost)
            known = (offer.account, offer.operation.name, offer.key.kind) if isinstance(offer, Ask) else offer
            self._next[place] = known
        return self._next[place]


class _Walk:
    """One course in progress."""

    def __init__(self, guide: Guide, begun: Begun) -> None:
        self._guide = guide
        self._begun = begun
        self._like = begun.likeness
        self._needs = list(begun.needs)
        self._keys = list(begun.keys)
        self._asked = list(begun.asked)
        self._trail: list[object] = []
        wanted = {n.field for n in begun.needs}
        self._matters = _LINKS | frozenset(f for f in Field if serves(f) & wanted)

    def next(self) -> _Next:
        if not self._needs:
            return Stop({})
        b = self._begun
        place = (self._like, tuple(self._trail))
        return self._guide.decide(place, self._needs, self._keys, self._asked, b.least_cost)

    def key(self, account: str, kind: KeyKind) -> Key:
        """The key of a kind that means something to an account."""
        theirs = (k for k in self._keys if k.kind is kind and k.get("account") in ("", account))
        return next(theirs)

    def take(self, account: str, operation: Operation, key: Key, told: Told) -> None:
        """Go on with what was told."""
        held = told.held & self._matters
        self._trail.append((account, operation.name, key.kind, told.found, told.silent, held))
        if not told.found:
            self._asked.append(Asked(account, operation.name, key, "not_found"))
            return
        answers = () if told.silent else ((_candidate(operation, held), _SURE),)
        self._asked.append(Asked(account, operation.name, key, "found", answers))
        self._needs = [n for n in self._needs if not _meets(operation, held, n)]
        self._learn(account, operation, told)

    def _learn(self, account: str, operation: Operation, told: Told) -> None:
        """Keys that stand for those an answer brings: they open further questions."""
        brought = learns(operation)
        if not told.silent:
            named = {KeyKind.LINKEDIN_URL: {Field.LINKEDIN_URL}, KeyKind.DOMAIN: {Field.COMPANY_DOMAIN}}
            brought = frozenset(k for k in brought if named.get(k, EMAIL_FIELDS) & told.held)
        for kind in sorted(brought - {k.kind for k in self._keys}):
            self._keys.append(Key(kind, {kind.value: "?", "by": account}))
        accepted = {k for o in self._guide.vendors[account].operations for k in o.accepts}
        its_own = {k.get("account") for k in self._keys if k.kind is KeyKind.PROVIDER_ID}
        if KeyKind.PROVIDER_ID in accepted and account not in its_own and operation.identifies:
            parts = {KeyKind.PROVIDER_ID.value: "?", "account": account, "by": account}
            self._keys.append(Key(KeyKind.PROVIDER_ID, parts))


def stands_in(key: Key) -> bool:
    """Whether a key only stands for one that an answer would bring."""
    return bool(key.get("by"))


def _candidate(operation: Operation, held: frozenset[Field]) -> Candidate:
    if operation.gates:
        return Candidate(available={f: f in held for f in operation.gates})
    values = tuple(Value(f, "?", q) for f, q in operation.returns.items() if f in held)
    graded = {f: operation.returns[f] for f in operation.verifies & held if f in operation.returns}
    return Candidate(values=values, graded=graded)


def _meets(operation: Operation, held: frozenset[Field], need: Need) -> bool:
    if operation.gates:
        return False
    if need.field in operation.verifies & held:
        return True
    return any(f in held and need.field in serves(f) and need.takes(q) for f, q in operation.returns.items())
