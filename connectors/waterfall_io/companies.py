"""Companies as Waterfall.io describes them in an enrichment."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connectors.waterfall_io.people import company_page
from connectors.waterfall_io.shapes import bare_domain, reshaped, text
from syncd.model import Candidate, Field, Value, linkedin_company

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field.COMPANY_NAME,
        "website": Field.COMPANY_WEBSITE,
        "industry": Field.COMPANY_INDUSTRY,
        "type": Field.COMPANY_TYPE,
        "founded": Field.COMPANY_FOUNDED,
        "country": Field.COMPANY_COUNTRY,
        "address": Field.COMPANY_HEADQUARTERS,
    }
)
IGNORED = frozenset(
    {
        "linkedin_followers",
        "description",
        "logo_url",
        "crunchbase_url",
        "funding_details",
        "recent_job_posting_count",
        "technologies",
    }
)
"""What is known of a company and has no field here."""
_NAMES = frozenset({"name", "domain", "linkedin_id", "linkedin_url", "website"})


def is_known(raw: Mapping[str, object]) -> bool:
    """Whether an answer names a company.

    Raises:
        Failure: of kind contract, for an object that has none of the places where a name would stand.
    """
    if raw and not raw.keys() & _NAMES:
        raise reshaped("company")
    return any(text(raw.get(name)) for name in _NAMES)


def company(raw: Mapping[str, object]) -> Candidate:
    """One company with everything the answer says; blank fields are left out."""
    said = {field: text(raw.get(name)) for name, field in _FIELDS.items()}
    said[Field.COMPANY_DOMAIN] = bare_domain(text(raw.get("domain")))
    said[Field.COMPANY_SIZE] = text(raw.get("size")) or text(raw.get("employees_count"))
    said[Field.COMPANY_LINKEDIN_URL] = linkedin_company(text(raw.get("linkedin_url"))) or company_page(
        text(raw.get("linkedin_id"))
    )
    values = tuple(Value(field, value) for field, value in said.items() if value)
    return Candidate(values, provider_ref=text(raw.get("id")), about_company=True)
