"""What a sixth provider costs: an invented one joins the table and the whole suite is its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import connectors
from connectors import sandbox
from connectors.sandbox import Rehearsal
from syncd.model import Found, NotFound, Plan, Unresolved
from tests.contract import subjects
from tests.contract.provider_suite import ACCOUNT_ROWS, ROWS, rows_for, run
from tests.contract.sixth_provider import Connector
from tests.contract.stagehands import provider_subject

FILES = ("sixth_provider.py", "sixth_stand_in.py")
FACTS = subjects.ProviderFacts(
    plans=(({}, Plan.PREPAID),),
    states={"done": (Found, NotFound), "failed": (Unresolved,)},
    ignored=frozenset({"id"}),
)
SUITE = [(row, "") for row in ACCOUNT_ROWS]
SUITE += [(row, o.name) for o in Connector.operations for row in rows_for(o)]


@pytest.fixture
def sixth(monkeypatch):
    """The table's entries for the invented provider."""
    monkeypatch.setitem(connectors.PROVIDERS, "sixth", "tests.contract.sixth_provider")
    monkeypatch.setitem(sandbox.SERVERS, "sixth", "tests.contract.sixth_stand_in")
    entry = Rehearsal("provider", {"token": "sixth-key-in-the-sandbox"}, credits=("credit",))
    monkeypatch.setitem(sandbox.REHEARSALS, "sixth", entry)
    monkeypatch.setitem(subjects.PROVIDERS, "sixth", (FACTS,))


@pytest.mark.parametrize(("row", "operation"), SUITE, ids=[r.__name__.removeprefix("row_") for r, _ in SUITE])
def test_an_invented_provider_keeps_the_contract(row, operation, scene, sixth):
    run(row, provider_subject(scene, "sixth", operation))


def test_a_sixth_provider_costs_under_100_lines():
    folder = Path(__file__).parent
    lines = [line for name in FILES for line in (folder / name).read_text().splitlines()]
    assert sum(bool(line.strip()) for line in lines) < 100
    assert {row.__name__ for row, _ in SUITE} == set(ROWS), "the suite has rows that it does not meet"
