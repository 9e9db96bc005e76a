"""Companies, and the search for people by name."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from connectors.crustdata import companies
from syncd.connector import FailureKind
from syncd.model import COMPANY_FIELDS, Field, Found, KeyKind, NotFound, Unresolved
from tests.unit.crustdata_support import (
    ask,
    failure_of,
    found,
    named,
    one,
    operation,
    somebody,
    spent,
    values,
)

DOMAIN = one(KeyKind.DOMAIN, "contoso.example.com")
NAME = named(full_name="Lena Ostrow", company="Contoso Example")


def described(**parts: Any) -> dict[str, Any]:
    return {
        "crustdata_company_id": 550001,
        "basic_info": {
            "name": "Contoso Example",
            "primary_domain": "contoso.example.com",
            "all_domains": ["contoso.example.com", "contoso.example.org"],
            "website": "https://contoso.example.com",
            "professional_network_url": "https://linkedin.com/company/Contoso-Example/",
            "professional_network_id": "77",
            "year_founded": 1999,
            "description": "Chairs",
            "company_type": "Privately Held",
            "employee_count_range": "201-500",
            "markets": ["X"],
            "industries": ["Furniture"],
            "logo_permalink": "https://pictures.example.net/l",
        },
        "headcount": {"total": 240, "growth_percent": {"1m": 0.5}},
        "locations": {"country": "USA", "state": "CO", "city": "Denver", "headquarters": "Denver, Colorado"},
        "taxonomy": {"professional_network_industry": "Office Furniture", "categories": ["c"]},
        "funding": {"total_investment_usd": 1},
        "revenue": {"estimated": {"lower_bound_usd": 1, "upper_bound_usd": 2}},
    } | parts


def reply(*made: dict[str, Any], matched_on: str = "contoso.example.com", score: float = 1.0) -> list[Any]:
    matches = [{"confidence_score": score - n / 10, "company_data": one_} for n, one_ in enumerate(made)]
    return [{"matched_on": matched_on, "match_type": "domain", "matches": matches}]


def test_a_company_fills_every_field_that_it_is_said_to_return() -> None:
    got = found(ask("company_enrich_domain", reply(described()), DOMAIN)[0])
    assert values(got) == {
        Field.COMPANY_NAME: "Contoso Example",
        Field.COMPANY_DOMAIN: "contoso.example.com",
        Field.COMPANY_WEBSITE: "https://contoso.example.com",
        Field.COMPANY_LINKEDIN_URL: "https://www.linkedin.com/company/contoso-example",
        Field.COMPANY_FOUNDED: "1999",
        Field.COMPANY_TYPE: "Privately Held",
        Field.COMPANY_SIZE: "240",
        Field.COMPANY_INDUSTRY: "Office Furniture",
        Field.COMPANY_COUNTRY: "USA",
        Field.COMPANY_HEADQUARTERS: "Denver, Colorado",
    }
    assert set(values(got)) == set(operation("company_enrich_domain").returns)
    assert got.about_company
    assert (got.identity.employer, got.identity.employer_domain) == ("Contoso Example", "contoso.example.com")


def test_to_identify_a_company_is_free_and_gives_the_basics() -> None:
    (outcome,) = ask("company_by_domain", reply({"basic_info": described()["basic_info"]}), DOMAIN)
    got = values(found(outcome))
    assert set(got) == set(operation("company_by_domain").returns)
    assert got[Field.COMPANY_SIZE] == "201-500"
    assert got[Field.COMPANY_INDUSTRY] == "Furniture"
    assert spent(outcome) == 0
    assert set(got) <= COMPANY_FIELDS


def test_a_company_is_known_under_the_domain_that_was_asked_by_where_it_holds_it() -> None:
    asked = one(KeyKind.DOMAIN, "contoso.example.org")
    got = found(ask("company_by_domain", reply(described(), matched_on="contoso.example.org"), asked)[0])
    assert got.identity.employer_domain == "contoso.example.org"
    assert values(got)[Field.COMPANY_DOMAIN] == "contoso.example.com"
    stranger = one(KeyKind.DOMAIN, "fabrikam.example.net")
    got = found(ask("company_by_domain", reply(described(), matched_on="fabrikam.example.net"), stranger)[0])
    assert got.identity.employer_domain == "contoso.example.com"


def test_companies_are_matched_by_name_and_page_in_any_spelling() -> None:
    (outcome,) = ask(
        "company_by_name",
        reply(described(), matched_on="CONTOSO example"),
        one(KeyKind.COMPANY_NAME, "Contoso Example"),
    )
    assert isinstance(outcome, Found)
    page = one(KeyKind.COMPANY_LINKEDIN_URL, "https://www.linkedin.com/company/contoso-example")
    body = reply(described(), matched_on="http://linkedin.com/company/Contoso-Example/")
    assert isinstance(ask("company_enrich_page", body, page)[0], Found)


def test_every_company_that_is_returned_is_charged_and_offered() -> None:
    (outcome,) = ask("company_enrich_domain", reply(described(), described(), score=0.9), DOMAIN)
    assert isinstance(outcome, Found)
    assert [c.similarity for c in outcome.candidates] == [0.9, 0.8]
    assert spent(outcome) == 4


def test_an_older_envelope_is_read_and_an_unknown_one_refused() -> None:
    assert isinstance(ask("company_by_domain", {"results": reply(described())}, DOMAIN)[0], Found)
    for body in (
        {"companies": []},
        {"results": {}},
        [{"matched_on": "contoso.example.com", "matches": [{}]}],
    ):
        failure = failure_of(partial(ask, "company_by_domain", body, DOMAIN))
        assert failure.kind is FailureKind.CONTRACT


def test_no_company_has_three_forms() -> None:
    for body in ([], reply(), {"results": []}):
        assert isinstance(ask("company_by_domain", body, DOMAIN)[0], NotFound)


def test_a_reshaped_company_costs_no_neighbour_its_answer() -> None:
    body = reply(described(basic_info="x")) + reply(described(), matched_on="b.example.com")
    first, second = ask("company_by_domain", body, DOMAIN, one(KeyKind.DOMAIN, "b.example.com"))
    assert isinstance(first, Unresolved)
    assert isinstance(second, Found)


def test_what_is_not_read_of_a_company_is_listed() -> None:
    plain = found(ask("company_enrich_domain", reply(described()), DOMAIN)[0])
    for name in companies.IGNORED:
        assert found(ask("company_enrich_domain", reply(described(**{name: {"a": "b"}})), DOMAIN)[0]) == plain
    for name in companies.IGNORED_BASICS:
        changed = described(basic_info=described()["basic_info"] | {name: "other"})
        assert found(ask("company_enrich_domain", reply(changed), DOMAIN)[0]) == plain
    read = {"basic_info", "headcount", "locations", "taxonomy"}
    assert set(described()) <= read | companies.IGNORED
    read = {
        "name",
        "primary_domain",
        "all_domains",
        "website",
        "professional_network_url",
        "year_founded",
        "company_type",
    }
    assert set(described()["basic_info"]) == read | companies.IGNORED_BASICS


# The search.


def test_the_rows_of_a_search_are_candidates_in_the_vendors_order() -> None:
    rows = [
        somebody(basic_profile={"name": "Lena Ostrow"}),
        somebody(basic_profile={"name": "Lena Ostrowski"}),
    ]
    (outcome,) = ask("search", {"profiles": rows, "total_count": 2, "next_cursor": None}, NAME)
    assert isinstance(outcome, Found)
    assert [c.identity.full_name for c in outcome.candidates] == ["Lena Ostrow", "Lena Ostrowski"]
    assert Field.LINKEDIN_URL in values(outcome.candidates[0])
    assert set(values(outcome.candidates[0])) <= set(operation("search").returns)


def test_an_empty_search_knows_nobody_in_either_form() -> None:
    for body in ([], {"profiles": [], "total_count": 0, "next_cursor": None}):
        (outcome,) = ask("search", body, NAME)
        assert isinstance(outcome, NotFound)
        assert spent(outcome) == 0


def test_an_unreadable_row_costs_no_other_its_place() -> None:
    (outcome,) = ask("search", {"profiles": [{"x": 1}, "y", somebody()]}, NAME)
    assert isinstance(outcome, Found)
    assert len(outcome.candidates) == 1
    assert str(spent(outcome)) == "0.09"


@pytest.mark.parametrize(
    "body",
    [{}, {"profiles": None}, {"profiles": "x"}, {"people": []}, {"profiles": [{"x": 1}]}, [somebody()], "x"],
)
def test_a_reshaped_search_is_not_understood(body: object) -> None:
    assert failure_of(lambda: ask("search", body, NAME)).kind is FailureKind.CONTRACT
