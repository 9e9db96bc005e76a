"""Providers that break exactly one rule, each around an honest connector."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson

from syncd.connector import Answer, Failure, FailureKind, Job, Operation
from syncd.model import (
    Balance,
    Candidate,
    Charge,
    Field,
    Found,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Plan,
    Pool,
    Unresolved,
    Value,
)


class Mutant:
    """An honest connector with one hook for each thing that can be got wrong."""

    def __init__(self, honest: Any) -> None:
        self.honest = honest
        self.operations = tuple(self.declared(o) for o in honest.operations)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.honest, name)

    def declared(self, operation: Operation) -> Operation:
        return operation

    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return outcomes

    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        return self.told(lookups, self.honest.submit(wire, operation, lookups))

    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        answers = self.honest.poll(wire, operation, jobs)
        return [self.told(job.lookups, told) for job, told in zip(jobs, answers, strict=True)]


class NamesAnUnknownCredit(Mutant):
    def declared(self, operation: Operation) -> Operation:
        return replace(operation, prices=tuple(replace(p, kind="gold") for p in operation.prices))


class CallsABadKeyAnOutage(Mutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        if failure and (failure.kind is FailureKind.AUTH or failure.doubtful):
            return Failure(FailureKind.UNAVAILABLE, "out of order", status=answer.status)
        return failure


class ReadsStatusesByConvention(Mutant):
    """Right for most vendors, wrong for one that means something else by them."""

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        kinds = {
            400: FailureKind.REJECTED, 401: FailureKind.AUTH, 402: FailureKind.OUT_OF_CREDITS,
            403: FailureKind.AUTH,
        }  # fmt: skip
        if answer.status in kinds:
            return Failure(kinds[answer.status], "refused", status=answer.status, charged=False)
        return self.honest.classify(operation, answer)


class ReadsPrepaidAsPostpaid(Mutant):
    def balance(self, wire: Any, now: Any) -> Balance:
        told: Balance = self.honest.balance(wire, now)
        pools = {
            kind: replace(pool, plan=Plan.POSTPAID, remaining=(pool.remaining or Decimal(0)) - 1)
            for kind, pool in told.pools.items()
        }
        return replace(told, pools=MappingProxyType(pools))


class ReadsAnUnknownBalanceAsZero(Mutant):
    def balance(self, wire: Any, now: Any) -> Balance:
        try:
            told: Balance = self.honest.balance(wire, now)
        except Failure:
            told = Balance(dict.fromkeys(self.honest.credits, Pool(None)))
        pools = {k: replace(p, remaining=p.remaining or Decimal(0)) for k, p in told.pools.items()}
        return replace(told, pools=MappingProxyType(pools))


class KeepsLetterCase(Mutant):
    """Looks for what it asked about in the answer, letter by letter."""

    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        ear = _Ear(wire)
        return self._exact(ear, lookups, self.honest.submit(ear, operation, lookups))

    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        ear = _Ear(wire)
        answers = self.honest.poll(ear, operation, jobs)
        return [self._exact(ear, j.lookups, told) for j, told in zip(jobs, answers, strict=True)]

    def _exact(self, ear: _Ear, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        names = ["".join(lookup.key.parts.values()).rpartition("/")[2] for lookup in lookups]
        folded = ear.heard.lower()
        return [
            NotFound() if name not in ear.heard and name.lower() in folded else outcome
            for name, outcome in zip(names, outcomes, strict=True)
        ]


class _Ear:
    """A wire that remembers the text of what it carried."""

    def __init__(self, wire: Any) -> None:
        self._wire, self.heard = wire, ""
        self.without = wire.without

    def send(self, operation: Operation, request: Any) -> Answer:
        answer: Answer = self._wire.send(operation, request)
        self.heard += answer.body.decode(errors="replace")
        return answer


class FindsEverybody(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        somebody = Candidate(values=(Value(Field.FULL_NAME, "Somebody"),))
        return [Found((somebody,), o.charge) if isinstance(o, NotFound) else o for o in outcomes]


class DropsMisses(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return [o for o in outcomes if not isinstance(o, NotFound)]


class AnswersInReverse(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return outcomes[::-1]


class AsksOneByOne(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        return [o for lookup in lookups for o in self.honest.submit(wire, operation, [lookup])]


class ForgetsACharge(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return [_charged(o, Decimal(0)) for o in outcomes]


class ChargesBelowTheRule(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return [_charged(o, Decimal("0.5")) for o in outcomes]


def _charged(outcome: Outcome, share: Decimal) -> Outcome:
    charge = outcome.charge
    if charge is None:
        return outcome
    return replace(outcome, charge=Charge({k: n * share for k, n in charge.amounts.items() if n * share}))


class DeclaresTooLittle(Mutant):
    def declared(self, operation: Operation) -> Operation:
        return replace(operation, prices=tuple(replace(p, amount=p.amount / 100) for p in operation.prices))


class IgnoresTheWaitItIsTold(Mutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        if failure and failure.kind is FailureKind.RATE_LIMITED:
            failure.retry_after_s = 0.0
        return failure


class CallsOutOfCreditsABadKey(Mutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        if failure and failure.kind is FailureKind.OUT_OF_CREDITS:
            return Failure(FailureKind.AUTH, "refused", status=answer.status, charged=False)
        return failure


class _Swallows(Mutant):
    """Says "not found" in the place of some failures."""

    kinds: tuple[FailureKind, ...] = ()

    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        except Failure as failure:
            if failure.kind not in self.kinds:
                raise
            return [NotFound() for _ in lookups]
        return outcomes


class SwallowsOutages(_Swallows):
    kinds = (FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS)


class SwallowsOddShapes(_Swallows):
    kinds = (FailureKind.CONTRACT,)


class SwallowsOddShapesWhilePolling(Mutant):
    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        try:
            answers: list[list[Outcome]] = self.honest.poll(wire, operation, jobs)
        except Failure as failure:
            if failure.kind is not FailureKind.CONTRACT:
                raise
            return [[NotFound() for _ in job.lookups] for job in jobs]
        return answers


class RepeatsALostPaidQuestion(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        except Failure as failure:
            if failure.kind is not FailureKind.AMBIGUOUS:
                raise
            # Past the guard of the product's wire, to see that the row itself counts requests.
            outcomes = self.honest.submit(getattr(wire, "_line", wire), operation, lookups)
        return outcomes


class CallsALostAnswerFree(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        except Failure as failure:
            failure.charged = False
            raise
        return outcomes


class RefusesWhatItHasNotSeen(Mutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        seen: dict[str, set[str]] = self.__dict__.setdefault("seen", {})
        body = orjson.loads(answer.body)
        rows = [row for row in (body if isinstance(body, list) else [body]) if isinstance(row, dict)]
        known = {key for row in rows for key in row}
        if known - seen.setdefault(operation.name, known):
            return Failure(FailureKind.CONTRACT, "an unknown key", charged=None)
        return self.honest.classify(operation, answer)


class StaysPendingForEver(Mutant):
    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        self.honest.poll(wire, operation, jobs)
        return [[Pending(job.handle) for _ in job.lookups] for job in jobs]


class LaunchesAgainWhenPolled(Mutant):
    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        for job in jobs:
            self.honest.submit(wire, operation, job.lookups)
        return self.honest.poll(wire, operation, jobs)


class ReadsAnUnknownEndAsNotFound(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return [NotFound() if isinstance(o, Unresolved | Pending) else o for o in outcomes]

    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        return self.honest.submit(wire, operation, lookups)

    def poll(self, wire: Any, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        try:
            return super().poll(wire, operation, jobs)
        except Failure as failure:
            if failure.kind is not FailureKind.CONTRACT:
                raise
            return [[NotFound() for _ in job.lookups] for job in jobs]


class Sleeps(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        time.sleep(0)
        return outcomes


class ReadsTheEnvironment(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        os.environ.get("PROXY")
        return outcomes


class LeaksTheCredential(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        except Failure as failure:
            raise Failure(failure.kind, f"{failure.reason} with {dict(self.honest.headers())}") from None
        return outcomes


class LeaksTheQuestion(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        try:
            outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        except Failure as failure:
            failure.code = str(dict(lookups[0].key.parts))
            raise
        return outcomes


class LeaksTheAnswer(Mutant):
    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        failure: Failure | None = self.honest.classify(operation, answer)
        return failure and Failure(
            failure.kind, answer.body.decode(errors="replace"), charged=failure.charged
        )


class MixesQuestionsUp(Mutant):
    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        self.latest = lookups
        outcomes: list[Outcome] = self.honest.submit(wire, operation, lookups)
        return outcomes if self.latest is lookups else [NotFound() for _ in lookups]


class OverlooksAField(Mutant):
    def told(self, lookups: Sequence[Lookup], outcomes: list[Outcome]) -> list[Outcome]:
        return [_without_title(o) if isinstance(o, Found) else o for o in outcomes]


def _without_title(found: Found) -> Found:
    kept = tuple(
        replace(
            c,
            values=tuple(v for v in c.values if v.field is not Field.JOB_TITLE),
            identity=replace(c.identity, title=""),
        )
        for c in found.candidates
    )
    return replace(found, candidates=kept)
