"""The one way out: pace, send, classify, retry what may be retried, meter, redact."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import stamina
import structlog
from stamina.instrumentation import set_on_retry_hooks

from syncd.connector import Answer, Failure, FailureKind, Operation, Request
from syncd.http import Http
from syncd.meter import Meter
from syncd.model import Outcome
from syncd.pacing import Bucket, Pacer, interval_s

ATTEMPTS = 4
PATIENCE_S = 30.0
"""How long a request may wait in place, for a slot or for a retry. Longer waits park the work."""
FRESH_S, SLOTS = 10.0, 3
"""How old what was read may be when a write that relies on it leaves, and for how many slots it may wait besides."""
_log = structlog.get_logger("syncd.calls")

Classify = Callable[[Operation, Answer], Failure | None]


def retry_quietly() -> None:
    """Retries are metered here; the library's own log lines would repeat them."""
    set_on_retry_hooks([])


class HeldBack(Failure):
    """What was to be written had been read too long ago: it was not sent, and is to be read again."""

    def __init__(self) -> None:
        super().__init__(
            FailureKind.UNAVAILABLE, "held back: too long since the record was read", charged=False
        )


@dataclass
class Line:
    """A wire for requests that cost nothing or are harmless to repeat: paced, retried, metered."""

    name: str
    buckets: Mapping[str, Bucket]
    pacer: Pacer
    classify: Classify
    meter: Meter
    http: Http | None = None
    patience_s: float = PATIENCE_S
    without: frozenset[str] = frozenset()
    _down: set[str] = field(default_factory=set)
    _bound: threading.local = field(default_factory=threading.local)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def writing(self, read_at: float, lease_s: float) -> Iterator[None]:
        """Within it this thread sends nothing any more once what it read at that moment is too old to rely on.

        A slot, a repetition or the machine may keep a write waiting, and people go on editing meanwhile; after
        its lease another worker may.

        Raises:
            HeldBack: in place of a request that would come too late.
        """
        slots_s = SLOTS * interval_s(self.buckets["default"].limit)
        self._bound.at = read_at + min(FRESH_S, lease_s / 2) + slots_s
        try:
            yield
        finally:
            self._bound.at = math.inf

    def send(self, operation: Operation, request: Request) -> Answer:
        http = self.http
        if http is None:
            raise Failure(FailureKind.CONFIG, f"{self.name} has no base URL")
        return self.run(operation, lambda: http.exchange(operation, request, paid=False), request.path)

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        first = True
        for attempt in stamina.retry_context(
            on=self._worth_repeating,
            attempts=ATTEMPTS,
            timeout=self.patience_s,
            wait_initial=0.5,
            wait_max=8.0,
            wait_jitter=1.0,
        ):
            with attempt:
                if not first:
                    self.meter.retried(self.name)
                first = False
                return self.once(operation, send, path)
        raise AssertionError("retry_context either returns or raises")

    def once(self, operation: Operation, send: Callable[[], Answer], path: str, paced: bool = True) -> Answer:
        """One attempt in its slot. A vendor's wish to wait is obeyed by everybody who shares the bucket."""
        bucket = self.bucket(operation)
        if paced:
            self.pacer.wait(bucket, self.patience_s)
        if self.pacer.monotonic() > getattr(self._bound, "at", math.inf):
            raise HeldBack
        started = time.perf_counter()
        try:
            answer = send()
            failure = self.classify(operation, answer)
        except Failure as lost:
            answer, failure = None, lost
        seconds = time.perf_counter() - started
        self.meter.sent(self.name, operation, failure, seconds, lookup=not paced)
        _log.debug(
            "call.done",
            connector=self.name,
            operation=operation.name,
            path=path,
            status=answer.status if answer else 0,
            outcome=failure.kind.value if failure else "ok",
            ms=round(seconds * 1000, 1),
        )
        self._note(bucket, failure)
        if failure is not None:
            raise failure
        if answer is None:
            raise AssertionError("neither answer nor failure")
        return answer

    def told(self, operation: Operation, result: Sequence[Outcome] | Failure | None) -> None:
        """What came of a lookup that was sent over this line, for the meter."""
        if isinstance(result, Failure):
            self.meter.answered(self.name, operation, None, result)
        elif result is not None:
            self.meter.answered(self.name, operation, result)

    def bucket(self, operation: Operation) -> Bucket:
        return self.buckets.get(operation.bucket) or self.buckets["default"]

    def _note(self, bucket: Bucket, failure: Failure | None) -> None:
        """Pauses and the breaker: an outage is logged once, its end once."""
        if failure is None:
            if bucket.key in self._down:
                with self._turn:
                    self._down.discard(bucket.key)
                _log.info("outage.ended", connector=self.name, outages=self.pacer.recovered(bucket))
            return
        if failure.kind is FailureKind.RATE_LIMITED and failure.status is not None:
            self.pacer.pause(bucket, failure.retry_after_s if failure.retry_after_s is not None else 5.0)
        elif failure.kind in (FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS):
            self.pacer.outage(bucket)
            with self._turn:
                fresh = bucket.key not in self._down
                self._down.add(bucket.key)
            if fresh:
                _log.warning("outage.began", connector=self.name, reason=failure.reason)

    def _worth_repeating(self, error: Exception) -> bool | float:
        if not isinstance(error, Failure) or isinstance(error, HeldBack):
            return False
        if error.kind is FailureKind.RATE_LIMITED:
            wait = error.retry_after_s or 0.0
            return 0.05 if wait <= self.patience_s and error.status is not None else False
        return error.kind in (FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS)


class PaidLine:
    """A wire for one request that costs: it goes out once, in a slot that was taken before, or not at all."""

    def __init__(self, line: Line, may_send: Callable[[], bool]) -> None:
        self._line = line
        self._may_send = may_send
        self._used = False
        self.sent = False
        """Whether the request went out."""

    @property
    def without(self) -> frozenset[str]:
        return self._line.without

    def send(self, operation: Operation, request: Request) -> Answer:
        http = self._line.http
        if http is None:
            raise Failure(FailureKind.CONFIG, f"{self._line.name} has no base URL", charged=False)
        return self.run(operation, lambda: http.exchange(operation, request, paid=True), request.path)

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        if self._used:
            raise AssertionError("a paid call is one request")
        self._used = True
        if not self._may_send():
            raise Failure(FailureKind.UNAVAILABLE, "held back: too long since it was booked", charged=False)
        self.sent = True
        return self._line.once(operation, send, path, paced=False)


def lower(limits: Sequence[Any], wanted: Mapping[str, tuple[int, float]]) -> list[Any]:
    """A vendor's limits with the configured rates in their place; `default` stands for buckets not named."""
    from dataclasses import replace

    found = []
    for limit in limits:
        rate = wanted.get(limit.bucket) or (
            wanted.get("default") if limit.bucket == "default" or "default" in wanted else None
        )
        found.append(replace(limit, count=rate[0], per_s=rate[1]) if rate else limit)
    return found
