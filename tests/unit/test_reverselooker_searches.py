"""ReverseLooker's searches: charged when launched, read until they end, never launched again."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.reverselooker import Connector, ConnectorOptions
from connectors.reverselooker.operations import READ
from connectors.reverselooker.people import IGNORED, IGNORED_EXPERIENCE
from connectors.reverselooker.people import person as read_person
from syncd.connector import FailureKind, Job, Mode, On, Replay, load
from syncd.model import Basis, Charge, Field, Found, KeyKind, NotFound, Pending, Quality, Unresolved
from tests.unit.reverselooker_support import (
    ASKED,
    ID,
    OTHER,
    TOKEN,
    URL,
    ask,
    bulk,
    connector,
    launch,
    operation,
    person,
    poll,
    post,
    row,
    search,
)
from tests.unit.scripted_wire import ScriptedWire, answer, email, failure_of, flat, found, named


@pytest.fixture(autouse=True)
def live_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, "rl_live_canary0001")


def reported(used: int) -> Charge:
    return Charge({"credit": Decimal(used)}, Basis.REPORTED)


def test_a_launch_sends_the_address_and_the_place_for_our_callback() -> None:
    made = connector()
    wire = ScriptedWire(made, launch())
    made.submit(wire, operation("single"), [email(ASKED, ref="r-1")])
    ((with_, request),) = wire.sent
    assert with_.name == "single"
    assert (request.method, request.path, request.json) == (
        "POST",
        "/reverse-contact/single",
        {"email": ASKED},
    )
    assert request.callback_key == "settings.webhook"


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_launch_is_charged_what_it_reports_before_any_result(status: int) -> None:
    assert ask("single", answer(launch(), status)) == [Pending(ID, charge=reported(50))]
    assert ask("single", answer(launch(credits_used=70), status)) == [Pending(ID, charge=reported(70))]
    assert ask("single", answer(launch(credits_used=0), status)) == [
        Pending(ID, charge=reported(0).of(Basis.REPORTED))
    ]


@pytest.mark.parametrize("used", [None, "", "many", -1, True, [], {}, "NaN"])
def test_a_launch_that_reports_nothing_is_charged_the_configured_price(used: object) -> None:
    assert ask("single", launch(credits_used=used)) == [Pending(ID, charge=Charge.of(credit=50))]
    assert ask("single", launch(credits_used=used), price="7.5") == [
        Pending(ID, charge=Charge.of(credit=Decimal("7.5")))
    ]


def test_test_keys_spend_nothing_whatever_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, " rl_test_0001\n")
    assert ask("single", launch()) == [Pending(ID, charge=Charge.none())]
    monkeypatch.setenv(TOKEN, "live_rl_test_")
    assert ask("single", launch()) == [Pending(ID, charge=reported(50))]


def test_without_a_key_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN)
    made = connector()
    wire = ScriptedWire(made, launch())
    failure = failure_of(lambda: made.submit(wire, operation("single"), [email(ASKED)]))
    assert (failure.kind, failure.charged, wire.sent) == (FailureKind.CONFIG, False, [])


@pytest.mark.parametrize("body", [{}, {"id": None}, {"id": "a b"}, {"id": {}}, [], "x", None, b"<html>"])
@pytest.mark.parametrize("name", ["single", "bulk"])
def test_a_launch_without_an_id_is_not_understood_and_may_have_been_charged(name: str, body: object) -> None:
    failure = failure_of(lambda: ask(name, body))
    assert (failure.kind, failure.charged) == (FailureKind.CONTRACT, None)


@pytest.mark.parametrize("status", [200, 202])
def test_an_ongoing_search_is_pending(status: int) -> None:
    assert poll("single", answer(search("ongoing"), status)) == [Pending(ID)]


def test_a_miss_costs_nothing_beyond_its_launch() -> None:
    assert poll("single", search("not_found")) == [NotFound(Charge.none())]


def test_a_person_is_read_in_full_and_costs_nothing_beyond_the_launch() -> None:
    old = post(title="Mate", company="Oldreach", start_date="2016-05", end_date="2021-01")
    (outcome,) = poll("single", search(result=person(post(), old)))
    assert isinstance(outcome, Found)
    assert outcome.charge == Charge.none()
    (candidate,) = outcome.candidates
    assert flat(candidate) == {
        Field.FULL_NAME: "Jorun Vale",
        Field.FIRST_NAME: "Jorun",
        Field.LAST_NAME: "Vale",
        Field.HEADLINE: "Harbour Pilot at Fairlead",
        Field.LOCATION: "Bergen, Norway",
        Field.COMPANY_NAME: "Fairlead",
        Field.JOB_TITLE: "Harbour Pilot",
        Field.LINKEDIN_URL: URL,
    }
    assert {v.quality for v in candidate.values} == {Quality.UNKNOWN}
    who = candidate.identity
    assert (who.full_name, who.employer, who.title) == ("Jorun Vale", "Fairlead", "Harbour Pilot")
    assert (who.past_employers, who.emails, who.linkedin_url) == (("Oldreach",), (ASKED,), URL)
    assert {v.field for v in candidate.values} == set(operation("single").returns)


@pytest.mark.parametrize(
    ("posts", "title"),
    [
        ([post(end_date="2024-01")], None),
        ([{k: v for k, v in post().items() if k != "end_date"}], None),
        ([post(end_date="")], None),
        ([post(company="Elsewhere")], None),
        ([post(company="FAIRLEAD", title="Chief")], "Chief"),
        ([post(title="Mate", start_date="2019-03"), post(title="Chief", start_date="2023-01")], "Chief"),
        (["Harbour Pilot at Fairlead"], None),
        ([None], None),
    ],
)
def test_a_title_comes_from_a_post_at_the_employer_that_is_marked_as_going_on(
    posts: list[object], title: str | None
) -> None:
    (outcome,) = poll("single", search(result=person(*posts)))
    got = flat(found(outcome))
    assert got.get(Field.JOB_TITLE) == title
    assert got[Field.COMPANY_NAME] == "Fairlead"


def test_the_employer_comes_from_the_present_post_where_it_is_not_named() -> None:
    (outcome,) = poll("single", search(result=person(company_name=None)))
    assert flat(found(outcome))[Field.COMPANY_NAME] == "Fairlead"


@pytest.mark.parametrize(
    "experience", [None, [], {}, {"experience_history": None}, {"experience_history": {}}]
)
def test_a_person_without_posts_is_still_a_person(experience: object) -> None:
    (outcome,) = poll("single", search(result=person(experience=experience)))
    assert flat(found(outcome))[Field.LINKEDIN_URL] == URL


def test_every_documented_name_is_read_or_listed_as_ignored() -> None:
    class Watched(dict[str, object]):
        def __init__(self, said: dict[str, object]) -> None:
            super().__init__(said)
            self.read: set[str] = set()

        def get(self, key: str, default: object = None) -> object:
            self.read.add(key)
            return super().get(key, default)

    item = Watched(post(end_date="2024-01"))
    history = Watched({"experience_count": 4, "experience_history": [item]})
    who = Watched(person(experience=history))
    read_person(who, ASKED)
    assert who.keys() - who.read == IGNORED
    assert (history.keys() - history.read) | (item.keys() - item.read) == IGNORED_EXPERIENCE


@pytest.mark.parametrize(
    "body",
    [
        search("done"),
        search(None),
        search(""),
        {key: value for key, value in search().items() if key != "qualification"},
        search(result=None),
        search(result=[]),
        search(result="x"),
        search(result={}),
        search(result={"name": "Jorun Vale"}),
        [],
        None,
        "found",
        b"",
        b"<html>",
    ],
)
def test_a_reshaped_answer_is_a_failure_and_never_not_found(body: object) -> None:
    assert failure_of(lambda: poll("single", body)).kind is FailureKind.CONTRACT


def test_a_search_that_the_vendor_does_not_know_is_unresolved_and_gives_nothing_back() -> None:
    for name in ("single", "bulk"):
        for outcome in poll(name, answer({"message": "not found"}, 404), ASKED, OTHER):
            assert isinstance(outcome, Unresolved)
            assert outcome.charge == Charge.none()
    assert failure_of(lambda: poll("single", answer(b"<html>", 404))).kind is FailureKind.CONTRACT


@pytest.mark.parametrize("qualification", ["found", "not_found", "ongoing"])
def test_an_answer_about_another_address_is_none(qualification: str) -> None:
    strange = search(qualification, email=OTHER)
    assert failure_of(lambda: poll("single", strange)).kind is FailureKind.CONTRACT
    for echoed in (ASKED.upper(), "[hidden]", None):
        assert type(poll("single", search(qualification, email=echoed))[0]) in (Found, NotFound, Pending)


def test_reading_is_free_and_never_a_launch() -> None:
    made = connector()
    wire = ScriptedWire(made, search("ongoing"), search("ongoing"), bulk(row(ASKED)))
    made.poll(wire, operation("single"), [Job(ID, (email(ASKED),)), Job("b-2", (email(ASKED),))])
    made.poll(wire, operation("bulk"), [Job("b-3", (email(ASKED),))])
    assert [(r.method, r.path, r.params["id"]) for _, r in wire.sent] == [
        ("GET", "/reverse-contact/single", ID),
        ("GET", "/reverse-contact/single", "b-2"),
        ("GET", "/reverse-contact/bulk", "b-3"),
    ]
    assert all(o is READ for o, _ in wire.sent) and READ.free


def test_a_search_is_read_ten_times_in_its_first_seconds_then_ever_slower_for_a_day() -> None:
    waits = operation("single").poll
    assert waits is not None
    assert [waits.wait_s(n) for n in range(10)] == [0.0] + [2.0] * 9
    assert [waits.wait_s(n) for n in range(10, 15)] == [30.0, 60.0, 120.0, 240.0, 300.0]
    assert (waits.wait_s(500), waits.deadline_s) == (300.0, 86_400.0)


def test_the_table_says_what_a_search_costs_and_that_a_lost_answer_is_lost() -> None:
    for op in Connector.operations:
        assert [(p.kind, p.amount, p.on) for p in op.prices] == [("credit", Decimal(50), On.LAUNCH)]
        assert (op.mode, op.replay, op.accepts) == (Mode.JOB, Replay.OPAQUE, {KeyKind.EMAIL})
        assert op.identifies and op.callback
    assert [o.name for o in Connector.operations if o.backfill_only] == ["bulk"]
    assert operation("bulk").batch == 5000
    assert {o.max_charge["credit"] for o in connector(price=30).operations} == {Decimal(30)}
    assert [o.name for o in connector(bulk="never").operations] == ["single"]


def test_a_bulk_search_sends_each_address_once_and_carries_the_whole_charge_once() -> None:
    made = connector()
    wire = ScriptedWire(made, launch(credits_used=100, number_of_searches=2))
    outcomes = made.submit(wire, operation("bulk"), [email(a) for a in (ASKED, OTHER, ASKED)])
    ((_, request),) = wire.sent
    assert (request.path, request.json) == ("/reverse-contact/bulk", {"emails": [ASKED, OTHER]})
    assert request.callback_key == "settings.webhook"
    assert outcomes == [Pending(ID, charge=reported(100)), *[Pending(ID, charge=Charge.none())] * 2]


def test_a_bulk_search_that_reports_nothing_is_charged_per_distinct_address() -> None:
    outcomes = ask("bulk", {"id": ID}, ASKED, OTHER, ASKED)
    charges = [o.charge for o in outcomes if isinstance(o, Pending)]
    assert charges == [Charge.of(credit=100), Charge.none(), Charge.none()]


def test_bulk_rows_are_matched_by_address_in_any_order_and_case() -> None:
    body = bulk(row(OTHER, "not_found"), row(ASKED.upper()))
    hit, miss, again = poll("bulk", body, ASKED, OTHER, ASKED)
    assert flat(found(hit)) == {
        Field.FULL_NAME: "Jorun Vale",
        Field.HEADLINE: "Harbour Pilot at Fairlead",
        Field.LOCATION: "Bergen, Norway",
        Field.COMPANY_NAME: "Fairlead",
        Field.LINKEDIN_URL: URL,
    }
    assert {v.field for v in found(hit).values} == set(operation("bulk").returns)
    assert found(hit).identity.emails == (ASKED,)
    assert (miss, again) == (NotFound(Charge.none()), hit)


def test_a_bulk_search_under_way_gives_what_it_has_and_keeps_the_rest_pending() -> None:
    body = bulk(row(ASKED), row(OTHER, "ongoing"), status="ongoing", number_requested=3, number_finished=1)
    kinds = [type(o) for o in poll("bulk", body, ASKED, OTHER, "third@mail.example.org")]
    assert kinds == [Found, Pending, Pending]


@pytest.mark.parametrize(
    "body",
    [
        bulk(row(OTHER, "ongoing")),
        bulk(row(OTHER, "ongoing"), status="failed"),
        bulk(row(OTHER, "ongoing"), status="ongoing", number_requested=1, number_finished=1),
    ],
)
def test_what_an_ended_bulk_search_leaves_open_is_unresolved(body: dict[str, Any]) -> None:
    for outcome in poll("bulk", body, ASKED, OTHER):
        assert isinstance(outcome, Unresolved)
        assert outcome.charge == Charge.none()


def test_a_failed_bulk_search_keeps_what_it_found() -> None:
    hit, miss = poll("bulk", bulk(row(ASKED), row(OTHER, "not_found"), status="failed"), ASKED, OTHER)
    assert isinstance(hit, Found) and isinstance(miss, NotFound)


def test_a_row_that_cannot_be_read_ends_its_own_lookup_only() -> None:
    body = bulk(row(ASKED, "maybe"), row(OTHER, linkedin_url=None, full_name=None), row("c@d.example.org"))
    odd, blank, good = poll("bulk", body, ASKED, OTHER, "c@d.example.org")
    assert isinstance(odd, Unresolved) and isinstance(blank, Unresolved) and isinstance(good, Found)


@pytest.mark.parametrize(
    "body",
    [
        bulk(status="paused"),
        bulk() | {"results": None},
        bulk() | {"results": {}},
        bulk() | {"results": ["x"]},
        {"id": ID},
        [],
        b"x",
    ],
)
def test_a_reshaped_bulk_search_is_not_understood(body: object) -> None:
    assert failure_of(lambda: poll("bulk", body)).kind is FailureKind.CONTRACT


def test_too_many_addresses_and_other_keys_are_never_sent() -> None:
    made = connector()
    wire = ScriptedWire(made, launch())
    with pytest.raises(ValueError, match="single takes 1"):
        made.submit(wire, operation("single"), [email(ASKED), email(OTHER)])
    with pytest.raises(ValueError, match="does not accept"):
        made.submit(wire, operation("single"), [named(full_name="Jorun Vale", company="Fairlead")])
    assert made.submit(wire, operation("bulk"), []) == []
    assert wire.sent == []


def test_texts_hold_neither_the_key_nor_anybody() -> None:
    made = connector()
    wire = ScriptedWire(made, launch())
    outcomes = made.submit(wire, operation("single"), [email(ASKED)])
    (hit,) = poll("single", search())
    assert made.headers()["x-api-key"] == "rl_live_canary0001"
    texts = f"{made!r} {made.__dict__!r} {wire.sent[0][0]!r} {outcomes!r} {hit!r}"
    assert not any(secret in texts for secret in ("canary0001", ASKED, "Vale", "vale-demo"))


def test_every_option_is_described_and_nonsense_refused() -> None:
    assert all(info.description for info in ConnectorOptions.model_fields.values())
    wrong: dict[str, Any]
    for wrong in ({"price": 0}, {"account_path": "account"}, {"account_path": "/a{b}"}, {"bulk": "always"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            connector(**wrong)


def test_the_core_finds_the_connector_by_name() -> None:
    assert load("provider", "reverselooker") is Connector
    assert Connector.name == "reverselooker"
