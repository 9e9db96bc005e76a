"""Access, bad input, credits, limits, faults and knobs of the ReverseLooker sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from uuid import uuid4

import httpx
import pytest

from tests.contract.reverselooker_box import (
    ACCOUNT,
    BULK,
    KEY,
    PLAIN,
    SINGLE,
    TEST_KEY,
    WORLD,
    Box,
)
from tests.sandboxes import SandboxFailed, Starter


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("reverselooker", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SINGLE, {}), (SINGLE, {"email": "x"}), (SINGLE, {"email": 7}), (SINGLE, []),
        (SINGLE, {"email": "a@b.example", "settings": []}),
        (SINGLE, {"email": "a@b.example", "settings": {"webhook": "x"}}),
        (BULK, {}), (BULK, {"emails": []}), (BULK, {"emails": ["x", "y@"]}), (BULK, {"emails": "a@b.example"}),
        (BULK, {"emails": ["a@b.example"] * 5_001}),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_400_and_free(box: Box, path: str, body: object) -> None:
    with box.charging():
        answer = box.http.post(path, json=body)
    assert answer.status_code == 400 and list(answer.json()) == ["message"]


def test_ids_are_needed_known_and_not_too_old(box: Box) -> None:
    for path in (SINGLE, BULK):
        assert box.http.get(path).status_code == 400
        assert box.http.get(path, params={"id": str(uuid4())}).status_code == 404
    box.set(search_ttl_s=100)
    name = box.launch(box.person().work_email)["id"]
    box.later(99)
    assert box.find(name)["qualification"] == "found"
    box.later(2)
    assert box.http.get(SINGLE, params={"id": name}).status_code == 404


def test_the_three_refusals_of_keys(box: Box) -> None:
    box.set(keys=[KEY, TEST_KEY, "rl_live_old"], disabled_keys=["rl_live_old"])
    for method, path in (("POST", SINGLE), ("GET", SINGLE), ("POST", BULK), ("GET", BULK)):
        for key, status, said in (
            ("", 401, "Missing API key"), ("x", 401, "Invalid API key"), ("rl_live_old", 403, "API key disabled"),
        ):  # fmt: skip
            answer = box.http.request(method, path, headers={"x-api-key": key})
            assert (answer.status_code, answer.json()) == (status, {"message": said})
    box.set(errors_as="error")
    assert box.http.get(SINGLE, headers={"x-api-key": ""}).json() == {"error": "Missing API key"}
    assert box.http.get("/nowhere").status_code == 404


@pytest.mark.parametrize("status", [402, 422])
def test_without_credits_a_launch_is_refused_whole(box: Box, status: int) -> None:
    box.set(out_of_credits=status)
    assert box.sandbox.control("balance", {"credit": 99}) == {"credit": 99}
    with box.charging(50):
        refused = box.http.post(BULK, json={"emails": [box.person().work_email, "a@b.example"]})
        assert refused.status_code == status and "credits" in refused.json()["message"]
        box.launch(box.person().work_email)
        assert box.http.post(SINGLE, json={"email": "a@b.example"}).status_code == status
        free = box.http.post(SINGLE, json={"email": "a@b.example"}, headers={"x-api-key": TEST_KEY})
        assert free.status_code == 200


def test_the_account_can_be_asked_where_the_knob_has_it(box: Box) -> None:
    assert box.http.get(ACCOUNT).status_code == 404
    box.set(account=True, credits=1_000)
    box.launch(box.person().work_email)
    assert box.http.get(ACCOUNT).json() == {"credits": 950, "webhooks": []}
    assert box.http.post("/_sandbox/balance", json={"usd": 1}).status_code == 400


def test_ten_launches_a_second_are_let_in_and_any_number_of_polls(box: Box) -> None:
    box.set(limits="assumed")
    names = [box.launch("a@b.example")["id"] for _ in range(10)]
    refused = box.http.post(SINGLE, json={"email": "a@b.example"})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert {box.http.get(SINGLE, params={"id": n}).status_code for n in names * 2} == {200}
    box.sandbox.advance(1)
    box.launch("a@b.example")


def test_limits_and_the_header_of_a_429_are_knobs(box: Box) -> None:
    box.set(limits={"count": 1, "per_s": 30}, limit_header="reset")
    box.launch("a@b.example")
    refused = box.http.post(BULK, json={"emails": ["a@b.example"]})
    now = datetime.fromisoformat(box.sandbox.control("clock")["now"]).timestamp()
    assert "retry-after" not in refused.headers
    assert 29 <= int(refused.headers["x-ratelimit-reset"]) - now <= 31
    box.set(limit_header="none")
    bare = box.http.post(SINGLE, json={"email": "a@b.example"})
    assert bare.status_code == 429 and not {"retry-after", "x-ratelimit-reset"} & set(bare.headers)


@pytest.mark.parametrize(
    ("kind", "credit"),
    [("reset_after", 50), ("charge_then_500", 50), ("garbage", 50), ("reset_before", 0), ("status", 0)],
)
def test_a_launch_whose_answer_is_lost_is_paid_where_it_was_begun(box: Box, kind: str, credit: int) -> None:
    box.sandbox.fault(kind, method="POST", path=SINGLE, times=1)
    with box.charging(credit), suppress(httpx.HTTPError):
        answer = box.http.post(SINGLE, json={"email": box.person().work_email})
        assert answer.status_code == 500 or not answer.text.startswith("{")


def test_refusals_asked_for_have_the_vendors_form(box: Box) -> None:
    for status in (400, 401, 403, 404, 500):
        box.sandbox.fault("status", status=status, path=SINGLE, times=1)
        answer = box.http.get(SINGLE, params={"id": "x"})
        assert answer.status_code == status and isinstance(answer.json()["message"], str)
        box.sandbox.clear_faults()
    box.sandbox.fault("rate_limit", path=SINGLE, retry_after="7", times=1)
    assert box.http.get(SINGLE, params={"id": "x"}).headers["retry-after"] == "7"
    box.sandbox.fault("status", status=503, path=SINGLE, times=1)
    assert box.http.get(SINGLE, params={"id": "x"}).text.startswith("<html>")


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": ["x"]}, {"disabled_keys": "x"}, {"errors_as": "x"}, {"credits": -1}, {"refund_on_miss": 1},
        {"refund_shown": 1}, {"test_shows_price": 1}, {"out_of_credits": 400}, {"account": 1}, {"limits": "on"},
        {"limits": {"x": 1}}, {"limits": {"count": 0}}, {"window": "x"}, {"limit_header": "x"},
        {"coverage": {"profile": 2}}, {"after_s": -1}, {"slow": 2}, {"slow_s": -1}, {"stuck": 2},
        {"scripts": {"a": {"x": 1}}}, {"scripts": {"a": {"after_s": -1}}},
        {"scripts": {"a": {"qualification": "ongoing"}}}, {"ongoing_status": 204}, {"launch_status": True},
        {"search_ttl_s": -1}, {"bulk_step_s": -1}, {"bulk_most": 5_001}, {"bulk_repeats": "x"},
        {"bulk_fails": 1}, {"bulk_items_by_id": 1}, {"webhook_forged": 1}, {"webhook_lost": 2},
        {"webhook_duplicates": -1}, {"webhook_attempts": 0}, {"webhook_retry_s": -1}, {"unheard_of": 1},
    ],
)  # fmt: skip
def test_a_knob_is_refused_with_a_sentence_and_changes_nothing(box: Box, wrong: dict) -> None:
    before = box.sandbox.control("settings")
    answer = box.http.post("/_sandbox/settings", json=wrong)
    assert answer.status_code == 400 and len(answer.json()["error"].split()) > 2
    assert box.sandbox.control("settings") == before


def test_every_knob_is_checked(box: Box) -> None:
    marks = test_a_knob_is_refused_with_a_sentence_and_changes_nothing.pytestmark
    tried = {name for mark in marks for wrong in mark.args[1] for name in wrong}
    assert set(box.sandbox.control("settings")) - tried == {"latency_ms"}


def test_a_bad_knob_at_the_start_is_refused(start_sandbox: Starter) -> None:
    with pytest.raises(SandboxFailed, match="begin with rl_live_"):
        start_sandbox("reverselooker", contacts=5, settings={"keys": ["mine"]})
