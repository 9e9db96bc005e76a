"""Whom an identifier means to this vendor, and what it knows of them."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import unquote

from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.population import Dice, Knowledge, Person, Population, plain

FREEMAIL = frozenset(
    ["mail.example", "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com"]
)
_SLUG = re.compile(r"linkedin\.com/in/([^/?#\s]+)/?$|linkedin\.com/in/([^/?#\s]+)/?[?#]")
VENDOR = "crustdata"


@dataclass(frozen=True, slots=True)
class Match:
    """Somebody whom an identifier may mean."""

    score: float
    known: Knowledge


@dataclass(frozen=True, slots=True)
class Found:
    """What an identifier leads to, best first. `owner` names, for the books, whom it really belongs to."""

    owner: str
    matches: tuple[Match, ...]


def slug_of(url: str) -> str:
    """The slug of a profile URL in lower case, blank where there is none."""
    found = _SLUG.search(url.strip().lower())
    return unquote(found[1] or found[2]) if found else ""


class Directory:
    """Everybody, seen from this vendor."""

    def __init__(self, population: Population) -> None:
        self.population, self.seed = population, population.seed
        self.knobs = Knobs()
        self._known: dict[int, Knowledge | None] = {}

    def tune(self, knobs: Knobs) -> None:
        """Know other shares of people from now on."""
        if knobs.shares != self.knobs.shares or knobs.landline_as_mobile != self.knobs.landline_as_mobile:
            self._known.clear()
        self.knobs = knobs

    def dice(self, *names: object) -> Dice:
        """Rolls of this vendor."""
        return Dice(self.seed, VENDOR, *names)

    def known(self, person: Person) -> Knowledge | None:
        """What the vendor has of this person."""
        if person.index not in self._known:
            known = self.population.known(VENDOR, person, self.knobs.shares)
            self._known[person.index] = self._with_landline(known) if known else None
        return self._known[person.index]

    def _with_landline(self, known: Knowledge) -> Knowledge:
        subject = known.subject
        sold = subject.landline and self.dice("trap", subject.index)("landline")
        if not sold or sold >= self.knobs.landline_as_mobile:
            return known
        return replace(known, phones=(subject.landline,))

    def at_url(self, url: str, exact: bool = False) -> Found | None:
        """Whose profile it is; `exact` takes the canonical URL only, as live requests do."""
        slug = slug_of(url)
        person = self.population.by_slug.get(slug) if slug else None
        if person is None or (exact and url != person.linkedin_url):
            return None
        known = self.known(person)
        return Found(person.ref, (Match(1.0, known),)) if known else None

    def at_email(self, address: str) -> Found | None:
        """Whom a business address leads to. Private addresses lead nowhere."""
        folded = address.strip().lower()
        owner = self.population.by_email.get(folded) or self.by_former_email.get(folded)
        if owner is None or folded.rpartition("@")[2] in FREEMAIL or folded == owner.personal_email.lower():
            return None
        known = self.known(owner)
        if known is None:
            return None
        roll = self.dice("email", owner.index)
        listed = folded in (known.work_email.lower(), owner.crm_email.lower())
        listed = listed or (folded != owner.work_email.lower() and roll("former") < 0.5)
        if not listed and roll("inferred") >= 0.4:
            return None
        sure = listed and roll("sure") < self.knobs.confident
        score = round(0.9 + 0.09 * roll("score") if sure else 0.55 + 0.3 * roll("score"), 2)
        colleague = self._colleague(owner)
        if colleague and roll("wrong") < self.knobs.wrong_email:
            return Found(owner.ref, (Match(max(score, 0.95), colleague),))
        matches = [Match(score, known)]
        if colleague and roll("shared") < self.knobs.shared_email:
            matches.append(Match(round(score - 0.1, 2), colleague))
        return Found(owner.ref, tuple(matches))

    def _colleague(self, person: Person) -> Knowledge | None:
        """Somebody of another name at the same company."""
        staff = self.staff[person.company.index]
        at = next(n for n, other in enumerate(staff) if other is person)
        for other in staff[at + 1 :] + staff[:at]:
            known = self.known(other)
            if known and plain(other.full) != plain(person.full) and known.subject is other:
                return known
        return None

    @cached_property
    def staff(self) -> dict[int, list[Person]]:
        """People by the index of their present company."""
        staff: dict[int, list[Person]] = defaultdict(list)
        for person in self.population.people:
            staff[person.company.index].append(person)
        return staff

    @cached_property
    def by_former_email(self) -> dict[str, Person]:
        """People by the address that they had at their past employer."""
        return {
            f"{p.work_email.split('@')[0]}@{p.past.domain}".lower(): p
            for p in self.population.people
            if p.work_email and p.past.domain
        }

    def status(self, known: Knowledge) -> str:
        """The vendor's word on the business address."""
        company = known.subject.company
        if self.dice("catch_all", company.index)("company") < self.knobs.catch_all:
            return "catch_all"
        if known.work_verified:
            return "deliverable"
        return "unknown" if self.dice("status", known.subject.index)("status") < 0.6 else "invalid"

    def deeper(self, known: Knowledge) -> Knowledge:
        """What is known after the longer search of a contact batch."""
        roll = self.dice("deeper", known.subject.index)
        if known.work_email or not known.subject.work_email or roll("found") >= self.knobs.batch_deeper:
            return known
        return replace(known, work_email=known.subject.work_email, work_verified=True)
