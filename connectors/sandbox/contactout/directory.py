"""Finding people by what a customer knows of them, and what the vendor knows of them in turn."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import unquote

from connectors.sandbox.contactout.facts import school
from connectors.sandbox.population import Company, Coverage, Dice, Knowledge, Person, Population, plain

DISPOSABLE = ("disposable.example", "throwaway.example", "mailinator.com")
FREEMAIL = "mail.example"
_SLUG = re.compile(r"linkedin\.com/(?:in|pub)/([^/?#\s]+)")


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known beside a name; texts are folded by `plain`, domains are bare."""

    companies: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    schools: tuple[str, ...] = ()
    location: str = ""
    title: str = ""


def slug_of(url: str) -> str:
    """The profile's slug in lower case; blank where the URL is not one of a profile."""
    found = _SLUG.search(url.lower())
    return unquote(found[1]).lower() if found else ""


def bare_domain(text: str) -> str:
    """A domain without scheme, `www.`, port and path."""
    host = re.sub(r"^[a-z]+://", "", text.strip().lower())
    return re.split(r"[/:?#]", host, maxsplit=1)[0].removeprefix("www.")


def mark(text: str) -> str:
    """Eight characters by which the books tell unknown subjects apart without naming them."""
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def company_fits(company: Company, name: str) -> bool:
    """Whether a folded name is the company's, or one begins with the words of the other."""
    own = plain(company.name)
    return bool(own) and (own == name or own.startswith(f"{name} ") or name.startswith(f"{own} "))


class Directory:
    """Everybody, seen from this vendor."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.seed = population.seed
        self.coverage = Coverage()
        self.finder_share = 0.0
        self._known: dict[int, Knowledge | None] = {}

    def tune(self, coverage: Coverage, finder_share: float) -> None:
        """Know other shares of people from now on."""
        self.finder_share = finder_share
        if coverage != self.coverage:
            self.coverage = coverage
            self._known.clear()

    @cached_property
    def by_digits(self) -> dict[str, Person]:
        """People by the digits of their numbers."""
        return {number.lstrip("+"): person for number, person in self.population.by_phone.items()}

    @cached_property
    def by_former_email(self) -> dict[str, Person]:
        """People by the address that they had at their past employer."""
        return {
            f"{p.work_email.split('@')[0]}@{p.past.domain}": p
            for p in self.population.people
            if p.work_email and p.past.domain
        }

    @cached_property
    def staff(self) -> dict[int, list[Person]]:
        """People by the index of their present or past company, present ones first."""
        staff: dict[int, list[Person]] = defaultdict(list)
        for person in self.population.people:
            staff[person.company.index].append(person)
        for person in self.population.people:
            if person.past.index != person.company.index:
                staff[person.past.index].append(person)
        return staff

    def at_url(self, url: str) -> Person | None:
        """The person whose profile it is."""
        return self.population.by_slug.get(slug_of(url))

    def at_email(self, address: str) -> Person | None:
        """The person by any of their addresses, also one at their past employer."""
        folded = address.strip().lower()
        return self.population.by_email.get(folded) or self.by_former_email.get(folded)

    def at_phone(self, number: str) -> Person | None:
        """The person by the digits of a number; ten digits are taken as American too."""
        digits = re.sub(r"\D", "", number).removeprefix("00")
        found = self.by_digits.get(digits)
        return found or (self.by_digits.get(f"1{digits}") if len(digits) == 10 else None)

    def named(self, name: str, hints: Hints) -> Person | None:
        """Of the people of that name the one whom most hints fit, the first where several do.

        Where a company or a domain is given, it has to fit.
        """
        best: tuple[int, Person | None] = (0, None)
        for person in self.population.by_name.get(plain(name), ()):
            score = self._score(person, hints)
            if score > best[0]:
                best = (score, person)
        return best[1]

    def _score(self, person: Person, hints: Hints) -> int:
        at = (person.company, person.past)
        employed = any(company_fits(c, name) for name in hints.companies for c in at)
        employed = employed or any(c.domain == domain for domain in hints.domains for c in at)
        if (hints.companies or hints.domains) and not employed:
            return 0
        score = 4 if employed and not self._only_past(person, hints) else 2 if employed else 0
        score += bool(hints.location) and place_fits(person, hints.location)
        score += bool(hints.title) and hints.title in plain(person.title)
        return score + (bool(hints.schools) and plain(school(self.seed, person)) in hints.schools)

    def _only_past(self, person: Person, hints: Hints) -> bool:
        now = person.company
        return not (any(company_fits(now, n) for n in hints.companies) or now.domain in hints.domains)

    def company(self, *, name: str = "", domain: str = "", url: str = "") -> Company | None:
        """A company by its domain, its page (slug or number) or its folded name, the first that fits."""
        found = self.population.by_domain.get(bare_domain(domain)) if domain else None
        if not found and url and (page := re.search(r"linkedin\.com/company/([^/?#\s]+)", url.lower())):
            found = self.by_page.get(page[1])
        if not found and name:
            found = next((c for c in self.population.companies if company_fits(c, plain(name))), None)
        return found if found and self.knows_company(found) else None

    @cached_property
    def by_page(self) -> dict[str, Company]:
        """Companies by the two forms of their page's last path segment."""
        companies = self.population.companies
        return {c.slug: c for c in companies} | {str(company_number(c)): c for c in companies}

    def known(self, person: Person | None) -> Knowledge | None:
        """What the vendor has in its database of this person."""
        if person is None:
            return None
        if person.index not in self._known:
            self._known[person.index] = self.population.known("contactout", person, self.coverage)
        return self._known[person.index]

    def searched(self, known: Knowledge) -> Knowledge:
        """What is known after the real-time work address finder has run."""
        roll = Dice(self.seed, "contactout", "finder", known.subject.index)
        if known.work_email or not known.subject.work_email or roll("found") >= self.finder_share:
            return known
        return replace(known, work_email=known.subject.work_email, work_verified=True)

    def knows_company(self, company: Company) -> bool:
        """Whether the vendor has a page on a company."""
        roll = Dice(self.seed, "contactout", "page", company.index)("known")
        return bool(company.domain) and roll < self.coverage.profile

    def deliverable(self, address: str) -> str:
        """The verifier's word on an address: valid, invalid, accept_all, disposable or unknown."""
        folded = address.strip().lower()
        domain = folded.rpartition("@")[2]
        if domain in DISPOSABLE:
            return "disposable"
        roll = Dice(self.seed, "contactout", "verify")
        person = self.population.by_email.get(folded)
        if person is None:
            if domain in self.population.by_domain:
                return "accept_all" if roll(domain) < 0.2 else "invalid"
            return "invalid" if domain == FREEMAIL else "unknown"
        known = self.known(person)
        if known and known.work_verified and folded == known.work_email.lower():
            return "valid"
        luck = roll(folded)
        if folded == person.work_email.lower():
            return "accept_all" if luck < 0.6 else "valid" if luck < 0.9 else "unknown"
        return "valid" if luck < 0.9 else "unknown"

    def reference(self, person: Person | None, asked: str) -> str:
        """The person's reference, or a mark of what was asked where there is no such person."""
        return person.ref if person else f"unknown:{mark(asked)}"

    def address_reference(self, address: str) -> str:
        """Whose address was verified. Other addresses than the work one are told apart by a suffix."""
        folded = address.strip().lower()
        person = self.at_email(folded)
        if person is None or folded == person.work_email.lower():
            return self.reference(person, folded)
        return f"{person.ref}+{'personal' if folded == person.personal_email.lower() else mark(folded)}"


def company_number(company: Company) -> int:
    """The number that LinkedIn has for an invented company."""
    return 90_000_000 + company.index


def place_fits(person: Person, folded: str) -> bool:
    """Whether the words of a place are the person's city, country or both."""
    own = {plain(person.city), plain(person.country_name), person.country.lower()} - {""}
    parts: Iterable[str] = (p.strip() for p in folded.split(","))
    return bool(own & {p for p in parts if p})
