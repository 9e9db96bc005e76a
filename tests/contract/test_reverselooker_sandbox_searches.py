"""Searches of the ReverseLooker sandbox: their answers, charges and lives, bulks of them, and webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from queue import Empty
from uuid import UUID

import pytest

from tests.contract.callback_receiver import Receiver
from tests.contract.reverselooker_box import (
    BULK,
    EVERYTHING,
    PLAIN,
    SINGLE,
    TEST_KEY,
    WORLD,
    Box,
)
from tests.sandboxes import Starter

RESULT = {
    "first_name", "last_name", "full_name", "headline", "company_name", "location", "linkedin_url", "locale",
    "summary", "skills", "experience", "education",
}  # fmt: skip
ITEM = {"id", "email", "qualification", "linkedin_url", "full_name", "headline", "company_name", "location"}


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("reverselooker", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def test_a_search_costs_fifty_at_its_launch_and_nothing_later(box: Box) -> None:
    anna = box.person()
    with box.charging(50) as charged:
        told = box.launch(anna.work_email)
    assert [(c["person"], c["operation"]) for c in charged] == [(anna.ref, SINGLE)]
    assert set(told) == {"id", "credits_used", "message"} and told["credits_used"] == 50 and UUID(told["id"])
    with box.charging():
        box.later(60)
        assert [box.find(told["id"])["qualification"] for _ in range(3)] == ["found"] * 3


def test_a_found_search_has_the_keys_of_the_sample(box: Box) -> None:
    anna = box.person()
    name = box.launch(anna.work_email.upper())["id"]
    ongoing = box.find(name)
    assert ongoing == {
        "id": name, "email": anna.work_email, "created_at": ongoing["created_at"], "qualification": "ongoing",
        "result": None,
    }  # fmt: skip
    assert ongoing["created_at"].endswith("Z") and datetime.fromisoformat(ongoing["created_at"])
    box.later(6)
    found = box.find(name)
    assert found["qualification"] == "found" and set(found) == set(ongoing)
    result = found["result"]
    assert set(result) == RESULT
    assert (result["first_name"], result["last_name"]) == (anna.first, anna.last)
    assert result["full_name"] == anna.full and result["company_name"] == anna.company.name
    assert result["headline"] == f"{anna.title} at {anna.company.name}"
    assert result["linkedin_url"] == f"https://linkedin.com/in/{anna.slug}"
    assert set(result["experience"]) == {"experience_count", "experience_history"}
    post, *rest = result["experience"]["experience_history"]
    assert set(post) == {"title", "company", "start_date", "end_date", "duration"}
    assert post["end_date"] is None and rest[0]["end_date"] == post["start_date"]
    assert "year" in post["duration"] or "month" in post["duration"]
    (school,) = result["education"]["education_history"]
    assert set(school) == {"school_name", "degree_name", "field_of_study"}


def test_the_count_of_posts_is_not_always_that_of_the_list(box: Box) -> None:
    jobs = [box.finished(box.person().work_email)["result"]["experience"] for _ in range(8)]
    unlisted = {job["experience_count"] - len(job["experience_history"]) for job in jobs}
    assert len(unlisted) > 1 and min(unlisted) >= 0


def test_a_miss_is_charged_and_its_result_null(box: Box) -> None:
    with box.charging(50) as charged:
        missed = box.finished("nobody@nowhere.example")
    assert (missed["qualification"], missed["result"]) == ("not_found", None)
    assert "nobody" not in charged[0]["person"]


def test_a_miss_can_be_given_back(box: Box) -> None:
    box.set(refund_on_miss=True)
    with box.charging(0) as charged:
        missed = box.finished("nobody@nowhere.example")
    assert [c["amount"] for c in charged] == ["50", "-50"] and "credits_refunded" not in missed
    box.set(refund_shown=True)
    with box.charging(50):
        assert box.finished("nobody@nowhere.example")["credits_refunded"] == 50
        assert "credits_refunded" not in box.finished(box.person().work_email)


def test_a_second_launch_is_charged_again(box: Box) -> None:
    anna = box.person()
    with box.charging(100):
        assert box.launch(anna.work_email)["id"] != box.launch(anna.personal_email)["id"]
    extra = [d["extra"] for d in box.sandbox.books()["duplicates"] if d["person"] == anna.ref]
    assert extra == [1]


def test_development_keys_cost_nothing(box: Box) -> None:
    headers = {"x-api-key": TEST_KEY}
    with box.charging():
        answer = box.http.post(SINGLE, json={"email": box.person().work_email}, headers=headers)
        assert answer.json()["credits_used"] == 50
        box.set(test_shows_price=False)
        answer = box.http.post(BULK, json={"emails": [box.person().work_email]}, headers=headers)
        assert answer.json()["credits_used"] == 0


def test_one_address_is_ongoing_for_more_than_twenty_seconds_and_one_for_ever(box: Box) -> None:
    slow, stuck = (box.launch(f"{name}@sandbox.example")["id"] for name in ("slow", "stuck"))
    box.later(21)
    assert [box.find(n)["qualification"] for n in (slow, stuck)] == ["ongoing"] * 2
    box.later(5)
    assert box.find(slow)["qualification"] == "not_found"
    box.later(100_000)
    assert box.find(stuck)["qualification"] == "ongoing"


def test_searches_are_scripted_by_address_or_by_share(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.set(
        scripts={
            anna.work_email: {"after_s": 30},
            ben.work_email: {"after_s": 1, "qualification": "not_found"},
        }
    )
    first, second = (box.launch(p.work_email)["id"] for p in (anna, ben))
    box.later(2)
    assert [box.find(n)["qualification"] for n in (first, second)] == ["ongoing", "not_found"]
    box.later(29)
    assert box.find(first)["qualification"] == "found"
    box.set(slow=1)
    slow = box.launch(box.person().work_email)["id"]
    box.set(slow=0, stuck=1)
    stuck = box.launch(box.person().work_email)["id"]
    box.later(24)
    assert box.find(slow)["qualification"] == "ongoing"
    box.later(2_000)
    assert [box.find(n)["qualification"] for n in (slow, stuck)] == ["found", "ongoing"]


def test_statuses_of_launches_and_ongoing_searches_are_knobs(box: Box) -> None:
    box.set(launch_status=201, ongoing_status=202)
    for path, body in ((SINGLE, {"email": box.person().work_email}), (BULK, {"emails": ["a@b.example"]})):
        launched = box.http.post(path, json=body)
        assert launched.status_code == 201
        name = {"id": launched.json()["id"]}
        assert box.http.get(path, params=name).status_code == 202
        box.later(10)
        assert box.http.get(path, params=name).status_code == 200


def test_a_bulk_drops_what_is_no_address_and_lowers_the_rest(box: Box) -> None:
    anna = box.person()
    with box.charging(100) as charged:
        told = box.bulk("x", 7, None, "no at.example", anna.work_email.upper(), "Nobody@Nowhere.example")
    assert {c["operation"] for c in charged} == {BULK} and {c["amount"] for c in charged} == {"50"}
    assert set(told) == {"id", "number_of_searches", "credits_used", "message"}
    assert (told["number_of_searches"], told["credits_used"]) == (2, 100)
    box.later(5.005)
    half = box.find(told["id"], BULK)
    assert set(half) == {
        "id", "created_at", "last_update", "number_requested", "number_finished", "status", "results",
    }  # fmt: skip
    assert (half["status"], half["number_requested"], half["number_finished"]) == ("ongoing", 2, 1)
    assert half["last_update"] > half["created_at"]
    box.later(5)
    whole = box.find(told["id"], BULK)
    assert (whole["status"], whole["number_finished"]) == ("completed", 2)
    found, missed = whole["results"]
    assert set(found) == set(missed) == ITEM
    assert (found["email"], found["full_name"]) == (anna.work_email, anna.full)
    assert missed["email"] == "nobody@nowhere.example" and missed["qualification"] == "not_found"
    assert {missed[n] for n in ITEM - {"id", "email", "qualification"}} == {None}


def test_the_searches_of_a_bulk_can_be_asked_for_singly(box: Box) -> None:
    told = box.bulk(box.person().work_email)
    box.later(10)
    (item,) = box.find(told["id"], BULK)["results"]
    assert set(box.find(item["id"])["result"]) == RESULT
    box.set(bulk_items_by_id=False)
    assert box.http.get(SINGLE, params={"id": item["id"]}).status_code == 404


def test_repeats_in_a_bulk_are_kept_and_charged_or_dropped(box: Box) -> None:
    address = box.person().work_email
    with box.charging(100):
        assert box.bulk(address, address.upper())["number_of_searches"] == 2
    box.set(bulk_repeats="dropped")
    with box.charging(50):
        assert box.bulk(address, address)["number_of_searches"] == 1


def test_a_bulk_can_fail_with_half_of_its_searches_ongoing(box: Box, receiver: Receiver) -> None:
    box.set(bulk_fails=True)
    told = box.bulk(*(box.person().work_email for _ in range(3)), settings={"webhook": receiver.url})
    box.later(100)
    whole = box.find(told["id"], BULK)
    assert (whole["status"], whole["number_finished"]) == ("failed", 2)
    assert [r["qualification"] for r in whole["results"]] == ["found", "ongoing", "found"]
    assert receiver.next().json["id"] == told["id"]


def test_stale_and_wrong_profiles_are_found_like_others(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.set(coverage=EVERYTHING | {"stale": 1})
    assert box.finished(anna.work_email)["result"]["company_name"] == anna.past.name
    box.set(coverage=EVERYTHING | {"wrong": 1})
    with box.charging(50) as charged:
        assert box.finished(ben.work_email)["result"]["full_name"] != ben.full
    assert charged[0]["person"] == ben.ref


def test_some_people_are_unknown_and_always_the_same(start_sandbox: Starter) -> None:
    box = Box(start_sandbox("reverselooker", contacts=200, settings={"limits": "off"}))
    addresses = [p.work_email for p in WORLD.people]

    def found() -> list[str]:
        name = box.bulk(*addresses)["id"]
        box.later(60)
        return [r["qualification"] for r in box.find(name, BULK)["results"]]

    once = found()
    assert once == found() and 60 < once.count("found") < 180


def test_a_single_search_is_delivered_whole_and_unsigned(box: Box, receiver: Receiver) -> None:
    more = {"custom": {"ref": [1]}, "settings": {"webhook": receiver.url}}
    name = box.launch(box.person().work_email, **more)["id"]
    box.later(10)
    got = receiver.next()
    assert got.json == box.find(name) | {"custom": {"ref": [1]}}
    assert not [h for h in got.headers if "signature" in h]


def test_a_bulk_is_delivered_with_its_id_and_cost(box: Box, receiver: Receiver) -> None:
    more = {"custom": "mine", "settings": {"webhook": receiver.url}}
    told = box.bulk(box.person().work_email, box.person().work_email, **more)
    box.later(10)
    assert receiver.next().json == {"id": told["id"], "credits_used": 100, "custom": "mine"}
    with pytest.raises(Empty):
        receiver.got.get_nowait()


def test_deliveries_are_tried_again_repeated_forged_and_lost(box: Box, receiver: Receiver) -> None:
    def deliver() -> str:
        settings = {"webhook": receiver.url}
        name: str = box.launch(box.person().work_email, settings=settings)["id"]
        box.later(10)
        return name

    receiver.statuses = [500]
    assert [deliver()] * 2 == [receiver.next().json["id"] for _ in range(2)]
    box.set(webhook_duplicates=1)
    assert [deliver()] * 2 == [receiver.next().json["id"] for _ in range(2)]
    box.set(webhook_duplicates=0, webhook_forged=True)
    name, forged = deliver(), receiver.next().json
    assert forged["id"] != name == receiver.next().json["id"]
    assert box.http.get(SINGLE, params={"id": forged["id"]}).status_code == 404
    box.set(webhook_forged=False, webhook_lost=1)
    deliver()
    box.set(webhook_lost=0)
    assert deliver() == receiver.next().json["id"]


def test_a_delivery_to_another_machine_is_not_sent_and_the_search_ends(box: Box) -> None:
    name = box.launch(box.person().work_email, settings={"webhook": "https://hooks.example.com/x"})["id"]
    box.later(10)
    assert box.find(name)["qualification"] == "found"
