"""Invented people and companies, the same in every server that is given the same seed and size.

Companies have domains under `.example`; numbers come from ranges kept for fiction, or are patterned.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import overload

from connectors.sandbox.names import CITIES, FIRST, INDUSTRIES, KINDS, LAST, STEMS, TITLES, US_AREAS


@dataclass(frozen=True, slots=True)
class Company:
    """An invented employer."""

    index: int
    name: str
    domain: str
    slug: str
    industry: str
    size: int
    country: str
    city: str
    founded: int


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person as the world has them, whatever the CRM or a provider believes.

    `ref` names the person in every server's books. Phones are E.164 or blank.
    """

    index: int
    ref: str
    first: str
    last: str
    slug: str
    company: Company
    past: Company
    title: str
    seniority: str
    function: str
    country: str
    country_name: str
    city: str
    work_email: str
    personal_email: str
    mobile: str
    landline: str
    crm_email: str = ""

    @property
    def full(self) -> str:
        return f"{self.first} {self.last}".strip()

    @property
    def linkedin_url(self) -> str:
        return f"https://www.linkedin.com/in/{self.slug}"


@dataclass(frozen=True, slots=True)
class Record:
    """What the CRM holds at the start. `values` uses neutral names; `authors` says who wrote each.

    Neutral names: first_name, last_name, email, phone, mobile, job_title, company, linkedin_url, city,
    country, lifecycle, do_not_enrich; from an export also email_opt_out, do_not_call and lead_status.
    Authors: person, import, form.
    """

    id: str
    person: str
    values: Mapping[str, str]
    authors: Mapping[str, str]
    created_at: float
    modified_at: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line of an export that could not be loaded."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much one provider knows: shares of people, and of errors among what it knows."""

    profile: float = 0.92
    work: float = 0.7
    verified: float = 0.85
    personal: float = 0.4
    phone: float = 0.5
    landline: float = 0.2
    stale: float = 0.03
    wrong: float = 0.0
    blind: float = 0.08
    """Share of companies of which the provider knows nobody: misses that come together."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What one provider would answer about a person. `subject` is whom the answer is about.

    It differs from the person asked for where the provider is wrong. `company` is the past employer
    where the provider is stale.
    """

    subject: Person
    company: Company
    work_email: str
    work_verified: bool
    personal_email: str
    phones: tuple[str, ...]
    wrong: bool = False


class _Later(Sequence[Record]):
    """Records that are made when somebody first asks for one: a provider's server never does."""

    def __init__(self, make: Callable[[], list[Record]]) -> None:
        self._make = make
        self._made: list[Record] | None = None

    def _all(self) -> list[Record]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Record]:
        return iter(self._all())

    @overload
    def __getitem__(self, at: int) -> Record: ...

    @overload
    def __getitem__(self, at: slice) -> list[Record]: ...

    def __getitem__(self, at: int | slice) -> Record | list[Record]:
        return self._all()[at]


@dataclass
class Population:
    """Everybody, and how to find them."""

    seed: int
    people: list[Person]
    records: Sequence[Record]
    companies: list[Company]
    rejected: list[Rejected] = field(default_factory=list)
    by_slug: dict[str, Person] = field(default_factory=dict)
    by_email: dict[str, Person] = field(default_factory=dict)
    by_name: dict[str, list[Person]] = field(default_factory=dict)
    by_phone: dict[str, Person] = field(default_factory=dict)
    by_domain: dict[str, Company] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for person in self.people:
            self.by_slug.setdefault(person.slug, person)
            for address in (person.work_email, person.personal_email, person.crm_email):
                if address:
                    self.by_email.setdefault(address.lower(), person)
            for number in (person.mobile, person.landline):
                if number:
                    self.by_phone.setdefault(number, person)
            self.by_name.setdefault(f"{plain(person.first)} {plain(person.last)}".strip(), []).append(person)
        for company in self.companies:
            self.by_domain.setdefault(company.domain, company)

    @classmethod
    def invent(cls, count: int, seed: int = 1, namesakes: float = 0.0) -> Population:
        """So many people, each with a CRM record. The same seed and count give the same people.

        No two people of one name are or were at one company, so that name and company name one person,
        but for a share of `namesakes`, who have the name of somebody who is or was at their company.
        """
        companies = [_company(seed, i) for i in range(max(2, count // 20))]
        names = _Names(namesakes)
        people = [_person(seed, i, companies, names) for i in range(count)]
        return cls(seed, people, _Later(lambda: [_record(seed, p) for p in people]), companies)

    @classmethod
    def load(cls, path: Path, seed: int = 1) -> Population:
        """The people of a contact export of HubSpot or Salesforce, with invented answers about them."""
        from connectors.sandbox.export import read_export

        return read_export(path, seed)

    def _stranger(self, person: Person) -> Person:
        """Somebody else, always the same; the person where there is nobody else."""
        count = len(self.people)
        at = (person.index * 7 + 1) % count
        return self.people[at if at != person.index else (at + 1) % count]

    def known(self, vendor: str, person: Person, coverage: Coverage) -> Knowledge | None:
        """What a vendor would say of this person; None where it has never heard of them."""
        roll = Dice(self.seed, vendor, person.index)
        if Dice(self.seed, vendor, "company", person.company.index)("blind") < coverage.blind:
            return None
        if roll("profile") >= coverage.profile:
            return None
        subject, wrong = person, roll("wrong") < coverage.wrong
        if wrong:
            others = [p for p in self.by_name.get(plain(person.full), ()) if p.index != person.index]
            subject = others[0] if others else self._stranger(person)
            wrong = subject is not person
        stale = roll("stale") < coverage.stale
        phones = [subject.mobile] if subject.mobile and roll("phone") < coverage.phone else []
        if subject.landline and roll("landline") < coverage.landline:
            phones.append(subject.landline)
        return Knowledge(
            subject=subject,
            company=subject.past if stale else subject.company,
            work_email=subject.work_email if roll("work") < coverage.work else "",
            work_verified=roll("verified") < coverage.verified and not stale,
            personal_email=subject.personal_email if roll("personal") < coverage.personal else "",
            phones=tuple(phones),
            wrong=wrong,
        )


class Dice:
    """Numbers in [0, 1) that depend on nothing but the seed and the names they are asked by."""

    def __init__(self, *names: object) -> None:
        self._base = "\x1f".join(map(str, names)) + "\x1f"

    def __call__(self, name: str) -> float:
        spun = hashlib.blake2b((self._base + name).encode(), digest_size=6).digest()
        return int.from_bytes(spun, "big") / (1 << 48)

    def pick(self, name: str, count: int) -> int:
        """A whole number from 0 to count - 1."""
        return int(self(name) * count)


@lru_cache(20_000)
def plain(text: str) -> str:
    """Text without case and accents, for finding people by name."""
    stripped = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(stripped.casefold().replace("ı", "i").replace("ø", "o").split())


@lru_cache(20_000)
def slug(text: str) -> str:
    """Text as it would stand in a profile or company URL."""
    return re.sub(r"[^a-z0-9]+", "-", plain(text).replace("'", "")).strip("-")


def mobile_number(country: str, index: int) -> str:
    """The mobile number of the index-th person; blank where the range is used up.

    The United States keep 555-01xx for fiction. Other countries' ranges for fiction are refused by
    phone-number libraries, so theirs are patterned: the person's index behind a row of zeros.
    """
    if country == "US":
        area, last = divmod(index, 100)
        return f"+1{US_AREAS[area]}55501{last:02d}" if area < len(US_AREAS) else ""
    if index >= 100_000:
        return ""
    prefix = {"FR": "+33600", "GB": "+447400", "DE": "+4917604", "AU": "+61491"}[country]
    return f"{prefix}{index + (570_000 if country == 'AU' else 0):06d}"


def landline_number(country: str, index: int) -> str:
    """The fixed number of the index-th person; blank where the range for fiction is used up."""
    ranges = {"GB": "+441134960", "AU": "+61255501", "FR": "+33465711", "DE": "+493023125"}
    prefix = ranges.get(country)
    return f"{prefix}{index:03d}" if prefix and index < 1_000 else ""


def _company(seed: int, index: int) -> Company:
    dice = Dice(seed, "company", index)
    stem, kind = STEMS[dice.pick("stem", len(STEMS))], dice.pick("kind", len(KINDS))
    country, _, city = CITIES[dice.pick("city", len(CITIES))]
    name = f"{stem} {KINDS[kind]} {index}"
    return Company(
        index, name, f"{slug(stem)}{index}.example", slug(name), INDUSTRIES[kind],
        10 + dice.pick("size", 5000), country, city, 1950 + dice.pick("founded", 70),
    )  # fmt: skip


def _person(seed: int, index: int, companies: list[Company], names: _Names) -> Person:
    dice = Dice(seed, "person", index)
    at = dice.pick("company", len(companies))
    company, past = (
        companies[at],
        companies[(at + 1 + dice.pick("past", len(companies) - 1)) % len(companies)],
    )
    first, last = names.give(dice, company.index, past.index)
    title, seniority, function = TITLES[dice.pick("title", len(TITLES))]
    country, country_name, city = CITIES[dice.pick("city", len(CITIES))]
    local = f"{slug(first)}.{slug(last).replace('-', '')}{index}"
    return Person(
        index=index, ref=f"p{index}", first=first, last=last, slug=f"{slug(first)}-{slug(last)}-{index:05d}",
        company=company, past=past, title=title, seniority=seniority, function=function,
        country=country, country_name=country_name, city=city,
        work_email=f"{local}@{company.domain}", personal_email=f"{local}@mail.example",
        mobile=mobile_number(country, index), landline=landline_number(country, index),
    )  # fmt: skip


class _Names:
    """Gives names so that nobody shares theirs with a colleague, but for a share of namesakes."""

    def __init__(self, namesakes: float) -> None:
        self._namesakes = namesakes
        self._taken: set[tuple[str, str, int]] = set()
        self._latest: dict[int, tuple[str, str]] = {}

    def give(self, dice: Dice, company: int, past: int) -> tuple[str, str]:
        """First and last name of somebody who is at one company and was at another."""
        if dice("namesake") < self._namesakes and company in self._latest:
            return self._latest[company]
        first = FIRST[dice.pick("first", len(FIRST))]
        start = dice.pick("last", len(LAST))
        names = [LAST[(start + n) % len(LAST)] for n in range(len(LAST))]
        free = (n for n in names if not any((first, n, e) in self._taken for e in (company, past)))
        last = next(free, names[0])
        for employer in (company, past):
            self._taken.add((first, last, employer))
            self._latest[employer] = (first, last)
        return first, last


_DAY = 86_400
_EPOCH = 1_767_225_600  # 2026-01-01


def _record(seed: int, person: Person) -> Record:
    """A CRM record with the gaps and untidiness of real ones."""
    dice = Dice(seed, "record", person.index)
    values = {"first_name": person.first, "last_name": person.last, "city": person.city}
    shares = {
        "email": (0.55, person.work_email if dice("address") < 0.85 else person.personal_email),
        "linkedin_url": (0.45, _untidy_url(person, dice)),
        "company": (0.75, person.company.name),
        "job_title": (0.4, person.title),
        "phone": (0.2, person.landline or person.mobile),
        "mobile": (0.15, person.mobile),
        "country": (0.6, person.country_name if dice("long") < 0.5 else person.country),
    }
    for name, (share, value) in shares.items():
        if value and dice(name) < share:
            values[name] = value
    if not {"email", "linkedin_url", "company"} & values.keys() and dice("nameless") > 0.2:
        values["company"] = person.company.name
    values["lifecycle"] = ("lead", "marketingqualifiedlead", "subscriber", "customer")[dice.pick("stage", 4)]
    if dice("private") < 0.02:
        values["do_not_enrich"] = "true"
    authors = {n: ("person", "import", "form")[dice.pick(f"author {n}", 3)] for n in values}
    created = _EPOCH + person.index * 7 % (200 * _DAY)
    return Record(
        str(1_000_001 + person.index),
        person.ref,
        values,
        authors,
        created,
        created + dice("modified") * 30 * _DAY,
    )


def _untidy_url(person: Person, dice: Dice) -> str:
    forms = (
        "https://www.linkedin.com/in/{}/",
        "https://linkedin.com/in/{}",
        "http://www.linkedin.com/in/{}?trk=x",
        "LINKEDIN.COM/IN/{}",
    )
    form = forms[dice.pick("url", len(forms))]
    return form.format(person.slug.upper() if form.isupper() else person.slug)


def with_email(person: Person, address: str) -> Person:
    """The person, also known under the address that the CRM holds."""
    return replace(person, crm_email=address)
