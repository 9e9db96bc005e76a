"""HubSpot's sandbox, row 8 of what it must reproduce: writes in batches."""

from __future__ import annotations

import pytest

from tests.hubspot_portal import DATED, FIRST, codes

SECOND, UNKNOWN = "1000002", "999"


def inputs(*pairs, traces=False):
    """Batch inputs of (id, properties), each with a trace id of its own where asked for."""
    return [
        {"id": number, "properties": values, **({"objectWriteTraceId": f"trace-{n}"} if traces else {})}
        for n, (number, values) in enumerate(pairs)
    ]


GOOD, BAD = (FIRST, {"zip": "LS1"}), (SECOND, {"zip": "LS2", "hs_lead_status": "HOT"})


def test_row_8_one_bad_input_refuses_the_whole_batch_without_trace_ids(hubspot_portal):
    portal = hubspot_portal()
    answer = portal.batch("update", inputs(GOOD, BAD))
    assert (answer.status_code, codes(answer)) == (400, ["INVALID_OPTION"])
    assert (portal.value("zip", FIRST), portal.value("zip", SECOND)) == (None, None)
    assert portal.server.books.writes == []


def test_row_8_with_trace_ids_the_good_inputs_are_written_and_the_bad_one_is_named(hubspot_portal):
    portal = hubspot_portal()
    answer = portal.batch("update", inputs(GOOD, BAD, traces=True))
    body = answer.json()
    assert (answer.status_code, body["numErrors"], [r["id"] for r in body["results"]]) == (207, 1, [FIRST])
    assert body["results"][0]["objectWriteTraceId"] == "trace-0"
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["trace-1"]
    assert body["errors"][0]["errors"][0]["code"] == "INVALID_OPTION"
    assert (portal.value("zip", FIRST), portal.value("zip", SECOND)) == ("LS1", None)


@pytest.mark.parametrize("how", ["ignored", "repeated", "partly"])
def test_row_8_trace_ids_help_only_where_each_input_has_its_own_and_the_portal_heeds_them(
    hubspot_portal, how
):
    portal = hubspot_portal(trace_ids="ignored" if how == "ignored" else "honoured")
    given = inputs(GOOD, BAD, traces=True)
    if how == "repeated":
        given[1]["objectWriteTraceId"] = "trace-0"
    if how == "partly":
        del given[1]["objectWriteTraceId"]
    assert portal.batch("update", given).status_code == 400
    assert portal.value("zip", FIRST) is None


def test_row_8_unknown_ids_are_named_and_the_rest_is_written(hubspot_portal):
    portal = hubspot_portal()
    answer = portal.batch("update", inputs((UNKNOWN, {"zip": "1"}), GOOD))
    body = answer.json()
    assert (answer.status_code, [r["id"] for r in body["results"]]) == (207, [FIRST])
    assert (body["errors"][0]["category"], body["errors"][0]["context"]) == (
        "OBJECT_NOT_FOUND",
        {"ids": [UNKNOWN]},
    )


def test_row_8_the_quirk_of_a_207_that_names_nobody_can_be_switched_on(hubspot_portal):
    portal = hubspot_portal(empty_207=True)
    answer = portal.batch("update", inputs((UNKNOWN, {"zip": "1"})))
    assert (answer.status_code, answer.json()["results"], "errors" in answer.json()) == (207, [], False)


def test_row_8_duplicate_ids_refuse_the_whole_batch_and_are_named(hubspot_portal):
    portal = hubspot_portal()
    answer = portal.batch("update", inputs(GOOD, (SECOND, {}), GOOD))
    assert (answer.status_code, answer.json()["context"]) == (400, {"ids": [FIRST]})
    assert portal.value("zip") is None


def test_row_8_the_order_of_results_is_not_the_order_of_inputs(hubspot_portal):
    given = [(str(1_000_001 + n), {"zip": str(n)}) for n in range(50)]
    asked = [number for number, _ in given]
    shuffled = [r["id"] for r in hubspot_portal(50).batch("update", inputs(*given)).json()["results"]]
    assert shuffled != asked
    assert sorted(shuffled) == asked
    kept = hubspot_portal(50, shuffle=False).batch("update", inputs(*given)).json()["results"]
    assert [r["id"] for r in kept] == asked


@pytest.mark.parametrize("status", [200, 207])
def test_row_8_a_dated_version_has_its_errors_in_a_200_or_in_a_207(hubspot_portal, status):
    portal = hubspot_portal(dated_batch_status=status)
    answer = portal.batch("update", inputs(GOOD, BAD, (UNKNOWN, {}), traces=True), base=DATED)
    assert (answer.status_code, answer.json()["numErrors"]) == (status, 2)
    read = portal.batch("read", [{"id": FIRST}, {"id": UNKNOWN}], base=DATED, properties=[])
    assert (read.status_code, read.json()["numErrors"]) == (status, 1)


def test_row_8_a_batch_by_email_finds_nobody(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "by@email.example"})
    given = [{"id": "by@email.example", "idProperty": "email", "properties": {"zip": "1"}}]
    assert portal.batch("update", given).json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert portal.value("zip") is None


def test_row_8_an_update_may_be_accepted_and_not_done(hubspot_portal):
    portal = hubspot_portal(deaf=["zip"])
    answer = portal.batch("update", inputs((FIRST, {"zip": "LS1", "fax": "1"})))
    assert (answer.status_code, answer.json()["results"][0]["properties"]["zip"]) == (200, None)
    assert (portal.value("zip"), portal.value("fax")) == (None, "1")


def test_row_8_a_batch_takes_a_hundred_inputs_that_are_objects_of_text(hubspot_portal):
    portal = hubspot_portal(101)
    hundred_one = inputs(*((str(1_000_001 + n), {"zip": "1"}) for n in range(101)))
    assert portal.batch("update", hundred_one).status_code == 400
    assert portal.batch("update", hundred_one[:100]).status_code == 200
    for wrong in ({"zip": 5}, {"zip": None}, {"zip": True}, None):
        assert portal.batch("update", [{"id": FIRST, "properties": wrong}]).status_code == 400
    assert portal.value("zip") == "1"


def test_row_8_batch_create_answers_201_and_says_no_id_in_a_conflict(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "taken@a.example"})
    new, taken = {"email": "NEW@a.example"}, {"email": "taken@a.example"}
    conflict = portal.batch("create", [{"properties": new}, {"properties": taken}])
    assert (conflict.status_code, conflict.json()["message"]) == (409, "Contact already exists")
    answer = portal.batch("create", [{"properties": new}])
    assert (answer.status_code, answer.json()["results"][0]["properties"]["email"]) == (201, "new@a.example")
    traced = portal.batch("create", [{"properties": taken, "objectWriteTraceId": "a"}])
    assert (traced.status_code, traced.json()["errors"][0]["category"]) == (207, "CONFLICT")
    twice = portal.batch("create", [{"properties": {"email": "two@a.example"}}] * 2)
    assert twice.status_code == 409


def test_row_8_batch_upsert_makes_or_changes_by_a_unique_property(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "old@a.example"})
    given = [
        {"id": "old@a.example", "idProperty": "email", "properties": {"zip": "1"}},
        {"id": "fresh@a.example", "idProperty": "email", "properties": {"zip": "2"}},
    ]
    results = portal.batch("upsert", given).json()["results"]
    assert {r["new"]: r["properties"]["zip"] for r in results} == {False: "1", True: "2"}
    assert portal.ask("GET", "fresh@a.example", params={"idProperty": "email"}).status_code == 200
    assert portal.batch("upsert", [{"id": "x@a.example", "properties": {}}]).status_code == 400


def test_row_8_an_upsert_by_email_is_whole_or_not_at_all_though_it_has_trace_ids(hubspot_portal):
    portal = hubspot_portal()
    unique = {
        "name": "crm_key",
        "label": "Key",
        "groupName": "enrichment",
        "type": "string",
        "fieldType": "text",
    }
    assert (
        portal.ask("POST", "/crm/v3/properties/contacts", {**unique, "hasUniqueValue": True}).status_code
        == 201
    )
    for name, status in (("email", 400), ("crm_key", 207)):
        keys = [f"a@{name}.example", f"b@{name}.example"]
        values = ({"zip": "1"}, {"no_such": "1"})
        given = [
            {"id": k, "idProperty": name, "properties": v, "objectWriteTraceId": k}
            for k, v in zip(keys, values, strict=True)
        ]
        assert portal.batch("upsert", given).status_code == status
