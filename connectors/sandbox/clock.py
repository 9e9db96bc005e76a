"""The sandbox's clock: the real one, shifted, or run faster."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds and instants as the sandbox sees them. Steps and rates are set from outside."""

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._monotonic = monotonic
        self._anchor = monotonic()
        self._offset = wall() - self._anchor
        self._rate = 1.0

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._anchor + self._offset + (self._monotonic() - self._anchor) * self._rate

    def now(self) -> datetime:
        """The instant, aware UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Step by so many seconds, backwards for a negative number."""
        self._offset += seconds

    def run(self, rate: float) -> None:
        """From now on pass `rate` seconds for each real one; 0 stops the clock."""
        now = self.time()
        self._anchor = self._monotonic()
        self._offset = now - self._anchor
        self._rate = rate
