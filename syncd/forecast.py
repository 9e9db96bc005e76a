"""Forecast: what the waiting contacts would be asked about, by whom, at what worst and expected cost.

Nothing is asked and nothing is stored. Every contact is walked through some imagined courses: the worst case
is the dearest of them, the expected cost the mean of those that dice decide.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from syncd.courses import Begun, Blank, Costly, Drawn, Guide, Question, World, stands_in
from syncd.desk import Desk, read_known
from syncd.enrich import written_before
from syncd.model import Field
from syncd.runtime import Runtime
from syncd.store import lists, people
from syncd.store.engine import MILLION
from syncd.waterfall import Stop, Vendor

PAGE = 500
DRAWS, LATER_DRAWS = 8, 2
"""Courses that dice decide, for each of the first contacts, and for each later one: by then there are many."""
FIRST = 100
NO_LIMIT = 1e12
_NOTHING = Decimal(0)

Kinds = dict[tuple[str, str], Decimal]
"""(account, credit kind) → credits."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What one contact may be asked about, as (account, operation), and the cost of it."""

    questions: set[tuple[str, str]] = field(default_factory=set)
    """Shared by contacts that are alike: it grows with each of them."""
    worst: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)
    expected: Mapping[tuple[str, str], Decimal] = field(default_factory=dict)


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
    worst: Kinds = field(default_factory=lambda: defaultdict(Decimal))
    expected: Kinds = field(default_factory=lambda: defaultdict(Decimal))
    why: Counter[str] = field(default_factory=Counter)
    """Why contacts with something missing are not looked up."""
    _buyers: dict[int, int] = field(default_factory=dict)
    """Hash of a purchase → the contact that it was planned for first; others use its answer."""
    _alike: dict[tuple[object, ...], set[tuple[str, str]]] = field(default_factory=dict)

    def look(self, guide: Guide, begun: Begun, contact: int) -> Outlook:
        """Walk one contact through its courses and add it up."""
        draws = DRAWS if self.contacts["to_look_up"] <= FIRST else LATER_DRAWS
        worlds: list[World] = [Costly(), Blank()]
        worlds += [Drawn(Random(contact * DRAWS + i)) for i in range(draws)]
        courses = [list(guide.course(begun, world)) for world in worlds]
        bought = [[q for q in course if self._buys(q, contact)] for course in courses]
        costs = [_cost(course) for course in bought]
        worst = {
            k: max(cost.get(k, _NOTHING) for cost in costs) for k in sorted({k for c in costs for k in c})
        }
        expected = {k: sum((c.get(k, _NOTHING) for c in costs[-draws:]), _NOTHING) / draws for k in worst}
        for k, amount in worst.items():
            self.worst[k] += amount
            self.expected[k] += expected[k]
        self.lookups.update(_most(bought))
        questions = self._alike.setdefault(begun.likeness, set())
        questions.update((q.account, q.operation.name) for course in courses for q in course)
        return Outlook(questions, worst, expected)

    def _buys(self, question: Question, contact: int) -> bool:
        """Whether a question is this contact's to pay: another one's answer to the same serves both."""
        if stands_in(question.key):
            return True
        mark = hash((question.account, question.operation.name, question.key))
        return self._buyers.setdefault(mark, contact) == contact


Note = Callable[[Desk, Outlook], None]


def forecast(runtime: Runtime, syncs: Sequence[str], note: Note = lambda desk, outlook: None) -> Forecast:
    """Go through every contact that waits to be looked up; `note` is told of each."""
    found = Forecast()
    guide = Guide(_vendors(runtime))
    for desks in _desks(runtime, syncs):
        for desk in desks:
            note(desk, _consider(found, desk, guide))
    with runtime.store.read() as connection:
        for state, count in lists.counts(connection, syncs).items():
            if state in ("waiting", "leased", "enriched", "writing"):
                found.contacts[state] += count
    return found


def _cost(course: Sequence[Question]) -> Kinds:
    spent: Kinds = defaultdict(Decimal)
    for question in course:
        # What may be charged is named even where this course does not come to it.
        for kind in question.operation.max_charge:
            spent[question.account, kind] += question.charge.get(kind, _NOTHING)
    return spent


def _most(courses: Sequence[Sequence[Question]]) -> Counter[tuple[str, str, str]]:
    """How often a question is put at most, in any one course."""
    most: Counter[tuple[str, str, str]] = Counter()
    for course in courses:
        most |= Counter((q.account, q.operation.name, q.key.kind.value) for q in course)
    return most


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


def _consider(found: Forecast, desk: Desk, guide: Guide) -> Outlook:
    if desk.assessment.skip:
        found.contacts["skipped"] += 1
        found.why[desk.assessment.skip] += 1
        return Outlook()
    if not desk.assessment.needs:
        found.contacts["nothing_missing"] += 1
        return Outlook()
    needs = desk.needs
    if not needs:
        found.contacts["known_already"] += 1
        return Outlook()
    found.missing.update(n.field for n in needs)
    begun = Begun(
        tuple(needs),
        tuple(desk.keys),
        tuple(desk.asked),
        desk.policy.cheapest,
        desk.row.id if desk.asked else 0,
    )
    first = guide.first(begun)
    if not isinstance(first, tuple):
        found.contacts["no_way"] += 1
        found.why.update(set(first.why.values()) if isinstance(first, Stop) else ())
        return Outlook()
    found.contacts["to_look_up"] += 1
    account, operation, kind = first
    found.first[account, operation, kind.value] += 1
    return found.look(guide, begun, desk.row.id)
