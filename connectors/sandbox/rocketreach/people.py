"""Lookups of people: single, in bulk, with their employer, and their statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.population import Knowledge, Person
from connectors.sandbox.rocketreach.account import OutOfCredits
from connectors.sandbox.rocketreach.asking import Fields, Json, bad, missing, no_lookup_credits
from connectors.sandbox.rocketreach.call import Answer, Call
from connectors.sandbox.rocketreach.companies import short_company
from connectors.sandbox.rocketreach.directory import Wanted
from connectors.sandbox.rocketreach.knobs import LOOKUP_TYPES
from connectors.sandbox.rocketreach.lookups import Lookup, Order
from connectors.sandbox.rocketreach.profiles import LIST, View
from connectors.sandbox.rocketreach.till import SHOWN

REVEALS = {
    "reveal_professional_email": "professional",
    "reveal_personal_email": "personal",
    "reveal_phone": "phone",
    "reveal_detailed_person_enrichment": "detail",
    "reveal_healthcare_enrichment": "healthcare",
}
MOST_IDS = 100
MOST_QUERIES = 100
_CACHED_UNTIL = datetime(2026, 9, 1, tzinfo=UTC).timestamp()


def wanted(call: Call, given: Fields) -> Wanted:
    """Whom a query or a row means.

    Raises:
        Refused: no identifier, half of the pair of names, or a bad value.
    """
    name, employer = given.text("name"), given.text("current_employer")
    if name and not employer:
        raise bad("current_employer", "Required together with name.")
    if employer and not name:
        raise bad("name", "Required together with current_employer.")
    found = Wanted(
        id=given.integer("id"),
        linkedin_url=given.text("linkedin_url") or given.text("linkedin_ext_url"),
        email=given.email("email"),
        name=name,
        employer=employer,
        title=given.text("title"),
        phone=given.text("phone") if call.options.phone_identifies else "",
        npi=given.integer("npi_number"),
    )
    identified = found.id is not None or found.npi is not None
    if not (identified or found.linkedin_url or found.email or name or found.phone):
        raise bad("non_field_errors", "id, linkedin_url, email, or name with current_employer is required.")
    return found


def order(call: Call, given: Fields) -> Order:
    """What a query or a row buys."""
    default = call.options.cached_emails_default
    flips = call.at < _CACHED_UNTIL if default == "by_date" else default == "true"
    cached = given.flag("return_cached_emails", flips)
    kind = given.choice("lookup_type", LOOKUP_TYPES)
    if call.universal:
        items = tuple(name for flag, name in REVEALS.items() if given.flag(flag))
        return Order(items, frozenset(items), cached, dict(call.charge))
    pool = call.desk.till.pool(kind)
    return Order((pool,), SHOWN[pool], cached, dict(call.charge))


def start(call: Call, person: Person | None, bought: Order) -> Lookup | None:
    """The lookup of whom a request means; None where nobody is known.

    Raises:
        Refused: the balance could not pay for it; profiles that were bought before are free.
    """
    desk, free = call.desk, False
    if person is not None:
        owned = desk.lookups.owned(call.universal, person, bought)
        free = owned and not call.options.recharge_on_relookup
    if not free:
        try:
            desk.till.need(call.universal, bought.items)
        except OutOfCredits:
            raise no_lookup_credits() from None
    return desk.lookups.start(call.universal, person, bought, call.options) if person else None


def hook_of(call: Call, given: Fields, endpoint: str) -> Json | None:
    """The webhook that a request is answered to.

    Raises:
        Refused: it names one that is not there or not enabled for the endpoint.
    """
    number = given.integer("webhook_id")
    hook = call.desk.webhooks.pick(number, endpoint)
    if number is not None and hook is None:
        raise bad("webhook_id", "No such webhook is enabled for this endpoint.")
    return hook


def shown(call: Call, lookup: Lookup, known: Knowledge) -> Json:
    """The profile as far as its lookup is."""
    status = lookup.status(call.at)
    profiles, view = call.desk.profiles, View(call.universal, frozenset(lookup.classes), lookup.cached)
    if status == "complete":
        return profiles.complete(lookup.person, known, view)
    if status == "failed":
        return profiles.failed(lookup.person, known)
    return profiles.running(lookup.person, known, status, view)


def _delivered(call: Call, lookup: Lookup, metadata: Json | None, profile_list: Json) -> Json:
    """The profile as a webhook carries it."""
    known = call.desk.directory.known(lookup.person)
    profile = shown(call, lookup, known) if known else {}
    return {"profile_list": profile_list} | profile | {"profile_list": profile_list, "metadata": metadata}


async def lookup_person(call: Call) -> Answer:
    """GET person/lookup."""
    profile = _looked_up(call)
    return Answer([profile] if call.options.lookup_as_array else profile)


def _looked_up(call: Call) -> Json:
    meant, bought = wanted(call, call.query), order(call, call.query)
    hook, metadata = hook_of(call, call.query, "lookup"), call.query.metadata()
    if hook:
        told = hook

        def tell(lookup: Lookup) -> None:
            content = _delivered(call, lookup, metadata, dict(LIST))
            call.desk.webhooks.deliver(told, call.request_id, content, call.options)

        bought.told = tell
    person = call.desk.directory.match(meant)
    lookup = start(call, person, bought)
    known = call.desk.directory.known(person) if person else None
    if lookup is None or known is None:
        raise missing()
    profile = shown(call, lookup, known)
    return profile | ({"metadata": metadata} if metadata or profile["status"] == "complete" else {})


async def lookup_with_employer(call: Call) -> Answer:
    """GET profile-company/lookup. The company comes at once and is paid at once."""
    desk = call.desk
    person = desk.directory.match(wanted(call, call.query))
    known = desk.directory.known(person) if person else None
    company = known.company if known and desk.directory.knows_company(known.company) else None
    if company is None:
        return Answer(_looked_up(call) | {"company": None})
    try:
        desk.till.need_company(False, company)
        profile = _looked_up(call)
        desk.till.company(False, company, dict(call.charge))
    except OutOfCredits:
        raise no_lookup_credits() from None
    return Answer(profile | {"company": short_company(company)})


async def check_status(call: Call) -> Answer:
    """GET person/checkStatus: a row for each known id, in the order of the ids; free."""
    if not call.ids:
        raise bad("ids", "This field is required.")
    if len(call.ids) > MOST_IDS:
        raise bad("ids", f"Ensure this field has no more than {MOST_IDS} elements.")
    numbers = [Fields({"ids": text}).integer("ids") for text in call.ids]
    rows = [row for number in numbers if number is not None and (row := _status_row(call, number))]
    return Answer({"profiles": rows} if call.options.status_as_object else rows)


def _status_row(call: Call, number: int) -> Json | None:
    person = call.desk.directory.at_id(number)
    known = call.desk.directory.known(person) if person else None
    if person is None or known is None:
        return None
    lookup = call.desk.lookups.find(call.universal, number, poll=True)
    if lookup is None:
        return {"id": number, "status": "not queued"}
    status = lookup.status(call.at)
    if status in ("complete", "failed", "progress"):
        return shown(call, lookup, known)
    return {"id": number, "status": status}


@dataclass(slots=True)
class Batch:
    """The rows of one bulk request: what is ready of them, and how many are not."""

    rows: list[Json | None] = field(default_factory=list)
    open: int = 0


def _rows(call: Call) -> list[Fields]:
    queries = call.body.get("queries")
    if not isinstance(queries, list) or not all(isinstance(q, dict) for q in queries):
        raise bad("queries", "Expected a list of objects.")
    if not call.options.bulk_min <= len(queries) <= MOST_QUERIES:
        raise bad("queries", f"Send {call.options.bulk_min} to {MOST_QUERIES} queries.")
    flags = {name: call.body[name] for name in REVEALS if name in call.body}
    return [Fields(flags | query) for query in queries]


async def lookup_in_bulk(call: Call) -> Answer:
    """POST bulkLookup. The answer says nothing; the profiles come by webhook when all are ready."""
    rows, given = _rows(call), Fields(call.body)
    hook = hook_of(call, given, "bulk")
    if hook is None:
        raise bad("webhook_id", "Bulk lookups need a webhook that is enabled for them.")
    meant = [(wanted(call, row), order(call, row), row.metadata()) for row in rows]
    for _, bought, _ in meant:
        _affordable(call, bought)
    filed = {"id": 1001, "name": given.text("profile_list") or "API Bulk Lookup"}
    batch = Batch(open=1)

    def close() -> None:
        batch.open -= 1
        if not batch.open:
            content = [row for row in batch.rows if row is not None]
            call.desk.webhooks.deliver(hook, call.request_id, content, call.options)

    for at, (whom, bought, metadata) in enumerate(meant):
        person = call.desk.directory.match(whom)
        if person is None:
            unmatched = {"id": None, "status": "failed", "profile_list": filed, "metadata": metadata}
            batch.rows.append(unmatched if call.options.bulk_unmatched == "failed" else None)
            continue
        batch.rows.append(None)
        batch.open += 1

        def tell(lookup: Lookup, at: int = at, metadata: Json | None = metadata) -> None:
            batch.rows[at] = _delivered(call, lookup, metadata, filed)
            close()

        bought.told = tell
        call.desk.lookups.start(call.universal, person, bought, call.options)
    close()
    body: dict[str, Any] | None = {} if call.options.bulk_reply_body else None
    return Answer(body)


def _affordable(call: Call, bought: Order) -> None:
    try:
        call.desk.till.need(call.universal, bought.items)
    except OutOfCredits:
        raise no_lookup_credits() from None
