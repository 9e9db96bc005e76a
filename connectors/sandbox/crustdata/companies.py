"""Companies: whom an identifier means, and `company_data`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.sandbox.crustdata import facts, prices
from connectors.sandbox.crustdata.account import Line
from connectors.sandbox.crustdata.calls import URLS, Call
from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.fields import COMPANY, project, read_fields, sections_of, tree_of
from connectors.sandbox.crustdata.refusals import Json
from connectors.sandbox.population import Company, plain

IDENTIFIERS = ("domains", "names", "crustdata_company_ids", URLS)
MATCH_TYPES = {
    "domains": "domain",
    "names": "name",
    "crustdata_company_ids": "crustdata_company_id",
    URLS: "professional_network_profile_url",
}
MOST = 25


def bare_domain(text: str) -> str:
    """A domain without scheme, `www.` and path."""
    host = re.sub(r"^[a-z]+://", "", text.strip().lower())
    return re.split(r"[/:?#]", host, maxsplit=1)[0].removeprefix("www.")


def knows(directory: Directory, company: Company) -> bool:
    """Whether the vendor has a page on a company."""
    return bool(company.name) and directory.dice("page", company.index)("known") < 0.95


def find(directory: Directory, kind: str, asked: str, exact: bool) -> list[tuple[float, Company]]:
    """The companies that an identifier may mean, best first; inexact ones unless told otherwise."""
    companies = directory.population.companies
    scored: Iterable[tuple[float, Company]]
    if kind == "crustdata_company_ids":
        scored = [(1.0, c) for c in companies if str(facts.company_id(c)) == asked]
    elif kind == URLS:
        page = re.search(r"linkedin\.com/company/([^/?#\s]+)", asked.lower())
        scored = [(1.0, c) for c in companies if page and c.slug == page[1]]
    elif kind == "domains":
        domain = bare_domain(asked)
        own = directory.population.by_domain.get(domain)
        scored = [(1.0, own)] if own else []
        if own and not exact and directory.dice("domain", own.index)("several") < 0.2:
            stem = domain.split(".")[0].rstrip("0123456789")
            near = [c for c in companies if c is not own and c.domain.startswith(stem)]
            scored = [*scored, *((0.6, c) for c in near[:2])]
    else:
        name = plain(asked)
        scored = [(1.0, c) for c in companies if plain(c.name) == name]
        if not exact:
            near = [c for c in companies if plain(c.name).startswith(f"{name} ")]
            scored = [*scored, *((0.7, c) for c in near[:3])]
    return [(score, c) for score, c in scored if knows(directory, c)]


def _basic_info(company: Company) -> Json:
    return {
        "name": company.name,
        "primary_domain": company.domain,
        "all_domains": [company.domain] if company.domain else [],
        "website": f"https://{company.domain}" if company.domain else "",
        "professional_network_url": facts.company_page(company),
        "professional_network_id": str(90_000_000 + company.index),
        "year_founded": company.founded or None,
        "description": f"{company.name} is an invented company.",
        "company_type": "Privately Held",
        "employee_count_range": facts.headcount_range(company.size),
        "markets": ["PRIVATE"],
        "industries": [company.industry] if company.industry else [],
        "logo_permalink": f"{facts.IMAGES}/companies/{company.index}.jpg",
    }


def _money(company: Company) -> Json:
    revenue = max(1, company.size) * 100_000
    return {
        "funding": {
            "total_investment_usd": revenue // 4,
            "last_round_amount_usd": revenue // 8,
            "last_fundraise_date": "2023-06-01",
            "last_round_type": "series_a",
            "investors": ["Invented Capital"],
        },
        "revenue": {
            "estimated": {"lower_bound_usd": revenue, "upper_bound_usd": revenue * 2},
            "public_markets": {},
        },
    }


def company_data(directory: Directory, company: Company) -> Json:
    """Every section of a company."""
    dice = directory.dice("company", company.index)
    industry = [company.industry] if company.industry else []
    growth = {span: round(dice(span) * 20 - 5, 2) for span in ("1m", "3m", "6m", "12m")}
    return {
        "crustdata_company_id": facts.company_id(company),
        "basic_info": _basic_info(company),
        "headcount": {"total": company.size, "growth_percent": growth},
        **_money(company),
        "locations": {
            "country": facts.iso3(company.country),
            "state": facts.STATES.get(company.city),
            "city": company.city,
            "headquarters": facts.place(company.city, company.country)["raw"],
            "street_address": f"{1 + company.index} Invented Street",
        },
        "taxonomy": {
            "professional_network_industry": company.industry,
            "professional_network_specialities": industry,
            "categories": industry,
        },
        "social_profiles": {"professional_network_url": facts.company_page(company)},
        "followers": {"count": dice.pick("followers", 50_000)},
        "competitors": {"websites": []},
        "hiring": {"openings_count": dice.pick("openings", 40)},
        "news": [],
        "people": {"decision_makers": []},
        "technographics": {"technologies": ["Invented CRM"]},
    }


def shown(directory: Directory, company: Company, fields: tuple[str, ...]) -> Json:
    """What the whitelist leaves of a company; its id is always there."""
    left = project(company_data(directory, company), tree_of((*fields, "crustdata_company_id")))
    assert isinstance(left, dict)
    return left


def entry(
    kind: str, asked: str, found: list[tuple[float, Company]], call: Call, fields: tuple[str, ...]
) -> Json:
    """The answer about one identifier."""
    given: object = int(asked) if kind == "crustdata_company_ids" else asked
    matches = [
        {"confidence_score": score, "company_data": shown(call.directory, company, fields)}
        for score, company in found
    ]
    return {"matched_on": given, "match_type": MATCH_TYPES[kind], "matches": matches}


def lines(fields: tuple[str, ...]) -> list[Line]:
    """What one company costs."""
    extra = [("technographics", prices.TECHNOGRAPHICS)] if "technographics" in sections_of(fields) else []
    return [("company", prices.COMPANY), *extra]


def reference(company: Company) -> str:
    """How the books name a company."""
    return f"company:{company.index}"


async def enrich(call: Call) -> object:
    """POST /company/enrich: paid for each company returned."""
    kind, identifiers = call.identifiers(IDENTIFIERS, MOST)
    exact = call.flag("exact_match")
    fields = read_fields(call.body, COMPANY, ("basic_info",), call.knobs.denied, deep=True)
    price = prices.total(lines(fields))
    call.till.need(price * len(identifiers))
    rows = []
    for asked in identifiers:
        found = find(call.directory, kind, asked, exact)
        for _, company in found:
            call.till.take(reference(company), lines(fields))
        rows.append(entry(kind, asked, found, call, fields))
    return {"results": rows} if call.knobs.results_envelope else rows


async def identify(call: Call) -> object:
    """POST /company/identify: free, and only the basic facts."""
    kind, identifiers = call.identifiers(IDENTIFIERS, MOST)
    gated = tuple(f for f in COMPANY if f not in ("crustdata_company_id", "basic_info"))
    fields = read_fields(call.body, COMPANY, ("basic_info",), gated, deep=True)
    exact = call.flag("exact_match")
    return [
        entry(kind, asked, find(call.directory, kind, asked, exact), call, fields) for asked in identifiers
    ]
