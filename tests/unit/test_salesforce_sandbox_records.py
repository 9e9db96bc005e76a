"""Salesforce's sandbox, rows 1, 2, 3 and 11 of what it must reproduce: surfaces, ids, shapes and rights."""

from __future__ import annotations

import re

import pytest

from connectors.sandbox.salesforce.ids import long, make, suffix
from tests.salesforce_org import FIRST, SECOND, VERSION, code

CONSENT = {"HasOptedOutOfEmail", "DoNotCall"}


def described(org, kind="Contact", **more):
    return {f["name"]: f for f in org.ask("GET", f"sobjects/{kind}/describe", **more).json()["fields"]}


def test_row_1_versions_need_no_token_and_are_not_counted(salesforce_org):
    org = salesforce_org()
    answer = org.ask("GET", "/services/data/", token="")
    assert [v["version"] for v in answer.json()][-1] == "68.0"
    assert "Sforce-Limit-Info" not in answer.headers
    assert org.ask("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=1/100000"


@pytest.mark.parametrize(
    ("version", "status"),
    [("v31.0", 200), ("v68.0", 200), ("v30.0", 410), ("v69.0", 404), ("v67", 404), ("vX.0", 404)],
)
def test_row_1_a_retired_version_is_gone_and_an_unknown_one_not_found(salesforce_org, version, status):
    assert salesforce_org().ask("GET", f"/services/data/{version}/sobjects").status_code == status


def test_row_1_the_list_of_objects_names_those_of_the_org(salesforce_org):
    listed = salesforce_org().ask("GET", "sobjects").json()["sobjects"]
    assert {"Contact", "Lead", "Account", "User", "Individual", "Organization"} <= {o["name"] for o in listed}
    assert {o["keyPrefix"] for o in listed if o["name"] in ("Contact", "Lead")} == {"003", "00Q"}


def test_row_1_an_unknown_path_and_a_wrong_method_are_refused_as_arrays(salesforce_org):
    org = salesforce_org()
    assert (org.ask("GET", "nothing").status_code, code(org.ask("GET", "nothing"))) == (404, "NOT_FOUND")
    assert (org.ask("POST", "limits").status_code, code(org.ask("POST", "limits"))) == (
        405,
        "METHOD_NOT_ALLOWED",
    )
    assert org.ask("GET", "sobjects/Nothing/describe").status_code == 404


def test_row_1_a_record_is_made_changed_and_deleted(salesforce_org):
    org = salesforce_org()
    made = org.ask("POST", "sobjects/Contact", {"LastName": "Novak", "Email": "n@x.example"})
    assert (made.status_code, made.json()["success"]) == (201, True)
    number = made.json()["id"]
    assert org.patch({"Title": "CTO"}, number).status_code == 204
    assert org.value("Title", number) == "CTO"
    assert org.ask("DELETE", f"sobjects/Contact/{number}").status_code == 204
    gone = org.ask("GET", f"sobjects/Contact/{number}")
    assert (gone.status_code, gone.json()[0]["errorCode"], gone.json()[0]["fields"]) == (
        404,
        "ENTITY_IS_DELETED",
        [],
    )


def test_row_1_records_are_retrieved_in_the_order_asked_with_null_for_the_missing(salesforce_org):
    org = salesforce_org()
    org.edit(action="delete", id=SECOND)
    third = make("Contact", 1_000_003)
    asked = {"ids": [third, "003Sb0000000zzzAAA", SECOND, FIRST], "fields": ["Email", "LastName"]}
    found = org.ask("POST", "composite/sobjects/Contact", asked).json()
    assert [r and r["Id"] for r in found] == [third, None, None, FIRST]
    assert set(found[0]) == {"attributes", "Id", "Email", "LastName"}
    by_get = org.ask(
        "GET", "composite/sobjects/Contact", params={"ids": f"{third},{FIRST}", "fields": "Email"}
    )
    assert [r["Id"] for r in by_get.json()] == [third, FIRST]


def test_row_1_retrieving_an_unreadable_field_or_too_many_ids_is_refused(salesforce_org):
    org = salesforce_org()
    unknown = org.ask("POST", "composite/sobjects/Contact", {"ids": [FIRST], "fields": ["Nope"]})
    assert (unknown.status_code, code(unknown)) == (400, "INVALID_FIELD")
    many = org.ask("POST", "composite/sobjects/Contact", {"ids": [FIRST] * 2001, "fields": ["Email"]})
    assert many.status_code == 400


def test_row_1_fields_of_parents_are_read_by_ids_only_where_the_knob_says_so(salesforce_org):
    org = salesforce_org(30)
    (row,) = org.rows("SELECT Id, Account.Name FROM Contact WHERE AccountId != null LIMIT 1")
    asked = {"ids": [row["Id"]], "fields": ["Email", "Account.Name"]}
    assert code(org.ask("POST", "composite/sobjects/Contact", asked)) == "INVALID_FIELD"
    org.settle(retrieve_parents=True)
    (found,) = org.ask("POST", "composite/sobjects/Contact", asked).json()
    assert (found["Id"], found["Account"]["Name"]) == (row["Id"], row["Account"]["Name"])
    assert org.get(row["Id"], "Account.Name")["Account"] == row["Account"]


def test_row_1_the_users_and_the_organization_can_be_queried(salesforce_org):
    org = salesforce_org()
    assert org.rows("SELECT Id, Name FROM Organization")[0]["Id"] == org.server.settings["org"]
    names = [u["Username"] for u in org.rows("SELECT Username FROM User WHERE IsActive = true")]
    assert {"integration@sandbox.example", "import@sandbox.example", "rep0@sandbox.example"} <= set(names)


def test_row_1_people_can_be_leads_or_half_and_half(salesforce_org):
    leads = salesforce_org(20, people_as="leads")
    assert leads.query("SELECT COUNT() FROM Lead").json()["totalSize"] == 20
    assert all(r["Company"] and r["Status"] for r in leads.rows("SELECT Company, Status FROM Lead"))
    both = salesforce_org(20, people_as="both")
    sizes = [both.query(f"SELECT COUNT() FROM {kind}").json()["totalSize"] for kind in ("Contact", "Lead")]
    assert sizes == [10, 10]


def test_row_1_the_population_is_there_with_its_authors(salesforce_org):
    org = salesforce_org(60)
    users = {u["Id"]: u["Username"] for u in org.rows("SELECT Id, Username FROM User")}
    for order, record in enumerate(org.server.population.records):
        row = org.get(make("Contact", 1_000_001 + order))
        assert row["FirstName"] == record.values.get("first_name")
        assert row["Email"] == record.values.get("email")
        by_person = "person" in record.authors.values()
        assert users[row["LastModifiedById"]].startswith("rep" if by_person else "import")


def test_row_2_ids_have_a_check_and_are_accepted_short(salesforce_org):
    org = salesforce_org()
    assert long(FIRST[:15]) == FIRST
    assert org.get(FIRST[:15])["Id"] == FIRST
    assert suffix("001A0000006Vm9r") == "IAC"
    assert long(FIRST[:15].lower() + FIRST[15:]) is None


def test_row_2_names_are_taken_in_any_capitals_and_given_back_in_the_real_ones(salesforce_org):
    org = salesforce_org()
    (row,) = org.rows(f"select id, LASTNAME, account.NAME from contact where ID = '{FIRST}'")
    assert list(row) == ["attributes", "Id", "LastName", "Account"]
    assert org.ask("GET", f"sobjects/contact/{FIRST}").json()["attributes"]["type"] == "Contact"
    assert org.patch({"TITLE": "x"}).status_code == 204
    assert org.value("Title") == "x"


def test_row_3_attributes_come_first_with_the_version_asked_and_nulls_are_there(salesforce_org):
    org = salesforce_org()
    row = org.ask("GET", f"/services/data/v59.0/sobjects/Contact/{FIRST}").json()
    assert next(iter(row)) == "attributes"
    assert row["attributes"] == {"type": "Contact", "url": f"/services/data/v59.0/sobjects/Contact/{FIRST}"}
    assert row["Department"] is None


def test_row_3_times_have_zero_milliseconds_and_an_offset_without_colon(salesforce_org):
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", salesforce_org().value("SystemModstamp")
    )


def test_row_3_answers_can_be_pretty_and_packed(salesforce_org):
    org = salesforce_org()
    plain = org.ask("GET", "sobjects/Contact/describe", headers={"accept-encoding": "identity"})
    pretty = org.ask("GET", "sobjects/Contact/describe", headers={"x-prettyprint": "1"})
    packed = org.ask("GET", "sobjects/Contact/describe", headers={"accept-encoding": "gzip"})
    assert plain.headers["content-type"] == "application/json;charset=UTF-8"
    assert b"\n" not in plain.content and b"\n  " in pretty.content
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.json() == plain.json() == pretty.json()


def test_row_11_two_users_see_different_fields_and_everything_agrees(salesforce_org):
    org = salesforce_org(40)
    minimum = org.login("sandbox-minimum")
    assert set(described(org)) - set(described(org, token=minimum)) == CONSENT
    assert code(org.query("SELECT DoNotCall FROM Contact", token=minimum)) == "INVALID_FIELD"
    assert code(org.query("SELECT Id FROM Contact WHERE DoNotCall = false", token=minimum)) == "INVALID_FIELD"
    seen = org.rows("SELECT Id FROM Contact", token=minimum)[0]["Id"]
    assert "DoNotCall" not in org.get(seen, token=minimum)
    assert code(org.patch({"DoNotCall": True}, seen, token=minimum)) == "INVALID_FIELD"
    assert org.query("SELECT DoNotCall FROM Contact").status_code == 200


def test_row_11_two_users_see_different_rows_and_a_row_may_vanish_without_a_stamp(salesforce_org):
    org = salesforce_org(60)
    minimum = org.login("sandbox-minimum")
    everybody = {r["Id"] for r in org.rows("SELECT Id FROM Contact")}
    some = {r["Id"] for r in org.rows("SELECT Id FROM Contact", token=minimum)}
    assert some < everybody
    hidden = sorted(everybody - some)[0]
    assert org.ask("GET", f"sobjects/Contact/{hidden}", token=minimum).status_code == 404
    refused = org.update({"Id": hidden, "Title": "x"}, token=minimum).json()[0]["errors"][0]
    assert refused["statusCode"] == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
    stamp = org.value("SystemModstamp", sorted(some)[0])
    org.settle(users={"minimum": {"blind": [sorted(some)[0]]}})
    assert len(org.rows("SELECT Id FROM Contact", token=minimum)) == len(some) - 1
    assert org.value("SystemModstamp", sorted(some)[0]) == stamp


def test_row_11_a_record_that_is_only_readable_cannot_be_written(salesforce_org):
    org = salesforce_org(users={"integration": {"unwritable": [FIRST], "frozen": {"Contact": ["Title"]}}})
    assert org.get()["Id"] == FIRST
    answer = org.patch({"Email": "x@y.example"})
    assert (answer.status_code, code(answer)) == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    frozen = org.patch({"Title": "x"}, SECOND)
    assert (code(frozen), frozen.json()[0]["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Title"])
    assert described(org)["Title"]["updateable"] is False


def test_row_13_describe_has_the_lengths_and_flags_that_were_captured(salesforce_org):
    org = salesforce_org()
    fields = described(org)
    lengths = {
        n: fields[n]["length"] for n in ("LastName", "FirstName", "Email", "Phone", "Title", "MailingCity")
    }
    assert lengths == {
        "LastName": 80,
        "FirstName": 40,
        "Email": 80,
        "Phone": 40,
        "Title": 128,
        "MailingCity": 40,
    }
    assert fields["LastName"]["byteLength"] == 240
    assert (fields["Description"]["filterable"], fields["Description"]["sortable"]) == (False, False)
    assert (fields["Name"]["updateable"], fields["MailingAddress"]["updateable"]) == (False, False)
    assert (fields["LeadSource"]["restrictedPicklist"], fields["CleanStatus"]["restrictedPicklist"]) == (
        False,
        True,
    )
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert described(org, "Lead")["Company"]["length"] == 255


def test_row_14_a_description_is_not_sent_again_while_nothing_changed(salesforce_org):
    org = salesforce_org()
    first = org.ask("GET", "sobjects/Contact/describe")
    stamp = {"if-modified-since": first.headers["last-modified"]}
    assert org.ask("GET", "sobjects/Contact/describe", headers=stamp).status_code == 304
    org.advance(5)
    org.settle(users={"integration": {"hidden": {"Contact": ["Title"]}}})
    again = org.ask("GET", "sobjects/Contact/describe", headers=stamp)
    assert again.status_code == 200 and "Title" not in {f["name"] for f in again.json()["fields"]}
    assert (
        org.ask("GET", "sobjects/Contact/describe", headers={"if-modified-since": "soon"}).status_code == 400
    )


def test_the_path_of_the_version_lists_its_resources(salesforce_org):
    assert salesforce_org().ask("GET", "").json()["query"] == f"/services/data/{VERSION}/query"


def test_the_records_that_exist_now_are_named(salesforce_org):
    org = salesforce_org(6, people_as="both")
    org.edit(action="delete", id=org.rows("SELECT Id FROM Lead LIMIT 1")[0]["Id"])
    made = org.ask("POST", "sobjects/Contact", {"LastName": "New"}).json()["id"]
    known = org.server.record_ids()
    assert len(known) == 6 and made in known
