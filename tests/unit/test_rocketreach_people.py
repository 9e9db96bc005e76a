"""What is read of a profile: every documented property, qualities of addresses and numbers, odd forms."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.rocketreach import companies, people
from syncd.connector import FailureKind
from syncd.match import judge
from syncd.model import Candidate, Field, Found, Key, KeyKind, Level, NotFound, Persona, Quality
from tests.unit.rocketreach_support import (
    ID,
    MOBILE,
    PERSONAL,
    URL,
    WORK,
    ask,
    bare,
    email,
    failure_of,
    found,
    phone,
    profile,
    spent,
    value,
    values,
)


def person(**said: object) -> Candidate:
    return found(ask("lookup_premium", profile(**said)))


def alone(**said: object) -> list[tuple[str, Quality]]:
    """The work addresses of a profile with one address."""
    return values(found(ask("lookup_premium", bare(emails=[email(**said)]))), Field.WORK_EMAIL)


def numbers(**said: object) -> dict[Field, tuple[str, Quality]]:
    candidate = found(ask("lookup_premium", bare(phones=[phone(**said)])))
    return {
        field: held[0]
        for field in (Field.PHONE, Field.MOBILE_PHONE, Field.DIRECT_PHONE)
        if (held := values(candidate, field))
    }


def test_every_documented_property_is_read_or_named_as_ignored() -> None:
    row = {"id", "status", "teaser", "suppressed", "update_time"}
    assert set(profile()) <= people.READ | people.IGNORED
    assert row <= people.READ | people.IGNORED | {"suppressed"}
    assert not people.READ & people.IGNORED


def test_a_profile_gives_every_field_that_it_speaks_of() -> None:
    candidate = person()
    assert {f: value(candidate, f) for f in {v.field for v in candidate.values}} == {
        Field.FULL_NAME: "Oriel Tamm",
        Field.JOB_TITLE: "Head of Berths",
        Field.SENIORITY: "Director",
        Field.JOB_FUNCTION: "Operations",
        Field.LINKEDIN_URL: URL,
        Field.TWITTER: "https://twitter.com/orieltamm_demo",
        Field.GITHUB: "https://github.com/orieltamm-demo",
        Field.LOCATION: "Leith, Scotland, United Kingdom",
        Field.COUNTRY: "United Kingdom",
        Field.COMPANY_NAME: "Harbourline",
        Field.COMPANY_DOMAIN: "harbourline.example.com",
        Field.COMPANY_WEBSITE: "https://www.harbourline.example.com",
        Field.COMPANY_LINKEDIN_URL: "https://www.linkedin.com/company/harbourline-demo",
        Field.COMPANY_INDUSTRY: "Maritime",
        Field.WORK_EMAIL: WORK,
        Field.PERSONAL_EMAIL: PERSONAL,
        Field.MOBILE_PHONE: MOBILE,
    }
    assert candidate.provider_ref == ID


def test_the_answer_says_who_the_person_is() -> None:
    who = person().identity
    assert (who.full_name, who.title, who.employer) == ("Oriel Tamm", "Head of Berths", "Harbourline")
    assert (who.employer_domain, who.past_employers) == ("harbourline.example.com", ("Quay & Sons",))
    assert (who.linkedin_url, who.emails) == (URL, (WORK, PERSONAL))
    key = Key(KeyKind.NAME_COMPANY, {"full_name": "Oriel Tamm", "company": "Harbourline"})
    persona = Persona(full_name="Oriel Tamm", employer="Harbourline Ltd")
    assert judge(persona, key, person()).level is Level.STRONG


def test_dates_of_checks_come_along() -> None:
    by_field = {v.field: v.as_of for v in person().values}
    assert by_field[Field.WORK_EMAIL] == datetime(2026, 10, 4, 9, 30, tzinfo=UTC)
    assert by_field[Field.JOB_TITLE] == datetime(2026, 8, 11, tzinfo=UTC)
    assert by_field[Field.FULL_NAME] is None
    dated = found(ask("lookup_premium", bare(emails=[email(last_validation_check="2026-10-05")])))
    assert next(v.as_of for v in dated.values if v.field is Field.WORK_EMAIL) == datetime(
        2026, 10, 5, tzinfo=UTC
    )
    odd = found(ask("lookup_premium", bare(emails=[email(last_validation_check="last week")])))
    assert next(v.as_of for v in odd.values if v.field is Field.WORK_EMAIL) is None


@pytest.mark.parametrize(
    ("smtp", "grade", "quality"),
    [
        ("valid", "A", Quality.VERIFIED),
        ("valid", "A-", Quality.VERIFIED),
        ("valid", "B", Quality.LIKELY),
        ("valid", None, Quality.VERIFIED),
        ("valid", "F", Quality.INVALID),
        ("invalid", "A", Quality.INVALID),
        ("accept-all", "A", Quality.RISKY),
        ("accept-all", "B", Quality.RISKY),
        ("accept-all", None, Quality.RISKY),
        ("unknown", "A", Quality.LIKELY),
        ("unknown", "A-", Quality.LIKELY),
        ("unknown", "B", Quality.RISKY),
        ("unknown", None, Quality.UNVERIFIED),
        (None, "A", Quality.VERIFIED),
        (None, "A-", Quality.LIKELY),
        (None, "B", Quality.RISKY),
        (None, "F", Quality.INVALID),
        (None, None, Quality.UNKNOWN),
        ("novel", "Z", Quality.UNKNOWN),
    ],
)
def test_an_address_is_as_good_as_its_grade_and_its_server_say(
    smtp: object, grade: object, quality: Quality
) -> None:
    assert alone(smtp_valid=smtp, grade=grade) == [(WORK, quality)]


def test_addresses_of_roles_and_disposable_ones_are_risky_however_well_they_work() -> None:
    assert alone(type="role-based") == [(WORK, Quality.RISKY)]
    thrown_away = found(ask("lookup_premium", bare(emails=[email(type="disposable")])))
    assert values(thrown_away, Field.PERSONAL_EMAIL) == [(WORK, Quality.RISKY)]
    assert alone(type="role-based", smtp_valid="invalid") == [(WORK, Quality.INVALID)]


def test_an_address_of_no_kind_is_placed_by_what_else_the_profile_says() -> None:
    by_domain = bare(emails=[email(type=None), email("o@eu.harbourline.example.com", type="novel")])
    assert [v for v, _ in values(found(ask("lookup_premium", by_domain)), Field.WORK_EMAIL)] == [
        WORK,
        "o@eu.harbourline.example.com",
    ]
    by_name = bare(emails=[email(PERSONAL, type=None)], current_personal_email=PERSONAL.upper())
    assert values(found(ask("lookup_premium", by_name)), Field.PERSONAL_EMAIL)[0][0] == PERSONAL
    only_one_kind_was_asked_for = bare(emails=[email("o@elsewhere.example", type=None)])
    assert value(found(ask("universal_personal", only_one_kind_was_asked_for)), Field.PERSONAL_EMAIL)


def test_an_address_that_nothing_places_only_identifies() -> None:
    candidate = found(ask("lookup_premium", bare(emails=[email("o@elsewhere.example", type=None)])))
    assert not values(candidate, Field.WORK_EMAIL) and not values(candidate, Field.PERSONAL_EMAIL)
    assert candidate.identity.emails == ("o@elsewhere.example",)


def test_the_recommended_address_comes_first() -> None:
    other = "tamm@harbourline.example.com"
    rows = [email(other), email()]
    first = values(found(ask("lookup_premium", profile(emails=rows))), Field.WORK_EMAIL)
    assert [address for address, _ in first] == [WORK, other]


def test_an_address_outside_the_list_is_taken_without_a_grade() -> None:
    candidate = found(ask("lookup_premium", bare(recommended_professional_email=WORK, emails="left out")))
    assert values(candidate, Field.WORK_EMAIL) == [(WORK, Quality.UNKNOWN)]
    assert len(values(person(), Field.WORK_EMAIL)) == 1


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("mobile", Field.MOBILE_PHONE),
        ("direct dial", Field.DIRECT_PHONE),
        ("landline", Field.DIRECT_PHONE),
        ("work", Field.PHONE),
        ("professional", Field.PHONE),
        ("other", Field.PHONE),
        ("unknown", Field.PHONE),
        (None, Field.PHONE),
        ("novel", Field.PHONE),
    ],
)
def test_a_number_is_of_the_kind_that_the_vendor_tells(kind: object, field: Field) -> None:
    assert numbers(type=kind) == {field: (MOBILE, Quality.VERIFIED)}


def test_a_number_of_an_office_or_a_home_is_of_the_wrong_kind_and_a_fax_is_none() -> None:
    assert numbers(type="office") == {Field.DIRECT_PHONE: (MOBILE, Quality.RISKY)}
    assert numbers(type="home") == {Field.PHONE: (MOBILE, Quality.RISKY)}
    assert numbers(type="fax") == {}


@pytest.mark.parametrize(
    ("grade", "validity", "quality"),
    [
        ("A", "unknown", Quality.VERIFIED),
        ("A-", "unknown", Quality.LIKELY),
        ("B", "valid", Quality.UNVERIFIED),
        ("F", "valid", Quality.INVALID),
        ("left out", "valid", Quality.LIKELY),
        ("left out", "invalid", Quality.INVALID),
        ("left out", "unknown", Quality.UNKNOWN),
        ("left out", "left out", Quality.UNKNOWN),
        (None, "valid", Quality.LIKELY),
    ],
)
def test_a_number_is_as_good_as_its_grade_or_else_its_validity(
    grade: object, validity: str, quality: Quality
) -> None:
    assert numbers(grade=grade, validity=validity) == {Field.MOBILE_PHONE: (MOBILE, quality)}


def test_the_recommended_number_comes_first_and_in_its_international_form() -> None:
    rows = [phone("+442079460999"), phone(recommended=True), phone(None, number="+44 20 7946 0777")]
    held = values(found(ask("lookup_premium", profile(phones=rows))), Field.MOBILE_PHONE)
    assert [number for number, _ in held] == [MOBILE, "+442079460999", "+44 20 7946 0777"]


def test_scalars_in_lists_and_lists_as_scalars_are_understood() -> None:
    odd = profile(
        name=["Oriel Tamm"],
        current_title=["Head of Berths"],
        emails=email(),
        phones=MOBILE,
        job_history=None,
        birth_year="1984",
        skills="Mooring",
        education=None,
        links=[],
    )
    candidate = found(ask("lookup_premium", odd))
    assert value(candidate, Field.FULL_NAME) == "Oriel Tamm"
    assert value(candidate, Field.WORK_EMAIL) == WORK
    assert value(candidate, Field.PHONE) == MOBILE
    strings = found(ask("lookup_premium", bare(emails=[WORK, None, ""], phones=[None])))
    assert values(strings, Field.WORK_EMAIL) == [(WORK, Quality.UNKNOWN)]


def test_missing_null_and_additional_properties_are_no_matter() -> None:
    sparse = {"id": int(ID), "status": "complete", "name": "Oriel Tamm", "novelty": {"a": [1]}}
    assert [v.field for v in found(ask("lookup_premium", sparse)).values] == [Field.FULL_NAME]
    truths = sparse | {"name": True, "current_title": "Clerk", "current_employer": {"name": "Harbourline"}}
    assert [v.field for v in found(ask("lookup_premium", truths)).values] == [Field.JOB_TITLE]
    nulls = dict.fromkeys(profile()) | {"id": int(ID), "status": "complete", "current_title": "Clerk"}
    assert [v.field for v in found(ask("lookup_premium", nulls)).values] == [Field.JOB_TITLE]


def test_a_profile_that_is_gone_is_not_offered_but_still_identifies() -> None:
    candidate = person(linkedin_url_active=False)
    assert not values(candidate, Field.LINKEDIN_URL)
    assert candidate.identity.linkedin_url == URL


def test_a_place_is_put_together_where_it_is_not_told_whole() -> None:
    assert person(location=None).identity.location == "Leith, Scotland, United Kingdom"
    assert value(person(country=None), Field.COUNTRY) == "GB"


def test_seniority_is_that_of_the_present_post_at_the_present_employer() -> None:
    elsewhere = [
        {"company_name": "Quay & Sons", "highest_level": "VP", "department": "Sales", "is_current": True}
    ]
    assert not values(person(job_history=elsewhere), Field.SENIORITY)
    by_end = [{"company_name": "harbourline", "highest_level": "VP", "end_date": "Present"}]
    assert value(person(job_history=by_end), Field.SENIORITY) == "VP"


# searches and companies


def row(**said: object) -> dict[str, object]:
    """A row of a search."""
    return {
        "id": int(ID),
        "status": "not queued",
        "name": "Oriel Tamm",
        "linkedin_url": URL,
        "current_title": "Head of Berths",
        "current_employer": "Harbourline",
        "teaser": {"emails": ["harbourline.example.com"], "phones": [], "is_premium_phone_available": True},
        "suppressed": False,
        "update_time": "2026-05-01T00:00:00Z",
    } | said


@pytest.mark.parametrize(
    "wrap", [lambda rows: rows, lambda rows: {"profiles": rows, "pagination": {"total": 2}}]
)
def test_rows_of_a_search_are_candidates_in_their_order(wrap: object) -> None:
    assert callable(wrap)
    outcome = ask("search", wrap([row(), row(id=2, name="Oriel Other")]))
    assert isinstance(outcome, Found) and not spent(outcome.charge)
    assert [c.provider_ref for c in outcome.candidates] == [ID, "2"]
    assert value(outcome.candidates[0], Field.LINKEDIN_URL) == URL
    assert not outcome.candidates[0].available


def test_people_who_are_suppressed_are_not_offered() -> None:
    assert isinstance(ask("search", [row(suppressed=True)]), NotFound)


def test_a_page_of_a_search_costs_a_universal_credit_where_it_lists_anybody() -> None:
    for body, cost in (([], {}), ([row()], {"lookup": 1}), ([row(suppressed=True)], {"lookup": 1})):
        outcome = ask("universal_search", body)
        assert isinstance(outcome, Found | NotFound) and spent(outcome.charge) == cost
        free = ask("search", body)
        assert isinstance(free, Found | NotFound) and not spent(free.charge)


COMPANY: dict[str, object] = {
    "id": 8120,
    "name": "Harbourline",
    "domain": "harbourline.example.com",
    "email_domain": "harbourline.example.com",
    "website_domain": "www.harbourline.example.com",
    "ticker_symbol": None,
    "links": {"linkedin": "https://www.linkedin.com/company/harbourline-demo"},
    "year_founded": 1987,
    "address": {
        "description": None,
        "street": "1 Quay",
        "city": "Leith",
        "region": "Scotland",
        "region_code": None,
        "postal_code": "EH6",
        "country": "United Kingdom",
        "country_code": "GB",
    },
    "phone": "+441310000000",
    "fax": None,
    "num_employees": 340,
    "revenue": 52000000,
    "funding_investors": [],
    "industry": "Maritime",
    "industries": ["Maritime", "Ports"],
    "industry_keywords": [],
    "sic_codes": [4491],
    "naics_codes": [],
    "techstack": [],
    "competitors": None,
    "departments": {"Operations": 40},
    "company_growth": [{"year": 2026, "quarter": 2, "values": [338, 340]}],
    "rr_profile_url": "https://rocketreach.example/harbourline",
    "description": "Berths.",
}


def test_a_company_gives_every_field_that_it_speaks_of() -> None:
    assert set(COMPANY) <= companies.READ | companies.IGNORED
    outcome = ask("company", COMPANY)
    assert isinstance(outcome, Found) and spent(outcome.charge) == {"company_export": 1}
    candidate = outcome.candidates[0]
    assert candidate.about_company and candidate.identity.employer_domain == "harbourline.example.com"
    assert {v.field: v.value for v in candidate.values} == {
        Field.COMPANY_NAME: "Harbourline",
        Field.COMPANY_DOMAIN: "harbourline.example.com",
        Field.COMPANY_WEBSITE: "https://harbourline.example.com",
        Field.COMPANY_LINKEDIN_URL: "https://www.linkedin.com/company/harbourline-demo",
        Field.COMPANY_INDUSTRY: "Maritime",
        Field.COMPANY_SIZE: "340",
        Field.COMPANY_COUNTRY: "United Kingdom",
        Field.COMPANY_HEADQUARTERS: "Leith, Scotland, United Kingdom",
        Field.COMPANY_FOUNDED: "1987",
        Field.COMPANY_REVENUE: "52000000",
    }


def test_a_company_costs_the_pool_of_its_tariff_where_anything_is_told() -> None:
    universal = ask("universal_company", COMPANY)
    assert isinstance(universal, Found) and spent(universal.charge) == {"lookup": 1}
    little = ask("company", {"id": 1, "name": None, "description": "Berths."})
    assert isinstance(little, NotFound) and spent(little.charge) == {"company_export": 1}


@pytest.mark.parametrize(
    "body", [{}, [], {"id": 1}, {"detail": "odd"}, b"", "Harbourline", [COMPANY] * 2, COMPANY | {"links": 42}]
)
def test_a_company_in_another_form_is_never_a_miss(body: object) -> None:
    assert failure_of(lambda: ask("company", body)).kind is FailureKind.CONTRACT


@pytest.mark.parametrize(
    "body", [{}, {"detail": "odd"}, b"", ["row"], [{"name": "No Id"}], {"profiles": None}]
)
def test_a_search_in_another_form_is_never_a_miss(body: object) -> None:
    assert failure_of(lambda: ask("search", body)).kind is FailureKind.CONTRACT
