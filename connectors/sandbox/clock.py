"""The sandbox's clock: the real one, shifted, or run faster."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds and instants as the sandbox sees them. Steps and rates are set from outside."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._rate = 1.0
        self._anchor = time.monotonic()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._anchor + self._offset + (time.monotonic() - self._anchor) * self._rate

    def now(self) -> datetime:
        """The instant, aware UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Step by so many seconds, backwards for a negative number."""
        self._offset += seconds

    def run(self, rate: float) -> None:
        """From now on pass `rate` seconds for each real one."""
        now = self.time()
        self._anchor = time.monotonic()
        self._offset = now - self._anchor
        self._rate = rate
