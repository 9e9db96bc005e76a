"""Faults at any request position, installed from outside."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from connectors.sandbox.settings import choice, known_keys, number, record, text

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

    A request fits when method and path template do; `*` in `path` stands for any text. Of the fitting
    requests those are due: the `nth` since the fault was installed (1 is the next), every `every`-th, or
    a share `rate`; none of the three means each one. At most `times` are met. Where several faults are
    due at one request, the first installed acts; the others count the request, but not as met.

    `seconds` is how long a delay (1 where unset) or a hang (until the client leaves, at most an hour)
    lasts. `retry_after` is sent with `status` and `rate_limit`; `body` takes the place of the vendor's.
    """

    kind: str
    method: str = ""
    path: str = ""
    nth: int | None = None
    every: int | None = None
    rate: float | None = None
    times: int | None = None
    seconds: float | None = None
    status: int = 500
    retry_after: str | None = None
    body: str = ""
    seed: int = 0
    seen: int = 0
    met: int = 0
    _dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        choice(self.kind, "kind", KINDS)
        self.method = text(self.method, "method").upper()
        text(self.path, "path")
        text(self.body, "body")
        for name in ("nth", "every", "times"):
            if getattr(self, name) is not None:
                setattr(self, name, int(number(getattr(self, name), name, 1, whole=True)))
        if self.rate is not None:
            number(self.rate, "rate", 0, 1)
        if self.seconds is not None:
            number(self.seconds, "seconds", 0)
        number(self.status, "status", 200, 599, whole=True)
        number(self.seed, "seed", whole=True)
        if isinstance(self.retry_after, int):
            self.retry_after = str(self.retry_after)
        text(self.retry_after or "", "retry_after")
        self._dice = random.Random(self.seed)

    def fits(self, method: str, template: str) -> bool:
        """Whether the fault is meant for requests of this kind."""
        if self.method and self.method != method:
            return False
        return (
            not self.path or self.path == template or ("*" in self.path and fnmatchcase(template, self.path))
        )

    def meets(self, method: str, template: str, taken: bool = False) -> bool:
        """Whether this request is met; counts it. A request already `taken` by another fault is not met."""
        if not self.fits(method, template):
            return False
        self.seen += 1
        hit = self._due() and not taken and (self.times is None or self.met < self.times)
        self.met += hit
        return hit

    def _due(self) -> bool:
        if self.nth is not None:
            return self.seen == self.nth
        if self.every is not None:
            return self.seen % self.every == 0
        return self.rate is None or self._dice.random() < self.rate

    @classmethod
    def parse(cls, data: object) -> Fault:
        """A fault from its JSON form.

        Raises:
            ValueError: an unknown kind or key, or a value out of range; the text says which.
        """
        given = record(data, "a fault")
        known_keys(given, _SETTABLE, "a fault")
        if "kind" not in given:
            raise ValueError(f"a fault needs a kind: {', '.join(KINDS)}")
        return cls(**given)

    def shown(self) -> dict[str, Any]:
        """What an observer is told of it."""
        return {
            "kind": self.kind,
            "method": self.method,
            "path": self.path,
            "seen": self.seen,
            "met": self.met,
        }


_SETTABLE = {f.name for f in fields(Fault) if f.init} - {"seen", "met"}
