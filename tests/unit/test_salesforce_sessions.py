"""Sessions: one login for all threads, renewed once, never looped, and no credential in any text."""

from __future__ import annotations

import inspect
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.salesforce import Connector
from syncd.connector import Failure, FailureKind
from syncd.model import Patch
from tests.unit.salesforce_loopback import (
    CLIENT,
    ORG,
    SECRET,
    TOKEN,
    Asked,
    Loopback,
    MiniOrg,
    OpenWire,
    Reply,
    connect,
    contact_id,
    contact_row,
    error,
    options,
    secrets,
    session,
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


class Expiring:
    """An org whose sessions end when told; every login ends the former session."""

    def __init__(self) -> None:
        self.org = MiniOrg(rows={"Contact": [contact_row(1)]})
        self.valid = ""
        self.opened = 0
        self.lock = threading.Lock()
        self.refusal: Callable[[], Reply] = lambda: error("INVALID_SESSION_ID", 401)
        self.login: Callable[[], Reply] | None = None

    def __call__(self, asked: Asked) -> Reply:
        if asked.path.endswith("/token"):
            if self.login is not None:
                return self.login()
            with self.lock:
                self.opened += 1
                self.valid = f"{TOKEN}{self.opened}"
                return session(self.valid)
        if asked.path != "/services/data/" and asked.headers.get("authorization") != f"Bearer {self.valid}":
            return self.refusal()
        return self.org(asked)

    def end_session(self) -> None:
        self.valid = "ended"


@pytest.fixture
def expiring() -> Expiring:
    return Expiring()


@pytest.fixture
def server(expiring: Expiring) -> Iterator[Loopback]:
    with Loopback(expiring) as running:
        yield running


def _read(server: Loopback, threads: int, connector: object) -> list[object]:
    gate = threading.Barrier(threads)
    results: list[object] = []

    def work() -> None:
        gate.wait(10)
        try:
            results.append(connector.read("contact", [contact_id(1)], ["Email"])[0].id)  # type: ignore[attr-defined]
        except Failure as failure:
            results.append(failure.kind)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def test_sixteen_threads_that_meet_an_ended_session_log_in_once(expiring: Expiring, server: Loopback) -> None:
    connector = connect(server)
    connector.schema("contact")
    expiring.end_session()

    assert _read(server, 16, connector) == [contact_id(1)] * 16
    assert server.logins == 2


def test_the_first_calls_of_sixteen_threads_share_one_login(server: Loopback) -> None:
    assert _read(server, 16, connect(server)) == [contact_id(1)] * 16
    assert server.logins == 1


def test_sixteen_threads_share_one_refused_login(expiring: Expiring, server: Loopback) -> None:
    expiring.login = lambda: Reply({"error": "invalid_grant"}, 400)

    assert _read(server, 16, connect(server)) == [FailureKind.AUTH] * 16
    assert server.logins == 1


class _Counted:
    """A lock that tells when so many threads have come to it."""

    def __init__(self, threads: int) -> None:
        self._lock, self._counter = threading.Lock(), threading.Lock()
        self._missing = threads
        self.all_here = threading.Event()

    def __enter__(self) -> None:
        with self._counter:
            self._missing -= 1
            if self._missing == 0:
                self.all_here.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_sixteen_threads_that_wait_for_one_login_share_its_failure(
    expiring: Expiring, server: Loopback
) -> None:
    connector = connect(server)
    counted = _Counted(16)
    connector._transport.tokens._turn = counted  # type: ignore[assignment]  # stands in for the lock

    def late() -> Reply:
        assert counted.all_here.wait(10)
        return Reply(b"", 503)

    expiring.login = late

    assert _read(server, 16, connector) == [FailureKind.UNAVAILABLE] * 16
    assert server.logins == 1


@pytest.mark.parametrize(
    "refusal",
    [
        error("INVALID_SESSION_ID", 401),
        Reply(b"Unauthorized", 401),
        Reply(b"", 401),
        Reply({"message": "Session expired"}, 401),
    ],
)
def test_a_session_that_is_always_refused_is_renewed_once_and_then_a_matter_of_the_credential(
    expiring: Expiring, server: Loopback, refusal: Reply
) -> None:
    connector = connect(server, monotonic=lambda: 0.0)
    connector.check()
    expiring.org.extra = lambda asked: refusal if asked.path.endswith("/describe") else None

    with pytest.raises(Failure) as caught:
        connector.schema("contact")

    assert caught.value.kind is FailureKind.AUTH
    assert (server.logins, len(server.to("sobjects/Contact/describe"))) == (2, 2)
    with pytest.raises(Failure):
        connector.schema("contact")
    assert server.logins == 2


def test_the_identity_service_refuses_ended_sessions_with_403(expiring: Expiring, server: Loopback) -> None:
    connector = connect(server)
    connector.check()
    expiring.refusal = lambda: Reply(b"Bad_OAuth_Token", 403)
    expiring.end_session()

    assert connector.check().id == ORG
    assert server.logins == 2


def test_headers_survive_a_renewal(expiring: Expiring, server: Loopback) -> None:
    connector = connect(server, strict=True)
    connector.schema("contact")
    expiring.end_session()
    answer = Reply({"compositeResponse": [{"httpStatusCode": 204, "referenceId": "r0", "body": None}]})
    expiring.org.extra = lambda asked: answer if asked.path.endswith("/composite") else None
    version = "2026-11-21T09:00:00.000+0000"

    connector.write("contact", [Patch(contact_id(1), {"Title": "Head"}, "k", version)])

    first, second = server.to("composite")
    kept = ("sforce-auto-assign", "sforce-mru", "sforce-call-options", "accept-encoding", "content-type")
    assert first.json == second.json
    assert [first.headers[name] for name in kept] == [second.headers[name] for name in kept]
    assert second.headers["sforce-auto-assign"] == "FALSE"
    assert first.headers["authorization"] != second.headers["authorization"]


def test_a_refused_login_is_not_repeated_for_minutes_unless_the_credential_changes(
    expiring: Expiring, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    connector = connect(server, monotonic=lambda: now[0])
    expiring.login = lambda: Reply({"error": "invalid_client"}, 400)

    def attempt() -> int:
        with pytest.raises(Failure) as caught:
            connector.schema("contact")
        assert caught.value.kind is FailureKind.AUTH
        return server.logins

    assert [attempt(), attempt()] == [1, 1]
    now[0] += 299
    assert attempt() == 1
    now[0] += 2
    assert attempt() == 2
    now[0] += 301
    assert attempt() == 2
    monkeypatch.setenv("SALESFORCE_LOOPBACK_SECRET", "another")
    assert attempt() == 3
    expiring.login = None
    monkeypatch.setenv("SALESFORCE_LOOPBACK_SECRET", "right")
    assert connector.schema("contact")


def test_an_old_session_is_renewed_before_it_can_end(server: Loopback) -> None:
    now = [0.0]
    connector = connect(server, monotonic=lambda: now[0])
    connector.schema("lead")
    now[0] += 1_700
    connector.schema("lead")
    assert server.logins == 1
    now[0] += 200
    connector.schema("lead")
    assert server.logins == 2


@pytest.mark.parametrize("status", [500, 503, 502])
def test_a_login_that_is_out_of_order_is_an_outage_and_breaks_nothing(
    expiring: Expiring, server: Loopback, status: int
) -> None:
    connector = connect(server)
    expiring.login = lambda: Reply(b"<html>", status)
    with pytest.raises(Failure) as caught:
        connector.schema("contact")
    assert caught.value.kind is FailureKind.UNAVAILABLE
    expiring.login = None

    assert connector.schema("contact")


def test_client_credentials_travel_in_the_authorization_header_alone(server: Loopback) -> None:
    connect(server).schema("contact")

    (login,) = server.to("/services/oauth2/token")
    assert login.form == {"grant_type": "client_credentials"}
    assert login.headers["authorization"].startswith("Basic ")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    key = rsa.generate_private_key(65_537, 2048)
    path = tmp_path / "key.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


def by_key(path: Path) -> dict[str, object]:
    return {
        "client_secret": None,
        "username": "robot+o'brien@example.com",
        "private_key": {"file": str(path)},
    }


def test_a_signed_assertion_opens_a_session_and_the_key_is_read_at_each_login(
    expiring: Expiring, server: Loopback, key_file: Path
) -> None:
    connector = connect(server, **by_key(key_file))
    connector.schema("contact")
    expiring.end_session()
    connector.schema("contact")

    first, second = (a.form for a in server.to("/services/oauth2/token"))
    assert first["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(first["assertion"], options={"verify_signature": False})
    assert (claims["iss"], claims["sub"], claims["aud"]) == (
        CLIENT, "robot+o'brien@example.com", "https://login.salesforce.com",
    )  # fmt: skip
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    assert jwt.decode(second["assertion"], key.public_key(), ["RS256"], audience=claims["aud"])  # type: ignore[arg-type]
    key_file.write_text("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----")
    expiring.end_session()
    with pytest.raises(Failure) as caught:
        connector.schema("contact")
    assert caught.value.kind is FailureKind.CONFIG
    assert "canary" not in str(caught.value)


def test_an_assertion_for_a_sandbox_is_made_out_to_the_sandboxes_login(
    server: Loopback, key_file: Path
) -> None:
    wire = OpenWire()
    given = options("https://acme--dev.sandbox.my.salesforce.com", **by_key(key_file))
    wire.connector = Connector(given, wire, server.url)
    wire.connector.schema("contact")

    (login,) = server.to("/services/oauth2/token")
    claims = jwt.decode(login.form["assertion"], options={"verify_signature": False})
    assert claims["aud"] == "https://test.salesforce.com"


def test_neither_log_nor_output_nor_failure_ever_holds_a_body_a_query_or_a_credential(
    expiring: Expiring,
    server: Loopback,
    key_file: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "urllib3")  # as syncd.log sets it: its debug lines hold URLs
    connector = connect(server)
    connector.schema("contact")
    held = [repr(connector), repr(vars(connector)), repr(connector._transport.org.__dict__)]
    held += [repr(connector._transport.tokens.current()), repr(vars(connector._transport))]
    expiring.org.extra = lambda asked: error("MALFORMED_QUERY")
    expiring.login = lambda: Reply({"error": "invalid_grant", "error_description": "jane.canary"}, 400)
    attempts = (
        lambda: connector.read("contact", [contact_id(1)], ["Email"]),
        lambda: connector.write("contact", [Patch(contact_id(1), {"Email": "canary@example.com"}, "k")]),
        lambda: connect(server).schema("contact"),
        lambda: connect(server, **by_key(key_file)).schema("contact"),
    )
    for attempt in attempts:
        with pytest.raises(Failure) as caught:
            attempt()
        held += [str(caught.value), repr(caught.value), caught.value.code]

    said = "".join([*held, caplog.text, *capsys.readouterr()])
    for word in ("canary", TOKEN, SECRET, CLIENT, "SELECT", "PRIVATE KEY"):
        assert word not in said
    assert len(held) == 5 + 3 * len(attempts)


def test_an_unapproved_user_is_no_warning_of_the_package(expiring: Expiring, server: Loopback) -> None:
    description = "user hasn't approved this consumer"
    expiring.login = lambda: Reply({"error": "invalid_grant", "error_description": description}, 400)

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.AUTH
    assert caught.value.code == "invalid_grant"


def test_a_lost_answer_to_a_write_is_not_answered_by_a_second_write(
    expiring: Expiring, server: Loopback
) -> None:
    connector = connect(server, wire=OpenWire(attempts=4))
    connector.schema("contact")
    for reply in (Reply({}, end="reset"), Reply(b"<html>", 500)):
        server.asked.clear()
        expiring.org.extra = lambda asked, r=reply: r if asked.path.endswith("/sobjects") else None  # type: ignore[misc]
        with pytest.raises(Failure) as caught:
            connector.write("contact", [Patch(contact_id(1), {"Title": "Head"}, "k")])
        assert caught.value.kind is FailureKind.AMBIGUOUS
        assert len(server.to("composite/sobjects")) == 1


def test_a_read_is_repeated_by_the_wire(expiring: Expiring, server: Loopback) -> None:
    replies = iter([Reply({}, end="reset"), Reply(b"<html>", 502)])
    expiring.org.extra = lambda asked: next(replies, None) if asked.path.endswith("/describe") else None

    assert connect(server, wire=OpenWire(attempts=4)).schema("lead")


def test_the_methods_that_are_overridden_are_still_the_ones_that_send() -> None:
    from simple_salesforce.api import Salesforce
    from simple_salesforce.login import SalesforceLogin

    given = inspect.signature(Salesforce._call_salesforce).parameters
    assert list(given) == ["self", "method", "url", "name", "retries", "max_retries", "kwargs"]
    source = inspect.getsource(Salesforce)
    assert source.count("self.session.request(") == 1
    assert not re.findall(r"requests\.(?:get|post|request)\(", source)
    for name in ("_refresh_session", "_generate_headers", "parse_result_to_json"):
        assert callable(getattr(Salesforce, name))
    assert "session" in inspect.signature(SalesforceLogin).parameters


def test_the_options_are_there_without_the_vendors_client() -> None:
    code = (
        "import sys; import connectors.salesforce as s; s.ConnectorOptions; s.Connector.limits;"
        "assert not {'simple_salesforce', 'requests', 'zeep'} & set(sys.modules); print('light')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == "light", done.stderr
