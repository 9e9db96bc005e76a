"""Access, errors, limits, faults and knobs of the RocketReach sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.rocketreach_box import EVERYTHING, KEY, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

LOOKUP = "/api/v2/person/lookup"
PLANS = {
    "essentials": ((15, 100, 500, 5_000), (15, 50, 500, 10_000), (10, 25, 100, None)),
    "pro": ((50, 300, 1_500, 20_000), (30, 250, 750, 15_000), (10, 25, 100, None)),
    "ultimate": ((100, 1_000, 3_000, 50_000), (60, 500, 1_000, 20_000), (10, 25, 100, None)),
    "custom": ((250, 2_500, 10_000, 200_000), (100, 1_000, 10_000, 200_000), (10, 100, 1_000, None)),
}
DURATIONS = ("minute", "hour", "day", "month")


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def windows(action: str, duration: str, count: int) -> dict[str, dict[str, int | None]]:
    """Only one window, of one action."""
    none: dict[str, int | None] = dict.fromkeys(DURATIONS)
    return {"global": {"second": None}, action: none | {duration: count}}


def test_the_key_is_taken_from_its_header_or_the_old_parameter(box: Box) -> None:
    bare = {"Api-Key": ""}
    url = "/api/v2/account/"
    assert box.http.get(url).status_code == 200
    assert box.http.get(url, headers=bare, params={"api_key": KEY}).status_code == 200
    for headers in (bare | {"Authorization": f"Bearer {KEY}"}, bare | {"X-Api-Key": KEY}):
        assert box.http.get(url, headers=headers).status_code == 401


def test_a_bad_key_is_answered_as_the_live_service_does_or_as_documented(box: Box) -> None:
    wrong = box.http.get(LOOKUP, headers={"Api-Key": "nonsense"})
    assert wrong.status_code == 401 and "RR-Request-ID" in wrong.headers
    assert wrong.json() == {"detail": "Invalid API key", "error_code": "authentication_failed"}
    none = box.http.get(LOOKUP, headers={"Api-Key": ""}).json()
    assert none["error_code"] == "authentication_failed" and "test key" in none["detail"]
    box.set(documented_401=True)
    answer = box.http.get(LOOKUP, headers={"Api-Key": "nonsense"})
    assert answer.status_code == 401 and answer.json() == {"status": 401, "message": "Invalid API Key"}


def test_a_key_is_rotated_and_the_old_one_retired(start_sandbox: Starter) -> None:
    box = Box(start_sandbox("rocketreach", contacts=5, settings=PLAIN))
    assert box.post("/account/key/", {"api_key": "another"}).status_code == 400
    fresh = box.post("/account/key/", {"api_key": KEY}).json()["api_key"]
    assert box.get("/account").status_code == 401
    assert box.http.get("/api/v2/account", headers={"Api-Key": fresh}).status_code == 200


@pytest.mark.parametrize(("family", "standard", "universal"), [
    ("standard", 200, 403), ("universal", 403, 200), ("both", 200, 200),
])  # fmt: skip
def test_each_api_is_open_to_its_own_plans_only(box: Box, family: str, standard: int, universal: int) -> None:
    box.set(family=family)
    assert box.get("/account/").status_code == standard
    answers = [box.get(f"/universal{p}", id=number(box.person())) for p in ("/account/", "/person/lookup")]
    assert {a.status_code for a in answers} == {universal}
    if universal == 403:
        assert {"Universal Credits" in a.json()["detail"] for a in answers} == {True}


def test_other_refusals_with_403_say_their_cause(box: Box) -> None:
    box.set(email_verified=False)
    assert "Verify your email" in box.get("/person/lookup", id=1).json()["detail"]
    box.set(email_verified=True, no_access=["/api/v2/searchCompany"])
    refused = box.post("/searchCompany", {"query": {}})
    assert refused.status_code == 403 and "plan" in refused.json()["detail"]
    assert "credit" not in refused.json()["detail"].lower()


def test_unknown_paths_methods_and_bodies_are_refused_in_the_vendors_form(box: Box) -> None:
    assert (box.get("/nowhere").status_code, list(box.get("/nowhere").json())) == (404, ["detail"])
    assert box.post("/person/lookup", {}).status_code == 405
    broken = box.http.post(
        "/api/v2/person/search", content=b"{", headers={"content-type": "application/json"}
    )
    assert broken.status_code == 400 and list(broken.json()) == ["detail"]
    assert box.post("/person/search", []).json() == {
        "non_field_errors": ["Invalid data. Expected a dictionary."]
    }
    form = box.http.post("/api/v2/email/verify", data={"email": box.person().work_email})
    assert form.status_code == 200
    assert box.http.post("/api/v2/email/verify", files={"a": b"x"}).status_code == 415


@pytest.mark.parametrize("plan", list(PLANS))
def test_the_account_lists_the_windows_of_the_plan(box: Box, plan: str) -> None:
    box.set(plan=plan, limits="documented")
    rows = box.get("/account").json()["rate_limits"]
    shown = {(r["action"], r["duration"]): r["limit"] for r in rows}
    lookup, search, bulk = PLANS[plan]
    expected = {("person_lookup", d): n for d, n in zip(DURATIONS, lookup, strict=True)}
    expected |= {
        (a, d): n for a in ("person_search", "company_search") for d, n in zip(DURATIONS, search, strict=True)
    }
    expected |= {("bulk_lookup", d): n for d, n in zip(DURATIONS, bulk, strict=True)}
    assert shown == expected


def test_ten_requests_a_second_are_let_in_over_all_operations(box: Box) -> None:
    box.set(limits="documented")
    codes = [box.get("/account").status_code for _ in range(5)]
    codes += [box.get("/person/checkStatus", ids=1).status_code for _ in range(6)]
    assert codes == [200] * 10 + [429]
    box.later(1)
    assert box.get("/person/lookup", id=number(box.person())).status_code == 200


def test_a_minute_of_lookups_is_limited_by_itself_and_counted_in_the_account(box: Box) -> None:
    box.set(limits=windows("person_lookup", "minute", 3))
    people = [box.person() for _ in range(4)]
    answers = [box.get("/person/lookup", id=number(p)) for p in people]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[3].headers["Retry-After"] == "60"
    assert answers[3].json() == {"detail": "Request was throttled. Expected available in 60 seconds."}
    assert "RR-Request-ID" in answers[3].headers
    assert box.status(people[0]) and box.post("/person/search", {"query": {}}).status_code == 201
    row = next(r for r in box.get("/account").json()["rate_limits"] if r["limit"] == 3)
    assert (row["action"], row["duration"], row["used"], row["remaining"]) == (
        "person_lookup",
        "minute",
        3,
        0,
    )
    with box.charging():
        assert box.status(people[3])[0]["status"] == "not queued"


@pytest.mark.parametrize(("duration", "seconds"), [("hour", 3_600), ("day", 86_400), ("month", 2_592_000)])
def test_long_windows_name_hours_and_more_to_wait(box: Box, duration: str, seconds: int) -> None:
    box.set(limits=windows("person_lookup", duration, 1), window="sliding")
    box.look_up(box.person())
    ben = box.person()
    wait = int(box.get("/person/lookup", id=number(ben)).headers["Retry-After"])
    assert wait == seconds
    box.sandbox.advance(wait - 1)
    refused = box.get("/person/lookup", id=number(ben))
    assert refused.headers["Retry-After"] == "1" and "in 1 second." in refused.json()["detail"]
    box.sandbox.advance(1)
    assert box.look_up(ben)["status"] == "searching"


def test_the_longest_wait_of_several_windows_is_named_and_refusals_use_none(box: Box) -> None:
    limits = windows("person_lookup", "minute", 2)
    limits["person_lookup"]["hour"] = 2
    box.set(limits=limits)
    for _ in range(2):
        box.look_up(box.person())
    answers = [box.get("/person/lookup", id=1) for _ in range(5)]
    assert {a.headers["Retry-After"] for a in answers} == {"3600"}


@pytest.mark.parametrize(
    ("action", "path", "body"),
    [
        ("person_search", "/person/search", {"query": {}}),
        ("person_search", "/search", {"query": {}}),
        ("company_search", "/searchCompany", {"query": {}}),
        ("bulk_lookup", "/bulkLookup", {"queries": []}),
        ("email_verify", "/email/verify", {"email": "x@y.example"}),
    ],
)
def test_each_kind_of_call_has_windows_of_its_own(box: Box, action: str, path: str, body: dict) -> None:
    box.set(limits=windows(action, "minute", 1))
    codes = [box.post(path, body).status_code for _ in range(2)]
    assert codes[0] != 429 and codes[1] == 429
    assert box.look_up(box.person())["status"] == "searching"


def test_tight_loops_of_status_calls_can_be_limited(box: Box) -> None:
    box.set(limits=windows("check_status", "minute", 2))
    codes = [box.get("/person/checkStatus", ids=1).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_the_periods_can_be_made_shorter(box: Box) -> None:
    box.set(limits=windows("person_lookup", "month", 1), time_scale=2_592_000)
    box.look_up(box.person())
    assert box.get("/person/lookup", id=1).headers["Retry-After"] == "1"


@pytest.mark.parametrize("kind", ["fixed", "sliding", "counter", "token"])
def test_every_policy_of_windows_lets_in_again_after_retry_after(box: Box, kind: str) -> None:
    box.set(limits=windows("check_status", "minute", 3), window=kind)

    def ask() -> httpx.Response:
        return box.get("/person/checkStatus", ids=1)

    refused = next(a for a in (ask() for _ in range(10)) if a.status_code == 429)
    box.sandbox.advance(int(refused.headers["Retry-After"]))
    assert ask().status_code == 200


def test_a_429_can_come_without_header_and_sentence(box: Box) -> None:
    box.set(limits=windows("check_status", "minute", 1), omit_retry_after=True)
    refused = [box.get("/person/checkStatus", ids=1) for _ in range(2)][1]
    assert refused.status_code == 429 and "Retry-After" not in refused.headers
    assert refused.json() == {"detail": "Request was throttled."}


def test_wrong_keys_use_none_of_the_limits(box: Box) -> None:
    box.set(limits=windows("person_lookup", "minute", 1))
    assert {box.http.get(LOOKUP, headers={"Api-Key": "x"}).status_code for _ in range(3)} == {401}
    assert box.look_up(box.person())["status"] == "searching"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_refusal_asked_for_has_the_vendors_form(box: Box, status: int) -> None:
    box.sandbox.fault("status", status=status, path=LOOKUP, times=1)
    anna = box.person()
    answer = box.get("/person/lookup", id=number(anna))
    assert answer.status_code == status and isinstance(answer.json()["detail"], str)
    assert box.status(anna)[0]["status"] == "not queued"


def test_a_502_comes_in_html(box: Box) -> None:
    box.sandbox.fault("status", status=502, path=LOOKUP, times=1)
    answer = box.get("/person/lookup", id=1)
    assert answer.status_code == 502 and answer.headers["content-type"].startswith("text/html")
    assert answer.text.startswith("<html>")


def test_a_429_asked_for_has_the_vendors_sentence(box: Box) -> None:
    box.sandbox.fault("rate_limit", path=LOOKUP, retry_after="1742", times=1)
    answer = box.get("/person/lookup", id=1)
    assert answer.headers["Retry-After"] == "1742"
    assert answer.json() == {"detail": "Request was throttled. Expected available in 1742 seconds."}


def test_a_connection_can_be_cut_before_anything_is_done(box: Box) -> None:
    anna = box.person()
    box.sandbox.fault("reset_before", path=LOOKUP, nth=1)
    with pytest.raises(httpx.HTTPError):
        box.get("/person/lookup", id=number(anna))
    assert box.status(anna)[0]["status"] == "not queued"


def test_an_answer_can_be_garbage(box: Box) -> None:
    box.sandbox.fault("garbage", path=LOOKUP, nth=1)
    answer = box.get("/person/lookup", id=number(box.person()))
    assert answer.status_code == 200 and "html" in answer.text


def test_a_body_can_arrive_slowly_and_whole(box: Box) -> None:
    box.set(slow_body_s=0.4)
    with box.http.stream("GET", "/api/v2/account") as answer:
        pieces = list(answer.iter_raw())
    assert len(pieces) > 2 and b'"credit_usage"' in b"".join(pieces)


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": "x"}, {"family": "other"}, {"state": "x"}, {"email_verified": 1}, {"documented_401": "x"},
        {"bad_input_as": "x"}, {"no_access": ["/nowhere"]}, {"plan": "free"}, {"credits": {"lookup": 1}},
        {"credits": {"premium_lookup": "many"}}, {"universal_credits": -1}, {"universal_credits": 1.5},
        {"verify_credits": "x"}, {"default_lookup_type": "bulk"}, {"email_preference": "x"},
        {"recharge_on_relookup": 0}, {"empty_at_complete": "x"}, {"balance_lag_s": -1},
        {"numbers_as_text": "yes"}, {"legacy_account": None}, {"limits": "on"}, {"limits": {"x": {}}},
        {"limits": {"global": {"year": 1}}}, {"limits": {"global": {"second": 0}}}, {"window": "x"},
        {"time_scale": 0}, {"omit_retry_after": 1}, {"coverage": {"work": 2}}, {"coverage": {"x": 1}},
        {"catch_all": 2}, {"landline_as_mobile": "x"}, {"odd_emails": -1}, {"suppressed": 7},
        {"healthcare": None}, {"employer_match": "x"}, {"phone_identifies": 1}, {"script": []},
        {"script": "complete"}, {"scripts": {"anna": ["complete"]}}, {"scripts": {"1": []}},
        {"advance": "x"}, {"step_s": -1}, {"instant": 2}, {"failed": 2}, {"late": "x"}, {"late_s": -1},
        {"lost": 2}, {"lost_charged": 1}, {"cached_emails_default": True}, {"lookup_as_array": 1},
        {"status_as_object": 1}, {"search_as_object": 1}, {"array_scalars": 1}, {"phones_without_grade": 1},
        {"slow_body_s": "x"}, {"bulk_min": 0}, {"bulk_unmatched": "x"}, {"bulk_reply_body": 1},
        {"webhooks": {}}, {"webhooks": [{"id": 1}]}, {"webhooks": [{"id": 0, "url": "x"}]},
        {"webhooks": [{"id": 1, "url": "x", "endpoints": ["y"]}]},
        {"webhooks": [{"id": 1, "url": "x"}, {"id": 1, "url": "y"}]}, {"webhook_attempts": 0},
        {"webhook_retry_s": -1}, {"webhook_disable_after": 0}, {"webhook_duplicates": -1},
        {"webhook_lost": 2}, {"webhook_unsigned": 1}, {"webhook_forged": 1}, {"webhook_wrapper": "x"},
        {"unheard_of": 1},
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


def test_knobs_are_read_at_the_start_too(start_sandbox: Starter) -> None:
    box = Box(
        start_sandbox("rocketreach", contacts=5, settings={"plan": "essentials", "coverage": EVERYTHING})
    )
    rows = box.get("/account").json()["rate_limits"]
    assert [r["limit"] for r in rows[:4]] == [15, 100, 500, 5_000]
