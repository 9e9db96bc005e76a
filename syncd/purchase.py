"""The cheapest way to buy a set of fields from one vendor: a search over its declared operations. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from syncd.connector import On, Operation
from syncd.model import COMPANY_KEYS, EMAIL_FIELDS, PHONE_FIELDS, STRONG_KEYS, Field, KeyKind, Quality

PRIOR: Mapping[Field, float] = {
    Field.WORK_EMAIL: 0.6,
    Field.PERSONAL_EMAIL: 0.35,
    Field.PHONE: 0.35,
    Field.MOBILE_PHONE: 0.3,
    Field.DIRECT_PHONE: 0.2,
}
"""Hit rates before anything was measured, given that the vendor knows the person; other fields 0.9."""
KNOWS_STRONG, KNOWS_WEAK = 0.85, 0.55
"""Chance that a vendor knows the person, by whether the key names one person."""
VERIFIES = 0.5
"""Chance that a check finds a value good enough."""
LONGEST = 3

STRENGTH = (
    KeyKind.PROVIDER_ID,
    KeyKind.LINKEDIN_URL,
    KeyKind.EMAIL,
    KeyKind.FOUND_EMAIL,
    KeyKind.PHONE,
    KeyKind.NAME_DOMAIN,
    KeyKind.NAME_COMPANY,
    KeyKind.DOMAIN,
    KeyKind.COMPANY_LINKEDIN_URL,
    KeyKind.COMPANY_NAME,
)
_SURE = STRONG_KEYS | COMPANY_KEYS | {KeyKind.FOUND_EMAIL}


@dataclass(frozen=True, slots=True)
class Want:
    """A field and the quality from which it is accepted; None takes what is neither risky nor invalid."""

    field: Field
    accept: Quality | None
    of_person: bool = False
    """Whether an answer about the employer alone cannot fill it."""

    def takes(self, quality: Quality) -> bool:
        """Whether a value of this quality ends the search."""
        return quality.satisfies(self.accept) if self.accept else quality.rank > Quality.RISKY.rank


@lru_cache(64)
def serves(returned: Field) -> frozenset[Field]:
    """The wanted fields that a returned field may fill: an untyped number may be mobile or fixed."""
    if returned is Field.PHONE:
        return PHONE_FIELDS
    return frozenset({returned, Field.PHONE}) if returned in PHONE_FIELDS else frozenset({returned})


@dataclass(frozen=True)
class Market:
    """What one vendor sells at this moment and what it is expected to cost; compared by value.

    `yields` are measured hit rates by (operation, field), `held` what free checks told of this person.
    """

    operations: tuple[Operation, ...]
    weights: tuple[tuple[str, float], ...] = ()
    payable: frozenset[str] = frozenset()
    """Credit kinds that have a budget at all."""
    short: frozenset[str] = frozenset()
    """Operations whose worst case no budget covers at this moment."""
    closed: frozenset[str] = frozenset()
    """Operations without access."""
    backfill: bool = False
    yields: tuple[tuple[tuple[str, Field], float], ...] = ()
    held: tuple[tuple[Field, bool], ...] = ()
    graded: tuple[tuple[Field, Quality], ...] = ()
    """The quality of the person's value where a check told it apart from the value."""
    known: tuple[tuple[tuple[str, KeyKind], float], ...] = ()
    """Measured chances that the person is known, by (operation, key kind)."""
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        names = tuple(o.name for o in self.operations)
        parts = (
            names,
            self.weights,
            self.payable,
            self.short,
            self.closed,
            self.backfill,
            self.yields,
            self.held,
            self.graded,
            self.known,
        )
        object.__setattr__(self, "_hash", hash(parts))

    def __hash__(self) -> int:
        return self._hash

    def knows(self, operation: str, kind: KeyKind) -> float:
        """The chance that whom a key at hand names is known."""
        return dict(self.known).get((operation, kind), knows(kind))

    def opened(self) -> Market:
        """The same market without empty purses and missing access."""
        return replace(self, short=frozenset(), closed=frozenset()) if self.short or self.closed else self

    def funded(self) -> Market:
        """The same market without empty purses."""
        return replace(self, short=frozenset()) if self.short else self


@dataclass(frozen=True, slots=True)
class _Row:
    """An operation as the search sees it, for one set of wants."""

    name: str
    kind: KeyKind
    gain: frozenset[Field]
    brings: frozenset[Field]
    grades: frozenset[Field]
    learns: frozenset[KeyKind]
    cost: Cost
    price: float
    """Expected cost by a key at hand; for ranking operations that do the same."""
    knows: float
    """Chance that the vendor knows whom a key at hand names."""
    hits: Mapping[Field, float]
    """Chance that a known person's answer holds a field."""
    rash: bool
    free: bool
    needs: frozenset[KeyKind]
    batch: int

    @property
    def hoped(self) -> float:
        """How many values an answer about a known person may be hoped to hold."""
        return sum(self.hits.values())

    @property
    def rank(self) -> tuple[float, float, int]:
        """Among operations that do the same: the cheaper, then the more hopeful, then the larger batch."""
        return self.price, -self.hoped, -self.batch


def hit(market: Market, operation: Operation, wanted: Field) -> float:
    """The chance that an answer of this operation holds the field, given that the person is known."""
    held = dict(market.held)
    if wanted in held:
        return float(held[wanted])
    return dict(market.yields).get((operation.name, wanted), PRIOR.get(wanted, 0.9))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one lookup costs, weighted: on sending, for a person who is known, and where nothing comes back."""

    sent: float
    known: float
    blank: float
    holds: float
    """Chance that a known person's answer holds what the blank price depends on."""

    def expected(self, asked: float, knows: float) -> float:
        """Expected cost, given the chances that it is asked at all and that the vendor knows the person."""
        return asked * (self.sent + knows * self.known + self.blank * (1 - knows * self.holds))


def cost_of(market: Market, operation: Operation) -> Cost:
    """The parts of an operation's expected cost."""
    weights = dict(market.weights)
    sent = known = blank = holds = 0.0
    for price in operation.prices:
        worth = float(price.amount) * weights.get(price.kind, 1.0)
        none = 1.0
        for wanted in price.fields:
            none *= 1 - hit(market, operation, wanted)
        match price.on:
            case On.LAUNCH:
                sent += worth
            case On.MATCH:
                known += worth
            case On.FIELDS:
                known += worth * (1 - none)
            case On.BLANK:
                blank, holds = blank + worth, 1 - none
    return Cost(sent, known, blank, holds)


def knows(kind: KeyKind) -> float:
    """The chance that a vendor knows whom a key at hand names."""
    return KNOWS_STRONG if kind in _SURE else KNOWS_WEAK


def expected_cost(market: Market, operation: Operation, kind: KeyKind) -> float:
    """Expected weighted cost of one lookup by a key of this kind."""
    return cost_of(market, operation).expected(1.0, market.knows(operation.name, kind))


def worst_cost(market: Market, operation: Operation) -> float:
    """The weighted worst case of one lookup."""
    weights = dict(market.weights)
    return sum(float(amount) * weights.get(kind, 1.0) for kind, amount in operation.max_charge.items())


@dataclass(frozen=True, slots=True)
class Quote:
    """The first purchase of a sequence, what the whole of it is expected to cost, and to bring."""

    name: str
    kind: KeyKind
    cost: float
    hopes: tuple[tuple[Field, float], ...] = ()
    """The fields that it may fill, each with its chance."""
    reached: float = 0.0
    """The chance that the vendor knows the person."""

    @property
    def values(self) -> float:
        """Accepted values that may be hoped for."""
        return sum(chance for _, chance in self.hopes)


def cheapest(
    market: Market,
    wants: frozenset[Want],
    kinds: frozenset[KeyKind],
    shut: frozenset[tuple[str, KeyKind]],
    brought: frozenset[Field] = frozenset(),
) -> tuple[str, KeyKind] | None:
    """The first purchase of the cheapest sequence, as `quote` finds it, or None."""
    found = quote(market, wants, kinds, shut, brought)
    return (found.name, found.kind) if found else None


@lru_cache(2048)
def quote(
    market: Market,
    wants: frozenset[Want],
    kinds: frozenset[KeyKind],
    shut: frozenset[tuple[str, KeyKind]],
    brought: frozenset[Field] = frozenset(),
) -> Quote | None:
    """The sequence that fills most wants at the least expected cost, or None.

    What is free and fills something comes first. `kinds` are the keys at hand, `shut` the (operation, key)
    pairs that have been asked already, `brought` the fields of which a value that is not good enough is at
    hand. Among equals the sequence wins that buys contact data only once the person is known, then the
    shorter one, then the one with more to hope for.
    """
    if not wants:
        return None
    best: tuple[tuple[float, ...], Quote] | None = None
    rows = _rows(market, wants, kinds, shut)
    free = [r for r in rows if r.free and r.gain and not r.needs]
    if free:
        most = max(free, key=lambda r: len(r.gain))
        return Quote(most.name, most.kind, 0.0, _hopes(most, most.gain, most.knows), most.knows)
    for found, score in _sequences(rows, frozenset(w.field for w in wants), kinds, brought):
        if best is None or score < best[0]:
            best = (score, found)
    return best[1] if best else None


def _rows(
    market: Market, wants: frozenset[Want], kinds: frozenset[KeyKind], shut: frozenset[tuple[str, KeyKind]]
) -> list[_Row]:
    """The operations that can be of use, without those that another one beats in every respect."""
    fields = frozenset(w.field for w in wants)
    kept: dict[tuple[object, ...], _Row] = {}
    for o in market.operations:
        if o.name in market.closed or o.name in market.short or not set(o.max_charge) <= market.payable:
            continue
        if o.backfill_only and not market.backfill:
            continue
        for kind in _usable_kinds(o, kinds, shut):
            row = _row(market, o, kind, wants, fields, kinds)
            if row.gain or row.learns or row.grades:
                signature = (row.gain, row.brings, row.grades, row.learns, kind)
                rival = kept.get(signature)
                if rival is None or row.rank < rival.rank:
                    kept[signature] = row
    return _surest(list(kept.values()))


def _surest(rows: list[_Row]) -> list[_Row]:
    """Without the rows by a key that only describes the person, for what a key at hand that names them brings.

    Such a row looks cheap because it is likely to find nobody; and an answer about a namesake spoils more
    than it saves.
    """
    sure = [r for r in rows if r.kind in _SURE and not r.needs]
    gains = frozenset(f for r in sure for f in r.gain | r.grades)
    learned = frozenset(k for r in sure for k in r.learns)
    return [r for r in rows if r.kind in _SURE or not (r.gain | r.grades <= gains and r.learns <= learned)]


def _usable_kinds(
    operation: Operation, kinds: frozenset[KeyKind], shut: frozenset[tuple[str, KeyKind]]
) -> Iterator[KeyKind]:
    """The strongest key at hand, and the stronger ones that an earlier purchase may bring."""
    for kind in STRENGTH:
        if kind in operation.accepts and (operation.name, kind) not in shut:
            yield kind
            if kind in kinds:
                return


def _row(
    market: Market,
    o: Operation,
    kind: KeyKind,
    wants: frozenset[Want],
    fields: frozenset[Field],
    kinds: frozenset[KeyKind],
) -> _Row:
    wants = frozenset(w for w in wants if not (w.of_person and is_about_company(o)))
    brings = frozenset(w for f in o.returns for w in serves(f)) & {w.field for w in wants}
    graded = dict(market.graded)
    gain = frozenset(
        w.field
        for w in wants
        for f, q in o.returns.items()
        if w.field in serves(f) and (w.takes(q) or (f in graded and w.takes(graded[f])))
    )
    contact = any(f in EMAIL_FIELDS or f in PHONE_FIELDS for f in o.returns)
    cost, sure = cost_of(market, o), market.knows(o.name, kind)
    return _Row(
        name=o.name,
        kind=kind,
        gain=gain,
        brings=brings,
        grades=o.verifies & fields,
        learns=learns(o) - kinds,
        cost=cost,
        price=cost.expected(1.0, sure),
        knows=sure,
        hits={f: hit(market, o, f) for f in brings},
        rash=contact and kind not in _SURE,
        free=o.free,
        needs=frozenset({kind}) - kinds,
        batch=o.batch if o.backfill_only else 1,
    )


def is_about_company(operation: Operation) -> bool:
    """Whether its answers are about employers and not about people."""
    return operation.accepts <= COMPANY_KEYS


def learns(o: Operation) -> frozenset[KeyKind]:
    """The keys that an answer brings: they open operations that the contact's own data does not."""
    learned = set()
    if Field.LINKEDIN_URL in o.returns:
        learned.add(KeyKind.LINKEDIN_URL)
    if EMAIL_FIELDS & set(o.returns):
        learned.add(KeyKind.FOUND_EMAIL)
    if Field.COMPANY_DOMAIN in o.returns:
        learned.add(KeyKind.DOMAIN)
    return frozenset(learned)


@lru_cache(64)
def turning(operations: tuple[Operation, ...]) -> tuple[frozenset[KeyKind], frozenset[Field]]:
    """The kinds of keys at hand, and the fields brought already, on which a choice among operations can turn."""
    kinds = frozenset(k for o in operations for k in o.accepts | learns(o))
    return kinds, frozenset(f for o in operations for f in o.verifies)


_Hopes = tuple[tuple[Field, float], ...]


def _hopes(row: _Row, fields: frozenset[Field], reached: float) -> _Hopes:
    """The chance of each field, where the vendor knows the person with the chance `reached`."""
    return tuple((f, reached * row.hits.get(f, VERIFIES)) for f in sorted(fields))


def _sequences(
    rows: list[_Row], fields: frozenset[Field], kinds: frozenset[KeyKind], at_hand: frozenset[Field]
) -> Iterator[tuple[Quote, tuple[float, ...]]]:
    """Every sequence worth considering, with its score; the smaller the better.

    A key that an earlier purchase brings is asked by only where that one found the person, and then the
    vendor knows them.
    """
    none: frozenset[Field] = frozenset()
    stack: list[
        tuple[tuple[_Row, ...], frozenset[KeyKind], frozenset[Field], frozenset[Field], float, _Hopes, float]
    ] = [((), kinds, none, at_hand, 0.0, (), 1.0)]
    while stack:
        done, known, covered, brought, cost, hopes, found = stack.pop()
        for row in rows:
            if not row.needs <= known or any(row.name == d.name for d in done):
                continue
            now = covered | row.gain | (row.grades & brought)
            learned = row.learns - known
            if now == covered and not learned:
                continue
            steps = (*done, row)
            derived = bool(row.needs)
            paid = cost + row.cost.expected(found if derived else 1.0, 1.0 if derived else row.knows)
            reached = found if derived else row.knows
            hoped = hopes + _hopes(row, now - covered, reached)
            if now != covered:
                rash = sum(s.rash for s in steps)
                yield (
                    Quote(steps[0].name, steps[0].kind, paid, hoped, max(reached, found if done else 0.0)),
                    (len(fields - now), round(paid, 6), rash, len(steps), -sum(s.hoped for s in steps)),
                )
            if len(steps) < LONGEST and fields - now:
                later = reached if learned else found
                stack.append((steps, known | learned, now, brought | row.brings, paid, hoped, later))
