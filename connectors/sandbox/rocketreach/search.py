"""Searches of people and companies, a page at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from connectors.sandbox.population import Company, Dice, Knowledge, Person, plain
from connectors.sandbox.rocketreach.account import PRICES, UNIVERSAL, OutOfCredits
from connectors.sandbox.rocketreach.asking import Fields, Json, bad, no_lookup_credits
from connectors.sandbox.rocketreach.call import Answer, Call
from connectors.sandbox.rocketreach.companies import found_company, page
from connectors.sandbox.rocketreach.contacts import SEARCHABLE, addresses, phones
from connectors.sandbox.rocketreach.directory import VENDOR, bare_domain, company_id, profile_id
from connectors.sandbox.strangers import profile_slug

T = TypeVar("T")
LAST_START = 10_000
BIGGEST_PAGE = 100
ORDERS = ("relevance", "popularity", "score")
PLAIN_TEXTS = ("email_grade", "keyword", "keywords")
"""Facets whose value is one text; all others take a list."""
IGNORED = ("update_time", "job_change_signal")


@dataclass(frozen=True, slots=True)
class Hit:
    """A profile that a search may find."""

    call: Call
    person: Person
    known: Knowledge


def _at(company: Company, value: str) -> bool:
    return plain(value) in plain(company.name)


def _placed(hit: Hit, value: str) -> bool:
    person, asked = hit.known.subject, plain(value)
    return asked in (plain(person.city), plain(person.country_name), person.country.lower())


def _reachable(hit: Hit, value: str) -> bool:
    emails = {a.kind for a in addresses(hit.call.desk.directory, hit.known)}
    return {
        "phone": bool(phones(hit.call.desk.directory, hit.known)),
        "personal email": "personal" in emails,
        "work email": "professional" in emails,
    }.get(plain(value), bool(emails))


def _graded(hit: Hit, value: str) -> bool:
    """`A-` finds A- and better; `A-::professional only` looks at professional addresses only."""
    grade, _, kinds = value.partition("::")
    best = SEARCHABLE[: SEARCHABLE.index(grade) + 1] if grade in SEARCHABLE else ()
    only = kinds.strip().removesuffix(" only")
    found = addresses(hit.call.desk.directory, hit.known)
    return any(a.grade in best and (not only or a.kind == only) for a in found)


def _worded(hit: Hit, value: str) -> bool:
    known = hit.known
    return plain(value) in plain(f"{known.subject.full} {known.subject.title} {known.company.name}")


PEOPLE: dict[str, Callable[[Hit, str], bool]] = {
    "name": lambda hit, value: plain(value) in plain(hit.known.subject.full),
    "email": lambda hit, value: hit.call.desk.directory.population.by_email.get(value.lower()) is hit.person,
    "phone": lambda hit, value: value in (hit.person.mobile, hit.person.landline),
    "link": lambda hit, value: bool(profile_slug(value)) and profile_slug(value) == hit.person.slug,
    "id": lambda hit, value: value == str(profile_id(hit.person)),
    "current_title": lambda hit, value: plain(value) in plain(hit.known.subject.title),
    "employer": lambda hit, value: _at(hit.known.company, value) or _at(hit.known.subject.past, value),
    "current_employer": lambda hit, value: _at(hit.known.company, value),
    "company_domain": lambda hit, value: bare_domain(value) == hit.known.company.domain,
    "company_name": lambda hit, value: _at(hit.known.company, value),
    "company_id": lambda hit, value: value == str(company_id(hit.known.company)),
    "geo": _placed,
    "state": _placed,
    "contact_method": _reachable,
    "email_grade": _graded,
    "keyword": _worded,
    "keywords": _worded,
}
COMPANIES: dict[str, Callable[[Company, str], bool]] = {
    "name": _at,
    "domain": lambda company, value: bare_domain(value) == company.domain,
    "id": lambda company, value: value == str(company_id(company)),
    "industry": lambda company, value: plain(value) in plain(company.industry),
    "geo": lambda company, value: plain(value) in (plain(company.city), company.country.lower()),
    "keyword": _at,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as read: values by facet, those excluded, and the page."""

    facets: Mapping[str, list[str]]
    excluded: Mapping[str, list[str]]
    start: int
    size: int

    @property
    def mark(self) -> str:
        """Eight characters that tell searches apart in the books without saying what was searched."""
        asked = f"{sorted(self.facets.items())} {sorted(self.excluded.items())} {self.start} {self.size}"
        return hashlib.blake2b(asked.encode(), digest_size=4).hexdigest()

    def fits(self, tests: Mapping[str, Callable[[T, str], bool]], row: T) -> bool:
        """Whether every facet has a value that fits, and no excluded one does."""
        wanted = all(any(tests[f](row, v) for v in values) for f, values in self.facets.items())
        return wanted and not any(tests[f](row, v) for f, values in self.excluded.items() for v in values)


def read(call: Call, tests: Mapping[str, object]) -> Asked:
    """The search of a body.

    Raises:
        Refused: an unknown facet, a value of a wrong type, or a page out of range.
    """
    query, body = call.body.get("query"), Fields(call.body)
    if not isinstance(query, dict):
        raise bad("query", "This field is required.")
    inside = {n.removeprefix("exclude_"): v for n, v in query.items() if n.startswith("exclude_")}
    beside = call.body.get("exclude") or {}
    if not isinstance(beside, dict):
        raise bad("exclude", "Expected an object.")
    body.choice("order_by", ORDERS)
    return Asked(
        _facets({n: v for n, v in query.items() if not n.startswith("exclude_")}, tests),
        _facets(inside | beside, tests),
        body.integer("start", 1, 1, LAST_START) or 1,
        body.integer("page_size", 100 if call.universal else 10, 1, BIGGEST_PAGE) or 1,
    )


def _facets(given: Mapping[str, object], tests: Mapping[str, object]) -> dict[str, list[str]]:
    read: dict[str, list[str]] = {}
    for name, value in given.items():
        if name in IGNORED:
            continue
        if name not in tests:
            raise bad(name, "Unknown search facet.")
        if name in PLAIN_TEXTS:
            if not isinstance(value, str):
                raise bad(name, "Not a valid string.")
            read[name] = [value]
        elif isinstance(value, list):
            read[name] = [str(v) for v in value]
        else:
            raise bad(name, 'Expected a list of items but got type "str".')
    return {name: values for name, values in read.items() if values}


def _paged(call: Call, asked: Asked, rows: Sequence[T], item: str) -> Sequence[T]:
    """The rows of the page; the universal API is paid for each page that has any."""
    shown = rows[asked.start - 1 : asked.start - 1 + asked.size]
    if call.universal:
        try:
            call.desk.till.account.need(UNIVERSAL, PRICES[item])
            if shown:
                call.desk.till.page(item, f"search:{asked.mark}", dict(call.charge))
        except OutOfCredits:
            raise no_lookup_credits() from None
    return shown


def _answer(call: Call, asked: Asked, key: str, rows: list[Json], total: int) -> Answer:
    following = asked.start + asked.size
    pages = {"start": asked.start, "next": following if following <= total else None, "total": total}
    return Answer({key: rows, "pagination": pages} if call.options.search_as_object else rows, 201)


async def search_people(call: Call) -> Answer:
    """POST person/search, answered with 201. No contact is in it."""
    asked, directory = read(call, PEOPLE), call.desk.directory
    hits = [
        hit
        for person in directory.population.people
        if (known := directory.known(person)) and asked.fits(PEOPLE, hit := Hit(call, person, known))
    ]
    shown = _paged(call, asked, hits, "person_search")
    return _answer(call, asked, "profiles", [_person_row(hit) for hit in shown], len(hits))


async def search_companies(call: Call) -> Answer:
    """POST searchCompany, answered with 201."""
    asked, directory = read(call, COMPANIES), call.desk.directory
    known = [
        c for c in directory.population.companies if directory.knows_company(c) and asked.fits(COMPANIES, c)
    ]
    shown = _paged(call, asked, known, "company_search")
    return _answer(call, asked, "companies", [found_company(c, call.universal) for c in shown], len(known))


def _person_row(hit: Hit) -> Json:
    call, known = hit.call, hit.known
    profiles, directory = call.desk.profiles, call.desk.directory
    lookup = call.desk.lookups.find(call.universal, profile_id(hit.person))
    npi = directory.npi(known.subject)
    return {
        "id": profile_id(hit.person),
        "status": lookup.status(call.at) if lookup else "not queued",
        "name": known.subject.full,
        "profile_pic": None,
        "linkedin_url": known.subject.linkedin_url,
        "connections": Dice(directory.seed, VENDOR, "profile", known.subject.index).pick("connections", 501),
        "links": {"linkedin": known.subject.linkedin_url},
        **profiles.place(known),
        **profiles.employment(known),
        "current_employer_linkedin_url": page(known.company),
        "teaser": _teaser(hit),
        "suppressed": False,
        "update_time": "2026-10-01T00:00:00Z",
        "npi_data": {"npi_number": str(npi)} if npi else None,
        "birth_year": None,
    }


def _teaser(hit: Hit) -> Json | None:
    """What the cache hints at; nothing for every third profile, whatever could be found of it."""
    directory = hit.call.desk.directory
    if Dice(directory.seed, VENDOR, "teaser", hit.person.index)("cached") < 1 / 3:
        return None
    found = addresses(directory, hit.known)
    numbers = phones(directory, hit.known)
    domains = {kind: [a.email.split("@")[1] for a in found if a.kind == kind] for kind in _TEASED}
    return {
        "emails": [a.email.split("@")[1] for a in found],
        "phones": [{"number": f"{p.number[:-4]}XXXX", "is_premium": True} for p in numbers],
        "office_phones": [],
        "preview": [],
        "personal_emails": domains["personal"],
        "professional_emails": domains["professional"],
        "is_premium_phone_available": bool(numbers),
    }


_TEASED = ("personal", "professional")
