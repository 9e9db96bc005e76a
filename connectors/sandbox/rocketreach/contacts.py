"""Addresses and numbers as the vendor grades them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.sandbox.population import Dice, Knowledge, slug
from connectors.sandbox.rocketreach.directory import VENDOR, Directory

Json = dict[str, object]
SEARCHABLE = ("A", "A-", "B")
PAID = ("A", "A-")
_CALLING_CODES = re.compile(r"^\+(1|33|44|49|61)(\d+)$")
_CHECKED_FROM = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Address:
    """One e-mail address. `kind` is professional, personal, role-based or disposable."""

    email: str
    kind: str
    smtp: str | None
    grade: str
    checked: str | None

    def shown(self) -> Json:
        """The address as an answer lists it."""
        return {
            "email": self.email,
            "smtp_valid": self.smtp,
            "type": self.kind,
            "last_validation_check": self.checked,
            "grade": self.grade,
        }


@dataclass(frozen=True, slots=True)
class Phone:
    """One number, E.164."""

    number: str
    kind: str
    grade: str
    extension: str | None
    checked: str


def addresses(directory: Directory, known: Knowledge) -> list[Address]:
    """Every address of a profile, the best grade of each kind first."""
    dice = Dice(directory.seed, VENDOR, "contacts", known.subject.index)
    found = []
    if known.work_email:
        found.append(_professional(directory, known, dice))
    if known.personal_email:
        good = dice("personal") < 0.8
        grade, smtp = ("A-", "valid") if good else ("B", "unknown")
        found.append(Address(known.personal_email, "personal", smtp, grade, _checked(dice, "personal")))
    if dice("odd") < directory.options.odd_emails:
        found.append(_odd(known, dice))
    return _preferred(found, directory.options.email_preference)


def _preferred(found: list[Address], preference: str) -> list[Address]:
    if preference == "any":
        return found
    return [a for a in found if (a.kind == "personal") == (preference == "personal")]


def _professional(directory: Directory, known: Knowledge, dice: Dice) -> Address:
    person, address = known.subject, known.work_email
    local = address.split("@")[0]
    if known.company != person.company:
        gone = dice("gone") < 0.5
        old = f"{local}@{person.past.domain}"
        smtp, grade = ("invalid", "F") if gone else ("unknown", "B")
        return Address(old, "professional", smtp, grade, _checked(dice, "work"))
    if directory.accepts_all(known.company):
        guess = f"{slug(person.first)[:1]}{slug(person.last)}{person.index}@{known.company.domain}"
        shown = guess if dice("guess") < 0.3 else address
        return Address(shown, "professional", "accept-all", "B", _checked(dice, "work"))
    if known.work_verified:
        grade = "A" if dice("grade") < 0.7 else "A-"
        return Address(address, "professional", "valid", grade, _checked(dice, "work"))
    never = dice("never") < 0.3
    return Address(
        address,
        "professional",
        None if never else "unknown",
        "B",
        None if never else _checked(dice, "work"),
    )


def _odd(known: Knowledge, dice: Dice) -> Address:
    if dice("disposable") < 0.5:
        local = f"{slug(known.subject.first)}{known.subject.index}"
        return Address(f"{local}@throwaway.example", "disposable", "unknown", "B", None)
    return Address(f"info@{known.company.domain}", "role-based", "valid", "B", _checked(dice, "role"))


def cached(directory: Directory, known: Knowledge) -> list[Address]:
    """What the vendor had before it searched: the same addresses unverified, half of the work ones old."""
    dice = Dice(directory.seed, VENDOR, "cached", known.subject.index)
    before = known.subject.past.domain
    rows = []
    for address in addresses(directory, known):
        old = address.kind == "professional" and dice("old") < 0.5
        email = f"{address.email.split('@')[0]}@{before}" if old else address.email
        rows.append(Address(email, address.kind, "unknown", "B", _checked(dice, address.kind)))
    return rows


def phones(directory: Directory, known: Knowledge) -> list[Phone]:
    """Every number of a profile, the best first."""
    dice = Dice(directory.seed, VENDOR, "phones", known.subject.index)
    found = []
    for number in known.phones:
        luck = dice(f"grade {number}")
        grade = "A" if luck < 0.6 else "A-" if luck < 0.85 else "B"
        kind, extension = "mobile", None
        if number != known.subject.mobile:
            kind = "direct dial" if dice("line") < 0.5 else "landline"
            extension = str(10 + known.subject.index % 90) if kind == "direct dial" else None
            if dice("sold as mobile") < directory.options.landline_as_mobile:
                kind, grade, extension = "mobile", "A", None
        found.append(Phone(number, kind, grade, extension, _checked(dice, number, bare=0)))
    return sorted(found, key=lambda phone: SEARCHABLE.index(phone.grade))


def shown_phones(directory: Directory, found: list[Phone]) -> list[Json]:
    """The numbers as an answer lists them; the best is the recommended one."""
    rows: list[Json] = []
    for at, phone in enumerate(found):
        code, rest = _split(phone.number)
        row: Json = {
            "number": f"+{code} {rest[:3]}-{rest[3:-4]}-{rest[-4:]}".replace("--", "-"),
            "e164": phone.number,
            "country_code": code,
            "extension": phone.extension,
            "type": phone.kind,
            "grade": phone.grade,
            "validity": "unknown" if phone.grade == "B" else "valid",
            "recommended": at == 0,
        }
        if at == 0:
            row |= {"premium": True, "last_checked": phone.checked}
        if directory.options.phones_without_grade:
            del row["grade"]
        rows.append(row)
    return rows


def recommended(found: list[Address]) -> Json:
    """The five single addresses of an answer, each null where there is none fit for it."""
    fit = [a for a in found if a.kind in ("professional", "personal") and a.grade in SEARCHABLE]
    best = sorted(fit, key=lambda a: SEARCHABLE.index(a.grade))
    first = best[0].email if best else None
    work = next((a.email for a in best if a.kind == "professional"), None)
    personal = next((a.email for a in best if a.kind == "personal"), None)
    return {
        "recommended_email": first,
        "recommended_professional_email": work,
        "recommended_personal_email": personal,
        "current_work_email": work,
        "current_personal_email": personal,
    }


def _split(number: str) -> tuple[str, str]:
    found = _CALLING_CODES.match(number)
    return (found[1], found[2]) if found else (number[1:3], number[3:])


def _checked(dice: Dice, name: str, bare: float = 0.1) -> str:
    """When an address was last verified; now and then only the date, as older answers have it."""
    at = _CHECKED_FROM + timedelta(hours=dice.pick(f"checked {name}", 24 * 160))
    return f"{at:%Y-%m-%d}" if dice(f"bare {name}") < bare else f"{at:%Y-%m-%dT%H:%M:%SZ}"
