"""Rate limits as vendors enforce them. Which kind a vendor uses is mostly undocumented: offer all."""

from __future__ import annotations

import math
from collections import deque

KINDS = ("fixed", "sliding", "counter", "token")
_HAIR = 1e-9
"""Relative slack for sums of binary fractions, far below any interval that a client could see."""


class Window:
    """Admits `count` requests per `per_s` seconds by one of four policies.

    fixed: counters reset at multiples of the period. sliding: a log of the last period. counter: the
    weighted sum of two fixed windows. token: a bucket that starts full and refills evenly.
    A clock that steps back starts the window afresh.
    """

    def __init__(self, count: float, per_s: float, kind: str = "sliding") -> None:
        if kind not in KINDS:
            raise ValueError(f"no window of kind {kind}; there are {', '.join(KINDS)}")
        if per_s <= 0 or count < 0:
            raise ValueError("a window has a positive period and no negative count")
        self.count, self.per_s, self.kind = count, per_s, kind
        self._forget(0.0)

    def admit(self, now: float) -> float:
        """0 where the request is admitted and counted, else the seconds until one would be."""
        self._advance(now)
        wait = self._wait(now)
        if wait > 0:
            return wait
        if self.kind == "sliding":
            self._log.append(now)
        elif self.kind == "token":
            self._tokens -= 1
        else:
            self._used += 1
        return 0.0

    def remaining(self, now: float) -> int:
        """Requests that would still be admitted at once."""
        self._advance(now)
        match self.kind:
            case "sliding":
                left = self.count - len(self._log)
            case "token":
                left = self._tokens + _HAIR
            case "counter":
                left = math.ceil(self.count - self._weighted(now) - _HAIR)
            case _:
                left = self.count - self._used
        return max(0, int(left))

    def frees_in(self, now: float) -> float:
        """Seconds until the oldest request of a sliding window leaves it; 0 where it holds none."""
        self._advance(now)
        return self._until(now, self._log[0] + self.per_s) if self._log else 0.0

    def _forget(self, now: float) -> None:
        self._log: deque[float] = deque()
        self._start, self._used, self._before = now - now % self.per_s, 0, 0
        self._tokens, self._at = float(self.count), now

    def _advance(self, now: float) -> None:
        """Bring the state to this instant."""
        if now < self._at:
            self._forget(now)
        while self._log and self._log[0] <= now - self.per_s:
            self._log.popleft()
        start = now - now % self.per_s
        if start != self._start:
            self._before = self._used if start - self._start < 1.5 * self.per_s else 0
            self._start, self._used = start, 0
        self._tokens = min(self.count, self._tokens + (now - self._at) * self.count / self.per_s)
        self._at = now

    def _weighted(self, now: float) -> float:
        return self._before * (1 - (now - self._start) / self.per_s) + self._used

    def _wait(self, now: float) -> float:
        """Seconds until a request would be admitted; 0 where one is."""
        match self.kind:
            case "sliding":
                full = len(self._log) >= self.count
                return self._until(now, self._log[0] + self.per_s if self._log else math.inf) if full else 0.0
            case "token":
                short = 1 - self._tokens
                return 0.0 if short <= _HAIR else short * self.per_s / self.count if self.count else math.inf
            case "fixed":
                return self._until(now, self._start + self.per_s) if self._used >= self.count else 0.0
            case _:
                return 0.0 if self._weighted(now) < self.count - _HAIR else self._counter_wait(now)

    def _counter_wait(self, now: float) -> float:
        if not self.count:
            return math.inf
        step = self.per_s * _HAIR
        if self._used < self.count:
            share = (self.count - self._used) / self._before
            return self._until(now, self._start + self.per_s * (1 - share) + step)
        # the next window starts with this one's count at full weight
        share = self.count / self._used
        return self._until(now, self._start + self.per_s * (2 - share) + step)

    @staticmethod
    def _until(now: float, then: float) -> float:
        return max(then - now, 1e-6)
