"""The shapes of the RocketReach sandbox's answers, written out from the vendor's contract and samples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.rocketreach_box import EVERYTHING, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

EMAIL_SCALARS = {
    "recommended_email", "recommended_professional_email", "recommended_personal_email",
    "current_work_email", "current_personal_email",
}  # fmt: skip
PLACE = {
    "location", "city", "region", "country", "country_code", "region_latitude", "region_longitude",
}  # fmt: skip
EMPLOYMENT = {
    "current_title", "current_employer", "current_employer_id", "current_employer_domain",
    "current_employer_website", "current_employer_linkedin_url",
}  # fmt: skip
DETAILS = {"job_history", "education", "skills", "links"}
STATUS_ROW = (
    {
        "id", "status", "name", "profile_pic", "linkedin_url", "linkedin_url_active", "connections",
        "current_employer_industry", "return_cached_emails", "emails", "phones", "birth_year", "npi_data",
        "tags", "profile_list",
    }
    | PLACE | EMPLOYMENT | EMAIL_SCALARS | DETAILS
)  # fmt: skip
"""A complete row of checkStatus; a lookup has `metadata` beside."""
SAMPLE = {
    "id", "status", "name", "linkedin_url", "linkedin_url_active", "connections", "location", "city", "region",
    "country", "country_code", "current_title", "current_employer", "current_employer_id",
    "current_employer_domain", "current_employer_website", "current_employer_linkedin_url",
    "current_employer_industry", "return_cached_emails", "recommended_email",
    "recommended_professional_email", "recommended_personal_email", "current_work_email",
    "current_personal_email", "emails", "phones", "job_history", "education", "skills", "links", "birth_year",
    "npi_data", "tags", "profile_list", "metadata",
}  # fmt: skip
"""The keys of the reference's complete lookup."""
RUNNING = {
    "id", "status", "name", "linkedin_url", "current_title", "current_employer", "return_cached_emails",
    "emails", "phones",
} | EMAIL_SCALARS  # fmt: skip
EMAIL = {"email", "smtp_valid", "type", "last_validation_check", "grade"}
PHONE = {"number", "e164", "country_code", "extension", "type", "grade", "validity", "recommended"}
POST = {
    "start_date", "end_date", "company", "company_name", "company_id", "company_linkedin_url", "company_city",
    "company_region", "company_country_code", "department", "sub_department", "title", "highest_level",
    "description", "last_updated", "is_current",
}  # fmt: skip
SHORT_COMPANY = {
    "id", "name", "domain", "email_domain", "website_domain", "ticker_symbol", "links", "year_founded",
    "address", "phone", "fax", "num_employees", "revenue", "industry", "description",
}  # fmt: skip
COMPANY = SHORT_COMPANY | {
    "funding_investors", "industries", "industry_keywords", "sic_codes", "naics_codes", "techstack",
    "competitors", "departments", "company_growth", "rr_profile_url",
}  # fmt: skip
ADDRESS = {
    "description", "street", "city", "region", "region_code", "postal_code", "country", "country_code",
}  # fmt: skip
SEARCH_ROW = {
    "id", "status", "name", "profile_pic", "linkedin_url", "connections", "links", "teaser", "suppressed",
    "update_time", "npi_data", "birth_year",
} | PLACE | EMPLOYMENT  # fmt: skip
TEASER = {
    "emails", "phones", "office_phones", "preview", "personal_emails", "professional_emails",
    "is_premium_phone_available",
}  # fmt: skip
COMPANY_ROW = {
    "id",
    "name",
    "email_domain",
    "ticker_symbol",
    "industry_str",
    "city",
    "region",
    "country_code",
}
ACCOUNT = {"id", "first_name", "last_name", "email", "state", "credit_usage", "rate_limits"}
LEGACY = {
    "lookup_credit_balance", "plan", "lifetime_credits_spent", "api_key", "daily_api_num_calls",
    "daily_api_limit",
}  # fmt: skip
UNIVERSAL_ACCOUNT = ACCOUNT | {
    "plan", "api_key", "api_key_domain", "daily_api_num_calls", "daily_api_limit", "credit_usage_by_action",
}  # fmt: skip
ACTIONS = {
    "PersonSearch", "CompanySearch", "ProfessionalEmailEnrichment", "PersonalEmailEnrichment",
    "PhoneEnrichment", "PersonEnrichment", "CompanyEnrichment", "HealthcareEnrichment",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    settings = PLAIN | {"family": "both"}
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=settings))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def test_a_complete_profile_has_the_keys_of_contract_and_sample(box: Box) -> None:
    anna = box.person()
    assert set(box.finished(anna)) == STATUS_ROW
    profile = box.look_up(anna)
    assert set(profile) == STATUS_ROW | {"metadata"} and set(profile) > SAMPLE
    assert all(set(e) == EMAIL for e in profile["emails"])
    assert set(profile["phones"][0]) == PHONE | {"premium", "last_checked"}
    assert all(set(p) == POST for p in profile["job_history"])
    assert set(profile["education"][0]) == {"school", "degree", "major", "start", "end"}
    assert set(profile["profile_list"]) == {"id", "name"}
    assert set(profile["links"]) == {"linkedin"}


def test_a_complete_profile_tells_of_the_person(box: Box) -> None:
    anna = box.person()
    profile = box.finished(anna)
    assert profile["id"] == number(anna)
    assert (profile["name"], profile["linkedin_url"]) == (anna.full, anna.linkedin_url)
    assert (profile["current_title"], profile["current_employer"]) == (anna.title, anna.company.name)
    assert profile["current_employer_domain"] == anna.company.domain
    assert profile["current_employer_id"] == 7001 + anna.company.index
    assert {e["email"] for e in profile["emails"]} == {anna.work_email, anna.personal_email}
    assert profile["recommended_professional_email"] == profile["current_work_email"] == anna.work_email
    assert profile["recommended_personal_email"] == anna.personal_email
    phone = profile["phones"][0]
    assert phone["e164"] == anna.mobile and phone["type"] == "mobile" and phone["recommended"] is True
    assert "+" + re.sub(r"\D", "", phone["number"]) == anna.mobile and " " in phone["number"]
    assert anna.mobile.startswith(f"+{phone['country_code']}")
    assert [post["is_current"] for post in profile["job_history"]] == [True, False]
    assert profile["job_history"][0]["end_date"] == "Present"


def test_a_running_lookup_and_its_status_rows_are_short(box: Box) -> None:
    anna = box.person()
    assert set(box.look_up(anna)) == RUNNING
    assert set(box.status(anna)[0]) == {"id", "status"}
    box.later(1)
    assert set(box.status(anna)[0]) == RUNNING
    assert set(box.look_up(box.person(), metadata='{"a": 1}')) == RUNNING | {"metadata"}


def test_a_universal_profile_leaves_out_what_was_not_revealed(box: Box) -> None:
    always = STATUS_ROW - {"tags", "current_employer_industry"}
    emails = {"emails", "recommended_email"}
    work = {"recommended_professional_email", "current_work_email"}
    personal = {"recommended_personal_email", "current_personal_email"}
    hidden = DETAILS | {"npi_data", "phones"} | emails | work | personal
    for reveals, shown in (
        ((), set()),
        (("professional_email",), emails | work),
        (("personal_email",), emails | personal),
        (("phone",), {"phones"}),
        (("detailed_person_enrichment",), DETAILS),
        (("healthcare_enrichment",), {"npi_data"}),
    ):
        anna = box.person()
        box.reveal(anna, *reveals)
        profile = box.revealed(anna)
        assert set(profile) == (always - hidden) | shown, reveals
    kinds = {e["type"] for e in box.get("/universal/person/lookup", id=number(anna)).json().get("emails", [])}
    assert kinds == set()


def test_only_the_revealed_kind_of_address_is_listed(box: Box) -> None:
    anna = box.person()
    box.reveal(anna, "personal_email")
    assert {e["type"] for e in box.revealed(anna)["emails"]} == {"personal"}


def test_a_year_of_birth_is_a_number_in_one_api_and_text_in_the_other(box: Box) -> None:
    people = [box.person() for _ in range(20)]
    years = {p: box.finished(p)["birth_year"] for p in people}
    anna = next(p for p, year in years.items() if year)
    assert isinstance(years[anna], int) and None in years.values()
    box.reveal(anna, "phone")
    assert box.revealed(anna)["birth_year"] == str(years[anna])


def test_grades_and_verdicts_come_in_the_documented_words(box: Box) -> None:
    box.set(
        coverage={"landline": 1, "stale": 0.2, "work": 1, "verified": 0.5, "blind": 0, "profile": 1},
        catch_all=0.3,
        odd_emails=0.5,
    )
    profiles = [box.finished(box.person()) for _ in range(60)]
    emails = [e for p in profiles for e in p["emails"]]
    phones = [n for p in profiles for n in p["phones"]]
    assert {e["grade"] for e in emails} == {"A", "A-", "B", "F"}
    assert {e["smtp_valid"] for e in emails} == {"valid", "invalid", "accept-all", "unknown", None}
    assert {e["type"] for e in emails} == {"professional", "personal", "role-based", "disposable"}
    assert {p["grade"] for p in phones} == {"A", "A-", "B"}
    assert {p["type"] for p in phones} == {"mobile", "direct dial", "landline"}
    assert all((p["validity"] == "unknown") == (p["grade"] == "B") for p in phones)
    dates = [e["last_validation_check"] or "" for e in emails]
    assert any(len(d) == 10 for d in dates) and any(d.endswith("Z") for d in dates)
    for profile in profiles:
        unfit = {
            e["email"]
            for e in profile["emails"]
            if e["grade"] == "F" or e["type"] in ("role-based", "disposable")
        }
        assert profile["recommended_email"] not in unfit


def test_the_best_number_is_listed_first_and_recommended(box: Box) -> None:
    box.set(coverage=EVERYTHING | {"landline": 1})
    people = [p for p in (box.person() for _ in range(60)) if p.landline]
    numbers = {p: box.finished(p)["phones"] for p in people}
    assert all([n["recommended"] for n in rows] == [True, False] for rows in numbers.values())
    grades = ["A", "A-", "B"]
    for rows in numbers.values():
        assert grades.index(rows[0]["grade"]) <= grades.index(rows[1]["grade"])
    assert {rows[0]["e164"] == p.landline for p, rows in numbers.items()} == {True, False}


def test_at_a_catch_all_company_addresses_are_accepted_guesses(box: Box) -> None:
    box.set(catch_all=1)
    people = [box.person() for _ in range(15)]
    work = {p: next(e for e in box.finished(p)["emails"] if e["type"] == "professional") for p in people}
    assert {(e["smtp_valid"], e["grade"]) for e in work.values()} == {("accept-all", "B")}
    assert {e["email"] == p.work_email for p, e in work.items()} == {True, False}


def test_a_landline_can_be_sold_as_a_mobile(box: Box) -> None:
    anna = next(p for p in iter(box.person, None) if p.landline)
    box.set(coverage=EVERYTHING | {"phone": 0, "landline": 1}, landline_as_mobile=1)
    phone = box.finished(anna)["phones"][0]
    assert (phone["e164"], phone["type"], phone["grade"]) == (anna.landline, "mobile", "A")
    box.set(landline_as_mobile=0)
    assert box.status(anna)[0]["phones"][0]["type"] in ("direct dial", "landline")


def test_answers_can_come_in_the_shapes_that_other_clients_met(box: Box) -> None:
    anna = box.person()
    box.finished(anna)
    box.set(lookup_as_array=True, status_as_object=True, array_scalars=True, phones_without_grade=True)
    rows = box.get("/person/lookup", id=number(anna)).json()
    assert isinstance(rows, list) and len(rows) == 1
    assert rows[0]["current_title"] == [anna.title] and isinstance(rows[0]["skills"], str)
    assert set(rows[0]["phones"][0]) == PHONE - {"grade"} | {"premium", "last_checked"}
    answer = box.get("/person/checkStatus", ids=number(anna)).json()
    assert list(answer) == ["profiles"] and answer["profiles"][0]["id"] == number(anna)


def test_the_account_has_the_keys_of_the_samples(box: Box) -> None:
    account = box.get("/account/").json()
    assert set(account) == ACCOUNT and account["state"] == "registered"
    assert all(set(r) == {"credit_type", "allocated", "used", "remaining"} for r in account["credit_usage"])
    assert all(set(r) == {"action", "duration", "limit", "used", "remaining"} for r in account["rate_limits"])
    box.set(legacy_account=True, state="test_user")
    account = box.get("/account/").json()
    assert set(account) == ACCOUNT | LEGACY and account["state"] == "test_user"


def test_the_universal_account_is_one_pool_and_repeats_the_key(box: Box) -> None:
    account = box.get("/universal/account/").json()
    assert set(account) == UNIVERSAL_ACCOUNT
    usage = {"credits_allocated", "credits_used", "credits_remaining", "last_synced"}
    assert set(account["credit_usage"]) == usage
    actions = account["credit_usage_by_action"]
    assert {a["credit_action"] for a in actions} == ACTIONS
    counts = {"credit_action", "attempted_count", "succeeded_count", "credits_used", "last_synced"}
    assert all(set(a) == counts for a in actions)
    assert set(account["plan"]) == {"id", "name", "lookup_limit", "export_limit"}
    assert account["api_key"] == "sandbox-rocketreach-key" and isinstance(account["daily_api_limit"], str)


def search(box: Box, path: str = "/person/search", **more: Any) -> list[dict[str, Any]]:
    answer = box.post(path, more)
    assert answer.status_code == 201, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


def test_a_search_answers_201_with_rows_without_contacts(box: Box) -> None:
    anna, ben = box.person(), box.person()
    ids = [str(number(anna)), str(number(ben))]
    box.finished(anna)
    rows = search(box, query={"id": ids})
    assert [row["id"] for row in rows] == [number(anna), number(ben)]
    assert [row["status"] for row in rows] == ["complete", "not queued"]
    assert all(set(row) == SEARCH_ROW for row in rows)
    everything = str(search(box, query={}, page_size=100))
    assert anna.work_email not in everything and anna.mobile not in everything
    teasers = [row["teaser"] for row in search(box, query={}, page_size=30)]
    assert None in teasers and all(set(t) == TEASER for t in teasers if t)


def test_every_facet_finds_by_its_values_and_facets_must_all_fit(box: Box) -> None:
    anna = next(p for p in iter(box.person, None) if p.country == "DE" and p.title == "CTO")
    facets: dict[str, Any] = {
        "name": [anna.full], "email": [anna.work_email], "phone": [anna.mobile], "link": [anna.linkedin_url],
        "id": [str(number(anna))], "current_title": ["cto"], "employer": [anna.past.name],
        "current_employer": [anna.company.name], "company_domain": [anna.company.domain],
        "company_name": [anna.company.name], "company_id": [7001 + anna.company.index],
        "geo": ["Germany"], "state": ["DE"], "contact_method": ["phone"],
        "email_grade": "A-::professional only", "keyword": "CTO", "keywords": anna.first,
    }  # fmt: skip
    everybody = len(search(box, query={}, page_size=100))
    for facet, value in facets.items():
        mine = search(box, query={facet: value, "id": [str(number(anna))]})
        assert [row["id"] for row in mine] == [number(anna)], facet
        if facet not in ("contact_method", "email_grade"):
            assert 0 < len(search(box, query={facet: value}, page_size=100)) < everybody, facet
    assert [row["id"] for row in search(box, query=facets)] == [number(anna)]
    assert search(box, query=facets | {"name": ["Nobody"]}) == []
    either = search(box, query={"id": [str(number(anna)), "100001"]})
    assert len(either) == 2


def test_excluded_values_are_taken_in_both_forms(box: Box) -> None:
    everybody = {row["id"] for row in search(box, query={"geo": ["Germany"]}, page_size=100)}
    ctos = {row["id"] for row in search(box, query={"geo": ["Germany"], "current_title": ["CTO"]})}
    inside = search(box, query={"geo": ["Germany"], "exclude_current_title": ["CTO"]}, page_size=100)
    beside = search(box, query={"geo": ["Germany"]}, exclude={"current_title": ["CTO"]}, page_size=100)
    assert ctos and {row["id"] for row in inside} == everybody - ctos == {row["id"] for row in beside}


def test_pages_are_counted_from_one_and_can_come_with_their_envelope(box: Box) -> None:
    rows = search(box, query={})
    assert len(rows) == 10 and len(search(box, "/universal/person/search", query={})) == 100
    assert search(box, query={}, start=3, page_size=2) == rows[2:4]
    box.set(search_as_object=True)
    answer = box.post("/person/search", {"query": {}, "start": 399, "page_size": 2}).json()
    assert set(answer) == {"profiles", "pagination"}
    assert answer["pagination"] == {"start": 399, "next": None, "total": 400}
    assert box.post("/person/search", {"query": {}}).json()["pagination"]["next"] == 11


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": {}, "start": 0}, "start"),
        ({"query": {}, "start": 10_001}, "start"),
        ({"query": {}, "page_size": 101}, "page_size"),
        ({"query": {}, "order_by": "luck"}, "order_by"),
        ({"query": {"name": "Anna"}}, "name"),
        ({"query": {"keyword": ["x"]}}, "keyword"),
        ({"query": {"shoe_size": ["44"]}}, "shoe_size"),
    ],
)
def test_a_search_that_is_not_understood_is_a_400_by_field(box: Box, body: dict, field: str) -> None:
    answer = box.post("/person/search", body)
    assert answer.status_code == 400 and list(answer.json()) == [field]


def test_the_old_search_path_answers_too(box: Box) -> None:
    anna = box.person()
    answer = box.http.post("/v2/api/search", json={"query": {"name": [anna.full]}})
    assert answer.status_code == 201
    assert number(anna) in [row["id"] for row in answer.json()]


def test_a_company_is_found_by_each_identifier_with_the_keys_of_the_contract(box: Box) -> None:
    company = box.person().company
    box.balance(company_export=100)
    for query in (
        {"domain": f"https://www.{company.domain}/about"},
        {"id": 7001 + company.index},
        {"linkedin_url": f"linkedin.com/company/{company.slug}"},
        {"name": company.name.upper()},
    ):
        answer = box.get("/company/lookup/", **query)
        assert answer.status_code == 200 and set(answer.json()) == COMPANY
        assert (answer.json()["name"], answer.json()["domain"]) == (company.name, company.domain)
        assert set(answer.json()["address"]) == ADDRESS
    assert box.get("/company/lookup/", ticker="ACME").status_code == 404
    assert box.get("/company/lookup/").status_code == 400


def test_a_profile_comes_with_the_shorter_company(box: Box) -> None:
    box.balance(company_export=100)
    answer = box.get("/profile-company/lookup", id=number(box.person()))
    assert set(answer.json()) == RUNNING | {"company"}
    assert set(answer.json()["company"]) == SHORT_COMPANY


def test_company_searches_have_the_rows_of_each_api(box: Box) -> None:
    company = box.person().company
    body = {"query": {"domain": [company.domain]}}
    standard = box.post("/searchCompany", body)
    assert standard.status_code == 201 and set(standard.json()[0]) == COMPANY_ROW
    universal = box.post("/universal/company/search", body).json()[0]
    assert set(universal) == COMPANY_ROW | {"linkedin_url", "logo_url"}
    assert universal["id"] == 7001 + company.index
