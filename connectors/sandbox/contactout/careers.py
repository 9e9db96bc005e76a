"""Posts, schools and merits of a profile, in the vendor's forms."""

from __future__ import annotations

from connectors.sandbox.contactout.companies import company_url, logo_of, place_of
from connectors.sandbox.contactout.facts import Facts, Post
from connectors.sandbox.population import slug

Json = dict[str, object]


def _span(post: Post) -> Json:
    return {
        "start_date_year": post.start.year,
        "start_date_month": post.start.month,
        "end_date_year": post.end.year if post.end else None,
        "end_date_month": post.end.month if post.end else None,
        "is_current": post.end is None,
    }


def _post(post: Post) -> Json:
    return {
        "title": post.title,
        "summary": "",
        "locality": place_of(post.company),
        "company_name": post.company.name,
        "linkedin_url": company_url(post.company),
    }


def experience(facts: Facts) -> list[object]:
    """The posts with their dates also as unpadded texts."""
    return [
        {"start_date": p.start.unpadded, "end_date": p.end.unpadded if p.end else None} | _post(p) | _span(p)
        for p in facts.posts
    ]


def detailed_experience(facts: Facts) -> list[object]:
    """The posts as detailed search shows them: no text dates, but a logo."""
    return [_post(p) | _span(p) | {"logo_url": logo_of(p.company)} for p in facts.posts]


def experience_lines(facts: Facts) -> list[object]:
    """The posts as sentences."""
    return [
        f"{p.title} at {p.company.name} in {p.start.year} - {p.end.year if p.end else 'Present'}"
        for p in facts.posts
    ]


def education(facts: Facts, detailed: bool = False) -> list[object]:
    """The schools; years are texts here. `detailed` is the form of detailed search."""
    entry: Json = {
        "field_of_study": facts.studied,
        "description": None,
        "start_date_year": str(facts.graduated - 3),
        "end_date_year": str(facts.graduated),
        "degree": facts.degree,
        "school_name": facts.school,
    }
    if detailed:
        entry["url"] = f"https://www.linkedin.com/school/{slug(facts.school)}/"
    return [entry]


def education_lines(facts: Facts) -> list[object]:
    """The schools as sentences."""
    return [f"{facts.degree} at {facts.school} in {facts.graduated - 3} - {facts.graduated}"]


def certifications(facts: Facts, name_key: str) -> list[object]:
    if not facts.certified:
        return []
    span = {"start_date_year": facts.certified, "start_date_month": 1}
    until = {"end_date_year": facts.certified + 6, "end_date_month": 1}
    issued = {"authority": "Invented Certification Board", "license": f"{facts.followers:08d}"}
    return [{name_key: f"Certificate in {facts.studied}"} | issued | span | until]


def publications(facts: Facts, author: str) -> list[object]:
    if not facts.published:
        return []
    paper: Json = {
        "url": f"https://papers.example/{facts.followers}",
        "title": f"Notes on {facts.studied}",
        "description": "An invented paper.",
        "publisher": "Papers Monthly",
        "authors": [author],
    }
    return [paper | {"published_on_year": facts.published, "published_on_month": 5, "published_on_day": 10}]


def projects(facts: Facts) -> list[object]:
    if not facts.project:
        return []
    span = {"start_date_year": facts.project, "start_date_month": 6}
    until = {"end_date_year": facts.project + 1, "end_date_month": 2}
    return [{"title": f"{facts.studied} programme", "description": "An invented project."} | span | until]
