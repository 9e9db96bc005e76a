"""People and companies as the vendor's answers have them."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.population import Company, Dice, Knowledge, slug
from connectors.sandbox.resume import Post, posts_of
from connectors.sandbox.waterfall_io.directory import VENDOR, Directory, uuid_of

Json = dict[str, Any]
_COUNTRIES = {
    "US": "United States",
    "FR": "France",
    "GB": "United Kingdom",
    "DE": "Germany",
    "AU": "Australia",
}
_SENIORITIES = {"CXO": "C-Level", "Vice President": "VP", "Head": "Director", "Entry Level": "Entry"}
_MAIL = (("Google", "aspmx.l.google.example"), ("Microsoft", "mx.outlook.example"))
_SIZES = (10, 50, 200, 500, 1_000, 5_000)


def person_card(directory: Directory, known: Knowledge) -> Json:
    """The person without any address or number."""
    person, company = known.subject, known.company
    posts = posts_of(directory.seed, VENDOR, known)
    held = company == person.company
    return {
        "id": uuid_of("person", person.index),
        "first_name": person.first,
        "last_name": person.last,
        "linkedin_id": person.slug,
        "linkedin_url": f"{person.linkedin_url}/",
        "personal_email": None,
        "location": f"{person.city}, {person.country_name}",
        "country": person.country_name,
        "company_id": uuid_of("company", company.index),
        "company_linkedin_id": company.slug,
        "company_name": company.name,
        "company_domain": company.domain,
        "professional_email": None,
        "mobile_phone": None,
        "phone_numbers": [],
        "title": posts[0].title,
        "seniority": _SENIORITIES.get(person.seniority, person.seniority) if held else None,
        "department": person.function if held else None,
        "experiences": [_experience(post) for post in posts],
        "email_verified": None,
        "email_confidence": None,
        "email_verified_status": None,
        "domain_age_days": None,
        "smtp_provider": None,
        "mx_record": None,
    }


def _experience(post: Post) -> Json:
    start, end = post.since, post.until
    return {
        "title": post.title,
        "location": None,
        "company_name": post.company.name,
        "company_linkedin_id": post.company.slug,
        "company_linkedin_url": f"https://www.linkedin.com/company/{post.company.slug}/",
        "company_domain": post.company.domain,
        "start_year": start[0],
        "start_month": start[1],
        "start_date": None,
        "end_year": end[0] if end else None,
        "end_month": end[1] if end else None,
        "end_date": None,
        "is_current": end is None,
        "description": None,
    }


def work_address(directory: Directory, known: Knowledge) -> Json:
    """The work address with what the vendor thinks of it; nothing where it has none."""
    if not known.work_email:
        return {}
    person, company = known.subject, known.company
    local, dice = known.work_email.split("@")[0], Dice(directory.seed, VENDOR, "mail", person.index)
    if company != person.company:
        address, verdict = f"{local}@{person.past.domain}", (False, "low", "invalid")
    elif directory.accepts_all(company):
        guess = f"{slug(person.first)[:1]}{slug(person.last)}{person.index}@{company.domain}"
        address = guess if dice("guess") < 0.3 else known.work_email
        verdict = False, "medium", "catch_all"
    else:
        address = known.work_email
        verdict = (True, "high", "safe") if known.work_verified else (False, "low", "unknown")
    provider, record = mail_host(directory, company)
    names = ("email_verified", "email_confidence", "email_verified_status")
    return {
        "professional_email": address,
        **dict(zip(names, verdict, strict=True)),
        "smtp_provider": provider,
        "mx_record": record,
    }


def mail_host(directory: Directory, company: Company) -> tuple[str, str]:
    """Who receives a company's mail."""
    return _MAIL[Dice(directory.seed, VENDOR, "mail", company.index).pick("host", len(_MAIL))]


def numbers(directory: Directory, known: Knowledge) -> Json:
    """The mobile number and all numbers, E.164."""
    found = list(known.phones)
    mobile = next((n for n in found if n == known.subject.mobile), None)
    luck = Dice(directory.seed, VENDOR, "phones", known.subject.index)("sold as mobile")
    if found and luck < directory.options.landline_as_mobile:
        mobile = found[-1]
    return {"mobile_phone": mobile, "phone_numbers": found}


def company_card(directory: Directory, company: Company) -> Json:
    """The company as the enrichment answers it."""
    dice = Dice(directory.seed, VENDOR, "company", company.index)
    most = next((s for s in _SIZES if company.size <= s), None)
    least = max((s for s in _SIZES if s < company.size), default=0) + 1
    rounds = dice.pick("rounds", 4)
    return {
        "id": uuid_of("company", company.index),
        "domain": company.domain,
        "name": company.name,
        "website": f"https://www.{company.domain}",
        "linkedin_id": company.slug,
        "linkedin_url": f"https://www.linkedin.com/company/{company.slug}/",
        "linkedin_followers": dice.pick("followers", 20_000),
        "description": f"{company.name} is invented and trades in nothing.",
        "logo_url": None,
        "size": f"{least}-{most}" if most else "5001+",
        "employees_count": company.size,
        "industry": company.industry,
        "type": "Privately Held",
        "founded": company.founded,
        "address": company.city,
        "country": _COUNTRIES.get(company.country, company.country),
        "crunchbase_url": None,
        "funding_details": {
            "total_funding_rounds": rounds,
            "total_funding_usd": rounds * 1_500_000,
            "funding_rounds": [],
        },
        "recent_job_posting_count": dice.pick("openings", 12),
        "technologies": ["PostgreSQL", "Kafka"][: dice.pick("tools", 3)],
    }
