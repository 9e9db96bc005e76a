"""Crustdata's statuses and error bodies, each as the failure that needs one reaction."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.connector import Failure, FailureKind, Operation, Scope
from tests.unit.crustdata_support import (
    WORK,
    ScriptedWire,
    answer,
    connector,
    email,
    error,
    failure_of,
    linkedin,
    operation,
)

PAID = operation("profile_work")
CONTACT = operation("contact_work_phone")
FREE = operation("company_by_domain")
BATCH = operation("batch_contact_work")


def classify(op: Operation, status: int, body: object = b"", **headers: str) -> Failure | None:
    return connector().classify(op, answer(body, status, **headers))


def refusal(op: Operation, status: int, body: object = b"", **headers: str) -> Failure:
    failure = classify(op, status, body, **headers)
    assert failure is not None
    return failure


def test_a_success_is_an_answer() -> None:
    for op in (PAID, CONTACT, FREE, BATCH):
        assert classify(op, 200, []) is None


def test_404_is_nobody_known_where_the_contract_has_it() -> None:
    for name in (
        "profile",
        "email_profile_work",
        "contact_work",
        "live",
        "company_by_name",
        "company_enrich_page",
    ):
        assert classify(operation(name), 404, {"message": "none"}) is None
        assert refusal(operation(name), 404, b"<html>").kind is FailureKind.CONTRACT
    for name in ("search", "batch_profile"):
        failure = refusal(operation(name), 404, {"message": "none"})
        assert (failure.kind, failure.scope) == (FailureKind.CONTRACT, Scope.OPERATION)


@pytest.mark.parametrize("text", ["Missing API key in request", "Invalid API key in request"])
def test_401_is_the_key(text: str) -> None:
    failure = refusal(PAID, 401, {"message": text})
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.AUTH, Scope.ACCOUNT, False)
    assert not failure.doubtful


def test_402_is_out_of_credits() -> None:
    failure = refusal(PAID, 402, error("No credits left", "insufficient_credits"), x_credits_used="0")
    assert (failure.kind, failure.charged) == (FailureKind.OUT_OF_CREDITS, False)
    assert failure.credit_kinds == {"credit"}
    assert failure.scope is Scope.ACCOUNT
    assert refusal(FREE, 402).scope is Scope.OPERATION
    assert refusal(PAID, 400, error("x", "insufficient_credits")).kind is FailureKind.OUT_OF_CREDITS


@pytest.mark.parametrize(
    "body",
    [
        error("Insufficient credits", "permission_error"),
        error("no", "insufficient_credits"),
        {"error": "You have no credits"},
        {"detail": "Not enough credits."},
    ],
)
def test_403_for_credits_is_out_of_credits_too(body: object) -> None:
    assert refusal(PAID, 403, body).kind is FailureKind.OUT_OF_CREDITS


def test_403_for_the_endpoint_concerns_that_operation_only() -> None:
    failure = refusal(CONTACT, 403, error("Access denied to endpoint", "permission_error"))
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, Scope.OPERATION, False)
    assert (failure.without, failure.doubtful) == (frozenset(), False)


def test_403_without_a_known_reason_is_in_doubt() -> None:
    for body in (b"<html>", {}, [], {"error": {"message": "Forbidden"}}):
        failure = refusal(PAID, 403, body)
        assert (failure.kind, failure.scope, failure.doubtful) == (FailureKind.CONFIG, Scope.OPERATION, True)


PHONES = "/person/contact/enrich:contact.phone_numbers"
MAIL = "/person/contact/enrich:contact.business_emails"
DENIALS: list[tuple[Operation, dict[str, Any], set[str]]] = [
    (CONTACT, error("x", "permission_error", [{"denied_fields": ["contact.phone_numbers"]}]), {PHONES}),
    (CONTACT, error("x", "permission_error", {"denied_fields": ["contact.phone_numbers"]}), {PHONES}),
    (CONTACT, error("x", "permission_error", [{"denied_fields": "contact.phone_numbers"}]), {PHONES}),
    (
        CONTACT,
        error(
            "Access denied to fields: contact.business_emails",
            "y",
            [{"denied_fields": ["contact.phone_numbers"]}],
        ),
        {PHONES},
    ),
    (CONTACT, error("x", "permission_error", [{"denied_fields": ["contact"]}]), {PHONES, MAIL}),
    (CONTACT, error("x", "y", [{"denied_fields": ["contact.phone_numbers.raw"]}]), {PHONES}),
    (CONTACT, error("Access denied to fields: contact.phone_numbers, honors", "permission_error"), {PHONES}),
    (CONTACT, error("Access denied to field: Contact.Phone_Numbers"), {PHONES}),
    (PAID, error("x", "y", [{"denied_fields": ["experience", "credits"]}]), {"/person/enrich:experience"}),
    (PAID, error("x", "y", [{"denied_fields": ["exper", "experience_x"]}]), set()),
    (PAID, error("Access denied to fields: credit_score, experience"), {"/person/enrich:experience"}),
    (CONTACT, error("Access denied to fields: honors", "z", [{"denied_fields": ["honors"]}]), set()),
    (CONTACT, error("Access denied to fields: contact_x", "permission_error"), set()),
]


@pytest.mark.parametrize(("op", "body", "parts"), DENIALS)
def test_denied_fields_are_named_so_that_the_rest_can_be_asked_for(
    op: Operation, body: dict[str, Any], parts: set[str]
) -> None:
    failure = refusal(op, 403, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, Scope.OPERATION, False)
    assert failure.without == parts


def test_a_request_repeated_without_the_denied_fields_leaves_them_out() -> None:
    made = connector()
    denied = answer(error("x", "permission_error", [{"denied_fields": ["contact.phone_numbers"]}]), 403)
    failure = failure_of(lambda: made.submit(ScriptedWire(made, denied), CONTACT, [linkedin()]))
    wire = ScriptedWire(made, [], without=failure.without)
    made.submit(wire, CONTACT, [linkedin()])
    assert isinstance(body := wire.sent[0][1].json, dict)
    assert body["fields"] == ["contact.business_emails"]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"x_ratelimit_reset": "23"}, 23.0),
        ({"x_ratelimit_reset": "0.5", "retry_after": "9"}, 0.5),
        ({"retry_after": "9"}, 9.0),
        ({"x_ratelimit_reset": "99999"}, 900.0),
        ({"x_ratelimit_reset": "soon"}, 5.0),
        ({"x_ratelimit_reset": "-3"}, 5.0),
        ({}, 5.0),
    ],
)
def test_429_pauses_until_the_oldest_request_has_left_the_window(
    headers: dict[str, str], pause: float
) -> None:
    failure = refusal(PAID, 429, error("Slow down", "whatever"), **headers)
    assert (failure.kind, failure.retry_after_s, failure.charged) == (FailureKind.RATE_LIMITED, pause, False)
    assert failure.scope is Scope.OPERATION


def test_a_sixth_active_job_waits_for_a_minute() -> None:
    failure = refusal(BATCH, 429, error("Too many active jobs"))
    assert (failure.kind, failure.retry_after_s) == (FailureKind.RATE_LIMITED, 60.0)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_an_outage_is_ambiguous_where_it_may_come_after_the_charge(status: int) -> None:
    for body in (b"<html>", error("boom", "internal")):
        paid, free = refusal(PAID, status, body, x_credits_used="0"), refusal(FREE, status, body)
        assert (paid.kind, paid.charged) == (FailureKind.AMBIGUOUS, None)
        assert (free.kind, free.charged) == (FailureKind.UNAVAILABLE, False)


REFUSED: list[tuple[int, object]] = [
    (400, error("Provide exactly one identifier list", metadata=[])),
    (400, {"business_emails": ["Enter a valid address."]}),
    (400, {"non_field_errors": ["Bad input."]}),
    (400, b"<html>"),
    (400, b"[]"),
    (409, error("conflict")),
    (422, {"detail": "no"}),
]


@pytest.mark.parametrize(("status", "body"), REFUSED)
def test_a_refused_input_concerns_these_records(status: int, body: object) -> None:
    failure = refusal(PAID, status, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.REJECTED, Scope.ITEM, False)


FORMS: list[object] = [
    error("Missing required header: x-api-version"),
    error("Unsupported value", metadata={"available_fields": ["contact"]}),
    error("Unsupported value", metadata=[{"available_fields": ["contact"]}]),
    error("Unknown field: contact.fax"),
]


@pytest.mark.parametrize("body", FORMS)
def test_a_refused_form_concerns_the_operation_and_no_record(body: object) -> None:
    failure = refusal(PAID, 400, body)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, Scope.OPERATION, False)


@pytest.mark.parametrize("status", [101, 301, 304])
def test_undocumented_statuses_are_not_understood_and_prove_nothing(status: int) -> None:
    failure = refusal(PAID, status)
    assert (failure.kind, failure.charged, failure.status) == (FailureKind.CONTRACT, None, status)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_a_refusal_with_reported_credits_does_not_count_as_free(status: int) -> None:
    body: object = b"<html>" if status == 404 else {}
    assert refusal(PAID, status, body, x_credits_used="0").charged is False
    assert refusal(PAID, status, body, x_credits_used="2").charged is None


def test_the_id_of_the_request_is_kept_for_the_vendors_usage_log() -> None:
    for status in (400, 401, 402, 403, 429, 500, 302):
        assert refusal(PAID, status, x_request_id="3f2c-77").code == "3f2c-77"
        assert refusal(PAID, status, x_request_id=f"{WORK} was here").code == ""


@pytest.mark.parametrize("status", [200, 301, 400, 401, 402, 403, 404, 409, 429, 500])
def test_failures_hold_nothing_of_what_was_asked_or_answered(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRUSTDATA_TEST_TOKEN", "canary-key")
    made = connector()
    body = error(f"{WORK} canary-key Access denied to fields: {WORK}", WORK, [{"denied_fields": [WORK]}])
    told = answer(body, status, x_ratelimit_reset=WORK, retry_after=WORK, x_request_id=WORK)
    if status == 404:
        told = answer(WORK.encode(), status)
    op = operation("email_profile")
    failure = failure_of(lambda: made.submit(ScriptedWire(made, told), op, [email()]))
    shown = f"{failure} {failure!r} {failure.reason} {failure.code} {failure.without} {told!r}"
    assert WORK not in shown
    assert "canary" not in shown
