"""Faults at any request position, installed from outside."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "delay",
    "hang",
    "hang_after",
    "reset_before",
    "reset_after",
    "status",
    "garbage",
    "truncate",
    "rate_limit",
    "charge_then_500",
)
AFTER_EFFECT = ("hang_after", "reset_after", "garbage", "truncate", "charge_then_500")


@dataclass
class Fault:
    """One fault and the requests that it meets.

    A request is met when its method and path template fit, and by position: the `nth` fitting request
    since the fault was installed (1 is the next), every `every`-th, or a share `rate` of them; none of
    the three means each one. At most `times` requests are met.
    """

    kind: str
    method: str = ""
    path: str = ""
    nth: int | None = None
    every: int | None = None
    rate: float | None = None
    times: int | None = None
    seconds: float = 1.0
    status: int = 500
    retry_after: str | None = None
    body: str = ""
    seed: int = 0
    seen: int = 0
    met: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault of kind {self.kind}; there are {', '.join(KINDS)}")
        self._dice = random.Random(self.seed)

    def meets(self, method: str, template: str) -> bool:
        """Whether this request is met; counts it."""
        if (self.method and self.method != method) or (self.path and self.path != template):
            return False
        self.seen += 1
        if self.times is not None and self.met >= self.times:
            return False
        if self.nth is not None:
            hit = self.seen == self.nth
        elif self.every is not None:
            hit = self.seen % self.every == 0
        elif self.rate is not None:
            hit = self._dice.random() < self.rate
        else:
            hit = True
        self.met += hit
        return hit

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Fault:
        """A fault from its JSON form.

        Raises:
            ValueError: an unknown kind or key.
        """
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(f"a fault has no such key: {error}") from None

    def shown(self) -> dict[str, Any]:
        """What an observer is told of it."""
        return {
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "seen": self.seen,
            "met": self.met,
        }
