"""Batch updates: matched by id, errors beside results, nothing taken for written without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from syncd.connector import Failure, FailureKind
from syncd.model import Rejected, Written
from tests.unit.hubspot_batches import REQUEST, STAMP, Crm, done, patch, refusal, sent, write
from tests.unit.hubspot_loopback import TOKEN, Asked, Loopback, Reply


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


def test_results_come_back_in_the_order_of_the_patches(server: Loopback) -> None:
    patches = [patch(n) for n in (5, 3, 9)]

    results = write(server, lambda a: Reply({"results": done(a)}), patches)

    assert results == [
        Written(p.id, version=STAMP, fields={**p.changes, "lastmodifieddate": STAMP}) for p in patches
    ]


def test_an_update_sends_changed_properties_by_id_with_a_trace_of_its_own(server: Loopback) -> None:
    write(server, lambda a: Reply({"results": done(a)}), [patch(1, phone=""), patch(2)])

    first, second = server.asked[0].json["inputs"]
    assert (first["id"], first["properties"]) == ("1", {"phone": ""})
    assert first["objectWriteTraceId"] != second["objectWriteTraceId"]
    assert {len(i["objectWriteTraceId"]) for i in (first, second)} == {32}
    assert "run-1" not in json.dumps(server.asked[0].json)


def test_batches_hold_at_most_100_records(server: Loopback) -> None:
    results = write(server, lambda a: Reply({"results": done(a)}), [patch(n) for n in range(230)])

    assert [len(ids) for ids in sent(server)] == [100, 100, 30]
    assert [r.id for r in results] == [str(n) for n in range(230)]


def test_two_patches_of_one_record_leave_one_after_the_other(server: Loopback) -> None:
    crm = Crm({"2": refusal(("jobtitle", "INVALID_OPTION"))})
    patches = [patch(1, city="a"), patch(2), patch(1, city="b"), patch(3)]

    results = write(server, crm, patches)

    assert all(len(set(ids)) == len(ids) for ids in sent(server))
    assert crm.written["1"] == {"city": "b"}
    assert [r.id for r in results] == ["1", "2", "1", "3"]
    assert [type(r) for r in results] == [Written, Rejected, Written, Written]


def item_error(status: str = "VALIDATION_ERROR", **context: object) -> dict[str, object]:
    return {"status": "error", "category": status, "message": "no", "context": context}


@pytest.mark.parametrize("status", [200, 207])
def test_errors_of_single_records_stand_beside_the_results(server: Loopback, status: int) -> None:
    def script(asked: Asked) -> Reply:
        traces = {i["id"]: i["objectWriteTraceId"] for i in asked.json["inputs"]}
        bad_option = {
            **item_error(objectWriteTraceId=[traces["2"]]),
            "errors": [{"code": "INVALID_OPTION", "context": {"propertyName": ["jobtitle"]}}],
        }
        errors = [
            bad_option,
            item_error("OBJECT_NOT_FOUND", ids=["3", "4"]),
            item_error("CONFLICT", objectWriteTraceId=traces["5"]),
            item_error("RATE_LIMITS", ids=["6"]),
        ]
        rows = done(asked, lambda i: i in ("1", "7"))
        return Reply({"status": "COMPLETE", "results": rows, "numErrors": 4, "errors": errors}, status)

    results = write(server, script, [patch(n) for n in range(1, 8)])

    assert len(server.asked) == 1
    assert results[1:6] == [
        Rejected("2", "INVALID_OPTION", property="jobtitle"),
        Rejected("3", "OBJECT_NOT_FOUND", gone=True),
        Rejected("4", "OBJECT_NOT_FOUND", gone=True),
        Rejected("5", "CONFLICT"),
        Rejected("6", "RATE_LIMITS", retry=True),
    ]
    assert [type(results[n]) for n in (0, 6)] == [Written, Written]


@pytest.mark.parametrize("errors", [[], [item_error()]])
def test_records_that_an_answer_does_not_mention_are_sent_again_singly(
    server: Loopback, errors: list[dict[str, object]]
) -> None:
    def script(asked: Asked) -> Reply:
        many = len(asked.json["inputs"]) > 1
        rows = done(asked, lambda i: i == "1") if many else done(asked)
        return Reply({"results": rows, **({"errors": errors} if many and errors else {})}, 207)

    results = write(server, script, [patch(1), patch(2), patch(3)])

    assert sent(server) == [["1", "2", "3"], ["2"], ["3"]]
    assert [type(r) for r in results] == [Written] * 3


def test_a_record_that_is_never_confirmed_is_not_taken_for_written(server: Loopback) -> None:
    results = write(server, lambda a: Reply({"results": [], "numErrors": 0}, 207), [patch(1), patch(2)])

    assert results == [Rejected(str(n), "NOT_CONFIRMED", retry=True) for n in (1, 2)]
    assert sent(server) == [["1", "2"], ["1"], ["2"]]


def test_an_error_that_names_nobody_belongs_to_the_only_record_sent(server: Loopback) -> None:
    results = write(
        server, lambda a: Reply({"results": [], "errors": [item_error("CONFLICT")]}, 207), [patch(1)]
    )

    assert results == [Rejected("1", "CONFLICT")]


def test_a_result_of_another_record_confirms_nothing(server: Loopback) -> None:
    results = write(server, lambda a: Reply({"results": [{"id": "99", "properties": {}}]}), [patch(1)])

    assert results == [Rejected("1", "NOT_CONFIRMED", retry=True)]


def test_a_result_without_properties_is_written_with_fields_unknown(server: Loopback) -> None:
    results = write(server, lambda a: Reply({"results": [{"id": "1"}], "correlationId": REQUEST}), [patch(1)])

    assert results == [Written("1", request_id=REQUEST)]


def test_an_answer_that_is_no_batch_answer_is_not_understood(server: Loopback) -> None:
    with pytest.raises(Failure) as caught:
        write(server, lambda a: Reply({"hello": 1}), [patch(1)])

    assert caught.value.kind is FailureKind.CONTRACT


def test_a_failure_before_anything_is_known_is_raised(server: Loopback) -> None:
    with pytest.raises(Failure) as caught:
        write(server, lambda a: Reply({}, 503), [patch(1), patch(2)])

    assert caught.value.kind is FailureKind.UNAVAILABLE


@pytest.mark.parametrize(
    ("second", "code"),
    [(Reply({"correlationId": REQUEST}, 503), "UNAVAILABLE"), (Reply(end="reset"), "AMBIGUOUS")],
)
def test_a_failure_after_some_were_written_keeps_what_is_known(
    server: Loopback, second: Reply, code: str
) -> None:
    def script(asked: Asked) -> Reply:
        return Reply({"results": done(asked)}) if len(server.asked) == 1 else second

    results = write(server, script, [patch(n) for n in range(250)])

    assert [type(r) for r in results[:100]] == [Written] * 100
    assert {(r.code, r.retry) for r in results[100:] if isinstance(r, Rejected)} == {(code, True)}
    assert len(results) == 250
    assert len(server.asked) == 2


def test_text_that_is_no_valid_unicode_does_not_stop_the_batch(server: Loopback) -> None:
    results = write(
        server, lambda a: Reply({"results": [{"id": "1"}, {"id": "2"}]}), [patch(1, city="\ud83d"), patch(2)]
    )

    assert [type(r) for r in results] == [Written, Written]
    assert server.asked[0].json["inputs"][0]["properties"] == {"city": "\ud83d"}


def test_nothing_to_write_asks_nothing(server: Loopback) -> None:
    assert write(server, lambda a: Reply(), []) == []
    assert server.asked == []


def test_codes_and_properties_of_free_text_are_not_passed_on(server: Loopback) -> None:
    odd = Reply(
        {
            "category": "jane@example.com",
            "errors": [{"code": "no such, Jane", "context": {"propertyName": ["a b"]}}],
        },
        400,
    )

    assert write(server, Crm({"1": odd}), [patch(1)]) == [Rejected("1", "VALIDATION_ERROR")]
