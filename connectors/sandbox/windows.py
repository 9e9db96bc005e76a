"""Rate limits as vendors enforce them. Which kind a vendor uses is mostly undocumented: offer all."""

from __future__ import annotations

from collections import deque


class Window:
    """Admits `count` requests per `per_s` seconds by one of four policies.

    fixed: counters reset at multiples of the period. sliding: a log of the last period. counter: the
    weighted sum of two fixed windows. token: a bucket that starts full and refills evenly.
    """

    def __init__(self, count: float, per_s: float, kind: str = "sliding") -> None:
        if kind not in ("fixed", "sliding", "counter", "token"):
            raise ValueError(f"no window of kind {kind}")
        self.count, self.per_s, self.kind = count, per_s, kind
        self._log: deque[float] = deque()
        self._start, self._used, self._before = 0.0, 0, 0
        self._tokens, self._at = count, 0.0

    def admit(self, now: float) -> float:
        """0 where the request is admitted, else the seconds until one would be."""
        wait = getattr(self, f"_{self.kind}")(now)
        return float(max(0.0, wait))

    def remaining(self, now: float) -> int:
        """Requests that would still be admitted at once."""
        self._roll(now)
        if self.kind == "sliding":
            return max(0, int(self.count - sum(1 for t in self._log if t > now - self.per_s)))
        return max(0, int(self.count - self._used))

    def _roll(self, now: float) -> None:
        start = now - now % self.per_s
        if start != self._start:
            self._before = self._used if start - self._start <= self.per_s else 0
            self._start, self._used = start, 0

    def _fixed(self, now: float) -> float:
        self._roll(now)
        if self._used >= self.count:
            return self._start + self.per_s - now
        self._used += 1
        return 0.0

    def _sliding(self, now: float) -> float:
        while self._log and self._log[0] <= now - self.per_s:
            self._log.popleft()
        if len(self._log) >= self.count:
            return self._log[0] + self.per_s - now
        self._log.append(now)
        return 0.0

    def _counter(self, now: float) -> float:
        self._roll(now)
        weight = 1 - (now - self._start) / self.per_s
        if self._before * weight + self._used >= self.count:
            return self.per_s / self.count
        self._used += 1
        return 0.0

    def _token(self, now: float) -> float:
        rate = self.count / self.per_s
        self._tokens = min(self.count, self._tokens + (now - self._at) * rate) if self._at else self.count
        self._at = now
        if self._tokens < 1:
            return (1 - self._tokens) / rate
        self._tokens -= 1
        return 0.0
