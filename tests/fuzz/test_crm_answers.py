"""Whatever a CRM answers: records as they are, or a failure; never a crash, and never a record that is passed over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import CRMS
from syncd.connector import Answer, Failure, FailureKind
from tests.fuzz.judging import judge_crm
from tests.fuzz.odd import ANYTHING, BYTES, NESTED, changed, many, odd, ways
from tests.fuzz.recorded_crms import Called

Calls = Callable[[str], list[Called]]
LISTS = {"hubspot": "results", "salesforce": "records"}
READING = ("changed", "scan", "read")


@pytest.mark.parametrize("name", CRMS)
def test_every_recorded_answer_is_understood(name: str, calls_of: Calls) -> None:
    for called in calls_of(name):
        assert not isinstance(judge_crm(called, list(called.answers)), Failure)


@pytest.mark.parametrize("name", CRMS)
def test_an_answer_with_parts_that_do_not_belong_there_is_read_or_refused(name: str, calls_of: Calls) -> None:
    @many(30)
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        called = data.draw(st.sampled_from(calls_of(name)))
        place = data.draw(st.integers(0, len(called.answers) - 1))
        answers = list(called.answers)
        document = data.draw(odd(_document(answers[place])))
        answers[place] = replace(answers[place], body=json.dumps(document).encode())
        judge_crm(called, answers)

    judge()


@pytest.mark.parametrize("name", CRMS)
def test_any_status_and_any_body_is_a_failure_or_an_answer(name: str, calls_of: Calls) -> None:
    @many(30)
    @given(
        st.data(),
        st.sampled_from([200, 200, 201, 204, 207, 302, 400, 401, 403, 404, 409, 414, 429, 500, 503, 999]),
        BYTES | ANYTHING.map(lambda document: json.dumps(document).encode()) | st.none(),
    )
    def judge(data: st.DataObject, status: int, body: bytes | None) -> None:
        called = data.draw(st.sampled_from(calls_of(name)))
        place = data.draw(st.integers(0, len(called.answers) - 1))
        answers = list(called.answers)
        honest = answers[place]
        answers[place] = Answer(status, honest.headers, honest.body if body is None else body)
        judge_crm(called, answers)

    judge()


def _document(answer: Answer) -> Any:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None


@pytest.mark.parametrize("odd_row", [None, 7, "text", [], {}], ids=repr)
@pytest.mark.parametrize("name", CRMS)
def test_a_list_that_holds_something_else_than_records_is_refused_as_a_whole(
    name: str, odd_row: Any, calls_of: Calls
) -> None:
    for called, place, way in _lists(name, calls_of):
        document = _document(called.answers[place])
        rows = _at(document, way)
        told = judge_crm(called, _with(called, place, changed(document, way, [odd_row, *rows])))
        assert isinstance(told, Failure), called.call
        assert told.kind is FailureKind.CONTRACT


@pytest.mark.parametrize("name", CRMS)
def test_a_value_that_is_no_scalar_is_neither_text_nor_blank(name: str, calls_of: Calls) -> None:
    seen = 0
    for called, place, way in _lists(name, calls_of):
        document = _document(called.answers[place])
        for to in ways(document):
            if (
                len(to) > len(way) + 1
                and to[-1] in ("jobtitle", "email", "Title", "Email")
                and "propertiesWithHistory" not in to
            ):
                told = judge_crm(called, _with(called, place, changed(document, to, NESTED)))
                # A search of HubSpot's is asked for ids and versions only.
                assert isinstance(told, Failure) or (name, called.call) == ("hubspot", "changed")
                seen += 1
    assert seen


@pytest.mark.parametrize(
    "paging", [{"next": {"after": {"x": 1}}}, {"next": "100"}, "100", {"next": {"after": ""}}], ids=repr
)
def test_a_page_that_does_not_say_whether_it_is_the_last_is_not_taken_for_the_last(
    paging: Any, calls_of: Calls
) -> None:
    for called, place, _ in _lists("hubspot", calls_of):
        if called.call in ("changed", "scan"):
            document = _document(called.answers[place]) | {"paging": paging}
            assert isinstance(judge_crm(called, _with(called, place, document)), Failure)


def _lists(name: str, calls_of: Calls) -> list[tuple[Called, int, tuple[str | int, ...]]]:
    """Every list of records that is read: the call, which answer, and the way in it."""
    found = []
    for called in calls_of(name):
        for place, answer in enumerate(called.answers):
            document = _document(answer)
            if called.call in READING and isinstance(document, dict) and LISTS[name] in document:
                found.append((called, place, (LISTS[name],)))
    assert found
    return found


def _at(document: Any, way: tuple[str | int, ...]) -> Any:
    for step in way:
        document = document[step]
    return document


def _with(called: Called, place: int, document: Any) -> list[Answer]:
    answers = list(called.answers)
    answers[place] = replace(answers[place], body=json.dumps(document).encode())
    return answers


def test_a_login_that_names_no_address_is_refused(calls_of: Calls) -> None:
    (called,) = (c for c in calls_of("salesforce") if c.call == "read")
    place, document = next(
        (n, d)
        for n, a in enumerate(called.answers)
        if isinstance(d := _document(a), dict) and "access_token" in d
    )
    for name in ("id", "instance_url"):
        told = judge_crm(called, _with(called, place, {**document, name: "https://["}))
        assert isinstance(told, Failure)
        assert told.kind is FailureKind.CONTRACT
