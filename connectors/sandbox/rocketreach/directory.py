"""Finding profiles by what a customer knows of a person, and what the vendor knows of them in turn."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from connectors.sandbox.population import Company, Coverage, Dice, Knowledge, Person, Population, plain
from connectors.sandbox.rocketreach.knobs import KNOWLEDGE, Knobs
from connectors.sandbox.strangers import profile_slug

VENDOR = "rocketreach"
FIRST_PROFILE = 100_001
FIRST_COMPANY = 7_001
FIRST_NPI = 1_000_000_001


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom a lookup is about, as far as it says."""

    id: int | None = None
    linkedin_url: str = ""
    email: str = ""
    name: str = ""
    employer: str = ""
    title: str = ""
    phone: str = ""
    npi: int | None = None


def profile_id(person: Person) -> int:
    """The number of a person's profile."""
    return FIRST_PROFILE + person.index


def company_id(company: Company) -> int:
    """The number of a company."""
    return FIRST_COMPANY + company.index


def bare_domain(text: str) -> str:
    """A domain without scheme, `www.`, port and path."""
    host = re.sub(r"^[a-z]+://", "", text.strip().lower())
    return re.split(r"[/:?#]", host, maxsplit=1)[0].removeprefix("www.")


class Directory:
    """Everybody, seen from this vendor."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.seed = population.seed
        self.coverage: Coverage = KNOWLEDGE
        self.options = Knobs()
        self._known: dict[int, Knowledge | None] = {}

    def tune(self, options: Knobs) -> None:
        """Know other shares of people from now on."""
        if options.shares != self.coverage or options.suppressed != self.options.suppressed:
            self._known.clear()
        self.coverage, self.options = options.shares, options

    def known(self, person: Person) -> Knowledge | None:
        """What the vendor has of a person; None also for a profile that it hides on request."""
        if person.index not in self._known:
            hidden = self._roll(person)("suppressed") < self.options.suppressed
            known = None if hidden else self.population.known(VENDOR, person, self.coverage)
            self._known[person.index] = known
        return self._known[person.index]

    def _roll(self, person: Person) -> Dice:
        return Dice(self.seed, VENDOR, "directory", person.index)

    def npi(self, person: Person) -> int | None:
        """The number of somebody in United States healthcare; None for everybody else."""
        works = self._roll(person)("healthcare") < self.options.healthcare
        return FIRST_NPI + person.index if works else None

    @cached_property
    def _digits(self) -> dict[str, Person]:
        return {number.lstrip("+"): person for number, person in self.population.by_phone.items()}

    def at_id(self, number: int) -> Person | None:
        """The person whose profile has the number, known or not."""
        at = number - FIRST_PROFILE
        return self.population.people[at] if 0 <= at < len(self.population.people) else None

    def match(self, wanted: Wanted) -> Person | None:
        """The person of the strongest identifier that finds a known profile."""
        people = self.population
        found = (
            self.at_id(wanted.id) if wanted.id is not None else None,
            people.by_slug.get(profile_slug(wanted.linkedin_url)) if wanted.linkedin_url else None,
            self._named(wanted) if wanted.name else None,
            people.by_email.get(wanted.email.lower()) if wanted.email else None,
            self._digits.get(re.sub(r"\D", "", wanted.phone)) if wanted.phone else None,
            self._at_npi(wanted.npi) if wanted.npi is not None else None,
        )
        return next((person for person in found if person and self.known(person)), None)

    def _at_npi(self, number: int) -> Person | None:
        person = self.at_id(number - FIRST_NPI + FIRST_PROFILE)
        return person if person and self.npi(person) else None

    def _named(self, wanted: Wanted) -> Person | None:
        """The first of the name at the employer as the vendor has it; a title tells namesakes apart."""
        people = [p for p in self.population.by_name.get(plain(wanted.name), ()) if self.known(p)]
        fitting = [p for p in people if self._employed(p, wanted.employer)]
        if not fitting and self.options.employer_match == "fuzzy":
            fitting = people
        title = plain(wanted.title)
        titled = [p for p in fitting if title and title in plain(p.title)]
        return next(iter(titled or fitting), None)

    def _employed(self, person: Person, employer: str) -> bool:
        known = self.known(person)
        own, asked = plain(known.company.name if known else ""), plain(employer)
        if self.options.employer_match == "exact":
            return own == asked
        return own == asked or own.startswith(f"{asked} ") or asked.startswith(f"{own} ")

    @cached_property
    def _by_page(self) -> dict[str, Company]:
        return {c.slug: c for c in self.population.companies}

    @cached_property
    def _by_company_name(self) -> dict[str, Company]:
        return {plain(c.name): c for c in reversed(self.population.companies)}

    def company(
        self, number: int | None = None, domain: str = "", url: str = "", name: str = ""
    ) -> Company | None:
        """A company by its domain, number, page or folded name, the first that finds a known one."""
        page = re.search(r"linkedin\.com/company/([^/?#\s]+)", url.lower())
        companies, at = self.population.companies, -1 if number is None else number - FIRST_COMPANY
        found = (
            self.population.by_domain.get(bare_domain(domain)) if domain else None,
            companies[at] if 0 <= at < len(companies) else None,
            self._by_page.get(page[1]) if page else None,
            self._by_company_name.get(plain(name)) if name else None,
        )
        return next((c for c in found if c and self.knows_company(c)), None)

    def knows_company(self, company: Company) -> bool:
        """Whether the vendor has a page on a company."""
        return Dice(self.seed, VENDOR, "page", company.index)("known") < self.coverage.profile

    def accepts_all(self, company: Company) -> bool:
        """Whether a company's mail server takes mail for anybody, so that nothing can be verified."""
        return Dice(self.seed, VENDOR, "mail", company.index)("all") < self.options.catch_all
