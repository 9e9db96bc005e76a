"""A person's posts, and which of several present ones is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connectors.crustdata.shapes import bare_domain, items, loose, section, text, texts
from syncd.model import Key, KeyKind, fold, linkedin_company

IGNORED = frozenset(
    {
        "description",
        "employment_type",
        "end_date",
        "position_id",
        "crustdata_company_id",
        "professional_network_id",
        "company_industries",  # where company_professional_network_industry is blank
        "company_status",
        "company_headcount_range",  # where company_headcount_latest is blank
        "company_hq_location_address_components",
        "company_profile_picture_permalink",
        "location",
        "years_at_company",
        "years_at_company_raw",
        "business_email_verified",
    }
)
"""What is known of a post and has no use here, or only where something better is missing."""


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `domains` are the employer's, `began` sorts by the start."""

    company: str = ""
    title: str = ""
    seniority: str = ""
    function: str = ""
    domains: tuple[str, ...] = ()
    website: str = ""
    page: str = ""
    industry: str = ""
    size: str = ""
    kind: str = ""
    country: str = ""
    seat: str = ""
    is_default: bool = False
    began: str = ""


def posts(employment: object, when: str) -> tuple[Post, ...]:
    """The `current` or `past` posts, in the vendor's order; some answers hold one post in place of a list.

    Raises:
        Unreadable: for posts of an unknown form.
    """
    return tuple(_post(section(item)) for item in items(section(employment).get(when)))


def _post(said: Mapping[str, object]) -> Post:
    website = text(said.get("company_website"))
    named = (bare_domain(name) for name in texts(said.get("company_website_domain")))
    domains = tuple(dict.fromkeys(filter(None, named))) or tuple(filter(None, (bare_domain(website),)))
    industries = texts(said.get("company_industries"))
    return Post(
        company=text(said.get("name")),
        title=text(said.get("title")),
        seniority=text(said.get("seniority_level")),
        function=text(said.get("function_category")),
        domains=domains,
        website=website,
        page=linkedin_company(text(said.get("company_professional_network_profile_url"))),
        industry=text(said.get("company_professional_network_industry")) or next(iter(industries), ""),
        size=text(said.get("company_headcount_latest")) or text(said.get("company_headcount_range")),
        kind=text(said.get("company_type")),
        country=text(said.get("company_headquarters_country")),
        seat=_seat(said.get("company_hq_location")),
        is_default=said.get("is_default") is True,
        began=text(said.get("start_date")),
    )


def _seat(said: object) -> str:
    return text(said) or text(loose(said).get("raw"))


def meant(held: Iterable[Post], key: Key) -> Post:
    """The present post at the employer that was asked by, else the person's default one, else the latest."""
    domain = bare_domain(key.get("domain") or key.get("email").rpartition("@")[2])
    company = fold(key.get("company")) if key.kind is KeyKind.NAME_COMPANY else ""

    def rank(post: Post) -> tuple[bool, bool, str]:
        asked = (bool(domain) and domain in post.domains) or (bool(company) and fold(post.company) == company)
        return asked, post.is_default, post.began

    return max(held, key=rank, default=Post())


def domain_of(post: Post, key: Key) -> str:
    """The employer's domain: the one asked by, where it is the employer's, or the first."""
    asked = bare_domain(key.get("domain") or key.get("email").rpartition("@")[2])
    return asked if asked in post.domains else next(iter(post.domains), "")
