"""The verbs on a state that has lived: what they say, to people and to programs."""

from __future__ import annotations

import json
import re

from sqlalchemy import event

from syncd.overview import budgets
from tests.rehearsals import Director, Stage


def lived(stage: Director, contacts: int = 40) -> Stage:
    play = stage(contacts=contacts)
    assert play.cycle().code == 0
    return play


def test_status_says_that_all_is_well_and_what_is_not(stage: Director) -> None:
    play = lived(stage)
    assert play.command("status").out.startswith("All is well: the last run ended")
    assert play.command("pause", "--reason", "moving house").code == 0
    told = play.command("status", "--json").json
    assert told["halts"][0]["scope"] == "all"
    assert told["schema_version"] == 1
    stopped = play.command("once", "--json")
    assert (stopped.code, stopped.json["contacts"]["seen"]) == (0, 0)
    assert "moving house" in stopped.json["messages"][0]
    assert play.command("resume").out.startswith("all goes on")
    # HubSpot's clock is read to the second: what we wrote within this one is beyond the pull's end.
    play.stand("hubspot").ask("clock", {"advance_s": 2})
    assert play.command("once", "--json").json["contacts"]["seen"] > 0


def test_status_and_explain_tell_operations_that_stopped_for_one_reason_in_one_line(stage: Director) -> None:
    play = lived(stage, 5)
    with play.runtime() as runtime:
        for operation in ("contact_phone", "contact_work"):
            runtime.standing.halt(f"contactout/{operation}", "no_access", "the plan lacks it", 3600)
    line = r"topped(?: at present)?: 2 operations of contactout, from contact_phone to contact_work \(the plan lacks it\), until 2"
    record = play.stand("hubspot").ask("records")["ids"][0]
    for said in (play.command("status"), play.command("explain", record)):
        assert len(re.findall(line, said.out)) == 1, said.out


def test_a_scope_that_does_not_exist_is_a_usage_error_with_a_suggestion(stage: Director) -> None:
    play = lived(stage, 5)
    said = play.command("pause", "contactoutt")
    assert said.code == 2
    assert 'did you mean "contactout"?' in said.err


def test_a_paused_provider_is_not_asked_and_its_contacts_wait(stage: Director) -> None:
    play = stage(contacts=30)
    assert play.command("once", "--limit", "1", "--json").code == 0
    play.command("pause", "contactout")
    before = play.stand("contactout").ask("journal", summary="1")["total"]
    said = play.command("once", "--json")
    assert said.json["contacts"]["waiting"] > 10
    assert play.stand("contactout").ask("journal", summary="1")["total"] == before
    play.command("resume", "contactout")
    mended = play.command("once", "--json").json
    assert mended["contacts"]["waiting"] == 0
    assert mended["contacts"]["enriched"] > 5


def test_budget_shows_our_books_beside_the_vendors(stage: Director) -> None:
    play = lived(stage)
    told = play.command("budget", "reconcile", "--json").json
    charged = play.stand("contactout").ask("books", summary="1")["charged"]
    for row in told["budgets"]:
        if row["vendor_balance"] is None:
            continue
        assert row["caps"][0]["spent"] == float(charged.get(row["kind"], 0))
        assert row["vendor_balance"] == 100_000 - row["caps"][0]["spent"]
        assert row["drift"] == 0


def test_a_cap_is_told_as_it_is_counted_and_a_new_one_by_the_whole_ledger(stage: Director) -> None:
    play = lived(stage)
    email = {"per_month": 1_000_000, "per_day": 500_000}
    play.configure({"providers": {"contactout": {"budgets": {"email": email}}}})
    asked: list[str] = []
    with play.runtime() as runtime:
        event.listen(
            runtime.store.engine, "before_cursor_execute", lambda c, cursor, sql, *rest: asked.append(sql)
        )
        told = budgets(runtime.store, runtime.settings, runtime.clock()).kinds
    spent = {(r["kind"], c["per"]): c["spent"] for r in told for c in r["caps"]}
    assert spent["email", "day"] == spent["email", "month"] > 0
    adding = [sql for sql in asked if "FROM ledger" in sql]
    assert len(adding) == 3, "the pace, what lost calls hold, and the cap that has counted nothing yet"


def test_foreign_spending_shows_as_drift(stage: Director) -> None:
    play = lived(stage)
    balance = play.command("budget", "reconcile", "--json").json["budgets"]
    email = next(r for r in balance if r["kind"] == "email")["vendor_balance"]
    play.stand("contactout").ask("balance", {"email": email - 500})
    told = play.command("budget", "reconcile", "--json").json["budgets"]
    assert next(r for r in told if r["kind"] == "email")["drift"] == 500


def test_the_audit_trail_has_each_write_with_before_and_after(stage: Director) -> None:
    play = lived(stage)
    events = [json.loads(line) for line in play.command("audit", "export").out.splitlines()]
    writes = play.stand("hubspot").ask("books")["writes"]
    confirmed = [e for e in events if e["action"] == "write.confirmed"]
    assert {(e["record_id"], e["property"]) for e in confirmed} == {
        (w["record"], w["property"]) for w in writes
    }
    assert all(e["after"] and e["run_id"] for e in confirmed)
    record = confirmed[0]["record_id"]
    shown = play.command("audit", "show", "--contact", record, "--json").json["events"]
    assert {e["record_id"] for e in shown} == {record}


def test_explain_tells_every_field_of_every_contact(stage: Director) -> None:
    play = lived(stage)
    ids = play.stand("hubspot").ask("records")["ids"]
    for record in ids[:6]:
        told = play.command("explain", record, "--json").json["contacts"][0]
        assert {f["field"] for f in told["fields"]} == {
            "work_email", "mobile_phone", "job_title", "company_name", "linkedin_url",
        }  # fmt: skip
        assert all(f["what"] and f["why"] for f in told["fields"])


def test_explain_of_a_stranger_is_a_usage_error(stage: Director) -> None:
    play = lived(stage, 5)
    said = play.command("explain", "nobody@example.com")
    assert said.code == 2
    assert "no such contact" in said.err


def test_dead_letters_are_listed_retried_and_discarded(stage: Director) -> None:
    play = stage(contacts=20, settings={"hubspot": {"deaf": ["hs_linkedin_url"]}})
    play.command("once", "--ignore-brake", "canary", "--json")
    told = play.command("dead", "list", "--json").json
    assert told["total"] > 0
    one = told["contacts"][0]["contact"]
    assert "did not store it" in told["contacts"][0]["reason"]
    assert play.command("dead", "discard", one, "--reason", "known").out.startswith("1 left alone")
    play.stand("hubspot").ask("settings", {"deaf": []})
    assert play.command("dead", "retry", "--all").code == 0
    play.command("once", "--json")
    assert play.command("dead", "list", "--json").json["total"] == 0
    assert play.oracle() == []


def test_a_backfill_asks_before_it_spends(stage: Director) -> None:
    play = stage(contacts=20, changes={"syncs": {"hubspot-sandbox-contacts": {"since": "now"}}})
    assert play.command("once", "--json").json["contacts"]["seen"] == 0
    said = play.command("backfill", "--sync", "hubspot-sandbox-contacts")
    assert said.code == 2
    assert "--yes" in said.err
    assert play.stand("contactout").ask("books")["charges_count"] == 0
    done = play.command("backfill", "--sync", "hubspot-sandbox-contacts", "--yes", "--json")
    assert done.code == 0, done.err
    assert play.stand("hubspot").ask("books")["writes_count"] > 0
    assert play.oracle() == []
