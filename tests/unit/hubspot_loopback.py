"""A scripted HTTP server on loopback, a wire that governs nothing, and a searchable index with a lag."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.hubspot import Connector, ConnectorOptions
from syncd.connector import Answer, Operation, Request

TOKEN = "pat-eu1-canary-7f3b"
DATE = "Sat, 21 Nov 2026 10:00:00 GMT"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True)
class Reply:
    body: object = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    end: str = "proper"
    """proper, hang (never answer), reset (drop the connection), cut (shorter than announced)."""


Script = Callable[[Asked], Reply]


class Loopback:
    """`with Loopback(script) as server:`; what was asked is in `asked`, TCP connections in `connections`."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.connections = 0
        self.released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        return [a.path for a in self.asked]


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            server.connections += 1

        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            url = urlsplit(self.path)
            headers = {k.lower(): v for k, v in self.headers.items()}
            asked = Asked(
                self.command, url.path, parse_qs(url.query), headers, json.loads(body) if body else None
            )
            server.asked.append(asked)
            self._reply(server.script(asked))

        def _reply(self, reply: Reply) -> None:
            if reply.end == "hang":
                server.released.wait(20)
            if reply.end in ("hang", "reset"):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response_only(reply.status)
            for name, value in {"Date": DATE, "Content-Type": "application/json", **reply.headers}.items():
                if value:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if reply.end == "cut" else content)
            self.wfile.flush()
            self.close_connection = reply.end == "cut"

    return Handler


class OpenWire:
    """A wire that paces and retries nothing: it sends once, classifies, and keeps the path templates."""

    def __init__(self) -> None:
        self.connector: Connector | None = None
        self.ran: list[tuple[str, str]] = []

    def send(self, operation: Operation, request: Request) -> Answer:
        raise AssertionError("HubSpot's requests leave through its own client")

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        assert self.connector is not None
        self.ran.append((operation.name, path))
        answer = send()
        failure = self.connector.classify(operation, answer)
        if failure is not None:
            raise failure
        return answer


def options(**more: object) -> ConnectorOptions:
    given = {"token": {"env": "HUBSPOT_LOOPBACK_TOKEN"}, "account": "4242424", **more}
    return ConnectorOptions.model_validate(given)


def connect(
    server: Loopback | str, *, api_version: str = "v3", monotonic: Callable[[], float] = time.monotonic
) -> Connector:
    """A connector to the server; the credential is in the environment variable HUBSPOT_LOOPBACK_TOKEN."""
    wire = OpenWire()
    url = server if isinstance(server, str) else server.url
    wire.connector = Connector(options(api_version=api_version), wire, url, monotonic)
    return wire.connector


def iso(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


@dataclass
class Row:
    """A contact: the stamp by which the index finds it, the one that the store shows, other values."""

    id: int
    indexed: int
    stored: int
    values: Mapping[str, str] = field(default_factory=dict)


class Index:
    """Search as HubSpot answers it: 200 a page, 10,000 in all, an index that may lag behind the store."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = list(rows)
        self.disorder: Callable[[list[Row]], list[Row]] = lambda rows: rows
        self.before_answer: Callable[[int], None] = lambda number: None
        self.searches = 0
        self.refused: list[str] = []

    def __call__(self, asked: Asked) -> Reply:
        self.searches += 1
        self.before_answer(self.searches)
        body = asked.json
        offset, limit = int(body.get("after", 0)), body["limit"]
        (group,) = body["filterGroups"]
        (sort,) = body["sorts"]
        broken = [
            name
            for name, wrong in {
                "limit": limit > 200,
                "filters": len(group["filters"]) > 3,
                "length": len(json.dumps(body)) > 3_000,
                "ceiling": offset + limit > 10_000,
                "direction": sort["direction"] != "ASCENDING",
            }.items()
            if wrong
        ]
        if broken:
            self.refused += broken
            return Reply({"category": "VALIDATION_ERROR", "message": "refused"}, 400)
        tests = [_test(f) for f in group["filters"]]
        found = [row for row in self.rows if all(test(row) for test in tests)]
        found.sort(
            key=lambda row: (row.id if sort["propertyName"] == "hs_object_id" else row.indexed, row.id)
        )
        found = self.disorder(found)
        answer: dict[str, object] = {
            "total": len(found),
            "results": [
                {"id": str(r.id), "properties": {"lastmodifieddate": iso(r.stored)}}
                for r in found[offset : offset + limit]
            ],
        }
        if offset + limit < len(found):
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return Reply(answer)


def _test(wanted: Mapping[str, Any]) -> Callable[[Row], bool]:
    name = wanted["propertyName"]
    have: Callable[[Row], Any] = {
        "lastmodifieddate": lambda row: row.indexed,
        "hs_object_id": lambda row: row.id,
    }.get(name, lambda row: row.values.get(name))
    match wanted["operator"]:
        case "BETWEEN":
            low, high = int(wanted["value"]), int(wanted["highValue"])
            return lambda row: low <= have(row) <= high
        case "EQ":
            exact = int(wanted["value"])
            return lambda row: bool(have(row) == exact)
        case "GT":
            bound = int(wanted["value"])
            return lambda row: bool(have(row) > bound)
        case "HAS_PROPERTY":
            return lambda row: have(row) is not None
        case "IN":
            return lambda row: have(row) in wanted["values"]
    raise AssertionError(wanted["operator"])
