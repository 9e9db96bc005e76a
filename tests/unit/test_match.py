"""How sure it is that an answer speaks of the contact."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncd.match import company_penalty, judge, name_penalty
from syncd.model import Candidate, Key, KeyKind, Level, Persona, email_address
from tests.unit.judging_support import PROFILE, modest, person

ELSEWHERE = f"{PROFILE}-2"
STRONG, POSSIBLE, NONE = Level.STRONG, Level.POSSIBLE, Level.NONE


def persona(**rest):
    """Mirela Vance as the CRM knows her."""
    given = {
        "full_name": "Mirela Vance",
        "first_name": "Mirela",
        "last_name": "Vance",
        "employer": "Northbeam",
        "employer_domain": "northbeam.example",
        "email": "m.vance@northbeam.example",
        "linkedin_url": PROFILE,
        "region": "GB",
    }
    if "full_name" in rest:
        given["first_name"], _, given["last_name"] = rest["full_name"].partition(" ")
    return Persona(**{**given, **rest})


def by(kind, who):
    """The key of this kind that a persona gives."""
    names = {"full_name": who.full_name, "first_name": who.first_name, "last_name": who.last_name}
    match kind:
        case KeyKind.LINKEDIN_URL:
            return Key.linkedin(who.linkedin_url or PROFILE)
        case KeyKind.EMAIL | KeyKind.FOUND_EMAIL:
            return Key.email(who.email or "m.vance@northbeam.example", kind)
        case KeyKind.NAME_COMPANY:
            return Key(kind, names | {"company": who.employer})
        case KeyKind.NAME_DOMAIN:
            return Key(kind, names | {"domain": who.employer_domain})
        case KeyKind.PHONE:
            return Key.single(kind, who.phone or "+442079460911")
        case _:
            return Key.single(kind, "x1")


def level(kind, who=None, namesakes=False, similarity=None, **identity):
    """How sure it is of an answer to a key of this kind."""
    who = who or persona()
    candidate = Candidate(identity=person(**identity), similarity=similarity)
    return judge(who, by(kind, who), candidate, namesakes).level


PERSONAL = [
    KeyKind.LINKEDIN_URL,
    KeyKind.PROVIDER_ID,
    KeyKind.EMAIL,
    KeyKind.NAME_COMPANY,
    KeyKind.NAME_DOMAIN,
    KeyKind.PHONE,
]


@pytest.mark.parametrize("kind", PERSONAL)
def test_a_person_of_the_same_name_and_employer_is_the_contact_by_any_key(kind):
    assert level(kind) is STRONG


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize("name", ["Tobe Abara", "Peter Vance", "Mirela Abara", "Vance Peter", "P. Vance"])
def test_another_name_ends_it_whatever_else_agrees(kind, name):
    agreeing = {"linkedin_url": PROFILE, "emails": ("m.vance@northbeam.example",)}
    assert level(kind, full_name=name, **agreeing) is not STRONG
    assert level(kind, full_name=name) is not STRONG


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize("name", ["Tobe Abara", "Xu Zhi"])
def test_a_name_that_contradicts_is_not_even_possible(kind, name):
    agreeing = {"linkedin_url": PROFILE, "emails": ("m.vance@northbeam.example",)}
    assert level(kind, full_name=name, **agreeing) is NONE


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Juan Garcia Lopez Perez", "Pedro Garcia Lopez Perez"),
        ("Anna Maria Schmidt", "Petra Maria Schmidt"),
        ("Mark Lee", "Mary Lee"),
        ("Jean Martin", "Joan Martin"),
        ("Wei Zhang", "Wen Zhang"),
    ],
)
def test_another_first_name_is_never_sure_however_much_of_the_rest_agrees(kind, ours, theirs):
    first, _, last = ours.partition(" ")
    who = persona(full_name=ours, first_name=first, last_name=last)
    assert level(kind, who, full_name=theirs) is not STRONG
    assert level(kind, who, full_name="", first_name=theirs.partition(" ")[0], last_name=last) is not STRONG


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Christian Muller", "Christina Muller"),
        ("Daniel Costa", "Daniela Costa"),
        ("Mario Rossi", "Maria Rossi"),
    ],
)
def test_asked_by_name_and_employer_a_first_name_that_is_merely_alike_is_not_sure(ours, theirs):
    who = persona(full_name=ours, first_name=ours.split()[0], last_name=ours.split()[1])
    assert level(KeyKind.NAME_COMPANY, who, full_name=theirs) is POSSIBLE
    assert level(KeyKind.NAME_DOMAIN, who, full_name=theirs) is POSSIBLE


@pytest.mark.parametrize("kind", PERSONAL)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Mirela Vance", "VANCE Mirela"),
        ("Mirela Vance", "Vance, Mirela"),
        ("Mirela Vance", "Dr. Mirela Vance, MBA"),
        ("Mirela Vance", "M. Vance"),
        ("M Vance", "Mirela Vance"),
        ("Mirela Vance", "Mirela Ana Vance"),
        ("Jürgen Groß", "Juergen Gross"),
        ("Jürgen Groß", "Jurgen Gross"),
        ("Søren Kjær", "Soren Kjaer"),
        ("José Núñez", "Jose Nunez"),
        ("Anne-Marie O'Neill", "Anne Marie ONeill"),
        ("Jean Luc Petit", "Jean-Luc Petit"),
    ],
)
def test_one_name_in_another_order_spelling_or_with_initials_agrees(kind, ours, theirs):
    assert level(kind, persona(full_name=ours), full_name=theirs) is STRONG


@pytest.mark.parametrize("kind", [KeyKind.LINKEDIN_URL, KeyKind.EMAIL])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("Sara Lind", "Sarah Lind"), ("Jon Berg", "John Berg"), ("Katherine Wu", "Catherine Wu")],
)
def test_a_slip_in_the_first_name_is_forgiven_where_the_key_names_one_person(kind, ours, theirs):
    assert level(kind, persona(full_name=ours), full_name=theirs) is STRONG


@pytest.mark.parametrize("kind", PERSONAL)
def test_another_profile_is_never_sure(kind):
    """A namesake at the same employer answers like this."""
    assert level(kind, linkedin_url=ELSEWHERE) is POSSIBLE
    assert level(kind, linkedin_url=PROFILE.replace("www.", "de.").upper()) is STRONG


def test_a_profile_that_the_crm_does_not_know_contradicts_nothing():
    assert level(KeyKind.EMAIL, persona(linkedin_url=""), linkedin_url=ELSEWHERE) is STRONG
    assert level(KeyKind.NAME_DOMAIN, persona(linkedin_url=""), linkedin_url=ELSEWHERE) is STRONG


def test_an_address_without_any_name_is_sure_only_where_the_address_fits_the_name():
    nameless = persona(full_name="", first_name="", last_name="", email="m.vance@northbeam.example")
    assert level(KeyKind.EMAIL, nameless, full_name="Mirela Vance") is STRONG
    assert level(KeyKind.EMAIL, nameless, full_name="", first_name="Mirela", last_name="Vance") is STRONG
    assert level(KeyKind.EMAIL, nameless, full_name="Tobe Abara") is POSSIBLE
    assert level(KeyKind.EMAIL, full_name="") is POSSIBLE


def test_an_address_that_is_found_under_a_nearly_equal_name_needs_the_employer_too():
    who = persona(full_name="Mirela Vance Abara")
    near = {"full_name": "Mirela Vanse-Abera"}
    assert level(KeyKind.EMAIL, who, employer="Northbeam", **near) is STRONG
    assert (
        level(KeyKind.EMAIL, persona(full_name="Vance", employer=""), employer="", full_name="Mirela Vance")
        is POSSIBLE
    )


def test_name_and_employer_make_sure_and_the_name_alone_does_not():
    assert level(KeyKind.NAME_COMPANY, employer="Northbeam Ltd.") is STRONG
    assert level(KeyKind.NAME_COMPANY, employer="") is POSSIBLE
    assert level(KeyKind.NAME_COMPANY, employer="Zyxo Glass Works") is NONE
    assert level(KeyKind.NAME_DOMAIN, employer="", employer_domain="https://www.northbeam.example") is STRONG
    assert level(KeyKind.NAME_COMPANY, employer="Quayside", past_employers=("Northbeam",)) is POSSIBLE


def test_asked_by_name_a_known_address_or_profile_makes_sure_without_the_employer():
    assert level(KeyKind.NAME_COMPANY, employer="", emails=("M.Vance@northbeam.example",)) is STRONG
    assert level(KeyKind.NAME_COMPANY, employer="Quayside", linkedin_url=PROFILE) is STRONG


def test_a_namesake_at_the_same_employer_makes_a_name_unsure_but_not_an_address_that_is_repeated():
    assert level(KeyKind.NAME_COMPANY, namesakes=True) is POSSIBLE
    assert level(KeyKind.NAME_DOMAIN, namesakes=True, emails=("m.vance@northbeam.example",)) is STRONG
    assert level(KeyKind.EMAIL, namesakes=True, emails=("m.vance@northbeam.example",)) is STRONG


def test_another_country_makes_a_name_unsure():
    assert level(KeyKind.NAME_COMPANY, location="Lyon, France") is POSSIBLE
    assert level(KeyKind.NAME_COMPANY, location="Leeds, United Kingdom") is STRONG
    assert level(KeyKind.NAME_COMPANY, location="Somewhere") is STRONG


def test_a_vendor_that_is_unsure_itself_is_not_believed():
    assert level(KeyKind.EMAIL, similarity=0.49) is NONE
    assert level(KeyKind.EMAIL, similarity=0.0) is NONE
    assert level(KeyKind.EMAIL, similarity=0.5) is STRONG
    assert level(KeyKind.EMAIL, similarity=None) is STRONG


def test_the_grade_of_an_address_needs_no_person():
    assert judge(persona(), by(KeyKind.FOUND_EMAIL, persona()), Candidate()).level is STRONG


def test_a_company_is_judged_by_its_domain_or_name():
    def company(**identity):
        candidate = Candidate(identity=person(full_name="", **identity), about_company=True)
        return judge(persona(), Key.single(KeyKind.DOMAIN, "northbeam.example"), candidate).level

    assert company(employer="NB", employer_domain="northbeam.example") is STRONG
    assert company(employer="Northbeam GmbH") is STRONG
    assert company(employer="") is POSSIBLE
    assert company(employer="Zyxo Glass Works", employer_domain="zyxo.example") is NONE


def test_identifiers_count_what_crm_and_answer_agree_on_and_not_what_only_one_side_says():
    who = persona()
    alone = judge(who, by(KeyKind.LINKEDIN_URL, who), Candidate(identity=person(full_name="", employer="")))
    assert alone.identifiers == 1
    more = person(employer="Northbeam", emails=("m.vance@northbeam.example",), linkedin_url=PROFILE)
    assert judge(who, by(KeyKind.LINKEDIN_URL, who), Candidate(identity=more)).identifiers == 4
    stranger = judge(
        Persona(full_name="Mirela Vance"), by(KeyKind.PROVIDER_ID, who), Candidate(identity=more)
    )
    assert stranger.identifiers == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Northbeam", "NORTHBEAM Ltd."),
        ("Müller & Söhne GmbH", "Muller Sohne"),
        ("Acme Holding AG", "Acme"),
        ("The Co", "The Company"),
    ],
)
def test_a_company_is_the_same_but_for_its_legal_form(one, other):
    assert company_penalty(one, other) == 0


def test_companies_are_compared_only_where_both_are_named():
    assert company_penalty("", "Northbeam") is None
    assert company_penalty("Northbeam", " ") is None
    assert company_penalty("Northbeam", "Quayside Freight") > 0.5


NAMES = st.builds(
    lambda first, middle, last: " ".join(p for p in (first, middle, last) if p),
    st.sampled_from(["Mirela", "Tobe", "Leni", "Harald", "Xu", "Ólafur"]),
    st.sampled_from(["", "Ana", "B.", "de la"]),
    st.sampled_from(["Vance", "Abara", "Osei", "Groß", "O'Neill"]),
)


@modest
@given(NAMES, NAMES, st.sampled_from(PERSONAL), st.booleans(), st.booleans())
def test_no_answer_with_another_first_name_or_profile_is_ever_sure(
    ours, theirs, kind, same_profile, agreeing
):
    first_differs = ours.split()[0] != theirs.split()[0]
    assume(first_differs or not same_profile)
    emails = ("m.vance@northbeam.example",) if agreeing else ()
    url = PROFILE if same_profile else ELSEWHERE
    assert (
        level(kind, persona(full_name=ours), full_name=theirs, linkedin_url=url, emails=emails) is not STRONG
    )


@modest
@given(NAMES, NAMES)
def test_names_are_compared_both_ways_alike_and_within_bounds(one, other):
    there = name_penalty(Persona(full_name=one), Candidate(identity=person(full_name=other)))
    back = name_penalty(Persona(full_name=other), Candidate(identity=person(full_name=one)))
    assert 0 <= there <= 1
    assert there == pytest.approx(back)
    assert name_penalty(Persona(full_name=one), Candidate(identity=person(full_name=one))) == 0


@modest
@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.sampled_from([*PERSONAL, KeyKind.FOUND_EMAIL]),
    st.booleans(),
)
def test_no_text_breaks_the_judgement_and_penalties_stay_within_bounds(name, employer, kind, namesakes):
    who = persona(full_name=name, employer=employer)
    candidate = Candidate(identity=person(full_name=employer, employer=name, location=name, title=employer))
    verdict = judge(who, by(kind, persona()), candidate, namesakes)
    assert all(0 <= p <= 1 for p in verdict.penalties.values())
    assert verdict == judge(who, by(kind, persona()), candidate, namesakes)
    assert name not in verdict.reason or len(name) < 4
    assert email_address(who.email)


def test_an_address_that_the_answer_does_not_repeat_may_have_found_a_namesake():
    who = persona(linkedin_url="")
    ours, theirs = who.email, "mirela.vance@northbeam.example"
    assert level(KeyKind.EMAIL, who, emails=()) is STRONG
    assert level(KeyKind.EMAIL, who, namesakes=True, emails=()) is POSSIBLE
    assert level(KeyKind.EMAIL, who, namesakes=True, emails=(theirs, ours)) is STRONG
    assert level(KeyKind.EMAIL, who, emails=(theirs,)) is POSSIBLE
    assert level(KeyKind.EMAIL, who, emails=("mirela@mail.example",)) is STRONG


def test_by_an_address_that_is_not_repeated_another_employer_is_not_sure():
    who = persona(linkedin_url="")
    moved = {"employer": "Stonefield", "employer_domain": "stonefield.example", "emails": ()}
    past = moved | {"past_employers": (who.employer,)}
    assert level(KeyKind.EMAIL, who, **moved) is POSSIBLE
    assert level(KeyKind.EMAIL, who, **moved | {"emails": (who.email,)}) is STRONG
    assert level(KeyKind.EMAIL, who, **past, location="Leeds, United Kingdom") is STRONG
    assert level(KeyKind.EMAIL, who, **past, location="Lyon, France") is POSSIBLE
    assert level(KeyKind.EMAIL, who, **past | {"emails": (who.email,)}, location="Lyon, France") is STRONG
