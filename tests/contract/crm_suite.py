"""The contract suite for CRMs: plain functions that raise AssertionError.

Rows 1 to 19 are the rules that providers have too, rows 21 to 29 are about pulling, 31 to 41 about records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import stamina

from syncd.calls import ATTEMPTS, retry_quietly
from syncd.connector import Failure
from tests.contract import crm_life as life
from tests.contract import crm_pull as pull
from tests.contract import crm_write as write
from tests.contract.crm_acts import CrmSubject
from tests.contract.subjects import CrmFacts

Row = Callable[[CrmSubject], None]

ALL_ROWS: tuple[Row, ...] = (
    life.row_01_a_crm_declares_known_names,
    life.row_02_a_good_credential_opens_the_account_and_a_bad_one_is_told,
    life.row_10_being_asked_to_wait_is_obeyed,
    life.row_12_an_outage_is_bridged_and_then_told,
    life.row_13_a_lost_answer_is_asked_for_again,
    life.row_13_a_write_whose_answer_is_lost_is_written_once_more_and_no_further,
    life.row_14_an_answer_in_another_form_is_never_read_as_one,
    life.row_15_unknown_keys_change_nothing,
    life.row_17_a_connector_touches_nothing_but_its_wire,
    life.row_18_no_credential_and_nobody_s_data_in_logs_or_errors,
    life.row_19_questions_at_the_same_time_do_not_mix,
    pull.row_21_records_with_one_equal_date_are_all_pulled,
    pull.row_21_both_ends_of_a_window_belong_to_it,
    pull.row_22_a_change_during_paging_is_not_lost,
    pull.row_23_a_cursor_survives_a_restart,
    pull.row_24_a_late_index_costs_time_and_no_record,
    pull.row_25_deleted_and_merged_records_are_told_as_gone,
    pull.row_26_a_condition_never_hides_a_record_that_fulfils_it,
    pull.row_27_a_scan_holds_everybody_once_and_whole,
    pull.row_28_the_crm_s_clock_is_told,
    life.row_29_a_window_in_the_future_or_without_changes_is_empty,
    write.row_31_missing_ids_cost_the_others_nothing,
    write.row_32_every_patch_has_its_own_result_in_its_place,
    write.row_33_a_refused_property_is_named,
    write.row_34_the_schema_says_what_a_property_takes,
    write.row_35_any_text_comes_back_as_it_was_written,
    write.row_36_empty_and_absent_are_told_apart,
    write.row_37_more_than_a_batch_is_read_and_written_whole,
    write.row_38_nothing_is_touched_that_was_not_asked_for,
    write.row_39_our_own_write_is_recognised_and_a_person_s_edit_too,
    write.row_39_the_version_after_a_write_is_the_one_that_is_pulled,
    write.row_41_patches_of_one_record_are_applied_in_order,
)
CONDITIONAL_ROWS: tuple[Row, ...] = (write.row_40_a_change_since_our_read_is_a_conflict,)
ROWS = {row.__name__: row for row in (*ALL_ROWS, *CONDITIONAL_ROWS)}


def rows_for(facts: CrmFacts) -> Iterator[Row]:
    """The rows that apply to a CRM."""
    yield from ALL_ROWS
    if facts.conditional is not None:
        yield from CONDITIONAL_ROWS


def run(row: Row, subject: CrmSubject) -> None:
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
