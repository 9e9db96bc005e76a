"""Each brake stops a run before the damage, says what to do, and can be overridden for one run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from syncd.brakes import LATEST, Pulse
from syncd.store import lookups, runs
from syncd.store import tables as t
from syncd.store.engine import Now
from tests.rehearsals import Director, Stage

SYNC = "hubspot-sandbox-contacts"


def writes(play: Stage) -> int:
    return int(play.stand("hubspot").ask("books")["writes_count"])


def records(play: Stage, *properties: str) -> dict[str, dict[str, Any]]:
    """Every record with some of its properties."""
    with play.runtime() as runtime:
        crm = next(iter(runtime.crms.values())).connector
        pages = crm.scan("contact", properties, None)
        return {c.id: dict(c.fields or {}) for page in pages for c in page.contacts}


def states(play: Stage) -> list[str]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        return sorted(connection.scalars(select(t.work.c.state)))


def brakes(**limits: Any) -> dict[str, Any]:
    return {"syncs": {SYNC: {"brakes": limits}}}


def a_deaf_crm(stage: Director) -> Stage:
    return stage(contacts=40, settings={"hubspot": {"deaf": ["hs_linkedin_url"]}})


def records_of_the_same_people(stage: Director) -> Stage:
    play = stage(contacts=20, changes=brakes(same_value=1))
    known = records(play, "hs_linkedin_url", "firstname", "lastname", "company", "mobilephone")
    for held in known.values():
        if held["hs_linkedin_url"] and not held["mobilephone"]:
            twin = {k: v for k, v in held.items() if v}
            play.stand("hubspot").ask("edit", {"action": "create", "properties": twin})
    return play


def many_other_titles(stage: Director) -> Stage:
    rule = {"to": "jobtitle", "write": "overwrite", "protect_humans": False, "group": None}
    play = stage(
        contacts=80, changes={"syncs": {SYNC: {"fields": {"job_title": rule, "company_name": None}}}}
    )
    for record in records(play, "email"):
        edit = {"id": record, "properties": {"jobtitle": "Apprentice"}, "as": "import"}
        play.stand("hubspot").ask("edit", edit)
    return play


@pytest.mark.parametrize(
    ("name", "scene"),
    [
        ("canary", a_deaf_crm),
        ("same_value", records_of_the_same_people),
        ("changed_share", many_other_titles),
    ],
)
def test_a_brake_stops_what_is_written_and_one_run_can_go_past_it(
    stage: Director, name: str, scene: Callable[[Director], Stage]
) -> None:
    play = scene(stage)
    outcome = play.cycle()
    assert (outcome.code, outcome.report["verdict"]) == (4, "braked")
    sentence = next(s for s in outcome.advice if f"({name}: " in s)
    assert f"`syncd resume sync:{SYNC}`" in sentence
    assert f"--ignore-brake {name}" in sentence
    written = writes(play)
    stopped = play.cycle()
    assert (stopped.code, writes(play)) == (4, written)
    past = play.cycle(ignore_brakes=frozenset({name}))
    assert past.report["verdict"] != "braked"
    assert writes(play) > written
    assert halted(play) == {f"sync:{SYNC}"}


def halted(play: Stage) -> set[str]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        return {h.scope for h in runs.halts(connection) if h.kind == "brake"}


def test_a_crm_that_looks_emptied_is_not_believed_before_a_person_looked(stage: Director) -> None:
    where = {"syncs": {SYNC: {"where": [{"property": "do_not_enrich", "not_equals": "true"}], "skip": None}}}
    play = stage(contacts=30, changes=where)
    assert play.cycle().code == 0
    before = states(play)
    everybody = list(records(play, "email"))
    for record in everybody:
        edit = {"id": record, "properties": {"do_not_enrich": "true"}}
        play.stand("hubspot").ask("edit", edit)
    # What changed within this very second belongs to a later pull.
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    play.stand("hubspot").ask("edit", {"action": "bulk_touch", "ids": everybody, "at": at})
    outcome = play.cycle()
    assert (outcome.code, outcome.report["verdict"]) == (4, "braked")
    assert any("empty_crm: 30 of 30 known contacts" in s and "resume sync:" in s for s in outcome.advice)
    assert states(play) == before
    assert play.cycle(ignore_brakes=frozenset({"empty_crm"})).report["verdict"] == "ok"
    assert states(play) == ["skipped"] * 30


def remembers(play: Stage, outcome: str, count: int = 30) -> None:
    """A past in which every question to ContactOut ended alike."""
    with play.runtime() as runtime:
        account = runtime.providers["contactout"]
        pairs = [(o, k) for o in account.connector.operations if not o.free for k in sorted(o.accepts)]
        with runtime.store.write() as connection:
            call = connection.execute(
                t.provider_call.insert().returning(t.provider_call.c.id),
                {
                    "account": "contactout", "operation": "past", "state": "settled", "run_id": 0, "owner": "",
                    "day": "2026-01-01", "month": "2026-01", "sent_at": 1, "settled_at": 1,
                },
            ).scalar_one()  # fmt: skip
            rows = [
                {
                    "call_id": call, "account": "contactout", "operation": o.name, "key_kind": k.value,
                    "key_digest": f"past {o.name} {k} {i}", "epoch": 0, "position": 0, "state": "settled",
                    "outcome": outcome,
                }
                for o, k in pairs for i in range(count)
            ]  # fmt: skip
            connection.execute(t.lookup.insert().values(sent_at=Now(), settled_at=Now()), rows)


def test_a_provider_that_suddenly_finds_everybody_is_not_paid_until_a_person_looked(stage: Director) -> None:
    # Half of the misses may be gone: which questions come first, and so how many hits, is left to chance.
    play = stage(contacts=200, changes={"syncs": {"hubspot-sandbox-contacts": {"brakes": {"hit_rate": 0.5}}}})
    remembers(play, "not_found", 20)
    outcome = play.cycle()
    assert (outcome.code, outcome.report["verdict"]) == (4, "braked")
    sentence = next(s for s in outcome.advice if s.startswith("contactout: stopped by a brake (hit_rate"))
    assert "`syncd resume contactout`" in sentence
    assert "--ignore-brake hit_rate" in sentence
    assert halted(play) == {"contactout"}
    assert outcome.report["contacts"]["waiting"] > 0
    assert outcome.report["contacts"]["enriched"] > 20
    bought = play.stand("contactout").ask("books")["charges_count"]
    again = play.cycle()
    assert (again.code, play.stand("contactout").ask("books")["charges_count"]) == (4, bought)
    play.pass_time(1000)
    assert play.hurried(ignore_brakes=frozenset({"hit_rate"})).code == 0
    assert play.stand("contactout").ask("books")["charges_count"] > bought


def test_a_provider_that_answers_as_ever_is_not_stopped(stage: Director) -> None:
    play = stage(contacts=70)
    remembers(play, "found", 4)
    assert play.cycle().report["verdict"] == "ok"


def test_asking_again_about_people_whom_nobody_knew_a_month_ago_stops_nobody(stage: Director) -> None:
    play = stage(contacts=80, settings={"contactout": {"coverage": {"blind": 1.0}}})
    assert play.hurried().report["contacts"]["enriched"] == 0
    remembers(play, "found", 20)
    for record in records(play, "email"):
        edit = {"id": record, "properties": {"country": "Portugal"}, "as": "import"}
        play.stand("hubspot").ask("edit", edit)
    play.pass_time(32 * 86_400.0)
    assert play.hurried().report["verdict"] == "ok"
    with play.runtime() as runtime, runtime.store.read() as connection:
        again = select(t.lookup.c.outcome).where(t.lookup.c.epoch == 1)
        outcomes = list(connection.scalars(again))
    assert set(outcomes) == {"not_found"}
    assert len(outcomes) > LATEST


def test_a_run_hears_of_a_provider_what_the_next_one_reads_of_it(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above all: neither hears of people whom the provider missed before, and is asked about once more."""
    play = stage(150, ["hubspot", "contactout", "rocketreach"])
    heard: Counter[tuple[str, bool]] = Counter()
    hear = Pulse.hear

    def count(pulse: Pulse, answer: tuple[str, bool]) -> None:
        heard[answer] += 1
        hear(pulse, answer)

    monkeypatch.setattr(Pulse, "hear", count)
    assert play.hurried().code == 0
    with play.runtime() as runtime:
        paid = [o for o in runtime.providers["contactout"].connector.operations if not o.free]
        direct = [o.name for o in paid if o.poll is None]
        with runtime.store.read() as connection:
            read = Counter((q, hit) for _, q, hit in lookups.latest(connection, "contactout", direct, 10_000))
            known = t.lookup.alias("known")
            again = connection.scalar(
                select(func.count())
                .select_from(t.lookup.join(known, known.c.work_id == t.lookup.c.work_id))
                .where(
                    t.lookup.c.id > known.c.id,
                    t.lookup.c.account == "contactout",
                    known.c.account == "contactout",
                    known.c.outcome == "not_found",
                )
            )
    assert again, "otherwise this shows nothing"
    assert {a: n for a, n in heard.items() if a[0].split()[0] in direct} == read
