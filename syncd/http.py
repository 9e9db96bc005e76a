"""HTTP requests to providers, and the proof of whether one left. The only module that knows httpx and httpcore."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import httpcore
import httpx
import orjson

from syncd.connector import Answer, Failure, FailureKind, Operation, Request
from syncd.secret import SecretMissing

MAX_BODY = 8 * 1024 * 1024
CONNECT_S = 5.0
IDLE_S = 20.0
"""A connection that was idle for longer is not used again: the server may be about to close it."""
READ_BYTES = 16 * 1024
"""As much is set aside for each request that waits for its answer; hardly one is longer."""
_TROUBLE = (
    httpcore.ConnectionNotAvailable,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpx.DecodingError,
    ssl.SSLError,
    OSError,
)


class Http:
    """Requests to one base URL.

    Each connection is used by one request at a time and goes back among the idle ones; there is no pool
    that looks through all of them at every request. Redirects are not followed, because credentials travel
    in headers; nothing is taken from the environment but what it says of certificates.
    """

    def __init__(self, base_url: str, headers: Callable[[], Mapping[str, str]]) -> None:
        self.base_url = base_url.rstrip("/")
        base = httpx.URL(self.base_url)
        self._host = _host(base)
        self._folder = base.raw_path.decode().rstrip("/")
        self.callback_url = ""
        """Where the vendor is asked to call back; blank where nobody could reach us."""
        self._headers = headers
        # Plain http goes to loopback only and has no certificate.
        self._trust = None if self.base_url.startswith("http://") else httpx.create_ssl_context()
        self._idle: queue.LifoQueue[httpcore.HTTPConnection] = queue.LifoQueue()

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

        host, target = self._host, self._target(request)
        if request.follow is not None:
            url = httpx.URL(self._allowed(request.follow))
            host, target = _host(url), url.raw_path
        built = self._build(request, host, target, operation.timeout_s, trace)
        deadline = time.monotonic() + operation.timeout_s * 1.5
        connection = self._connection(host)
        try:
            response = connection.handle_request(built)
            try:
                body = _read(response, deadline)
            finally:
                response.close()
        except (*_TROUBLE, _TooMuch) as error:
            raise _lost(error, sent, paid) from None
        finally:
            if host is self._host:
                self._idle.put(connection)
            else:
                connection.close()
        return Answer(response.status, _headers(response), body)

    def _connection(self, host: _Host) -> httpcore.HTTPConnection:
        """An idle connection that is still good, or one that is made with its first request."""
        with suppress(queue.Empty):
            while host is self._host:
                connection = self._idle.get_nowait()
                if not (connection.is_closed() or connection.has_expired()):
                    return connection
                connection.close()
        origin = httpcore.Origin(host.scheme, host.name, host.port)
        return httpcore.HTTPConnection(
            origin, ssl_context=self._trust, keepalive_expiry=IDLE_S, network_backend=_WIRES
        )

    def _build(
        self,
        request: Request,
        host: _Host,
        target: bytes,
        timeout_s: float,
        trace: Callable[[str, Any], None],
    ) -> httpcore.Request:
        try:
            ours = {} if request.follow is not None else self._headers()
        except SecretMissing as missing:
            raise Failure(FailureKind.CONFIG, str(missing), charged=False) from None
        kind, content = _content(request, self.callback_url)
        headers = {"accept": "application/json", "user-agent": "syncd", **kind, **ours, **request.headers}
        return httpcore.Request(
            request.method,
            # To take an address apart and put it together costs more than to send the request.
            httpcore.URL(scheme=host.scheme, host=host.name, port=host.port, target=target),
            headers=[(b"host", host.header), *((k.encode(), v.encode()) for k, v in headers.items())],
            content=content,
            extensions={
                "trace": trace,
                "timeout": {"connect": CONNECT_S, "read": timeout_s, "write": timeout_s},
            },
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


class Wire(httpcore.NetworkStream):
    """httpcore's own connection, of which no more is read at once than `READ_BYTES`."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(min(max_bytes, READ_BYTES), timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return Wire(self._inner.start_tls(ssl_context, server_hostname, timeout))


class _Wires(httpcore.SyncBackend):
    """Where connections come from."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return Wire(super().connect_tcp(*args, **kwargs))


_WIRES = _Wires()


class _Host(NamedTuple):
    """Where requests go, and how the header `host` says it."""

    scheme: bytes
    name: bytes
    port: int
    header: bytes


def _host(url: httpx.URL) -> _Host:
    port = url.port or (443 if url.scheme == "https" else 80)
    return _Host(url.raw_scheme, url.raw_host, port, url.netloc)


def _content(request: Request, callback_url: str) -> tuple[dict[str, str], bytes]:
    """The headers that speak of the body, and the body."""
    held = _with_callback(request, callback_url)
    if held is not None:
        body, kind = orjson.dumps(held), {"content-type": "application/json"}
    elif request.form is not None:
        body, kind = urlencode(request.form).encode(), {"content-type": "application/x-www-form-urlencoded"}
    elif request.method in ("GET", "DELETE"):
        return {}, b""
    else:
        body, kind = b"", {}
    return {"content-length": str(len(body)), **kind}, body


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


def _headers(response: httpcore.Response) -> dict[str, str]:
    """The headers by their names in lower case; what was sent several times is joined by commas."""
    found: dict[str, str] = {}
    for raw_name, raw in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _read(response: httpcore.Response, deadline: float) -> bytes:
    body = _bounded(response.iter_stream(), deadline)
    packed = [(k, v) for k, v in response.headers if k.lower() == b"content-encoding"]
    if not packed:
        return body
    # Nobody was asked to pack; who does all the same is understood.
    unpacked = httpx.Response(200, headers=packed, stream=httpx.ByteStream(body))
    return _bounded(unpacked.iter_bytes(), deadline)


def _bounded(parts: Iterable[bytes], deadline: float) -> bytes:
    chunks, size = [], 0
    for chunk in parts:
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
