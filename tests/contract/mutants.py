"""Providers that break exactly one rule, each around an honest connector, and the row that must notice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import orjson

from syncd.connector import Answer, Failure, FailureKind, Job, Mode, Operation
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


@dataclass(frozen=True)
class Case:
    """A mutant, the row that must notice, and the operations on which it can be seen (None: the account)."""

    mutant: type[Mutant]
    row: str
    where: Callable[[Operation], bool] | None = None
    only: frozenset[str] = frozenset()
    """The providers for which it is a mutant at all; empty for every one."""


def paid(operation: Operation) -> bool:
    return not operation.free


def direct(operation: Operation) -> bool:
    return paid(operation) and operation.mode is Mode.DIRECT


def job(operation: Operation) -> bool:
    return operation.mode is Mode.JOB


def batched(operation: Operation) -> bool:
    return operation.batch > 1


def about_people(operation: Operation) -> bool:
    return Field.JOB_TITLE in operation.returns


def echoing(operation: Operation) -> bool:
    return Field.LINKEDIN_URL in operation.returns


def brings(operation: Operation) -> bool:
    return bool(operation.returns)


CASES: tuple[Case, ...] = (
    Case(NamesAnUnknownCredit, "row_01_only_known_names_are_declared"),
    Case(
        CallsABadKeyAnOutage,
        "row_02_the_good_key_passes_and_a_bad_one_is_told_by_its_place_in_the_configuration",
    ),
    Case(CallsABadKeyAnOutage, "row_02_a_bad_key_is_recognised_at_every_operation", brings),
    Case(
        ReadsStatusesByConvention,
        "row_11_out_of_credits_is_no_bad_key",
        direct,
        frozenset({"contactout"}),
    ),
    Case(ReadsPrepaidAsPostpaid, "row_03_the_balance_is_the_account_s_own"),
    Case(ReadsAnUnknownBalanceAsZero, "row_03_a_balance_that_the_vendor_does_not_say_stays_unknown"),
    Case(KeepsLetterCase, "row_04_a_known_person_is_found_whatever_the_spelling", echoing),
    Case(FindsEverybody, "row_05_an_unknown_person_is_not_found", brings),
    Case(DropsMisses, "row_06_answers_keep_the_order_and_number_of_the_questions", brings),
    Case(AnswersInReverse, "row_06_answers_keep_the_order_and_number_of_the_questions", batched),
    Case(AsksOneByOne, "row_07_a_full_batch_is_one_request", batched),
    Case(ForgetsACharge, "row_08_reported_charges_are_what_the_account_paid", paid),
    Case(ChargesBelowTheRule, "row_08_reported_charges_are_what_the_account_paid", paid),
    Case(DeclaresTooLittle, "row_09_the_declared_maximum_is_never_exceeded", paid),
    Case(IgnoresTheWaitItIsTold, "row_10_being_asked_to_wait_costs_nothing_and_is_obeyed", brings),
    Case(CallsOutOfCreditsABadKey, "row_11_out_of_credits_is_no_bad_key", paid),
    Case(SwallowsOutages, "row_12_an_outage_is_never_an_answer", brings),
    Case(RepeatsALostPaidQuestion, "row_13_a_lost_answer_is_one_request_and_doubtful", direct),
    Case(CallsALostAnswerFree, "row_13_a_lost_answer_is_one_request_and_doubtful", paid),
    Case(SwallowsOddShapes, "row_14_an_answer_in_another_form_is_never_read_as_one", brings),
    Case(
        SwallowsOddShapesWhilePolling,
        "row_14_an_answer_to_a_poll_in_another_form_is_never_read_as_one",
        job,
    ),
    Case(RefusesWhatItHasNotSeen, "row_15_one_connector_takes_old_and_new_answers", brings),
    Case(StaysPendingForEver, "row_16_a_job_is_pending_then_found_and_polls_are_free", job),
    Case(LaunchesAgainWhenPolled, "row_16_a_job_is_pending_then_found_and_polls_are_free", job),
    Case(ReadsAnUnknownEndAsNotFound, "row_16_an_unknown_state_is_neither_endless_nor_not_found", job),
    Case(Sleeps, "row_17_a_connector_touches_nothing_but_its_wire", brings),
    Case(ReadsTheEnvironment, "row_17_a_connector_touches_nothing_but_its_wire", brings),
    Case(LeaksTheCredential, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(LeaksTheQuestion, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(LeaksTheAnswer, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(MixesQuestionsUp, "row_19_answers_to_questions_at_the_same_time_do_not_mix", direct),
    Case(OverlooksAField, "row_20_every_field_of_an_answer_is_used_or_listed_as_ignored", about_people),
)
