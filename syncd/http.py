"""HTTP requests to providers, and the proof of whether one left. The only module that knows httpx."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from syncd.connector import Answer, Failure, FailureKind, Operation, Request
from syncd.secret import SecretMissing

MAX_BODY = 8 * 1024 * 1024
CONNECT_S = 5.0
IDLE_S = 20.0
"""A connection that was idle for longer is not used again: the server may be about to close it."""


class Http:
    """Requests to one base URL.

    Each connection has a transport of its own: a shared pool looks through all of its connections at every
    request, which costs more than the request itself. Redirects are not followed, because credentials
    travel in headers; nothing is taken from the environment.
    """

    def __init__(self, base_url: str, headers: Callable[[], Mapping[str, str]]) -> None:
        self.base_url = base_url.rstrip("/")
        self._base = httpx.URL(self.base_url)
        self._folder = self._base.raw_path.decode().rstrip("/")
        self.callback_url = ""
        """Where the vendor is asked to call back; blank where nobody could reach us."""
        self._headers = headers
        # Plain http goes to loopback only and has no certificate.
        self._verify = False if self.base_url.startswith("http://") else httpx.create_ssl_context()
        self._idle: queue.LifoQueue[httpx.HTTPTransport] = queue.LifoQueue()

    def _transport(self) -> httpx.HTTPTransport:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            limits = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_S)
            return httpx.HTTPTransport(verify=self._verify, trust_env=False, limits=limits, retries=0)

    def close(self) -> None:
        """Close idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

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

        built = self._build(request, operation.timeout_s, trace)
        deadline = time.monotonic() + operation.timeout_s * 1.5
        transport = self._transport()
        try:
            response = transport.handle_request(built)
            try:
                body = _read(response, deadline)
            finally:
                response.close()
        except (httpx.HTTPError, _TooMuch, ssl.SSLError, OSError) as error:
            raise _lost(error, sent, paid) from None
        finally:
            self._idle.put(transport)
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    def _build(self, request: Request, timeout_s: float, trace: Callable[[str, Any], None]) -> httpx.Request:
        try:
            ours = {} if request.follow is not None else self._headers()
        except SecretMissing as missing:
            raise Failure(FailureKind.CONFIG, str(missing), charged=False) from None
        timeout = {"connect": CONNECT_S, "read": timeout_s, "write": timeout_s, "pool": CONNECT_S}
        extensions: dict[str, Any] = {"trace": trace, "timeout": timeout}
        if request.follow is not None:
            url = httpx.URL(self._allowed(request.follow))
        else:
            # To take an address apart and put it together costs more than to send the request.
            url, extensions["target"] = self._base, self._target(request)
        return httpx.Request(
            request.method,
            url,
            json=_with_callback(request, self.callback_url),
            data=dict(request.form) if request.form is not None else None,
            headers={"accept": "application/json", "user-agent": "syncd", **ours, **request.headers},
            extensions=extensions,
        )

    def _target(self, request: Request) -> bytes:
        """The path and the query of a request."""
        args = {k: quote(v, safe="") for k, v in request.args.items()}
        path = request.path.format_map(args) if args else request.path
        query = urlencode(request.params, doseq=True)
        return f"{self._folder}{path}{query and '?'}{query}".encode("ascii")

    def _allowed(self, url: str) -> str:
        """A download URL that a vendor handed out; a sandbox may only lead to loopback, a vendor to https."""
        here, there = urlsplit(self.base_url), urlsplit(url)
        loopback = here.hostname in ("127.0.0.1", "::1", "localhost")
        if there.hostname != here.hostname if loopback else there.scheme != "https":
            raise Failure(
                FailureKind.CONTRACT, "the vendor's download address is not one that may be followed"
            )
        return url


def _with_callback(request: Request, url: str) -> object | None:
    """The body with the address of our callback in its place, where there is one. The key may be dotted."""
    if not url or not request.callback_key or not isinstance(request.json, dict):
        return request.json
    body: dict[str, object] = dict(request.json)
    place = body
    *path, last = request.callback_key.split(".")
    for name in path:
        inner = place.get(name)
        place[name] = dict(inner) if isinstance(inner, dict) else {}
        place = place[name]  # type: ignore[assignment]  # a dict, by the line above
    place[last] = url
    return body


class _TooMuch(Exception):
    """The answer is larger or slower than any documented one."""


def _read(response: httpx.Response, deadline: float) -> bytes:
    chunks, size = [], 0
    plain = response.stream if "content-encoding" not in response.headers else None
    # What is not packed needs none of the layers that unpack.
    for chunk in plain if isinstance(plain, httpx.SyncByteStream) else response.iter_bytes():
        size += len(chunk)
        if size > MAX_BODY or time.monotonic() > deadline:
            raise _TooMuch
        chunks.append(chunk)
    return b"".join(chunks)


def _lost(error: Exception, sent: bool, paid: bool) -> Failure:
    """Exception texts hold URLs with queries; only the kind of the exception is told."""
    what = type(error).__name__.strip("_")
    if not sent:
        return Failure(FailureKind.UNAVAILABLE, f"no connection ({what})", charged=False)
    if paid:
        return Failure(FailureKind.AMBIGUOUS, f"the request was sent, the answer was lost ({what})")
    return Failure(FailureKind.UNAVAILABLE, f"the answer was lost ({what})")
