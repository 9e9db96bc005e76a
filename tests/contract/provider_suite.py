"""The contract suite for providers: 20 rules as plain functions that raise AssertionError.

A row that is about the account as a whole runs once per provider, the others once per operation to which
they apply.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import stamina

from syncd.calls import ATTEMPTS, retry_quietly
from syncd.connector import Failure, Mode, Operation
from syncd.model import COMPANY_FIELDS, EMAIL_FIELDS, PHONE_FIELDS
from tests.contract import provider_answers as answers
from tests.contract import provider_manners as manners
from tests.contract import provider_money as money
from tests.contract import provider_shapes as shapes
from tests.contract.acts import ProviderSubject

Row = Callable[[ProviderSubject], None]

ACCOUNT_ROWS: tuple[Row, ...] = (
    answers.row_01_only_known_names_are_declared,
    answers.row_02_the_good_key_passes_and_a_bad_one_is_told_by_its_place_in_the_configuration,
    answers.row_03_the_balance_is_the_account_s_own,
    answers.row_03_a_balance_that_the_vendor_does_not_say_stays_unknown,
    money.row_12_an_outage_of_a_free_question_is_bridged_and_then_told,
)
OPERATION_ROWS: tuple[Row, ...] = (
    answers.row_02_a_bad_key_is_recognised_at_every_operation,
    answers.row_04_a_known_person_is_found_whatever_the_spelling,
    answers.row_05_an_unknown_person_is_not_found,
    answers.row_06_answers_keep_the_order_and_number_of_the_questions,
    answers.row_07_a_full_batch_is_one_request,
    money.row_08_reported_charges_are_what_the_account_paid,
    money.row_09_the_declared_maximum_is_never_exceeded,
    money.row_10_being_asked_to_wait_costs_nothing_and_is_obeyed,
    money.row_12_an_outage_is_never_an_answer,
    money.row_13_a_lost_answer_is_one_request_and_doubtful,
    shapes.row_14_an_answer_in_another_form_is_never_read_as_one,
    shapes.row_15_unknown_keys_change_nothing,
    shapes.row_15_one_connector_takes_old_and_new_answers,
    manners.row_17_a_connector_touches_nothing_but_its_wire,
    manners.row_18_no_credential_and_nobody_s_data_in_logs_or_errors,
    manners.row_19_answers_to_questions_at_the_same_time_do_not_mix,
    manners.row_20_every_field_of_an_answer_is_used_or_listed_as_ignored,
)
PAID_ROWS: tuple[Row, ...] = (money.row_11_out_of_credits_is_no_bad_key,)
JOB_ROWS: tuple[Row, ...] = (
    money.row_13_a_lost_answer_to_a_poll_is_asked_for_again_and_charged_once,
    shapes.row_14_an_answer_to_a_poll_in_another_form_is_never_read_as_one,
    shapes.row_16_a_job_is_pending_then_found_and_polls_are_free,
    shapes.row_16_every_end_of_a_job_is_an_end,
    shapes.row_16_an_unknown_state_is_neither_endless_nor_not_found,
)
ROWS = {row.__name__: row for row in (*ACCOUNT_ROWS, *OPERATION_ROWS, *PAID_ROWS, *JOB_ROWS)}


def rows_for(operation: Operation) -> Iterator[Row]:
    """The rows that apply to an operation."""
    yield from OPERATION_ROWS
    if not operation.free:
        yield from PAID_ROWS
    if operation.mode is Mode.JOB:
        yield from JOB_ROWS


OWN = ("04", "08", "09", "11", "20")
"""Rows about what an operation returns and costs; in the others, operations of one kind do not differ."""
_CONTACT = EMAIL_FIELDS | PHONE_FIELDS

Endpoint = Callable[[Operation], Hashable]
"""Where the questions of an operation go."""


def kind_of(operation: Operation, endpoint: Hashable) -> Hashable:
    """What operations of one provider have in common that differ only in what they cost and in how much they tell:
    where they ask, how, and whether the answers hold contact data, people, companies or judgements.
    """
    tells = (
        not _CONTACT.isdisjoint(operation.returns),
        operation.identifies,
        not COMPANY_FIELDS.isdisjoint(operation.returns),
        bool(operation.gates),
        bool(operation.verifies),
    )
    polls = operation.poll is not None
    asks = operation.mode, frozenset(operation.accepts), operation.batch, polls, operation.free
    return endpoint, asks, tells


def rows_of_all(
    operations: Sequence[Operation], endpoint: Endpoint, every: bool
) -> Iterator[tuple[Operation, Row]]:
    """Every row for the operation of each kind that returns most, and its own ones for the rest; or `every` row
    for each.
    """
    kinds = {operation: kind_of(operation, endpoint(operation)) for operation in operations}
    fullest: dict[Hashable, Operation] = {}
    for operation in sorted(operations, key=lambda o: -len(o.returns)):
        fullest.setdefault(kinds[operation], operation)
    for operation in operations:
        whole = every or fullest[kinds[operation]] is operation
        for row in rows_for(operation):
            if whole or row.__name__.split("_")[1] in OWN:
                yield operation, row


def run(row: Row, subject: ProviderSubject) -> None:
    """Run a row as the product would run: retries as configured, but without their pauses.

    Raises:
        AssertionError: the connector breaks the rule.
    """
    retry_quietly()
    try:
        with stamina.set_testing(True, attempts=ATTEMPTS):
            row(subject)
    except Failure as failure:
        raise AssertionError(f"ended with a failure: {failure}") from failure
    finally:
        subject.stage.strike()
