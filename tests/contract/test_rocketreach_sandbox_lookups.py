"""Lookups of the RocketReach sandbox: whom they mean, how they run, what a status answer says."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from connectors.sandbox.population import Coverage, Population
from tests.contract.rocketreach_box import EVERYTHING, PLAIN, WORLD, Box, number
from tests.sandboxes import Starter

LOOKUP, STATUS = "/person/lookup", "/person/checkStatus"
NOT_FOUND = {"detail": "Not found."}
SCALARS = (
    "recommended_email",
    "recommended_professional_email",
    "recommended_personal_email",
    "current_work_email",
    "current_personal_email",
)


@pytest.fixture(scope="module")
def server(start_sandbox: Starter) -> Box:
    return Box(start_sandbox("rocketreach", contacts=len(WORLD.people), settings=PLAIN))


@pytest.fixture
def box(server: Box) -> Iterator[Box]:
    yield server
    server.reset()


def found(box: Box, **query: object) -> int:
    """The number of the profile that a lookup finds; 0 for a 404 in the vendor's form."""
    answer = box.get(LOOKUP, **query)
    if answer.status_code == 404:
        assert answer.json() == NOT_FOUND
        return 0
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def test_every_identifier_finds_the_profile(box: Box) -> None:
    anna = box.person()
    asked = [
        {"id": number(anna)},
        {"linkedin_url": f"linkedin.com/in/{anna.slug.upper()}/?trk=x"},
        {"linkedin_ext_url": f"https://www.linkedin.com/in/{anna.slug}"},
        {"email": anna.work_email.upper()},
        {"email": anna.personal_email},
        {"name": anna.full.upper(), "current_employer": anna.company.name.lower()},
    ]
    assert {found(box, **query) for query in asked} == {number(anna)}
    missed = [{"id": 99}, {"linkedin_url": "linkedin.com/in/nobody-here"}, {"email": "a@b.example"}]
    missed += [{"name": anna.full, "current_employer": "Nowhere"}]
    missed += [{"name": anna.full, "current_employer": anna.company.domain}]
    assert {found(box, **query) for query in missed} == {0}


def test_the_strongest_identifier_that_finds_somebody_decides(box: Box) -> None:
    anna, ben = box.person(), box.person()
    assert found(box, id=number(anna), email=ben.work_email) == number(anna)
    assert found(box, linkedin_url=f"linkedin.com/in/{ben.slug}", email=anna.work_email) == number(ben)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "non_field_errors"),
        ({"title": "CTO"}, "non_field_errors"),
        ({"phone": "+15035550142"}, "non_field_errors"),
        ({"name": "Anna Holt"}, "current_employer"),
        ({"current_employer": "Acme"}, "name"),
        ({"email": "nonsense"}, "email"),
        ({"id": "x"}, "id"),
        ({"linkedin_url": ""}, "linkedin_url"),
        ({"id": 1, "lookup_type": "deluxe"}, "lookup_type"),
        ({"id": 1, "return_cached_emails": "maybe"}, "return_cached_emails"),
        ({"id": 1, "webhook_id": 7}, "webhook_id"),
    ],
)
def test_bad_input_is_a_400_that_names_the_field(box: Box, query: dict, field: str) -> None:
    answer = box.get(LOOKUP, **query)
    assert answer.status_code == 400
    assert set(answer.json()) == {field} and isinstance(answer.json()[field][0], str)


def test_bad_input_can_come_in_the_two_other_forms(box: Box) -> None:
    for form in ("detail", "error"):
        box.set(bad_input_as=form)
        assert list(box.get(LOOKUP).json()) == [form] and isinstance(box.get(LOOKUP).json()[form], str)


def test_phone_and_npi_find_people_where_knobs_say_so(box: Box) -> None:
    anna = box.person()
    box.set(phone_identifies=True, healthcare=1)
    assert found(box, phone=anna.mobile) == number(anna)
    assert found(box, npi_number=1_000_000_001 + anna.index) == number(anna)
    box.set(healthcare=0)
    assert found(box, npi_number=1_000_000_001 + anna.index) == 0


def test_a_stale_employer_is_the_one_that_finds_and_that_is_told(box: Box) -> None:
    anna = box.person()
    box.set(coverage=EVERYTHING | {"stale": 1})
    assert found(box, name=anna.full, current_employer=anna.company.name) == 0
    assert found(box, name=anna.full, current_employer=anna.past.name) == number(anna)
    profile = box.finished(anna)
    assert profile["current_employer"] == anna.past.name
    assert {e["grade"] for e in profile["emails"] if e["type"] == "professional"} <= {"B", "F"}
    assert profile["emails"][0]["email"].endswith(f"@{anna.past.domain}")


def test_with_fuzzy_employers_a_name_alone_finds_and_bills_somebody_else(box: Box) -> None:
    anna, ben = next(two for two in WORLD.by_name.values() if len(two) == 2)
    like = {"name": ben.full, "current_employer": f"{ben.company.name} GmbH"}
    assert found(box, **like) == 0
    box.set(employer_match="fuzzy")
    with box.charging(lookup=2) as got:
        assert found(box, **like) == number(ben)
        assert found(box, name=ben.full, current_employer="Nowhere") == number(anna)
        box.later(60)
    assert [c["person"] for c in got] == [ben.ref, anna.ref]


def test_namesakes_at_one_employer_are_told_apart_by_their_title_only(start_sandbox: Starter) -> None:
    world = Population.invent(100, namesakes=0.5)
    box = Box(start_sandbox("rocketreach", contacts=100, namesakes=0.5, settings=PLAIN))
    first, second = next(
        (p, q)
        for p in world.people
        for q in world.people[p.index + 1 :]
        if p.full == q.full and p.company is q.company and p.title != q.title
    )
    who = {"name": first.full, "current_employer": first.company.name}
    assert found(box, **who) == number(first)
    assert found(box, **who, title=second.title) == number(second)


def test_a_lookup_goes_through_its_script_by_time(box: Box) -> None:
    anna = box.person()
    assert box.look_up(anna)["status"] == "searching"
    assert box.status(anna) == [{"id": number(anna), "status": "searching"}]
    box.later(1)
    assert box.status(anna)[0]["status"] == "progress"
    box.later(1)
    assert box.status(anna)[0]["status"] == "complete"
    box.later(1e6)
    assert box.status(anna)[0]["status"] == "complete"


def test_a_lookup_goes_through_its_script_by_polls(box: Box) -> None:
    anna = box.person()
    box.set(advance="polls", script=["waiting", "searching", "progress", "complete"])
    assert box.look_up(anna)["status"] == "waiting"
    box.later(1e6)
    assert [box.status(anna)[0]["status"] for _ in range(4)] == [
        "searching",
        "progress",
        "complete",
        "complete",
    ]


def test_single_profiles_have_scripts_of_their_own_with_any_word(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.set(scripts={str(number(anna)): ["queued", "pending", "enriching"], str(number(ben)): ["complete"]})
    assert box.look_up(anna)["status"] == "queued"
    assert box.look_up(ben)["status"] == "complete"
    box.later(1e6)
    assert box.status(anna)[0]["status"] == "enriching"


def test_profiles_bought_before_are_complete_at_once_and_others_are_by_knob(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.finished(anna)
    assert box.look_up(anna)["status"] == "complete"
    box.set(instant=1)
    assert box.look_up(ben)["status"] == "complete"


def test_a_status_answer_says_not_queued_and_leaves_out_whom_nobody_knows(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.look_up(ben)
    answer = box.get(STATUS, ids=[number(ben), 99, number(anna), 999_999]).json()
    assert answer == [
        {"id": number(ben), "status": "searching"},
        {"id": number(anna), "status": "not queued"},
    ]
    box.set(coverage=EVERYTHING | {"profile": 0})
    assert box.status(anna, ben) == []


def test_a_status_answer_takes_a_hundred_ids_and_no_more(box: Box) -> None:
    assert len(box.get(STATUS, ids=list(range(100_001, 100_101))).json()) == 100
    for ids in (list(range(100_001, 100_102)), [], ["x"], ["1,2"]):
        answer = box.get(STATUS, ids=ids)
        assert answer.status_code == 400 and list(answer.json()) == ["ids"]


def test_a_failed_lookup_has_no_contacts_and_starts_anew(box: Box) -> None:
    anna = box.person()
    box.set(failed=1)
    with box.charging():
        row = box.finished(anna)
    assert row == {"id": number(anna), "status": "failed", "name": anna.full, "emails": [], "phones": []}
    box.set(failed=0)
    assert box.look_up(anna)["status"] == "searching"


def test_late_lookups_end_late_and_lost_ones_never(box: Box) -> None:
    late, lost, paid = box.person(), box.person(), box.person()
    box.set(late=1, late_s=5000)
    box.look_up(late)
    box.set(late=0, lost=1)
    assert box.look_up(lost)["status"] == "waiting"
    box.set(lost_charged=True)
    box.look_up(paid)
    with box.charging(lookup=1) as got:
        box.later(100)
        assert [row["status"] for row in box.status(late, lost, paid)] == ["progress", "waiting", "waiting"]
    assert got[0]["person"] == paid.ref
    with box.charging(lookup=1):
        box.later(100_000)
        assert [row["status"] for row in box.status(late, lost, paid)] == ["complete", "waiting", "waiting"]


def test_addresses_are_null_until_complete_unless_cached_ones_are_wanted(box: Box) -> None:
    anna, ben = box.person(), box.person()
    box.set(script=["progress", "complete"])
    plain = box.look_up(anna, return_cached_emails="false")
    assert (plain["emails"], plain["phones"], {plain[s] for s in SCALARS}) == ([], [], {None})
    assert plain["return_cached_emails"] is False
    cached = box.look_up(ben, return_cached_emails="true")
    assert cached["return_cached_emails"] is True and cached["recommended_email"]
    assert {e["smtp_valid"] for e in cached["emails"]} == {"unknown"} and cached["phones"] == []


def test_cached_addresses_are_in_answers_of_progress_only(box: Box) -> None:
    anna = box.person()
    first = box.look_up(anna, return_cached_emails="true")
    assert (first["status"], first["emails"]) == ("searching", [])
    box.later(1)
    second = box.status(anna)[0]
    assert second["status"] == "progress" and second["emails"]


def test_cached_addresses_are_partly_of_former_employers(box: Box) -> None:
    box.set(script=["progress", "complete"])
    cached = {p: box.look_up(p, return_cached_emails="true") for p in (box.person() for _ in range(12))}
    domains = {
        p.past.domain if row["recommended_professional_email"].endswith(f"@{p.past.domain}") else ""
        for p, row in cached.items()
    }
    assert "" in domains and len(domains) > 1


def test_the_default_for_cached_addresses_changes_by_date_and_by_knob(box: Box) -> None:
    now = box.sandbox.control("clock")["now"]
    assert now > "2026-09-01"
    assert box.look_up(box.person())["return_cached_emails"] is False
    box.later(-400 * 86_400)
    assert box.look_up(box.person())["return_cached_emails"] is True
    box.later(400 * 86_400)
    box.set(cached_emails_default="true")
    assert box.look_up(box.person())["return_cached_emails"] is True


def test_metadata_is_echoed_and_every_lookup_answer_has_a_request_id(box: Box) -> None:
    anna = box.person()
    assert box.look_up(anna, metadata='{"crm_id": "hs-1"}')["metadata"] == {"crm_id": "hs-1"}
    answers = [box.get(LOOKUP, id=number(anna)), box.get(LOOKUP, id=99), box.get(LOOKUP)]
    assert [a.status_code for a in answers] == [200, 404, 400]
    ids = {UUID(a.headers["RR-Request-ID"]) for a in answers}
    assert len(ids) == 3
    assert "RR-Request-ID" not in box.get(STATUS, ids=1).headers


def test_suppressed_profiles_are_hidden_everywhere(box: Box) -> None:
    anna = box.person()
    box.set(suppressed=1)
    assert found(box, id=number(anna)) == 0
    assert box.status(anna) == []
    assert box.post("/person/search", {"query": {"id": [str(number(anna))]}}).json() == []


def test_a_wrong_profile_is_somebody_elses_with_grades_as_good_as_any(box: Box) -> None:
    anna = box.person()
    box.set(coverage=EVERYTHING | {"wrong": 1})
    with box.charging(lookup=1) as got:
        profile = box.finished(anna)
    assert profile["id"] == number(anna) and profile["linkedin_url"] != anna.linkedin_url
    assert profile["emails"][0]["grade"] in ("A", "A-") and profile["emails"][0]["email"] != anna.work_email
    assert got[0]["person"] == anna.ref


def test_misses_come_together_for_a_company_and_differ_from_contactouts(box: Box) -> None:
    box.set(coverage={})
    answers = box.get(STATUS, ids=[number(p) for p in WORLD.people[:100]]).json()
    people = {WORLD.people[row["id"] - 100_001].ref for row in answers}
    by_company: dict[int, set[bool]] = {}
    for person in WORLD.people[:100]:
        by_company.setdefault(person.company.index, set()).add(person.ref in people)
    assert {False} in by_company.values() and {True} in by_company.values()
    other = {p.ref for p in WORLD.people[:100] if WORLD.known("contactout", p, Coverage())}
    assert people - other and other - people and people & other


def test_both_former_base_paths_and_slashes_are_taken(box: Box) -> None:
    anna = box.person()
    box.look_up(anna)
    for path in (
        "/api/v2/person/checkStatus/",
        "/v2/api/person/checkStatus",
        "/person/checkStatus",
    ):
        assert box.http.get(path, params={"ids": number(anna)}).json()[0]["id"] == number(anna)
    template = "/api/v2/person/checkStatus"
    assert [r["path"] for r in box.sandbox.journal()[-3:]] == [template] * 3
