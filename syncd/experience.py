"""What was seen of the providers: how often they know somebody, and how often they hold a field of theirs.

Rates start from what is presumed and move with every answer. They are read at the start, and then each time
as many answers have come in as there had been before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from syncd.accounts import ProviderAccount
from syncd.codec import unpack_candidates
from syncd.connector import Operation
from syncd.model import PHONE_FIELDS, Candidate, Field, KeyKind, Value
from syncd.phone import e164, field_of
from syncd.purchase import PRIOR, knows, serves
from syncd.store import lookups
from syncd.store.engine import MILLION, Store

DAYS = 90
ANSWERS = 400
"""Of each account the newest answers; older ones tell of another vendor than today's."""
WEIGHT = 20
"""What is presumed counts as much as so many answers."""
FIRST = 100


class Experience:
    """Keeps `yields` and `known` of the accounts up to date."""

    def __init__(
        self, store: Store, accounts: Mapping[str, ProviderAccount], clock: Callable[[], datetime]
    ) -> None:
        self._store, self._accounts, self._clock = store, accounts, clock
        self._settled, self._next = 0, FIRST

    def settled(self, count: int) -> bool:
        """Count answers; whether that was the occasion to read the rates anew."""
        self._settled += count
        if self._settled < self._next:
            return False
        self._next = 2 * self._settled
        self.recall()
        return True

    def recall(self) -> None:
        """Read the rates from what the state holds."""
        since_us = round((self._clock().timestamp() - DAYS * 86_400) * MILLION)
        with self._store.read() as connection:
            counted = lookups.yields(connection, since_us)
            answers = {name: lookups.answers(connection, name, since_us, ANSWERS) for name in self._accounts}
        for name, account in self._accounts.items():
            account.known = _known([(o, k, r, n) for a, o, k, r, n in counted if a == name])
            account.yields = _yields(account.connector.operations, answers[name])


def _known(counted: list[tuple[str, str, str, int]]) -> dict[tuple[str, KeyKind], float]:
    """(operation, key kind) → the share of those asked about who were known."""
    found: Counter[tuple[str, KeyKind]] = Counter()
    total: Counter[tuple[str, KeyKind]] = Counter()
    for operation, kind, outcome, count in counted:
        if outcome in ("found", "not_found"):
            total[operation, KeyKind(kind)] += count
            found[operation, KeyKind(kind)] += count * (outcome == "found")
    return {key: (found[key] + WEIGHT * knows(key[1])) / (asked + WEIGHT) for key, asked in total.items()}


def _yields(
    operations: tuple[Operation, ...], answers: list[tuple[str, bytes | None]]
) -> dict[tuple[str, Field], float]:
    """(operation, field) → the share of answers about somebody that held a value for the field."""
    held: Counter[tuple[str, Field]] = Counter()
    total: Counter[str] = Counter()
    for operation, answer in answers:
        total[operation] += 1
        held.update((operation, field) for field in _fields(unpack_candidates(answer)))
    rates = {}
    for asked in (o for o in operations if total[o.name]):
        for field in {f for returned in asked.returns for f in (returned, *serves(returned))}:
            presumed = PRIOR.get(field, 0.9)
            rates[asked.name, field] = (held[asked.name, field] + WEIGHT * presumed) / (
                total[asked.name] + WEIGHT
            )
    return rates


def _fields(candidates: tuple[Candidate, ...]) -> set[Field]:
    """The fields that the values of an answer may fill."""
    return {field for c in candidates for value in c.values for field in _served(value)}


def _served(value: Value) -> frozenset[Field]:
    if value.field not in PHONE_FIELDS:
        return frozenset({value.field})
    kind = field_of(e164(value.value, "")) if value.field is Field.PHONE else value.field
    return serves(kind)
