"""Whole cycles: what a first one does, and that a second one does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from syncd.cycle import Cycle, Orders
from syncd.enrich import Enricher
from syncd.shift import Shift
from tests.rehearsals import ROOT, Director


def test_a_first_cycle_enriches_and_every_promise_holds(stage: Director) -> None:
    play = stage(contacts=120)
    outcome = play.cycle()
    counts = outcome.report["contacts"]
    assert (outcome.code, outcome.report["verdict"]) == (0, "ok")
    assert counts["seen"] == counts["in_scope"] == 120
    assert counts["enriched"] > 40
    assert sum(counts[k] for k in counts if k not in ("seen", "in_scope")) == 120
    play.assert_well(outcome)


def test_our_figures_equal_the_vendors_books(stage: Director) -> None:
    play = stage(contacts=80)
    credits_ = play.cycle().report["credits"]["contactout"]
    theirs = play.stand("contactout").ask("books", summary="1")["charged"]
    assert {k: v["spent"] for k, v in credits_.items() if v["spent"]} == {
        k: float(n) for k, n in theirs.items() if float(n)
    }
    assert not any(v["unknown"] for v in credits_.values())


def test_a_second_run_touches_neither_vendor_nor_crm(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = stage(contacts=60)
    play.cycle()

    def explode(*args: object, **kwargs: object) -> object:
        raise AssertionError("a second run must not do this")

    with play.runtime() as runtime:
        for account in runtime.providers.values():
            for name in ("submit", "balance", "check", "poll"):
                monkeypatch.setattr(account.connector, name, explode)
        for crm in runtime.crms.values():
            monkeypatch.setattr(crm.connector, "write", explode)
        again = Cycle(runtime, Orders(list(runtime.policies))).run()
    assert again.code == 0
    assert again.report["contacts"]["enriched"] == 0


def test_a_pull_of_the_service_that_finds_nothing_to_do_begins_no_work(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = stage(contacts=30)
    play.cycle(wait_for_jobs=False)
    begun: list[object] = []
    work = Shift.work
    monkeypatch.setattr(Shift, "work", lambda shift: (begun.append(shift), work(shift))[1])
    assert play.cycle(wait_for_jobs=False).report["verdict"] == "ok"
    assert begun == []
    play.stand("hubspot").ask("edit", {"action": "create", "properties": {"email": "new@kestrel12.example"}})
    play.cycle(wait_for_jobs=False, everything=True)
    assert len(begun) == 1
    play.assert_well()


def test_a_persons_edit_between_the_runs_stays(stage: Director) -> None:
    play = stage(contacts=40)
    play.cycle()
    written = play.stand("hubspot").ask("books")["writes"]
    record = next(w["record"] for w in written if w["property"] == "hs_linkedin_url")
    play.stand("hubspot").ask(
        "edit", {"id": record, "properties": {"hs_linkedin_url": "https://linkedin.com/in/mine"}}
    )
    play.cycle()
    books = play.stand("hubspot").ask("books")
    assert books["human_edits_overwritten"] == 0
    assert len(books["writes"]) == len(written)


def test_plan_mode_spends_nothing_and_writes_nothing(stage: Director) -> None:
    play = stage(contacts=40, changes={"mode": "plan"})
    said = play.command("once", "--json")
    assert said.code == 0, said.err
    assert said.json["contacts"]["waiting"] == 40
    told = play.command("plan", "--json").json
    assert told["contacts"]["to_look_up"] > 20
    assert (
        told["credits"]["contactout"]["email"]["worst"]
        >= told["credits"]["contactout"]["email"]["expected"]
        > 0
    )
    assert play.stand("contactout").ask("books")["charges_count"] == 0
    assert play.stand("hubspot").ask("books")["writes_count"] == 0


def test_plan_names_a_worst_case_that_a_run_does_not_exceed(stage: Director) -> None:
    play = stage(contacts=60)
    worst = {k: v["worst"] for k, v in play.command("plan", "--json").json["credits"]["contactout"].items()}
    spent = play.cycle().report["credits"]["contactout"]
    assert {k: v["spent"] for k, v in spent.items() if v["spent"] > worst.get(k, 0)} == {}


def test_a_limit_bounds_what_is_looked_up(stage: Director) -> None:
    play = stage(contacts=60)
    said = play.command("once", "--limit", "10", "--json")
    counts = said.json["contacts"]
    assert said.code == 0, said.err
    assert counts["waiting"] == counts["in_scope"] - 10
    play.assert_well(play.cycle())


def test_the_log_has_a_line_for_each_contact_and_one_for_the_run(stage: Director) -> None:
    play = stage(contacts=30)
    play.cycle()
    events = [json.loads(line)["event"] for line in play.log.getvalue().splitlines()]
    assert (events.count("contact.ended"), events.count("run.done")) == (30, 1)


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_a_cycle_whose_lookups_break_down_ends_and_the_next_one_takes_over(
    stage: Director, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def broken(enricher: Enricher) -> None:
        raise error("in the enriching thread")

    play = stage(contacts=20)
    with monkeypatch.context() as patched:
        patched.setattr(Enricher, "drain", broken)
        outcome = play.cycle()
    assert outcome.code == 1
    assert outcome.report["contacts"]["waiting"] == 20
    assert play.cycle().code == 0
    play.assert_well()


def test_a_cycle_that_makes_no_progress_ends(stage: Director, monkeypatch: pytest.MonkeyPatch) -> None:
    play = stage(contacts=5)
    monkeypatch.setattr(Enricher, "drain", lambda enricher: None)
    outcome = play.hurried()
    assert outcome.report["contacts"]["waiting"] == 5


def test_a_reader_of_the_log_who_leaves_does_not_stop_the_run(stage: Director) -> None:
    play = stage(contacts=20)
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "once", "--json", "--config", str(play.config)],
        check=False,
        stdout=subprocess.PIPE,
        stderr=writer,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    os.close(writer)
    assert done.returncode == 0
    assert json.loads(done.stdout)["contacts"]["waiting"] == 0
