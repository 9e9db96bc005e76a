"""What was asked of whom and how it ended, counted in this process."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Requests to one connector."""

    by_operation: Counter[str] = field(default_factory=Counter)
    rate_limited: int = 0
    retried: int = 0

    @property
    def total(self) -> int:
        return sum(self.by_operation.values())


Observer = Callable[[str, str, str, float], None]
"""Called with connector, operation, outcome and seconds for every request."""


class Meter:
    """Counts requests since it was made. Observers (metrics) are told of each one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self.observers: list[Observer] = []

    def sent(self, connector: str, operation: str, outcome: str, seconds: float) -> None:
        """One request and its end."""
        with self._turn:
            tally = self._tallies[connector]
            tally.by_operation[operation] += 1
            tally.rate_limited += outcome == "rate_limited"
        for observe in self.observers:
            observe(connector, operation, outcome, seconds)

    def retried(self, connector: str) -> None:
        """A request is about to be repeated."""
        with self._turn:
            self._tallies[connector].retried += 1

    def mark(self) -> dict[str, Tally]:
        """The counts at this moment."""
        with self._turn:
            return {
                n: Tally(Counter(t.by_operation), t.rate_limited, t.retried) for n, t in self._tallies.items()
            }

    def since(self, mark: dict[str, Tally]) -> dict[str, Tally]:
        """The counts since `mark`."""
        now = self.mark()
        empty = Tally()
        found = {}
        for name, tally in now.items():
            before = mark.get(name, empty)
            found[name] = Tally(
                tally.by_operation - before.by_operation,
                tally.rate_limited - before.rate_limited,
                tally.retried - before.retried,
            )
        return found
