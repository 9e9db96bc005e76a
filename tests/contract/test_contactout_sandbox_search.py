"""The filters of ContactOut's searches, against the population they search."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from connectors.sandbox.population import Company, Person
from tests.contract.contactout_process import EVERYTHING, WORLD, Box, sandbox

ANNA = WORLD.people[3]
PEOPLE, COMPANIES = "/v1/people/search", "/v1/company/search"


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off", coverage=EVERYTHING) as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def found(box: Box, body: dict) -> set[str]:
    """The slugs on all pages."""
    slugs: set[str] = set()
    for page in range(1, 99):
        rows = box.post(PEOPLE, body | {"page": page}).json()["profiles"]
        if not rows:
            return slugs
        slugs |= {row["li_vanity"] for row in rows.values()}
    raise AssertionError("pages without an end")


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"name": ANNA.first.upper()}, lambda p: p.first == ANNA.first),
        ({"name": f"{ANNA.first} {ANNA.last}"}, lambda p: p.full == ANNA.full),
        ({"domain": [f"https://{ANNA.company.domain}"]}, lambda p: p.company == ANNA.company),
        ({"company": [ANNA.company.name.lower()]}, lambda p: p.company == ANNA.company),
        (
            {"company": [ANNA.company.name], "company_filter": "both"},
            lambda p: ANNA.company in (p.company, p.past),
        ),
        (
            {"company": [ANNA.company.name], "current_company_only": False},
            lambda p: ANNA.company in (p.company, p.past),
        ),
        (
            {"company": [ANNA.company.name], "company_filter": "past"},
            lambda p: p.past == ANNA.company,
        ),
        ({"job_title": ["cto"]}, lambda p: p.title == "CTO"),
        ({"job_title": ["(CTO OR CFO)"]}, lambda p: p.title in ("CTO", "CFO")),
        (
            {"job_title": ["(Manager OR Lead) NOT Product"]},
            lambda p: p.title in ("RevOps Manager", "Customer Success Lead"),
        ),
        ({"location": ["Sydney, Australia"]}, lambda p: p.country == "AU"),
        ({"location": ["Denver"]}, lambda p: p.city == "Denver"),
        ({"seniority": ["cxo"]}, lambda p: p.seniority == "CXO"),
        ({"job_function": ["finance"]}, lambda p: p.function == "Finance"),
        ({"industry": ["Textiles"]}, lambda p: p.company.industry == "Textiles"),
        ({"keyword": "Textiles AND CFO", "domain": [ANNA.company.domain]}, None),
        ({"company_size": ["10_500", "4000"]}, lambda p: p.company.size <= 500 or p.company.size >= 4000),
        ({"seniority": ["CXO"], "exclude_job_titles": ["CFO"]}, lambda p: p.title == "CTO"),
        (
            {"seniority": ["CXO"], "exclude_companies": [ANNA.company.name]},
            lambda p: p.seniority == "CXO" and p.company != ANNA.company,
        ),
        ({"seniority": ["CXO"], "data_types": ["phone"]}, lambda p: p.seniority == "CXO" and p.mobile),
    ],
)
def test_a_filter_of_people_search_finds_exactly_who_fits(
    box: Box, body: dict, fits: Callable[[Person], object] | None
) -> None:
    expected = {p.slug for p in WORLD.people if fits and fits(p)}
    assert found(box, body) == expected
    count = box.post("/v1/people/count", body | {"page": 7}).json()["total_results"]
    unfiltered = expected if "data_types" not in body else {p for p in WORLD.people if p.seniority == "CXO"}
    assert count == len(unfiltered)


def test_skills_schools_and_years_narrow_by_what_the_rows_say(box: Box) -> None:
    everybody = {"company": [ANNA.company.name]}
    detail = {"detailed_experience": True, "detailed_education": True}
    rows = box.post(PEOPLE, everybody | detail).json()["profiles"].values()
    row = next(iter(rows))
    assert len(rows) > 3

    def having(test: Callable[[dict], object]) -> set[str]:
        return {r["li_vanity"] for r in rows if test(r)}

    skill, school = row["skills"][0], row["education"][0]["school_name"]
    assert found(box, everybody | {"skills": [skill]}) == having(lambda r: skill in r["skills"])
    same_school = having(lambda r: r["education"][0]["school_name"] == school)
    assert found(box, everybody | {"education": [school]}) == same_school
    year = int(box.control("clock")["now"][:4])
    role = {"years_in_current_role": ["0_5"]}
    assert found(box, everybody | role) == having(lambda r: year - r["experience"][0]["start_date_year"] <= 5)
    career = {"years_of_experience": ["10"]}
    assert found(box, everybody | career) == having(
        lambda r: year - r["experience"][-1]["start_date_year"] >= 10
    )


def test_former_titles_count_on_request_only(box: Box) -> None:
    company = {"company": [ANNA.company.name], "detailed_experience": True}
    rows = box.post(PEOPLE, company).json()["profiles"].values()
    row = next(r for r in rows if r["experience"][1]["title"] != r["title"])
    former = {"company": [ANNA.company.name], "job_title": [row["experience"][1]["title"]]}
    assert row["li_vanity"] not in found(box, former)
    assert row["li_vanity"] in found(box, former | {"current_titles_only": False})
    assert row["li_vanity"] in found(box, former | {"match_experience": "past"})


def test_people_whom_the_vendor_mistakes_for_others_are_not_found(box: Box) -> None:
    box.set(coverage=EVERYTHING | {"wrong": 1})
    assert found(box, {"name": ANNA.full}) == set()


def test_the_total_can_be_as_unreliable_as_in_the_documents(box: Box) -> None:
    box.set(unreliable_total=True)
    answer = box.post(PEOPLE, {"name": ANNA.full}).json()
    assert answer["metadata"]["total_results"] == 0 and answer["profiles"]


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"name": [ANNA.company.name.lower()]}, lambda c: c == ANNA.company),
        ({"domain": [ANNA.company.domain]}, lambda c: c == ANNA.company),
        ({"size": ["10_900"]}, lambda c: c.size <= 900),
        ({"location": ["France"]}, lambda c: c.country == "FR"),
        ({"location": ["Berlin, Germany"]}, lambda c: c.country == "DE"),
        ({"industries": ["Energy"]}, lambda c: c.industry == "Energy"),
        ({"industry": ["energy"]}, lambda c: c.industry == "Energy"),
        (
            {"year_founded_from": 1990, "year_founded_to": 2005},
            lambda c: 1990 <= c.founded <= 2005,
        ),
    ],
)
def test_a_filter_of_company_search_finds_exactly_what_fits(
    box: Box, body: dict, fits: Callable[[Company], bool]
) -> None:
    rows = box.post(COMPANIES, body).json()["companies"]
    assert {r["domain"] for r in rows} == {c.domain for c in WORLD.companies if fits(c)}


def test_revenue_bounds_are_inclusive(box: Box) -> None:
    rows = [
        r for page in (1, 2) for r in box.post(COMPANIES, {"size": ["1"], "page": page}).json()["companies"]
    ]
    assert len(rows) == len(WORLD.companies)
    low, high = sorted(r["revenue"] for r in rows)[3:9:5]
    answer = box.post(COMPANIES, {"min_revenue": low, "max_revenue": high}).json()["companies"]
    assert {r["domain"] for r in answer} == {r["domain"] for r in rows if low <= r["revenue"] <= high}


def test_a_company_is_meant_by_page_number_domain_or_name(box: Box) -> None:
    company = next(
        p.company for p in WORLD.people if p.seniority == "CXO" and p.company.index == ANNA.company.index
    )
    row = box.post(PEOPLE, {"company": [company.name], "seniority": ["CXO"]}).json()["profiles"]
    slugs = {r["li_vanity"] for r in row.values()}
    enriched = box.get("/v1/linkedin/enrich", profile=f"https://linkedin.com/in/{slugs.copy().pop()}").json()
    number = enriched["profile"]["company"]["linkedin_company_id"]
    page = "https://www.linkedin.com/company/"
    for query in (
        {"linkedin_url": f"{page}{company.slug}"},
        {"linkedin_url": f"{page}{number}"},
        {"domain": company.domain},
        {"name": company.name},
    ):
        deciders = box.get("/v1/people/decision-makers", **query).json()["profiles"].values()
        assert slugs <= {d["li_vanity"] for d in deciders}


def test_a_company_that_nobody_knows_has_no_decision_makers(box: Box) -> None:
    answer = box.get("/v1/people/decision-makers", domain="unheard-of.example").json()
    assert answer["profiles"] == [] and answer["metadata"]["total_results"] == 0
