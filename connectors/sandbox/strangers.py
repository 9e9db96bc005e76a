"""Invented people behind the rows of an export: who is the same, and what the world knows about them.

Nothing of it is true: addresses are under `.example`, numbers from ranges kept for fiction.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from connectors.sandbox.names import CITIES, INDUSTRIES, KINDS, STEMS, TITLES
from connectors.sandbox.population import (
    Company,
    Dice,
    Person,
    landline_number,
    mobile_number,
    plain,
    slug,
    with_email,
)

_PROFILE = re.compile(r"linkedin\.com/in/([^/?#\s]+)", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_COUNTRIES = {
    "us": "US", "usa": "US", "united states": "US", "united states of america": "US", "u.s.": "US",
    "fr": "FR", "france": "FR",
    "gb": "GB", "uk": "GB", "united kingdom": "GB", "great britain": "GB", "england": "GB",
    "de": "DE", "germany": "DE", "deutschland": "DE",
    "au": "AU", "australia": "AU",
}  # fmt: skip
_CITIES = {plain(city): country for country, _, city in CITIES} | {
    "london": "GB", "manchester": "GB", "paris": "FR", "marseille": "FR", "munchen": "DE", "munich": "DE",
    "hamburg": "DE", "melbourne": "AU", "new york": "US", "boston": "US",
}  # fmt: skip
_NAMES = {country: name for country, name, _ in CITIES}
_HOMES = {country: city for country, _, city in CITIES}


class Strangers:
    """The people met so far. Rows of one person share them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.people: list[Person] = []
        self.companies: list[Company] = []
        self.by_email: dict[str, Person] = {}
        self._by_slug: dict[str, Person] = {}
        self._by_name: dict[tuple[str, ...], Person] = {}
        self._by_company: dict[str, Company] = {}

    def meet(self, values: Mapping[str, str]) -> Person:
        """The person of a row: known by e-mail, else by profile, else by name, company and city together."""
        email = _address(values.get("email", ""))
        profile = profile_slug(values.get("linkedin_url", ""))
        name = tuple(plain(values.get(n, "")) for n in ("first_name", "last_name", "company", "city"))
        anonymous = not email and not profile
        known = self.by_email.get(email) or self._by_slug.get(profile)
        if known is None and anonymous and all(name):
            known = self._by_name.get(name)
        person = known or self._invent(values, email, profile)
        if known is None:
            self.people.append(person)
        if email:
            self.by_email.setdefault(email, person)
        if profile:
            self._by_slug.setdefault(profile, person)
        if anonymous and all(name):
            self._by_name.setdefault(name, person)
        return person

    def _invent(self, values: Mapping[str, str], email: str, profile: str) -> Person:
        index = len(self.people)
        dice = Dice(self._seed, "stranger", index)
        first, last = (_tidy(values.get(n, "")) for n in ("first_name", "last_name"))
        country = country_of(values.get("country", ""), values.get("city", ""))
        company = self._company(_tidy(values.get("company", "")), country, _tidy(values.get("city", "")))
        title, seniority, function = TITLES[dice.pick("title", len(TITLES))]
        own = profile or "-".join(filter(None, (slug(first), slug(last), f"{index:05d}")))
        local = ".".join(filter(None, (slug(first), slug(last).replace("-", "")))) or "contact"
        person = Person(
            index=index, ref=f"p{index}", first=first, last=last, slug=own,
            company=company, past=self._former(company, dice), title=title, seniority=seniority, function=function,
            country=country, country_name=_NAMES[country], city=_tidy(values.get("city", "")) or _HOMES[country],
            work_email=f"{local}{index}@{company.domain}", personal_email=f"{local}{index}@mail.example",
            mobile=mobile_number(country, index), landline=landline_number(country, index),
        )  # fmt: skip
        return with_email(person, email) if email else person

    def _company(self, name: str, country: str, city: str) -> Company:
        """The employer of that name; an invented one of its own for a row that names none."""
        known = self._by_company.get(plain(name)) if len(plain(name)) > 1 else None
        if known:
            return known
        index = len(self.companies)
        dice = Dice(self._seed, "employer", index)
        named = len(plain(name)) > 1
        invented = f"{STEMS[dice.pick('stem', len(STEMS))]} {KINDS[dice.pick('kind', len(KINDS))]} {index}"
        shown = name if named else invented
        stem = (slug(shown).split("-")[0] or "firm")[:30]
        made = Company(
            index, shown, f"{stem}{index}.example", slug(shown) or f"firm-{index}",
            INDUSTRIES[dice.pick("industry", len(INDUSTRIES))], 10 + dice.pick("size", 5000),
            country, city or _HOMES[country], 1950 + dice.pick("founded", 70),
        )  # fmt: skip
        self.companies.append(made)
        if named:
            self._by_company[plain(name)] = made
        return made

    def _former(self, company: Company, dice: Dice) -> Company:
        """Another employer: one of the file's, or one that is nobody's now."""
        others = len(self.companies) - 1
        if others < 1:
            return replace(company, name="Former Employer", domain="former.example", slug="former-employer")
        at = dice.pick("past", others)
        return self.companies[at if at < company.index else at + 1]


def profile_slug(url: str) -> str:
    """The profile's name in a URL, in lower case; blank where there is none."""
    found = _PROFILE.search(url)
    return unquote(found[1]).lower() if found else ""


def country_of(country: str, city: str) -> str:
    """The two letters of a country, by its name or else the city; US where neither is known."""
    return _COUNTRIES.get(plain(country)) or _CITIES.get(plain(city)) or "US"


def _address(text: str) -> str:
    address = text.strip().lower()
    return address if _ADDRESS.fullmatch(address) else ""


def _tidy(text: str) -> str:
    return " ".join(text.split())
