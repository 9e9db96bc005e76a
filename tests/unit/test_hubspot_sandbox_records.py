"""HubSpot's sandbox, rows 1, 2, 6 and 7 of what it must reproduce: access, records, lists and batch reads."""

from __future__ import annotations

import json

import pytest

from tests.hubspot_portal import DATED, FIRST, V3, codes

SECOND, THIRD = "1000002", "1000003"
TOKENS = {
    "sandbox-hubspot-key": "all",
    "reader": ["crm.objects.contacts.read"],
    "revoked": {"scopes": "all", "revoked": True},
    "short": {"scopes": "all", "expires_at": "2026-01-01T00:00:00Z"},
}


def test_row_1_one_store_is_reached_under_v3_and_under_dated_versions(hubspot_portal):
    portal = hubspot_portal()
    assert portal.ask("PATCH", f"{DATED}/{FIRST}", {"properties": {"zip": "LS1"}}).status_code == 200
    for base in (
        V3,
        DATED,
        "/crm/objects/2026-03/contacts",
        "/crm/v3/objects/0-1",
        "/crm/v3/objects/contact",
    ):
        answer = portal.ask("GET", f"{base}/{FIRST}", params={"properties": "zip"})
        assert answer.json()["properties"]["zip"] == "LS1"


@pytest.mark.parametrize(
    ("token", "status", "category"),
    [
        ("", 401, "INVALID_AUTHENTICATION"),
        ("somebody-else", 401, "INVALID_AUTHENTICATION"),
        ("revoked", 401, "INVALID_AUTHENTICATION"),
        ("short", 401, "EXPIRED_AUTHENTICATION"),
        ("reader", 200, None),
    ],
)
def test_row_1_a_token_is_checked(hubspot_portal, token, status, category):
    answer = hubspot_portal(tokens=TOKENS).ask("GET", FIRST, token=token)
    assert (answer.status_code, answer.json().get("category")) == (status, category)
    assert answer.headers["x-hubspot-correlation-id"]


def test_row_1_a_missing_scope_is_named(hubspot_portal):
    answer = hubspot_portal(tokens=TOKENS).patch({"zip": "1"}, token="reader")
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    granular = answer.json()["errors"][0]["context"]["requiredGranularScopes"]
    assert granular == ["crm.objects.contacts.write"]


def test_row_1_a_token_can_be_revoked_and_expire_in_the_middle(hubspot_portal):
    portal = hubspot_portal()
    portal.settle(tokens={"sandbox-hubspot-key": {"expires_at": portal.server.clock.time() + 5}})
    assert portal.get().status_code == 200
    portal.advance(6)
    assert portal.get().json()["category"] == "EXPIRED_AUTHENTICATION"
    portal.settle(tokens={})
    assert portal.get().json()["category"] == "INVALID_AUTHENTICATION"


def test_row_1_an_unknown_path_and_a_wrong_method_are_answered_in_hubspot_s_shape(hubspot_portal):
    portal = hubspot_portal()
    assert portal.ask("GET", "/crm/v9/everything").status_code == 404
    answer = portal.ask("PUT", f"{V3}/search")
    assert (answer.status_code, answer.json()["status"]) == (405, "error")


def test_row_2_a_record_is_text_and_null_with_times_in_milliseconds(hubspot_portal):
    record = hubspot_portal().get(properties="email,fax,no_such_property,hs_object_id").json()
    assert record["id"] == FIRST
    assert record["properties"]["fax"] is None
    assert "no_such_property" not in record["properties"]
    assert all(v is None or isinstance(v, str) for v in record["properties"].values())
    assert record["createdAt"] == "2026-01-01T00:00:00.000Z"
    assert record["updatedAt"] == record["properties"]["lastmodifieddate"]
    assert record["archived"] is False
    assert record["url"].endswith(f"/contacts/4242424/record/0-1/{FIRST}")


def test_row_2_default_properties_are_six_and_asked_for_ones_add_to_three(hubspot_portal):
    portal = hubspot_portal()
    six = {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert portal.get().json()["properties"].keys() == six
    assert portal.search().json()["results"][0]["properties"].keys() == six
    asked = portal.get(properties=["zip", "city"]).json()["properties"].keys()
    assert asked == {"createdate", "hs_object_id", "lastmodifieddate", "zip", "city"}


def test_row_2_every_record_of_the_population_is_a_contact(hubspot_portal):
    portal = hubspot_portal(40)
    for record in portal.server.population.records:
        names = {"linkedin_url": "hs_linkedin_url", "job_title": "jobtitle", "first_name": "firstname"}
        held = portal.get(record.id, properties=list(names.values())).json()["properties"]
        assert {n: held[p] or "" for n, p in names.items()} == {n: record.values.get(n, "") for n in names}


def test_row_6_a_list_pages_by_the_id_of_the_next_record_without_a_ceiling(hubspot_portal):
    portal = hubspot_portal(250)
    seen, after = [], None
    while True:
        answer = portal.ask("GET", "", params={"limit": 100, **({"after": after} if after else {})}).json()
        seen += [r["id"] for r in answer["results"]]
        if "paging" not in answer:
            break
        after = answer["paging"]["next"]["after"]
        assert int(after) == int(seen[-1]) + 1
        assert answer["paging"]["next"]["link"].startswith("http://127.0.0.1")
    assert seen == [str(1_000_001 + n) for n in range(250)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": 100}, 200),
        ({"limit": 101}, 400),
        ({"limit": 0}, 400),
        ({"limit": 50, "propertiesWithHistory": "email"}, 200),
        ({"limit": 51, "propertiesWithHistory": "email"}, 400),
        ({"after": "x"}, 400),
    ],
)
def test_row_6_a_list_has_at_most_a_hundred_and_fifty_with_history(hubspot_portal, query, status):
    assert hubspot_portal().ask("GET", "", params=query).status_code == status


def test_row_6_archived_contacts_are_listed_apart(hubspot_portal):
    portal = hubspot_portal()
    assert portal.ask("DELETE", FIRST).status_code == 204
    listed = portal.ask("GET", "", params={"limit": 100}).json()["results"]
    assert len(listed) == 11
    (gone,) = portal.ask("GET", "", params={"archived": "true"}).json()["results"]
    assert (gone["id"], gone["archived"]) == (FIRST, True)
    assert gone["archivedAt"] >= gone["updatedAt"]


def test_row_6_a_url_that_is_too_long_is_refused(hubspot_portal):
    portal = hubspot_portal()
    assert portal.get(properties=["firstname"] * 600).status_code == 200
    assert portal.get(properties=["firstname"] * 800).status_code == 414


def ids(count):
    return [{"id": str(1_000_001 + n)} for n in range(count)]


def test_row_7_a_batch_read_takes_a_hundred_and_fifty_with_history(hubspot_portal):
    portal = hubspot_portal(120)
    read = {"properties": ["email"], "propertiesWithHistory": []}
    assert len(portal.batch("read", ids(100), **read).json()["results"]) == 100
    assert portal.batch("read", ids(101), **read).status_code == 400
    told = {"properties": [], "propertiesWithHistory": ["email"]}
    assert portal.batch("read", ids(50), **told).status_code == 200
    refused = portal.batch("read", ids(51), **told)
    assert refused.status_code == 400
    assert refused.json()["message"].endswith("property histories is 50")


def test_row_7_missing_archived_and_merged_ids_are_named_beside_the_results(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(action="archive", id=SECOND)
    portal.edit(action="merge", primary=FIRST, other=THIRD)
    answer = portal.batch("read", [{"id": i} for i in (FIRST, SECOND, THIRD, "77")], properties=["zip"])
    body = answer.json()
    assert (answer.status_code, [r["id"] for r in body["results"]], body["numErrors"]) == (207, [FIRST], 1)
    (error,) = body["errors"]
    assert (error["category"], error["context"]["ids"]) == ("OBJECT_NOT_FOUND", [SECOND, THIRD, "77"])
    assert "links" not in error


def test_row_7_a_batch_can_be_read_by_email_and_not_by_a_property_that_is_not_unique(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "found@by.example"})
    answer = portal.batch("read", [{"id": "FOUND@by.example"}], idProperty="email", properties=[])
    assert answer.json()["results"][0]["id"] == FIRST
    refused = portal.batch("read", [{"id": "x"}], idProperty="company", properties=[])
    assert (refused.status_code, codes(refused)) == (400, ["INVALID_ID_PROPERTY"])


def test_row_7_a_batch_without_inputs_or_with_ids_that_are_no_text_is_refused(hubspot_portal):
    portal = hubspot_portal()
    assert portal.batch("read", []).status_code == 400
    assert portal.batch("read", [{"id": 7}]).status_code == 400
    assert portal.ask("POST", "batch/read", content=json.dumps([1])).status_code == 400
