"""Who is let in, what input is taken, whom it means, and how the ContactOut sandbox refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.sandbox.population import Population, plain
from tests.contract.contactout_process import EVERYTHING, KEY, WORLD, Box, known, person_where, sandbox, url

CARD, PERSON, SEARCH = "/v1/people/linkedin", "/v1/people/enrich", "/v1/people/search"
BATCH, JOBS = "/v1/people/linkedin/batch", "/v2/people/linkedin/batch"
CHECKER = "/v1/people/linkedin/{}_status"
ANNA = WORLD.people[3]
NO_ACCESS = {"status_code": 403, "message": "No access to endpoint"}


@pytest.fixture(scope="module")
def server() -> Iterator[Box]:
    with sandbox(limits="off") as box:
        yield box


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


@pytest.mark.parametrize(("conventional", "status"), [(False, 400), (True, 401)])
def test_a_wrong_key_is_a_bad_credential(box: Box, conventional: bool, status: int) -> None:
    box.set(conventional_codes=conventional)
    for headers in ({"token": "somebody-else"}, {"token": ""}):
        answer = box.api.get("/v1/stats", headers=headers)
        assert answer.status_code == answer.json()["status_code"] == status
        assert "credentials" in answer.json()["message"]


def test_the_key_is_the_token_header_and_authorization_is_not_looked_at(box: Box) -> None:
    assert box.api.get("/v1/stats", headers={"authorization": "basic"}).status_code == 200
    refused = box.api.get("/v1/stats", headers={"token": "", "authorization": f"Bearer {KEY}"})
    assert refused.status_code == 400
    box.set(tokens=["one", "two"])
    assert box.api.get("/v1/stats", headers={"token": "two"}).status_code == 200


@pytest.mark.parametrize(("conventional", "status"), [(False, 401), (True, 400)])
def test_bad_input_has_the_other_code(box: Box, conventional: bool, status: int) -> None:
    box.set(conventional_codes=conventional)
    answer = box.get(CARD, profile="https://www.example.com/in/somebody")
    assert answer.status_code == answer.json()["status_code"] == status
    assert answer.json()["message"].startswith("Bad request or invalid input")


@pytest.mark.parametrize(
    "bad",
    [
        "https://www.linkedin.com/sales/lead/{},NAME",
        "https://www.linkedin.com/sales/linkedin.com/in/{}",
        "https://www.linkedin.com/talent/profile/{}",
        "https://www.linkedin.com/talent/linkedin.com/in/{}",
        "https://www.linkedin.com/company/{}",
        "linkedin.com/in/{}",
        "{}",
    ],
)
def test_only_public_profile_urls_are_taken(box: Box, bad: str) -> None:
    text = bad.format(ANNA.slug)
    assert box.get(CARD, profile=text).status_code == 401
    assert box.get("/v1/linkedin/enrich", profile=text).status_code == 401
    assert box.get(CHECKER.format("phone"), profile=text).status_code == 401
    assert box.post(PERSON, {"linkedin_url": text}).status_code == 401
    for path in (BATCH, JOBS):
        assert box.post(path, {"profiles": [url(ANNA), text]}).status_code == 401


@pytest.mark.parametrize(
    "spelling",
    ["https://linkedin.com/in/{}", "http://uk.linkedin.com/in/{}/?trk=x", "https://www.linkedin.com/pub/{}"],
)
def test_every_spelling_of_a_profile_url_means_the_same_person(box: Box, spelling: str) -> None:
    box.set(coverage=EVERYTHING)
    assert box.get(CARD, profile=spelling.format(ANNA.slug)).json()["profile"]["url"] == url(ANNA)


@pytest.mark.parametrize("value", ["both", "private", "none,work", "work;personal"])
def test_undocumented_kinds_of_address_are_refused(box: Box, value: str) -> None:
    assert box.get(CARD, profile=url(ANNA), email_type=value).status_code == 401
    assert box.post(JOBS, {"profiles": [url(ANNA)], "email_type": value}).status_code == 401


def too_many(count: int) -> list[str]:
    return [f"https://www.linkedin.com/in/somebody-{i}" for i in range(count)]


@pytest.mark.parametrize(
    ("path", "name", "most", "value"),
    [
        (BATCH, "profiles", 30, "https://www.linkedin.com/in/somebody-{}"),
        (JOBS, "profiles", 1000, "https://www.linkedin.com/in/somebody-{}"),
        ("/v1/domain/enrich", "domains", 30, "unheard-of-{}.example"),
        ("/v1/email/verify/batch", "emails", 100, "somebody-{}@throwaway.example"),
    ],
)
def test_batches_have_a_largest_size(box: Box, path: str, name: str, most: int, value: str) -> None:
    assert box.post(path, {name: [value.format(i) for i in range(most)]}).status_code == 200
    assert box.post(path, {name: [value.format(i) for i in range(most + 1)]}).status_code == 401
    assert box.post(path, {name: []}).status_code == 401
    assert box.post(path, {}).status_code == 401


def test_the_larger_documented_size_of_verify_batches_is_a_knob(box: Box) -> None:
    box.set(verify_batch_max=1000)
    emails = [f"somebody-{i}@throwaway.example" for i in range(1000)]
    assert box.post("/v1/email/verify/batch", {"emails": emails}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PERSON, {}),
        (PERSON, {"full_name": "Ava Kim"}),
        (PERSON, {"first_name": "Ava", "company": ["Acme"]}),
        (PERSON, {"company": ["Acme"], "location": "Lyon"}),
        (PERSON, {"full_name": "Ava Kim", "company": ["x"] * 11}),
        (PERSON, {"full_name": "Ava Kim", "company": "Acme"}),
        (PERSON, {"email": "ava@acme.example", "include": ["fax"]}),
        (PERSON, {"email": "not an address"}),
        (SEARCH, {}),
        (SEARCH, {"job_title": ["x"] * 51}),
        (SEARCH, {"job_title": ["(Sales AND"]}),
        (SEARCH, {"name": "Ava", "page": 0}),
        (SEARCH, {"name": "Ava", "reveal_info": "perhaps"}),
        (SEARCH, {"company_size": ["small"]}),
        (SEARCH, {"data_types": ["fax"]}),
        ("/v1/domain/enrich", {"domains": ["https://acme.example"]}),
        ("/v1/company/search", {}),
        ("/v1/company/search", {"year_founded_from": 1984}),
        ("/v1/company/search", {"year_founded_to": 2999}),
        ("/v1/email/verify/batch", {"emails": ["not an address"]}),
        (BATCH, {"profiles": "https://www.linkedin.com/in/x"}),
    ],
)
def test_bodies_that_break_a_rule_are_refused(box: Box, path: str, body: dict) -> None:
    assert box.post(path, body).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        CARD, "/v1/linkedin/enrich", "/v1/email/enrich", "/v1/people/person", "/v1/email/verify?email=x",
        "/v1/people/decision-makers", "/v1/people/decision-makers?linkedin_url=https://acme.example",
        "/v1/stats?period=2023-13", "/v1/stats?period=2999-01",
        "/v1/email/enrich?email=a@acme.example&include=phone",
    ],
)  # fmt: skip
def test_queries_that_break_a_rule_are_refused(box: Box, path: str) -> None:
    assert box.get(path).status_code == 401


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_body_that_is_no_json_object_is_bad_input(box: Box, content: bytes) -> None:
    assert box.api.post(PERSON, content=content).status_code == 401


def test_a_refusal_does_not_repeat_what_was_sent(box: Box) -> None:
    answer = box.get("/v1/email/verify", email="mystery-word")
    assert answer.status_code == 401 and "mystery-word" not in answer.text


@pytest.mark.parametrize("template", [CARD, BATCH, "/v1/stats", JOBS])
def test_an_operation_without_entitlement_is_refused_and_no_other(box: Box, template: str) -> None:
    box.set(no_access=[template], coverage=EVERYTHING)
    answers = {
        CARD: box.get(CARD, profile=url(ANNA)),
        BATCH: box.post(BATCH, {"profiles": [url(ANNA)]}),
        JOBS: box.post(JOBS, {"profiles": [url(ANNA)]}),
        "/v1/stats": box.get("/v1/stats"),
    }
    assert answers[template].status_code == 403 and answers[template].json() == NO_ACCESS
    assert all(a.status_code == 200 for name, a in answers.items() if name != template)


def test_checkers_and_count_are_for_paying_users(box: Box) -> None:
    box.set(paid=False, coverage=EVERYTHING)
    answers = [
        box.get(CHECKER.format(kind), profile=url(ANNA)) for kind in ("personal_email", "work_email", "phone")
    ]
    answers.append(box.post("/v1/people/count", {"name": ANNA.full}))
    assert [(a.status_code, a.json()) for a in answers] == [(403, NO_ACCESS)] * 4
    assert box.get(CARD, profile=url(ANNA)).status_code == 200


@pytest.mark.parametrize("wrong", [{"no_access": ["/v1/nowhere"]}, {"coverage": {"luck": 1}}, {"paid": "yes"},
                                   {"limits": {"other": 0}}, {"window": "round"}, {"balance": {"email": -1}},
                                   {"finder_share": 2}, {"no_such_knob": 1}])  # fmt: skip
def test_a_setting_that_is_not_understood_is_refused_and_changes_nothing(box: Box, wrong: dict) -> None:
    before = box.control("settings")
    assert box.api.post("/_sandbox/settings", json={"paid": False} | wrong).status_code == 400
    assert box.control("settings") == before


def test_an_unknown_path_has_the_body_of_an_unknown_person(box: Box) -> None:
    assert box.get("/v1/nowhere").json() == {"status_code": 404, "message": "Not Found"}


def test_not_found_can_hide_behind_http_200(box: Box) -> None:
    box.set(soft_404=True)
    answer = box.get("/v1/people/person", email="nobody@unheard-of.example")
    assert (answer.status_code, answer.json()["status_code"]) == (200, 404)


def test_checkers_can_answer_404_for_unknown_profiles(box: Box) -> None:
    path = CHECKER.format("work_email")
    assert box.get(path, profile=too_many(1)[0]).status_code == 200
    box.set(checker_miss_404=True)
    assert box.get(path, profile=too_many(1)[0]).status_code == 404


def test_checkers_agree_with_what_a_purchase_returns(box: Box) -> None:
    for person in WORLD.people[:60]:
        personal, work, phone = (
            box.get(CHECKER.format(kind), profile=url(person)).json()["profile"]
            for kind in ("personal_email", "work_email", "phone")
        )
        card = box.get(CARD, profile=url(person), include_phone="true").json().get("profile", {})
        assert bool(card.get("personal_email")) == personal["email"]
        assert bool(card.get("work_email")) == work["email"]
        assert bool(card.get("phone")) == phone["phone"]
        assert list(card.get("work_email_status") or {"": None}) == (card.get("work_email") or [""])
        assert dict(card.get("work_email_status") or {"": None}).popitem()[1] == work["email_status"]


def test_the_literal_of_the_documents_is_never_a_status(box: Box) -> None:
    statuses = set()
    for person in WORLD.people[:80]:
        statuses.add(
            box.get(CHECKER.format("work_email"), profile=url(person)).json()["profile"]["email_status"]
        )
    assert statuses == {"Verified", "Unverified", None}


def test_only_an_explicit_work_finds_addresses_in_real_time(box: Box) -> None:
    box.set(finder_share=1)
    person = person_where(lambda p, k: k and not k.work_email and k.personal_email)
    for asked in ({}, {"email_type": "personal,work"}):
        assert box.get(CARD, profile=url(person), **asked).json()["profile"]["work_email"] == []
    with box.charging(email=1):
        card = box.get(CARD, profile=url(person), email_type="work").json()["profile"]
    assert card["email"] == card["work_email"] == [person.work_email]
    assert card["work_email_status"] == {person.work_email: "Verified"}
    assert box.get(CHECKER.format("work_email"), profile=url(person)).json()["profile"]["email"] is False
    box.set(finder_share=0)
    assert box.get(CARD, profile=url(person), email_type="work").status_code == 404


def test_real_time_verification_takes_its_time(box: Box) -> None:
    box.set(finder_ms=150, coverage=EVERYTHING)

    def took(path: str, **query: str) -> float:
        assert box.get(path, **query).status_code == 200
        return box.control("journal")["requests"][-1]["ms"]

    assert min(took(CARD, profile=url(ANNA)) for _ in range(5)) < 150
    assert took(CARD, profile=url(ANNA), email_type="work") >= 150
    assert took("/v1/email/enrich", email=ANNA.work_email, include="work_email") >= 150


@pytest.mark.parametrize("of", ["work_email", "personal_email"])
def test_a_person_is_found_by_any_address_in_any_case(box: Box, of: str) -> None:
    box.set(coverage=EVERYTHING)
    answer = box.get("/v1/people/person", email=getattr(ANNA, of).upper())
    assert answer.json()["profile"]["linkedin"] == url(ANNA)


def test_a_person_is_found_by_the_address_at_a_past_employer(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    address = f"{ANNA.work_email.split('@')[0]}@{ANNA.past.domain}"
    assert box.get("/v1/people/person", email=address).json()["profile"]["linkedin"] == url(ANNA)


def test_a_person_is_found_by_the_digits_of_a_number(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    person = person_where(lambda p, _: p.mobile.startswith("+1"))
    number = person.mobile
    spelled = [number, f"({number[2:5]}) {number[5:8]}-{number[8:]}", "001" + number[2:]]
    for text in spelled:
        assert box.post(PERSON, {"phone": text}).json()["profile"]["url"] == url(person)


def people_by_name() -> dict[str, list]:
    names: dict[str, list] = {}
    for person in WORLD.people:
        names.setdefault(plain(person.full), []).append(person)
    return names


def test_namesakes_are_told_apart_by_company_domain_place_or_title(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    group = next(g for g in people_by_name().values() if len(g) > 1 and len({p.city for p in g}) > 1)
    for person in group:
        name = {"full_name": plain(person.full).upper()}
        for body in (
            name | {"company": [person.company.name.lower()]},
            name | {"company_domain": f"http://www.{person.company.domain}/about"},
            {"first_name": person.first, "last_name": person.last, "company": [person.company.name]},
        ):
            assert box.post(PERSON, body).json()["profile"]["url"] == url(person)
    first = next(p for p in group if p.city == group[-1].city)
    there = box.post(PERSON, {"full_name": first.full, "location": f"{first.city}, {first.country_name}"})
    assert there.json()["profile"]["url"] == url(first)


def test_of_two_namesakes_the_one_still_at_the_company_is_meant() -> None:
    people = Population.invent(1500, namesakes=0.1).people
    pairs = (
        (former, present)
        for present in people
        for former in people[: present.index]
        if former.past == present.company and plain(former.full) == plain(present.full)
    )
    former, present = next(pairs)
    with sandbox(contacts=1500, namesakes=0.1, coverage=EVERYTHING) as box:
        answer = box.post(PERSON, {"full_name": former.full, "company": [present.company.name]})
    assert answer.json()["profile"]["url"] == url(present)


def test_a_name_at_a_company_where_nobody_has_it_is_not_found(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    body = {"full_name": ANNA.full, "company": ["Nobody Heard Of It"], "location": ANNA.city}
    assert box.post(PERSON, body).status_code == 404


def test_a_domain_or_title_beside_a_name_can_be_made_too_little(box: Box) -> None:
    box.set(coverage=EVERYTHING)
    bodies = [
        {"full_name": ANNA.full, "company_domain": [ANNA.company.domain]},
        {"full_name": ANNA.full, "job_title": ANNA.title},
    ]
    assert [box.post(PERSON, b).status_code for b in bodies] == [200, 200]
    box.set(strict_secondary=True)
    assert [box.post(PERSON, b).status_code for b in bodies] == [401, 401]


def test_where_the_vendor_is_wrong_it_answers_with_somebody_else_and_charges(box: Box) -> None:
    wrong = EVERYTHING | {"wrong": 1}
    box.set(coverage=wrong)
    other = known(ANNA, **wrong).subject
    assert other.ref != ANNA.ref
    with box.charging(email=1) as got:
        card = box.get(CARD, profile=url(ANNA)).json()["profile"]
    assert card["url"] == url(other) and card["work_email"] == [other.work_email]
    assert [c["person"] for c in got] == [ANNA.ref]


def test_where_the_vendor_is_stale_it_names_the_past_employer(box: Box) -> None:
    box.set(coverage=EVERYTHING | {"stale": 1})
    profile = box.get("/v1/linkedin/enrich", profile=url(ANNA)).json()["profile"]
    assert profile["company"]["name"] == ANNA.past.name
    assert profile["work_email"] == [ANNA.work_email]
    checked = box.get(CHECKER.format("work_email"), profile=url(ANNA)).json()["profile"]
    assert checked["email_status"] == "Unverified"
