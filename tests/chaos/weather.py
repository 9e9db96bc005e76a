"""The dice of a campaign: which trouble meets whom in a round. The same seed gives the same troubles."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FAULTS: Sequence[Mapping[str, Any]] = (
    {"kind": "charge_then_500", "rate": 0.03},
    {"kind": "reset_after", "rate": 0.03},
    {"kind": "reset_before", "rate": 0.05},
    {"kind": "status", "status": 503, "rate": 0.05},
    {"kind": "status", "status": 500, "rate": 0.03},
    {"kind": "rate_limit", "rate": 0.03, "retry_after": "1"},
    {"kind": "rate_limit", "rate": 0.02},
    {"kind": "garbage", "rate": 0.02},
    {"kind": "truncate", "rate": 0.02},
    {"kind": "hang", "seconds": 2, "rate": 0.02},
    {"kind": "hang_after", "seconds": 2, "rate": 0.02},
    {"kind": "delay", "seconds": 0.3, "rate": 0.3},
)
CRM_PATHS = {"hubspot": "*/objects/contacts*", "salesforce": "/services/data/*"}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "contactout": {"job_late": 0.05, "job_lost": 0.02},
    "rocketreach": {"late": 0.05, "lost": 0.02, "late_s": 20},
    "waterfall_io": {"after_s": 1, "slow": 0.05, "slow_s": 20, "stuck": 0.02},
    "reverselooker": {"slow": 0.05, "slow_s": 20, "stuck": 0.02},
    "crustdata": {"job_late": 0.05, "job_lost": 0.02},
}
"""Of the vendors' jobs some end late and some never."""
HOURS = 6.0


@dataclass(frozen=True)
class Round:
    """What happens in one round."""

    fate: str
    """kill, term, freeze, or a trouble of the state's place."""
    victim: int
    after_s: float
    """How long all go on before it happens."""
    clock_s: Mapping[int, float]
    """Worker → by how much its wall clock is ahead from now on."""
    server_clock_s: float | None
    faults: Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass
class Weather:
    """Rounds to come."""

    seed: int
    vendors: Sequence[str]
    workers: int
    troubles: Sequence[str]
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(f"weather {self.seed}")

    def next(self) -> Round:
        dice = self._dice
        fates = {"kill": 70, "term": 6, "freeze": 9, **dict.fromkeys(self.troubles, 15 / len(self.troubles))}
        fate = dice.choices(list(fates), list(fates.values()))[0]
        victim = dice.randrange(self.workers)
        after_s = dice.uniform(0.0, 2.5)
        clocks = {n: self._step() for n in range(self.workers) if dice.random() < 0.15}
        server = self._step() if dice.random() < 0.15 else None
        return Round(fate, victim, after_s, clocks, server, {v: self._faults(v) for v in self.vendors})

    def _step(self) -> float:
        """By how much a clock is ahead now: some hours, or right again."""
        return self._dice.choice((0.0, self._dice.uniform(-HOURS, HOURS) * 3600))

    def _faults(self, vendor: str) -> list[dict[str, Any]]:
        chosen = self._dice.sample(list(FAULTS), self._dice.randrange(4))
        return [
            {**f, "path": CRM_PATHS.get(vendor, "*"), "seed": self._dice.randrange(1_000_000)} for f in chosen
        ]
