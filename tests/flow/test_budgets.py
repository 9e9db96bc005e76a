"""Caps hold, those who wait are told for what, and the next period goes on where the last one stopped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from syncd import enrich
from syncd.checkout import Checkout
from syncd.cycle import Outcome
from tests.rehearsals import Director, Stage

EMAIL_50 = {"providers": {"contactout": {"budgets": {"email": {"per_month": 50}}}}}


def charged(play: Stage, kind: str) -> float:
    return float(play.stand("contactout").ask("books", summary="1")["charged"].get(kind, 0))


def later(play: Stage, days: int) -> Outcome:
    """A cycle on a later day, for everybody's clock."""
    play.pass_time(days * 86_400.0)
    return play.hurried()


def test_a_budget_of_fifty_stops_at_fifty_and_the_next_month_goes_on(stage: Director) -> None:
    play = stage(contacts=400, changes=EMAIL_50)
    first = play.cycle()
    assert (first.report["verdict"], first.code) == ("budget_stop", 4)
    assert 40 <= charged(play, "email") <= 50
    assert first.report["contacts"]["no_budget"] > 10
    assert play.oracle() == []

    same_month = play.cycle()
    assert charged(play, "email") <= 50
    assert same_month.code in (0, 4)

    before = first.report["contacts"]["no_budget"]
    month = later(play, 32)
    assert 80 <= charged(play, "email") <= 100
    assert month.report["contacts"]["no_budget"] < before


def test_explain_names_the_budget_that_a_contact_waits_for(stage: Director) -> None:
    play = stage(
        contacts=150, changes={"providers": {"contactout": {"budgets": {"email": {"per_month": 5}}}}}
    )
    play.cycle()
    with play.runtime() as runtime, runtime.store.read() as connection:
        from syncd.store import lists

        row = lists.page(connection, ("no_budget",), list(runtime.policies), 0, 1)[0]
    said = play.command("explain", row.record_id)
    assert said.code == 0
    assert "the budget of 5 per month is used up" in said.out
    assert "contactout.email" in said.out
    told = play.command("explain", row.record_id, "--json").json["contacts"][0]
    assert told["state"] == "no_budget"
    assert told["due_at"]


def test_a_cap_per_run_holds_within_one_run_only(stage: Director) -> None:
    play = stage(contacts=120, changes={"providers": {"contactout": {"budgets": {"phone": {"per_run": 7}}}}})
    for _ in range(2):
        before = charged(play, "phone")
        assert play.cycle().code == 4
        assert 0 < charged(play, "phone") - before <= 7


def test_a_kind_without_a_budget_is_not_spent_at_all(stage: Director) -> None:
    play = stage(contacts=60, changes={"providers": {"contactout": {"budgets": {"phone": None}}}})
    play.cycle()
    assert charged(play, "phone") == 0
    assert charged(play, "search") > 0


def test_the_floor_of_the_vendors_own_balance_is_kept(stage: Director) -> None:
    play = stage(
        contacts=150,
        changes={"providers": {"contactout": {"budgets": {"phone": {"per_month": 1000, "floor": 25}}}}},
        settings={"contactout": {"balance": {"phone": 40}}},
    )
    outcome = play.cycle()
    assert charged(play, "phone") <= 15
    assert outcome.code == 4


def test_a_lowered_cap_holds_for_what_was_spent_before(stage: Director) -> None:
    play = stage(contacts=100)
    play.cycle(limit=30)
    spent = charged(play, "search")
    assert spent > 3
    play.configure({"providers": {"contactout": {"budgets": {"search": {"per_month": 3}}}}})
    play.cycle()
    assert charged(play, "search") == spent


def test_a_budget_below_what_a_full_batch_may_cost_is_spent_in_smaller_ones(stage: Director) -> None:
    """Twenty-five lookups of two credits do not fit into seven; three do."""
    tight = {"providers": {"crustdata": {"budgets": {"credit": {"per_month": 7}}}}}
    play = stage(contacts=60, vendors=("hubspot", "crustdata"), changes=tight)
    outcome = play.cycle()
    spent = outcome.report["credits"]["crustdata"]["credit"]["spent"]
    assert 5 <= spent <= 7
    assert outcome.report["contacts"]["no_budget"] > 0
    assert play.oracle() == []


def test_a_budget_that_jobs_hold_is_spent_as_soon_as_they_land(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worst case of a job is many times what it mostly costs; whoever waits for the rest waits no longer."""
    monkeypatch.setattr(enrich, "HELD_WAIT_S", 86_400.0)
    play = stage(
        contacts=150, vendors=("hubspot", "waterfall_io"), settings={"waterfall_io": {"balance_usd": 60}}
    )
    refused: Counter[str] = Counter()
    told = Checkout._refused

    def refuse(till: Checkout, *given: Any) -> None:
        refused[given[2].why] += 1
        told(till, *given)

    monkeypatch.setattr(Checkout, "_refused", refuse)
    report = play.cycle().report
    assert report["contacts"]["waiting"] == 0
    assert 0 < refused["no_budget"] < 40
    assert play.oracle() == []
