"""Bugs that others have had in public, each met on purpose: see docs/bugs-syncd-does-not-have.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from syncd.confirm import Case
from syncd.oracle import second_run
from syncd.store import tables as t
from syncd.store import work
from syncd.write import Writer
from tests.contract.loopback import Loopback
from tests.worlds import World, loopbacks

SYNC = "hubspot-sandbox-contacts"
Worlds = Callable[..., World]


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, Loopback]]:
    with loopbacks() as opened:
        yield opened


@pytest.fixture
def worlds(servers: Mapping[str, Loopback], tmp_path: Path) -> Worlds:
    numbers = count()

    def world(**given: Any) -> World:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        return World(folder, servers, **given)

    return world


def of_sync(**changes: Any) -> dict[str, Any]:
    return {"syncs": {SYNC: changes}}


def books(world: World, vendor: str) -> Any:
    return world.rehearsal.stands[vendor].ask("books", summary="1")


def waits(world: World) -> list[tuple[str, float]]:
    """Why contacts wait, and for how long from now."""
    with world.store() as store, store.read() as connection:
        now_us = work.now_us(connection)
        rows = connection.execute(
            select(t.work.c.reason, t.work.c.not_before).where(t.work.c.state == "waiting")
        )
        return [(reason, (due - now_us) / 1e6) for reason, due in rows]


def pass_over(world: World) -> None:
    """What was edited shows in searches."""
    for stand in world.rehearsal.stands.values():
        stand.ask("clock", {"advance_s": 120})


def touch_everybody(world: World, author: str, **properties: str) -> None:
    crm = world.rehearsal.stands["hubspot"]
    for record in crm.ask("records")["ids"]:
        crm.ask("edit", {"id": record, "properties": properties, "as": author})
    pass_over(world)


def test_a_search_index_that_lags_and_answers_out_of_order_loses_nobody_and_costs_no_credit_twice(
    worlds: Worlds,
) -> None:
    world = worlds(knobs={"hubspot": {"lag_s": 30.0, "disorder": 0.4}})
    world.cycle()
    charged = books(world, "contactout")["charges_count"]
    touch_everybody(world, "import", city="Elsewhere")
    world.rehearsal.stands["hubspot"].ask(
        "edit", {"action": "create", "properties": {"email": "late@new.example"}}
    )
    world.cycle()
    for stand in world.rehearsal.stands.values():
        stand.ask("clock", {"advance_s": 60})
    world.cycle()
    assert world.oracle() == []
    assert books(world, "contactout")["charges_count"] == charged


def test_an_import_that_touches_everybody_without_changing_inputs_costs_no_credit_and_no_write(
    worlds: Worlds,
) -> None:
    world = worlds(people=40)
    world.cycle()
    touch_everybody(world, "import", city="Elsewhere")
    again = world.cycle()
    assert again.report["contacts"]["seen"] >= 40
    assert second_run(again.report, ["contactout"]) == []


def test_a_429_before_the_cursor_was_saved_ends_the_run_and_the_next_one_goes_on(worlds: Worlds) -> None:
    world = worlds()
    world.fault("hubspot", "rate_limit", path="*/objects/contacts*", retry_after="600")
    limited = world.cycle()
    assert limited.code == 5
    world.sandbox("hubspot").faults.clear()
    again = world.cycle(hours=1)
    assert again.code == 0
    assert again.report["contacts"]["in_scope"] == 12
    assert world.oracle() == []


def test_a_first_start_on_a_large_crm_touches_nobody_who_was_there_before(worlds: Worlds) -> None:
    world = worlds(people=40, changes=of_sync(since=None))
    report = world.cycle().report
    assert report["contacts"]["seen"] == 0
    assert (books(world, "contactout")["charges_count"], books(world, "hubspot")["writes_count"]) == (0, 0)


def test_an_update_that_is_answered_200_and_wrote_nothing_is_noticed_and_told(worlds: Worlds) -> None:
    world = worlds(
        knobs={"hubspot": {"deaf": ["jobtitle", "mobilephone", "hs_linkedin_url", "email", "company"]}}
    )
    report = world.cycle().report
    assert books(world, "hubspot")["writes_count"] == 0
    assert not any(f["filled"] for f in report["fields"].values())
    assert '"write.not_applied"' in world.log.getvalue()
    assert report["verdict"] in ("partial", "failed", "braked")


def test_a_run_in_which_every_write_fails_is_no_success_and_its_rows_are_tried_again(worlds: Worlds) -> None:
    world = worlds()
    world.fault("hubspot", "status", status=503, path="*/batch/update")
    failed = world.cycle()
    assert failed.code == 5
    assert failed.report["verdict"] != "ok"
    charged = books(world, "contactout")["charges_count"]
    world.sandbox("hubspot").faults.clear()
    assert world.cycle(hours=3).code == 0
    assert books(world, "hubspot")["writes_count"] > 3
    assert books(world, "contactout")["charges_count"] == charged
    assert world.oracle() == []


def test_our_own_write_that_comes_back_beside_a_persons_edit_of_another_field_asks_nobody(
    worlds: Worlds,
) -> None:
    world = worlds(people=40)
    world.cycle()
    written = books(world, "hubspot")["writes_count"]
    touch_everybody(world, "person", city="Elsewhere")
    assert second_run(world.cycle().report, ["contactout"]) == []
    assert books(world, "hubspot")["writes_count"] == written


def test_a_person_who_fills_the_blank_while_we_look_it_up_wins(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, decide = worlds(people=40), Writer._decide
    crm = world.rehearsal.stands["hubspot"]

    def meanwhile(writer: Writer, rows: Any) -> Any:
        for row in rows:
            crm.ask("edit", {"id": row.record_id, "properties": {"mobilephone": "+49301234567"}})
        return decide(writer, rows)

    monkeypatch.setattr(Writer, "_decide", meanwhile)
    report = world.cycle().report
    assert report["fields"]["mobile_phone"]["filled"] == 0
    assert report["fields"]["linkedin_url"]["filled"] > 0
    assert world.oracle() == []


def test_one_person_in_two_syncs_is_bought_once(worlds: Worlds) -> None:
    one = worlds().rehearsal.document(True)["syncs"][SYNC]
    changes = {
        "syncs": {
            SYNC: {},
            "again": {**one, "fields": {"work_email": {"to": "email"}, "mobile_phone": {"to": "phone"}}},
        }
    }
    both = worlds(changes=changes)
    both.cycle()
    assert books(both, "contactout")["double_charged"] == 0
    assert [v for v in both.oracle() if v.startswith("I3")] == []


@pytest.mark.parametrize("trouble", ["charge_then_500", "reset_after"])
def test_a_provider_that_charges_and_then_fails_is_paid_once_and_not_asked_again(
    worlds: Worlds, trouble: str
) -> None:
    world = worlds()
    world.fault("contactout", trouble, path="/v1/people/*", times=2)
    world.cycle()
    world.sandbox("contactout").faults.clear()
    world.cycle(hours=2)
    assert books(world, "contactout")["double_charged"] == 0
    assert world.oracle() == []


def test_a_long_pause_that_a_provider_asks_for_ends_the_run_and_its_contacts_wait(worlds: Worlds) -> None:
    world = worlds()
    world.fault("contactout", "rate_limit", retry_after="900", path="*/v1/*", nth=5)
    paused = world.cycle()
    assert paused.report["contacts"]["waiting"] > 0
    assert paused.report["contacts"]["unaccounted"] == 0
    assert all("contactout" in why and 60 < left_s <= 900 for why, left_s in waits(world))
    done = world.cycle(hours=0.5)
    assert done.report["contacts"]["waiting"] == 0
    assert world.oracle() == []


def test_an_edit_while_a_write_had_to_wait_is_seen_and_kept(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, honest = worlds(), Writer._intend
    late: list[str] = []

    def slow(writer: Writer, cases: Sequence[Case]) -> None:
        honest(writer, cases)
        titled = [c.row.record_id for c in cases if "jobtitle" in {w.property for w in c.writes}]
        if not late and titled:
            late.append(titled[0])
            edit = {"id": late[0], "properties": {"jobtitle": "Edited"}, "as": "person"}
            world.rehearsal.stands["hubspot"].ask("edit", edit)
            monotonic = writer.b.pacer.monotonic
            writer.b.pacer.monotonic = lambda: monotonic() + 60

    monkeypatch.setattr(Writer, "_intend", slow)
    assert world.cycle().code == 0
    assert late
    assert world.oracle() == []


def test_a_value_that_a_person_took_away_while_the_contact_waited_stays_away(worlds: Worlds) -> None:
    world = worlds()
    crm = world.rehearsal.stands["hubspot"]
    world.fault("contactout", "rate_limit", retry_after="900", path="*/v1/*")
    assert world.cycle().report["contacts"]["waiting"] > 0
    for value in ("+49301234567", ""):
        for record in crm.ask("records")["ids"]:
            crm.ask("edit", {"id": record, "properties": {"mobilephone": value}, "as": "person"})
    pass_over(world)
    assert world.cycle().report["contacts"]["waiting"] > 0
    world.sandbox("contactout").faults.clear()
    world.cycle(hours=1)
    assert books(world, "hubspot")["writes_count"] > 0
    assert world.oracle() == []


def test_what_a_person_filled_in_while_the_contact_waited_is_not_bought(worlds: Worlds) -> None:
    world = worlds(people=3)
    crm = world.rehearsal.stands["hubspot"]
    world.fault("contactout", "rate_limit", retry_after="900", path="*/v1/*")
    world.cycle()
    for record in crm.ask("records")["ids"]:
        crm.ask("edit", {"id": record, "properties": {"mobilephone": "+49301234567"}, "as": "person"})
    pass_over(world)
    world.cycle()
    world.sandbox("contactout").faults.clear()
    world.cycle(hours=1)
    assert not books(world, "contactout")["charged"].get("phone")
    assert world.oracle() == []
