"""Salesforce's sandbox, rows 4, 5 and 6 of what it must reproduce: stamps, late commits, deletes and merges."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from tests.salesforce_org import FIRST, LEAD, SECOND, THIRD, code, statuses, utc


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


def test_row_4_a_row_appears_behind_a_stamp_that_was_already_seen(salesforce_org):
    org = salesforce_org()
    org.edit(id=FIRST, properties={"Title": "late"}, commit_after_s=3)
    org.advance(1)
    org.edit(id=SECOND, properties={"Title": "early"})
    ask = "SELECT Id, SystemModstamp FROM Contact WHERE Title IN ('late', 'early')"
    (seen,) = org.rows(ask)
    assert seen["Id"] == SECOND
    org.advance(2)
    stamps = {r["Id"]: seconds(r["SystemModstamp"]) for r in org.rows(ask)}
    assert stamps[FIRST] == stamps[SECOND] - 1


def test_row_4_a_long_transaction_holds_latest_date_covered_at_its_start(salesforce_org):
    org = salesforce_org()
    start = org.edit(action="open", transaction="import", commit_after_s=720)["start"]
    org.edit(id=FIRST, properties={"Title": "x"}, transaction="import")
    org.advance(600)
    org.edit(id=SECOND, properties={"Title": "y"})
    answer = org.span("updated", 1200, 60).json()
    assert seconds(answer["latestDateCovered"]) == start // 60 * 60
    assert FIRST not in answer["ids"]
    org.advance(121)
    again = org.span("updated", 1200, 60).json()
    assert FIRST in again["ids"]
    assert seconds(again["latestDateCovered"]) == int(org.server.clock.time()) // 60 * 60


def test_row_4_a_transaction_of_somebody_else_makes_rows_and_locks_what_it_touches(salesforce_org):
    org = salesforce_org()
    org.edit(action="open", transaction="t")
    made = org.edit(action="create", properties={"LastName": "Late"}, transaction="t")["id"]
    org.edit(id=FIRST, properties={"Title": "x"}, transaction="t")
    assert org.ask("GET", f"sobjects/Contact/{made}").status_code == 404
    assert statuses(org.update({"Id": FIRST, "Title": "ours"}, {"Id": SECOND, "Title": "ours"})) == [
        "UNABLE_TO_LOCK_ROW",
        "ok",
    ]
    assert org.edit(action="commit", transaction="t") == {"count": 2}
    assert (org.get(made)["LastName"], org.value("Title")) == ("Late", "x")
    assert statuses(org.update({"Id": FIRST, "Title": "ours"})) == ["ok"]


def test_row_4_the_date_header_is_the_clock_of_the_org(salesforce_org):
    org = salesforce_org()
    org.advance(1_000_000)
    shown = parsedate_to_datetime(org.ask("GET", "limits", token=org.login()).headers["date"])
    assert int(shown.timestamp()) == int(org.server.clock.time())


@pytest.mark.parametrize(("back", "ahead"), [(0, 0), (31 * 86_400, 0), (-600, 0)])
def test_row_4_a_bad_span_is_refused(salesforce_org, back, ahead):
    answer = salesforce_org().span("updated", back, ahead)
    assert (answer.status_code, code(answer)) == (400, "INVALID_REPLICATION_DATE")


def test_row_4_updated_cuts_seconds_and_refuses_too_many_ids(salesforce_org):
    org = salesforce_org(50)
    org.advance(60 - int(org.server.clock.time()) % 60 + 30)
    org.edit(id=FIRST, properties={"Title": "x"})
    assert org.span("updated", 120).json()["ids"] == []
    org.advance(60)
    assert org.span("updated", 120).json()["ids"] == [FIRST]
    org.edit(action="bulk_touch", count=50)
    org.settle(updated_limit=20)
    assert code(org.span("updated", 120, 60)) == "EXCEEDED_ID_LIMIT"


def test_row_4_updated_is_cut_to_what_the_user_may_see(salesforce_org):
    org = salesforce_org(60)
    org.edit(action="bulk_touch", count=60)
    ours = org.span("updated", 60, 60).json()["ids"]
    theirs = org.span("updated", 60, 60, token=org.login("sandbox-minimum")).json()["ids"]
    assert len(ours) == 60 and set(theirs) < set(ours)


def test_row_5_five_thousand_records_can_share_one_stamp(salesforce_org):
    org = salesforce_org(5000)
    assert org.edit(action="bulk_touch", count=5000) == {"count": 5000}
    now = utc(org.server.clock.time())
    assert org.query(f"SELECT COUNT() FROM Contact WHERE SystemModstamp = {now}").json()["totalSize"] == 5000


def test_row_5_a_collection_shares_one_stamp(salesforce_org):
    org = salesforce_org()
    org.update({"Id": FIRST, "Title": "a"}, {"Id": SECOND, "Title": "b"})
    assert org.value("SystemModstamp", FIRST) == org.value("SystemModstamp", SECOND)


@pytest.mark.parametrize(
    "edit",
    [
        {"action": "activity", "id": FIRST},
        {"action": "bounce", "id": FIRST},
        {"action": "bulk_touch", "ids": [FIRST]},
        {"action": "rename_picklist", "property": "LeadSource", "from": "Web", "to": "Website"},
    ],
)
def test_row_5_some_things_move_the_system_stamp_alone(salesforce_org, edit):
    org = salesforce_org()
    before = org.get()
    org.edit(**edit)
    after = org.get()
    assert after["SystemModstamp"] > before["SystemModstamp"]
    assert (after["LastModifiedDate"], after["LastModifiedById"]) == (
        before["LastModifiedDate"],
        before["LastModifiedById"],
    )


def test_row_5_an_activity_sets_its_date_and_a_rename_the_value(salesforce_org):
    org = salesforce_org()
    org.edit(action="activity", id=FIRST)
    assert org.value("LastActivityDate") == utc(org.server.clock.time())[:10]
    org.edit(id=FIRST, properties={"LeadSource": "Web"})
    renamed = org.edit(action="rename_picklist", property="LeadSource", to="Website", **{"from": "Web"})
    assert (renamed["count"], org.value("LeadSource")) == (12, "Website")


def test_row_5_an_import_may_back_date_the_modification_but_not_the_stamp(salesforce_org):
    org = salesforce_org()
    old = int(org.server.clock.time()) - 86_400
    org.edit(id=FIRST, properties={"Title": "old"}, author="import", modified_at=old)
    row = org.get()
    assert seconds(row["LastModifiedDate"]) == old
    assert seconds(row["SystemModstamp"]) == int(org.server.clock.time())


def test_row_5_a_formula_changes_without_a_stamp(salesforce_org):
    org = salesforce_org()
    before = org.get()
    org.edit(action="recalculate", id=FIRST)
    after = org.get()
    assert after["Has_Phone__c"] is not before["Has_Phone__c"]
    assert after["SystemModstamp"] == before["SystemModstamp"]


def test_row_6_a_deleted_record_is_in_query_all_until_the_bin_is_emptied(salesforce_org):
    org = salesforce_org()
    org.edit(action="delete", id=FIRST)
    ask = f"SELECT Id, IsDeleted FROM Contact WHERE Id = '{FIRST}'"
    assert org.rows(ask) == []
    assert org.rows(ask, "queryAll")[0]["IsDeleted"] is True
    assert statuses(org.update({"Id": FIRST, "Title": "x"})) == ["ENTITY_IS_DELETED"]
    org.edit(action="purge", id=FIRST)
    assert org.rows(ask, "queryAll") == []
    assert statuses(org.update({"Id": FIRST, "Title": "x"})) == ["ENTITY_IS_DELETED"]


def test_row_6_the_bin_empties_itself_after_fifteen_days(salesforce_org):
    org = salesforce_org()
    org.edit(action="delete", id=FIRST)
    org.advance(15 * 86_400 + 1)
    org.token = org.login()
    assert org.rows(f"SELECT Id FROM Contact WHERE Id = '{FIRST}'", "queryAll") == []


def test_row_6_deleted_lists_what_went_and_says_how_far_back_it_reaches(salesforce_org):
    org = salesforce_org()
    org.edit(action="delete", id=FIRST)
    answer = org.span("deleted", 600, 60).json()
    assert [d["id"] for d in answer["deletedRecords"]] == [FIRST]
    assert seconds(answer["deletedRecords"][0]["deletedDate"]) == int(org.server.clock.time())
    assert seconds(answer["earliestDateAvailable"]) < seconds(answer["latestDateCovered"])
    assert FIRST not in org.span("updated", 600, 60).json()["ids"]
    org.settle(delete_log_s=300)
    assert code(org.span("deleted", 600, 60)) == "INVALID_REPLICATION_DATE"
    assert code(org.span("deleted", 16 * 86_400)) == "INVALID_REPLICATION_DATE"


def test_row_6_an_undeleted_record_is_back_with_a_new_stamp(salesforce_org):
    org = salesforce_org()
    org.edit(action="delete", id=FIRST)
    org.advance(120)
    org.edit(action="undelete", id=FIRST)
    assert seconds(org.get()["SystemModstamp"]) == int(org.server.clock.time())
    assert org.span("deleted", 600, 60).json()["deletedRecords"] == []
    assert org.span("updated", 60, 60).json()["ids"] == [FIRST]


def test_row_6_a_merge_deletes_the_loser_and_names_the_master(salesforce_org):
    org = salesforce_org()
    org.edit(id=FIRST, properties={"Title": "kept", "Department": ""})
    org.edit(id=SECOND, properties={"Title": "lost", "Department": "taken"})
    org.edit(action="merge", primary=FIRST, other=SECOND)
    row = org.get()
    assert (row["Title"], row["Department"]) == ("kept", "taken")
    (loser,) = org.rows(f"SELECT IsDeleted, MasterRecordId FROM Contact WHERE Id = '{SECOND}'", "queryAll")
    assert (loser["IsDeleted"], loser["MasterRecordId"]) == (True, FIRST)


def test_row_6_a_converted_lead_stays_queryable_and_cannot_be_written(salesforce_org):
    org = salesforce_org(people_as="leads")
    contact = org.edit(action="convert", id=LEAD)["id"]
    lead = org.get(LEAD, kind="Lead")
    assert (lead["IsConverted"], lead["ConvertedContactId"]) == (True, contact)
    made = org.get(contact)
    assert (made["LastName"], made["Email"]) == (lead["LastName"], lead["Email"])
    assert org.rows("SELECT Name FROM Account")[0]["Name"] == lead["Company"]
    assert LEAD not in [r["Id"] for r in org.rows("SELECT Id FROM Lead WHERE IsConverted = false")]
    refused = org.update({"attributes": {"type": "Lead"}, "Id": LEAD, "Title": "x"})
    assert statuses(refused) == ["CANNOT_UPDATE_CONVERTED_LEAD"]


@pytest.mark.parametrize(("headers", "moves"), [({}, True), ({"Sforce-Auto-Assign": "FALSE"}, False)])
def test_row_6_a_write_without_the_assignment_header_may_change_the_owner_of_a_lead(
    salesforce_org, headers, moves
):
    org = salesforce_org(people_as="leads")
    other = org.rows("SELECT Id FROM User WHERE Username = 'rep6@sandbox.example'")[0]["Id"]
    org.settle(assignment_rule=other)
    assert org.patch({"Title": "x"}, LEAD, "Lead", headers=headers).status_code == 204
    assert (org.value("OwnerId", LEAD, "Lead") == other) is moves


def test_history_of_tracked_fields_says_who_changed_what(salesforce_org):
    org = salesforce_org()
    org.edit(id=THIRD, properties={"Title": "by hand"}, user=4)
    org.update({"Id": THIRD, "Title": "ours", "Department": "not tracked"})
    rows = org.rows(
        "SELECT Field, OldValue, NewValue, CreatedBy.Username FROM ContactHistory "
        f"WHERE ContactId = '{THIRD}' AND Field = 'Title' ORDER BY CreatedDate, Id"
    )
    told = [(r["NewValue"], r["CreatedBy"]["Username"]) for r in rows][-2:]
    assert told == [("by hand", "rep4@sandbox.example"), ("ours", "integration@sandbox.example")]
    assert rows[-1]["OldValue"] == "by hand"
    everything = org.rows("SELECT Field FROM ContactHistory")
    assert "created" in {r["Field"] for r in everything} and "Department" not in {
        r["Field"] for r in everything
    }


def test_history_from_the_start_names_the_people_who_wrote_over_an_import(salesforce_org):
    org = salesforce_org(40)
    for order, record in enumerate(org.server.population.records):
        if set(record.authors.values()) <= {"person"} or record.authors.get("email") != "person":
            continue
        number = sorted(org.server._org.store.rows["Contact"])[order]
        rows = org.rows(
            f"SELECT NewValue, CreatedById FROM ContactHistory WHERE ContactId = '{number}' AND Field = 'Email'"
        )
        assert [r["NewValue"] for r in rows] == [record.values["email"]]
        assert rows[0]["CreatedById"] != org.value("CreatedById", number)
        return
    pytest.fail("no contact of the population is fit for the test")
