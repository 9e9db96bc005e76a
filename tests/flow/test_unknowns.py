"""Lost answers: settled by the vendor's figures, by a repeat that is free, or by the operator; never by hope."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from sqlalchemy import func, select

from syncd.cli import main
from syncd.store import jobs, runs
from syncd.store import tables as t
from tests.rehearsals import Director, Stage

HOUR = 3600.0
BEFORE = {"kind": "reset_before", "method": "POST", "path": "*/people/enrich*", "times": 3}
AFTER = {"kind": "reset_after", "method": "POST", "path": "*/people/enrich*", "times": 3}


def told(play: Stage, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command prints, in this process."""
    capsys.readouterr()
    main([*arguments, "--config", str(play.config)])
    return capsys.readouterr().out


def faults(play: Stage, vendor: str, *given: dict[str, Any]) -> None:
    request = urllib.request.Request(f"{play.stand(vendor).url}/_sandbox/faults", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()
    for fault in given:
        play.stand(vendor).ask("faults", fault)


def charged(play: Stage, vendor: str) -> float:
    return sum(float(n) for n in play.stand(vendor).ask("books", summary="1")["charged"].values())


def duplicates(play: Stage, vendor: str) -> list[Any]:
    return list(play.stand(vendor).ask("books")["duplicates"])


def states(play: Stage) -> dict[str, int]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        rows = connection.execute(
            select(t.provider_call.c.state, func.count()).group_by(t.provider_call.c.state)
        )
        return {str(row[0]): int(row[1]) for row in rows}


def resolved(play: Stage) -> list[str]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        return [e.reason for e in runs.events(connection) if e.action == "lookup.resolved"]


def asked(play: Stage, vendor: str = "contactout") -> int:
    return len(play.stand(vendor).ask("journal")["requests"])


KNOWN = {"contactout": {"coverage": {"profile": 1, "blind": 0}}}


def test_lost_answers_that_were_charged_are_settled_by_the_meter(stage: Director) -> None:
    play = stage(contacts=30, settings=KNOWN, faults={"contactout": [AFTER]})
    play.hurried()
    assert states(play)["unknown"] == 3
    calls, before = asked(play), charged(play, "contactout")
    play.hurried()
    assert asked(play) == calls, "nothing can be told yet, so nobody is asked"
    play.pass_time(HOUR)
    play.hurried()
    assert states(play)["written_off"] == 3
    assert len(resolved(play)) == 3
    assert all(r.endswith("3 unknown: all of it was charged") for r in resolved(play))
    assert charged(play, "contactout") == before, "what was paid for is not bought again"
    calls = asked(play)
    play.hurried()
    assert asked(play) == calls
    assert play.oracle() == []


def test_lost_answers_that_were_not_charged_are_given_back_and_asked_once_more(
    stage: Director, capsys: pytest.CaptureFixture[str]
) -> None:
    play = stage(contacts=30, settings=KNOWN, faults={"contactout": [BEFORE]})
    first = play.hurried()
    assert first.report["contacts"]["review"] == 3
    play.pass_time(HOUR)
    play.hurried()
    assert states(play)["released"] == 3
    assert all(r.endswith("3 unknown: none of it was charged") for r in resolved(play))
    again = play.hurried()
    assert again.report["contacts"]["review"] == 0
    assert duplicates(play, "contactout") == []
    assert play.oracle() == []
    lost = _lost_contacts(play)
    story = json.loads(told(play, capsys, "explain", f"#{lost[0]}", "--json"))["contacts"][0]
    assert any("none of it was charged" in a["reason"] for a in story["asked"])
    assert any(e["action"] == "lookup.resolved" for e in story["events"])


def _lost_contacts(play: Stage) -> list[int]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        return [e.work_id for e in runs.events(connection) if e.action == "lookup.unknown"]


def test_what_the_meter_leaves_open_is_shown_and_stays_until_somebody_says(
    stage: Director, capsys: pytest.CaptureFixture[str]
) -> None:
    play = stage(
        contacts=30,
        settings=KNOWN,
        faults={"contactout": [{**BEFORE, "times": 2}, {**AFTER, "times": 1}]},
    )
    play.hurried()
    play.pass_time(HOUR)
    play.hurried()
    said = json.loads(told(play, capsys, "budget", "reconcile", "--json"))
    assert said["settled"] == {"charged": [], "not_charged": [], "repeated": []}
    assert len(said["unknown"]) == 3
    one = said["unknown"][0]
    assert one["worth"] == {"search": 1}
    assert len(one["contacts"]) == 1
    assert one["age_s"] >= 0
    assert f"syncd budget resolve {one['call']}" in one["next"]
    (total,) = said["unknown_totals"]
    assert (total["provider"], total["kind"], total["calls"], total["worth"]) == (
        "contactout",
        "search",
        3,
        3,
    )
    row = next(b for b in said["budgets"] if b["kind"] == "search")
    assert row["unresolved"] == 3
    text = told(play, capsys, "budget")
    assert f"for #{one['contacts'][0]}" in text
    assert "unknown in all: 3 search of contactout in 3 lookups" in text
    calls = [str(u["call"]) for u in said["unknown"]]
    told(play, capsys, "budget", "resolve", *calls[:1], "--charged", "--reason", "their invoice")
    told(play, capsys, "budget", "resolve", *calls[1:], "--not-charged")
    assert play.hurried().report["contacts"]["enriched"] >= 2, "the contacts are taken up again"
    assert "their invoice" in resolved(play)
    assert json.loads(told(play, capsys, "budget", "--json"))["unknown"] == []


def test_an_opaque_lookup_is_never_sent_again_by_itself(
    stage: Director, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though the vendor's figure says that it was not charged (I4)."""
    launch = {"kind": "reset_before", "method": "POST", "times": 2}
    play = stage(contacts=30, vendors=("hubspot", "reverselooker"), faults={"reverselooker": [launch]})
    play.hurried()
    lost = states(play)["unknown"]
    assert lost
    play.pass_time(HOUR)
    play.hurried()
    said = json.loads(told(play, capsys, "budget", "reconcile", "--json"))
    assert len(said["unknown"]) == lost
    assert all("Nobody but the vendor can tell" in u["next"] for u in said["unknown"])
    assert play.oracle() == []


LOOKUP = {"method": "GET", "path": "*/person/lookup*", "times": 2}
TRUSTING = {"providers": {"rocketreach": {"free_relookups": True}}}
ROCKET = ("hubspot", "rocketreach")


def hours_pass(play: Stage) -> None:
    """A few cycles: a figure that is read while answers are still being settled proves nothing, a later one does."""
    for _ in range(4):
        play.pass_time(HOUR)
        play.hurried()


def test_a_lost_lookup_that_is_free_to_repeat_is_repeated_once_and_its_answer_taken_in(
    stage: Director,
) -> None:
    play = stage(
        contacts=30,
        vendors=ROCKET,
        changes=TRUSTING,
        settings={"rocketreach": {"coverage": {"profile": 1, "blind": 0}}},
        faults={"rocketreach": [{**LOOKUP, "kind": "reset_after"}]},
    )
    play.hurried()
    assert states(play)["unknown"] == 2
    hours_pass(play)
    assert set(states(play)) == {"settled"}
    assert duplicates(play, "rocketreach") == []
    assert play.oracle() == []
    with play.runtime() as runtime, runtime.store.read() as connection:
        found = [
            e.action for e in runs.events(connection) if e.action in ("lookup.repeated", "lookup.metered")
        ]
        assert found.count("lookup.repeated") == 2
        assert found.count("lookup.metered") >= 2
        assert jobs.lost(connection) == []


def test_a_repeat_that_is_charged_after_all_is_booked_and_is_the_last_one(stage: Director) -> None:
    play = stage(
        contacts=30,
        vendors=ROCKET,
        changes=TRUSTING,
        settings={"rocketreach": {"coverage": {"profile": 1, "blind": 0}, "recharge_on_relookup": True}},
        faults={"rocketreach": [{**LOOKUP, "kind": "reset_after"}]},
    )
    play.hurried()
    hours_pass(play)
    assert [v for v in play.oracle() if not v.startswith("I3")] == [], "our books hold what the vendor took"
    with play.runtime() as runtime, runtime.store.read() as connection:
        assert "was charged" in str(runs.get_meta(connection, "no_repeat:rocketreach"))


def test_a_repeat_whose_answer_is_lost_too_is_not_sent_a_third_time(stage: Director) -> None:
    play = stage(
        contacts=30,
        vendors=ROCKET,
        changes=TRUSTING,
        settings={"rocketreach": {"coverage": {"profile": 1, "blind": 0}}},
        faults={"rocketreach": [{**LOOKUP, "kind": "reset_after", "times": 1}]},
    )
    play.hurried()
    faults(play, "rocketreach", {**LOOKUP, "kind": "reset_after", "times": 1})
    for _ in range(3):
        play.pass_time(HOUR)
        play.hurried()
    with play.runtime() as runtime, runtime.store.read() as connection:
        found = [e.action for e in runs.events(connection)]
    assert found.count("lookup.repeated") == 1
    assert duplicates(play, "rocketreach") == []
    assert play.oracle() == []


@pytest.mark.parametrize("on_drift", ["note", "pause"])
def test_credits_that_others_spend_are_noted_or_stop_the_account(
    stage: Director, on_drift: str, capsys: pytest.CaptureFixture[str]
) -> None:
    reconcile = {"tolerance": 5, "on_drift": on_drift}
    play = stage(contacts=14, changes={"providers": {"contactout": {"reconcile": reconcile}}})
    play.hurried(limit=4)
    left = {
        b["kind"]: b["vendor_balance"] for b in json.loads(told(play, capsys, "budget", "--json"))["budgets"]
    }
    play.pass_time(HOUR)
    play.stand("contactout").ask("balance", {"email": left["email"] - 5})
    assert json.loads(told(play, capsys, "budget", "reconcile", "--json"))["restored"] is False
    spent = charged(play, "contactout")
    play.stand("contactout").ask("balance", {"email": left["email"] - 50})
    outcome = play.hurried()
    row = next(
        b for b in json.loads(told(play, capsys, "budget", "--json"))["budgets"] if b["kind"] == "email"
    )
    assert row["foreign"] + row["overcharge"] == 50
    if on_drift == "note":
        assert (outcome.code, charged(play, "contactout") > spent) == (0, True)
        return
    assert outcome.code == 6
    assert charged(play, "contactout") == spent, "nothing is bought there any more"
    assert any("syncd budget reconcile" in line for line in outcome.advice)
    assert told(play, capsys, "status").startswith(
        "Something needs you: contactout is stopped: 50 email credits"
    )
    told(play, capsys, "budget", "reconcile")
    assert play.hurried().code == 0
    assert charged(play, "contactout") > spent
