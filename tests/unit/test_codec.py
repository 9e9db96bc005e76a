"""What is stored comes back as it was; digests and charges keep what they mean."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.codec import (
    add_charges,
    digest,
    pack_candidates,
    pack_contact,
    show_charge,
    unpack_candidates,
    unpack_contact,
    unpack_key,
)
from syncd.model import (
    Author,
    AuthorKind,
    Basis,
    Candidate,
    Charge,
    Contact,
    Field,
    Identity,
    Key,
    KeyKind,
    Quality,
    Value,
)
from tests.unit.judging_support import modest

TEXT = st.text(alphabet='aé ß\u00a0"\\,\n漢0', max_size=8)
MOMENTS = st.none() | st.datetimes(
    min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)
)
FIELDS, QUALITIES = st.sampled_from(list(Field)), st.sampled_from(list(Quality))
CANDIDATES = st.builds(
    Candidate,
    st.lists(st.builds(Value, FIELDS, TEXT, QUALITIES, MOMENTS), max_size=3).map(tuple),
    st.builds(
        Identity,
        full_name=TEXT,
        employer=TEXT,
        past_employers=st.lists(TEXT, max_size=2).map(tuple),
        emails=st.lists(TEXT, max_size=2).map(tuple),
        linkedin_url=TEXT,
    ),
    TEXT,
    st.none() | st.floats(0, 1),
    st.dictionaries(FIELDS, st.booleans(), max_size=3),
    st.dictionaries(FIELDS, QUALITIES, max_size=3),
    st.booleans(),
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
AUTHORS = st.builds(Author, st.sampled_from(list(AuthorKind)), TEXT, MOMENTS, st.none() | TEXT)


@modest
@given(st.lists(CANDIDATES, max_size=3))
def test_answers_come_back_as_they_were(candidates):
    assert unpack_candidates(pack_candidates(candidates)) == tuple(candidates)


def test_a_likeness_of_zero_stays_zero_and_one_that_was_not_said_stays_unsaid():
    stored = pack_candidates([Candidate(similarity=0.0), Candidate(similarity=None)])
    assert [c.similarity for c in unpack_candidates(stored)] == [0.0, None]


def test_a_field_that_a_check_found_missing_stays_told():
    stored = pack_candidates([Candidate(available={Field.PHONE: False})])
    assert unpack_candidates(stored)[0].available == {Field.PHONE: False}


def test_no_answer_is_no_candidate():
    assert unpack_candidates(None) == ()
    assert unpack_candidates(pack_candidates([])) == ()


@modest
@given(
    st.dictionaries(TEXT, SCALARS, max_size=4), st.dictionaries(TEXT, AUTHORS, max_size=3), st.none() | TEXT
)
def test_a_record_comes_back_with_its_authors(fields, authors, version):
    back = unpack_contact("7", pack_contact(Contact("7", version, None, fields, authors)))
    assert (back.id, back.version, back.fields, back.authors) == ("7", version, fields, authors)


def test_a_record_that_was_erased_comes_back_blank():
    assert unpack_contact("7", None) == Contact("7", None, None, {})


def test_a_moment_in_another_zone_stays_the_same_moment():
    there = datetime(2026, 5, 4, 14, tzinfo=timezone(timedelta(hours=2)))
    stored = pack_candidates([Candidate((Value(Field.PHONE, "1", as_of=there),))])
    assert unpack_candidates(stored)[0].values[0].as_of == there


@modest
@given(
    TEXT.filter(str.strip),
    TEXT.filter(str.strip),
    st.sampled_from([KeyKind.PHONE, KeyKind.PROVIDER_ID, KeyKind.DOMAIN]),
)
def test_digests_are_equal_exactly_where_keys_are(one, other, kind):
    left, right = Key.single(kind, one), Key.single(kind, other)
    assert (digest(b"salt", left) == digest(b"salt", right)) == (left == right)
    assert digest(b"salt", left) != digest(b"pepper", left)
    assert digest(b"salt", left) != digest(b"salt", Key.single(KeyKind.COMPANY_NAME, one))
    assert unpack_key(kind.value, orjson.dumps(dict(left.parts))) == left


def test_a_name_has_one_digest_however_it_is_written():
    plain = Key(
        KeyKind.NAME_COMPANY,
        {"full_name": "Jose Nunez", "first_name": "", "last_name": "", "company": "Acme"},
    )
    other = Key(
        KeyKind.NAME_COMPANY,
        {"full_name": " JOSÉ  NÚÑEZ", "first_name": "J", "last_name": "N", "company": "ACME"},
    )
    assert digest(b"s", plain) == digest(b"s", other)
    assert "Nunez" not in digest(b"s", plain)


def test_a_key_that_was_erased_is_none():
    assert unpack_key("email", None) is None


AMOUNTS = st.dictionaries(
    st.sampled_from(["email", "phone", "usd"]), st.decimals(0, 100, places=3), max_size=3
)


@modest
@given(st.lists(st.builds(Charge, AMOUNTS, st.sampled_from(list(Basis))), max_size=4))
def test_charges_add_up_by_kind_in_whatever_order(charges):
    total = add_charges(charges)
    for kind in ("email", "phone", "usd"):
        assert total.amounts.get(kind, 0) == sum(
            (c.amounts.get(kind, Decimal(0)) for c in charges), Decimal(0)
        )
    assert add_charges(charges[::-1]) == total


@pytest.mark.parametrize(
    ("bases", "expected"),
    [
        ((Basis.REPORTED, Basis.REPORTED), Basis.REPORTED),
        ((Basis.REPORTED, Basis.BY_RULE), Basis.BY_RULE),
        ((Basis.REPORTED, Basis.UNKNOWN), Basis.UNKNOWN),
        ((Basis.UNKNOWN, Basis.BY_RULE), Basis.UNKNOWN),
    ],
)
def test_a_sum_is_known_no_better_than_its_weakest_part(bases, expected):
    assert add_charges([Charge.of(b, email=1) for b in bases]).basis is expected


def test_what_was_not_charged_says_nothing_about_how_a_sum_is_known():
    assert add_charges([Charge.of(Basis.REPORTED, email=1), Charge.none()]).basis is Basis.REPORTED


def test_a_charge_is_told_in_plain_numbers_with_how_it_is_known():
    assert (
        show_charge(Charge.of(Basis.REPORTED, phone=Decimal("100"), email=Decimal("0.250")))
        == "email 0.25, phone 100 (reported)"
    )
    assert show_charge(Charge.none()) == ""
