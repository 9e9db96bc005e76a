"""What every status and code means, and the connection itself: timeouts, certificates, proxies."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.salesforce import http
from connectors.salesforce.operations import BULK_RESULTS, LOGIN, OPERATIONS, PATHS, QUERY, UPDATE
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope
from tests.unit.salesforce_loopback import (
    TOKEN,
    Asked,
    Loopback,
    MiniOrg,
    OpenWire,
    Reply,
    connect,
    contact_id,
    secrets,
    session,
)

K = FailureKind


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


def judged(
    body: object, status: int, operation: Operation = QUERY, headers: Mapping[str, str] | None = None
) -> Failure | None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return connect("http://127.0.0.1:9").classify(operation, Answer(status, headers or {}, content))


def coded(code: str) -> list[dict[str, str]]:
    return [{"errorCode": code, "message": "jane.canary@example.com"}]


ROWS: list[tuple[object, int, FailureKind, Scope, float | None]] = [
    (coded("INVALID_SESSION_ID"), 401, K.AUTH, Scope.ACCOUNT, None),
    (b"", 401, K.AUTH, Scope.ACCOUNT, None),
    (coded("UNKNOWN_EXCEPTION"), 500, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (b"<html>", 502, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (b"<html>", 503, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (b"", 406, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (b"", 420, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (coded("UNABLE_TO_LOCK_ROW"), 400, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (coded("QUERY_TIMEOUT"), 400, K.UNAVAILABLE, Scope.ACCOUNT, None),
    (b"", 429, K.RATE_LIMITED, Scope.ACCOUNT, 5.0),
    (coded("STORAGE_LIMIT_EXCEEDED"), 400, K.RATE_LIMITED, Scope.ACCOUNT, 900.0),
    (coded("INVALID_QUERY_LOCATOR"), 400, K.CONTRACT, Scope.OPERATION, None),
    (coded("INVALID_FIELD"), 400, K.CONFIG, Scope.OPERATION, None),
    (coded("MALFORMED_QUERY"), 400, K.CONFIG, Scope.OPERATION, None),
    (coded("INSUFFICIENT_ACCESS_OR_READONLY"), 403, K.CONFIG, Scope.OPERATION, None),
    (coded("A_NEW_CODE"), 400, K.CONFIG, Scope.OPERATION, None),
    ({"any": "object"}, 400, K.CONFIG, Scope.OPERATION, None),
    (coded("API_DISABLED_FOR_ORG"), 403, K.CONFIG, Scope.ACCOUNT, None),
    (coded("UNSUPPORTED_API_VERSION"), 400, K.CONFIG, Scope.ACCOUNT, None),
    (b"", 410, K.CONFIG, Scope.ACCOUNT, None),
    (b"", 414, K.CONFIG, Scope.OPERATION, None),
    (b"", 431, K.CONFIG, Scope.OPERATION, None),
    (b"", 302, K.CONFIG, Scope.ACCOUNT, None),
    (b"<html>", 200, K.CONTRACT, Scope.ACCOUNT, None),
    (b"[{", 200, K.CONTRACT, Scope.ACCOUNT, None),
    (b"", 199, K.CONTRACT, Scope.ACCOUNT, None),
]


@pytest.mark.parametrize(("body", "status", "kind", "scope", "wait_s"), ROWS)
def test_each_answer_has_one_reaction(
    body: object, status: int, kind: FailureKind, scope: Scope, wait_s: float | None
) -> None:
    failure = judged(body, status)

    assert failure is not None
    assert (failure.kind, failure.scope, failure.retry_after_s) == (kind, scope, wait_s)
    assert "canary" not in f"{failure} {failure.code}"


LOGIN_ROWS = [
    ({"error": "invalid_grant"}, 400, K.AUTH),
    ({"error": "invalid_client", "error_description": "jane.canary"}, 401, K.AUTH),
    ({"error": "invalid_client_id"}, 400, K.AUTH),
    (b"", 403, K.AUTH),
    (b"", 404, K.CONFIG),
    (b"", 302, K.CONFIG),
    (b"", 503, K.UNAVAILABLE),
    (b"", 429, K.UNAVAILABLE),
]


@pytest.mark.parametrize(("body", "status", "kind"), LOGIN_ROWS)
def test_a_login_has_reactions_of_its_own(body: object, status: int, kind: FailureKind) -> None:
    failure = judged(body, status, LOGIN)

    assert failure is not None
    assert failure.kind is kind
    assert "canary" not in str(failure)
    assert failure.status != 401


@pytest.mark.parametrize(
    ("usage", "wait_s"), [("api-usage=15000/15000", 900.0), ("api-usage=14/15000", 5.0), ("", 60.0)]
)
def test_the_daily_limit_is_told_from_long_calls_by_the_figures(usage: str, wait_s: float) -> None:
    failure = judged(coded("REQUEST_LIMIT_EXCEEDED"), 403, headers={"sforce-limit-info": usage})

    assert failure is not None
    assert (failure.kind, failure.retry_after_s) == (FailureKind.RATE_LIMITED, wait_s)


@pytest.mark.parametrize("usage", ["api-usage=15000/15000", "api-usage=14/15000", ""])
def test_a_wait_that_is_asked_for_counts_more_than_our_own(usage: str) -> None:
    headers = {"sforce-limit-info": usage, "retry-after": "7"}
    failure = judged(coded("REQUEST_LIMIT_EXCEEDED"), 403, headers=headers)

    assert failure is not None and failure.retry_after_s == 7.0


def test_an_earlier_figure_serves_where_the_refusal_has_none() -> None:
    org, spent = MiniOrg(), {"Sforce-Limit-Info": "api-usage=15000/15000"}

    def used_up(asked: Asked) -> Reply | None:
        if "Contact/describe" in asked.path:
            return Reply({"fields": org.described["Contact"]}, headers=spent)
        return Reply(coded("REQUEST_LIMIT_EXCEEDED"), 403) if "queryAll" in asked.path else None

    org.extra = used_up
    with Loopback(org) as server:
        connector = connect(server)
        connector.schema("contact")
        with pytest.raises(Failure) as caught:
            connector.read("contact", [contact_id(1)], ["Email"])
    assert caught.value.retry_after_s == 900.0


def test_answers_that_can_be_read_are_no_failures() -> None:
    assert judged({"records": []}, 200) is None
    assert judged(b"", 204) is None
    assert judged(b"a,b\n", 200, BULK_RESULTS, {"content-type": "text/csv; charset=UTF-8"}) is None
    assert judged(b"<html>", 200, BULK_RESULTS, {"content-type": "text/html"}) is not None
    assert judged(b"", 204, UPDATE) is not None


def test_every_operation_has_a_path_template_and_a_limit() -> None:
    limits = {limit.bucket for limit in connect("http://127.0.0.1:9").limits}
    for operation in OPERATIONS:
        assert PATHS[operation.name].startswith("/services/")
        assert operation.bucket in limits
        assert operation.timeout_s >= 30


@pytest.fixture
def org() -> MiniOrg:
    return MiniOrg(rows={"Contact": []})


@pytest.fixture
def server(org: MiniOrg) -> Iterator[Loopback]:
    with Loopback(org) as running:
        yield running


def test_every_request_leaves_through_the_wire_with_its_template_and_shares_one_connection(
    server: Loopback,
) -> None:
    wire = OpenWire()
    connector = connect(server, wire=wire)
    connector.check()
    connector.now()
    connector.schema("contact")
    connector.read("contact", [contact_id(1)], ["Email"])

    assert len(wire.ran) == len(server.asked)
    assert [path for _, path in wire.ran] == [PATHS[name] for name, _ in wire.ran]
    assert [name for name, _ in wire.ran] == [
        "versions", "login", "identity", "limits", "updated", "updated", "describe", "describe", "query",
    ]  # fmt: skip
    assert server.connections == 1


def test_every_request_says_who_asks_and_how(server: Loopback) -> None:
    connector = connect(server)
    connector.read("contact", [contact_id(1)], ["Email"])

    for asked in server.asked[1:]:
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["sforce-call-options"] == "client=syncd"
        assert asked.headers["sforce-mru"] == "updateMru=false"
        assert asked.headers["accept-encoding"] == "gzip"
        assert "x-prettyprint" not in asked.headers
        assert "cookie" not in asked.headers


def test_an_entry_in_netrc_or_the_environment_changes_nothing(
    server: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login robot password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert connect(server).schema("lead")
    assert server.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("silent", ["/token", "/describe", "/updated/"])
def test_a_server_that_stays_silent_is_given_up_at_a_login_too(
    org: MiniOrg, server: Loopback, monkeypatch: pytest.MonkeyPatch, silent: str
) -> None:
    real = http.Pool.send

    def hasty(self: http.Pool, origin: str, request: http.HttpRequest, read_timeout_s: float) -> Answer:
        assert read_timeout_s >= 30
        return real(self, origin, request, 0.2)

    monkeypatch.setattr(http.Pool, "send", hasty)
    org.extra = lambda asked: Reply(end="hang") if asked.path.endswith(silent) else None
    connector = connect(server)
    with pytest.raises(Failure) as caught:
        connector.now() if silent == "/updated/" else connector.schema("contact")

    assert caught.value.kind is FailureKind.AMBIGUOUS


@pytest.mark.parametrize("end", ["reset", "cut"])
def test_a_connection_that_breaks_is_a_lost_answer(org: MiniOrg, server: Loopback, end: str) -> None:
    org.extra = lambda asked: Reply({"fields": []}, end=end) if "describe" in asked.path else None
    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.AMBIGUOUS
    assert len(server.to("sobjects/Contact/describe")) == 1


def test_a_redirect_is_not_followed(org: MiniOrg, server: Loopback) -> None:
    away = Reply({}, 302, {"Location": f"{server.url}/elsewhere"})
    org.extra = lambda asked: away if "describe" in asked.path else None
    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONFIG
    assert "/elsewhere" not in server.paths()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "https://no-such-host.invalid"])
def test_a_request_that_was_never_delivered_says_so(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolving(host: str, *more: Any, **named: Any) -> Any:
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return real(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolving)
    with pytest.raises(Failure) as caught:
        connect(url).schema("contact")

    assert (caught.value.kind, caught.value.charged) == (FailureKind.UNAVAILABLE, False)


def test_certificates_are_trusted_by_the_given_file_alone(org: MiniOrg, tmp_path: Path) -> None:
    context, certificate = _own_certificate(tmp_path)
    with Loopback(org, tls=context) as server:
        org.extra = lambda asked: session(instance=server.url) if asked.path.endswith("/token") else None
        with pytest.raises(Failure) as caught:
            connect(server).schema("contact")
        assert caught.value.kind is FailureKind.CONFIG
        assert "certificate" in caught.value.reason
        assert server.asked == []

        assert connect(server, ca_file=str(certificate)).schema("contact")


def test_a_certificate_file_that_is_not_there_is_named(server: Loopback, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        connect(server, ca_file=str(tmp_path / "missing.pem")).schema("contact")

    assert (caught.value.kind, caught.value.reason) == (FailureKind.CONFIG, "the ca_file cannot be read")


def test_the_proxy_of_the_configuration_is_used(org: MiniOrg) -> None:
    with Loopback(org) as proxy:
        target = "http://127.0.0.1:9"
        assert connect(target, proxy=proxy.url).schema("lead")
        assert proxy.asked[0].headers["host"] == "127.0.0.1:9"


def test_a_session_may_be_valid_on_another_instance_but_never_off_tls(org: MiniOrg, tmp_path: Path) -> None:
    context, certificate = _own_certificate(tmp_path)
    with Loopback(org, tls=context) as instance, Loopback(org, tls=context) as front:
        told = {"instance": instance.url}
        org.extra = lambda asked: session(**told) if asked.path.endswith("/token") else None
        connect(front, ca_file=str(certificate)).schema("lead")
        assert len(front.asked) == 1
        assert instance.paths() == ["/services/data/v67.0/sobjects/Lead/describe"]

        told["instance"] = instance.url.replace("https", "http")
        connect(front, ca_file=str(certificate)).schema("lead")
        assert len(front.asked) == 3


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": "line\nbreak"}, []])
def test_a_login_without_a_token_is_not_understood(org: MiniOrg, server: Loopback, body: object) -> None:
    org.extra = lambda asked: Reply(body) if asked.path.endswith("/token") else None
    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONTRACT


def _own_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
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
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file, public = folder / "server.pem", folder / "ca.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + public.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, public
