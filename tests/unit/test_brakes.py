"""A run stops before it does damage that a person would have stopped."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.brakes import Watch
from syncd.decide import Change
from syncd.model import Brakes, Field, Quality
from tests.unit.judging_support import modest

TITLE, MOBILE = Field.JOB_TITLE, Field.MOBILE_PHONE


def change(field=TITLE, before="", after="CTO", to=None):
    """One property to be written."""
    return Change(field, to or field.value, before, after, "alpha", "person", 1, Quality.LIKELY, "because")


def replaced(count, field=TITLE):
    """So many replacements, each with a value of its own."""
    return [change(field, "before", f"after {i}") for i in range(count)]


def filled(count, field=TITLE):
    """So many blanks filled."""
    return [change(field, "", f"after {i}") for i in range(count)]


def watch(ignored=(), **limits):
    """The watch of one run."""
    return Watch(Brakes(**limits), frozenset(ignored))


def having(count, field=TITLE):
    """How many of the contacts had a value before."""
    return Counter({field: count})


# The same value for many.


def test_as_many_contacts_may_get_the_same_number_as_the_limit_says_and_no_more():
    seen = watch(same_value=5)
    assert seen.weigh(having(0), [change(MOBILE, after="+441")] * 5) == ""
    assert seen.weigh(having(0), [change(MOBILE, after="+442")]) == ""
    assert (
        seen.weigh(having(0), [change(MOBILE, after="+441")])
        == "same_value: 6 contacts would get the same mobile_phone"
    )


def test_a_limit_of_one_lets_every_contact_have_a_number_of_its_own():
    seen = watch(same_value=1)
    assert seen.weigh(having(0), [change(MOBILE, after=f"+44{i}") for i in range(60)]) == ""
    assert seen.weigh(having(0), [change(MOBILE, after="+441")]).startswith("same_value: 2")


@pytest.mark.parametrize(
    "field", [Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE, Field.DIRECT_PHONE, Field.LINKEDIN_URL]
)
def test_addresses_numbers_and_profiles_belong_to_one_person(field):
    assert watch(same_value=2).weigh(having(0), [change(field, after="x")] * 3).startswith("same_value")


@pytest.mark.parametrize("field", [TITLE, Field.COMPANY_NAME, Field.COUNTRY])
def test_titles_and_companies_are_shared_by_many(field):
    assert watch(same_value=2).weigh(having(0), [change(field, after="x")] * 40) == ""


def test_the_same_text_in_two_properties_is_no_repetition():
    seen = watch(same_value=2)
    batch = [change(MOBILE, after="+441", to=to) for to in ("mobilephone", "phone", "other")]
    assert seen.weigh(having(0), batch) == ""


# Much of a field replaced.


def test_the_share_is_of_present_values_and_not_of_all_contacts():
    """Of a hundred contacts sixty have a title: replacing twenty is a third of what there was."""
    seen = watch(changed_share=0.3)
    assert (
        seen.weigh(having(60), replaced(20) + filled(40))
        == "changed_share: 33% of the present values of job_title would change"
    )


def test_filling_blanks_changes_nothing_that_was_there():
    assert watch(changed_share=0.01).weigh(having(100), filled(500)) == ""


def test_the_limit_itself_is_allowed_and_more_is_not():
    assert watch(changed_share=0.3).weigh(having(100), replaced(30)) == ""
    assert watch(changed_share=0.3).weigh(having(100), replaced(31)).startswith("changed_share")


def test_a_share_of_a_few_means_nothing_yet():
    seen = watch(changed_share=0.3)
    assert seen.weigh(having(49), replaced(49)) == ""
    assert seen.weigh(having(1), []).startswith("changed_share")


def test_batches_add_up_and_fields_do_not():
    seen = watch(changed_share=0.3)
    for _ in range(4):
        assert seen.weigh(Counter({TITLE: 25, MOBILE: 25}), replaced(7) + replaced(7, MOBILE)) == ""
    assert seen.weigh(having(1), replaced(3)).startswith("changed_share: 31%")


def test_a_brake_can_be_overridden_and_the_others_hold():
    assert watch(["changed_share"], changed_share=0.1).weigh(having(60), replaced(60)) == ""
    assert (
        watch(["changed_share"], same_value=1)
        .weigh(having(60), [change(MOBILE, after="+1")] * 2)
        .startswith("same_value")
    )
    assert watch(["same_value"], same_value=1).weigh(having(0), [change(MOBILE, after="+1")] * 9) == ""


# The canary.


def test_the_first_writes_are_read_back_until_enough_were():
    seen = watch(canary=25)
    assert seen.canary_left() == 25
    seen.verified = 24
    assert seen.canary_left() == 1
    seen.verified = 25
    assert seen.canary_left() is None


def test_without_a_canary_nothing_is_held_back():
    assert watch(canary=0).canary_left() is None
    assert watch(["canary"], canary=25).canary_left() is None


@modest
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8), st.floats(0, 1))
def test_a_run_is_never_let_beyond_its_share(batches, limit):
    seen, present, changed = watch(changed_share=limit, same_value=10**6), 0, 0
    for there, extra in batches:
        count = min(there, extra)
        present, changed = present + there, changed + count
        tripped = bool(seen.weigh(having(there), replaced(count)))
        assert tripped == (present >= 50 and changed / present > limit)
