"""What a Salesforce org does to a sync in real life, each over whole cycles and judged by the org's own books.

That 16 threads against an expiring token make exactly one login is tested in tests/unit/test_salesforce_sessions.py:
test_sixteen_threads_that_meet_an_ended_session_log_in_once.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.sandbox.names import CITIES
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.knobs import KNOBS
from syncd.cycle import Cycle, Orders, Outcome
from tests.rehearsals import Director, Stage

SYNC = "salesforce-sandbox-contacts"
LOGIN = "/services/oauth2/token"
UPDATE = "/services/data/{version}/composite/sobjects"
ENDED_SESSION = '[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]'

FORGOTTEN = '[{"message":"invalid query locator","errorCode":"INVALID_QUERY_LOCATOR"}]'


def sales(stage: Director, contacts: int = 40, **given: Any) -> Stage:
    """A stage with Salesforce and one provider. `knobs` are those of the org."""
    knobs = given.pop("knobs", {})
    return stage(
        contacts=contacts, vendors=("salesforce", "contactout"), settings={"salesforce": knobs}, **given
    )


def edit(play: Stage, action: str, **data: Any) -> Any:
    return play.stand("salesforce").ask("edit", {"action": action, **data})


def people(play: Stage) -> list[str]:
    return list(play.stand("salesforce").ask("records")["ids"])


def charges(play: Stage) -> int:
    return int(play.stand("contactout").ask("books", summary="1")["charges_count"])


def writes(play: Stage) -> list[dict[str, Any]]:
    return list(play.stand("salesforce").ask("books")["writes"])


def written_to(play: Stage) -> set[str]:
    return {w["record"] for w in writes(play)}


def calls(play: Stage, path: str, status: int | None = None) -> int:
    """Requests that the org has seen. `path` ends the path's template."""
    by = play.stand("salesforce").ask("journal", summary="1")["by_operation"]
    return sum(row["count"] for row in by if row["path"].endswith(path) and status in (None, row["status"]))


def states(play: Stage) -> dict[str, tuple[str, str]]:
    """Record → state and reason of its contact."""
    from sqlalchemy import select

    from syncd.store import tables as t

    with play.runtime() as runtime, runtime.store.read() as connection:
        rows = connection.execute(select(t.work.c.record_id, t.work.c.state, t.work.c.reason))
        return {record: (state, reason) for record, state, reason in rows}


def meddled(play: Stage, meddle: Any, before: str = "read") -> Outcome:
    """A cycle in which `meddle` happens once: before the first `read` or `write` of records to be written."""
    with play.hurry() as runtime:
        connector = next(iter(runtime.crms.values())).connector
        ordinary, pending = getattr(connector, before), [meddle]

        def interrupted(*args: Any, **named: Any) -> Any:
            if pending:
                pending.pop()()
            return ordinary(*args, **named)

        setattr(connector, before, interrupted)
        outcome = Cycle(runtime, Orders(list(runtime.policies))).run()
    assert not pending
    return outcome


def test_late_commit(stage: Director) -> None:
    """A transaction of half an hour: its record appears far behind those that were already seen."""
    play = sales(stage)
    play.cycle()
    edit(play, "open", transaction="import")
    late = edit(
        play, "create", transaction="import", properties={"LastName": "Late", "Email": "late@nowhere.example"}
    )["id"]
    play.stand("salesforce").ask("clock", {"advance_s": 1800})
    edit(play, "activity", id=people(play)[0])
    assert late not in people(play)
    play.cycle()
    play.stand("salesforce").ask("clock", {"advance_s": 1800})
    edit(play, "commit", transaction="import")
    outcome = play.cycle()
    assert outcome.code == 0
    assert late in states(play)
    play.assert_well(outcome)


def test_5000_equal_stamps(stage: Director) -> None:
    """An import touched everybody within a second, and the server forgets its cursors between the pages."""
    play = sales(
        stage,
        contacts=5000,
        faults={"salesforce": [{"kind": "status", "status": 400, "path": "*/{locator}", "body": FORGOTTEN}]},
        changes={"syncs": {SYNC: {"since": "now"}}, "log": {"level": "warning"}},
    )
    play.cycle(spend=False)
    assert edit(play, "bulk_touch")["count"] == 5000
    outcome = play.cycle(spend=False)
    assert outcome.code == 0
    assert outcome.report["contacts"]["seen"] == outcome.report["contacts"]["in_scope"] == 5000
    assert set(states(play)) == set(people(play))
    assert calls(play, "/{locator}", 400) >= 2
    again = play.cycle(spend=False)
    assert again.report["contacts"]["waiting"] == 5000
    assert charges(play) == 0


def test_activity_touched_every_contact(stage: Director) -> None:
    """Somebody logged a call with everybody: all stamps move, nothing that matters changed, nothing is spent."""
    play = sales(stage)
    play.cycle()
    paid, wrote = charges(play), writes(play)
    for contact in people(play):
        edit(play, "activity", id=contact)
    outcome = play.cycle()
    counts = outcome.report["contacts"]
    assert (outcome.code, counts["seen"], counts["unchanged"]) == (0, 40, 40)
    assert (charges(play), writes(play)) == (paid, wrote)
    play.assert_well(outcome)


def test_token_revoked_in_mid_run(stage: Director) -> None:
    """An administrator ends the session between the pull and the write: one login, and the run goes on."""
    play = sales(stage)
    outcome = meddled(play, lambda: edit(play, "expire_sessions"), before="write")
    assert outcome.code == 0
    assert calls(play, LOGIN) == 2
    assert calls(play, UPDATE, 401) == 1
    assert written_to(play)
    assert outcome.report["contacts"]["waiting"] == 0
    play.assert_well(outcome)


def test_permanent_401_from_the_start(stage: Director) -> None:
    """Every session is refused: exit 6 after one renewal, and a service that runs on logs in no more for a while."""
    play = sales(stage, faults=_refusing("*{version}*"))
    with play.runtime() as runtime:
        for _ in range(3):
            outcome = Cycle(runtime, Orders(list(runtime.policies))).run()
            assert outcome.code == 6
            assert calls(play, LOGIN) == 2
            assert len(outcome.advice) == 1
            assert outcome.advice[0].startswith("salesforce-sandbox: the credential is refused")
    said = play.command("once", "--json")
    assert (said.code, said.json["messages"]) == (6, outcome.advice)
    assert calls(play, LOGIN) == 4
    assert (charges(play), writes(play)) == (0, [])


def test_permanent_401_in_mid_run(stage: Director) -> None:
    """Writes are refused for good: exit 6 after one renewal; what was bought is kept for when it is mended."""
    play = sales(stage, faults=_refusing("*/composite/sobjects"))
    said = play.command("once", "--json")
    assert said.code == 6
    assert calls(play, LOGIN) == 2
    assert calls(play, UPDATE) == 2
    assert writes(play) == []
    paid = charges(play)
    assert paid > 10
    clear(play)
    mended = play.hurried()
    assert (mended.code, mended.report["contacts"]["waiting"]) == (0, 0)
    assert charges(play) == paid
    assert len(written_to(play)) > 20
    play.assert_well(mended)


def test_429_503_storm(stage: Director) -> None:
    """Every third answer is 503 and every fourth 429, logins among them: slower, and nothing else."""
    storm = [
        {"kind": "status", "status": 503, "every": 3, "retry_after": "3"},
        {"kind": "status", "status": 429, "every": 4, "retry_after": "2"},
    ]
    play = sales(stage, faults={"salesforce": storm})
    outcome = play.hurried()
    assert outcome.code == 0
    assert sum(calls(play, "", status) for status in (429, 503)) >= 5
    assert outcome.report["contacts"]["waiting"] == outcome.report["contacts"]["failed"] == 0
    assert len(written_to(play)) > 20
    clear(play)
    play.assert_well(outcome)


def test_429_503_storm_that_does_not_end(stage: Director) -> None:
    play = sales(stage)
    storm = [
        {"kind": "status", "status": 503, "every": 2, "path": "*/composite/sobjects"},
        {"kind": "status", "status": 429, "path": "*/composite/sobjects"},
    ]
    play.stand("salesforce").ask("faults", storm)
    outcome = play.hurried()
    assert outcome.code == 5
    assert outcome.report["contacts"]["unaccounted"] == 0
    assert writes(play) == []
    paid = charges(play)
    clear(play)
    play.pass_time(3600)
    mended = play.hurried()
    assert (mended.code, mended.report["contacts"]["waiting"]) == (0, 0)
    assert charges(play) == paid
    assert len(written_to(play)) > 20
    assert play.oracle() == []


def test_one_locked_account(stage: Director) -> None:
    """Somebody holds an account: its contacts wait, all others are written, and nobody is given up."""
    play = sales(stage, contacts=60)
    account, locked = _largest_account(play)
    play.stand("salesforce").ask("settings", {"locked_parents": [account]})
    outcome = play.hurried()
    assert outcome.report["contacts"]["failed"] == 0
    waiting = {record for record, (state, _) in states(play).items() if state == "enriched"}
    assert waiting
    assert waiting <= locked
    assert not written_to(play) & locked
    assert len(written_to(play)) > 20
    paid = charges(play)
    play.stand("salesforce").ask("settings", {"locked_parents": []})
    play.pass_time(3600)
    freed = play.hurried()
    assert (freed.code, freed.report["contacts"]["waiting"]) == (0, 0)
    assert waiting <= written_to(play)
    assert charges(play) == paid
    assert play.oracle() == []


def test_one_account_that_stays_locked(stage: Director) -> None:
    """An hour is waited for; after hours the records are told as failed, and go on when somebody says so."""
    play = sales(stage, contacts=30)
    account, locked = _largest_account(play)
    play.stand("salesforce").ask("settings", {"locked_parents": [account]})
    outcome, cycles = play.hurried(), 1
    for _ in range(6):
        play.pass_time(600)
        assert play.hurried().report["contacts"]["failed"] == 0
    paid = charges(play)
    while outcome.code != 3:
        assert cycles < 10
        play.pass_time(3600)
        outcome, cycles = play.hurried(), cycles + 1
    dead = {record for record, (state, _) in states(play).items() if state == "dead"}
    assert dead
    assert dead <= locked
    play.stand("salesforce").ask("settings", {"locked_parents": []})
    assert play.command("dead", "retry", "--all").code == 0
    assert play.hurried().code == 0
    assert dead <= written_to(play)
    assert charges(play) == paid
    assert play.oracle() == []


def test_one_validation_rule(stage: Director) -> None:
    """A rule of the administrator's refuses some records: they are told by its code, without its words."""
    play = sales(stage, contacts=60)
    city, ruled = _largest_city(play)
    words = "Nobody may touch contacts of this place"
    rule = {"object": "Contact", "when": {"MailingCity": city}, "message": words}
    play.stand("salesforce").ask("settings", {"validation_rules": [rule]})
    outcome = play.cycle()
    dead = {record: why for record, (state, why) in states(play).items() if state == "dead"}
    assert dead
    assert set(dead) <= ruled
    assert all("FIELD_CUSTOM_VALIDATION_EXCEPTION" in why for why in dead.values())
    assert (outcome.code, outcome.report["contacts"]["failed"]) == (3, len(dead))
    assert not written_to(play) & ruled
    assert len(written_to(play)) > 20
    assert words not in play.log.getvalue()
    assert play.oracle() == []

    # The rule spares records whose place a person corrects; the others wait for a word of ours.
    paid, corrected = charges(play), sorted(dead)[0]
    code, name = next((code, name) for code, name, place in CITIES if place == city)
    held = _rows(play, f"SELECT MailingCountry FROM Contact WHERE Id = '{corrected}'")[0]["MailingCountry"]
    country = name if held == code else code
    edit(play, "set", id=corrected, properties={"MailingCity": "Elsewhere", "MailingCountry": country})
    assert play.cycle().report["contacts"]["unaccounted"] == 0
    assert written_to(play) & ruled == {corrected}
    play.stand("salesforce").ask("settings", {"validation_rules": []})
    assert play.command("dead", "retry", "--all").code == 0
    mended = play.cycle()
    assert mended.code == 0
    assert set(dead) <= written_to(play)
    assert charges(play) == paid
    play.assert_well(mended)


def test_localised_errors(stage: Director) -> None:
    """Who reads messages would be lost in Spanish: every contact ends exactly as it does in English."""
    ends = []
    for language in ("en_US", "es"):
        play = sales(stage, contacts=50, knobs={"users": {"integration": {"language": language}}})
        account, _ = _largest_account(play)
        city, _ = _largest_city(play)
        rule = {"object": "Contact", "when": {"MailingCity": city}, "message": "no"}
        play.stand("salesforce").ask("settings", {"validation_rules": [rule], "locked_parents": [account]})
        outcome = meddled(play, lambda: edit(play, "expire_sessions"), before="write")  # noqa: B023
        assert outcome.report["contacts"]["failed"] > 0
        ends.append((outcome.code, outcome.report["contacts"], states(play)))
        assert play.oracle() == []
    assert ends[0] == ends[1]


LEADS = {
    "syncs": {
        "salesforce-sandbox-leads": {
            "crm": "salesforce-sandbox",
            "object": "lead",
            "every": "1m",
            "since": "beginning",
            "skip": [{"property": "Do_Not_Enrich__c", "equals": "true"}],
            "match": {
                "email": "Email",
                "linkedin_url": "LinkedIn_URL__c",
                "first_name": "FirstName",
                "last_name": "LastName",
                "company_name": "Company",
                "job_title": "Title",
                "phone": "Phone",
                "country": "Country",
            },
            "waterfall": ["contactout"],
            "fields": {
                "work_email": {"to": "Email"},
                "mobile_phone": {"to": "MobilePhone"},
                "linkedin_url": {"to": "LinkedIn_URL__c"},
            },
        }
    }
}


def test_converted_lead(stage: Director) -> None:
    """A lead becomes a contact: the lead is left alone, and nothing is bought for the contact again."""
    play = sales(stage, knobs={"people_as": "both"}, changes=LEADS)
    play.cycle()
    lead = next(record for record in sorted(written_to(play)) if record.startswith("00Q"))
    wrote = [w for w in writes(play) if w["record"] == lead]
    contact = edit(play, "convert", id=lead)["id"]
    outcome = play.cycle()
    assert outcome.code == 0
    assert [w for w in writes(play) if w["record"] == lead] == wrote
    ended = states(play)
    assert ended[lead] == ("skipped", "merged into another record")
    assert ended[contact][0] == "done"
    books = play.stand("contactout").ask("books", summary="1")
    assert books["double_charged"] == 0
    assert play.oracle(everyone=False) == []
    play.cycle()
    assert play.stand("contactout").ask("books", summary="1") == books


@pytest.mark.parametrize("before", ["read", "write"])
def test_converted_lead_in_mid_run(stage: Director, before: str) -> None:
    play = sales(
        stage, knobs={"people_as": "leads"}, changes={**LEADS, "syncs": {**LEADS["syncs"], SYNC: None}}
    )
    leads = people(play)
    outcome = meddled(play, lambda: [edit(play, "convert", id=lead) for lead in leads[:8]], before)
    assert outcome.code == 0
    assert not written_to(play) & set(leads[:8])
    assert len(written_to(play)) > 15
    ended = states(play)
    assert {ended[lead][0] for lead in leads[:8]} <= {"skipped", "done"}
    assert outcome.report["contacts"]["unaccounted"] == 0
    assert play.oracle(everyone=False) == []


@pytest.mark.parametrize("before", ["read", "write"])
def test_merged_contact_in_mid_run(stage: Director, before: str) -> None:
    # Without the condition of strict writes, what comes in the moment between our read and our write is lost.
    strict = {"crms": {"salesforce-sandbox": {"strict": before == "write"}}}
    play = sales(stage, changes=strict)
    pairs = list(zip(people(play)[:8], people(play)[8:16], strict=True))
    outcome = meddled(play, lambda: [edit(play, "merge", primary=p, other=o) for p, o in pairs], before)
    losers = {other for _, other in pairs}
    assert outcome.code == 0
    assert not written_to(play) & losers
    assert {states(play)[other][0] for other in losers} <= {"skipped", "done"}
    assert play.oracle() == []
    play.cycle()
    play.assert_well()


def test_merged_contact(stage: Director) -> None:
    """Two records of one person become one: the loser is left alone, the survivor costs nothing more."""
    play = sales(stage)
    play.cycle()
    primary, other = sorted(written_to(play))[:2]
    lost = [w for w in writes(play) if w["record"] == other]
    edit(play, "merge", primary=primary, other=other)
    outcome = play.cycle()
    assert outcome.code == 0
    assert states(play)[other] == ("skipped", "merged into another record")
    assert [w for w in writes(play) if w["record"] == other] == lost
    assert play.stand("contactout").ask("books", summary="1")["double_charged"] == 0
    play.assert_well(outcome)


HIDDEN = {"integration": {"hidden": {"Contact": ["HasOptedOutOfEmail"]}}}


def test_hidden_consent_field(stage: Director) -> None:
    """Nobody's refusal could be seen: nothing starts, unless that is written out as accepted."""
    play = sales(stage, knobs={"users": HIDDEN})
    said = play.command("once", "--json")
    assert said.code == 6
    assert "HasOptedOutOfEmail of Contact" in said.json["messages"][0]
    assert "consent_fields: unavailable_ok" in said.json["messages"][0]
    assert play.command("check", "--online").code == 6
    assert (charges(play), writes(play)) == (0, [])
    play.configure({"crms": {"salesforce-sandbox": {"consent_fields": "unavailable_ok"}}})
    accepted = play.cycle()
    assert accepted.code == 0
    play.assert_well(accepted)


def test_consent_field_that_is_hidden_later(stage: Director) -> None:
    play = sales(stage)
    play.cycle(limit=10)
    paid, wrote = charges(play), writes(play)
    play.stand("salesforce").ask("settings", {"users": HIDDEN})
    said = play.command("once", "--json")
    assert said.code == 6
    assert (charges(play), writes(play)) == (paid, wrote)


def test_wrong_org(stage: Director) -> None:
    """The login opens another org than the configured one: nothing of it is read or written."""
    play = sales(stage, changes={"crms": {"salesforce-sandbox": {"account": make("Organization", 43)}}})
    said = play.command("once")
    assert said.code == 6
    assert f"opens account {KNOBS['org']}" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert (charges(play), writes(play)) == (0, [])
    assert calls(play, "/query") == calls(play, "/queryAll") == calls(play, "/describe") == 0
    assert play.command("check", "--online").code == 6


def test_two_crms_share_purchases_for_the_same_person(stage: Director) -> None:
    """HubSpot and Salesforce hold the same people: each is bought once, and both CRMs get the values."""
    play = stage(contacts=60, vendors=("hubspot", "salesforce", "contactout"))
    outcome = play.cycle()
    books = play.stand("contactout").ask("books")
    bought = [(c["person"], c["kind"], c.get("item")) for c in books["charges"] if float(c["amount"])]
    assert len(bought) > 30
    assert len(set(bought)) == len(bought)
    assert len(written_to(play)) > 20
    assert len({w["record"] for w in play.stand("hubspot").ask("books")["writes"]}) > 20
    assert (outcome.code, outcome.report["contacts"]["in_scope"]) == (0, 120)
    play.assert_well(outcome)


def _refusing(path: str) -> dict[str, Any]:
    fault = {"kind": "status", "status": 401, "path": path, "body": ENDED_SESSION}
    return {"salesforce": [fault]}


def clear(play: Stage) -> None:
    url = f"{play.stand('salesforce').url}/_sandbox/faults"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()


def _rows(play: Stage, query: str) -> list[Mapping[str, Any]]:
    """What the org answers to a query of ours."""
    stand = play.stand("salesforce")
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    }
    with urllib.request.urlopen(f"{stand.url}{LOGIN}", urlencode(form).encode(), timeout=10) as told:
        token = json.loads(told.read())["access_token"]
    asked = urllib.request.Request(
        f"{stand.url}/services/data/v67.0/query?{urlencode({'q': query})}",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(asked, timeout=10) as told:
        return list(json.loads(told.read())["records"])


def _largest_account(play: Stage) -> tuple[str, set[str]]:
    return _largest(_rows(play, "SELECT Id, AccountId FROM Contact WHERE AccountId != null"), "AccountId")


def _largest_city(play: Stage) -> tuple[str, set[str]]:
    return _largest(
        _rows(play, "SELECT Id, MailingCity FROM Contact WHERE MailingCity != null"), "MailingCity"
    )


def _largest(rows: list[Mapping[str, Any]], name: str) -> tuple[str, set[str]]:
    """The value that most records share, and those records."""
    value = max(sorted({row[name] for row in rows}), key=lambda v: sum(row[name] == v for row in rows))
    return value, {row["Id"] for row in rows if row[name] == value}
