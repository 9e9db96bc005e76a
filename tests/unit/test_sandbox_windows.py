"""The rate windows of the sandboxes, against the plainest possible statement of each policy."""

from __future__ import annotations

import copy
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sandbox.windows import KINDS, Window

# eighths of a second are exact in binary, so that no comparison hangs on rounding
gaps = st.lists(st.integers(0, 60).map(lambda n: n / 8), max_size=60)
counts = st.integers(1, 7)
periods = st.sampled_from([1.0, 2.5, 10.0])


def allowed_by_definition(kind: str, count: int, per_s: float, admitted: list[float], now: float) -> bool:
    """Whether a policy admits a request now, from the whole list of requests it admitted before."""
    exact, per = Fraction(now), Fraction(per_s)
    start = exact - exact % per
    if kind == "sliding":
        return sum(t > exact - per for t in admitted) < count
    if kind == "fixed":
        return sum(t >= start for t in admitted) < count
    if kind == "counter":
        before = sum(start - per <= t < start for t in admitted)
        return before * (1 - (exact - start) / per) + sum(t >= start for t in admitted) < count
    level, at = Fraction(count), Fraction(admitted[0]) if admitted else exact
    for t in map(Fraction, admitted):
        level = min(Fraction(count), level + (t - at) * count / per) - 1
        at = t
    return min(Fraction(count), level + (exact - at) * count / per) >= 1


@pytest.mark.parametrize("kind", KINDS)
@given(count=counts, per_s=periods, gaps=gaps)
def test_a_window_admits_what_its_definition_admits(kind, count, per_s, gaps):
    window, now, admitted = Window(count, per_s, kind), 1000.0, []
    for gap in gaps:
        now += gap
        expected = allowed_by_definition(kind, count, per_s, admitted, now)
        assert (window.admit(now) == 0) is expected
        if expected:
            admitted.append(now)


@pytest.mark.parametrize("kind", KINDS)
@given(count=counts, per_s=periods, gaps=gaps)
def test_the_wait_that_a_window_names_is_enough_and_not_too_long(kind, count, per_s, gaps):
    window, now = Window(count, per_s, kind), 1000.0
    for gap in gaps:
        now += gap
        wait = window.admit(now)
        if wait:
            assert copy.deepcopy(window).admit(now + wait + 1e-5) == 0
            if wait > 1e-3:
                assert copy.deepcopy(window).admit(now + wait - 1e-3) > 0


@pytest.mark.parametrize("kind", KINDS)
@given(count=counts, per_s=periods, gaps=gaps)
def test_what_remains_is_what_would_be_admitted_at_once(kind, count, per_s, gaps):
    window, now = Window(count, per_s, kind), 1000.0
    for gap in gaps:
        now += gap
        window.admit(now)
        remaining, tried = window.remaining(now), copy.deepcopy(window)
        assert [tried.admit(now) == 0 for _ in range(remaining + 1)] == [True] * remaining + [False]


@pytest.mark.parametrize("kind", KINDS)
def test_after_two_idle_periods_a_window_is_as_new(kind):
    window = Window(3, 10, kind)
    assert [window.admit(1009.0) for _ in range(3)] == [0, 0, 0]
    assert [window.admit(1030.0) == 0 for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_a_clock_that_steps_back_does_not_lock_the_window(kind):
    window = Window(2, 10, kind)
    assert [window.admit(5000.0) for _ in range(2)] == [0, 0]
    assert window.admit(5000.0) > 0
    assert window.admit(5000.0 - 3600) == 0


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="fixed, sliding, counter, token"):
        Window(1, 1, "leaky")


def test_a_sliding_window_tells_when_its_oldest_request_leaves():
    window = Window(3, 60)
    assert window.frees_in(1000.0) == 0
    assert [window.admit(now) for now in (1000.0, 1010.0)] == [0, 0]
    assert window.frees_in(1025.0) == 35
    assert window.frees_in(1060.0) == 10
