"""Webhooks and bulk lookups of the RocketReach sandbox."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from queue import Empty
from typing import Any
from uuid import UUID

import pytest

from connectors.sandbox.callbacks import is_loopback
from connectors.sandbox.rocketreach.webhooks import sign
from tests.contract.callback_receiver import Delivery, Receiver
from tests.contract.rocketreach_box import EVERYTHING, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

SECRET = "whsec_example_rr_0001"


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    settings = PLAIN | {"family": "both", "webhook_retry_s": 0.01}
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=settings))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def signed(delivery: Delivery) -> bool:
    digest = hmac.new(SECRET.encode(), delivery.body, hashlib.sha256).digest()
    return delivery.headers.get("x-rocketreach-signature") == base64.b64encode(digest).decode()


def hook(receiver: Receiver, **more: object) -> dict[str, object]:
    return {"id": 1, "url": receiver.url, "secret": SECRET} | more


def bulk(box: Box, *queries: dict[str, Any], path: str = "/bulkLookup", **more: object) -> Any:
    return box.post(path, {"queries": list(queries), **more})


def test_a_signature_is_that_of_the_published_vector() -> None:
    body = b'{"profile_list":{"id":1000,"name":"Example Profile List"},"id":123456,"status":"complete"}'
    assert sign(SECRET, body) == "ATJzJtsfAbGDLrPSk2eNqv4UwHSEUvbqdUrvFPSg1ns="


def test_a_finished_lookup_is_delivered_signed_and_with_the_request_id(box: Box, receiver: Receiver) -> None:
    anna = box.person()
    box.set(webhooks=[hook(receiver)])
    answer = box.get("/person/lookup", id=number(anna), metadata='{"crm_id": "hs-1"}')
    with box.charging(lookup=1):
        box.later(60)
        got = receiver.next()
    assert signed(got)
    assert got.headers["rr-request-id"] == answer.headers["RR-Request-ID"]
    assert got.headers["content-type"] == "application/json"
    assert (got.json["id"], got.json["status"]) == (number(anna), "complete")
    assert got.json["profile_list"] == {"id": 1000, "name": "API Lookups"}
    assert got.json["metadata"] == {"crm_id": "hs-1"}
    assert got.json["emails"] == box.status(anna)[0]["emails"]


def test_a_failed_lookup_is_delivered_too_and_a_lost_one_is_not(box: Box, receiver: Receiver) -> None:
    anna, ben = box.person(), box.person()
    box.set(webhooks=[hook(receiver)], lost=1)
    box.look_up(ben)
    box.set(lost=0, failed=1)
    box.look_up(anna)
    box.later(60)
    got = receiver.next()
    assert (got.json["id"], got.json["status"]) == (number(anna), "failed")
    with pytest.raises(Empty):
        receiver.got.get_nowait()


def test_without_a_secret_and_by_knob_a_delivery_is_unsigned(box: Box, receiver: Receiver) -> None:
    box.set(webhooks=[{"id": 1, "url": receiver.url}])
    box.finished(box.person())
    assert "x-rocketreach-signature" not in receiver.next().headers
    box.set(webhooks=[hook(receiver)], webhook_unsigned=True)
    box.finished(box.person())
    assert "x-rocketreach-signature" not in receiver.next().headers


def test_a_forged_delivery_has_a_signature_that_does_not_fit(box: Box, receiver: Receiver) -> None:
    anna = box.person()
    box.set(webhooks=[hook(receiver)], webhook_forged=True)
    box.finished(anna)
    forged, true = receiver.next(), receiver.next()
    assert "x-rocketreach-signature" in forged.headers and not signed(forged)
    assert forged.json["id"] != number(anna)
    assert signed(true) and true.json["id"] == number(anna)


def test_the_top_most_enabled_webhook_is_used_unless_one_is_named(box: Box, receiver: Receiver) -> None:
    other = Receiver()
    try:
        rows = [
            hook(receiver, id=1, enabled=False),
            hook(receiver, id=2, endpoints=["bulk"]),
            hook(receiver, id=3),
            hook(receiver, id=4, url=other.url),
        ]
        box.set(webhooks=rows)
        box.finished(box.person())
        assert receiver.next().json["status"] == "complete"
        box.finished(box.person(), webhook_id=4)
        assert other.next().json["status"] == "complete"
        for wrong in (1, 2, 9):
            answer = box.get("/person/lookup", id=number(box.person()), webhook_id=wrong)
            assert answer.status_code == 400 and list(answer.json()) == ["webhook_id"]
    finally:
        other.stop()


def test_a_delivery_is_repeated_until_it_is_taken(box: Box, receiver: Receiver) -> None:
    anna = box.person()
    receiver.statuses = [500, 302]
    box.set(webhooks=[hook(receiver)], webhook_disable_after=5)
    box.finished(anna)
    got = [receiver.next() for _ in range(3)]
    assert {g.json["id"] for g in got} == {number(anna)}
    assert len({g.headers["rr-request-id"] for g in got}) == 1


def test_a_webhook_that_fails_too_often_is_switched_off(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500] * 10
    box.set(webhooks=[hook(receiver)], webhook_disable_after=3)
    box.finished(box.person())
    for _ in range(3):
        receiver.next()
    for _ in range(500):
        if box.sandbox.control("settings")["webhooks"][0].get("enabled") is False:
            break
    assert box.sandbox.control("settings")["webhooks"][0]["enabled"] is False
    assert box.finished(box.person())["status"] == "complete"
    assert bulk(box, {"id": number(box.person())}).status_code == 400
    with pytest.raises(Empty):
        receiver.got.get_nowait()


def test_a_delivery_is_given_up_after_its_attempts(box: Box, receiver: Receiver) -> None:
    anna, ben = box.person(), box.person()
    receiver.statuses = [500, 500]
    box.set(webhooks=[hook(receiver)], webhook_attempts=2, webhook_disable_after=9)
    box.finished(anna)
    assert [receiver.next().json["id"] for _ in range(2)] == [number(anna)] * 2
    box.finished(ben)
    assert receiver.next().json["id"] == number(ben)


def test_a_delivery_that_is_taken_forgives_earlier_failures(box: Box, receiver: Receiver) -> None:
    receiver.statuses = [500, 200, 500, 200]
    box.set(webhooks=[hook(receiver)], webhook_disable_after=2)
    for _ in range(2):
        box.finished(box.person())
        assert receiver.next().json == receiver.next().json
    box.finished(box.person())
    assert receiver.next().json["status"] == "complete"


def test_deliveries_come_twice_not_at_all_or_wrapped_by_knob(box: Box, receiver: Receiver) -> None:
    box.set(webhooks=[hook(receiver)], webhook_lost=1)
    box.finished(box.person())
    box.set(webhook_lost=0, webhook_duplicates=1)
    anna = box.person()
    box.finished(anna)
    assert [receiver.next().json["id"] for _ in range(2)] == [number(anna)] * 2
    box.set(webhook_duplicates=0)
    for name in ("profile", "data"):
        box.set(webhook_wrapper=name)
        box.finished(box.person())
        assert list(receiver.next().json) == [name]


@pytest.mark.parametrize(
    "address", ["http://192.0.2.1/x", "https://syncd.example/x", "nonsense", "http://[x"]
)
def test_a_delivery_never_leaves_the_machine(box: Box, address: str) -> None:
    assert not is_loopback(address)
    box.set(webhooks=[{"id": 1, "url": address}])
    assert box.finished(box.person())["status"] == "complete"


def test_a_bulk_lookup_answers_with_nothing_and_delivers_a_list(box: Box, receiver: Receiver) -> None:
    anna, ben = box.person(), box.person()
    box.set(webhooks=[hook(receiver)])
    with box.charging(lookup=2) as charged:
        answer = bulk(
            box,
            {"id": number(anna), "metadata": {"crm_id": "a"}},
            {"linkedin_url": "linkedin.com/in/nobody-here", "metadata": {"crm_id": "x"}},
            {"name": ben.full, "current_employer": ben.company.name, "metadata": {"crm_id": "b"}},
        )
        assert (answer.status_code, answer.content) == (200, b"")
        box.later(60)
        got = receiver.next()
    assert {c["operation"] for c in charged} == {"/api/v2/bulkLookup"}
    assert UUID(answer.headers["RR-Request-ID"]) == UUID(got.headers["rr-request-id"])
    assert signed(got)
    assert [(row["id"], row["metadata"]["crm_id"]) for row in got.json] == [
        (number(anna), "a"),
        (number(ben), "b"),
    ]
    assert {row["profile_list"]["name"] for row in got.json} == {"API Bulk Lookup"}
    assert [row["status"] for row in box.status(anna, ben)] == ["complete"] * 2


def test_unmatched_rows_and_an_answer_body_come_by_knob(box: Box, receiver: Receiver) -> None:
    box.set(webhooks=[hook(receiver)], bulk_unmatched="failed", bulk_reply_body=True)
    answer = bulk(box, {"id": 5, "metadata": {"n": 1}}, profile_list="Mine", webhook_id=1)
    assert answer.json() == {}
    got = receiver.next().json
    assert got[0]["status"] == "failed" and got[0]["metadata"] == {"n": 1}
    assert got[0]["profile_list"]["name"] == "Mine"


def test_somebody_twice_in_a_bulk_lookup_is_paid_once_and_listed_twice(box: Box, receiver: Receiver) -> None:
    anna = box.person()
    box.set(webhooks=[hook(receiver)])
    with box.charging(lookup=1):
        bulk(box, {"id": number(anna)}, {"email": anna.work_email})
        box.later(60)
        assert [row["id"] for row in receiver.next().json] == [number(anna)] * 2


def test_a_bulk_lookup_needs_a_webhook_and_one_to_a_hundred_queries(box: Box, receiver: Receiver) -> None:
    query = {"id": number(box.person())}
    refused = bulk(box, query)
    assert refused.status_code == 400 and list(refused.json()) == ["webhook_id"]
    assert "RR-Request-ID" in refused.headers
    box.set(webhooks=[hook(receiver, endpoints=["lookup"])])
    assert bulk(box, query).status_code == 400
    box.set(webhooks=[hook(receiver)])
    assert bulk(box, query, webhook_id=2).status_code == 400
    for queries in ([], [query] * 101, "x", [1]):
        answer = box.post("/bulkLookup", {"queries": queries})
        assert answer.status_code == 400 and list(answer.json()) == ["queries"]
    assert bulk(box, query, {"name": "Half A Pair"}).status_code == 400
    box.set(bulk_min=10)
    assert bulk(box, query).status_code == 400
    assert bulk(box, *[query] * 10).status_code == 200


def test_a_bulk_lookup_is_refused_without_credits(box: Box, receiver: Receiver) -> None:
    box.set(webhooks=[hook(receiver)])
    box.balance(premium_lookup=0)
    answer = bulk(box, {"id": number(box.person())})
    assert answer.status_code == 403 and "insufficient" in answer.json()["detail"]


def test_a_universal_bulk_lookup_reveals_by_row_or_for_all(box: Box, receiver: Receiver) -> None:
    anna, ben = box.person(), box.person()
    box.set(webhooks=[hook(receiver)], coverage=EVERYTHING)
    path = "/universal/person/bulk_lookup"
    with box.charging(universal=2 + 2 + 6):
        rows = {"id": number(anna), "reveal_phone": True}, {"id": number(ben)}
        assert bulk(box, *rows, path=path, reveal_professional_email=True).status_code == 200
        box.later(60)
        first, second = receiver.next().json
    assert "phones" in first and "phones" not in second and second["emails"]
