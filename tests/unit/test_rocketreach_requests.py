"""What leaves for RocketReach: paths, parameters, and what is not sent at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from connectors.rocketreach import Connector
from connectors.rocketreach.operations import REVEALS
from syncd.connector import Job, Mode, Operation, Request
from syncd.model import Key, KeyKind, Lookup, Pending, Refused
from tests.unit.rocketreach_support import (
    ID,
    URL,
    ScriptedWire,
    any_lookup,
    bare,
    by_id,
    connector,
    linkedin,
    named,
    one,
    operation,
    running,
    serving,
)

LOOKUPS = [o for o in Connector.operations if o.mode is Mode.JOB]


def sent(name: str, lookup: Lookup, **options: Any) -> Request:
    op = operation(name)
    made = connector(**options) if options else serving(op)
    wire = ScriptedWire(made, running())
    (outcome,) = made.submit(wire, op, [lookup])
    assert outcome == Pending(ID)
    ((_, request),) = wire.sent
    return request


@pytest.mark.parametrize("op", LOOKUPS, ids=lambda o: o.name)
def test_cached_addresses_are_refused_in_so_many_words(op: Operation) -> None:
    assert sent(op.name, linkedin()).params["return_cached_emails"] == "false"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("lookup_standard", "standard"),
        ("lookup_premium", "premium"),
        ("phone", "phone"),
        ("profile", "enrich"),
    ],
)
def test_a_look_up_names_the_pool_it_spends(name: str, word: str) -> None:
    request = sent(name, linkedin())
    assert (request.method, request.path) == ("GET", "/person/lookup")
    assert request.params["lookup_type"] == word
    assert not [p for p in request.params if p.startswith("reveal_")]


@pytest.mark.parametrize(
    ("name", "reveals"),
    [
        ("universal_work", {"reveal_professional_email"}),
        ("universal_personal", {"reveal_personal_email"}),
        ("universal_phone", {"reveal_phone"}),
        ("universal_work_phone", {"reveal_professional_email", "reveal_phone"}),
        ("universal_work_personal", {"reveal_professional_email", "reveal_personal_email"}),
        (
            "universal_work_personal_phone",
            {"reveal_professional_email", "reveal_personal_email", "reveal_phone"},
        ),
        ("universal_profile", {"reveal_detailed_person_enrichment"}),
    ],
)
def test_with_universal_credits_exactly_what_is_bought_is_revealed(name: str, reveals: set[str]) -> None:
    request = sent(name, linkedin())
    assert (request.method, request.path) == ("GET", "/universal/person/lookup")
    assert {p for p, said in request.params.items() if p.startswith("reveal_") and said == "true"} == reveals
    assert "lookup_type" not in request.params


def test_healthcare_data_are_never_revealed() -> None:
    assert not [s for switches in REVEALS.values() for s in switches if "healthcare" in s]


@pytest.mark.parametrize(
    ("lookup", "who"),
    [
        (by_id(), {"id": ID}),
        (linkedin(), {"linkedin_url": URL}),
        (Lookup(Key(KeyKind.EMAIL, {"email": "o@x.example.com"})), {"email": "o@x.example.com"}),
        (
            named(full_name="Oriel Tamm", company="Harbourline"),
            {"name": "Oriel Tamm", "current_employer": "Harbourline"},
        ),
        (
            named(first_name="Oriel", last_name="Tamm", company="Harbourline Ltd."),
            {"name": "Oriel Tamm", "current_employer": "Harbourline Ltd."},
        ),
    ],
)
def test_one_identifier_goes_out(lookup: Lookup, who: Mapping[str, str]) -> None:
    params = sent("lookup_premium", lookup).params
    rest = {"lookup_type", "return_cached_emails"}
    assert {name: said for name, said in params.items() if name not in rest} == who


@pytest.mark.parametrize(
    "company", ["harbourline.example.com", "https://harbourline.example/about", "acme.io"]
)
def test_an_employer_that_is_only_a_domain_is_not_asked_for(company: str) -> None:
    made = connector()
    wire = ScriptedWire(made, bare())
    (outcome,) = made.submit(
        wire, operation("lookup_premium"), [named(full_name="Oriel Tamm", company=company)]
    )
    assert isinstance(outcome, Refused) and not outcome.charge.amounts
    assert not wire.sent


@pytest.mark.parametrize("company", ["Harbourline", "Harbourline Inc.", "St. Ives & Co.", "Booking.com"])
def test_names_with_dots_are_names(company: str) -> None:
    assert (
        sent("lookup_premium", named(full_name="O T", company=company)).params["current_employer"] == company
    )


def test_an_id_that_is_no_profiles_is_not_asked_for() -> None:
    made = connector()
    wire = ScriptedWire(made, bare())
    (outcome,) = made.submit(wire, operation("lookup_premium"), [by_id("7300x")])
    assert isinstance(outcome, Refused) and not wire.sent


@pytest.mark.parametrize("op", LOOKUPS, ids=lambda o: o.name)
def test_a_domain_or_an_address_found_elsewhere_is_no_key_of_a_person(op: Operation) -> None:
    assert op.accepts == {KeyKind.PROVIDER_ID, KeyKind.LINKEDIN_URL, KeyKind.EMAIL, KeyKind.NAME_COMPANY}
    made = serving(op)
    with pytest.raises(ValueError, match="does not accept"):
        made.submit(ScriptedWire(made, bare()), op, [one(KeyKind.DOMAIN, "harbourline.example.com")])


def test_one_question_makes_one_request() -> None:
    made, op = connector(), operation("lookup_premium")
    assert made.submit(ScriptedWire(made, bare()), op, []) == []
    with pytest.raises(ValueError, match="one lookup"):
        made.submit(ScriptedWire(made, bare()), op, [linkedin(), by_id()])


def test_the_configured_webhook_is_named() -> None:
    assert sent("lookup_premium", linkedin(), webhook_id=41).params["webhook_id"] == "41"
    assert "webhook_id" not in sent("lookup_premium", linkedin()).params


def test_status_reads_repeat_the_parameter_and_go_to_the_launching_interface() -> None:
    for name, path in (
        ("lookup_premium", "/person/checkStatus"),
        ("universal_work", "/universal/person/check_status"),
    ):
        op = operation(name)
        made = serving(op)
        wire = ScriptedWire(made, [running()])
        made.poll(wire, op, [Job(ID, (linkedin(),)), Job("9", (linkedin(),)), Job(ID, (by_id(),))])
        ((read, request),) = wire.sent
        assert (request.method, request.path, request.params) == ("GET", path, {"ids": [ID, "9"]})
        assert read.free and read.bucket == "default"


def test_no_more_than_a_hundred_ids_are_asked_for_at_once() -> None:
    made, op = connector(), operation("lookup_premium")
    wire = ScriptedWire(made, [running()])
    answers = made.poll(wire, op, [Job(str(n), (linkedin(),)) for n in range(1, 206)])
    assert [len(request.params["ids"]) for _, request in wire.sent] == [100, 100, 5]
    assert len(answers) == 205


@pytest.mark.parametrize(
    ("name", "path"), [("search", "/person/search"), ("universal_search", "/universal/person/search")]
)
def test_a_search_is_by_name_and_domain_with_lists_for_values(name: str, path: str) -> None:
    op = operation(name)
    made = serving(op)
    wire = ScriptedWire(made, [])
    made.submit(wire, op, [named(full_name="Oriel Tamm", domain="www.Harbourline.example.com")])
    ((_, request),) = wire.sent
    assert (request.method, request.path) == ("POST", path)
    assert isinstance(request.json, dict)
    assert request.json["query"] == {"name": ["Oriel Tamm"], "company_domain": ["harbourline.example.com"]}
    assert (request.json["start"], request.json["page_size"]) == (1, 10)


@pytest.mark.parametrize(
    ("name", "path"), [("company", "/company/lookup/"), ("universal_company", "/universal/company/lookup")]
)
def test_companies_are_asked_for_by_domain_or_page_and_never_by_name(name: str, path: str) -> None:
    op = operation(name)
    assert op.accepts == {KeyKind.DOMAIN, KeyKind.COMPANY_LINKEDIN_URL}
    page = "https://www.linkedin.com/company/harbourline-demo"
    for lookup, params in (
        (any_lookup(op), {"domain": "harbourline.example.com"}),
        (one(KeyKind.COMPANY_LINKEDIN_URL, page), {"linkedin_url": page}),
    ):
        made = serving(op)
        wire = ScriptedWire(made, {"id": 5, "name": "Harbourline"})
        made.submit(wire, op, [lookup])
        ((_, request),) = wire.sent
        assert (request.method, request.path, request.params) == ("GET", path, params)


def test_the_key_travels_in_its_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETREACH_TEST_TOKEN", " rr-canary-0001\n")
    made = connector()
    assert made.headers()["api-key"] == "rr-canary-0001"
    assert "rr-canary-0001" not in repr(sent("lookup_premium", linkedin()))
