"""ReverseLooker's refusals, its account, of which little is documented, and its callbacks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.reverselooker import Connector
from connectors.reverselooker.operations import ACCOUNT, PROBE, READ
from syncd.connector import Failure, FailureKind, Operation, Scope
from syncd.model import Plan
from tests.unit.reverselooker_support import ID, TOKEN, connector, operation
from tests.unit.scripted_wire import ScriptedWire, answer, failure_of

NOW = datetime(2026, 5, 20, tzinfo=UTC)
LAUNCH, BULK = operation("single"), operation("bulk")
READS = [READ, ACCOUNT, PROBE]
EVERY = [LAUNCH, BULK, *READS]


@pytest.fixture(autouse=True)
def live_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "rl_live_canary0001")


def refusal(op: Operation, status: int, body: object = b"", **headers: str) -> Failure:
    failure = connector().classify(op, answer(body, status, **headers))
    assert failure is not None
    return failure


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("op", EVERY, ids=lambda o: o.name)
def test_every_success_is_an_answer(op: Operation, status: int) -> None:
    assert connector().classify(op, answer({}, status)) is None


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "Missing API key"), (401, "Invalid API key"), (403, "API key disabled"), (401, "No credit")],
)
@pytest.mark.parametrize("op", EVERY, ids=lambda o: o.name)
def test_a_refused_key_stops_the_account(op: Operation, status: int, message: str) -> None:
    failure = refusal(op, status, {"message": message})
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.AUTH, Scope.ACCOUNT, False)


def test_a_refused_address_concerns_that_contact_and_costs_nothing() -> None:
    failure = refusal(LAUNCH, 400, {"message": "No valid email"})
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.REJECTED, Scope.ITEM, False)
    assert refusal(READ, 400).kind is FailureKind.CONTRACT


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (402, b""),
        (422, {"message": "x"}),
        (400, {"message": "Insufficient credits"}),
        (403, {"error": "Your BALANCE is too low"}),
    ],
)
def test_missing_credits_come_under_several_statuses(status: int, body: object) -> None:
    failure = refusal(LAUNCH, status, body)
    assert (failure.kind, failure.charged) == (FailureKind.OUT_OF_CREDITS, False)
    assert failure.credit_kinds == {"credit"}


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "7", "x-ratelimit-reset": "99"}, 7.0),
        ({"x-ratelimit-reset": "9"}, 9.0),
        ({"ratelimit-reset": "11"}, 11.0),
        ({"x-ratelimit-reset": "1777885245", "date": "Mon, 04 May 2026 09:00:00 GMT"}, 45.0),
        ({"x-ratelimit-reset": "1777885245"}, 30.0),
        ({"x-ratelimit-reset": "soon"}, 30.0),
        ({"x-ratelimit-reset": "nan"}, 30.0),
        ({}, 30.0),
        ({"retry-after": "86400"}, 900.0),
    ],
)
def test_429_waits_as_long_as_any_header_says(headers: dict[str, str], pause: float) -> None:
    failure = refusal(LAUNCH, 429, b"", **headers)
    assert (failure.kind, failure.charged) == (FailureKind.RATE_LIMITED, False)
    assert failure.retry_after_s == pause


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_an_outage_after_a_launch_may_have_cost_and_one_of_a_read_costs_nothing(status: int) -> None:
    for op in (LAUNCH, BULK):
        assert (refusal(op, status).kind, refusal(op, status).charged) == (FailureKind.AMBIGUOUS, None)
    for op in READS:
        assert (refusal(op, status).kind, refusal(op, status).charged) == (FailureKind.UNAVAILABLE, False)


@pytest.mark.parametrize("status", [404, 301, 409, 418])
def test_what_is_not_documented_is_not_understood_and_proves_nothing(status: int) -> None:
    failure = refusal(LAUNCH, status, {})
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONTRACT, Scope.OPERATION, None)


def test_failures_hold_no_text_of_the_answer() -> None:
    for status in (400, 401, 402, 403, 404, 418, 429, 500):
        failure = refusal(LAUNCH, status, {"message": "canary@x.example.com", "error": "canary"})
        assert "canary" not in f"{failure!r} {failure} {failure.code}"


def test_without_an_account_page_the_balance_is_unknown_and_nothing_is_asked() -> None:
    made = connector()
    wire = ScriptedWire(made, {})
    pool = made.balance(wire, NOW).pools["credit"]
    assert (pool.remaining, pool.plan, wire.sent) == (None, Plan.UNKNOWN, [])
    assert made.unreported == {"credit"} == Connector.unreported


def test_with_an_account_page_the_balance_is_what_it_says() -> None:
    made = connector(account_path="/account/info")
    wire = ScriptedWire(made, {"credits": 1200, "webhooks": []})
    pool = made.balance(wire, NOW).pools["credit"]
    assert (pool.remaining, pool.plan) == (Decimal(1200), Plan.PREPAID)
    ((op, request),) = wire.sent
    assert (op.free, request.method, request.path) == (True, "GET", "/account/info")
    assert made.unreported == frozenset()


@pytest.mark.parametrize("figure", [None, "many", -1, [], True])
def test_a_figure_that_is_none_is_unknown_and_not_zero(figure: object) -> None:
    made = connector(account_path="/account/info")
    assert made.balance(ScriptedWire(made, {"credits": figure}), NOW).pools["credit"].remaining is None


@pytest.mark.parametrize("body", [{}, {"balance": 3}, [], b"<html>"])
def test_an_account_page_without_a_figure_is_not_understood(body: object) -> None:
    made = connector(account_path="/account/info")
    assert failure_of(lambda: made.balance(ScriptedWire(made, body), NOW)).kind is FailureKind.CONTRACT
    assert failure_of(lambda: made.check(ScriptedWire(made, body))).kind is FailureKind.CONTRACT


@pytest.mark.parametrize("status", [200, 400, 404, 422])
def test_a_check_asks_for_a_search_that_nobody_made(status: int) -> None:
    made = connector()
    wire = ScriptedWire(made, answer({}, status))
    account = made.check(wire)
    assert (account.id, account.environment) == (None, "")
    ((op, request),) = wire.sent
    assert (op.free, request.method, request.path) == (True, "GET", "/reverse-contact/single")


@pytest.mark.parametrize(
    ("status", "kind"), [(401, FailureKind.AUTH), (403, FailureKind.AUTH), (503, FailureKind.UNAVAILABLE)]
)
def test_a_check_by_a_refused_key_says_so(status: int, kind: FailureKind) -> None:
    made = connector()
    assert failure_of(lambda: made.check(ScriptedWire(made, answer({}, status)))).kind is kind


def test_a_check_tells_that_a_key_is_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "rl_test_0001")
    made = connector(account_path="/account/info")
    account = made.check(ScriptedWire(made, {"credits": 5}))
    assert account.environment == "test" and "no credits" in account.notes[0]


@pytest.mark.parametrize("body", [f'{{"id":"{ID}","qualification":"found"}}', f'{{"data":{{"id":"{ID}"}}}}'])
def test_a_callback_names_the_search_to_read_and_nothing_else(body: str) -> None:
    made = connector()
    wire = ScriptedWire(made, {})
    assert made.callback(wire, {}, body.encode()) == (ID,)
    assert wire.sent == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":null}', b'{"id":"../x"}', b"\xff"])
def test_a_callback_that_names_no_search_is_not_understood(body: bytes) -> None:
    made = connector()
    assert failure_of(lambda: made.callback(ScriptedWire(made, {}), {}, body)).kind is FailureKind.CONTRACT
