"""Balances: prepaid and postpaid are told apart per pool, and what is not said stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from syncd.connector import FailureKind
from syncd.model import Balance, Plan
from tests.unit.contactout_support import ScriptedWire, connector, dressed, failure_of

NOW = datetime(2023, 4, 30, 23, 30, tzinfo=UTC)


def balance(body: object, **options: Any) -> Balance:
    made = connector(**options)
    return made.balance(ScriptedWire(made, body), NOW)


def left(found: Balance) -> dict[str, int | None]:
    return {k: None if p.remaining is None else int(p.remaining) for k, p in found.pools.items()}


def plans(found: Balance) -> dict[str, Plan]:
    return {kind: pool.plan for kind, pool in found.pools.items()}


def test_a_prepaid_quota_is_the_balance() -> None:
    found = balance(dressed("stats_prepaid"))
    assert left(found) == {"email": 200, "phone": 1000, "search": 200}
    assert set(plans(found).values()) == {Plan.PREPAID}


def test_a_postpaid_quota_is_an_allowance_and_the_remainder_the_balance() -> None:
    found = balance(dressed("stats_postpaid"))
    assert left(found) == {"email": 100, "phone": 500, "search": 100}
    assert set(plans(found).values()) == {Plan.POSTPAID}
    assert found.pools["email"].overage == Decimal(0)


def test_a_postpaid_pool_with_nothing_left_is_not_mistaken_for_a_prepaid_one() -> None:
    body = dressed("stats_postpaid")
    body["usage"] |= {"remaining": 0, "phone_remaining": -7, "phone_over_quota": 7}
    found = balance(body)
    assert (left(found)["email"], left(found)["phone"]) == (0, -7)
    assert found.pools["phone"].overage == Decimal(7)


def test_pools_of_one_account_may_be_paid_in_different_ways() -> None:
    body = dressed("stats_prepaid")
    body["usage"]["search_remaining"] = 11
    found = balance(body)
    assert left(found) == {"email": 200, "phone": 1000, "search": 11}
    assert plans(found) == {"email": Plan.PREPAID, "phone": Plan.PREPAID, "search": Plan.POSTPAID}


def test_what_the_report_leaves_out_is_unknown_and_never_zero() -> None:
    body = dressed("stats_prepaid")
    body["usage"] = {"count": 3, "quota": 5, "search_quota": None, "search_count": 1}
    found = balance(body)
    assert left(found) == {"email": 5, "phone": None, "search": None}
    assert found.pools["phone"].plan is Plan.UNKNOWN
    assert left(balance(body | {"usage": []})) == {"email": None, "phone": None, "search": None}


def test_verifier_credits_have_no_figure_at_all() -> None:
    assert "verifier" not in balance(dressed("stats_postpaid")).pools


def test_requests_that_used_a_credit_are_not_counted_as_credits() -> None:
    for example in ("stats_postpaid", "stats_prepaid"):
        assert all(pool.used is None for pool in balance(dressed(example)).pools.values())


def test_the_operator_can_say_how_pools_are_paid() -> None:
    prepaid = dressed("stats_prepaid")
    assert left(balance(prepaid, billing="postpaid")) == {"email": 100, "phone": 500, "search": 100}
    found = balance(prepaid, billing={"phone": "postpaid"})
    assert left(found) == {"email": 200, "phone": 500, "search": 200}
    assert left(balance(dressed("stats_postpaid"), billing="prepaid"))["email"] == 200


def test_overage_is_allowed_only_on_request_and_only_where_there_is_an_allowance() -> None:
    body = dressed("stats_postpaid")
    assert not any(pool.may_exceed for pool in balance(body).pools.values())
    assert all(pool.may_exceed for pool in balance(body, allow_overage=True).pools.values())
    prepaid = balance(dressed("stats_prepaid"), allow_overage=True)
    assert not any(pool.may_exceed for pool in prepaid.pools.values())


def test_the_period_is_the_month_of_its_start_although_its_end_does_not_exist() -> None:
    body = dressed("stats_postpaid")
    assert body["period"]["end"] == "2023-04-31"
    assert balance(body).period == "2023-04"
    assert balance(body | {"period": {"start": "soon"}}).period is None
    assert balance(body | {"period": []}).period is None


def test_the_current_month_in_utc_is_asked_for() -> None:
    made = connector()
    wire = ScriptedWire(made, dressed("stats_prepaid"))
    made.balance(wire, NOW.astimezone(timezone(timedelta(hours=10))))
    (_, request), *_ = wire.sent
    assert (request.path, dict(request.params)) == ("/v1/stats", {"period": "2023-04"})


def test_figures_that_are_no_numbers_are_unknown() -> None:
    body = dressed("stats_prepaid")
    body["usage"] |= {"quota": "12.5", "phone_quota": "many", "search_quota": True}
    found = balance(body)
    assert found.pools["email"].remaining == Decimal("12.5")
    assert (left(found)["phone"], left(found)["search"]) == (None, None)


@pytest.mark.parametrize("body", [{"status_code": 200}, {"status_code": 200, "usage": "none"}])
def test_an_answer_that_is_no_usage_report_is_not_understood(body: object) -> None:
    assert failure_of(lambda: balance(body)).kind is FailureKind.CONTRACT


def test_checking_the_key_reads_the_report_and_learns_no_account_name() -> None:
    made = connector()
    wire = ScriptedWire(made, dressed("stats_prepaid"))
    assert made.check(wire).id is None
    ((op, request),) = wire.sent
    assert op.free
    assert (request.method, request.path) == ("GET", "/v1/stats")
