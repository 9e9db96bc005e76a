"""Salesforce's sandbox, rows 7 to 10 of what it must reproduce: pages, undefined order, SOQL and its errors."""

from __future__ import annotations

import pytest

from tests.salesforce_org import FIRST, SECOND, THIRD, code, utc


def ids(rows):
    return [r["Id"] for r in rows]


def pages(org, soql, what="query", **more):
    """The rows of every page."""
    found = [org.query(soql, what, **more).json()]
    while not found[-1]["done"]:
        found.append(org.ask("GET", found[-1]["nextRecordsUrl"], **more).json())
    return [page["records"] for page in found]


def test_row_7_a_page_has_2000_rows_and_leads_to_the_next(salesforce_org):
    org = salesforce_org(4100)
    first = org.query("SELECT Id FROM Contact").json()
    assert (first["totalSize"], first["done"], len(first["records"])) == (4100, False, 2000)
    assert first["nextRecordsUrl"].startswith("/services/data/v67.0/query/0r8")
    assert first["nextRecordsUrl"].endswith("-2000")
    found = pages(org, "SELECT Id FROM Contact")
    assert [len(p) for p in found] == [2000, 2000, 100]
    assert len(set(ids(r for p in found for r in p))) == 4100


@pytest.mark.parametrize(("asked", "size"), [(200, 200), (500, 500), (10, 200), (9000, 700)])
def test_row_7_the_size_of_a_page_can_be_wished_for_within_bounds(salesforce_org, asked, size):
    org = salesforce_org(700)
    answer = org.query("SELECT Id FROM Contact", headers={"Sforce-Query-Options": f"batchSize={asked}"})
    assert len(answer.json()["records"]) == size


def test_row_7_a_page_may_be_shorter_than_asked_and_nobody_is_lost(salesforce_org):
    org = salesforce_org(900, short_pages=True)
    found = pages(org, "SELECT Id FROM Contact", headers={"Sforce-Query-Options": "batchSize=200"})
    assert all(len(p) < 200 for p in found)
    assert len(set(ids(r for p in found for r in p))) == 900


def test_row_7_a_locator_lives_two_days_and_belongs_to_its_user(salesforce_org):
    org = salesforce_org(500)
    more = org.query("SELECT Id FROM Contact", headers={"Sforce-Query-Options": "batchSize=200"}).json()[
        "nextRecordsUrl"
    ]
    assert org.ask("GET", more).status_code == 200
    stranger = org.ask("GET", more, token=org.login("sandbox-minimum"))
    assert (stranger.status_code, code(stranger)) == (400, "INVALID_QUERY_LOCATOR")
    org.advance(172_801)
    org.token = org.login()
    assert code(org.ask("GET", more)) == "INVALID_QUERY_LOCATOR"
    assert code(org.ask("GET", "query/0r8000000000000AAA-2000")) == "INVALID_QUERY_LOCATOR"


def test_row_8_without_an_order_the_rows_come_in_none(salesforce_org):
    org = salesforce_org(300)
    first, second = (ids(org.rows("SELECT Id FROM Contact")) for _ in range(2))
    assert first != second and first != sorted(first)
    assert sorted(first) == sorted(second)


def test_row_8_ties_of_an_order_come_in_no_order(salesforce_org):
    org = salesforce_org(300)
    org.edit(action="bulk_touch", count=300)
    first, second = (ids(org.rows("SELECT Id FROM Contact ORDER BY SystemModstamp")) for _ in range(2))
    assert first != second
    tied = ids(org.rows("SELECT Id FROM Contact ORDER BY SystemModstamp, Id"))
    assert tied == sorted(tied)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Title = 'head of sales'", {FIRST}),
        ("Title != 'Head of Sales'", {SECOND, THIRD}),
        ("Title <> null", {FIRST, SECOND}),
        ("Title = null", {THIRD}),
        ("Title = ''", {THIRD}),
        ("Title LIKE 'head%'", {FIRST}),
        ("Title LIKE '%of_sales'", {FIRST}),
        (r"Title LIKE '100\%%'", {SECOND}),
        (r"Title LIKE '100_%'", {SECOND}),
        ("Title IN ('Head of Sales', '100% remote')", {FIRST, SECOND}),
        ("Title NOT IN ('Head of Sales')", {SECOND, THIRD}),
        ("NOT Title = null", {FIRST, SECOND}),
        ("(Title = null OR Title LIKE 'h%') AND Do_Not_Enrich__c = false", {FIRST}),
        ("Do_Not_Enrich__c = true", {THIRD}),
        ("Score__c >= 2.5 AND Score__c < 4", {FIRST}),
        ("Score__c > 4", {SECOND}),
        (f"Id > '{FIRST}'", {SECOND, THIRD}),
        (f"Id IN ('{FIRST[:15]}', '{THIRD}')", {FIRST, THIRD}),
        (r"Department = 'O\'Brien \"x\" \\ \u0041'", {SECOND}),
        ("LastActivityDate = TODAY", {FIRST}),
        ("LastActivityDate < TODAY", set()),
        ("LastActivityDate = LAST_N_DAYS:3", {FIRST}),
        ("LastActivityDate = YESTERDAY", set()),
        ("Contact.Title = '100% remote'", {SECOND}),
    ],
)
def test_row_9_conditions(salesforce_org, condition, expected):
    org = salesforce_org(3, same_value="no_op")
    org.edit(id=FIRST, properties={"Title": "Head of Sales", "Score__c": 3})
    org.edit(id=SECOND, properties={"Title": "100% remote", "Score__c": 5, "Department": 'O\'Brien "x" \\ A'})
    org.edit(id=THIRD, properties={"Title": "", "Do_Not_Enrich__c": True})
    org.edit(id=FIRST, properties={"Do_Not_Enrich__c": False})
    org.edit(id=SECOND, properties={"Do_Not_Enrich__c": False})
    org.edit(action="activity", id=FIRST)
    assert set(ids(org.rows(f"SELECT Id FROM Contact WHERE {condition}"))) == expected


def test_row_9_times_compare_with_z_offsets_and_milliseconds(salesforce_org):
    org = salesforce_org(30)
    org.edit(id=FIRST, properties={"Title": "new"})
    now = int(org.server.clock.time())
    for literal in (utc(now), utc(now).replace("Z", ".000Z"), utc(now + 7200).replace("Z", "%2B02:00")):
        text = literal.replace("%2B", "+")
        assert ids(org.rows(f"SELECT Id FROM Contact WHERE SystemModstamp >= {text}")) == [FIRST]
    assert org.rows("SELECT Id FROM Contact WHERE SystemModstamp = TODAY")[0]["Id"] == FIRST


def test_row_9_the_keyset_of_stamp_and_id_reads_everybody_once(salesforce_org):
    org = salesforce_org(450)
    org.edit(action="bulk_touch", count=300)
    seen, last = [], None
    while True:
        condition = ""
        if last:
            stamp = last["SystemModstamp"].replace("+0000", "Z")
            condition = (
                f"WHERE (SystemModstamp = {stamp} AND Id > '{last['Id']}') OR SystemModstamp > {stamp} "
            )
        rows = org.rows(
            f"SELECT Id, SystemModstamp FROM Contact {condition}ORDER BY SystemModstamp, Id LIMIT 100"
        )
        if not rows:
            break
        seen += ids(rows)
        last = rows[-1]
    assert len(seen) == len(set(seen)) == 450


def test_row_9_orders_with_nulls_limits_and_offsets(salesforce_org):
    org = salesforce_org(3)
    org.edit(id=FIRST, properties={"Department": "b", "Score__c": 1})
    org.edit(id=SECOND, properties={"Department": "A", "Score__c": 1})
    ask = "SELECT Id FROM Contact ORDER BY "
    assert ids(org.rows(f"{ask}Department")) == [THIRD, SECOND, FIRST]
    assert ids(org.rows(f"{ask}Department DESC NULLS LAST")) == [FIRST, SECOND, THIRD]
    assert ids(org.rows(f"{ask}Score__c NULLS LAST, Id DESC")) == [SECOND, FIRST, THIRD]
    assert ids(org.rows(f"{ask}Id LIMIT 1 OFFSET 1")) == [SECOND]
    assert org.rows(f"{ask}Id LIMIT 0") == []


def test_row_9_parents_are_objects_or_null_and_may_be_filtered_by(salesforce_org):
    org = salesforce_org(40)
    rows = org.rows("SELECT Id, Account.Name, Account.Owner.Username, LastModifiedBy.Name FROM Contact")
    with_account = next(r for r in rows if r["Account"])
    assert with_account["Account"]["attributes"]["type"] == "Account"
    assert with_account["Account"]["Owner"]["Username"].startswith("rep")
    assert any(r["Account"] is None for r in rows)
    name = with_account["Account"]["Name"].upper()
    found = org.rows(
        f"SELECT Id, Account.Name FROM Contact WHERE Account.Name = '{name}' ORDER BY Account.Name"
    )
    assert {r["Account"]["Name"] for r in found} == {with_account["Account"]["Name"]}


def test_row_9_counting_has_no_records_and_standard_fields_no_custom_ones(salesforce_org):
    org = salesforce_org(7)
    assert org.query("SELECT COUNT() FROM Contact").json() == {"totalSize": 7, "done": True, "records": []}
    (row,) = org.rows("SELECT FIELDS(STANDARD) FROM Contact LIMIT 1")
    assert "Email" in row and not any(name.endswith("__c") for name in row)


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT * FROM Contact", "SELECT Id FROM Contact WHERE Id IN ()", "SELECT Id Contact", "SELECT FROM Contact",
        "SELECT Id FROM Contact WHERE Title = 'a' AND Email = 'b' OR Phone = 'c'", "SELECT Id FROM Contact LIMIT x",
        "SELECT Id FROM Contact garbage", "SELECT Id FROM Contact WHERE Title == 'a'", "SELECT COUNT(Id) FROM Contact",
        "SELECT Id FROM Contact GROUP BY Id", "SELECT Id FROM Contact WHERE Title = 'it's'",
        "SELECT Id FROM Contact WHERE Id IN (SELECT Id FROM Lead)", "SELECT (SELECT Id FROM Contacts) FROM Account",
        r"SELECT Id FROM Contact WHERE Title = '\q'", "SELECT Id FROM Contact WHERE Title = 'a' ORDER Id",
        "SELECT Id FROM Contact WHERE Title = \"a\"", "SELECT Id FROM Contact FOR UPDATE", "",
    ],
)  # fmt: skip
def test_row_9_everything_else_is_malformed(salesforce_org, soql):
    answer = salesforce_org(3).query(soql)
    assert (answer.status_code, code(answer)) == (400, "MALFORMED_QUERY")


def test_row_9_an_offset_past_2000_is_refused(salesforce_org):
    answer = salesforce_org(3).query("SELECT Id FROM Contact ORDER BY Id LIMIT 10 OFFSET 2001")
    assert (answer.status_code, code(answer)) == (400, "NUMBER_OUTSIDE_VALID_RANGE")


@pytest.mark.parametrize(
    ("soql", "error", "column", "word"),
    [
        ("SELECT Id, Nope FROM Contact", "INVALID_FIELD", 12, "Nope"),
        ("SELECT Id FROM Contcat", "INVALID_TYPE", 16, "Contcat"),
        ("SELECT Id FROM Contact WHERE Description = 'x'", "INVALID_FIELD", 30, "Description"),
        ("SELECT Id FROM Contact ORDER BY Description", "INVALID_FIELD", 33, "Description"),
        (
            "SELECT Id FROM Contact WHERE SystemModstamp > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            47,
            "quotes",
        ),
        ("SELECT Id FROM Contact WHERE DoNotCall = 'true'", "INVALID_FIELD", 42, "boolean"),
        ("SELECT Id FROM Contact WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR", 30, ">"),
        ("SELECT Id FROM Contact WHERE Id = 'zzz'", "INVALID_QUERY_FILTER_OPERATOR", 35, "zzz"),
        ("SELECT Id, Id FROM Contact", "INVALID_FIELD", 12, "duplicate"),
        ("SELECT Boss.Name FROM Contact", "INVALID_FIELD", 8, "Boss"),
    ],
)
def test_row_10_errors_point_at_the_place(salesforce_org, soql, error, column, word):
    answer = salesforce_org(3).query(soql)
    told = answer.json()[0]
    assert (answer.status_code, told["errorCode"]) == (400, error)
    blank, _, caret, place, message = told["message"].split("\n", 4)
    assert (blank, caret.strip(), place) == ("", "^", f"ERROR at Row:1:Column:{column}")
    assert word in message


def test_row_10_one_unknown_field_fails_the_whole_query_and_a_long_uri_is_414(salesforce_org):
    org = salesforce_org(3)
    assert code(org.query("SELECT Id, Email, Nope__c FROM Contact")) == "INVALID_FIELD"
    many = ",".join(f"'{FIRST}'" for _ in range(900))
    assert org.query(f"SELECT Id FROM Contact WHERE Id IN ({many})").status_code == 414
    few = ",".join(f"'{FIRST}'" for _ in range(500))
    assert org.query(f"SELECT Id FROM Contact WHERE Id IN ({few})").status_code == 200
