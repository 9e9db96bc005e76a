"""What a look-up may cost, what it did cost, and what the planner buys because of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from connectors.rocketreach import Connector
from syncd.connector import On, Operation, Replay
from syncd.model import EMAIL_FIELDS, PHONE_FIELDS, Field, Found, KeyKind, NotFound, Quality
from syncd.purchase import Market, Want, cheapest
from tests.unit.rocketreach_support import (
    PERSONAL,
    any_lookup,
    ask,
    bare,
    connector,
    email,
    operation,
    phone,
    profile,
    serving,
    spent,
)

WORST: Mapping[str, dict[str, int]] = {
    "lookup_standard": {"lookup": 1},
    "lookup_premium": {"lookup": 1},
    "phone": {"phone_lookup": 1},
    "profile": {"person_enrich": 1},
    "universal_profile": {"lookup": 1},
    "universal_work": {"lookup": 2},
    "universal_personal": {"lookup": 3},
    "universal_phone": {"lookup": 6},
    "universal_work_personal": {"lookup": 5},
    "universal_work_phone": {"lookup": 8},
    "universal_personal_phone": {"lookup": 9},
    "universal_work_personal_phone": {"lookup": 11},
    "company": {"company_export": 1},
    "universal_company": {"lookup": 1},
    "search": {},
    "universal_search": {"lookup": 1},
}


def cost(name: str, body: object) -> dict[str, int]:
    outcome = ask(name, body)
    assert isinstance(outcome, Found | NotFound)
    return spent(outcome.charge)


def test_the_worst_case_of_every_operation_is_reserved() -> None:
    assert {o.name: {k: int(v) for k, v in o.max_charge.items()} for o in Connector.operations} == WORST


def test_prices_fall_due_on_what_is_found() -> None:
    due = {o.name: {p.on for p in o.prices} for o in Connector.operations}
    assert due.pop("search") == set()
    by_match = {"profile", "universal_profile", "company", "universal_company", "universal_search"}
    assert due == {name: {On.MATCH} if name in by_match else {On.FIELDS} for name in due}


@pytest.mark.parametrize("op", Connector.operations, ids=lambda o: o.name)
def test_an_answer_never_costs_more_than_was_reserved(op: Operation) -> None:
    rich = profile(
        emails=[email(), email(PERSONAL), email("third@x.example", type=None)], phones=[phone()] * 3
    )
    body: object = [rich] if op.name in ("search", "universal_search") else rich
    charged = cost(op.name, body)
    assert all(amount <= WORST[op.name][kind] for kind, amount in charged.items())


@pytest.mark.parametrize("op", Connector.operations, ids=lambda o: o.name)
def test_nothing_costs_anything_where_nobody_is_found(op: Operation) -> None:
    if op.name in ("search", "universal_search"):
        assert cost(op.name, []) == {}
    else:
        made = serving(op)
        assert made.classify(op, _missing()) is None
        assert cost(op.name, _missing()) == {}


def _missing() -> object:
    from tests.unit.rocketreach_support import answer

    return answer({"detail": "Not found."}, 404)


GOOD, LOW = email(), email(grade="B", smtp_valid="accept-all")
NUMBER = phone()


@pytest.mark.parametrize(
    ("name", "emails", "phones", "charged"),
    [
        ("lookup_standard", [GOOD], [], 1),
        ("lookup_standard", [GOOD, email(PERSONAL)], [NUMBER], 1),
        ("lookup_standard", [email(grade="A-", smtp_valid=None)], [], 1),
        ("lookup_standard", [LOW], [NUMBER], 0),
        ("lookup_standard", [LOW, email("x@y.example", grade="F")], [], 0),
        ("lookup_standard", [email(grade=None)], [], 1),
        ("lookup_standard", [email(grade="novel")], [], 1),
        ("lookup_standard", [email("o@elsewhere.example", type=None)], [], 1),
        ("lookup_standard", [], [], 0),
        ("lookup_premium", [GOOD], [NUMBER], 1),
        ("lookup_premium", [], [NUMBER], 1),
        ("lookup_premium", [LOW], [phone(grade="B")], 1),
        ("lookup_premium", [LOW], [], 0),
        ("lookup_premium", [], [], 0),
        ("phone", [GOOD], [], 0),
        ("phone", [], [NUMBER], 1),
        ("phone", [], [phone(type="fax")], 1),
        ("profile", [], [], 1),
        ("universal_profile", [], [], 1),
        ("universal_work", [GOOD], [NUMBER], 2),
        ("universal_work", [LOW], [], 2),
        ("universal_work", [email(PERSONAL)], [], 0),
        ("universal_work", [email(type=None)], [], 2),
        ("universal_personal", [email(PERSONAL)], [], 3),
        ("universal_personal", [GOOD], [], 0),
        ("universal_phone", [GOOD], [NUMBER, phone("+442079460777")], 6),
        ("universal_work_phone", [GOOD], [], 2),
        ("universal_work_phone", [], [NUMBER], 6),
        ("universal_work_personal", [GOOD, email(PERSONAL)], [], 5),
        ("universal_work_personal", [email("o@elsewhere.example", type=None)], [], 5),
        ("universal_work_personal_phone", [GOOD, email(PERSONAL)], [NUMBER], 11),
        ("universal_work_personal_phone", [], [], 0),
    ],
)
def test_what_came_back_is_what_is_charged(
    name: str, emails: list[object], phones: list[object], charged: int
) -> None:
    (kind,) = WORST[name]
    assert cost(name, bare(emails=emails, phones=phones)).get(kind, 0) == charged


def test_a_profile_without_details_costs_no_universal_credit() -> None:
    brief = bare(job_history=[], education="left out", skills=None, links={})
    assert cost("universal_profile", brief) == {}
    assert cost("profile", brief) == {"person_enrich": 1}


def test_what_can_be_returned_is_what_prices_depend_on() -> None:
    for op in Connector.operations:
        bought = {f for p in op.prices if p.on is On.FIELDS for f in p.fields}
        contact = set(op.returns) & (EMAIL_FIELDS | PHONE_FIELDS)
        assert bought == contact or not op.prices, op.name
        assert all(op.returns[f] is Quality.VERIFIED for f in contact)
        assert op.batch == 1


def test_lost_answers_are_settled_by_balance_unless_the_operator_trusts_free_relookups() -> None:
    assert {o.replay for o in connector().operations if o.prices} == {Replay.METERED}
    trusting = {o.name: o for o in connector(free_relookups=True).operations}
    assert trusting["lookup_premium"].replay is Replay.KEYED
    assert trusting["lookup_premium"].free_repeat_s == 28 * 86_400
    assert trusting["company"].replay is Replay.METERED
    assert trusting["search"].replay is Replay.FREE


def buys(made: Connector, *wanted: Field, payable: tuple[str, ...] = ("lookup",)) -> str | None:
    market = Market(made.operations, payable=frozenset(payable))
    wants = frozenset(Want(f, Quality.VERIFIED if f in EMAIL_FIELDS else None) for f in wanted)
    best = cheapest(market, wants, frozenset({KeyKind.LINKEDIN_URL}), frozenset())
    return best[0] if best else None


def test_exactly_what_is_missing_is_bought_with_universal_credits() -> None:
    made = connector(family="universal")
    assert buys(made, Field.WORK_EMAIL) == "universal_work"
    assert buys(made, Field.PERSONAL_EMAIL) == "universal_personal"
    assert buys(made, Field.MOBILE_PHONE) == "universal_phone"
    assert buys(made, Field.WORK_EMAIL, Field.MOBILE_PHONE) == "universal_work_phone"
    assert buys(made, Field.JOB_TITLE) == "universal_profile"
    assert buys(made, Field.WORK_EMAIL, Field.JOB_TITLE) == "universal_work"


def test_a_budget_for_lookup_is_enough_for_addresses_and_phones() -> None:
    assert buys(connector(), Field.WORK_EMAIL, Field.MOBILE_PHONE, Field.JOB_TITLE) == "lookup_premium"
    only_mails = connector(lookup_type="standard")
    assert buys(only_mails, Field.WORK_EMAIL) == "lookup_standard"
    assert buys(only_mails, Field.MOBILE_PHONE) is None
    assert buys(only_mails, Field.MOBILE_PHONE, payable=("lookup", "phone_lookup")) == "phone"


def test_every_operation_takes_some_key_and_tells_who_it_means() -> None:
    for op in Connector.operations:
        assert any_lookup(op)
        assert op.identifies or op.name.endswith("company")
    assert operation("search").accepts == {KeyKind.NAME_DOMAIN}
