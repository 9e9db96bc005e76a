"""Rate limits, canned samples and faults of the ContactOut sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import httpx
import pytest

from tests.contract.contactout_process import EVERYTHING, WORLD, Box, sandbox, url

ANNA = WORLD.people[3]
CARD, ENRICH, STATS = "/v1/people/linkedin", "/v1/linkedin/enrich", "/v1/stats"
CHECKER = "/v1/people/linkedin/phone_status"
SAMPLES = {"Example Person", "Bobbi Singh", "Llewellyn Ruecker"}


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off", coverage=EVERYTHING) as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def admitted(box: Box, ask) -> int:
    """How many requests are let in before the first 429, which is checked."""
    for count in range(1200):
        answer = ask()
        if answer.status_code == 429:
            assert answer.json() == {"status_code": 429, "message": "Rate limit reached"}
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            return count
    raise AssertionError("no limit")


def test_each_bucket_has_its_documented_limit_and_waits_for_none_of_the_others(box: Box) -> None:
    box.set(limits="documented")
    assert admitted(box, lambda: box.post("/v1/people/search", {"name": "Nobody Atall"})) == 60
    assert admitted(box, lambda: box.get(CHECKER, profile=url(ANNA))) == 150
    assert box.get(STATS).status_code == 200


def test_the_third_bucket_holds_everything_else() -> None:
    with sandbox(contacts=20, limits={"other": 5}) as box:
        asked = [
            lambda: box.get(STATS),
            lambda: box.post("/v1/people/count", {"name": "x"}),
            lambda: box.get("/v1/people/decision-makers", name="x"),
            lambda: box.post("/v1/company/search", {"name": ["x"]}),
            lambda: box.get(CARD, profile=url(ANNA)),
            lambda: box.get(ENRICH, profile=url(ANNA)),
        ]
        assert [ask().status_code == 429 for ask in asked] == [False] * 5 + [True]
        assert box.get(CHECKER, profile=url(ANNA)).status_code == 200


def test_the_documented_limit_of_the_third_bucket_is_a_thousand(box: Box) -> None:
    box.set(limits={"search": None, "checker": None})
    assert admitted(box, lambda: box.get(STATS)) == 1000


@pytest.mark.parametrize("kind", ["fixed", "sliding", "counter", "token"])
def test_every_policy_limits_requests(box: Box, kind: str) -> None:
    box.set(limits={"checker": 3}, window=kind)
    # a fixed period may begin meanwhile
    assert admitted(box, lambda: box.get(CHECKER, profile=url(ANNA))) in range(3, 7)


@pytest.mark.parametrize("kind", ["fixed", "sliding", "token"])
def test_after_retry_after_a_request_is_let_in(box: Box, kind: str) -> None:
    box.set(limits={"checker": 3}, window=kind)
    ask = lambda: box.get(CHECKER, profile=url(ANNA))  # noqa: E731
    assert admitted(box, ask) >= 3
    box.control("clock", {"advance_s": int(ask().headers["retry-after"])})
    assert ask().status_code == 200


def test_retry_after_can_be_left_out(box: Box) -> None:
    box.set(limits={"checker": 1}, retry_after=False)
    answers = [box.get(CHECKER, profile=url(ANNA)) for _ in range(2)]
    assert answers[1].status_code == 429 and "retry-after" not in answers[1].headers


def test_each_key_has_its_own_limits_and_wrong_keys_use_none(box: Box) -> None:
    box.set(tokens=["one", "two"], limits={"other": 1})
    codes = [box.api.get(STATS, headers={"token": k}).status_code for k in ("no", "one", "no", "one", "two")]
    assert codes == [400, 200, 400, 429, 200]


def test_a_limited_request_costs_nothing(box: Box) -> None:
    box.set(limits={"other": 1})
    with box.charging(email=1):
        assert [box.get(CARD, profile=url(ANNA)).status_code for _ in range(3)] == [200, 429, 429]
    assert box.control("journal")["by_operation"][-1]["status"] in (200, 429)


def sampled(box: Box) -> dict[str, dict]:
    body = {"profiles": [url(ANNA)], "emails": [ANNA.work_email], "domains": ["a.example"], "name": ANNA.full}
    reads = [ENRICH, "/v1/email/enrich", CARD, "/v1/people/decision-makers", "/v1/people/person", CHECKER,
             "/v1/people/linkedin/work_email_status", "/v1/people/linkedin/personal_email_status",
             "/v1/email/verify", "/v2/people/linkedin/batch/x", "/v1/email/verify/batch/x"]  # fmt: skip
    posts = ["/v1/people/enrich", "/v1/people/linkedin/batch", "/v2/people/linkedin/batch",
             "/v1/domain/enrich", "/v1/people/search", "/v1/people/count", "/v1/company/search",
             "/v1/email/verify/batch"]  # fmt: skip
    answers = {path: box.get(path, profile=url(ANNA), email=ANNA.work_email, name="x") for path in reads}
    answers |= {path: box.post(path, body) for path in posts}
    assert {a.status_code for a in answers.values()} == {200}
    return {path: a.json() for path, a in answers.items()}


def keys_of(value: object, path: str = "") -> set[str]:
    """Every key path of a JSON value; lists count by their first entry, maps keyed by data are left out."""
    if isinstance(value, list):
        return keys_of(value[0], path) if value else set()
    if not isinstance(value, dict):
        return set()
    return {f"{path}/{k}" for k in value} | {p for k, v in value.items() for p in keys_of(v, f"{path}/{k}")}


def test_a_locked_key_gets_canned_people_and_pays_nothing(box: Box) -> None:
    box.set(sample_mode=True)
    with box.charging():
        answers = sampled(box)
    assert answers[ENRICH]["profile"]["full_name"] == "Example Person"
    assert answers["/v1/people/enrich"]["profile"]["phone"] == ["+1234567891"]
    assert answers[CARD]["profile"]["email"] == ["email1@example.com", "email2@gmail.com"]
    assert answers[CARD]["profile"]["phone"] == ["phone number 1"]
    assert "https://linkedin.com/in/at-JqjtXv" in answers["/v1/people/search"]["profiles"]
    assert not any("message" in answer for answer in answers.values())
    everything = str(answers)
    assert ANNA.full not in everything and ANNA.work_email not in everything
    assert "Verified | Unverified" not in everything


def test_canned_answers_have_the_keys_of_real_ones(box: Box) -> None:
    asked = {
        ENRICH: lambda: box.get(ENRICH, profile=url(ANNA)),
        "/v1/email/enrich": lambda: box.get("/v1/email/enrich", email=ANNA.work_email, include="work_email"),
        CARD: lambda: box.get(CARD, profile=url(ANNA), include_phone="true"),
    }
    merits = ("certifications", "publications", "projects", "work_email_status", "locations")
    for ask in asked.values():
        box.set(sample_mode=False)
        real = ask().json()
        box.set(sample_mode=True)
        canned = ask().json()
        differing = keys_of(real) ^ keys_of(canned)
        assert {p for p in differing if not any(m in p for m in merits)} == set()


def test_a_sample_can_say_that_it_is_one(box: Box) -> None:
    box.set(sample_mode=True, sample_message=True)
    assert all("sample response" in answer["message"] for answer in sampled(box).values())


def test_single_operations_can_be_locked(box: Box) -> None:
    box.set(sample_mode=[CARD])
    assert "example-person" in box.get(CARD, profile=url(ANNA)).json()["profile"]["url"]
    assert box.get(ENRICH, profile=url(ANNA)).json()["profile"]["full_name"] == ANNA.full


def test_statistics_of_a_locked_key_are_real(box: Box) -> None:
    box.set(sample_mode=True)
    assert set(box.get(STATS).json()) == {"status_code", "period", "usage"}


@pytest.mark.parametrize("kind", ["reset_after", "truncate"])
def test_an_answer_can_be_lost_after_the_charge(box: Box, kind: str) -> None:
    box.control("faults", {"kind": kind, "path": CARD, "nth": 1})
    with box.charging(email=1), pytest.raises(httpx.HTTPError):
        box.get(CARD, profile=url(ANNA))
    with box.charging(email=1):
        assert box.get(CARD, profile=url(ANNA)).status_code == 200


def test_a_connection_can_be_cut_before_anything_is_charged(box: Box) -> None:
    box.control("faults", {"kind": "reset_before", "path": CARD, "nth": 1})
    with box.charging(), pytest.raises(httpx.HTTPError):
        box.get(CARD, profile=url(ANNA))


def test_a_charge_can_be_answered_with_500_in_the_vendors_form(box: Box) -> None:
    box.control("faults", {"kind": "charge_then_500", "path": CARD, "every": 2})
    with box.charging(email=4):
        answers = [box.get(CARD, profile=url(ANNA)) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 500, 200, 500]
    assert answers[1].json() == {"status_code": 500, "message": "Server Error"}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_refusal_asked_for_has_the_vendors_form_and_costs_nothing(box: Box, status: int) -> None:
    box.control("faults", {"kind": "status", "status": status, "path": CARD, "times": 1})
    with box.charging():
        answer = box.get(CARD, profile=url(ANNA))
    assert (answer.status_code, answer.json()["status_code"]) == (status, status)


def test_http_200_can_carry_another_status_in_its_body(box: Box) -> None:
    body = '{"status_code":404,"message":"Not Found"}'
    box.control("faults", {"kind": "status", "status": 200, "body": body, "times": 1})
    answer = box.get(CARD, profile=url(ANNA))
    assert (answer.status_code, answer.json()["status_code"]) == (200, 404)


def test_an_answer_can_be_garbage_after_the_charge(box: Box) -> None:
    box.control("faults", {"kind": "garbage", "path": CARD, "times": 1})
    with box.charging(email=1):
        answer = box.get(CARD, profile=url(ANNA))
    assert answer.status_code == 200 and "json" not in answer.headers["content-type"]


@pytest.mark.parametrize("wait", [None, "7"])
def test_a_rate_limit_asked_for_comes_with_or_without_retry_after(box: Box, wait: str | None) -> None:
    box.control("faults", {"kind": "rate_limit", "retry_after": wait, "times": 1})
    answer = box.get(CARD, profile=url(ANNA))
    assert answer.json() == {"status_code": 429, "message": "Rate limit reached"}
    assert answer.headers.get("retry-after") == wait


def test_the_journal_names_operations_by_template_and_tells_no_key(box: Box) -> None:
    start = box.control("journal")["total"]
    box.get(CARD, profile=url(ANNA))
    box.get("/v2/people/linkedin/batch/some-job")
    journal = box.control("journal")
    rows = journal["requests"][start:]
    assert [(r["path"], r["status"]) for r in rows] == [(CARD, 200), ("/v2/people/linkedin/batch/{job}", 404)]
    assert all(later["at"] >= earlier["at"] for earlier, later in pairwise(rows))
    assert box.api.headers["token"] not in str(journal) and ANNA.slug not in str(journal)
