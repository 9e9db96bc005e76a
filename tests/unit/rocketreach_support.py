"""A scripted wire and invented profiles in RocketReach's documented form, for the tests of its connector."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from connectors.rocketreach import Connector, ConnectorOptions
from syncd.connector import Answer, Failure, Job, Operation, Request
from syncd.model import Candidate, Charge, Field, Found, Key, KeyKind, Lookup, Outcome, Quality
from syncd.secret import Secret

ID = "730021"
URL = "https://www.linkedin.com/in/oriel-tamm-demo"
WORK = "o.tamm@harbourline.example.com"
PERSONAL = "oriel.tamm@mail.example.org"
MOBILE = "+442079460123"


def email(address: str = WORK, **said: object) -> dict[str, object]:
    """An entry of `emails`; None leaves a key out."""
    entry: dict[str, object] = {
        "email": address,
        "smtp_valid": "valid",
        "type": "personal" if address == PERSONAL else "professional",
        "last_validation_check": "2026-10-04T09:30:00Z",
        "grade": "A",
    }
    return {name: value for name, value in (entry | said).items() if value != "left out"}


def phone(e164: str | None = MOBILE, **said: object) -> dict[str, object]:
    """An entry of `phones`."""
    entry: dict[str, object] = {
        "number": "+44 20 7946 0123",
        "e164": e164,
        "country_code": "44",
        "extension": None,
        "type": "mobile",
        "grade": "A",
        "validity": "valid",
        "recommended": False,
        "premium": True,
        "last_checked": "2026-09-02T00:00:00Z",
    }
    return {name: value for name, value in (entry | said).items() if value != "left out"}


def profile(**said: object) -> dict[str, Any]:
    """A finished look-up of an invented person with every documented property."""
    entry: dict[str, Any] = {
        "id": int(ID),
        "status": "complete",
        "name": "Oriel Tamm",
        "profile_pic": None,
        "linkedin_url": "https://www.linkedin.com/in/Oriel-Tamm-demo/",
        "linkedin_url_active": True,
        "connections": 412,
        "links": {
            "linkedin": "https://www.linkedin.com/in/oriel-tamm-demo",
            "twitter": "https://twitter.com/orieltamm_demo",
            "github": "https://github.com/orieltamm-demo",
        },
        "location": "Leith, Scotland, United Kingdom",
        "city": "Leith",
        "region": "Scotland",
        "country": "United Kingdom",
        "country_code": "GB",
        "region_latitude": 55.9,
        "region_longitude": -3.2,
        "current_title": "Head of Berths",
        "current_employer": "Harbourline",
        "current_employer_id": 8120,
        "current_employer_domain": "harbourline.example.com",
        "current_employer_website": "https://www.harbourline.example.com",
        "current_employer_linkedin_url": "https://www.linkedin.com/company/harbourline-demo/",
        "current_employer_industry": "Maritime",
        "job_history": [
            {
                "start_date": "2022-03",
                "end_date": "Present",
                "company": "Harbourline",
                "company_name": "Harbourline",
                "company_id": 8120,
                "company_linkedin_url": None,
                "company_city": None,
                "company_region": None,
                "company_country_code": None,
                "title": "Head of Berths",
                "department": "Operations",
                "sub_department": None,
                "highest_level": "Director",
                "description": None,
                "last_updated": "2026-08-11T00:00:00Z",
                "is_current": True,
            },
            {"company_name": "Quay & Sons", "end_date": "2022-02", "title": "Clerk", "is_current": False},
        ],
        "education": [
            {"school": "Demo College", "degree": "BSc", "major": "Tides", "start": 2004, "end": 2008}
        ],
        "skills": ["Mooring"],
        "birth_year": None,
        "npi_data": None,
        "tags": "",
        "return_cached_emails": False,
        "recommended_email": WORK,
        "recommended_personal_email": PERSONAL,
        "recommended_professional_email": WORK,
        "current_work_email": WORK,
        "current_personal_email": PERSONAL,
        "emails": [email(), email(PERSONAL, grade="A-", smtp_valid=None)],
        "phones": [phone()],
        "profile_list": {"id": 31, "name": "API Lookups"},
        "metadata": None,
    }
    return {name: value for name, value in (entry | said).items() if value != "left out"}


def bare(**said: object) -> dict[str, Any]:
    """A finished look-up that brought no contact data."""
    nothing = dict.fromkeys(
        (
            "recommended_email",
            "recommended_personal_email",
            "recommended_professional_email",
            "current_work_email",
            "current_personal_email",
        )
    )
    return profile(**{**nothing, "emails": [], "phones": [], **said})


def running(status: object = "searching", **said: object) -> dict[str, Any]:
    """A look-up that goes on."""
    return {"id": int(ID), "status": status, "name": "Oriel Tamm", **said}


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


class ScriptedWire:
    """Answers in turn, the last one for ever; raises what the connector's `classify` says."""

    def __init__(self, connector: Connector, *answers: object) -> None:
        self.connector = connector
        self.answers = [a if isinstance(a, Answer) else answer(a) for a in answers]
        self.sent: list[tuple[Operation, Request]] = []

    @property
    def without(self) -> frozenset[str]:
        return frozenset()

    @property
    def paths(self) -> list[str]:
        return [request.path for _, request in self.sent]

    def send(self, operation: Operation, request: Request) -> Answer:
        self.sent.append((operation, request))
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        failure = self.connector.classify(operation, found)
        if failure is not None:
            raise failure
        return found

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        raise AssertionError("this connector has no vendor package")


def connector(**options: Any) -> Connector:
    """A connector of the standard family that spends premium look-ups, unless told otherwise."""
    settings = {
        "token": Secret("env", "ROCKETREACH_TEST_TOKEN"),
        "family": "standard",
        "lookup_type": "premium",
        "searches": "names",
        "companies": True,
    }
    return Connector(ConnectorOptions.model_validate(settings | options))


def operation(name: str) -> Operation:
    return next(o for o in Connector.operations if o.name == name)


def serving(op: Operation) -> Connector:
    """A connector of the tariff under which an operation may be used."""
    if op.name.startswith("universal"):
        return connector(family="universal")
    return connector(lookup_type="standard" if op.name == "lookup_standard" else "premium")


def linkedin(url: str = URL) -> Lookup:
    key = Key.linkedin(url)
    assert key is not None
    return Lookup(key)


def by_id(number: str = ID) -> Lookup:
    return one(KeyKind.PROVIDER_ID, number)


def one(kind: KeyKind, value: str) -> Lookup:
    key = Key.single(kind, value)
    assert key is not None
    return Lookup(key)


def named(**parts: str) -> Lookup:
    kind = KeyKind.NAME_DOMAIN if "domain" in parts else KeyKind.NAME_COMPANY
    return Lookup(Key(kind, parts))


def any_lookup(op: Operation) -> Lookup:
    """A lookup by a key that an operation accepts."""
    made: Mapping[KeyKind, Lookup] = {
        KeyKind.LINKEDIN_URL: linkedin(),
        KeyKind.NAME_DOMAIN: named(full_name="Oriel Tamm", domain="harbourline.example.com"),
        KeyKind.DOMAIN: one(KeyKind.DOMAIN, "harbourline.example.com"),
    }
    return next(lookup for kind, lookup in made.items() if kind in op.accepts)


def ask(name: str, body: object, lookup: Lookup | None = None) -> Outcome:
    """The outcome of one question that is answered with `body`."""
    op = operation(name)
    made = serving(op)
    (found,) = made.submit(ScriptedWire(made, body), op, [lookup or any_lookup(op)])
    return found


def poll(name: str, body: object, *handles: str) -> list[Outcome]:
    """The outcomes of jobs of one lookup each."""
    op = operation(name)
    made = serving(op)
    jobs = [Job(handle, (linkedin(),)) for handle in handles or (ID,)]
    return [found for (found,) in made.poll(ScriptedWire(made, body), op, jobs)]


def found(outcome: Outcome) -> Candidate:
    assert isinstance(outcome, Found)
    return outcome.candidates[0]


def values(candidate: Candidate, field: Field) -> list[tuple[str, Quality]]:
    return [(v.value, v.quality) for v in candidate.values if v.field is field]


def value(candidate: Candidate, field: Field) -> str:
    (only,) = values(candidate, field)
    return only[0]


def spent(charge: Charge | None) -> dict[str, int]:
    assert charge is not None
    return {kind: int(amount) for kind, amount in charge.amounts.items()}


def failure_of(send: Callable[[], object]) -> Failure:
    try:
        send()
    except Failure as failure:
        return failure
    raise AssertionError("no failure was raised")
