"""The cheapest way to buy exactly what is missing, checked on ContactOut's own price list."""

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contactout.operations import OPERATIONS
from syncd.connector import On, Operation, Price
from syncd.model import EMAIL_FIELDS, PHONE_FIELDS, Field, KeyKind, Quality
from syncd.purchase import Market, Want, cheapest, expected_cost, serves, worst_cost
from tests.unit.judging_support import modest

E, P, S, V = "email", "phone", "search", "verifier"
WEIGHTS = ((E, 1.0), (P, 3.0), (S, 0.25), (V, 0.1))
ALL = frozenset({E, P, S, V})
URL, MAIL, TEL = KeyKind.LINKEDIN_URL, KeyKind.EMAIL, KeyKind.PHONE
NAME, NAME_AT, DOMAIN = KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN, KeyKind.DOMAIN
WORK, PERSONAL, PHONE = Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE
TITLE, LINKEDIN, COMPANY = Field.JOB_TITLE, Field.LINKEDIN_URL, Field.COMPANY_INDUSTRY


def market(weights=WEIGHTS, **rest):
    """ContactOut's price list with every credit kind at hand."""
    return Market(OPERATIONS, tuple(sorted(dict(weights).items())), **{"payable": ALL, **rest})


def bought(have, *wanted, accept=None, shut=(), brought=(), **rest):
    """The name of the operation that is bought, with the kind of its key, or None."""
    wants = frozenset(w if isinstance(w, Want) else Want(w, accept) for w in wanted)
    kinds = frozenset(have if isinstance(have, tuple) else (have,))
    return cheapest(market(**rest), wants, kinds, frozenset(shut), frozenset(brought))


def without(*kinds):
    """The operations that no budget covers when these credits are used up."""
    return {"short": frozenset(o.name for o in OPERATIONS if set(o.max_charge) & set(kinds))}


# The decision table: what is at hand, what is needed, what is called.


def test_any_address_of_a_profile_is_one_call_for_one_credit():
    assert bought(URL, WORK, PERSONAL) == ("contact_any", URL)


def test_a_work_address_of_a_profile_is_asked_for_alone():
    assert bought(URL, WORK) == ("contact_work", URL)


def test_a_verified_work_address_comes_only_from_the_call_that_verifies():
    assert bought(URL, WORK, accept=Quality.VERIFIED) == ("contact_work", URL)


def test_a_personal_address_of_a_profile_is_asked_for_alone():
    assert bought(URL, PERSONAL) == ("contact_personal", URL)


def test_a_phone_alone_buys_no_address_and_no_search():
    assert bought(URL, PHONE) == ("contact_phone", URL)
    assert bought(URL, Field.MOBILE_PHONE) == ("contact_phone", URL)


def test_a_work_address_and_a_phone_without_a_profile_are_bought_without_a_search():
    assert bought(URL, WORK, PHONE) in (
        ("contact_work_phone", URL),
        ("contact_work", URL),
        ("contact_phone", URL),
    )
    assert bought(URL, WORK, PHONE) == ("contact_work_phone", URL)


def test_without_phone_credits_the_address_is_bought_all_the_same():
    assert bought(URL, WORK, PHONE, **without(P)) == ("contact_work", URL)
    assert bought(URL, WORK, PHONE, payable=ALL - {P}) == ("contact_work", URL)


def test_profile_fields_alone_are_bought_where_a_miss_costs_nothing():
    assert bought(URL, TITLE, Field.LOCATION) == ("person", URL)


def test_profile_address_and_phone_come_in_the_one_call_that_gives_the_profile_away():
    assert bought(URL, TITLE, WORK, PHONE) == ("profile_full", URL)


def test_with_a_phone_that_nobody_wants_the_profile_is_not_bought_full():
    assert bought(URL, TITLE, WORK, held=((PHONE, True),)) != ("profile_full", URL)
    first = bought(URL, TITLE, WORK, held=((PHONE, True),))
    assert first in (("person_work", URL), ("person", URL), ("contact_work", URL))


def test_without_a_phone_to_be_charged_for_the_full_profile_is_the_cheapest():
    assert bought(URL, TITLE, WORK, held=((PHONE, False),)) == ("profile_full", URL)


def test_an_address_gives_the_profile_for_a_search_credit():
    assert bought(MAIL, LINKEDIN) == ("person", MAIL)
    assert bought(MAIL, TITLE) == ("person", MAIL)


def test_without_search_credits_an_address_credit_finds_the_profile():
    assert bought(MAIL, LINKEDIN, **without(S)) == ("email_to_linkedin", MAIL)


def test_an_address_gives_profile_and_phone_without_an_address_credit():
    assert bought(MAIL, TITLE, PHONE) in (("person_phone", MAIL), ("person", MAIL))
    assert bought(MAIL, TITLE, PHONE, **without(E))[0] in ("person_phone", "person")


def test_where_address_credits_are_cheaper_than_searches_they_are_spent_instead():
    cheap = ((E, 0.1), (P, 3.0), (S, 0.25))
    assert bought(MAIL, TITLE, PHONE, weights=cheap) == ("email_profile", MAIL)


def test_another_work_address_is_bought_with_the_profile_or_after_it():
    assert bought(MAIL, WORK) in (("person_work", MAIL), ("person", MAIL))
    assert bought(MAIL, WORK, **without(S))[0] in ("email_to_linkedin", "email_profile_work")
    cheap_phones = ((E, 1.0), (P, 0.1), (S, 0.25))
    assert bought(MAIL, WORK, weights=cheap_phones, **without(S)) == ("email_profile_work", MAIL)


def test_a_phone_is_identified_for_a_search_credit():
    assert bought(TEL, LINKEDIN) == ("person", TEL)


@pytest.mark.parametrize("name", [NAME, NAME_AT])
def test_a_name_is_identified_by_the_single_match_never_by_the_page_of_rows(name):
    assert bought(name, LINKEDIN) == ("person", name)
    assert bought(name, TITLE) == ("person", name)


@pytest.mark.parametrize("name", [NAME, NAME_AT])
@pytest.mark.parametrize("wanted", [(WORK,), (PHONE,), (WORK, PHONE), (PERSONAL, Field.MOBILE_PHONE)])
def test_a_name_is_identified_before_contact_data_is_bought_on_it(name, wanted):
    assert bought(name, *wanted) == ("person", name)


def test_once_a_name_is_identified_the_contact_data_is_bought_by_the_profile():
    assert bought((URL, NAME), WORK, PHONE, shut={("person", NAME)}) == ("contact_work_phone", URL)


def test_company_fields_are_free_and_come_first():
    assert bought(DOMAIN, COMPANY) == ("company", DOMAIN)
    assert bought((URL, MAIL, DOMAIN), COMPANY, WORK, PHONE, TITLE) == ("company", DOMAIN)


def test_an_address_at_hand_that_is_not_good_enough_is_verified_rather_than_bought_again():
    have = (MAIL, KeyKind.FOUND_EMAIL)
    assert bought(have, WORK, accept=Quality.VERIFIED, brought=(WORK,)) == ("verify", KeyKind.FOUND_EMAIL)
    assert bought(have, WORK, accept=Quality.VERIFIED) != ("verify", KeyKind.FOUND_EMAIL)


def test_bulk_operations_are_bought_only_in_a_backfill():
    bulk = {o.name for o in OPERATIONS if o.backfill_only}
    for wanted in ((WORK, PERSONAL), (WORK, PERSONAL, PHONE), (PHONE,)):
        assert bought(URL, *wanted)[0] not in bulk
    assert {o.name for o in OPERATIONS if "bulk" in o.name} == bulk


def test_in_a_backfill_bulk_operations_win_where_they_cost_no_more():
    assert bought(URL, WORK, PERSONAL, backfill=True)[0] in ("contact_bulk", "emails_bulk")
    assert bought(URL, WORK, PERSONAL, PHONE, backfill=True) == ("contact_bulk_phone", URL)
    assert bought(URL, WORK, backfill=True) == ("contact_work", URL)
    have = (MAIL, KeyKind.FOUND_EMAIL)
    verified = bought(have, WORK, accept=Quality.VERIFIED, brought=(WORK,), backfill=True)
    assert verified == ("verify_bulk", KeyKind.FOUND_EMAIL)


def test_other_people_of_a_domain_are_never_bought_for_a_contact():
    assert bought(DOMAIN, WORK, TITLE) is None


# What is never bought.


@pytest.mark.parametrize("credit", sorted(ALL))
def test_a_credit_without_budget_or_money_is_not_spent(credit):
    price = {o.name: set(o.max_charge) for o in OPERATIONS}
    for have in (URL, MAIL, NAME, TEL):
        for wanted in ((WORK,), (PHONE,), (TITLE,), (WORK, PHONE, TITLE)):
            for rest in ({"payable": ALL - {credit}}, without(credit)):
                best = bought(have, *wanted, **rest)
                assert best is None or credit not in price[best[0]]


def test_an_operation_without_access_is_not_bought():
    assert bought(URL, WORK, closed=frozenset({"contact_work"}))[0] != "contact_work"


def test_what_was_asked_already_is_not_asked_by_the_same_key():
    assert bought(URL, WORK, shut={("contact_work", URL)})[0] != "contact_work"


def test_nothing_is_bought_where_nothing_is_wanted_or_nobody_can_help():
    assert bought(URL) is None
    assert bought(KeyKind.COMPANY_LINKEDIN_URL, WORK) is None
    assert bought((), WORK) is None


def test_measured_hit_rates_move_the_expectation():
    rates = ((("contact_work", WORK), 0.1), (("contact_any", WORK), 0.1), (("contact_any", PERSONAL), 0.9))
    plain, measured = market(), market(yields=rates)
    operation = next(o for o in OPERATIONS if o.name == "contact_work")
    assert expected_cost(measured, operation, URL) < expected_cost(plain, operation, URL)


# Costs.


def test_expected_costs_follow_the_published_rules():
    def cost(name, kind, **rest):
        return expected_cost(market(**rest), next(o for o in OPERATIONS if o.name == name), kind)

    always = {"held": ((WORK, True), (PERSONAL, True), (PHONE, True))}
    never = {"held": ((WORK, False), (PERSONAL, False), (PHONE, False))}
    assert cost("profile", URL) == 0.25
    assert cost("person", URL) == pytest.approx(0.85 * 0.25)
    assert cost("person", NAME) == pytest.approx(0.55 * 0.25)
    assert cost("contact_work_phone", URL, **always) == pytest.approx(0.85 * 4)
    assert cost("contact_work_phone", URL, **never) == 0
    assert cost("profile_full", URL, **always) == pytest.approx(0.85 * 4 + 0.15 * 0.25)
    assert cost("profile_full", URL, **never) == pytest.approx(0.25)
    assert cost("company", DOMAIN) == 0


def test_the_worst_cost_counts_every_price():
    full = next(o for o in OPERATIONS if o.name == "profile_full")
    rows = next(o for o in OPERATIONS if o.name == "search")
    assert worst_cost(market(), full) == 4.25
    assert worst_cost(market(), rows) == 25 * 0.25


def test_an_untyped_number_may_be_either_kind_and_a_typed_one_is_a_number():
    assert serves(PHONE) == PHONE_FIELDS
    assert serves(Field.MOBILE_PHONE) == {Field.MOBILE_PHONE, PHONE}
    assert serves(WORK) == {WORK}


# Against brute force.

KINDS = (URL, MAIL, NAME)
WANTABLE = (WORK, PERSONAL, PHONE, TITLE)


@st.composite
def tables(draw):
    """A small price list."""
    found = []
    for index in range(draw(st.integers(1, 5))):
        returns = draw(
            st.dictionaries(
                st.sampled_from(WANTABLE), st.sampled_from([Quality.UNKNOWN, Quality.VERIFIED]), min_size=1
            )
        )
        prices = tuple(
            Price(
                kind,
                Decimal(draw(st.integers(1, 4))),
                on,
                frozenset(returns) if on in (On.FIELDS, On.BLANK) else frozenset(),
            )
            for kind, on in draw(
                st.dictionaries(st.sampled_from([E, P]), st.sampled_from(list(On)), max_size=2)
            ).items()
        )
        accepts = frozenset(draw(st.sets(st.sampled_from(KINDS), min_size=1)))
        found.append(
            Operation(
                f"o{index}", accepts=accepts, returns=returns, prices=prices, identifies=draw(st.booleans())
            )
        )
    return tuple(found)


WANTS = st.sets(st.sampled_from(WANTABLE), min_size=1).map(lambda f: frozenset(Want(w, None) for w in f))
SOME_KINDS = st.sets(st.sampled_from(KINDS), min_size=1).map(frozenset)


def gains(operation, wants):
    """The wants that an operation may fill."""
    return frozenset(
        w for w in wants for f, q in operation.returns.items() if w.field in serves(f) and w.takes(q)
    )


@settings(modest, max_examples=120)
@given(tables(), WANTS, SOME_KINDS, st.frozensets(st.sampled_from(["o0", "o1", "o2"]), max_size=2))
def test_the_first_step_costs_no_more_than_any_single_call_or_pair_that_fills_as_much(
    table, wants, kinds, gone
):
    sold = Market(table, payable=frozenset({E, P}), closed=gone)
    best = cheapest(sold, wants, kinds, frozenset())
    useful = [o for o in table if o.name not in gone and o.accepts & kinds and gains(o, wants)]
    if best is None:
        assert not useful
        return
    chosen = next(o for o in table if o.name == best[0])
    assert chosen in useful and best[1] in chosen.accepts & kinds
    if any(o.free for o in useful):
        assert chosen.free
        return

    def price(o):
        """By the strongest key at hand, as the list has it."""
        kind = next(k for k in KINDS if k in o.accepts and k in kinds)
        return expected_cost(sold, o, kind)

    first = price(chosen)
    most = max(
        (
            frozenset().union(*(gains(o, wants) for o in some))
            for n in (1, 2, 3)
            for some in itertools.combinations(useful, n)
        ),
        key=len,
    )
    for n in (1, 2, 3):
        for some in itertools.combinations(useful, n):
            if len(frozenset().union(*(gains(o, wants) for o in some))) == len(most):
                assert first <= sum(price(o) for o in some) + 1e-6


@modest
@given(WANTS, st.sets(st.sampled_from([URL, MAIL, NAME, TEL, DOMAIN]), min_size=1).map(frozenset))
def test_whatever_is_bought_can_be_asked_by_a_key_at_hand_and_brings_something_on(wants, kinds):
    best = cheapest(market(), wants, kinds, frozenset())
    if best is not None:
        chosen = next(o for o in OPERATIONS if o.name == best[0])
        assert best[1] in chosen.accepts & kinds
        leads_on = (
            LINKEDIN in chosen.returns
            or EMAIL_FIELDS & set(chosen.returns)
            or Field.COMPANY_DOMAIN in chosen.returns
        )
        assert gains(chosen, wants) or leads_on
        assert cheapest(market(), wants, kinds, frozenset({best})) != best
