"""A refused batch: the bad records are found and named, all others are written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.model import Rejected, Written
from tests.unit.hubspot_batches import REQUEST, Crm, done, patch, refusal, sent, write
from tests.unit.hubspot_loopback import TOKEN, Asked, Loopback, Reply


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_LOOPBACK_TOKEN", TOKEN)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback(lambda asked: Reply()) as running:
        yield running


@pytest.mark.parametrize("position", range(7))
@pytest.mark.parametrize("in_message", [True, False])
def test_one_poisoned_value_is_named_and_the_others_are_written(
    server: Loopback, position: int, in_message: bool
) -> None:
    crm = Crm({str(position): refusal(("jobtitle", "INVALID_OPTION"), in_message=in_message)})

    results = write(server, crm, [patch(n) for n in range(7)])

    assert [r.id for r in results if isinstance(r, Written)] == [str(n) for n in range(7) if n != position]
    assert results[position] == Rejected(
        str(position), "INVALID_OPTION", property="jobtitle", request_id=REQUEST
    )
    assert len(set(crm.bodies)) == len(crm.bodies)


@pytest.mark.parametrize("position", range(5))
def test_a_refusal_that_names_nothing_is_narrowed_down_to_the_record(server: Loopback, position: int) -> None:
    crm = Crm({str(position): Reply({"category": "VALIDATION_ERROR", "message": "[broken"}, 400)})

    results = write(server, crm, [patch(n) for n in range(5)])

    assert results[position] == Rejected(str(position), "VALIDATION_ERROR")
    assert len(crm.written) == 4
    assert len(set(crm.bodies)) == len(crm.bodies)


def test_one_bad_record_in_a_full_batch_costs_few_requests(server: Loopback) -> None:
    crm = Crm({"37": refusal(("jobtitle", "INVALID_OPTION"))})

    results = write(server, crm, [patch(n) for n in range(100)])

    assert sum(isinstance(r, Written) for r in results) == 99
    assert len(crm.bodies) <= 15


def test_a_complaint_that_fits_one_record_only_needs_no_search(server: Loopback) -> None:
    crm = Crm({"3": refusal(("email", "INVALID_EMAIL"))})
    patches = [patch(n) if n != 3 else patch(3, email="nonsense", city="Oslo") for n in range(10)]

    results = write(server, crm, patches)

    assert results[3] == Rejected("3", "INVALID_EMAIL", property="email", request_id=REQUEST)
    assert len(crm.bodies) == 2


def test_a_property_that_does_not_exist_is_refused_for_all_that_carry_it(server: Loopback) -> None:
    def script(asked: Asked) -> Reply:
        if any("ghost" in i["properties"] for i in asked.json["inputs"]):
            return refusal(("ghost", "PROPERTY_DOESNT_EXIST"), in_message=True)
        return Reply({"results": done(asked)})

    patches = [patch(n, ghost="x") if n % 2 else patch(n) for n in range(10)]

    results = write(server, script, patches)

    assert sent(server)[1:] == [["0", "2", "4", "6", "8"]]
    assert {r.property for r in results if isinstance(r, Rejected)} == {"ghost"}
    assert [isinstance(r, Rejected) for r in results] == [bool(n % 2) for n in range(10)]


def test_each_record_is_rejected_for_its_own_property(server: Loopback) -> None:
    both = refusal(("email", "INVALID_EMAIL"), ("ghost", "PROPERTY_DOESNT_EXIST"))

    def script(asked: Asked) -> Reply:
        has = [set(i["properties"]) for i in asked.json["inputs"]]
        return both if any("ghost" in h or h == {"email"} for h in has) else Reply({"results": done(asked)})

    results = write(
        server,
        script,
        [patch(1, email="good@example.com", ghost="x"), patch(2, email="bad"), patch(3, city="Oslo")],
    )

    assert [getattr(r, "property", None) for r in results] == ["ghost", "email", None]
    assert isinstance(results[2], Written)


def test_a_list_that_is_longer_in_the_message_than_in_the_errors_is_read_whole(server: Loopback) -> None:
    listed = [{"error": "INVALID_OPTION", "name": "a"}, {"error": "INVALID_EMAIL", "name": "email"}]
    body = {
        "category": "VALIDATION_ERROR",
        "message": f"See [docs]. Property values were not valid: {json.dumps(listed)} end",
        "errors": [{"code": "INVALID_OPTION", "context": {"propertyName": ["a"]}}],
    }

    def script(asked: Asked) -> Reply:
        bad = any(set(i["properties"]) & {"a", "email"} for i in asked.json["inputs"])
        return Reply(body, 400) if bad else Reply({"results": done(asked)})

    results = write(server, script, [patch(1, a="x"), patch(2), patch(3, email="x")])

    assert len(server.asked) == 2
    assert [getattr(r, "code", "written") for r in results] == ["INVALID_OPTION", "written", "INVALID_EMAIL"]


def test_a_rule_about_a_property_that_was_not_sent_names_it_in_the_code(server: Loopback) -> None:
    crm = Crm({"2": refusal(("region", "REQUIRED_PROPERTY"))})

    results = write(server, crm, [patch(1), patch(2), patch(3)])

    assert results[1] == Rejected("2", "REQUIRED_PROPERTY:region", request_id=REQUEST)
    assert [type(results[n]) for n in (0, 2)] == [Written, Written]


def test_a_refusal_that_names_ids_rejects_just_those(server: Loopback) -> None:
    named = Reply({"category": "VALIDATION_ERROR", "context": {"ids": ["2", "4"]}}, 400)
    crm = Crm({"2": named, "4": named})

    results = write(server, crm, [patch(n) for n in range(1, 6)])

    assert sent(server) == [["1", "2", "3", "4", "5"], ["1", "3", "5"]]
    assert [r.id for r in results if isinstance(r, Rejected)] == ["2", "4"]


def test_a_refusal_that_names_every_id_is_no_verdict_on_each(server: Loopback) -> None:
    def script(asked: Asked) -> Reply:
        ids = [i["id"] for i in asked.json["inputs"]]
        if "2" in ids:
            return Reply({"category": "VALIDATION_ERROR", "context": {"ids": ids}}, 400)
        return Reply({"results": done(asked)})

    results = write(server, script, [patch(n) for n in range(1, 6)])

    assert [r.id for r in results if isinstance(r, Rejected)] == ["2"]


def test_an_address_that_another_contact_has_is_refused_by_its_property(server: Loopback) -> None:
    crm = Crm(
        {"2": Reply({"category": "CONFLICT", "message": "Contact already exists. Existing ID: 77"}, 409)}
    )

    results = write(server, crm, [patch(1), patch(2, email="taken@example.com")])

    assert results[1] == Rejected("2", "CONFLICT", "email")
    assert isinstance(results[0], Written)


def test_an_unknown_single_record_is_gone(server: Loopback) -> None:
    crm = Crm({"1": Reply({"category": "OBJECT_NOT_FOUND"}, 404)})

    assert write(server, crm, [patch(1)]) == [Rejected("1", "OBJECT_NOT_FOUND", gone=True)]


codes = st.sampled_from(["INVALID_OPTION", "INVALID_EMAIL", "PROPERTY_DOESNT_EXIST"])
names = st.sampled_from(["email", "phone", "city"])
values = st.dictionaries(names, st.sampled_from(["good", "bad"]), min_size=1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(values, min_size=1, max_size=12),
    ghosts=st.sets(names, max_size=1),
    named=st.booleans(),
    first_only=st.booleans(),
)
def test_whatever_is_bad_every_good_record_is_written_and_no_bad_one(
    server: Loopback, records: list[dict[str, str]], ghosts: set[str], named: bool, first_only: bool
) -> None:
    bodies: list[str] = []
    written: dict[str, Any] = {}

    def script(asked: Asked) -> Reply:
        bodies.append(json.dumps(asked.json))
        found: list[tuple[str, str]] = []
        for item in asked.json["inputs"]:
            found += [(p, "PROPERTY_DOESNT_EXIST") for p in item["properties"] if p in ghosts]
            found += [(p, "INVALID_OPTION") for p, v in item["properties"].items() if v == "bad"]
        if found:
            shown = found[:1] if first_only else list(dict.fromkeys(found))
            return refusal(*shown) if named else Reply({"category": "VALIDATION_ERROR"}, 400)
        written.update({i["id"]: i["properties"] for i in asked.json["inputs"]})
        return Reply({"results": done(asked)})

    results = write(server, script, [patch(n, **changes) for n, changes in enumerate(records)])

    def is_good(changes: dict[str, str]) -> bool:
        return "bad" not in changes.values() and not ghosts & changes.keys()

    assert [isinstance(r, Written) for r in results] == [is_good(changes) for changes in records]
    assert set(written) == {str(n) for n, changes in enumerate(records) if is_good(changes)}
    assert len(set(bodies)) == len(bodies)
    if named:
        for result, changes in zip(results, records, strict=True):
            if isinstance(result, Rejected):
                assert result.property is not None
                assert result.property in ghosts or changes[result.property] == "bad"
