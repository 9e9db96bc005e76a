"""What ContactOut charges, by its published rules read conservatively: for hits, misses and parts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.contactout import Connector
from syncd.connector import Job, Mode, On, Replay
from syncd.model import Basis, Charge, Found, KeyKind, NotFound, Outcome
from tests.unit.contactout_support import (
    NOT_FOUND,
    PERSONAL,
    PHONE,
    URL,
    WORK,
    ScriptedWire,
    ask,
    connector,
    email,
    linkedin,
    operation,
    spent,
)


def profile(*, work: bool = False, personal: bool = False, phone: bool = False) -> dict[str, Any]:
    """A profile as linkedin/enrich and people/enrich give it, with what is asked for."""
    emails = [WORK] * work + [PERSONAL] * personal
    reach = {"email": emails, "work_email": [WORK] * work, "personal_email": [PERSONAL] * personal}
    about = {"url": URL, "full_name": "Mirela Vance", "phone": [PHONE] * phone}
    return {"status_code": 200, "profile": about | reach}


def bare(**reach: Any) -> dict[str, Any]:
    return {"status_code": 200, "profile": {"url": URL, "email": []} | reach}


def by_address(**reach: Any) -> dict[str, Any]:
    about = {"email": "asked@quayside.example.com", "fullName": "Mirela Vance", "linkedinUrl": URL}
    return {"status_code": 200, "profile": about | {"phone": ""} | reach}


EMPTY = {"status_code": 200, "profile": []}
FULL = profile(work=True, personal=True, phone=True)
RULES: list[tuple[str, object, dict[str, int]]] = [
    # linkedin/enrich: the profile alone costs a search credit, also where nobody is known
    ("profile", profile(), {"search": 1}),
    ("profile", EMPTY, {"search": 1}),
    ("profile", NOT_FOUND, {"search": 1}),
    # in full: contact data instead of the search credit
    ("profile_full", FULL, {"email": 1, "phone": 1}),
    ("profile_full", profile(work=True), {"email": 1}),
    ("profile_full", profile(personal=True), {"email": 1}),
    ("profile_full", profile(phone=True), {"phone": 1}),
    ("profile_full", profile(), {"search": 1}),
    ("profile_full", EMPTY, {"search": 1}),
    # email/enrich: any match is an e-mail credit, a phone cannot be declined
    ("email_profile", by_address(), {"email": 1}),
    ("email_profile", by_address(phone=PHONE), {"email": 1, "phone": 1}),
    ("email_profile_work", by_address(workEmail=WORK), {"email": 1}),
    ("email_profile_work", by_address(workEmail=WORK, phone=PHONE), {"email": 1, "phone": 1}),
    ("email_profile", NOT_FOUND, {}),
    ("email_profile_work", NOT_FOUND, {}),
    # people/enrich: a search credit for a match, and what was included on top
    ("person", profile(), {"search": 1}),
    ("person", NOT_FOUND, {}),
    ("person_work", profile(work=True), {"search": 1, "email": 1}),
    ("person_work", profile(), {"search": 1}),
    ("person_personal", profile(personal=True), {"search": 1, "email": 1}),
    ("person_phone", profile(phone=True), {"search": 1, "phone": 1}),
    ("person_phone", profile(), {"search": 1}),
    ("person_work_phone", profile(work=True, phone=True), {"search": 1, "email": 1, "phone": 1}),
    ("person_work_phone", profile(phone=True), {"search": 1, "phone": 1}),
    ("person_all", FULL, {"search": 1, "email": 1, "phone": 1}),
    ("person_all", profile(personal=True), {"search": 1, "email": 1}),
    ("person_all", NOT_FOUND, {}),
    # people/linkedin: what is found, not what is asked for
    ("contact_any", bare(email=[WORK, PERSONAL]), {"email": 1}),
    ("contact_any", NOT_FOUND, {}),
    ("contact_any", bare(), {}),
    ("contact_work", bare(email=[WORK], work_email=[WORK]), {"email": 1}),
    ("contact_work", bare(personal_email=[PERSONAL]), {"email": 1}),
    ("contact_work", NOT_FOUND, {}),
    ("contact_personal", bare(personal_email=[PERSONAL]), {"email": 1}),
    ("contact_phone", bare(phone=[PHONE]), {"phone": 1}),
    ("contact_phone", bare(), {}),
    ("contact_any_phone", bare(work_email=[WORK], phone=[PHONE]), {"email": 1, "phone": 1}),
    ("contact_any_phone", bare(work_email=[WORK]), {"email": 1}),
    ("contact_work_phone", bare(phone=[PHONE]), {"phone": 1}),
    ("contact_personal_phone", bare(personal_email=[PERSONAL], phone=PHONE), {"email": 1, "phone": 1}),
    # people/person
    (
        "email_to_linkedin",
        {"status_code": 200, "profile": {"email": "a@b.example.com", "linkedin": URL}},
        {"email": 1},
    ),
    ("email_to_linkedin", NOT_FOUND, {}),
    # searches: one credit a row
    ("search", {"status_code": 200, "profiles": {URL: {"full_name": "A"}, URL + "-2": []}}, {"search": 2}),
    ("search", {"status_code": 200, "profiles": []}, {}),
    ("decision_makers", {"status_code": 200, "profiles": {URL: {"full_name": "A"}}}, {"search": 1}),
    ("decision_makers", {"status_code": 200, "profiles": []}, {}),
    ("company_search", {"status_code": 200, "companies": [{"name": "A"}, {"name": "B"}]}, {"search": 2}),
    ("company_search", {"status_code": 200, "companies": []}, {}),
    # free
    ("company", {"status_code": 200, "companies": [{"northbeam.example.com": {"name": "A"}}]}, {}),
    ("count", {"status_code": 200, "total_results": 3}, {}),
    ("personal_email_check", {"status_code": 200, "profile": {"email": True}}, {}),
    ("work_email_check", {"status_code": 200, "profile": {"email": True, "email_status": None}}, {}),
    ("phone_check", {"status_code": 200, "profile": {"phone": False}}, {}),
    # verifier: three of five verdicts cost
    ("verify", {"status_code": 200, "data": {"status": "valid"}}, {"verifier": 1}),
    ("verify", {"status_code": 200, "data": {"status": "invalid"}}, {"verifier": 1}),
    ("verify", {"status_code": 200, "data": {"status": "accept_all"}}, {"verifier": 1}),
    ("verify", {"status_code": 200, "data": {"status": "disposable"}}, {}),
    ("verify", {"status_code": 200, "data": {"status": "unknown"}}, {}),
    # v1 batch
    ("emails_bulk", {"status_code": 200, "profiles": {URL: [WORK, PERSONAL]}}, {"email": 1}),
    ("emails_bulk", {"status_code": 200, "profiles": {URL: []}}, {}),
]


def charge_of(outcome: Outcome) -> Charge:
    assert isinstance(outcome, Found | NotFound)
    return outcome.charge


@pytest.mark.parametrize(("name", "body", "expected"), RULES)
def test_an_answer_is_charged_by_the_vendors_rule(name: str, body: object, expected: dict[str, int]) -> None:
    charge = charge_of(ask(name, body)[0])
    assert spent(charge) == expected
    assert charge.basis is Basis.BY_RULE


@pytest.mark.parametrize(("name", "body", "expected"), RULES)
def test_no_answer_of_one_record_costs_more_than_was_declared(
    name: str, body: object, expected: dict[str, int]
) -> None:
    most = operation(name).max_charge
    assert all(Decimal(amount) <= most[kind] for kind, amount in expected.items())


@pytest.mark.parametrize(
    ("name", "entry", "expected"),
    [
        (
            "contact_bulk",
            {"emails": [WORK], "work_emails": [WORK], "personal_emails": [], "phones": []},
            {"email": 1},
        ),
        ("contact_bulk", {"emails": [], "work_emails": [], "personal_emails": [], "phones": []}, {}),
        ("contact_bulk_phone", {"emails": [WORK, PERSONAL], "phones": [PHONE]}, {"email": 1, "phone": 1}),
        ("contact_bulk_phone", {"emails": [], "phones": [PHONE]}, {"phone": 1}),
    ],
)
def test_a_job_is_charged_per_profile_by_what_was_found(
    name: str, entry: object, expected: dict[str, int]
) -> None:
    made = connector()
    wire = ScriptedWire(made, {"data": {"status": "SENT", "result": {URL: entry}}})
    ((outcome,),) = made.poll(wire, operation(name), [Job('{"job_id":"j1"}', (linkedin(),))])
    assert spent(charge_of(outcome)) == expected


@pytest.mark.parametrize(
    ("word", "costs"), [("valid", 1), ("accept_all", 1), ("invalid", 1), ("unknown", 0), ("disposable", 0)]
)
def test_a_verifier_job_is_charged_per_address_by_verdict(word: str, costs: int) -> None:
    made = connector()
    lookup = email("a@quayside.example.com", KeyKind.FOUND_EMAIL)
    wire = ScriptedWire(made, {"data": {"status": "DONE", "result": {"a@quayside.example.com": word}}})
    ((outcome,),) = made.poll(wire, operation("verify_bulk"), [Job('{"job_id":"j1"}', (lookup,))])
    assert spent(charge_of(outcome)) == ({"verifier": 1} if costs else {})


def test_the_address_asked_about_counts_as_an_e_mail_that_was_found() -> None:
    body = profile() | {}
    body["profile"]["email"] = ["asked@quayside.example.com"]
    (outcome,) = ask("person_personal", body, email("asked@quayside.example.com"))
    assert spent(charge_of(outcome)) == {"search": 1, "email": 1}


def test_what_is_reserved_is_the_sum_of_the_declared_worst() -> None:
    worst = {
        "profile": {"search": 1},
        "profile_full": {"email": 1, "phone": 1, "search": 1},
        "email_profile": {"email": 1, "phone": 1},
        "person_all": {"search": 1, "email": 1, "phone": 1},
        "contact_work": {"email": 1},
        "contact_phone": {"phone": 1},
        "contact_any_phone": {"email": 1, "phone": 1},
        "contact_bulk_phone": {"email": 1, "phone": 1},
        "search": {"search": 25},
        "company_search": {"search": 25},
        "verify_bulk": {"verifier": 1},
        "company": {},
    }
    assert {name: {k: int(v) for k, v in operation(name).max_charge.items()} for name in worst} == worst


def test_every_paid_operation_says_what_a_lost_answer_allows() -> None:
    for op in Connector.operations:
        if op.free:
            assert op.replay is Replay.FREE, op.name
        elif "verifier" in op.max_charge:
            assert op.replay is Replay.OPAQUE, op.name
        else:
            assert op.replay is Replay.METERED, op.name


def test_only_the_full_profile_has_a_price_for_finding_no_contact_data() -> None:
    blank = {op.name for op in Connector.operations for price in op.prices if price.on is On.BLANK}
    assert blank == {"profile_full"}


def test_every_credit_kind_is_declared_and_only_the_verifier_has_no_balance() -> None:
    kinds = {price.kind for op in Connector.operations for price in op.prices}
    assert kinds == set(Connector.credits)
    assert Connector.unreported == {"verifier"}


def test_jobs_are_launched_in_batches_and_polled_within_a_day() -> None:
    jobs = {op.name: op for op in Connector.operations if op.mode is Mode.JOB}
    assert {name: op.batch for name, op in jobs.items()} == {
        "contact_bulk": 1000,
        "contact_bulk_phone": 1000,
        "verify_bulk": 100,
    }
    assert all(op.poll and op.poll.deadline_s == 86_400 and op.callback for op in jobs.values())
