"""The cheapest order over a small population; `python -m bench cheapest` weighs ten larger ones."""

from __future__ import annotations

import pytest

from bench.cheapest import measure, paired


@pytest.mark.parametrize("seed", [3])
def test_the_cheapest_order_fills_as_many_fields_as_the_configured_one_for_less_money(seed: int) -> None:
    fixed, cheapest = (measure(policy, seed, 60) for policy in ("fixed", "cheapest"))
    assert cheapest["fields"] >= fixed["fields"] > 60
    assert cheapest["usd"] < fixed["usd"]
    assert paired([cheapest], [fixed])["as_many_fields_for_no_more"] == 1
    assert cheapest["usd_by_our_books"] == cheapest["usd"], "our figures are the stand-ins'"
