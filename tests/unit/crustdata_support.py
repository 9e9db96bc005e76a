"""A scripted wire and answers in Crustdata's documented forms about invented people, for the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connectors.crustdata import Connector, ConnectorOptions
from syncd.connector import Answer, Failure, Operation, Request
from syncd.model import Candidate, Charge, Field, Found, Key, KeyKind, Lookup, NotFound, Outcome, Quality
from syncd.secret import Secret

URL = "https://www.linkedin.com/in/lena-ostrow-example"
OTHER = "https://www.linkedin.com/in/piet-samsa-example"
WORK = "lena.ostrow@contoso.example.com"
PERSONAL = "lena@mail.example.org"
PHONE = "+13035550177"
NETWORK = "professional_network_profile_url"


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    """An answer; header names are given with underscores."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def error(message: str, kind: str = "invalid_request", metadata: object = ()) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "metadata": metadata or []}}


def post(**parts: Any) -> dict[str, Any]:
    """A present post with every documented field, or other values in their place."""
    return {
        "name": "Contoso Example",
        "title": "Director of Sales Operations",
        "description": "Runs the desk",
        "seniority_level": "Director",
        "function_category": "Sales",
        "employment_type": "Full-time",
        "start_date": "2024-02-01T00:00:00",
        "end_date": None,
        "is_default": True,
        "position_id": 3300001,
        "crustdata_company_id": 550001,
        "professional_network_id": "3300002",
        "company_website": "https://contoso.example.com",
        "company_website_domain": "contoso.example.com",
        "company_professional_network_profile_url": "https://www.linkedin.com/company/contoso-example",
        "company_professional_network_industry": "Office Furniture",
        "company_industries": ["Furniture"],
        "company_type": "Privately Held",
        "company_status": "active",
        "company_headcount_latest": 240,
        "company_headcount_range": "201-500",
        "company_headquarters_country": "USA",
        "company_hq_location": "Denver, Colorado, United States",
        "company_hq_location_address_components": ["Denver"],
        "company_profile_picture_permalink": "https://pictures.example.net/c",
        "location": {"raw": "Denver"},
        "years_at_company": "1-2",
        "years_at_company_raw": 2,
        "business_email_verified": True,
    } | parts


PERSON: dict[str, Any] = {
    "crustdata_person_id": 910001,
    "basic_profile": {
        "name": "Lena Ostrow",
        "professional_network_name": "Lena Ostrow, MBA",
        "first_name": "Lena",
        "last_name": "Ostrow",
        "headline": "Director of Sales Operations at Contoso Example",
        "current_title": "Director, Sales",
        "summary": "One line\u2028and another",
        "profile_picture_permalink": "https://pictures.example.net/p",
        "location": {
            "raw": "Denver, Colorado, United States",
            "full_location": "Denver, CO, United States",
            "city": "Denver",
            "state": "Colorado",
            "country": "United States",
            "continent": "North America",
        },
        "languages": ["English"],
        "last_updated": "2026-10-02T08:00:00",
        "normalized_title": {"matched_title": "Director", "department": "Sales", "sub_department": "Ops"},
    },
    "professional_network": {
        "connections": 500,
        "followers": 20,
        "open_to_cards": ["HIRING"],
        "profile_picture_permalink": "https://pictures.example.net/n",
        "location": {"raw": "Denver"},
        "metadata": {"x": 1},
    },
    "social_handles": {
        "professional_network_identifier": {"profile_url": URL},
        "twitter_identifier": {"slug": "lenao"},
        "dev_platform_identifier": {"profile_url": "https://github.com/lenao"},
    },
    "experience": {
        "employment_details": {
            "current": [post()],
            "past": [post(name="Fabrikam", company_website_domain=["fabrikam.example.com"])],
        }
    },
    "education": {"schools": [{"school": "Example State", "degree": "BA", "start_year": 2008}]},
    "skills": {"professional_network_skills": ["Forecasting"]},
    "contact": {
        "business_emails": [{"email": WORK, "status": "deliverable"}],
        "personal_emails": [{"email": PERSONAL, "status": "unknown"}],
        "phone_numbers": [PHONE],
        "websites": ["https://lena.example.org"],
        "business_emails_message": "fine",
    },
    "dev_platform_profiles": [{"name": "lenao"}],
    "certifications": [],
    "honors": [],
    "metadata": {"updated_at": "2026-10-02T08:00:00"},
    "updated_at": "2026-10-02T08:00:00",
}
"""Everything that is documented of a person."""


def somebody(**parts: Any) -> dict[str, Any]:
    """A fresh copy of that person, with other sections in place of some."""
    return dict(json.loads(json.dumps(PERSON))) | parts


def entry(
    matched_on: str, *people: dict[str, Any], score: float = 1.0, kind: str = NETWORK
) -> dict[str, Any]:
    matches = [{"confidence_score": score, "person_data": person} for person in people]
    return {"matched_on": matched_on, "match_type": kind, "matches": matches}


class ScriptedWire:
    """Answers in turn, the last one for ever; raises what the connector's `classify` says."""

    def __init__(self, connector: Connector, *answers: object, without: frozenset[str] = frozenset()) -> None:
        self.connector = connector
        self.answers = [a if isinstance(a, Answer) else answer(a) for a in answers]
        self.sent: list[tuple[Operation, Request]] = []
        self._without = without

    @property
    def without(self) -> frozenset[str]:
        return self._without

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
    """A connector that may do everything, unless told otherwise."""
    settings = {"token": Secret("env", "CRUSTDATA_TEST_TOKEN"), "bulk": "backfill", "live": True}
    return Connector(ConnectorOptions.model_validate(settings | options))


def operation(name: str, **options: Any) -> Operation:
    return next(o for o in connector(**options).operations if o.name == name)


def linkedin(url: str = URL) -> Lookup:
    key = Key.linkedin(url)
    assert key is not None
    return Lookup(key)


def email(address: str = WORK) -> Lookup:
    key = Key.email(address)
    assert key is not None
    return Lookup(key)


def one(kind: KeyKind, value: str) -> Lookup:
    key = Key.single(kind, value)
    assert key is not None
    return Lookup(key)


def named(**parts: str) -> Lookup:
    kind = KeyKind.NAME_DOMAIN if "domain" in parts else KeyKind.NAME_COMPANY
    return Lookup(Key(kind, parts))


def any_lookup(op: Operation) -> Lookup:
    """A lookup by the first key kind that an operation accepts."""
    made = {
        KeyKind.LINKEDIN_URL: linkedin(),
        KeyKind.EMAIL: email(),
        KeyKind.NAME_COMPANY: named(full_name="Lena Ostrow", company="Contoso Example"),
        KeyKind.DOMAIN: one(KeyKind.DOMAIN, "contoso.example.com"),
        KeyKind.COMPANY_NAME: one(KeyKind.COMPANY_NAME, "Contoso Example"),
        KeyKind.COMPANY_LINKEDIN_URL: one(
            KeyKind.COMPANY_LINKEDIN_URL, "https://www.linkedin.com/company/contoso-example"
        ),
    }
    return made[sorted(op.accepts)[0]]


def ask(name: str, body: object, *lookups: Lookup, **options: Any) -> list[Outcome]:
    """The outcomes of one submission that is answered with `body`."""
    made, op = connector(**options), operation(name, **options)
    return made.submit(ScriptedWire(made, body), op, list(lookups) or [any_lookup(op)])


def found(outcome: Outcome) -> Candidate:
    assert isinstance(outcome, Found)
    return outcome.candidates[0]


def values(candidate: Candidate) -> dict[Field, str]:
    return {v.field: v.value for v in candidate.values}


def graded(candidate: Candidate, field: Field) -> list[tuple[str, Quality]]:
    return [(v.value, v.quality) for v in candidate.values if v.field is field]


def charge_of(outcome: Outcome) -> Charge:
    assert not isinstance(outcome, NotFound | Found) or outcome.charge is not None
    charge = outcome.charge
    assert charge is not None
    return charge


def spent(outcome: Outcome) -> Decimal:
    return charge_of(outcome).amounts.get("credit", Decimal(0))


def failure_of(send: Callable[[], object]) -> Failure:
    try:
        send()
    except Failure as failure:
        return failure
    raise AssertionError("no failure was raised")
