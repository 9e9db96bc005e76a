"""What is sent: the vendor's paths and switches, the promised limits, and what options add or take away."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.contactout import Connector, ConnectorOptions
from syncd.connector import Failure, Limit, Mode, Operation, Request, load
from syncd.model import COMPANY_FIELDS, Field, Key, KeyKind, Lookup, Quality
from syncd.secret import Secret
from tests.unit.contactout_support import (
    URL,
    ScriptedWire,
    any_lookup,
    connector,
    dressed,
    email,
    linkedin,
    named,
    one,
    operation,
)

JOB = dressed("launched")
ASKED = "asked@quayside.example.com"


def sent(name: str, *lookups: Lookup, **options: Any) -> Request:
    """The request for a submission, whatever is made of the answer."""
    made = connector(**options)
    op = operation(name)
    wire = ScriptedWire(made, JOB | {"status_code": 404} if op.mode is Mode.DIRECT else JOB)
    with suppress(Failure):
        made.submit(wire, op, list(lookups) or [any_lookup(op)])
    ((used, request),) = wire.sent
    assert used is op
    return request


GETS: list[tuple[str, str, dict[str, str]]] = [
    ("profile", "/v1/linkedin/enrich", {"profile": URL, "profile_only": "true"}),
    ("profile_full", "/v1/linkedin/enrich", {"profile": URL}),
    ("email_profile", "/v1/email/enrich", {"email": ASKED}),
    ("email_profile_work", "/v1/email/enrich", {"email": ASKED, "include": "work_email"}),
    ("contact_any", "/v1/people/linkedin", {"profile": URL}),
    ("contact_work", "/v1/people/linkedin", {"profile": URL, "email_type": "work"}),
    ("contact_personal", "/v1/people/linkedin", {"profile": URL, "email_type": "personal"}),
    ("contact_phone", "/v1/people/linkedin", {"profile": URL, "email_type": "none", "include_phone": "true"}),
    ("contact_any_phone", "/v1/people/linkedin", {"profile": URL, "include_phone": "true"}),
    (
        "contact_work_phone",
        "/v1/people/linkedin",
        {"profile": URL, "email_type": "work", "include_phone": "true"},
    ),
    (
        "contact_personal_phone",
        "/v1/people/linkedin",
        {"profile": URL, "email_type": "personal", "include_phone": "true"},
    ),
    ("email_to_linkedin", "/v1/people/person", {"email": ASKED}),
    ("personal_email_check", "/v1/people/linkedin/personal_email_status", {"profile": URL}),
    ("work_email_check", "/v1/people/linkedin/work_email_status", {"profile": URL}),
    ("phone_check", "/v1/people/linkedin/phone_status", {"profile": URL}),
    ("verify", "/v1/email/verify", {"email": ASKED}),
]


@pytest.mark.parametrize(("name", "path", "params"), GETS)
def test_questions_in_the_query_carry_exactly_the_documented_switches(
    name: str, path: str, params: dict[str, str]
) -> None:
    request = sent(name)
    assert (request.method, request.path, dict(request.params), request.json) == ("GET", path, params, None)


NAME = named(full_name="Mirela Vance", company="Northbeam")
NAME_DOMAIN = named(full_name="Mirela Vance", domain="https://www.northbeam.example.com/")
POSTS: list[tuple[str, Lookup, str, dict[str, Any]]] = [
    ("person", linkedin(), "/v1/people/enrich", {"linkedin_url": URL}),
    ("person", email(ASKED), "/v1/people/enrich", {"email": ASKED}),
    ("person", one(KeyKind.PHONE, "+35315550100"), "/v1/people/enrich", {"phone": "+35315550100"}),
    ("person", NAME, "/v1/people/enrich", {"full_name": "Mirela Vance", "company": ["Northbeam"]}),
    (
        "person_work",
        NAME_DOMAIN,
        "/v1/people/enrich",
        {
            "full_name": "Mirela Vance",
            "company_domain": ["northbeam.example.com"],
            "include": ["work_email"],
        },
    ),
    (
        "person_phone",
        named(first_name="Mirela", last_name="Vance", company="Northbeam"),
        "/v1/people/enrich",
        {"first_name": "Mirela", "last_name": "Vance", "company": ["Northbeam"], "include": ["phone"]},
    ),
    (
        "person_personal",
        linkedin(),
        "/v1/people/enrich",
        {"linkedin_url": URL, "include": ["personal_email"]},
    ),
    (
        "person_all",
        linkedin(),
        "/v1/people/enrich",
        {"linkedin_url": URL, "include": ["work_email", "personal_email", "phone"]},
    ),
    (
        "search",
        NAME,
        "/v1/people/search",
        {"name": "Mirela Vance", "company": ["Northbeam"], "reveal_info": False},
    ),
    ("count", NAME, "/v1/people/count", {"name": "Mirela Vance", "company": ["Northbeam"]}),
    ("count", NAME_DOMAIN, "/v1/people/count", {"name": "Mirela Vance", "domain": ["northbeam.example.com"]}),
    (
        "company",
        one(KeyKind.DOMAIN, "WWW.a.example.com"),
        "/v1/domain/enrich",
        {"domains": ["a.example.com"]},
    ),
    ("company_search", one(KeyKind.COMPANY_NAME, "Northbeam"), "/v1/company/search", {"name": ["Northbeam"]}),
    ("emails_bulk", linkedin(), "/v1/people/linkedin/batch", {"profiles": [URL]}),
    ("contact_bulk", linkedin(), "/v2/people/linkedin/batch", {"profiles": [URL], "include_phone": False}),
    (
        "contact_bulk_phone",
        linkedin(),
        "/v2/people/linkedin/batch",
        {"profiles": [URL], "include_phone": True},
    ),
    ("verify_bulk", email(ASKED, KeyKind.FOUND_EMAIL), "/v1/email/verify/batch", {"emails": [ASKED]}),
]


@pytest.mark.parametrize(("name", "lookup", "path", "body"), POSTS)
def test_questions_in_the_body_carry_exactly_what_is_known(
    name: str, lookup: Lookup, path: str, body: dict[str, Any]
) -> None:
    request = sent(name, lookup)
    assert (request.method, request.path, request.json, dict(request.params)) == ("POST", path, body, {})


@pytest.mark.parametrize(
    ("lookup", "params"),
    [
        (one(KeyKind.DOMAIN, "northbeam.example.com"), {"domain": "northbeam.example.com"}),
        (one(KeyKind.COMPANY_NAME, "Northbeam"), {"name": "Northbeam"}),
        (
            one(KeyKind.COMPANY_LINKEDIN_URL, "https://www.linkedin.com/company/1"),
            {"linkedin_url": "https://www.linkedin.com/company/1"},
        ),
    ],
)
def test_decision_makers_are_asked_for_without_contact_data(lookup: Lookup, params: dict[str, str]) -> None:
    request = sent("decision_makers", lookup)
    assert request.path == "/v1/people/decision-makers"
    assert dict(request.params) == params | {"reveal_info": "false"}


def test_every_operation_can_be_sent_by_every_key_that_it_accepts() -> None:
    for op in Connector.operations:
        for kind in op.accepts:
            narrowed = Operation(op.name, accepts=frozenset({kind}))
            assert sent(op.name, any_lookup(narrowed)).path.startswith("/v")


def test_forbidden_things_are_never_sent() -> None:
    for op in Connector.operations:
        text = json.dumps(
            [dict(sent(op.name, v2_email_type=True).params), sent(op.name, v2_email_type=True).json]
        )
        assert '"both"' not in text
        assert "/sales/" not in text and "/talent/" not in text
        assert "page_size" not in text
    assert Key.linkedin("https://www.linkedin.com/sales/people/x") is None
    assert Key.linkedin("https://www.linkedin.com/talent/profile/x") is None


def test_a_batch_beyond_the_vendors_size_is_never_sent() -> None:
    made = connector()
    for name, most in (("verify_bulk", 100), ("emails_bulk", 30), ("company", 30), ("contact_bulk", 1000)):
        op = operation(name)
        assert op.batch == most
        wire = ScriptedWire(made, JOB)
        with pytest.raises(ValueError, match=str(most)):
            made.submit(wire, op, [any_lookup(op)] * (most + 1))
        assert wire.sent == []


def test_a_key_of_another_kind_is_never_sent() -> None:
    made = connector()
    wire = ScriptedWire(made, JOB)
    with pytest.raises(ValueError, match="key"):
        made.submit(wire, operation("contact_any"), [email(ASKED)])
    assert wire.sent == []


def test_nothing_is_sent_for_nothing() -> None:
    made = connector()
    wire = ScriptedWire(made, JOB)
    assert made.submit(wire, operation("contact_any"), []) == []
    assert wire.sent == []


def test_only_launches_name_the_place_for_our_callback() -> None:
    for op in Connector.operations:
        assert sent(op.name).callback_key == ("callback_url" if op.callback else "")


def test_the_undocumented_switch_of_bulk_jobs_is_sent_on_request_only() -> None:
    assert "email_type" not in json.dumps(sent("contact_bulk").json)
    body = sent("contact_bulk_phone", v2_email_type=True).json
    assert body == {"profiles": [URL], "include_phone": True, "email_type": "personal,work"}


def test_work_e_mail_is_verified_only_where_it_is_asked_for_explicitly() -> None:
    verified = {o.name for o in Connector.operations if o.returns.get(Field.WORK_EMAIL) is Quality.VERIFIED}
    assert verified == {"contact_work", "contact_work_phone", "email_profile_work"}


def test_company_fields_cost_nothing_by_domain() -> None:
    company = operation("company")
    assert company.free
    assert set(company.returns) == COMPANY_FIELDS


def test_searches_and_what_goes_with_them_share_the_slow_bucket() -> None:
    buckets: dict[str, set[str]] = {}
    for op in Connector.operations:
        buckets.setdefault(op.bucket, set()).add(op.name)
    assert buckets["search"] == {"search", "count", "decision_makers", "company_search"}
    assert buckets["checker"] == {"work_email_check", "personal_email_check", "phone_check"}
    assert {limit.bucket for limit in Connector.limits} == set(buckets)
    assert Limit("search", 60, 60.0) in Connector.limits


def test_slow_answers_are_waited_for() -> None:
    for op in Connector.operations:
        finds = (
            op.name.startswith(("contact_work", "person_work", "person_all"))
            or op.name == "email_profile_work"
        )
        assert not finds or op.timeout_s == 90.0, op.name


def test_operation_names_are_unique() -> None:
    names = [op.name for op in Connector.operations]
    assert len(names) == len(set(names))


# Options.


def offered(**options: Any) -> set[str]:
    settings = {"token": Secret("env", "CONTACTOUT_TEST_TOKEN")} | options
    return {op.name for op in Connector(ConnectorOptions.model_validate(settings)).operations}


def test_by_default_there_are_no_batches_and_no_searches() -> None:
    every = {op.name for op in Connector.operations}
    assert every - offered() == {
        "emails_bulk",
        "contact_bulk",
        "contact_bulk_phone",
        "verify_bulk",
        "count",
        "search",
        "company_search",
        "decision_makers",
    }
    assert offered(bulk="backfill", searches="narrow") == every


def test_the_checkers_can_be_switched_off() -> None:
    assert offered() - offered(checkers=False) == {"personal_email_check", "work_email_check", "phone_check"}


def test_the_key_travels_in_its_own_header_without_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTOUT_TEST_TOKEN", " abc123\r\n")
    assert connector().headers() == {"token": "abc123", "accept": "application/json"}
    assert connector(basic_header=True).headers()["authorization"] == "basic"


def test_a_changed_key_is_used_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = connector()
    for key in ("first", "second"):
        monkeypatch.setenv("CONTACTOUT_TEST_TOKEN", key)
        assert made.headers()["token"] == key


def test_the_key_is_not_in_any_text_of_the_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTACTOUT_TEST_TOKEN", "canary-4711")
    made = connector()
    assert "canary-4711" not in f"{made!r} {made.__dict__!r}"
    with pytest.raises(ValidationError) as caught:
        ConnectorOptions.model_validate({"token": "canary-4711"})
    assert "canary-4711" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize(
    "wrong",
    [{"billing": "monthly"}, {"billing": {"verifier": "prepaid"}}, {"bulk": "always"}, {"unknown": 1}],
)
def test_options_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connector(**wrong)


def test_every_option_is_described() -> None:
    properties = ConnectorOptions.model_json_schema()["properties"]
    assert set(properties) >= {"token", "billing", "allow_overage", "checkers", "bulk", "v2_email_type"}
    assert all(about.get("description") for about in properties.values())


def test_the_core_finds_the_connector_by_name() -> None:
    assert load("provider", "contactout") is Connector
    assert load("provider", "contactout", "ConnectorOptions") is ConnectorOptions
    assert Connector.name == "contactout"
    assert Connector.default_base_url.startswith("https://")
