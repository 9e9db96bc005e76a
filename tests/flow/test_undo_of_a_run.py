"""A whole run is taken back around the edits of people: `python -m bench undo` shows the same on 5,000 contacts."""

from __future__ import annotations

import pytest

from bench.undoing import measure


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_an_undone_run_leaves_the_crm_as_it_was_but_for_what_people_edited(crm: str) -> None:
    found = measure(crm, contacts=100, edits=5)
    assert found["records_written"] > 60
    assert found["records_restored"] == found["records_written"] - 5
    assert (found["records_kept"], found["kept_and_named"], found["values_failed"]) == (5, 5, 0)
    assert (found["records_that_are_not_as_before"], found["edits_that_are_gone"]) == (0, 0)
    assert (found["human_edits_overwritten"], found["no_op_writes"]) == (0, 0)
    # Two calls to know the account, then per batch a compare-read with its history and an update; here one batch.
    assert found["crm_calls"] <= 5
