"""Batches and jobs: answers come back in any order and spelling, late, in part, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncd.connector import FailureKind, Job
from syncd.model import Field, Found, KeyKind, Lookup, NotFound, Outcome, Pending, Quality, Unresolved
from tests.unit.contactout_support import (
    NOT_FOUND,
    ScriptedWire,
    answer,
    ask,
    connector,
    dressed,
    email,
    failure_of,
    found,
    linkedin,
    one,
    operation,
    spent,
    value,
    values,
)

A = "https://www.linkedin.com/in/ada-demo"
B = "https://www.linkedin.com/in/ben-demo"
C = "https://www.linkedin.com/in/cleo-demo"
HANDLE = '{"job_id":"96d1c156-fc66-46ef-b053-be6dbb45cf1f"}'


def address(slug: str) -> str:
    return f"{slug}@quayside.example.com"


def poll(name: str, body: object, *lookups: Lookup, status: int = 200) -> list[Outcome]:
    made = connector()
    wire = ScriptedWire(made, answer(body, status))
    (outcomes,) = made.poll(wire, operation(name), [Job(HANDLE, lookups)])
    return outcomes


def job(result: object, status: object = "SENT") -> dict[str, Any]:
    return {"data": {"uuid": "another-id", "status": status, "result": result}}


def entry(*emails: str, phones: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "emails": list(emails),
        "work_emails": list(emails),
        "personal_emails": [],
        "phones": list(phones),
    }


def kinds(outcomes: list[Outcome]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# The batch of thirty.


def test_a_batch_is_matched_by_profile_in_any_order_and_spelling() -> None:
    body = {
        "status_code": 200,
        "profiles": {
            "http://uk.linkedin.com/in/Cleo-Demo/?x=1": [address("cleo")],
            "https://linkedin.com/in/ada-demo": [address("ada")],
            "https://www.linkedin.com/in/ben-demo": [],
        },
    }
    first, second, third = ask("emails_bulk", body, linkedin(A), linkedin(B), linkedin(C))
    assert value(found(first), Field.WORK_EMAIL) == address("ada")
    assert isinstance(second, NotFound)
    assert value(found(third), Field.WORK_EMAIL) == address("cleo")


def test_a_profile_that_a_batch_leaves_out_is_unresolved() -> None:
    body = {
        "status_code": 200,
        "profiles": {A: [address("ada")], "https://linkedin.com/in/other": ["x@y.example"]},
    }
    first, second = ask("emails_bulk", body, linkedin(A), linkedin(B))
    assert isinstance(first, Found)
    assert isinstance(second, Unresolved)
    assert second.charge is None


def test_an_unreadable_entry_costs_no_other_entry_its_answer() -> None:
    body = {"status_code": 200, "profiles": {A: [address("ada")], B: [{"mail": "x"}]}}
    assert kinds(ask("emails_bulk", body, linkedin(A), linkedin(B))) == [Found, Unresolved]


def test_an_empty_map_of_profiles_says_nothing_about_any() -> None:
    body = {"status_code": 200, "profiles": []}
    assert kinds(ask("emails_bulk", body, linkedin(A), linkedin(B))) == [Unresolved, Unresolved]


def test_the_example_batches_are_read() -> None:
    lookups = [linkedin(f"https://linkedin.com/in/mirela-vance-demo-{n}") for n in (1, 2, 3)]
    outcomes = ask("emails_bulk", dressed("v1_batch"), *lookups)
    assert len(found(outcomes[0]).values) == 3
    assert kinds(ask("emails_bulk", dressed("v1_batch_miss"), *lookups)) == [NotFound] * 3


def test_addresses_that_are_not_told_apart_are_sorted_by_who_holds_their_domain() -> None:
    body = {"status_code": 200, "profiles": {A: [address("ada"), "ada@gmail.com", "ada@web.de"]}}
    person = found(ask("emails_bulk", body, linkedin(A))[0])
    assert values(person, Field.WORK_EMAIL) == [(address("ada"), Quality.UNKNOWN)]
    assert [v for v, _ in values(person, Field.PERSONAL_EMAIL)] == ["ada@gmail.com", "ada@web.de"]


def test_a_question_that_stands_twice_is_sent_once_answered_twice_and_charged_once() -> None:
    made = connector()
    wire = ScriptedWire(made, {"status_code": 200, "profiles": {A: [address("ada")], B: []}})
    asked = [linkedin(A), linkedin(B), linkedin("https://linkedin.com/in/ada-demo/")]
    first, _, third = made.submit(wire, operation("emails_bulk"), asked)
    assert wire.sent[0][1].json == {"profiles": [A, B]}
    assert isinstance(first, Found) and isinstance(third, Found)
    assert first.candidates == third.candidates
    assert (spent(first.charge), spent(third.charge)) == ({"email": 1}, {})


# Companies by domain.


def companies(*names: str) -> dict[str, Any]:
    return {
        "status_code": 200,
        "companies": [{name: {"name": name.title(), "domain": name}} for name in names],
    }


def test_companies_are_matched_by_domain_in_any_order() -> None:
    asked = [
        one(KeyKind.DOMAIN, d) for d in ("a.example.com", "https://www.B.example.com/about", "c.example.com")
    ]
    outcomes = ask("company", companies("b.example.com", "a.example.com"), *asked)
    assert value(found(outcomes[0]), Field.COMPANY_DOMAIN) == "a.example.com"
    assert value(found(outcomes[1]), Field.COMPANY_DOMAIN) == "b.example.com"
    assert isinstance(outcomes[2], NotFound)


def test_a_company_of_another_domain_leaves_the_missing_ones_unresolved() -> None:
    asked = [one(KeyKind.DOMAIN, d) for d in ("a.example.com", "old.example.com")]
    assert kinds(ask("company", companies("a.example.com", "new.example.com"), *asked)) == [Found, Unresolved]


def test_companies_in_one_object_instead_of_a_list_are_read_too() -> None:
    body = {"status_code": 200, "companies": {"a.example.com": {"name": "A"}, "b.example.com": []}}
    asked = [one(KeyKind.DOMAIN, d) for d in ("a.example.com", "b.example.com")]
    assert kinds(ask("company", body, *asked)) == [Found, NotFound]


# Jobs.


def test_a_launched_job_is_pending_under_its_own_id_for_every_lookup() -> None:
    outcomes = ask("contact_bulk", dressed("launched"), linkedin(A), linkedin(B))
    assert outcomes == [Pending(HANDLE), Pending(HANDLE)]


def test_a_job_is_polled_by_the_id_of_its_launch() -> None:
    made = connector()
    wire = ScriptedWire(made, job(None, "QUEUED"))
    made.poll(wire, operation("contact_bulk"), [Job(HANDLE, (linkedin(A),))])
    made.poll(wire, operation("verify_bulk"), [Job(HANDLE, (email("a@b.example.com", KeyKind.FOUND_EMAIL),))])
    assert [(r.method, r.path, dict(r.args)) for _, r in wire.sent] == [
        ("GET", "/v2/people/linkedin/batch/{job}", {"job": json.loads(HANDLE)["job_id"]}),
        ("GET", "/v1/email/verify/batch/{job}", {"job": json.loads(HANDLE)["job_id"]}),
    ]


def test_the_example_jobs_are_read() -> None:
    lookups = [linkedin(f"https://linkedin.com/in/mirela-vance-demo-{n}") for n in (1, 2, 3)]
    first, second, _ = poll("contact_bulk_phone", dressed("contact_job"), *lookups)
    assert {v.field for v in found(first).values} == {Field.WORK_EMAIL, Field.PHONE}
    assert value(found(second), Field.PERSONAL_EMAIL) == "mirela@mail.example.org"
    asked = [
        email(a, KeyKind.FOUND_EMAIL) for a in ("test1@gmail.com", "Test2@contactout.com", "test3@yahoo.com")
    ]
    valid, catch_all, missing = poll("verify_bulk", dressed("verify_job"), *asked)
    assert found(valid).graded[Field.WORK_EMAIL] is Quality.VERIFIED
    assert found(catch_all).graded[Field.PERSONAL_EMAIL] is Quality.RISKY
    assert isinstance(missing, Unresolved)  # the example answers for an address that was not submitted


@pytest.mark.parametrize("status", ["QUEUED", "PENDING", "processing", "IN_PROGRESS", "RUNNING"])
def test_a_job_in_work_is_pending_whatever_it_already_holds(status: str) -> None:
    for body in (
        job(None, status),
        job({A: entry(address("ada"))}, status),
        {"status": status, "job_id": "x"},
    ):
        assert poll("contact_bulk", body, linkedin(A), linkedin(B)) == [Pending(HANDLE), Pending(HANDLE)]


@pytest.mark.parametrize(
    "body", [job(None), job(None, "DONE"), job(None, "WEIRD"), {"data": {"status": "SENT"}}]
)
def test_a_job_without_a_result_is_pending(body: object) -> None:
    assert poll("contact_bulk", body, linkedin(A)) == [Pending(HANDLE)]


def test_a_job_that_is_not_known_is_pending_because_it_may_yet_be() -> None:
    assert poll("contact_bulk", NOT_FOUND, linkedin(A), status=404) == [Pending(HANDLE)]


@pytest.mark.parametrize("status", ["FAILED", "error", "CANCELLED"])
def test_a_failed_job_is_unresolved_and_its_charge_unknown(status: str) -> None:
    results: list[object] = [None, [], {A: entry()}]
    for result in results:
        (outcome,) = poll("contact_bulk", job(result, status), linkedin(A))
        assert isinstance(outcome, Unresolved)
        assert outcome.charge is None


def test_what_a_failed_job_did_deliver_is_kept() -> None:
    outcomes = poll("contact_bulk", job({A: entry(address("ada"))}, "FAILED"), linkedin(A), linkedin(B))
    assert kinds(outcomes) == [Found, Unresolved]


def test_a_finished_job_finds_misses_and_leaves_out() -> None:
    result = {"https://linkedin.com/in/BEN-demo": entry(), A: entry(address("ada"), phones=("+35315550100",))}
    outcomes = poll("contact_bulk_phone", job(result), linkedin(A), linkedin(B), linkedin(C))
    assert kinds(outcomes) == [Found, NotFound, Unresolved]
    assert found(outcomes[0]).identity.linkedin_url == A


@pytest.mark.parametrize("status", ["FINISHED", "", None, 7])
def test_only_a_documented_end_may_say_not_found(status: object) -> None:
    outcomes = poll(
        "contact_bulk", job({A: entry(), B: entry(address("ben"))}, status), linkedin(A), linkedin(B)
    )
    assert kinds(outcomes) == [Unresolved, Found]


@pytest.mark.parametrize("blank", [[], {}, {"emails": []}, {"emails": [""], "phones": [None]}])
def test_blank_entries_in_every_known_form_mean_not_found(blank: object) -> None:
    assert kinds(poll("contact_bulk", job({A: blank}), linkedin(A))) == [NotFound]


@pytest.mark.parametrize("odd", [{"mails": ["a@b.example.com"]}, "none", {"emails": [{"x": 1}]}, None])
def test_entries_of_an_unknown_form_are_unresolved(odd: object) -> None:
    assert kinds(poll("contact_bulk", job({A: odd}), linkedin(A))) == [Unresolved]


def test_an_empty_result_of_a_finished_job_says_nothing_about_anyone() -> None:
    assert kinds(poll("contact_bulk", job([]), linkedin(A), linkedin(B))) == [Unresolved, Unresolved]


def test_numbers_that_were_not_asked_for_are_not_values() -> None:
    outcomes = poll("contact_bulk", job({A: entry(phones=("+35315550100",))}), linkedin(A))
    assert kinds(outcomes) == [NotFound]


def test_the_same_person_twice_in_a_job_is_answered_twice_and_charged_once() -> None:
    first, second = poll("contact_bulk", job({A: entry(address("ada"))}), linkedin(A), linkedin(A))
    assert isinstance(first, Found) and isinstance(second, Found)
    assert first.candidates == second.candidates
    assert (spent(first.charge), spent(second.charge)) == ({"email": 1}, {})


@pytest.mark.parametrize("word", ["bounced", None, {"status": "valid"}])
def test_an_unknown_verdict_in_a_job_is_unresolved(word: object) -> None:
    lookup = email("a@b.example.com", KeyKind.FOUND_EMAIL)
    assert kinds(poll("verify_bulk", job({"a@b.example.com": word}, "DONE"), lookup)) == [Unresolved]


@pytest.mark.parametrize("body", [{"data": "x"}, {"data": {}}, {"hello": 1}, {"data": {"result": "x"}}])
def test_a_reshaped_job_is_not_understood(body: object) -> None:
    assert failure_of(lambda: poll("contact_bulk", body, linkedin(A))).kind is FailureKind.CONTRACT


def test_several_jobs_are_asked_for_one_by_one() -> None:
    made = connector()
    wire = ScriptedWire(made, job({A: entry(address("ada"))}), job(None, "QUEUED"))
    jobs = [Job('{"job_id":"one"}', (linkedin(A),)), Job('{"job_id":"two"}', (linkedin(B), linkedin(C)))]
    outcomes = made.poll(wire, operation("contact_bulk"), jobs)
    assert [len(o) for o in outcomes] == [1, 2]
    assert outcomes[1] == [Pending('{"job_id":"two"}')] * 2
    assert [r.args["job"] for _, r in wire.sent] == ["one", "two"]


def test_a_handle_that_is_not_ours_is_never_sent() -> None:
    made = connector()
    wire = ScriptedWire(made, job(None))
    for handle in ('{"job_id":"../../v1/stats"}', "[]", "{}"):
        with pytest.raises(ValueError, match="handle"):
            made.poll(wire, operation("contact_bulk"), [Job(handle, (linkedin(A),))])
    assert wire.sent == []


# Callbacks.


@pytest.mark.parametrize(
    ("body", "jobs"),
    [
        ({"job_id": "j1", "profiles": {A: ["x@y.example.com"]}}, ["j1"]),
        ({"data": {"uuid": "u1", "status": "SENT", "result": {}}}, ["u1"]),
        ({"job_id": "j1", "data": {"uuid": "u1"}}, ["j1", "u1"]),
        ({"job_uuid": "j1", "uuid": "j1"}, ["j1"]),
    ],
)
def test_a_callback_names_the_jobs_to_poll_and_nothing_else(body: object, jobs: list[str]) -> None:
    handles = connector().callback(ScriptedWire(connector()), {}, json.dumps(body).encode())
    assert [json.loads(handle) for handle in handles] == [{"job_id": name} for name in jobs]


def test_the_handle_of_a_callback_equals_that_of_the_launch() -> None:
    (outcome,) = ask("contact_bulk", dressed("launched"), linkedin(A))
    assert isinstance(outcome, Pending)
    assert connector().callback(ScriptedWire(connector()), {}, json.dumps(dressed("launched")).encode()) == (
        outcome.handle,
    )


@pytest.mark.parametrize(
    "body", [b"", b"x", b"[]", b"{}", b'{"job_id":""}', b'{"job_id":{"a":1}}', b'{"job_id":"a/b"}']
)
def test_a_callback_that_names_no_job_is_not_understood(body: bytes) -> None:
    assert (
        failure_of(lambda: connector().callback(ScriptedWire(connector()), {}, body)).kind
        is FailureKind.CONTRACT
    )
