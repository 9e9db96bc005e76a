"""Brakes: stop a run before it does damage that a person would have stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from syncd.decide import Change
from syncd.model import EMAIL_FIELDS, PHONE_FIELDS, Brakes, Field

_PERSONAL = EMAIL_FIELDS | PHONE_FIELDS | {Field.LINKEDIN_URL}
_ENOUGH = 50
"""Present values before a share of them means anything."""


@dataclass
class Watch:
    """What one run has decided so far. `ignored` are brakes overridden for this run only."""

    limits: Brakes
    ignored: frozenset[str] = frozenset()
    present: Counter[Field] = field(default_factory=Counter)
    replaced: Counter[Field] = field(default_factory=Counter)
    given: Counter[tuple[str, str]] = field(default_factory=Counter)
    written: int = 0
    verified: int = 0

    def weigh(self, present: Mapping[Field, int], changes: Iterable[Change]) -> str:
        """Take in a batch of decisions; why they must not be written, or "".

        `present` says how many of the batch's contacts had a value before, by field.
        """
        self.present.update(present)
        for change in changes:
            if change.before:
                self.replaced[change.field] += 1
            if change.field in _PERSONAL:
                self.given[change.property, change.after] += 1
        return self._same_value() or self._changed_share()

    def _same_value(self) -> str:
        if "same_value" in self.ignored:
            return ""
        for (name, _), count in self.given.items():
            if count > self.limits.same_value:
                return f"same_value: {count} contacts would get the same {name}"
        return ""

    def _changed_share(self) -> str:
        if "changed_share" in self.ignored:
            return ""
        for changed, count in self.replaced.items():
            present = max(count, self.present[changed])
            if present >= _ENOUGH and count / present > self.limits.changed_share:
                return f"changed_share: {count / present:.0%} of the present values of {changed.value} would change"
        return ""

    def canary_left(self) -> int | None:
        """How many records may be written before they are read back; None once that is over."""
        if "canary" in self.ignored or not self.limits.canary or self.verified >= self.limits.canary:
            return None
        return max(1, self.limits.canary - self.verified)
