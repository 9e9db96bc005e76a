"""The vendor's operations: path, requests a minute, fields, what answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.sandbox.crustdata import batches, companies, enriching, searching, usage
from connectors.sandbox.crustdata.calls import Call
from connectors.sandbox.crustdata.fields import BATCH_CONTACT, COMPANY, CONTACT, LIVE, PERSON, SEARCH
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.crustdata.refusals import Json, invalid

API_VERSION = "2025-11-01"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    `rpm` is the documented number of requests a minute, None where none is. Operations of one `bucket`
    share it. `category` is blank for what is not listed among the account's endpoints.
    """

    method: str
    template: str
    run: Callable[[Call], Awaitable[object]]
    rpm: int | None = None
    category: str = ""
    fields: tuple[str, ...] = ()
    versioned: bool = True
    bucket: str = ""
    counted: bool = True
    """Whether the answer tells the credits used; the usage log's does not."""
    logged: bool = False
    open: bool = False
    """Needs no key."""


async def endpoints(call: Call) -> object:
    """GET /account/endpoints."""
    path, category, status = (call.query.get(name, "") for name in ("path", "category", "status"))
    words = ("enabled", call.knobs.status_words)
    if status and status not in words:
        raise invalid(f"status must be one of {', '.join(words)}", "status")
    rows = [_entitlement(o, call.knobs) for o in OPERATIONS if o.category]
    wanted = {"path": path, "category": category, "status": status}
    rows = [row for row in rows if all(not v or row[k] == v for k, v in wanted.items())]
    return {"api_version": API_VERSION, "token_limit_rpm": call.knobs.token_rpm, "endpoints": rows}


def _entitlement(operation: Operation, knobs: Knobs) -> Json:
    enabled = knobs.enabled(operation.template)
    denied = [f for f in operation.fields if any(f == d or f.startswith(f"{d}.") for d in knobs.denied)]
    return {
        "path": operation.template,
        "category": operation.category,
        "status": "enabled" if enabled else knobs.status_words,
        "effective_rate_limit_rpm": (
            knobs.per_minute(operation.template, operation.rpm) if enabled else None
        ),
        "fields": {
            "enabled": [f for f in operation.fields if f not in denied] if enabled else [],
            "disabled": denied if enabled else [],
        },
    }


def _paid(path: str, run: Callable[[Call], Awaitable[object]], rpm: int | None, category: str,
          fields: tuple[str, ...] = ()) -> Operation:  # fmt: skip
    return Operation("POST", path, run, rpm, category, fields, logged=True)


def _usage(path: str, run: Callable[[Call], Awaitable[object]]) -> Operation:
    return Operation("GET", f"/account/usage/{path}", run, 60, bucket="/account/usage", counted=False)


OPERATIONS = (
    _paid("/person/enrich", enriching.enrich, 15, "Person", PERSON),
    _paid("/person/contact/enrich", enriching.contact, 15, "Person", CONTACT),
    _paid("/person/professional_network/enrich/live", enriching.live, 10, "Person", LIVE),
    _paid("/person/search", searching.people, 30, "Person", SEARCH),
    _paid("/person/professional_network/search/live", searching.live_people, 10, "Person", SEARCH),
    _paid("/person/search/autocomplete", searching.autocomplete, None, "Person"),
    _paid("/person/identify", enriching.identify, None, ""),
    _paid("/company/identify", companies.identify, None, "Company", COMPANY[:2]),
    _paid("/company/enrich", companies.enrich, 15, "Company", COMPANY),
    _paid("/company/search", searching.search_companies, None, "Company", COMPANY),
    _paid("/batch/person/enrich", batches.enrich_people, None, "Batch", PERSON),
    _paid("/batch/person/contact/enrich", batches.enrich_contacts, None, "Batch", BATCH_CONTACT),
    _paid("/batch/person/identify", batches.identify_people, None, "Batch"),
    _paid("/batch/company/enrich", batches.enrich_companies, None, "Batch", COMPANY),
    Operation("GET", "/batch", batches.listing),
    Operation("GET", "/batch/{id}", batches.status, versioned=False),
    Operation("GET", "/account/credits", usage.credits_left, 300),
    Operation("GET", "/user/credits", usage.old_credits, 300, versioned=False),
    Operation("GET", "/account/endpoints", endpoints, 300),
    _usage("summary", usage.summary),
    _usage("events", usage.events),
    _usage("errors", usage.errors),
    _usage("events/{request_id}", usage.event),
    Operation("GET", "/files/{token}/{name}", batches.download, versioned=False, open=True),
)
