"""Companies as RocketReach describes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.rocketreach.shapes import bare_domain, listed, part, profile_id, reshaped, text
from syncd.connector import Operation
from syncd.model import Candidate, Charge, Field, Found, Identity, NotFound, Outcome, Value, linkedin_company

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field.COMPANY_NAME,
        "num_employees": Field.COMPANY_SIZE,
        "revenue": Field.COMPANY_REVENUE,
        "year_founded": Field.COMPANY_FOUNDED,
    }
)
READ = frozenset(_FIELDS) | {
    "id",
    "domain",
    "website_domain",
    "links",
    "address",
    "industry",
    "industries",
}
IGNORED = frozenset(
    {
        "email_domain",
        "ticker_symbol",
        "phone",
        "fax",
        "funding_investors",
        "industry_keywords",
        "sic_codes",
        "naics_codes",
        "techstack",
        "competitors",
        "departments",
        "company_growth",
        "rr_profile_url",
        "description",
    }
)
"""What is known of a company and has no field here."""


def company(operation: Operation, row: Mapping[str, object]) -> Outcome:
    """The company, for one credit where anything is told of it.

    Raises:
        Failure: of kind contract, for an answer without any documented word.
    """
    if not (READ - {"id"}) & row.keys():
        raise reshaped("company")
    address = part(row.get("address"), "address")
    domain = bare_domain(text(row.get("domain")) or text(row.get("website_domain")))
    website = text(row.get("website_domain"))
    facts = {field: text(row.get(name)) for name, field in _FIELDS.items()}
    facts |= {
        Field.COMPANY_DOMAIN: domain,
        Field.COMPANY_WEBSITE: f"https://{bare_domain(website)}" if website else "",
        Field.COMPANY_LINKEDIN_URL: linkedin_company(text(part(row.get("links"), "links").get("linkedin"))),
        Field.COMPANY_INDUSTRY: text(row.get("industry"))
        or next(map(text, listed(row.get("industries"))), ""),
        Field.COMPANY_COUNTRY: text(address.get("country")) or text(address.get("country_code")),
        Field.COMPANY_HEADQUARTERS: _seat(address),
    }
    values = tuple(Value(field, said) for field, said in facts.items() if said and field in operation.returns)
    # Any word about the company is charged, also one that is of no use here.
    charge = Charge({price.kind: price.amount for price in operation.prices})
    if not values:
        return NotFound(charge)
    who = Identity(employer=facts[Field.COMPANY_NAME], employer_domain=domain)
    found = Candidate(values, who, profile_id(row), about_company=True)
    return Found((found,), charge)


def _seat(address: Mapping[str, object]) -> str:
    parts = [text(address.get(name)) for name in ("city", "region", "country")]
    return text(address.get("description")) or ", ".join(part for part in parts if part)
