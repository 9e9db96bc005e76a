"""Companies as the lookup and the search answer them."""

from __future__ import annotations

from connectors.sandbox.population import Company, Dice
from connectors.sandbox.rocketreach.directory import VENDOR, Directory, company_id

Json = dict[str, object]
COUNTRIES = {
    "US": "United States",
    "FR": "France",
    "GB": "United Kingdom",
    "DE": "Germany",
    "AU": "Australia",
}
REGIONS = {
    "San Francisco": ("California", "CA", 37.77, -122.42),
    "Denver": ("Colorado", "CO", 39.74, -104.99),
    "Lyon": ("Auvergne-Rhône-Alpes", "ARA", 45.76, 4.84),
    "Leeds": ("England", "ENG", 53.8, -1.55),
    "Berlin": ("Berlin", "BE", 52.52, 13.4),
    "Sydney": ("New South Wales", "NSW", -33.87, 151.21),
}
_DEPARTMENTS = ("Sales", "Engineering", "Finance", "Marketing", "Operations", "Human Resources")
_TOOLS = ("Python", "PostgreSQL", "Kubernetes", "React", "Kafka", "Snowflake")


def page(company: Company) -> str:
    """The company's page at LinkedIn."""
    return f"https://www.linkedin.com/company/{company.slug}"


def short_company(company: Company) -> Json:
    """The company beside a profile."""
    return {
        "id": company_id(company),
        "name": company.name,
        "domain": company.domain,
        "email_domain": company.domain,
        "website_domain": company.domain,
        "ticker_symbol": None,
        "links": {"linkedin": page(company)},
        "year_founded": company.founded,
        "address": _address(company),
        "phone": _switchboard(company),
        "fax": None,
        "num_employees": company.size,
        "revenue": company.size * 120_000,
        "industry": company.industry,
        "description": f"{company.name} is invented and trades in nothing.",
    }


def full_company(directory: Directory, company: Company) -> Json:
    """The answer of the company lookup."""
    dice = Dice(directory.seed, VENDOR, "company", company.index)
    others = directory.population.companies
    rival = others[(company.index + 1) % len(others)].name
    share = company.size // len(_DEPARTMENTS)
    start = dice.pick("tools", len(_TOOLS))
    return short_company(company) | {
        "funding_investors": [],
        "industries": [company.industry],
        "industry_keywords": company.industry.lower().split(),
        "sic_codes": [7000 + company.index % 100],
        "naics_codes": [540000 + company.index % 1000],
        "techstack": [_TOOLS[(start + n) % len(_TOOLS)] for n in range(2)],
        "competitors": [rival] if dice("rivals") < 0.7 else None,
        "departments": dict.fromkeys(_DEPARTMENTS, share),
        "company_growth": [{"year": 2026, "quarter": 2, "values": [company.size - 3, company.size]}],
        "rr_profile_url": f"https://rocketreach.example/company/{company_id(company)}",
    }


def found_company(company: Company, universal: bool) -> Json:
    """A row of the company search."""
    place = REGIONS.get(company.city)
    row: Json = {
        "id": company_id(company),
        "name": company.name,
        "email_domain": company.domain,
        "ticker_symbol": None,
        "industry_str": company.industry,
        "city": company.city,
        "region": place[0] if place else None,
        "country_code": company.country,
    }
    return row | ({"linkedin_url": page(company), "logo_url": None} if universal else {})


def _address(company: Company) -> Json:
    place = REGIONS.get(company.city)
    return {
        "description": f"1 Invented Street, {company.city}",
        "street": "1 Invented Street",
        "city": company.city,
        "region": place[0] if place else None,
        "region_code": place[1] if place else None,
        "postal_code": f"{10_000 + company.index % 90_000}",
        "country": COUNTRIES.get(company.country, company.country),
        "country_code": company.country,
    }


def _switchboard(company: Company) -> str:
    """A number that nobody has: the range that the United States keep for fiction."""
    return f"+1 202-555-01{company.index % 100:02d}"
