"""People and company search: filters, sorting, pages, prices."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from decimal import Decimal

import orjson

from connectors.sandbox.crustdata import companies, facts, prices
from connectors.sandbox.crustdata.calls import Call
from connectors.sandbox.crustdata.fields import COMPANY, SEARCH, read_fields
from connectors.sandbox.crustdata.filters import Getters, S, compile_filter
from connectors.sandbox.crustdata.profiles import Profile
from connectors.sandbox.crustdata.refusals import Json, invalid
from connectors.sandbox.population import Company, Knowledge, Person, plain

_DETAILS = "experience.employment_details"


def _employer(get: Callable[[Company], object], name: str) -> dict[str, Callable[[Knowledge], object]]:
    """A fact of the employer under its three filter names: present, past, either."""
    return {
        f"{_DETAILS}.current.{name}": lambda k: get(k.company),
        f"{_DETAILS}.past.{name}": lambda k: get(k.subject.past),
        f"{_DETAILS}.{name}": lambda k: [get(k.company), get(k.subject.past)],
    }


PEOPLE: Getters[Knowledge] = {
    "crustdata_person_id": lambda k: facts.person_id(k.subject),
    "basic_profile.name": lambda k: k.subject.full,
    "basic_profile.first_name": lambda k: k.subject.first,
    "basic_profile.last_name": lambda k: k.subject.last,
    "basic_profile.headline": facts.headline,
    "basic_profile.current_title": lambda k: k.subject.title,
    "basic_profile.location.city": lambda k: k.subject.city,
    "basic_profile.location.state": lambda k: facts.STATES.get(k.subject.city, ""),
    "basic_profile.location.country": lambda k: k.subject.country_name,
    "basic_profile.location.full_location": lambda k: facts.person_place(k.subject)["full_location"],
    "basic_profile.location.raw": lambda k: facts.person_place(k.subject)["raw"],
    "social_handles.professional_network_identifier.profile_url": lambda k: k.subject.linkedin_url,
    **_employer(lambda c: c.name, "company_name"),
    **_employer(lambda c: c.name, "name"),
    **_employer(lambda c: c.domain, "company_website_domain"),
    **_employer(facts.company_id, "crustdata_company_id"),
    **_employer(lambda c: c.size, "company_headcount_latest"),
    **_employer(lambda c: c.industry, "company_professional_network_industry"),
    f"{_DETAILS}.current.title": lambda k: k.subject.title,
    f"{_DETAILS}.current.seniority_level": lambda k: k.subject.seniority,
    f"{_DETAILS}.current.function_category": lambda k: k.subject.function,
    "contact.has_business_email": lambda k: bool(k.work_email),
    "contact.has_personal_email": lambda k: bool(k.personal_email),
    "contact.has_phone_number": lambda k: bool(k.phones),
}
COMPANIES: Getters[Company] = {
    "crustdata_company_id": facts.company_id,
    "basic_info.name": lambda c: c.name,
    "basic_info.primary_domain": lambda c: c.domain,
    "basic_info.professional_network_url": facts.company_page,
    "basic_info.year_founded": lambda c: c.founded,
    "basic_info.industries": lambda c: [c.industry],
    "headcount.total": lambda c: c.size,
    "locations.country": lambda c: facts.iso3(c.country),
    "locations.city": lambda c: c.city,
    "taxonomy.professional_network_industry": lambda c: c.industry,
}


def _sorted(call: Call, rows: list[S], getters: Getters[S]) -> list[S]:
    sorts = call.body.get("sorts") or []
    if not isinstance(sorts, list) or not all(isinstance(s, dict) for s in sorts):
        raise invalid("sorts must be an array of objects", "sorts")
    for one in reversed(sorts):
        field, order = one.get("field", one.get("column")), one.get("order", "asc")
        if field not in getters or order not in ("asc", "desc"):
            raise invalid("a sort has a known field and order asc or desc", "sorts")
        get = getters[field]
        rows = sorted(rows, key=lambda row: str(get(row)), reverse=order == "desc")
        if all(isinstance(get(row), int) for row in rows):
            rows = sorted(rows, key=lambda row: _whole(get(row)), reverse=order == "desc")
    return rows


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _mark(call: Call) -> str:
    """What a cursor holds of the search that it belongs to."""
    asked = {k: v for k, v in call.body.items() if k not in ("cursor", "limit")}
    return hashlib.blake2b(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()


def _page(call: Call, rows: list[S], limit: int) -> tuple[list[S], str | None]:
    """The rows of the wanted page, and the cursor of the next one.

    Raises:
        Refused: the cursor is not one of this search.
    """
    start, cursor, mark = 0, call.text("cursor"), _mark(call)
    if cursor:
        try:
            held, _, at = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
            start = int(at)
        except ValueError:
            raise invalid("cursor is not valid", "cursor") from None
        if held != mark:
            raise invalid("cursor belongs to another search", "cursor")
    end = start + limit
    more = base64.urlsafe_b64encode(f"{mark} {end}".encode()).decode() if end < len(rows) else None
    return rows[start:end], more


def _excluded(call: Call, rows: list[Knowledge]) -> list[Knowledge]:
    """The rows of a page without the people that it is to leave out: a short page is not the last."""
    wish = call.body.get("post_processing")
    if wish is None:
        return rows
    if not isinstance(wish, dict):
        raise invalid("post_processing must be an object", "post_processing")
    profiles, names = ({str(v).strip().lower().rstrip("/") for v in wish.get(k) or []}
                       for k in ("exclude_profiles", "exclude_names"))  # fmt: skip
    return [
        k for k in rows
        if k.subject.linkedin_url.lower() not in profiles and k.subject.full.lower() not in names
    ]  # fmt: skip


def _candidates(call: Call) -> Iterable[Knowledge]:
    """Everybody known, or those of one name where the search is for nothing else."""
    directory, tree = call.directory, call.body.get("filters")
    people: Iterable[Person] = directory.population.people
    parts = tree.get("conditions", [tree]) if isinstance(tree, dict) and tree.get("op") != "or" else []
    for part in parts if isinstance(parts, list) else []:
        named = (
            isinstance(part, dict) and part.get("field") == "basic_profile.name" and part.get("type") == "="
        )
        if named and isinstance(part.get("value"), str):
            people = directory.population.by_name.get(plain(part["value"]), [])
    return (k for k in map(directory.known, people) if k)


async def _people(call: Call, price: Decimal, most: int) -> object:
    if call.body.get("filters") is None:
        raise invalid("filters is required", "filters")
    test = compile_filter(call.body["filters"], PEOPLE)
    limit = call.count("limit", 20, most)
    fields = read_fields(
        call.body, SEARCH, ("basic_profile", "social_handles", "experience"), call.knobs.denied, deep=True
    )
    preview = call.refuse_preview()
    rows = _sorted(call, [k for k in _candidates(call) if test(k)], PEOPLE)
    page, cursor = _page(call, rows, limit)
    page = _excluded(call, page)
    call.till.need(Decimal(0) if preview else price * limit)
    for known in page if not preview else []:
        call.till.take(known.subject.ref, [("search", price)])
    shown = [_row(call, known, fields) for known in page]
    if not shown and not rows and call.knobs.empty_search == "list":
        return []
    return {"profiles": shown, "total_count": len(rows), "next_cursor": cursor}


def _row(call: Call, known: Knowledge, fields: tuple[str, ...]) -> Json:
    flags = {
        "has_business_email": bool(known.work_email),
        "has_personal_email": bool(known.personal_email),
        "has_phone_number": bool(known.phones),
    }
    return {**Profile(call.directory, known, call.now).shown(fields), "contact": flags}


async def people(call: Call) -> object:
    """POST /person/search."""
    return await _people(call, prices.SEARCH_ROW, 1000)


async def live_people(call: Call) -> object:
    """POST /person/professional_network/search/live."""
    return await _people(call, prices.LIVE_SEARCH_ROW, 25)


async def autocomplete(call: Call) -> object:
    """POST /person/search/autocomplete: values of one field that hold a text."""
    field, query = call.text("field"), plain(call.text("query"))
    if field not in PEOPLE:
        raise invalid("field is not known", "field")
    limit = call.count("limit", 20, 100)
    values = dict.fromkeys(
        value
        for known in map(call.directory.known, call.directory.population.people)
        if known and isinstance(value := PEOPLE[field](known), str) and query in plain(value)
    )
    return {"suggestions": [{"value": value} for value in list(values)[:limit]]}


async def search_companies(call: Call) -> object:
    """POST /company/search."""
    if call.body.get("filters") is None:
        raise invalid("filters is required", "filters")
    test = compile_filter(call.body["filters"], COMPANIES)
    limit = call.count("limit", 20, 1000)
    fields = read_fields(call.body, COMPANY, ("basic_info",), call.knobs.denied, deep=True)
    directory = call.directory
    known = [c for c in directory.population.companies if companies.knows(directory, c) and test(c)]
    rows = _sorted(call, known, COMPANIES)
    page, cursor = _page(call, rows, limit)
    call.till.need(prices.SEARCH_ROW * limit)
    for company in page:
        call.till.take(companies.reference(company), [("search", prices.SEARCH_ROW)])
    shown = [companies.shown(directory, company, fields) for company in page]
    return {"companies": shown, "total_count": len(rows), "next_cursor": cursor}
