"""Fields that are written together or not at all, and people who changed their job."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.decide import settled
from syncd.model import (
    Author,
    AuthorKind,
    Field,
    JobChange,
    LastWrite,
    Level,
    Quality,
    WriteMode,
)
from syncd.plan import assess, text_of
from tests.unit.judging_support import (
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

IMPORTED = Author(AuthorKind.IMPORT)
JOB = {"group": "employment"}


def employment(mode=WriteMode.FILL, **rest):
    """A sync that writes title and company as a group; the contact's employer is not known otherwise."""
    return policy(
        rule(Field.JOB_TITLE, "jobtitle", write=mode, **JOB),
        rule(Field.COMPANY_NAME, "company", write=mode, **JOB),
        **{"match": {"email": "email"}, **rest},
    )


def job(title="CTO", company="Northbeam", **rest):
    """An answer that holds a job; a part that is None is not said."""
    parts = ((Field.JOB_TITLE, title), (Field.COMPANY_NAME, company))
    identity = person(employer=company or "")
    quality = rest.pop("quality", Quality.LIKELY)
    return answer(
        *(value(f, t, quality) for f, t in parts if t is not None), **{"identity": identity, **rest}
    )


def held(jobtitle="", company="", authors=None):
    """A record with this job."""
    return record(authors, jobtitle=jobtitle, company=company)


BOTH = {"jobtitle": "CTO", "company": "Northbeam"}


def test_a_blank_group_is_written_whole_from_one_answer():
    assert writes(decided(held(), employment(), job())) == BOTH


def test_half_a_job_is_not_written():
    decision = decided(held(), employment(), job(company=None))
    assert decision.changes == ()
    assert (
        decision.kept[Field.JOB_TITLE]
        == "group: employment is written together or not at all, and company_name stays"
    )
    assert decision.kept[Field.COMPANY_NAME] == "none"


def test_two_halves_of_different_answers_are_not_put_together():
    decision = decided(held(), employment(), job(company=None), job(title=None, account="beta"))
    assert decision.changes == ()
    assert all("its values come from different answers" in why for why in decision.kept.values())


def test_where_no_answer_is_best_in_all_one_that_has_all_is_taken():
    whole = job("Engineer", "Northbeam", account="beta")
    better_title = answer(value(Field.JOB_TITLE, "CTO", Quality.VERIFIED), identity=person(employer=""))
    decision = decided(held(), employment(), better_title, whole)
    assert writes(decision) == {"jobtitle": "Engineer", "company": "Northbeam"}
    assert {c.account for c in decision.changes} == {"beta"}


@pytest.mark.parametrize("author", [PERSON, OTHER, OURS, None])
@pytest.mark.parametrize("present", ["Northbeam", "northbeam ", "Northbeam Ltd."])
def test_a_title_is_filled_beside_the_company_that_the_answer_names_whoever_wrote_it(author, present):
    contact = held(company=present, authors={"company": author} if author else {})
    for mode in (WriteMode.FILL, WriteMode.REFRESH):
        assert writes(decided(contact, employment(mode), job())) == {"jobtitle": "CTO"}


@pytest.mark.parametrize("author", [PERSON, OTHER, OURS, None])
def test_a_title_is_never_filled_beside_another_company(author):
    contact = held(company="Quayside Freight", authors={"company": author} if author else {})
    for mode in (WriteMode.FILL, WriteMode.REFRESH):
        decision = decided(contact, employment(mode, job_change=JobChange.UPDATE), job())
        assert decision.changes == ()
        assert decision.kept[Field.JOB_TITLE].startswith("group: employment")


def test_a_company_that_a_person_emptied_keeps_the_title_out_too():
    decision = decided(held(authors={"company": PERSON}), employment(), job())
    assert decision.changes == ()


def test_a_company_that_equals_one_answer_does_not_carry_the_title_of_another():
    wanted = employment(WriteMode.OVERWRITE)
    contact = held("CEO", "Northbeam", {"jobtitle": IMPORTED, "company": IMPORTED})
    same = job(title=None, quality=Quality.VERIFIED)
    elsewhere = job("CTO", "Quayside Freight", account="beta")
    assert decided(contact, wanted, same, elsewhere).changes == ()


def test_beside_a_company_that_stays_the_answer_that_names_it_is_taken_though_another_comes_first():
    contact = held(company="Northbeam", authors={"company": PERSON})
    decision = decided(contact, employment(), job("Buyer", "Quayside Freight"), job(account="beta"))
    assert writes(decision) == {"jobtitle": "CTO"}
    assert {c.account for c in decision.changes} == {"beta"}


def wanted_of(contact, plan):
    return assess(contact, plan, {}, "ours", NOW)


def test_a_title_beside_another_company_than_the_one_that_stays_is_asked_for_once_more_and_no_further():
    plan = employment()
    wanted = wanted_of(held(company="Northbeam", authors={"company": PERSON}), plan)
    stranger, other = job("Buyer", "Quayside Freight"), job("Clerk", "Quayside Ltd.", account="beta")
    assert Field.JOB_TITLE not in settled(wanted, [stranger], plan)
    assert Field.JOB_TITLE in settled(wanted, [stranger, job(account="beta")], plan)
    assert Field.JOB_TITLE in settled(wanted, [stranger, other], plan)


def test_what_one_provider_says_of_another_employer_is_asked_for_once_more_unless_it_is_written_anyhow():
    plan = everything()
    wanted = wanted_of(record(), plan)
    assert settled(wanted, [elsewhere()], plan) == {Field.MOBILE_PHONE}
    assert Field.JOB_TITLE in settled(wanted, [elsewhere(), elsewhere(account="beta")], plan)
    update = everything(JobChange.UPDATE)
    assert Field.JOB_TITLE in settled(wanted, [elsewhere()], update)


def test_a_company_kept_because_it_is_filled_lets_a_title_be_filled_where_the_answer_names_none():
    assert writes(decided(held(company="Northbeam"), employment(), job(company=None))) == {"jobtitle": "CTO"}


def test_a_company_that_another_answer_bears_out_lets_a_title_be_written_where_the_answer_names_none():
    contact = held("CEO", "Northbeam", {"jobtitle": IMPORTED, "company": IMPORTED})
    wanted = employment(WriteMode.OVERWRITE)
    decision = decided(contact, wanted, job(company=None), job(title=None, account="beta"))
    assert (writes(decision), decision.kept) == ({"jobtitle": "CTO"}, {Field.COMPANY_NAME: "equal"})


def test_fields_without_a_group_go_their_own_ways():
    wanted = policy(rule(Field.JOB_TITLE, "jobtitle"), rule(Field.HEADLINE, "headline"))
    assert writes(decided(record(), wanted, job(company=None))) == {"jobtitle": "CTO"}


def test_two_groups_do_not_hold_each_other_up():
    wanted = policy(
        rule(Field.JOB_TITLE, "jobtitle", group="a"),
        rule(Field.SENIORITY, "seniority", group="b"),
        rule(Field.HEADLINE, "headline", group="b"),
    )
    found = answer(value(Field.JOB_TITLE, "CTO"), value(Field.SENIORITY, "chief"))
    assert writes(decided(record(), wanted, found)) == {"jobtitle": "CTO"}


TITLES, COMPANIES = (
    st.sampled_from(["CTO", "CEO", None]),
    st.sampled_from(["Northbeam", "Quayside Freight", None]),
)
AUTHORS = st.sampled_from([None, PERSON, OURS, OTHER, IMPORTED])


@settings(modest, max_examples=200)
@given(
    st.sampled_from(list(WriteMode)),
    st.tuples(st.sampled_from(["", "CTO", "COO"]), st.sampled_from(["", "Northbeam", "Quayside Freight"])),
    st.tuples(AUTHORS, AUTHORS),
    st.lists(
        st.tuples(
            TITLES,
            COMPANIES,
            st.sampled_from(["alpha", "beta"]),
            st.sampled_from([Quality.LIKELY, Quality.VERIFIED]),
        ),
        max_size=3,
    ),
)
def test_a_record_never_ends_with_a_job_that_no_answer_gave(mode, present, authors, answers):
    written = {
        p: LastWrite(text, NOW - timedelta(days=9))
        for p, text in zip(("jobtitle", "company"), present, strict=True)
    }
    named = {p: a for p, a in zip(("jobtitle", "company"), authors, strict=True) if a}
    contact = held(*present, named)
    jobs = [
        job(title, company, account=account, quality=quality, lookup_id=i)
        for i, (title, company, account, quality) in enumerate(answers)
    ]
    decision = decided(contact, employment(mode, job_change=JobChange.UPDATE), *jobs, written=written)
    assert len({c.lookup_id for c in decision.changes}) <= 1
    for change in decision.changes:
        title, company, *_ = answers[change.lookup_id]
        after = {p: text_of(contact.fields[p]) for p in ("jobtitle", "company")} | writes(decision)
        assert title is None or after["jobtitle"] == title
        assert company is None or after["company"] == company


# People who work elsewhere now.


def elsewhere(**rest):
    """An answer that names another employer."""
    identity = person(employer="Quayside Freight", employer_domain="quayside.example")
    return answer(
        value(Field.JOB_TITLE, "CTO"),
        value(Field.COMPANY_NAME, "Quayside Freight"),
        value(Field.COMPANY_INDUSTRY, "Logistics"),
        value(Field.MOBILE_PHONE, "+447400123456"),
        **{"identity": identity, **rest},
    )


def everything(job_change=JobChange.FLAG, mode=WriteMode.OVERWRITE, **rest):
    """A sync of job and mobile phone."""
    return policy(
        rule(Field.JOB_TITLE, "jobtitle", write=mode),
        rule(Field.COMPANY_NAME, "company", write=mode),
        rule(Field.COMPANY_INDUSTRY, "industry", write=mode),
        rule(Field.MOBILE_PHONE, "mobilephone", write=mode),
        job_change=job_change,
        **rest,
    )


@pytest.mark.parametrize("what", [JobChange.FLAG, JobChange.SKIP])
def test_a_new_employer_is_told_and_what_belongs_to_it_is_not_written(what):
    decision = decided(record({"company": IMPORTED}), everything(what), elsewhere())
    assert decision.job_change == "alpha says that the employer is another one now"
    assert writes(decision) == {"mobilephone": "+447400123456"}
    for field in (Field.JOB_TITLE, Field.COMPANY_NAME, Field.COMPANY_INDUSTRY):
        assert decision.kept[field].startswith("flagged")


def test_an_employer_that_providers_disagree_about_is_no_new_one():
    at_home = answer(value(Field.JOB_TITLE, "Buyer"), account="beta", identity=person())
    decision = decided(record({"company": IMPORTED}), everything(), elsewhere(), at_home)
    assert decision.job_change == ""
    assert writes(decision) == {"jobtitle": "Buyer", "mobilephone": "+447400123456"}
    assert decision.kept[Field.COMPANY_INDUSTRY].startswith("flagged: providers disagree")
    gamma = elsewhere(account="gamma")
    assert decided(record({"company": IMPORTED}), everything(), elsewhere(), at_home, gamma).job_change


def test_providers_disagree_about_the_employer_only_where_one_of_them_names_the_crms():
    wanted = everything(min_identity=Level.POSSIBLE)
    unsure = elsewhere(level=Level.POSSIBLE)
    for others in ((), (elsewhere(account="gamma", level=Level.POSSIBLE),)):
        assert decided(record({"company": IMPORTED}), wanted, unsure, *others).kept[Field.JOB_TITLE] == (
            "flagged: the value is of another employer than the CRM's, "
            "and no majority of strong answers says that the person left it"
        )
    for level in (Level.STRONG, Level.POSSIBLE):
        at_home = answer(value(Field.HEADLINE, "Buyer"), account="beta", level=level)
        assert decided(record({"company": IMPORTED}), wanted, unsure, at_home).kept[Field.JOB_TITLE] == (
            "flagged: providers disagree about the employer, and the value is of another one than the CRM's"
        )


@pytest.mark.parametrize(
    ("address", "written"), [("ann@northbeam.example", True), ("ann@quayside.example", False)]
)
def test_an_address_at_the_known_employer_is_written_though_the_answer_names_another(address, written):
    found = elsewhere()
    mixed = answer(value(Field.WORK_EMAIL, address), identity=found.candidate.identity)
    at_home = answer(value(Field.JOB_TITLE, "Buyer"), account="beta", identity=person())
    wanted = policy(rule(Field.WORK_EMAIL, "email"), job_change=JobChange.FLAG)
    assert ("email" in writes(decided(record(email=""), wanted, mixed, at_home))) is written


@pytest.mark.parametrize("quality", [Quality.VERIFIED, Quality.LIKELY])
def test_a_verified_address_at_the_known_employer_speaks_for_it(quality):
    address = answer(value(Field.WORK_EMAIL, "m.vance@northbeam.example", quality), account="beta")
    address = replace(address, candidate=replace(address.candidate, identity=person(employer="")))
    wanted = policy(rule(Field.WORK_EMAIL, "email"), job_change=JobChange.FLAG)
    decision = decided(record(email=""), wanted, elsewhere(), address)
    assert (decision.job_change == "", "email" in writes(decision)) == (quality is Quality.VERIFIED,) * 2


def test_an_address_without_a_real_host_speaks_for_no_employer():
    nowhere = answer(value(Field.WORK_EMAIL, "m.vance@north_beam.example", Quality.VERIFIED), account="beta")
    nowhere = replace(nowhere, candidate=replace(nowhere.candidate, identity=person(employer="")))
    decision = decided(record(domain="", email=""), everything(), elsewhere(), nowhere)
    assert decision.job_change == "alpha says that the employer is another one now"


def test_a_new_employer_is_written_where_that_is_wanted():
    decision = decided(record({"company": IMPORTED}), everything(JobChange.UPDATE), elsewhere())
    assert writes(decision) == {
        "jobtitle": "CTO",
        "company": "Quayside Freight",
        "industry": "Logistics",
        "mobilephone": "+447400123456",
    }
    assert decision.job_change


def test_an_update_overwrites_no_persons_company():
    decision = decided(record({"company": PERSON}), everything(JobChange.UPDATE), elsewhere())
    assert decision.kept[Field.COMPANY_NAME].startswith("human")


def test_what_an_answer_about_the_known_company_says_of_it_is_written_all_the_same():
    about = answer(
        value(Field.COMPANY_INDUSTRY, "Glass"),
        account="beta",
        about_company=True,
        identity=person(full_name=""),
    )
    decision = decided(record({"company": IMPORTED}), everything(), about, elsewhere(account="gamma"))
    assert writes(decision)["industry"] == "Glass"


@pytest.mark.parametrize(
    "identity",
    [
        {"employer": "Northbeam Ltd."},
        {"employer": "NB Holdings International", "employer_domain": "www.northbeam.example"},
        {"employer": ""},
    ],
)
def test_the_known_employer_in_other_words_is_no_new_one(identity):
    decision = decided(record(), everything(), elsewhere(identity=person(**identity)))
    assert decision.job_change == ""


def test_only_a_sure_answer_tells_of_a_new_employer():
    wanted = policy(min_identity=Level.POSSIBLE)
    assert decided(record(), wanted, elsewhere(level=Level.POSSIBLE)).job_change == ""
    assert decided(record(company=""), wanted, elsewhere()).job_change == ""


def test_it_is_told_alike_in_whatever_order_the_answers_came():
    one, other = elsewhere(account="alpha"), elsewhere(account="beta")
    assert decided(record(), everything(), one, other) == decided(record(), everything(), other, one)
