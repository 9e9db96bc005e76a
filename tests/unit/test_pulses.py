"""What providers answered, as the hit-rate brake reads it from the state."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

from syncd.brakes import LATEST
from syncd.model import Charge, Found, KeyKind, NotFound
from syncd.pulses import Pulses
from syncd.store import calls, lookups
from syncd.store.engine import Store
from syncd.store.money import Periods

JOB: Any = SimpleNamespace(name="job", free=False, poll=object())
DIRECT: Any = SimpleNamespace(name="direct", free=False, poll=None)
ACCOUNT: Any = SimpleNamespace(name="vendor", connector=SimpleNamespace(operations=[JOB, DIRECT]))
_marks = count()


def asked(store: Store, operation: str, hits: int, misses: int = 0, settled: bool = True) -> None:
    with store.write() as connection:
        new = [calls.NewCall("vendor", operation, 1_000) for _ in range(hits + misses)]
        ids = calls.add(connection, "worker", Periods(1, "2026-03-10", "2026-03"), new)
        rows = [
            {
                "call_id": call_id,
                "account": "vendor",
                "operation": operation,
                "key_kind": "email",
                "key_digest": f"mark {next(_marks)}",
                "epoch": 0,
                "position": 0,
                "key": b"{}",
                "work_id": None,
            }
            for call_id in ids
        ]
        made = lookups.add(connection, rows)
        if settled:
            outcomes = ["found"] * hits + ["not_found"] * misses
            lookups.settle(connection, [lookups.Result(i, o) for i, o in zip(made, outcomes, strict=True)])
            calls.move_all(connection, ids, ("sent",), "settled")


def heard(pulses: Pulses) -> dict[str, int]:
    pulse = pulses._pulses["vendor"]
    told = dict(pulse._asked)
    for question, _ in pulse._latest:
        told[question] = told.get(question, 0) + 1
    return told


def launch_many(pulses: Pulses) -> None:
    for _ in range(LATEST):
        pulses.hear("vendor", JOB, [])


def test_every_answer_is_heard_once(store: Store) -> None:
    asked(store, "job", 3, 1)
    asked(store, "direct", 2)
    pulses = Pulses(store, SimpleNamespace(), {"vendor": ACCOUNT}, 0.5)  # type: ignore[arg-type]
    assert heard(pulses) == {"job email": 4, "direct email": 2}
    asked(store, "direct", 1, 1)
    pulses.hear("vendor", DIRECT, [(KeyKind.EMAIL, Found((), Charge.none())), (KeyKind.EMAIL, NotFound())])
    asked(store, "job", 2, 2)
    for _ in range(2):
        launch_many(pulses)
    assert heard(pulses) == {"job email": 8, "direct email": 4}


def test_what_is_newer_than_a_call_under_way_waits_for_it(store: Store) -> None:
    asked(store, "job", 1)
    asked(store, "job", 1, settled=False)
    asked(store, "job", 0, 5)
    pulses = Pulses(store, SimpleNamespace(), {"vendor": ACCOUNT}, 0.5)  # type: ignore[arg-type]
    launch_many(pulses)
    assert heard(pulses) == {"job email": 1}
    with store.write() as connection:
        lookups.settle(connection, [lookups.Result(2, "found")])
        calls.move_all(connection, [2], ("sent",), "settled")
    launch_many(pulses)
    assert heard(pulses) == {"job email": 7}
