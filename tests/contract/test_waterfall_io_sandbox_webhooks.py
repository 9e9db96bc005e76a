"""Webhooks of the Waterfall.io sandbox, their signatures and the published keys."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from queue import Empty
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.contract.callback_receiver import Delivery, Receiver
from tests.contract.waterfall_io_box import COMPANY, CONTACT, JWKS, KEY, PHONE, PLAIN, WORLD, Box
from tests.sandboxes import Starter

SIGNATURE = "x-webhook-signature"


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    settings = PLAIN | {"webhook_retry_s": 0.01}
    return Box(start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=settings))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def keys(box: Box) -> dict[str, bytes]:
    """The published keys by their names."""
    return {row["kid"]: decoded(row["x"]) for row in box.http.get(JWKS).json()["keys"]}


def claims(box: Box, got: Delivery) -> dict[str, Any]:
    """What a delivery's signature says; it is by a published key."""
    head, body, signature = got.headers[SIGNATURE].split(".")
    header = json.loads(decoded(head))
    assert (header["alg"], header["typ"]) == ("EdDSA", "JWT")
    key = Ed25519PublicKey.from_public_bytes(keys(box)[header["kid"]])
    key.verify(decoded(signature), f"{head}.{body}".encode())
    return json.loads(decoded(body))


def fits(box: Box, got: Delivery) -> bool:
    digest = base64.urlsafe_b64encode(hashlib.sha256(got.body).digest()).rstrip(b"=").decode()
    return claims(box, got)["body_hash"] == digest


def delivered(box: Box, receiver: Receiver, path: str = CONTACT) -> tuple[str, Delivery]:
    """A finished job and the first that is delivered of it."""
    job_id = box.launch(path, email=box.person().work_email, webhook_url=receiver.url)
    box.later(10)
    return job_id, receiver.next()


@pytest.mark.parametrize("path", [CONTACT, PHONE])
def test_a_finished_job_is_delivered_signed_and_with_the_finders_body(
    box: Box, receiver: Receiver, path: str
) -> None:
    job_id, got = delivered(box, receiver, path)
    assert got.json == box.find(path, job_id) and got.json["status"] == "SUCCEEDED"
    assert got.json["input"]["task"]["webhook_url"] == receiver.url
    assert fits(box, got)
    said = claims(box, got)
    assert said["exp"] - said["iat"] == 300 and said["jti"]
    assert got.headers["content-type"] == "application/json"
    assert receiver.url.endswith(got.path) and "?" in got.path


def test_company_jobs_and_bad_ends_are_delivered_too(box: Box, receiver: Receiver) -> None:
    box.launch(COMPANY, domain=box.person().company.domain, webhook_url=receiver.url)
    box.later(10)
    assert "company" in receiver.next().json["output"]
    box.set(failed=1)
    assert delivered(box, receiver)[1].json["status"] == "FAILED"


def test_the_key_set_is_public_cacheable_and_only_gotten(box: Box) -> None:
    answer = box.http.get(JWKS, headers={"x-api-key": ""})
    assert answer.status_code == 200 and answer.headers["cache-control"] == "public, max-age=300"
    (row,) = answer.json()["keys"]
    assert set(row) == {"kty", "crv", "kid", "use", "alg", "x"}
    assert (row["kty"], row["crv"], row["use"], row["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    assert len(decoded(row["x"])) == 32
    assert box.http.post(JWKS).json()["code"] == "ROUTING_INVALID_PATH_OR_METHOD"


def test_keys_overlap_at_a_rotation_and_the_old_one_goes_after_it(box: Box, receiver: Receiver) -> None:
    _, old = delivered(box, receiver)
    before = set(keys(box))
    box.set(signing_key=2)
    _, new = delivered(box, receiver)
    assert set(keys(box)) > before
    assert fits(box, old) and fits(box, new)
    box.sandbox.advance(301)
    assert set(keys(box)).isdisjoint(before)
    assert fits(box, new)
    with pytest.raises(KeyError):
        claims(box, old)


def test_a_delivery_can_be_unsigned(box: Box, receiver: Receiver) -> None:
    box.set(webhook_mode="unsigned")
    assert SIGNATURE not in delivered(box, receiver)[1].headers


def test_a_signature_can_be_of_another_body(box: Box, receiver: Receiver) -> None:
    box.set(webhook_mode="bad_hash")
    assert not fits(box, delivered(box, receiver)[1])


def test_a_signature_can_be_by_another_key(box: Box, receiver: Receiver) -> None:
    box.set(webhook_mode="bad_key")
    _, got = delivered(box, receiver)
    with pytest.raises(InvalidSignature):
        claims(box, got)


def test_a_signature_can_be_expired_or_too_long(box: Box, receiver: Receiver) -> None:
    def now() -> float:
        return datetime.fromisoformat(box.sandbox.control("clock")["now"]).timestamp()

    box.set(webhook_mode="expired")
    _, got = delivered(box, receiver)
    assert fits(box, got) and claims(box, got)["exp"] < now()
    box.set(webhook_mode="signed")
    assert claims(box, delivered(box, receiver)[1])["exp"] > now()
    box.set(webhook_mode="oversized")
    assert len(delivered(box, receiver)[1].headers[SIGNATURE]) > 8192


def test_an_earlier_delivery_can_be_replayed_word_for_word(box: Box, receiver: Receiver) -> None:
    _, first = delivered(box, receiver)
    box.set(webhook_replayed=True)
    job_id, again = delivered(box, receiver)
    assert (again.body, again.headers[SIGNATURE]) == (first.body, first.headers[SIGNATURE])
    assert receiver.next().json["input"]["task"]["job_id"] == job_id


def test_a_forged_delivery_comes_before_the_true_one(box: Box, receiver: Receiver) -> None:
    box.set(webhook_forged=True)
    job_id, forged = delivered(box, receiver)
    with pytest.raises(InvalidSignature):
        claims(box, forged)
    assert forged.json["output"]["person"]["first_name"] == "Forged"
    assert receiver.next().json["input"]["task"]["job_id"] == job_id


def test_deliveries_are_tried_again_repeated_and_lost(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    _, first = delivered(box, receiver)
    assert first.body == receiver.next().body == receiver.next().body
    box.set(webhook_duplicates=1)
    _, once = delivered(box, receiver)
    assert once.body == receiver.next().body
    box.set(webhook_lost=1, webhook_duplicates=0)
    box.launch(CONTACT, email=box.person().work_email, webhook_url=receiver.url)
    box.later(10)
    box.set(webhook_lost=0)
    job_id, got = delivered(box, receiver)
    assert got.json["input"]["task"]["job_id"] == job_id
    with pytest.raises(Empty):
        receiver.got.get_nowait()


def test_a_delivery_to_another_machine_is_not_sent_and_the_job_ends(box: Box) -> None:
    body = {"email": box.person().work_email, "webhook_url": "https://hooks.example.com/x"}
    assert box.finished(CONTACT, **body)["status"] == "SUCCEEDED"


def test_jobs_end_on_the_real_clock_without_being_asked_for(
    start_sandbox: Starter, receiver: Receiver
) -> None:
    server = start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=PLAIN | {"after_s": 0.05})
    body = {"email": WORLD.people[0].work_email, "webhook_url": receiver.url}
    server.http.post(CONTACT, json=body, headers={"x-api-key": KEY})
    assert receiver.next().json["status"] == "SUCCEEDED"
    assert server.books()["charged"] == {"usd": "0.1"}
