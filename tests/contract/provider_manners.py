"""Rows 17 to 20: what a connector must not touch, leak, mix up or overlook."""

from __future__ import annotations

import builtins
import importlib
import io
import json
import logging
import os
import pkgutil
import re
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import structlog

from connectors import PROVIDERS
from syncd.connector import Answer, Failure, FailureKind, Operation, Request
from syncd.log import Scrubber, configure
from syncd.model import KeyKind, Outcome
from tests.contract.acts import Act, ProviderSubject, attempt
from tests.contract.tampering import Path, leaves, other, readable, replaced

CANARY = "canary@leak.example"
THREADS = 8
_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


class Recorder:
    """A wire that keeps every answer that goes through it."""

    def __init__(self, wire: Any) -> None:
        self.wire, self.answers = wire, list[Answer]()
        self.without = frozenset[str]()

    def send(self, operation: Operation, request: Request) -> Answer:
        self.answers.append(self.wire.send(operation, request))
        return self.answers[-1]

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        self.answers.append(self.wire.run(operation, send, path))
        return self.answers[-1]


class Player:
    """A wire that touches nothing: it gives the answers of a recording, judged as the real one would."""

    def __init__(self, act: Any, answers: Sequence[Answer]) -> None:
        self._act, self._answers = act, iter(answers)
        self.without = frozenset[str]()

    def send(self, operation: Operation, request: Request) -> Answer:
        answer = next(self._answers, None)
        if answer is None:
            raise Failure(FailureKind.UNAVAILABLE, "more is asked for than was recorded")
        failure = self._act.connector.classify(operation, answer)
        if failure is not None:
            raise failure
        return answer

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        return self.send(operation, Request("GET", path))


def row_17_a_connector_touches_nothing_but_its_wire(subject: ProviderSubject) -> None:
    act = subject.open()
    keys = [act.key(act.people[0]), act.unknown()][: act.operation.batch]
    recorder = Recorder(act.wire())
    launched = act.submit(*keys, wire=recorder)
    act.sandbox.clock.advance(3600.0)
    polls = Recorder(act.line)
    ended = act.poll(keys, launched, wire=polls)
    with untouched_world():
        again = act.submit(*keys, wire=Player(act, recorder.answers))
        polled = act.poll(keys, launched, wire=Player(act, polls.answers))
    assert (again, polled) == (launched, ended), "the same answers are read otherwise"


@contextmanager
def untouched_world() -> Iterator[None]:
    """Sleeping, files, environment, threads, processes and sockets end in an error for this thread."""
    caller = threading.get_ident()

    def forbidding(name: str, honest: Callable[..., Any]) -> Callable[..., Any]:
        def forbidden(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == caller and not _reads_a_secret():
                raise AssertionError(f"a connector used {name}")
            return honest(*args, **kwargs)

        return forbidden

    places: list[tuple[Any, str]] = [
        (time, "sleep"), (builtins, "open"), (io, "open"), (os, "getenv"), (os, "open"), (os, "system"),
        (threading.Thread, "start"), (socket.socket, "connect"), (socket, "create_connection"),
        (type(os.environ), "__getitem__"), (type(os.environ), "get"),
    ]  # fmt: skip
    with ExitStack() as stack:
        for owner, name in places:
            stack.enter_context(mock.patch.object(owner, name, forbidding(name, getattr(owner, name))))
        yield


def _reads_a_secret() -> bool:
    """Whether a credential is being read, which the core does when a connector asks for it."""
    frame = sys._getframe(2)
    files = []
    while frame is not None and len(files) < 6:
        files.append(frame.f_code.co_filename)
        frame = frame.f_back
    return any(name.endswith("syncd/secret.py") for name in files)


# what may be told


def row_18_no_credential_and_nobody_s_data_in_logs_or_errors(subject: ProviderSubject) -> None:
    act = subject.open()
    person = act.people[0]
    # A vendor's own id tells nobody who the person is.
    telling = [kind for kind in act.kinds() if kind is not KeyKind.PROVIDER_ID]
    key = act.key(person, next(iter(telling), None))
    private = [*subject.rehearsal.secrets.values(), CANARY, *_about(person)]
    private += [part for part in key.parts.values() if len(part) >= 8]
    with everything_said() as said:
        said += [repr(o) for o in act.ask(key)]
        for kind, more in _troubles():
            act.sandbox.faults.clear()
            act.fault(kind, times=1, **more)
            said += _told(act, key)
        act.sandbox.faults.clear()
        act.change_secrets(f"{CANARY}-as-a-key")
        said += _told(act, key)
    text = "\n".join(said).lower()
    leaked = [p[:3] + "…" for p in private if p.lower() in text]
    assert not leaked, f"told in a log line or an error: {leaked}"


def _about(person: Any) -> list[str]:
    return [
        person.work_email, person.personal_email, person.mobile, person.landline, person.full, person.slug,
    ]  # fmt: skip


def _troubles() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "garbage", {"body": f"<html>{CANARY}</html>"}
    yield "garbage", {"body": json.dumps({"message": CANARY, "error": CANARY, "detail": CANARY})}
    for status in (400, 401, 402, 403, 404, 409, 418, 422, 500):
        body = json.dumps({"message": CANARY, "error": CANARY, "detail": [{"input": CANARY}]})
        yield "status", {"status": status, "body": body}
    for kind in ("reset_before", "reset_after", "truncate", "rate_limit"):
        yield kind, {}


def _told(act: Act, key: Any) -> list[str]:
    """Everything that could be printed of the failure, with the failures behind it."""
    return printed(attempt(lambda: act.submit(key)))


def printed(told: object) -> list[str]:
    """Every text form of an answer or of a failure."""
    if not isinstance(told, Failure):
        return [repr(told)]
    return [repr(told), str(told), repr(vars(told)), "".join(traceback.format_exception(told))]


@contextmanager
def everything_said() -> Iterator[list[str]]:
    """Log lines at the lowest level, as the product sets it up but with nothing scrubbed."""
    stream, said = io.StringIO(), list[str]()
    before = structlog.get_config()
    root = logging.getLogger()
    held = root.handlers[:], root.level, {n: logging.getLogger(n).level for n in root.manager.loggerDict}
    configure("debug", "json", Scrubber(), stream=stream)
    try:
        yield said
    finally:
        said.append(stream.getvalue())
        structlog.configure(**before)
        root.handlers, level, levels = held
        root.setLevel(level)
        for name, at in levels.items():
            logging.getLogger(name).setLevel(at)


# several at once


def row_19_answers_to_questions_at_the_same_time_do_not_mix(subject: ProviderSubject) -> None:
    act = subject.open()
    keys = [act.key(p) for p in act.people[:4]]
    alone = [act.ask(key) for key in keys]
    act.sandbox.configure({"latency_ms": 10})
    with ThreadPoolExecutor(THREADS) as pool:
        launched = list(pool.map(lambda n: act.submit(keys[n % 4]), range(THREADS)))
    together = [act.finish([keys[n % 4]], outcomes) for n, outcomes in enumerate(launched)]
    for number, outcomes in enumerate(together):
        assert outcomes == alone[number % 4], "an answer went to another question"


# nothing overlooked


def row_20_every_field_of_an_answer_is_used_or_listed_as_ignored(subject: ProviderSubject) -> None:
    act = subject.open()
    o = act.operation
    if not (o.returns or o.gates or o.verifies):
        return  # its answers name people to recognise and bring no values
    said, used = set[str](), set[str]()
    for key in (act.key(act.people[0]), act.unknown()):
        submitted, polled = Recorder(act.wire()), Recorder(act.line)
        launched = act.submit(key, wire=submitted)
        act.sandbox.clock.advance(3600.0)
        act.poll([key], launched, wire=polled)
        for recorder, ask in (
            (submitted, lambda wire, key=key: act.submit(key, wire=wire)),
            (polled, lambda wire, key=key, launched=launched: act.poll([key], launched, wire=wire)),
        ):
            for place in range(len(recorder.answers)):
                _sift(act, recorder.answers, place, ask, said, used)
    ignored = ignored_names(subject)
    overlooked = {n for n in said - used if not ignored & {*n.split("."), f".{n}"}}
    assert not overlooked, f"neither used nor listed as ignored: {sorted(overlooked)}"


def _sift(
    act: Act,
    answers: Sequence[Answer],
    place: int,
    ask: Callable[[Any], list[Outcome]],
    said: set[str],
    used: set[str],
) -> None:
    """Note the names of one answer's scalars, and of those that make a difference when they are others.

    Of the items of a list, one that matters is enough.
    """
    document, written = readable(answers[place].body)
    honest = _outcome_of(act, answers, ask)
    for path, value in leaves(document):
        name = _names_of(path)
        if value is None or value == "" or name in used:
            continue
        said.add(name)
        words = act.subject.facts.words.get(name.rpartition(".")[2], ())
        for instead in (*words, other(value), None):
            changed = list(answers)
            changed[place] = replace(answers[place], body=written(replaced(document, path, instead)))
            if _outcome_of(act, changed, ask) != honest:
                used.add(name)
                break


def _outcome_of(act: Act, answers: Sequence[Answer], ask: Callable[[Any], list[Outcome]]) -> object:
    told = attempt(lambda: ask(Player(act, answers)))
    return told.kind if isinstance(told, Failure) else told


def _names_of(path: Path) -> str:
    """The way to a scalar in lower case; places in lists and keys that are addresses are left out."""
    words = (p for p in path if isinstance(p, str) and p.replace("_", "").isalnum())
    return ".".join(_HUMP.sub(r"_\1", word).lower() for word in words)


def ignored_names(subject: ProviderSubject) -> frozenset[str]:
    """The names in every `IGNORED…` set of the connector, and those of the suite's entry for it."""
    if subject.name not in PROVIDERS:
        return subject.facts.ignored
    module = importlib.import_module(PROVIDERS[subject.name])
    folder = getattr(module, "__path__", None)
    parts = [
        importlib.import_module(f"{module.__name__}.{m.name}") for m in pkgutil.iter_modules(folder or [])
    ]
    sets = [getattr(p, n) for p in [module, *parts] for n in dir(p) if n.startswith("IGNORED")]
    return subject.facts.ignored.union(*sets)
