"""What an invented profile says beside its contacts: posts, schools, skills. The same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.sandbox.population import Company, Dice, Knowledge, Person, slug

SCHOOLS = (
    "Invented University of Lyon",
    "Northgate Polytechnic",
    "Harbourside College",
    "Example Institute of Technology",
    "Meadowbank University",
    "Saltmarsh Business School",
)
DEGREES = (("BSc", "Statistics"), ("MSc", "Computer Science"), ("BA", "Journalism"), ("MBA", "Management"))
SKILLS = {
    "Sales": ("Negotiation", "Forecasting", "Account Management", "Prospecting", "Presentations"),
    "Engineering": ("Python", "ReactJS", "Java", "Data Modelling", "Networking"),
    "Finance": ("Budgeting", "Accounting", "Treasury", "Reporting", "Audit"),
    "Marketing": ("Content Creation", "Digital Marketing", "Brand Strategy", "Events", "Copywriting"),
}
OTHER_SKILLS = ("Project Management", "Onboarding", "Process Design", "Coaching", "Spreadsheets")
PAST_TITLES = ("Analyst", "Sales Manager", "Data Engineer", "Consultant", "Project Lead", "Buyer")
LANGUAGES = {"FR": "French", "DE": "German", "US": "Spanish", "GB": "Welsh", "AU": "Japanese"}
PROFICIENCY = (
    "Full professional proficiency",
    "Native or bilingual proficiency",
    "Limited working proficiency",
)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of a year."""

    year: int
    month: int

    @property
    def unpadded(self) -> str:
        """Year and month in one word, the month without a leading zero, as the vendor writes it."""
        return f"{self.year}{self.month}"


@dataclass(frozen=True, slots=True)
class Post:
    """A job held; without an end it is held still."""

    title: str
    company: Company
    start: Month
    end: Month | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One profile's inventions. The first post is the latest."""

    posts: tuple[Post, ...]
    school: str
    degree: str
    studied: str
    graduated: int
    skills: tuple[str, ...]
    languages: tuple[tuple[str, str], ...]
    certified: int
    """Year of the only certificate, 0 without one."""
    published: int
    project: int
    followers: int
    github: str
    twitter: str
    open_to_work: bool
    updated: str


def school(seed: int, person: Person) -> str:
    """Where the person studied."""
    return SCHOOLS[Dice(seed, "contactout", "facts", person.index).pick("school", len(SCHOOLS))]


def github_name(seed: int, person: Person) -> str:
    """The person's GitHub user name, blank for most."""
    dice = Dice(seed, "contactout", "facts", person.index)
    return f"{slug(person.first)}{person.index}" if dice("github") < 0.15 else ""


def facts_of(seed: int, known: Knowledge) -> Facts:
    """What the profile says; where the vendor is stale, the past post is given as held still."""
    person = known.subject
    dice = Dice(seed, "contactout", "facts", person.index)
    degree, studied = DEGREES[dice.pick("degree", len(DEGREES))]
    pool = SKILLS.get(person.function, OTHER_SKILLS)
    first = dice.pick("skill", len(pool))
    own = LANGUAGES.get(person.country, "Italian")
    year = {name: 2015 + dice.pick(name, 9) for name in ("certified", "published", "project")}
    posts = _posts(dice, known)
    return Facts(
        posts=posts,
        school=school(seed, person),
        degree=degree,
        studied=studied,
        graduated=posts[-1].start.year - 1,
        skills=(*(pool[(first + i) % len(pool)] for i in range(3)), OTHER_SKILLS[dice.pick("extra", 5)]),
        languages=(("English", PROFICIENCY[0]), (own, PROFICIENCY[dice.pick("language", 3)])),
        certified=year["certified"] if dice("has certified") < 0.2 else 0,
        published=year["published"] if dice("has published") < 0.1 else 0,
        project=year["project"] if dice("has project") < 0.15 else 0,
        followers=dice.pick("followers", 3000),
        github=github_name(seed, person),
        twitter=f"{slug(person.last)}_{person.index}" if dice("twitter") < 0.15 else "",
        open_to_work=dice("open") < 0.05,
        updated=f"2025-{1 + dice.pick('month', 12):02d}-{1 + dice.pick('day', 28):02d} 00:00:00",
    )


def _posts(dice: Dice, known: Knowledge) -> tuple[Post, ...]:
    person = known.subject
    since = Month(2012 + dice.pick("since", 13), 1 + dice.pick("since month", 12))
    before = Month(since.year - 1 - dice.pick("before", 8), 1 + dice.pick("before month", 12))
    title = PAST_TITLES[dice.pick("past title", len(PAST_TITLES))]
    if known.company != person.company:
        return (Post(title, person.past, before, None),)
    return Post(person.title, person.company, since, None), Post(title, person.past, before, since)
