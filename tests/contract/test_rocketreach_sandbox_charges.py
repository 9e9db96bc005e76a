"""What the RocketReach sandbox charges: every row of the vendor's credit rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.rocketreach_box import EVERYTHING, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

POOLS = (
    "standard_lookup",
    "premium_lookup",
    "phone_lookup",
    "person_enrich",
    "person_export",
    "company_export",
)
ONLY_PHONE = EVERYTHING | {"work": 0, "personal": 0}
ONLY_GRADE_B = EVERYTHING | {"verified": 0, "personal": 0, "phone": 0}
NOTHING = EVERYTHING | {"work": 0, "personal": 0, "phone": 0}


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    settings = PLAIN | {"family": "both"}
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=settings))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def usage(box: Box) -> dict[str, dict[str, Any]]:
    return {row["credit_type"]: row for row in box.get("/account").json()["credit_usage"]}


@pytest.mark.parametrize(
    ("kind", "coverage", "cost"),
    [
        ("standard", EVERYTHING, {"lookup": 1}),
        ("standard", ONLY_PHONE, {}),
        ("standard", ONLY_GRADE_B, {}),
        ("premium", EVERYTHING, {"lookup": 1}),
        ("premium (feeds disabled)", EVERYTHING, {"lookup": 1}),
        ("premium", ONLY_GRADE_B, {}),
        ("premium", NOTHING, {}),
        ("phone", EVERYTHING, {"phone_lookup": 1}),
        ("phone", ONLY_GRADE_B, {}),
        ("enrich", NOTHING, {"person_enrich": 1}),
        ("bulk", EVERYTHING, {"lookup": 1}),
        ("", EVERYTHING, {"lookup": 1}),
    ],
)
def test_each_lookup_type_is_paid_by_its_own_rule(box: Box, kind: str, coverage: dict, cost: dict) -> None:
    anna = box.person()
    box.set(coverage=coverage)
    with box.charging(**cost) as got:
        profile = box.finished(anna, lookup_type=kind)
    assert [(c["person"], c["operation"]) for c in got] == [(anna.ref, "/api/v2/person/lookup")] * len(got)
    assert profile["status"] == "complete"


def test_a_premium_lookup_is_paid_for_a_valid_phone_alone(box: Box) -> None:
    people = [box.person() for _ in range(10)]
    box.set(coverage=ONLY_PHONE)
    profiles = [box.finished(p, lookup_type="premium") for p in people]
    valid = [p for p in profiles if p["phones"][0]["validity"] == "valid"]
    paid = {c["person"] for c in box.charges()} & {p.ref for p in people}
    assert 0 < len(valid) < len(profiles) and len(paid) == len(valid)


@pytest.mark.parametrize(
    ("kind", "emails", "phones"),
    [("standard", 2, 0), ("premium", 2, 1), ("phone", 0, 1), ("enrich", 0, 0)],
)
def test_a_lookup_shows_what_its_type_pays_for(box: Box, kind: str, emails: int, phones: int) -> None:
    profile = box.finished(box.person(), lookup_type=kind)
    assert (len(profile["emails"]), len(profile["phones"])) == (emails, phones)
    assert profile["job_history"]


def test_the_debit_falls_when_the_lookup_completes(box: Box) -> None:
    anna = box.person()
    with box.charging():
        box.look_up(anna)
        box.later(1.9)
    with box.charging(lookup=1):
        box.later(0.2)


def test_a_profile_is_paid_once_and_polls_are_free(box: Box) -> None:
    anna = box.person()
    with box.charging(lookup=1):
        box.look_up(anna)
        box.look_up(anna)
        box.later(60)
        box.status(anna, anna)
        box.look_up(anna)
        box.get("/person/lookup", email=anna.work_email)
        box.later(60)
    assert box.sandbox.books()["double_charged"] == 0


def test_each_lookup_is_paid_again_where_the_knob_says_so(box: Box) -> None:
    anna = box.person()
    box.set(recharge_on_relookup=True)
    with box.charging(lookup=3):
        box.look_up(anna)
        box.look_up(anna)
        box.later(60)
        box.look_up(anna)
    before = box.sandbox.books()["double_charged"]
    assert before >= 2


def test_another_lookup_type_of_a_bought_profile_is_paid_for_itself(box: Box) -> None:
    anna = box.person()
    assert box.finished(anna, lookup_type="standard")["phones"] == []
    with box.charging(phone_lookup=1):
        assert box.look_up(anna, lookup_type="phone")["status"] == "searching"
        box.later(60)
    profile = box.status(anna)[0]
    assert profile["emails"] and profile["phones"]


def test_nobody_is_charged_for_a_404_or_a_failed_lookup(box: Box) -> None:
    box.set(failed=1)
    with box.charging():
        box.get("/person/lookup", id=1)
        box.finished(box.person())


def test_what_a_failed_lookup_would_have_cost_is_not_owed_later(box: Box) -> None:
    anna = box.person()
    box.set(failed=1)
    box.finished(anna, lookup_type="premium")
    box.set(failed=0)
    with box.charging(person_enrich=1):
        box.finished(anna, lookup_type="enrich")


def test_a_lookup_takes_an_export_credit_only_from_a_plan_that_has_them(box: Box) -> None:
    with box.charging(lookup=1):
        box.finished(box.person())
    box.balance(person_export="inf")
    with box.charging(lookup=1, person_export=1):
        box.finished(box.person())
    assert usage(box)["person_export"] == {
        "credit_type": "person_export",
        "allocated": "inf",
        "used": 1,
        "remaining": "inf",
    }
    box.balance(person_export=1)
    with box.charging(lookup=1, person_export=1):
        box.finished(box.person())
    assert box.get("/person/lookup", id=number(box.person())).status_code == 403


def test_an_empty_pool_refuses_new_lookups_with_a_403_and_no_bought_ones(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.finished(anna)
    box.balance(premium_lookup=0)
    refused = box.get("/person/lookup", id=number(ben))
    assert refused.status_code == 403 and "insufficient lookup credits" in refused.json()["detail"]
    assert "RR-Request-ID" in refused.headers
    assert box.look_up(anna)["status"] == "complete"
    assert box.look_up(ben, lookup_type="standard")["status"] == "searching"


def test_the_last_credit_pays_for_one_of_two_running_lookups(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.balance(premium_lookup=1)
    with box.charging(lookup=1):
        box.look_up(anna)
        box.look_up(ben)
        box.later(60)
    assert [row["status"] for row in box.status(anna, ben)] == ["complete", "failed"]
    assert usage(box)["premium_lookup"]["remaining"] == 0


def test_lookups_can_overdraw_a_pool_by_knob(box: Box) -> None:
    box.set(empty_at_complete="overdraw")
    box.balance(premium_lookup=1)
    with box.charging(lookup=2):
        for _ in range(2):
            box.look_up(box.person())
        box.later(60)
    assert usage(box)["premium_lookup"]["remaining"] == 0
    assert box.balance()["premium_lookup"] == -1


def test_the_account_counts_what_was_used(box: Box) -> None:
    before = usage(box)
    assert tuple(before) == POOLS and before["company_export"]["allocated"] == 0
    box.finished(box.person())
    after = usage(box)
    assert after["premium_lookup"]["used"] == before["premium_lookup"]["used"] + 1
    assert after["premium_lookup"]["remaining"] == before["premium_lookup"]["remaining"] - 1
    assert after["standard_lookup"] == before["standard_lookup"]


def test_the_account_can_lag_and_write_its_numbers_as_text(box: Box) -> None:
    box.set(balance_lag_s=300)
    before = usage(box)
    box.finished(box.person())
    assert usage(box) == before
    box.later(301)
    assert usage(box) != before
    box.set(numbers_as_text=True, balance_lag_s=0)
    assert all(isinstance(row["remaining"], str) for row in usage(box).values())


@pytest.mark.parametrize("preference", ["personal", "professional"])
def test_the_accounts_preference_limits_what_is_shown_and_paid(box: Box, preference: str) -> None:
    box.set(email_preference=preference, coverage=EVERYTHING | {"phone": 0, "verified": 0})
    profile = box.finished(box.person())
    assert {e["type"] for e in profile["emails"]} == {preference}


def test_a_preference_for_an_unpaid_kind_costs_nothing(box: Box) -> None:
    box.set(email_preference="professional", coverage=EVERYTHING | {"phone": 0, "verified": 0})
    with box.charging():
        box.finished(box.person())


def test_searches_are_free_in_the_standard_api_and_paid_by_page_in_the_universal_one(box: Box) -> None:
    query, companies = {"query": {"current_title": ["CTO"]}}, {"query": {"geo": ["Berlin"]}}
    with box.charging():
        assert box.post("/person/search", query).json()
        assert box.post("/searchCompany", companies).json()
        assert box.post("/universal/person/search", {"query": {"name": ["Nobody"]}}).json() == []
    with box.charging(universal=3):
        assert box.post("/universal/person/search", query).json()
        assert box.post("/universal/company/search", companies).json()
    with box.charging(universal=1):
        assert box.post("/universal/person/search", query | {"page_size": 2, "start": 3}).json()
    box.balance(universal=1)
    assert box.post("/universal/company/search", companies).status_code == 403
    assert box.post("/universal/person/search", query).status_code == 201


def test_company_data_is_paid_once_from_its_own_pool(box: Box) -> None:
    domain = box.person().company.domain
    assert box.get("/company/lookup", domain=domain).status_code == 403
    box.balance(company_export=5)
    with box.charging(company_export=1) as got:
        for _ in range(2):
            assert box.get("/company/lookup", domain=domain).status_code == 200
        assert box.get("/company/lookup", domain="nobody.example").status_code == 404
    assert got[0]["person"].startswith("company:")
    with box.charging(universal=1):
        assert box.get("/universal/company/lookup", domain=domain).status_code == 200


def test_a_profile_with_its_company_is_paid_from_both_pools(box: Box) -> None:
    anna = box.person()
    with box.charging():
        assert box.get("/profile-company/lookup", id=number(anna)).status_code == 403
        assert box.status(anna)[0]["status"] == "not queued"
        box.balance(company_export=5, premium_lookup=0)
        assert box.get("/profile-company/lookup", id=number(anna)).status_code == 403
    box.balance(premium_lookup=5)
    with box.charging(company_export=1):
        answer = box.get("/profile-company/lookup", id=number(anna))
        assert answer.json()["status"] == "searching" and answer.json()["company"]["id"]
    with box.charging(lookup=1):
        box.later(60)


def test_verifications_have_their_own_pool_and_unknown_ones_are_refunded(box: Box) -> None:
    anna = box.person()
    with box.charging(email_verification=1):
        verdict = box.post("/email/verify/", {"email": anna.work_email})
    assert verdict.status_code == 200 and verdict.json()["smtp_valid"] == "valid"
    with box.charging():
        assert box.post("/email/verify", {"email": "x@y.example"}).json()["smtp_valid"] == "unknown"
    box.balance(email_verification=0)
    refused = box.post("/email/verify", {"email": anna.work_email})
    assert refused.status_code == 402
    assert set(refused.json()) == {"detail", "credit_type", "purchase_url"}


def test_a_lookup_without_a_type_is_paid_from_the_accounts_usual_pool(box: Box) -> None:
    box.set(default_lookup_type="enrich")
    with box.charging(person_enrich=1):
        box.finished(box.person())


def test_pools_are_refilled_and_taken_away_by_knob(box: Box) -> None:
    box.finished(box.person())
    box.set(credits={"premium_lookup": 7, "company_export": "inf"}, universal_credits=8, verify_credits=9)
    left = {"premium_lookup": 7, "company_export": "inf", "universal": 8, "email_verification": 9}
    assert {pool: count for pool, count in box.balance().items() if pool in left} == left
    assert usage(box)["phone_lookup"]["allocated"] == 0
    assert box.get("/person/lookup", id=number(box.person()), lookup_type="phone").status_code == 403


def test_a_balance_is_set_by_pool_and_strictly(box: Box) -> None:
    assert box.balance(premium_lookup=7)["premium_lookup"] == 7
    for wrong in ({"lookups": 1}, {"premium_lookup": -1}, {"universal": "inf"}, {"premium_lookup": 1.5}):
        answer = box.http.post("/_sandbox/balance", json=wrong)
        assert answer.status_code == 400 and len(answer.json()["error"]) > 15
    assert box.balance()["premium_lookup"] == 7


@pytest.mark.parametrize("kind", ["reset_after", "truncate"])
def test_a_lookup_whose_answer_is_lost_goes_on_and_is_paid(box: Box, kind: str) -> None:
    anna = box.person()
    box.sandbox.fault(kind, path="/api/v2/person/lookup", nth=1)
    with box.charging(lookup=1):
        with pytest.raises(httpx.HTTPError):
            box.get("/person/lookup", id=number(anna))
        box.later(60)
    assert box.status(anna)[0]["status"] == "complete"


def test_a_lookup_that_is_answered_with_500_goes_on_and_is_paid(box: Box) -> None:
    anna = box.person()
    box.sandbox.fault("charge_then_500", path="/api/v2/person/lookup", nth=1)
    with box.charging(lookup=1):
        assert box.get("/person/lookup", id=number(anna)).status_code == 500
        box.later(60)
    assert box.status(anna)[0]["status"] == "complete"


def test_a_lookup_completes_and_is_paid_though_nobody_asks(start_sandbox: Starter) -> None:
    box = Box(start_sandbox("rocketreach", contacts=20, settings=PLAIN))
    box.look_up(WORLD.people[0])
    box.sandbox.advance(60)
    for _ in range(200):
        if box.charges():
            break
    else:
        raise AssertionError("nothing was charged")
