"""Brakes: stop a run before it does damage that a person would have stopped."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

from syncd.decide import Change
from syncd.model import EMAIL_FIELDS, PHONE_FIELDS, Brakes, Field

_PERSONAL = EMAIL_FIELDS | PHONE_FIELDS | {Field.LINKEDIN_URL}
_ENOUGH = 50
"""Present values before a share of them means anything."""
_KNOWN = 20
"""Known contacts before a share of them means anything."""
LATEST = 50
"""Answers of a provider that are judged, and that it takes to judge."""
BEFORE = 100
"""Earlier answers before they tell what is usual."""
_SURE = 6.0
"""Standard deviations by which what is judged must be off. It is judged thousands of times a run: nothing that
chance brings about may stop one."""


@dataclass
class Watch:
    """What one run has decided so far. `ignored` are brakes overridden for this run only."""

    limits: Brakes
    ignored: frozenset[str] = frozenset()
    present: Counter[Field] = field(default_factory=Counter)
    replaced: Counter[Field] = field(default_factory=Counter)
    given: Counter[int] = field(default_factory=Counter)
    """Property and value, as a hash: a run may give a million of them."""
    most_given: tuple[int, str] = (0, "")
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
                mark = hash((change.property, change.after))
                self.given[mark] += 1
                self.most_given = max(self.most_given, (self.given[mark], change.property))
        return self._same_value() or self._changed_share()

    def _same_value(self) -> str:
        if "same_value" in self.ignored:
            return ""
        count, name = self.most_given
        if count <= self.limits.same_value:
            return ""
        return f"same_value: {count} contacts would get the same {name}"

    def _changed_share(self) -> str:
        if "changed_share" in self.ignored:
            return ""
        for changed, count in self.replaced.items():
            present = max(count, self.present[changed])
            if present >= _ENOUGH and count / present > self.limits.changed_share:
                return f"changed_share: {count / present:.0%} of the present values of {changed.value} would change"
        return ""

    def missing(self, gone: int, known: int) -> str:
        """Why so many records of so many known ones must not be taken for gone, or ""."""
        return "" if "empty_crm" in self.ignored else emptied(gone, known, self.limits.empty_crm)

    def canary_left(self) -> int | None:
        """How many records may be written before they are read back; None once that is over."""
        if "canary" in self.ignored or not self.limits.canary or self.verified >= self.limits.canary:
            return None
        return max(1, self.limits.canary - self.verified)


def advice(scope: str, why: str) -> str:
    """What stopped and what to do, as a sentence or two."""
    name = why.partition(":")[0]
    go_on = f"then let it go on with `syncd resume {scope}`, or once with `syncd once --ignore-brake {name}`."
    look = {
        "hit_rate": f"Nothing more is bought of {scope}. See with `syncd explain` what it answered of late",
        "empty_crm": "Nothing was concluded from it. See in the CRM whether the records and our access are there",
    }.get(name, "Nothing more is written. Look at `syncd explain`")
    return f"{scope}: stopped by a brake ({why}). {look}, {go_on}"


def emptied(gone: int, known: int, share: float) -> str:
    """Why the CRM looks emptied, or ""."""
    if share >= 1 or known < _KNOWN or gone <= share * known:
        return ""
    return f"empty_crm: {gone:,} of {known:,} known contacts would be taken for gone or out of scope"


Heard = tuple[str, bool]
"""By what question (operation and kind of key), and whether it was a hit."""


class Pulse:
    """How often one provider finds whom it is asked about, against how often it did before.

    Hits are compared question by question, so that other questions, which find others, are no alarm.
    """

    def __init__(self, limit: float, before: Iterable[Heard], latest: Iterable[Heard]) -> None:
        """Both oldest first. `limit` is the part of hits or of misses that may be gone."""
        self._limit = limit
        self._asked: Counter[str] = Counter()
        self._hits: Counter[str] = Counter()
        self._latest: deque[Heard] = deque()
        for heard in before:
            self._settle(heard)
        for heard in latest:
            self.hear(heard)

    def _settle(self, heard: Heard) -> None:
        question, hit = heard
        self._asked[question] += 1
        self._hits[question] += hit

    def hear(self, heard: Heard) -> None:
        """Take in one answer."""
        self._latest.append(heard)
        if len(self._latest) > LATEST:
            self._settle(self._latest.popleft())

    def why(self) -> str:
        """Why this provider should not be paid before somebody looked, or ""."""
        judged = [(q, hit) for q, hit in self._latest if self._asked[q]]
        if self._limit >= 1 or len(judged) < LATEST or sum(self._asked.values()) < BEFORE:
            return ""
        usual = sum(self._hits[q] / self._asked[q] for q, _ in judged) / len(judged)
        now = sum(hit for _, hit in judged) / len(judged)
        fallen = now < usual * (1 - self._limit)
        risen = 1 - now < (1 - usual) * (1 - self._limit)
        if not (fallen or risen) or self._deviations(judged) < _SURE:
            return ""
        return f"hit_rate: {now:.0%} of its latest {len(judged)} answers were hits, {usual:.0%} were usual"

    def _deviations(self, judged: Sequence[Heard]) -> float:
        """By how many standard deviations the hits are off, what few earlier answers leave open included."""
        expected = variance = 0.0
        for question, count in Counter(q for q, _ in judged).items():
            asked = self._asked[question]
            # One hit and one miss more than there were: a rate of exactly none or all leaves no room for chance.
            rate = (self._hits[question] + 1) / (asked + 2)
            expected += count * rate
            variance += count * rate * (1 - rate) * (1 + count / asked)
        return abs(sum(hit for _, hit in judged) - expected) / sqrt(variance)
