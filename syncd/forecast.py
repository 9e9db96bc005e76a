"""Forecast: what the waiting contacts would be asked about, by whom, at what worst and expected cost.

Nothing is asked and nothing is stored. The worst case has every vendor know the person and none of them hold
a value, each at the most that its answer can cost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from syncd.connector import On, Operation
from syncd.desk import Desk, read_known
from syncd.enrich import written_before
from syncd.model import Field, Key, KeyKind
from syncd.purchase import Market, hit, knows, learns
from syncd.runtime import Runtime
from syncd.store import lists, people
from syncd.store.engine import MILLION
from syncd.waterfall import Ask, Asked, Vendor, step

PAGE = 500
STEPS = 40
NO_LIMIT = 1e12


@dataclass
class Forecast:
    """What a run would do now. Credits by (account, kind)."""

    contacts: Counter[str] = field(default_factory=Counter)
    """to_look_up, known_already, nothing_missing, skipped, no_way; and those under way by their state."""
    missing: Counter[Field] = field(default_factory=Counter)
    lookups: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(account, operation, key kind) → questions in the worst case."""
    first: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(account, operation, key kind) → contacts for which it comes first."""
    worst: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    expected: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    why: Counter[str] = field(default_factory=Counter)
    """Why contacts with something missing are not looked up."""
    _planned: set[tuple[str, str, Key]] = field(default_factory=set)

    def add(self, ask: Ask, market: Market, reach: float) -> float:
        """Count one question; the chance that the next one is needed."""
        account, operation = ask.account, ask.operation
        name = (account, operation.name, ask.key.kind.value)
        mark = (account, operation.name, ask.key)
        if mark not in self._planned:
            self._planned.add(mark)
            self.lookups[name] += 1
            for kind, most in operation.max_charge.items():
                self.worst[account, kind] += most
                self.expected[account, kind] += 0.0
            for kind, amount in expected_by_kind(market, operation, ask.key.kind).items():
                self.expected[account, kind] += reach * amount
        chances = [hit(market, operation, f) for f in operation.returns]
        return reach * (1 - knows(ask.key.kind) * max(chances, default=0.0))


def forecast(runtime: Runtime, syncs: Sequence[str], run_id: int = 0) -> Forecast:
    """Go through every contact that waits to be looked up."""
    found = Forecast()
    vendors = _vendors(runtime)
    for desks in _desks(runtime, syncs):
        for desk in desks:
            _consider(found, desk, vendors)
    with runtime.store.read() as connection:
        for state, count in lists.counts(connection, syncs).items():
            if state in ("waiting", "leased", "enriched", "writing"):
                found.contacts[state] += count
    return found


def expected_by_kind(market: Market, operation: Operation, kind: KeyKind) -> dict[str, float]:
    """What a question is likely to cost, per credit kind."""
    found: dict[str, float] = defaultdict(float)
    sure = knows(kind)
    for price in operation.prices:
        none = 1.0
        for wanted in price.fields:
            none *= 1 - hit(market, operation, wanted)
        chance = {
            On.LAUNCH: 1.0,
            On.MATCH: sure,
            On.FIELDS: sure * (1 - none),
            On.BLANK: 1 - sure * (1 - none),
        }[price.on]
        found[price.kind] += float(price.amount) * chance
    return found


def _vendors(runtime: Runtime) -> list[Vendor]:
    """The accounts with full purses: what is short shows when the sums are compared with the budgets."""
    closed = runtime.standing.closed()
    return [
        account.vendor(dict.fromkeys(account.budgeted, NO_LIMIT), closed)
        for name, account in runtime.providers.items()
    ]


def _desks(runtime: Runtime, syncs: Sequence[str]) -> Iterator[list[Desk]]:
    bench = runtime.bench()
    after = 0
    while True:
        with runtime.store.read() as connection:
            rows = lists.page(connection, ("ready", "no_budget"), syncs, after, PAGE)
            siblings = people.siblings(connection, [r.id for r in rows])
            written = written_before(connection, rows)
        if not rows:
            return
        after = rows[-1].id
        desks = [
            Desk.open(
                row,
                runtime.policies[row.sync],
                written.get((row.crm, row.object, row.record_id), {}),
                bench.our_sources.get(row.crm, ""),
                siblings.get(row.id, ()),
                runtime.salt,
                runtime.clock(),
            )
            for row in rows
        ]
        read_known(runtime.store, desks, bench.lifetimes(), round(runtime.clock().timestamp() * MILLION))
        yield desks


def _consider(found: Forecast, desk: Desk, vendors: Sequence[Vendor]) -> None:
    if desk.assessment.skip:
        found.contacts["skipped"] += 1
        found.why[desk.assessment.skip] += 1
        return
    if not desk.assessment.needs:
        found.contacts["nothing_missing"] += 1
        return
    needs = desk.needs
    if not needs:
        found.contacts["known_already"] += 1
        return
    found.missing.update(n.field for n in needs)
    keys, asked = list(desk.keys), list(desk.asked)
    reach = 1.0
    for number in range(STEPS):
        offer = step(needs, keys, asked, vendors, desk.policy.cheapest)
        if not isinstance(offer, Ask):
            if number == 0:
                found.contacts["no_way"] += 1
                found.why.update(set(getattr(offer, "why", {}).values()))
            break
        if number == 0:
            found.contacts["to_look_up"] += 1
            found.first[offer.account, offer.operation.name, offer.key.kind.value] += 1
        vendor = next(v for v in vendors if v.account == offer.account)
        reach = found.add(offer, vendor.market({}, {}), reach)
        asked.append(Asked(offer.account, offer.operation.name, offer.key, "found"))
        _learn(keys, offer.operation, desk.row.id)


def _learn(keys: list[Key], operation: Operation, work_id: int) -> None:
    """Stand for the keys that an answer would bring: they open further questions."""
    for kind in sorted(learns(operation) - {k.kind for k in keys}):
        keys.append(Key(kind, {kind.value: f"?{work_id}"}))
