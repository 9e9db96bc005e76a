"""Batch jobs, result files and callbacks of the Crustdata sandbox."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any

import orjson
import pytest

from connectors.sandbox.crustdata.webhooks import is_loopback, sign
from tests.contract.crustdata_box import (
    BARE,
    BASE,
    EVERYTHING,
    HEADERS,
    KEY,
    UNKNOWN,
    WORLD,
    Box,
    known,
    person_where,
)
from tests.sandboxes import start_sandbox

ANNA, BEN = WORLD.people[0], WORLD.people[1]
PROFILES, CONTACTS = "/batch/person/enrich", "/batch/person/contact/enrich"
IDENTIFY, COMPANIES = "/batch/person/identify", "/batch/company/enrich"
TIERS = ["business_email", "personal_contact_info"]
SUBMITTED = {
    "batch_id", "status", "entity", "action", "identifier_count", "entities_requested", "status_url",
}  # fmt: skip
RUNNING = {
    "batch_id", "status", "entity", "action", "identifier_count", "result_count", "entities_requested",
    "entities_fulfilled", "created_at",
}  # fmt: skip
DONE = RUNNING | {"completed_at", "download_url", "download_urls"}
NOBODY = "https://www.linkedin.com/in/nobody-at-all"


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    settings = BASE | {
        "coverage": EVERYTHING, "job_pending_s": 2, "job_delay_s": 10, "active_jobs": 1000, "webhook_retry_s": 0.01,
    }  # fmt: skip
    with start_sandbox("crustdata", contacts=300, settings=settings) as running:
        yield Box(running)


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.sandbox.advance(11)
    server.get("/batch")
    server.reset()


class Receiver:
    """Where callbacks arrive; it answers with the statuses given, then 200."""

    def __init__(self) -> None:
        self.got: Queue[tuple[dict[str, str], bytes]] = Queue()
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                outer.got.put(({k.lower(): v for k, v in self.headers.items()}, body))

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callbacks/x"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.got.get(timeout=10)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def submit(box: Box, path: str, *people: Any, **more: object) -> str:
    answer = box.people(path, *people, **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-credits-used"] == "0"
    told = answer.json()
    assert set(told) == SUBMITTED and told["status"] == "pending"
    assert told["status_url"] == f"/batch/{told['batch_id']}"
    assert told["identifier_count"] == told["entities_requested"] == len(people)
    return str(told["batch_id"])


def test_a_job_is_pending_then_processing_then_completed(box: Box) -> None:
    job = submit(box, PROFILES, ANNA, BEN, NOBODY)
    status = box.get(f"/batch/{job}").json()
    assert set(status) == RUNNING and status["status"] == "pending"
    box.sandbox.advance(3)
    assert box.get(f"/batch/{job}").json()["status"] == "processing"
    with box.charging("2"):
        status = box.finished(job)
    assert set(status) == DONE and status["status"] == "completed"
    assert (status["entity"], status["action"]) == ("person", "enrich")
    assert status["result_count"] == status["entities_fulfilled"] == 2
    assert box.get(f"/batch/{job}", {"authorization": HEADERS["authorization"]}).status_code == 200


def test_profiles_that_are_not_found_have_no_line(box: Box) -> None:
    lines = box.lines(box.finished(submit(box, PROFILES, ANNA, NOBODY, BEN)))
    assert [set(line) for line in lines] == [{"original_identifier", "internal_id", "data"}] * 2
    assert [line["original_identifier"] for line in lines] == [ANNA.linkedin_url, BEN.linkedin_url]
    assert [line["internal_id"] for line in lines] == [1, 3]
    assert set(lines[0]["data"]) == {"crustdata_person_id", "basic_profile", "social_handles"}


def test_every_contact_identifier_has_a_line(box: Box) -> None:
    job = submit(box, CONTACTS, ANNA, NOBODY, fields=TIERS)
    with box.charging("5" if ANNA.mobile else "3") as got:
        status = box.finished(job)
    assert {c["operation"] for c in got} == {CONTACTS}
    assert (status["result_count"], status["entities_fulfilled"], status["action"]) == (
        2,
        1,
        "contact_enrich",
    )
    first, second = box.lines(status)
    assert first["data"]["business_email"] == [{"email": ANNA.work_email, "status": "deliverable"}]
    assert set(first["data"]["personal_contact_info"]) == {"personal_emails", "phone_numbers"}
    assert second["data"] == {
        "business_email": [], "personal_contact_info": {"personal_emails": [], "phone_numbers": []},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "cost"), [(["business_email"], "1"), (["personal_contact_info.personal_emails"], "2")]
)
def test_contact_jobs_pay_for_the_tiers_that_they_name(box: Box, fields, cost) -> None:
    job = submit(box, CONTACTS, ANNA, fields=fields)
    with box.charging(cost):
        (line,) = box.lines(box.finished(job))
    assert set(line["data"]) == {fields[0].split(".")[0]}


def test_contact_lines_can_be_flat(box: Box) -> None:
    box.set(batch_rows="flat")
    lines = box.lines(box.finished(submit(box, CONTACTS, ANNA, NOBODY, fields=TIERS)))
    keys = {"professional_network_url", "person_id", "business_email", "personal_contact_info"}
    assert [set(line) for line in lines] == [keys] * 2 and lines[1]["person_id"] is None


def test_contact_jobs_search_deeper(box: Box) -> None:
    box.set(coverage=BARE, batch_deeper=1)
    lines = box.lines(box.finished(submit(box, CONTACTS, ANNA, fields=["business_email"])))
    assert lines[0]["data"]["business_email"][0]["email"] == ANNA.work_email


def test_contact_jobs_take_urls_and_their_own_field_names_only(box: Box) -> None:
    assert box.people(CONTACTS, ANNA).status_code == 400
    wrong = box.people(CONTACTS, ANNA, fields=["contact"])
    assert wrong.json()["error"]["metadata"] == {
        "available_fields": [
            "business_email", "personal_contact_info", "personal_contact_info.personal_emails",
            "personal_contact_info.phone_numbers",
        ]
    }  # fmt: skip
    assert box.post(CONTACTS, {"business_emails": ["a@b.example"], "fields": TIERS}).status_code == 400


@pytest.mark.parametrize(
    ("path", "key", "most", "more"),
    [
        (CONTACTS, "professional_network_profile_urls", 300, {"fields": TIERS}),
        (IDENTIFY, "business_emails", 300, {}),
        (PROFILES, "professional_network_profile_urls", 10_000, {}),
        (COMPANIES, "domains", 10_000, {}),
    ],
)
def test_jobs_have_documented_sizes(box: Box, path, key, most, more) -> None:
    assert box.post(path, {key: ["nobody"] * (most + 1), **more}).status_code == 400
    assert box.post(path, {key: ["nobody"] * most, **more}).status_code == 200


def test_identify_costs_a_credit_for_each_address_matched(box: Box) -> None:
    told = box.post(IDENTIFY, {"business_emails": [ANNA.work_email, "nobody@nowhere.example"]}).json()
    with box.charging("1"):
        status = box.finished(told["batch_id"])
    lines = box.lines(status)
    assert [set(line) for line in lines] == [{"matched_on", "match_type", "matches"}] * 2
    assert [len(line["matches"]) for line in lines] == [1, 0] and status["entities_fulfilled"] == 1


def test_company_jobs_cost_two_for_each_company_found(box: Box) -> None:
    domains = [c.domain for c in WORLD.companies[:3]] + ["nowhere.example"]
    free = box.post("/company/identify", {"domains": domains, "exact_match": True}).json()
    count = sum(bool(row["matches"]) for row in free)
    told = box.post(COMPANIES, {"domains": domains, "exact_match": True}).json()
    with box.charging(str(2 * count)):
        status = box.finished(told["batch_id"])
    assert status["entity"] == "company" and status["result_count"] == count == len(box.lines(status))


def test_a_job_without_results_has_a_dead_link(box: Box) -> None:
    status = box.finished(submit(box, PROFILES, NOBODY))
    assert status["status"] == "completed" and status["result_count"] == 0
    assert box.http.get(status["download_url"]).status_code == 404


def test_result_files_are_packed_and_refuse_a_key_and_expire(box: Box) -> None:
    box.set(file_rows=1)
    status = box.finished(submit(box, PROFILES, ANNA, BEN))
    answer = box.http.get(status["download_url"])
    assert "content-encoding" not in answer.headers and answer.content[:2] == b"\x1f\x8b"
    assert len(status["download_urls"]) == 2
    parts = b"".join(gzip.decompress(box.http.get(u).content) for u in status["download_urls"])
    assert parts == gzip.decompress(answer.content)
    assert box.http.get(status["download_url"], headers=HEADERS).status_code == 403
    assert box.http.get(status["download_url"].replace("/files/", "/files/0")).status_code == 403
    box.sandbox.advance(5 * 86_400 + 1)
    assert box.http.get(status["download_url"]).status_code == 403


def test_a_sixth_active_job_is_refused(box: Box) -> None:
    box.set(active_jobs=5)
    for _ in range(5):
        submit(box, PROFILES, ANNA)
    answer = box.people(PROFILES, ANNA)
    assert answer.status_code == 429 and answer.json()["error"]["type"] == "rate_limit_exceeded"
    box.sandbox.advance(11)
    submit(box, PROFILES, ANNA)


def test_jobs_are_listed_newest_first_in_pages(box: Box) -> None:
    jobs = [submit(box, PROFILES, ANNA) for _ in range(3)]
    first = box.get("/batch", limit=2).json()
    assert set(first) == {"jobs", "next_cursor", "has_more"} and first["has_more"]
    assert [j["batch_id"] for j in first["jobs"]] == jobs[:0:-1]
    rest = box.get("/batch", limit=1, cursor=first["next_cursor"]).json()
    assert [j["batch_id"] for j in rest["jobs"]] == jobs[:1]
    assert box.get("/batch", status="failed").json()["jobs"] == []
    assert box.get("/batch", status="strange").status_code == 400
    assert box.get("/batch", limit=101).status_code == 400
    assert box.get("/batch/00000000-0000-4000-8000-000000000000").status_code == 404


def test_a_job_needs_its_worst_case_at_submission_and_leaves_out_what_is_not_paid_for(box: Box) -> None:
    box.sandbox.control("balance", {"credit": 1})
    assert box.people(PROFILES, ANNA, BEN).status_code == 402
    box.sandbox.control("balance", {"credit": 2})
    job = submit(box, PROFILES, ANNA, BEN)
    box.sandbox.control("balance", {"credit": 1})
    with box.charging("1"):
        assert box.finished(job)["result_count"] == 1


def test_late_jobs_finish_late(box: Box) -> None:
    box.set(job_late=1, job_late_s=100)
    job = submit(box, PROFILES, ANNA)
    assert box.finished(job)["status"] == "processing"
    box.sandbox.advance(100)
    assert box.get(f"/batch/{job}").json()["status"] == "completed"


@pytest.mark.parametrize(("charged", "cost"), [(False, "0"), (True, "1")])
def test_lost_jobs_never_finish_and_may_have_been_paid_for(box: Box, charged, cost) -> None:
    box.set(job_lost=1, job_lost_charged=charged)
    job = submit(box, PROFILES, ANNA)
    with box.charging(cost):
        assert box.finished(job)["status"] == "processing"


def test_failed_jobs_say_so_and_cost_nothing(box: Box) -> None:
    box.set(job_failed=1)
    job = submit(box, PROFILES, ANNA)
    with box.charging("0"):
        status = box.finished(job)
    assert set(status) == RUNNING | {"completed_at", "error_message"} and status["status"] == "failed"


def test_the_usage_log_has_what_a_job_cost(box: Box) -> None:
    box.finished(submit(box, PROFILES, ANNA, BEN))
    events = box.get("/account/usage/events", endpoints=PROFILES, limit=2).json()["events"]
    assert [(e["client_surface"], e["credits_used"]) for e in events] == [("batch", 2), ("api", 0)]


def test_the_signature_is_the_references(box: Box) -> None:
    signed = sign("cd_test_key_0001", 1_700_000_000, b'{"event":"example"}')
    assert signed == "t=1700000000,v1=3bb086bb9b71ad11dfc400b30327953153153a9d285126e434105f1e3b84537f"


def is_signed(headers: dict[str, str], body: bytes) -> bool:
    at, value = (part.split("=")[1] for part in headers["x-crustdata-signature"].split(","))
    return hmac.new(KEY.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest() == value


def test_a_finished_job_calls_back_with_its_status_signed_with_the_key(box: Box, receiver: Receiver) -> None:
    job = submit(box, PROFILES, ANNA, webhook_url=receiver.url)
    status = box.finished(job)
    headers, body = receiver.next()
    assert orjson.loads(body) == status and headers["x-crustdata-event-id"]
    assert is_signed(headers, body)


def test_callbacks_are_repeated_until_taken_and_duplicated_under_one_event_id(box: Box, receiver: Receiver):
    box.set(webhook_duplicates=1)
    receiver.statuses = [500, 503]
    box.finished(submit(box, PROFILES, ANNA, webhook_url=receiver.url))
    got = [receiver.next() for _ in range(4)]
    assert len({headers["x-crustdata-event-id"] for headers, _ in got}) == 1
    with pytest.raises(Empty):
        receiver.got.get(timeout=0.1)


def test_callbacks_can_be_unsigned_forged_or_lost(box: Box, receiver: Receiver) -> None:
    for way in ("unsigned", "forged"):
        box.set(webhook_signature=way)
        box.finished(submit(box, PROFILES, ANNA, webhook_url=receiver.url))
        headers, body = receiver.next()
        assert ("x-crustdata-signature" in headers) == (way == "forged")
        assert way == "unsigned" or not is_signed(headers, body)
    box.set(webhook_lost=1)
    box.finished(submit(box, PROFILES, ANNA, webhook_url=receiver.url))
    with pytest.raises(Empty):
        receiver.got.get(timeout=0.1)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/x", "http://crm.example/x", "ftp://127.0.0.1/x", "http://[x"]
)
def test_only_this_machine_is_called_back(url) -> None:
    assert not is_loopback(url)
    assert is_loopback("http://127.0.0.1:8642/callbacks/crustdata/t") and is_loopback("http://localhost/x")


def test_a_person_that_the_vendor_does_not_know_is_not_found_by_a_job_either(box: Box) -> None:
    box.set(coverage={})
    assert known(UNKNOWN) is None and known(person_where(lambda p, k: True))
    assert box.finished(submit(box, PROFILES, UNKNOWN))["result_count"] == 0
