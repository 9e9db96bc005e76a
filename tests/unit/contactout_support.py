"""A scripted wire and the vendor's example answers, for the tests of the ContactOut connector.

The samples keep the names, nesting and canned marker values of the vendor's examples; all prose and every
other value is invented. `dressed` puts an invented person in the place of the canned one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connectors.contactout import Connector, ConnectorOptions
from syncd.connector import Answer, Failure, Operation, Request
from syncd.model import Candidate, Charge, Field, Found, Key, KeyKind, Lookup, Outcome, Quality
from syncd.secret import Secret

SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "contactout_samples.json").read_text())
NOT_FOUND = SAMPLES["not_found"]
URL = "https://www.linkedin.com/in/mirela-vance-demo"
WORK = "m.vance@northbeam.example.com"
PERSONAL = "mirela@mail.example.org"
PHONE = "+442079460911"
_DRESS = {
    "Example Person": "Mirela Vance",
    "example-person": "mirela-vance-demo",
    "at-JqjtXv": "mirela-vance-demo",
    "email1@example.com": WORK,
    "email2@gmail.com": PERSONAL,
    "test@gmail.com": PERSONAL,
    "+1234567891": PHONE,
    "+1234567890": PHONE,
    "+123456789": PHONE,
    "phone number 1": PHONE,
}


def sample(name: str) -> Any:
    """A fresh copy of an example, with the vendor's canned values."""
    return json.loads(json.dumps(SAMPLES[name]))


def dressed(name: str) -> Any:
    """A fresh copy of an example about an invented person."""
    text = json.dumps(SAMPLES[name])
    for canned, invented in _DRESS.items():
        text = text.replace(canned, invented)
    return json.loads(text)


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
    settings = {"token": Secret("env", "CONTACTOUT_TEST_TOKEN"), "bulk": "backfill", "searches": "narrow"}
    return Connector(ConnectorOptions.model_validate(settings | options))


def operation(name: str) -> Operation:
    return next(o for o in Connector.operations if o.name == name)


def linkedin(url: str = URL) -> Lookup:
    key = Key.linkedin(url)
    assert key is not None
    return Lookup(key)


def email(address: str, kind: KeyKind = KeyKind.EMAIL) -> Lookup:
    key = Key.email(address, kind)
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
    made: Mapping[KeyKind, Lookup] = {
        KeyKind.LINKEDIN_URL: linkedin(),
        KeyKind.EMAIL: email("asked@quayside.example.com"),
        KeyKind.FOUND_EMAIL: email("asked@quayside.example.com", KeyKind.FOUND_EMAIL),
        KeyKind.PHONE: one(KeyKind.PHONE, "+35315550100"),
        KeyKind.NAME_COMPANY: named(full_name="Mirela Vance", company="Northbeam"),
        KeyKind.NAME_DOMAIN: named(full_name="Mirela Vance", domain="northbeam.example.com"),
        KeyKind.DOMAIN: one(KeyKind.DOMAIN, "northbeam.example.com"),
        KeyKind.COMPANY_NAME: one(KeyKind.COMPANY_NAME, "Northbeam"),
        KeyKind.COMPANY_LINKEDIN_URL: one(
            KeyKind.COMPANY_LINKEDIN_URL, "https://www.linkedin.com/company/northbeam-demo"
        ),
    }
    return made[sorted(op.accepts)[0]]


def ask(name: str, body: object, *lookups: Lookup, **options: Any) -> list[Outcome]:
    """The outcomes of one submission that is answered with `body`."""
    made = connector(**options)
    op = operation(name)
    return made.submit(ScriptedWire(made, body), op, list(lookups) or [any_lookup(op)])


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
