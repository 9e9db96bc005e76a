"""Waterfall.io's refusals: by code, then category, then status."""

from __future__ import annotations

import pytest

from connectors.waterfall_io import Connector
from connectors.waterfall_io.operations import ACCOUNT, FINDER, SIGNING_KEYS
from syncd.connector import Failure, FailureKind, Operation, Scope
from tests.unit.scripted_wire import answer
from tests.unit.waterfall_io_support import connector, operation

LAUNCH = operation("contact")
READS = [ACCOUNT, FINDER, SIGNING_KEYS]
EVERY = [*Connector.operations, *READS]


def said(code: str = "", category: str = "") -> dict[str, object]:
    return {
        "status": "error",
        "message": "canary@x.example.com",
        "category": category,
        "code": code,
        "error": ["canary"],
    }


def refusal(op: Operation, status: int, body: object = b"", **headers: str) -> Failure:
    failure = connector().classify(op, answer(body, status, **headers))
    assert failure is not None
    return failure


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize("op", EVERY, ids=lambda o: o.name)
def test_every_success_is_an_answer(op: Operation, status: int) -> None:
    assert connector().classify(op, answer({"status": "RUNNING"}, status)) is None


@pytest.mark.parametrize(
    "code",
    [
        "VALIDATION_BAD_EMAIL_ROLE",
        "VALIDATION_BAD_DOMAIN_EMAIL_PROVIDER",
        "VALIDATION_BAD_NAME_INVALID",
        "VALIDATION_BAD_REQUEST",
        "VALIDATION_SOMETHING_NEW",
        "ROUTING_UNKNOWN",
    ],
)
def test_a_refused_input_concerns_that_contact_and_costs_nothing(code: str) -> None:
    failure = refusal(LAUNCH, 400, said(code))
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.REJECTED, Scope.ITEM, False)
    assert failure.code == code


@pytest.mark.parametrize("op", READS, ids=lambda o: o.name)
def test_a_refused_input_where_there_is_none_is_not_understood(op: Operation) -> None:
    assert refusal(op, 400, said("VALIDATION_BAD_JOB_ID")).kind is FailureKind.CONTRACT


@pytest.mark.parametrize(
    ("status", "code"), [(401, "AUTH_MISSING_API_KEY"), (403, "AUTH_BAD_API_KEY"), (401, "")]
)
@pytest.mark.parametrize("op", [LAUNCH, FINDER, ACCOUNT], ids=lambda o: o.name)
def test_a_refused_key_stops_the_account(op: Operation, status: int, code: str) -> None:
    failure = refusal(op, status, said(code))
    assert (failure.kind, failure.scope) == (FailureKind.AUTH, Scope.ACCOUNT)
    assert (failure.charged, failure.doubtful) == (False, False)


@pytest.mark.parametrize("body", [b"<html>Forbidden</html>", {}, [], said()])
def test_a_403_without_a_reason_is_in_doubt_but_for_the_page_that_settles_it(body: object) -> None:
    assert refusal(LAUNCH, 403, body).doubtful
    settled = refusal(ACCOUNT, 403, body)
    assert (settled.kind, settled.doubtful) == (FailureKind.AUTH, False)


@pytest.mark.parametrize(
    "code", ["PERMISSION_FEATURE_NOT_ENABLED", "PERMISSION_INCLUDE_PHONES_REQUIRES_PHONE_ENRICHMENT"]
)
def test_missing_access_closes_that_operation_only(code: str) -> None:
    failure = refusal(operation("contact_phones"), 403, said(code))
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, Scope.OPERATION, False)
    assert ("phones" in failure.reason) is ("PHONES" in code)


@pytest.mark.parametrize(
    ("status", "code"), [(402, "QUOTA_ACCOUNT_OVER_QUOTA"), (402, ""), (403, "QUOTA_NEW")]
)
def test_an_empty_balance_is_named_by_its_kind(status: int, code: str) -> None:
    failure = refusal(LAUNCH, status, said(code))
    assert (failure.kind, failure.charged) == (FailureKind.OUT_OF_CREDITS, False)
    assert failure.credit_kinds == {"usd"}


def test_an_empty_balance_does_not_stop_what_is_free() -> None:
    assert refusal(FINDER, 402).scope is Scope.OPERATION


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "12", "x-ratelimit-interval": "60"}, 12.0),
        ({"x-ratelimit-limit": "50", "x-ratelimit-interval": "20"}, 20.0),
        ({"x-ratelimit-interval": "a minute"}, 60.0),
        ({}, 60.0),
        ({"retry-after": "86400"}, 900.0),
    ],
)
@pytest.mark.parametrize("op", EVERY, ids=lambda o: o.name)
def test_429_pauses_the_whole_key_as_long_as_the_vendor_says(
    op: Operation, headers: dict[str, str], pause: float
) -> None:
    failure = refusal(op, 429, said("RATE_LIMIT_RATE_LIMIT_EXCEEDED"), **headers)
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.RATE_LIMITED, Scope.ACCOUNT, False)
    assert failure.retry_after_s == pause


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
@pytest.mark.parametrize("body", [said("INTERNAL_ERROR"), b"<html>"])
def test_an_outage_is_ambiguous_where_a_second_job_may_come_of_it(status: int, body: object) -> None:
    for op in Connector.operations:
        lost = refusal(op, status, body)
        assert (lost.kind, lost.charged) == (FailureKind.AMBIGUOUS, None)
    for op in READS:
        out = refusal(op, status, body)
        assert (out.kind, out.charged) == (FailureKind.UNAVAILABLE, False)


def test_a_code_comes_before_a_category_and_a_category_before_a_status() -> None:
    assert refusal(LAUNCH, 400, said("QUOTA_X", "VALIDATION")).kind is FailureKind.OUT_OF_CREDITS
    assert refusal(LAUNCH, 400, said("BRAND_NEW", "PERMISSION")).kind is FailureKind.CONFIG
    assert refusal(LAUNCH, 400, said("BRAND_NEW", "NEWS")).kind is FailureKind.REJECTED


def test_an_error_with_the_status_of_a_success_is_none() -> None:
    assert refusal(LAUNCH, 200, said("VALIDATION_BAD_EMAIL_ROLE")).kind is FailureKind.REJECTED
    odd = refusal(LAUNCH, 200, {"status": "error"})
    assert (odd.kind, odd.charged) == (FailureKind.CONTRACT, None)


@pytest.mark.parametrize("status", [404, 301, 418, 409])
def test_what_is_not_documented_is_not_understood_and_proves_nothing(status: int) -> None:
    failure = refusal(LAUNCH, status, said("NOT_FOUND_NOT_FOUND") if status == 404 else {})
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONTRACT, Scope.OPERATION, None)


def test_an_unknown_job_is_an_answer_for_the_finder_alone() -> None:
    gone = answer(said("NOT_FOUND_JOB_NOT_FOUND"), 404)
    assert connector().classify(FINDER, gone) is None
    assert connector().classify(LAUNCH, gone) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_signing_keys_that_are_refused_do_not_stop_the_account(status: int) -> None:
    assert refusal(SIGNING_KEYS, status, said("AUTH_BAD_API_KEY")).kind is FailureKind.CONTRACT


def test_failures_hold_no_text_of_the_answer() -> None:
    for status in (200, 400, 401, 402, 403, 404, 418, 429, 500):
        for code in ("canary@x.example.com", "VALIDATION_canary@x.example.com", "AUTH_" + "X" * 90):
            failure = refusal(LAUNCH, status, said(code))
            assert "canary" not in f"{failure!r} {failure} {failure.code}".lower()
            assert len(failure.code) <= 64
