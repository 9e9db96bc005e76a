"""Addresses and numbers of a profile: of which kind they are and how far RocketReach vouches for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connectors.rocketreach.shapes import bare_domain, listed, moment, one, reshaped, text, word
from syncd.model import EMAIL_FIELDS, Field, Quality, Value, email_address

_EMAIL_TYPES: Mapping[str, Field] = MappingProxyType(
    {
        "professional": Field.WORK_EMAIL,
        "role based": Field.WORK_EMAIL,
        "personal": Field.PERSONAL_EMAIL,
        "disposable": Field.PERSONAL_EMAIL,
    }
)
_SPECIALS: Mapping[str, Field] = MappingProxyType(
    {
        "recommended_professional_email": Field.WORK_EMAIL,
        "current_work_email": Field.WORK_EMAIL,
        "recommended_personal_email": Field.PERSONAL_EMAIL,
        "current_personal_email": Field.PERSONAL_EMAIL,
    }
)
"""Single addresses beside the list, which tell the kind of one that the list leaves open."""
SPECIALS = frozenset(_SPECIALS) | {"recommended_email"}

_PHONE_TYPES: Mapping[str, Field] = MappingProxyType(
    {
        "mobile": Field.MOBILE_PHONE,
        "direct dial": Field.DIRECT_PHONE,
        "direct": Field.DIRECT_PHONE,
        "landline": Field.DIRECT_PHONE,
        "office": Field.DIRECT_PHONE,
    }
)
IGNORED = frozenset({"premium", "extension"})
"""Of a number: a mark that the vendor has given up, and what a plain number has no place for."""
_WRONG_KIND = frozenset({"office", "home"})
_GRADES: Mapping[str, Quality] = MappingProxyType(
    {"A": Quality.VERIFIED, "A-": Quality.LIKELY, "B": Quality.UNVERIFIED, "F": Quality.INVALID}
)
_BILLED_GRADES = ("B", "F")
"""An address of these grades alone costs nothing; a grade that is missing or new may have cost."""


@dataclass(frozen=True, slots=True)
class Email:
    """One address. `field` None means that the vendor does not tell of which kind it is."""

    address: str
    field: Field | None
    value: Value | None
    graded_low: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """Every address and number of a profile, the recommended ones first."""

    emails: tuple[Email, ...]
    phones: tuple[Value, ...]
    numbers: int
    """How many numbers the vendor returned, those that are of no use included."""
    valid_numbers: int
    """How many of them it calls valid, or says nothing of."""

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(e.value for e in self.emails if e.value is not None) + self.phones


def reach_of(row: Mapping[str, object], sold: frozenset[Field]) -> Reach:
    """What a finished look-up brought. `sold` are the fields that were asked for: a single kind of address
    among them is the kind of those of which the vendor does not tell it.

    Raises:
        Failure: of kind contract, for entries that cannot be read: they may have been charged.
    """
    asked = sold & EMAIL_FIELDS
    emails = [_email(row, entry, asked) for entry in listed(row.get("emails"))]
    known = {email.address.lower() for email in emails if email}
    for name, field in _SPECIALS.items():
        address = text(row.get(name))
        if email_address(address) and address.lower() not in known:
            known.add(address.lower())
            emails.append(Email(address, field, Value(field, address), graded_low=False))
    first = {text(row.get(name)).lower() for name in _SPECIALS if name.startswith("recommended")}
    found = sorted((e for e in emails if e), key=lambda e: e.address.lower() not in first)
    numbers = [entry for entry in listed(row.get("phones")) if entry is not None]
    rated = sorted((p for p in map(_phone, numbers) if p), key=lambda p: not p[0])
    doubtful = sum(isinstance(n, dict) and word(n.get("validity")) not in ("", "valid") for n in numbers)
    return Reach(tuple(found), tuple(value for _, value in rated), len(numbers), len(numbers) - doubtful)


def _email(row: Mapping[str, object], raw: object, asked: frozenset[Field]) -> Email | None:
    """None for an entry without address."""
    entry: Mapping[str, object] = {"email": raw} if isinstance(raw, str) else _entry(raw, "e-mails", "email")
    address = text(entry.get("email"))
    if not address:
        return None
    grade = text(entry.get("grade")).upper()
    field = _EMAIL_TYPES.get(word(entry.get("type"))) or _placed(row, address, asked)
    quality = email_quality(grade, word(entry.get("smtp_valid")), word(entry.get("type")))
    as_of = moment(entry.get("last_validation_check"))
    value = Value(field, address, quality, as_of) if field else None
    return Email(address, field, value, graded_low=grade in _BILLED_GRADES)


def _entry(raw: object, what: str, name: str) -> Mapping[str, object]:
    plain = one(raw)
    if plain is None:
        return {}
    if isinstance(plain, dict) and name in plain:
        return plain
    raise reshaped(what)


def _placed(row: Mapping[str, object], address: str, asked: frozenset[Field]) -> Field | None:
    """The kind of an address of which the list does not tell it; an employer's domain makes it a work address."""
    for name, field in _SPECIALS.items():
        if text(row.get(name)).lower() == address.lower():
            return field
    if len(asked) == 1:
        return next(iter(asked))
    employer = bare_domain(text(row.get("current_employer_domain")))
    domain = address.lower().rpartition("@")[2]
    return Field.WORK_EMAIL if employer and (domain == employer or domain.endswith(f".{employer}")) else None


def email_quality(grade: str, smtp: str, kind: str) -> Quality:
    """How far an address is vouched for, by its grade, the mail server's answer and its kind.

    Where both say something, the less favourable counts, but that a server's yes lifts any grade to likely.
    B alone is an address that works three times in four, and so is as risky as one behind a server that
    takes everything.
    """
    if grade == "F" or smtp == "invalid":
        return Quality.INVALID
    if kind in ("disposable", "role based") or smtp == "accept all":
        return Quality.RISKY
    if smtp == "valid":
        return Quality.LIKELY if grade == "B" else Quality.VERIFIED
    if grade == "B":
        return Quality.RISKY
    if grade in ("A", "A-"):
        return Quality.VERIFIED if grade == "A" and smtp != "unknown" else Quality.LIKELY
    return Quality.UNVERIFIED if smtp == "unknown" else Quality.UNKNOWN


def _phone(raw: object) -> tuple[bool, Value] | None:
    """Whether a number is recommended, and the number; None for a fax and for an entry without number."""
    entry: Mapping[str, object]
    if isinstance(raw, str):
        entry = {"number": raw}
    else:
        entry = _entry(raw, "phones", "e164" if isinstance(raw, dict) and "e164" in raw else "number")
    number = text(entry.get("e164")) or text(entry.get("number"))
    kind = word(entry.get("type"))
    if not number or kind == "fax":
        return None
    quality = _phone_quality(entry)
    if kind in _WRONG_KIND and quality.rank > Quality.RISKY.rank:
        quality = Quality.RISKY
    value = Value(_PHONE_TYPES.get(kind, Field.PHONE), number, quality, moment(entry.get("last_checked")))
    return entry.get("recommended") is True, value


def _phone_quality(entry: Mapping[str, object]) -> Quality:
    """By the grade; older answers have none and say only whether the number is valid, not whose it is."""
    grade = text(entry.get("grade")).upper()
    if grade in _GRADES:
        return _GRADES[grade]
    validity = {"valid": Quality.LIKELY, "invalid": Quality.INVALID}
    return validity.get(word(entry.get("validity")), Quality.UNKNOWN)
