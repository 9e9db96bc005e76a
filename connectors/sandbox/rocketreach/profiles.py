"""Profiles as lookups and status answers show them: running, failed and complete."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from connectors.sandbox.population import Dice, Knowledge, Person
from connectors.sandbox.rocketreach.companies import COUNTRIES, REGIONS, page
from connectors.sandbox.rocketreach.contacts import (
    Address,
    addresses,
    cached,
    phones,
    recommended,
    shown_phones,
)
from connectors.sandbox.rocketreach.directory import VENDOR, Directory, company_id, profile_id

Json = dict[str, object]
CLASSES = ("professional", "personal", "phone", "detail", "healthcare")
LIST = {"id": 1000, "name": "API Lookups"}
_SCHOOLS = ("Example State University", "Invented Polytechnic", "Lakeside College", "School of Examples")
_DEGREES = (("BA", "Economics"), ("BSc", "Statistics"), ("MSc", "Informatics"), ("MBA", "Management"))
_SKILLS = ("Forecasting", "Negotiation", "Budgeting", "Python", "Copywriting", "Process Design", "Audit")
_FORMER = ("Analyst", "Consultant", "Project Lead", "Buyer")
_UPDATED = "2026-10-01T00:00:00Z"
_SPECIALS = {
    "recommended_professional_email": "professional",
    "current_work_email": "professional",
    "recommended_personal_email": "personal",
    "current_personal_email": "personal",
}
_DETAILED = ("job_history", "education", "skills", "links")


@dataclass(frozen=True, slots=True)
class View:
    """How much of a profile is shown: the data classes bought, and in which of the two forms."""

    universal: bool
    classes: frozenset[str]
    cached: bool = False


class Profiles:
    """The profiles of a directory as JSON."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def complete(self, person: Person, known: Knowledge, view: View) -> Json:
        """Everything bought of a profile."""
        profile: Json = {"id": profile_id(person), "status": "complete"} | self._basics(known)
        found = [a for a in addresses(self._directory, known) if _visible(a, view)]
        numbers = phones(self._directory, known) if "phone" in view.classes else []
        profile |= {"return_cached_emails": view.cached} | recommended(found)
        profile |= {
            "emails": [a.shown() for a in found],
            "phones": shown_phones(self._directory, numbers),
        }
        profile |= self._details(person, known) | {"tags": "", "profile_list": dict(LIST)}
        profile = _universal(profile, view) if view.universal else profile
        return _awkward(profile) if self._directory.options.array_scalars else profile

    def running(self, person: Person, known: Knowledge, status: str, view: View) -> Json:
        """A profile whose contacts are searched: addresses only where cached ones are wanted."""
        early = cached(self._directory, known) if view.cached and status == "progress" else []
        found = [a for a in early if _visible(a, view)]
        profile: Json = {
            "id": profile_id(person),
            "status": status,
            "name": known.subject.full,
            "linkedin_url": known.subject.linkedin_url,
            "current_title": self._title(known),
            "current_employer": known.company.name,
            "return_cached_emails": view.cached,
            **recommended(found),
            "emails": [a.shown() for a in found],
            "phones": [],
        }
        return _universal(profile, view) if view.universal else profile

    def failed(self, person: Person, known: Knowledge) -> Json:
        """A profile that is known while the search for contacts ended with an error."""
        name = known.subject.full
        return {"id": profile_id(person), "status": "failed", "name": name, "emails": [], "phones": []}

    def found(self, known: Knowledge, view: View) -> Collection[str]:
        """Of the data classes wanted, those of which there is something."""
        emails = {a.kind for a in addresses(self._directory, known) if a.grade != "F"}
        there = {"professional", "personal"} & emails | {"detail"}
        there |= {"phone"} if phones(self._directory, known) else set()
        there |= {"healthcare"} if self._directory.npi(known.subject) else set()
        return there & view.classes

    def place(self, known: Knowledge) -> Json:
        """The location fields, which search rows have too."""
        person = known.subject
        region = REGIONS.get(person.city)
        country = COUNTRIES.get(person.country, person.country_name)
        parts = (person.city, region[0] if region else "", country)
        return {
            "location": ", ".join(p for p in parts if p),
            "city": person.city,
            "region": region[0] if region else None,
            "country": country,
            "country_code": person.country,
            "region_latitude": region[2] if region else None,
            "region_longitude": region[3] if region else None,
        }

    def employment(self, known: Knowledge) -> Json:
        """The present post, as the vendor has it."""
        company = known.company
        return {
            "current_title": self._title(known),
            "current_employer": company.name,
            "current_employer_id": company_id(company),
            "current_employer_domain": company.domain,
            "current_employer_website": f"https://{company.domain}",
            "current_employer_linkedin_url": page(company),
        }

    def _title(self, known: Knowledge) -> str:
        if known.company == known.subject.company:
            return known.subject.title
        return _FORMER[self._dice(known).pick("former", len(_FORMER))]

    def _dice(self, known: Knowledge) -> Dice:
        return Dice(self._directory.seed, VENDOR, "profile", known.subject.index)

    def _basics(self, known: Knowledge) -> Json:
        dice = self._dice(known)
        return {
            "name": known.subject.full,
            "profile_pic": None,
            "linkedin_url": known.subject.linkedin_url,
            "linkedin_url_active": dice("active") < 0.97,
            "connections": dice.pick("connections", 501),
            **self.place(known),
            **self.employment(known),
            "current_employer_industry": known.company.industry,
        }

    def _details(self, person: Person, known: Knowledge) -> Json:
        dice = self._dice(known)
        degree, major = _DEGREES[dice.pick("degree", len(_DEGREES))]
        start = 1990 + dice.pick("studied", 25)
        first = dice.pick("skill", len(_SKILLS))
        school = _SCHOOLS[dice.pick("school", len(_SCHOOLS))]
        npi = self._directory.npi(known.subject)
        return {
            "job_history": self._posts(known),
            "education": [
                {"school": school, "degree": degree, "major": major, "start": start, "end": start + 4}
            ],
            "skills": [_SKILLS[(first + n) % len(_SKILLS)] for n in range(2)],
            "links": {"linkedin": known.subject.linkedin_url},
            "birth_year": start - 19 if dice("born") < 0.2 else None,
            "npi_data": _npi(npi) if npi else None,
        }

    def _posts(self, known: Knowledge) -> list[Json]:
        person, dice = known.subject, self._dice(known)
        since, before = f"{2018 + dice.pick('since', 8)}-0{1 + dice.pick('month', 9)}", "2014-03"
        former = self._post(person, known, before, since, current=False)
        if known.company != person.company:
            return [former | {"end_date": "Present", "is_current": True}]
        return [self._post(person, known, since, "Present", current=True), former]

    def _post(self, person: Person, known: Knowledge, start: str, end: str, current: bool) -> Json:
        company = person.company if current else person.past
        place = REGIONS.get(company.city)
        level = {"CXO": "C-Level", "Vice President": "VP"}.get(person.seniority, person.seniority)
        former = _FORMER[self._dice(known).pick("former", len(_FORMER))]
        return {
            "start_date": start,
            "end_date": end,
            "company": company.name,
            "company_name": company.name,
            "company_id": company_id(company),
            "company_linkedin_url": page(company),
            "company_city": company.city,
            "company_region": place[0] if place else None,
            "company_country_code": company.country,
            "department": person.function if current else None,
            "sub_department": None,
            "title": person.title if current else former,
            "highest_level": level if current else None,
            "description": None,
            "last_updated": _UPDATED,
            "is_current": current,
        }


def _visible(address: Address, view: View) -> bool:
    return ("personal" if address.kind == "personal" else "professional") in view.classes


def _npi(number: int) -> Json:
    return {
        "npi_number": str(number),
        "credentials": "MD",
        "license_number": f"X{number % 10_000}",
        "specialization": "Invented Medicine",
    }


def _universal(profile: Json, view: View) -> Json:
    """The universal form: what is not revealed is absent, not null."""
    gone = {"tags", "current_employer_industry"}
    gone |= set() if "detail" in view.classes else set(_DETAILED)
    gone |= set() if "healthcare" in view.classes else {"npi_data"}
    gone |= set() if "phone" in view.classes else {"phones"}
    gone |= {name for name, kind in _SPECIALS.items() if kind not in view.classes}
    gone |= set() if {"professional", "personal"} & view.classes else {"emails", "recommended_email"}
    shown = {name: value for name, value in profile.items() if name not in gone}
    if shown.get("birth_year") is not None:
        shown["birth_year"] = str(shown["birth_year"])
    return shown


def _awkward(profile: Json) -> Json:
    """Types as some live answers have them: scalars in lists, a list as text, a year as text."""
    year = profile.get("birth_year")
    changed: Json = {
        name: [profile[name]] for name in ("current_title", "location", "city") if name in profile
    }
    changed |= {"birth_year": str(year)} if year is not None else {}
    skills = profile.get("skills")
    return profile | changed | ({"skills": ", ".join(skills)} if isinstance(skills, list) else {})
