"""Whatever a provider answers: outcomes that can be booked, or a failure; never a crash, never a structure as text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import PROVIDERS
from connectors.waterfall_io.people import numbers
from syncd.connector import Answer, Failure, FailureKind
from tests.fuzz.judging import judge_balance, judge_failure, judge_outcomes
from tests.fuzz.odd import ANYTHING, BYTES, NESTED, changed, many, odd, ways
from tests.fuzz.recorded import Exchange, Looked

Answers = Callable[[str], list[Exchange]]
Accounts = Callable[[str], list[Looked]]
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-credits-used", "x-ratelimit-reset", "content-type", "x-request-id", "date"]),
    st.sampled_from(
        ["", "free", "-1", "0", "1e999999", "1e30", "nan", "inf", "9" * 400, "12", "Wed, 21 Oct 2026 07:28:00 -0000", "x" * 300]
    ),
)  # fmt: skip


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_recorded_answer_is_understood(name: str, answers_of: Answers) -> None:
    for exchange in answers_of(name):
        assert not isinstance(judge_outcomes(exchange, exchange.answers), Failure)


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_answer_with_parts_that_do_not_belong_there_is_booked_or_refused(
    name: str, answers_of: Answers
) -> None:
    @many(30)
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        exchange = data.draw(st.sampled_from(answers_of(name)))
        documents: list[Any] = [...] * len(exchange.answers)
        place = data.draw(st.integers(0, len(documents) - 1))
        documents[place] = data.draw(odd(exchange.documents[place]))
        judge_outcomes(exchange, exchange.told(documents))

    judge()


@pytest.mark.parametrize("name", PROVIDERS)
def test_any_status_any_header_and_any_body_is_a_failure_or_an_answer(name: str, answers_of: Answers) -> None:
    @many(30)
    @given(
        st.data(),
        st.sampled_from([200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 409, 422, 429, 500, 503, 999]),
        HEADERS,
        BYTES | ANYTHING.map(lambda document: json.dumps(document).encode()) | st.none(),
    )
    def judge(data: st.DataObject, status: int, headers: dict[str, str], body: bytes | None) -> None:
        exchange = data.draw(st.sampled_from(answers_of(name)))
        place = data.draw(st.integers(0, len(exchange.answers) - 1))
        answers = list(exchange.answers)
        honest = answers[place]
        answers[place] = Answer(status, {**honest.headers, **headers}, honest.body if body is None else body)
        judge_outcomes(exchange, answers)

    judge()


@pytest.mark.parametrize("name", PROVIDERS)
def test_an_account_page_with_parts_that_do_not_belong_there_tells_figures_or_nothing(
    name: str, accounts_of: Accounts
) -> None:
    @many(25)
    @given(st.data())
    def judge(data: st.DataObject) -> None:
        looked = data.draw(st.sampled_from(accounts_of(name)))
        judge_balance(looked, _with_odd(data, looked.answers))

    judge()


def _with_odd(data: st.DataObject, answers: tuple[Answer, ...]) -> list[Answer]:
    told = list(answers)
    place = data.draw(st.integers(0, len(told) - 1))
    try:
        document = json.loads(told[place].body)
    except ValueError:
        document = None
    told[place] = replace(told[place], body=json.dumps(data.draw(odd(document))).encode())
    return told


FREE = "free"
LAST_DAY = "0001-01-01T00:00:00+23:59"
BROKEN_ONCE = [
    ("contactout", "revenue", ","),
    ("contactout", "revenue", "9" * 5000),
    ("contactout", "end_date", "9" * 5000),
    ("contactout", "updated_at", LAST_DAY),
    ("crustdata", "last_updated", LAST_DAY),
    ("rocketreach", "last_validation_check", LAST_DAY),
]


@pytest.mark.parametrize(("name", "leaf", "value"), BROKEN_ONCE)
def test_what_once_broke_a_connector_is_read_or_refused(
    name: str, leaf: str, value: object, answers_of: Answers
) -> None:
    seen = 0
    for exchange in answers_of(name):
        for place, document in enumerate(exchange.documents):
            for way in ways(document):
                if way and way[-1] == leaf:
                    documents: list[Any] = [...] * len(exchange.answers)
                    documents[place] = changed(document, way, value)
                    judge_outcomes(exchange, exchange.told(documents))
                    seen += 1
    assert seen


@pytest.mark.parametrize("value", [2**62, 1e300, "9" * 5000, "1e999999", "sNaN", "-inf", FREE, NESTED, True])
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_figure_of_an_account_that_no_account_can_have_is_unknown(
    name: str, value: object, accounts_of: Accounts
) -> None:
    for looked in accounts_of(name):
        for place, answer in enumerate(looked.answers):
            try:
                document = json.loads(answer.body)
            except ValueError:
                continue
            numbers = [w for w in ways(document) if isinstance(_at(document, w), int | float)]
            for way in numbers:
                answers = list(looked.answers)
                answers[place] = replace(answer, body=json.dumps(changed(document, way, value)).encode())
                judge_balance(looked, answers)


def _at(document: Any, way: tuple[str | int, ...]) -> Any:
    for step in way:
        document = document[step]
    return document


@pytest.mark.parametrize("used", ["1e30", "nan", "-1", "sNaN", FREE, "9" * 400])
def test_a_price_that_no_request_can_have_is_no_price(used: str, answers_of: Answers) -> None:
    for exchange in answers_of("crustdata"):
        answers = [replace(a, headers={**a.headers, "x-credits-used": used}) for a in exchange.answers]
        honest, told = judge_outcomes(exchange, exchange.answers), judge_outcomes(exchange, answers)
        assert isinstance(told, list)
        assert isinstance(honest, list)
        assert [type(o) for o in told] == [type(o) for o in honest]


ENDLESS = [
    pytest.param(b"[" * 4_000_000, id="nesting"),
    pytest.param(b'{"a":' * 1_000_000, id="nested objects"),
    pytest.param(b'"' + b"x" * 6_000_000 + b'"', id="one text"),
    pytest.param(b"[" + b",".join([b"{}"] * 100_000) + b"]", id="many objects"),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("body", ENDLESS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_an_endless_answer_is_refused_and_not_pondered(name: str, body: bytes, answers_of: Answers) -> None:
    by_operation = {(e.operation.name, e.handle != ""): e for e in answers_of(name)}
    for exchange in list(by_operation.values())[:3]:
        told = judge_outcomes(exchange, [replace(a, body=body) for a in exchange.answers])
        assert isinstance(told, Failure)
        assert told.kind is FailureKind.CONTRACT
        judge_failure(told)


@pytest.mark.timeout(30)
def test_a_hundred_thousand_numbers_take_no_longer_than_they_are_many() -> None:
    numbers_ = [f"+1202{n:07}" for n in range(100_000)]
    found = numbers({"mobile_phone": numbers_, "phone_numbers": [*numbers_[::-1], "+1"]})
    assert len(found) == 100_001
