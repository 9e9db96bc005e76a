"""Endpoints whose switches make them several operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from syncd.model import EMAIL_FIELDS, Field


@dataclass(frozen=True, slots=True)
class Contact:
    """The switches of `/v1/people/linkedin`. A blank `email_type` is not sent: both kinds come back."""

    email_type: str
    phone: bool
    emails: frozenset[Field]


PERSON: Mapping[str, tuple[Field, ...]] = MappingProxyType(
    {
        "person": (),
        "person_work": (Field.WORK_EMAIL,),
        "person_personal": (Field.PERSONAL_EMAIL,),
        "person_phone": (Field.PHONE,),
        "person_work_phone": (Field.WORK_EMAIL, Field.PHONE),
        "person_all": (Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE),
    }
)
"""What `/v1/people/enrich` is told to include; the field names are the vendor's own words."""

CONTACT: Mapping[str, Contact] = MappingProxyType(
    {
        "contact_work": Contact("work", False, frozenset({Field.WORK_EMAIL})),
        "contact_personal": Contact("personal", False, frozenset({Field.PERSONAL_EMAIL})),
        "contact_any": Contact("", False, EMAIL_FIELDS),
        "contact_phone": Contact("none", True, frozenset()),
        "contact_work_phone": Contact("work", True, frozenset({Field.WORK_EMAIL})),
        "contact_personal_phone": Contact("personal", True, frozenset({Field.PERSONAL_EMAIL})),
        "contact_any_phone": Contact("", True, EMAIL_FIELDS),
    }
)
