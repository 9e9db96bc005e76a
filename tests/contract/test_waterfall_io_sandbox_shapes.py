"""The answers of the Waterfall.io sandbox: their keys, values and the people behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest

from tests.contract.waterfall_io_box import (
    CHANGE,
    COMPANY,
    CONTACT,
    EVERYTHING,
    PHONE,
    PLAIN,
    SEARCH,
    VERIFY,
    WORLD,
    Box,
)
from tests.sandboxes import Starter


def words(text: str) -> set[str]:
    return set(text.split())


PERSON = words("""id first_name last_name linkedin_id linkedin_url personal_email location country company_id
    company_linkedin_id company_name company_domain professional_email mobile_phone phone_numbers title seniority
    department experiences email_verified email_confidence email_verified_status domain_age_days smtp_provider
    mx_record""")
EXPERIENCE = words("""title location company_name company_linkedin_id company_linkedin_url company_domain start_year start_month
    start_date end_year end_month end_date is_current description""")
COMPANY_KEYS = words("""id domain name website linkedin_id linkedin_url linkedin_followers description logo_url size
    employees_count industry type founded address country crunchbase_url funding_details recent_job_posting_count
    technologies""")
TASK = words("""linkedin_url first_name last_name full_name domain email webhook_url custom_fields job_id
    context_id""")


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def test_a_launch_answers_with_a_job_and_its_start(box: Box) -> None:
    answer = box.post(CONTACT, email=box.person().work_email).json()
    assert set(answer) == {"job_id", "start_date"} and UUID(answer["job_id"])
    assert answer["start_date"].endswith("+00:00")


def test_a_contact_has_the_keys_of_the_sample_and_an_optional_usage(box: Box) -> None:
    anna = box.person()
    job_id = box.launch(CONTACT, email=anna.work_email)
    running = box.find(CONTACT, job_id)
    assert set(running) == {"status", "start_date", "input"} and running["status"] == "RUNNING"
    box.later(10)
    job = box.find(CONTACT, job_id)
    assert set(job) == {"status", "start_date", "stop_date", "input", "output"}
    assert set(job["input"]) == {"task"} and set(job["input"]["task"]) == TASK
    assert set(job["output"]) == {"person", "usage"}
    person = job["output"]["person"]
    assert set(person) == PERSON
    assert {frozenset(e) for e in person["experiences"]} == {frozenset(EXPERIENCE)}
    assert (person["first_name"], person["last_name"]) == (anna.first, anna.last)
    assert person["linkedin_url"] == f"https://www.linkedin.com/in/{anna.slug}/"
    assert (person["professional_email"], person["email_verified_status"]) == (anna.work_email, "safe")
    assert (person["email_verified"], person["email_confidence"]) == (True, "high")
    assert (person["mobile_phone"], person["phone_numbers"]) == (None, [])
    assert person["company_domain"] == anna.company.domain


def test_the_input_is_echoed_with_linkedin_renamed_and_without_include_phones(box: Box) -> None:
    anna = box.person()
    sent = {"linkedin": anna.linkedin_url, "include_phones": True, "custom_fields": {"syncd_ref": "hs:1"}}
    job_id = box.launch(CONTACT, **sent)
    assert box.find(CONTACT, job_id)["input"]["task"] == dict.fromkeys(TASK) | {
        "linkedin_url": anna.linkedin_url,
        "custom_fields": {"syncd_ref": "hs:1"},
        "job_id": job_id,
        "context_id": job_id,
    }
    box.set(input_as="null")
    assert box.find(CONTACT, job_id)["input"] is None


def test_timestamps_come_in_three_forms(box: Box) -> None:
    anna = box.person()
    job_id = box.launch(CONTACT, email=anna.work_email)
    assert box.find(CONTACT, job_id)["start_date"].endswith("+00:00")
    box.later(10)
    job = box.find(CONTACT, job_id)
    start, stop = (datetime.fromisoformat(job[n]) for n in ("start_date", "stop_date"))
    assert start.tzinfo is None and (stop - start).total_seconds() >= 5
    assert box.post(VERIFY, email=anna.work_email).json()["start_date"].endswith("Z")
    for form, end in (("zulu", "Z"), ("offset", "+00:00")):
        box.set(timestamps=form)
        assert box.find(CONTACT, job_id)["stop_date"].endswith(end)


def test_every_strategy_finds_the_same_person(box: Box) -> None:
    anna = box.person()
    ways = [
        {"email": anna.work_email.upper()}, {"linkedin": anna.slug}, {"linkedin": f"{anna.linkedin_url}/?x=1"},
        {"full_name": anna.full, "domain": f"https://www.{anna.company.domain}/about"},
        {"first_name": anna.first, "last_name": anna.last, "domain": anna.company.domain},
    ]  # fmt: skip
    assert {box.person_of(CONTACT, **way)["linkedin_id"] for way in ways} == {anna.slug}
    assert {box.person_of(PHONE, **way)["mobile_phone"] for way in ways} == {anna.mobile}


def test_a_contact_prefers_the_address_and_a_phone_the_profile(box: Box) -> None:
    anna, ben = box.person(), box.person()
    both = {"email": anna.work_email, "linkedin": ben.slug}
    assert box.person_of(CONTACT, **both)["linkedin_id"] == anna.slug
    assert box.person_of(PHONE, **both)["linkedin_id"] == ben.slug
    box.set(several_identifiers="refused")
    assert box.refused(CONTACT, **both) == (400, "VALIDATION_BAD_REQUEST")


def test_a_phone_miss_is_a_person_without_numbers(box: Box) -> None:
    job = box.finished(PHONE, first_name="No", last_name="Body", domain="nowhere.example")
    assert job["output"]["person"] == {
        "first_name": "No", "last_name": "Body", "mobile_phone": None, "phone_numbers": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [("empty", {"person": {}}), ("null", {"person": None}), ("absent", {}),
     ("echo", {"person": {"first_name": None, "last_name": None}})],
)  # fmt: skip
def test_nobody_found_has_the_form_of_the_knob(box: Box, form: str, expected: dict) -> None:
    box.set(no_match=form, usage="none")
    assert box.finished(CONTACT, email="nobody@nowhere.example")["output"] == expected


def test_a_company_has_its_keys_whichever_way_it_is_found(box: Box) -> None:
    company = box.person().company
    page = f"https://www.linkedin.com/company/{company.slug}/"
    ways = {"domain": company.domain}, {"linkedin": page}, {"name": company.name.upper()}
    for way in ways:
        found = box.finished(COMPANY, **way)
        assert set(found["output"]["company"]) == COMPANY_KEYS
        assert found["output"]["company"]["domain"] == company.domain
        assert set(found["input"]["task"]) == {
            "domain", "linkedin_url", "name", "webhook_url", "custom_fields", "job_id", "context_id",
        }  # fmt: skip
    assert set(found["output"]["company"]["funding_details"]) == {
        "total_funding_rounds", "total_funding_usd", "funding_rounds",
    }  # fmt: skip


def test_a_verification_answers_at_once(box: Box) -> None:
    answer = box.post(VERIFY, email=box.person().work_email).json()
    assert answer["status"] == "SUCCEEDED" and set(answer["output"]) == {"email", "usage"}
    assert set(answer["output"]["email"]) == {
        "email", "domain", "email_status", "smtp_provider", "mx_records",
    }  # fmt: skip
    box.set(catch_all=1)
    answer = box.post(VERIFY, email=box.person().work_email).json()
    assert answer["output"]["email"]["email_status"] == "risky"
    assert box.http.get(VERIFY).json()["code"] == "ROUTING_INVALID_PATH_OR_METHOD"


def test_a_change_of_jobs_is_told_with_channels_redacted(box: Box) -> None:
    anna = box.person()
    stays = box.post(CHANGE, company_domain=anna.company.domain, contact_linkedin=anna.slug).json()
    assert stays["output"]["job_change_status"] == "no_change"
    left = box.post(CHANGE, company_domain=anna.past.domain, contact_linkedin=anna.slug).json()
    assert left["output"]["job_change_status"] in ("left", "moved")
    assert left["output"]["person"]["professional_email"] is None
    assert left["output"]["person"]["company_domain"] == anna.company.domain
    page = {"company_linkedin": anna.company.slug, "professional_email": anna.work_email}
    assert box.post(CHANGE, **page).json()["output"]["job_change_status"] == "no_change"
    for half in ({"contact_linkedin": anna.slug}, {"company_domain": anna.company.domain}, {}):
        assert box.refused(CHANGE, **half) == (400, "VALIDATION_BAD_REQUEST")
    again = box.find(CHANGE, stays["input"]["task"]["job_id"])
    assert again == stays


def test_a_search_finds_a_contact_or_the_people_of_a_company_by_pages(box: Box) -> None:
    anna = box.person()
    one = box.post(SEARCH, contact_linkedin=anna.slug).json()["output"]["persons"]
    assert [p["linkedin_id"] for p in one] == [anna.slug] and set(one[0]) == PERSON | {"about"}
    assert (one[0]["professional_email"], one[0]["mobile_phone"]) == (None, None)
    staff = [p.slug for p in WORLD.people if p.company == anna.company]
    pages = [
        box.post(SEARCH, domain=anna.company.domain, page_number=n, page_size=5).json() for n in range(1, 8)
    ]
    assert [p["linkedin_id"] for page in pages for p in page["output"]["persons"]] == staff[:35]
    assert box.find(SEARCH, pages[0]["input"]["task"]["job_id"]) == pages[0]
    both = {"contact_linkedin": anna.slug, "domain": anna.company.domain}
    for bad in (both, {}, {"domain": anna.company.domain, "page_size": 0}, {"title_filters": []}):
        assert box.refused(SEARCH, **bad) == (400, "VALIDATION_BAD_REQUEST")


def test_catch_all_stale_and_unverified_addresses_are_graded_lower(box: Box) -> None:
    anna, ben, cy = box.person(), box.person(), box.person()
    box.set(catch_all=1)
    found = box.person_of(CONTACT, linkedin=anna.slug)
    assert (found["email_verified"], found["email_verified_status"]) == (False, "catch_all")
    box.set(catch_all=0, coverage=EVERYTHING | {"verified": 0})
    assert box.person_of(CONTACT, linkedin=ben.slug)["email_verified_status"] == "unknown"
    box.set(coverage=EVERYTHING | {"stale": 1})
    found = box.person_of(CONTACT, linkedin=cy.slug)
    assert found["email_verified_status"] == "invalid" and found["company_domain"] == cy.past.domain
    assert found["professional_email"].endswith(f"@{cy.past.domain}")


def test_a_fixed_number_can_be_sold_as_a_mobile_one(box: Box) -> None:
    anna = next(p for p in iter(box.person, None) if p.landline)
    box.set(coverage=EVERYTHING | {"landline": 1, "phone": 0}, landline_as_mobile=0)
    assert box.person_of(PHONE, linkedin=anna.slug)["mobile_phone"] is None
    box.set(landline_as_mobile=1)
    assert box.person_of(PHONE, linkedin=anna.slug)["mobile_phone"] == anna.landline


def test_a_name_at_another_domain_finds_nobody_unless_anybody_will_do(box: Box) -> None:
    anna = box.person()
    sent = {"full_name": anna.full, "domain": "nowhere.example"}
    assert box.person_of(CONTACT, **sent) == {}
    box.set(name_match="anybody")
    assert box.person_of(CONTACT, **sent)["first_name"] == anna.first


def test_a_wrong_provider_answers_with_somebody_else(box: Box) -> None:
    anna = box.person()
    box.set(coverage=EVERYTHING | {"wrong": 1})
    with box.charging("0.1") as charged:
        found = box.person_of(CONTACT, linkedin=anna.slug)
    assert found["linkedin_id"] != anna.slug and charged[0]["person"] == anna.ref


def test_knowledge_differs_from_that_of_other_vendors_and_is_always_the_same(start_sandbox: Starter) -> None:
    box = Box(start_sandbox("waterfall_io", contacts=60, settings={"limits": "off", "after_s": 0}))
    people = WORLD.invent(60).people

    def found() -> list[bool]:
        return [bool(box.person_of(CONTACT, linkedin=p.slug)) for p in people]

    once = found()
    assert once == found() and 30 < sum(once) < 60
