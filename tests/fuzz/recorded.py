"""Real answers of every stand-in to every question, and wires that give them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from syncd.connector import Answer, Failure, Job, Operation, Provider, Request, Wire, load
from syncd.model import Key, Lookup, Pending
from tests.contract.acts import STEP_S, Act, Stage, lookups
from tests.contract.stagehands import accounts, provider_subject
from tests.contract.tampering import readable

Classify = Callable[[Operation, Answer], Failure | None]


@dataclass(frozen=True)
class Exchange:
    """One question to a provider and the answers that it got, polls included."""

    connector: Provider
    fresh: Callable[[], Provider]
    """Another connector with the same options, that knows nothing of the account yet."""
    operation: Operation
    asked: tuple[Lookup, ...]
    answers: tuple[Answer, ...]
    handle: str = ""
    """Of the job that is polled."""

    @cached_property
    def documents(self) -> list[Any]:
        """What the answers hold."""
        return [readable(a.body)[0] if a.body else None for a in self.answers]

    def told(self, documents: Iterable[Any]) -> list[Answer]:
        """The answers with other documents in the same packing."""
        return [
            a if d is Ellipsis else replace(a, body=_packed(a, d))
            for a, d in zip(self.answers, documents, strict=True)
        ]

    @property
    def jobs(self) -> list[Job]:
        return [Job(self.handle, self.asked)]


def _packed(answer: Answer, document: Any) -> bytes:
    """The document in the packing of the answer; a file of lines that is none any more stands for itself."""
    if not answer.body:
        return json.dumps(document).encode()
    held, pack = readable(answer.body)
    return (
        pack(document)
        if isinstance(document, list) or not isinstance(held, list)
        else json.dumps(document).encode()
    )


class Recorder:
    """A wire that keeps every answer."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.answers: list[Answer] = []

    @property
    def without(self) -> frozenset[str]:
        return self._wire.without

    def send(self, operation: Operation, request: Request) -> Answer:
        self.answers.append(self._wire.send(operation, request))
        return self.answers[-1]

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        self.answers.append(self._wire.run(operation, send, path))
        return self.answers[-1]


class Replay:
    """A wire that gives answers in turn, and the last one for ever."""

    def __init__(self, classify: Classify, answers: Iterable[Answer]) -> None:
        self._classify = classify
        self._answers = list(answers)
        self.requests = 0

    @property
    def without(self) -> frozenset[str]:
        return frozenset()

    def send(self, operation: Operation, request: Request) -> Answer:
        return self._next(operation)

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        return self._next(operation)

    def _next(self, operation: Operation) -> Answer:
        self.requests += 1
        assert self.requests < 500, "a connector that asks for ever"
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        failure = self._classify(operation, answer)
        if failure is not None:
            raise failure
        return answer


def exchanges(scene: Stage, name: str) -> list[Exchange]:
    """Every operation of a provider, about somebody it knows and somebody it does not."""
    found: list[Exchange] = []
    for operation in load("provider", name).operations:
        found += _asked(provider_subject(scene, name, operation.name).open())
    scene.strike()
    return found


def _asked(act: Act) -> list[Exchange]:
    found: list[Exchange] = []
    for keys in ([act.key(p) for p in act.people[: min(3, act.operation.batch)]], [act.unknown()]):
        found += _one(act, keys)
    return found


def _one(act: Act, keys: list[Key]) -> list[Exchange]:
    def fresh() -> Provider:
        return act.subject.build(act.options)

    asked = tuple(lookups(keys))
    wire = Recorder(act.wire())
    launched = act.submit(*keys, wire=wire)
    found = [Exchange(act.connector, fresh, act.operation, asked, tuple(wire.answers))]
    handle = next((o.handle for o in launched if isinstance(o, Pending)), "")
    for _ in range(2 if handle else 0):
        polled = Recorder(act.line)
        act.poll(keys, launched, wire=polled)
        found.append(Exchange(act.connector, fresh, act.operation, asked, tuple(polled.answers), handle))
        act.sandbox.clock.advance(STEP_S)
    return found


@dataclass(frozen=True)
class Looked:
    """What a provider says of the account."""

    fresh: Callable[[], Provider]
    now: Any
    answers: tuple[Answer, ...]


def looks(scene: Stage, name: str) -> list[Looked]:
    """The balance and the check of every kind of account."""
    found = []
    for number in range(len(accounts(name))):
        act = provider_subject(scene, name, account=number).open()
        wire = Recorder(act.line)
        act.connector.balance(wire, act.sandbox.clock.now())
        act.connector.check(wire)

        def fresh(act: Act = act) -> Provider:
            return act.subject.build(act.options)

        found.append(Looked(fresh, act.sandbox.clock.now(), tuple(wire.answers)))
    scene.strike()
    return found
