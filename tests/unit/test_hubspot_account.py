"""Whose account it is, how long its API version lasts, its clock and its calls left today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from syncd.connector import Failure, FailureKind
from tests.unit.hubspot_loopback import DATE, NOW, TOKEN, Asked, Loopback, Reply, Script, connect


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def details(
    account_type: str = "STANDARD", usage: Reply | None = None, date: str = DATE, **more: object
) -> Script:
    def script(asked: Asked) -> Reply:
        if asked.path.endswith("/private-apps"):
            return usage or Reply({}, 403, {"Date": date})
        body = {"portalId": 4242424, "accountType": account_type, "timeZone": "Europe/Berlin", **more}
        return Reply(body, headers={"Date": date})

    return script


def test_check_names_the_portal(server: Loopback) -> None:
    server.script = details()

    account = connect(server).check()

    assert (account.id, account.environment, account.notes) == ("4242424", "standard", ())
    assert "4242424" in account.label


@pytest.mark.parametrize("kind", ["SANDBOX", "DEVELOPER_TEST", "APP_DEVELOPER"])
def test_check_says_when_the_account_is_for_rehearsals(server: Loopback, kind: str) -> None:
    server.script = details(kind)

    account = connect(server).check()

    assert account.environment == kind.lower()
    assert [kind in note for note in account.notes] == [True]


@pytest.mark.parametrize(
    ("version", "date", "end"),
    [
        ("v3", "Sun, 28 Feb 2027 23:00:00 GMT", None),
        ("v3", "Tue, 02 Mar 2027 12:00:00 GMT", "September 2027"),
        ("v3", "Fri, 01 Oct 2027 12:00:00 GMT", "September 2027"),
        ("2026-03", "Sat, 21 Nov 2026 10:00:00 GMT", None),
        ("2026-03", "Sun, 04 Apr 2027 10:00:00 GMT", "September 2027"),
        ("2026-09", "Wed, 15 Sep 2027 10:00:00 GMT", "March 2028"),
        ("2026-09", "Sun, 04 Apr 2027 10:00:00 GMT", None),
    ],
)
def test_check_warns_within_six_months_of_a_versions_end(
    server: Loopback, version: str, date: str, end: str | None
) -> None:
    server.script = details(date=date)

    notes = connect(server, api_version=version).check().notes

    assert [version in n and (end or "-") in n for n in notes] == ([] if end is None else [True])


def test_details_without_a_portal_are_not_taken_for_one(server: Loopback) -> None:
    server.script = details(portalId=None)

    with pytest.raises(Failure) as caught:
        connect(server).check()

    assert caught.value.kind is FailureKind.CONTRACT


def test_a_check_without_a_date_still_names_the_portal(server: Loopback) -> None:
    server.script = details(date="")

    assert connect(server).check().id == "4242424"


def usage(used: object, allowed: object) -> Reply:
    return Reply({"results": [{"name": "daily", "currentUsage": used, "usageLimit": allowed}]})


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (usage(1000, 250_000), (249_000, 250_000)),
        (usage(300_000, 250_000), (0, 250_000)),
        (Reply({"currentUsage": 5, "usageLimit": 10}), (5, 10)),
        (usage(None, 250_000), None),
        (Reply({"results": []}), None),
        (Reply({"category": "MISSING_SCOPES"}, 403), None),
        (Reply(b"", 500), None),
        (Reply(b"<html>"), None),
    ],
)
def test_the_days_use_of_calls_is_read_where_the_credential_may_see_it(
    server: Loopback, reply: Reply, expected: tuple[int, int] | None
) -> None:
    server.script = details(usage=reply)
    connector = connect(server)

    assert connector.check().id == "4242424"
    assert connector.api_calls_left() == expected


def test_a_refused_token_fails_the_check(server: Loopback) -> None:
    server.script = lambda asked: Reply({"category": "INVALID_AUTHENTICATION"}, 401)

    with pytest.raises(Failure) as caught:
        connect(server).check()

    assert caught.value.kind is FailureKind.AUTH


def _with_headers(headers: Mapping[str, str], asked: Asked) -> Reply:
    return Reply({"results": []}, headers=headers)


def test_calls_left_follow_the_latest_answer_that_tells_them(server: Loopback) -> None:
    connector = connect(server)
    assert connector.api_calls_left() is None
    told = {"X-HubSpot-RateLimit-Daily": "650000", "X-HubSpot-RateLimit-Daily-Remaining": "640000"}
    for headers in (told, {}, {"X-HubSpot-RateLimit-Daily": "1", "X-HubSpot-RateLimit-Daily-Remaining": "?"}):
        server.script = partial(_with_headers, headers)
        connector.schema("contact")

    assert connector.api_calls_left() == (640_000, 650_000)


def test_calls_left_are_learned_from_refusals_too(server: Loopback) -> None:
    told = {"X-HubSpot-RateLimit-Daily": "100", "X-HubSpot-RateLimit-Daily-Remaining": "0"}
    server.script = lambda asked: Reply({}, 429, told)
    connector = connect(server)

    with pytest.raises(Failure):
        connector.schema("contact")

    assert connector.api_calls_left() == (0, 100)


class Clock:
    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        return self.s


def test_the_crms_clock_is_the_latest_answers_date_plus_the_time_since(server: Loopback) -> None:
    server.script = details()
    clock = Clock()
    connector = connect(server, monotonic=clock)
    server.asked.clear()

    first = connector.now()
    clock.s += 12.5
    second = connector.now()
    asked = len(server.asked)
    clock.s += 3600
    server.script = details(date="Sat, 21 Nov 2026 11:30:00 GMT")

    assert (first, second, asked) == (NOW, NOW + timedelta(seconds=12.5), 1)
    assert connector.now() == datetime(2026, 11, 21, 11, 30, tzinfo=UTC)


def test_without_a_date_there_is_no_clock(server: Loopback) -> None:
    server.script = details(date="")

    with pytest.raises(Failure) as caught:
        connect(server).now()

    assert caught.value.kind is FailureKind.CONTRACT
