"""Phone numbers are read in their country or left alone; nothing is guessed and nothing mangled."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncd.model import Field
from syncd.phone import e164, field_of, region_of, same
from tests.unit.judging_support import modest

LONDON = "+442079460911"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        (LONDON, ""),
        ("+44 20 7946 0911", "US"),
        ("0044 (0)20 7946 0911", ""),
        ("020 7946 0911", "GB"),
        ("(020) 7946-0911", "GB"),
        ("\u00a0020\u00a07946\u00a00911 ", "GB"),
        ("+44.2079460911", ""),
        ("+44 20 7946 0911 ext. 12", ""),
    ],
)
def test_a_number_is_the_same_in_every_dress(text, region):
    assert e164(text, region) == LONDON


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("020 7946 0911", ""),
        ("4.42E+11", "GB"),
        ("4,42e+11", "GB"),
        ("442079460911", ""),
        ("1-800-FLOWERS", "US"),
        ("call me", "GB"),
        ("12345", "GB"),
        ("+44 20 7946", ""),
        ("+999 123 456 789", ""),
        ("", "GB"),
        ("ext 12", "GB"),
        ("+44 20 7946 0911 / +44 20 7946 0912", ""),
        ("+44 20 7946 0911 +44 20 7946 0912", ""),
        ("0" * 60, "GB"),
        ("020 7946 0911", "XX"),
    ],
)
def test_what_is_not_one_valid_number_is_none(text, region):
    assert e164(text, region) == ""


def test_the_country_decides_how_a_national_number_is_read():
    assert e164("030 12345678", "DE") == "+493012345678"
    assert e164("(415) 555-2671", "US") == "+14155552671"
    assert e164("(415) 555-2671", "GB") == ""


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+447400123456", Field.MOBILE_PHONE),
        ("+4915123456789", Field.MOBILE_PHONE),
        (LONDON, Field.DIRECT_PHONE),
        ("+493012345678", Field.DIRECT_PHONE),
        ("+14155552671", Field.PHONE),
        ("no number", Field.PHONE),
    ],
)
def test_the_numbering_plan_tells_mobile_from_fixed_where_it_can(number, kind):
    assert field_of(number) is kind


def test_the_same_number_in_another_dress_is_the_same():
    assert same("020 7946 0911", LONDON, "GB")
    assert same("+44 (0) 20 7946-0911", LONDON)
    assert same(LONDON, "+44 20 7946 0911 x12")
    assert not same(LONDON, "+442079460912")
    assert not same("", "", "GB")
    assert not same("n/a", "n/a")


def test_a_national_number_is_compared_in_the_country_of_the_other_where_its_own_is_unknown():
    assert same("020 7946 0911", LONDON)
    assert same(LONDON, "(020) 79460911")
    assert same("(415) 555-2671", "+1 415 555 2671")
    assert not same("020 7946 0912", LONDON)


def test_a_country_is_known_by_code_and_by_name():
    assert [region_of(t) for t in ("GB", "gb", "United Kingdom", "germany", "Deutschland", "U.S.A.", "")] == [
        "GB",
        "GB",
        "GB",
        "DE",
        "DE",
        "US",
        "",
    ]
    assert region_of("Atlantis") == ""
    assert region_of("XX") == ""


REGIONS = st.sampled_from(["", "GB", "US", "DE", "FR", "IN", "BR"])
EXAMPLES = st.sampled_from(
    [
        phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for code in ("GB", "US", "DE", "FR", "IN", "BR", "JP", "IT", "AU")
        for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
        if (example := phonenumbers.example_number_for_type(code, kind)) is not None
    ]
)


@modest
@given(st.text(alphabet="0123456789+-() ./xe#,;abc\u00a0", max_size=24), REGIONS)
def test_any_text_gives_a_valid_number_or_nothing_and_reading_it_again_changes_nothing(text, region):
    found = e164(text, region)
    if found:
        assert phonenumbers.is_valid_number(phonenumbers.parse(found, None))
        assert found.startswith("+") and found[1:].isdigit() and len(found) <= 16
        assert e164(found, "") == found == e164(found, "US")
        digits = "".join(c for c in text if c.isdigit())
        assert any(c in digits for c in found)


@modest
@given(EXAMPLES, st.sampled_from(list(range(3))), REGIONS)
def test_every_usual_format_leads_back_to_the_number(number, form, region):
    parsed = phonenumbers.parse(number, None)
    home = phonenumbers.region_code_for_number(parsed)
    dress = (
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
        phonenumbers.PhoneNumberFormat.NATIONAL,
        phonenumbers.PhoneNumberFormat.E164,
    )[form]
    text = phonenumbers.format_number(parsed, dress)
    assert e164(text, home) == number
    assert same(text, number, home)
    assert same(number, text, home)
    if form != 1:
        assert e164(text, region) == number


@modest
@given(EXAMPLES, EXAMPLES)
def test_two_numbers_are_never_taken_for_one(one, other):
    assume(one != other)
    assert not same(one, other)
    assert same(one, one)
