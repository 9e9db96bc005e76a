"""Balance, entitlements and the usage log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connectors.sandbox.crustdata.account import Event, plain_number
from connectors.sandbox.crustdata.calls import Call
from connectors.sandbox.crustdata.refusals import Json, invalid, missing

TEAM = 1318
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")
DIMENSIONS = ("api_key_id", "client_surface", "component", "day", "endpoint", "product", "status_class")


async def credits_left(call: Call) -> object:
    """GET /account/credits."""
    return call.account.credits(call.knobs, call.now)


async def old_credits(call: Call) -> object:
    """GET /user/credits."""
    return {"credits": plain_number(call.account.balance)}


def product(event: Event) -> str:
    """The product that an endpoint belongs to."""
    return event.endpoint.strip("/").replace("/", "_")


def shown(event: Event) -> Json:
    """One request as the log shows it."""
    components: list[Json] = [
        {"component": name, "quantity": sum(n == name for n, _ in event.lines),
         "credits": plain_number(sum((a for n, a in event.lines if n == name), Decimal(0)))}
        for name in dict.fromkeys(n for n, _ in event.lines)
    ]  # fmt: skip
    return {
        "event_id": event.id,
        "ts": event.moment.isoformat(timespec="microseconds"),
        "team_id": TEAM,
        "user_id": TEAM,
        "api_key_id": None if event.status == 429 else event.key_number,
        "client_surface": event.surface,
        "product": product(event),
        "endpoint": event.endpoint,
        "method": event.method,
        "status": event.status,
        "error_type": event.error or None,
        "credits_used": plain_number(event.used),
        "cost_components": components,
    }


def _instant(call: Call, name: str, default: datetime) -> datetime:
    text = call.query.get(name, "")
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise invalid(f"{name} must be a date or an ISO 8601 timestamp", name) from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _words(call: Call, name: str) -> set[str]:
    return {word.strip() for word in call.query.get(name, "").split(",") if word.strip()}


def _windowed(call: Call) -> list[Event]:
    """The requests that the query is for, newest first; those of the last seconds are not shown yet."""
    midnight = call.now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = _instant(call, "end", midnight + timedelta(days=1))
    start = _instant(call, "start", end - timedelta(days=7))
    latest = call.now.timestamp() - call.knobs.usage_lag_s
    status_class = call.query.get("status_class", "")
    if status_class and status_class not in STATUS_CLASSES:
        raise invalid(f"status_class must be one of {', '.join(STATUS_CLASSES)}", "status_class")
    filters: dict[str, Callable[[Event], str]] = {
        "endpoints": lambda e: e.endpoint,
        "status": lambda e: str(e.status),
        "products": product,
        "client_surface": lambda e: e.surface,
        "api_key_ids": lambda e: str(e.key_number),
        "error_type": lambda e: e.error,
        "error_key": _error_key,
    }
    wanted = {name: words for name in filters if (words := _words(call, name))}
    return [
        e for e in reversed(call.account.events)
        if e.at <= latest and start.timestamp() <= e.at < end.timestamp()
        and (not status_class or str(e.status)[0] == status_class[0])
        and all(filters[name](e) in words for name, words in wanted.items())
    ]  # fmt: skip


def _error_key(event: Event) -> str:
    return f"{event.endpoint}:{event.status}:{event.error}"


async def events(call: Call) -> object:
    """GET /account/usage/events."""
    limit, cursor, rows = call.count("limit", 50, 500), call.query.get("cursor", ""), _windowed(call)
    if cursor:
        at = next((n for n, e in enumerate(rows) if e.id == cursor), None)
        if at is None:
            raise invalid("cursor is not valid", "cursor")
        rows = rows[at + 1 :]
    page, more = rows[:limit], len(rows) > limit
    return {
        "events": [shown(e) for e in page],
        "has_more": more,
        "next_cursor": page[-1].id if more else None,
    }


async def event(call: Call) -> object:
    """GET /account/usage/events/{request_id}."""
    latest = call.now.timestamp() - call.knobs.usage_lag_s
    for one in reversed(call.account.events):
        if one.id == call.path["request_id"] and one.at <= latest:
            sent = {"body": one.request, "query_params": {}, "path_params": {}}
            headers = {"authorization": "<redacted>"}
            return {**shown(one), "request": sent, "headers": headers, "response": one.response}
    raise missing("Event not found")


async def summary(call: Call) -> object:
    """GET /account/usage/summary."""
    asked = [d for d in DIMENSIONS if d in _words(call, "group_by")]
    if strange := _words(call, "group_by") - set(DIMENSIONS):
        raise invalid(f"group_by has no {', '.join(sorted(strange))}", "group_by")
    rows = _windowed(call)
    groups: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for one in rows:
        groups[tuple(_dimension(one, d) for d in asked)].append(one)
    buckets: list[Json] = []
    for key, members in groups.items():
        names = ("bucket_start" if d == "day" else d for d in asked)
        buckets.append({**dict(zip(names, key, strict=True)), **_totals(members)})
    return {"buckets": buckets if asked else [_totals(rows)]}


def _dimension(event: Event, name: str) -> str:
    values = {
        "api_key_id": str(event.key_number),
        "client_surface": event.surface,
        "component": ",".join(dict.fromkeys(n for n, _ in event.lines)),
        "day": event.moment.strftime("%Y-%m-%dT00:00:00+00:00"),
        "endpoint": event.endpoint,
        "product": product(event),
        "status_class": f"{event.status // 100}xx",
    }
    return values[name]


def _totals(rows: Iterable[Event]) -> Json:
    listed = list(rows)
    return {
        "requests": len(listed),
        "credits": plain_number(sum((e.used for e in listed), Decimal(0))),
        "errors": sum(e.status >= 400 for e in listed),
        "results": sum(len(e.lines) for e in listed),
    }


async def errors(call: Call) -> object:
    """GET /account/usage/errors."""
    groups: dict[str, list[Event]] = defaultdict(list)
    for one in _windowed(call):
        if one.status >= 400:
            groups[_error_key(one)].append(one)
    return {
        "groups": [
            {
                "error_key": key,
                "endpoint": found[0].endpoint,
                "status": found[0].status,
                "error_type": found[0].error or None,
                "count": len(found),
                "example_event_id": found[0].id,
            }
            for key, found in groups.items()
        ]
    }
