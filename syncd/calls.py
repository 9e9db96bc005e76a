"""The one way out: pace, send, classify, retry what may be retried, meter, redact."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import stamina
import structlog
from stamina.instrumentation import set_on_retry_hooks

from syncd.connector import Answer, Failure, FailureKind, Operation, Request
from syncd.meter import Meter
from syncd.pacing import Bucket, Pacer

MAX_BODY = 8 * 1024 * 1024
ATTEMPTS = 4
PATIENCE_S = 30.0
"""How long a request may wait in place, for a slot or for a retry. Longer waits park the work."""
_log = structlog.get_logger("syncd.calls")

Classify = Callable[[Operation, Answer], Failure | None]


def retry_quietly() -> None:
    """Retries are metered here; the library's own log lines would repeat them."""
    set_on_retry_hooks([])


class Http:
    """An httpx client for one base URL. The only place that knows httpx.

    Redirects are not followed, because credentials travel in headers; proxies come from nowhere but
    the configuration.
    """

    def __init__(
        self,
        base_url: str,
        headers: Callable[[], Mapping[str, str]],
        connections: int = 16,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = headers
        loopback = self.base_url.startswith("http://")
        self._client = httpx.Client(
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=20
            ),
            timeout=httpx.Timeout(30.0, connect=5.0, pool=30.0),
            follow_redirects=False,
            trust_env=False,
            verify=False if loopback else verify,
        )

    def close(self) -> None:
        self._client.close()

    def exchange(self, operation: Operation, request: Request, paid: bool) -> Answer:
        """One request and its answer.

        Raises:
            Failure: unavailable with `charged=False` where not a byte of the request left; else ambiguous
                for a paid request, unavailable for a free one.
        """
        sent = False

        def trace(event: str, info: Any) -> None:
            nonlocal sent
            # The only proof of non-delivery: exceptions look alike before and after the request left.
            if event.endswith("send_request_headers.started"):
                sent = True

        deadline = time.monotonic() + operation.timeout_s * 1.5
        try:
            built = self._build(request, operation.timeout_s, trace)
            response = self._client.send(built, stream=True)
            try:
                body = _read(response, deadline)
            finally:
                response.close()
        except (httpx.HTTPError, httpx.InvalidURL, _TooMuch, ssl.SSLError, OSError) as error:
            raise _transport_failure(error, sent, paid) from None
        headers = {k.lower(): v for k, v in response.headers.items()}
        return Answer(response.status_code, headers, body)

    def _build(self, request: Request, timeout_s: float, trace: Callable[[str, Any], None]) -> httpx.Request:
        if request.follow is not None:
            url, headers = self._allowed(request.follow), dict(request.headers)
        else:
            path = (
                request.path.format_map({k: quote(v, safe="") for k, v in request.args.items()})
                if request.args
                else request.path
            )
            url, headers = self.base_url + path, {**self._headers(), **request.headers}
        timeout = httpx.Timeout(timeout_s, connect=5.0, pool=PATIENCE_S)
        return self._client.build_request(
            request.method,
            url,
            params={k: v if isinstance(v, str) else list(v) for k, v in request.params.items()} or None,
            json=request.json,
            data=dict(request.form) if request.form is not None else None,
            headers=headers,
            timeout=timeout,
            extensions={"trace": trace},
        )

    def _allowed(self, url: str) -> str:
        """A download URL that a vendor handed out; a sandbox may only lead to loopback, a vendor to https."""
        here, there = urlsplit(self.base_url), urlsplit(url)
        loopback = here.hostname in ("127.0.0.1", "::1", "localhost")
        good = there.hostname == here.hostname if loopback else there.scheme == "https"
        if not good:
            raise Failure(
                FailureKind.CONTRACT, "the vendor's download address is not one that may be followed"
            )
        return url


class _TooMuch(Exception):
    """The answer is larger or slower than any documented one."""


def _read(response: httpx.Response, deadline: float) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BODY or time.monotonic() > deadline:
            raise _TooMuch
        chunks.append(chunk)
    return b"".join(chunks)


def _transport_failure(error: Exception, sent: bool, paid: bool) -> Failure:
    """Exception texts hold URLs with queries; only the kind of the exception is told."""
    what = type(error).__name__.strip("_")
    if not sent:
        return Failure(FailureKind.UNAVAILABLE, f"no connection ({what})", charged=False)
    if paid:
        return Failure(FailureKind.AMBIGUOUS, f"the request was sent, the answer was lost ({what})")
    return Failure(FailureKind.UNAVAILABLE, f"the answer was lost ({what})")


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
    _down: set[str] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)

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
        started = time.perf_counter()
        try:
            answer = send()
            failure = self.classify(operation, answer)
        except Failure as lost:
            answer, failure = None, lost
        seconds = time.perf_counter() - started
        self.meter.sent(self.name, operation.name, failure.kind.value if failure else "ok", seconds)
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
        if not isinstance(error, Failure):
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
