"""HubSpot's sandbox, rows 11 and 12 of what it must reproduce: validation and the properties API."""

from __future__ import annotations

import json

import pytest

from tests.hubspot_portal import FIRST, V3, codes, where

SECOND = "1000002"
PROPERTIES = "/crm/v3/properties/contacts"
MADE = {
    "name": "enriched_at",
    "label": "Enriched at",
    "groupName": "enrichment",
    "type": "datetime",
    "fieldType": "date",
}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"no_such": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_lead_status": "HOT"}, "INVALID_OPTION"),
        ({"lifecyclestage": "Lead"}, "INVALID_OPTION"),
        ({"do_not_enrich": "yes"}, "INVALID_OPTION"),
        ({"email": "no address"}, "INVALID_EMAIL"),
        ({"email": "a@b"}, "INVALID_EMAIL"),
        ({"employee_count": "1,000"}, "INVALID_INTEGER"),
        ({"employee_count": "1.0.0"}, "INVALID_INTEGER"),
        ({"employee_count": " 5"}, "INVALID_NUMBER"),
        ({"next_review_on": "2026-05-01T10:00:00Z"}, "INVALID_DATE"),
        ({"next_review_on": "tomorrow"}, "INVALID_DATE"),
        ({"closedate": "tomorrow"}, "INVALID_LONG"),
        ({"hs_object_id": "5"}, "READ_ONLY_VALUE"),
        ({"hs_email_domain": "x"}, "READ_ONLY_VALUE"),
        ({"zip": "x" * 65_537}, "PROPERTY_VALUE_TOO_LONG"),
    ],
)
def test_row_11_a_value_that_is_not_taken_is_named_with_its_code_twice(hubspot_portal, values, code):
    portal = hubspot_portal()
    answer = portal.patch(values)
    body = answer.json()
    assert (answer.status_code, body["category"], codes(answer)) == (400, "VALIDATION_ERROR", [code])
    assert body["errors"][0]["context"]["propertyName"] == list(values)
    (inside,) = json.loads(body["message"].partition(": ")[2])
    assert (inside["error"], inside["name"], inside["isValid"]) == (code, next(iter(values)), False)


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"email": "MIXED@Case.Example"}, "mixed@case.example"),
        ({"next_review_on": "1777593600000"}, "2026-05-01"),
        ({"next_review_on": "2026-05-01"}, "2026-05-01"),
        ({"closedate": "2026-05-01T10:00:00+02:00"}, "2026-05-01T08:00:00.000Z"),
        ({"employee_count": "-1.5"}, "-1.5"),
        ({"zip": "x" * 65_536}, "x" * 65_536),
        ({"zip": " kept as it is "}, " kept as it is "),
        ({"hs_buying_role": "CHAMPION;BLOCKER;CHAMPION"}, "CHAMPION;BLOCKER"),
        ({"do_not_enrich": "true"}, "true"),
        ({"hubspot_owner_id": "8123"}, "8123"),
    ],
)
def test_row_11_a_value_is_kept_in_hubspot_s_own_form(hubspot_portal, values, kept):
    answer = hubspot_portal().patch(values)
    assert answer.json()["properties"][next(iter(values))] == kept


def test_row_11_errors_lists_fewer_problems_than_the_message(hubspot_portal):
    bad = {"no_a": "1", "no_b": "1", "no_c": "1", "no_d": "1"}
    body = hubspot_portal().patch(bad).json()
    assert len(body["errors"]) == 3
    assert [p["name"] for p in json.loads(body["message"].partition(": ")[2])] == list(bad)


@pytest.mark.parametrize(
    ("variant", "status", "stage"),
    [("reject", 400, "customer"), ("ignore", 200, "customer"), ("allow", 200, "lead")],
)
def test_row_11_the_lifecycle_stage_moves_forward_only(hubspot_portal, variant, status, stage):
    portal = hubspot_portal(lifecycle_backwards=variant)
    portal.edit(id=FIRST, properties={"lifecyclestage": "customer"})
    assert portal.patch({"lifecyclestage": "lead"}).status_code == status
    assert portal.value("lifecyclestage") == stage
    assert portal.patch({"lifecyclestage": ""}).status_code == 200
    assert portal.patch({"lifecyclestage": "subscriber"}).status_code == 200


def test_row_11_an_address_that_another_contact_has_is_a_conflict_that_names_it(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "taken@a.example"})
    answer = portal.patch({"email": "TAKEN@a.example"}, SECOND)
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert answer.json()["message"].endswith(f"Existing ID: {FIRST}")
    assert portal.patch({"email": "taken@a.example"}, FIRST).status_code == 200
    portal.edit(id=FIRST, properties={"email": "other@a.example"})
    assert portal.patch({"email": "taken@a.example"}, SECOND).status_code == 200


def test_row_11_a_unique_property_refuses_a_value_that_is_taken(hubspot_portal):
    portal = hubspot_portal()
    made = {
        "name": "badge",
        "label": "Badge",
        "groupName": "enrichment",
        "type": "string",
        "fieldType": "text",
    }
    portal.ask("POST", "/crm/v3/properties/contacts", {**made, "hasUniqueValue": True})
    assert portal.patch({"badge": "7"}).status_code == 200
    assert codes(portal.patch({"badge": "7"}, SECOND)) == ["CONFLICTING_UNIQUE_VALUE"]
    assert portal.ask("GET", "7", params={"idProperty": "badge"}).json()["id"] == FIRST
    portal.patch({"badge": ""})
    assert portal.patch({"badge": "7"}, SECOND).status_code == 200


def test_row_11_a_leading_semicolon_appends_to_what_is_there(hubspot_portal):
    portal = hubspot_portal()
    portal.patch({"hs_buying_role": "CHAMPION"})
    portal.patch({"hs_buying_role": ";BLOCKER"})
    assert portal.value("hs_buying_role") == "CHAMPION;BLOCKER"


def test_row_11_a_blank_text_clears_a_value(hubspot_portal):
    portal = hubspot_portal()
    portal.patch({"zip": "LS1"})
    assert portal.patch({"zip": ""}).json()["properties"]["zip"] is None
    assert FIRST in portal.found(where("zip", "NOT_HAS_PROPERTY"))


def test_row_11_a_body_that_is_no_json_object_is_refused(hubspot_portal):
    portal = hubspot_portal()
    for content in ("{", "[]", '"x"', ""):
        assert portal.ask("PATCH", f"{V3}/{FIRST}", content=content).status_code == 400


def test_row_12_a_definition_tells_what_may_be_done_with_a_property(hubspot_portal):
    portal = hubspot_portal()
    listed = {d["name"]: d for d in portal.ask("GET", PROPERTIES).json()["results"]}
    assert listed["email"]["hubspotDefined"] is True
    assert listed["do_not_enrich"]["hubspotDefined"] is False
    assert listed["do_not_enrich"]["modificationMetadata"]["archivable"] is True
    assert listed["hs_object_id"]["modificationMetadata"]["readOnlyValue"] is True
    assert listed["hs_email_domain"]["calculated"] is True
    assert {o["value"] for o in listed["do_not_enrich"]["options"]} == {"true", "false"}
    assert "lead" in {o["value"] for o in listed["lifecyclestage"]["options"]}
    assert portal.ask("GET", f"{PROPERTIES}/email").json() == listed["email"]
    assert portal.ask("GET", f"{PROPERTIES}/no_such").status_code == 404
    sensitive = portal.ask("GET", PROPERTIES, params={"dataSensitivity": "sensitive"})
    assert sensitive.json()["results"] == []


def test_row_12_a_property_can_be_created_used_changed_and_archived(hubspot_portal):
    portal = hubspot_portal()
    assert portal.patch({"enriched_at": "2026-01-01T00:00:00Z"}).status_code == 400
    made = portal.ask("POST", PROPERTIES, MADE)
    assert (made.status_code, made.json()["hubspotDefined"]) == (201, False)
    assert portal.patch({"enriched_at": "2026-01-01T00:00:00Z"}).status_code == 200
    assert portal.ask("PATCH", f"{PROPERTIES}/enriched_at", {"label": "Seen"}).json()["label"] == "Seen"
    assert portal.ask("DELETE", f"{PROPERTIES}/enriched_at").status_code == 204
    assert portal.ask("GET", f"{PROPERTIES}/enriched_at").status_code == 404
    assert portal.ask("DELETE", f"{PROPERTIES}/email").status_code == 400


def test_row_12_a_name_that_is_taken_is_a_409_alone_and_part_of_a_207_in_a_batch(hubspot_portal):
    portal = hubspot_portal()
    alone = portal.ask("POST", PROPERTIES, {**MADE, "name": "email"})
    assert (alone.status_code, alone.json()["category"]) == (409, "OBJECT_ALREADY_EXISTS")
    assert alone.json()["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    batch = portal.ask("POST", f"{PROPERTIES}/batch/create", {"inputs": [{**MADE, "name": "email"}, MADE]})
    body = batch.json()
    assert (batch.status_code, [r["name"] for r in body["results"]]) == (207, ["enriched_at"])
    assert body["errors"][0]["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"
    other = portal.ask("POST", f"{PROPERTIES}/batch/create", {"inputs": [{**MADE, "name": "other"}]})
    assert other.status_code == 201


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "number"}, "INVALID_FIELD_TYPE"),
        ({"type": "text"}, "INVALID_TYPE"),
        ({"type": "enumeration", "fieldType": "select"}, "OPTIONS_MISSING"),
        ({"groupName": "nowhere"}, "GROUP_DOESNT_EXIST"),
        ({"name": "Upper Case"}, "INVALID_NAME"),
        ({"label": ""}, ""),
    ],
)
def test_row_12_a_definition_that_makes_no_sense_is_refused(hubspot_portal, change, code):
    answer = hubspot_portal().ask("POST", PROPERTIES, {**MADE, **change})
    assert (answer.status_code, codes(answer)) == (400, [code])


def test_row_12_ten_properties_may_be_unique_and_none_becomes_so_later(hubspot_portal):
    portal = hubspot_portal()
    text = {**MADE, "type": "string", "fieldType": "text"}
    answers = [
        portal.ask("POST", PROPERTIES, {**text, "name": f"key_{n}", "hasUniqueValue": True})
        for n in range(11)
    ]
    assert [a.status_code for a in answers] == [201] * 10 + [400]
    portal.ask("POST", PROPERTIES, {**text, "name": "plain"})
    assert codes(portal.ask("PATCH", f"{PROPERTIES}/plain", {"hasUniqueValue": True})) == ["IMMUTABLE"]


def test_row_12_groups_are_listed_and_made(hubspot_portal):
    portal = hubspot_portal()
    groups = f"{PROPERTIES}/groups"
    assert portal.ask("POST", groups, {"name": "ours", "label": "Ours"}).status_code == 201
    assert portal.ask("POST", groups, {"name": "ours", "label": "Ours"}).status_code == 409
    assert "ours" in {g["name"] for g in portal.ask("GET", groups).json()["results"]}
    assert portal.ask("GET", f"{groups}/ours").json()["label"] == "Ours"


def test_row_12_definitions_are_read_and_archived_by_name_in_batches(hubspot_portal):
    portal = hubspot_portal()
    read = portal.ask("POST", f"{PROPERTIES}/batch/read", {"inputs": [{"name": "email"}, {"name": "nope"}]})
    assert (read.status_code, len(read.json()["results"]), read.json()["numErrors"]) == (207, 1, 1)
    gone = portal.ask("POST", f"{PROPERTIES}/batch/archive", {"inputs": [{"name": "do_not_enrich"}]})
    assert gone.status_code == 204
