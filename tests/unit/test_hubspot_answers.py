"""What HubSpot's statuses, headers and account details mean."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta

import pytest
from pydantic import ValidationError

from connectors.hubspot import Connector, ConnectorOptions
from syncd.connector import Answer, Failure, FailureKind, Operation, Replay, Scope
from tests.unit.hubspot_loopback import DATE, NOW, TOKEN, Loopback, Reply, connect, options

OPERATIONS = {o.name: o for o in Connector.operations}
CORRELATION = "5d3a2c1e-0f6b-4a8e-9a58-7e1c1b2d3e4f"
K = FailureKind


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def answer(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Answer(status, {"date": DATE, **(headers or {})}, content)


def judged(operation: str, status: int, body: object = None, **headers: str) -> Failure | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connector = connect("http://127.0.0.1:9")
    return connector.classify(OPERATIONS[operation], answer(status, body, named))


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("search", 200, {"results": []}),
        ("update", 207, {"results": [], "errors": []}),
        ("update", 201, {"results": []}),
        ("get", 404, {}),
        ("get", 404, b"<html>"),
        ("update", 400, {"category": "VALIDATION_ERROR"}),
        ("update", 409, {"category": "CONFLICT"}),
        ("update", 404, {"category": "OBJECT_NOT_FOUND"}),
        ("read", 404, {"category": "OBJECT_NOT_FOUND"}),
    ],
)
def test_what_can_be_read_is_no_failure(operation: str, status: int, body: object) -> None:
    assert judged(operation, status, body) is None


@pytest.mark.parametrize(
    ("operation", "status", "body", "kind", "scope"),
    [
        ("search", 200, b"<html>welcome</html>", K.CONTRACT, Scope.ACCOUNT),
        ("search", 200, b'{"results": [', K.CONTRACT, Scope.ACCOUNT),
        ("update", 207, b"", K.CONTRACT, Scope.ACCOUNT),
        ("update", 400, b"<html>", K.CONTRACT, Scope.ACCOUNT),
        ("read", 401, {"category": "INVALID_AUTHENTICATION"}, K.AUTH, Scope.ACCOUNT),
        ("read", 401, b"", K.AUTH, Scope.ACCOUNT),
        ("read", 403, {"category": "MISSING_SCOPES"}, K.CONFIG, Scope.ACCOUNT),
        ("read", 403, b"<html>", K.CONFIG, Scope.ACCOUNT),
        ("read", 404, {"message": "no such path"}, K.CONFIG, Scope.ACCOUNT),
        ("update", 404, b"<html>", K.CONFIG, Scope.ACCOUNT),
        ("properties", 404, {"category": "OBJECT_NOT_FOUND"}, K.CONFIG, Scope.ACCOUNT),
        ("search", 400, {"category": "VALIDATION_ERROR"}, K.CONFIG, Scope.OPERATION),
        ("list", 414, b"<html>", K.CONFIG, Scope.OPERATION),
        ("read", 409, {"category": "CONFLICT"}, K.CONTRACT, Scope.ACCOUNT),
        ("read", 302, b"", K.CONTRACT, Scope.ACCOUNT),
        ("read", 418, {}, K.CONTRACT, Scope.ACCOUNT),
        ("update", 423, {}, K.RATE_LIMITED, Scope.OPERATION),
        ("read", 477, {}, K.RATE_LIMITED, Scope.ACCOUNT),
        *(
            ("update", s, b"<html>", K.UNAVAILABLE, Scope.ACCOUNT)
            for s in (500, 502, 503, 504, 521, 522, 523, 524)
        ),
        ("read", 408, b"", K.UNAVAILABLE, Scope.ACCOUNT),
    ],
)
def test_each_status_asks_for_its_own_reaction(
    operation: str, status: int, body: object, kind: FailureKind, scope: Scope
) -> None:
    failure = judged(operation, status, body)

    assert failure is not None
    assert (failure.kind, failure.scope, failure.status) == (kind, scope, status)


@pytest.mark.parametrize(
    "body",
    [
        {"category": "MISSING_SCOPES", "errors": [{"context": {"requiredGranularScopes": ["crm.x.read"]}}]},
        {"category": "MISSING_SCOPES", "context": {"requiredScopes": ["crm.x.read"]}},
        {"requiredGranularScopes": ["crm.x.read", "not a scope: jane@example.com"]},
    ],
)
def test_missing_scopes_are_named(body: object) -> None:
    failure = judged("read", 403, body)

    assert failure is not None
    assert failure.reason == "the token lacks a scope: crm.x.read"


ROLLING = {"policyName": "TEN_SECONDLY_ROLLING", "message": "You have reached your daily limit."}


@pytest.mark.parametrize(
    ("operation", "status", "body", "headers", "wait_s"),
    [
        ("read", 429, ROLLING, {}, 10.0),
        ("read", 429, {}, {}, 10.0),
        ("read", 429, b"<html>", {}, 10.0),
        ("search", 429, {"category": "RATE_LIMITS", "message": "reached your secondly limit"}, {}, 1.0),
        ("search", 429, {"policyName": "SECONDLY"}, {}, 1.0),
        ("read", 429, {"policyName": "SECONDLY"}, {}, 1.0),
        ("search", 429, ROLLING, {}, 10.0),
        ("read", 429, {"policyName": "DAILY"}, {}, 3600.0),
        ("search", 429, {}, {"x_hubspot_ratelimit_daily_remaining": "0"}, 3600.0),
        ("read", 429, {"policyName": "DAILY"}, {"retry_after": "7"}, 7.0),
        ("search", 429, {}, {"retry_after": "0"}, 0.0),
        ("read", 429, {}, {"retry_after": "Sat, 21 Nov 2026 10:00:09 GMT"}, 9.0),
        ("read", 429, {}, {"retry_after": "soon"}, 10.0),
        ("update", 423, {}, {}, 2.0),
        ("update", 423, {}, {"retry_after": "5"}, 5.0),
        ("read", 477, {}, {"retry_after": "86400"}, 86400.0),
        ("read", 477, {}, {}, 300.0),
        ("read", 503, {}, {"retry_after": "4"}, 4.0),
        ("read", 500, {}, {}, None),
    ],
)
def test_the_wait_is_the_headers_else_the_policys(
    operation: str, status: int, body: object, headers: dict[str, str], wait_s: float | None
) -> None:
    failure = judged(operation, status, body, **headers)

    assert failure is not None
    assert failure.retry_after_s == wait_s


def test_only_the_searches_wait_for_the_searches_limit() -> None:
    by_second, by_day = judged("search", 429), judged("search", 429, {"policyName": "DAILY"})

    assert by_second is not None and by_second.scope is Scope.OPERATION
    assert by_day is not None and by_day.scope is Scope.ACCOUNT


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/Berlin", "Sat, 21 Nov 2026 10:00:00 GMT", 13.0),
        ("US/Eastern", "Sat, 21 Nov 2026 10:00:00 GMT", 19.0),
        ("Europe/Berlin", "Sat, 24 Oct 2026 22:00:00 GMT", 25.0),
        ("No/Such_Zone", "Sat, 21 Nov 2026 10:00:00 GMT", 1.0),
    ],
)
def test_spent_daily_calls_come_back_at_midnight_of_the_account(
    server: Loopback, zone: str, date: str, hours: float
) -> None:
    server.script = lambda asked: Reply({"portalId": 1, "timeZone": zone})
    connector = connect(server)
    connector.check()

    failure = connector.classify(OPERATIONS["read"], answer(429, {"policyName": "DAILY"}, {"date": date}))

    assert failure is not None
    assert failure.retry_after_s == timedelta(hours=hours).total_seconds()


def test_a_failure_names_the_request_for_hubspots_support() -> None:
    in_body = judged("read", 500, {"correlationId": CORRELATION})
    in_header = judged("read", 500, b"<html>", x_hubspot_correlation_id=CORRELATION)
    odd = judged("read", 500, {"correlationId": "jane@example.com wrote this"})

    assert [f.code for f in (in_body, in_header, odd) if f] == [CORRELATION, CORRELATION, ""]


def test_no_failure_quotes_the_answer() -> None:
    for status in (200, 302, 400, 401, 403, 404, 408, 409, 414, 423, 429, 477, 500):
        for operation in OPERATIONS.values():
            said = {"message": "canary", "category": "canary @", "policyName": "canary"}
            body = b"canary" if status == 200 else said
            failure = judged(operation.name, status, body)
            assert "canary" not in f"{failure!r} {failure}"


def test_limits_and_operations_are_declared_as_documented() -> None:
    assert {(x.bucket, x.count, x.per_s) for x in Connector.limits} == {
        ("search", 5, 1.0),
        ("default", 100, 10.0),
    }
    assert {o.bucket for o in Connector.operations} == {"default", "search"}
    assert [o.name for o in Connector.operations if o.bucket == "search"] == ["search"]
    assert all(o.replay is Replay.FREE and o.free and isinstance(o, Operation) for o in Connector.operations)
    assert (Connector.read_batch, Connector.write_batch, Connector.objects) == (50, 100, ("contact",))


def test_every_option_explains_itself() -> None:
    assert list(ConnectorOptions.model_fields) == ["token", "account", "api_version", "daily_calls_share"]
    assert all(f.description for f in ConnectorOptions.model_fields.values())
    given = options()
    assert (given.api_version, given.daily_calls_share) == ("v3", 0.5)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"account": 4242424}, 'quotes, as in account: "4242424"'),
        ({"account": "acme"}, "pattern"),
        ({"api_version": "v4"}, "pattern"),
        ({"api_version": "2026-10"}, "pattern"),
        ({"daily_calls_share": 0}, "greater than 0"),
        ({"daily_calls_share": 1.5}, "less than or equal to 1"),
        ({"token": "pat-na1-secret"}, "by reference"),
        ({"surplus": 1}, "not permitted"),
    ],
)
def test_wrong_options_are_refused_with_a_hint(more: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        options(**more)


def test_other_objects_than_contacts_are_refused(server: Loopback) -> None:
    connector = connect(server)

    for attempt in (
        lambda: connector.schema("lead"),
        lambda: connector.read("lead", [], []),
        lambda: connector.write("lead", []),
        lambda: connector.scan("lead", [], None),
        lambda: connector.changed("lead", NOW, NOW, [], [], None),
    ):
        with pytest.raises(ValueError, match="contacts only"):
            attempt()
