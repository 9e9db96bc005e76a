"""Updates in collections and strictly; what a refusal of one record means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncd.connector import Failure, FailureKind
from syncd.model import Conflict, Patch, Rejected, WriteResult, Written
from tests.unit.salesforce_loopback import (
    DATA,
    Asked,
    Loopback,
    MiniOrg,
    Reply,
    connect,
    contact_id,
    contact_row,
    error,
    secrets,
    stamp,
)

REQUEST = "8f2c1d"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets(monkeypatch)


class Crm:
    """Takes updates; `bad` maps an id to the replies it gets, the last one for good."""

    def __init__(self) -> None:
        self.org = MiniOrg(rows={"Contact": [contact_row(1)]})
        self.bad: dict[str, list[dict[str, Any] | None]] = {}
        self.whole: Callable[[Asked], Reply | None] = lambda asked: None
        self.sent: list[list[dict[str, Any]]] = []

    def __call__(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix(f"{DATA}/")
        if path == "composite/sobjects":
            self.sent.append(asked.json["records"])
            items = [self._item(r) for r in asked.json["records"]]
            return self.whole(asked) or Reply(items, headers={"X-SFDC-Request-Id": REQUEST})
        if path == "composite":
            self.sent.append(asked.json["compositeRequest"])
            parts = [self._part(r) for r in asked.json["compositeRequest"]]
            return self.whole(asked) or Reply({"compositeResponse": list(reversed(parts))})
        return self.org(asked)

    def _error(self, contact: str) -> dict[str, Any] | None:
        told = self.bad.get(contact, [None])
        return told.pop(0) if len(told) > 1 else told[0]

    def _item(self, sent: dict[str, Any]) -> dict[str, Any]:
        wrong = self._error(sent["id"])
        return (
            {"success": False, "errors": [wrong]}
            if wrong
            else {"id": sent["id"], "success": True, "errors": []}
        )

    def _part(self, sent: dict[str, Any]) -> dict[str, Any]:
        wrong = self._error(sent["url"].rsplit("/", 1)[1])
        status = 204 if wrong is None else wrong.get("status", 400)
        body = [{**wrong, "errorCode": wrong["statusCode"]}] if wrong and "statusCode" in wrong else None
        return {"referenceId": sent["referenceId"], "httpStatusCode": status, "httpHeaders": {}, "body": body}


def refused(code: str, *fields: str) -> dict[str, Any]:
    return {"statusCode": code, "message": "jane.canary: valor demasiado largo", "fields": list(fields)}


@pytest.fixture
def crm() -> Crm:
    return Crm()


@pytest.fixture
def server(crm: Crm) -> Iterator[Loopback]:
    with Loopback(crm) as running:
        yield running


def patch(number: int, group: str = "", **changes: str) -> Patch:
    return Patch(contact_id(number), changes or {"Title": f"title {number}"}, f"k{number}", stamp(0), group)


def write(server: Loopback, *patches: Patch, **more: object) -> list[WriteResult]:
    return connect(server, **more).write("contact", patches)


def test_changed_properties_leave_in_one_collection_that_is_not_all_or_nothing(
    crm: Crm, server: Loopback
) -> None:
    results = write(server, patch(1), patch(2, Title="Head", Email="a@example.com"))

    assert results == [Written(contact_id(n), request_id=REQUEST) for n in (1, 2)]
    (asked,) = server.to("composite/sobjects")
    assert (asked.method, asked.json["allOrNone"]) == ("PATCH", False)
    assert asked.headers["sforce-auto-assign"] == "FALSE"
    assert asked.json["records"][1] == {
        "attributes": {"type": "Contact"}, "id": contact_id(2), "Title": "Head", "Email": "a@example.com",
    }  # fmt: skip


def test_records_of_one_account_leave_together_and_results_keep_the_callers_order(
    crm: Crm, server: Loopback
) -> None:
    crm.bad[contact_id(3)] = [refused("DUPLICATE_VALUE", "Title")]
    results = write(server, patch(1, "B"), patch(2, "A"), patch(3, "B"), patch(4, "A"))

    assert [r["id"] for r in crm.sent[0]] == [contact_id(n) for n in (2, 4, 1, 3)]
    assert [type(r) for r in results] == [Written, Written, Rejected, Written]
    assert [r.id for r in results] == [contact_id(n) for n in (1, 2, 3, 4)]


def test_two_hundred_records_fill_a_collection(crm: Crm, server: Loopback) -> None:
    write(server, *(patch(n) for n in range(1, 452)))
    assert [len(batch) for batch in crm.sent] == [200, 200, 51]


def test_two_patches_of_one_record_leave_one_after_the_other(crm: Crm, server: Loopback) -> None:
    write(server, patch(1, Title="first"), patch(2), patch(1, Title="second"))

    assert [[r["Title"] for r in batch] for batch in crm.sent] == [["first", "title 2"], ["second"]]


def test_values_leave_in_the_type_of_their_field(crm: Crm, server: Loopback) -> None:
    write(server, patch(1, DoNotCall="true", Score__c="2.5", Title="", LastName="5"))
    write(server, patch(1, DoNotCall="perhaps", Score__c="much"))

    (first,), (second,) = crm.sent
    assert (first["DoNotCall"], first["Score__c"], first["Title"], first["LastName"]) == (
        True,
        2.5,
        None,
        "5",
    )
    assert (second["DoNotCall"], second["Score__c"]) == ("perhaps", "much")


REFUSALS = [
    (refused("STRING_TOO_LONG", "Title"), {"code": "STRING_TOO_LONG", "property": "Title"}),
    (refused("INVALID_EMAIL_ADDRESS", "Email"), {"code": "INVALID_EMAIL_ADDRESS", "property": "Email"}),
    (refused("FIELD_CUSTOM_VALIDATION_EXCEPTION"), {"code": "FIELD_CUSTOM_VALIDATION_EXCEPTION"}),
    (refused("DUPLICATES_DETECTED"), {"code": "DUPLICATES_DETECTED"}),
    (refused("REQUIRED_FIELD_MISSING", "Region__c"), {"code": "REQUIRED_FIELD_MISSING:Region__c"}),
    (refused("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"), {"code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}),
    (refused("INVALID_FIELD"), {"code": "INVALID_FIELD"}),
    (refused("SOMETHING_NEW", "Title", "Email"), {"code": "SOMETHING_NEW"}),
    (refused("ENTITY_IS_DELETED"), {"code": "ENTITY_IS_DELETED", "gone": True}),
    (refused("INVALID_CROSS_REFERENCE_KEY"), {"code": "INVALID_CROSS_REFERENCE_KEY", "gone": True}),
    (refused("INVALID_CROSS_REFERENCE_KEY", "Title"), {"code": "INVALID_CROSS_REFERENCE_KEY", "property": "Title"}),
    (refused("CANNOT_UPDATE_CONVERTED_LEAD"), {"code": "CANNOT_UPDATE_CONVERTED_LEAD", "gone": True}),
    (refused("ENTITY_IS_LOCKED"), {"code": "ENTITY_IS_LOCKED", "retry": True}),
    (refused("UNABLE_TO_LOCK_ROW"), {"code": "UNABLE_TO_LOCK_ROW", "retry": True}),
    (refused("SERVER_UNAVAILABLE"), {"code": "SERVER_UNAVAILABLE", "retry": True}),
    ({"statusCode": "jane@example.com", "fields": []}, {"code": "NOT_CONFIRMED", "retry": True}),
    ({}, {"code": "NOT_CONFIRMED", "retry": True}),
]  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("wrong", "told"), [r for r in REFUSALS if r[0]])
def test_a_refusal_is_read_from_its_code_alone(
    crm: Crm, server: Loopback, wrong: dict[str, Any], told: dict[str, Any], strict: bool
) -> None:
    crm.bad[contact_id(1)] = [wrong]
    one, two = write(server, patch(1, Title="x", Email="y@example.com"), patch(2), strict=strict)

    assert isinstance(one, Rejected)
    assert replace(one, request_id="") == Rejected(contact_id(1), **told)
    assert isinstance(two, Written)


def test_an_unknown_field_is_blamed_where_it_is_the_only_one(crm: Crm, server: Loopback) -> None:
    crm.bad[contact_id(1)] = [refused("INVALID_FIELD")]
    (one,) = write(server, patch(1, Custom__c="x"))

    assert isinstance(one, Rejected)
    assert (one.code, one.property) == ("INVALID_FIELD", "Custom__c")


@pytest.mark.parametrize("strict", [False, True])
def test_of_several_the_one_that_the_object_does_not_have_is_blamed(
    crm: Crm, server: Loopback, strict: bool
) -> None:
    crm.bad[contact_id(1)] = [refused("INVALID_FIELD")]
    (one,) = write(server, patch(1, Title="x", Removed__c="y", Email="z@example.com"), strict=strict)

    assert isinstance(one, Rejected)
    assert (one.code, one.property) == ("INVALID_FIELD", "Removed__c")


def test_locked_records_are_tried_once_more_in_halves(crm: Crm, server: Loopback) -> None:
    locked = refused("UNABLE_TO_LOCK_ROW")
    for number in (2, 4, 6, 8):
        crm.bad[contact_id(number)] = [locked, None]
    crm.bad[contact_id(8)] = [locked]
    results = write(server, *(patch(n) for n in range(1, 10)))

    assert [[int(r["id"][5:15]) for r in batch] for batch in crm.sent[1:]] == [[2, 4], [6, 8]]
    assert [r.id for r in results if isinstance(r, Rejected)] == [contact_id(8)]
    assert isinstance(results[7], Rejected)
    assert results[7].retry


def test_a_code_that_hits_most_records_stops_instead_of_rejecting_them(crm: Crm, server: Loopback) -> None:
    for number in range(1, 12):
        crm.bad[contact_id(number)] = [refused("INVALID_FIELD_FOR_INSERT_UPDATE", "Title")]
    with pytest.raises(Failure) as caught:
        write(server, *(patch(n) for n in range(1, 21)))

    assert caught.value.kind is FailureKind.CONFIG
    assert "INVALID_FIELD_FOR_INSERT_UPDATE for Title" in caught.value.reason


@pytest.mark.parametrize(
    ("number", "count", "codes"),
    [
        (10, 20, ["STRING_TOO_LONG"]),
        (5, 9, ["STRING_TOO_LONG"]),
        (20, 20, ["DUPLICATE_VALUE", "STRING_TOO_LONG"]),
    ],
)
def test_fewer_refusals_are_matters_of_their_records(
    crm: Crm, server: Loopback, number: int, count: int, codes: list[str]
) -> None:
    for n in range(1, number + 1):
        crm.bad[contact_id(n)] = [refused(codes[n % len(codes)], "Title")]
    results = write(server, *(patch(n) for n in range(1, count + 1)))

    assert sum(isinstance(r, Rejected) for r in results) == number


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "ENTITY_IS_LOCKED"])
def test_records_that_are_gone_or_locked_never_stop_the_rest(crm: Crm, server: Loopback, code: str) -> None:
    for n in range(1, 20):
        crm.bad[contact_id(n)] = [refused(code)]

    assert len(write(server, *(patch(n) for n in range(1, 21)))) == 20


def test_an_org_that_takes_no_writes_is_waited_for(crm: Crm, server: Loopback) -> None:
    crm.bad[contact_id(1)] = [refused("STORAGE_LIMIT_EXCEEDED")]
    with pytest.raises(Failure) as caught:
        write(server, patch(1))

    assert (caught.value.kind, caught.value.retry_after_s) == (FailureKind.RATE_LIMITED, 900.0)


def test_strict_writes_carry_the_condition_of_each_record(crm: Crm, server: Loopback) -> None:
    results = write(server, patch(1), replace(patch(2), version=None), strict=True)

    assert [type(r) for r in results] == [Written, Written]
    one, two = crm.sent[0]
    assert one == {
        "method": "PATCH",
        "url": f"{DATA}/sobjects/Contact/{contact_id(1)}",
        "referenceId": "r0",
        "httpHeaders": {
            "Sforce-Auto-Assign": "FALSE",
            "If-Unmodified-Since": "Sat, 21 Nov 2026 09:00:00 GMT",
        },
        "body": {"Title": "title 1"},
    }
    assert "If-Unmodified-Since" not in two["httpHeaders"]


def test_a_record_that_changed_meanwhile_is_a_conflict(crm: Crm, server: Loopback) -> None:
    crm.bad[contact_id(2)] = [{"status": 412}]
    results = write(server, patch(1), patch(2), patch(3), strict=True)

    assert results[1] == Conflict(contact_id(2))
    assert [type(r) for r in results] == [Written, Conflict, Written]


def test_twenty_five_records_fill_a_strict_call(crm: Crm, server: Loopback) -> None:
    write(server, *(patch(n) for n in range(1, 61)), strict=True)
    assert [len(batch) for batch in crm.sent] == [25, 25, 10]


def test_when_a_later_request_fails_the_rest_is_to_be_tried_again(crm: Crm, server: Loopback) -> None:
    crm.whole = lambda asked: Reply(b"", 503) if len(crm.sent) == 2 else None
    results = write(server, *(patch(n) for n in range(1, 251)))

    assert sum(isinstance(r, Written) for r in results) == 200
    rest = [r for r in results if isinstance(r, Rejected)]
    assert {(r.code, r.retry) for r in rest} == {("UNAVAILABLE", True)}
    assert len(rest) == 50


ODD: Sequence[Reply] = [Reply([]), Reply({}), Reply([{"success": True}] * 2), Reply(b"", 204)]


@pytest.mark.parametrize("odd", ODD)
def test_an_answer_without_one_result_for_each_record_is_never_taken_for_success(
    crm: Crm, server: Loopback, odd: Reply
) -> None:
    crm.whole = lambda asked: odd
    with pytest.raises(Failure) as caught:
        write(server, patch(1))

    assert caught.value.kind in (FailureKind.AMBIGUOUS, FailureKind.CONTRACT)


def test_a_collection_that_is_refused_as_a_whole_names_the_code(crm: Crm, server: Loopback) -> None:
    crm.whole = lambda asked: error("JSON_PARSER_ERROR")
    with pytest.raises(Failure) as caught:
        write(server, patch(1))

    assert (caught.value.kind, caught.value.code) == (FailureKind.CONFIG, "JSON_PARSER_ERROR")
    assert "canary" not in str(caught.value)


def test_nothing_to_write_asks_nothing(server: Loopback) -> None:
    assert write(server) == []
    assert server.asked == []
