"""RocketReach's refusals: credits as 403, waits of hours, and bodies that are not its own."""

from __future__ import annotations

import pytest

from connectors.rocketreach import Connector
from connectors.rocketreach.operations import ACCOUNT, STATUS, UNIVERSAL_ACCOUNT, UNIVERSAL_STATUS
from syncd.connector import Failure, FailureKind, Operation, Scope
from tests.unit.rocketreach_support import (
    ScriptedWire,
    answer,
    connector,
    failure_of,
    linkedin,
    operation,
)

PAID, UNIVERSAL, SEARCH = operation("lookup_premium"), operation("universal_work"), operation("search")
READS = [ACCOUNT, UNIVERSAL_ACCOUNT, STATUS, UNIVERSAL_STATUS]
EVERY = [*Connector.operations, *READS]


def refusal(op: Operation, status: int, body: object = b"", **headers: str) -> Failure:
    failure = connector().classify(op, answer(body, status, **headers))
    assert failure is not None
    return failure


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("op", EVERY, ids=lambda o: o.name)
def test_both_statuses_of_success_are_answers(op: Operation, status: int) -> None:
    assert connector().classify(op, answer([], status)) is None


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "Invalid API key", "error_code": "authentication_failed"},
        {"status": 401, "message": "Invalid API Key"},
        b"<html>",
    ],
)
@pytest.mark.parametrize("op", [PAID, ACCOUNT], ids=lambda o: o.name)
def test_401_is_the_key(op: Operation, body: object) -> None:
    failure = refusal(op, 401, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.AUTH, Scope.ACCOUNT, False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"detail": "You have insufficient lookup credits. Upgrade."}),
        (403, {"error": "Not enough credits"}),
        (403, {"detail": "You have insufficient Universal Credits."}),
        (402, {"detail": "Payment required", "credit_type": "email_verify"}),
        (402, b""),
    ],
)
def test_missing_credits_are_a_402_or_a_403_that_says_so(status: int, body: object) -> None:
    failure = refusal(PAID, status, body)
    assert (failure.kind, failure.charged) == (FailureKind.OUT_OF_CREDITS, False)
    assert failure.credit_kinds == {"lookup"}


@pytest.mark.parametrize(
    ("body", "scope", "words"),
    [
        ({"detail": "This key has no Universal Credits allocation."}, Scope.OPERATION, "family"),
        ({"detail": "Verify your email in order to use the full API"}, Scope.ACCOUNT, "confirmed"),
        ({"detail": "Your plan does not include this endpoint."}, Scope.OPERATION, "no access"),
        (b"<html>Forbidden</html>", Scope.OPERATION, "no access"),
    ],
)
def test_any_other_403_is_for_an_operator(body: object, scope: Scope, words: str) -> None:
    failure = refusal(UNIVERSAL, 403, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, scope, False)
    assert words in failure.reason


@pytest.mark.parametrize(
    "body", [{"current_employer": ["Required."]}, {"detail": "bad"}, {"error": "bad"}, b"", b"<html>"]
)
def test_400_refuses_one_record_and_costs_nothing(body: object) -> None:
    failure = refusal(PAID, 400, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.REJECTED, Scope.ITEM, False)


@pytest.mark.parametrize("name", ["lookup_type", "webhook_id"])
def test_400_about_a_configured_parameter_is_for_an_operator(name: str) -> None:
    failure = refusal(PAID, 400, {name: ["Not a valid choice."]})
    assert (failure.kind, failure.charged) == (FailureKind.CONFIG, False)


@pytest.mark.parametrize("op", READS, ids=lambda o: o.name)
def test_400_for_a_request_without_input_is_not_understood(op: Operation) -> None:
    assert refusal(op, 400, {"detail": "bad"}).kind is FailureKind.CONTRACT


@pytest.mark.parametrize("body", [b"", b"<h1>Not Found</h1>", [], "gone"])
def test_a_404_of_a_proxy_or_of_a_wrong_path_is_not_a_miss(body: object) -> None:
    failure = refusal(PAID, 404, body)
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)


@pytest.mark.parametrize("op", [ACCOUNT, UNIVERSAL_ACCOUNT, SEARCH], ids=lambda o: o.name)
def test_a_404_where_nobody_can_be_missing_is_not_understood(op: Operation) -> None:
    failure = refusal(op, 404, {"detail": "Not found."})
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, False)


@pytest.mark.parametrize(
    ("body", "headers", "wait"),
    [
        (
            {"detail": "Request was throttled. Expected available in 1742 seconds."},
            {"retry_after": "1742"},
            1742.0,
        ),
        ({"detail": "Request was throttled. Expected available in 9 seconds."}, {}, 9.0),
        ({"detail": "Request was throttled. Expected available in 1 second."}, {}, 1.0),
        ({"detail": "slow down"}, {"retry_after": "86400"}, 86_400.0),
        ({"detail": "slow down"}, {}, 5.0),
        (b"", {}, 5.0),
        (b"<html>", {"retry_after": "soon"}, 5.0),
    ],
)
@pytest.mark.parametrize("op", [PAID, STATUS, SEARCH], ids=lambda o: o.name)
def test_429_says_how_long_to_wait_however_long_that_is(
    op: Operation, body: object, headers: dict[str, str], wait: float
) -> None:
    failure = refusal(op, 429, body, **headers)
    assert (failure.kind, failure.scope, failure.charged) == (
        FailureKind.RATE_LIMITED,
        Scope.OPERATION,
        False,
    )
    assert failure.retry_after_s == wait


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_an_outage_proves_nothing_about_the_charge_of_a_look_up(status: int) -> None:
    paid = refusal(PAID, status, b"<html>", retry_after="30")
    assert (paid.kind, paid.charged, paid.retry_after_s) == (FailureKind.AMBIGUOUS, None, 30.0)
    for op in (*READS, SEARCH):
        free = refusal(op, status, b"<html>")
        assert (free.kind, free.charged) == (FailureKind.UNAVAILABLE, False)


@pytest.mark.parametrize("status", [301, 302, 405, 410, 418])
def test_undocumented_statuses_are_not_understood(status: int) -> None:
    assert (refusal(PAID, status).kind, refusal(PAID, status).charged) == (FailureKind.CONTRACT, None)
    assert refusal(STATUS, status).charged is False


@pytest.mark.parametrize("status", [200, 400, 401, 402, 403, 404, 429, 500])
def test_neither_key_nor_person_is_in_any_failures_text(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETREACH_TEST_TOKEN", "rr-canary-0002")
    made = connector()
    told = {
        "detail": "canary@secret.example rr-canary-0002",
        "api_key": "rr-canary-0002",
        "email": ["canary@secret.example"],
    }
    wire = ScriptedWire(made, answer(told if status != 404 else [told], status))
    failure = failure_of(
        lambda: made.submit(wire, PAID, [linkedin("https://www.linkedin.com/in/canary-person")])
    )
    shown = f"{failure} {failure!r} {failure.reason} {failure.code} {failure.args}"
    assert "canary" not in shown
    assert failure.status in (status, None)
