"""Which records are one person."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from syncd.codec import digest
from syncd.kin import Figure, Kinship, called, kinship, marks
from syncd.model import Key, KeyKind, Persona
from syncd.plan import keys_of, persona_of
from tests.unit.judging_support import MATCH, PROFILE, modest


def figure(**fields):
    """The person of a record of Mirela Vance, with what is given added or replaced."""
    held = {"firstname": "Mirela", "lastname": "Vance", "company": "Northbeam", **fields}
    persona = persona_of(held, MATCH)
    return Figure(persona, keys_of(persona))


def test_a_shared_profile_or_address_makes_one_person_of_two_records():
    url = {"hs_linkedin_url": PROFILE}
    assert kinship(figure(**url, company="Elsewhere"), figure(**url, firstname="M.")) is Kinship.SAME
    address = {"email": "m.vance@northbeam.example"}
    assert kinship(figure(**address), figure(email="M.Vance@Northbeam.example ")) is Kinship.SAME


def test_a_different_profile_or_address_makes_two():
    one, other = figure(hs_linkedin_url=PROFILE), figure(hs_linkedin_url=f"{PROFILE}-2")
    assert kinship(one, other) is Kinship.OTHER
    assert one.shares_name(other)
    assert kinship(figure(email="a@northbeam.example"), figure(email="b@northbeam.example")) is Kinship.OTHER


def test_one_shared_identifier_outweighs_another_that_differs():
    one = figure(hs_linkedin_url=PROFILE, email="a@northbeam.example")
    assert kinship(one, figure(hs_linkedin_url=PROFILE, email="b@northbeam.example")) is Kinship.SAME


def test_name_and_domain_make_one_person_unless_the_countries_differ():
    one, other = figure(domain="northbeam.example"), figure(domain="www.northbeam.example", company="NB")
    assert kinship(one, other) is Kinship.SAME
    abroad = figure(domain="northbeam.example", country="France")
    assert kinship(abroad, figure(domain="northbeam.example", country="DE")) is Kinship.OTHER
    assert kinship(abroad, other) is Kinship.SAME


def test_name_and_company_name_are_not_enough():
    assert kinship(figure(), figure()) is Kinship.UNSURE


def test_namesakes_with_private_addresses_are_not_one_person():
    one, other = figure(domain="gmail.com", company="Northbeam"), figure(domain="gmail.com", company="Acme")
    assert kinship(one, other) is not Kinship.SAME


def test_records_without_anything_in_common_are_left_open():
    assert kinship(figure(), figure(firstname="Tobe", lastname="Abara", company="Quayside")) is Kinship.UNSURE
    blank = Figure(Persona(), ())
    assert kinship(blank, blank) is Kinship.UNSURE


def test_marks_are_the_keys_that_tell_people_apart_and_say_nothing_else():
    mirela = figure(email="m@northbeam.example", hs_linkedin_url=PROFILE, domain="northbeam.example")
    found = marks(mirela.persona, mirela.keys, ["+442071838750"], b"salt")
    kinds = {KeyKind.EMAIL, KeyKind.LINKEDIN_URL, KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN}
    assert found[:4] == [digest(b"salt", k) for k in mirela.keys if k.kind in kinds]
    assert found[4:] == [called(mirela.persona, "+442071838750", b"salt")]
    assert len(set(found)) == 5


def test_a_number_marks_a_person_only_together_with_the_name():
    one, other = figure().persona, figure(firstname="Tobe").persona
    assert called(one, "+442071838750", b"salt") != called(other, "+442071838750", b"salt")
    assert called(one, "+442071838750", b"salt") != called(one, "+442071838751", b"salt")


RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "firstname": st.sampled_from(["Mirela", "Tobe"]),
        "company": st.sampled_from(["Northbeam", "Acme"]),
        "domain": st.sampled_from(["northbeam.example", "acme.example"]),
        "email": st.sampled_from(["a@northbeam.example", "b@acme.example"]),
        "hs_linkedin_url": st.sampled_from([PROFILE, f"{PROFILE}-2"]),
        "country": st.sampled_from(["DE", "FR"]),
    },
)


@modest
@given(RECORDS, RECORDS)
def test_kinship_is_mutual_and_a_record_with_an_identifier_is_kin_to_itself(one, other):
    left, right = figure(**one), figure(**other)
    assert kinship(left, right) is kinship(right, left)
    assert left.shares_name(right) == right.shares_name(left)
    if {"email", "hs_linkedin_url", "domain"} & set(one):
        assert kinship(left, left) is Kinship.SAME


def test_kinship_is_mutual_where_a_record_has_two_addresses():
    first, second = Key.email("a@northbeam.example"), Key.email("b@northbeam.example")
    both = (Figure(Persona(), keys) for keys in itertools.permutations((first, second)))
    for two in both:
        one = Figure(Persona(), (first,))
        assert kinship(one, two) is kinship(two, one) is Kinship.SAME
