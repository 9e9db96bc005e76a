"""Which value wins, what may be written, and why the rest stays."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.decide import satisfied
from syncd.model import (
    Author,
    AuthorKind,
    Field,
    FieldInfo,
    LastWrite,
    Level,
    Quality,
    WriteMode,
)
from syncd.offers import normal, offers, same_value
from syncd.plan import Need, text_of
from tests.unit.judging_support import (
    NOBODY,
    NOW,
    OTHER,
    OURS,
    PERSON,
    answer,
    decided,
    modest,
    person,
    policy,
    record,
    rule,
    value,
    writes,
)

TITLE, MOBILE = "jobtitle", "mobilephone"
NUMBER, ANOTHER = "+447400123456", "+447400123457"
DAY_S = 86_400.0


def title(text="CTO", **rest):
    """An answer that holds a job title."""
    quality, as_of = rest.pop("quality", Quality.LIKELY), rest.pop("as_of", None)
    return answer(value(Field.JOB_TITLE, text, quality, as_of), **rest)


def titles(mode=WriteMode.FILL, **rest):
    """A sync that writes job titles."""
    return policy(rule(Field.JOB_TITLE, TITLE, write=mode, **rest))


def outcome(contact, wanted, *answers, **rest):
    """What is written to the one field of a policy, or the reason why nothing is."""
    decision = decided(contact, wanted, *answers, **rest)
    (only,) = wanted.fields
    written = writes(decision)
    assert bool(written) != bool(decision.kept)
    return written.get(only.to) or decision.kept[only.field]


# Whose value may be replaced.


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_blank_is_filled_in_every_mode_and_only_proposed_where_that_is_asked_for(mode):
    decision = decided(record(), titles(mode), title())
    (change,) = decision.changes
    assert (change.before, change.after, change.property) == ("", "CTO", TITLE)
    assert change.propose is (mode is WriteMode.PROPOSE)


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("present", ["CEO", ""])
def test_a_persons_value_or_blank_stays_in_every_mode_and_is_told(mode, present):
    why = outcome(record({TITLE: PERSON}, jobtitle=present), titles(mode), title())
    assert why == "human: changed in the CRM by person 12 on 2026-05-01"


def test_a_person_who_emptied_what_we_wrote_is_not_overruled():
    written = {TITLE: LastWrite("CTO", NOW - timedelta(days=400))}
    wanted = titles(WriteMode.REFRESH, stale_after_s=1.0)
    assert outcome(record({TITLE: PERSON}, jobtitle=""), wanted, title(), written=written).startswith("human")


def test_refresh_replaces_our_old_value_and_nobody_elses():
    written = {TITLE: LastWrite("CEO", NOW - timedelta(days=200))}
    wanted = titles(WriteMode.REFRESH, stale_after_s=100 * DAY_S)
    mine = record({TITLE: OURS}, jobtitle="CEO")
    assert outcome(mine, wanted, title(), written=written) == "CTO"
    assert outcome(mine, titles(WriteMode.REFRESH), title(), written=written).startswith(
        "fresh: we wrote it on 2025-10-16"
    )
    changed = record({TITLE: OTHER}, jobtitle="CEO")
    assert outcome(changed, wanted, title(), written=written).startswith("other: filled by integration 99")
    assert outcome(record({TITLE: OURS}, jobtitle="COO"), wanted, title(), written=written).startswith(
        "other"
    )


def test_overwrite_replaces_an_imports_value_but_none_of_unknown_author():
    wanted = titles(WriteMode.OVERWRITE)
    assert outcome(record({TITLE: Author(AuthorKind.IMPORT)}, jobtitle="CEO"), wanted, title()) == "CTO"
    assert outcome(record({TITLE: NOBODY}, jobtitle="CEO"), wanted, title()).startswith("other")
    assert outcome(record(jobtitle="CEO"), wanted, title()).startswith("other")


def test_fill_never_replaces():
    assert outcome(record({TITLE: OTHER}, jobtitle="CEO"), titles(), title()).startswith("present")


def test_protection_that_is_written_off_lets_overwrite_replace_a_persons_value():
    wanted = titles(WriteMode.OVERWRITE, protect_humans=False)
    decision = decided(record({TITLE: PERSON}, jobtitle="CEO"), wanted, title())
    assert writes(decision) == {TITLE: "CTO"}
    assert decision.changes[0].before_author == "person 12"


def test_a_value_is_replaced_only_where_two_identifiers_agree_and_a_blank_filled_with_one():
    wanted, imported = titles(WriteMode.OVERWRITE), Author(AuthorKind.IMPORT)
    one = title(identifiers=1)
    assert outcome(record({TITLE: imported}, jobtitle="CEO"), wanted, one).startswith(
        "rejected: two agreeing"
    )
    assert outcome(record(), wanted, one) == "CTO"


# Nothing is written that changes nothing.


def overwritable(prop, present):
    """A record whose value may be overwritten."""
    return record({prop: Author(AuthorKind.IMPORT)}, **{prop: present})


@pytest.mark.parametrize("present", ["CTO", "cto", " CTO\u00a0", "Cto "])
def test_a_value_that_differs_only_in_case_or_blanks_is_equal(present):
    assert outcome(overwritable(TITLE, present), titles(WriteMode.OVERWRITE), title()) == "equal"


@pytest.mark.parametrize(
    "present", ["07400 123456", "+44 7400 123456", "0044 (0)7400-123456", "+447400123456"]
)
@pytest.mark.parametrize("country", ["United Kingdom", "", "United States"])
def test_the_same_number_in_another_dress_is_equal(present, country):
    wanted = policy(rule(Field.MOBILE_PHONE, MOBILE, write=WriteMode.OVERWRITE))
    contact = replace(
        overwritable(MOBILE, present), fields={**overwritable(MOBILE, present).fields, "country": country}
    )
    assert outcome(contact, wanted, answer(value(Field.MOBILE_PHONE, NUMBER))) == "equal"


def test_a_profile_in_another_spelling_is_equal():
    wanted = policy(rule(Field.LINKEDIN_URL, "hs_linkedin_url", write=WriteMode.OVERWRITE))
    contact = overwritable("hs_linkedin_url", "http://de.linkedin.com/in/Mirela-Vance/?trk=x")
    assert (
        outcome(contact, wanted, answer(value(Field.LINKEDIN_URL, "linkedin.com/in/mirela-vance"))) == "equal"
    )


def test_another_number_or_domain_is_not_equal():
    assert not same_value(Field.MOBILE_PHONE, NUMBER, ANOTHER, "GB")
    assert same_value(Field.COMPANY_DOMAIN, "https://www.northbeam.com/", "northbeam.com", "")
    assert not same_value(Field.COMPANY_DOMAIN, "northbeam.com", "northbeam.co.uk", "")


# Quality.


@pytest.mark.parametrize("accept", [None, *(q for q in Quality if q is not Quality.INVALID)])
@pytest.mark.parametrize("quality", list(Quality))
def test_a_value_below_the_accepted_quality_is_never_written(accept, quality):
    wanted = policy(rule(Field.WORK_EMAIL, "work_email", accept=accept))
    got = outcome(record(), wanted, answer(value(Field.WORK_EMAIL, "m@northbeam.example", quality)))
    good = quality is not Quality.INVALID and (
        quality.rank >= accept.rank if accept else quality is not Quality.RISKY
    )
    assert got == "m@northbeam.example" if good else got.startswith(("rejected: best quality", "none"))


def test_the_better_quality_wins_over_agreement_freshness_and_order():
    best = title("Best", account="gamma", quality=Quality.VERIFIED, at=NOW - timedelta(days=900))
    others = (title("Other", account="alpha"), title("Other", account="beta"))
    assert outcome(record(), titles(), *others, best) == "Best"


def test_among_equal_qualities_what_more_providers_say_wins():
    newest = title("New", account="alpha", at=NOW + timedelta(days=1))
    agreed = (title("Agreed", account="beta"), title("agreed", account="gamma"))
    decision = decided(record(), titles(), newest, *agreed)
    assert writes(decision)[TITLE].casefold() == "agreed"
    assert "2 providers agree" in decision.changes[0].reason


def test_a_provider_that_repeats_itself_does_not_outvote_another():
    loud = (title("Loud", account="beta", lookup_id=8), title("Loud", account="beta", lookup_id=9))
    assert outcome(record(), titles(), *loud, title("New", at=NOW + timedelta(days=1))) == "New"


def test_then_the_fresher_value_wins_and_then_the_earlier_provider():
    old, new = NOW - timedelta(days=30), NOW - timedelta(days=2)
    assert (
        outcome(record(), titles(), title("Old", as_of=old), title("New", account="beta", as_of=new)) == "New"
    )
    assert outcome(record(), titles(), title("B", account="beta"), title("A", account="alpha")) == "A"


def test_a_value_that_says_no_date_is_as_fresh_as_its_answer():
    dated = title("Dated", as_of=NOW - timedelta(days=1))
    assert outcome(record(), titles(), dated, title("Now", account="beta", at=NOW)) == "Now"


def test_a_check_of_the_address_raises_or_ends_it():
    found = answer(value(Field.WORK_EMAIL, "m@northbeam.example", Quality.UNKNOWN))
    wanted = policy(rule(Field.WORK_EMAIL, "work_email", accept=Quality.VERIFIED))

    def checked(quality, address="M@northbeam.example", account="beta"):
        told = answer(account=account, identity=person(emails=(address,)), graded={Field.WORK_EMAIL: quality})
        return outcome(record(), wanted, found, told)

    assert checked(Quality.VERIFIED) == "m@northbeam.example"
    assert checked(Quality.INVALID) == "none"
    assert checked(Quality.RISKY).startswith("rejected")
    assert checked(Quality.VERIFIED, "other@northbeam.example").startswith("rejected")


def test_a_grade_without_an_address_speaks_of_the_same_providers_value_only():
    found = answer(value(Field.WORK_EMAIL, "m@northbeam.example", Quality.UNKNOWN))
    wanted = policy(rule(Field.WORK_EMAIL, "work_email", accept=Quality.VERIFIED))
    for account, good in (("alpha", True), ("beta", False)):
        told = answer(
            account=account, identity=person(emails=()), graded={Field.WORK_EMAIL: Quality.VERIFIED}
        )
        assert (outcome(record(), wanted, found, told) == "m@northbeam.example") is good


# Whose answers count.


def test_an_answer_that_may_be_about_somebody_else_is_not_written():
    doubtful = title(level=Level.POSSIBLE)
    assert outcome(record(), titles(), doubtful).startswith("rejected: the answer may be about somebody else")
    assert writes(decided(record(), replace(titles(), min_identity=Level.POSSIBLE), doubtful)) == {
        TITLE: "CTO"
    }
    assert not writes(
        decided(record(), replace(titles(), min_identity=Level.POSSIBLE), title(level=Level.NONE))
    )


def test_a_provider_that_may_not_be_asked_for_a_field_does_not_fill_it_either():
    wanted = titles(accounts=("beta",))
    assert outcome(record(), wanted, title(account="alpha")) == "none"
    assert outcome(record(), wanted, title(account="alpha"), title("CEO", account="beta")) == "CEO"


def test_a_need_is_met_only_by_a_provider_that_may_fill_it():
    """Otherwise the provider that may is never asked, and the field stays blank for good."""
    need = Need(Field.JOB_TITLE, None, ("beta",))
    assert not satisfied([need], [title(account="alpha")], titles(), "GB")
    assert satisfied([need], [title(account="beta")], titles(), "GB") == {Field.JOB_TITLE}


def test_a_need_is_met_by_an_accepted_value_of_a_trusted_answer():
    need = Need(Field.JOB_TITLE, Quality.LIKELY, ("alpha",))
    assert satisfied([need], [title()], titles(), "GB") == {Field.JOB_TITLE}
    assert not satisfied([need], [title(quality=Quality.UNKNOWN)], titles(), "GB")
    assert not satisfied([need], [title(level=Level.POSSIBLE)], titles(), "GB")
    assert not satisfied([need], [], titles(), "GB")


def test_nothing_found_is_told_as_such():
    assert outcome(record(), titles(), answer(value(Field.HEADLINE, "x"))) == "none"
    assert outcome(record(), titles()) == "none"


def test_an_empty_answer_erases_nothing():
    for blank in ("", "  ", "\u00a0"):
        assert outcome(overwritable(TITLE, "CEO"), titles(WriteMode.OVERWRITE), title(blank)) == "none"


# Phones and addresses.


def test_a_number_is_written_as_e164_or_not_at_all():
    wanted = policy()
    assert outcome(record(), wanted, answer(value(Field.MOBILE_PHONE, "07400 123 456"))) == NUMBER
    for text in ("7.4E+9", "12", "ask me", ""):
        assert outcome(record(), wanted, answer(value(Field.MOBILE_PHONE, text))) == "none"


def test_the_numbering_plan_is_believed_over_the_vendor():
    fixed = "+442079460911"
    assert outcome(record(), policy(), answer(value(Field.MOBILE_PHONE, fixed))) == "none"
    direct = policy(rule(Field.DIRECT_PHONE, "phone"))
    assert outcome(record(), direct, answer(value(Field.MOBILE_PHONE, fixed))) == fixed
    assert outcome(record(), direct, answer(value(Field.DIRECT_PHONE, NUMBER))) == "none"
    assert outcome(record(), policy(), answer(value(Field.PHONE, NUMBER))) == NUMBER
    anything = policy(rule(Field.PHONE, "phone"))
    assert outcome(record(), anything, answer(value(Field.DIRECT_PHONE, fixed))) == fixed


def test_where_the_range_has_both_the_vendor_is_believed():
    number = "+14155552671"
    assert outcome(record(), policy(), answer(value(Field.MOBILE_PHONE, number))) == number
    assert outcome(record(), policy(), answer(value(Field.PHONE, number))) == number
    assert outcome(record(), policy(), answer(value(Field.DIRECT_PHONE, number))) == "none"


def test_addresses_and_profiles_are_written_in_their_one_spelling_or_not_at_all():
    assert normal(Field.WORK_EMAIL, " M.Vance@Northbeam.Example ", "") == "m.vance@northbeam.example"
    assert normal(Field.WORK_EMAIL, "m.vance at northbeam", "") == ""
    assert (
        normal(Field.LINKEDIN_URL, "de.linkedin.com/in/Mirela/?x=1", "")
        == "https://www.linkedin.com/in/mirela"
    )
    assert normal(Field.LINKEDIN_URL, "https://www.linkedin.com/sales/lead/1", "") == ""
    assert (
        normal(Field.COMPANY_LINKEDIN_URL, "linkedin.com/company/Northbeam/", "")
        == "https://www.linkedin.com/company/northbeam"
    )
    assert normal(Field.COMPANY_DOMAIN, "https://www.northbeam.com/x", "") == "northbeam.com"
    assert normal(Field.JOB_TITLE, "  Head\u00a0of \n Sales ", "") == "Head of Sales"


# The property.


@pytest.mark.parametrize(
    ("info", "why"),
    [
        (None, "the CRM has no property jobtitle"),
        (FieldInfo(TITLE, "string", writable=False), "jobtitle is read-only"),
        (FieldInfo(TITLE, "string", writable=True, max_length=2), "longer than the 2 characters of jobtitle"),
        (
            FieldInfo(TITLE, "enumeration", writable=True, options=frozenset({"ceo"})),
            "not one of the values that jobtitle allows",
        ),
    ],
)
def test_what_does_not_fit_the_property_is_rejected_with_the_reason(info, why):
    schema = {TITLE: info} if info else {}
    assert outcome(record(), titles(), title(), schema=schema) == f"rejected: {why}"


def test_what_fits_exactly_is_written():
    info = FieldInfo(TITLE, "enumeration", writable=True, max_length=3, options=frozenset({"CTO"}))
    assert outcome(record(), titles(), title(), schema={TITLE: info}) == "CTO"


def test_what_the_crm_refused_is_not_tried_again():
    assert (
        outcome(record(), titles(), title(), refused={TITLE: "INVALID"})
        == "rejected: the CRM refused it (INVALID)"
    )


# Properties.

MODES, QUALITIES = st.sampled_from(list(WriteMode)), st.sampled_from(list(Quality))
VALUES = {
    Field.JOB_TITLE: ["CTO", "cto", "CEO", " "],
    Field.MOBILE_PHONE: [NUMBER, "07400 123456", ANOTHER, "nonsense"],
    Field.WORK_EMAIL: ["m@northbeam.example", "M@Northbeam.example", "no address"],
}
ANSWERS = st.lists(
    st.builds(
        lambda field, pick, quality, account, days, level, identifiers, lookup: answer(
            value(field, VALUES[field][pick % len(VALUES[field])], quality),
            account=account,
            at=NOW - timedelta(days=days),
            level=level,
            identifiers=identifiers,
            lookup_id=lookup,
        ),
        st.sampled_from(list(VALUES)),
        st.integers(0, 3),
        QUALITIES,
        st.sampled_from(["alpha", "beta", "gamma"]),
        st.integers(0, 1),
        st.sampled_from([Level.STRONG, Level.STRONG, Level.POSSIBLE]),
        st.integers(0, 3),
        st.integers(1, 4),
    ),
    max_size=6,
)
RULES = st.fixed_dictionaries(
    {
        "write": MODES,
        "accept": st.none() | QUALITIES.filter(lambda q: q is not Quality.INVALID),
        "stale_after_s": st.none() | st.just(1.0),
    }
)
PRESENT = st.sampled_from(["", "CTO", "cto ", "COO", NUMBER, "+44 7400 123456", "m@northbeam.example"])
WRITERS = st.sampled_from([None, PERSON, OURS, OTHER, NOBODY])
FIELDS = {Field.JOB_TITLE: TITLE, Field.MOBILE_PHONE: MOBILE, Field.WORK_EMAIL: "work_email"}


@st.composite
def situations(draw):
    """A record, what we wrote to it, a sync and answers."""
    wanted = policy(*(rule(f, to, **draw(RULES)) for f, to in FIELDS.items()))
    present = {to: draw(PRESENT) for to in FIELDS.values()}
    authors = {to: a for to in FIELDS.values() if (a := draw(WRITERS))}
    written = {
        to: LastWrite(text, NOW - timedelta(days=9))
        for to, text in present.items()
        if text and draw(st.booleans())
    }
    return record(authors, **present), wanted, written, draw(ANSWERS)


@settings(modest, max_examples=200)
@given(situations())
def test_no_decision_ever_harms(situation):
    contact, wanted, written, answers = situation
    decision = decided(contact, wanted, *answers, written=written)
    rules = {f.field: f for f in wanted.fields}
    assert {c.field for c in decision.changes} ^ set(decision.kept) == set(rules)
    for change in decision.changes:
        before, author = text_of(contact.fields[change.property]), contact.authors.get(change.property)
        terms = rules[change.field]
        assert author is not PERSON
        assert not before or terms.write is not WriteMode.FILL
        assert not same_value(change.field, before, change.after, "GB")
        assert change.after.strip() == change.after != ""
        assert change.quality is not Quality.INVALID
        assert change.quality.satisfies(terms.accept) if terms.accept else change.quality is not Quality.RISKY
        assert change.propose is (terms.write is WriteMode.PROPOSE)
        if terms.write is WriteMode.REFRESH and before:
            assert author in (None, OURS, NOBODY) and change.property in written


def test_of_two_lookups_that_say_the_same_one_is_named_in_whatever_order_they_came():
    one, other = title(lookup_id=8), title(lookup_id=9, operation="contact")
    assert decided(record(), titles(), one, other) == decided(record(), titles(), other, one)
    assert decided(record(), titles(), one, other).changes[0].lookup_id == 8
    assert offers(Field.JOB_TITLE, [other, one], "")[0].source is one


@settings(modest, max_examples=200)
@given(situations(), st.randoms())
def test_the_order_in_which_answers_arrived_decides_nothing(situation, rng):
    contact, wanted, written, answers = situation
    shuffled = list(answers)
    rng.shuffle(shuffled)
    assert decided(contact, wanted, *answers, written=written) == decided(
        contact, wanted, *shuffled, written=written
    )


@settings(modest, max_examples=200)
@given(situations())
def test_once_written_nothing_is_left_to_write(situation):
    contact, wanted, written, answers = situation
    first = decided(contact, wanted, *answers, written=written)
    done = {c.property: c.after for c in first.changes if not c.propose}
    after = replace(
        contact, fields={**contact.fields, **done}, authors={**contact.authors, **dict.fromkeys(done, OURS)}
    )
    now_written = {**written, **{to: LastWrite(text, NOW) for to, text in done.items()}}
    again = decided(after, wanted, *answers, written=now_written)
    assert {c.property for c in again.changes} == {c.property for c in first.changes if c.propose}


@modest
@given(ANSWERS, st.sampled_from(list(FIELDS)), st.randoms())
def test_offers_come_best_first_and_are_values_of_their_kind(answers, field, rng):
    ranked = offers(field, answers, "GB")
    assert ranked[:1] == offers(field, sorted(answers, key=lambda _: rng.random()), "GB")[:1]
    assert [o.quality.rank for o in ranked] == sorted((o.quality.rank for o in ranked), reverse=True)
    for offer in ranked:
        assert normal(field, offer.text, "GB") == offer.text
        assert 1 <= offer.agreed <= 3
