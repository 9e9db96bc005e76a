"""Every value that answers hold for a field, in the form in which it would be written, best first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from syncd.domain import registered
from syncd.model import (
    EMAIL_FIELDS,
    PHONE_FIELDS,
    Candidate,
    Field,
    Quality,
    Value,
    Verdict,
    email_address,
    linkedin_company,
    linkedin_profile,
)
from syncd.phone import e164, field_of
from syncd.phone import same as same_number
from syncd.plan import equal_text

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answered:
    """One candidate with everything that a decision may turn on. `order` is the place in the waterfall."""

    account: str
    operation: str
    lookup_id: int
    candidate: Candidate
    verdict: Verdict
    order: int = 0
    at: datetime = _EARLIEST


@dataclass(frozen=True, slots=True)
class Offer:
    """A value in the form in which it would be written, and where it comes from."""

    field: Field
    text: str
    quality: Quality
    source: Answered
    as_of: datetime
    agreed: int = 1
    """Providers that say the same."""


def offers(wanted: Field, answers: Sequence[Answered], region: str) -> list[Offer]:
    """Every value for a field, best first: by quality, agreement, freshness, order of the waterfall."""
    graded, phones = _grades(answers), wanted in PHONE_FIELDS
    found: list[Offer] = []
    for answer in answers:
        for value in answer.candidate.values:
            if value.field is wanted or (phones and value.field in PHONE_FIELDS):
                offer = _offer(wanted, value, answer, region, graded)
                if offer is not None:
                    found.append(offer)
    if len(found) < 2:
        return found
    voices: dict[str, set[str]] = {}
    for offer in found:
        voices.setdefault(_comparable(wanted, offer.text), set()).add(offer.source.account)
    agreed = [replace(o, agreed=len(voices[_comparable(wanted, o.text)])) for o in found]
    return sorted(
        agreed,
        key=lambda o: (
            -o.quality.rank,
            -o.agreed,
            -o.as_of.timestamp(),
            o.source.order,
            o.text,
            o.source.lookup_id,
            o.source.account,
        ),
    )


def _grades(answers: Sequence[Answered]) -> dict[tuple[str, str], Quality]:
    """Qualities told apart from the value: by (account or "", field or address)."""
    grades: dict[tuple[str, str], Quality] = {}
    for answer in answers:
        addresses = [a.strip().lower() for a in answer.candidate.identity.emails]
        for graded, quality in answer.candidate.graded.items():
            for address in addresses:
                grades["", address] = quality
            if not addresses:
                grades[answer.account, graded.value] = quality
    return grades


def _offer(
    wanted: Field, value: Value, answer: Answered, region: str, grades: Mapping[tuple[str, str], Quality]
) -> Offer | None:
    text = normal(value.field, value.value, region)
    if not text or value.quality is Quality.INVALID:
        return None
    quality: Quality = value.quality
    if wanted in PHONE_FIELDS and value.field in PHONE_FIELDS:
        judged = _as_phone(wanted, value, text)
        if judged is None:
            return None
        quality = judged
    if wanted in EMAIL_FIELDS:
        told = grades.get(("", text)) or grades.get((answer.account, wanted.value))
        if told is not None and quality in (Quality.UNKNOWN, Quality.UNVERIFIED, Quality.LIKELY):
            quality = told
        if quality is Quality.INVALID:
            return None
    return Offer(wanted, text, quality, answer, value.as_of or answer.at)


def _as_phone(wanted: Field, value: Value, number: str) -> Quality | None:
    """The quality of a number for the wanted kind, or None where it is of another kind.

    The numbering plan is believed over the vendor: a fixed line sold as mobile is none.
    """
    if wanted is Field.PHONE:
        return value.quality
    ranged = field_of(number)
    if ranged is not Field.PHONE:
        return value.quality if ranged is wanted else None
    return value.quality if value.field in (wanted, Field.PHONE) else None


@lru_cache(2048)
def normal(kind: Field, text: str, region: str) -> str:
    """The text in the one form in which it is written, or "" where it is no value of its kind."""
    plain = " ".join(text.replace("\u00a0", " ").split())
    if kind in EMAIL_FIELDS:
        return email_address(plain)
    if kind in PHONE_FIELDS:
        return e164(plain, region)
    if kind is Field.LINKEDIN_URL:
        return linkedin_profile(plain)
    if kind is Field.COMPANY_LINKEDIN_URL:
        return linkedin_company(plain)
    if kind is Field.COMPANY_DOMAIN:
        return registered(plain)
    return plain


def _comparable(kind: Field, text: str) -> str:
    return text if kind in PHONE_FIELDS else text.casefold()


def same_value(kind: Field, one: str, other: str, region: str) -> bool:
    """Whether two texts mean the same, so that writing one over the other changes nothing."""
    if equal_text(one, other):
        return True
    if kind in PHONE_FIELDS:
        return same_number(one, other, region)
    left, right = normal(kind, one, region), normal(kind, other, region)
    return bool(left) and left.casefold() == right.casefold()
