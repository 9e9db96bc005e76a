"""What an answer costs: the reported figure spread exactly, or the published rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.crustdata import Connector
from syncd.connector import Mode, On, Replay
from syncd.model import Basis, NotFound, Outcome
from tests.unit.crustdata_support import (
    OTHER,
    PERSONAL,
    PHONE,
    URL,
    WORK,
    answer,
    ask,
    charge_of,
    connector,
    email,
    entry,
    linkedin,
    named,
    operation,
    somebody,
    spent,
)

C = "https://www.linkedin.com/in/cleo-demo"
ALL = {
    "business_emails": [{"email": WORK, "status": "deliverable"}],
    "personal_emails": [{"email": PERSONAL}],
    "phone_numbers": [PHONE],
}


def bare(**contact: Any) -> dict[str, Any]:
    return {"crustdata_person_id": 1, "contact": contact}


RULES: list[tuple[str, dict[str, Any], str]] = [
    ("profile", somebody(), "1"),
    ("profile_work", somebody(), "2"),
    ("profile_work", somebody(contact={"business_emails": []}), "1"),
    ("live", somebody(), "7"),
    ("contact_work", bare(business_emails=ALL["business_emails"]), "1"),
    ("contact_work", bare(business_emails=[]), "0"),
    ("contact_personal", bare(personal_emails=[PERSONAL]), "2"),
    ("contact_phone", bare(phone_numbers=[PHONE, "+13035550178"]), "2"),
    ("contact_emails", bare(**ALL | {"phone_numbers": []}), "3"),
    ("contact_all", bare(**ALL), "5"),
    # all kinds for a request for one
    ("contact_work", bare(**ALL), "5"),
    ("contact_phone", bare(**ALL), "5"),
    # nothing of what was asked for, but something else
    ("contact_phone", bare(business_emails=[WORK]), "1"),
]


@pytest.mark.parametrize(("name", "person", "cost"), RULES)
def test_without_a_reported_figure_the_rules_hold(name: str, person: dict[str, Any], cost: str) -> None:
    (outcome,) = ask(name, [entry(URL, person)], linkedin())
    assert spent(outcome) == Decimal(cost)
    assert charge_of(outcome).basis is Basis.BY_RULE
    assert spent(outcome) <= operation(name).max_charge["credit"]


def test_an_address_that_was_checked_again_costs_half_a_credit_more_and_only_that() -> None:
    for name, cost in (("contact_work", "1.5"), ("contact_phone", "2"), ("contact_work_phone", "3.5")):
        person = bare(business_emails=ALL["business_emails"], phone_numbers=[PHONE])
        if name == "contact_work":
            del person["contact"]["phone_numbers"]
        if name == "contact_phone":
            del person["contact"]["business_emails"]
        (outcome,) = ask(name, [entry(URL, person)], linkedin(), verified=True)
        assert spent(outcome) == Decimal(cost)
    (missed,) = ask("contact_work", [entry(URL, bare(business_emails=[]))], linkedin(), verified=True)
    assert spent(missed) == 0


def test_a_search_costs_by_the_row() -> None:
    rows = {"profiles": [somebody(), somebody()], "total_count": 40, "next_cursor": "x"}
    (outcome,) = ask("search", rows, named(full_name="Lena Ostrow", company="Contoso"))
    assert spent(outcome) == Decimal("0.06")


def reported(used: str, people: list[dict[str, Any] | None], name: str = "profile") -> list[Outcome]:
    urls = [URL, OTHER, C][: len(people)]
    body = [
        entry(url, *([person] if person else [])) if person is None or person else {"matched_on": url}
        for url, person in zip(urls, people, strict=True)
    ]
    return ask(name, answer(body, x_credits_used=used), *(linkedin(url) for url in urls))


SPREAD: list[tuple[str, list[dict[str, Any] | None], list[str]]] = [
    ("2", [somebody(), None, somebody()], ["1", "0", "1"]),
    ("0", [somebody(), None, somebody()], ["0", "0", "0"]),
    ("5", [somebody(), None, None], ["5", "0", "0"]),
    ("1", [somebody(), somebody(), somebody()], ["0.333333", "0.333333", "0.333334"]),
    ("0.1", [somebody(), somebody(), None], ["0.05", "0.05", "0"]),
    ("0.00000001", [somebody(), somebody(), None], ["0", "0.00000001", "0"]),
    # what cannot be read bears what the rules do not explain
    ("2", [somebody(), {}, None], ["1", "1", "0"]),
    ("1", [somebody(), {}, None], ["1", "0", "0"]),
    ("0.5", [somebody(), {}, None], ["0.5", "0", "0"]),
    # a charge for nobody
    ("0.3", [None, None, None], ["0.1", "0.1", "0.1"]),
]


@pytest.mark.parametrize(("used", "people", "parts"), SPREAD)
def test_the_reported_figure_is_spread_so_that_its_sum_is_exact(
    used: str, people: list[dict[str, Any] | None], parts: list[str]
) -> None:
    outcomes = reported(used, people)
    assert [spent(o) for o in outcomes] == [Decimal(part) for part in parts]
    assert sum((spent(o) for o in outcomes), Decimal(0)) == Decimal(used)
    assert {charge_of(o).basis for o in outcomes} == {Basis.REPORTED}


def test_the_rules_are_the_measure_by_which_a_figure_is_spread() -> None:
    body = [entry(URL, somebody()), entry(OTHER, somebody(contact=None))]
    outcomes = ask("profile_work", answer(body, x_credits_used="1.5"), linkedin(), linkedin(OTHER))
    assert [spent(o) for o in outcomes] == [Decimal(1), Decimal("0.5")]


def test_a_full_batch_of_odd_shares_adds_up() -> None:
    urls = [f"https://www.linkedin.com/in/person-{n}" for n in range(25)]
    body = [entry(url, bare(**ALL)) for url in urls]
    outcomes = ask("contact_work", answer(body, x_credits_used="77.7"), *(linkedin(url) for url in urls))
    assert sum((spent(o) for o in outcomes), Decimal(0)) == Decimal("77.7")
    assert all(spent(o) >= 0 for o in outcomes)


def test_more_contact_data_than_asked_for_is_booked_as_reported_and_not_passed_on() -> None:
    (outcome,) = ask("contact_work", answer([entry(URL, bare(**ALL))], x_credits_used="5"), linkedin())
    assert spent(outcome) == 5
    assert operation("contact_work").max_charge == {"credit": Decimal(5)}


def test_what_is_found_but_charged_with_nothing_is_free() -> None:
    (outcome,) = ask("contact_phone", answer([entry(URL, bare(**ALL))], x_credits_used="0"), linkedin())
    assert spent(outcome) == 0


@pytest.mark.parametrize("used", ["", "many", "-1", "NaN", "Infinity"])
def test_a_figure_that_is_no_amount_is_not_believed(used: str) -> None:
    (outcome,) = ask("profile", answer([entry(URL, somebody())], x_credits_used=used), linkedin())
    assert (spent(outcome), charge_of(outcome).basis) == (1, Basis.BY_RULE)


def test_a_miss_costs_nothing_but_what_is_reported() -> None:
    (outcome,) = ask("email_profile", answer([], x_credits_used="1"), email())
    assert isinstance(outcome, NotFound)
    assert spent(outcome) == 1


# What is declared.


def test_what_is_reserved_is_the_most_that_one_lookup_can_cost() -> None:
    worst = {
        "profile": "1",
        "profile_work": "2",
        "email_profile": "1",
        "email_profile_work": "2",
        "live": "7",
        "search": "0.09",
        "contact_work": "5",
        "contact_personal": "5",
        "contact_phone": "5",
        "contact_all": "5",
        "batch_contact_phone": "5",
        "batch_profile": "1",
        "company_enrich_domain": "2",
    }
    assert {name: operation(name).max_charge["credit"] for name in worst} == {
        name: Decimal(most) for name, most in worst.items()
    }
    assert all(not operation(name).max_charge for name in ("company_by_domain", "company_by_name"))


def test_checking_again_is_reserved_where_work_addresses_are_asked_for() -> None:
    most = {o.name: o.max_charge["credit"] for o in connector(verified=True).operations if not o.free}
    assert most["contact_work"] == most["contact_all"] == Decimal("5.5")
    assert most["contact_phone"] == most["batch_contact_work"] == Decimal(5)
    assert most["profile_work"] == Decimal(2)


def test_every_paid_operation_is_metered_and_every_free_one_repeatable() -> None:
    for op in Connector.operations:
        assert op.replay is (Replay.FREE if op.free else Replay.METERED), op.name
        assert set(op.max_charge) <= set(Connector.credits)


def test_nothing_is_charged_at_launch_or_for_a_miss() -> None:
    due = {price.on for op in Connector.operations for price in op.prices}
    assert due == {On.MATCH, On.FIELDS}


def test_six_requests_are_under_way_at_most() -> None:
    assert sum(limit.concurrency for limit in Connector.limits) == 6
    per_minute = {limit.bucket: limit.count for limit in Connector.limits if limit.per_s == 60}
    assert per_minute == {
        "default": 300,
        "person": 15,
        "contact": 15,
        "search": 30,
        "company": 15,
        "live": 10,
    }
    assert {op.bucket for op in Connector.operations} <= set(per_minute)


def test_batches_are_as_large_as_the_vendor_takes_them() -> None:
    sizes = {op.name: op.batch for op in Connector.operations}
    assert {sizes[n] for n in sizes if not n.startswith("batch_") and n != "search"} == {25}
    assert {sizes[n] for n in sizes if n.startswith("batch_contact")} == {300}
    assert sizes["batch_profile"] <= 10_000
    jobs = [op for op in Connector.operations if op.mode is Mode.JOB]
    assert jobs
    assert all(op.backfill_only and op.poll for op in jobs)
