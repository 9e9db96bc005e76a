"""Every provider of the table keeps the contract, operation by operation, over its stand-in.

Operations of one endpoint that differ only in what they cost and in how much they tell share the rows about everything
else; `make contract` (EVERY_ROW=1) runs each row for each of them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from functools import partial

import pytest

from connectors import PROVIDERS
from syncd.connector import load
from tests.contract.acts import ProviderSubject
from tests.contract.endpoints import endpoint_of
from tests.contract.provider_suite import ACCOUNT_ROWS, Row, rows_for, rows_of_all, run
from tests.contract.stagehands import accounts, provider_subject

ACCOUNTS = [
    (name, number, row)
    for name in sorted(PROVIDERS)
    for number, _ in enumerate(accounts(name))
    for row in ACCOUNT_ROWS
]
OPERATIONS = [
    (name, operation.name, row)
    for name in sorted(PROVIDERS)
    for operation, row in rows_of_all(
        load("provider", name).operations, partial(endpoint_of, name), "EVERY_ROW" in os.environ
    )
]


def _short(row: Row) -> str:
    return row.__name__.removeprefix("row_")


@pytest.mark.parametrize(
    ("name", "account", "row"), ACCOUNTS, ids=[f"{n}-account{a}-{_short(r)}" for n, a, r in ACCOUNTS]
)
def test_a_provider_keeps_the_contract(name, account, row, scene):
    run(row, provider_subject(scene, name, account=account))


@pytest.mark.parametrize(
    ("name", "operation", "row"), OPERATIONS, ids=[f"{n}-{o}-{_short(r)}" for n, o, r in OPERATIONS]
)
def test_an_operation_keeps_the_contract(name, operation, row, scene):
    subject: ProviderSubject = provider_subject(scene, name, operation)
    run(row, subject)


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_every_row_meets_the_fullest_answer_of_every_endpoint(name):
    asking = defaultdict(list)
    for operation in load("provider", name).operations:
        asking[endpoint_of(name, operation)].append(operation)
    for operations in asking.values():
        fullest = max(operations, key=lambda o: len(o.returns))
        met = {row for n, operation, row in OPERATIONS if (n, operation) == (name, fullest.name)}
        assert met == set(rows_for(fullest)), fullest.name
