"""Fresh reads with authors, and the scan of all records, by queries and by bulk jobs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.salesforce import bulk, scanning
from syncd.connector import Failure, FailureKind
from syncd.model import AuthorKind, Page
from tests.unit.salesforce_loopback import (
    DATA,
    US,
    Asked,
    Loopback,
    MiniOrg,
    Reply,
    connect,
    contact_id,
    contact_row,
    error,
    secrets,
    stamp,
)

PERSON, ROBOT = "0055g000000PersAAC", "0055g000000RoboAAC"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


@pytest.fixture
def org() -> MiniOrg:
    return MiniOrg(rows={"Contact": [contact_row(n, n) for n in range(1, 6)]})


@pytest.fixture
def server(org: MiniOrg) -> Iterator[Loopback]:
    with Loopback(org) as running:
        yield running


def entry(number: int, name: str, user: str | None, new: Any, second: int, serial: int = 0) -> dict[str, Any]:
    return {
        "Id": f"0175g{second:06d}{serial:04d}AAA", "ContactId": contact_id(number), "Field": name,
        "OldValue": None, "NewValue": new, "CreatedById": user, "CreatedDate": stamp(second),
    }  # fmt: skip


def test_records_are_read_as_the_store_has_them_now(org: MiniOrg, server: Loopback) -> None:
    org.rows["Contact"][1].update(IsDeleted=True, MasterRecordId=contact_id(3))
    found = {c.id: c for c in connect(server).read("contact", [contact_id(n) for n in (1, 2, 99)], ["Email"])}

    assert found[contact_id(1)].fields == {"Email": "p1@example.com"}
    assert (found[contact_id(2)].gone, found[contact_id(2)].merged_into) == (True, contact_id(3))
    assert contact_id(99) not in found
    assert not found[contact_id(1)].authors_read


def test_a_short_id_comes_back_as_it_was_given_and_no_other_text_is_asked_for(
    org: MiniOrg, server: Loopback
) -> None:
    (found,) = connect(server).read("contact", [contact_id(1)[:15], "') OR Id != ('"], ["Email"])

    assert found.id == contact_id(1)[:15]
    assert "OR" not in org.queries[0]


def test_two_hundred_ids_leave_in_one_query(org: MiniOrg, server: Loopback) -> None:
    wanted = [contact_id(n) for n in range(1, 251)]
    found = connect(server).read("contact", [*wanted, *wanted], ["Email"])

    assert len(found) == 5
    assert [q.count("0035g") for q in org.queries] == [200, 50]


def test_a_lead_without_the_property_by_which_contacts_lock_is_read_all_the_same(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Lead"] = [{**contact_row(1), "Id": "00Q5g0000000001AAA", "Company": "Acme"}]
    (found,) = connect(server).read("lead", ["00Q5g0000000001AAA"], ["Company", "AccountId"])

    assert found.fields == {"Company": "Acme"}


def test_authors_are_told_by_the_newest_entry_of_each_tracked_property(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"][0].update(Title="Head", Phone="+1")
    org.rows["ContactHistory"] = [
        entry(1, "Title", US, "Clerk", 1),
        entry(1, "Title", PERSON, "Head", 2),
        entry(1, "Phone", US, "+1", 3),
        entry(2, "Email", ROBOT, "p2@example.com", 4, serial=1),
        entry(2, "Email", PERSON, "other", 4, serial=0),
        entry(1, "created", PERSON, None, 0),
    ]
    connector = connect(server, integration_users=[ROBOT])
    asked = ["Email", "Title", "Phone", "Account.Name"]
    one, two = connector.read("contact", [contact_id(1), contact_id(2)], asked, authorship=True)

    title, phone = one.authors["Title"], one.authors["Phone"]
    assert (title.kind, title.source, title.value) == (AuthorKind.PERSON, PERSON, "Head")
    assert (phone.kind, phone.source) == (AuthorKind.INTEGRATION, US)
    assert one.authors.keys() == {"Title", "Phone"}
    assert two.authors["Email"].kind is AuthorKind.INTEGRATION
    assert one.authors_read
    assert two.authors_read


def test_an_own_value_that_changed_while_it_was_not_tracked_has_an_unknown_author(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"][0].update(Title="Chief")
    org.rows["ContactHistory"] = [entry(1, "Title", US, "Head", 2)]
    (one,) = connect(server).read("contact", [contact_id(1)], ["Title"], authorship=True)

    assert one.authors["Title"].kind is AuthorKind.UNKNOWN


def test_an_org_that_tracks_nothing_leaves_authors_out(server: Loopback) -> None:
    (one,) = connect(server).read("contact", [contact_id(1)], ["Title"], authorship=True)

    assert one.authors == {}
    assert one.authors_read


def test_a_history_that_is_not_there_is_asked_for_once_until_the_object_is_described_anew(
    org: MiniOrg, server: Loopback
) -> None:
    connector = connect(server)

    def asked() -> int:
        connector.read("contact", [contact_id(1)], ["Title"], authorship=True)
        return sum("ContactHistory" in query for query in org.queries)

    assert [asked(), asked()] == [1, 1]
    connector.schema("contact")
    org.rows["ContactHistory"] = []
    assert [asked(), asked()] == [2, 3]


def test_an_outage_of_the_history_is_not_taken_for_an_untracked_field(org: MiniOrg, server: Loopback) -> None:
    def out(asked: Asked) -> Reply | None:
        return Reply(b"", 503) if "ContactHistory" in asked.query.get("q", "") else None

    org.extra = out
    with pytest.raises(Failure) as caught:
        connect(server).read("contact", [contact_id(1)], ["Title"], authorship=True)
    assert caught.value.kind is FailureKind.UNAVAILABLE


def test_our_own_user_is_asked_for_where_the_login_does_not_name_it(org: MiniOrg, server: Loopback) -> None:
    token = Reply({"access_token": "x", "instance_url": ""})
    org.extra = lambda asked: token if asked.path.endswith("/token") else None
    org.rows["Contact"][0].update(Title="Head")
    org.rows["ContactHistory"] = [entry(1, "Title", US, "Head", 2)]
    (one,) = connect(server).read("contact", [contact_id(1)], ["Title"], authorship=True)

    assert one.authors["Title"].kind is AuthorKind.INTEGRATION


# the scan


def scan(server: Loopback, resume: str | None = None, name: str = "contact", **more: Any) -> Iterator[Page]:
    return connect(server).scan(name, more.pop("properties", ["Email"]), resume, **more)


def ids(pages: list[Page]) -> list[str]:
    return [c.id for p in pages for c in p.contacts]


def test_all_records_come_in_the_order_of_ids_without_deleted_ones(org: MiniOrg, server: Loopback) -> None:
    org.page = 2
    org.rows["Contact"].insert(0, contact_row(9))
    org.rows["Contact"][2]["IsDeleted"] = True
    pages = list(scan(server))

    assert ids(pages) == [contact_id(n) for n in (1, 3, 4, 5, 9)]
    assert pages[0].contacts[0].fields == {"Email": "p1@example.com"}
    assert len(org.queries) == 1


@pytest.mark.parametrize("taken", [1, 2, 3])
def test_a_scan_resumes_after_any_page(org: MiniOrg, server: Loopback, taken: int) -> None:
    org.page = 2
    first = list(scan(server))[:taken]
    rest = list(scan(server, first[-1].cursor))

    assert ids(first) + ids(rest) == [contact_id(n) for n in range(1, 6)]


def test_a_scan_outlives_the_servers_cursor(org: MiniOrg, server: Loopback) -> None:
    org.page = 2
    pages = []
    for page in scan(server):
        pages.append(page)
        if len(pages) == 1:
            org.forget_queries()

    assert ids(pages) == [contact_id(n) for n in range(1, 6)]


def test_converted_leads_are_no_part_of_a_scan(org: MiniOrg, server: Loopback) -> None:
    rows = [{**contact_row(n), "Id": f"00Q5g{n:010d}AAA", "IsConverted": n == 2} for n in (1, 2, 3)]
    org.rows["Lead"] = rows

    assert ids(list(scan(server, name="lead"))) == [rows[0]["Id"], rows[2]["Id"]]


def test_a_scan_can_tell_authors(org: MiniOrg, server: Loopback) -> None:
    org.rows["ContactHistory"] = [entry(2, "Email", PERSON, "p2@example.com", 2)]
    (page,) = scan(server, authorship=True)

    assert page.contacts[1].authors["Email"].kind is AuthorKind.PERSON
    assert all(c.authors_read for c in page.contacts)


@pytest.mark.parametrize("cursor", ["", "{}", "[]", '{"past": 5}', '{"past": "003"}', '{"at": 1}'])
def test_a_foreign_cursor_is_refused(server: Loopback, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        scan(server, cursor)


@dataclass
class Jobs:
    """Bulk query jobs over a small org; `states` are what the next polls tell."""

    org: MiniOrg
    states: list[str] = field(default_factory=lambda: ["UploadComplete", "InProgress", "JobComplete"])
    refusal: Reply | None = None
    rows_per_file: int = 3
    started: list[dict[str, Any]] = field(default_factory=list)
    aborted: int = 0

    def __call__(self, asked: Asked) -> Reply | None:
        path = asked.path.removeprefix(f"{DATA}/")
        if path == "jobs/query":
            self.started.append(asked.json)
            return self.refusal or Reply({"id": "7505g00000Jobs1AAA", "state": self._next()})
        if path == "jobs/query/7505g00000Jobs1AAA":
            self.aborted += asked.method == "PATCH"
            return Reply({"id": "7505g00000Jobs1AAA", "state": self._next()})
        if path.endswith("/results"):
            return self._file(int(asked.query.get("locator", "0")))
        return None

    def _next(self) -> str:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def _file(self, start: int) -> Reply:
        query = re.sub(r" LIMIT (\d+)$", "", self.started[-1]["query"])
        body: Any = MiniOrg(self.org.rows, self.org.described, page=10**6)._query(query, deleted=False).body
        names = re.split(r", ", query.split(" FROM ")[0].removeprefix("SELECT "))
        most = int(self.started[-1]["query"].rsplit(" ", 1)[1])
        rows = body["records"][:most]
        sheet = io.StringIO()
        writer = csv.writer(sheet, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(names)
        for row in rows[start : start + self.rows_per_file]:
            writer.writerow([_cell(row, n) for n in names])
        end = start + self.rows_per_file
        locator = str(end) if end < len(rows) else "null"
        kind = "text/csv; charset=UTF-8"
        return Reply(sheet.getvalue().encode(), headers={"Content-Type": kind, "Sforce-Locator": locator})


def _cell(row: dict[str, Any], name: str) -> str:
    held: Any = row
    for part in name.split("."):
        held = (held or {}).get(part)
    if isinstance(held, bool):
        return str(held).lower()
    text = "" if held is None else str(held)
    return text.replace("+0000", "Z") if text.endswith(".000+0000") else text


@pytest.fixture
def jobs(org: MiniOrg, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Everything beyond the first page of two goes by bulk."""
    monkeypatch.setattr(scanning, "BULK_FROM", 2)
    org.page = 2
    made = Jobs(org)
    org.extra = made
    return made


PROPERTIES = ["Email", "Title", "Score__c", "DoNotCall", "Seen_At__c", "Account.Name"]


def test_a_bulk_job_gives_the_same_records_as_queries_do(
    org: MiniOrg, server: Loopback, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    org.rows["Contact"][3].update(
        Title='Head, "of" it\nall',
        Score__c=2.5,
        DoNotCall=True,
        Seen_At__c=stamp(9),
        Account={"Name": "A, B"},
    )
    for row in org.rows["Contact"]:
        row.setdefault("DoNotCall", False)
    by_bulk = list(scan(server, properties=PROPERTIES))
    monkeypatch.setattr(scanning, "BULK_FROM", 10**9)
    by_queries = list(scan(server, properties=PROPERTIES))

    def told(pages: list[Page]) -> list[tuple[object, ...]]:
        return [(c.id, c.version, c.updated_at, c.fields) for p in pages for c in p.contacts]

    assert told(by_bulk) == told(by_queries)
    assert len(jobs.started) == 1
    assert jobs.started[0]["operation"] == "query"


def test_a_bulk_scan_resumes_after_any_page(org: MiniOrg, server: Loopback, jobs: Jobs) -> None:
    org.rows["Contact"] = [contact_row(n) for n in range(1, 12)]
    whole = list(scan(server))
    jobs.states = ["JobComplete"]
    for taken in range(1, len(whole) + 1):
        rest = list(scan(server, whole[taken - 1].cursor))
        assert ids(whole[:taken]) + ids(rest) == [contact_id(n) for n in range(1, 12)]


def test_a_reader_may_stop_while_a_bulk_job_runs(org: MiniOrg, server: Loopback, jobs: Jobs) -> None:
    jobs.states = ["InProgress"]
    pages = scan(server)
    first, second, third = next(pages), next(pages), next(pages)

    assert len(first.contacts) == 2
    assert second == third == Page((), first.cursor)


def test_very_many_records_are_several_jobs(
    org: MiniOrg, server: Loopback, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "JOB_ROWS", 4)
    org.rows["Contact"] = [contact_row(n) for n in range(1, 12)]

    assert ids(list(scan(server))) == [contact_id(n) for n in range(1, 12)]
    assert len(jobs.started) == 3


@pytest.mark.parametrize(
    "trouble",
    [
        {"refusal": error("FUNCTIONALITY_NOT_ENABLED", 403)},
        {"refusal": error("LIMIT_EXCEEDED")},
        {"refusal": Reply({})},
        {"states": ["InProgress", "Failed"]},
        {"states": ["Aborted"]},
        {"states": ["InProgress"]},
    ],
)
def test_queries_take_over_where_a_bulk_job_does_not_come_to_its_end(
    org: MiniOrg, server: Loopback, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, trouble: dict[str, Any]
) -> None:
    monkeypatch.setattr(bulk, "MOST_POLLS", 5)
    for name, given in trouble.items():
        setattr(jobs, name, given)

    assert ids(list(scan(server))) == [contact_id(n) for n in range(1, 6)]
    assert jobs.aborted == (jobs.states == ["InProgress"])


def test_an_outage_during_a_bulk_job_is_an_outage(server: Loopback, jobs: Jobs) -> None:
    jobs.refusal = Reply(b"", 503)
    pages = scan(server)
    assert len(next(pages).contacts) == 2
    with pytest.raises(Failure) as caught:
        next(pages)

    assert caught.value.kind is FailureKind.UNAVAILABLE


def test_compound_fields_which_bulk_refuses_are_left_to_queries(
    org: MiniOrg, server: Loopback, jobs: Jobs
) -> None:
    assert len(ids(list(scan(server, properties=["MailingAddress"])))) == 5
    assert jobs.started == []


def test_few_records_need_no_job(server: Loopback, jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "BULK_FROM", 4)

    assert len(ids(list(scan(server)))) == 5
    assert jobs.started == []
