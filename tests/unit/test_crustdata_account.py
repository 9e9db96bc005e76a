"""The balance and what the plan includes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.crustdata import Connector
from syncd.connector import FailureKind
from syncd.model import Balance, Plan
from tests.unit.crustdata_support import ScriptedWire, answer, connector, error, failure_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CREDITS = {
    "account": {
        "credits": 412.5,
        "recurring_credits": 5000,
        "recurring_credits_frequency": "monthly",
        "recurring_credits_refresh_date": "2026-12-01T00:00:00Z",
        "credit_rollover": False,
    },
    "wallets": [{"remaining": 1}],
}


def endpoint(path: str, status: object = "enabled", disabled: object = ()) -> dict[str, Any]:
    return {
        "path": path,
        "status": status,
        "fields": {"enabled": [], "disabled": list(disabled) if disabled else []},
    }


def listed(*endpoints: object) -> dict[str, Any]:
    return {"api_version": "2025-11-01", "token_limit_rpm": 60, "endpoints": list(endpoints)}


def balance(*answers: object) -> Balance:
    made = connector()
    return made.balance(ScriptedWire(made, *answers), NOW)


def test_the_balance_is_that_of_the_account_to_the_fraction() -> None:
    found = balance(CREDITS, listed())
    assert dict(found.pools).keys() == {"credit"}
    pool = found.pools["credit"]
    assert (pool.remaining, pool.plan, pool.used) == (Decimal("412.5"), Plan.PREPAID, None)
    assert (found.period, found.disabled) == (None, frozenset())


@pytest.mark.parametrize("said", [None, "many", True, [1]])
def test_a_figure_that_is_no_number_is_unknown_and_never_zero(said: object) -> None:
    assert balance({"account": {"credits": said}}, listed()).pools["credit"].remaining is None


def test_an_account_without_credits_has_none() -> None:
    assert balance({"account": {"credits": 0}}, listed()).pools["credit"].remaining == 0


@pytest.mark.parametrize(
    "body", [{}, [], {"account": None}, {"account": {"credit": 4}}, b"<html>", {"credits": 4}]
)
def test_an_answer_that_names_no_balance_is_not_understood(body: object) -> None:
    assert failure_of(lambda: balance(answer(body), listed())).kind is FailureKind.CONTRACT


def test_where_the_address_is_unknown_the_older_one_is_asked() -> None:
    made = connector()
    wire = ScriptedWire(made, answer(b"", 404), {"credits": 9406}, listed())
    assert made.balance(wire, NOW).pools["credit"].remaining == 9406
    assert [r.path for _, r in wire.sent] == ["/account/credits", "/user/credits", "/account/endpoints"]


def test_the_account_is_read_by_free_requests_and_names_nobody() -> None:
    made = connector()
    wire = ScriptedWire(made, CREDITS, listed())
    made.balance(wire, NOW)
    assert [(r.method, r.path) for _, r in wire.sent] == [
        ("GET", "/account/credits"),
        ("GET", "/account/endpoints"),
    ]
    assert all(op.free and op.bucket == "default" for op, _ in wire.sent)
    check = ScriptedWire(made, CREDITS)
    assert made.check(check).id is None
    assert [r.path for _, r in check.sent] == ["/account/credits"]


def test_a_refused_key_is_told_by_check_and_balance() -> None:
    made = connector()
    refused = answer({"message": "Invalid API key in request"}, 401)
    assert failure_of(lambda: made.check(ScriptedWire(made, refused))).kind is FailureKind.AUTH
    assert failure_of(lambda: made.balance(ScriptedWire(made, refused), NOW)).kind is FailureKind.AUTH
    later = ScriptedWire(made, CREDITS, refused)
    assert failure_of(lambda: made.balance(later, NOW)).kind is FailureKind.AUTH


def names(prefix: str) -> set[str]:
    return {o.name for o in Connector.operations if o.name.startswith(prefix)}


@pytest.mark.parametrize("status", ["not_enabled", "disabled", "Not_Enabled", "whatever"])
def test_operations_of_an_endpoint_without_access_are_disabled(status: str) -> None:
    said = listed(
        endpoint("/person/enrich"),
        endpoint("/person/contact/enrich", status),
        endpoint("/person/professional_network/enrich/live/", status),
        endpoint("/batch/person/contact/enrich", status),
        endpoint("/somewhere/else", status),
    )
    assert balance(CREDITS, said).disabled == names("contact_") | names("batch_contact") | {"live"}


def test_an_operation_without_access_to_what_it_is_for_is_disabled() -> None:
    said = listed(
        endpoint("/person/enrich", disabled=["certifications", "contact.business_emails"]),
        endpoint("/person/contact/enrich", disabled=["contact.phone_numbers"]),
    )
    assert balance(CREDITS, said).disabled == {
        "profile_work",
        "email_profile_work",
        "contact_phone",
        "contact_work_phone",
        "contact_personal_phone",
        "contact_all",
    }
    said = listed(endpoint("/person/contact/enrich", disabled=["contact"]))
    assert balance(CREDITS, said).disabled == names("contact_")


def test_the_plan_of_a_self_serve_account_leaves_profiles_and_search() -> None:
    said = listed(
        endpoint("/person/enrich", disabled=["certifications", "honors"]),
        endpoint("/person/search"),
        *(
            endpoint(path, "not_enabled")
            for path in (
                "/person/contact/enrich",
                "/person/professional_network/enrich/live",
                "/batch/person/contact/enrich",
            )
        ),
    )
    disabled = balance(CREDITS, said).disabled
    assert {"profile", "profile_work", "email_profile", "search", "batch_profile"} & disabled == set()


@pytest.mark.parametrize(
    "body", [{}, [], {"endpoints": None}, {"endpoints": [None, "x", {"path": 4}, {"path": "/person/enrich"}]}]
)
def test_what_the_list_does_not_say_is_not_taken_for_a_refusal(body: object) -> None:
    assert balance(CREDITS, body).disabled == frozenset()


@pytest.mark.parametrize(
    ("status", "body"), [(403, error("no")), (404, b""), (429, b""), (500, b""), (200, b"<")]
)
def test_the_balance_is_told_where_the_list_cannot_be_read(status: int, body: object) -> None:
    found = balance(CREDITS, answer(body, status))
    assert (found.pools["credit"].remaining, found.disabled) == (Decimal("412.5"), frozenset())
