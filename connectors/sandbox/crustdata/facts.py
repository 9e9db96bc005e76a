"""Places, dates and other inventions that the vendor's forms ask for. The same for the same seed."""

from __future__ import annotations

from datetime import datetime

from connectors.sandbox.population import Company, Dice, Knowledge, Person, slug

STATES = {"San Francisco": "California", "Denver": "Colorado"}
COUNTRIES = {
    "US": ("United States", "USA", "North America"),
    "FR": ("France", "FRA", "Europe"),
    "GB": ("United Kingdom", "GBR", "Europe"),
    "DE": ("Germany", "DEU", "Europe"),
    "AU": ("Australia", "AUS", "Oceania"),
}
SCHOOLS = ("Westhaven University", "Institute of Invented Arts", "Lowmoor College", "Kestrel Business School")
DEGREES = (("BSc", "Economics"), ("MSc", "Informatics"), ("BA", "History"), ("MBA", "Management"))
SKILLS = ("Negotiation", "Planning", "Python", "Budgeting", "Coaching", "Forecasting", "Copywriting")
PAST_TITLES = ("Analyst", "Consultant", "Project Lead", "Buyer", "Account Manager")
RANGES = ((10, "1-10"), (50, "11-50"), (200, "51-200"), (500, "201-500"), (1000, "501-1000"),
          (5000, "1001-5000"), (10_000, "5001-10000"))  # fmt: skip
PERSON_BASE, COMPANY_BASE = 910_001, 550_001
IMAGES = "https://images.crustdata.example"
Json = dict[str, object]


def person_id(person: Person) -> int:
    return PERSON_BASE + person.index


def company_id(company: Company) -> int:
    return COMPANY_BASE + company.index


def country_name(code: str) -> str:
    """The full name of a country, the code itself where it is another one."""
    return COUNTRIES[code][0] if code in COUNTRIES else code


def iso3(code: str) -> str:
    return COUNTRIES[code][1] if code in COUNTRIES else code


def place(city: str, code: str, name: str = "") -> Json:
    """A place in its six parts; what is not known is null."""
    country = name or country_name(code)
    state = STATES.get(city, "")
    whole = ", ".join(part for part in (city, state, country) if part)
    continent = COUNTRIES[code][2] if code in COUNTRIES else None
    return {
        "raw": whole or None,
        "full_location": whole or None,
        "city": city or None,
        "state": state or None,
        "country": country or None,
        "continent": continent,
    }


def person_place(person: Person) -> Json:
    return place(person.city, person.country, person.country_name)


def company_page(company: Company) -> str:
    return f"https://www.linkedin.com/company/{company.slug}"


def headcount_range(size: int) -> str:
    return next((text for most, text in RANGES if size <= most), "10001+")


def since(dice: Dice) -> tuple[int, int]:
    """Year and month in which the present post began."""
    return 2019 + dice.pick("start", 6), 1 + dice.pick("month", 12)


def headline(known: Knowledge) -> str:
    """What stands below the name."""
    return " at ".join(part for part in (known.subject.title, known.company.name) if part)


def years(start: tuple[int, int], end: datetime | tuple[int, int]) -> int:
    """Whole years between two months."""
    year, month = end if isinstance(end, tuple) else (end.year, end.month)
    return max(0, (year * 12 + month - start[0] * 12 - start[1]) // 12)


def years_text(count: int) -> str:
    """Whole years in the vendor's words."""
    bounds = ((1, "Less than 1 year"), (3, "1 to 2 years"), (6, "3 to 5 years"), (11, "6 to 10 years"))
    return next((words for bound, words in bounds if count < bound), "More than 10 years")


def dev_name(dice: Dice, person: Person) -> str:
    """The name on a developer platform, blank for most."""
    return f"{slug(person.first)}{person.index}" if dice("dev") < 0.15 else ""
