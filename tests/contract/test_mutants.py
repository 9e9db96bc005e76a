"""Every mutant is caught by the row that is named for it, and that row lets the honest connector pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors import CRMS, PROVIDERS
from syncd.connector import load
from tests.contract import crm_mutants, crm_suite, mutant_cases, provider_suite, subjects
from tests.contract.loopback import CROWD
from tests.contract.stagehands import crm_subject, provider_subject


def _provider_cases():
    for name in sorted(PROVIDERS):
        operations = load("provider", name).operations
        for case in mutant_cases.CASES:
            fitting = [o.name for o in operations if case.where and case.where(o)]
            if (case.where is None or fitting) and name in (case.only or {name}):
                shown = f"{name}-{case.mutant.__name__}-{case.row.split('_')[1]}"
                yield pytest.param(name, fitting[0] if fitting else "", case, id=shown)


def _crm_cases():
    for name in sorted(CRMS):
        for case in crm_mutants.CASES:
            facts = subjects.CRMS.get(name, subjects.CrmFacts())
            if (facts.conditional is not None or not case.conditional) and (
                facts.page < CROWD or not case.paged
            ):
                shown = f"{name}-{case.mutant.__name__}-{case.row.split('_')[1]}"
                yield pytest.param(name, case, id=shown)


@pytest.mark.parametrize(("name", "operation", "case"), list(_provider_cases()))
def test_every_mutant_is_caught(name, operation, case, scene):
    row = provider_suite.ROWS[case.row]
    honest = provider_subject(scene, name, operation)
    broken = replace(honest, build=lambda options: case.mutant(honest.build(options)))
    provider_suite.run(row, honest)
    with pytest.raises(AssertionError):
        provider_suite.run(row, broken)


@pytest.mark.parametrize(("name", "case"), list(_crm_cases()))
def test_every_mutant_of_a_crm_is_caught(name, case, scene):
    row = crm_suite.ROWS[case.row]
    honest = crm_subject(scene, name)
    broken = replace(honest, build=lambda *parts: case.mutant(honest.build(*parts), honest.facts))
    crm_suite.run(row, honest)
    with pytest.raises(AssertionError):
        crm_suite.run(row, broken)


@pytest.mark.parametrize(
    ("rows", "cases"),
    [(provider_suite.ROWS, mutant_cases.CASES), (crm_suite.ROWS, crm_mutants.CASES)],
    ids=["providers", "crms"],
)
def test_every_rule_has_a_mutant(rows, cases):
    assert {case.row for case in cases} <= set(rows)
    assert {row.split("_")[1] for row in rows} == {case.row.split("_")[1] for case in cases}
