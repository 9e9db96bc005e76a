"""Finding people and companies by what a customer knows, and what the vendor knows of them in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from connectors.sandbox.population import Company, Coverage, Dice, Knowledge, Person, Population, plain
from connectors.sandbox.waterfall_io.knobs import KNOWLEDGE, Knobs

VENDOR = "waterfall_io"


def uuid_of(*names: object) -> str:
    """A UUID that depends on the names alone."""
    spun = hashlib.blake2b("\x1f".join(map(str, (VENDOR, *names))).encode(), digest_size=16)
    return str(UUID(bytes=spun.digest(), version=4))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom or what a request is about: one strategy, and its values by field."""

    strategy: str
    values: Mapping[str, str]

    @property
    def label(self) -> str:
        """How a script names the input."""
        return "|".join(self.values.values())


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
        if options.shares != self.coverage:
            self._known.clear()
        self.coverage, self.options = options.shares, options

    def known(self, person: Person) -> Knowledge | None:
        """What the vendor has of a person."""
        if person.index not in self._known:
            self._known[person.index] = self.population.known(VENDOR, person, self.coverage)
        return self._known[person.index]

    def person(self, wanted: Wanted) -> Person | None:
        """The person whom an input means, where the vendor knows them."""
        values, people = wanted.values, self.population
        match wanted.strategy:
            case "email":
                found = people.by_email.get(values["email"])
            case "linkedin":
                found = people.by_slug.get(values["linkedin"])
            case _:
                return self._named(values["name"], values["domain"])
        return found if found and self.known(found) else None

    def _named(self, name: str, domain: str) -> Person | None:
        known = [p for p in self.population.by_name.get(plain(name), []) if self.known(p)]
        there = [p for p in known if self._at(p, domain)]
        if not there and self.options.name_match == "anybody":
            there = known
        return next(iter(there), None)

    def _at(self, person: Person, domain: str) -> bool:
        known = self.known(person)
        return known is not None and known.company.domain == domain

    @cached_property
    def _by_page(self) -> dict[str, Company]:
        return {c.slug: c for c in self.population.companies}

    @cached_property
    def _by_company_name(self) -> dict[str, Company]:
        return {plain(c.name): c for c in reversed(self.population.companies)}

    def company(self, wanted: Wanted) -> Company | None:
        """The company that an input means, where the vendor knows it."""
        value = wanted.values[wanted.strategy]
        match wanted.strategy:
            case "domain":
                found = self.population.by_domain.get(value)
            case "linkedin":
                found = self._by_page.get(value)
            case _:
                found = self._by_company_name.get(plain(value))
        knows = found and Dice(self.seed, VENDOR, "page", found.index)("known") < self.coverage.profile
        return found if knows else None

    def accepts_all(self, company: Company) -> bool:
        """Whether a company's mail server takes mail for anybody, so that nothing can be verified."""
        return Dice(self.seed, VENDOR, "mail", company.index)("all") < self.options.catch_all

    @cached_property
    def _staff(self) -> dict[int, list[Person]]:
        staff: dict[int, list[Person]] = {}
        for person in self.population.people:
            staff.setdefault(person.company.index, []).append(person)
        return staff

    def staff(self, company: Company) -> list[Person]:
        """Whom the vendor believes to be at a company."""
        return [p for p in self._staff.get(company.index, []) if self._at(p, company.domain)]
