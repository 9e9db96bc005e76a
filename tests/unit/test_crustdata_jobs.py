"""Batch jobs: launched once, polled for free, read from compressed files in parts; callbacks only wake up."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connectors.crustdata import Connector
from syncd.connector import Answer, FailureKind, Job
from syncd.model import Field, Found, Lookup, NotFound, Outcome, Pending, Quality, Unresolved
from tests.unit.crustdata_support import (
    OTHER,
    PERSONAL,
    PHONE,
    URL,
    WORK,
    ScriptedWire,
    answer,
    charge_of,
    connector,
    failure_of,
    found,
    graded,
    linkedin,
    operation,
    somebody,
    spent,
    values,
)

ID = "7e96a0d7-0000-4000-8000-dfa59365c2e9"
HANDLE = json.dumps({"batch_id": ID}, separators=(",", ":"))
FILE = "http://127.0.0.1:18080/files/t0k3n/part-000.jsonl.gz"
LAUNCHED = {
    "batch_id": ID,
    "status": "pending",
    "entity": "person",
    "action": "contact_enrich",
    "identifier_count": 2,
    "entities_requested": 2,
    "status_url": f"/batch/{ID}",
}
CONTACT = {
    "business_email": [{"email": WORK, "status": "deliverable"}],
    "personal_contact_info": {
        "personal_emails": [{"email": PERSONAL, "status": "unknown"}],
        "phone_numbers": [PHONE],
    },
}
EMPTY = {"business_email": [], "personal_contact_info": {"personal_emails": [], "phone_numbers": []}}


def state(status: str = "completed", **parts: Any) -> dict[str, Any]:
    said = {"batch_id": ID, "status": status, "entity": "person", "result_count": 2, "identifier_count": 2}
    return said | ({"download_url": FILE} if status == "completed" else {}) | parts


def lines(*rows: object, packed: bool = True) -> Answer:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    return answer(gzip.compress(text, mtime=0) if packed else text)


def line(url: str, data: object) -> dict[str, Any]:
    return {"original_identifier": url, "internal_id": 1, "data": data}


def wired(*answers: object) -> tuple[Connector, ScriptedWire]:
    made = connector()
    return made, ScriptedWire(made, *answers)


def poll(name: str, *answers: object, lookups: Sequence[Lookup] = ()) -> list[Outcome]:
    made, wire = wired(*answers)
    asked = tuple(lookups) or (linkedin(), linkedin(OTHER))
    (outcomes,) = made.poll(wire, operation(name), [Job(HANDLE, asked)])
    return outcomes


def test_a_launched_job_is_pending_under_its_id_for_every_lookup() -> None:
    made, wire = wired(LAUNCHED)
    outcomes = made.submit(wire, operation("batch_contact_all"), [linkedin(), linkedin(OTHER)])
    assert outcomes == [Pending(HANDLE), Pending(HANDLE)]
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    "body", [{}, [], {"batch_id": ""}, {"batch_id": "../x"}, {"batch_id": None}, b"<html>"]
)
@pytest.mark.parametrize("headers", [{}, {"x_credits_used": "0"}])
def test_a_launch_without_an_id_is_not_understood_and_may_cost(body: object, headers: dict[str, str]) -> None:
    made, wire = wired(answer(body, **headers))
    failure = failure_of(lambda: made.submit(wire, operation("batch_contact_all"), [linkedin()]))
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)


def test_a_job_is_polled_by_its_id_and_its_file_fetched_where_the_vendor_says() -> None:
    made, wire = wired(state(), lines(line(URL, CONTACT), line(OTHER, EMPTY)))
    made.poll(wire, operation("batch_contact_all"), [Job(HANDLE, (linkedin(), linkedin(OTHER)))])
    (first, status), (second, file) = wire.sent
    assert (status.method, status.path, dict(status.args)) == ("GET", "/batch/{id}", {"id": ID})
    assert (file.method, file.follow) == ("GET", FILE)
    assert not file.headers
    assert first.free
    assert second.free


def test_several_jobs_are_asked_for_one_by_one() -> None:
    made, wire = wired(state("processing", result_count=0))
    jobs = [Job(HANDLE, (linkedin(),)), Job(HANDLE, (linkedin(), linkedin(OTHER)))]
    assert [len(o) for o in made.poll(wire, operation("batch_profile"), jobs)] == [1, 2]


@pytest.mark.parametrize("status", ["pending", "processing", "PROCESSING", "queued", "something"])
def test_a_job_in_work_is_pending_whatever_it_already_counts(status: str) -> None:
    assert poll("batch_contact_all", state(status)) == [Pending(HANDLE)] * 2


def test_a_job_or_file_that_is_not_there_may_yet_come() -> None:
    assert poll("batch_contact_all", answer({"message": "Not found"}, 404)) == [Pending(HANDLE)] * 2
    for status in (403, 404, 410):
        assert poll("batch_contact_all", state(), answer(b"<xml>", status)) == [Pending(HANDLE)] * 2


@pytest.mark.parametrize("body", [{}, [], {"status": None}, {"status": ""}, b"<html>", b"null"])
def test_a_state_that_is_none_is_not_understood(body: object) -> None:
    failure = failure_of(lambda: poll("batch_contact_all", answer(body)))
    assert failure.kind is FailureKind.CONTRACT


def test_a_failed_job_is_unresolved_and_its_charge_unknown() -> None:
    for outcome in poll("batch_contact_all", state("failed", error_message=f"for {WORK}")):
        assert isinstance(outcome, Unresolved)
        assert outcome.charge is None
        assert WORK not in outcome.reason


def test_an_outage_of_a_free_poll_is_never_ambiguous() -> None:
    for answers in ((answer(b"", 500),), (state(), answer(b"", 503))):
        failure = failure_of(partial(poll, "batch_contact_all", *answers))
        assert failure.kind is FailureKind.UNAVAILABLE


def test_a_job_without_results_is_not_downloaded_and_knows_nobody() -> None:
    outcomes = poll("batch_contact_all", state(result_count=0, download_url="http://127.0.0.1/dead"))
    assert all(isinstance(o, NotFound) for o in outcomes)


def test_a_finished_job_finds_and_misses_in_any_order_and_spelling() -> None:
    rows = [line("http://linkedin.com/in/Piet-Samsa-Example/", EMPTY), line(URL, CONTACT)]
    first, second = poll("batch_contact_all", state(), lines(*rows))
    person = found(first)
    assert graded(person, Field.WORK_EMAIL) == [(WORK, Quality.VERIFIED)]
    assert graded(person, Field.PERSONAL_EMAIL) == [(PERSONAL, Quality.UNKNOWN)]
    assert graded(person, Field.PHONE) == [(PHONE, Quality.UNKNOWN)]
    assert isinstance(second, NotFound)
    assert [spent(first), spent(second)] == [5, 0]


def test_a_contact_job_passes_on_what_was_asked_for_alone() -> None:
    (first, _) = poll("batch_contact_phone", state(), lines(line(URL, CONTACT), line(OTHER, EMPTY)))
    assert values(found(first)) == {Field.PHONE: PHONE}
    assert found(first).identity.emails == ()
    assert spent(first) == 5


def test_data_beside_the_identifier_instead_of_under_a_name_are_read() -> None:
    flat = {"professional_network_url": URL, "person_id": 4} | CONTACT
    (first, second) = poll("batch_contact_all", state(), lines(flat, line(OTHER, EMPTY)))
    assert values(found(first))[Field.WORK_EMAIL] == WORK
    assert isinstance(second, NotFound)


def test_files_in_parts_and_without_compression_are_read() -> None:
    parts = state(download_urls=[FILE, FILE + "2"], download_url="http://127.0.0.1/other")
    made, wire = wired(parts, lines(line(URL, CONTACT)), lines(line(OTHER, EMPTY), packed=False))
    ((first, second),) = made.poll(
        wire, operation("batch_contact_all"), [Job(HANDLE, (linkedin(), linkedin(OTHER)))]
    )
    assert isinstance(first, Found)
    assert isinstance(second, NotFound)
    assert [r.follow for _, r in wire.sent[1:]] == [FILE, FILE + "2"]


def test_line_separators_inside_a_value_do_not_end_a_line() -> None:
    person = somebody(basic_profile={"name": "Lena Ostrow", "headline": "A\u2028B"})
    (first, _) = poll("batch_profile", state(), lines(line(URL, person)))
    assert values(found(first))[Field.HEADLINE] == "A B"


def test_a_compressed_file_of_several_members_is_read_whole() -> None:
    texts = [json.dumps(line(url, CONTACT)).encode() + b"\n" for url in (URL, OTHER)]
    both = answer(b"".join(gzip.compress(text, mtime=0) for text in texts))
    assert all(isinstance(o, Found) for o in poll("batch_contact_all", state(), both))


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b'{"a":1}\n', mtime=0)[:-9],
        b"\x1f\x8bnonsense",
        gzip.compress(b'{"original_identifier": ', mtime=0),
        b"<html>\n",
    ],
)
def test_a_torn_file_is_not_understood_and_can_be_fetched_again(body: bytes) -> None:
    failure = failure_of(lambda: poll("batch_contact_all", state(), answer(body)))
    assert failure.kind is FailureKind.CONTRACT


def test_a_finished_job_that_does_not_say_where_its_result_is_is_not_understood() -> None:
    for parts in ({"download_url": None}, {"download_url": "", "download_urls": []}):
        failure = failure_of(partial(poll, "batch_profile", state(**parts)))
        assert failure.kind is FailureKind.CONTRACT


def test_a_profile_job_leaves_out_whom_it_does_not_know() -> None:
    first, second = poll("batch_profile", state(result_count=1), lines(line(URL, somebody())))
    assert found(first).identity.full_name == "Lena Ostrow"
    assert isinstance(second, NotFound)
    assert [spent(first), spent(second)] == [1, 0]
    assert Field.WORK_EMAIL not in values(found(first))


def test_a_profile_job_in_the_form_of_direct_answers_is_read() -> None:
    matches = {"matches": [{"confidence_score": 1.0, "person_data": somebody()}]}
    first, second = poll("batch_profile", state(), lines(line(URL, matches), line(OTHER, {"matches": []})))
    assert isinstance(first, Found)
    assert isinstance(second, NotFound)


def test_whom_a_contact_job_leaves_out_is_unresolved_and_a_broken_line_too() -> None:
    first, second = poll("batch_contact_all", state(), lines(line(URL, {"fax": []}), [1], "x"))
    assert isinstance(first, Unresolved)
    assert isinstance(second, Unresolved)
    assert (first.charge, second.charge) == (None, None)
    (third, _) = poll("batch_profile", state(), lines(line(URL, {"a": 1})))
    assert isinstance(third, Unresolved)


def test_a_handle_of_another_making_is_refused() -> None:
    made, wire = wired(state())
    for handle in ('{"batch_id":"../account"}', "{}", '{"batch_id":4.5}'):
        with pytest.raises(ValueError, match="handle"):
            made.poll(wire, operation("batch_profile"), [Job(handle, (linkedin(),))])
    assert not wire.sent


def test_jobs_are_polled_ever_more_slowly_for_a_day() -> None:
    poll_ = operation("batch_profile").poll
    assert poll_ is not None
    assert (poll_.wait_s(0), poll_.wait_s(20), poll_.deadline_s) == (10.0, 60.0, 86_400.0)


# Callbacks.


def test_a_callback_names_the_job_and_nothing_else_counts() -> None:
    made, wire = wired(state())
    for body in (LAUNCHED, state("failed"), {"batch_id": ID}):
        assert made.callback(wire, {}, json.dumps(body).encode()) == (HANDLE,)
    assert not wire.sent


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"batch_id": "../x"}', b'{"batch_id": null}']
)
def test_a_callback_without_a_job_is_not_understood(body: bytes) -> None:
    made, wire = wired(state())
    assert failure_of(lambda: made.callback(wire, {}, body)).kind is FailureKind.CONTRACT


VECTOR = "3bb086bb9b71ad11dfc400b30327953153153a9d285126e434105f1e3b84537f"


def test_the_signature_of_the_reference_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body of the vector names no batch: what is refused is its content, not its signature."""
    monkeypatch.setenv("CRUSTDATA_TEST_TOKEN", "cd_test_key_0001")
    made, wire = wired(state())
    headers = {"x-crustdata-signature": f"t=1700000000,v1={VECTOR}"}
    good = failure_of(lambda: made.callback(wire, headers, b'{"event":"example"}'))
    assert good.kind is FailureKind.CONTRACT
    bad = failure_of(lambda: made.callback(wire, headers, b'{"event":"Example"}'))
    assert bad.kind is FailureKind.AUTH


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "t=1",
        "v1=",
        "t=1,v1=",
        "t=1,v1=00",
        "nonsense",
        f"t=1700000001,v1={VECTOR}",
        f"v1={VECTOR}",
        "t=1,v1=é",
    ],
)
def test_a_wrong_signature_is_refused(signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUSTDATA_TEST_TOKEN", "cd_test_key_0001")
    made, wire = wired(state())
    body = json.dumps({"batch_id": ID}).encode()
    failure = failure_of(lambda: made.callback(wire, {"X-Crustdata-Signature": signature}, body))
    assert failure.kind is FailureKind.AUTH
    assert "cd_test_key" not in f"{failure!r}"


def test_a_right_signature_lets_the_job_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUSTDATA_TEST_TOKEN", "cd_test_key_0001")
    made, wire = wired(state())
    body = json.dumps({"batch_id": ID}).encode()
    mac = hmac.new(b"cd_test_key_0001", b"1700000000." + body, hashlib.sha256).hexdigest()
    assert made.callback(wire, {"x-crustdata-signature": f"t=1700000000,v1={mac}"}, body) == (HANDLE,)


def test_a_person_who_stands_twice_in_a_job_is_charged_once() -> None:
    asked = [linkedin(), linkedin(OTHER), linkedin(URL + "/")]
    result = (state(), lines(line(URL, CONTACT), line(OTHER, EMPTY)))
    outcomes = poll("batch_contact_work", *result, lookups=asked)
    assert [type(o) for o in outcomes] == [Found, NotFound, Found]
    assert [spent(o) for o in outcomes] == [spent(outcomes[0]), 0, 0]
    assert spent(outcomes[0]) > 0


def test_the_charge_of_a_job_is_by_rule() -> None:
    (first, _) = poll(
        "batch_contact_work", state(), lines(line(URL, CONTACT | {"personal_contact_info": None}))
    )
    assert charge_of(first).amounts == {"credit": Decimal(1)}
