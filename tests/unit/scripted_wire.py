"""A wire that answers from a script, for the tests of any provider connector, and ways to make keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from syncd.connector import Answer, Failure, Operation, Request
from syncd.model import Candidate, Charge, Field, Found, Key, KeyKind, Lookup, Outcome, Quality


class Classifies(Protocol):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None: ...


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


class ScriptedWire:
    """Answers in turn, the last one for ever; raises what the connector's `classify` says, and scripted failures."""

    def __init__(self, connector: Classifies, *answers: object) -> None:
        self.connector = connector
        self.answers = list(answers)
        self.sent: list[tuple[Operation, Request]] = []

    @property
    def without(self) -> frozenset[str]:
        return frozenset()

    def send(self, operation: Operation, request: Request) -> Answer:
        self.sent.append((operation, request))
        scripted = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(scripted, Failure):
            raise scripted
        found = scripted if isinstance(scripted, Answer) else answer(scripted)
        failure = self.connector.classify(operation, found)
        if failure is not None:
            raise failure
        return found

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        raise AssertionError("this connector has no vendor package")


def linkedin(url: str, ref: str = "") -> Lookup:
    key = Key.linkedin(url)
    assert key is not None
    return Lookup(key, ref)


def email(address: str, kind: KeyKind = KeyKind.EMAIL, ref: str = "") -> Lookup:
    key = Key.email(address, kind)
    assert key is not None
    return Lookup(key, ref)


def one(kind: KeyKind, value: str) -> Lookup:
    key = Key.single(kind, value)
    assert key is not None
    return Lookup(key)


def named(**parts: str) -> Lookup:
    return Lookup(Key(KeyKind.NAME_DOMAIN if "domain" in parts else KeyKind.NAME_COMPANY, parts))


def found(outcome: Outcome) -> Candidate:
    assert isinstance(outcome, Found)
    return outcome.candidates[0]


def values(candidate: Candidate, field: Field) -> list[tuple[str, Quality]]:
    return [(v.value, v.quality) for v in candidate.values if v.field is field]


def flat(candidate: Candidate) -> dict[Field, str]:
    """The values by field, of which none may stand twice."""
    assert len({v.field for v in candidate.values}) == len(candidate.values)
    return {v.field: v.value for v in candidate.values}


def charge_of(outcome: Outcome) -> Charge:
    charge = outcome.charge
    assert charge is not None
    return charge


def failure_of(send: Callable[[], object]) -> Failure:
    try:
        send()
    except Failure as failure:
        return failure
    raise AssertionError("no failure was raised")
