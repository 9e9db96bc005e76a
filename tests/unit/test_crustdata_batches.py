"""Batches: entries are found by place and by what they were matched on; three forms of "nobody known"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncd.connector import FailureKind
from syncd.model import Field, Found, NotFound, Outcome, Unresolved
from tests.unit.crustdata_support import (
    OTHER,
    URL,
    WORK,
    ScriptedWire,
    answer,
    ask,
    connector,
    email,
    entry,
    failure_of,
    found,
    linkedin,
    operation,
    post,
    somebody,
    spent,
    values,
)

A = "https://www.linkedin.com/in/ada-demo"
B = "https://www.linkedin.com/in/ben-demo"
C = "https://www.linkedin.com/in/cleo-demo"


def person(name: str) -> dict[str, Any]:
    return {"crustdata_person_id": 7, "basic_profile": {"name": name}}


def names(outcomes: list[Outcome]) -> list[str]:
    return [
        values(o.candidates[0]).get(Field.FULL_NAME, "?") if isinstance(o, Found) else type(o).__name__
        for o in outcomes
    ]


def enrich(body: object, *urls: str, **headers: str) -> list[Outcome]:
    return ask("profile", answer(body, **headers), *(linkedin(url) for url in urls))


def test_entries_in_the_order_of_the_questions_answer_them() -> None:
    body = [entry(A, person("Ada")), entry(B), entry(C, person("Cleo"))]
    assert names(enrich(body, A, B, C)) == ["Ada", "NotFound", "Cleo"]


def test_entries_in_another_order_are_found_by_what_they_were_matched_on() -> None:
    body = [entry(C, person("Cleo")), entry(A, person("Ada")), entry(B)]
    assert names(enrich(body, A, B, C)) == ["Ada", "NotFound", "Cleo"]


@pytest.mark.parametrize(
    "spelling",
    [
        "https://www.linkedin.com/in/ADA-Demo/",
        "http://linkedin.com/in/ada-demo",
        "linkedin.com/in/ada-demo?x=1",
    ],
)
def test_the_spelling_of_a_profile_does_not_matter(spelling: str) -> None:
    assert names(enrich([entry(spelling, person("Ada")), entry(B)], A, B)) == ["Ada", "NotFound"]


def test_the_letter_case_of_an_address_does_not_matter() -> None:
    body = [entry(WORK.upper(), person("Lena"), score=0.97, kind="business_email")]
    assert names(ask("email_profile", body, email())) == ["Lena"]


def test_in_an_answer_of_another_length_only_what_was_matched_counts() -> None:
    assert names(enrich([entry(B, person("Ben"))], A, B)) == ["Unresolved", "Ben"]
    longer = [entry(C, person("Cleo")), entry(A, person("Ada")), entry(B)]
    assert names(enrich(longer, A, B)) == ["Ada", "NotFound"]


def test_an_entry_about_somebody_else_answers_nobody() -> None:
    assert names(enrich([entry(C, person("Cleo")), entry(B, person("Ben"))], A, B)) == ["Unresolved", "Ben"]


def test_an_entry_that_does_not_say_what_it_was_matched_on_answers_nobody() -> None:
    body: list[object] = [{"matches": [{"person_data": person("Ada")}]}, entry(B, person("Ben"))]
    assert names(enrich(body, A, B)) == ["Unresolved", "Ben"]


@pytest.mark.parametrize("broken", [None, "x", {"matched_on": A}, {"matched_on": A, "matches": None}, [1]])
def test_an_unreadable_entry_costs_no_other_its_answer(broken: object) -> None:
    outcomes = enrich([broken, entry(B, person("Ben"))], A, B)
    assert names(outcomes) == ["Unresolved", "Ben"]
    assert outcomes[0].charge is None


@pytest.mark.parametrize(
    "row", [None, "x", {}, {"person_data": None}, {"person_data": []}, {"person_data": {"a": 1}}]
)
def test_an_unreadable_match_is_unresolved(row: object) -> None:
    body = [{"matched_on": A, "matches": [row]}, entry(B)]
    assert names(enrich(body, A, B)) == ["Unresolved", "NotFound"]


def test_nobody_known_has_three_forms() -> None:
    for body, status in (([entry(A), entry(B)], 200), ([], 200), ({"message": "Not found"}, 404)):
        outcomes = ask("profile", answer(body, status), linkedin(A), linkedin(B))
        assert names(outcomes) == ["NotFound", "NotFound"]
        assert [spent(o) for o in outcomes] == [0, 0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[{",
        b"null",
        b'"ok"',
        b"{}",
        {"error": {"type": "x", "message": "y"}},
        {"results": []},
        [None],
        ["x"],
        [{"matched_on": A}],
        [{"matched_on": B, "matches": []}],
        [{"matched_on": A, "matches": [{"confidence_score": 1}]}],
    ],
)
def test_an_answer_of_which_nothing_can_be_read_is_a_failure_and_never_not_found(body: object) -> None:
    made, op = connector(), operation("profile")
    failure = failure_of(lambda: made.submit(ScriptedWire(made, answer(body)), op, [linkedin(A)]))
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)
    told = answer(body, x_credits_used="0")
    failure = failure_of(lambda: made.submit(ScriptedWire(made, told), op, [linkedin(A)]))
    assert failure.charged is False


def test_deeply_nested_answers_are_refused_without_breaking() -> None:
    deep = b'[{"matched_on":' + b'{"a":' * 2000 + b"1" + b"}" * 2000 + b"}]"
    assert failure_of(lambda: ask("profile", answer(deep), linkedin(A))).kind is FailureKind.CONTRACT


def test_several_matches_are_candidates_the_most_likely_first() -> None:
    said = entry(WORK, kind="business_email")
    said["matches"] = [
        {"confidence_score": 0.91, "person_data": person("Second")},
        {"confidence_score": 0.97, "person_data": person("First")},
        {"confidence_score": "?", "person_data": person("Last")},
    ]
    (outcome,) = ask("email_profile", [said], email())
    assert isinstance(outcome, Found)
    assert [(values(c)[Field.FULL_NAME], c.similarity) for c in outcome.candidates] == [
        ("First", 0.97),
        ("Second", 0.91),
        ("Last", None),
    ]
    assert spent(outcome) == 1


@pytest.mark.parametrize(
    ("score", "similarity"), [(1, 1.0), ("0.8", 0.8), (1.2, None), (-1, None), (True, None)]
)
def test_a_score_outside_its_scale_is_none(score: object, similarity: float | None) -> None:
    body = [{"matched_on": A, "matches": [{"confidence_score": score, "person_data": person("Ada")}]}]
    assert found(enrich(body, A)[0]).similarity == similarity


def test_a_question_that_stands_twice_is_sent_once_answered_twice_and_charged_once() -> None:
    made = connector()
    wire = ScriptedWire(made, answer([entry(A, person("Ada")), entry(B)], x_credits_used="1"))
    asked = [linkedin(A), linkedin(B), linkedin(A + "/")]
    outcomes = made.submit(wire, operation("profile"), asked)
    ((_, request),) = wire.sent
    assert isinstance(request.json, dict)
    assert request.json["professional_network_profile_urls"] == [A, B]
    assert names(outcomes) == ["Ada", "NotFound", "Ada"]
    assert [spent(o) for o in outcomes] == [1, 0, 0]


def test_a_wrong_person_for_an_address_is_passed_on_as_who_they_are() -> None:
    """The judgement is the core's: the answer holds the name and employers to judge by."""
    stranger = somebody(
        basic_profile={"name": "Otto Fremd"}, experience={"employment_details": {"current": [post()]}}
    )
    (outcome,) = ask("email_profile", [entry(WORK, stranger, score=0.98)], email())
    who = found(outcome).identity
    assert (who.full_name, who.employer_domain) == ("Otto Fremd", "contoso.example.com")


def test_the_examples_of_the_reference_are_read() -> None:
    text = json.dumps(
        [
            entry(WORK, somebody(), score=0.97, kind="business_email"),
            {"matched_on": "nobody@unknown.example.net", "match_type": "business_email", "matches": []},
        ]
    )
    wire_answer = answer(text.encode(), x_credits_used="1", x_ratelimit_limit="15")
    first, second = ask("email_profile", wire_answer, email(), email("nobody@unknown.example.net"))
    assert (found(first).similarity, spent(first)) == (0.97, 1)
    assert isinstance(second, NotFound)
    lena = {"business_emails": [{"email": WORK, "status": "deliverable"}], "personal_emails": []}
    piet = {"business_emails": [], "business_emails_message": "none passed", "personal_emails": []}
    body = [
        entry(URL, {"crustdata_person_id": 910001, "contact": lena}),
        entry(OTHER, {"crustdata_person_id": 910002, "contact": piet}),
    ]
    first, second = ask(
        "contact_work", answer(body, x_credits_used="1.5"), linkedin(), linkedin(OTHER), verified=True
    )
    assert values(found(first)) == {Field.WORK_EMAIL: WORK}
    assert isinstance(second, NotFound)
    assert [str(spent(o)) for o in (first, second)] == ["1.5", "0"]
    assert not isinstance(first, Unresolved)
