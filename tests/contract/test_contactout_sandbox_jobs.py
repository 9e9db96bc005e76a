"""ContactOut's background jobs and callbacks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue

import pytest

from connectors.sandbox.callbacks import is_loopback
from tests.contract.contactout_process import EVERYTHING, WORLD, Box, known, person_where, sandbox, url

JOBS, VERIFY = "/v2/people/linkedin/batch", "/v1/email/verify/batch"
ANNA, BEN = (p for p in WORLD.people[3:5])
STRANGER = "https://linkedin.com/in/nobody-has-this-slug"
EMPTY: dict = {"emails": [], "personal_emails": [], "work_emails": []}


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off", coverage=EVERYTHING, job_delay_s=600, callback_retry_s=0.01) as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


class Receiver:
    """Where callbacks arrive; it answers with the statuses given, then 200."""

    def __init__(self) -> None:
        self.got: Queue[dict] = Queue()
        self.statuses: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()
                outer.got.put({"path": self.path, **json.loads(body)})

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/callbacks/x?y=1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def start(box: Box, *people: str, **more: object) -> str:
    answer = box.post(JOBS, {"profiles": list(people), **more})
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "job_id"} and answer.json()["status"] == "QUEUED"
    return answer.json()["job_id"]


def later(box: Box, seconds: float = 601) -> None:
    box.control("clock", {"advance_s": seconds})


def poll(box: Box, job: str, path: str = JOBS) -> dict:
    answer = box.get(f"{path}/{job}")
    assert answer.status_code == 200
    assert set(answer.json()) == {"data"} and set(answer.json()["data"]) == {"uuid", "status", "result"}
    return answer.json()["data"]


def row(person) -> dict:
    emails = {"emails": [person.work_email, person.personal_email], "work_emails": [person.work_email]}
    return emails | {"personal_emails": [person.personal_email]}


def test_a_contact_job_is_queued_and_then_sent_with_www_in_its_keys(box: Box) -> None:
    job = start(box, f"https://linkedin.com/in/{ANNA.slug}/", STRANGER)
    assert (poll(box, job)["status"], poll(box, job)["result"]) == ("QUEUED", None)
    later(box)
    data = poll(box, job)
    assert data["status"] == "SENT"
    assert data["result"] == {url(ANNA): row(ANNA), "https://www.linkedin.com/in/nobody-has-this-slug": EMPTY}


def test_the_uuid_is_not_the_job_id_but_finds_the_job_too(box: Box) -> None:
    job = start(box, url(ANNA))
    uuid = poll(box, job)["uuid"]
    assert uuid != job
    assert poll(box, uuid) == poll(box, job)
    assert start(box, url(ANNA)) not in (job, uuid)


def test_an_unknown_job_is_not_found_and_kinds_are_not_mixed(box: Box) -> None:
    job = start(box, url(ANNA))
    assert box.get(f"{VERIFY}/{job}").status_code == 404
    assert box.get(f"{JOBS}/3b0c0000-0000-4000-8000-000000000001").json()["message"] == "Not Found"


def test_phones_are_in_the_results_on_request_only(box: Box) -> None:
    person = person_where(lambda p, _: p.mobile, **EVERYTHING)
    with_phones, without = start(box, url(person), include_phone=True), start(box, url(person))
    later(box)
    spelled = poll(box, with_phones)["result"][url(person)]["phones"]
    assert [f"+{''.join(filter(str.isdigit, number))}" for number in spelled] == [person.mobile]
    assert "phones" not in poll(box, without)["result"][url(person)]


def test_a_job_is_paid_when_it_finishes_and_once_for_each_person(box: Box) -> None:
    with box.charging():
        job = start(box, url(ANNA), f"https://linkedin.com/in/{ANNA.slug}", url(BEN), STRANGER)
    with box.charging(email=2) as got:
        later(box)
        poll(box, job)
        poll(box, job)
    assert [(c["person"], c["operation"]) for c in got] == [(ANNA.ref, JOBS), (BEN.ref, JOBS)]


@pytest.mark.parametrize(("kinds", "cost"), [("none", {"phone": 1}), ("personal", {"phone": 1, "email": 1})])
def test_a_job_keeps_to_the_kinds_of_address_asked_for(box: Box, kinds: str, cost: dict) -> None:
    person = person_where(lambda p, _: p.mobile, **EVERYTHING)
    job = start(box, url(person), include_phone=True, email_type=kinds)
    with box.charging(**cost):
        later(box)
        data = poll(box, job)["result"][url(person)]
    assert data["work_emails"] == [] and bool(data["personal_emails"]) == (kinds == "personal")


def test_the_real_time_finder_is_part_of_a_job(box: Box) -> None:
    box.set(coverage={}, finder_share=1)
    person = person_where(lambda p, k: k and not k.work_email)
    job = start(box, url(person))
    later(box)
    assert poll(box, job)["result"][url(person)]["work_emails"] == [person.work_email]


def test_a_profile_that_the_balance_does_not_pay_for_is_left_out(box: Box) -> None:
    job = start(box, url(ANNA), url(BEN))
    box.control("balance", {"email": 1})
    with box.charging(email=1):
        later(box)
        assert set(poll(box, job)["result"]) == {url(ANNA)}
    refused = box.post(JOBS, {"profiles": [url(ANNA)]})
    assert refused.status_code == 403 and "out of credits" in refused.json()["message"]


def test_a_whole_job_counts_as_one_request(box: Box) -> None:
    before = box.get("/v1/stats").json()["usage"]
    job = start(box, url(ANNA), url(BEN))
    later(box)
    poll(box, job)
    after = box.get("/v1/stats").json()["usage"]
    assert after["count"] == before["count"] + 1 and after["quota"] == before["quota"] - 2


def test_a_verify_job_ends_done_with_a_verdict_for_each_address_as_sent(box: Box) -> None:
    emails = [ANNA.work_email.upper(), "x@throwaway.example", "x@unheard-of.example", f"x@{ANNA.past.domain}"]
    answer = box.post(VERIFY, {"emails": emails}).json()
    assert set(answer) == {"status", "job_id"}
    assert poll(box, answer["job_id"], VERIFY)["status"] == "QUEUED"
    single = box.get("/v1/email/verify", email=emails[3]).json()["data"]["status"]
    with box.charging(verifier=2):
        later(box)
        data = poll(box, answer["job_id"], VERIFY)
    assert data["status"] == "DONE" and data["uuid"] != answer["job_id"]
    assert data["result"] == dict(zip(emails, ["valid", "disposable", "unknown", single], strict=True))
    assert single in ("invalid", "accept_all")


def test_a_late_job_finishes_late_and_a_lost_one_never(box: Box) -> None:
    box.set(job_late=1, job_late_s=5000)
    late = start(box, url(ANNA))
    box.set(job_late=0, job_lost=1)
    lost = start(box, url(ANNA))
    later(box)
    assert poll(box, late)["status"] == poll(box, lost)["status"] == "QUEUED"
    with box.charging(email=1):
        later(box, 100_000)
        assert poll(box, late)["status"] == "SENT"
        assert poll(box, lost)["status"] == "QUEUED"


def test_a_lost_job_can_be_charged_all_the_same(box: Box) -> None:
    box.set(job_lost=1, job_lost_charged=True)
    job = start(box, url(ANNA))
    with box.charging(email=1):
        later(box)
        assert poll(box, job)["status"] == "QUEUED"


def test_a_callback_tells_of_the_job_without_any_poll(box: Box, receiver: Receiver) -> None:
    job = start(box, f"https://linkedin.com/in/{ANNA.slug}", callback_url=receiver.url)
    with box.charging(email=1):
        later(box)
        got = receiver.got.get(timeout=10)
    assert got == {"path": "/callbacks/x?y=1", "job_id": job, "profiles": {url(ANNA): row(ANNA)}}
    assert poll(box, job)["result"] == got["profiles"]


def test_a_verify_callback_names_the_addresses(box: Box, receiver: Receiver) -> None:
    body = {"emails": ["x@throwaway.example"], "callback_url": receiver.url}
    job = box.post(VERIFY, body).json()["job_id"]
    later(box)
    got = receiver.got.get(timeout=10)
    assert (got["job_id"], got["emails"]) == (job, {"x@throwaway.example": "disposable"})


def test_a_callback_is_repeated_until_it_is_taken(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    job = start(box, url(ANNA), callback_url=receiver.url)
    later(box)
    assert [receiver.got.get(timeout=10)["job_id"] for _ in range(3)] == [job] * 3


def test_callbacks_come_twice_or_not_at_all_by_knob(box: Box, receiver: Receiver) -> None:
    box.set(callback_lost=1)
    lost = start(box, url(ANNA), callback_url=receiver.url)
    box.set(callback_lost=0, callback_duplicates=1)
    twice = start(box, url(ANNA), callback_url=receiver.url)
    later(box)
    assert [receiver.got.get(timeout=10)["job_id"] for _ in range(2)] == [twice] * 2
    assert poll(box, lost)["status"] == "SENT"
    with pytest.raises(Empty):
        receiver.got.get_nowait()


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1/x", "https://syncd.example/x", "nonsense", "http://[x"]
)
def test_a_callback_never_leaves_the_machine(box: Box, address: str) -> None:
    assert not is_loopback(address)
    job = start(box, url(ANNA), callback_url=address)
    later(box)
    assert poll(box, job)["status"] == "SENT"


def test_an_unreachable_callback_does_not_keep_the_result_back(box: Box) -> None:
    job = start(box, url(ANNA), callback_url="http://127.0.0.1:9/x")
    later(box)
    assert poll(box, job)["result"] == {url(ANNA): row(ANNA)}


def test_a_job_whose_start_was_answered_with_an_error_runs_and_costs(box: Box, receiver: Receiver) -> None:
    box.control("faults", {"kind": "charge_then_500", "path": JOBS, "times": 1})
    body = {"profiles": [url(ANNA)], "callback_url": receiver.url}
    with box.charging(email=1):
        assert box.post(JOBS, body).status_code == 500
        later(box)
        assert receiver.got.get(timeout=10)["profiles"] == {url(ANNA): row(ANNA)}


def test_a_person_whom_nobody_knows_costs_nothing_in_a_job(box: Box) -> None:
    box.set(coverage={})
    person = person_where(lambda p, k: k is None)
    assert known(person) is None
    job = start(box, url(person), include_phone=True)
    with box.charging():
        later(box)
        assert poll(box, job)["result"] == {url(person): EMPTY | {"phones": []}}
