"""The filters of people search and company search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from connectors.sandbox.contactout.asking import Call, bad
from connectors.sandbox.contactout.boolean import BadEquation, parse
from connectors.sandbox.contactout.companies import place_of, revenue_of
from connectors.sandbox.contactout.directory import Directory, bare_domain, company_fits, place_fits
from connectors.sandbox.contactout.facts import Facts, facts_of
from connectors.sandbox.contactout.profiles import availability
from connectors.sandbox.population import Company, Knowledge, Person, plain

MOST = 50
"""Entries that most filters take."""
_RANGE = re.compile(r"^(\d+)(?:_(\d+))?$")


@dataclass
class Entry:
    """A person in the index, with inventions made up only when a filter looks at them."""

    seed: int
    person: Person
    known: Knowledge

    @cached_property
    def facts(self) -> Facts:
        """What the profile says beside its contacts."""
        return facts_of(self.seed, self.known)

    def titles(self, span: str) -> list[str]:
        """Folded job titles: `current`, `past` or `both`."""
        posts = self.facts.posts
        return [plain(p.title) for p in posts if span == "both" or (p.end is None) == (span == "current")]

    def employers(self, span: str) -> list[Company]:
        """Companies: `current`, `past` or `both`."""
        posts = self.facts.posts
        return [p.company for p in posts if span == "both" or (p.end is None) == (span == "current")]


Wanted = Callable[[Entry], bool]


def search_people(call: Call) -> list[Entry]:
    """Everybody who fits all filters of the body, in the order of the population.

    Raises:
        Refused: no filter at all, or one that is malformed.
    """
    wanted = [test for test in _people_tests(call) if test]
    if not wanted:
        raise bad("at least one filter is required")
    directory = call.directory
    entries = (
        Entry(directory.seed, person, known)
        for person in _candidates(call)
        if (known := directory.known(person)) and not known.wrong
    )
    return [entry for entry in entries if all(test(entry) for test in wanted)]


def _candidates(call: Call) -> Iterable[Person]:
    """The few who can fit where the filters name a person or an employer, else everybody."""
    population = call.directory.population
    if named := population.by_name.get(plain(call.text("name"))):
        return named
    domains, names = _domains(call), [plain(n) for n in call.texts("company", MOST)]
    if not domains and not names:
        return population.people
    companies = [
        c for c in population.companies if c.domain in domains or any(company_fits(c, n) for n in names)
    ]
    found = {p.index: p for c in companies for p in call.directory.staff.get(c.index, ())}
    return [found[index] for index in sorted(found)]


def _domains(call: Call) -> list[str]:
    return [bare_domain(d) for d in call.texts("domain", MOST)]


def _people_tests(call: Call) -> list[Wanted | None]:
    name = plain(call.text("name"))
    domains = _domains(call)
    names = [plain(n) for n in call.texts("company", MOST)]
    employed = _span(call, "company_filter", call.flag("current_company_only", True))
    return [
        (lambda e: all(w in plain(e.person.full).split() for w in name.split())) if name else None,
        (lambda e: any(c.domain in domains for c in e.employers(employed))) if domains else None,
        (lambda e: any(company_fits(c, n) for n in names for c in e.employers(employed))) if names else None,
        _title_test(call),
        _place_test(call),
        _equal_test(call, "job_function", lambda e: e.known.subject.function),
        _equal_test(call, "seniority", lambda e: e.known.subject.seniority),
        _text_test(call.texts("skills", MOST), lambda e: " / ".join(e.facts.skills)),
        _text_test(call.texts("education", MOST), lambda e: f"{e.facts.school} / {e.facts.degree}"),
        _text_test(call.texts("industry", MOST), lambda e: e.known.company.industry),
        _text_test([call.text("keyword")] if call.text("keyword") else [], _profile_text),
        _range_test(call, "company_size", lambda e: e.known.company.size),
        _range_test(call, "years_of_experience", lambda e: call.now.year - e.facts.posts[-1].start.year),
        _range_test(call, "years_in_current_role", lambda e: call.now.year - e.facts.posts[0].start.year),
        _available_test(call),
        *_exclusions(call),
    ]


def _span(call: Call, name: str, current_only: bool) -> str:
    span = call.text(name)
    if span not in ("", "current", "past", "both"):
        raise bad(f"{name} is current, past or both")
    return span or ("current" if current_only else "both")


def _title_test(call: Call) -> Wanted | None:
    span = _span(call, "match_experience", call.flag("current_titles_only", True))
    return _text_test(call.texts("job_title", MOST), lambda e: " / ".join(e.titles(span)))


def _place_test(call: Call) -> Wanted | None:
    places = [plain(p) for p in call.texts("location", MOST)]
    return (lambda e: any(place_fits(e.known.subject, p) for p in places)) if places else None


def _equal_test(call: Call, name: str, of: Callable[[Entry], str]) -> Wanted | None:
    values = [plain(v) for v in call.texts(name, MOST)]
    return (lambda e: plain(of(e)) in values) if values else None


def _text_test(values: list[str], of: Callable[[Entry], str]) -> Wanted | None:
    """Any of the boolean equations; a term holds where the text contains it as whole words."""
    try:
        equations = [parse(v) for v in values]
    except BadEquation:
        raise bad("brackets and operators of a boolean filter do not fit together") from None

    def test(entry: Entry) -> bool:
        text = plain(of(entry))
        return any(equation(lambda term: _contains(text, term)) for equation in equations)

    return test if equations else None


def _contains(text: str, term: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(plain(term))}(?!\w)", text) is not None


def _profile_text(entry: Entry) -> str:
    facts, company = entry.facts, entry.known.company
    titles = (post.title for post in facts.posts)
    return " / ".join([*titles, company.name, company.industry, facts.school, facts.studied, *facts.skills])


def _ranges(call: Call, name: str) -> list[tuple[int, float]]:
    """Ranges such as `1_10`, both ends included; a single number begins an open one."""
    found = [(v, _RANGE.match(v)) for v in call.texts(name)]
    if any(match is None for _, match in found):
        raise bad(f"{name} takes ranges such as 1_10")
    return [(int(m[1]), float(m[2]) if m[2] else float("inf")) for _, m in found if m]


def _range_test(call: Call, name: str, of: Callable[[Entry], int]) -> Wanted | None:
    ranges = _ranges(call, name)
    return (lambda e: any(low <= of(e) <= high for low, high in ranges)) if ranges else None


def _available_test(call: Call) -> Wanted | None:
    kinds = call.texts("data_types")
    if not set(kinds) <= {"personal_email", "work_email", "phone"}:
        raise bad("data_types takes personal_email, work_email and phone")
    return (lambda e: any(availability(e.known)[kind] for kind in kinds)) if kinds else None


def _exclusions(call: Call) -> list[Wanted | None]:
    companies = [plain(n) for n in call.texts("exclude_companies")]
    titles = [plain(t) for t in call.texts("exclude_job_titles")]
    return [
        (lambda e: not any(company_fits(e.known.company, n) for n in companies)) if companies else None,
        (lambda e: not any(_contains(t, x) for t in e.titles("current") for x in titles)) if titles else None,
    ]


def search_companies(call: Call) -> list[Company]:
    """Every company that fits all filters of the body.

    Raises:
        Refused: no filter at all, or one that is malformed.
    """
    tests = [test for test in _company_tests(call) if test]
    if not tests:
        raise bad("at least one filter is required")
    directory: Directory = call.directory
    return [
        c
        for c in directory.population.companies
        if all(test(c) for test in tests) and directory.knows_company(c)
    ]


def _company_tests(call: Call) -> list[Callable[[Company], bool] | None]:
    seed = call.directory.seed
    names = [plain(n) for n in call.texts("name", MOST)]
    domains, places = _domains(call), [plain(p) for p in call.texts("location", MOST)]
    industries = [plain(i) for i in call.texts("industries", MOST) + call.texts("industry", MOST)]
    sizes = _ranges(call, "size")
    call.flag("hq_only")
    bounds = {n: call.number(n, 0, 0) for n in ("min_revenue", "max_revenue") if n in call.body}
    years = _founded(call)
    return [
        (lambda c: any(company_fits(c, n) for n in names)) if names else None,
        (lambda c: c.domain in domains) if domains else None,
        (lambda c: any(p in plain(place_of(c)).split(", ") or p == plain(place_of(c)) for p in places))
        if places
        else None,
        (lambda c: any(_contains(plain(c.industry), i) for i in industries)) if industries else None,
        (lambda c: any(low <= c.size <= high for low, high in sizes)) if sizes else None,
        (lambda c: bounds.get("min_revenue", 0) <= revenue_of(seed, c) <= bounds.get("max_revenue", 10**18))
        if bounds
        else None,
        (lambda c: years[0] <= c.founded <= years[1]) if years else None,
    ]


def _founded(call: Call) -> tuple[int, int] | None:
    """The years asked for. The vendor's bounds are 1985 and the current year."""
    if "year_founded_from" not in call.body and "year_founded_to" not in call.body:
        return None
    start = call.number("year_founded_from", 1985)
    end = call.number("year_founded_to", call.now.year)
    if start < 1985 or end > call.now.year:
        raise bad("year_founded_from begins at 1985 and year_founded_to ends at the current year")
    return start, end
