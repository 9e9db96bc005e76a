"""People as ContactOut describes them, in all of its spellings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connectors.contactout.careers import Post, current_post, posts
from connectors.contactout.companies import company_values
from connectors.contactout.shapes import first, loose, moment, snake, table, text, texts
from syncd.model import Candidate, Field, Identity, Quality, Value, fold, linkedin_profile

_FIELDS: Mapping[str, Field] = MappingProxyType(
    {
        "full_name": Field.FULL_NAME,
        "headline": Field.HEADLINE,
        "seniority": Field.SENIORITY,
        "job_function": Field.JOB_FUNCTION,
        "location": Field.LOCATION,
        "country": Field.COUNTRY,
        "github": Field.GITHUB,
        "twitter": Field.TWITTER,
    }
)
IGNORED = frozenset(
    {
        "industry",  # the person's, not the company's
        "summary",
        "languages",
        "education",
        "skills",
        "certifications",
        "publications",
        "projects",
        "followers",
        "work_status",
        "profile_picture_url",
        "confidence_level",  # of no documented scale, blank in every example
        "alt_matches",
    }
)
"""What is known of a person and has no field here."""
IGNORED_CONTACTS = frozenset({"github"})
"""What a bare contact answer holds besides; as a reason to buy one it would be dearer than a profile."""
_PUBLIC_MAIL = re.compile(
    r"(?:(?:aol|fastmail|gmail|googlemail|hey|hotmail|icloud|live|mac|mail|me|msn|outlook|proton|protonmail|qq"
    r"|rocketmail|yahoo|yandex|ymail|zoho)\.com|(?:hotmail|live|yahoo)\.co\.uk|(?:hotmail|live|orange|yahoo)\.fr"
    r"|(?:gmx|t-online|web)\.de|gmx\.net|(?:mail|yandex)\.ru|(?:pm|proton)\.me)"
)
"""Domains at which people, not employers, hold addresses."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """Ways to reach a person. `emails` holds every address of the answer, `values` those worth keeping."""

    values: tuple[Value, ...]
    emails: tuple[str, ...]
    phones: tuple[str, ...]


def contacts(raw: Mapping[str, object], asked: str = "", unsorted: Field | None = None) -> Contacts:
    """The addresses and numbers of an object that holds them.

    An address that the vendor lists without saying of which kind it is counts as `unsorted`, or else by
    its domain; the address asked about is no news and is left out then. A single status stands for a
    single address only.
    """
    said = snake(raw)
    work = texts(_either(said, "work_email"), "work e-mail")
    personal = texts(_either(said, "personal_email"), "personal e-mail")
    every = texts(_either(said, "email"), "e-mail")
    phones = texts(_either(said, "phone"), "phone")
    known = {address.lower() for address in (*work, *personal, asked)}
    loose_ones = [address for address in every if address.lower() not in known]
    kinds = [(address, unsorted or _kind(address)) for address in loose_ones]
    work += tuple(address for address, kind in kinds if kind is Field.WORK_EMAIL)
    personal += tuple(address for address, kind in kinds if kind is Field.PERSONAL_EMAIL)
    status = said.get("work_email_status")
    values = [Value(Field.WORK_EMAIL, address, _grade(status, address, len(work))) for address in work]
    values += [Value(Field.PERSONAL_EMAIL, address) for address in personal]
    values += [Value(Field.PHONE, number) for number in phones]
    return Contacts(tuple(values), tuple(dict.fromkeys((*every, *work, *personal))), phones)


def _either(said: Mapping[str, object], name: str) -> object:
    """Under the singular name, as profiles have it, or the plural, as searches and jobs do."""
    value = said.get(name)
    return said.get(f"{name}s") if value is None else value


def _kind(address: str) -> Field:
    domain = address.lower().rpartition("@")[2]
    return Field.PERSONAL_EMAIL if _PUBLIC_MAIL.fullmatch(domain) else Field.WORK_EMAIL


def status_quality(status: object) -> Quality:
    """Verified or Unverified; unknown for null and any other word."""
    grades = {"verified": Quality.VERIFIED, "unverified": Quality.UNVERIFIED}
    return grades.get(text(status).lower(), Quality.UNKNOWN)


def _grade(status: object, address: str, count: int) -> Quality:
    if isinstance(status, dict):
        by_address = {str(name).strip().lower(): word for name, word in status.items()}
        return status_quality(by_address.get(address.lower()))
    return status_quality(first(status)) if count == 1 else Quality.UNKNOWN


def person(
    raw: Mapping[str, object], url: str = "", asked: str = "", unsorted: Field | None = None
) -> tuple[Candidate, Contacts]:
    """One person with everything the answer says, and how the person can be reached.

    `url` is the profile under which a map lists the person.
    """
    said = snake(raw)
    seen_at = moment(said.get("updated_at"))
    reach = contacts(
        table(said["contact_info"], "contact info") if "contact_info" in said else said, asked, unsorted
    )
    company = {value.field: value.value for value in company_values(loose(said.get("company")))}
    held = posts(said.get("experience"))
    post = current_post(held, company.get(Field.COMPANY_NAME, ""))
    if post and not company:
        company = {Field.COMPANY_NAME: post.company, Field.COMPANY_LINKEDIN_URL: post.page}
    profile = _profile_url(said, url)
    title = text(said.get("title")) or (post.title if post else "")
    facts = {field: first(said.get(name)) for name, field in _FIELDS.items()}
    facts |= {Field.JOB_TITLE: title, Field.LINKEDIN_URL: profile, **company}
    values = tuple(Value(field, value, as_of=seen_at) for field, value in facts.items() if value)
    employer = company.get(Field.COMPANY_NAME, "")
    who = Identity(
        full_name=facts[Field.FULL_NAME],
        title=title,
        employer=employer,
        employer_domain=company.get(Field.COMPANY_DOMAIN, ""),
        past_employers=_past(held, employer),
        location=facts[Field.LOCATION],
        linkedin_url=profile,
        emails=reach.emails,
    )
    held_back = _available(said.get("contact_availability"))
    return Candidate(values=values + reach.values, identity=who, available=held_back), reach


def _profile_url(said: Mapping[str, object], url: str) -> str:
    named = linkedin_profile(url) or linkedin_profile(
        first(said.get("url")) or first(said.get("linkedin_url"))
    )
    slug = text(said.get("li_vanity"))
    return named or (linkedin_profile(f"https://www.linkedin.com/in/{slug}") if slug else "")


def _past(held: tuple[Post, ...], employer: str) -> tuple[str, ...]:
    names = [p.company for p in held if p.company and not p.is_current and fold(p.company) != fold(employer)]
    return tuple(dict.fromkeys(names))


def _available(flags: object) -> Mapping[Field, bool]:
    """Which contact data the vendor holds for a row of a search, told without a charge for the data."""
    said = snake(loose(flags))
    named = {Field.WORK_EMAIL: "work_email", Field.PERSONAL_EMAIL: "personal_email", Field.PHONE: "phone"}
    known = {field: said.get(name) for field, name in named.items()}
    return MappingProxyType({field: flag for field, flag in known.items() if isinstance(flag, bool)})
