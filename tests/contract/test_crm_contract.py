"""Every CRM of the table keeps the contract, over its stand-in."""

from __future__ import annotations

import pytest

from connectors import CRMS
from tests.contract import subjects
from tests.contract.crm_suite import rows_for, run
from tests.contract.stagehands import crm_subject

CASES = [
    (name, row) for name in sorted(CRMS) for row in rows_for(subjects.CRMS.get(name, subjects.CrmFacts()))
]


@pytest.mark.parametrize(
    ("name", "row"), CASES, ids=[f"{n}-{r.__name__.removeprefix('row_')}" for n, r in CASES]
)
def test_a_crm_keeps_the_contract(name, row, scene):
    run(row, crm_subject(scene, name))
