"""Waterfall.io's jobs: launched once, asked for until they end, and read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.waterfall_io import Connector
from syncd.connector import FailureKind, Job, Mode
from syncd.model import Charge, Found, NotFound, Pending, Unresolved
from tests.unit.scripted_wire import ScriptedWire, answer, failure_of, linkedin
from tests.unit.waterfall_io_support import (
    JOB,
    URL,
    any_lookup,
    ask,
    company,
    connector,
    ended,
    job,
    operation,
    person,
    poll,
    usage,
)

JOBS = [o.name for o in Connector.operations if o.mode is Mode.JOB]
PEOPLE = ["contact", "contact_phones", "phone"]


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_launch_is_pending_under_the_vendors_id(name: str, status: int) -> None:
    body = {"job_id": JOB, "start_date": "2026-01-15T12:00:00.000000+00:00"}
    assert ask(name, answer(body, status)) == Pending(JOB)


@pytest.mark.parametrize(
    "body", [{}, {"job_id": None}, {"job_id": ["a", "b"]}, {"job_id": "../x"}, [], "x", b"<html>"]
)
def test_a_launch_without_an_id_is_not_understood_and_may_have_been_charged(body: object) -> None:
    failure = failure_of(lambda: ask("contact", body))
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_read_by_its_id_at_the_place_of_its_launch(name: str) -> None:
    made, op = connector(), operation(name)
    wire = ScriptedWire(made, {"job_id": JOB}, job("RUNNING"))
    made.submit(wire, op, [any_lookup(op)])
    made.poll(wire, op, [Job(JOB, (any_lookup(op),))])
    (_, launch), (free, read) = wire.sent
    assert (read.method, read.path, dict(read.params)) == ("GET", launch.path, {"job_id": JOB})
    assert free.free and read.json is None


def test_several_jobs_are_read_one_by_one() -> None:
    made, op = connector(), operation("contact")
    wire = ScriptedWire(made, job("RUNNING"), ended(person=person()), ended(person=None))
    jobs = [Job(name, (linkedin(URL),)) for name in ("a", "b", "c")]
    kinds = [type(outcomes[0]) for outcomes in made.poll(wire, op, jobs)]
    assert kinds == [Pending, Found, NotFound]
    assert [request.params["job_id"] for _, request in wire.sent] == ["a", "b", "c"]


@pytest.mark.parametrize("name", JOBS)
def test_a_running_job_is_pending(name: str) -> None:
    assert poll(name, job("RUNNING")) == Pending(JOB)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_failed_is_unresolved_and_cost_nothing(name: str, status: str) -> None:
    outcome = poll(name, job(status))
    assert isinstance(outcome, Unresolved)
    assert outcome.charge == Charge.none()


def test_a_job_that_failed_costs_what_it_states() -> None:
    outcome = poll("contact", job("FAILED", output={"usage": usage(0.2)}))
    assert isinstance(outcome, Unresolved)
    assert outcome.charge is not None
    assert str(outcome.charge.amounts["usd"]) == "0.200000"


def test_a_job_that_the_vendor_no_longer_knows_is_unresolved_and_its_charge_unknown() -> None:
    gone = {"status": "error", "category": "NOT_FOUND", "code": "NOT_FOUND_JOB_NOT_FOUND"}
    outcome = poll("contact", answer(gone, 404))
    assert isinstance(outcome, Unresolved)
    assert outcome.charge is None


@pytest.mark.parametrize(
    "body",
    [{"status": "error", "code": "NOT_FOUND_NOT_FOUND"}, {}, b"<html>no such page</html>"],
)
def test_any_other_404_says_nothing_about_a_job(body: object) -> None:
    assert failure_of(lambda: poll("contact", answer(body, 404))).kind is FailureKind.CONTRACT


BLANK: dict[str, Any] = dict.fromkeys(person())


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize(
    "output", [{}, {"person": None}, {"person": {}}, {"person": BLANK | {"phone_numbers": []}}, None]
)
def test_an_answer_without_anybody_is_not_found_and_costs_nothing(name: str, output: object) -> None:
    outcome = poll(name, job(output=output))
    assert outcome == NotFound(Charge.none())


@pytest.mark.parametrize(
    "output", [{}, {"company": None}, {"company": {}}, {"company": dict.fromkeys(company())}]
)
def test_an_answer_without_a_company_is_not_found(output: object) -> None:
    assert poll("company", job(output=output)) == NotFound(Charge.none())


def test_somebody_without_numbers_is_a_miss_of_a_phone_look_up() -> None:
    raw = {"first_name": "Leni", "last_name": "Osk", "mobile_phone": None, "phone_numbers": []}
    assert isinstance(poll("phone", ended(person=raw, usage=usage(0.0))), NotFound)
    assert isinstance(poll("contact", ended(person=raw)), Found)


@pytest.mark.parametrize(
    "body",
    [
        job("DONE", output={"person": person()}),
        job(""),
        {key: value for key, value in job().items() if key != "status"},
        job(),
        job(result={"person": person()}),
        job(output=[]),
        job(output="x"),
        ended(person=[person()]),
        ended(person="x"),
        ended(person={"name": "Ilse Marrow"}),
        ended(person={"first_name": "Ilse", "phones": ["+493055501234"]}),
        ended(person=person(professional_email={"address": "x"})),
        ended(person=person(phone_numbers=[{"number": "+49"}])),
        ended(person=person(mobile_phone=True)),
        [],
        "SUCCEEDED",
        None,
        b"",
        b"<html>",
    ],
)
@pytest.mark.parametrize("name", ["contact_phones", "phone"])
def test_a_reshaped_answer_is_a_failure_and_never_not_found(name: str, body: object) -> None:
    assert failure_of(lambda: poll(name, body)).kind is FailureKind.CONTRACT


@pytest.mark.parametrize("company_said", ["x", [], [{}], {"company_name": "Tidewell"}])
def test_a_reshaped_company_is_a_failure(company_said: object) -> None:
    assert failure_of(lambda: poll("company", ended(company=company_said))).kind is FailureKind.CONTRACT


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"output": None},
        {"output": {"email": {}}},
        {"output": {"email": {"email_status": "fine"}}},
        [],
        b"x",
    ],
)
def test_a_reshaped_verdict_is_a_failure(body: object) -> None:
    assert failure_of(lambda: ask("verify", body)).kind is FailureKind.CONTRACT


def test_a_verification_that_failed_says_nothing_about_the_address() -> None:
    outcome = ask("verify", {"status": "TIMED_OUT"})
    assert isinstance(outcome, Unresolved)
    assert outcome.charge is None


def test_unknown_extra_keys_change_nothing() -> None:
    plain = poll("contact", ended(person=person()))
    assert poll("contact", ended(person=person(score=7), extra=[1]) | {"more": {}}) == plain


@pytest.mark.parametrize(
    "stamp", ["2026-05-04T09:00:01.102000", "2026-05-04T09:00:01+00:00", "2026-05-04T09:00:01Z", None]
)
def test_every_form_of_timestamp_will_do(stamp: object) -> None:
    assert isinstance(poll("contact", ended(person=person()) | {"start_date": stamp, "input": None}), Found)


def test_jobs_are_asked_for_soon_then_ever_slower_for_a_day() -> None:
    waits = operation("contact").poll
    assert waits is not None
    assert [waits.wait_s(n) for n in range(4)] == [2.0, 4.0, 8.0, 8.0]
    assert sum(waits.wait_s(n) for n in range(15)) <= 120
    assert (waits.wait_s(15), waits.wait_s(16), waits.wait_s(40)) == (60.0, 90.0, 900.0)
    assert (waits.deadline_s, waits.batch) == (86_400.0, 1)


def test_sparing_polling_asks_once_where_prompt_polling_asks_three_times() -> None:
    op = next(o for o in connector(polling="sparing").operations if o.name == "contact")
    assert op.poll is not None
    assert [op.poll.wait_s(n) for n in range(3)] == [12.0, 8.0, 8.0]


def test_texts_of_outcomes_hold_nobody() -> None:
    outcome = poll("contact", ended(person=person()))
    assert "Marrow" not in repr(outcome) and "tidewell" not in repr(outcome)
