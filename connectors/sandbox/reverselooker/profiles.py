"""Whose an address is, and their profile as the vendor's answers have it."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.population import Coverage, Dice, Knowledge, Person, Population
from connectors.sandbox.resume import Post, posts_of
from connectors.sandbox.reverselooker.knobs import KNOWLEDGE, Knobs

Json = dict[str, Any]
VENDOR = "reverselooker"
_LOCALES = {"US": "en_US", "FR": "fr_FR", "GB": "en_GB", "DE": "de_DE", "AU": "en_AU"}
_SKILLS = ("Negotiation", "Forecasting", "Python", "Budgeting", "Onboarding", "Data Modelling", "Coaching")
_SCHOOLS = ("Harbourside College", "Northgate Polytechnic", "Meadowbank University")
_DEGREES = (("Bachelor's Degree", "Statistics"), ("Diploma", "Materials"), ("Master's Degree", "Economics"))
_NOW = 2026, 11


class Profiles:
    """Everybody, seen from this vendor."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self.seed = population.seed
        self._coverage: Coverage = KNOWLEDGE

    def tune(self, options: Knobs) -> None:
        """Know other shares of people from now on."""
        self._coverage = options.shares

    def owner(self, address: str) -> Person | None:
        """Whose the address is, known to the vendor or not."""
        return self._population.by_email.get(address)

    def known(self, person: Person) -> Knowledge | None:
        """What the vendor has of a person."""
        return self._population.known(VENDOR, person, self._coverage)

    def full(self, known: Knowledge) -> Json:
        """The profile as a single search answers it."""
        person, dice = known.subject, Dice(self.seed, VENDOR, "profile", known.subject.index)
        posts = posts_of(self.seed, VENDOR, known)
        first = dice.pick("skill", len(_SKILLS))
        degree, studied = _DEGREES[dice.pick("degree", len(_DEGREES))]
        school = _SCHOOLS[dice.pick("school", len(_SCHOOLS))]
        return {
            "first_name": person.first,
            "last_name": person.last,
            **self.short(known),
            "locale": _LOCALES.get(person.country, "en_US"),
            "summary": "" if dice("summary") < 0.5 else f"Works in {person.function.lower()}; invented.",
            "skills": [_SKILLS[(first + n) % len(_SKILLS)] for n in range(1 + dice.pick("skills", 4))],
            "experience": {
                # the vendor counts posts that it does not list
                "experience_count": len(posts) + dice.pick("unlisted", 3),
                "experience_history": [_experience(post) for post in posts],
            },
            "education": {
                "education_history": [
                    {"school_name": school, "degree_name": degree, "field_of_study": studied}
                ]
            },
        }

    def short(self, known: Knowledge) -> Json:
        """The profile as the results of a bulk have it."""
        person = known.subject
        title = posts_of(self.seed, VENDOR, known)[0].title
        return {
            "full_name": person.full,
            "headline": f"{title} at {known.company.name}",
            "company_name": known.company.name,
            "location": f"{person.city}, {person.country_name}",
            "linkedin_url": f"https://linkedin.com/in/{person.slug}",
        }


def _experience(post: Post) -> Json:
    end = post.until or _NOW
    months = max(1, (end[0] - post.since[0]) * 12 + end[1] - post.since[1])
    return {
        "title": post.title,
        "company": post.company.name,
        "start_date": _month(post.since),
        "end_date": _month(post.until) if post.until else None,
        "duration": _duration(months),
    }


def _month(month: tuple[int, int]) -> str:
    return f"{month[0]}-{month[1]:02d}"


def _duration(months: int) -> str:
    parts = [(months // 12, "year"), (months % 12, "month")]
    return " ".join(f"{n} {unit}{'s' if n != 1 else ''}" for n, unit in parts if n)
