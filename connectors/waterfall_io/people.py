"""People as Waterfall.io describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connectors.waterfall_io.shapes import bare_domain, loose, reshaped, text, texts, word
from syncd.model import (
    Candidate,
    Field,
    Identity,
    Quality,
    Value,
    fold,
    linkedin_company,
    linkedin_profile,
)

Words = Mapping[str, Quality]
WORDS: Words = MappingProxyType(
    {
        "safe": Quality.VERIFIED,
        "valid": Quality.VERIFIED,
        "deliverable": Quality.VERIFIED,
        "high": Quality.LIKELY,
        "risky": Quality.RISKY,
        "catch_all": Quality.RISKY,
        "accept_all": Quality.RISKY,
        "role": Quality.RISKY,
        "disposable": Quality.RISKY,
        "invalid": Quality.INVALID,
        "undeliverable": Quality.INVALID,
    }
)
"""The vendor documents `safe` and `high` alone; the others are what such words mean elsewhere."""
IGNORED = frozenset(
    {
        "company_id",
        "domain_age_days",
        "smtp_provider",
        "mx_record",
        "about",  # searches alone
    }
)
"""What is known of a person and has no field here."""
IGNORED_POSTS = frozenset({"location", "start_date", "end_month", "description", "company_linkedin_id"})
"""What is known of a post and has no use here."""
_EMPLOYMENT = frozenset(
    {
        Field.JOB_TITLE,
        Field.SENIORITY,
        Field.JOB_FUNCTION,
        Field.COMPANY_NAME,
        Field.COMPANY_DOMAIN,
        Field.COMPANY_LINKEDIN_URL,
    }
)
_NAMES = frozenset({"first_name", "last_name", "linkedin_id", "linkedin_url"})
PHONES = frozenset({"mobile_phone", "phone_numbers"})
_CHANNELS = PHONES | {"professional_email", "personal_email"}


@dataclass(frozen=True, slots=True)
class Post:
    """One post. `since` is (year, month), zero where it is not said."""

    title: str
    company: str
    domain: str
    page: str
    is_current: bool
    since: tuple[int, int]


def words_of(said: Words) -> Words:
    """How the vendor's words on an address are read: the operator's readings before the defaults."""
    return MappingProxyType({**WORDS, **{word(name): quality for name, quality in said.items()}})


def is_known(raw: Mapping[str, object]) -> bool:
    """Whether an answer names somebody: by a name, a profile, an address or a number.

    Raises:
        Failure: of kind contract, for an object that has none of the places where these would stand.
    """
    if raw and not raw.keys() & (_NAMES | _CHANNELS):
        raise reshaped("person")
    return any(text(raw.get(name)) for name in _NAMES) or any(
        texts(raw.get(name), name) for name in sorted(_CHANNELS)
    )


def numbers(raw: Mapping[str, object]) -> tuple[Value, ...]:
    """Every number once; the one under `mobile_phone` is known to be mobile, of the others nothing is said."""
    mobile = texts(raw.get("mobile_phone"), "mobile phone")
    known = frozenset(mobile)
    others = [n for n in texts(raw.get("phone_numbers"), "phone numbers") if n not in known]
    return tuple(Value(Field.MOBILE_PHONE, n) for n in mobile) + tuple(Value(Field.PHONE, n) for n in others)


def grade(raw: Mapping[str, object], words: Words) -> Quality:
    """What the vendor says of the professional address: its status, or else its confidence.

    A word that is not known is unverified, and so is any good word beside `email_verified: false`.
    """
    verified = raw.get("email_verified")
    said = word(raw.get("email_verified_status")) or word(raw.get("email_confidence"))
    if said:
        quality = words.get(said, Quality.UNVERIFIED)
    elif isinstance(verified, bool):
        quality = Quality.LIKELY if verified else Quality.UNVERIFIED
    else:
        quality = Quality.UNKNOWN
    return Quality.UNVERIFIED if verified is False and quality.satisfies(Quality.LIKELY) else quality


def person(raw: Mapping[str, object], words: Words, left: bool = False) -> Candidate:
    """One person with everything the answer says. Of one who `left`, the old employment is no value.

    Raises:
        Failure: of kind contract, for contact data in an unknown form.
    """
    held = _posts(raw.get("experiences"))
    facts = _facts(raw, held)
    work = texts(raw.get("professional_email"), "professional e-mail")
    personal = texts(raw.get("personal_email"), "personal e-mail")
    if left:
        facts = {field: value for field, value in facts.items() if field not in _EMPLOYMENT}
        work = ()
    values = [Value(field, value) for field, value in facts.items() if value]
    values += [Value(Field.WORK_EMAIL, address, grade(raw, words)) for address in work]
    values += [Value(Field.PERSONAL_EMAIL, address) for address in personal]
    employer, domain = facts.get(Field.COMPANY_NAME, ""), facts.get(Field.COMPANY_DOMAIN, "")
    past = [post for post in held if left or not post.is_current]
    who = Identity(
        full_name=facts[Field.FULL_NAME],
        first_name=facts[Field.FIRST_NAME],
        last_name=facts[Field.LAST_NAME],
        title=facts.get(Field.JOB_TITLE, ""),
        employer=employer,
        employer_domain=domain,
        past_employers=_others((post.company for post in past), employer),
        past_domains=_others((post.domain for post in past), domain),
        location=facts[Field.LOCATION],
        linkedin_url=facts[Field.LINKEDIN_URL],
        emails=tuple(dict.fromkeys((*work, *personal))),
    )
    return Candidate((*values, *numbers(raw)), who, provider_ref=text(raw.get("id")))


def _facts(raw: Mapping[str, object], held: tuple[Post, ...]) -> dict[Field, str]:
    company = text(raw.get("company_name"))
    post = _present(held, company)
    first, last = text(raw.get("first_name")), text(raw.get("last_name"))
    same = post if post and (not company or fold(post.company) == fold(company)) else None
    slug = text(raw.get("company_linkedin_id"))
    return {
        Field.FULL_NAME: f"{first} {last}".strip(),
        Field.FIRST_NAME: first,
        Field.LAST_NAME: last,
        Field.JOB_TITLE: text(raw.get("title")) or (same.title if same else ""),
        Field.SENIORITY: text(raw.get("seniority")),
        Field.JOB_FUNCTION: text(raw.get("department")),
        Field.LINKEDIN_URL: _profile(raw),
        Field.LOCATION: text(raw.get("location")),
        Field.COUNTRY: text(raw.get("country")),
        Field.COMPANY_NAME: company or (same.company if same else ""),
        Field.COMPANY_DOMAIN: bare_domain(text(raw.get("company_domain"))) or (same.domain if same else ""),
        Field.COMPANY_LINKEDIN_URL: company_page(slug) or (same.page if same else ""),
    }


def company_page(slug: str) -> str:
    """The page of a company by the last piece of its address, or ""."""
    return linkedin_company(f"https://www.linkedin.com/company/{slug}") if slug and "/" not in slug else ""


def _profile(raw: Mapping[str, object]) -> str:
    slug = text(raw.get("linkedin_id"))
    named = linkedin_profile(text(raw.get("linkedin_url")))
    return named or (linkedin_profile(f"https://www.linkedin.com/in/{slug}") if slug else "")


def _posts(experiences: object) -> tuple[Post, ...]:
    """The posts in the vendor's order; entries of an unknown form are left out."""
    items = experiences if isinstance(experiences, list) else []
    return tuple(_post(loose(item)) for item in items if loose(item))


def _post(said: Mapping[str, object]) -> Post:
    flag = said.get("is_current")
    ended = any(said.get(name) is not None for name in ("end_year", "end_date"))
    year, month = said.get("start_year"), said.get("start_month")
    return Post(
        title=text(said.get("title")),
        company=text(said.get("company_name")),
        domain=bare_domain(text(said.get("company_domain"))),
        page=linkedin_company(text(said.get("company_linkedin_url"))),
        is_current=flag if isinstance(flag, bool) else not ended,
        since=(year if isinstance(year, int) else 0, month if isinstance(month, int) else 0),
    )


def _present(held: tuple[Post, ...], employer: str) -> Post | None:
    """The present post: that at the named employer before others, then the latest begun."""
    current = [post for post in held if post.is_current]
    return max(current, key=lambda post: (fold(post.company) == fold(employer), post.since), default=None)


def _others(names: Iterable[str], present: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name and fold(name) != fold(present)))
