"""Saved plans: a run does what was planned and nothing else, once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from syncd.cycle import Cycle, Orders, Outcome
from syncd.forecast import forecast
from syncd.saved import Draft, Stale, load
from syncd.store import tables as t
from tests.rehearsals import Director, Stage

SYNC = "hubspot-sandbox-contacts"


def planned(play: Stage, limit: int | None = None, **given: Any) -> Path:
    """Contacts are pulled and the plan for them is saved."""
    file = play.rehearsal.folder / "plan.json"
    with play.runtime(**given) as runtime:
        syncs = list(runtime.policies)
        Cycle(runtime, Orders(syncs, kind="plan", limit=limit, spend=False)).run()
        draft = Draft(runtime)
        draft.save(file, draft.forecast(syncs), syncs)
    return file


def carried_out(play: Stage, file: Path) -> Outcome:
    with play.runtime() as runtime:
        saved = load(file, runtime)
        return Cycle(runtime, Orders(saved.syncs, pull=False, plan=saved)).run()


def charges(play: Stage) -> list[dict[str, Any]]:
    return list(play.stand("contactout").ask("books")["charges"])


def writes(play: Stage) -> list[dict[str, Any]]:
    return list(play.stand("hubspot").ask("books")["writes"])


def contents(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def test_a_plan_is_carried_out_once_by_command_and_tells_what_it_cost(stage: Director) -> None:
    play = stage(contacts=30)
    file = play.rehearsal.folder / "plan.json"
    told = play.command("plan", "--out", str(file), "--json")
    assert told.code == 0, told.err
    assert file.stat().st_mode & 0o777 == 0o600
    done = play.command("once", str(file), "--json")
    assert done.code == 0, done.err
    assert done.json["plan"]["plan_id"] == told.json["saved"]["plan_id"]
    for kind, row in done.json["plan"]["credits"]["contactout"].items():
        assert row["actual"] == done.json["credits"]["contactout"][kind]["spent"] <= row["worst"]
        assert row["expected"] == told.json["credits"]["contactout"][kind]["expected"]
    assert done.json["contacts"]["enriched"] > 10
    bought = len(charges(play))
    again = play.command("once", str(file))
    assert (again.code, len(charges(play))) == (4, bought)
    assert f"carried out already, by run {done.json['run_id']}" in again.err
    play.assert_well()


def test_a_plan_holds_nothing_of_people(stage: Director) -> None:
    play = stage(contacts=20)
    text = planned(play).read_text()
    with play.runtime() as runtime:
        crm = next(iter(runtime.crms.values())).connector
        ids = [c["record"] for c in contents(play.rehearsal.folder / "plan.json")["contacts"]]
        read = crm.read("contact", ids, ["email", "lastname", "phone", "company"], False)
    values = [str(v) for c in read for v in (c.fields or {}).values() if v and len(str(v)) > 3]
    assert len(values) > 40
    assert [v for v in values if v in text] == []


def test_only_the_contacts_of_the_plan_are_touched(stage: Director) -> None:
    play = stage(contacts=40)
    file = planned(play)
    named = {c["record"] for c in contents(file)["contacts"]}
    taken_in(play, {"email": "new@example.org"})
    assert carried_out(play, file).code == 0
    assert {w["record"] for w in writes(play)} <= named
    assert [state for record, state in states(play).items() if record not in named] == ["ready"]
    assert "ready" not in [state for record, state in states(play).items() if record in named]


def taken_in(play: Stage, properties: dict[str, Any]) -> None:
    """A contact is created, and pulled."""
    hubspot = play.stand("hubspot")
    made = hubspot.ask("edit", {"action": "create", "properties": properties})["id"]
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    hubspot.ask("edit", {"action": "bulk_touch", "ids": [made], "at": at})
    with play.runtime() as runtime:
        Cycle(runtime, Orders(list(runtime.policies), spend=False)).run()


def states(play: Stage) -> dict[str, str]:
    """Record → state of its contact."""
    with play.runtime() as runtime, runtime.store.read() as connection:
        rows = connection.execute(select(t.work.c.record_id, t.work.c.state))
        return {row.record_id: row.state for row in rows}


def operations(play: Stage) -> set[str]:
    """What was ever asked for, by our own books."""
    with play.runtime() as runtime, runtime.store.read() as connection:
        return set(connection.scalars(select(t.lookup.c.operation).distinct()))


def test_a_contact_that_changed_is_left_out_and_named_and_the_rest_goes_on(stage: Director) -> None:
    play = stage(contacts=30)
    file = planned(play)
    asked = [c["record"] for c in contents(file)["contacts"] if c["operations"]]
    moved, filled, gone = asked[:3]
    hubspot = play.stand("hubspot")
    hubspot.ask("edit", {"id": moved, "properties": {"lastname": "Otherwise"}})
    hubspot.ask("edit", {"id": filled, "properties": {"mobilephone": "+4915112345678"}})
    hubspot.ask("edit", {"action": "archive", "id": gone})
    outcome = carried_out(play, file)
    assert outcome.code == 0
    left = {one["record_id"]: one["why"] for one in outcome.report["plan"]["left_out"]}
    assert left == {
        moved: "it changed since the plan was made",
        filled: "it changed since the plan was made",
        gone: "it is gone from the CRM",
    }
    assert all(any(record in note for note in outcome.advice) for record in left)
    assert not {w["record"] for w in writes(play)} & left.keys()
    assert outcome.report["contacts"]["enriched"] > 10


def test_no_operation_is_bought_but_those_of_the_plan(stage: Director) -> None:
    play = stage(contacts=40)
    file = planned(play)
    with play.runtime() as runtime:
        saved = load(file, runtime)
        items = [
            replace(i, questions=frozenset(q for q in i.questions if "contact" not in q[1]))
            for i in saved.items
        ]
        narrow = replace(saved, items=tuple(items))
        outcome = Cycle(runtime, Orders(saved.syncs, pull=False, plan=narrow)).run()
    asked = operations(play)
    assert asked
    assert not {o for o in asked if "contact" in o}
    assert (outcome.code, outcome.report["verdict"]) == (4, "budget_stop")
    assert outcome.report["contacts"]["no_budget"] > 5
    assert play.cycle().report["contacts"]["no_budget"] == 0
    assert {o for o in operations(play) if "contact" in o}


def test_a_run_never_spends_more_than_the_plans_worst_case(stage: Director) -> None:
    play = stage(contacts=40)
    file = planned(play)
    with play.runtime() as runtime:
        saved = load(file, runtime)
        tight = replace(saved, worst={k: min(n, Decimal(3)) for k, n in saved.worst.items()})
        outcome = Cycle(runtime, Orders(saved.syncs, pull=False, plan=tight)).run()
    spent = {k: v["spent"] for k, v in outcome.report["credits"]["contactout"].items()}
    assert max(spent.values()) == 3
    assert outcome.code == 4
    assert outcome.report["contacts"]["unaccounted"] == 0
    assert play.oracle() == []


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("configuration", f"The configuration of {SYNC} changed"),
        ("provider", f"The configuration of {SYNC} changed"),
        ("state", "made from another state"),
        ("age", "holds for 24 hours"),
        ("used", "carried out already"),
        ("contacts", "No contact of the plan is as it was"),
    ],
)
def test_a_stale_plan_is_refused_with_a_sentence_and_buys_nothing(
    stage: Director, spoil: str, why: str
) -> None:
    play = stage(contacts=6)
    file = planned(play)
    bought = 0
    if spoil == "configuration":
        play.configure({"syncs": {SYNC: {"fields": {"job_title": {"write": "fill"}}}}})
    elif spoil == "provider":
        play.configure({"providers": {"contactout": {"keep_found": "10d"}}})
    elif spoil == "state":
        play.configure({"state": {"url": f"sqlite:///{play.rehearsal.folder / 'other.db'}"}})
    elif spoil == "used":
        carried_out(play, file)
        bought = len(charges(play))
    elif spoil == "contacts":
        for record in (c["record"] for c in contents(file)["contacts"]):
            edit = {"id": record, "properties": {"lastname": f"Other{record}"}}
            play.stand("hubspot").ask("edit", edit)
    if spoil == "contacts":
        outcome = carried_out(play, file)
        assert (outcome.code, outcome.report["verdict"]) == (4, "braked")
        assert any(why in sentence for sentence in outcome.advice)
    else:
        if spoil == "age":
            play.ahead_s = 86_401.0
        with play.hurry() as runtime, pytest.raises(Stale, match=why):
            load(file, runtime)
    assert len(charges(play)) == bought


def test_a_smaller_budget_does_not_make_a_plan_stale(stage: Director) -> None:
    play = stage(contacts=6)
    file = planned(play)
    play.configure({"providers": {"contactout": {"budgets": {"email": {"per_month": 5}}}}})
    with play.runtime() as runtime:
        assert load(file, runtime).items


@pytest.mark.parametrize("what", ["edited", "nonsense", "absent"])
def test_a_file_that_is_no_plan_as_it_was_written_is_refused(stage: Director, what: str) -> None:
    play = stage(contacts=4)
    file = planned(play)
    if what == "edited":
        document = contents(file)
        document["worst"]["contactout"]["email"] = "1000000"
        file.write_text(json.dumps(document))
    elif what == "nonsense":
        file.write_text("[1]")
    else:
        file.unlink()
    said = play.command("once", str(file))
    assert said.code == 2
    assert said.err.startswith(f"syncd: {file} ")
    assert charges(play) == []


def test_two_records_of_one_person_need_not_both_be_in_the_plan(stage: Director) -> None:
    play = stage(contacts=12)
    file = planned(play)
    first = contents(file)["contacts"][0]["record"]
    with play.runtime() as runtime:
        crm = next(iter(runtime.crms.values())).connector
        twin = dict(crm.read("contact", [first], ["email", "firstname", "lastname"], False)[0].fields or {})
    outside = {k: v for k, v in twin.items() if v and k != "email"}
    taken_in(play, outside)
    assert carried_out(play, file).code == 0
    assert sorted(states(play).values()).count("ready") == 1


def test_what_is_expected_is_near_what_is_spent(stage: Director) -> None:
    play = stage(contacts=100)
    with play.runtime() as runtime:
        syncs = list(runtime.policies)
        Cycle(runtime, Orders(syncs, spend=False)).run()
        for account in runtime.providers.values():
            runtime.standing.fresh(account)
        found = forecast(runtime, syncs)
        spending = Cycle(runtime, Orders(syncs)).run().report["credits"]["contactout"]
    spent = {kind: amounts["spent"] for kind, amounts in spending.items() if amounts["spent"]}
    expected = {kind: float(amount) for (_, kind), amount in found.expected.items()}
    assert 0.7 < sum(expected.values()) / sum(spent.values()) < 1.3
    assert {kind for kind in spent if not 0.55 < expected[kind] / spent[kind] < 1.45} == set()
    assert {kind for kind in spent if spent[kind] > found.worst["contactout", kind]} == set()
