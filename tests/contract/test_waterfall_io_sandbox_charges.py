"""What the Waterfall.io sandbox charges, and what its account says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.contract.waterfall_io_box import (
    ACCOUNT,
    CHANGE,
    COMPANY,
    CONTACT,
    EVERYTHING,
    KEY,
    PHONE,
    PLAIN,
    SEARCH,
    VERIFY,
    WORLD,
    Box,
)
from tests.sandboxes import Starter


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def test_a_contact_is_charged_when_it_is_returned_and_not_at_the_launch(box: Box) -> None:
    anna = box.person()
    with box.charging():
        job_id = box.launch(CONTACT, email=anna.work_email)
        box.later(4.9)
        assert box.find(CONTACT, job_id)["status"] == "RUNNING"
    with box.charging("0.1") as charged:
        box.later(0.2)
        assert box.find(CONTACT, job_id) == box.find(CONTACT, job_id)
    assert [(c["person"], c["operation"]) for c in charged] == [(anna.ref, CONTACT)]


def test_numbers_are_charged_each_beside_the_contact_they_came_with(box: Box) -> None:
    ben = next(p for p in iter(box.person, None) if p.landline)
    box.set(coverage=EVERYTHING | {"landline": 1})
    with box.charging("0.9") as charged:
        job = box.finished(CONTACT, linkedin=ben.slug, include_phones=True)
    assert [(c["person"], c["amount"]) for c in charged] == [(ben.ref, "0.1"), (f"{ben.ref}+phone", "0.8")]
    assert job["output"]["person"]["phone_numbers"] == [ben.mobile, ben.landline]
    assert job["output"]["person"]["mobile_phone"] == ben.mobile
    usage = job["output"]["usage"]
    assert {k: usage[k] for k in usage if k != "balance_remaining_usd"} == {
        "total_usd": 0.9, "persons_usd": 0.1, "phones_usd": 0.8, "companies_usd": 0.0,
        "persons_count": 1, "phones_count": 2, "companies_count": 0,
    }  # fmt: skip


def test_a_phone_job_charges_for_numbers_and_nothing_for_none(box: Box) -> None:
    anna, ben = box.person(), box.person()
    with box.charging("0.4"):
        assert box.person_of(PHONE, linkedin=anna.linkedin_url)["phone_numbers"] == [anna.mobile]
    box.set(coverage=EVERYTHING | {"phone": 0})
    with box.charging():
        found = box.person_of(PHONE, email=ben.work_email)
    assert (found["mobile_phone"], found["phone_numbers"]) == (None, [])
    with box.charging():
        assert box.person_of(PHONE, linkedin="nobody-here")["phone_numbers"] == []


def test_companies_verifications_searches_and_changes_have_prices(box: Box) -> None:
    anna = box.person()
    with box.charging("0.05") as charged:
        assert box.finished(COMPANY, domain=anna.company.domain)["output"]["company"]["name"]
    assert charged[0]["person"] == f"company:{anna.company.index}"
    with box.charging("0.05"):
        box.post(CHANGE, professional_email=anna.work_email)
    with box.charging("0.02"):
        box.post(SEARCH, contact_linkedin=anna.slug)
    with box.charging("0.02"):
        assert box.post(VERIFY, email=anna.work_email).json()["output"]["email"]["email_status"] != "invalid"
        wrong = box.post(VERIFY, email=f"nobody@{anna.company.domain}")
        assert wrong.json()["output"]["email"]["email_status"] == "invalid"


def test_misses_are_free(box: Box) -> None:
    with box.charging():
        assert box.person_of(CONTACT, email="nobody@nowhere.example") == {}
        assert box.finished(COMPANY, domain="nowhere.example")["output"]["company"] == {}
        assert box.post(SEARCH, contact_linkedin="nobody").json()["output"]["persons"] == []
        unknown = box.post(CHANGE, professional_email="nobody@nowhere.example").json()["output"]
        assert (unknown["job_change_status"], unknown["person"]) == ("unknown", {})


@pytest.mark.parametrize("end", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_job_that_ends_badly_is_free_and_has_no_output(box: Box, end: str) -> None:
    anna = box.person()
    box.set(scripts={anna.work_email: {"after_s": 1, "status": end}})
    with box.charging():
        job = box.finished(CONTACT, email=anna.work_email)
    assert job["status"] == end and "output" not in job and "stop_date" in job


def test_a_second_purchase_is_charged_again_unless_the_knob_is_off(box: Box) -> None:
    anna, ben = box.person(), box.person()
    with box.charging("0.2"):
        box.finished(CONTACT, email=anna.work_email)
        box.finished(CONTACT, linkedin=anna.slug)
    twice = box.sandbox.books()["duplicates"]
    assert [d["extra"] for d in twice if d["person"] == anna.ref] == [1]
    box.set(rebill=False)
    with box.charging("0.1"):
        box.finished(CONTACT, email=ben.work_email)
        box.finished(CONTACT, email=ben.work_email)


def test_a_contact_and_later_its_phone_are_no_double_charge(box: Box) -> None:
    before = box.sandbox.books()["double_charged"]
    anna = box.person()
    box.finished(CONTACT, email=anna.work_email)
    box.finished(PHONE, linkedin=anna.slug)
    assert box.sandbox.books()["double_charged"] == before


def test_prices_are_knobs(box: Box) -> None:
    box.set(prices={"contact": 0.25})
    with box.charging("0.25"):
        box.finished(CONTACT, email=box.person().work_email)


def test_an_empty_prepaid_account_is_refused_with_402_and_may_ask_for_results(box: Box) -> None:
    anna, ben = box.person(), box.person()
    job_id = box.launch(CONTACT, email=anna.work_email)
    assert box.sandbox.control("balance", {"usd": 0}) == {"usd": "0.0"}
    assert box.refused(CONTACT, email=ben.work_email) == (402, "QUOTA_ACCOUNT_OVER_QUOTA")
    assert box.refused(VERIFY, email=ben.work_email) == (402, "QUOTA_ACCOUNT_OVER_QUOTA")
    with box.charging("0.1"):
        box.later(10)
        assert box.find(CONTACT, job_id)["output"]["usage"]["balance_remaining_usd"] == -0.1
    assert box.http.get(ACCOUNT).json()["balance_remaining_usd"] == -0.1


def test_a_job_may_be_aborted_when_others_have_used_the_balance_up(box: Box) -> None:
    box.set(empty_at_complete="aborted", balance_usd=0.1)
    first, second = (box.launch(CONTACT, email=box.person().work_email) for _ in range(2))
    with box.charging("0.1"):
        box.later(10)
    assert [box.find(CONTACT, j)["status"] for j in (first, second)] == ["SUCCEEDED", "ABORTED"]


def test_pay_as_you_go_tells_what_is_due_and_is_refused_by_quota_only(box: Box) -> None:
    box.set(billing="payg", balance_usd=0)
    with box.charging("0.1"):
        job = box.finished(CONTACT, email=box.person().work_email)
    assert job["output"]["usage"]["balance_remaining_usd"] == 0.1
    box.set(over_quota=True)
    assert box.refused(CONTACT, email=box.person().work_email)[0] == 402


@pytest.mark.parametrize(
    ("form", "names"), [("short", {"total_usd", "balance_remaining_usd"}), ("none", None)]
)  # fmt: skip
def test_the_usage_can_be_short_or_absent(box: Box, form: str, names: set[str] | None) -> None:
    box.set(usage=form)
    with box.charging("0.1"):
        output = box.finished(CONTACT, email=box.person().work_email)["output"]
    assert (set(output["usage"]) if "usage" in output else None) == names


def test_the_account_counts_by_month_and_key_and_its_end_is_exclusive(start_sandbox: Starter) -> None:
    keys = [KEY, "sandbox-other-key"]
    settings = PLAIN | {"keys": keys, "master_keys": keys[1:], "prices": {"phone": 0.3}}
    box = Box(start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=settings))
    box.finished(CONTACT, email=WORLD.people[0].work_email, include_phones=True)
    box.http.post(VERIFY, json={"email": "a@b.example"}, headers={"x-api-key": keys[1]})
    mine = box.http.get(ACCOUNT).json()
    theirs = box.http.get(ACCOUNT, headers={"x-api-key": keys[1]}).json()
    assert mine["key_usage"]["enrichment_contact_persons"] == 1
    assert mine["key_usage"]["enrichment_contact_persons_phones"] == 1
    assert (mine["key_usage"]["verify_email_requests"], theirs["key_usage"]["verify_email_requests"]) == (
        0,
        1,
    )
    assert mine["account_usage"] == theirs["account_usage"]
    assert mine["account_usage"]["verify_email_requests"] == 1
    assert "price" not in mine and theirs["price"]["mobile_phones_usd"] == 0.3
    start, end = mine["key_usage"]["start_date"], mine["key_usage"]["end_date"]
    assert start.endswith("-01") and end.endswith("-01") and start < end
    december = box.http.get(ACCOUNT, params={"month": "2025-12"}).json()["key_usage"]
    assert (december["start_date"], december["end_date"]) == ("2025-12-01", "2026-01-01")
    assert december["enrichment_contact_persons"] == 0
    bad = box.http.get(ACCOUNT, params={"month": "2025-13"})
    assert (bad.status_code, bad.json()["code"]) == (400, "VALIDATION_BAD_REQUEST")


def test_the_account_answer_can_lag(box: Box) -> None:
    box.set(account_lag_s=30)
    before = box.http.get(ACCOUNT).json()["balance_remaining_usd"]
    box.post(VERIFY, email="a@b.example")
    assert box.http.get(ACCOUNT).json()["balance_remaining_usd"] == before
    box.sandbox.advance(31)
    assert box.http.get(ACCOUNT).json()["balance_remaining_usd"] < before


@pytest.mark.parametrize(
    ("kind", "usd"),
    [
        ("reset_after", "0.1"),
        ("charge_then_500", "0.1"),
        ("garbage", "0.1"),
        ("reset_before", "0"),
        ("status", "0"),
    ],
)
def test_a_launch_whose_answer_is_lost_charges_when_it_was_begun(box: Box, kind: str, usd: str) -> None:
    box.sandbox.fault(kind, method="POST", path=CONTACT, times=1)
    with box.charging(usd):
        with suppress(httpx.HTTPError):
            answer = box.post(CONTACT, email=box.person().work_email)
            assert answer.status_code == 500 or not answer.text.startswith("{")
        box.later(10)
