"""Admission, limits, input and errors of the Crustdata sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.crustdata_box import (
    BASE,
    CONTACT,
    ENRICH,
    EVERYTHING,
    HEADERS,
    KEY,
    LIVE,
    OTHER_KEY,
    SEARCH,
    WORLD,
    Box,
)  # fmt: skip
from tests.sandboxes import SandboxFailed, start_sandbox

ANNA = WORLD.people[0]
ASK = {"professional_network_profile_urls": [ANNA.linkedin_url]}
FOUR = {"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-credits-used"}


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    settings = BASE | {"coverage": EVERYTHING, "keys": [KEY, OTHER_KEY]}
    with start_sandbox("crustdata", contacts=300, settings=settings) as running:
        yield Box(running)


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def refusal(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    """The error of an answer, checked for status, type and the four headers."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"type", "message", "metadata"}
    assert answer.json()["error"]["type"] == kind
    assert set(answer.headers) >= FOUR and answer.headers["x-credits-used"] == "0"
    error: dict[str, Any] = answer.json()["error"]
    return error


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, {"message": "Missing API key in request"}),
        ({"authorization": "Bearer wrong"}, {"message": "Invalid API key in request"}),
        ({"authorization": f"Basic {KEY}"}, {"message": "Invalid API key in request"}),
    ],
)
def test_the_key_is_looked_at_before_the_version(box: Box, headers, body) -> None:
    answer = box.post(ENRICH, ASK, headers)
    assert (answer.status_code, answer.json()) == (401, body)


def test_a_missing_version_is_a_400_that_names_the_header(box: Box) -> None:
    without = {"authorization": HEADERS["authorization"]}
    assert "x-api-version" in refusal(box.post(ENRICH, ASK, without), 400, "invalid_request")["message"]
    refusal(box.post(ENRICH, ASK, without | {"x-api-version": "2020-01-01"}), 400, "invalid_request")
    box.set(version_required=False)
    assert box.post(ENRICH, ASK, without).status_code == 200
    box.set(version_required=True)
    assert box.get("/user/credits", without).status_code == 200


def test_the_old_scheme_is_still_taken_unless_switched_off(box: Box) -> None:
    old = HEADERS | {"authorization": f"Token {KEY}"}
    assert box.post(ENRICH, ASK, old).status_code == 200
    box.set(token_auth=False)
    assert box.post(ENRICH, ASK, old).status_code == 401


def test_checks_come_in_the_documented_order(box: Box) -> None:
    box.set(plan="self_serve", limits={ENRICH: 1, CONTACT: 1}, balance=0)
    bad: dict[str, Any] = {}
    assert box.post(CONTACT, bad, {"authorization": "Bearer x"}).status_code == 401
    assert box.post(CONTACT, bad, {"authorization": HEADERS["authorization"]}).status_code == 400
    refusal(box.post(CONTACT, bad), 403, "permission_error")
    refusal(box.post(ENRICH, bad), 400, "invalid_request")
    refusal(box.post(ENRICH, bad), 429, "rate_limit_exceeded")
    box.set(limits="off")
    refusal(box.post(ENRICH, ASK | {"fields": ["nonsense", "certifications"]}), 400, "invalid_request")
    refusal(box.post(ENRICH, ASK | {"fields": ["certifications"]}), 403, "permission_error")
    refusal(box.post(ENRICH, ASK), 402, "insufficient_credits")


@pytest.mark.parametrize(
    "path",
    [CONTACT, LIVE, "/person/professional_network/search/live", "/batch/person/contact/enrich"],
)
def test_a_self_serve_key_has_no_access_to_enterprise_endpoints(box: Box, path) -> None:
    box.set(plan="self_serve")
    assert refusal(box.post(path, ASK), 403, "permission_error")["message"] == "Access denied to endpoint"
    rows = box.get("/account/endpoints", path=path).json()["endpoints"]
    assert [(r["status"], r["effective_rate_limit_rpm"]) for r in rows] == [("not_enabled", None)]
    box.set(access=[path], status_words="disabled")
    assert box.get("/account/endpoints", path=path).json()["endpoints"][0]["status"] == "enabled"
    box.set(no_access=[path])
    assert box.get("/account/endpoints", path=path).json()["endpoints"][0]["status"] == "disabled"


def test_one_gated_field_fails_the_whole_call_and_is_named(box: Box) -> None:
    box.set(plan="self_serve")
    error = refusal(
        box.post(ENRICH, ASK | {"fields": ["basic_profile", "honors", "certifications"]}),
        403,
        "permission_error",
    )
    assert error["message"] == "Access denied to fields: honors, certifications"
    assert error["metadata"] == [{"denied_fields": ["honors", "certifications"]}]
    box.set(denied_fields=["experience"])
    answer = box.post(ENRICH, ASK | {"fields": ["experience.employment_details.current"]})
    assert answer.json()["error"]["metadata"] == [
        {"denied_fields": ["experience.employment_details.current"]}
    ]


def test_entitlements_list_endpoints_with_their_fields_and_limits(box: Box) -> None:
    box.set(plan="self_serve", limits="documented", token_rpm=60)
    told = box.get("/account/endpoints").json()
    assert set(told) == {"api_version", "token_limit_rpm", "endpoints"} and told["token_limit_rpm"] == 60
    rows = {row["path"]: row for row in told["endpoints"]}
    assert set(rows[ENRICH]) == {"path", "category", "status", "effective_rate_limit_rpm", "fields"}
    assert rows[ENRICH]["effective_rate_limit_rpm"] == 15 and rows[SEARCH]["effective_rate_limit_rpm"] == 30
    fields = rows[ENRICH]["fields"]
    assert {"basic_profile", "experience", "contact.business_emails"} <= set(fields["enabled"])
    assert {"certifications", "honors"} <= set(fields["disabled"])
    assert box.get("/account/endpoints", path="/nowhere").json()["endpoints"] == []
    assert box.get("/account/endpoints", status="enabeld").status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "count"),
    [(ENRICH, {}, 15), (CONTACT, {}, 15), (LIVE, {}, 10), (SEARCH, {}, 30), ("/company/enrich", {}, 15)],
)
def test_each_endpoint_has_its_documented_limit_in_a_sliding_minute(box: Box, path, body, count) -> None:
    box.set(limits="documented")
    for n in range(count):
        answer = box.post(path, body)
        assert answer.status_code == 400
        assert answer.headers["x-ratelimit-limit"] == str(count)
        assert answer.headers["x-ratelimit-remaining"] == str(count - n - 1)
    refused = box.post(path, body)
    refusal(refused, 429, "rate_limit_exceeded")
    assert "retry-after" not in refused.headers and refused.headers["x-ratelimit-remaining"] == "0"
    reset = int(refused.headers["x-ratelimit-reset"])
    assert 50 <= reset <= 60
    box.sandbox.advance(reset)
    assert box.post(path, body).status_code == 400


def test_usage_questions_share_one_limit(box: Box) -> None:
    box.set(limits={"/account/usage": 2})
    paths = ("summary", "events", "errors")
    assert [box.get(f"/account/usage/{p}").status_code for p in paths] == [200, 200, 429]


def test_each_key_has_its_own_window_and_may_have_one_over_all_endpoints(box: Box) -> None:
    box.set(limits={ENRICH: 1}, retry_after=True)
    other = HEADERS | {"authorization": f"Bearer {OTHER_KEY}"}
    assert [box.post(ENRICH, {}, h).status_code for h in (HEADERS, other)] == [400, 400]
    assert 1 <= int(box.post(ENRICH, {}).headers["retry-after"]) <= 60
    box.set(limits="off", token_rpm=2)
    assert [box.post(p, {}).status_code for p in (ENRICH, SEARCH, LIVE)] == [400, 400, 429]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"professional_network_profile_urls": []},
        {"professional_network_profile_urls": "x"},
        {"professional_network_profile_urls": [1]},
        {"professional_network_profile_urls": ["x"] * 26},
        {"business_emails": ["a@b.example"] * 26},
        ASK | {"business_emails": ["a@b.example"]},
        ASK | {"fields": []},
        ASK | {"fields": ["basic_profile.shoe_size"]},
        ASK | {"min_similarity_score": 1.5},
        ASK | {"preview": True},
        [ASK],
    ],
)
def test_bad_input_is_refused_and_free(box: Box, body) -> None:
    with box.charging("0"):
        refusal(box.post(ENRICH, body), 400, "invalid_request")


def test_an_unknown_field_is_answered_with_the_valid_ones(box: Box) -> None:
    error = refusal(box.post(CONTACT, ASK | {"fields": ["basic_profile"]}), 400, "invalid_request")
    assert "contact.phone_numbers" in error["message"] and error["metadata"] == []
    batch = refusal(box.post("/batch/person/enrich", ASK | {"fields": ["nonsense"]}), 400, "invalid_request")
    assert "basic_profile" in batch["metadata"]["available_fields"]


def test_errors_can_come_in_the_frameworks_form(box: Box) -> None:
    box.set(drf_errors=True)
    assert set(box.post(ENRICH, {}).json()) == {"non_field_errors"}
    assert set(box.post(ENRICH, ASK | {"fields": ["nonsense"]}).json()) == {"fields"}


def test_old_flags_are_ignored_or_refused_and_previews_are_free_where_allowed(box: Box) -> None:
    old = ASK | {"force_fetch": True}
    assert box.post(ENRICH, old).status_code == 200
    box.set(old_flags="refused", preview_enabled=True)
    assert box.post(ENRICH, old).status_code == 400
    with box.charging("0"):
        data = box.post(ENRICH, ASK | {"preview": True}).json()[0]["matches"][0]["person_data"]
    assert set(data) == {"crustdata_person_id", "basic_profile"}


def test_live_takes_urls_only(box: Box) -> None:
    refusal(box.post(LIVE, {"business_emails": ["a@b.example"]}), 400, "invalid_request")
    refusal(box.post(LIVE, ASK | {"min_similarity_score": 0.5}), 400, "invalid_request")
    refusal(box.post(LIVE, ASK | {"fields": ["dev_platform_profiles"]}), 400, "invalid_request")


def test_the_undocumented_identify_always_fails(box: Box) -> None:
    assert box.post("/person/identify", ASK).status_code == 500


@pytest.mark.parametrize("status", [400, 402, 403, 429, 500])
def test_faults_speak_in_the_vendors_form(box: Box, status) -> None:
    box.sandbox.fault("status", status=status, path=ENRICH, times=1)
    with box.charging("0"):
        answer = box.post(ENRICH, ASK)
    assert answer.status_code == status and set(answer.json()["error"]) == {"type", "message", "metadata"}
    box.sandbox.fault("rate_limit", path=ENRICH, retry_after="7", times=1)
    limited = box.post(ENRICH, ASK)
    assert (limited.status_code, limited.headers["x-ratelimit-reset"]) == (429, "7")


def test_a_bad_gateway_speaks_html(box: Box) -> None:
    box.sandbox.fault("status", status=502, times=1)
    answer = box.post(ENRICH, ASK)
    assert answer.status_code == 502 and answer.text.startswith("<html")


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("plan", "gold"), ("limits", "none"), ("limits", {"/nowhere": 3}), ("limits", {"/person/enrich": 0}),
        ("coverage", {"shoes": 1}), ("coverage", {"work": 2}), ("wrong_email", 1.1), ("keys", "x"),
        ("active_jobs", -1), ("token_rpm", 0), ("balance", "much"), ("denied_fields", "x"),
        ("reorder", 1), ("access", ["/nowhere"]), ("file_rows", 0), ("no_such_knob", 1),
    ],
)  # fmt: skip
def test_a_wrong_knob_is_refused_with_a_sentence(box: Box, knob, value) -> None:
    answer = box.http.post("/_sandbox/settings", json={knob: value})
    assert answer.status_code == 400 and len(answer.json()["error"].split()) > 3
    assert box.http.post("/_sandbox/balance", json={"email": 1}).status_code == 400


def test_a_server_with_a_wrong_knob_does_not_start() -> None:
    with (
        pytest.raises(SandboxFailed, match="plan is one of"),
        start_sandbox("crustdata", settings={"plan": "x"}),
    ):
        pass


def test_the_journal_names_templates_and_holds_no_key(box: Box) -> None:
    box.get("/batch/00000000-0000-4000-8000-000000000000")
    row = box.sandbox.journal()[-1]
    assert (row["path"], row["status"]) == ("/batch/{id}", 404)
    assert KEY not in str(box.sandbox.journal())
