"""The vendor's spellings: letter cases, lists for maps, scalars for lists, dates, money, statuses."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.model import Candidate, Field, Found, KeyKind, NotFound, Quality
from tests.unit.contactout_support import (
    PERSONAL,
    PHONE,
    URL,
    WORK,
    ask,
    email,
    found,
    linkedin,
    one,
    value,
    values,
)


def person(name: str = "person_all", **said: Any) -> Candidate:
    return found(ask(name, {"status_code": 200, "profile": {"url": URL, "email": []} | said})[0])


SNAKE: dict[str, Any] = {
    "url": URL,
    "full_name": "Mirela Vance",
    "headline": "Head of Growth",
    "email": [WORK, PERSONAL],
    "work_email": [WORK],
    "work_email_status": {WORK: "Verified"},
    "personal_email": [PERSONAL],
    "phone": [PHONE],
    "job_function": "Marketing",
    "updated_at": "2024-01-01 00:00:00",
    "company": {"name": "Northbeam", "founded_at": 2007},
    "experience": [{"company_name": "Quayside", "title": "Analyst", "is_current": False}],
}
CAMEL: dict[str, Any] = {
    "linkedinUrl": URL,
    "fullName": "Mirela Vance",
    "headline": "Head of Growth",
    "email": [WORK, PERSONAL],
    "workEmail": WORK,
    "workEmailStatus": "Verified",
    "personalEmail": PERSONAL,
    "phone": f" {PHONE} ",
    "jobFunction": "Marketing",
    "updatedAt": "2024-01-01 00:00:00",
    "company": {"name": "Northbeam", "foundedAt": 2007},
    "experience": [{"companyName": "Quayside", "title": "Analyst", "isCurrent": False}],
}


@pytest.mark.parametrize("name", ["profile_full", "person_all", "email_profile_work"])
def test_both_letter_cases_say_the_same_in_every_answer_about_a_person(name: str) -> None:
    lookup = email("asked@quayside.example.com") if name == "email_profile_work" else linkedin()
    snake, camel = (ask(name, {"status_code": 200, "profile": said}, lookup) for said in (SNAKE, CAMEL))
    assert snake == camel
    assert found(snake[0]).identity.past_employers == ("Quayside",)


def test_both_letter_cases_say_the_same_in_contact_answers() -> None:
    snake, camel = (
        ask("contact_work_phone", {"status_code": 200, "profile": said}) for said in (SNAKE, CAMEL)
    )
    assert found(snake[0]).values == found(camel[0]).values


def test_of_two_spellings_the_filled_one_counts() -> None:
    assert person(fullName="", full_name="Mirela Vance").identity.full_name == "Mirela Vance"
    assert person(fullName="Mirela Vance", full_name="").identity.full_name == "Mirela Vance"


@pytest.mark.parametrize("status", [[], {}, None, ""])
def test_an_empty_status_in_any_form_says_nothing_about_quality(status: object) -> None:
    assert values(person(work_email=[WORK], work_email_status=status), Field.WORK_EMAIL) == [
        (WORK, Quality.UNKNOWN)
    ]


def test_each_address_has_its_own_status() -> None:
    status = {
        WORK.upper(): "Verified",
        "b@northbeam.example.com": "Unverified",
        "c@northbeam.example.com": "Odd",
    }
    found_emails = person(
        work_email=[WORK, "b@northbeam.example.com", "c@northbeam.example.com", "d@northbeam.example.com"],
        work_email_status=status,
    )
    assert [quality for _, quality in values(found_emails, Field.WORK_EMAIL)] == [
        Quality.VERIFIED,
        Quality.UNVERIFIED,
        Quality.UNKNOWN,
        Quality.UNKNOWN,
    ]


def test_statuses_are_found_without_regard_to_the_case_of_addresses() -> None:
    upper = person(work_email=[WORK.upper()], work_email_status={WORK: "verified"})
    assert values(upper, Field.WORK_EMAIL) == [(WORK.upper(), Quality.VERIFIED)]


def test_a_single_status_does_not_stand_for_several_addresses() -> None:
    both = person(work_email=[WORK, "b@northbeam.example.com"], workEmailStatus="Verified")
    assert {quality for _, quality in values(both, Field.WORK_EMAIL)} == {Quality.UNKNOWN}


@pytest.mark.parametrize(
    "listed", [[WORK], WORK, f" {WORK} ", [WORK, "", None], {"0": WORK, "2": ""}, [WORK, WORK]]
)
def test_lists_come_as_lists_scalars_or_numbered_objects(listed: object) -> None:
    assert value(person(work_email=listed), Field.WORK_EMAIL) == WORK


def test_numbers_are_given_as_they_came_but_for_outer_blanks() -> None:
    assert value(person(phone=" +61.438347437"), Field.PHONE) == "+61.438347437"
    assert value(person(phone=[442079460911]), Field.PHONE) == "442079460911"


@pytest.mark.parametrize("empty", [[], {}])
def test_an_empty_profile_in_either_form_means_not_found(empty: object) -> None:
    for name in ("person", "contact_any", "email_to_linkedin", "phone_check"):
        assert isinstance(ask(name, {"status_code": 200, "profile": empty})[0], NotFound)


def test_unknown_additions_to_an_answer_do_no_harm() -> None:
    body = {"status_code": 200, "profile": SNAKE | {"zodiac": {"sign": "Leo"}}, "request_id": 7}
    assert isinstance(ask("person_all", body)[0], Found)


def test_odd_forms_of_what_matters_little_cost_nothing_else() -> None:
    odd = person(
        work_email=[WORK],
        company="Northbeam",
        experience={"a": 1},
        updated_at="yesterday",
        contact_availability=[],
        headline={"text": "x"},
        github={"a": 1},
    )
    assert [v.field for v in odd.values] == [Field.LINKEDIN_URL, Field.WORK_EMAIL]


def post(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "company_name": "Quayside", "start_date": None, "end_date": None} | more


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"start_date_year": 2019, "start_date_month": 12}, {"start_date_year": 2020, "start_date_month": 4}),
        ({"start_date": "202012"}, {"start_date": "20214"}),
        ({"start_date": "20204"}, {"start_date": "202012"}),
        ({"start_date": "2020"}, {"start_date": "20204"}),
        ({}, {"start_date": "20204"}),
        ({"start_date": "soon"}, {"start_date_year": 1999}),
    ],
)
def test_the_title_is_that_of_the_latest_present_post(older: dict[str, Any], newer: dict[str, Any]) -> None:
    for experience in (
        [post("Old", **older), post("New", **newer)],
        [post("New", **newer), post("Old", **older)],
    ):
        assert person(experience=experience).identity.title == "New"


def test_the_present_post_at_the_employer_goes_before_a_later_one_elsewhere() -> None:
    experience = [
        post("Adviser", start_date_year=2024, is_current=True),
        post("Head of Growth", company_name="NORTHBEAM", start_date_year=2020, is_current=True),
    ]
    both = person(experience=experience, company={"name": "Northbeam"})
    assert (both.identity.title, both.identity.employer) == ("Head of Growth", "Northbeam")


def test_a_stated_title_goes_before_that_of_a_post() -> None:
    assert person(title="CEO", experience=[post("Adviser", is_current=True)]).identity.title == "CEO"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("$5.4M", "5400000"),
        ("$1,250", "1250"),
        ("2b", "2000000000"),
        (18400000, "18400000"),
        ("about 5", "about 5"),
    ],
)
def test_revenue_is_a_whole_number_of_dollars_where_it_can_be_read(said: object, meant: str) -> None:
    assert value(person(company={"name": "Northbeam", "revenue": said}), Field.COMPANY_REVENUE) == meant


@pytest.mark.parametrize(
    ("vanity", "page"),
    [
        ("https://www.linkedin.com/company/Northbeam/", "https://www.linkedin.com/company/northbeam"),
        ("northbeam", "https://www.linkedin.com/company/northbeam"),
        ("https://northbeam.example.com/x", None),
    ],
)
def test_the_company_page_comes_as_a_url_or_as_its_last_piece(vanity: str, page: str | None) -> None:
    body = {"status_code": 200, "companies": [{"a.example.com": {"name": "A", "li_vanity": vanity}}]}
    company = found(ask("company", body, one(KeyKind.DOMAIN, "a.example.com"))[0])
    assert [v.value for v in company.values if v.field is Field.COMPANY_LINKEDIN_URL] == (
        [page] if page else []
    )


def test_an_address_in_the_common_list_alone_is_of_the_kind_that_was_asked_for() -> None:
    body = {"status_code": 200, "profile": {"url": URL, "email": ["m@gmail.com", "m@northbeam.example.com"]}}
    work, personal, either = (found(ask(f"contact_{kind}", body)[0]) for kind in ("work", "personal", "any"))
    assert [v.field for v in work.values] == [Field.WORK_EMAIL] * 2
    assert [v.field for v in personal.values] == [Field.PERSONAL_EMAIL] * 2
    assert [(v.field, v.value) for v in either.values] == [
        (Field.WORK_EMAIL, "m@northbeam.example.com"),
        (Field.PERSONAL_EMAIL, "m@gmail.com"),
    ]


def test_nothing_personal_shows_in_the_text_of_an_outcome() -> None:
    text = repr(ask("person_all", {"status_code": 200, "profile": SNAKE}))
    assert not any(piece in text for piece in (WORK, PERSONAL, PHONE, "Vance", URL))
