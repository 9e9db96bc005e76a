"""HubSpot's sandbox, rows 16 and 18 of what it must reproduce, and its doors: tokens, account, books, edits."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from connectors.sandbox.hubspot import Server
from connectors.sandbox.population import Population
from connectors.sandbox.settings import BadSetting
from tests.hubspot_portal import DATED, FIRST, V3


def refresh(portal, path="/oauth/v1/token", **change):
    form = {
        "grant_type": "refresh_token",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
        **change,
    }
    return portal.ask("POST", path, token="", content=urlencode(form))


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/v3/token", "/oauth/2026-09/token"])
def test_row_16_a_refresh_token_is_good_for_an_access_token_of_thirty_minutes(hubspot_portal, path):
    portal = hubspot_portal()
    issued = refresh(portal, path).json()
    assert (issued["expires_in"], issued["refresh_token"]) == (1800, "sandbox-refresh")
    assert portal.ask("GET", FIRST, token=issued["access_token"]).status_code == 200
    portal.advance(1801)
    late = portal.ask("GET", FIRST, token=issued["access_token"])
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")


@pytest.mark.parametrize(
    "change",
    [{"grant_type": "password"}, {"client_secret": "no"}, {"refresh_token": "no"}, {"client_id": "no"}],
)
def test_row_16_a_refresh_with_anything_wrong_is_refused(hubspot_portal, change):
    assert refresh(hubspot_portal(), **change).status_code == 400


def test_row_16_a_rotating_refresh_token_is_good_once(hubspot_portal):
    portal = hubspot_portal(oauth={"rotate": True})
    second = refresh(portal).json()["refresh_token"]
    assert second != "sandbox-refresh"
    assert refresh(portal).status_code == 400
    assert refresh(portal, refresh_token=second).status_code == 200


def test_row_16_the_token_endpoint_has_a_limit_and_says_how_long(hubspot_portal):
    portal = hubspot_portal(limits={"token_ten_secondly": 1})
    assert refresh(portal).status_code == 200
    limited = refresh(portal)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "10")


def test_row_16_a_token_tells_which_app_and_portal_it_is_for(hubspot_portal):
    portal = hubspot_portal(app_id="555")
    issued = refresh(portal).json()["access_token"]
    assert portal.ask("GET", f"/oauth/v1/access-tokens/{issued}").json()["app_id"] == 555
    body = {"tokenKey": "sandbox-hubspot-key"}
    told = portal.ask("POST", "/oauth/v2/private-apps/get/access-token-info", body).json()
    assert (told["appId"], told["hubId"]) == (555, 4242424)
    assert portal.ask("GET", "/oauth/v1/access-tokens/unknown").status_code == 404


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_row_16_the_account_tells_its_portal_zone_type_and_usage(hubspot_portal, version):
    portal = hubspot_portal(portal=77, account_type="STANDARD", limits="documented")
    details = portal.ask("GET", f"/account-info/{version}/details").json()
    assert (details["portalId"], details["accountType"], details["timeZone"]) == (
        77,
        "STANDARD",
        "US/Eastern",
    )
    assert details["utcOffsetMilliseconds"] in (-14_400_000, -18_000_000)
    usage = portal.ask("GET", f"/account-info/{version}/api-usage/daily/private-apps").json()["results"][0]
    assert (usage["usageLimit"], usage["currentUsage"]) == (625_000, 2)


def book(portal):
    return portal.ask("GET", "/_sandbox/books").json()


def test_row_18_the_books_name_each_property_written_and_writes_that_changed_nothing(hubspot_portal):
    portal = hubspot_portal()
    portal.patch({"zip": "1", "fax": "2"})
    portal.patch({"zip": "1", "email": "NEW@a.example"})
    portal.patch({"email": "new@A.example"})
    told = book(portal)
    assert [(w["property"], w["no_op"], w["author"]) for w in told["writes"]] == [
        ("zip", False, "app 91234"),
        ("fax", False, "app 91234"),
        ("zip", True, "app 91234"),
        ("email", False, "app 91234"),
        ("email", True, "app 91234"),
    ]
    assert (told["writes_count"], told["no_op_writes"]) == (5, 2)


@pytest.mark.parametrize("value", ["by hand", ""])
def test_row_18_a_person_s_value_or_blank_that_is_overwritten_is_counted(hubspot_portal, value):
    portal = hubspot_portal()
    portal.patch({"zip": "ours"})
    portal.edit(id=FIRST, properties={"zip": value})
    portal.patch({"zip": "ours again"})
    assert book(portal)["human_edits_overwritten"] == 1
    assert [w["overwrote"] for w in book(portal)["writes"]] == ["", "person"]


def test_row_18_sending_a_person_s_own_value_back_overwrites_nothing_unless_it_takes_the_authorship(
    hubspot_portal,
):
    for variant, overwritten in (("no_op", 0), ("touch", 0), ("history", 1)):
        portal = hubspot_portal(same_value=variant)
        portal.edit(id=FIRST, properties={"zip": "by hand"})
        portal.patch({"zip": "by hand"})
        told = book(portal)
        assert (told["no_op_writes"], told["human_edits_overwritten"]) == (1, overwritten)


@pytest.mark.parametrize("author", ["import", "workflow", "integration", "enrichment"])
def test_row_18_what_others_than_people_wrote_is_named_and_not_counted_as_theirs(hubspot_portal, author):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"zip": "x"}, author=author)
    portal.patch({"zip": "y"})
    portal.patch({"zip": "z"})
    assert [w["overwrote"] for w in book(portal)["writes"]] == [author, "self"]
    assert book(portal)["human_edits_overwritten"] == 0


def test_row_18_edits_from_outside_and_refused_writes_are_not_in_the_books(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"zip": "x"})
    portal.patch({"zip": "y", "no_such": "z"})
    assert book(portal)["writes_count"] == 0


def test_row_18_the_journal_has_every_request_with_its_template_and_status(hubspot_portal):
    portal = hubspot_portal()
    portal.get()
    portal.get("77")
    portal.ask("POST", f"{DATED}/search", {})
    rows = portal.ask("GET", "/_sandbox/journal").json()["requests"]
    assert [(r["method"], r["path"], r["status"]) for r in rows] == [
        ("GET", f"{V3}/{{id}}", 200),
        ("GET", f"{V3}/{{id}}", 404),
        ("POST", f"{DATED}/search", 200),
    ]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"id": "77", "properties": {}}, "no such contact"),
        ({"email": "nobody@a.example", "properties": {}}, "no such contact"),
        ({"id": FIRST}, "properties is a JSON object"),
        ({"id": FIRST, "properties": {"no_such": "1"}}, "does not exist"),
        ({"id": FIRST, "properties": {"lifecyclestage": "Lead"}}, "INVALID_OPTION"),
        ({"id": FIRST, "properties": {"zip": 5}}, "zip is text"),
        ({"id": FIRST, "properties": {"zip": "1"}, "as": "ghost"}, "as is one of person"),
        ({"id": FIRST, "properties": {"zip": "1"}, "user": "me"}, "user is a whole number"),
        ({"id": FIRST, "values": {}}, "an edit has no values"),
        ({"action": "explode"}, "action is one of"),
        ({"action": "restore", "id": FIRST}, "recycle bin"),
        ({"action": "merge", "primary": FIRST, "other": FIRST}, "two different contacts"),
        ({"action": "recalculate", "property": "zip", "value": "1"}, "calculated"),
        ({"action": "bulk_touch", "at": "noon"}, "at is an ISO time"),
    ],
)
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(hubspot_portal, edit, said):
    answer = hubspot_portal().ask("POST", "/_sandbox/edit", edit)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_an_edit_names_its_contact_by_email_and_may_set_what_the_api_may_not(hubspot_portal):
    portal = hubspot_portal()
    portal.edit(id=FIRST, properties={"email": "by@email.example", "hs_email_optout": "true"})
    told = portal.edit(email="BY@email.example", properties={"zip": "1"})
    assert told == {"id": FIRST, "changed": ["zip"]}
    assert portal.value("hs_email_optout") == "true"


def test_an_edit_with_the_present_value_changes_nothing(hubspot_portal):
    portal = hubspot_portal(same_value="history")
    portal.edit(id=FIRST, properties={"zip": "1"})
    before = portal.get().json()
    portal.advance(5)
    assert portal.edit(id=FIRST, properties={"zip": "1"})["changed"] == []
    assert portal.get().json() == before


def test_others_can_make_contacts_whose_address_must_be_free(hubspot_portal):
    portal = hubspot_portal()
    made = portal.edit(action="create", properties={"email": "a@b.example"}, author="form")
    assert portal.history("email", made["id"])[0]["sourceType"] == "FORM"
    again = {"action": "create", "properties": {"email": "A@b.example"}}
    assert portal.ask("POST", "/_sandbox/edit", again).status_code == 400


@pytest.mark.parametrize(
    "settings",
    [
        {"tokens": ["a"]}, {"tokens": {"a": {"scope": []}}}, {"tokens": {"a": 7}}, {"limits": "few"},
        {"limits": {"hourly": 1}}, {"limits": {"daily": -1}}, {"lag_s": -1}, {"lag_tail": 2}, {"disorder": "some"},
        {"same_value": "yes"}, {"trace_ids": True}, {"time_zone": "Mars/Olympus"}, {"dated_versions": ["v4"]},
        {"write_rules": [{"when": {}}]}, {"deaf": "zip"}, {"background": {"x": 1}}, {"dated_batch_status": 201},
        {"history_depth": 0}, {"shuffle": "no"}, {"oauth": {"secret": "x"}}, {"portal": "x"},
    ],
)  # fmt: skip
def test_a_knob_with_a_value_that_it_cannot_have_is_refused_and_nothing_changes(hubspot_portal, settings):
    portal = hubspot_portal()
    before = json.dumps(portal.server.settings)
    with pytest.raises(BadSetting):
        portal.settle(**settings)
    assert json.dumps(portal.server.settings) == before


def test_an_export_s_labels_become_hubspot_s_own_values_and_other_text_stays(hubspot_portal, tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        "Record ID,Last Name,Lifecycle Stage,Unsubscribed from all email,Lead Status\n"
        "5,Ek,Marketing Qualified Lead,Yes,OPEN\n6,Bo,Our own stage,,Bad timing\n"
    )
    portal = hubspot_portal()
    portal.server = Server(Population.load(path), {"limits": "off"})
    values = portal.get("5", properties="lifecyclestage,hs_email_optout,hs_lead_status").json()["properties"]
    assert values["lifecyclestage"] == "marketingqualifiedlead"
    assert (values["hs_email_optout"], values["hs_lead_status"]) == ("true", "OPEN")
    assert portal.value("lifecyclestage", "6") == "Our own stage"
    assert portal.value("hs_lead_status", "6") == "BAD_TIMING"
