"""Access, validation, jobs, limits, faults and knobs of the Waterfall.io sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from tests.contract.waterfall_io_box import (
    ACCOUNT,
    COMPANY,
    CONTACT,
    JWKS,
    PHONE,
    PLAIN,
    SEARCH,
    VERIFY,
    WORLD,
    Box,
)
from tests.sandboxes import SandboxFailed, Starter

LIMITED = PLAIN | {"limits": "documented"}


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("waterfall_io", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def test_a_missing_key_is_401_and_a_wrong_one_403(box: Box) -> None:
    for method, path in (("POST", CONTACT), ("GET", CONTACT), ("GET", ACCOUNT)):
        none = box.http.request(method, path, headers={"x-api-key": ""})
        wrong = box.http.request(method, path, headers={"x-api-key": "nonsense"})
        assert (none.status_code, none.json()["code"]) == (401, "AUTH_MISSING_API_KEY")
        assert (wrong.status_code, wrong.json()["code"]) == (403, "AUTH_BAD_API_KEY")
        assert none.json()["category"] == wrong.json()["category"] == "AUTH"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "info@acme.example"}, "BAD_EMAIL_ROLE"), ({"email": "x"}, "BAD_EMAIL_INVALID"),
        ({"email": f"{'a' * 250}@b.example"}, "BAD_EMAIL_TOO_LONG"),
        ({"email": "a1234567@b.example"}, "BAD_EMAIL_CONSECUTIVE_DIGITS"),
        ({"email": "a12345b67890@b.example"}, "BAD_EMAIL_TOO_MANY_DIGITS"),
        ({"email": "ann@gmail.com"}, "BAD_EMAIL_PERSONAL_NOT_ALLOWED"),
        ({"full_name": "A B", "domain": "gmail.com"}, "BAD_DOMAIN_EMAIL_PROVIDER"),
        ({"full_name": "A B", "domain": "mailinator.com"}, "BAD_DOMAIN_DISPOSABLE"),
        ({"full_name": "A B", "domain": "nomx.example"}, "BAD_DOMAIN_NO_MX"),
        ({"full_name": "A B", "domain": "https://www.linkedin.com/in/x"}, "BAD_DOMAIN_SOCIAL_MEDIA"),
        ({"full_name": "A B", "domain": "bit.ly"}, "BAD_DOMAIN_URL_SHORTENER"),
        ({"full_name": "A B", "domain": "co.uk"}, "BAD_DOMAIN_TOP_LEVEL"),
        ({"full_name": "A B", "domain": "vercel.app"}, "BAD_DOMAIN_PROVIDER_DOMAIN"),
        ({"full_name": "A B", "domain": "zendesk.com"}, "BAD_DOMAIN_SERVICE_DOMAIN"),
        ({"full_name": "A B", "domain": "a_b!.example"}, "BAD_DOMAIN_INVALID_CHARACTERS"),
        ({"full_name": "A B", "domain": "acme"}, "BAD_DOMAIN"),
        ({"full_name": "123", "domain": "acme.example"}, "BAD_NAME_INVALID"),
        ({}, "BAD_REQUEST"), ({"full_name": "A B"}, "BAD_REQUEST"), ({"domain": "acme.example"}, "BAD_REQUEST"),
        ({"first_name": "A", "domain": "acme.example"}, "BAD_REQUEST"),
        ({"full_name": "a" * 251, "domain": "acme.example"}, "BAD_REQUEST"),
        ({"first_name": "a" * 101, "last_name": "b", "domain": "acme.example"}, "BAD_REQUEST"),
        ({"linkedin": "a" * 501}, "BAD_REQUEST"), ({"linkedin": "https://example.com/x"}, "BAD_REQUEST"),
        ({"linkedin": 7}, "BAD_REQUEST"), ({"linkedin": "x", "include_phones": "yes"}, "BAD_REQUEST"),
        ({"linkedin": "x", "custom_fields": []}, "BAD_REQUEST"),
        ({"linkedin": "x", "webhook_url": "nowhere"}, "BAD_REQUEST"),
    ],
)  # fmt: skip
def test_bad_input_has_a_code_and_is_free(box: Box, body: dict, code: str) -> None:
    with box.charging():
        assert box.refused(CONTACT, **body) == (400, f"VALIDATION_{code}")
        box.later(10)


def test_bodies_job_ids_paths_and_methods_are_checked(box: Box) -> None:
    assert box.http.post(CONTACT).json()["code"] == "VALIDATION_MISSING_BODY"
    for content in (b"{", b"[]"):
        assert box.http.post(CONTACT, content=content).json()["code"] == "VALIDATION_BAD_REQUEST"
    assert box.http.get(CONTACT).json()["code"] == "VALIDATION_MISSING_JOB_ID_PARAMETER"
    assert box.http.get(CONTACT, params={"job_id": "x"}).json()["code"] == "VALIDATION_BAD_JOB_ID"
    unknown = box.http.get(CONTACT, params={"job_id": str(uuid4())})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND_JOB_NOT_FOUND")
    assert unknown.json()["category"] == "NOT_FOUND"
    nowhere = box.http.get("/v1/nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "NOT_FOUND_NOT_FOUND")
    method = box.http.put(CONTACT)
    assert (method.status_code, method.json()["code"]) == (400, "ROUTING_INVALID_PATH_OR_METHOD")
    assert box.refused(VERIFY, email="x") == (400, "VALIDATION_BAD_REQUEST")
    assert box.refused(COMPANY, full_name="x") == (400, "VALIDATION_BAD_REQUEST")


def test_free_mail_and_unknown_fields_are_taken_or_not(box: Box) -> None:
    anna = box.person()
    box.set(free_mail="accepted")
    assert box.person_of(CONTACT, email=anna.personal_email)["linkedin_id"] == anna.slug
    assert box.post(CONTACT, email=anna.work_email, verified_only=True).status_code == 200
    box.set(unknown_fields="refused")
    assert box.refused(CONTACT, email=anna.work_email, verified_only=True) == (400, "VALIDATION_BAD_REQUEST")


def test_operations_that_are_not_enabled_are_refused(box: Box) -> None:
    for path in ("/v1/prospector", "/v1/search/company", "/v1/company-reveal", "/v1/company-titles"):
        assert box.refused(path) == (403, "PERMISSION_FEATURE_NOT_ENABLED")
    box.set(no_access=[PHONE, SEARCH])
    anna = box.person()
    assert box.refused(PHONE, linkedin=anna.slug) == (403, "PERMISSION_FEATURE_NOT_ENABLED")
    assert box.refused(SEARCH, contact_linkedin=anna.slug) == (403, "PERMISSION_FEATURE_NOT_ENABLED")
    assert box.refused(CONTACT, linkedin=anna.slug, include_phones=True) == (
        403, "PERMISSION_INCLUDE_PHONES_REQUIRES_PHONE_ENRICHMENT",
    )  # fmt: skip
    assert box.post(CONTACT, linkedin=anna.slug).status_code == 200


def test_a_job_is_gone_after_its_time_and_belongs_to_its_operation(box: Box) -> None:
    box.set(job_ttl_s=100)
    job_id = box.launch(CONTACT, email=box.person().work_email)
    assert box.http.get(PHONE, params={"job_id": job_id}).status_code == 404
    box.later(99)
    assert box.find(CONTACT, job_id)["status"] == "SUCCEEDED"
    box.later(2)
    assert box.http.get(CONTACT, params={"job_id": job_id}).json()["code"] == "NOT_FOUND_JOB_NOT_FOUND"


def test_latency_and_end_are_scripted_by_input(box: Box) -> None:
    anna, ben, cy = box.person(), box.person(), box.person()
    box.set(
        scripts={
            anna.work_email: {"after_s": 40},
            f"{ben.full}|{ben.company.domain}": {"after_s": 2, "status": "TIMED_OUT"},
            cy.slug: {"after_s": None},
        }
    )
    jobs = [
        box.launch(CONTACT, email=anna.work_email),
        box.launch(CONTACT, full_name=ben.full, domain=ben.company.domain),
        box.launch(CONTACT, linkedin=cy.slug),
    ]

    def states() -> list[str]:
        return [box.find(CONTACT, job)["status"] for job in jobs]

    assert states() == ["RUNNING"] * 3
    box.later(3)
    assert states() == ["RUNNING", "TIMED_OUT", "RUNNING"]
    box.later(38)
    assert states() == ["SUCCEEDED", "TIMED_OUT", "RUNNING"]
    box.later(80_000)
    assert states()[2] == "RUNNING"


@pytest.mark.parametrize("end", ["failed", "timed_out", "aborted"])
def test_a_share_of_jobs_ends_badly_and_the_second_may_not(box: Box, end: str) -> None:
    anna = box.person()
    box.set(**{end: 1})
    for _ in range(2):
        assert box.finished(CONTACT, email=anna.work_email)["status"] == end.upper()
    box.set(fails="once")
    states = [box.finished(CONTACT, linkedin=anna.slug)["status"] for _ in range(2)]
    assert states == [end.upper(), "SUCCEEDED"]


def test_jobs_can_be_slow_or_stuck(box: Box) -> None:
    box.set(slow=1)
    job_id = box.launch(CONTACT, email=box.person().work_email)
    box.later(15)
    assert box.find(CONTACT, job_id)["status"] == "RUNNING"
    box.later(2)
    assert box.find(CONTACT, job_id)["status"] == "SUCCEEDED"
    box.set(slow=0, stuck=1)
    job_id = box.launch(CONTACT, email=box.person().work_email)
    box.later(10_000)
    assert box.find(CONTACT, job_id)["status"] == "RUNNING"


def test_fifty_requests_a_minute_are_let_in_and_polls_are_among_them(box: Box) -> None:
    box.set(limits="documented")
    job_id = box.launch(CONTACT, email=box.person().work_email)
    codes = [box.http.get(CONTACT, params={"job_id": job_id}).status_code for _ in range(50)]
    assert codes == [200] * 49 + [429]
    refused = box.post(CONTACT, email=box.person().work_email)
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMIT_RATE_LIMIT_EXCEEDED")
    assert refused.json()["category"] == "RATE_LIMIT"
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["x-ratelimit-limit"] == "50"
    assert refused.headers["x-ratelimit-interval"] == "60"
    assert {box.http.get(path).status_code for path in (ACCOUNT, JWKS) for _ in range(5)} == {200}
    box.sandbox.advance(60)
    assert box.http.get(CONTACT, params={"job_id": job_id}).status_code == 200


def test_polls_may_be_free_limits_smaller_and_the_wait_untold(box: Box) -> None:
    box.set(limits={"per_interval": 2, "interval_seconds": 10}, polls_count=False, omit_retry_after=True)
    job_id = box.launch(CONTACT, email=box.person().work_email)
    assert {box.http.get(CONTACT, params={"job_id": job_id}).status_code for _ in range(5)} == {200}
    box.launch(CONTACT, email=box.person().work_email)
    refused = box.post(CONTACT, email=box.person().work_email)
    assert refused.status_code == 429 and "retry-after" not in refused.headers
    assert (refused.headers["x-ratelimit-limit"], refused.headers["x-ratelimit-interval"]) == ("2", "10")


def test_each_key_has_a_limit_of_its_own(start_sandbox: Starter) -> None:
    limits = {"per_interval": 1, "interval_seconds": 60}
    settings = PLAIN | {"keys": ["one", "two"], "limits": limits}
    box = Box(start_sandbox("waterfall_io", contacts=5, settings=settings))
    for key in ("one", "two"):
        codes = [
            box.http.post(VERIFY, json={"email": "a@b.example"}, headers={"x-api-key": key}).status_code
            for _ in range(2)
        ]
        assert codes == [200, 429]
    assert box.http.post(VERIFY, headers={"x-api-key": "three"}).status_code == 403


@pytest.mark.parametrize("kind", ["fixed", "sliding", "counter", "token"])
def test_every_policy_lets_in_again_after_retry_after(box: Box, kind: str) -> None:
    box.set(limits="documented", window=kind)
    answers = (box.post(VERIFY, email="a@b.example") for _ in range(200))
    refused = next(a for a in answers if a.status_code == 429)
    box.sandbox.advance(int(refused.headers["retry-after"]))
    assert box.post(VERIFY, email="a@b.example").status_code == 200


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "VALIDATION_BAD_REQUEST"), (402, "QUOTA_ACCOUNT_OVER_QUOTA"), (403, "AUTH_BAD_API_KEY"),
     (500, "INTERNAL_UNCLASSIFIED_ERROR")],
)  # fmt: skip
def test_a_refusal_asked_for_has_the_vendors_form(box: Box, status: int, code: str) -> None:
    box.sandbox.fault("status", status=status, path=CONTACT, times=1)
    with box.charging():
        assert box.refused(CONTACT, email=box.person().work_email) == (status, code)


def test_faults_meet_launches_and_polls(box: Box) -> None:
    job_id = box.launch(CONTACT, email=box.person().work_email)
    box.sandbox.fault("rate_limit", method="GET", path=CONTACT, retry_after="7", times=1)
    box.sandbox.fault("reset_before", method="GET", path=CONTACT, times=1)
    box.sandbox.fault("status", status=502, method="GET", path=CONTACT, times=1)
    limited = box.http.get(CONTACT, params={"job_id": job_id})
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    with pytest.raises(httpx.HTTPError):
        box.http.get(CONTACT, params={"job_id": job_id})
    page = box.http.get(CONTACT, params={"job_id": job_id})
    assert page.status_code == 502 and page.text.startswith("<html>")
    box.later(10)
    assert box.find(CONTACT, job_id)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": "x"}, {"master_keys": ["another"]}, {"no_access": ["/nowhere"]}, {"balance_usd": "x"},
        {"billing": "x"}, {"over_quota": 1}, {"prices": {"x": 1}}, {"prices": {"contact": -1}}, {"rebill": 1},
        {"empty_at_complete": "x"}, {"usage": "x"}, {"account_lag_s": -1}, {"limits": "on"},
        {"limits": {"x": 1}}, {"limits": {"per_interval": 0}}, {"window": "x"}, {"polls_count": 1},
        {"omit_retry_after": 1}, {"coverage": {"work": 2}}, {"coverage": {"x": 1}}, {"catch_all": 2},
        {"landline_as_mobile": "x"}, {"name_match": "x"}, {"several_identifiers": "x"}, {"unknown_fields": "x"},
        {"free_mail": "x"}, {"after_s": -1}, {"slow": 2}, {"slow_s": "x"}, {"stuck": 2}, {"failed": 2},
        {"timed_out": 2}, {"aborted": 2}, {"fails": "x"}, {"scripts": []}, {"scripts": {"a": {"x": 1}}},
        {"scripts": {"a": {"after_s": -1}}}, {"scripts": {"a": {"status": "RUNNING"}}}, {"job_ttl_s": -1},
        {"input_as": "x"}, {"timestamps": "x"}, {"no_match": "x"}, {"signing_key": 0}, {"key_overlap_s": -1},
        {"webhook_mode": "x"}, {"webhook_replayed": 1}, {"webhook_forged": 1}, {"webhook_lost": 2},
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
    with pytest.raises(SandboxFailed, match="billing is one of"):
        start_sandbox("waterfall_io", contacts=5, settings={"billing": "gold"})


def test_a_wrong_balance_is_refused(box: Box) -> None:
    for wrong in ({"eur": 1}, {"usd": "x"}):
        assert box.http.post("/_sandbox/balance", json=wrong).status_code == 400
