"""Invented answers in ReverseLooker's documented form, for the tests of its connector."""

from __future__ import annotations

from typing import Any

from connectors.reverselooker import Connector, ConnectorOptions
from syncd.connector import Job, Operation
from syncd.model import Lookup, Outcome
from syncd.secret import Secret
from tests.unit.scripted_wire import ScriptedWire, email

ID = "5e0d6c1a-77aa-4f3e-8b21-90c4d5e6f701"
ASKED = "jorun.vale@mail.example.org"
OTHER = "pell.ash@mail.example.org"
URL = "https://www.linkedin.com/in/jorun-vale-demo"
TOKEN = "REVERSELOOKER_TEST_TOKEN"


def post(**said: object) -> dict[str, Any]:
    return {
        "title": "Harbour Pilot",
        "company": "Fairlead",
        "start_date": "2021-02",
        "end_date": None,
        "duration": "5 years",
    } | said


def person(*posts: object, **said: object) -> dict[str, Any]:
    """Somebody with every documented property; the count of posts is wrong, as in the vendor's example."""
    return {
        "first_name": "Jorun",
        "last_name": "Vale",
        "full_name": "Jorun Vale",
        "headline": "Harbour Pilot at Fairlead",
        "company_name": "Fairlead",
        "location": "Bergen, Norway",
        "linkedin_url": "https://linkedin.com/in/Jorun-Vale-demo",
        "locale": "nb_NO",
        "summary": "",
        "skills": ["Pilotage"],
        "experience": {"experience_count": 4, "experience_history": list(posts or (post(),))},
        "education": {"education_history": [{"school_name": "X", "degree_name": "Y", "field_of_study": "Z"}]},
    } | said


def launch(**said: object) -> dict[str, Any]:
    return {"id": ID, "credits_used": 50, "message": "Search operating"} | said


def search(qualification: object = "found", result: object = "default", **said: object) -> dict[str, Any]:
    default = person() if qualification == "found" else None
    return {
        "id": ID,
        "email": ASKED,
        "created_at": "2026-05-04T09:10:00Z",
        "qualification": qualification,
        "result": default if result == "default" else result,
    } | said


def row(address: str, qualification: str = "found", **said: object) -> dict[str, Any]:
    """A row of a bulk search: its own id, and null for everything unless found."""
    facts = {
        "linkedin_url": "https://linkedin.com/in/jorun-vale-demo",
        "full_name": "Jorun Vale",
        "headline": "Harbour Pilot at Fairlead",
        "company_name": "Fairlead",
        "location": "Bergen, Norway",
    }
    known = facts if qualification == "found" else dict.fromkeys(facts)
    return {"id": f"{ID[:-2]}99", "email": address, "qualification": qualification, **known} | said


def bulk(*rows: object, status: str = "completed", **said: object) -> dict[str, Any]:
    return {
        "id": ID,
        "created_at": "2026-05-04T09:20:00Z",
        "last_update": "2026-05-04T09:20:41Z",
        "number_requested": len(rows),
        "number_finished": len(rows) if status == "completed" else 0,
        "status": status,
        "results": list(rows),
    } | said


def connector(**options: Any) -> Connector:
    settings = {"token": Secret("env", TOKEN), "bulk": "backfill"}
    return Connector(ConnectorOptions.model_validate(settings | options))


def operation(name: str) -> Operation:
    return next(o for o in Connector.operations if o.name == name)


def ask(name: str, body: object, *addresses: str, **options: Any) -> list[Outcome]:
    made = connector(**options)
    lookups = [email(address) for address in addresses or (ASKED,)]
    return made.submit(ScriptedWire(made, body), operation(name), lookups)


def poll(name: str, body: object, *addresses: str) -> list[Outcome]:
    made = connector()
    lookups: tuple[Lookup, ...] = tuple(email(address) for address in addresses or (ASKED,))
    (outcomes,) = made.poll(ScriptedWire(made, body), operation(name), [Job(ID, lookups)])
    return outcomes
