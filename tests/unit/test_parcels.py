"""Where calls that came back are waited for."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from syncd.parcels import Quay

LONG_S = 30.0


@pytest.fixture
def quay() -> Quay:
    return Quay()


def flights(count: int) -> list[Any]:
    return [object() for _ in range(count)]


def test_what_landed_is_taken_in_its_order_and_once(quay: Quay) -> None:
    landed = flights(3)
    assert not quay.wait(1, 0.0)
    for flight in landed:
        quay.put(flight)
    assert quay.wait(1, 0.0)
    assert quay.take(2) == landed[:2]
    assert quay.take(2) == landed[2:]
    assert quay.take(2) == []


def test_a_wait_ends_with_the_last_of_those_that_are_waited_for(quay: Quay) -> None:
    before, *others = landed = flights(3)
    quay.put(before)
    begun, found = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        if quay.wait(3, LONG_S) and quay.take(3) == landed:
            found.set()

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait(LONG_S)
    for flight in others:
        quay.put(flight)
    thread.join(LONG_S)
    assert found.is_set()


def test_those_that_are_there_are_told_of_when_the_time_is_over(quay: Quay) -> None:
    quay.put(flights(1)[0])
    assert quay.wait(2, 0.001)
