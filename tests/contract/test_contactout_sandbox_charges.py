"""What each ContactOut operation costs, and what the account says of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.contract.contactout_process import (
    EVERYTHING,
    NOTHING_BUT_PROFILES,
    WORLD,
    Box,
    known,
    person_where,
    sandbox,
    url,
)

RICH = person_where(lambda p, k: k and k.work_email and k.personal_email and k.phones)
MAIL_ONLY = person_where(lambda p, k: k and (k.work_email or k.personal_email) and not k.phones)
PHONE_ONLY = person_where(lambda p, k: k and k.phones and not (k.work_email or k.personal_email))
BARE = person_where(lambda p, k: k and not (k.phones or k.work_email or k.personal_email))
UNKNOWN = person_where(lambda p, k: k is None)
ENRICH, CARD, PERSON = "/v1/linkedin/enrich", "/v1/people/linkedin", "/v1/people/enrich"
SEARCH, BATCH = "/v1/people/search", "/v1/people/linkedin/batch"
ALL = ["work_email", "personal_email", "phone"]


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off", job_delay_s=0) as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.mark.parametrize(
    ("person", "query", "cost"),
    [
        (RICH, {}, {"email": 1, "phone": 1}),
        (MAIL_ONLY, {}, {"email": 1}),
        (PHONE_ONLY, {}, {"phone": 1}),
        (BARE, {}, {"search": 1}),
        (RICH, {"profile_only": "true"}, {"search": 1}),
        (UNKNOWN, {}, {"search": 1}),
    ],
)
def test_linkedin_enrich_costs_what_it_finds_or_a_search(box: Box, person, query, cost) -> None:
    with box.charging(**cost) as got:
        assert box.get(ENRICH, profile=url(person), **query).status_code == 200
    assert {c["person"] for c in got} == {person.ref} and {c["operation"] for c in got} == {ENRICH}


def test_an_unknown_profile_can_be_made_free(box: Box) -> None:
    box.set(enrich_miss_charged=False)
    with box.charging():
        assert box.get(ENRICH, profile=url(UNKNOWN)).json()["profile"] == []


@pytest.mark.parametrize(
    ("person", "query", "cost"),
    [
        (RICH, {}, {"email": 1}),
        (RICH, {"include_phone": "true"}, {"email": 1, "phone": 1}),
        (RICH, {"include_phone": "true", "email_type": "none"}, {"phone": 1}),
        (RICH, {"email_type": "personal"}, {"email": 1}),
        (RICH, {"email_type": "personal,work"}, {"email": 1}),
        (MAIL_ONLY, {"include_phone": "true"}, {"email": 1}),
        (PHONE_ONLY, {}, {}),
        (BARE, {"include_phone": "true"}, {}),
        (UNKNOWN, {"include_phone": "true"}, {}),
    ],
)
def test_the_contact_card_costs_what_was_asked_for_and_found(box: Box, person, query, cost) -> None:
    with box.charging(**cost):
        answer = box.get(CARD, profile=url(person), **query)
    assert answer.status_code == (200 if cost else 404)


def test_no_addresses_are_shown_where_none_are_paid_for(box: Box) -> None:
    card = box.get(CARD, profile=url(RICH), include_phone="true", email_type="none").json()["profile"]
    assert card["email"] == card["work_email"] == card["personal_email"] == card["work_email_status"] == []
    assert card["phone"]


@pytest.mark.parametrize(
    ("person", "include", "cost"),
    [
        (RICH, [], {"search": 1}),
        (RICH, ALL, {"search": 1, "email": 1, "phone": 1}),
        (RICH, ["phone"], {"search": 1, "phone": 1}),
        (PHONE_ONLY, ["work_email", "personal_email"], {"search": 1}),
        (UNKNOWN, ALL, {}),
    ],
)
def test_people_enrich_costs_a_search_and_what_it_includes(box: Box, person, include, cost) -> None:
    with box.charging(**cost):
        box.post(PERSON, {"linkedin_url": url(person), "include": include})


@pytest.mark.parametrize(
    ("person", "cost"),
    [(RICH, {"email": 1, "phone": 1}), (BARE, {"email": 1}), (PHONE_ONLY, {"email": 1, "phone": 1})],
)
def test_email_enrich_costs_an_email_on_any_match_and_a_phone_unasked(box: Box, person, cost) -> None:
    with box.charging(**cost):
        assert box.get("/v1/email/enrich", email=person.work_email).status_code == 200


def test_misses_by_address_are_free(box: Box) -> None:
    with box.charging():
        assert box.get("/v1/email/enrich", email=UNKNOWN.work_email).status_code == 404
        assert box.get("/v1/people/person", email=UNKNOWN.work_email).status_code == 404


def test_the_profile_of_an_address_costs_an_email(box: Box) -> None:
    with box.charging(email=1):
        assert box.get("/v1/people/person", email=BARE.personal_email).status_code == 200


def test_the_first_batch_costs_an_email_for_each_profile_with_one(box: Box) -> None:
    people = [RICH, MAIL_ONLY, PHONE_ONLY, BARE, UNKNOWN]
    with box.charging(email=2) as got:
        box.post(BATCH, {"profiles": [*map(url, people), f"https://linkedin.com/in/{RICH.slug}/"]})
    assert [c["person"] for c in got] == [RICH.ref, MAIL_ONLY.ref]


def test_people_search_costs_a_search_for_each_row_of_the_page(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    body = {"seniority": ["CXO"]}
    with box.charging(search=25):
        first = box.post(SEARCH, body).json()
    total = sum(p.seniority == "CXO" for p in WORLD.people)
    assert first["metadata"]["total_results"] == total > 25
    last = total % 25 or 25
    with box.charging(search=last):
        rest = box.post(SEARCH, body | {"page": (total + 24) // 25}).json()
    assert not first["profiles"].keys() & rest["profiles"].keys()
    with box.charging():
        assert box.post(SEARCH, body | {"page": 99}).json()["profiles"] == []


def test_people_search_costs_the_contacts_that_it_reveals(box: Box) -> None:
    with box.charging(search=1, email=1, phone=1):
        box.post(SEARCH, {"name": RICH.full, "domain": [RICH.company.domain], "reveal_info": True})


def test_decision_makers_cost_as_people_search_does(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    boss = person_where(lambda p, _: p.seniority == "CXO" and p.mobile)
    deciders = [
        p
        for p in WORLD.people
        if p.company == boss.company and p.seniority in ("CXO", "Vice President", "Head")
    ]
    phones = sum(bool(p.mobile) for p in deciders)
    with box.charging(search=len(deciders), email=len(deciders), phone=phones):
        box.get("/v1/people/decision-makers", domain=boss.company.domain, reveal_info="true")
    with box.charging(search=len(deciders)):
        box.get("/v1/people/decision-makers", name=boss.company.name.upper())


def test_company_search_costs_a_search_for_each_company(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    names = [c.name for c in WORLD.companies[:3]]
    with box.charging(search=3):
        assert len(box.post("/v1/company/search", {"name": names}).json()["companies"]) == 3


def test_counts_checkers_companies_by_domain_and_statistics_are_free(box: Box) -> None:
    with box.charging():
        box.post("/v1/people/count", {"seniority": ["CXO"]})
        for kind in ("personal_email", "work_email", "phone"):
            box.get(f"/v1/people/linkedin/{kind}_status", profile=url(RICH))
        box.post("/v1/domain/enrich", {"domains": [RICH.company.domain]})
        box.get("/v1/stats")


def test_the_verifier_charges_for_three_verdicts_only(box: Box) -> None:
    box.set(coverage={**EVERYTHING, "verified": 0.5})
    asked = [p.work_email for p in WORLD.people[:150]]
    asked += [f"nobody@{WORLD.companies[i].domain}" for i in range(10)]
    asked += ["someone@throwaway.example", "someone@unheard-of.example"]
    seen = set()
    for address in asked:
        before = len(box.charges())
        verdict = box.get("/v1/email/verify", email=address).json()["data"]["status"]
        assert len(box.charges()) - before == (verdict in ("valid", "invalid", "accept_all"))
        seen.add(verdict)
    assert seen == {"valid", "invalid", "accept_all", "disposable", "unknown"}
    assert {c["kind"] for c in box.charges()[-1:]} == {"verifier"}


def test_the_books_count_a_second_purchase_as_a_duplicate(box: Box) -> None:
    before = box.control("books")["double_charged"]
    other = person_where(lambda p, k: k and k.work_email and p.index > 100)
    for _ in range(2):
        box.get(CARD, profile=url(other))
    assert box.control("books")["double_charged"] == before + 1


def test_addresses_of_one_person_are_verified_without_counting_as_duplicates(box: Box) -> None:
    before = box.control("books")["double_charged"]
    person = person_where(lambda p, k: k and p.index > 300)
    for address in (person.work_email, person.personal_email, f"{person.first}@{person.company.domain}"):
        box.get("/v1/email/verify", email=address)
    assert box.control("books")["double_charged"] == before


@pytest.mark.parametrize(
    ("pool", "path", "query"),
    [
        ("email", CARD, {}),
        ("phone", CARD, {"include_phone": "true"}),
        ("phone", CARD, {"include_phone": "true", "email_type": "none"}),
        ("search", ENRICH, {"profile_only": "true"}),
        ("email", ENRICH, {}),
        ("phone", ENRICH, {}),
    ],
)
def test_an_empty_pool_refuses_the_requests_that_need_it(box: Box, pool, path, query) -> None:
    box.control("balance", {pool: 0})
    with box.charging():
        answer = box.get(path, profile=url(RICH), **query)
    assert answer.status_code == 403
    text = "You're out of credits, please email your sales manager"
    assert answer.json() == {"status_code": 403, "message": text}


def test_an_empty_pool_refuses_before_anybody_is_looked_up(box: Box) -> None:
    box.control("balance", {"search": 0, "email": 0})
    assert box.post(PERSON, {"linkedin_url": url(UNKNOWN)}).status_code == 403
    assert box.get(CARD, profile=url(UNKNOWN)).status_code == 403
    assert box.get("/v1/people/person", email=UNKNOWN.work_email).status_code == 403


def test_an_empty_pool_refuses_nothing_else(box: Box) -> None:
    box.control("balance", {"phone": 0, "search": 0})
    assert box.get(CARD, profile=url(RICH)).status_code == 200
    assert box.get("/v1/people/linkedin/phone_status", profile=url(RICH)).status_code == 200


def test_a_request_that_finds_more_than_the_balance_is_refused_whole(box: Box) -> None:
    box.control("balance", {"email": 1})
    with box.charging():
        answer = box.post(BATCH, {"profiles": [url(RICH), url(MAIL_ONLY)]})
    assert answer.status_code == 403


def test_overage_goes_on_past_the_allowance_and_is_shown(box: Box) -> None:
    box.set(billing="postpaid", overage=True, balance={"email": 1, "phone": 5, "search": 5})
    quota = box.get("/v1/stats").json()["usage"]["quota"]
    for _ in range(3):
        assert box.get(CARD, profile=url(RICH)).status_code == 200
    usage = box.get("/v1/stats").json()["usage"]
    assert (usage["quota"], usage["remaining"], usage["over_quota"]) == (quota, -2, 2)


def test_prepaid_quota_is_the_live_balance_and_count_counts_requests(box: Box) -> None:
    box.control("balance", {"email": 100})
    before = box.get("/v1/stats").json()["usage"]
    box.post(BATCH, {"profiles": [url(RICH), url(MAIL_ONLY)]})
    after = box.get("/v1/stats").json()["usage"]
    assert before["quota"] == 100
    assert after["quota"] == 98 and after["count"] == before["count"] + 1
    assert "remaining" not in after


def test_postpaid_quota_is_the_allowance_and_remaining_is_the_rest(box: Box) -> None:
    box.set(billing="postpaid")
    before = box.get("/v1/stats").json()["usage"]
    box.post(BATCH, {"profiles": [url(RICH), url(MAIL_ONLY)]})
    after = box.get("/v1/stats").json()["usage"]
    assert after["quota"] == before["quota"] and after["remaining"] == before["remaining"] - 2
    assert after["remaining"] == after["quota"] - after["count"] and after["over_quota"] == 0


def test_the_count_can_follow_either_reading(box: Box) -> None:
    for reading, step in (("requests", 1), ("credits", 2)):
        box.set(count_of=reading)
        before = box.get("/v1/stats").json()["usage"]["count"]
        box.post(BATCH, {"profiles": [url(RICH), url(MAIL_ONLY)]})
        assert box.get("/v1/stats").json()["usage"]["count"] == before + step


def test_pools_can_be_billed_differently_and_missing(box: Box) -> None:
    box.set(billing={"email": "postpaid"}, stats_pools=["email", "phone"])
    usage = box.get("/v1/stats").json()["usage"]
    assert set(usage) == {"count", "quota", "remaining", "over_quota", "phone_count", "phone_quota"}


def test_the_verifier_pool_is_in_no_statistics_but_can_run_out(box: Box) -> None:
    box.control("balance", {"verifier": 0})
    assert box.get("/v1/email/verify", email=RICH.work_email).status_code == 403


def test_statistics_can_lag(box: Box) -> None:
    box.set(stats_lag_s=600)
    before = box.get("/v1/stats").json()
    box.get(CARD, profile=url(RICH))
    assert box.get("/v1/stats").json() == before
    box.control("clock", {"advance_s": 601})
    assert box.get("/v1/stats").json()["usage"]["quota"] == before["usage"]["quota"] - 1


def test_a_balance_that_is_not_understood_is_refused(box: Box) -> None:
    answer = box.api.post("/_sandbox/balance", json={"carrots": 3})
    assert answer.status_code == 400 and "email" in answer.json()["error"]


def seconds_to_next_month(now: str) -> float:
    """From an instant in ISO form to a minute into the next month."""
    at = datetime.fromisoformat(now)
    following = at.replace(
        year=at.year + at.month // 12, month=at.month % 12 + 1, day=1, hour=0, minute=1, second=0
    )
    return (following - at).total_seconds()


@pytest.mark.parametrize(("billing", "resets"), [("postpaid", True), ("prepaid", False)])
def test_a_new_month_resets_postpaid_counts_and_no_prepaid_balance(billing: str, resets: bool) -> None:
    with sandbox(billing=billing, balance={"email": 2}, coverage=EVERYTHING) as box:
        for person in WORLD.people[:2]:
            assert box.get(CARD, profile=url(person)).status_code == 200
        assert box.get(CARD, profile=url(WORLD.people[2])).status_code == 403
        old = box.get("/v1/stats").json()
        box.control("clock", {"advance_s": seconds_to_next_month(box.control("clock")["now"])})
        new = box.get("/v1/stats").json()
        assert new["period"] != old["period"] and new["usage"]["count"] == 0
        assert old["usage"]["count"] == 2
        assert box.get("/v1/stats", period=old["period"]["start"][:7]).json()["usage"]["count"] == 2
        assert box.get(CARD, profile=url(WORLD.people[2])).status_code == (200 if resets else 403)


def test_months_can_begin_in_another_time_zone() -> None:
    with sandbox() as box:
        old = box.get("/v1/stats").json()["period"]
        wait = seconds_to_next_month(box.control("clock")["now"])
        box.control("clock", {"advance_s": wait - 3600})
        assert box.get("/v1/stats").json()["period"] == old
        box.set(period_offset_h=2)
        assert box.get("/v1/stats").json()["period"] != old


def test_profiles_without_contacts_are_told_apart_from_unknown_ones(box: Box) -> None:
    box.set(coverage=NOTHING_BUT_PROFILES)
    assert known(RICH, **NOTHING_BUT_PROFILES) is not None
    with box.charging(search=1):
        profile = box.get(ENRICH, profile=url(RICH)).json()["profile"]
    assert profile["email"] == [] and profile["full_name"] == RICH.full
