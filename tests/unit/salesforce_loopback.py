"""A scripted HTTP server on loopback, a wire that governs nothing, and a small org."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.salesforce import Connector, ConnectorOptions
from syncd.connector import Answer, Operation, Request

SECRET = "canary-secret-7f3b"
CLIENT = "3MVG9canaryClient"
TOKEN = "00D5g000004XyZa!canary.token"
ORG = "00D5g000004XyZaEAK"
US = "0055g000001AbCdAAK"
DATE = "Sat, 21 Nov 2026 10:00:00 GMT"
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
DATA = "/services/data/v67.0"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> Mapping[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body.decode()).items()}


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

    def to(self, path: str) -> list[Asked]:
        """What was asked of a path below the API's version, or of a whole path."""
        return [a for a in self.asked if a.path in (path, f"{DATA}/{path}")]

    @property
    def logins(self) -> int:
        return len(self.to("/services/oauth2/token"))


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

        def do_PATCH(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            headers = {k.lower(): v for k, v in self.headers.items()}
            asked = Asked(self.command, url.path, query, headers, body)
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
            kind = "application/json;charset=UTF-8"
            for name, value in {"Date": DATE, "Content-Type": kind, **reply.headers}.items():
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

    def __init__(self, attempts: int = 1) -> None:
        self.connector: Connector | None = None
        self.ran: list[tuple[str, str]] = []
        self.attempts = attempts

    @property
    def without(self) -> frozenset[str]:
        return frozenset()

    def send(self, operation: Operation, request: Request) -> Answer:
        raise AssertionError("Salesforce's requests leave through its own client")

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        from syncd.connector import Failure, FailureKind

        assert self.connector is not None
        self.ran.append((operation.name, path))
        for attempt in range(self.attempts):
            try:
                answer = send()
                failure = self.connector.classify(operation, answer)
                if failure is None:
                    return answer
                raise failure
            except Failure as lost:
                passing = lost.kind in (FailureKind.AMBIGUOUS, FailureKind.UNAVAILABLE)
                if not passing or attempt + 1 == self.attempts:
                    raise
        raise AssertionError("unreachable")


def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALESFORCE_LOOPBACK_ID", CLIENT)
    monkeypatch.setenv("SALESFORCE_LOOPBACK_SECRET", SECRET)


def options(url: str = "http://127.0.0.1:9", **more: object) -> ConnectorOptions:
    given: dict[str, object] = {
        "base_url": url,
        "client_id": {"env": "SALESFORCE_LOOPBACK_ID"},
        "client_secret": {"env": "SALESFORCE_LOOPBACK_SECRET"},
        "account": ORG,
        **more,
    }
    return ConnectorOptions.model_validate({k: v for k, v in given.items() if v is not None})


def connect(
    server: Loopback | str,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    wire: OpenWire | None = None,
    **more: object,
) -> Connector:
    """A connector to the server; the credentials are in the environment, see `secrets`."""
    wire = wire or OpenWire()
    url = server if isinstance(server, str) else server.url
    wire.connector = Connector(options(url, **more), wire, url, monotonic)
    return wire.connector


def session(token: str = TOKEN, org: str = ORG, user: str = US, instance: str = "") -> Reply:
    """A login's answer."""
    return Reply(
        {
            "access_token": token,
            "instance_url": instance or "https://example.my.salesforce.com",
            "id": f"https://login.salesforce.com/id/{org}/{user}",
            "token_type": "Bearer",
        }
    )


def error(code: str, status: int = 400, message: str = "jane.canary@example.com") -> Reply:
    return Reply([{"message": message, "errorCode": code}], status)


def field_row(name: str, kind: str = "string", **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "name": name, "label": name, "type": kind, "length": 80 if kind in ("string", "email") else 0,
        "updateable": True, "createable": True, "calculated": False, "filterable": True,
        "restrictedPicklist": False, "picklistValues": [],
    }  # fmt: skip
    return {**row, **more}


def _fixed(name: str, kind: str) -> dict[str, object]:
    return field_row(name, kind, updateable=False, createable=False)


SYSTEM = [
    _fixed("Id", "id"),
    _fixed("SystemModstamp", "datetime"),
    _fixed("LastModifiedDate", "datetime"),
    _fixed("IsDeleted", "boolean"),
    _fixed("MasterRecordId", "reference"),
]
CONTACT = [
    *SYSTEM,
    field_row("AccountId", "reference"),
    _fixed("Name", "string"),
    field_row("FirstName", length=40),
    field_row("LastName"),
    field_row("Email", "email"),
    field_row("Title", length=128),
    field_row("Phone", "phone", length=40),
    field_row("Description", "textarea", length=32_000, filterable=False),
    field_row("HasOptedOutOfEmail", "boolean"),
    field_row("DoNotCall", "boolean"),
    field_row("Score__c", "double"),
    field_row("Seen_At__c", "datetime"),
    field_row("MailingAddress", "address", updateable=False, compoundFieldName="MailingAddress"),
    field_row(
        "Level__c", "picklist", length=255, restrictedPicklist=True,
        picklistValues=[
            {"value": "Primary", "active": True}, {"value": "Old", "active": False},
            {"value": "Secondary", "active": True},
        ],
    ),
    field_row("LeadSource", "picklist", length=255, picklistValues=[{"value": "Web", "active": True}]),
]  # fmt: skip
LEAD = [
    *SYSTEM,
    _fixed("IsConverted", "boolean"),
    _fixed("ConvertedContactId", "reference"),
    field_row("LastName"),
    field_row("Email", "email"),
    field_row("Company", length=255),
    field_row("HasOptedOutOfEmail", "boolean"),
    field_row("DoNotCall", "boolean"),
]
ACCOUNT = [*SYSTEM, field_row("Name", length=255), field_row("Website", "url", length=255)]


def contact_id(number: int) -> str:
    """An id of 18 characters without a capital in it."""
    return f"0035g{number:010d}AAA"


def stamp(second: int) -> str:
    """A second after NOW less one hour, as JSON spells it."""
    moment = datetime.fromtimestamp(NOW.timestamp() - 3600 + second, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"


@dataclass
class MiniOrg:
    """Answers what the connector asks: sessions, descriptions, and its own forms of queries."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """sobject → rows."""
    described: dict[str, list[dict[str, object]]] = field(
        default_factory=lambda: {"Contact": CONTACT, "Lead": LEAD, "Account": ACCOUNT}
    )
    page: int = 2_000
    extra: Callable[[Asked], Reply | None] = lambda asked: None
    queries: list[str] = field(default_factory=list)
    _open: dict[str, tuple[list[dict[str, Any]], int]] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Reply:
        special = self.extra(asked)
        if special is not None:
            return special
        path = asked.path.removeprefix(DATA).strip("/")
        if asked.path == "/services/oauth2/token":
            return session()
        if asked.path == "/services/oauth2/userinfo":
            return Reply({"organization_id": ORG, "user_id": US})
        if asked.path == "/services/data/":
            return Reply([{"version": "66.0", "url": "", "label": ""}, {"version": "67.0"}])
        if path == "limits":
            return Reply({"DailyApiRequests": {"Max": 15_000, "Remaining": 14_000}})
        if found := re.fullmatch(r"sobjects/(\w+)/describe", path):
            known = found[1] in self.described
            return Reply({"fields": self.described[found[1]]}) if known else error("NOT_FOUND", 404)
        if path.endswith("/updated"):
            return Reply({"ids": [], "latestDateCovered": "2026-11-21T09:58:00.000+0000"})
        if path in ("query", "queryAll"):
            self.queries.append(asked.query["q"])
            return self._query(asked.query["q"], deleted=path == "queryAll")
        if path.startswith("query/"):
            return self._more(path.removeprefix("query/"))
        return error("NOT_FOUND", 404)

    def _query(self, soql: str, deleted: bool) -> Reply:
        parsed = re.fullmatch(
            r"SELECT (?P<names>.+?) FROM (?P<object>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<by>.+?))?",
            soql,
        )
        assert parsed is not None, soql
        if parsed["object"] not in self.rows and parsed["object"].endswith("History"):
            return error("INVALID_TYPE")
        names = parsed["names"].split(", ")
        known = {str(f["name"]) for f in self.described.get(parsed["object"], [])}
        if any(n not in known and "." not in n for n in names) and known:
            return error("INVALID_FIELD")
        rows = [r for r in self.rows.get(parsed["object"], []) if deleted or not r.get("IsDeleted")]
        rows = [r for r in rows if _holds(parsed["where"] or "", r)]
        for key in reversed((parsed["by"] or "").split(", ")):
            name, _, direction = key.partition(" ")
            if name:
                rows.sort(key=lambda r: str(r.get(name)), reverse=direction == "DESC")
        chosen = [{n.split(".")[0]: r.get(n.split(".")[0]) for n in names} for r in rows]
        return self._answer(f"0r8{len(self._open):015d}", chosen, 0)

    def _more(self, locator: str) -> Reply:
        name, _, offset = locator.partition("-")
        if name not in self._open:
            return error("INVALID_QUERY_LOCATOR")
        return self._answer(name, self._open[name][0], int(offset))

    def _answer(self, name: str, rows: list[dict[str, Any]], start: int) -> Reply:
        self._open[name] = (rows, start)
        end = start + self.page
        body: dict[str, Any] = {"totalSize": len(rows), "done": end >= len(rows), "records": rows[start:end]}
        if end < len(rows):
            body["nextRecordsUrl"] = f"{DATA}/query/{name}-{end}"
        return Reply(body)

    def forget_queries(self) -> None:
        """Every cursor is gone, as after two days."""
        self._open.clear()


def _holds(where: str, row: dict[str, Any]) -> bool:
    """Evaluates the conditions that the connector writes, by turning them into Python."""
    text = re.sub(r"\b(\d{4}-\d\d-\d\dT[\d:]+)\.000Z", r"'\1.000+0000'", where)
    text = (
        text.replace(" != null", " is not None").replace("= true", "is True").replace("= false", "is False")
    )
    text = re.sub(r"(?<![<>!])= ", "== ", text)
    text = re.sub(r"\bIN \(('[^']*')\)", r"in (\1,)", text).replace(" IN (", " in (")
    text = text.replace(" AND ", " and ").replace(" OR ", " or ")
    names = set(re.findall(r"\b[A-Z]\w+\b", re.sub(r"'[^']*'", "", text))) - {"None", "True", "False"}
    return not text or bool(eval(text, {}, {n: row.get(n) for n in names}))


def contact_row(number: int, second: int = 0, **values: Any) -> dict[str, Any]:
    return {
        "attributes": {"type": "Contact"}, "Id": contact_id(number), "SystemModstamp": stamp(second),
        "IsDeleted": False, "MasterRecordId": None, "Email": f"p{number}@example.com", **values,
    }  # fmt: skip
