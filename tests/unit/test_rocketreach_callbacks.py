"""Callbacks: only a reason to ask, and only where the signature fits if there is a secret."""

from __future__ import annotations

import json

import pytest

from connectors.rocketreach import Connector
from syncd.connector import FailureKind
from syncd.secret import Secret
from tests.unit.rocketreach_support import ScriptedWire, connector, failure_of

SECRET = "whsec_example_rr_0001"
BODY = b'{"profile_list":{"id":1000,"name":"Example Profile List"},"id":123456,"status":"complete"}'
SIGNATURE = "ATJzJtsfAbGDLrPSk2eNqv4UwHSEUvbqdUrvFPSg1ns="


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> Connector:
    monkeypatch.setenv("ROCKETREACH_TEST_WEBHOOK", SECRET)
    return connector(webhook_secret=Secret("env", "ROCKETREACH_TEST_WEBHOOK"))


def called(made: Connector, body: bytes, **headers: str) -> tuple[str, ...]:
    wire = ScriptedWire(made, {})
    handles = made.callback(wire, {n.replace("_", "-"): v for n, v in headers.items()}, body)
    assert not wire.sent
    return handles


@pytest.mark.parametrize("name", ["x_rocketreach_signature", "X_RocketReach_Signature"])
def test_the_known_signature_is_accepted_in_any_case_of_its_header(signed: Connector, name: str) -> None:
    assert called(signed, BODY, **{name: SIGNATURE}) == ("123456",)


@pytest.mark.parametrize(
    "signature",
    ["", SIGNATURE[:-1], SIGNATURE.swapcase(), "ÄTJz", "0132732 6db1f01b1", f"sha256={SIGNATURE}"],
)
def test_any_other_signature_is_refused(signed: Connector, signature: str) -> None:
    failure = failure_of(lambda: called(signed, BODY, x_rocketreach_signature=signature))
    assert failure.kind is FailureKind.AUTH


def test_a_missing_signature_and_a_changed_body_are_refused(signed: Connector) -> None:
    assert failure_of(lambda: called(signed, BODY)).kind is FailureKind.AUTH
    changed = BODY.replace(b"123456", b"123457")
    failure = failure_of(lambda: called(signed, changed, x_rocketreach_signature=SIGNATURE))
    assert failure.kind is FailureKind.AUTH
    assert SECRET not in f"{failure} {failure!r}"


def test_without_a_secret_a_callback_only_wakes() -> None:
    assert called(connector(), BODY) == ("123456",)
    assert called(connector(), BODY, x_rocketreach_signature="anything") == ("123456",)


@pytest.mark.parametrize(
    ("body", "handles"),
    [
        ([{"id": 1}, {"id": "2"}, {"id": 1}], ("1", "2")),
        ({"profile": {"id": 3, "emails": []}}, ("3",)),
        ({"data": [{"id": 4}, {"status": "failed"}]}, ("4",)),
        ({"profiles": [{"id": 5}]}, ("5",)),
    ],
)
def test_lists_and_wrappers_name_their_profiles(body: object, handles: tuple[str, ...]) -> None:
    assert called(connector(), json.dumps(body).encode()) == handles


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ping",
        b"[]",
        b"{}",
        b"null",
        b'{"id":null}',
        b'{"id":"../1"}',
        b'["1"]',
        b'{"data":{"id":true}}',
    ],
)
def test_a_body_without_a_profile_is_not_understood(body: bytes) -> None:
    assert failure_of(lambda: called(connector(), body)).kind is FailureKind.CONTRACT
