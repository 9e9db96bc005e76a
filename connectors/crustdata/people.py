"""People as Crustdata describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from connectors.crustdata.careers import Post, domain_of, meant, posts
from connectors.crustdata.shapes import Unreadable, items, loose, moment, number, section, text, texts
from syncd.model import EMAIL_FIELDS, Candidate, Field, Identity, Key, Quality, Value, fold, linkedin_profile

IGNORED = frozenset(
    {
        "crustdata_person_id",  # no operation asks by it
        "professional_network",
        "education",
        "skills",
        "dev_platform_profiles",
        "certifications",
        "honors",
        "metadata",
        "updated_at",
    }
)
"""Sections that are never asked for, or have no field here."""
IGNORED_BASICS = frozenset(
    {
        "professional_network_name",  # where there is no name
        "current_title",  # where no post has a title
        "summary",
        "profile_picture_permalink",
        "languages",
        "normalized_title",
    }
)
IGNORED_PLACE = frozenset({"full_location", "city", "state", "continent"})
IGNORED_CONTACTS = frozenset({"websites", "business_emails_message"})
IGNORED_FLAGS = frozenset({"has_business_email", "has_personal_email", "has_phone_number"})
"""What a search says of contact data in place of it: nothing of its quality, and of some of it only."""
_SECTIONS = frozenset({"crustdata_person_id", "basic_profile", "social_handles", "experience", "contact"})
_REACH = EMAIL_FIELDS | {Field.PHONE}
_GRADES: Mapping[str, Quality] = MappingProxyType(
    {
        "deliverable": Quality.VERIFIED,
        "catch_all": Quality.RISKY,
        "invalid": Quality.INVALID,
        "unknown": Quality.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True)
class Person:
    """A candidate, and of which kinds contact data came with the answer, asked for or not."""

    candidate: Candidate
    held: frozenset[Field]


def person(said: object, key: Key, wanted: Iterable[Field], similarity: object = None) -> Person:
    """One person, with the wanted fields alone.

    Raises:
        Unreadable: for anything that is not a person in the documented form.
    """
    data = section(said)
    if not data.keys() & _SECTIONS:
        raise Unreadable
    wanted = frozenset(wanted)
    reach = _contacts(section(data.get("contact"))) if wanted & _REACH else ()
    values, who = _profile(data, key)
    kept = tuple(value for value in (*values, *reach) if value.field in wanted)
    candidate = Candidate(values=kept, identity=_with_emails(who, kept), similarity=_score(similarity))
    return Person(candidate, frozenset(value.field for value in reach))


def contacts_of_job(said: Mapping[str, object], wanted: Iterable[Field]) -> Person:
    """The contact data of a line of a batch job, which has names of its own for them."""
    info = section(said.get("personal_contact_info"))
    if not said.keys() & {"business_email", "personal_contact_info"}:
        raise Unreadable
    reach = _contacts(
        {
            "business_emails": said.get("business_email"),
            "personal_emails": info.get("personal_emails"),
            "phone_numbers": info.get("phone_numbers"),
        }
    )
    wanted = frozenset(wanted)
    kept = tuple(value for value in reach if value.field in wanted)
    candidate = Candidate(values=kept, identity=_with_emails(Identity(), kept))
    return Person(candidate, frozenset(value.field for value in reach))


def _with_emails(who: Identity, kept: Iterable[Value]) -> Identity:
    return replace(who, emails=tuple(v.value for v in kept if v.field in EMAIL_FIELDS))


def _profile(data: Mapping[str, object], key: Key) -> tuple[tuple[Value, ...], Identity]:
    basics = section(data.get("basic_profile"))
    handles = section(data.get("social_handles"))
    employment = section(data.get("experience")).get("employment_details")
    current, past = posts(employment, "current"), posts(employment, "past")
    post = meant(current, key)
    place = _place(basics.get("location"))
    profile = linkedin_profile(_handle(handles, "professional_network_identifier", "profile_url"))
    facts = {
        Field.FULL_NAME: text(basics.get("name")) or text(basics.get("professional_network_name")),
        Field.FIRST_NAME: text(basics.get("first_name")),
        Field.LAST_NAME: text(basics.get("last_name")),
        Field.HEADLINE: text(basics.get("headline")),
        Field.JOB_TITLE: post.title or text(basics.get("current_title")),
        Field.LOCATION: text(place.get("raw")) or text(place.get("full_location")),
        Field.COUNTRY: text(place.get("country")),
        Field.LINKEDIN_URL: profile,
        Field.TWITTER: _handle(handles, "twitter_identifier", "slug"),
        Field.GITHUB: _handle(handles, "dev_platform_identifier", "profile_url"),
        **_employer(post, key),
    }
    seen_at = moment(basics.get("last_updated"))
    values = tuple(Value(field, value, as_of=seen_at) for field, value in facts.items() if value)
    others = [p for p in (*current, *past) if fold(p.company) != fold(post.company)]
    who = Identity(
        full_name=facts[Field.FULL_NAME],
        first_name=facts[Field.FIRST_NAME],
        last_name=facts[Field.LAST_NAME],
        title=facts[Field.JOB_TITLE],
        employer=post.company,
        employer_domain=facts[Field.COMPANY_DOMAIN],
        past_employers=tuple(dict.fromkeys(p.company for p in others if p.company)),
        past_domains=tuple(dict.fromkeys(domain for p in others for domain in p.domains)),
        location=facts[Field.LOCATION],
        linkedin_url=profile,
    )
    return values, who


def _employer(post: Post, key: Key) -> dict[Field, str]:
    return {
        Field.SENIORITY: post.seniority,
        Field.JOB_FUNCTION: post.function,
        Field.COMPANY_NAME: post.company,
        Field.COMPANY_DOMAIN: domain_of(post, key),
        Field.COMPANY_WEBSITE: post.website,
        Field.COMPANY_LINKEDIN_URL: post.page,
        Field.COMPANY_INDUSTRY: post.industry,
        Field.COMPANY_SIZE: post.size,
        Field.COMPANY_TYPE: post.kind,
        Field.COMPANY_COUNTRY: post.country,
        Field.COMPANY_HEADQUARTERS: post.seat,
    }


def _place(said: object) -> Mapping[str, object]:
    return {"raw": said} if isinstance(said, str) else section(said)


def _handle(handles: Mapping[str, object], network: str, name: str) -> str:
    return text(loose(handles.get(network)).get(name))


def _score(said: object) -> float | None:
    score = number(said)
    return float(score) if score is not None and 0 <= score <= 1 else None


def _contacts(said: Mapping[str, object]) -> tuple[Value, ...]:
    """Addresses with their status; numbers, of which nothing more is said than the number."""
    found = [_email(Field.WORK_EMAIL, item) for item in items(said.get("business_emails"))]
    found += [_email(Field.PERSONAL_EMAIL, item) for item in items(said.get("personal_emails"))]
    found += [Value(Field.PHONE, phone) for phone in texts(said.get("phone_numbers"))]
    return tuple({(v.field, v.value): v for v in reversed(found) if v.value}.values())[::-1]


def _email(field: Field, item: object) -> Value:
    if isinstance(item, str) or item is None:
        return Value(field, text(item))
    entry = section(item)
    if "email" not in entry:
        raise Unreadable
    return Value(field, text(entry["email"]), _GRADES.get(text(entry.get("status")).lower(), Quality.UNKNOWN))
