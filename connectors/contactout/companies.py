"""Companies as ContactOut describes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from connectors.contactout.shapes import bare_domain, loose, reshaped, snake, table, text
from syncd.model import (
    Candidate,
    Charge,
    Field,
    Found,
    Lookup,
    NotFound,
    Outcome,
    Unresolved,
    Value,
    fold,
    linkedin_company,
)

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field.COMPANY_NAME,
        "website": Field.COMPANY_WEBSITE,
        "industry": Field.COMPANY_INDUSTRY,
        "size": Field.COMPANY_SIZE,
        "country": Field.COMPANY_COUNTRY,
        "headquarter": Field.COMPANY_HEADQUARTERS,
        "founded_at": Field.COMPANY_FOUNDED,
        "type": Field.COMPANY_TYPE,
    }
)
IGNORED = frozenset(
    {
        "linkedin_company_id",
        "email_domain",
        "overview",
        "description",
        "logo_url",
        "specialties",
        "locations",
        "location",
    }
)
"""What is known of a company and has no field here."""
_MONEY = re.compile(r"\$?\s*(\d[\d,]{0,24}(?:\.\d{1,24})?)\s*([KMBT]?)\+?", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def company_values(raw: Mapping[str, object], as_of: datetime | None = None) -> tuple[Value, ...]:
    """The company's fields; blank ones are left out."""
    company = snake(raw)
    said = {field: text(company.get(name)) for name, field in _FIELDS.items()}
    said[Field.COMPANY_DOMAIN] = bare_domain(text(company.get("domain")))
    said[Field.COMPANY_LINKEDIN_URL] = _page(company)
    said[Field.COMPANY_REVENUE] = _dollars(text(company.get("revenue")))
    return tuple(Value(field, value, as_of=as_of) for field, value in said.items() if value)


def _page(company: Mapping[str, object]) -> str:
    """The LinkedIn page: under `url`, or under `li_vanity` as a URL or as its last piece."""
    url = text(company.get("url")) or text(company.get("li_vanity"))
    if url and "/" not in url:
        url = f"https://www.linkedin.com/company/{url}"
    return linkedin_company(url)


def _dollars(revenue: str) -> str:
    """A whole number of dollars; some answers hold an int, others text such as `$5.4M`."""
    money = _MONEY.fullmatch(revenue)
    if money is None:
        return revenue
    amount = Decimal(money[1].replace(",", "")) * _UNITS[money[2].upper()]
    return str(int(amount))


def _candidate(raw: Mapping[str, object]) -> Candidate:
    return Candidate(values=company_values(raw), about_company=True)


def by_domain(lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """One outcome per domain asked about. The vendor leaves out the domains that it does not know.

    A company that answers none of the domains may be a missing one under another name: then nothing is
    said about those that are missing.
    """
    rows = _domain_rows(body.get("companies"))
    inner = {bare_domain(text(snake(row).get("domain"))): row for _, row in rows}
    outer = {bare_domain(name): row for name, row in rows}
    asked = [bare_domain(lookup.key["domain"]) for lookup in lookups]
    answers = [(inner.get(domain) or outer.get(domain)) if domain else None for domain in asked]
    stray = any(not any(row is answer for answer in answers) for _, row in rows)
    missing: Outcome = (
        Unresolved("the answer speaks of another domain", Charge.none()) if stray else NotFound()
    )
    return [Found((_candidate(row),), Charge.none()) if row else missing for row in answers]


def _domain_rows(companies: object) -> list[tuple[str, Mapping[str, object]]]:
    """Pairs of domain and company, from a list of one-entry objects or from one object."""
    if not isinstance(companies, dict | list):
        raise reshaped("companies")
    maps = companies if isinstance(companies, list) else [companies]
    rows: list[tuple[str, Mapping[str, object]]] = []
    for item in maps:
        if not isinstance(item, dict) or not all(isinstance(row, dict | list) for row in item.values()):
            raise reshaped("companies")
        rows += [(str(name), table(row, "company")) for name, row in item.items() if row]
    return rows


def by_name(lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """Every company of the answer, those of exactly that name first. One search credit each."""
    companies = body.get("companies")
    if not isinstance(companies, list) or not all(isinstance(row, dict) for row in companies):
        raise reshaped("companies")
    if not companies:
        return [NotFound()]
    wanted = fold(lookups[0].key["company_name"])
    rows = sorted(companies, key=lambda row: fold(text(loose(row).get("name"))) != wanted)
    return [Found(tuple(_candidate(row) for row in rows), Charge.of(search=len(rows)))]
