"""Salesforce's sandbox, rows 12 to 15 of what it must reproduce: collections, rules, preconditions, composites."""

from __future__ import annotations

from email.utils import format_datetime

import pytest

from connectors.sandbox.salesforce.ids import make
from tests.salesforce_org import FIRST, LEAD, SECOND, THIRD, code, statuses

V = "/services/data/v67.0"


def error(answer, at=0):
    """The first error of one record of a collection."""
    return answer.json()[at]["errors"][0]


def part(name, method="GET", url=f"/sobjects/Contact/{FIRST}", **more):
    return {"method": method, "url": f"{V}{url}", "referenceId": name, **more}


def composite(org, *parts, **more):
    return org.ask("POST", "composite", {"compositeRequest": list(parts), **more})


def test_row_12_results_come_in_order_and_a_failed_one_has_no_id(salesforce_org):
    org = salesforce_org()
    answer = org.update(
        {"Id": FIRST, "Title": "a"}, {"id": SECOND, "Nope": 1}, {"Title": "x"}, {"id": THIRD, "Title": "c"}
    )
    assert answer.status_code == 200
    assert statuses(answer) == ["ok", "INVALID_FIELD", "MISSING_ARGUMENT", "ok"]
    assert answer.json()[0] == {"id": FIRST, "success": True, "errors": []}
    assert set(answer.json()[1]) == {"success", "errors"}
    assert error(answer, 1)["fields"] == []
    assert [org.value("Title", i) for i in (FIRST, THIRD)] == ["a", "c"]


def test_row_12_all_or_none_rolls_everything_back(salesforce_org):
    org = salesforce_org()
    answer = org.update({"Id": FIRST, "Title": "a"}, {"Id": SECOND, "Nope": 1}, all_or_none=True)
    assert statuses(answer) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_FIELD"]
    assert org.value("Title") != "a"


def test_row_12_no_records_and_too_many_are_refused_in_the_other_shape(salesforce_org):
    org = salesforce_org()
    none = org.update()
    assert (none.status_code, code(none)) == (400, "REQUIRED_FIELD_MISSING")
    assert none.json()[0]["message"] == "At least 1 record is required"
    many = org.update(*[{"Id": FIRST, "Title": "x"}] * 201)
    assert (many.status_code, code(many)) == (400, "EXCEEDED_ID_LIMIT")
    assert org.ask("PATCH", "composite/sobjects", content=b"{").status_code == 400


def test_row_12_at_most_ten_runs_of_one_type(salesforce_org):
    org = salesforce_org(people_as="both")
    lead = org.rows("SELECT Id FROM Lead LIMIT 1")[0]["Id"]
    items = [
        {"attributes": {"type": "Lead" if n % 2 else "Contact"}, "Id": lead if n % 2 else FIRST, "Title": "x"}
        for n in range(11)
    ]
    assert org.update(*items).status_code == 400
    assert org.update(*items[:10]).status_code == 200


def test_row_12_records_are_created_and_deleted_in_collections(salesforce_org):
    org = salesforce_org()
    items = [
        {"attributes": {"type": "Contact"}, "LastName": "A"},
        {"attributes": {"type": "Contact"}, "FirstName": "B"},
    ]
    made = org.ask("POST", "composite/sobjects", {"records": items})
    assert statuses(made) == ["ok", "REQUIRED_FIELD_MISSING"]
    assert error(made, 1)["fields"] == ["LastName"]
    ids = f"{made.json()[0]['id']},{FIRST},003Sb0000000zzzAAA,bad"
    assert statuses(org.ask("DELETE", "composite/sobjects", params={"ids": ids})) == [
        "ok", "ok", "MALFORMED_ID", "MALFORMED_ID",
    ]  # fmt: skip
    assert org.rows(f"SELECT Id FROM Contact WHERE Id = '{FIRST}'") == []


def test_row_12_ids_that_are_wrong_are_told_apart(salesforce_org):
    org = salesforce_org()
    nobody = make("Contact", 7)
    answer = org.update(
        {"Id": "nonsense", "Title": "x"}, {"Id": nobody, "Title": "x"}, *[{"Id": FIRST, "Title": "x"}] * 2
    )
    assert statuses(answer) == ["MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY", "ok", "INVALID_ARGUMENT_TYPE"]
    single = org.patch({"Title": "x"}, "-1")
    assert (single.status_code, code(single)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("values", "status", "field"),
    [
        ({"LastName": "x" * 81}, "STRING_TOO_LONG", "LastName"),
        ({"Title": "ü" * 129}, "STRING_TOO_LONG", "Title"),
        ({"Email": "not an address"}, "INVALID_EMAIL_ADDRESS", "Email"),
        ({"Region__c": "Mars"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Region__c"),
        ({"LastName": None}, "REQUIRED_FIELD_MISSING", "LastName"),
        ({"LastName": "  "}, "REQUIRED_FIELD_MISSING", "LastName"),
        ({"SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "SystemModstamp"),
        ({"MailingAddress": {"city": "x"}}, "INVALID_FIELD_FOR_INSERT_UPDATE", "MailingAddress"),
        ({"Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE", "Name"),
        ({"DoNotCall": "perhaps"}, "JSON_PARSER_ERROR", "DoNotCall"),
        ({"Enriched_At__c": "yesterday"}, "JSON_PARSER_ERROR", "Enriched_At__c"),
        ({"Score__c": "many"}, "JSON_PARSER_ERROR", "Score__c"),
        ({"AccountId": FIRST}, "MALFORMED_ID", "AccountId"),
    ],
)
def test_row_13_values_that_a_field_cannot_have(salesforce_org, values, status, field):
    org = salesforce_org()
    answer = org.update({"Id": FIRST, **values})
    assert statuses(answer) == [status]
    assert error(answer)["fields"] == [field]
    single = org.patch(values)
    assert (single.status_code, code(single), single.json()[0]["fields"]) == (400, status, [field])


def test_row_13_length_counts_characters_and_an_unrestricted_picklist_takes_anything(salesforce_org):
    org = salesforce_org()
    assert org.patch({"Title": "ü" * 128, "LeadSource": "Invented", "Score__c": "2.5"}).status_code == 204
    row = org.get()
    assert (row["Title"], row["LeadSource"], row["Score__c"]) == ("ü" * 128, "Invented", 2.5)


def test_row_13_blanks_are_null_and_text_is_trimmed(salesforce_org):
    org = salesforce_org()
    org.patch({"Title": "  CTO ", "Department": "", "Enriched_At__c": "2026-03-04T05:06:07+01:00"})
    row = org.get()
    assert (row["Title"], row["Department"]) == ("CTO", None)
    assert row["Enriched_At__c"] == "2026-03-04T04:06:07.000+0000"


def test_row_13_the_orgs_own_rules_refuse_with_their_own_words(salesforce_org):
    org = salesforce_org(
        validation_rules=[{"when": {"Title": "Chief"}, "message": "No chiefs please", "field": "Title"}],
        failing_triggers=[{"when": {"Title": "Boom"}, "message": "trigger failed: UNABLE_TO_LOCK_ROW"}],
    )
    answer = org.update(
        {"Id": FIRST, "Title": "Chief"}, {"Id": SECOND, "Title": "Boom"}, {"Id": THIRD, "Title": "CFO"}
    )
    assert statuses(answer) == [
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "ok",
    ]
    assert error(answer) == {
        "statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "No chiefs please", "fields": ["Title"],
    }  # fmt: skip


@pytest.mark.parametrize(("mode", "saved"), [("block", False), ("alert", True)])
def test_row_13_a_duplicate_rule_blocks_or_can_be_overruled_where_it_alerts(salesforce_org, mode, saved):
    org = salesforce_org()
    org.edit(id=FIRST, properties={"Email": "same@x.example"})
    org.settle(duplicate_rules=[{"object": "Contact", "field": "Email", "mode": mode}])
    assert statuses(org.update({"Id": FIRST, "Email": "same@x.example"})) == ["ok"]
    change = {"Id": SECOND, "Email": "SAME@x.example"}
    assert statuses(org.update(change)) == ["DUPLICATES_DETECTED"]
    overruled = org.update(change, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})
    assert statuses(overruled) == ["ok" if saved else "DUPLICATES_DETECTED"]


def test_row_13_children_of_a_locked_account_cannot_be_written_and_the_others_can(salesforce_org):
    org = salesforce_org(40)
    rows = org.rows("SELECT Id, AccountId FROM Contact WHERE AccountId != null")
    parent = rows[0]["AccountId"]
    org.settle(locked_parents=[parent])
    answer = org.update(*({"Id": r["Id"], "Title": "x"} for r in rows))
    expected = ["UNABLE_TO_LOCK_ROW" if r["AccountId"] == parent else "ok" for r in rows]
    assert statuses(answer) == expected
    assert "ok" in expected
    org.settle(locked_parents=[])
    assert set(statuses(org.update(*({"Id": r["Id"], "Title": "y"} for r in rows)))) == {"ok"}


def test_row_13_locks_can_come_by_chance(salesforce_org):
    org = salesforce_org(150, lock_rate=0.5)
    ids = [r["Id"] for r in org.rows("SELECT Id FROM Contact")]
    told = statuses(org.update(*({"Id": i, "Title": "x"} for i in ids)))
    assert set(told) == {"ok", "UNABLE_TO_LOCK_ROW"}


def test_row_13_a_record_in_approval_is_locked_for_editing(salesforce_org):
    org = salesforce_org()
    org.edit(action="approval", id=FIRST)
    assert statuses(org.update({"Id": FIRST, "Title": "x"})) == ["ENTITY_IS_LOCKED"]
    org.edit(action="release", id=FIRST)
    assert statuses(org.update({"Id": FIRST, "Title": "x"})) == ["ok"]


@pytest.mark.parametrize(("honoured", "status"), [("honour", 412), ("ignore", 204)])
def test_row_14_a_precondition_on_a_changed_record_is_honoured_or_ignored(salesforce_org, honoured, status):
    org = salesforce_org(if_unmodified_since=honoured)
    seen = {"If-Unmodified-Since": format_datetime(org.server.clock.now(), usegmt=True)}
    org.advance(1)
    org.edit(id=FIRST, properties={"Title": "theirs"})
    assert org.patch({"Title": "ours"}, headers=seen).status_code == status


def test_row_14_the_equal_second_and_system_changes_pass_and_a_bad_date_does_not(salesforce_org):
    org = salesforce_org()
    org.edit(id=FIRST, properties={"Title": "theirs"})
    seen = {"If-Unmodified-Since": format_datetime(org.server.clock.now(), usegmt=True)}
    assert org.patch({"Title": "ours"}, headers=seen).status_code == 204
    org.advance(5)
    org.edit(action="activity", id=FIRST)
    assert org.patch({"Title": "again"}, headers=seen).status_code == 204
    assert org.patch({"Title": "x"}, headers={"If-Unmodified-Since": "soon"}).status_code == 400


def test_row_14_a_record_is_read_under_conditions(salesforce_org):
    org = salesforce_org()
    first = org.ask("GET", f"sobjects/Contact/{FIRST}")
    since = {"if-modified-since": first.headers["last-modified"]}
    assert org.ask("GET", f"sobjects/Contact/{FIRST}", headers=since).status_code == 304
    org.edit(id=FIRST, properties={"Title": "x"})
    assert org.ask("GET", f"sobjects/Contact/{FIRST}", headers=since).status_code == 200
    unless = {"if-unmodified-since": first.headers["last-modified"]}
    assert org.ask("GET", f"sobjects/Contact/{FIRST}", headers=unless).status_code == 412


def test_row_15_conditional_parts_succeed_and_fail_each_by_itself(salesforce_org):
    org = salesforce_org()
    seen = {"If-Unmodified-Since": format_datetime(org.server.clock.now(), usegmt=True)}
    org.advance(10)
    org.edit(id=FIRST, properties={"Title": "theirs"})
    answer = composite(
        org,
        part("a", "PATCH", body={"Title": "ours"}, httpHeaders=seen),
        part("b", "PATCH", f"/sobjects/Contact/{SECOND}", body={"Title": "ours"}, httpHeaders=seen),
        part("c", "PATCH", f"/sobjects/Contact/{THIRD}", body={"Nope": 1}),
    )
    told = answer.json()["compositeResponse"]
    assert answer.status_code == 200
    assert [(p["referenceId"], p["httpStatusCode"]) for p in told] == [("a", 412), ("b", 204), ("c", 400)]
    assert told[1]["body"] is None and told[2]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert (org.value("Title", FIRST), org.value("Title", SECOND)) == ("theirs", "ours")


def test_row_15_all_or_none_takes_everything_back(salesforce_org):
    org = salesforce_org()
    before = org.get()
    org.advance(5)
    answer = composite(
        org,
        part("a", "PATCH", body={"Title": "ours"}),
        part("n", "POST", "/sobjects/Contact", body={"LastName": "New"}),
        part("b", "PATCH", f"/sobjects/Contact/{SECOND}", body={"Nope": 1}),
        part("c"),
        allOrNone=True,
    )
    told = answer.json()["compositeResponse"]
    codes = [p["body"][0]["errorCode"] for p in told]
    assert codes == ["PROCESSING_HALTED", "PROCESSING_HALTED", "INVALID_FIELD", "PROCESSING_HALTED"]
    assert org.get() == before
    assert org.rows("SELECT Id FROM Contact WHERE LastName = 'New'") == []
    assert (
        org.rows(f"SELECT Id FROM ContactHistory WHERE ContactId = '{FIRST}' AND CreatedDate = TODAY") == []
    )
    assert org.server.books.writes == []


def test_row_15_parts_may_refer_to_earlier_results(salesforce_org):
    org = salesforce_org()
    answer = composite(
        org,
        part("q", url=f"/query?q=SELECT+Id+FROM+Contact+WHERE+Id='{SECOND}'"),
        part("p", "PATCH", "/sobjects/Contact/@{q.records[0].Id}", body={"Title": "from @{q.records[0].Id}"}),
        part("x", url="/sobjects/Contact/@{nobody.id}"),
    )
    assert [p["httpStatusCode"] for p in answer.json()["compositeResponse"]] == [200, 204, 400]
    assert org.value("Title", SECOND) == f"from {SECOND}"


def test_row_15_limits_and_forbidden_headers_refuse_the_whole(salesforce_org):
    org = salesforce_org()
    gets = [part(f"r{n}") for n in range(26)]
    assert composite(org, *gets).status_code == 400
    assert composite(org, *gets[:25]).status_code == 200
    queries = [part(f"q{n}", url="/query?q=SELECT+COUNT()+FROM+Contact") for n in range(6)]
    assert composite(org, *queries).status_code == 400
    assert composite(org, *queries[:5]).status_code == 200
    assert composite(org, part("a", httpHeaders={"Accept": "text/csv"})).status_code == 400
    assert composite(org).status_code == 400


@pytest.mark.parametrize("odd", [None, True, 5, "x", [], [1], {}, {"type": 5}])
def test_odd_json_is_refused_and_breaks_nothing(salesforce_org, odd):
    org = salesforce_org(3)
    answers = [
        org.ask("PATCH", "composite/sobjects", {"records": [{"attributes": odd, "Id": FIRST}]}),
        org.ask("PATCH", "composite/sobjects", {"records": odd}),
        org.ask("POST", "composite", {"compositeRequest": odd}),
        composite(org, part("a", httpHeaders=odd, body=odd, method="PATCH")),
        org.ask("POST", "jobs/query", {"operation": odd, "query": odd}),
        org.update({"Id": FIRST, "LastName": [odd]}),
    ]
    assert all(a.status_code in (200, 400) for a in answers)
    assert org.value("LastName")


def test_row_15_a_batch_answers_each_part_and_can_halt(salesforce_org):
    org = salesforce_org()
    parts = [
        {"method": "PATCH", "url": f"v67.0/sobjects/Contact/{FIRST}", "richInput": {"Title": "x"}},
        {"method": "GET", "url": "v67.0/sobjects/Contact/-1"},
        {"method": "GET", "url": f"v67.0/sobjects/Contact/{FIRST}?fields=Title"},
    ]
    answer = org.ask("POST", "composite/batch", {"batchRequests": parts}).json()
    assert answer["hasErrors"] is True
    assert [r["statusCode"] for r in answer["results"]] == [204, 404, 200]
    assert answer["results"][2]["result"]["Title"] == "x"
    halted = org.ask("POST", "composite/batch", {"batchRequests": parts, "haltOnError": True}).json()
    assert [r["statusCode"] for r in halted["results"]] == [204, 404, 412]


def test_an_equal_value_moves_the_stamps_or_not_by_knob(salesforce_org):
    for knob, moves in (("touch", True), ("no_op", False)):
        org = salesforce_org(same_value=knob)
        org.patch({"Title": "x"})
        before = org.get()
        org.advance(60)
        org.patch({"Title": "x"})
        assert (org.value("SystemModstamp") > before["SystemModstamp"]) is moves


def test_the_books_say_who_was_written_over_and_what_changed_nothing(salesforce_org):
    org = salesforce_org()
    org.edit(id=FIRST, properties={"Title": "hand", "Department": "import"}, author="person")
    org.edit(id=FIRST, properties={"Department": "x"}, author="import")
    org.edit(id=FIRST, properties={"MailingState": ""}, author="person")
    org.update({"Id": FIRST, "Title": "ours", "Department": "ours", "Fax": "1"})
    org.update({"Id": FIRST, "Title": "ours", "Fax": "2"})
    told = [(w.property, w.overwrote, w.no_op) for w in org.server.books.writes]
    assert told == [
        ("Title", "person", False), ("Department", "import", False), ("Fax", "", False),
        ("Title", "", True), ("Fax", "self", False),
    ]  # fmt: skip
    shown = org.server.books.shown(summary=True)
    assert (shown["human_edits_overwritten"], shown["no_op_writes"]) == (1, 1)


def test_a_lead_needs_its_company_and_becomes_open(salesforce_org):
    org = salesforce_org(people_as="leads")
    refused = org.ask("POST", "sobjects/Lead", {"LastName": "A"})
    assert (code(refused), refused.json()[0]["fields"]) == ("REQUIRED_FIELD_MISSING", ["Company"])
    made = org.ask("POST", "sobjects/Lead", {"LastName": "A", "Company": "B"}).json()["id"]
    assert org.value("Status", made, "Lead") == "Open - Not Contacted"
    assert org.patch({"Status": "Working - Contacted"}, LEAD, "Lead").status_code == 204
