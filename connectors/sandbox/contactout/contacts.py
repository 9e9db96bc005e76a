"""Contacts as the vendor spells them: addresses with their status, numbers tidy and untidy."""

from __future__ import annotations

import re

from connectors.sandbox.contactout.facts import github_name
from connectors.sandbox.population import Dice, Knowledge

Json = dict[str, object]
_CALLING_CODES = re.compile(r"^\+(1|33|44|49|61)(\d+)$")


def php_map(content: Json) -> Json | list[object]:
    """The map, or an empty list where it is empty: the vendor's encoder knows no empty map."""
    return content or []


def emails_of(known: Knowledge, work: bool = True, personal: bool = True) -> list[str]:
    """The addresses of the wanted kinds, the work address first."""
    return [a for a, wanted in ((known.work_email, work), (known.personal_email, personal)) if a and wanted]


def phones_of(seed: int, known: Knowledge) -> list[str]:
    """The numbers, one in ten with blanks in it."""
    untidy = Dice(seed, "contactout", "spelling", known.subject.index)("phones") < 0.1
    return [_spaced(number) if untidy else number for number in known.phones]


def phone_scalar(seed: int, known: Knowledge) -> str:
    """The first number, every other with a leading blank and a dot behind the calling code; or blank."""
    if not known.phones:
        return ""
    number = known.phones[0]
    untidy = Dice(seed, "contactout", "spelling", known.subject.index)("phone") < 0.5
    return _CALLING_CODES.sub(r" +\1.\2", number) if untidy else number


def _spaced(number: str) -> str:
    found = _CALLING_CODES.match(number)
    return f"+{found[1]} {' '.join(re.findall('.{1,3}', found[2]))}" if found else number


def work_status(known: Knowledge) -> str | None:
    """Whether the work address is verified; None where there is no work address."""
    return ("Verified" if known.work_verified else "Unverified") if known.work_email else None


def work_status_map(known: Knowledge) -> Json | list[object]:
    """The work address with its status."""
    return php_map({known.work_email: work_status(known)} if known.work_email else {})


def contact_card(seed: int, known: Knowledge, work: bool, personal: bool, phone: bool) -> Json:
    """The answer of the contact endpoint for a profile; `phone` adds the numbers' key."""
    person = known.subject
    github = github_name(seed, person)
    card: Json = {
        "url": person.linkedin_url,
        "email": emails_of(known, work, personal),
        "work_email": emails_of(known, work, False),
        "work_email_status": work_status_map(known) if work else [],
        "personal_email": emails_of(known, False, personal),
    }
    if phone:
        card["phone"] = phones_of(seed, known)
    return card | {"github": [github] if github else []}
