"""HubSpot's sandbox, rows 9 and 10 of what it must reproduce: authors, merges, archive and deletion."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.hubspot_portal import FIRST, codes

SECOND, THIRD = "1000002", "1000003"


def test_row_9_history_is_newest_first_with_who_wrote_each_value(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"zip": "a"}, author="person", user=77)
    portal.advance(10)
    portal.patch({"zip": "b"})
    told = portal.history("zip")
    assert [(e["value"], e["sourceType"], e["sourceId"], e.get("updatedByUserId")) for e in told] == [
        ("b", "INTEGRATION", "91234", None),
        ("a", "CRM_UI", "userId:77", 77),
    ]
    assert told[0]["timestamp"] > told[1]["timestamp"]


@pytest.mark.parametrize(
    ("author", "source_type", "has_user"),
    [
        ("person", "CRM_UI", True), ("mobile", "MOBILE_IOS", True), ("import", "IMPORT", True),
        ("form", "FORM", False), ("workflow", "AUTOMATION_PLATFORM", False),
        ("enrichment", "DATA_ENRICHMENT", False), ("integration", "INTEGRATION", False),
    ],
)  # fmt: skip
def test_row_9_others_can_be_made_to_write(hubspot_portal, author, source_type, has_user):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"zip": "x"}, author=author)
    head = portal.history("zip")[0]
    assert (head["sourceType"], "updatedByUserId" in head) == (source_type, has_user)
    assert (head["sourceType"], head["sourceId"]) != ("INTEGRATION", "91234")


def test_row_9_values_from_the_start_have_the_authors_of_the_population(hubspot_portal):
    portal = hubspot_portal(60)
    types = {"person": "CRM_UI", "import": "IMPORT", "form": "FORM"}
    for record in portal.server.population.records:
        (entry,) = portal.history("firstname", record.id)
        assert entry["sourceType"] == types[record.authors["first_name"]]
        assert entry["value"] == record.values["first_name"]


def test_row_9_a_cleared_value_stays_in_the_history_and_a_blank_one_has_none(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"zip": "x"})
    portal.edit(id=FIRST, properties={"zip": ""})
    assert [e["value"] for e in portal.history("zip")] == ["", "x"]
    assert portal.history("fax") == []


def test_row_9_history_can_be_cut_to_a_depth(hubspot_portal):
    portal = hubspot_portal(history_depth=2)
    for value in "abc":
        portal.patch({"zip": value})
    assert [e["value"] for e in portal.history("zip")] == ["c", "b"]


@pytest.mark.parametrize(
    ("variant", "entries", "moves"), [("no_op", 1, False), ("touch", 1, True), ("history", 2, True)]
)
def test_row_9_an_equal_value_does_nothing_or_moves_the_date_or_adds_an_entry(
    hubspot_portal, variant, entries, moves
):
    portal = hubspot_portal(same_value=variant)
    portal.edit(id=FIRST, properties={"zip": "x"})
    before = portal.get().json()["updatedAt"]
    portal.advance(60)
    portal.patch({"zip": "x"})
    assert len(portal.history("zip")) == entries
    assert (portal.get().json()["updatedAt"] > before) is moves


def test_row_9_the_history_is_up_to_some_hundred_milliseconds_behind_the_record(hubspot_portal):
    portal = hubspot_portal()
    behind = []
    for n in range(10):
        portal.advance(5)
        portal.patch({"zip": str(n)})
        stamps = (portal.get().json()["updatedAt"], portal.history("zip")[0]["timestamp"])
        updated, entry = (datetime.fromisoformat(stamp) for stamp in stamps)
        behind.append((updated - entry).total_seconds())
    assert 0 <= min(behind) < max(behind) <= 0.3


def test_row_10_a_merge_keeps_the_primary_s_id_or_makes_a_new_one_and_remembers_the_old(hubspot_portal):
    for new_id in (False, True):
        portal = hubspot_portal()
        portal.edit(id=FIRST, properties={"email": "one@a.example", "zip": ""})
        portal.edit(
            id=SECOND, properties={"email": "two@a.example", "zip": "LS9", "hs_linkedin_url": "in/two"}
        )
        portal.edit(id=FIRST, properties={"hs_linkedin_url": ""})
        survivor = portal.edit(action="merge", primary=FIRST, other=SECOND, new_id=new_id)["id"]
        assert (survivor == FIRST) is not new_id
        names = ["email", "zip", "hs_linkedin_url", "hs_merged_object_ids", "hs_additional_emails"]
        held = portal.get(survivor, properties=names).json()
        assert held["properties"]["hs_linkedin_url"] == "in/two"
        assert held["properties"]["email"] == "one@a.example"
        assert held["properties"]["zip"] == "LS9"
        assert held["properties"]["hs_additional_emails"] == "two@a.example"
        gone = held["properties"]["hs_merged_object_ids"].split(";")
        assert gone == ([FIRST, SECOND] if new_id else [SECOND])


def test_row_10_an_old_id_works_for_one_record_and_not_in_a_batch(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(action="merge", primary=FIRST, other=SECOND)
    assert portal.get(SECOND).json()["id"] == FIRST
    assert portal.patch({"zip": "LS1"}, SECOND).json()["id"] == FIRST
    batch = portal.batch("update", [{"id": SECOND, "properties": {"zip": "no"}}]).json()
    assert batch["errors"][0]["context"]["ids"] == [SECOND]
    assert portal.value("zip") == "LS1"
    assert SECOND not in portal.found(sorts=["hs_object_id"])


def test_row_10_an_additional_address_is_as_unique_as_the_primary_one(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "one@a.example"})
    portal.edit(id=SECOND, properties={"email": "two@a.example"})
    portal.edit(action="merge", primary=FIRST, other=SECOND)
    answer = portal.patch({"email": "two@a.example"}, THIRD)
    assert (answer.status_code, FIRST in answer.json()["message"]) == (409, True)


def test_row_10_an_archived_contact_is_out_of_search_and_can_be_restored_for_ninety_days(hubspot_portal):
    portal = hubspot_portal(lag_s=60)
    portal.edit(action="archive", id=FIRST)
    assert portal.get().status_code == 404
    assert portal.get(archived="true").json()["archived"] is True
    assert FIRST not in portal.found()
    portal.edit(action="restore", id=FIRST)
    portal.advance(61)
    assert FIRST in portal.found()
    portal.edit(action="archive", id=FIRST)
    portal.advance(91 * 86_400)
    assert portal.get(archived="true").status_code == 404


def test_row_10_a_privacy_deletion_is_for_good_and_its_address_is_refused(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "gone@a.example"})
    assert portal.ask("POST", "gdpr-delete", {"objectId": FIRST}).status_code == 204
    assert portal.get().status_code == 404
    assert portal.get(archived="true").status_code == 404
    assert codes(portal.patch({"email": "Gone@a.example"}, SECOND)) == ["EMAIL_BLOCKED"]
    assert portal.ask("POST", "", {"properties": {"email": "gone@a.example"}}).status_code == 400
    unknown = {"objectId": "never@a.example", "idProperty": "email"}
    assert portal.ask("POST", "gdpr-delete", unknown).status_code == 204
    assert codes(portal.patch({"email": "never@a.example"}, SECOND)) == ["EMAIL_BLOCKED"]


def test_row_10_contacts_can_be_merged_through_the_api(hubspot_portal):
    portal = hubspot_portal()
    merged = portal.ask("POST", "merge", {"primaryObjectId": FIRST, "objectIdToMerge": SECOND})
    assert (merged.status_code, merged.json()["id"]) == (200, FIRST)
    assert (
        portal.ask("POST", "merge", {"primaryObjectId": FIRST, "objectIdToMerge": FIRST}).status_code == 400
    )
