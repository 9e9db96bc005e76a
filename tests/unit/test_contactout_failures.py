"""ContactOut's statuses, which are not conventional, and bodies that are not understood."""

from __future__ import annotations

import pytest

from syncd.connector import Answer, Failure, FailureKind, Job, Operation, Scope
from tests.unit.contactout_support import (
    NOT_FOUND,
    ScriptedWire,
    answer,
    ask,
    connector,
    failure_of,
    operation,
)

PAID = operation("contact_any_phone")
FREE = operation("phone_check")
STATS = "stats"


def classify(op: Operation, status: int, body: object = b"", **headers: str) -> Failure | None:
    return connector().classify(op, answer(body, status, **headers))


def refusal(op: Operation, status: int, body: object = b"", **headers: str) -> Failure:
    failure = classify(op, status, body, **headers)
    assert failure is not None
    return failure


def body_of(status: int, message: str) -> dict[str, object]:
    return {"status_code": status, "message": message}


def test_a_success_and_the_vendors_own_404_are_answers() -> None:
    assert classify(PAID, 200, {"status_code": 200, "profile": []}) is None
    assert classify(PAID, 404, NOT_FOUND) is None
    assert classify(PAID, 200, NOT_FOUND) is None
    assert classify(operation("contact_bulk"), 200, {"status": "QUEUED", "job_id": "j"}) is None


@pytest.mark.parametrize(
    ("op", "body"),
    [
        (PAID, b"<html>nginx</html>"),
        (PAID, {"message": "The route could not be found."}),
        (operation("verify"), NOT_FOUND),
        (operation("count"), NOT_FOUND),
        (operation("company"), NOT_FOUND),
        (operation("emails_bulk"), NOT_FOUND),
        (operation("contact_bulk"), NOT_FOUND),
    ],
)
def test_any_other_404_is_not_read_as_nobody_known(op: Operation, body: object) -> None:
    failure = refusal(op, 404, body)
    assert (failure.kind, failure.scope) == (FailureKind.CONTRACT, Scope.OPERATION)


def test_400_is_doubt_about_the_key_and_nothing_was_charged() -> None:
    failure = refusal(PAID, 400, body_of(400, "Bad credentials"))
    assert (failure.kind, failure.scope) == (FailureKind.AUTH, Scope.ACCOUNT)
    assert (failure.doubtful, failure.charged) == (True, False)


def test_401_is_doubt_about_the_request_and_nothing_was_charged() -> None:
    failure = refusal(PAID, 401, body_of(401, "Bad request"))
    assert (failure.kind, failure.scope) == (FailureKind.REJECTED, Scope.ITEM)
    assert (failure.doubtful, failure.charged) == (True, False)


@pytest.mark.parametrize("status", [400, 401])
def test_the_usage_report_settles_the_doubt_because_it_has_no_input(status: int) -> None:
    made = connector()
    wire = ScriptedWire(made, answer(body_of(status, "no"), status))
    failure = failure_of(lambda: made.check(wire))
    assert (failure.kind, failure.doubtful, failure.charged) == (FailureKind.AUTH, False, False)
    assert wire.sent[0][0].name == STATS


@pytest.mark.parametrize(
    "message",
    [
        "You're out of credits, please email your sales manager",
        "You’re out of credits. Book a call.",
        "OUT OF PHONE CREDITS",
    ],
)
def test_403_for_credits_names_the_kinds_that_the_request_needed(message: str) -> None:
    failure = refusal(PAID, 403, body_of(403, message))
    assert failure.kind is FailureKind.OUT_OF_CREDITS
    assert failure.credit_kinds == {"email", "phone"}
    assert failure.charged is False


def test_403_for_access_concerns_that_operation_only() -> None:
    failure = refusal(PAID, 403, b"No access to endpoint")
    assert (failure.kind, failure.scope) == (FailureKind.CONFIG, Scope.OPERATION)
    assert (failure.doubtful, failure.charged) == (False, False)


def test_403_without_a_known_reason_is_in_doubt() -> None:
    failure = refusal(PAID, 403, body_of(403, "Forbidden"))
    assert (failure.kind, failure.scope, failure.doubtful) == (FailureKind.CONFIG, Scope.OPERATION, True)


def test_402_is_out_of_credits_although_undocumented() -> None:
    failure = refusal(operation("verify"), 402)
    assert failure.kind is FailureKind.OUT_OF_CREDITS
    assert failure.credit_kinds == {"verifier"}


def test_free_operations_without_credits_do_not_stop_the_account() -> None:
    assert refusal(FREE, 403, b"out of credits").scope is Scope.OPERATION


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "17"}, 17.0),
        ({"retry_after": "99999"}, 900.0),
        ({}, 60.0),
        ({"retry_after": "soon"}, 60.0),
        (
            {
                "retry_after": "Wed, 21 Oct 2026 07:28:30 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
    ],
)
def test_429_pauses_as_long_as_the_vendor_says_within_reason(headers: dict[str, str], pause: float) -> None:
    failure = refusal(PAID, 429, b"", **headers)
    assert (failure.kind, failure.retry_after_s, failure.charged) == (FailureKind.RATE_LIMITED, pause, False)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_an_outage_is_ambiguous_where_it_may_come_after_the_charge(status: int) -> None:
    paid, free = refusal(PAID, status), refusal(FREE, status)
    assert (paid.kind, paid.charged) == (FailureKind.AMBIGUOUS, None)
    assert (free.kind, free.charged) == (FailureKind.UNAVAILABLE, False)


def test_polling_a_job_is_free_and_so_never_ambiguous() -> None:
    made = connector()
    wire = ScriptedWire(made, answer(b"", 500))
    failure = failure_of(lambda: made.poll(wire, operation("contact_bulk"), [Job('{"job_id":"j1"}', ())]))
    assert failure.kind is FailureKind.UNAVAILABLE
    assert wire.sent[0][0].free


@pytest.mark.parametrize("status", [301, 405, 418, 422])
def test_undocumented_statuses_are_not_understood_and_prove_nothing(status: int) -> None:
    failure = refusal(PAID, status)
    assert (failure.kind, failure.charged, failure.status) == (FailureKind.CONTRACT, None, status)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, FailureKind.AUTH),
        (401, FailureKind.REJECTED),
        (403, FailureKind.CONFIG),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.AMBIGUOUS),
    ],
)
def test_a_status_inside_a_body_of_status_200_counts(code: int, kind: FailureKind) -> None:
    assert refusal(PAID, 200, body_of(code, "No access to endpoint")).kind is kind


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status_code":200,"prof', b"[]", b'"ok"', b"null"])
def test_a_success_that_is_no_json_object_is_not_understood(body: bytes) -> None:
    assert refusal(PAID, 200, body).kind is FailureKind.CONTRACT


RESHAPED: list[tuple[str, object]] = [
    ("profile_full", {"status_code": 200}),
    ("profile_full", {"status_code": 200, "profile": None}),
    ("profile_full", {"status_code": 200, "profile": "none"}),
    ("profile_full", {"status_code": 200, "profile": [{"url": "x"}]}),
    ("profile_full", {"status_code": 200, "profile": {"person": {"name": "A"}}}),
    ("person", {"status_code": 200, "data": {}}),
    ("contact_any", {"status_code": 200, "profile": {"url": "https://www.linkedin.com/in/x"}}),
    ("contact_any", {"status_code": 200, "profile": {"email": [{"address": "a@b.example.com"}]}}),
    ("contact_phone", {"status_code": 200, "profile": {"phone": {"mobile": "+35315550100"}}}),
    ("contact_phone", {"status_code": 200, "profile": {"phone": [True]}}),
    ("email_to_linkedin", {"status_code": 200, "profile": {"link": "x"}}),
    ("email_to_linkedin", {"status_code": 200, "profile": {"linkedin": "https://x.example.com"}}),
    ("phone_check", {"status_code": 200, "profile": {"phone": "yes"}}),
    ("phone_check", {"status_code": 200, "profile": {"email": True}}),
    ("count", {"status_code": 200, "total": 3}),
    ("count", {"status_code": 200, "total_results": True}),
    ("verify", {"status_code": 200, "data": {"status": "probably"}}),
    ("verify", {"status_code": 200}),
    ("search", {"status_code": 200, "people": []}),
    ("search", {"status_code": 200, "profiles": [{"url": "x"}]}),
    ("search", {"status_code": 200, "profiles": {"x": "y"}}),
    ("company", {"status_code": 200}),
    ("company", {"status_code": 200, "companies": ["x"]}),
    ("company", {"status_code": 200, "companies": [{"name": "Northbeam", "domain": "x.example.com"}]}),
    ("company_search", {"status_code": 200, "companies": {}}),
    ("company_search", {"status_code": 200, "companies": ["x"]}),
    ("emails_bulk", {"status_code": 200, "profiles": None}),
    ("contact_bulk", {"status": "QUEUED"}),
    ("verify_bulk", {"status": "QUEUED", "job_id": ""}),
    ("verify_bulk", {"status": "QUEUED", "job_id": "../stats"}),
]


@pytest.mark.parametrize(("name", "body"), RESHAPED)
def test_a_reshaped_answer_is_a_failure_and_never_not_found(name: str, body: object) -> None:
    failure = failure_of(lambda: ask(name, body))
    assert failure.kind is FailureKind.CONTRACT
    assert failure.charged is None


def test_failures_hold_no_text_of_the_answer() -> None:
    secret = "m.vance@northbeam.example.com"
    for status in (200, 400, 401, 402, 403, 404, 422, 429, 500):
        failure = refusal(PAID, status, f"{secret} is not known".encode())
        assert secret not in f"{failure} {failure!r} {failure.reason} {failure.code}"


def test_deeply_nested_bodies_are_refused_without_breaking() -> None:
    deep = b'{"status_code":200,"profile":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}"
    failure = failure_of(lambda: ask("profile_full", Answer(200, {}, deep)))
    assert failure.kind is FailureKind.CONTRACT
