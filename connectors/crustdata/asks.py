"""What each operation sends: where to, for which parts of an answer, by which kinds of key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from syncd.model import EMAIL_FIELDS, Field, KeyKind

TIERS: Mapping[Field, tuple[str, Decimal]] = MappingProxyType(
    {
        Field.WORK_EMAIL: ("contact.business_emails", Decimal(1)),
        Field.PERSONAL_EMAIL: ("contact.personal_emails", Decimal(2)),
        Field.PHONE: ("contact.phone_numbers", Decimal(2)),
    }
)
"""Contact data, as requests name them and at what price."""
COMBINATIONS: Mapping[str, frozenset[Field]] = MappingProxyType(
    {
        "contact_work": frozenset({Field.WORK_EMAIL}),
        "contact_personal": frozenset({Field.PERSONAL_EMAIL}),
        "contact_phone": frozenset({Field.PHONE}),
        "contact_emails": EMAIL_FIELDS,
        "contact_work_phone": frozenset({Field.WORK_EMAIL, Field.PHONE}),
        "contact_personal_phone": frozenset({Field.PERSONAL_EMAIL, Field.PHONE}),
        "contact_all": frozenset(TIERS),
    }
)
IDENTIFY = MappingProxyType(
    {
        "company_by_domain": KeyKind.DOMAIN,
        "company_by_name": KeyKind.COMPANY_NAME,
        "company_by_page": KeyKind.COMPANY_LINKEDIN_URL,
    }
)
ENRICH = MappingProxyType(
    {
        "company_enrich_domain": KeyKind.DOMAIN,
        "company_enrich_page": KeyKind.COMPANY_LINKEDIN_URL,
    }
)


_PERSON = "/person/enrich"
_CONTACT = "/person/contact/enrich"
_LIVE = "/person/professional_network/enrich/live"
_SEARCH = "/person/search"
_IDENTIFY = "/company/identify"
_COMPANY = "/company/enrich"
_PERSON_JOB = "/batch/person/enrich"
_CONTACT_JOB = "/batch/person/contact/enrich"
_SECTIONS = ("basic_profile", "social_handles", "experience")
_COMPANY_SECTIONS = ("basic_info", "headcount", "locations", "taxonomy")
_JOB_FIELDS = {
    Field.WORK_EMAIL: "business_email",
    Field.PERSONAL_EMAIL: "personal_contact_info.personal_emails",
    Field.PHONE: "personal_contact_info.phone_numbers",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """Where a row is asked and for which parts of an answer. `opens` are the parts it exists for."""

    path: str
    fields: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()


_WORK = TIERS[Field.WORK_EMAIL][0]


def _contact_ask(fields: Iterable[Field]) -> Ask:
    named = tuple(name for f, (name, _) in TIERS.items() if f in fields)
    return Ask(_CONTACT, named, named)


def _contact_job_ask(fields: Iterable[Field]) -> Ask:
    named = tuple(name for f, name in _JOB_FIELDS.items() if f in fields)
    return Ask(_CONTACT_JOB, named, named)


ASKS: Mapping[str, Ask] = MappingProxyType(
    {
        "profile": Ask(_PERSON, _SECTIONS, _SECTIONS[:1]),
        "profile_work": Ask(_PERSON, (*_SECTIONS, _WORK), (_WORK,)),
        "email_profile": Ask(_PERSON, _SECTIONS, _SECTIONS[:1]),
        "email_profile_work": Ask(_PERSON, (*_SECTIONS, _WORK), (_WORK,)),
        "live": Ask(_LIVE, _SECTIONS, _SECTIONS[:1]),
        "search": Ask(_SEARCH, _SECTIONS, _SECTIONS[:1]),
        **{name: _contact_ask(fields) for name, fields in COMBINATIONS.items()},
        "batch_profile": Ask(_PERSON_JOB, _SECTIONS, _SECTIONS[:1]),
        **{f"batch_{name}": _contact_job_ask(fields) for name, fields in COMBINATIONS.items()},
        **dict.fromkeys(IDENTIFY, Ask(_IDENTIFY)),
        **dict.fromkeys(ENRICH, Ask(_COMPANY, _COMPANY_SECTIONS, _COMPANY_SECTIONS[:1])),
    }
)
