"""Who is asked next, for what, by which key; or why nobody is. Pure: values in, values out.

Within one vendor the cheapest sequence of operations for exactly the missing fields is bought; between
vendors the order is fixed or follows the expected cost per accepted value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from syncd.connector import On, Operation
from syncd.model import (
    COMPANY_KEYS,
    EMAIL_FIELDS,
    STRONG_KEYS,
    Candidate,
    Field,
    Key,
    KeyKind,
    Quality,
    Verdict,
)
from syncd.outlook import Prospect, first
from syncd.plan import Need
from syncd.purchase import Market, Want, cheapest, is_about_company, serves, turning


@dataclass(frozen=True, slots=True)
class Vendor:
    """One provider account as the planner sees it at this moment.

    `affordable` is what the budgets still hold per credit kind, `payable` the kinds that have one.
    """

    account: str
    operations: tuple[Operation, ...]
    weights: Mapping[str, float] = field(default_factory=dict)
    affordable: Mapping[str, float] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    """Operations without access; "" stands for the whole account."""
    checkers: bool = True
    backfill: bool = False
    yields: Mapping[tuple[str, Field], float] = field(default_factory=dict)
    known: Mapping[tuple[str, KeyKind], float] = field(default_factory=dict)
    _named: Mapping[str, Operation] = field(init=False, repr=False, compare=False)
    _plain: Market = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        short = frozenset(
            o.name
            for o in self.operations
            if any(float(most) > self.affordable.get(kind, 0.0) for kind, most in o.max_charge.items())
        )
        plain = Market(
            self.operations,
            tuple(sorted(self.weights.items())),
            frozenset(self.affordable),
            short,
            self.closed,
            self.backfill,
            tuple(sorted((k, round(v, 2)) for k, v in self.yields.items())),
            known=tuple(sorted((k, round(v, 2)) for k, v in self.known.items())),
        )
        object.__setattr__(self, "_named", {o.name: o for o in self.operations})
        object.__setattr__(self, "_plain", plain)

    def find(self, name: str) -> Operation | None:
        """The operation of this name, if it still exists."""
        return self._named.get(name)

    def market(self, held: Mapping[Field, bool], graded: Mapping[Field, Quality]) -> Market:
        """What it sells now, given what free checks told of the person."""
        if not held and not graded:
            return self._plain
        return replace(self._plain, held=tuple(sorted(held.items())), graded=tuple(sorted(graded.items())))


@dataclass(frozen=True, slots=True)
class Asked:
    """A lookup of this person that exists already, by whomever it was made.

    `state` is found, not_found, in_flight, unknown, unresolved or refused. `answers` come judged.
    """

    account: str
    operation: str
    key: Key | None
    state: str
    answers: tuple[tuple[Candidate, Verdict], ...] = ()
    lookup_id: int = 0
    trusted: bool = True
    """Whether an answer speaks of the contact as surely as the sync demands."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Buy this next."""

    account: str
    operation: Operation
    key: Key
    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing now: an answer that may settle it is under way."""

    lookup_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Nobody is left to ask. `why` holds a reason per field that stays without a value."""

    why: Mapping[Field, str]
    blocked: frozenset[str] = frozenset()
    """`account.kind` of the budgets that alone stand in the way."""
    halted: frozenset[str] = frozenset()
    """Accounts that are halted and could otherwise be asked."""


_NO_WAY = "no operation fits the keys"


def step(
    needs: Sequence[Need],
    keys: Sequence[Key],
    asked: Sequence[Asked],
    vendors: Sequence[Vendor],
    least_cost: bool = False,
) -> Ask | Wait | Stop:
    """The next purchase for the needs that are still open, or why there is none.

    `keys` are the contact's own and those learned from accepted answers, strongest first. With
    `least_cost` the vendor comes first with which all that are left are expected to cost least in all.
    """
    why: dict[Field, str] = {}
    blocked: set[str] = set()
    halted: set[str] = set()
    offers: list[tuple[Ask | Wait, Prospect]] = []
    for vendor in vendors:
        wanted = tuple(n for n in needs if vendor.account in n.accounts)
        if not wanted:
            continue
        theirs = [a for a in asked if a.account == vendor.account]
        offer = _offer(vendor, wanted, _keys_for(vendor, keys), theirs)
        if isinstance(offer, Stop):
            why.update({f: w for f, w in offer.why.items() if f not in why or w != _NO_WAY})
            blocked |= offer.blocked
            halted |= offer.halted
        elif not least_cost or isinstance(offer, Wait) or offer.operation.free:
            return offer
        else:
            offers.append((offer, _prospect(vendor, wanted, _keys_for(vendor, keys), theirs)))
    if offers:
        return offers[first([prospect for _, prospect in offers])][0]
    missing = {n.field: why.get(n.field, "no provider of the waterfall is asked for it") for n in needs}
    return Stop(missing, frozenset(blocked), frozenset(halted))


@dataclass(frozen=True, slots=True)
class _Open:
    """What is still wanted of one vendor, and what it could be asked by."""

    wants: frozenset[Want]
    kinds: frozenset[KeyKind]
    shut: frozenset[tuple[str, KeyKind]]
    brought: frozenset[Field]
    """Fields of which a value that is not good enough is at hand."""

    def best(self, market: Market) -> tuple[str, KeyKind] | None:
        """The operation to buy first, and by which kind of key."""
        return cheapest(market, self.wants, self.kinds, self.shut, self.brought)


def _offer(
    vendor: Vendor, needs: tuple[Need, ...], keys: Sequence[Key], asked: Sequence[Asked]
) -> Ask | Wait | Stop:
    """What this vendor should be asked next, with everything already asked taken into account."""
    if "" in vendor.closed:
        return Stop(
            {n.field: f"{vendor.account} is paused" for n in needs}, halted=frozenset({vendor.account})
        )
    waiting = tuple(
        a.lookup_id
        for a in asked
        if a.state == "in_flight" and (_may_spare(vendor, a) or _reach(vendor, a) & {n.field for n in needs})
    )
    if waiting:
        return Wait(waiting)
    held, still = _still(vendor, needs, keys, asked)
    market = _market(vendor, held, asked)
    best = still.best(market)
    if best is None:
        return _stop(vendor, needs, keys, asked, market, still)
    name, kind = best
    operation = next(o for o in vendor.operations if o.name == name)
    gate = _gate(vendor, operation, still.wants, keys, asked) or _spare(vendor, market, still, keys)
    if gate is not None:
        return gate
    key = next(k for k in keys if k.kind is kind)
    wanted = ", ".join(sorted(w.field.value for w in still.wants))
    return Ask(vendor.account, operation, key, f"the cheapest that {vendor.account} sells for {wanted}")


def _still(
    vendor: Vendor, needs: Sequence[Need], keys: Sequence[Key], asked: Sequence[Asked]
) -> tuple[dict[Field, bool], _Open]:
    held = _held(asked)
    # Without what makes no difference, so that people in like places share one answer.
    kinds, checked = turning(vendor.operations)
    brought = (w for a in asked if a.trusted for c, _ in a.answers for v in c.values for w in serves(v.field))
    return held, _Open(
        frozenset(
            Want(n.field, n.accept, n.of_person) for n in needs if not _exhausted(vendor, n, asked, held)
        ),
        frozenset(k.kind for k in keys) & kinds,
        _shut(vendor, keys, asked),
        frozenset(brought) & checked,
    )


def _prospect(vendor: Vendor, needs: Sequence[Need], keys: Sequence[Key], asked: Sequence[Asked]) -> Prospect:
    held, still = _still(vendor, needs, keys, asked)
    return Prospect(_market(vendor, held, asked), still.wants, still.kinds, still.shut, still.brought)


def _keys_for(vendor: Vendor, keys: Sequence[Key]) -> list[Key]:
    """The keys that mean something to a vendor: another one's id of the person does not."""
    return [k for k in keys if k.kind is not KeyKind.PROVIDER_ID or k.get("account") == vendor.account]


def _market(vendor: Vendor, held: Mapping[Field, bool], asked: Sequence[Asked]) -> Market:
    return vendor.market(held, {f: q for a in asked for c, _ in a.answers for f, q in c.graded.items()})


def _may_spare(vendor: Vendor, asked: Asked) -> bool:
    """Whether an answer under way may make a purchase needless: a free check, or who the person is."""
    operation = vendor.find(asked.operation)
    return operation is not None and (bool(operation.gates) or operation.identifies)


def _held(asked: Sequence[Asked]) -> dict[Field, bool]:
    """What free checks told: whether the vendor holds a field at all."""
    return {f: has for a in asked for c, _ in a.answers for f, has in c.available.items()}


def _reach(vendor: Vendor, asked: Asked) -> frozenset[Field]:
    operation = vendor.find(asked.operation)
    return _fills(operation) if operation else frozenset()


@lru_cache(512)
def _fills(operation: Operation) -> frozenset[Field]:
    """Every wanted field that an operation could fill."""
    return frozenset(w for f in operation.returns for w in serves(f))


def _shut(vendor: Vendor, keys: Sequence[Key], asked: Sequence[Asked]) -> frozenset[tuple[str, KeyKind]]:
    """(operation, key kind) pairs that cannot say anything new.

    A vendor that does not know the person by a key, asked through an operation that identifies, does not
    know them through any other operation by that key. One that answered with somebody who may be another
    person is not paid for the same answer again by any key. What a lost answer may have cost is not paid
    again either, through whatever operation: it may have been for the very same data.
    """
    shut = set()
    lost = {
        k for a in asked if a.state == "unknown" and (o := vendor.find(a.operation)) for k in o.max_charge
    }
    shut |= {(o.name, kind) for o in vendor.operations if lost & o.max_charge.keys() for kind in o.accepts}
    if any(
        a.state == "found" and not a.trusted and any(not c.about_company for c, _ in a.answers) for a in asked
    ):
        person = frozenset(KeyKind) - COMPANY_KEYS
        shut |= {(o.name, kind) for o in vendor.operations for kind in o.accepts & person}
    for a in asked:
        if a.key is None or a.key not in keys:
            continue
        shut.add((a.operation, a.key.kind))
        operation = vendor.find(a.operation)
        if operation and operation.identifies and a.state == "not_found":
            shut |= {(o.name, a.key.kind) for o in vendor.operations if a.key.kind in o.accepts}
    return frozenset(shut)


def _exhausted(vendor: Vendor, need: Need, asked: Sequence[Asked], held: Mapping[Field, bool]) -> bool:
    """Whether this vendor has said what it can about a field: a value, none, or lost for good."""
    if any(not has and need.field in serves(f) for f, has in held.items()):
        return True
    for a in asked:
        if any(need.field in c.graded and not need.takes(c.graded[need.field]) for c, _ in a.answers):
            return True
        operation = vendor.find(a.operation)
        if operation is None or need.field not in _fills(operation):
            continue
        if need.of_person and is_about_company(operation):
            continue
        if a.state in ("unknown", "unresolved"):
            return True
        delivers = any(need.field in serves(f) and need.takes(q) for f, q in operation.returns.items())
        if a.state == "found" and delivers and a.trusted:
            return True
        if a.state == "not_found" and delivers and a.key is not None and a.key.kind in STRONG_KEYS:
            return True
    return False


def _gate(
    vendor: Vendor, operation: Operation, wants: frozenset[Want], keys: Sequence[Key], asked: Sequence[Asked]
) -> Ask | None:
    """A free question whose answer can spare the purchase; None where there is none or it was asked.

    It is put before an address of a demanded quality is bought, and before an operation that may charge
    for a field that nobody wants.
    """
    if not vendor.checkers or operation.free:
        return None
    fields = {w.field for w in wants}
    doubtful = {
        w.field for w in wants if w.accept is Quality.VERIFIED and w.field in EMAIL_FIELDS & _fills(operation)
    }
    for price in operation.prices:
        if price.on is On.FIELDS and not any(serves(f) & fields for f in price.fields):
            doubtful |= price.fields
    done = {(a.operation, a.key) for a in asked}
    for gate in vendor.operations:
        if gate.gates & doubtful and gate.name not in vendor.closed:
            key = next((k for k in keys if k.kind in gate.accepts), None)
            if key is not None and (gate.name, key) not in done:
                return Ask(vendor.account, gate, key, f"free check before {operation.name}")
    return None


@lru_cache(1024)
def _without(market: Market, fields: frozenset[Field]) -> Market:
    """The market as it would be for a person of whom the vendor holds none of these fields."""
    return replace(market, held=(*market.held, *((f, False) for f in sorted(fields))))


def _spare(vendor: Vendor, market: Market, still: _Open, keys: Sequence[Key]) -> Ask | None:
    """A free question that opens a cheaper purchase: one that would also charge for what nobody wants.

    It is worth buying where the vendor holds none of that; the check tells.
    """
    if not vendor.checkers:
        return None
    fields, told = {w.field for w in still.wants}, dict(market.held)
    for gate in vendor.operations:
        unwanted = {g for g in gate.gates if not serves(g) & fields and g not in told}
        key = next((k for k in keys if k.kind in gate.accepts), None)
        if not unwanted or key is None or gate.name in vendor.closed or (gate.name, key.kind) in still.shut:
            continue
        best = still.best(_without(market, frozenset(unwanted)))
        operation = vendor.find(best[0]) if best else None
        if operation and any(
            p.on is On.FIELDS and p.fields and p.fields <= unwanted for p in operation.prices
        ):
            return Ask(vendor.account, gate, key, f"free check that may spare credits by {operation.name}")
    return None


def _stop(
    vendor: Vendor,
    needs: tuple[Need, ...],
    keys: Sequence[Key],
    asked: Sequence[Asked],
    market: Market,
    still: _Open,
) -> Stop:
    """Why this vendor is of no more use; with fuller budgets, or with access, it might be."""
    why: dict[Field, str] = {}
    blocked: set[str] = set()
    halted: frozenset[str] = frozenset()
    funded = still.best(market.funded())
    if funded is not None:
        operation = next(o for o in vendor.operations if o.name == funded[0])
        blocked = {
            f"{vendor.account}.{k}"
            for k, most in operation.max_charge.items()
            if float(most) > vendor.affordable.get(k, 0.0)
        }
        text = "waits for budget " + ", ".join(sorted(blocked))
        why = dict.fromkeys(_fills(operation) & {w.field for w in still.wants}, text)
    elif still.best(market.opened()) is not None:
        halted = frozenset({vendor.account})
        why = {w.field: f"{vendor.account} gives no access to the operation" for w in still.wants}
    for need in needs:
        why.setdefault(need.field, _why_exhausted(vendor, need, keys, asked))
    return Stop(why, frozenset(blocked), halted)


def _why_exhausted(vendor: Vendor, need: Need, keys: Sequence[Key], asked: Sequence[Asked]) -> str:
    relevant = [a for a in asked if need.field in _reach(vendor, a)]
    if any(a.state == "unknown" for a in asked):
        return f"an answer of {vendor.account} was lost; it counts as spent and is not bought again"
    if any(
        need.field in c.graded and not need.takes(c.graded[need.field]) for a in asked for c, _ in a.answers
    ):
        return f"{vendor.account} has a value below the accepted quality"
    if any(_holds(c, need.field) for a in relevant if a.trusted for c, _ in a.answers):
        return f"{vendor.account} has a value below the accepted quality"
    if any(not a.trusted for a in asked):
        return f"{vendor.account} answered, but not surely about this person"
    if relevant or any(not has and need.field in serves(f) for f, has in _held(asked).items()):
        return f"{vendor.account} knows none"
    return _why_unpaid(vendor, need, keys)


def _why_unpaid(vendor: Vendor, need: Need, keys: Sequence[Key]) -> str:
    offered = [
        o for o in vendor.operations if need.field in _fills(o) and any(k.kind in o.accepts for k in keys)
    ]
    lacking = sorted({k for o in offered for k in o.max_charge} - set(vendor.affordable))
    return f"no budget is set for {vendor.account} {', '.join(lacking)}" if lacking else _NO_WAY


def _holds(candidate: Candidate, wanted: Field) -> bool:
    return any(wanted in serves(v.field) for v in candidate.values)
