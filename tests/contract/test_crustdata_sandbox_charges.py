"""What each Crustdata operation costs, and what the account says of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from connectors.sandbox.population import Dice
from tests.contract.crustdata_box import (
    BARE,
    BASE,
    CONTACT,
    ENRICH,
    EVERYTHING,
    HEADERS,
    LIVE,
    RICH,
    SEARCH,
    UNKNOWN,
    WORLD,
    Box,
    person_where,
)  # fmt: skip
from tests.sandboxes import Starter, start_sandbox

ANNA, BEN = WORLD.people[0], WORLD.people[1]
NAMED = {"filters": {"field": "basic_profile.name", "type": "=", "value": ANNA.full}}
DEV = person_where(
    lambda p, k: p.mobile and Dice(1, "crustdata", "facts", p.index)("dev") < 0.15, coverage=EVERYTHING
)


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with start_sandbox("crustdata", contacts=300, settings=BASE | {"coverage": EVERYTHING}) as running:
        yield Box(running)


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        (None, "1"),
        (
            ["basic_profile", "experience", "education", "skills", "professional_network", "social_handles"],
            "1",
        ),
        (["basic_profile", "contact"], "2"),
        (["contact.business_emails"], "2"),
        (["contact.personal_emails"], "1"),
        (["dev_platform_profiles"], "2"),
    ],
)
def test_a_stored_profile_costs_a_base_and_what_is_shown_beside_it(box: Box, fields, cost) -> None:
    with box.charging(cost) as got:
        answer = box.people(ENRICH, DEV, **({"fields": fields} if fields else {}))
    assert answer.headers["x-credits-used"] == cost
    assert {c["person"] for c in got} == {DEV.ref} and {c["operation"] for c in got} == {ENRICH}


def test_everything_of_a_stored_profile_costs_seven(box: Box) -> None:
    box.set(enrich_contacts="all")
    with box.charging("7"):
        answer = box.people(ENRICH, DEV, fields=["basic_profile", "contact", "dev_platform_profiles"])
    assert answer.headers["x-credits-used"] == "7"


def test_contacts_bought_before_show_up_in_the_stored_profile(box: Box) -> None:
    ask = {"fields": ["contact"]}
    dice = person_where(lambda p, k: p.mobile and p is not DEV and p is not ANNA, coverage=EVERYTHING)
    before = box.people(ENRICH, dice, **ask).json()[0]["matches"][0]["person_data"]["contact"]
    assert before["business_emails"] and not before["personal_emails"] and not before["phone_numbers"]
    box.people(CONTACT, dice, fields=["contact.phone_numbers"])
    with box.charging("4"):
        after = box.people(ENRICH, dice, **ask).json()[0]["matches"][0]["person_data"]["contact"]
    assert after["phone_numbers"] == [dice.mobile] and not after["personal_emails"]


@pytest.mark.parametrize(
    ("wish", "cost"),
    [
        ({}, "5"),
        ({"fields": ["contact"]}, "5"),
        ({"fields": ["contact.business_emails"]}, "1"),
        ({"fields": ["contact.personal_emails"]}, "2"),
        ({"fields": ["contact.phone_numbers"]}, "2"),
        ({"fields": ["contact.business_emails", "contact.phone_numbers"]}, "3"),
        ({"verified": True}, "5.5"),
        ({"verified": True, "fields": ["contact.phone_numbers"]}, "2"),
    ],
)
def test_contacts_cost_by_tier_and_have_no_base(box: Box, wish, cost) -> None:
    with box.charging(cost):
        answer = box.people(CONTACT, RICH, **wish)
    assert answer.headers["x-credits-used"] == cost


def test_an_address_that_fails_the_check_is_not_paid_for_and_a_message_says_so(box: Box) -> None:
    box.set(coverage=EVERYTHING | {"verified": 0, "phone": 0, "personal": 0})
    with box.charging("0"):
        answer = box.people(CONTACT, ANNA, verified=True)
    contact = answer.json()[0]["matches"][0]["person_data"]["contact"]
    assert contact["business_emails"] == [] and contact["business_emails_message"]


def test_a_request_for_one_tier_can_bill_five_and_return_all(box: Box) -> None:
    box.set(contact_overbill=True)
    with box.charging("5"):
        answer = box.people(CONTACT, RICH, fields=["contact.business_emails"])
    contact = answer.json()[0]["matches"][0]["person_data"]["contact"]
    assert contact["business_emails"] and contact["personal_emails"] and contact["phone_numbers"]
    with box.charging("5"):
        box.set(coverage=EVERYTHING | {"personal": 0, "phone": 0})
        box.people(CONTACT, RICH, fields=["contact.business_emails"])


def test_a_base_can_be_billed_for_contacts(box: Box) -> None:
    box.set(contact_base=True)
    with box.charging("2"):
        box.people(CONTACT, RICH, fields=["contact.business_emails"])


@pytest.mark.parametrize(("bill", "cost"), [("returned", "1"), ("requested", "5")])
def test_tiers_that_were_asked_for_and_are_empty_are_free_unless_the_knob_bills_them(box: Box, bill, cost):
    box.set(bill=bill, coverage=EVERYTHING | {"personal": 0, "phone": 0})
    with box.charging(cost):
        box.people(CONTACT, RICH)


def test_nothing_is_charged_where_nothing_comes_back(box: Box) -> None:
    box.set(coverage=BARE)
    with box.charging("0"):
        assert box.people(CONTACT, ANNA).headers["x-credits-used"] == "0"
        box.people(ENRICH, "https://www.linkedin.com/in/nobody-at-all")
        box.mails("nobody@nowhere.example")
    box.set(coverage={"profile": 0})
    with box.charging("0"):
        assert box.people(ENRICH, UNKNOWN).json()[0]["matches"] == []


def test_a_live_profile_costs_seven(box: Box) -> None:
    with box.charging("7") as got:
        box.people(LIVE, ANNA)
    assert [c["item"] for c in got] == ["live"]


def test_a_search_costs_three_hundredths_for_each_result(box: Box) -> None:
    with box.charging("0.03") as got:
        answer = box.post(SEARCH, NAMED)
    assert answer.headers["x-credits-used"] == "0.03" and [c["person"] for c in got] == [ANNA.ref]
    with box.charging("0"):
        empty = {"filters": {"field": "basic_profile.name", "type": "=", "value": "Nobody Atall"}}
        assert box.post(SEARCH, empty).json() == {"profiles": [], "total_count": 0, "next_cursor": None}


def test_a_live_search_costs_two_for_each_profile_and_completions_are_free(box: Box) -> None:
    with box.charging("2"):
        box.post("/person/professional_network/search/live", NAMED)
    with box.charging("0"):
        box.post("/person/search/autocomplete", {"field": "basic_profile.location.city", "query": "ly"})


@pytest.mark.parametrize(
    ("path", "more", "cost"),
    [
        ("/company/enrich", {}, "2"),
        ("/company/enrich", {"fields": ["basic_info", "technographics"]}, "4"),
        ("/company/identify", {}, "0"),
    ],
)
def test_a_company_costs_two_and_its_technologies_two_more(box: Box, path, more, cost) -> None:
    with box.charging(cost):
        box.post(path, {"domains": [ANNA.company.domain], "exact_match": True, **more})


def test_every_company_of_a_fuzzy_answer_is_paid_for(box: Box) -> None:
    stem = ANNA.company.name.split()[0]
    found = box.post("/company/identify", {"names": [stem]}).json()[0]["matches"]
    assert len(found) > 1
    with box.charging(str(2 * len(found))):
        box.post("/company/enrich", {"names": [stem]})


def test_the_same_person_is_paid_for_again_and_the_books_call_it_a_duplicate(box: Box) -> None:
    before = box.sandbox.books()["double_charged"]
    twin = person_where(lambda p, k: p not in (ANNA, BEN, DEV, RICH), coverage=EVERYTHING)
    with box.charging("2"):
        box.people(ENRICH, twin)
        box.people(ENRICH, twin)
    with box.charging("1"):
        box.people(CONTACT, twin, fields=["contact.business_emails"])
    assert box.sandbox.books()["double_charged"] >= before + 1
    extra = [d for d in box.sandbox.books()["duplicates"] if d["person"] == twin.ref]
    assert [(d["kind"], d["extra"]) for d in extra] == [("credit", 1)]


@pytest.mark.parametrize(("balance", "status"), [(4.9, 402), (5, 200)])
def test_a_request_needs_the_balance_of_its_worst_case(box: Box, balance, status) -> None:
    box.sandbox.control("balance", {"credit": balance})
    answer = box.people(CONTACT, RICH)
    assert answer.status_code == status
    if status == 402:
        assert answer.json()["error"]["type"] == "insufficient_credits"
        assert answer.headers["x-credits-used"] == "0"


def test_a_request_may_need_no_more_than_something_left(box: Box) -> None:
    box.set(credit_check="empty", balance=0.5)
    assert box.people(CONTACT, RICH).status_code == 200
    assert box.balance() < 0
    assert box.people(CONTACT, RICH).status_code == 402


def test_out_of_credits_can_be_a_403(box: Box) -> None:
    box.set(credits_403=True, balance=0)
    answer = box.people(ENRICH, ANNA)
    assert answer.status_code == 403 and answer.json()["error"]["type"] == "insufficient_credits"


def test_both_balances_may_be_fractional_and_lists_appear_on_some_accounts(box: Box) -> None:
    box.set(balance=412.5)
    account = box.get("/account/credits").json()
    assert set(account) == {"account"}
    assert set(account["account"]) == {
        "credits", "recurring_credits", "recurring_credits_frequency", "recurring_credits_refresh_date",
        "credit_rollover",
    }  # fmt: skip
    assert account["account"]["credits"] == 412.5
    assert box.get("/user/credits", {"authorization": HEADERS["authorization"]}).json() == {"credits": 412.5}
    box.set(wallets=True)
    assert set(box.get("/account/credits").json()) == {"account", "wallets", "credit_topups"}


def test_the_usage_log_tells_what_a_request_cost_some_seconds_later(start_sandbox: Starter) -> None:
    box = Box(start_sandbox("crustdata", contacts=300, settings=BASE | {"usage_lag_s": 10}))
    answer = box.people(CONTACT, RICH)
    box.post(CONTACT, {})
    assert box.get("/account/usage/events").json()["events"] == []
    box.sandbox.advance(11)
    log = box.get("/account/usage/events", limit=1, endpoints=CONTACT, status="200").json()
    assert set(log) == {"events", "has_more", "next_cursor"} and not log["has_more"]
    event = log["events"][0]
    assert event["event_id"] == answer.headers["x-request-id"]
    assert str(event["credits_used"]) == answer.headers["x-credits-used"]
    assert sum(c["credits"] for c in event["cost_components"]) == event["credits_used"]
    one = box.get(f"/account/usage/events/{event['event_id']}").json()
    assert one["request"]["body"] == {"professional_network_profile_urls": [RICH.linkedin_url]}
    assert one["headers"] == {"authorization": "<redacted>"}
    assert box.get("/account/usage/events/unheard-of").status_code == 404
    page = box.get("/account/usage/events", limit=1).json()
    assert page["has_more"] and page["events"][0]["status"] == 400
    rest = box.get("/account/usage/events", limit=1, cursor=page["next_cursor"]).json()
    assert [e["event_id"] for e in rest["events"]] == [event["event_id"]]
    assert box.get("/account/usage/summary", status_class="2xx").json()["buckets"][0]["requests"] == 1
    group = box.get("/account/usage/errors").json()["groups"][0]
    assert (group["status"], group["count"], group["error_type"]) == (400, 1, "invalid_request")
    assert "x-credits-used" not in box.get("/account/usage/events").headers
    assert box.get("/account/usage/events", start="2020-01-01", end="2020-02-01").json()["events"] == []
    assert box.get("/account/usage/events", start="yesterday").status_code == 400


@pytest.mark.parametrize("kind", ["reset_after", "charge_then_500", "truncate", "garbage"])
def test_a_paid_answer_that_is_lost_is_in_the_usage_log(box: Box, kind) -> None:
    box.sandbox.fault(kind, path=ENRICH, times=1)
    with box.charging("1"):
        if kind in ("reset_after", "truncate"):
            with pytest.raises(httpx.HTTPError):
                box.people(ENRICH, BEN)
        else:
            answer = box.people(ENRICH, BEN)
            assert answer.status_code == (200 if kind == "garbage" else 500)
            assert kind == "garbage" or "x-credits-used" not in answer.headers
    event = box.get("/account/usage/events", limit=1).json()["events"][0]
    assert (event["endpoint"], event["status"], event["credits_used"]) == (ENRICH, 200, 1)
