"""People as Crustdata describes them: every documented field has a place or is listed as ignored."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.crustdata import careers, people
from syncd.model import EMAIL_FIELDS, Candidate, Field, Found, NotFound, Quality, Unresolved
from tests.unit.crustdata_support import (
    PERSONAL,
    PHONE,
    URL,
    WORK,
    ask,
    email,
    entry,
    found,
    graded,
    linkedin,
    named,
    post,
    somebody,
    values,
)


def profile(name: str = "profile", **parts: Any) -> Candidate:
    (outcome,) = ask(name, [entry(URL, somebody(**parts))], linkedin())
    return found(outcome)


def employed(*current: object, past: object = ()) -> dict[str, Any]:
    return {"experience": {"employment_details": {"current": list(current), "past": past or []}}}


def test_a_profile_fills_every_field_that_it_is_said_to_return() -> None:
    assert values(profile()) == {
        Field.FULL_NAME: "Lena Ostrow",
        Field.FIRST_NAME: "Lena",
        Field.LAST_NAME: "Ostrow",
        Field.HEADLINE: "Director of Sales Operations at Contoso Example",
        Field.JOB_TITLE: "Director of Sales Operations",
        Field.SENIORITY: "Director",
        Field.JOB_FUNCTION: "Sales",
        Field.LOCATION: "Denver, Colorado, United States",
        Field.COUNTRY: "United States",
        Field.LINKEDIN_URL: URL,
        Field.TWITTER: "lenao",
        Field.GITHUB: "https://github.com/lenao",
        Field.COMPANY_NAME: "Contoso Example",
        Field.COMPANY_DOMAIN: "contoso.example.com",
        Field.COMPANY_WEBSITE: "https://contoso.example.com",
        Field.COMPANY_LINKEDIN_URL: "https://www.linkedin.com/company/contoso-example",
        Field.COMPANY_INDUSTRY: "Office Furniture",
        Field.COMPANY_SIZE: "240",
        Field.COMPANY_TYPE: "Privately Held",
        Field.COMPANY_COUNTRY: "USA",
        Field.COMPANY_HEADQUARTERS: "Denver, Colorado, United States",
    }


def test_who_the_person_is_comes_with_employers_past_and_present() -> None:
    who = profile().identity
    assert (who.full_name, who.first_name, who.last_name) == ("Lena Ostrow", "Lena", "Ostrow")
    assert (who.title, who.employer) == ("Director of Sales Operations", "Contoso Example")
    assert (who.employer_domain, who.linkedin_url) == ("contoso.example.com", URL)
    assert (who.past_employers, who.past_domains) == (("Fabrikam",), ("fabrikam.example.com",))
    assert who.emails == ()


def test_values_are_as_old_as_the_profile_says() -> None:
    stamps = {v.as_of for v in profile().values}
    assert stamps == {datetime(2026, 10, 2, 8, tzinfo=UTC)}
    silent = somebody()["basic_profile"] | {"last_updated": "soon"}
    assert {v.as_of for v in profile(basic_profile=silent).values} == {None}


def test_line_separators_inside_a_value_become_blanks() -> None:
    basics = somebody()["basic_profile"] | {"headline": "Director\u2028Sales\u2029"}
    assert values(profile(basic_profile=basics))[Field.HEADLINE] == "Director Sales"


@pytest.mark.parametrize("nothing", [None, "", []])
def test_null_and_blank_are_nothing(nothing: object) -> None:
    for part in ("basic_profile", "social_handles", "experience"):
        candidate = profile(**{part: nothing})
        assert all(v.value for v in candidate.values)
    handles = {"twitter_identifier": {"slug": nothing}, "dev_platform_identifier": nothing}
    assert Field.TWITTER not in values(profile(social_handles=handles))


def test_a_person_of_whom_nothing_else_is_known_is_found_all_the_same() -> None:
    (outcome,) = ask("profile", [entry(URL, {"crustdata_person_id": 1})], linkedin())
    assert found(outcome).values == ()


def test_one_post_in_place_of_a_list_is_read() -> None:
    said = {"experience": {"employment_details": {"current": post(), "past": None}}}
    assert values(profile(**said))[Field.COMPANY_NAME] == "Contoso Example"


def test_the_default_post_is_taken_before_later_ones_and_the_latest_before_others() -> None:
    main = post(name="Main", is_default=True, start_date="2019-01-01T00:00:00")
    board = post(name="Board", is_default=False, start_date="2025-01-01T00:00:00")
    assert values(profile(**employed(board, main)))[Field.COMPANY_NAME] == "Main"
    older = post(name="Older", is_default=False, start_date="2001-01-01T00:00:00")
    assert values(profile(**employed(older, board)))[Field.COMPANY_NAME] == "Board"


def test_the_post_at_the_employer_that_was_asked_by_is_taken_before_the_default_one() -> None:
    side = post(name="Side", title="Partner", is_default=False, company_website_domain="side.example.com")
    body = [entry("lena@side.example.com", somebody(**employed(post(), side)))]
    candidate = found(ask("email_profile", body, email("lena@side.example.com"))[0])
    assert (candidate.identity.employer, candidate.identity.title) == ("Side", "Partner")
    assert candidate.identity.past_employers == ("Contoso Example",)
    rows = {"profiles": [somebody(**employed(post(), side))], "total_count": 1}
    by_name = named(full_name="Lena Ostrow", company="SIDE")
    assert found(ask("search", rows, by_name)[0]).identity.employer == "Side"
    by_domain = named(full_name="Lena Ostrow", domain="side.example.com")
    assert found(ask("search", rows, by_domain)[0]).identity.employer_domain == "side.example.com"


def test_of_several_domains_the_one_asked_by_is_the_employers() -> None:
    held = post(company_website_domain=["contoso.example.com", "contoso.example.org"])
    body = [entry("lena@contoso.example.org", somebody(**employed(held)))]
    candidate = found(ask("email_profile", body, email("lena@contoso.example.org"))[0])
    assert candidate.identity.employer_domain == "contoso.example.org"
    assert values(profile(**employed(held)))[Field.COMPANY_DOMAIN] == "contoso.example.com"


def test_what_is_missing_is_taken_from_its_second_best_place() -> None:
    basics = {
        "professional_network_name": "Lena O.",
        "current_title": "Director, Sales",
        "location": {"full_location": "Denver, CO"},
    }
    bare = post(
        title=None,
        company_website_domain=None,
        company_headcount_latest=None,
        company_professional_network_industry="",
    )
    got = values(profile(basic_profile=basics, **employed(bare)))
    assert got[Field.FULL_NAME] == "Lena O."
    assert got[Field.JOB_TITLE] == "Director, Sales"
    assert got[Field.LOCATION] == "Denver, CO"
    assert got[Field.COMPANY_DOMAIN] == "contoso.example.com"
    assert got[Field.COMPANY_SIZE] == "201-500"
    assert got[Field.COMPANY_INDUSTRY] == "Furniture"


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all scalars."""
    children: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    if not isinstance(value, dict | list):
        yield path
    for name, child in children:
        yield from leaves(child, (*path, name))


def changed(person: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
    made: Any = copy.deepcopy(person)
    spot = made
    for name in path[:-1]:
        spot = spot[name]
    old = spot[path[-1]]
    fresh = {"last_updated": "2020-01-01", "status": "catch_all"}
    spot[path[-1]] = fresh.get(str(path[-1]), f"{old}x" if isinstance(old, str) else 4711)
    return dict(made)


def ignored(path: tuple[str | int, ...]) -> bool:
    names = [name for name in path if isinstance(name, str)]
    if names[0] in people.IGNORED:
        return True
    if names[0] == "contact":
        return names[1] in people.IGNORED_CONTACTS
    if names[:2] == ["basic_profile", "location"]:
        return names[2] in people.IGNORED_PLACE
    if names[0] == "basic_profile":
        return names[1] in people.IGNORED_BASICS
    if names[2:3] == ["past"]:
        return names[3] not in ("name", "company_website_domain")
    return names[0] == "experience" and names[3] in careers.IGNORED


ORDER = ("is_default", "start_date")
"""What only decides between several posts; that is tested above."""
LEAVES = [path for path in leaves(somebody()) if path[-1] not in ORDER]


@pytest.mark.parametrize("path", LEAVES, ids=lambda p: ".".join(map(str, p)))
def test_a_documented_field_changes_what_is_read_exactly_where_it_is_not_listed_as_ignored(
    path: tuple[str | int, ...],
) -> None:
    def read(person: dict[str, Any]) -> list[Candidate]:
        both = [ask("profile_work", [entry(URL, person)], linkedin())[0]]
        said = {"crustdata_person_id": 1, "contact": person["contact"]}
        both.append(ask("contact_all", [entry(URL, said)], linkedin())[0])
        return [found(outcome) for outcome in both]

    same = read(somebody()) == read(changed(somebody(), path))
    assert same == ignored(path)


# Contact data.


def contact(name: str, **held: Any) -> Candidate:
    said = {"crustdata_person_id": 1, "contact": held}
    (outcome,) = ask(name, [entry(URL, said)], linkedin())
    return found(outcome)


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        ("deliverable", Quality.VERIFIED),
        ("catch_all", Quality.RISKY),
        ("invalid", Quality.INVALID),
        ("unknown", Quality.UNKNOWN),
        ("brand_new", Quality.UNKNOWN),
        (None, Quality.UNKNOWN),
    ],
)
def test_the_status_of_an_address_is_its_quality(status: object, quality: Quality) -> None:
    got = contact("contact_work", business_emails=[{"email": WORK, "status": status}])
    assert graded(got, Field.WORK_EMAIL) == [(WORK, quality)]


def test_numbers_come_bare_and_so_of_unknown_kind_and_quality() -> None:
    got = contact("contact_phone", phone_numbers=[PHONE, PHONE, " "])
    assert graded(got, Field.PHONE) == [(PHONE, Quality.UNKNOWN)]


def test_bare_addresses_and_a_single_one_are_read_too() -> None:
    got = contact("contact_emails", business_emails={"email": WORK}, personal_emails=[PERSONAL, PERSONAL])
    assert graded(got, Field.WORK_EMAIL) == [(WORK, Quality.UNKNOWN)]
    assert graded(got, Field.PERSONAL_EMAIL) == [(PERSONAL, Quality.UNKNOWN)]
    assert set(got.identity.emails) == {WORK, PERSONAL}


@pytest.mark.parametrize("name", ["contact_work", "contact_personal", "contact_phone", "contact_work_phone"])
def test_contact_data_that_was_not_asked_for_is_never_passed_on(name: str) -> None:
    got = contact(name, **somebody()["contact"])
    wanted = {
        "contact_work": {Field.WORK_EMAIL},
        "contact_personal": {Field.PERSONAL_EMAIL},
        "contact_phone": {Field.PHONE},
        "contact_work_phone": {Field.WORK_EMAIL, Field.PHONE},
    }[name]
    assert {v.field for v in got.values} == wanted
    shown = repr(got.identity.emails)
    assert (WORK in shown) == (Field.WORK_EMAIL in wanted)
    assert (PERSONAL in shown) == (Field.PERSONAL_EMAIL in wanted)


def test_a_profile_passes_on_the_work_address_only_where_it_was_asked_for() -> None:
    assert not EMAIL_FIELDS & set(values(profile()))
    got = values(profile("profile_work"))
    assert got[Field.WORK_EMAIL] == WORK
    assert Field.PERSONAL_EMAIL not in got
    assert Field.PHONE not in got


def test_contact_data_that_was_asked_for_and_is_not_there_is_not_found() -> None:
    passed_none = {"business_emails": [], "business_emails_message": "none passed", "personal_emails": []}
    for held in (
        passed_none,
        {"business_emails": None},
        {},
        None,
        somebody()["contact"] | {"phone_numbers": []},
    ):
        name = "contact_phone" if held and held.get("phone_numbers") == [] else "contact_work"
        (outcome,) = ask(name, [entry(URL, {"crustdata_person_id": 1, "contact": held})], linkedin())
        assert isinstance(outcome, NotFound)


def test_a_profile_without_a_work_address_is_found_all_the_same() -> None:
    got = profile("profile_work", contact={"business_emails": []})
    assert Field.WORK_EMAIL not in values(got)
    assert got.identity.full_name == "Lena Ostrow"


# Reshaped people.


RESHAPED: list[dict[str, Any]] = [
    {"basic_profile": "Lena"},
    {"basic_profile": ["Lena"]},
    {"social_handles": ["x"]},
    {"experience": "Contoso"},
    {"experience": {"employment_details": ["x"]}},
    {"experience": {"employment_details": {"current": ["Contoso"]}}},
    {"experience": {"employment_details": {"current": [post(company_website_domain={"a": 1})]}}},
    {"contact": "x"},
    {"contact": {"business_emails": [{"address": WORK}]}},
    {"contact": {"business_emails": [["x"]]}},
]


@pytest.mark.parametrize("part", RESHAPED)
def test_a_reshaped_person_costs_no_neighbour_its_answer_and_is_not_read_as_unknown(
    part: dict[str, Any],
) -> None:
    body = [entry(URL, somebody(**part)), entry("https://www.linkedin.com/in/b", somebody())]
    first, second = ask("profile_work", body, linkedin(), linkedin("https://www.linkedin.com/in/b"))
    assert isinstance(first, Unresolved)
    assert isinstance(second, Found)


def test_contact_data_that_nobody_asked_for_may_have_any_form() -> None:
    assert profile(contact="x") == profile()


def test_truth_values_and_objects_are_no_text() -> None:
    basics = {"name": True, "headline": {"a": 1}, "first_name": ["Lena"], "last_name": 7}
    assert {f: v for f, v in values(profile(basic_profile=basics)).items() if f.value.endswith("name")} == {
        Field.LAST_NAME: "7",
        Field.COMPANY_NAME: "Contoso Example",
    }
    assert Field.HEADLINE not in values(profile(basic_profile=basics))


def test_additional_keys_change_nothing() -> None:
    assert profile(brand_new={"a": [1]}) == profile()
    extra = entry(URL, somebody()) | {"new": 1}
    extra["match_type"] = "brand_new"
    assert found(ask("profile", [extra], linkedin())[0]) == profile()


def test_reprs_show_nobody() -> None:
    for shown in (
        repr(profile()),
        repr(profile("profile_work").values),
        repr(ask("profile", [], linkedin())),
    ):
        assert not any(text in shown for text in ("Lena", "Ostrow", "contoso", WORK, PHONE))
