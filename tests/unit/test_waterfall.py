"""Who is asked next, for what and by which key; and why nobody is."""

from decimal import Decimal

import pytest

from connectors.contactout.operations import OPERATIONS
from syncd.connector import On, Operation, Price
from syncd.model import Candidate, Field, Identity, Key, KeyKind, Level, Quality, Value, Verdict
from syncd.plan import Need
from syncd.waterfall import Ask, Asked, Stop, Vendor, Wait, step

E, P, S, V = "email", "phone", "search", "verifier"
RICH = {E: 100.0, P: 100.0, S: 100.0, V: 100.0}
WEIGHTS = {E: 1.0, P: 3.0, S: 0.25, V: 0.1}
WORK, PERSONAL, PHONE, TITLE = Field.WORK_EMAIL, Field.PERSONAL_EMAIL, Field.PHONE, Field.JOB_TITLE
URL = Key.linkedin("https://www.linkedin.com/in/mirela-vance")
MAIL = Key.email("m.vance@northbeam.example")
NAME = Key(
    KeyKind.NAME_COMPANY,
    {"full_name": "Mirela Vance", "first_name": "Mirela", "last_name": "Vance", "company": "Northbeam"},
)
DOMAIN = Key.single(KeyKind.DOMAIN, "northbeam.example")
STRONG, POSSIBLE = Verdict(Level.STRONG), Verdict(Level.POSSIBLE)


def contactout(**rest):
    """ContactOut with plenty of every credit."""
    return Vendor("contactout", OPERATIONS, **{"weights": WEIGHTS, "affordable": RICH, **rest})


def seller(account, *returns, price=1, accepts=(KeyKind.LINKEDIN_URL,), quality=Quality.LIKELY, **rest):
    """A vendor with one operation that identifies and charges for a match."""
    prices = (Price("credit", Decimal(price), On.MATCH),) if price else ()
    one = Operation(
        "lookup",
        accepts=frozenset(accepts),
        returns=dict.fromkeys(returns, quality),
        prices=prices,
        identifies=True,
    )
    return Vendor(account, (one,), **{"affordable": {"credit": 100.0}, **rest})


def need(field, accept=None, accounts=("contactout", "alpha", "beta")):
    """A field that any provider may be asked for."""
    return Need(field, accept, accounts)


def asked(
    operation, key, state, *candidates, account="contactout", lookup_id=1, trusted=True, verdict=STRONG
):
    """A lookup that exists."""
    judged = tuple((c, verdict) for c in candidates)
    return Asked(account, operation, key, state, judged, lookup_id, trusted)


def holding(*values, **rest):
    """A candidate with values of a field."""
    return Candidate(tuple(Value(f, t, q) for f, t, q in values), **rest)


def next_ask(*args, **rest):
    """(account, operation, key kind) of the next purchase."""
    got = step(*args, **rest)
    assert isinstance(got, Ask), got
    return got.account, got.operation.name, got.key.kind.value


# Order.


def test_providers_are_asked_in_the_order_of_the_waterfall():
    alpha, beta = seller("alpha", TITLE, price=9), seller("beta", TITLE, price=1)
    assert next_ask([need(TITLE)], [URL], [], [alpha, beta])[0] == "alpha"
    assert next_ask([need(TITLE)], [URL], [], [beta, alpha])[0] == "beta"


def test_the_cheapest_provider_comes_first_where_that_is_wanted():
    alpha, beta = seller("alpha", TITLE, price=9), seller("beta", TITLE, price=1)
    assert next_ask([need(TITLE)], [URL], [], [alpha, beta], least_cost=True)[0] == "beta"


def test_what_is_free_comes_first():
    alpha, beta = seller("alpha", TITLE, price=1), seller("beta", TITLE, price=0)
    assert next_ask([need(TITLE)], [URL], [], [alpha, beta], least_cost=True)[0] == "beta"
    assert (
        next_ask([need(TITLE), need(Field.COMPANY_INDUSTRY)], [URL, DOMAIN], [], [contactout()])[1]
        == "company"
    )


def test_among_equals_the_order_of_the_waterfall_decides():
    alpha, beta = seller("alpha", TITLE), seller("beta", TITLE)
    assert next_ask([need(TITLE)], [URL], [], [beta, alpha], least_cost=True)[0] == "beta"


def test_a_cheap_step_that_leads_to_the_value_is_not_taken_for_an_expensive_one():
    """Identifying costs a quarter of a credit and the address one; the other provider takes three."""
    dear = seller("alpha", WORK, price=3, accepts=(KeyKind.NAME_COMPANY,))
    got = next_ask([need(WORK)], [NAME], [], [dear, contactout()], least_cost=True)
    assert got == ("contactout", "person", "name_company")


def test_the_price_of_all_steps_counts_and_not_only_that_of_the_first():
    """ContactOut's first step is cheaper than the other's only one, both of its steps together are not."""
    other = seller("alpha", WORK, price=1, accepts=(KeyKind.NAME_COMPANY,))
    got = next_ask([need(WORK)], [NAME], [], [contactout(weights={E: 9.0, S: 0.25}), other], least_cost=True)
    assert got == ("alpha", "lookup", "name_company")


def test_a_field_that_comes_free_with_what_is_bought_anyway_is_not_bought_apart():
    """The number is dear wherever it is; only one of those who have it tells the employer along with it."""
    narrow = seller("alpha", TITLE, price=1)
    wide = seller("beta", TITLE, PHONE, price=3)
    wanted = [need(TITLE), need(PHONE)]
    assert next_ask([need(TITLE)], [URL], [], [wide, narrow], least_cost=True)[0] == "alpha"
    assert next_ask(wanted, [URL], [], [narrow, wide], least_cost=True)[0] == "beta"


def test_of_many_providers_the_nearest_are_weighed_and_one_of_them_is_asked():
    many = [seller(f"p{n}", TITLE, PHONE, price=30 - n) for n in range(12)]
    accounts = tuple(v.account for v in many)
    wanted = [need(TITLE, accounts=accounts), need(PHONE, accounts=accounts)]
    assert next_ask(wanted, [URL], [], many, least_cost=True)[0] == "p11"


def test_what_a_provider_was_seen_to_hold_counts_for_more_than_what_was_presumed():
    alpha, beta = seller("alpha", WORK, price=1), seller("beta", WORK, price=1.2)
    assert next_ask([need(WORK)], [URL], [], [beta, alpha], least_cost=True)[0] == "alpha"
    seen = seller("beta", WORK, price=1.2, yields={("lookup", WORK): 0.95})
    assert next_ask([need(WORK)], [URL], [], [seen, alpha], least_cost=True)[0] == "beta"


def test_an_employer_answer_is_not_asked_for_what_only_an_answer_about_the_person_can_fill():
    company = Operation(
        "company", accepts=frozenset({KeyKind.DOMAIN}), returns={Field.COMPANY_NAME: Quality.UNKNOWN}
    )
    person = seller("alpha", Field.COMPANY_NAME)
    vendor = Vendor("alpha", (company, *person.operations), affordable={"credit": 9.0})
    free = Need(Field.COMPANY_NAME, None, ("alpha",))
    bound = Need(Field.COMPANY_NAME, None, ("alpha",), of_person=True)
    assert next_ask([free], [URL, DOMAIN], [], [vendor])[1] == "company"
    assert next_ask([bound], [URL, DOMAIN], [], [vendor])[1] == "lookup"
    told = holding((Field.COMPANY_NAME, "Northbeam", Quality.UNKNOWN), about_company=True)
    known = asked("company", DOMAIN, "found", told, account="alpha")
    assert next_ask([bound], [URL, DOMAIN], [known], [vendor])[1] == "lookup"


def test_one_call_that_fills_much_is_cheaper_for_each_value_than_one_that_fills_little():
    much, little = (
        seller("alpha", TITLE, Field.COMPANY_NAME, Field.HEADLINE, price=2),
        seller("beta", TITLE, price=1),
    )
    wanted = [need(TITLE), need(Field.COMPANY_NAME), need(Field.HEADLINE)]
    assert next_ask(wanted, [URL], [], [little, much], least_cost=True)[0] == "alpha"
    assert next_ask([need(TITLE)], [URL], [], [much, little], least_cost=True)[0] == "beta"


def test_a_provider_that_a_field_does_not_name_is_not_asked_for_it():
    only_beta = need(TITLE, accounts=("beta",))
    assert next_ask([only_beta], [URL], [], [seller("alpha", TITLE), seller("beta", TITLE)])[0] == "beta"
    got = step([need(TITLE, accounts=())], [URL], [], [seller("alpha", TITLE)])
    assert got == Stop({TITLE: "no provider of the waterfall is asked for it"})


def test_the_next_provider_is_asked_once_the_first_knows_nobody():
    vendors = [seller("alpha", TITLE), seller("beta", TITLE)]
    assert (
        next_ask([need(TITLE)], [URL], [asked("lookup", URL, "not_found", account="alpha")], vendors)[0]
        == "beta"
    )


# Never twice, never in vain.


@pytest.mark.parametrize("state", ["found", "not_found", "unknown", "unresolved", "refused"])
def test_no_question_is_put_twice(state):
    candidates = [holding((TITLE, "", Quality.LIKELY))] if state == "found" else []
    got = step(
        [need(TITLE)],
        [URL],
        [asked("lookup", URL, state, *candidates, account="alpha")],
        [seller("alpha", TITLE)],
    )
    assert isinstance(got, Stop)


@pytest.mark.parametrize("state", ["unknown", "unresolved"])
def test_a_field_whose_answer_was_lost_is_not_bought_again_from_the_same_provider_by_any_way(state):
    lost = asked("contact_work", URL, state)
    got = step([need(WORK)], [URL, MAIL], [lost], [contactout()])
    assert isinstance(got, Stop)
    if state == "unknown":
        assert got.why[WORK] == "an answer of contactout was lost; it counts as spent and is not bought again"
    assert next_ask([need(WORK), need(PHONE)], [URL], [lost], [contactout()])[1] == "contact_phone"


def test_a_person_whom_the_provider_does_not_know_is_not_asked_for_again_by_that_key():
    gone = asked("person", MAIL, "not_found")
    assert isinstance(step([need(WORK), need(PHONE)], [MAIL], [gone], [contactout()]), Stop)
    assert next_ask([need(WORK)], [MAIL, URL], [gone], [contactout()])[2] == "linkedin_url"


def test_an_answer_about_somebody_else_is_not_paid_for_again_by_another_key():
    doubtful = asked("person", MAIL, "found", Candidate(), trusted=False, verdict=POSSIBLE)
    got = step([need(WORK)], [MAIL, URL], [doubtful], [contactout()])
    assert isinstance(got, Stop)
    assert got.why[WORK] == "contactout answered, but not surely about this person"


def test_an_answer_about_a_company_says_nothing_against_the_person():
    about = asked("company", DOMAIN, "found", Candidate(about_company=True), trusted=False, verdict=POSSIBLE)
    assert next_ask([need(WORK)], [URL, DOMAIN], [about], [contactout()])[1] == "contact_work"


def test_a_field_that_a_trusted_answer_did_not_hold_is_not_bought_by_another_operation():
    blank = asked("contact_any", URL, "found", holding((PERSONAL, "a@b.example", Quality.UNKNOWN)))
    got = step([need(WORK)], [URL], [blank], [contactout()])
    assert isinstance(got, Stop)
    assert got.why[WORK] == "contactout knows none"


def test_a_quality_that_the_provider_cannot_reach_is_told():
    poor = asked("lookup", URL, "found", holding((WORK, "a@b.example", Quality.UNKNOWN)), account="alpha")
    vendor = seller("alpha", WORK, quality=Quality.VERIFIED)
    got = step([need(WORK, Quality.VERIFIED)], [URL], [poor], [vendor])
    assert got.why[WORK] == "alpha has a value below the accepted quality"


def test_a_provider_that_cannot_reach_the_quality_is_not_asked():
    vendor = seller("alpha", WORK, quality=Quality.UNKNOWN)
    got = step([need(WORK, Quality.VERIFIED)], [URL], [], [vendor])
    assert isinstance(got, Stop)


def test_a_key_that_no_operation_takes_is_told():
    got = step([need(TITLE)], [MAIL], [], [seller("alpha", TITLE)])
    assert got.why == {TITLE: "no operation fits the keys"}


# Waiting.


def test_an_answer_under_way_is_waited_for():
    flying = asked("contact_work", URL, "in_flight", lookup_id=7)
    assert step([need(WORK)], [URL], [flying], [contactout()]) == Wait((7,))


def test_an_answer_under_way_that_cannot_help_holds_nothing_up():
    flying = asked("contact_phone", URL, "in_flight", lookup_id=7)
    assert next_ask([need(WORK)], [URL], [flying], [contactout()])[1] == "contact_work"


def test_a_free_check_under_way_is_waited_for_before_the_purchase_that_it_may_spare():
    flying = asked("work_email_check", URL, "in_flight", lookup_id=7)
    assert step([need(WORK, Quality.VERIFIED)], [URL], [flying], [contactout()]) == Wait((7,))


def test_an_identification_under_way_is_waited_for_before_contact_data_is_bought_on_the_name():
    flying = asked("person", NAME, "in_flight", lookup_id=7)
    assert step([need(WORK)], [NAME], [flying], [contactout()]) == Wait((7,))


# Budgets.


def test_nothing_is_asked_that_the_budgets_do_not_cover():
    poor = contactout(affordable={E: 0.0, P: 5.0, S: 5.0, V: 0.0})
    assert next_ask([need(WORK), need(PHONE)], [URL], [], [poor])[1] == "contact_phone"
    got = step([need(WORK)], [URL], [], [poor])
    assert isinstance(got, Stop)
    assert got.blocked == {"contactout.email"}
    assert got.why[WORK] == "waits for budget contactout.email"


def test_a_budget_that_is_just_enough_is_enough():
    vendor = seller("alpha", TITLE, price=3, affordable={"credit": 3.0})
    assert next_ask([need(TITLE)], [URL], [], [vendor])[0] == "alpha"
    vendor = seller("alpha", TITLE, price=3, affordable={"credit": 2.999})
    assert step([need(TITLE)], [URL], [], [vendor]).blocked == {"alpha.credit"}


def test_a_credit_without_a_budget_is_named_and_nothing_is_said_to_wait():
    got = step([need(TITLE)], [URL], [], [seller("alpha", TITLE, affordable={})])
    assert got.blocked == frozenset()
    assert got.why[TITLE] == "no budget is set for alpha credit"


def test_an_empty_purse_of_the_first_provider_lets_the_next_be_asked():
    vendors = [seller("alpha", TITLE, affordable={"credit": 0.0}), seller("beta", TITLE)]
    assert next_ask([need(TITLE)], [URL], [], vendors)[0] == "beta"


# Access.


def test_a_halted_account_is_not_asked_and_named():
    got = step([need(TITLE)], [URL], [], [seller("alpha", TITLE, closed=frozenset({""}))])
    assert got == Stop({TITLE: "alpha is paused"}, halted=frozenset({"alpha"}))


def test_an_operation_without_access_is_told_apart_from_a_provider_that_knows_none():
    got = step([need(TITLE)], [URL], [], [seller("alpha", TITLE, closed=frozenset({"lookup"}))])
    assert got.halted == {"alpha"}
    assert got.why[TITLE] == "alpha gives no access to the operation"


# Free checks before purchases: the rows of the decision table that need two steps.


def test_a_verified_address_is_checked_for_free_before_it_is_bought():
    wanted = [need(WORK, Quality.VERIFIED)]
    assert next_ask(wanted, [URL], [], [contactout()])[1] == "work_email_check"
    unverified = Candidate(available={WORK: True}, graded={WORK: Quality.UNVERIFIED})
    got = step(wanted, [URL], [asked("work_email_check", URL, "found", unverified)], [contactout()])
    assert isinstance(got, Stop)
    assert got.why[WORK] == "contactout has a value below the accepted quality"
    verified = Candidate(available={WORK: True}, graded={WORK: Quality.VERIFIED})
    checked = [asked("work_email_check", URL, "found", verified)]
    assert next_ask(wanted, [URL], checked, [contactout()])[1] == "contact_work"


def test_a_check_without_access_is_not_put():
    shut = contactout(closed=frozenset({"work_email_check", "phone_check"}))
    assert next_ask([need(WORK, Quality.VERIFIED)], [URL], [], [shut])[1] == "contact_work"
    assert next_ask([need(TITLE), need(WORK)], [URL], [], [shut])[1] in (
        "person_work",
        "person",
        "contact_work",
    )


def test_a_check_that_says_nothing_lets_the_purchase_go_on():
    checked = [asked("work_email_check", URL, "not_found")]
    assert next_ask([need(WORK, Quality.VERIFIED)], [URL], checked, [contactout()])[1] == "contact_work"


def test_profile_and_address_without_a_phone_are_decided_by_the_free_phone_check():
    wanted = [need(TITLE), need(WORK)]
    assert next_ask(wanted, [URL], [], [contactout()])[1] == "phone_check"
    none = asked("phone_check", URL, "found", Candidate(available={PHONE: False}))
    assert next_ask(wanted, [URL], [none], [contactout()])[1] == "profile_full"
    some = asked("phone_check", URL, "found", Candidate(available={PHONE: True}))
    assert next_ask(wanted, [URL], [some], [contactout()])[1] in ("person_work", "person", "contact_work")


def test_a_phone_that_the_provider_does_not_hold_is_not_bought():
    none = asked("phone_check", URL, "found", Candidate(available={PHONE: False}))
    got = step([need(PHONE)], [URL], [none], [contactout()])
    assert isinstance(got, Stop)
    assert got.why[PHONE] == "contactout knows none"


def test_no_check_is_put_where_its_answer_changes_nothing_or_checks_are_off():
    assert next_ask([need(WORK)], [URL], [], [contactout()])[1] == "contact_work"
    assert (
        next_ask([need(WORK, Quality.VERIFIED)], [URL], [], [contactout(checkers=False)])[1] == "contact_work"
    )
    assert next_ask([need(TITLE), need(WORK), need(PHONE)], [URL], [], [contactout()])[1] == "profile_full"


def test_a_name_is_identified_first_and_the_contact_data_bought_by_the_profile():
    wanted = [need(WORK), need(PHONE)]
    assert next_ask(wanted, [NAME], [], [contactout()]) == ("contactout", "person", "name_company")
    found = asked(
        "person", NAME, "found", holding((TITLE, "CTO", Quality.UNKNOWN), identity=Identity("Mirela Vance"))
    )
    assert next_ask(wanted, [URL, NAME], [found], [contactout()]) == (
        "contactout",
        "contact_work_phone",
        "linkedin_url",
    )


def test_an_address_that_is_not_good_enough_is_verified():
    address = Key.email("m.vance@northbeam.example", KeyKind.FOUND_EMAIL)
    poor = asked("contact_any", URL, "found", holding((WORK, "m.vance@northbeam.example", Quality.UNKNOWN)))
    vendor = contactout(closed=frozenset({"contact_work", "contact_work_phone", "work_email_check"}))
    got = next_ask([need(WORK, Quality.VERIFIED)], [URL, address], [poor], [vendor])
    assert got == ("contactout", "verify", "found_email")
