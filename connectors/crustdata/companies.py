"""Companies as Crustdata describes them."""

from __future__ import annotations

from connectors.crustdata.shapes import Unreadable, bare_domain, section, text, texts
from syncd.model import Candidate, Field, Identity, Key, Value, linkedin_company

IGNORED = frozenset(
    {
        "crustdata_company_id",
        "funding",
        "revenue",  # an estimated range, which is no figure
        "social_profiles",
        "followers",
        "competitors",
        "hiring",
        "news",
        "people",
        "technographics",
    }
)
"""Sections that are never asked for, or have no field here."""
IGNORED_BASICS = frozenset(
    {
        "professional_network_id",
        "description",
        "employee_count_range",  # where there is no headcount
        "markets",
        "industries",  # where there is no taxonomy
        "logo_permalink",
    }
)
IGNORED_DETAILS = frozenset(
    {"growth_percent", "street_address", "categories", "professional_network_specialities"}
)
_SECTIONS = frozenset({"crustdata_company_id", "basic_info", "headcount", "locations", "taxonomy"})


def company(said: object, key: Key, similarity: float | None) -> Candidate:
    """One company.

    Raises:
        Unreadable: for anything that is not a company in the documented form.
    """
    data = section(said)
    if not data.keys() & _SECTIONS:
        raise Unreadable
    basics, headcount = section(data.get("basic_info")), section(data.get("headcount"))
    places, taxonomy = section(data.get("locations")), section(data.get("taxonomy"))
    primary = bare_domain(text(basics.get("primary_domain")))
    asked = bare_domain(key.get("domain"))
    held = {bare_domain(name) for name in texts(basics.get("all_domains"))}
    facts = {
        Field.COMPANY_NAME: text(basics.get("name")),
        Field.COMPANY_DOMAIN: primary,
        Field.COMPANY_WEBSITE: text(basics.get("website")),
        Field.COMPANY_LINKEDIN_URL: linkedin_company(text(basics.get("professional_network_url"))),
        Field.COMPANY_FOUNDED: text(basics.get("year_founded")),
        Field.COMPANY_TYPE: text(basics.get("company_type")),
        Field.COMPANY_SIZE: text(headcount.get("total")) or text(basics.get("employee_count_range")),
        Field.COMPANY_INDUSTRY: text(taxonomy.get("professional_network_industry"))
        or next(iter(texts(basics.get("industries"))), ""),
        Field.COMPANY_COUNTRY: text(places.get("country")),
        Field.COMPANY_HEADQUARTERS: text(places.get("headquarters")),
    }
    who = Identity(
        employer=facts[Field.COMPANY_NAME], employer_domain=asked if asked and asked in held else primary
    )
    return Candidate(
        values=tuple(Value(field, value) for field, value in facts.items() if value),
        identity=who,
        similarity=similarity,
        about_company=True,
    )
