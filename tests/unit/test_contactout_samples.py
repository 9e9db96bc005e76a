"""The vendor's example answers: mapped in full, and recognised when they come as canned people."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.contactout import careers, companies, people
from syncd.connector import Failure, FailureKind, Job, Scope
from syncd.model import Candidate, Field, Found, KeyKind, NotFound, Outcome, Quality
from tests.unit.contactout_support import (
    NOT_FOUND,
    PERSONAL,
    PHONE,
    URL,
    WORK,
    ScriptedWire,
    ask,
    connector,
    dressed,
    email,
    failure_of,
    found,
    linkedin,
    named,
    one,
    operation,
    sample,
    spent,
    value,
    values,
)

EMAILS = [(WORK, Quality.UNKNOWN)]


def test_a_profile_from_linkedin_enrich_is_read_in_full() -> None:
    (outcome,) = ask("profile_full", dressed("linkedin_enrich"))
    person = found(outcome)
    assert person.identity.full_name == "Mirela Vance"
    assert person.identity.employer == "Northbeam"
    assert person.identity.employer_domain == "northbeam.example.com"
    assert person.identity.linkedin_url == URL
    assert set(person.identity.emails) == {WORK, PERSONAL}
    assert values(person, Field.WORK_EMAIL) == EMAILS
    assert values(person, Field.PERSONAL_EMAIL) == [(PERSONAL, Quality.UNKNOWN)]
    assert value(person, Field.PHONE) == PHONE
    plain = {v.field: v.value for v in person.values}
    assert (
        plain
        | {
            Field.FULL_NAME: "Mirela Vance",
            Field.HEADLINE: "Head of Growth at Northbeam",
            Field.LOCATION: "Cork, Ireland",
            Field.COUNTRY: "Ireland",
            Field.SENIORITY: "Head",
            Field.JOB_FUNCTION: "Marketing",
            Field.GITHUB: "github_name",
            Field.TWITTER: "twitter_username",
            Field.LINKEDIN_URL: URL,
            Field.COMPANY_NAME: "Northbeam",
            Field.COMPANY_DOMAIN: "northbeam.example.com",
            Field.COMPANY_WEBSITE: "http://northbeam.example.com",
            Field.COMPANY_LINKEDIN_URL: "https://www.linkedin.com/company/northbeam-demo",
            Field.COMPANY_INDUSTRY: "Lighting",
            Field.COMPANY_SIZE: "50",
            Field.COMPANY_COUNTRY: "Ireland",
            Field.COMPANY_HEADQUARTERS: "4 Pier Road, Cork",
            Field.COMPANY_FOUNDED: "2007",
            Field.COMPANY_REVENUE: "6101000",
            Field.COMPANY_TYPE: "Privately Held",
        }
        == plain
    )


def test_profile_facts_carry_the_day_of_the_profile_and_contact_data_do_not() -> None:
    person = found(ask("profile_full", dressed("linkedin_enrich"))[0])
    days = {v.field: v.as_of for v in person.values}
    assert days[Field.COMPANY_NAME] == days[Field.HEADLINE] == datetime(2024, 1, 1, tzinfo=UTC)
    assert days[Field.WORK_EMAIL] is None


def test_an_ended_post_is_a_past_employer_and_gives_no_title() -> None:
    body = dressed("linkedin_enrich")
    body["profile"]["experience"][0]["company_name"] = "Quayside Freight"
    person = found(ask("profile_full", body)[0])
    assert person.identity.past_employers == ("Quayside Freight",)
    assert person.identity.title == ""
    assert not values(person, Field.JOB_TITLE)


def test_the_camel_case_answer_by_address_is_read_like_the_others() -> None:
    asked = email("tobe@mail.example.org")
    person = found(ask("email_profile_work", dressed("email_enrich"), asked)[0])
    assert person.identity.full_name == "Tobe Abara"
    assert person.identity.linkedin_url == "https://www.linkedin.com/in/tobe-abara-demo"
    assert value(person, Field.PHONE) == "+61.438347437"
    # "Verified | Unverified" stands in the vendor's text for either; as a status it says nothing.
    assert values(person, Field.WORK_EMAIL) == [("t.abara@quayside.example.com", Quality.UNKNOWN)]
    assert not values(person, Field.PERSONAL_EMAIL)
    assert person.identity.emails == ("tobe@mail.example.org", "t.abara@quayside.example.com")
    assert value(person, Field.SENIORITY) == "Head"


def test_another_address_in_the_answer_by_address_is_the_personal_one() -> None:
    person = found(ask("email_profile", dressed("email_enrich"), email("t.abara@quayside.example.com"))[0])
    assert value(person, Field.PERSONAL_EMAIL) == "tobe@mail.example.org"


def test_contact_answers_give_addresses_numbers_and_the_profile_only() -> None:
    body = dressed("people_linkedin")
    body["profile"]["work_email_status"] = {WORK: "Verified"}
    person = found(ask("contact_work_phone", body)[0])
    assert values(person, Field.WORK_EMAIL) == [(WORK, Quality.VERIFIED)]
    assert value(person, Field.PHONE) == PHONE
    assert person.identity.linkedin_url == URL
    assert person.identity.full_name == ""
    assert found(ask("contact_any", body)[0]).values[1].value == PERSONAL


def test_rows_of_a_search_are_people_with_availability_and_no_contact_values() -> None:
    lookup = named(full_name="Mirela Vance", company="Northbeam")
    (outcome,) = ask("search", dressed("people_search"), lookup)
    person = found(outcome)
    assert person.identity.linkedin_url == URL
    assert value(person, Field.JOB_TITLE) == "Head of Growth"
    assert person.available == {Field.WORK_EMAIL: True, Field.PERSONAL_EMAIL: True, Field.PHONE: True}
    assert not {v.field for v in person.values} & {Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE}
    assert isinstance(outcome, Found)
    assert spent(outcome.charge) == {"search": 1}


def test_detailed_experience_gives_title_and_employer_of_the_present_post() -> None:
    lookup = named(full_name="Mirela Vance", company="Northbeam")
    person = found(ask("search", dressed("people_search_detailed"), lookup)[0])
    assert person.identity.title == "Head of Growth"
    assert person.identity.employer == "Northbeam"
    assert value(person, Field.COMPANY_LINKEDIN_URL).endswith("/company/northbeam-demo")


def test_experience_in_sentences_gives_title_and_employers() -> None:
    body = dressed("people_search")
    row = next(iter(body["profiles"].values()))
    del row["title"], row["company"]
    row["experience"] = [
        "Head of Sales at Sea at Northbeam in 2021 - Present",
        "Analyst at Quayside in 2011 - 2014",
    ]
    person = found(ask("search", body, named(full_name="Mirela Vance", company="Northbeam"))[0])
    assert person.identity.title == "Head of Sales at Sea"
    assert person.identity.employer == "Northbeam"
    assert person.identity.past_employers == ("Quayside",)


def test_a_row_is_read_and_charged_although_the_total_says_zero() -> None:
    body = dressed("people_search_fields")
    (outcome,) = ask("search", body, named(full_name="Mirela Vance", company="Northbeam"))
    assert body["metadata"]["total_results"] == 0
    assert found(outcome).identity.linkedin_url == URL
    assert isinstance(outcome, Found)
    assert spent(outcome.charge) == {"search": 1}


def test_decision_makers_are_people_to_identify_without_values_for_the_contact() -> None:
    (outcome,) = ask(
        "decision_makers", dressed("decision_makers"), one(KeyKind.DOMAIN, "northbeam.example.com")
    )
    person = found(outcome)
    assert person.identity.full_name == "Leni Osei"
    assert person.identity.linkedin_url == "https://www.linkedin.com/in/leni-osei-demo"
    assert person.values == ()


def test_companies_are_matched_by_the_domain_inside_when_the_key_is_another() -> None:
    (outcome,) = ask("company", dressed("domain_enrich"), one(KeyKind.DOMAIN, "northbeam.example.com"))
    company = found(outcome)
    assert company.about_company
    assert value(company, Field.COMPANY_REVENUE) == "5400000"
    assert value(company, Field.COMPANY_SIZE) == "89"
    assert value(company, Field.COMPANY_LINKEDIN_URL) == "https://www.linkedin.com/company/northbeam-demo"
    assert isinstance(outcome, Found)
    assert spent(outcome.charge) == {}


def test_companies_of_a_search_come_with_the_exact_name_first() -> None:
    body = dressed("company_search")
    body["companies"].insert(0, body["companies"][0] | {"name": "Northbeam Holdings"})
    (outcome,) = ask("company_search", body, one(KeyKind.COMPANY_NAME, "northbeam"))
    assert isinstance(outcome, Found)
    assert [value(c, Field.COMPANY_NAME) for c in outcome.candidates] == ["Northbeam", "Northbeam Holdings"]
    assert all(c.about_company for c in outcome.candidates)
    assert spent(outcome.charge) == {"search": 2}


def test_the_profile_of_an_address_is_its_linkedin_url() -> None:
    (outcome,) = ask("email_to_linkedin", dressed("people_person"), email("leni.osei@mail.example.org"))
    assert value(found(outcome), Field.LINKEDIN_URL) == "https://www.linkedin.com/in/leni-osei-demo"
    assert found(outcome).identity.emails == ("leni.osei@mail.example.org",)


def test_checkers_tell_availability_and_the_work_checker_grades() -> None:
    assert found(ask("personal_email_check", dressed("personal_email_status"))[0]).available == {
        Field.PERSONAL_EMAIL: True
    }
    assert found(ask("phone_check", dressed("phone_status"))[0]).available == {Field.PHONE: True}
    vague = found(ask("work_email_check", dressed("work_email_status"))[0])
    assert (vague.available, vague.graded) == ({Field.WORK_EMAIL: True}, {})
    for word, quality in {"Verified": Quality.VERIFIED, "Unverified": Quality.UNVERIFIED}.items():
        body = {"status_code": 200, "profile": {"email": True, "email_status": word}}
        assert found(ask("work_email_check", body)[0]).graded == {Field.WORK_EMAIL: quality}


def test_a_checker_without_a_stored_work_email_says_nothing_because_one_may_be_found_in_real_time() -> None:
    body = {"status_code": 200, "profile": {"email": False, "email_status": None}}
    candidate = found(ask("work_email_check", body)[0])
    assert (candidate.available, candidate.graded) == ({}, {})
    assert found(ask("personal_email_check", body)[0]).available == {Field.PERSONAL_EMAIL: False}


@pytest.mark.parametrize(
    ("total", "narrow"), [(0, False), (1, True), (3, True), (4, False), (100_000, False)]
)
def test_the_count_opens_the_search_for_one_to_three_people(total: int, narrow: bool) -> None:
    body = dressed("people_count") | {"total_results": total}
    lookup = named(full_name="Mirela Vance", company="Northbeam")
    assert found(ask("count", body, lookup)[0]).available == {Field.LINKEDIN_URL: narrow}


@pytest.mark.parametrize(
    ("word", "quality"),
    [
        ("valid", Quality.VERIFIED),
        ("accept_all", Quality.RISKY),
        ("invalid", Quality.INVALID),
        ("disposable", Quality.RISKY),
        ("unknown", Quality.UNKNOWN),
    ],
)
def test_the_verifier_grades_the_address_for_either_e_mail_field(word: str, quality: Quality) -> None:
    body = dressed("verify")
    body["data"]["status"] = word
    candidate = found(ask("verify", body)[0])
    assert candidate.graded == {Field.WORK_EMAIL: quality, Field.PERSONAL_EMAIL: quality}


MISSES = [
    ("profile", "linkedin_enrich_miss"),
    ("profile_full", "linkedin_enrich_miss"),
    ("email_profile", "not_found"),
    ("person_all", "not_found"),
    ("contact_work", "not_found"),
    ("email_to_linkedin", "not_found"),
    ("search", "people_search_miss"),
    ("decision_makers", "people_search_miss"),
    ("company", "domain_enrich_miss"),
    ("company_search", "company_search_miss"),
    ("phone_check", "not_found"),
]


@pytest.mark.parametrize(("name", "example"), MISSES)
def test_the_documented_empty_answers_mean_not_found(name: str, example: str) -> None:
    (outcome,) = ask(name, sample(example))
    assert isinstance(outcome, NotFound)


CANNED = [
    ("profile_full", "linkedin_enrich"),
    ("person_all", "linkedin_enrich"),
    ("contact_any_phone", "people_linkedin"),
    ("search", "people_search"),
    ("search", "people_search_detailed"),
    ("search", "people_search_fields"),
    ("decision_makers", "decision_makers"),
    ("emails_bulk", "v1_batch"),
]


@pytest.mark.parametrize(("name", "example"), CANNED)
def test_canned_people_stop_the_account_and_are_never_values(name: str, example: str) -> None:
    failure = failure_of(lambda: ask(name, sample(example)))
    assert (failure.kind, failure.scope) == (FailureKind.CONFIG, Scope.ACCOUNT)
    assert failure.charged is None
    assert "activate" in failure.reason


def test_canned_people_in_the_result_of_a_job_are_refused() -> None:
    made = connector()
    job = Job('{"job_id":"96d1c156"}', (linkedin("https://linkedin.com/in/no-sample"),))
    wire = ScriptedWire(made, sample("contact_job"))
    assert failure_of(lambda: made.poll(wire, operation("contact_bulk"), [job])).kind is FailureKind.CONFIG


@pytest.mark.parametrize(
    "marker",
    [
        {"email": ["email1@example.com"]},
        {"email": ["EMAIL2@gmail.com "]},
        {"email": ["test@gmail.com"]},
        {"phone": ["+1234567891"]},
        {"phone": "+123456789"},
        {"phone": ["phone number 1"]},
        {"full_name": "Example Person"},
        {"fullName": "Example Person"},
        {"url": "http://linkedin.com/in/example-person/"},
        {"url": "https://www.linkedin.com/in/example-person-12"},
        {"li_vanity": "at-JqjtXv"},
    ],
)
def test_each_canned_value_alone_gives_the_sample_away(marker: dict[str, Any]) -> None:
    body = {"status_code": 200, "profile": {"url": URL, "email": []} | marker}
    assert failure_of(lambda: ask("contact_any_phone", body)).kind is FailureKind.CONFIG


def test_a_message_that_speaks_of_a_sample_response_gives_it_away() -> None:
    body = dressed("people_linkedin") | {"message": "This is a Sample Response. Contact sales."}
    assert failure_of(lambda: ask("contact_any", body)).kind is FailureKind.CONFIG


def test_people_of_reserved_domains_and_namesakes_in_publications_are_not_taken_for_samples() -> None:
    body = dressed("linkedin_enrich")
    body["profile"]["publications"][0]["authors"] = ["Example Person"]
    body["profile"]["work_email"] = ["someone@example.com"]
    body["profile"]["url"] = "https://www.linkedin.com/in/example-persona"
    assert isinstance(ask("profile_full", body)[0], Found)


def test_what_was_asked_about_is_no_sign_of_a_sample() -> None:
    body = {"status_code": 200, "profiles": {"https://linkedin.com/in/example-person": [WORK]}}
    assert isinstance(ask("emails_bulk", body, linkedin("https://linkedin.com/in/example-person"))[0], Found)
    with pytest.raises(Failure):
        ask("emails_bulk", body, linkedin())


# Every documented name is read, or listed as ignored.


def person_variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Answers about a person in which no two names say the same."""
    for name, example in (("profile_full", "linkedin_enrich"), ("email_profile_work", "email_enrich")):
        body = dressed(example)
        profile = body["profile"]
        profile["experience"][0]["company_name"] = "Quayside Freight"
        if example == "linkedin_enrich":
            profile["work_email"] = ["vance@gmail.com"]
            profile["personal_email"] = ["m@vance.example.org"]
            profile["email"] = ["vance@gmail.com", "m@vance.example.org", "third@gmail.com"]
        else:
            profile |= {"workEmailStatus": "Verified", "twitter": "tobe", "github": "tobe"}
        yield name, body
    row = dressed("people_search")
    row["profiles"] = {"not a profile": next(iter(row["profiles"].values()))}
    row["profiles"]["not a profile"]["experience"] = ["Analyst at Quayside in 2011 - 2014"]
    yield "search", row


def post_variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Two posts told apart in turn by the flag, by the numbers and by the texts of their dates."""
    new = {
        "title": "New",
        "company_name": "Quayside",
        "linkedin_url": "https://linkedin.com/company/quayside",
    }
    old = {"title": "Old", "company_name": "Northbeam", "is_current": True}
    ended = {"end_date_year": 2019, "end_date_month": 2, "end_date": "20192"}
    for post, other in (
        (new | {"is_current": True, "end_date_year": 2021}, old | {"is_current": False}),
        (
            new | {"start_date_year": 2020, "start_date_month": 4},
            old | {"start_date_year": 2020, "start_date_month": 1},
        ),
        (new | {"start_date": "20204"}, old | {"start_date": "202003"}),
        (new | {"end_date_year": 2019}, old | {"start_date_year": 2011}),
        (new | {"end_date": "20192"}, old | {"start_date_year": 2011}),
        (new | ended, old),
    ):
        body = dressed("linkedin_enrich")
        del body["profile"]["company"]
        body["profile"]["experience"] = [other, post]
        yield "profile", body


def outcome_of(name: str, body: object) -> list[Outcome]:
    if name == "email_profile_work":
        return ask(name, body, email("asked@quayside.example.com"))
    return ask(name, body)


def read_names(variants: Iterator[tuple[str, dict[str, Any]]], path: list[Any]) -> tuple[set[str], set[str]]:
    """The names at a path of the answers whose absence changes the outcome, and all names there."""
    read: set[str] = set()
    every: set[str] = set()
    for name, body in variants:
        before = outcome_of(name, body)
        steps = ["profiles", "not a profile", *path[1:]] if "profiles" in body else path
        spot = body
        for step in steps:
            spot = spot[step]
        for field in list(spot):
            without = copy.deepcopy(body)
            place: Any = without
            for step in steps:
                place = place[step]
            del place[field]
            plain = _plain(field)
            every.add(plain)
            if outcome_of(name, without) != before:
                read.add(plain)
    return read, every


def _plain(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def test_every_documented_name_of_a_person_is_read_or_listed_as_ignored() -> None:
    read, every = read_names(person_variants(), ["profile"])
    assert every >= {"url", "linkedin_url", "contact_info", "contact_availability", "title", "alt_matches"}
    assert every - read == people.IGNORED


def test_every_documented_name_of_a_company_is_read_or_listed_as_ignored() -> None:
    read, every = read_names(person_variants(), ["profile", "company"])
    assert every - read <= companies.IGNORED
    for name, body, lookup, path in (
        ("company", dressed("domain_enrich"), one(KeyKind.DOMAIN, "other.example.com"), "other.example.com"),
        ("company_search", dressed("company_search"), one(KeyKind.COMPANY_NAME, "Northbeam"), ""),
    ):
        before = ask(name, body, lookup)
        for field in list(body["companies"][0][path] if path else body["companies"][0]):
            without = copy.deepcopy(body)
            del (without["companies"][0][path] if path else without["companies"][0])[field]
            changed = ask(name, without, lookup) != before
            assert changed != (field in companies.IGNORED), field


def test_every_documented_name_of_a_post_is_read_or_listed_as_ignored() -> None:
    read, _ = read_names(post_variants(), ["profile", "experience", 1])
    documented = set(sample("linkedin_enrich")["profile"]["experience"][0])
    documented |= set(next(iter(sample("people_search_detailed")["profiles"].values()))["experience"][0])
    assert documented - read == careers.IGNORED


def test_every_documented_name_of_a_contact_answer_is_read_or_listed_as_ignored() -> None:
    body = dressed("people_linkedin")
    profile = body["profile"]
    profile["work_email"] = ["vance@gmail.com"]
    profile["personal_email"] = ["m@vance.example.org"]
    profile["email"] = ["vance@gmail.com", "m@vance.example.org", "third@gmail.com"]
    profile["work_email_status"] = {"vance@gmail.com": "Verified"}
    read, every = read_names(iter([("contact_any_phone", body)]), ["profile"])
    assert every - read == people.IGNORED_CONTACTS


def test_the_not_found_body_is_the_documented_one() -> None:
    assert NOT_FOUND == {"status_code": 404, "message": "Not Found"}
    assert isinstance(ask("person", NOT_FOUND)[0], NotFound)


def test_a_candidate_never_holds_a_field_that_its_operation_does_not_declare() -> None:
    for name, example in [*CANNED, ("company", "domain_enrich"), ("email_profile", "email_enrich")]:
        op = operation(name)
        for outcome in ask(name, dressed(example)):
            candidates: tuple[Candidate, ...] = outcome.candidates if isinstance(outcome, Found) else ()
            assert {v.field for c in candidates for v in c.values} <= set(op.returns)
