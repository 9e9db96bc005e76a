"""What was asked of whom and how it ended, counted in this process."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncd.connector import Failure, FailureKind, Operation
from syncd.model import Outcome, Pending


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


class Watcher(Protocol):
    """Told of everything in detail, from any thread."""

    def sent(self, connector: str, operation: Operation, seconds: float) -> None:
        """A request went out and came to an end, good or bad."""
        ...

    def ended(self, connector: str, operation: Operation, failure: Failure | None) -> None:
        """How a request ended that looked nobody up."""
        ...

    def answered(
        self,
        connector: str,
        operation: Operation,
        outcomes: Sequence[Outcome] | None,
        failure: Failure | None,
    ) -> None:
        """What became of a lookup, once it is known: outcomes without a pending one, or a failure."""
        ...


class Meter:
    """Counts requests since it was made. Observers and watchers (metrics) are told of each one."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self.observers: list[Observer] = []
        self.watchers: list[Watcher] = []

    def sent(
        self, connector: str, operation: Operation, failure: Failure | None, seconds: float, lookup: bool
    ) -> None:
        """One request and its end; of a lookup, `answered` tells later what came of it."""
        with self._turn:
            tally = self._tallies[connector]
            tally.by_operation[operation.name] += 1
            tally.rate_limited += failure is not None and failure.kind is FailureKind.RATE_LIMITED
        outcome = "ok" if failure is None else failure.kind.value
        for observe in self.observers:
            observe(connector, operation.name, outcome, seconds)
        for watcher in self.watchers:
            watcher.sent(connector, operation, seconds)
            if not lookup:
                watcher.ended(connector, operation, failure)

    def answered(
        self,
        connector: str,
        operation: Operation,
        outcomes: Sequence[Outcome] | None,
        failure: Failure | None = None,
    ) -> None:
        """What became of a lookup. A job that is pending is told of when it has ended."""
        if outcomes is not None and any(isinstance(o, Pending) for o in outcomes):
            return
        for watcher in self.watchers:
            watcher.answered(connector, operation, outcomes, failure)

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
