"""Answers of the Crustdata sandbox: their keys, whom they mean, and their oddities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.knobs import Knobs
from tests.contract.crustdata_box import (
    BASE,
    CONTACT,
    ENRICH,
    EVERYTHING,
    LIVE,
    SEARCH,
    UNKNOWN,
    WORLD,
    Box,
    person_where,
)
from tests.sandboxes import start_sandbox

ANNA = WORLD.people[0]
PLACE = {"raw", "full_location", "city", "state", "country", "continent"}
SECTIONS = {
    "crustdata_person_id", "basic_profile", "professional_network", "social_handles", "experience",
    "education", "skills", "contact", "dev_platform_profiles", "certifications", "honors", "metadata",
    "updated_at",
}  # fmt: skip
BASIC = {
    "name", "professional_network_name", "first_name", "last_name", "headline", "current_title", "summary",
    "profile_picture_permalink", "location", "languages", "last_updated", "normalized_title",
}  # fmt: skip
JOB = {
    "name", "title", "description", "seniority_level", "function_category", "employment_type", "start_date",
    "end_date", "is_default", "position_id", "crustdata_company_id", "professional_network_id",
    "company_website", "company_website_domain", "company_professional_network_profile_url",
    "company_professional_network_industry", "company_industries", "company_type", "company_status",
    "company_headcount_latest", "company_headcount_range", "company_headquarters_country",
    "company_hq_location", "company_hq_location_address_components", "company_profile_picture_permalink",
    "location", "years_at_company", "years_at_company_raw", "business_email_verified",
}  # fmt: skip
SCHOOL = {
    "school", "degree", "field_of_study", "description", "start_year", "end_year",
    "professional_network_id", "institute_logo_permalink", "location",
}  # fmt: skip
BASIC_INFO = {
    "name", "primary_domain", "all_domains", "website", "professional_network_url",
    "professional_network_id", "year_founded", "description", "company_type", "employee_count_range",
    "markets", "industries", "logo_permalink",
}  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with start_sandbox("crustdata", contacts=300, settings=BASE | {"coverage": EVERYTHING}) as running:
        yield Box(running)


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def data_of(answer: Any) -> dict[str, Any]:
    """The person of an answer's only match."""
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()
    assert set(row) == {"matched_on", "match_type", "matches"}
    (match,) = row["matches"]
    assert set(match) == {"confidence_score", "person_data"}
    data: dict[str, Any] = match["person_data"]
    return data


def test_two_sections_are_shown_unless_fields_are_named(box: Box) -> None:
    data = data_of(box.people(ENRICH, ANNA))
    assert set(data) == {"crustdata_person_id", "basic_profile", "social_handles"}
    assert set(data["basic_profile"]) == BASIC and set(data["basic_profile"]["location"]) == PLACE
    handles = data["social_handles"]
    assert set(handles) == {
        "professional_network_identifier",
        "twitter_identifier",
        "dev_platform_identifier",
    }
    assert handles["professional_network_identifier"] == {"profile_url": ANNA.linkedin_url}


def test_every_section_has_its_documented_keys(box: Box) -> None:
    person = person_where(lambda p, k: p.past.index != p.company.index and p.mobile, coverage=EVERYTHING)
    data = data_of(box.people(ENRICH, person, fields=sorted(SECTIONS)))
    assert set(data) == SECTIONS
    details = data["experience"]["employment_details"]
    assert set(details) == {"current", "past"}
    assert set(details["current"][0]) == JOB and set(details["past"][0]) == JOB
    assert details["current"][0]["name"] == person.company.name and details["current"][0]["end_date"] is None
    assert set(data["education"]["schools"][0]) == SCHOOL
    assert set(data["education"]["schools"][0]["location"]) == PLACE - {"full_location"}
    assert set(data["skills"]) == {"professional_network_skills"}
    assert set(data["contact"]) == {"business_emails", "personal_emails", "phone_numbers", "websites"}
    assert set(data["contact"]["business_emails"][0]) == {"email", "status"}
    assert set(data["professional_network"]) == {
        "connections", "followers", "open_to_cards", "profile_picture_permalink", "location", "metadata",
    }  # fmt: skip


def test_gated_parts_of_a_section_are_left_out_of_it(box: Box) -> None:
    box.set(plan="self_serve")
    assert (
        "followers"
        not in data_of(box.people(ENRICH, ANNA, fields=["professional_network"]))["professional_network"]
    )


def test_fields_are_a_whitelist_by_prefix(box: Box) -> None:
    fields = ["basic_profile.location.city", "experience.employment_details.current.name"]
    data = data_of(box.people(ENRICH, ANNA, fields=fields))
    assert data["basic_profile"] == {"location": {"city": ANNA.city}}
    assert data["experience"] == {"employment_details": {"current": [{"name": ANNA.company.name}]}}


def test_contact_answers_hold_the_id_and_the_contacts_only(box: Box) -> None:
    person = person_where(lambda p, k: p.mobile, coverage=EVERYTHING)
    data = data_of(box.people(CONTACT, person))
    assert set(data) == {"crustdata_person_id", "contact"}
    assert data["contact"] == {
        "business_emails": [{"email": person.work_email, "status": "deliverable"}],
        "personal_emails": [{"email": person.personal_email, "status": "deliverable"}],
        "phone_numbers": [person.mobile],
        "websites": [],
    }
    assert set(data_of(box.people(CONTACT, person, fields=["contact.phone_numbers"]))["contact"]) == {
        "phone_numbers"
    }


@pytest.mark.parametrize(
    "form",
    [
        "https://www.linkedin.com/in/{}/",
        "http://linkedin.com/in/{}",
        "LINKEDIN.COM/IN/{}",
        "linkedin.com/in/{}?x=1",
    ],
)
def test_stored_profiles_are_found_by_slug_and_live_ones_by_the_exact_url(box: Box, form) -> None:
    url = form.format(ANNA.slug.upper())
    stored = box.people(ENRICH, url).json()[0]
    assert stored["matched_on"] == url and stored["match_type"] == "professional_network_profile_url"
    assert stored["matches"][0]["confidence_score"] == 1.0
    assert box.people(LIVE, url).json()[0]["matches"] == []
    assert len(box.people(LIVE, ANNA).json()[0]["matches"]) == 1


def test_answers_keep_the_order_of_twenty_five_identifiers_and_show_misses(box: Box) -> None:
    asked = [p.work_email for p in WORLD.people[:24]] + ["nobody@unknown.example"]
    rows = box.mails(*asked).json()
    assert [r["matched_on"] for r in rows] == asked and {r["match_type"] for r in rows} == {"business_email"}
    assert rows[-1]["matches"] == []


def test_scores_vary_and_a_threshold_leaves_the_sure_ones(box: Box) -> None:
    asked = [p.work_email for p in WORLD.people[:25]]
    scores = [r["matches"][0]["confidence_score"] for r in box.mails(*asked).json()]
    assert min(scores) < 0.9 <= max(scores) < 1
    kept = [bool(r["matches"]) for r in box.mails(*asked, min_similarity_score=0.9).json()]
    assert kept == [s >= 0.9 for s in scores]


def test_private_and_free_mail_addresses_lead_nowhere(box: Box) -> None:
    rows = box.mails(ANNA.personal_email, "somebody@gmail.com").json()
    assert [r["matches"] for r in rows] == [[], []]


def test_an_address_at_a_past_employer_leads_to_half_of_the_people(box: Box) -> None:
    movers = [p for p in WORLD.people if p.past.index != p.company.index][:25]
    old = [f"{p.work_email.split('@')[0]}@{p.past.domain}" for p in movers]
    hits = [r["matches"] for r in box.mails(*old).json() if r["matches"]]
    assert 0 < len(hits) < 25


def test_a_shared_address_leads_to_two_people_best_first(box: Box) -> None:
    box.set(shared_email=1)
    matches = box.mails(ANNA, fields=["basic_profile", "experience"]).json()[0]["matches"]
    assert len(matches) == 2 and matches[0]["confidence_score"] > matches[1]["confidence_score"]
    companies = [m["person_data"]["experience"]["employment_details"]["current"][0]["name"] for m in matches]
    assert companies == [ANNA.company.name] * 2
    with box.charging("1") as got:
        box.mails(ANNA)
    assert [c["person"] for c in got] == [ANNA.ref]
    box.set(bill_by="match")
    with box.charging("2"):
        box.mails(ANNA)


def test_the_wrong_person_can_come_at_a_high_score_from_the_right_company(box: Box) -> None:
    box.set(wrong_email=1)
    (match,) = box.mails(ANNA, fields=["basic_profile", "experience"]).json()[0]["matches"]
    assert match["confidence_score"] >= 0.95
    assert match["person_data"]["basic_profile"]["name"] != ANNA.full
    job = match["person_data"]["experience"]["employment_details"]["current"][0]
    assert job["company_website_domain"] == ANNA.company.domain


def test_a_landline_can_be_sold_as_the_only_number(box: Box) -> None:
    person = person_where(lambda p, k: p.mobile and p.landline, coverage=EVERYTHING)
    box.set(landline_as_mobile=1)
    assert data_of(box.people(CONTACT, person))["contact"]["phone_numbers"] == [person.landline]


def test_addresses_of_catch_all_companies_are_said_to_be(box: Box) -> None:
    box.set(catch_all=1)
    assert data_of(box.people(CONTACT, ANNA))["contact"]["business_emails"][0]["status"] == "catch_all"
    assert data_of(box.people(CONTACT, ANNA, verified=True))["contact"]["business_emails"] == []


def test_the_default_world_holds_every_kind_of_person() -> None:
    directory = Directory(WORLD)
    directory.tune(Knobs())
    everybody = [(p, k) for p in WORLD.people if (k := directory.known(p))]
    scores = [f.matches for p in WORLD.people if (f := directory.at_email(p.work_email))]
    assert len(everybody) < len(WORLD.people)
    assert any(m[0].score >= 0.95 for m in scores) and any(0.7 <= m[0].score <= 0.75 for m in scores)
    assert any(len(m) == 2 for m in scores)
    statuses = {directory.status(k) for _, k in everybody if k.work_email}
    assert statuses == {"deliverable", "catch_all", "invalid", "unknown"}
    assert any(k.phones and not k.work_email and not k.personal_email for _, k in everybody)
    assert any(k.company is not p.company for p, k in everybody)


def test_what_is_known_differs_from_what_other_vendors_know() -> None:
    directory = Directory(WORLD)
    directory.tune(Knobs())
    ours = {p.index for p in WORLD.people if directory.known(p)}
    theirs = {p.index for p in WORLD.people if WORLD.known("contactout", p, Knobs().shares)}
    assert ours - theirs and theirs - ours and ours & theirs


def test_misses_have_three_forms_and_one_more(box: Box) -> None:
    box.set(coverage={})
    assert box.people(ENRICH, UNKNOWN).json()[0]["matches"] == []
    known = person_where(lambda p, k: True)
    box.set(no_match="root")
    assert box.people(ENRICH, UNKNOWN).json() == [] and len(box.people(ENRICH, UNKNOWN, known).json()) == 2
    box.set(no_match="404")
    assert box.people(ENRICH, UNKNOWN).status_code == 404
    box.set(no_match="dropped")
    assert [r["matched_on"] for r in box.people(ENRICH, UNKNOWN, known).json()] == [known.linkedin_url]


def test_odd_forms_can_be_switched_on(box: Box) -> None:
    other = WORLD.people[1]
    box.set(reorder=True, current_as_object=True, company_ids=False, line_separators=True, domain_list=True)
    answer = box.people(ENRICH, ANNA, other, fields=["basic_profile.summary", "experience"])
    assert [r["matched_on"] for r in answer.json()] == [other.linkedin_url, ANNA.linkedin_url]
    data = answer.json()[1]["matches"][0]["person_data"]
    current = data["experience"]["employment_details"]["current"]
    assert set(current) == JOB - {"crustdata_company_id"}
    assert current["company_website_domain"] == [ANNA.company.domain]
    assert "\u2028" in data["basic_profile"]["summary"]


def test_a_search_by_name_and_company_leads_to_the_profile(box: Box) -> None:
    tree = {
        "op": "and",
        "conditions": [
            {"field": "basic_profile.name", "type": "=", "value": ANNA.full.upper()},
            {
                "field": "experience.employment_details.current.company_name",
                "type": "(.)",
                "value": ANNA.company.name,
            },
        ],
    }
    found = box.post(SEARCH, {"filters": tree}).json()
    assert set(found) == {"profiles", "total_count", "next_cursor"} and found["total_count"] == 1
    profile = found["profiles"][0]
    assert set(profile) == {"crustdata_person_id", "basic_profile", "social_handles", "experience", "contact"}
    assert set(profile["contact"]) == {"has_business_email", "has_personal_email", "has_phone_number"}
    urls = profile["social_handles"]["professional_network_identifier"]
    assert urls == {"profile_url": ANNA.linkedin_url}


@pytest.mark.parametrize(
    ("operator", "field", "value", "fits"),
    [
        ("=", "basic_profile.location.city", "Lyon", lambda p: p.city == "Lyon"),
        ("!=", "basic_profile.location.city", "Lyon", lambda p: p.city != "Lyon"),
        ("in", "basic_profile.location.city", ["Lyon", "Leeds"], lambda p: p.city in ("Lyon", "Leeds")),
        ("not_in", "basic_profile.location.city", ["Lyon"], lambda p: p.city != "Lyon"),
        ("(.)", "basic_profile.headline", "sales", lambda p: "sales" in p.title.lower()),
        ("(!)", "basic_profile.headline", "sales", lambda p: "sales" not in p.title.lower()),
        ("(.)", "basic_profile.headline", "sales|cto", lambda p: False),
        ("[.]", "basic_profile.current_title", "sales of", lambda p: p.title == "Head of Sales"),
        (">", "experience.employment_details.current.company_headcount_latest", 2500, lambda p: p.company.size > 2500),
        ("=<", "experience.employment_details.current.company_headcount_latest", 2500, lambda p: p.company.size <= 2500),
        (
            "between", "experience.employment_details.current.company_headcount_latest", [100, 900],
            lambda p: 100 <= p.company.size <= 900,
        ),
        ("is_null", "basic_profile.location.state", None, lambda p: p.country != "US"),
        ("is_not_null", "basic_profile.location.state", None, lambda p: p.country == "US"),
        (
            "geo_distance", "basic_profile.location.city", {"location": "Lyon", "distance": 5, "unit": "km"},
            lambda p: p.city == "Lyon",
        ),
    ],
)  # fmt: skip
def test_operators_select_people(box: Box, operator, field, value, fits) -> None:
    found = box.post(
        SEARCH, {"filters": {"field": field, "type": operator, "value": value}, "limit": 1000}
    ).json()
    ids = {row["crustdata_person_id"] - 910_001 for row in found["profiles"]}
    assert ids == {p.index for p in WORLD.people if fits(p)}


@pytest.mark.parametrize(
    "filters",
    [
        None, [], {"op": "xor", "conditions": []}, {"field": "basic_profile.name", "type": "<=", "value": 1},
        {"field": "shoe_size", "type": "=", "value": 1},
        {"field": "basic_profile.name", "type": "in", "value": "Ava"},
    ],
)  # fmt: skip
def test_wrong_filters_are_refused(box: Box, filters) -> None:
    assert box.post(SEARCH, {"filters": filters}).status_code == 400


def test_pages_follow_a_cursor_and_exclusions_make_a_page_short(box: Box) -> None:
    body: dict[str, Any] = {
        "filters": {"field": "basic_profile.location.city", "type": "=", "value": ANNA.city},
        "sorts": [{"field": "crustdata_person_id", "order": "asc"}],
        "limit": 10,
    }
    first = box.post(SEARCH, body).json()
    ids = [row["crustdata_person_id"] for row in first["profiles"]]
    assert ids == sorted(ids) and len(ids) == 10
    second = box.post(SEARCH, body | {"cursor": first["next_cursor"]}).json()
    assert not set(ids) & {row["crustdata_person_id"] for row in second["profiles"]}
    assert box.post(SEARCH, body | {"cursor": "x"}).status_code == 400
    excluded = body | {"post_processing": {"exclude_profiles": [ANNA.linkedin_url]}}
    short = box.post(SEARCH, excluded).json()
    assert len(short["profiles"]) == 9 and short["next_cursor"]


def test_an_empty_search_can_be_a_bare_list(box: Box) -> None:
    box.set(empty_search="list")
    assert (
        box.post(SEARCH, {"filters": {"field": "basic_profile.name", "type": "=", "value": "x"}}).json() == []
    )


def test_companies_are_found_in_four_ways(box: Box) -> None:
    company = next(
        p.company for p in WORLD.people
        if box.post("/company/identify", {"domains": [p.company.domain]}).json()[0]["matches"]
    )  # fmt: skip
    ways: dict[str, Any] = {
        "domains": f"https://www.{company.domain}/about",
        "names": company.name.lower(),
        "crustdata_company_ids": 550_001 + company.index,
        "professional_network_profile_urls": f"https://www.linkedin.com/company/{company.slug}",
    }
    types = {"domains": "domain", "names": "name", "crustdata_company_ids": "crustdata_company_id"}
    for name, value in ways.items():
        (row,) = box.post("/company/enrich", {name: [value], "exact_match": True}).json()
        assert row["matched_on"] == value and row["match_type"] == types.get(
            name, "professional_network_profile_url"
        )
        data = row["matches"][0]["company_data"]
        assert set(data) == {"crustdata_company_id", "basic_info"} and set(data["basic_info"]) == BASIC_INFO
        assert data["basic_info"]["name"] == company.name
    gated = box.post("/company/identify", {"domains": [company.domain], "fields": ["headcount"]})
    assert gated.status_code == 403
    box.set(results_envelope=True)
    assert set(box.post("/company/enrich", {"names": ["x"]}).json()) == {"results"}


def test_company_search_has_rows_a_count_and_a_cursor(box: Box) -> None:
    body = {
        "filters": {"field": "headcount.total", "type": "=>", "value": 10},
        "limit": 2,
        "fields": ["headcount"],
    }
    found = box.post("/company/search", body).json()
    assert set(found) == {"companies", "total_count", "next_cursor"} and found["next_cursor"]
    assert [set(c) for c in found["companies"]] == [{"crustdata_company_id", "headcount"}] * 2
