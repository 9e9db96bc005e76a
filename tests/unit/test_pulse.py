"""A provider is judged by what it answered before to the same questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.brakes import BEFORE, LATEST, Pulse, emptied


def answers(hits, misses, question="person email"):
    """So many hits and misses, well mixed."""
    total = hits + misses
    return [(question, i * hits // total != (i + 1) * hits // total) for i in range(total)]


def test_hits_that_collapse_trip():
    assert Pulse(0.7, answers(80, 20), answers(5, 45)).why() == (
        "hit_rate: 10% of its latest 50 answers were hits, 80% were usual"
    )


def test_hits_that_jump_trip():
    assert Pulse(0.7, answers(20, 80), answers(49, 1)).why().startswith("hit_rate: 98%")


@pytest.mark.parametrize(("hits", "misses"), [(80, 20), (30, 70), (100, 0), (0, 100)])
def test_answers_as_ever_do_not(hits, misses):
    now = answers(LATEST * hits // 100, LATEST * misses // 100)
    assert Pulse(0.7, answers(hits, misses), now).why() == ""


def test_few_answers_mean_nothing():
    assert Pulse(0.7, answers(80, 20), answers(0, LATEST - 1)).why() == ""
    assert Pulse(0.7, answers(80, 19), answers(0, LATEST)).why() == ""
    assert Pulse(0.7, answers(80, 20), answers(0, LATEST)).why()


def test_answers_to_a_question_that_was_never_put_before_mean_nothing():
    assert Pulse(0.7, answers(80, 20), answers(0, 50, "person name_company")).why() == ""


def test_a_question_that_was_put_a_few_times_tells_little():
    before = answers(60, 60) + answers(0, 3, "profile linkedin_url")
    assert Pulse(0.7, before, answers(49, 1, "profile linkedin_url")).why() == ""
    before += answers(0, 40, "profile linkedin_url")
    assert Pulse(0.7, before, answers(49, 1, "profile linkedin_url")).why()


def test_other_questions_that_find_fewer_are_no_alarm():
    before = answers(95, 5) + answers(10, 90, "person name_company")
    assert Pulse(0.7, before, answers(5, 45, "person name_company")).why() == ""


def test_a_limit_of_one_is_no_brake():
    assert Pulse(1.0, answers(80, 20), answers(0, 50)).why() == ""


def test_what_was_heard_becomes_the_past():
    pulse = Pulse(0.7, answers(100, 0), [])
    for heard in answers(0, 20 * BEFORE):
        pulse.hear(heard)
    assert pulse.why() == ""


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.01, 0.99))
def test_a_crm_looks_emptied_when_more_than_the_share_is_gone_of_enough(gone, known, share):
    assert bool(emptied(gone, known, share)) is (known >= 20 and gone > share * known)
