"""Whose org it is, its clock, its description, and the rule of consent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.salesforce import Connector
from connectors.salesforce.ids import long_id
from syncd.connector import Failure, FailureKind
from tests.unit.salesforce_loopback import (
    ACCOUNT,
    CONTACT,
    DATA,
    LEAD,
    NOW,
    ORG,
    US,
    Asked,
    Loopback,
    MiniOrg,
    OpenWire,
    Reply,
    connect,
    contact_row,
    error,
    field_row,
    options,
    secrets,
    session,
)


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


@pytest.fixture
def org() -> MiniOrg:
    return MiniOrg()


@pytest.fixture
def server(org: MiniOrg) -> Iterator[Loopback]:
    with Loopback(org) as running:
        yield running


def test_check_names_the_org_and_reads_the_calls_that_are_left(server: Loopback) -> None:
    connector = connect(server)
    account = connector.check()

    assert (account.id, account.label) == (ORG, f"Salesforce org {ORG}")
    assert connector.api_calls_left() == (14_000, 15_000)
    assert server.paths()[:2] == ["/services/data/", "/services/oauth2/token"]
    assert "authorization" not in server.asked[0].headers
    connector.check()
    assert (len(server.to("limits")), server.logins) == (1, 1)
    assert (server.paths().count("/services/data/"), len(server.to("/services/oauth2/userinfo"))) == (1, 2)


def test_a_user_who_may_not_see_the_limits_can_be_checked_all_the_same(
    org: MiniOrg, server: Loopback
) -> None:
    org.extra = lambda asked: error("INSUFFICIENT_ACCESS", 403) if asked.path.endswith("/limits") else None
    connector = connect(server)

    assert connector.check().id == ORG
    assert connector.api_calls_left() is None


def test_an_app_without_the_scope_of_the_identity_service_is_checked_by_its_login(
    org: MiniOrg, server: Loopback
) -> None:
    org.extra = lambda asked: Reply(b"Missing scope", 403) if asked.path.endswith("/userinfo") else None
    assert connect(server).check().id == ORG

    bare = Reply({"access_token": "x"})
    org.extra = lambda asked: bare if "/oauth2/" in asked.path else None
    with pytest.raises(Failure) as caught:
        connect(server).check()
    assert caught.value.kind is FailureKind.CONTRACT


def test_a_sandbox_is_called_one(server: Loopback) -> None:
    wire = OpenWire()
    given = options("https://acme--dev.sandbox.my.salesforce.com", api_version="40.0")
    wire.connector = Connector(given, wire, server.url)
    server.script = lambda asked: Reply([{"version": "40.0"}]) if asked.path.endswith("/data/") else session()
    account = wire.connector.check()

    assert account.environment == "sandbox"
    assert len(account.notes) == 2


def test_a_version_that_the_org_does_not_offer_is_told_before_any_login(server: Loopback) -> None:
    with pytest.raises(Failure) as caught:
        connect(server, api_version="99.0").check()

    assert caught.value.kind is FailureKind.CONFIG
    assert "99.0" in caught.value.reason
    assert server.logins == 0


def test_another_org_is_named_by_check_and_nothing_of_it_is_read(org: MiniOrg, server: Loopback) -> None:
    other = "00D5g000009ZzZzEAK"

    def elsewhere(asked: Asked) -> Reply | None:
        if asked.path.endswith("/token"):
            return session(org=other)
        return Reply({"organization_id": other}) if asked.path.endswith("/userinfo") else None

    org.extra = elsewhere
    connector = connect(server)

    assert connector.check().id == long_id(other)
    with pytest.raises(Failure) as caught:
        connector.schema("contact")
    assert caught.value.kind is FailureKind.CONFIG
    assert not [p for p in server.paths() if p.startswith(DATA)]


@pytest.mark.parametrize("written", [ORG, ORG[:15], ORG.upper(), ORG.lower()])
def test_an_org_id_may_be_given_in_either_length_and_the_long_one_in_any_case(written: str) -> None:
    assert options(account=written).account == ORG


@pytest.mark.parametrize("written", ["0055g000004XyZaEAK", "00D5g", "", "00D5g000004XyZa!AA"])
def test_what_is_no_org_id_is_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        options(account=written)


@pytest.mark.parametrize(
    "more",
    [
        {"client_secret": None},
        {"username": "robot@example.com"},
        {"client_secret": None, "username": "robot@example.com"},
        {"username": "robot@example.com", "private_key": {"env": "KEY"}},
        {"proxy": "http://user:secret@proxy.example:3128"},
        {"api_version": "59"},
    ],
)
def test_options_that_cannot_work_are_refused(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        options(**more)


def test_the_clock_is_held_back_while_a_long_transaction_runs(org: MiniOrg, server: Loopback) -> None:
    connector = connect(server)
    assert connector.now() == datetime(2026, 11, 21, 9, 58, tzinfo=UTC)
    (asked,) = server.to("sobjects/Lead/updated/")
    assert asked.query == {"start": "2026-11-21T09:58:00+00:00", "end": "2026-11-21T10:00:00+00:00"}

    pinned = Reply({"ids": [], "latestDateCovered": "2026-11-21T09:41:00.000+0000"})
    org.extra = lambda asked: pinned if "Contact/updated" in asked.path else None
    assert connector.now() == datetime(2026, 11, 21, 9, 41, tzinfo=UTC)


def test_the_time_of_one_object_asks_for_nothing_else(org: MiniOrg, server: Loopback) -> None:
    pinned = Reply({"ids": [], "latestDateCovered": "2026-11-21T09:41:00.000+0000"})
    org.extra = lambda asked: pinned if "Contact/updated" in asked.path else None
    connector = connect(server)
    assert connector.now("lead") == datetime(2026, 11, 21, 9, 58, tzinfo=UTC)
    assert server.to("sobjects/Contact/updated/") == []
    assert connector.now("contact") == datetime(2026, 11, 21, 9, 41, tzinfo=UTC)


@pytest.mark.parametrize("code", ["EXCEEDED_ID_LIMIT", "INVALID_TYPE"])
def test_where_the_covered_time_is_refused_the_date_of_the_answer_is_the_time(
    org: MiniOrg, server: Loopback, code: str
) -> None:
    org.extra = lambda asked: error(code) if "/updated" in asked.path else None
    connector = connect(server, monotonic=lambda: 0.0)

    assert connector.now() == NOW


def test_the_description_tells_types_lengths_and_what_may_be_written(server: Loopback) -> None:
    schema = connect(server).schema("contact")

    assert (schema["Title"].max_length, schema["Title"].writable) == (128, True)
    assert schema["DoNotCall"].max_length is None
    assert schema["Level__c"].options == {"Primary", "Secondary"}
    assert schema["LeadSource"].options is None
    assert not schema["Name"].writable
    assert "other fields" in schema["MailingAddress"].why_read_only
    assert (schema["Account.Name"].max_length, schema["Account.Name"].writable) == (255, False)


def test_a_contact_is_described_each_time_and_its_parents_once_an_hour(server: Loopback) -> None:
    passed = [0.0]
    connector = connect(server, monotonic=lambda: passed[0])

    def described() -> tuple[int, int]:
        assert "Account.Name" in connector.schema("contact")
        return len(server.to("sobjects/Contact/describe")), len(server.to("sobjects/Account/describe"))

    assert [described(), described()] == [(1, 1), (2, 1)]
    passed[0] = 3600.0
    assert described() == (3, 2)


def test_a_field_of_a_parent_that_is_gone_is_found_out_by_the_query_that_fails(
    org: MiniOrg, server: Loopback
) -> None:
    org.rows["Contact"] = [contact_row(1)]
    connector = connect(server, monotonic=lambda: 0.0)
    assert "Account.Name" in connector.schema("contact")
    org.described["Account"] = [f for f in ACCOUNT if f["name"] != "Name"]
    org.extra = lambda asked: error("INVALID_FIELD") if "Account.Name" in asked.query.get("q", "") else None
    (page,) = connector.scan("contact", ["Email", "Account.Name"], None)
    assert page.contacts[0].fields == {"Email": "p1@example.com"}


def test_an_account_that_is_hidden_leaves_the_contacts_own_fields(org: MiniOrg, server: Loopback) -> None:
    del org.described["Account"]

    assert not [name for name in connect(server).schema("contact") if "." in name]


def test_the_individual_who_may_want_to_be_forgotten_can_be_read(org: MiniOrg, server: Loopback) -> None:
    org.described["Individual"] = [*ACCOUNT, field_row("ShouldForget", "boolean")]
    org.described["Lead"] = [*LEAD, field_row("IndividualId", "reference")]
    org.rows["Lead"] = [{**contact_row(1), "IsConverted": False, "Individual": {"ShouldForget": True}}]
    connector = connect(server)

    assert not connector.schema("lead")["Individual.ShouldForget"].writable
    (page,) = connector.scan("lead", ["Individual.ShouldForget"], None)
    assert page.contacts[0].fields == {"Individual.ShouldForget": True}


def test_leads_are_described_without_any_account(server: Loopback) -> None:
    schema = connect(server).schema("lead")

    assert schema["Company"].writable
    assert len(server.to("sobjects/Account/describe")) == 0


@pytest.mark.parametrize("hidden", [["HasOptedOutOfEmail"], ["HasOptedOutOfEmail", "DoNotCall"]])
def test_hidden_fields_of_consent_stop_the_sync_and_are_named(
    org: MiniOrg, server: Loopback, hidden: list[str]
) -> None:
    org.described["Contact"] = [f for f in CONTACT if f["name"] not in hidden]

    with pytest.raises(Failure) as caught:
        connect(server).schema("contact")

    assert caught.value.kind is FailureKind.CONFIG
    assert all(name in caught.value.reason for name in hidden)
    assert "unavailable_ok" in caught.value.reason
    assert "Email" in connect(server, consent_fields="unavailable_ok").schema("contact")


def test_rights_that_are_taken_away_later_are_seen_in_the_next_cycle(org: MiniOrg, server: Loopback) -> None:
    connector = connect(server)
    connector.schema("contact")
    org.described["Contact"] = [f for f in CONTACT if f["name"] != "DoNotCall"]

    with pytest.raises(Failure):
        connector.schema("contact")


def test_calls_left_follow_every_answer(org: MiniOrg, server: Loopback) -> None:
    told: dict[str, Any] = {"info": "api-usage=10018/100000; per-app-api-usage=17/250(appName=x)"}

    def usage(asked: Asked) -> Reply | None:
        if not asked.path.endswith("/describe"):
            return None
        return Reply({"fields": CONTACT}, headers={"Sforce-Limit-Info": told["info"]})

    org.extra = usage
    connector = connect(server)
    connector.schema("lead")
    assert connector.api_calls_left() == (89_982, 100_000)
    told["info"] = "api-usage=100001/100000"
    connector.schema("lead")
    assert connector.api_calls_left() == (0, 100_000)


def test_ids_of_users_are_normal_too() -> None:
    assert options(integration_users=[US[:15]]).integration_users == (US,)
