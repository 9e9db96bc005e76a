"""Mandates: what a run may do that a person approved beforehand, contact by contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from syncd.ledger import Caps, Purse
from syncd.waterfall import Vendor

BEYOND = "more could be asked than was planned"
"""Why a contact waits for a run without a plan, or for another plan."""


@dataclass(frozen=True, slots=True)
class Mandate:
    """The contacts and operations that a run may touch, and what it may spend."""

    questions: Mapping[int, frozenset[tuple[str, str]]]
    """Work id → (account, operation)."""
    worst: Mapping[tuple[str, str], Decimal]
    """(account, credit kind) → credits, for the whole run."""

    def narrow(self, work_id: int, vendors: list[Vendor]) -> list[Vendor]:
        """The vendors with nothing open but what was planned for a contact."""
        mine = self.questions.get(work_id, frozenset())
        return [
            replace(v, closed=v.closed | {o.name for o in v.operations if (v.account, o.name) not in mine})
            for v in vendors
        ]

    def purses(self, purses: Mapping[str, Purse]) -> dict[str, Purse]:
        """The same purses, with no more in each for this run than was planned."""
        return {
            name: replace(purse, caps={k: self._tighter(c, name, k) for k, c in purse.caps.items()})
            for name, purse in purses.items()
        }

    def _tighter(self, caps: Caps, account: str, kind: str) -> Caps:
        planned = self.worst.get((account, kind), Decimal(0))
        return replace(caps, per_run=planned if caps.per_run is None else min(planned, caps.per_run))
