"""The vendor's client in raw mode: one pool, timeouts, no retry, no word about bodies or the token."""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.hubspot import transport
from syncd.connector import Failure, FailureKind
from syncd.model import Patch
from tests.unit.hubspot_loopback import NOW, TOKEN, Asked, Loopback, OpenWire, Reply, connect

DETAILS = {"portalId": 4242424, "accountType": "STANDARD", "timeZone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(everything) as running:
        yield running


def everything(asked: Asked) -> Reply:
    if asked.path.endswith("/details"):
        return Reply(DETAILS)
    if asked.path.endswith("/contacts/9"):
        return Reply({"category": "OBJECT_NOT_FOUND"}, 404)
    if asked.path.endswith("/batch/update"):
        return Reply({"results": [{"id": i["id"]} for i in asked.json["inputs"]]})
    if asked.path.endswith("/batch/read"):
        known = [i for i in asked.json["inputs"] if i["id"] != "9"]
        return Reply({"results": [{"id": i["id"], "properties": {}} for i in known]}, 207)
    return Reply({"results": []})


def use_every_endpoint(server: Loopback, api_version: str = "v3") -> OpenWire:
    connector = connect(server, api_version=api_version)
    connector.check()
    connector.schema("contact")
    list(connector.changed("contact", NOW - timedelta(hours=1), NOW, [], [], None))
    list(connector.scan("contact", ["email"], None))
    connector.read("contact", ["1", "9"], ["email"])
    connector.read("contact", ["1"], ["email"], authorship=True)
    connector.write("contact", [Patch("1", {"email": "a@example.com"}, "k")])
    wire = connector._wire
    assert isinstance(wire, OpenWire)
    return wire


def test_all_requests_share_one_connection(server: Loopback) -> None:
    use_every_endpoint(server)

    assert len(server.asked) == 9
    assert server.connections == 1


def test_threads_share_one_connector(server: Loopback) -> None:
    connector = connect(server)
    results: list[set[str]] = []

    def read_many() -> None:
        for start in range(10, 30):
            asked = [str(start * 10 + n) for n in range(5)]
            results.append({c.id for c in connector.read("contact", asked, ["email"])} ^ set(asked))

    threads = [threading.Thread(target=read_many) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [set()] * 120
    assert server.connections <= 6


V3_PATHS = [
    ("account", "/account-info/v3/details"),
    ("usage", "/account-info/v3/api-usage/daily/private-apps"),
    ("properties", "/crm/v3/properties/{objectType}"),
    ("search", "/crm/v3/objects/contacts/search"),
    ("list", "/crm/v3/objects/contacts"),
    ("read", "/crm/v3/objects/contacts/batch/read"),
    ("get", "/crm/v3/objects/contacts/{contactId}"),
    ("read_history", "/crm/v3/objects/contacts/batch/read"),
    ("update", "/crm/v3/objects/contacts/batch/update"),
]


def test_version_3_keeps_the_paths_of_the_client(server: Loopback) -> None:
    wire = use_every_endpoint(server)

    assert wire.ran == V3_PATHS
    filled = [p.format(objectType="contacts", contactId="9") for _, p in V3_PATHS]
    assert server.paths() == filled


def test_a_dated_version_moves_every_path(server: Loopback) -> None:
    wire = use_every_endpoint(server, api_version="2026-09")

    assert server.paths() == [
        "/account-info/2026-09/details",
        "/account-info/2026-09/api-usage/daily/private-apps",
        "/crm/properties/2026-09/contacts",
        "/crm/objects/2026-09/contacts/search",
        "/crm/objects/2026-09/contacts",
        "/crm/objects/2026-09/contacts/batch/read",
        "/crm/objects/2026-09/contacts/9",
        "/crm/objects/2026-09/contacts/batch/read",
        "/crm/objects/2026-09/contacts/batch/update",
    ]
    assert [p for _, p in wire.ran if "v3" in p] == []


def test_every_request_bears_the_token_as_it_is_at_that_moment(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = connect(server)
    connector.schema("contact")
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", "rotated")
    connector.schema("contact")

    assert [a.headers["authorization"] for a in server.asked] == [f"Bearer {TOKEN}", "Bearer rotated"]


def test_a_server_that_stays_silent_is_given_up_as_a_lost_answer(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (transport.CONNECT_TIMEOUT_S, transport.READ_TIMEOUT_S) == (5.0, 30.0)
    monkeypatch.setattr(transport, "READ_TIMEOUT_S", 0.1)
    server.script = lambda asked: Reply(end="hang")

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.AMBIGUOUS
    assert caught.value.charged is None


def test_connecting_has_its_own_time_limit(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    real = urllib3.connection.HTTPConnection.connect

    def connecting(self: urllib3.connection.HTTPConnection) -> None:
        seen.append(self.timeout)
        real(self)

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "connect", connecting)
    connect(server).schema("contact")

    assert seen == [5.0]


@pytest.mark.parametrize("end", ["reset", "cut"])
def test_a_connection_that_breaks_is_a_lost_answer_and_is_not_retried(server: Loopback, end: str) -> None:
    server.script = lambda asked: Reply({"results": []}, end=end)

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.AMBIGUOUS
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_no_status_is_retried_by_the_client(server: Loopback, status: int) -> None:
    server.script = lambda asked: Reply({}, status, {"Retry-After": "0"})

    with pytest.raises(Failure):
        connect(server).schema("contact")

    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_a_request_that_was_never_delivered_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolving(host: str, *more: Any, **named: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return real(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolving)
    with pytest.raises(Failure) as caught:
        connect(url).schema("contact")

    assert caught.value.kind is FailureKind.UNAVAILABLE
    assert caught.value.charged is False


def test_a_redirect_is_not_followed(server: Loopback) -> None:
    server.script = lambda asked: Reply({}, 302, {"Location": f"{server.url}/elsewhere"})

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONTRACT
    assert len(server.asked) == 1


def test_an_untrusted_certificate_is_a_matter_for_the_operator(tmp_path: Path) -> None:
    with Loopback(everything, tls=_own_certificate(tmp_path)) as server, pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONFIG
    assert "certificate" in caught.value.reason
    assert server.asked == []


@pytest.mark.parametrize("token", ["line\nbreak-canary", "with blank-canary", "naïve-canary"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(
    server: Loopback, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", token)

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONFIG
    assert "canary" not in str(caught.value)
    assert server.asked == []


def test_levels_of_loggers_and_the_debug_switch_stay_as_the_application_set_them(server: Loopback) -> None:
    names = {"urllib3": 17, "hubspot": 18, "hubspot.crm.contacts": 19, "hubspot.crm.properties": 0}
    before = {name: logging.getLogger(name).level for name in names}
    switch = http.client.HTTPConnection.debuglevel
    try:
        for name, level in names.items():
            logging.getLogger(name).setLevel(level)
        http.client.HTTPConnection.debuglevel = 1
        connector = connect(server)
        kept = http.client.HTTPConnection.debuglevel
        http.client.HTTPConnection.debuglevel = switch
        connector.schema("contact")

        assert {name: logging.getLogger(name).level for name in names} == names
        assert kept == 1
    finally:
        http.client.HTTPConnection.debuglevel = switch
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def test_neither_log_nor_output_nor_failure_ever_holds_a_body_or_the_token(
    server: Loopback, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    connector = connect(server)
    server.script = lambda asked: Reply({"message": "jane.canary@example.com", "category": "X"}, 400)
    texts: list[str] = []
    for attempt in (
        lambda: connector.schema("contact"),
        lambda: connector.read("contact", ["1"], ["email"]),
        connector.check,
    ):
        with pytest.raises(Failure) as caught:
            attempt()
        texts += [str(caught.value), repr(caught.value), caught.value.code]
    texts += [repr(connector), repr(vars(connector)), repr(connector._options)]

    everything_said = "".join([*texts, caplog.text, *capsys.readouterr()])
    assert "canary" not in everything_said
    assert TOKEN not in everything_said


def test_the_options_are_there_without_the_vendors_client() -> None:
    code = (
        "import sys; import connectors.hubspot as h; h.ConnectorOptions; assert 'hubspot' not in sys.modules;"
        "h.Connector.limits; assert 'hubspot' not in sys.modules; print('light')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "light", done.stderr


def _own_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
