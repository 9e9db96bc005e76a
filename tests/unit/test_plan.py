"""What a contact needs, by what it can be asked for, and when it is new."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.model import (
    Author,
    AuthorKind,
    Clause,
    Field,
    Key,
    KeyKind,
    LastWrite,
    Quality,
    WriteMode,
)
from syncd.plan import (
    Need,
    assess,
    equal_text,
    in_scope,
    input_digest,
    keys_of,
    persona_of,
    suppressed,
    text_of,
)
from tests.unit.judging_support import (
    MATCH,
    NOBODY,
    NOW,
    OTHER,
    OURS,
    PERSON,
    PROFILE,
    US,
    modest,
    policy,
    record,
    rule,
)

TITLE = "jobtitle"


def look(contact, wanted, written=None):
    """The assessment of a record."""
    return assess(contact, wanted, written or {}, US, NOW)


def kept(mode, value, author=None, last=None, age_days=1, **rest):
    """Why a title in this state stays, or "" where it is wanted."""
    wanted = policy(rule(Field.JOB_TITLE, TITLE, write=mode, **rest))
    written = {TITLE: LastWrite(last, NOW - timedelta(days=age_days))} if last is not None else {}
    authors = {TITLE: author} if author else {}
    return look(record(authors, jobtitle=value), wanted, written).kept.get(Field.JOB_TITLE, "")


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("blank", [None, "", "  ", "\u00a0"])
def test_a_blank_that_nobody_wrote_is_wanted_in_every_mode(mode, blank):
    assert kept(mode, blank) == ""


@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize("value", ["CTO", "", None])
def test_what_a_person_wrote_or_cleared_stays_in_every_mode(mode, value):
    assert kept(mode, value, PERSON) == "human"


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_person_who_clears_our_value_is_obeyed(mode):
    assert kept(mode, "", PERSON, last="CTO") == "human"


def test_a_person_who_retypes_our_value_owns_it():
    assert kept(WriteMode.REFRESH, "CTO", PERSON, last="CTO", age_days=999, stale_after_s=1.0) == "human"


def test_protection_that_is_written_off_leaves_the_decision_to_the_mode():
    assert kept(WriteMode.OVERWRITE, "CTO", PERSON, protect_humans=False) == ""
    assert kept(WriteMode.FILL, "", PERSON, protect_humans=False) == ""
    assert kept(WriteMode.FILL, "CTO", PERSON, protect_humans=False) == "present"
    assert kept(WriteMode.REFRESH, "CTO", PERSON, protect_humans=False) == "other"


def test_fill_leaves_every_present_value():
    for author, last in ((None, None), (OTHER, None), (OURS, "CTO"), (NOBODY, "CTO")):
        assert kept(WriteMode.FILL, "CTO", author, last) == "present"


def test_refresh_replaces_only_what_we_wrote_and_nobody_changed():
    old = {"age_days": 200, "stale_after_s": 180 * 86_400.0}
    assert kept(WriteMode.REFRESH, "CTO", OURS, last="CTO", **old) == ""
    assert kept(WriteMode.REFRESH, "cto ", OURS, last="CTO", **old) == ""
    assert kept(WriteMode.REFRESH, "CTO", None, last="CTO", **old) == ""
    assert kept(WriteMode.REFRESH, "CEO", OURS, last="CTO", **old) == "other"
    assert kept(WriteMode.REFRESH, "CTO", OTHER, last="CTO", **old) == "other"
    assert kept(WriteMode.REFRESH, "CTO", OURS, last=None, **old) == "other"


@pytest.mark.parametrize(
    "kind", [AuthorKind.INTEGRATION, AuthorKind.IMPORT, AuthorKind.AUTOMATION, AuthorKind.VENDOR]
)
def test_overwrite_replaces_what_a_known_author_wrote_who_is_no_person(kind):
    assert kept(WriteMode.OVERWRITE, "CTO", Author(kind, "99")) == ""


def test_overwrite_spares_a_value_of_unknown_author_who_might_be_a_person():
    assert kept(WriteMode.OVERWRITE, "CTO", None) == "other"
    assert kept(WriteMode.OVERWRITE, "CTO", NOBODY) == "other"
    assert kept(WriteMode.OVERWRITE, "CTO", NOBODY, protect_humans=False) == ""


def test_a_proposal_is_sought_for_any_value_that_no_person_wrote():
    assert kept(WriteMode.PROPOSE, "CTO") == ""
    assert kept(WriteMode.PROPOSE, "CTO", OTHER) == ""


@pytest.mark.parametrize("mode", [WriteMode.REFRESH, WriteMode.OVERWRITE])
def test_our_own_value_is_looked_up_again_from_its_age_on_and_without_one_never(mode):
    day = 86_400.0
    assert kept(mode, "CTO", OURS, last="CTO", age_days=10, stale_after_s=10 * day + 1) == "fresh"
    assert kept(mode, "CTO", OURS, last="CTO", age_days=10, stale_after_s=10 * day) == ""
    assert kept(mode, "CTO", OURS, last="CTO", age_days=5_000) == "fresh"


def test_without_a_source_of_our_own_no_integration_is_taken_for_us():
    wanted = policy(rule(Field.JOB_TITLE, TITLE, write=WriteMode.REFRESH, stale_after_s=1.0))
    written = {TITLE: LastWrite("CTO", NOW - timedelta(days=9))}
    contact = record({TITLE: Author(AuthorKind.INTEGRATION, "")}, jobtitle="CTO")
    assert assess(contact, wanted, written, "", NOW).kept == {Field.JOB_TITLE: "other"}


def test_a_field_that_is_kept_is_never_asked_for_and_the_others_are():
    wanted = policy(
        rule(Field.JOB_TITLE, TITLE), rule(Field.MOBILE_PHONE, "mobilephone", accept=Quality.LIKELY)
    )
    seen = look(record(jobtitle="CTO"), wanted)
    assert seen.kept == {Field.JOB_TITLE: "present"}
    assert seen.needs == (Need(Field.MOBILE_PHONE, Quality.LIKELY, ("alpha", "beta", "gamma")),)


def test_a_need_without_a_demand_takes_anything_but_risky_and_invalid():
    anything = Need(Field.WORK_EMAIL, None, ())
    assert {q for q in Quality if not anything.takes(q)} == {Quality.RISKY, Quality.INVALID}
    assert {q for q in Quality if Need(Field.WORK_EMAIL, Quality.LIKELY, ()).takes(q)} == {
        Quality.VERIFIED,
        Quality.LIKELY,
    }


def test_a_skip_rule_and_the_suppression_list_end_it_with_a_reason():
    assert (
        look(record(flag="True "), policy(skip=(Clause("flag", "equals", ("true",)),))).skip
        == "skip rule on flag"
    )
    for mark in ("m.vance@northbeam.example", "northbeam.example", PROFILE):
        seen = look(record(hs_linkedin_url=PROFILE), policy(suppress=frozenset({mark})))
        assert seen.skip == "on the suppression list"
    assert look(record(), policy(suppress=frozenset({"other.example", PROFILE}))).skip == ""


def test_a_suppressed_domain_covers_addresses_below_it_whatever_company_the_record_names():
    contact = record(email="m.vance@mail.hidden.co.uk", domain="northbeam.example")
    assert look(contact, policy(suppress=frozenset({"hidden.co.uk"}))).skip == "on the suppression list"


def test_nobody_is_suppressed_by_an_empty_list():
    assert not suppressed(persona_of({}, MATCH), frozenset({""}))


def test_a_contact_without_any_key_is_skipped_unless_nothing_is_wanted():
    bare = record(firstname=None, lastname=None, company=None, domain=None, email=None)
    assert look(bare, policy()).skip == "no key to ask by"
    full = record(firstname=None, lastname=None, company=None, domain=None, email=None, mobilephone="+44")
    assert look(full, policy()).skip == ""


def test_keys_come_strongest_first():
    fields = record(hs_linkedin_url="linkedin.com/in/Mirela-Vance/?x=1", phone="020 7946 0911").fields
    kinds = [k.kind for k in keys_of(persona_of(fields, {**MATCH, "phone": "phone"}))]
    assert kinds == [
        KeyKind.LINKEDIN_URL,
        KeyKind.EMAIL,
        KeyKind.NAME_DOMAIN,
        KeyKind.NAME_COMPANY,
        KeyKind.PHONE,
        KeyKind.DOMAIN,
        KeyKind.COMPANY_NAME,
    ]


def test_a_first_name_alone_is_no_name_to_ask_by():
    fields = record(lastname="", email=None).fields
    assert not {KeyKind.NAME_COMPANY, KeyKind.NAME_DOMAIN} & {
        k.kind for k in keys_of(persona_of(fields, MATCH))
    }


def test_the_employer_is_taken_from_the_address_only_where_no_domain_is_given():
    assert persona_of(record().fields, MATCH).employer_domain == "northbeam.example"
    assert persona_of(record(domain="").fields, MATCH).employer_domain == "northbeam.example"
    assert (
        persona_of(record(domain="https://www.acme.example/x").fields, MATCH).employer_domain
        == "acme.example"
    )


def test_a_mail_provider_is_nobodys_employer_wherever_it_stands():
    """Two namesakes with private addresses would otherwise share name and domain, and with them a purchase."""
    for fields in ({"domain": "", "email": "mirela@gmail.com"}, {"domain": "gmail.com", "email": ""}):
        persona = persona_of(record(**fields).fields, MATCH)
        assert persona.employer_domain == ""
        assert {k.kind for k in keys_of(persona)} <= {
            KeyKind.EMAIL,
            KeyKind.NAME_COMPANY,
            KeyKind.COMPANY_NAME,
        }


def test_what_is_no_key_is_left_out_instead_of_asked_by():
    fields = record(email="not an address", hs_linkedin_url="https://www.linkedin.com/sales/lead/1").fields
    persona = persona_of(fields, MATCH)
    assert (persona.email, persona.linkedin_url) == ("", "")
    assert Key.linkedin("https://www.linkedin.com/sales/lead/1") is None


def test_a_national_number_is_read_as_one_of_the_contacts_country():
    fields = record(phone="020 7946 0911").fields
    assert persona_of(fields, {**MATCH, "phone": "phone"}).phone == "+442079460911"


def test_text_of_a_property_is_one_spelling_of_what_the_crm_sends():
    assert [text_of(v) for v in (None, " a\u00a0", True, False, 0, 1.5)] == [
        "",
        "a",
        "true",
        "false",
        "0",
        "1.5",
    ]
    assert equal_text(" Ärger", "äRGER ")
    assert not equal_text("a", "b")


def test_every_condition_must_hold_for_a_contact_to_be_in_scope():
    wanted = policy(where=(Clause("stage", "in", ("lead", "mql")), Clause("email", "present")))
    assert in_scope(record(stage=" Lead").fields, wanted)
    assert not in_scope(record(stage="customer").fields, wanted)
    assert not in_scope(record(stage="lead", email=" ").fields, wanted)


# When a contact is new again.

TEXTS = st.text(alphabet="abÄ \u00a0-@.1", max_size=6)


@modest
@given(
    st.dictionaries(st.sampled_from([*MATCH.values(), "jobtitle", "lastmodifieddate"]), TEXTS), st.randoms()
)
def test_the_digest_knows_no_order_no_case_and_no_outer_blanks(fields, rng):
    wanted = policy(rule(Field.JOB_TITLE, TITLE), rule(Field.MOBILE_PHONE, "mobilephone"))
    names = list(fields)
    rng.shuffle(names)
    dressed = {
        name: f" {fields[name].swapcase() if fields[name].isascii() else fields[name]} " for name in names
    }
    other = policy(*reversed(wanted.fields))
    assert input_digest(fields, wanted) == input_digest(dressed, wanted) == input_digest(dressed, other)


@modest
@given(st.sampled_from(sorted(MATCH.values())), TEXTS, TEXTS)
def test_the_digest_differs_exactly_where_an_input_does(name, one, other):
    wanted = policy()
    left, right = (input_digest({**record().fields, name: text}, wanted) for text in (one, other))
    assert (left == right) == (text_of(one).casefold() == text_of(other).casefold())


@modest
@given(TEXTS, TEXTS)
def test_what_we_only_write_and_what_we_do_not_read_makes_no_contact_new(one, other):
    wanted = policy(rule(Field.JOB_TITLE, TITLE))
    a = record(jobtitle=one, lastmodifieddate=one)
    b = record(jobtitle=other, lastmodifieddate=other)
    assert input_digest(a.fields, wanted) == input_digest(b.fields, wanted)


def test_a_new_mapping_makes_every_contact_new():
    fields = record().fields
    digests = {
        input_digest(fields, wanted)
        for wanted in (
            policy(rule(Field.JOB_TITLE, TITLE)),
            policy(rule(Field.JOB_TITLE, "other_title")),
            policy(rule(Field.HEADLINE, TITLE)),
            policy(rule(Field.JOB_TITLE, TITLE), rule(Field.HEADLINE, "headline")),
            policy(
                rule(Field.JOB_TITLE, TITLE),
                match={**MATCH, "first_name": "lastname", "last_name": "firstname"},
            ),
        )
    }
    assert len(digests) == 5


def test_a_mapping_and_an_input_are_not_mistaken_for_each_other():
    one = policy(rule(Field.JOB_TITLE, "a"), match={"email": "bc"})
    other = policy(rule(Field.JOB_TITLE, "ab"), match={"email": "c"})
    assert input_digest({}, one) != input_digest({}, other)


AUTHORS = st.sampled_from([None, PERSON, OURS, OTHER, NOBODY, Author(AuthorKind.IMPORT)])


@modest
@given(
    st.sampled_from(list(WriteMode)),
    st.sampled_from(["", "CTO", "cto ", "CEO"]),
    AUTHORS,
    st.sampled_from([None, "CTO"]),
    st.booleans(),
    st.sampled_from([None, 3600.0]),
)
def test_planning_twice_gives_the_same_and_never_both_wants_and_keeps(
    mode, value, author, last, protect, stale
):
    rules = rule(Field.JOB_TITLE, TITLE, write=mode, protect_humans=protect, stale_after_s=stale)
    contact = record({TITLE: author} if author else {}, jobtitle=value)
    written = {TITLE: LastWrite(last, NOW - timedelta(days=1))} if last else {}
    seen = look(contact, policy(rules), written)
    assert seen == look(contact, policy(rules), written)
    assert {n.field for n in seen.needs} ^ set(seen.kept) == {Field.JOB_TITLE}
    if author is PERSON and protect:
        assert seen.kept == {Field.JOB_TITLE: "human"}
    if mode is WriteMode.FILL and value:
        assert not seen.needs


@pytest.mark.parametrize(
    ("held", "mode", "of_person"),
    [
        ({}, WriteMode.FILL, True),
        ({TITLE: "CTO"}, WriteMode.REFRESH, True),
        ({TITLE: "CTO"}, WriteMode.FILL, False),
    ],
    ids=["title missing", "title somebody else's", "title filled and only filled"],
)
def test_a_company_whose_title_has_to_fit_is_not_sought_among_employers(held, mode, of_person):
    wanted = policy(
        rule(Field.JOB_TITLE, TITLE, write=mode, group="employment"),
        rule(Field.COMPANY_NAME, "employer", group="employment"),
        rule(Field.COMPANY_DOMAIN, "site"),
    )
    found = {
        n.field: n.of_person
        for n in look(record({}, email="m.vance@northbeam.example", **held), wanted).needs
    }
    assert (found[Field.COMPANY_NAME], found[Field.COMPANY_DOMAIN]) == (of_person, False)
