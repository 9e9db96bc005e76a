"""What Waterfall.io charges, in USD: as it states, or else by the account's prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.waterfall_io import Connector
from syncd.connector import On, Replay
from syncd.model import Basis, Field, KeyKind, NotFound
from tests.unit.scripted_wire import charge_of
from tests.unit.waterfall_io_support import (
    DESK,
    MOBILE,
    ask,
    company,
    connector,
    ended,
    operation,
    person,
    poll,
    usage,
)

BARE = {"first_name": "Ilse", "last_name": "Marrow", "mobile_phone": None, "phone_numbers": []}
TWO = {"mobile_phone": MOBILE, "phone_numbers": [MOBILE, DESK]}
PRICES = {
    "contact_usd": "0.07",
    "phone_usd": "0.31",
    "company_usd": "0.02",
    "verify_usd": "0.004",
    "job_change_usd": "0.03",
}
RULES: list[tuple[str, dict[str, Any], str]] = [
    # a contact returned, with or without an address; numbers only where they were asked for
    ("contact", {"person": person()}, "0.07"),
    ("contact", {"person": person(professional_email=None)}, "0.07"),
    ("contact", {"person": person(**TWO)}, "0.07"),
    ("contact", {"person": None}, "0"),
    ("contact_phones", {"person": person()}, "0.07"),
    ("contact_phones", {"person": person(mobile_phone=MOBILE)}, "0.38"),
    ("contact_phones", {"person": person(**TWO)}, "0.69"),
    ("contact_phones", {"person": {}}, "0"),
    # numbers one by one, whoever they belong to
    ("phone", {"person": person(**TWO)}, "0.62"),
    ("phone", {"person": person(phone_numbers=[DESK])}, "0.31"),
    ("phone", {"person": BARE}, "0"),
    ("phone", {}, "0"),
    ("company", {"company": company()}, "0.02"),
    ("company", {"company": {}}, "0"),
]


@pytest.mark.parametrize(("name", "output", "usd"), RULES)
def test_without_a_statement_an_answer_is_charged_by_the_accounts_prices(
    name: str, output: dict[str, Any], usd: str
) -> None:
    charge = charge_of(poll(name, ended(**output), **PRICES))
    assert charge.amounts.get("usd", Decimal(0)) == Decimal(usd)
    assert charge.basis is Basis.BY_RULE


@pytest.mark.parametrize(("name", "output", "_"), RULES)
@pytest.mark.parametrize("total", [0.123, "0.123", 0.1 + 0.023, 0, 0.0])
def test_what_the_answer_states_is_what_it_cost(
    name: str, output: dict[str, Any], _: str, total: Any
) -> None:
    charge = charge_of(poll(name, ended(**output, usage=usage(total, persons_count=9)), **PRICES))
    assert charge.amounts == ({"usd": Decimal("0.123")} if float(total) else {})
    assert charge.basis is Basis.REPORTED


@pytest.mark.parametrize("odd", [None, "", "free", True, -1, "NaN", "Infinity", [], {}, 1e300])
def test_a_statement_that_is_no_amount_is_none(odd: object) -> None:
    charge = charge_of(poll("contact", ended(person=person(), usage={"total_usd": odd}), **PRICES))
    assert (charge.amounts, charge.basis) == ({"usd": Decimal("0.07")}, Basis.BY_RULE)


@pytest.mark.parametrize("said", [None, [], "x", 3])
def test_a_usage_of_another_form_is_none(said: object) -> None:
    assert charge_of(poll("contact", ended(person=person(), usage=said))).amounts == {"usd": Decimal("0.10")}


def test_the_vendors_own_counts_come_before_ours() -> None:
    counts = {"persons_count": 1, "phones_count": 1, "companies_count": 0}
    charge = charge_of(poll("contact_phones", ended(person=person(**TWO), usage=counts), **PRICES))
    assert charge.amounts == {"usd": Decimal("0.38")}


@pytest.mark.parametrize("verdict", ["valid", "invalid", "risky", "unknown"])
def test_every_verdict_costs(verdict: str) -> None:
    body = {"output": {"email": {"email_status": verdict}}}
    assert charge_of(ask("verify", body, **PRICES)).amounts == {"usd": Decimal("0.004")}
    stated = {"output": {"email": {"email_status": verdict}, "usage": usage(0.02)}}
    assert charge_of(ask("verify", stated, **PRICES)).amounts == {"usd": Decimal("0.02")}


def test_a_job_change_check_costs_whatever_it_finds() -> None:
    miss = ask("job_change", {"output": {"job_change_status": "unknown", "person": {}}}, **PRICES)
    assert isinstance(miss, NotFound)
    assert charge_of(miss).amounts == {"usd": Decimal("0.03")}


def test_no_answer_of_as_many_numbers_as_declared_costs_more_than_was_declared() -> None:
    for name, output, _ in RULES:
        op = next(o for o in connector(**PRICES).operations if o.name == name)
        charge = charge_of(poll(name, ended(**output), **PRICES))
        assert charge.amounts.get("usd", Decimal(0)) <= op.max_charge["usd"]


def test_what_is_set_aside_follows_the_prices_and_the_numbers_expected() -> None:
    rows = {o.name: o.max_charge["usd"] for o in connector(**PRICES, max_numbers=4).operations}
    assert rows == {
        "contact": Decimal("0.07"),
        "contact_phones": Decimal("1.31"),
        "phone": Decimal("1.24"),
        "company": Decimal("0.02"),
        "verify": Decimal("0.004"),
        "job_change": Decimal("0.03"),
    }


def test_the_defaults_are_the_documented_samples() -> None:
    rows = {o.name: o.max_charge["usd"] for o in Connector.operations}
    assert rows == {o.name: o.max_charge["usd"] for o in connector().operations}
    samples = (rows["contact"], rows["verify"], rows["job_change"], rows["phone"])
    assert samples == (Decimal("0.10"), Decimal("0.01"), Decimal("0.05"), Decimal("1.50"))


def test_prices_fall_due_as_the_vendor_says() -> None:
    due = {o.name: [(p.on, p.fields) for p in o.prices] for o in Connector.operations}
    numbers = (On.FIELDS, frozenset({Field.MOBILE_PHONE, Field.PHONE}))
    match, launch = (On.MATCH, frozenset()), (On.LAUNCH, frozenset())
    assert due == {
        "contact": [match],
        "contact_phones": [match, numbers],
        "phone": [numbers],
        "company": [match],
        "verify": [launch],
        "job_change": [launch],
    }


def test_a_lost_answer_is_told_by_the_balance_unless_that_is_a_debt() -> None:
    assert {o.replay for o in connector().operations} == {Replay.METERED}
    assert {o.replay for o in connector(balance_semantics="payg").operations} == {Replay.OPAQUE}


def test_only_the_contact_look_ups_name_the_person() -> None:
    assert {o.name for o in Connector.operations if o.identifies} == {
        "contact",
        "contact_phones",
        "job_change",
    }
    assert operation("verify").verifies == {Field.WORK_EMAIL, Field.PERSONAL_EMAIL}
    assert operation("verify").accepts == {KeyKind.FOUND_EMAIL}


@pytest.mark.parametrize("wrong", ["0", "-1", "x", None])
def test_a_price_of_nothing_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="contact_usd"):
        connector(contact_usd=wrong)
