"""What a person decides: undo, proposals, forgetting."""

from __future__ import annotations

from tests.rehearsals import Director, Stage


def values(play: Stage) -> dict[tuple[str, str], str]:
    """(record, property) → value that the CRM holds, for everything that we ever wrote there."""
    import httpx

    books = play.stand("hubspot").ask("books")["writes"]
    names = sorted({w["property"] for w in books})
    found = {}
    with httpx.Client(base_url=play.stand("hubspot").url) as http:
        for record in sorted({w["record"] for w in books}):
            answer = http.get(
                f"/crm/v3/objects/contacts/{record}",
                params={"properties": ",".join(names)},
                headers={"authorization": "Bearer sandbox-hubspot-key"},
            )
            for name, value in answer.json()["properties"].items():
                found[record, name] = value or ""
    return found


def test_an_undone_run_leaves_the_crm_as_it_was_and_stays_undone(stage: Director) -> None:
    play = stage(contacts=40)
    run_id = play.cycle().report["run_id"]
    written = {(w["record"], w["property"]) for w in play.stand("hubspot").ask("books")["writes"]}
    said = play.command("undo", str(run_id), "--json")
    assert said.code == 0, said.err
    assert (said.json["undone"], said.json["kept"], said.json["failed"]) == (len(written), 0, 0)
    assert all(values(play)[place] == "" for place in written)
    again = play.cycle()
    assert not any(f["filled"] for f in again.report["fields"].values())
    assert again.report["calls"]["contactout"]["total"] == 0
    assert play.oracle() == []
    record = sorted(written)[0][0]
    assert "an operator took our value back" in play.command("explain", record).out


def test_a_later_edit_survives_an_undo_and_it_is_said_whose_it_is(stage: Director) -> None:
    play = stage(contacts=40)
    run_id = play.cycle().report["run_id"]
    writes = play.stand("hubspot").ask("books")["writes"]
    record = next(w["record"] for w in writes if w["property"] == "mobilephone")
    play.stand("hubspot").ask("edit", {"id": record, "properties": {"mobilephone": "+4917099999"}})
    preview = play.command("undo", str(run_id), "--dry-run", "--json").json
    assert (preview["dry_run"], preview["kept"]) == (True, 1)
    told = play.command("undo", str(run_id), "--json").json
    assert told["kept"] == 1
    assert told["stayed"][0]["contact"] == record
    assert told["stayed"][0]["why"].startswith("changed since by person")
    assert values(play)[record, "mobilephone"] == "+4917099999"
    assert play.oracle() == []


def test_an_undo_can_be_narrowed_to_a_field_and_a_contact(stage: Director) -> None:
    play = stage(contacts=40)
    play.cycle()
    writes = play.stand("hubspot").ask("books")["writes"]
    record = next(w["record"] for w in writes if w["property"] == "mobilephone")
    told = play.command("undo", "--contact", record, "--field", "mobile_phone", "--json").json
    assert told["undone"] == 1
    assert values(play)[record, "mobilephone"] == ""
    assert sum(v == "" for v in values(play).values() if v is not None) < len(values(play))


def test_an_undo_needs_something_to_undo(stage: Director) -> None:
    play = stage(contacts=5)
    play.cycle()
    assert play.command("undo").code == 2
    assert play.command("undo", "999", "--json").json["undone"] == 0


PROPOSE = {"syncs": {"hubspot-sandbox-contacts": {"fields": {"mobile_phone": {"write": "propose"}}}}}


def test_proposals_are_written_only_when_accepted(stage: Director) -> None:
    play = stage(contacts=60, changes=PROPOSE)
    play.cycle()
    writes = play.stand("hubspot").ask("books")["writes"]
    assert not any(w["property"] == "mobilephone" for w in writes)
    listed = play.command("proposals", "list", "--json").json["proposals"]
    assert len(listed) > 5
    first, second, *rest = listed
    assert play.command("proposals", "accept", str(first["id"]), "--json").json["accepted"] == 1
    assert play.command("proposals", "reject", str(second["id"]), "--json").json["rejected"] == 1
    assert values(play)[first["contact"], "mobilephone"] == first["after"]
    play.stand("hubspot").ask("edit", {"id": rest[0]["contact"], "properties": {"mobilephone": "+491700000"}})
    told = play.command("proposals", "accept", str(rest[0]["id"]), "--json").json
    assert (told["accepted"], told["kept"]) == (0, 1)
    assert values(play)[rest[0]["contact"], "mobilephone"] == "+491700000"
    again = play.cycle()
    assert again.report["calls"]["contactout"]["total"] == 0
    assert {p["id"] for p in play.command("proposals", "list", "--json").json["proposals"]} <= {
        p["id"] for p in rest
    }
    assert play.oracle() == []


def test_somebody_forgotten_is_erased_and_not_looked_up_again(stage: Director) -> None:
    play = stage(contacts=30)
    play.cycle()
    writes = play.stand("hubspot").ask("books")["writes"]
    record = writes[0]["record"]
    assert play.command("forget", record).code == 2
    assert play.command("forget", record, "--yes", "--json").json["forgotten"]["contacts"] == 1
    told = play.command("explain", record, "--json").json["contacts"][0]
    assert (told["state"], told["reason"]) == ("skipped", "forgotten on request")
    assert all(v["value"] == "" for v in told["fields"])
    assert told["asked"] == [] or not any(a["values"] for a in told["asked"])
    play.stand("hubspot").ask("edit", {"id": record, "properties": {"jobtitle": "Somebody else entirely"}})
    again = play.cycle()
    assert again.report["calls"]["contactout"]["total"] == 0
    assert play.command("explain", record, "--json").json["contacts"][0]["state"] == "skipped"
