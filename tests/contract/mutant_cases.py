"""Which row must notice which mutant of a provider, and at which of its operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from syncd.connector import Mode, Operation
from syncd.model import Field, KeyKind
from tests.contract import mutants as m


@dataclass(frozen=True)
class Case:
    """A mutant, the row that must notice, and the operations on which it can be seen (None: the account)."""

    mutant: type[m.Mutant]
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
    """Whether the answer repeats a key that has capitals and small letters: an address or a profile."""
    keys = operation.accepts & {KeyKind.LINKEDIN_URL, KeyKind.EMAIL}
    return Field.LINKEDIN_URL in operation.returns and bool(keys) and not operation.backfill_only


def brings(operation: Operation) -> bool:
    return bool(operation.returns)


CASES: tuple[Case, ...] = (
    Case(m.NamesAnUnknownCredit, "row_01_only_known_names_are_declared"),
    Case(
        m.CallsABadKeyAnOutage,
        "row_02_the_good_key_passes_and_a_bad_one_is_told_by_its_place_in_the_configuration",
    ),
    Case(m.CallsABadKeyAnOutage, "row_02_a_bad_key_is_recognised_at_every_operation", brings),
    Case(
        m.ReadsStatusesByConvention,
        "row_11_out_of_credits_is_no_bad_key",
        direct,
        frozenset({"contactout"}),
    ),
    Case(m.ReadsPrepaidAsPostpaid, "row_03_the_balance_is_the_account_s_own"),
    Case(m.ReadsAnUnknownBalanceAsZero, "row_03_a_balance_that_the_vendor_does_not_say_stays_unknown"),
    Case(m.KeepsLetterCase, "row_04_a_known_person_is_found_whatever_the_spelling", echoing),
    Case(m.FindsEverybody, "row_05_an_unknown_person_is_not_found", brings),
    Case(m.DropsMisses, "row_06_answers_keep_the_order_and_number_of_the_questions", brings),
    Case(m.AnswersInReverse, "row_06_answers_keep_the_order_and_number_of_the_questions", batched),
    Case(m.AsksOneByOne, "row_07_a_full_batch_is_one_request", batched),
    Case(m.ForgetsACharge, "row_08_reported_charges_are_what_the_account_paid", paid),
    Case(m.ChargesBelowTheRule, "row_08_reported_charges_are_what_the_account_paid", paid),
    Case(m.DeclaresTooLittle, "row_09_the_declared_maximum_is_never_exceeded", paid),
    Case(m.IgnoresTheWaitItIsTold, "row_10_being_asked_to_wait_costs_nothing_and_is_obeyed", brings),
    Case(m.CallsOutOfCreditsABadKey, "row_11_out_of_credits_is_no_bad_key", paid),
    Case(m.SwallowsOutages, "row_12_an_outage_is_never_an_answer", brings),
    Case(m.RepeatsALostPaidQuestion, "row_13_a_lost_answer_is_one_request_and_doubtful", direct),
    Case(m.CallsALostAnswerFree, "row_13_a_lost_answer_is_one_request_and_doubtful", paid),
    Case(m.SwallowsOddShapes, "row_14_an_answer_in_another_form_is_never_read_as_one", brings),
    Case(
        m.SwallowsOddShapesWhilePolling,
        "row_14_an_answer_to_a_poll_in_another_form_is_never_read_as_one",
        job,
    ),
    Case(m.RefusesWhatItHasNotSeen, "row_15_one_connector_takes_old_and_new_answers", brings),
    Case(m.StaysPendingForEver, "row_16_a_job_is_pending_then_found_and_polls_are_free", job),
    Case(m.LaunchesAgainWhenPolled, "row_16_a_job_is_pending_then_found_and_polls_are_free", job),
    Case(m.ReadsAnUnknownEndAsNotFound, "row_16_an_unknown_state_is_neither_endless_nor_not_found", job),
    Case(m.Sleeps, "row_17_a_connector_touches_nothing_but_its_wire", brings),
    Case(m.ReadsTheEnvironment, "row_17_a_connector_touches_nothing_but_its_wire", brings),
    Case(m.LeaksTheCredential, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(m.LeaksTheQuestion, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(m.LeaksTheAnswer, "row_18_no_credential_and_nobody_s_data_in_logs_or_errors", brings),
    Case(m.MixesQuestionsUp, "row_19_answers_to_questions_at_the_same_time_do_not_mix", direct),
    Case(m.OverlooksAField, "row_20_every_field_of_an_answer_is_used_or_listed_as_ignored", about_people),
)
