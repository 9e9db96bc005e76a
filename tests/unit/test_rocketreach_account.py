"""The account: which interface and pool it uses, what is left, and what is sent before that is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from connectors.rocketreach import Connector
from connectors.rocketreach.account import UNLIMITED
from syncd.connector import Failure, FailureKind, Limit
from syncd.model import Balance, Found, Plan, Refused
from tests.unit.rocketreach_support import (
    ScriptedWire,
    answer,
    connector,
    failure_of,
    linkedin,
    operation,
    profile,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)
OTHER_FAMILY = answer({"detail": "This key has no Universal Credits allocation."}, 403)
CANARY = "rr-canary-0003"


def pool(name: str, allocated: object, used: object, remaining: object) -> dict[str, object]:
    return {"credit_type": name, "allocated": allocated, "used": used, "remaining": remaining}


def standard(*pools: Mapping[str, object], **said: object) -> dict[str, Any]:
    """An account with typed pools."""
    return {
        "id": 5501,
        "first_name": "Rowan",
        "last_name": "Canary",
        "email": "canary@secret.example",
        "state": "registered",
        "api_key": CANARY,
        "credit_usage": list(pools),
        "rate_limits": [
            {"action": "person_lookup", "duration": "minute", "limit": 50, "used": 1, "remaining": 49}
        ],
        **said,
    }


def universal(**usage: object) -> dict[str, Any]:
    """An account with universal credits."""
    figures = {"credits_allocated": 900, "credits_used": 640, "credits_remaining": 260, "last_synced": None}
    return {
        "id": 5502,
        "state": "registered",
        "plan": {"id": 4, "name": "Universal", "lookup_limit": 0, "export_limit": 0},
        "api_key": CANARY,
        "api_key_domain": None,
        "daily_api_num_calls": 7,
        "daily_api_limit": "1000",
        "credit_usage": figures | usage,
        "credit_usage_by_action": [{"credit_action": "PhoneEnrichment", "credits_used": 12}],
        "rate_limits": [],
    }


PREMIUM = pool("premium_lookup", 3000, 2900, 100)
STANDARD = pool("standard_lookup", 1000, 990, 10)
NO_STANDARD, NO_PREMIUM = pool("standard_lookup", 0, 0, 0), pool("premium_lookup", 0, 0, 0)


def balance(made: Connector, *answers: object) -> Balance:
    return made.balance(ScriptedWire(made, *answers), NOW)


def left(found: Balance, kind: str = "lookup") -> Decimal | None:
    return found.pools[kind].remaining


def offered(made: Connector) -> set[str]:
    return {o.name for o in made.operations}


def auto(**options: Any) -> Connector:
    return connector(**{"family": "auto", "lookup_type": "auto"} | options)


# figures


def test_the_pool_of_the_configured_lookup_type_is_the_kind_lookup() -> None:
    body = standard(STANDARD, PREMIUM)
    assert left(balance(connector(lookup_type="standard"), body)) == 10
    found = balance(connector(lookup_type="premium"), body)
    assert (left(found), found.pools["lookup"].used) == (100, 2900)
    assert found.pools["lookup"].plan is Plan.PREPAID
    assert not found.disabled and found.period is None


def test_the_other_pools_have_their_own_names() -> None:
    pools = [
        pool("phone_lookup", 50, 8, 42),
        pool("person_enrich", 10, 10, 0),
        pool("company_export", 5, 1, 4),
    ]
    found = balance(connector(), standard(PREMIUM, *pools))
    assert {kind: p.remaining for kind, p in found.pools.items()} == {
        "lookup": 100,
        "phone_lookup": 42,
        "person_enrich": 0,
        "company_export": 4,
    }
    assert set(found.pools) == set(Connector.credits)


def test_universal_credits_are_the_kind_lookup_and_there_are_no_others() -> None:
    found = balance(connector(family="universal"), universal())
    assert (left(found), found.pools["lookup"].used) == (260, 640)
    assert [left(found, kind) for kind in Connector.credits[1:]] == [None, None, None]


@pytest.mark.parametrize(
    ("allocated", "used", "remaining", "expected"),
    [
        (3000, 2900, 100, 100),
        ("3000", "2900", "100", 100),
        ([3000], [2900], [100], 100),
        (3000, 2900, None, 100),
        (3000, 3000, 0, 0),
        (0, 0, 0, 0),
        ("inf", 2900, "inf", UNLIMITED - 2900),
        ("inf", None, "inf", UNLIMITED),
        ("inf", 5, None, UNLIMITED - 5),
        (3000, None, None, None),
        (3000, None, "many", None),
        (3000, None, True, None),
        (3000, None, "nan", None),
    ],
)
def test_figures_are_numbers_text_or_infinite_and_what_is_not_said_is_unknown(
    allocated: object, used: object, remaining: object, expected: Decimal | int | None
) -> None:
    assert (
        left(balance(connector(), standard(pool("premium_lookup", allocated, used, remaining)))) == expected
    )


def test_an_infinite_pool_falls_by_what_is_used_so_that_nothing_looks_lost() -> None:
    before = balance(connector(), standard(pool("premium_lookup", "inf", 10, "inf")))
    after = balance(connector(), standard(pool("premium_lookup", "inf", 14, "inf")))
    first, second = left(before), left(after)
    assert first is not None and second is not None and first - second == 4
    assert int(first * 1_000_000) < 2**63


@pytest.mark.parametrize(
    ("exports", "expected"),
    [
        (pool("person_export", 3000, 2960, 40), 40),
        (pool("person_export", 3000, 500, 2500), 100),
        (pool("person_export", "inf", 2900, "inf"), 100),
        (pool("person_export", 0, 0, 0), 100),
        (pool("person_export", 3000, None, None), 100),
    ],
)
def test_look_ups_end_with_the_exports_that_the_plan_couples_to_them(exports: Any, expected: int) -> None:
    assert left(balance(connector(), standard(PREMIUM, exports))) == expected


def test_a_pool_that_is_not_told_is_unknown() -> None:
    assert left(balance(connector(), standard(STANDARD))) is None
    assert left(balance(connector(), standard())) is None


def test_an_older_account_tells_one_balance() -> None:
    old = {"id": 1, "state": "registered", "lookup_credit_balance": 77}
    assert left(balance(connector(lookup_type="standard"), old)) == 77
    assert left(balance(auto(family="standard"), old)) is None
    current = standard(PREMIUM, lookup_credit_balance=77)
    assert left(balance(connector(), current)) == 100


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        [],
        {},
        {"id": 1},
        {"credit_usage": {}},
        {"credit_usage": "inf"},
        {"credit_usage": [42]},
    ],
)
def test_an_account_in_another_form_is_not_understood(body: object) -> None:
    made = connector()
    assert failure_of(lambda: balance(made, body)).kind is FailureKind.CONTRACT


def test_one_pool_alone_may_come_without_a_list() -> None:
    assert left(balance(connector(), standard(credit_usage=PREMIUM))) == 100


# families and tariffs


def test_auto_asks_the_universal_interface_first_and_the_other_after_a_403() -> None:
    made = auto()
    wire = ScriptedWire(made, OTHER_FAMILY, standard(PREMIUM), standard(PREMIUM))
    assert left(made.balance(wire, NOW)) == 100
    assert wire.paths == ["/universal/account/", "/account/"]
    made.balance(wire, NOW)
    assert wire.paths[2:] == ["/account/"]


def test_auto_stays_with_the_universal_interface_where_it_answers() -> None:
    made = auto()
    wire = ScriptedWire(made, universal())
    assert left(made.balance(wire, NOW)) == 260
    assert made.check(wire).label == "Universal"
    assert wire.paths == ["/universal/account/"] * 2


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (answer({"detail": "Invalid API key"}, 401), FailureKind.AUTH),
        (answer(b"", 500), FailureKind.UNAVAILABLE),
        (answer({"detail": "slow"}, 429), FailureKind.RATE_LIMITED),
    ],
)
def test_only_a_refused_interface_makes_auto_ask_the_other(refusal: object, kind: FailureKind) -> None:
    made = auto()
    wire = ScriptedWire(made, refusal, standard(PREMIUM))
    assert failure_of(lambda: made.balance(wire, NOW)).kind is kind
    assert wire.paths == ["/universal/account/"]


@pytest.mark.parametrize(
    ("pools", "name"),
    [
        ([NO_STANDARD, PREMIUM], "lookup_premium"),
        ([STANDARD, NO_PREMIUM], "lookup_standard"),
        ([STANDARD, PREMIUM], "lookup_premium"),
        ([STANDARD], "lookup_standard"),
        ([STANDARD, pool("premium_lookup", 100, 100, 0)], "lookup_premium"),
    ],
)
def test_auto_spends_the_pool_that_the_account_was_given(pools: list[dict[str, object]], name: str) -> None:
    made = auto()
    found = balance(made, OTHER_FAMILY, standard(*pools))
    assert offered(made) & {"lookup_standard", "lookup_premium"} == {name}
    assert not [n for n in offered(made) if n.startswith("universal")]
    wanted = "premium_lookup" if name == "lookup_premium" else "standard_lookup"
    assert left(found) == next(p["remaining"] for p in pools if p["credit_type"] == wanted)


def test_no_credits_in_either_pool_are_none_left() -> None:
    assert left(balance(auto(), OTHER_FAMILY, standard(NO_STANDARD, NO_PREMIUM))) == 0


@pytest.mark.parametrize(
    "pools",
    [
        [pool("premium_lookup", None, None, None)],
        [pool("premium_lookup", None, 7, None), pool("standard_lookup", None, None, None)],
        [NO_STANDARD, pool("premium_lookup", None, None, None)],
    ],
)
def test_look_ups_without_any_figure_are_unknown_and_not_none_left(pools: list[dict[str, object]]) -> None:
    assert left(balance(auto(), OTHER_FAMILY, standard(*pools))) is None


def test_a_pool_without_any_figure_does_not_end_what_is_offered() -> None:
    made = connector()
    balance(made, standard(PREMIUM, pool("phone_lookup", None, None, None), pool("person_enrich", 0, 0, 0)))
    assert offered(made) == {"lookup_premium", "phone", "search"}


def test_operations_of_pools_that_the_plan_has_not_are_not_offered() -> None:
    made = connector()
    assert {"phone", "profile", "company"} <= offered(made)
    balance(made, standard(PREMIUM, pool("phone_lookup", 9, 0, 9), pool("person_enrich", 0, 0, 0)))
    assert offered(made) == {"lookup_premium", "phone", "search"}
    balance(made, standard(PREMIUM, pool("company_export", "inf", 0, "inf")))
    assert offered(made) == {"lookup_premium", "company", "search"}


def test_a_universal_account_is_offered_nothing_else() -> None:
    made = auto()
    balance(made, universal())
    assert offered(made) and all(n.startswith("universal") for n in offered(made))


@pytest.mark.parametrize("name", ["lookup_standard", "lookup_premium", "universal_work"])
def test_before_the_tariff_is_known_nothing_is_sent(name: str) -> None:
    made = auto()
    wire = ScriptedWire(made, profile())
    failure = failure_of(lambda: made.submit(wire, operation(name), [linkedin()]))
    assert (failure.kind, failure.charged) == (FailureKind.UNAVAILABLE, False)
    assert not wire.sent


def test_once_the_tariff_is_known_only_its_operations_are_sent() -> None:
    made = auto()
    balance(made, OTHER_FAMILY, standard(PREMIUM))
    wire = ScriptedWire(made, profile())
    for name in ("lookup_standard", "universal_work"):
        (outcome,) = made.submit(wire, operation(name), [linkedin()])
        assert isinstance(outcome, Refused) and not outcome.charge.amounts
    assert not wire.sent
    (outcome,) = made.submit(wire, operation("lookup_premium"), [linkedin()])
    assert isinstance(outcome, Found)


def test_reading_the_account_for_a_check_tells_the_tariff_too() -> None:
    made = auto()
    made.check(ScriptedWire(made, universal()))
    (outcome,) = made.submit(ScriptedWire(made, profile()), operation("universal_work"), [linkedin()])
    assert isinstance(outcome, Found)


def test_a_configured_tariff_needs_no_reading() -> None:
    for options, name in (
        ({"family": "standard", "lookup_type": "standard"}, "lookup_standard"),
        ({"family": "universal"}, "universal_work"),
    ):
        made = connector(**options)
        (outcome,) = made.submit(ScriptedWire(made, profile()), operation(name), [linkedin()])
        assert isinstance(outcome, Found)


def test_a_tariff_that_changes_is_followed() -> None:
    made = auto()
    balance(made, OTHER_FAMILY, standard(STANDARD, NO_PREMIUM))
    balance(made, standard(STANDARD, PREMIUM))
    assert "lookup_premium" in offered(made) and "lookup_standard" not in offered(made)
    balance(made, answer({"detail": "no access"}, 403), universal())
    assert "universal_work" in offered(made)


def test_an_account_of_the_family_that_is_not_configured_stops() -> None:
    made = connector(family="standard")
    assert failure_of(lambda: balance(made, universal())).kind is FailureKind.CONFIG
    other = connector(family="universal")
    assert failure_of(lambda: balance(other, OTHER_FAMILY)).kind is FailureKind.CONFIG


def test_options_decide_what_is_offered_at_all() -> None:
    assert "search" in offered(connector()) and "company" in offered(connector())
    plain = connector(searches="never", companies=False)
    assert offered(plain) == {"lookup_premium", "phone", "profile"}
    assert not offered(auto()) & {"search", "universal_search"}
    assert {o.callback for o in plain.operations} == {False}
    assert all(o.callback for o in connector(searches="never", companies=False, webhook_id=3).operations)


@pytest.mark.parametrize(
    ("plan", "lookups", "searches"),
    [("essentials", 15, 15), ("pro", 50, 30), ("ultimate", 100, 60), ("custom", 250, 100)],
)
def test_limits_are_those_of_the_plan_and_together_below_ten_a_second(
    plan: str, lookups: int, searches: int
) -> None:
    limits = {limit.bucket: limit for limit in connector(plan=plan).limits}
    assert limits["lookup"] == Limit("lookup", lookups, 60.0)
    assert limits["search"] == Limit("search", searches, 60.0)
    assert sum(limit.count / limit.per_s for limit in limits.values()) < 10
    assert {o.bucket for o in Connector.operations} == set(limits)


def test_without_a_plan_the_lowest_limits_hold_and_the_class_tells_the_highest() -> None:
    assert next(limit.count for limit in connector().limits if limit.bucket == "lookup") == 15
    assert next(limit.count for limit in Connector.limits if limit.bucket == "lookup") == 250


# whose account


def test_the_account_is_known_by_its_number_and_what_look_ups_spend_is_told() -> None:
    made = connector()
    account = made.check(ScriptedWire(made, standard(PREMIUM)))
    assert (account.id, account.label, account.environment) == ("5501", "standard", "")
    assert account.notes == ("Look-ups spend premium_lookup.",)
    short = made.check(ScriptedWire(made, standard(PREMIUM, pool("person_export", 10, 9, 1))))
    assert len(short.notes) == 2 and "exports" in short.notes[1]


def test_the_public_test_key_is_told_apart() -> None:
    made = connector()
    account = made.check(ScriptedWire(made, standard(PREMIUM, state="test_user")))
    assert account.environment == "sandbox" and "samples" in account.notes[-1]


def test_neither_key_nor_person_of_the_account_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETREACH_TEST_TOKEN", CANARY)
    for made, body in ((connector(), standard(PREMIUM)), (connector(family="universal"), universal())):
        wire = ScriptedWire(made, body)
        kept = f"{made.check(wire)!r} {made.balance(wire, NOW)!r} {vars(made)!r}"
        assert "canary" not in kept.lower()


def test_a_refused_key_is_told_as_such() -> None:
    made = connector()
    failure = failure_of(lambda: made.check(ScriptedWire(made, answer({"detail": "Invalid API key"}, 401))))
    assert isinstance(failure, Failure) and failure.kind is FailureKind.AUTH
