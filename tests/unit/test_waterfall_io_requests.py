"""What is sent to Waterfall.io: one way to name somebody per request, and nothing undocumented."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.waterfall_io import Connector, ConnectorOptions
from connectors.waterfall_io.operations import FINDER, SIGNING_KEYS
from syncd.connector import Mode, Request, load
from syncd.model import KeyKind, Lookup, Refused
from tests.unit.scripted_wire import ScriptedWire, email, linkedin, named, one
from tests.unit.waterfall_io_support import (
    JOB,
    PAGE,
    URL,
    WORK,
    any_lookup,
    connector,
    operation,
)

VERDICT = {"job_id": JOB, "output": {"email": {"email_status": "valid"}, "job_change_status": "unknown"}}
NAME = named(full_name="Ilse Marrow", domain="https://www.Tidewell.example.com/about")
SPLIT = named(first_name="Ilse", last_name="Marrow", domain="tidewell.example.com")
DOMAIN = {"domain": "tidewell.example.com"}


def sent(name: str, lookup: Lookup) -> Request:
    made, op = connector(), operation(name)
    wire = ScriptedWire(made, VERDICT)
    made.submit(wire, op, [lookup])
    ((with_, request),) = wire.sent
    assert with_ is op
    return request


@pytest.mark.parametrize(
    ("name", "path", "lookup", "body"),
    [
        ("contact", "contact", email(WORK), {"email": WORK}),
        ("contact", "contact", linkedin(URL), {"linkedin": URL}),
        ("contact", "contact", NAME, {"full_name": "Ilse Marrow"} | DOMAIN),
        ("contact", "contact", SPLIT, {"first_name": "Ilse", "last_name": "Marrow"} | DOMAIN),
        ("contact_phones", "contact", email(WORK), {"email": WORK, "include_phones": True}),
        ("phone", "phone", linkedin(URL), {"linkedin": URL}),
        ("phone", "phone", email(WORK), {"email": WORK}),
        ("company", "company", one(KeyKind.DOMAIN, "Tidewell.example.com"), DOMAIN),
        ("company", "company", one(KeyKind.COMPANY_LINKEDIN_URL, PAGE), {"linkedin": PAGE}),
        ("company", "company", one(KeyKind.COMPANY_NAME, "Tidewell"), {"name": "Tidewell"}),
    ],
)
def test_a_launch_names_somebody_in_exactly_one_way(
    name: str, path: str, lookup: Lookup, body: dict[str, Any]
) -> None:
    request = sent(name, lookup)
    assert (request.method, request.path) == ("POST", f"/v1/enrichment/{path}")
    assert request.json == body
    assert (request.callback_key, dict(request.params)) == ("webhook_url", {})


def test_our_reference_travels_in_the_custom_fields_of_launches_only() -> None:
    assert sent("contact", email(WORK, ref="r-7")).json == {
        "email": WORK,
        "custom_fields": {"syncd_ref": "r-7"},
    }
    assert sent("verify", email(WORK, KeyKind.FOUND_EMAIL, ref="r-7")).json == {"email": WORK}


@pytest.mark.parametrize(
    ("name", "path", "lookup", "body"),
    [
        ("verify", "/v1/verify/email", email(WORK, KeyKind.FOUND_EMAIL), {"email": WORK}),
        ("job_change", "/v1/job/change", email(WORK), {"professional_email": WORK}),
        (
            "job_change",
            "/v1/job/change",
            SPLIT,
            {"contact_full_name": "Ilse Marrow", "company_domain": "tidewell.example.com"},
        ),
    ],
)
def test_a_direct_question_has_no_place_for_a_callback(
    name: str, path: str, lookup: Lookup, body: dict[str, Any]
) -> None:
    request = sent(name, lookup)
    assert (request.method, request.path, request.json, request.callback_key) == ("POST", path, body, "")


@pytest.mark.parametrize(
    "lookup",
    [
        email("sales@tidewell.example.com"),
        email("no-reply@tidewell.example.com"),
        email("info+crm@tidewell.example.com"),
        email("ilse@gmail.com"),
        email("ilse@yahoo.co.uk"),
        named(full_name="Ilse Marrow", domain="gmail.com"),
        named(full_name="Ilse Marrow", domain="tidewell"),
        named(full_name="x" * 251, domain="tidewell.example.com"),
        named(first_name="x" * 101, last_name="Marrow", domain="tidewell.example.com"),
        named(first_name="Ilse", last_name="", domain="tidewell.example.com"),
        linkedin("https://www.linkedin.com/in/" + "x" * 480),
    ],
    ids=lambda lookup: lookup.key.canonical[:40],
)
@pytest.mark.parametrize("name", ["contact", "contact_phones", "phone"])
def test_what_the_vendor_would_refuse_is_refused_unsent_and_free(name: str, lookup: Lookup) -> None:
    made = connector()
    wire = ScriptedWire(made, VERDICT)
    (outcome,) = made.submit(wire, operation(name), [lookup])
    assert isinstance(outcome, Refused)
    assert wire.sent == [] and not outcome.charge.amounts
    assert not any(piece in outcome.reason for piece in lookup.key.parts.values() if piece)


@pytest.mark.parametrize(
    ("name", "lookup"),
    [
        ("contact", email("salesman@tidewell.example.com")),
        ("contact", email("ilse@notgmail.com")),
        ("contact", named(full_name="x" * 250, domain="tidewell.example.com")),
        ("verify", email("info@gmail.com", KeyKind.FOUND_EMAIL)),
        ("company", one(KeyKind.COMPANY_NAME, "gmail.com")),
    ],
)
def test_what_only_resembles_that_is_sent(name: str, lookup: Lookup) -> None:
    assert sent(name, lookup).method == "POST"


def test_every_operation_can_be_sent_by_every_key_that_it_accepts() -> None:
    people = [linkedin(URL), email(WORK), email(WORK, KeyKind.FOUND_EMAIL), NAME]
    firms = [
        one(k, v)
        for k, v in (
            (KeyKind.DOMAIN, "a.example.com"),
            (KeyKind.COMPANY_NAME, "A"),
            (KeyKind.COMPANY_LINKEDIN_URL, PAGE),
        )
    ]
    by_kind = {lookup.key.kind: lookup for lookup in people + firms}
    for op in Connector.operations:
        for kind in op.accepts:
            assert isinstance(sent(op.name, by_kind[kind]).json, dict)


def test_a_key_of_another_kind_or_a_second_question_is_never_sent() -> None:
    made = connector()
    wire = ScriptedWire(made, VERDICT)
    for name, lookups in [
        ("contact", [one(KeyKind.PHONE, "+493055501234")]),
        ("verify", [email(WORK)]),
        ("contact", [email(WORK), linkedin(URL)]),
    ]:
        with pytest.raises(ValueError, match=name):
            made.submit(wire, operation(name), lookups)
    assert made.submit(wire, operation("contact"), []) == []
    assert wire.sent == []


def test_a_submission_is_one_request() -> None:
    for op in Connector.operations:
        made = connector()
        wire = ScriptedWire(made, VERDICT)
        made.submit(wire, op, [any_lookup(op)])
        assert len(wire.sent) == 1


def test_asking_for_jobs_shares_the_bucket_of_launching_them() -> None:
    buckets = {limit.bucket: (limit.count, limit.per_s) for limit in Connector.limits}
    assert buckets["default"] == (50, 60.0)
    assert {o.bucket for o in (*Connector.operations, FINDER)} == {"default"}
    assert SIGNING_KEYS.bucket == "account"


def test_only_jobs_call_back() -> None:
    assert all(o.callback is (o.mode is Mode.JOB) for o in Connector.operations)


def test_the_preview_is_offered_on_request_only() -> None:
    names = {o.name for o in connector(job_changes=False).operations}
    assert names == {"contact", "contact_phones", "phone", "company", "verify"}
    assert names | {"job_change"} == {o.name for o in connector().operations}


def test_the_key_travels_in_its_own_header_and_in_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATERFALL_IO_TEST_TOKEN", " wio-canary-0001\n")
    made = connector()
    assert made.headers()["x-api-key"] == "wio-canary-0001"
    assert "wio-canary-0001" not in f"{made!r} {made.__dict__!r} {sent('contact', email(WORK))!r}"


def test_every_option_is_described_and_nonsense_refused() -> None:
    assert all(info.description for info in ConnectorOptions.model_fields.values())
    wrong: dict[str, Any]
    for wrong in (
        {"balance_semantics": "postpaid"},
        {"max_numbers": 0},
        {"status_quality": {"safe": "great"}},
        {"polling": "often"},
        {"prices": {}},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            connector(**wrong)


def test_the_core_finds_the_connector_by_name() -> None:
    assert load("provider", "waterfall_io") is Connector
    assert Connector.name == "waterfall_io"
