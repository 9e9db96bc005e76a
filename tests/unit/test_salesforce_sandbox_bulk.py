"""Salesforce's sandbox, row 19 of what it must reproduce: Bulk API 2.0 queries and ingest."""

from __future__ import annotations

import csv
import io

import pytest

from tests.salesforce_org import FIRST, SECOND, code


def job(org, soql="SELECT Id, Email, Account.Name, SystemModstamp, DoNotCall FROM Contact", **more):
    return org.ask("POST", "jobs/query", {"operation": "query", "query": soql, **more})


def table(answer, delimiter=","):
    return list(csv.DictReader(io.StringIO(answer.text), delimiter=delimiter))


def test_row_19_a_job_goes_through_its_states_and_gives_csv(salesforce_org):
    org = salesforce_org(60, bulk_wait_s=5, bulk_run_s=20)
    made = job(org).json()
    assert (made["state"], made["object"], made["apiVersion"], made["contentType"]) == (
        "UploadComplete", "Contact", 67.0, "CSV",
    )  # fmt: skip
    where = f"jobs/query/{made['id']}"
    assert org.ask("GET", f"{where}/results").status_code == 400
    states = []
    for step in (0, 5, 20):
        org.advance(step)
        states.append(org.ask("GET", where).json()["state"])
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    answer = org.ask("GET", f"{where}/results")
    assert answer.headers["content-type"].startswith("text/csv")
    assert (answer.headers["Sforce-NumberOfRecords"], answer.headers["Sforce-Locator"]) == ("60", "null")
    rows = {r["Id"]: r for r in table(answer)}
    shown = org.get(FIRST)
    assert rows[FIRST]["Email"] == (shown["Email"] or "")
    assert rows[FIRST]["SystemModstamp"] == shown["SystemModstamp"].replace("+0000", "Z")
    assert rows[FIRST]["DoNotCall"] == "false"
    assert any(r["Account.Name"] for r in rows.values())


def test_row_19_results_come_in_pages_that_can_be_read_again(salesforce_org):
    org = salesforce_org(60, bulk_wait_s=0, bulk_run_s=0)
    where = f"jobs/query/{job(org).json()['id']}/results"
    locator, seen = "", []
    while locator != "null":
        asked = {"maxRecords": 25, **({"locator": locator} if locator else {})}
        answer = org.ask("GET", where, params=asked)
        assert org.ask("GET", where, params=asked).text == answer.text
        seen += [r["Id"] for r in table(answer)]
        locator = answer.headers["Sforce-Locator"]
    assert len(seen) == len(set(seen)) == 60
    assert org.ask("GET", where, params={"locator": "zzz"}).status_code == 400
    other = org.ask("GET", f"/services/data/v60.0/{where}")
    assert other.status_code == 409


def test_row_19_query_all_jobs_have_the_deleted_and_rows_of_the_moment_of_the_job(salesforce_org):
    org = salesforce_org(5, bulk_wait_s=0, bulk_run_s=0)
    org.edit(action="delete", id=SECOND)
    deleted = job(org, "SELECT Id, IsDeleted FROM Contact", operation="queryAll").json()["id"]
    plain = job(org, "SELECT Id, Title FROM Contact").json()["id"]
    org.edit(id=FIRST, properties={"Title": "later"})
    rows = {r["Id"]: r for r in table(org.ask("GET", f"jobs/query/{deleted}/results"))}
    assert (len(rows), rows[SECOND]["IsDeleted"]) == (5, "true")
    rows = {r["Id"]: r for r in table(org.ask("GET", f"jobs/query/{plain}/results"))}
    assert len(rows) == 4 and rows[FIRST]["Title"] != "later"


def test_row_19_a_job_may_fail_be_stopped_and_be_forgotten(salesforce_org):
    org = salesforce_org(bulk_fails=1, bulk_wait_s=10, bulk_run_s=10)
    failing, stopped = job(org).json()["id"], job(org).json()["id"]
    aborted = org.ask("PATCH", f"jobs/query/{stopped}", {"state": "Aborted"}).json()
    assert aborted["state"] == "Aborted"
    org.advance(30)
    told = org.ask("GET", f"jobs/query/{failing}").json()
    assert told["state"] == "Failed" and told["errorMessage"]
    assert [j["id"] for j in org.ask("GET", "jobs/query").json()["records"]] == [failing, stopped]
    assert org.ask("DELETE", f"jobs/query/{failing}").status_code == 204
    assert org.ask("GET", f"jobs/query/{failing}").status_code == 404


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Nope FROM Contact", "SELECT MailingAddress FROM Contact", "SELECT COUNT() FROM Contact", "junk",
        "SELECT FIELDS(STANDARD) FROM Contact", "SELECT Id FROM Contact ORDER BY Id OFFSET 5",
    ],
)  # fmt: skip
def test_row_19_what_bulk_cannot_query_is_refused_when_the_job_is_made(salesforce_org, soql):
    answer = job(salesforce_org(), soql)
    assert (answer.status_code, code(answer)) == (400, "API_ERROR")


def test_row_19_bulk_can_be_off_or_used_up(salesforce_org):
    org = salesforce_org(limits="documented", bulk_jobs=1)
    assert [job(org).status_code for _ in range(2)] == [200, 403]
    org.settle(bulk_refused=True, bulk_jobs=10)
    assert job(org).status_code == 403


def ingest(org, text, operation="update", **more):
    """The path of a job that was given these rows and closed."""
    made = org.ask(
        "POST", "jobs/ingest", {"object": "Contact", "operation": operation, "contentType": "CSV", **more}
    )
    assert made.json()["state"] == "Open"
    where = f"jobs/ingest/{made.json()['id']}"
    upload = org.ask(
        "PUT", f"/{made.json()['contentUrl']}", content=text, headers={"content-type": "text/csv"}
    )
    assert upload.status_code == 201
    assert org.ask("PATCH", where, {"state": "UploadComplete"}).json()["state"] == "UploadComplete"
    return where


def test_row_19_rows_are_written_later_and_results_come_in_no_order(salesforce_org):
    org = salesforce_org(60, bulk_wait_s=5, bulk_run_s=5)
    ids = [r["Id"] for r in org.rows("SELECT Id FROM Contact")]
    where = ingest(
        org, "Id,Title,Email\n" + "".join(f"{i},Bulk,\n" for i in ids) + f"{FIRST[:15]},Bulk,nonsense\n,x,\n"
    )
    assert org.value("Title") != "Bulk"
    org.advance(5)
    assert org.ask("GET", where).json()["state"] == "InProgress"
    org.advance(5)
    done = org.ask("GET", where).json()
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (
        "JobComplete",
        62,
        2,
    )
    good = [r["sf__Id"] for r in table(org.ask("GET", f"{where}/successfulResults"))]
    assert sorted(good) == sorted(ids) and good != ids
    bad = {r["sf__Error"].split(":")[0] for r in table(org.ask("GET", f"{where}/failedResults"))}
    assert bad == {"INVALID_EMAIL_ADDRESS", "MISSING_ARGUMENT"}
    assert table(org.ask("GET", f"{where}/unprocessedrecords")) == []
    assert org.value("Title") == "Bulk"


def test_row_19_blank_cells_are_left_alone_and_a_mark_clears(salesforce_org):
    org = salesforce_org(bulk_wait_s=0, bulk_run_s=0)
    org.edit(id=FIRST, properties={"Title": "kept", "Department": "cleared"})
    ingest(org, f"Id,Title,Department\n{FIRST},,#N/A\n")
    assert (org.value("Title"), org.value("Department")) == ("kept", None)


@pytest.mark.parametrize("column", ["Nope__c", "MailingAddress"])
def test_row_19_an_unknown_or_compound_column_fails_the_job_as_a_whole(salesforce_org, column):
    org = salesforce_org(bulk_wait_s=0, bulk_run_s=0)
    where = ingest(org, f"Id,Title,{column}\n{FIRST},Bulk,x\n")
    told = org.ask("GET", where).json()
    assert (told["state"], told["errorMessage"]) == (
        "Failed",
        f"InvalidBatch : Field name not found : {column}",
    )
    assert len(table(org.ask("GET", f"{where}/unprocessedrecords"))) == 1
    assert org.value("Title") != "Bulk"


def test_row_19_rows_are_inserted_and_deleted_and_a_stopped_job_does_nothing(salesforce_org):
    org = salesforce_org(bulk_wait_s=10, bulk_run_s=0)
    made = ingest(org, "LastName;Email\nBulk;b@x.example\n;\n", "insert", columnDelimiter="SEMICOLON")
    gone = ingest(org, f"Id\n{FIRST}\n", "delete")
    stopped = ingest(org, f"Id\n{SECOND}\n", "delete")
    assert org.ask("DELETE", stopped).status_code == 400
    assert org.ask("PATCH", stopped, {"state": "Aborted"}).json()["state"] == "Aborted"
    org.advance(10)
    assert [r["Email"] for r in org.rows("SELECT Email FROM Contact WHERE LastName = 'Bulk'")] == [
        "b@x.example"
    ]
    assert "REQUIRED_FIELD_MISSING" in org.ask("GET", f"{made}/failedResults").text
    assert org.ask("GET", gone).json()["state"] == "JobComplete"
    assert [r["Id"] for r in org.rows(f"SELECT Id FROM Contact WHERE Id IN ('{FIRST}', '{SECOND}')")] == [
        SECOND
    ]
    assert org.ask("DELETE", stopped).status_code == 204
    assert org.ask("GET", stopped).status_code == 404
