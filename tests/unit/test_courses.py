"""Imagined answers: by the rates that were measured, where there are any."""

from random import Random

import pytest

from syncd.connector import load
from syncd.courses import Drawn
from syncd.model import Key, KeyKind
from syncd.waterfall import Vendor

OPERATIONS = load("provider", "contactout").operations
PROFILE = Key.single(KeyKind.LINKEDIN_URL, "https://www.linkedin.com/in/somebody")


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_who_is_known_is_drawn_by_the_measured_rate_of_the_operation(rate: float) -> None:
    operation = next(o for o in OPERATIONS if KeyKind.LINKEDIN_URL in o.accepts and not o.free)
    vendor = Vendor("contactout", OPERATIONS, known={(operation.name, KeyKind.LINKEDIN_URL): rate})
    found = [Drawn(Random(n)).answer(vendor, operation, PROFILE).found for n in range(50)]
    assert set(found) == {rate == 1.0}


def test_a_vendor_draws_once_for_a_key() -> None:
    operation = next(o for o in OPERATIONS if KeyKind.LINKEDIN_URL in o.accepts and not o.free)
    drawn = Drawn(Random(3))
    found = [drawn.answer(Vendor("contactout", OPERATIONS), operation, PROFILE).found for _ in range(50)]
    assert len(set(found)) == 1
