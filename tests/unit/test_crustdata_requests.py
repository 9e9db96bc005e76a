"""What is sent: documented paths, exactly the fields that a row returns, and what options add or take away."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.crustdata import Connector, ConnectorOptions
from syncd.connector import Failure, FailureKind, Request, Scope, load, names
from syncd.model import EMAIL_FIELDS, Field, KeyKind, Lookup, Quality
from syncd.secret import Secret
from tests.unit.crustdata_support import (
    OTHER,
    URL,
    WORK,
    ScriptedWire,
    any_lookup,
    connector,
    email,
    failure_of,
    linkedin,
    named,
    one,
    operation,
)

BASE = ["basic_profile", "social_handles", "experience"]
BUSINESS, PRIVATE, PHONES = (
    "contact.business_emails",
    "contact.personal_emails",
    "contact.phone_numbers",
)
PAGE = "https://www.linkedin.com/company/contoso-example"


def sent(name: str, *lookups: Lookup, without: frozenset[str] = frozenset(), **options: Any) -> Request:
    """The request for a submission, whatever is made of the answer."""
    made, op = connector(**options), operation(name, **options)
    wire = ScriptedWire(made, [], without=without)
    with suppress(Failure):
        made.submit(wire, op, list(lookups) or [any_lookup(op)])
    ((used, request),) = wire.sent
    assert used is op
    return request


BODIES: list[tuple[str, Lookup, str, dict[str, Any]]] = [
    ("profile", linkedin(), "/person/enrich", {"professional_network_profile_urls": [URL], "fields": BASE}),
    (
        "profile_work",
        linkedin(),
        "/person/enrich",
        {"professional_network_profile_urls": [URL], "fields": [*BASE, BUSINESS]},
    ),
    (
        "email_profile",
        email(),
        "/person/enrich",
        {"business_emails": [WORK], "fields": BASE, "min_similarity_score": 0.9},
    ),
    (
        "email_profile_work",
        email(),
        "/person/enrich",
        {"business_emails": [WORK], "fields": [*BASE, BUSINESS], "min_similarity_score": 0.9},
    ),
    (
        "live",
        linkedin(),
        "/person/professional_network/enrich/live",
        {"professional_network_profile_urls": [URL], "fields": BASE},
    ),
    *(
        (
            name,
            linkedin(),
            "/person/contact/enrich",
            {"professional_network_profile_urls": [URL], "fields": fields},
        )
        for name, fields in (
            ("contact_work", [BUSINESS]),
            ("contact_personal", [PRIVATE]),
            ("contact_phone", [PHONES]),
            ("contact_emails", [BUSINESS, PRIVATE]),
            ("contact_work_phone", [BUSINESS, PHONES]),
            ("contact_personal_phone", [PRIVATE, PHONES]),
            ("contact_all", [BUSINESS, PRIVATE, PHONES]),
        )
    ),
    (
        "batch_profile",
        linkedin(),
        "/batch/person/enrich",
        {"professional_network_profile_urls": [URL], "fields": BASE},
    ),
    (
        "batch_contact_all",
        linkedin(),
        "/batch/person/contact/enrich",
        {
            "professional_network_profile_urls": [URL],
            "fields": [
                "business_email",
                "personal_contact_info.personal_emails",
                "personal_contact_info.phone_numbers",
            ],
        },
    ),
    (
        "batch_contact_work",
        linkedin(),
        "/batch/person/contact/enrich",
        {"professional_network_profile_urls": [URL], "fields": ["business_email"]},
    ),
    (
        "company_by_domain",
        one(KeyKind.DOMAIN, "https://www.Contoso.example.com/"),
        "/company/identify",
        {"domains": ["contoso.example.com"]},
    ),
    ("company_by_name", one(KeyKind.COMPANY_NAME, "Contoso"), "/company/identify", {"names": ["Contoso"]}),
    (
        "company_by_page",
        one(KeyKind.COMPANY_LINKEDIN_URL, PAGE),
        "/company/identify",
        {"professional_network_profile_urls": [PAGE]},
    ),
    (
        "company_enrich_domain",
        one(KeyKind.DOMAIN, "contoso.example.com"),
        "/company/enrich",
        {
            "domains": ["contoso.example.com"],
            "fields": ["basic_info", "headcount", "locations", "taxonomy"],
            "exact_match": True,
        },
    ),
    (
        "company_enrich_page",
        one(KeyKind.COMPANY_LINKEDIN_URL, PAGE),
        "/company/enrich",
        {
            "professional_network_profile_urls": [PAGE],
            "fields": ["basic_info", "headcount", "locations", "taxonomy"],
        },
    ),
]


@pytest.mark.parametrize(("name", "lookup", "path", "body"), BODIES, ids=[b[0] for b in BODIES])
def test_a_question_carries_exactly_the_documented_keys(
    name: str, lookup: Lookup, path: str, body: dict[str, Any]
) -> None:
    request = sent(name, lookup)
    assert (request.method, request.path, request.json) == ("POST", path, body)
    assert not request.params
    assert request.callback_key == ("webhook_url" if name.startswith("batch_") else "")


NAMES: list[tuple[dict[str, str], list[str]]] = [
    ({"full_name": "Lena Maria Ostrow"}, ["Lena", "Ostrow"]),
    ({"full_name": "x", "first_name": "Lena", "last_name": "van der Berg"}, ["Lena", "van der Berg"]),
    ({"full_name": "", "first_name": "Lena", "last_name": "Ostrow"}, ["Lena", "Ostrow"]),
    ({"full_name": "Madonna"}, ["Madonna"]),
]


@pytest.mark.parametrize(("parts", "words"), NAMES)
def test_a_search_asks_for_both_names_and_the_present_employer(
    parts: dict[str, str], words: list[str]
) -> None:
    conditions = [{"field": "basic_profile.name", "type": "(.)", "value": word} for word in words]
    employer = "experience.employment_details.current"
    by_name = {"field": f"{employer}.company_name", "type": "(.)", "value": "Contoso"}
    by_domain = {"field": f"{employer}.company_website_domain", "type": "=", "value": "contoso.example.com"}
    for key, wanted in (
        ({"company": "Contoso"}, by_name),
        ({"domain": "www.contoso.example.com"}, by_domain),
    ):
        request = sent("search", named(**parts, **key))
        assert request.path == "/person/search"
        assert request.json == {
            "filters": {"op": "and", "conditions": [*conditions, wanted]},
            "limit": 3,
            "fields": BASE,
        }


def test_batches_hold_up_to_25_keys_of_one_kind() -> None:
    many = [linkedin(f"https://www.linkedin.com/in/p{n}") for n in range(25)]
    request = sent("profile", *many)
    assert isinstance(request.json, dict)
    assert len(request.json["professional_network_profile_urls"]) == 25
    for lookups in ([*many, linkedin()], [linkedin(), email()], [email()]):
        made = connector()
        wire = ScriptedWire(made, [])
        with pytest.raises(ValueError, match="profile"):
            made.submit(wire, operation("profile"), lookups)
        assert not wire.sent


def test_no_operation_accepts_two_kinds_of_keys_in_one_batch() -> None:
    assert all(len(op.accepts) == 1 for op in Connector.operations if op.batch > 1)


def test_no_question_is_no_request() -> None:
    made = connector()
    wire = ScriptedWire(made, [])
    assert made.submit(wire, operation("profile"), []) == []
    assert not wire.sent


def test_the_threshold_goes_with_addresses_only() -> None:
    assert isinstance(body := sent("email_profile", min_similarity_score=0.75).json, dict)
    assert body["min_similarity_score"] == 0.75
    assert isinstance(body := sent("profile", min_similarity_score=0.75).json, dict)
    assert "min_similarity_score" not in body


def test_checking_again_is_asked_for_where_work_addresses_are() -> None:
    checked = {o.name for o in connector(verified=True).operations if o.name.startswith("contact")}
    told = {name for name in checked if "verified" in str(sent(name, verified=True).json)}
    assert told == {"contact_work", "contact_emails", "contact_work_phone", "contact_all"}
    assert "verified" not in str(sent("profile_work", verified=True).json)
    assert "verified" not in str(sent("batch_contact_work", verified=True).json)
    assert "verified" not in str(sent("contact_work").json)


def test_every_field_that_a_contact_row_returns_is_asked_for_and_no_other() -> None:
    kinds = {Field.WORK_EMAIL: BUSINESS, Field.PERSONAL_EMAIL: PRIVATE, Field.PHONE: PHONES}
    for op in Connector.operations:
        if op.name.startswith("contact_"):
            assert isinstance(body := sent(op.name).json, dict)
            assert set(body["fields"]) == {kinds[field] for field in op.returns}


# Fields without access.


def test_what_was_denied_once_is_left_out() -> None:
    gone = frozenset({"/person/contact/enrich:contact.phone_numbers", "/person/enrich:social_handles"})
    assert isinstance(body := sent("contact_work_phone", without=gone).json, dict)
    assert body["fields"] == [BUSINESS]
    assert isinstance(body := sent("profile", without=gone).json, dict)
    assert body["fields"] == ["basic_profile", "experience"]


def test_access_at_one_endpoint_says_nothing_about_another() -> None:
    gone = frozenset({f"/person/enrich:{BUSINESS}"})
    assert isinstance(body := sent("contact_work", without=gone).json, dict)
    assert body["fields"] == [BUSINESS]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("contact_phone", f"/person/contact/enrich:{PHONES}"),
        ("profile_work", f"/person/enrich:{BUSINESS}"),
        ("batch_contact_work", "/batch/person/contact/enrich:business_email"),
    ],
)
def test_nothing_is_sent_where_nothing_is_left_of_what_is_wanted(name: str, gone: str) -> None:
    made = connector()
    wire = ScriptedWire(made, [], without=frozenset({gone}))
    failure = failure_of(lambda: made.submit(wire, operation(name), [linkedin()]))
    assert not wire.sent
    assert (failure.kind, failure.scope, failure.charged) == (FailureKind.CONFIG, Scope.OPERATION, False)


# Options and declarations.


def test_the_connector_is_found_in_the_table() -> None:
    assert "crustdata" in names("provider")
    assert load("provider", "crustdata") is Connector


def test_what_may_be_used_follows_the_options() -> None:
    plain = ConnectorOptions(token=Secret("env", "CRUSTDATA_TEST_TOKEN"))
    usual = {o.name for o in Connector(plain).operations}
    assert "search" in usual
    assert not any(name == "live" or name.startswith("batch_") for name in usual)
    everything = {o.name for o in connector().operations}
    assert everything - usual == {o.name for o in Connector.operations} - usual
    assert "search" not in {o.name for o in connector(search=False).operations}
    assert Connector.operations is type(connector(search=False)).operations


@pytest.mark.parametrize(
    "wrong", [{"min_similarity_score": 1.1}, {"min_similarity_score": -0.1}, {"key": "x"}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connector(**wrong)


def test_every_option_is_described_and_the_key_is_a_secret() -> None:
    fields = ConnectorOptions.model_fields
    assert all(field.description for field in fields.values())
    assert fields["token"].annotation is Secret
    assert fields["min_similarity_score"].default == 0.9


def test_every_request_carries_key_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRUSTDATA_TEST_TOKEN", " canary-key\n")
    made = connector()
    headers = made.headers()
    assert headers["authorization"] == "Bearer canary-key"
    assert headers["x-api-version"] == "2025-11-01"
    assert "canary" not in repr(made) + repr(ConnectorOptions(token=Secret("env", "CRUSTDATA_TEST_TOKEN")))


def test_addresses_may_be_verified_and_live_data_is_better_than_cached() -> None:
    for op in Connector.operations:
        for field, quality in op.returns.items():
            best = field in EMAIL_FIELDS or op.name == "live"
            assert quality is (Quality.VERIFIED if best else Quality.UNKNOWN), (op.name, field)


def test_only_answers_that_name_the_person_identify() -> None:
    told = {op.name for op in Connector.operations if op.identifies}
    assert told == {
        "search",
        "profile",
        "profile_work",
        "email_profile",
        "email_profile_work",
        "batch_profile",
    }


def test_a_second_profile_is_a_second_identifier() -> None:
    assert isinstance(body := sent("contact_work", linkedin(), linkedin(OTHER)).json, dict)
    assert body["professional_network_profile_urls"] == [URL, OTHER]
