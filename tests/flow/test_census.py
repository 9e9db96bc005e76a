"""Census: who is in scope in the CRM is known, each in one state; differences heal and are counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from syncd.census import DIFFERENCES, Census, carry_out, due
from syncd.store import runs
from syncd.store import tables as t
from tests.rehearsals import Director, Stage
from tests.services import service

HUBSPOT, SALESFORCE = "hubspot-sandbox-contacts", "salesforce-sandbox-contacts"


def census(play: Stage, **given: Any) -> dict[str, Any]:
    """One census of the only sync, as a command makes it."""
    with play.runtime() as runtime:
        counting = Census(runtime, next(iter(runtime.policies)), **given)
        assert counting.run()
        return carry_out(counting, 0)


def differences(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in DIFFERENCES if found[name]}


def edit(play: Stage, vendor: str, action: str, **data: Any) -> Any:
    return play.stand(vendor).ask("edit", {"action": action, **data})


def created(play: Stage, **properties: str) -> str:
    """A contact that HubSpot's search does not show, made half a minute ago."""
    record = str(edit(play, "hubspot", "create", properties=properties)["id"])
    at = (datetime.now(UTC) - timedelta(seconds=30)).isoformat()
    edit(play, "hubspot", "bulk_touch", ids=[record], at=at)
    return record


def states(play: Stage) -> dict[str, tuple[str, str]]:
    with play.runtime() as runtime, runtime.store.read() as connection:
        rows = connection.execute(select(t.work.c.record_id, t.work.c.state, t.work.c.reason))
        return {record: (state, reason) for record, state, reason in rows}


def test_a_contact_that_the_search_never_showed_is_found_and_enriched(stage: Director) -> None:
    play = stage(contacts=12)
    play.cycle()
    play.stand("hubspot").ask("settings", {"lag_s": 1e9})
    record = created(play, email="late@kestrel12.example", lastname="Late")
    play.cycle()
    assert record not in states(play)
    found = census(play)
    assert differences(found) == {"unknown": 1}
    assert (found["in_scope"], found["known"]) == (13, 13)
    assert states(play)[record][0] == "ready"
    play.cycle()
    assert states(play)[record][0] in ("done", "review")
    assert census(play)["differences"] == 0
    assert play.oracle() == []


def test_contacts_that_are_gone_or_out_of_scope_are_skipped_with_a_reason_and_may_return(
    stage: Director,
) -> None:
    where = {"syncs": {HUBSPOT: {"where": [{"property": "country", "not_equals": "Nowhere"}]}}}
    play = stage(contacts=12, changes=where)
    play.cycle()
    play.stand("hubspot").ask("settings", {"lag_s": 1e9})
    gone, outside = sorted(states(play))[:2]
    edit(play, "hubspot", "archive", id=gone)
    edit(play, "hubspot", "set", id=outside, properties={"country": "Nowhere"})
    found = census(play)
    assert differences(found) == {"gone": 1, "outside": 1}
    assert (found["in_scope"], found["known"]) == (10, 10)
    assert states(play)[gone] == ("skipped", "deleted in the CRM")
    assert states(play)[outside] == ("skipped", "outside the sync's conditions")
    edit(play, "hubspot", "restore", id=gone)
    assert differences(census(play)) == {"returned": 1}
    assert states(play)[gone][0] == "ready"
    assert census(play)["differences"] == 0


def test_a_census_costs_few_calls_buys_nothing_and_writes_nothing(stage: Director) -> None:
    play = stage(contacts=150)
    play.cycle()
    before = {v: s.ask("journal", summary="1")["total"] for v, s in play.rehearsal.stands.items()}
    assert census(play)["differences"] == 0
    after = {v: s.ask("journal", summary="1")["total"] for v, s in play.rehearsal.stands.items()}
    assert {v: after[v] - before[v] for v in after} == {"hubspot": 2, "contactout": 0}


def test_contacts_older_than_the_sync_are_counted_and_left_to_a_backfill(stage: Director) -> None:
    play = stage(contacts=8, changes={"syncs": {HUBSPOT: {"since": "now"}}})
    play.cycle()
    found = census(play)
    assert (found["before_start"], found["differences"], found["known"]) == (8, 0, 0)


def test_a_crm_that_lists_far_fewer_contacts_concludes_nothing(stage: Director) -> None:
    play = stage(contacts=30)
    play.cycle()
    before = states(play)
    for record in sorted(before)[:20]:
        edit(play, "hubspot", "archive", id=record)
    said = play.command("census", "--json")
    assert said.code == 4, said.err
    assert said.json["syncs"][0]["braked"].startswith("empty_crm: 20 of 30 known contacts")
    assert states(play) == before
    assert play.cycle().code == 4
    past = play.command("census", "--ignore-brake", "empty_crm")
    assert past.code == 0, past.err
    assert "20 are gone from the CRM" in past.out
    assert list(states(play).values()).count(("skipped", "deleted in the CRM")) == 20


def test_a_census_of_salesforce_heals_both_ways(stage: Director) -> None:
    play = stage(contacts=20, vendors=("salesforce", "contactout"))
    play.cycle()
    written = {w["record"] for w in play.stand("salesforce").ask("books")["writes"]}
    lost = next(record for record in sorted(states(play)) if record not in written)
    gone = next(record for record in sorted(states(play)) if record != lost)
    with play.runtime() as runtime, runtime.store.write() as connection:
        for table in (t.change, t.identity):
            chosen = select(t.work.c.id).where(t.work.c.record_id == lost)
            connection.execute(delete(table).where(table.c.work_id.in_(chosen)))
        connection.execute(delete(t.work).where(t.work.c.record_id == lost))
    edit(play, "salesforce", "delete", id=gone)
    found = census(play)
    assert differences(found) == {"unknown": 1, "gone": 1}
    assert found["in_scope"] == found["known"]
    assert states(play)[lost][0] == "ready"
    assert states(play)[gone][0] == "skipped"
    assert census(play)["differences"] == 0


def test_a_census_that_is_interrupted_goes_on_where_it_was(stage: Director) -> None:
    play = stage(contacts=250)
    with play.runtime() as runtime:
        from syncd.cycle import Cycle, Orders

        Cycle(runtime, Orders(list(runtime.policies), spend=False)).run()
        counting = Census(runtime, HUBSPOT)
        assert not counting.run(lambda: True)
        assert counting.counts["records"] == 100
        assert counting.run()
        found = carry_out(counting, 0)
    assert (found["records"], found["differences"]) == (250, 0)


def test_a_census_is_due_a_day_after_the_sync_was_first_seen_and_a_day_after_the_last(
    stage: Director,
) -> None:
    play = stage(contacts=4)
    with play.hurry() as runtime:
        assert due(runtime) == []
    play.hurried()
    with play.hurry() as runtime:
        assert due(runtime) == []
        play.ahead_s += 86_500
        assert due(runtime) == [HUBSPOT]
        counting = Census(runtime, HUBSPOT)
        counting.run()
        carry_out(counting, 0)
        assert due(runtime) == []


def test_the_service_makes_a_census_by_itself_and_status_tells_of_it(stage: Director) -> None:
    play = stage(contacts=6)
    play.cycle()
    with play.runtime() as runtime, runtime.store.write() as connection:
        runs.set_meta(connection, f"census_from:{HUBSPOT}", "1")
    edit(play, "hubspot", "archive", id=sorted(states(play))[0])
    with service(play) as running:
        assert running.process.stderr is not None
        assert any('"census.done"' in line for line in running.process.stderr)
        running.end()
    told = play.command("status")
    assert "; census " in told.out
    assert "1 differences" in told.out
