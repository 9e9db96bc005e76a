"""What an observer or a test asks of a sandbox, beside the vendor's API: `/_sandbox/…`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from connectors.sandbox.faults import Fault
from connectors.sandbox.settings import BadSetting, known_keys, number, record

if TYPE_CHECKING:
    from connectors.sandbox.base import Sandbox

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def answer(
    sandbox: Sandbox, method: str, path: str, host: str, query: Mapping[str, str], body: bytes
) -> Response:
    """The answer to a control request. A page of the web that rebinds its name to loopback is refused."""
    if host.rsplit(":", 1)[0] not in LOOPBACK and host not in LOOPBACK:
        return _json({"error": "the sandbox is steered from loopback only"}, 421)
    name = path.removeprefix("/_sandbox").strip("/")
    try:
        if method in ("GET", "HEAD"):
            return observe(sandbox, name, query)
        if method not in ("POST", "PUT", "DELETE"):
            return _json({"error": f"nothing answers to {method}; there are GET, POST and DELETE"}, 405)
        return _json(steer(sandbox, method, name, _parsed(body)))
    except KeyError as error:
        return _json({"error": f"there is no {error.args[0] if error.args else 'such thing'}"}, 400)
    except (ValueError, TypeError) as error:
        return _json({"error": str(error)}, 400)


def observe(sandbox: Sandbox, name: str, query: Mapping[str, str]) -> Response:
    """What the sandbox has seen and how it is set."""
    summary = query.get("summary", "") in ("1", "true")
    match name:
        case "journal":
            since = query.get("since", "0")
            if not since.isdecimal():
                raise BadSetting("since is the number of a request, counted from 0")
            return _json(sandbox.journal.shown(int(since), summary))
        case "books":
            return _json({"vendor": sandbox.vendor, **sandbox.books.shown(summary)})
        case "faults":
            return _json([f.shown() for f in sandbox.faults])
        case "settings":
            return _json(sandbox.settings)
        case "clock":
            return _json({"now": sandbox.clock.now().isoformat()})
        case "population":
            return _json(_population(sandbox))
        case "truth":
            return _json(_truth(sandbox))
        case "records":
            return _json({"ids": sandbox.record_ids()})
        case "health":
            return _json({"vendor": sandbox.vendor, "contacts": len(sandbox.population.people)})
        case _:
            return _json({"error": f"nothing at {name}"}, 404)


def _population(sandbox: Sandbox) -> dict[str, Any]:
    """How many people and records there are, and the lines of an export that could not be loaded."""
    population = sandbox.population
    rejected = [{"line": r.line, "reason": r.reason} for r in population.rejected]
    return {"people": len(population.people), "records": len(population.records), "rejected": rejected}


def _truth(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Everybody as they are, each by the name that books give them and the population's id of their CRM record."""
    owners = {record.person: record.id for record in sandbox.population.records}
    return [
        {
            "ref": person.ref,
            "record": owners.get(person.ref, ""),
            "full_name": person.full,
            "emails": [a for a in (person.work_email, person.personal_email, person.crm_email) if a],
            "phones": [n for n in (person.mobile, person.landline) if n],
            "mobile": person.mobile,
            "linkedin_url": person.linkedin_url,
            "job_title": person.title,
            "company_name": person.company.name,
            "company_domain": person.company.domain,
            "past_company_name": person.past.name,
            "past_company_domain": person.past.domain,
        }
        for person in sandbox.population.people
    ]


def steer(sandbox: Sandbox, method: str, name: str, data: object) -> object:
    """What is said to one who changed something.

    Raises:
        ValueError: the data is not understood; the text says what would be.
    """
    match name:
        case "faults" if method == "DELETE":
            sandbox.faults.clear()
        case "faults":
            sandbox.install([Fault.parse(f) for f in (data if isinstance(data, list) else [data])])
        case "clock":
            return _set_clock(sandbox, record(data, "the clock"))
        case "settings":
            sandbox.configure(record(data, "settings"))
        case "edit":
            return sandbox.edit(record(data, "an edit"))
        case "balance":
            return sandbox.set_balance(record(data, "a balance"))
        case _:
            raise BadSetting(f"nothing to set at {name}; there are faults, clock, settings, edit and balance")
    return {"ok": True}


def _set_clock(sandbox: Sandbox, data: dict[str, Any]) -> object:
    known_keys(data, ("advance_s", "rate"), "the clock")
    moves = {key: number(data[key], key, 0 if key == "rate" else -1e10, 1e10) for key in data}
    if "advance_s" in moves:
        sandbox.clock.advance(moves["advance_s"])
    if "rate" in moves:
        sandbox.clock.run(moves["rate"])
    return {"now": sandbox.clock.now().isoformat()}


def _parsed(body: bytes) -> object:
    try:
        parsed: object = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise BadSetting(f"the body is not JSON: {error}") from None
    return parsed


def _json(data: object, status: int = 200) -> Response:
    return Response(orjson.dumps(data), status, media_type="application/json")
