"""Profiles as each endpoint answers them: key names, casing and types differ, as documented."""

from __future__ import annotations

from connectors.sandbox.contactout.careers import (
    certifications,
    detailed_experience,
    education,
    education_lines,
    experience,
    experience_lines,
    projects,
    publications,
)
from connectors.sandbox.contactout.companies import (
    IMAGES,
    company_brief,
    company_full,
    company_row,
    company_with_places,
)
from connectors.sandbox.contactout.contacts import emails_of, phones_of, work_status_map
from connectors.sandbox.contactout.facts import Facts, facts_of
from connectors.sandbox.population import Knowledge

Json = dict[str, object]


def _rest(known: Knowledge, facts: Facts, certificate_key: str) -> Json:
    """What is spelled the same in every profile."""
    return {
        "summary": f"Invented person with {facts.followers % 20 + 1} years in {known.subject.function}.",
        "skills": list(facts.skills),
        "languages": [{"name": n, "proficiency": p} for n, p in facts.languages],
        "certifications": certifications(facts, certificate_key),
        "publications": publications(facts, known.subject.full),
        "projects": projects(facts),
        "followers": facts.followers,
        "seniority": known.subject.seniority,
    }


def _headline(facts: Facts) -> str:
    return f"{facts.posts[0].title} at {facts.posts[0].company.name}"


def _location(known: Knowledge) -> str:
    return ", ".join(p for p in (known.subject.city, known.subject.country_name) if p)


def _picture(known: Knowledge) -> str:
    return f"{IMAGES}/profiles/{known.subject.index:08x}"


def enriched(seed: int, known: Knowledge, contacts: Json) -> Json:
    """A profile in snake_case with the contact keys that were asked for."""
    person, facts = known.subject, facts_of(seed, known)
    return {
        "url": person.linkedin_url,
        **contacts,
        "github": [facts.github] if facts.github else [],
        "twitter": [facts.twitter] if facts.twitter else [],
        "full_name": person.full,
        "headline": _headline(facts),
        "industry": known.company.industry,
        "company": company_full(seed, known.company),
        "location": _location(known),
        "country": person.country_name,
        "experience": experience(facts),
        "education": education(facts),
        **_rest(known, facts, "name"),
        "job_function": person.function,
        "work_status": "open_to_work" if facts.open_to_work else None,
        "profile_picture_url": _picture(known),
        "updated_at": facts.updated,
    }


def enriched_camel(seed: int, known: Knowledge, contacts: Json) -> Json:
    """A profile in camelCase, where what is a list elsewhere is one text."""
    person, facts = known.subject, facts_of(seed, known)
    return {
        **contacts,
        "fullName": person.full,
        "headline": _headline(facts),
        "industry": known.company.industry,
        "linkedinUrl": person.linkedin_url,
        "profilePictureUrl": _picture(known),
        "confidenceLevel": "",
        "altMatches": [],
        "twitter": facts.twitter,
        "github": facts.github,
        "company": company_with_places(seed, known.company),
        "location": _location(known),
        "experience": experience(facts),
        "education": education(facts),
        **_rest(known, facts, "title"),
        "jobFunction": person.function,
        "workStatus": "open_to_work" if facts.open_to_work else None,
        "updatedAt": facts.updated,
    }


def _contact_info(seed: int, known: Knowledge, reveal: bool) -> Json:
    return {
        "emails": emails_of(known) if reveal else [],
        "personal_emails": emails_of(known, work=False) if reveal else [],
        "work_emails": emails_of(known, personal=False) if reveal else [],
        "work_email_status": work_status_map(known) if reveal else [],
        "phones": phones_of(seed, known) if reveal else [],
    }


def availability(known: Knowledge) -> dict[str, bool]:
    """Which contacts the vendor has."""
    return {
        "personal_email": bool(known.personal_email),
        "work_email": bool(known.work_email),
        "phone": bool(known.phones),
    }


def search_row(
    seed: int, known: Knowledge, reveal: bool, posts_detailed: bool = False, schools_detailed: bool = False
) -> Json:
    """A profile in people search."""
    person, facts = known.subject, facts_of(seed, known)
    return {
        "li_vanity": person.slug,
        "full_name": person.full,
        "title": facts.posts[0].title,
        "headline": _headline(facts),
        "company": company_row(seed, known.company),
        "location": _location(known),
        "country": person.country_name,
        "industry": known.company.industry,
        "experience": detailed_experience(facts) if posts_detailed else experience_lines(facts),
        "education": education(facts, True) if schools_detailed else education_lines(facts),
        **_rest(known, facts, "name"),
        "updated_at": facts.updated,
        "profile_picture_url": _picture(known),
        "job_function": person.function,
        "work_status": "open_to_work" if facts.open_to_work else None,
        "contact_availability": availability(known),
        "contact_info": _contact_info(seed, known, reveal),
    }


_NOT_OF_DECISION_MAKERS = (
    "country", "summary", "languages", "certifications", "publications", "projects", "followers",
    "work_status",
)  # fmt: skip


def decision_maker(seed: int, known: Knowledge, reveal: bool) -> Json:
    """A profile among a company's decision makers: fewer keys, a smaller company."""
    row = search_row(seed, known, reveal)
    row["company"] = company_brief(seed, known.company)
    return {key: value for key, value in row.items() if key not in _NOT_OF_DECISION_MAKERS}
