"""Real answers of the CRMs' stand-ins to every kind of call, and the same calls over other answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from syncd.connector import Answer, Operation, Request
from tests.contract.acts import Stage
from tests.contract.crm_acts import CALLS, Call, CrmAct
from tests.contract.stagehands import crm_subject
from tests.fuzz.recorded import Classify, Replay


@dataclass
class Plain:
    """A wire that sends, keeps every answer, and raises what it means."""

    classify: Classify = lambda operation, answer: None
    answers: list[Answer] = field(default_factory=list)
    without: frozenset[str] = frozenset()

    def send(self, operation: Operation, request: Request) -> Answer:
        raise AssertionError("a CRM is asked through its vendor's package")

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        answer = send()
        self.answers.append(answer)
        failure = self.classify(operation, answer)
        if failure is not None:
            raise failure
        return answer


@dataclass(frozen=True)
class Called:
    """One way in which a CRM is asked, and the answers that it gave, the login's included."""

    call: str
    answers: tuple[Answer, ...]
    _act: CrmAct
    _ids: list[str]
    _ask: Call

    def ask(self, answers: list[Answer]) -> Any:
        """What a new connector makes of other answers."""
        wire = Replay(self._act.connector.classify, answers)
        act = self._act
        act.connector = act.connected("http://127.0.0.1:9", wire)
        act.__dict__["ids"] = self._ids
        return self._ask(act)


def calls(scene: Stage, name: str) -> list[Called]:
    """Every call of a CRM."""
    found = []
    act = crm_subject(scene, name).open()
    ids = act.ids
    for call, ask in CALLS.items():
        wire = Plain()
        act.connector = act.connected(scene.troupe.server.url, wire)
        wire.classify = act.connector.classify
        ask(act)
        found.append(Called(call, tuple(wire.answers), act, ids, ask))
    scene.strike()
    return found
