"""Waterfall.io's balance: what is left, or what is owed, under one name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.waterfall_io import Connector
from syncd.connector import FailureKind
from syncd.model import Balance, Plan
from tests.unit.scripted_wire import ScriptedWire, answer, failure_of
from tests.unit.waterfall_io_support import connector

NOW = datetime(2026, 5, 20, tzinfo=UTC)
USAGE = {
    "start_date": "2026-05-01",
    "end_date": "2026-06-01",
    "enrichment_contact_requests": 40,
    "enrichment_contact_persons": 31,
}
BODY: dict[str, Any] = {"key_usage": USAGE, "account_usage": USAGE, "balance_remaining_usd": 412.7}


def read(body: object, **options: Any) -> Balance:
    made = connector(**options)
    return made.balance(ScriptedWire(made, body), NOW)


def test_the_balance_is_what_is_left_of_the_vendors_month() -> None:
    balance = read(BODY)
    pool = balance.pools["usd"]
    assert (pool.remaining, pool.plan, pool.used) == (Decimal("412.7"), Plan.PREPAID, None)
    assert balance.period == "2026-05"


def test_reading_it_is_free_and_outside_the_limit_of_requests() -> None:
    made = connector()
    wire = ScriptedWire(made, BODY)
    made.balance(wire, NOW)
    made.check(wire)
    assert [(o.free, o.bucket, r.method, r.path) for o, r in wire.sent] == [
        (True, "account", "GET", "/v2/account")
    ] * 2


def test_on_a_pay_as_you_go_account_the_figure_is_a_debt_and_never_a_balance() -> None:
    pool = read(BODY, balance_semantics="payg").pools["usd"]
    assert (pool.remaining, pool.plan, pool.used) == (None, Plan.OWED, Decimal("412.7"))
    assert connector(balance_semantics="payg").unreported == {"usd"}
    assert connector().unreported == frozenset() == Connector.unreported


@pytest.mark.parametrize("figure", [None, "", "much", [], True, "NaN"])
def test_a_figure_that_is_not_told_is_unknown_and_not_zero(figure: object) -> None:
    assert read(BODY | {"balance_remaining_usd": figure}).pools["usd"].remaining is None
    without = {name: value for name, value in BODY.items() if name != "balance_remaining_usd"}
    assert read(without).pools["usd"].remaining is None


@pytest.mark.parametrize("figure", [0, "0.00", -3.5])
def test_an_empty_account_is_empty(figure: Any) -> None:
    assert read(BODY | {"balance_remaining_usd": figure}).pools["usd"].remaining == Decimal(str(figure))


@pytest.mark.parametrize("start", [None, "", "May", "2026-13-01", 5])
def test_a_month_that_is_not_told_is_unknown(start: object) -> None:
    assert read({"key_usage": {"start_date": start}, "balance_remaining_usd": 1}).period is None
    assert read({"balance_remaining_usd": 1}).period is None
    assert read({"key_usage": USAGE, "account_usage": None}).period == "2026-05"


@pytest.mark.parametrize("body", [{}, {"balance": 3}, [], "x", None, b"<html>"])
def test_what_is_no_account_is_not_understood(body: object) -> None:
    assert failure_of(lambda: read(body)).kind is FailureKind.CONTRACT
    made = connector()
    assert failure_of(lambda: made.check(ScriptedWire(made, body))).kind is FailureKind.CONTRACT


def test_a_check_tells_an_operator_what_the_figure_is_taken_for() -> None:
    def notes(body: object, **options: Any) -> str:
        made = connector(**options)
        account = made.check(ScriptedWire(made, body))
        assert account.id is None
        return " ".join(account.notes)

    assert notes(BODY) == ""
    assert "amount due" in notes(BODY, balance_semantics="payg")
    assert "nothing is spent" in notes({"key_usage": USAGE})


def test_a_check_by_a_refused_key_says_so() -> None:
    made = connector()
    refused = answer({"status": "error", "code": "AUTH_BAD_API_KEY"}, 403)
    assert failure_of(lambda: made.check(ScriptedWire(made, refused))).kind is FailureKind.AUTH
