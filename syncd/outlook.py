"""Whom to ask first, so that what the whole waterfall is expected to cost for its values is least. Pure.

Whoever is not asked first may be asked later for what is still missing then. So one vendor's price for one
field says little: an operation that brings a number and the employer for one credit makes the employer free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from syncd.model import EMAIL_FIELDS, PHONE_FIELDS, Field, KeyKind
from syncd.purchase import Market, Quote, Want, quote

AHEAD = 5
"""How many vendors are weighed against one another; the orders of more are too many to go through."""
_CONTACT = EMAIL_FIELDS | PHONE_FIELDS


@dataclass(frozen=True, slots=True)
class Prospect:
    """A vendor that can be asked for some wants, now or later."""

    market: Market
    wants: frozenset[Want]
    kinds: frozenset[KeyKind]
    shut: frozenset[tuple[str, KeyKind]] = frozenset()
    brought: frozenset[Field] = frozenset()

    def quote(self, missing: frozenset[Field]) -> Quote | None:
        """What it would do about the fields that are missing when its turn comes."""
        wants = frozenset(w for w in self.wants if w.field in missing)
        return quote(self.market, wants, self.kinds, self.shut, self.brought)

    @property
    def price(self) -> float:
        """Expected cost of one accepted value, were nobody else asked."""
        found = self.quote(frozenset(w.field for w in self.wants))
        return found.cost / max(found.values, 0.01) if found else 0.0


def first(prospects: Sequence[Prospect]) -> int:
    """The place of the prospect to ask first; among equals the earlier one."""
    near = sorted(range(len(prospects)), key=lambda i: (prospects[i].price, i))[:AHEAD]
    some = tuple(prospects[i] for i in sorted(near))
    missing = frozenset(w.field for p in some for w in p.wants)
    best = min(range(len(some)), key=lambda i: (round(_by_way_of(some, i, missing), 6), i))
    return sorted(near)[best]


@lru_cache(16_384)
def remaining(prospects: tuple[Prospect, ...], missing: frozenset[Field]) -> float:
    """The least expected cost of asking all of them, one after the other, while something is missing."""
    if not missing or not prospects:
        return 0.0
    return min(_by_way_of(prospects, i, missing) for i in range(len(prospects)))


def _by_way_of(prospects: tuple[Prospect, ...], i: int, missing: frozenset[Field]) -> float:
    """The expected cost where this one is asked next."""
    others = prospects[:i] + prospects[i + 1 :]
    found = prospects[i].quote(missing)
    if found is None:
        return remaining(others, missing)
    return found.cost + sum(
        chance * remaining(others, missing - filled) for chance, filled in _outcomes(found)
    )


def _outcomes(found: Quote) -> Iterator[tuple[float, frozenset[Field]]]:
    """What a purchase may fill, each with its chance.

    A person who is known is known with everything that a profile tells; addresses and numbers are there or
    not, each for itself.
    """
    if found.reached <= 0:
        yield 1.0, frozenset()
        return
    yield 1.0 - found.reached, frozenset()
    facts = frozenset(f for f, _ in found.hopes if f not in _CONTACT)
    branches = [(found.reached, facts)]
    for held, chance in ((f, c) for f, c in found.hopes if f in _CONTACT):
        known = min(1.0, chance / found.reached)
        branches = [
            branch
            for p, filled in branches
            for branch in ((p * known, filled | {held}), (p * (1.0 - known), filled))
            if branch[0] > 0.0
        ]
    yield from branches
