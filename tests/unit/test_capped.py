"""Charges beyond a cap are counted from the vendor's own list."""

from datetime import UTC, datetime

import pytest

from syncd.capped import above_caps
from syncd.config import Budget

NIGHT = datetime(2026, 3, 31, 23, 59, tzinfo=UTC).timestamp()
MINUTE = 60.0


def charges(*amounts, kind="email", start=NIGHT, apart=1.0):
    """One charge after the other."""
    return [{"kind": kind, "amount": str(n), "at": start + i * apart} for i, n in enumerate(amounts)]


@pytest.mark.parametrize(
    ("cap", "amounts", "above"),
    [
        (3, [1, 1, 1], 0),
        (3, [1, 1, 1, 1], 1),
        (0.5, ["0.2", "0.3"], 0),
        (0.5, ["0.2", "0.31"], 1),
        (0, [0, 0], 0),
    ],
)
def test_what_goes_beyond_a_cap_is_counted_and_what_fills_it_is_not(cap, amounts, above):
    assert above_caps(charges(*amounts), {"email": Budget(per_day=cap)}) == above


def test_each_day_has_its_own_cap_and_the_month_one_for_all_of_its_days():
    over_midnight = charges(2, 2, apart=MINUTE)
    assert above_caps(over_midnight, {"email": Budget(per_day=2)}) == 0
    assert above_caps(over_midnight, {"email": Budget(per_month=2)}) == 0
    assert above_caps(charges(2, 2, start=NIGHT - MINUTE), {"email": Budget(per_month=3)}) == 1


def test_a_kind_without_a_budget_may_not_be_charged_at_all():
    assert above_caps(charges(1, kind="phone"), {"email": Budget(per_day=9)}) == 1


def test_the_order_is_that_of_the_times_and_not_of_the_list():
    late, early = charges(5, start=NIGHT + 5)[0], charges(1, 1, start=NIGHT)
    assert above_caps([late, *early], {"email": Budget(per_day=3)}) == 1
