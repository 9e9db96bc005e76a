"""Companies in each of the vendor's forms. Keys and types differ between endpoints, as documented."""

from __future__ import annotations

from connectors.sandbox.contactout.directory import company_number
from connectors.sandbox.population import Company, Dice

Json = dict[str, object]
COUNTRY_NAMES = {
    "AU": "Australia",
    "DE": "Germany",
    "FR": "France",
    "GB": "United Kingdom",
    "US": "United States",
}
IMAGES = "https://images.contactout.example"


def _dice(seed: int, company: Company) -> Dice:
    return Dice(seed, "contactout", "company", company.index)


def _kind(seed: int, company: Company) -> str:
    return "Public Company" if _dice(seed, company)("public") < 0.2 else "Privately Held"


def revenue_of(seed: int, company: Company) -> int:
    """Dollars a year."""
    return max(1, company.size) * (50_000 + _dice(seed, company).pick("revenue", 200) * 1_000)


def place_of(company: Company) -> str:
    """City and country."""
    return ", ".join(p for p in (company.city, COUNTRY_NAMES.get(company.country, company.country)) if p)


def _overview(company: Company) -> str:
    return f"{company.name} is an invented company in the field of {company.industry.lower()}."


def _specialties(company: Company) -> list[str]:
    return [company.industry, "Planning", "Wholesale"][: 1 + company.index % 3]


def logo_of(company: Company) -> str:
    """Where the logo would be."""
    return f"{IMAGES}/companies/{company.index:08x}"


def company_row(seed: int, company: Company) -> Json:
    """A company as people search shows it, with places as texts."""
    return {
        "name": company.name,
        "url": company_url(company),
        "domain": company.domain,
        "email_domain": company.domain,
        "overview": _overview(company),
        "type": _kind(seed, company),
        "size": company.size,
        "country": COUNTRY_NAMES.get(company.country, company.country),
        "revenue": revenue_of(seed, company),
        "founded_at": company.founded,
        "industry": company.industry,
        "headquarter": place_of(company),
        "website": f"http://www.{company.domain}",
        "logo_url": logo_of(company),
        "specialties": _specialties(company),
        "locations": [f"{1 + company.index} Invented Street, {place_of(company)}"],
    }


def company_url(company: Company) -> str:
    """The company's page."""
    return f"https://www.linkedin.com/company/{company.slug}"


def company_full(seed: int, company: Company) -> Json:
    """A company in an enriched profile: with its LinkedIn number."""
    return company_row(seed, company) | {"linkedin_company_id": company_number(company)}


def company_with_places(seed: int, company: Company) -> Json:
    """A company in the answer to an address: places are objects."""
    place = {
        "city": company.city,
        "line1": f"{1 + company.index} Invented Street",
        "line2": "",
        "state": "",
        "country": COUNTRY_NAMES.get(company.country, company.country),
        "postalCode": f"{10_000 + company.index}",
        "description": "Headquarters",
    }
    return company_full(seed, company) | {"locations": [place]}


def company_brief(seed: int, company: Company) -> Json:
    """A company beside a decision maker."""
    full = company_row(seed, company)
    keys = ("name", "website", "domain", "email_domain", "headquarter", "size", "revenue", "industry")
    return {key: full[key] for key in keys}


def company_by_domain(seed: int, company: Company) -> Json:
    """A company in the answer to a domain: full page URL, revenue as a text in millions."""
    full = company_row(seed, company)
    keys = ("name", "domain", "website", "logo_url", "type", "headquarter", "country", "size", "founded_at")
    return {
        "li_vanity": full["url"],
        **{key: full[key] for key in keys},
        "description": full["overview"],
        "locations": [place_of(company)],
        "industry": company.industry,
        "specialties": full["specialties"],
        "revenue": f"${revenue_of(seed, company) / 1e6:.1f}M",
    }


def company_found(seed: int, company: Company) -> Json:
    """A company in the answer of company search."""
    return company_row(seed, company) | {"location": place_of(company), "locations": [place_of(company)]}
