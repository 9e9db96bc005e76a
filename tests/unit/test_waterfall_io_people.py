"""What Waterfall.io says of people and companies, and how far it vouches for it."""

from __future__ import annotations

import pytest

from connectors.waterfall_io import Connector, companies, people
from connectors.waterfall_io.people import IGNORED, IGNORED_POSTS
from syncd.model import Field, Found, NotFound, Quality
from tests.unit.scripted_wire import failure_of, flat, found, values
from tests.unit.waterfall_io_support import (
    DESK,
    MOBILE,
    PAGE,
    PERSONAL,
    URL,
    WORK,
    ask,
    company,
    ended,
    person,
    poll,
    post,
)


def test_a_person_is_read_in_full() -> None:
    candidate = found(
        poll(
            "contact_phones",
            ended(person=person(personal_email=PERSONAL, mobile_phone=MOBILE, phone_numbers=[MOBILE, DESK])),
        )
    )
    assert flat(candidate) == {
        Field.FULL_NAME: "Ilse Marrow",
        Field.FIRST_NAME: "Ilse",
        Field.LAST_NAME: "Marrow",
        Field.JOB_TITLE: "Plant Lead",
        Field.SENIORITY: "Manager",
        Field.JOB_FUNCTION: "Operations",
        Field.LINKEDIN_URL: URL,
        Field.LOCATION: "Rostock, Germany",
        Field.COUNTRY: "Germany",
        Field.COMPANY_NAME: "Tidewell",
        Field.COMPANY_DOMAIN: "tidewell.example.com",
        Field.COMPANY_LINKEDIN_URL: PAGE,
        Field.WORK_EMAIL: WORK,
        Field.PERSONAL_EMAIL: PERSONAL,
        Field.MOBILE_PHONE: MOBILE,
        Field.PHONE: DESK,
    }
    who = candidate.identity
    assert (who.full_name, who.title, who.employer) == ("Ilse Marrow", "Plant Lead", "Tidewell")
    assert who.employer_domain == "tidewell.example.com"
    assert (who.linkedin_url, who.emails, who.past_employers) == (URL, (WORK, PERSONAL), ())
    assert candidate.provider_ref == "p-1"


def test_every_documented_name_of_a_person_a_post_and_a_company_is_read_or_listed_as_ignored() -> None:
    class Watched(dict[str, object]):
        def __init__(self, said: dict[str, object]) -> None:
            super().__init__(said)
            self.read: set[str] = set()

        def get(self, key: str, default: object = None) -> object:
            self.read.add(key)
            return super().get(key, default)

    who = Watched(person(company_name="", company_domain="", email_verified_status=None))
    one = Watched(post())
    who["experiences"] = [one]
    people.person(who, people.WORDS)
    assert who.keys() - who.read == IGNORED - {"about"}
    assert one.keys() - one.read == IGNORED_POSTS
    firm = Watched(company(size=None, linkedin_url=None))
    companies.company(firm)
    assert firm.keys() - firm.read == companies.IGNORED


@pytest.mark.parametrize(
    ("said", "quality"),
    [
        ({"email_verified_status": "safe"}, Quality.VERIFIED),
        ({"email_verified_status": "catch-all"}, Quality.RISKY),
        ({"email_verified_status": "Accept All"}, Quality.RISKY),
        ({"email_verified_status": "invalid"}, Quality.INVALID),
        ({"email_verified_status": "marvellous"}, Quality.UNVERIFIED),
        ({"email_verified_status": "marvellous", "email_confidence": "high"}, Quality.UNVERIFIED),
        ({"email_confidence": "high"}, Quality.LIKELY),
        ({"email_confidence": "low"}, Quality.UNVERIFIED),
        ({"email_verified": True}, Quality.LIKELY),
        ({"email_verified": False}, Quality.UNVERIFIED),
        ({"email_verified": False, "email_verified_status": "safe"}, Quality.UNVERIFIED),
        ({"email_verified": False, "email_verified_status": "invalid"}, Quality.INVALID),
        ({}, Quality.UNKNOWN),
    ],
)
def test_an_address_is_graded_by_status_then_confidence_then_flag(
    said: dict[str, object], quality: Quality
) -> None:
    blank: dict[str, object] = {
        "email_verified": None,
        "email_confidence": None,
        "email_verified_status": None,
    }
    candidate = found(poll("contact", ended(person=person(**blank | said))))
    assert values(candidate, Field.WORK_EMAIL) == [(WORK, quality)]


def test_the_operator_may_read_the_vendors_words_differently() -> None:
    body = ended(person=person(email_verified_status="Catch-All"))
    candidate = found(poll("contact", body, status_quality={"catch_all": "likely"}))
    assert values(candidate, Field.WORK_EMAIL) == [(WORK, Quality.LIKELY)]
    safe = found(poll("contact", ended(person=person()), status_quality={"catch_all": "likely"}))
    assert values(safe, Field.WORK_EMAIL) == [(WORK, Quality.VERIFIED)]


def test_the_grade_is_that_of_the_work_address_only() -> None:
    candidate = found(poll("contact", ended(person=person(personal_email=PERSONAL))))
    assert values(candidate, Field.PERSONAL_EMAIL) == [(PERSONAL, Quality.UNKNOWN)]


def test_what_the_person_lacks_comes_from_the_present_post() -> None:
    bare = {"title": None, "company_name": None, "company_domain": None, "company_linkedin_id": None}
    old = post(title="Fitter", company_name="Oldmere", company_domain="oldmere.example.com", is_current=False)
    candidate = found(poll("contact", ended(person=person(**bare, experiences=[old, post()]))))
    got = flat(candidate)
    assert (got[Field.JOB_TITLE], got[Field.COMPANY_NAME]) == ("Plant Lead", "Tidewell")
    assert (got[Field.COMPANY_DOMAIN], got[Field.COMPANY_LINKEDIN_URL]) == ("tidewell.example.com", PAGE)
    assert candidate.identity.past_employers == ("Oldmere",)
    assert candidate.identity.past_domains == ("oldmere.example.com",)


def test_the_post_at_another_employer_does_not_fill_in_for_the_named_one() -> None:
    side = post(title="Adviser", company_name="Sidewise", company_domain="sidewise.example.com")
    raw = person(title=None, company_domain=None, company_linkedin_id=None, experiences=[side])
    got = flat(found(poll("contact", ended(person=raw))))
    assert got[Field.COMPANY_NAME] == "Tidewell"
    assert not got.keys() & {Field.JOB_TITLE, Field.COMPANY_DOMAIN, Field.COMPANY_LINKEDIN_URL}


def test_an_end_makes_a_post_past_where_no_flag_says_so() -> None:
    old = {k: v for k, v in post(company_name="Oldmere", end_year=2021).items() if k != "is_current"}
    candidate = found(poll("contact", ended(person=person(company_name=None, experiences=[old]))))
    assert Field.COMPANY_NAME not in flat(candidate)
    assert candidate.identity.past_employers == ("Oldmere",)


def test_the_profile_is_made_of_its_last_piece_where_the_address_is_missing() -> None:
    assert flat(found(poll("contact", ended(person=person(linkedin_url=None)))))[Field.LINKEDIN_URL] == URL


def test_fields_that_an_operation_does_not_declare_are_no_values() -> None:
    full = ended(person=person(personal_email=PERSONAL, mobile_phone=MOBILE, phone_numbers=[DESK]))
    for op in Connector.operations:
        if op.name in ("contact", "contact_phones", "phone"):
            candidate = found(poll(op.name, full))
            assert {v.field for v in candidate.values} <= set(op.returns)
            assert candidate.identity.full_name == "Ilse Marrow"


def test_a_number_is_mobile_only_where_the_vendor_says_so() -> None:
    candidate = found(poll("phone", ended(person=person(mobile_phone=MOBILE, phone_numbers=[DESK, MOBILE]))))
    assert [(v.field, v.value) for v in candidate.values] == [
        (Field.MOBILE_PHONE, MOBILE),
        (Field.PHONE, DESK),
    ]


@pytest.mark.parametrize("numbers", [DESK, [DESK], [DESK, None, "", DESK]])
def test_numbers_come_as_a_list_or_alone(numbers: object) -> None:
    candidate = found(poll("phone", ended(person=person(phone_numbers=numbers))))
    assert values(candidate, Field.PHONE) == [(DESK, Quality.UNKNOWN)]


def test_a_company_is_read_in_full() -> None:
    candidate = found(poll("company", ended(company=company())))
    assert candidate.about_company
    assert flat(candidate) == {
        Field.COMPANY_NAME: "Tidewell",
        Field.COMPANY_DOMAIN: "tidewell.example.com",
        Field.COMPANY_WEBSITE: "https://tidewell.example.com",
        Field.COMPANY_LINKEDIN_URL: PAGE,
        Field.COMPANY_SIZE: "501-1000",
        Field.COMPANY_INDUSTRY: "Machinery",
        Field.COMPANY_TYPE: "Privately Held",
        Field.COMPANY_FOUNDED: "1987",
        Field.COMPANY_HEADQUARTERS: "Kai 4, Rostock",
        Field.COMPANY_COUNTRY: "Germany",
    }


def test_the_head_count_stands_in_for_a_missing_size() -> None:
    assert flat(found(poll("company", ended(company=company(size=None)))))[Field.COMPANY_SIZE] == "640"


@pytest.mark.parametrize(
    ("change", "title"), [("no_change", "Plant Lead"), ("moved", "Plant Lead"), ("left", None)]
)
def test_a_job_change_tells_the_present_post_but_not_of_one_who_left(change: str, title: str | None) -> None:
    body = {"status": "SUCCEEDED", "output": {"job_change_status": change, "person": person()}}
    candidate = found(ask("job_change", body))
    got = flat(candidate)
    assert got.get(Field.JOB_TITLE) == title
    assert (Field.COMPANY_NAME in got) is (title is not None)
    assert got[Field.LINKEDIN_URL] == URL
    if change == "left":
        assert candidate.identity.employer == ""
        assert candidate.identity.past_employers == ("Tidewell",)
        assert candidate.identity.emails == ()


@pytest.mark.parametrize(
    "output", [{"job_change_status": "unknown", "person": {}}, {"job_change_status": "moved", "person": {}}]
)
def test_a_job_change_of_nobody_is_not_found(output: dict[str, object]) -> None:
    assert isinstance(ask("job_change", {"output": output}), NotFound)


def test_an_unknown_kind_of_job_change_is_not_understood() -> None:
    body = {"output": {"job_change_status": "promoted", "person": person()}}
    assert failure_of(lambda: ask("job_change", body)).kind.value == "contract"


@pytest.mark.parametrize(
    ("verdict", "quality"),
    [
        ("valid", Quality.VERIFIED),
        ("Invalid", Quality.INVALID),
        ("risky", Quality.RISKY),
        ("unknown", Quality.UNVERIFIED),
    ],
)
@pytest.mark.parametrize("form", ["nested", "bare", "flat"])
def test_the_verifier_grades_the_address_for_either_e_mail_field(
    verdict: str, quality: Quality, form: str
) -> None:
    row = {"email": WORK, "domain": "x", "email_status": verdict, "smtp_provider": "x", "mx_records": []}
    body: dict[str, object] = {
        "nested": {"status": "SUCCEEDED", "output": {"email": row}},
        "bare": {"email": row},
        "flat": row,
    }[form]
    outcome = ask("verify", body)
    assert isinstance(outcome, Found)
    assert dict(outcome.candidates[0].graded) == {Field.WORK_EMAIL: quality, Field.PERSONAL_EMAIL: quality}
    assert outcome.candidates[0].values == ()
    assert outcome.candidates[0].identity.emails == (WORK,)


@pytest.mark.parametrize("echoed", [WORK.upper(), "", None])
def test_a_verdict_is_for_the_address_asked_about(echoed: object) -> None:
    def body(address: object) -> dict[str, object]:
        return {"output": {"email": {"email": address, "email_status": "valid"}}}

    assert found(ask("verify", body(echoed))).identity.emails == (WORK,)
    assert failure_of(lambda: ask("verify", body("other@tidewell.example.com"))).kind.value == "contract"
