"""Salesforce's sandbox as a process, rows 18 and 20 of what it must reproduce: faults, control and start-up."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.sandboxes import ROOT, SandboxFailed, start_sandbox

CREDENTIALS = {
    "grant_type": "client_credentials",
    "client_id": "sandbox-client",
    "client_secret": "sandbox-secret",
}
V = "/services/data/v67.0"
PATCH = {"method": "PATCH", "path": "/services/data/{version}/composite/sobjects"}


@pytest.fixture(scope="module")
def sandbox():
    with start_sandbox("salesforce", contacts=50, settings={"limits": "off"}) as running:
        yield running


@pytest.fixture
def http(sandbox):
    sandbox.clear_faults()
    token = sandbox.http.post("/services/oauth2/token", data=CREDENTIALS).json()["access_token"]
    with httpx.Client(
        base_url=sandbox.url, trust_env=False, headers={"authorization": f"Bearer {token}"}, timeout=20
    ) as client:
        yield client
    sandbox.clear_faults()


@pytest.fixture
def first(http):
    return http.get(f"{V}/query", params={"q": "SELECT Id FROM Contact ORDER BY Id LIMIT 1"}).json()[
        "records"
    ][0]["Id"]


def title(http, number):
    return http.get(f"{V}/sobjects/Contact/{number}", params={"fields": "Title"}).json()["Title"]


def write(http, number, value):
    records = [{"attributes": {"type": "Contact"}, "id": number, "Title": value}]
    return http.patch(f"{V}/composite/sobjects", json={"records": records})


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (503, "application/json", "SERVER_UNAVAILABLE"), (500, "application/json", "UNKNOWN_EXCEPTION"),
        (401, "application/json", "INVALID_SESSION_ID"), (403, "application/json", "REQUEST_LIMIT_EXCEEDED"),
        (502, "text/html", "<html>"), (420, "", ""), (406, "", ""),
    ],
)  # fmt: skip
def test_row_18_statuses_of_servers_and_edges(sandbox, http, status, kind, body):
    sandbox.fault("status", status=status, times=1)
    answer = http.get(f"{V}/limits")
    assert answer.status_code == status
    assert answer.headers.get("content-type", "").startswith(kind)
    assert body in answer.text and (body or not answer.content)
    assert http.get(f"{V}/limits").status_code == 200


@pytest.mark.parametrize("body", ["not authorised", '{"error": "expired"}', ""])
def test_row_18_a_401_may_have_any_body(sandbox, http, body):
    sandbox.fault("status", status=401, times=1, **({"body": body} if body else {"body": " "}))
    answer = http.get(f"{V}/limits")
    assert (answer.status_code, answer.text.strip()) == (401, body)


def test_row_18_an_answer_is_lost_although_the_write_happened(sandbox, http, first):
    sandbox.fault("reset_after", **PATCH, times=1)
    with pytest.raises(httpx.TransportError):
        write(http, first, "written")
    assert title(http, first) == "written"
    sandbox.fault("reset_before", **PATCH, times=1)
    with pytest.raises(httpx.TransportError):
        write(http, first, "not written")
    assert title(http, first) == "written"


def test_row_18_an_answer_is_cut_short_or_hangs(sandbox, http, first):
    sandbox.fault("truncate", **PATCH, times=1)
    with pytest.raises(httpx.TransportError):
        write(http, first, "cut")
    assert title(http, first) == "cut"
    sandbox.fault("hang_after", **PATCH, times=1)
    with pytest.raises(httpx.ReadTimeout):
        http.patch(
            f"{V}/composite/sobjects", timeout=httpx.Timeout(20, read=0.5),
            json={"records": [{"attributes": {"type": "Contact"}, "id": first, "Title": "hung"}]},
        )  # fmt: skip
    assert title(http, first) == "hung"


def test_row_18_a_rate_limit_fault_is_the_concurrent_one(sandbox, http):
    sandbox.fault("rate_limit", times=1)
    answer = http.get(f"{V}/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert "retry-after" not in answer.headers


def test_row_20_the_journal_has_every_request_and_no_secret(sandbox, http, first):
    before = sandbox.control("journal")["total"]
    http.get(f"{V}/sobjects/Contact/{first}")
    write(http, first, "x")
    rows = sandbox.control("journal", since=str(before))["requests"]
    assert [(r["method"], r["path"], r["status"]) for r in rows] == [
        ("GET", "/services/data/{version}/sobjects/{object}/{id}", 200),
        ("PATCH", "/services/data/{version}/composite/sobjects", 200),
    ]
    assert len({r["credential"] for r in rows}) == 1
    assert "sandbox-secret" not in json.dumps(rows)


def test_row_20_the_books_follow_people_and_our_own_writes(sandbox, http, first):
    sandbox.edit(id=first, properties={"Department": "by hand"}, user=2)
    records = [{"attributes": {"type": "Contact"}, "id": first, "Department": "ours"}]
    http.patch(f"{V}/composite/sobjects", json={"records": records})
    last = sandbox.books()["writes"][-1]
    assert (last["record"], last["property"], last["overwrote"]) == (first, "Department", "person")


def test_row_20_the_clock_and_the_knobs_are_set_from_outside(sandbox, http):
    before = http.get(f"{V}/limits").headers["date"]
    sandbox.advance(3600)
    sandbox.settle(session_s=1_000_000)
    token = sandbox.http.post("/services/oauth2/token", data=CREDENTIALS).json()["access_token"]
    after = sandbox.http.get(f"{V}/limits", headers={"authorization": f"Bearer {token}"}).headers
    assert after.get_list("date") == [after["date"]] and after["date"] != before


def test_an_export_of_salesforce_is_loaded_with_its_own_ids():
    export = ROOT / "tests" / "data" / "salesforce-report-sample.csv"
    with start_sandbox("salesforce", csv=Path(export), settings={"limits": "off"}) as running:
        token = running.http.post("/services/oauth2/token", data=CREDENTIALS).json()["access_token"]
        soql = "SELECT Id, Email, Account.Name, DoNotCall FROM Contact WHERE Email = 'petra.lund@nordhavn.example' ORDER BY Id"
        answer = running.http.get(
            f"{V}/query", params={"q": soql}, headers={"authorization": f"Bearer {token}"}
        )
        row = answer.json()["records"][0]
        assert (row["Id"], row["Account"]["Name"], row["DoNotCall"]) == (
            "003Qz0000000001IAA",
            "Nordhavn Foods",
            True,
        )


def test_an_export_of_hubspot_is_loaded_under_ids_of_its_own():
    export = ROOT / "tests" / "data" / "hubspot-export-sample.csv"
    with start_sandbox(
        "salesforce", csv=Path(export), settings={"limits": "off", "people_as": "leads"}
    ) as running:
        token = running.http.post("/services/oauth2/token", data=CREDENTIALS).json()["access_token"]
        soql = "SELECT Id, Company FROM Lead"
        answer = running.http.get(
            f"{V}/query", params={"q": soql}, headers={"authorization": f"Bearer {token}"}
        )
        records = running.control("population")["records"]
        assert answer.json()["totalSize"] == records > 0
        assert all(r["Id"].startswith("00Q") and r["Company"] for r in answer.json()["records"])


def test_a_knob_that_there_is_not_ends_the_start():
    with (
        pytest.raises(SandboxFailed, match="people_as is one of"),
        start_sandbox("salesforce", contacts=1, settings={"people_as": "ghosts"}),
    ):
        pass
