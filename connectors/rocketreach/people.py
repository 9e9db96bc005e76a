"""People as RocketReach describes them, in look-ups, status reads and searches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from connectors.rocketreach.reach import SPECIALS, Reach
from connectors.rocketreach.shapes import bare_domain, listed, moment, one, part, parts, profile_id, text
from syncd.model import Candidate, Field, Identity, Value, fold, linkedin_company, linkedin_profile

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "name": Field.FULL_NAME,
        "current_title": Field.JOB_TITLE,
        "current_employer": Field.COMPANY_NAME,
        "current_employer_website": Field.COMPANY_WEBSITE,
        "current_employer_industry": Field.COMPANY_INDUSTRY,
    }
)
_LINKS: Mapping[str, Field] = MappingProxyType({"twitter": Field.TWITTER, "github": Field.GITHUB})
READ = (
    frozenset(_FIELDS)
    | SPECIALS
    | {
        "id",
        "status",
        "linkedin_url",
        "linkedin_url_active",
        "links",
        "location",
        "city",
        "region",
        "country",
        "country_code",
        "current_employer_domain",
        "current_employer_linkedin_url",
        "emails",
        "phones",
        "job_history",
    }
)
IGNORED = frozenset(
    {
        "profile_pic",
        "connections",
        "region_latitude",
        "region_longitude",
        "current_employer_id",
        "education",
        "skills",
        "birth_year",
        "npi_data",
        "tags",
        "return_cached_emails",  # read before the end only, when nothing is taken over
        "profile_list",
        "metadata",
        # of rows of a search: what the vendor holds is known from its cache alone
        "teaser",
        "update_time",
    }
)
"""What is known of a person and has no field here."""
_DETAILS = ("job_history", "education", "skills", "links")


def is_profile(row: Mapping[str, object]) -> bool:
    """Whether a row says anything about a person in the documented words."""
    return bool((READ - {"id", "status"}) & row.keys())


def has_details(row: Mapping[str, object]) -> bool:
    """Whether a row holds what the detailed profile is bought for."""
    return any(listed(row.get(name)) for name in _DETAILS)


def person(row: Mapping[str, object], reach: Reach) -> Candidate:
    """One person with everything that the row says.

    Raises:
        Failure: of kind contract, for a part that cannot be read.
    """
    post, past = _career(row)
    seen_at = moment(post.get("last_updated"))
    domain = bare_domain(text(row.get("current_employer_domain")))
    location = text(row.get("location")) or _place(row)
    profile = linkedin_profile(text(row.get("linkedin_url"))) or linkedin_profile(
        text(part(row.get("links"), "links").get("linkedin"))
    )
    facts = {field: text(row.get(name)) for name, field in _FIELDS.items()}
    facts |= {
        # A profile that was gone at the last look still tells whom the vendor means.
        Field.LINKEDIN_URL: "" if one(row.get("linkedin_url_active")) is False else profile,
        Field.LOCATION: location,
        Field.COUNTRY: text(row.get("country")) or text(row.get("country_code")),
        Field.COMPANY_DOMAIN: domain,
        Field.COMPANY_LINKEDIN_URL: linkedin_company(text(row.get("current_employer_linkedin_url"))),
        Field.SENIORITY: text(post.get("highest_level")),
        Field.JOB_FUNCTION: text(post.get("department")),
        **_links(row),
    }
    who = Identity(
        full_name=facts[Field.FULL_NAME],
        title=facts[Field.JOB_TITLE],
        employer=facts[Field.COMPANY_NAME],
        employer_domain=domain,
        past_employers=past,
        location=location,
        linkedin_url=profile,
        emails=tuple(dict.fromkeys(email.address for email in reach.emails)),
    )
    return Candidate(_values(facts, seen_at) + reach.values, who, profile_id(row))


_OF_POST = frozenset({Field.JOB_TITLE, Field.COMPANY_NAME, Field.SENIORITY, Field.JOB_FUNCTION})


def _values(facts: Mapping[Field, str], seen_at: datetime | None) -> tuple[Value, ...]:
    return tuple(
        Value(field, said, as_of=seen_at if field in _OF_POST else None)
        for field, said in facts.items()
        if said
    )


def _links(row: Mapping[str, object]) -> dict[Field, str]:
    links = {str(name).lower(): text(url) for name, url in part(row.get("links"), "links").items()}
    return {field: links.get(name, "") for name, field in _LINKS.items()}


def _place(row: Mapping[str, object]) -> str:
    parts = (text(row.get(name)) for name in ("city", "region", "country"))
    return ", ".join(part for part in parts if part)


def _career(row: Mapping[str, object]) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """The present post at the present employer, and the employers before it."""
    posts = parts(row.get("job_history"), "job history")
    employer = fold(text(row.get("current_employer")))
    present = [p for p in posts if _is_current(p) and fold(_company(p)) == employer and employer]
    names = [_company(p) for p in posts if not _is_current(p)]
    past = [name for name in names if name and fold(name) != employer]
    return (present[0] if present else {}), tuple(dict.fromkeys(past))


def _is_current(post: Mapping[str, object]) -> bool:
    flag = one(post.get("is_current"))
    return flag if isinstance(flag, bool) else text(post.get("end_date")).lower() in ("", "present")


def _company(post: Mapping[str, object]) -> str:
    return text(post.get("company_name")) or text(post.get("company"))
