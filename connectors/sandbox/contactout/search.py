"""Operations that find people and companies, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from connectors.sandbox.contactout.asking import Call, Debit, Json, bad
from connectors.sandbox.contactout.companies import company_found
from connectors.sandbox.contactout.contacts import php_map
from connectors.sandbox.contactout.filters import Entry, search_companies, search_people
from connectors.sandbox.contactout.profiles import decision_maker, search_row
from connectors.sandbox.contactout.single import contact_debits

PAGE = 25
DECIDERS = ("CXO", "Vice President", "Head")
T = TypeVar("T")


def _page(call: Call, rows: Sequence[T]) -> tuple[Sequence[T], Json]:
    """The rows of the page asked for, and the answer's metadata."""
    page = call.number("page", 1)
    shown = rows[(page - 1) * PAGE : page * PAGE]
    total = 0 if call.knobs.unreliable_total else len(rows)
    return shown, {"page": page, "page_size": PAGE, "total_results": total}


def _debits(entries: Sequence[Entry], reveal: bool) -> list[Debit]:
    """A search credit for each row, and the revealed contacts of each."""
    debits: list[Debit] = []
    for entry in entries:
        debits.append(("search", entry.person.ref))
        if reveal:
            known = entry.known
            got = known.work_email or known.personal_email
            debits += contact_debits(entry.person.ref, got, known.phones)
    return debits


def _need(call: Call, reveal: bool) -> None:
    call.need("search", *(("email", "phone") if reveal else ()))


async def people_search(call: Call) -> Json:
    """POST /v1/people/search. The keys of the map are profile URLs without `www.`."""
    reveal = call.flag("reveal_info")
    posts, schools = call.flag("detailed_experience"), call.flag("detailed_education")
    call.flag("include_related_job_titles")
    chosen = set(call.texts("output_fields"))
    _need(call, reveal)
    entries, metadata = _page(call, search_people(call))
    if entries:
        call.till.take(_debits(entries, reveal))
    profiles: Json = {}
    for entry in entries:
        row = search_row(call.directory.seed, entry.known, reveal, posts, schools)
        keys = chosen | {"contact_availability", "contact_info"} if chosen else set(row)
        url = f"https://linkedin.com/in/{entry.person.slug}"
        profiles[url] = {key: value for key, value in row.items() if key in keys}
    return {"status_code": 200, "metadata": metadata, "profiles": php_map(profiles)}


async def people_count(call: Call) -> Json:
    """POST /v1/people/count. Ignores page, data_types and reveal_info."""
    for name in ("page", "data_types", "reveal_info"):
        call.body.pop(name, None)
    return {"status_code": 200, "total_results": len(search_people(call))}


async def decision_makers(call: Call) -> Json:
    """GET /v1/people/decision-makers. The keys of the map are profile URLs with `www.`."""
    url, domain, name = (call.query.get(n, "").strip() for n in ("linkedin_url", "domain", "name"))
    if not (url or domain or name):
        raise bad("linkedin_url, domain or name is required")
    if url and not (url.lower().startswith("http") and "linkedin.com/company/" in url.lower()):
        raise bad("linkedin_url begins with http and contains linkedin.com/company/")
    reveal = call.flag("reveal_info")
    _need(call, reveal)
    directory = call.directory
    company = directory.company(name=name, domain=domain, url=url)
    found = [
        Entry(directory.seed, person, known)
        for person in (directory.staff.get(company.index, ()) if company else ())
        if (known := directory.known(person))
        and not known.wrong
        and known.company == company
        and person.seniority in DECIDERS
    ]
    entries, metadata = _page(call, found)
    if entries:
        call.till.take(_debits(entries, reveal))
    profiles: Json = {e.person.linkedin_url: decision_maker(directory.seed, e.known, reveal) for e in entries}
    return {"status_code": 200, "metadata": metadata, "profiles": php_map(profiles)}


async def company_search(call: Call) -> Json:
    """POST /v1/company/search."""
    call.need("search")
    companies, metadata = _page(call, search_companies(call))
    if companies:
        call.till.take([("search", f"company:{c.index}") for c in companies])
    found = [company_found(call.directory.seed, c) for c in companies]
    return {"status_code": 200, "metadata": metadata, "companies": found}
