"""Rows 1 to 7: what a provider declares, whose account it is, and what it answers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from connectors.sandbox.population import Person
from syncd.accounts import ProviderAccount, Standing
from syncd.connector import Failure, FailureKind, Mode, On, Options, Replay, Secret, names
from syncd.ledger import Ledger
from syncd.model import (
    EMAIL_FIELDS,
    PHONE_FIELDS,
    Candidate,
    Field,
    Found,
    Key,
    KeyKind,
    NotFound,
    Outcome,
    Plan,
    Quality,
    fold,
)
from syncd.offers import normal
from syncd.store import runs
from tests.contract.acts import Act, ProviderSubject, attempt
from tests.contract.tampering import at, decoded, in_other_case, without_numbers


def failed(act: Act, *keys: Key) -> Failure:
    """The failure that asking ends with."""
    told = attempt(lambda: act.submit(*keys))
    assert isinstance(told, Failure), f"{[type(o).__name__ for o in told]} where a failure was due"
    return told


def row_01_only_known_names_are_declared(subject: ProviderSubject) -> None:
    act = subject.open()
    connector = act.connector
    assert connector.name == subject.name
    assert subject.name in names("provider")
    assert connector.docs_url.startswith("https://")
    assert connector.default_base_url.startswith("https://")
    assert len(set(connector.credits)) == len(connector.credits)
    assert connector.unreported <= set(connector.credits)
    assert all(limit.count > 0 and limit.per_s > 0 for limit in connector.limits)
    buckets = [limit.bucket for limit in connector.limits]
    assert len(set(buckets)) == len(buckets)
    assert "default" in buckets
    every = [o.name for o in connector.operations]
    assert len(set(every)) == len(every)
    assert issubclass(type(act.options), Options)
    assert all(f.description for f in type(act.options).model_fields.values()), "an option is not described"
    for operation in connector.operations:
        _declares_known_names(act, operation.name, buckets)


def _declares_known_names(act: Act, name: str, buckets: list[str]) -> None:
    o = next(o for o in act.connector.operations if o.name == name)
    assert o.bucket in buckets, f"{name} uses an unknown bucket"
    assert o.accepts
    assert all(isinstance(kind, KeyKind) for kind in o.accepts)
    assert all(isinstance(f, Field) and isinstance(q, Quality) for f, q in o.returns.items())
    assert set(o.max_charge) <= set(act.connector.credits), f"{name} charges an undeclared credit kind"
    assert all(price.amount > 0 and isinstance(price.on, On) for price in o.prices)
    # A price that hangs on no field never falls due by itself: what may be overcharged is set aside.
    assert all(price.fields for price in o.prices if price.on is On.BLANK), name
    assert not o.prices or any(price.fields or price.on is not On.FIELDS for price in o.prices), name
    assert (o.replay is Replay.FREE) == o.free, f"{name}: only what is free may be repeated as if it were"
    assert (o.mode is Mode.JOB) == (o.poll is not None), name
    assert o.poll is None or 0 < o.poll.deadline_s <= 14 * 86_400.0, f"{name} could be pending for ever"
    assert o.batch >= 1
    assert o.timeout_s > 0
    assert o.replay is not Replay.KEYED or o.free_repeat_s > 0, name


def row_02_the_good_key_passes_and_a_bad_one_is_told_by_its_place_in_the_configuration(
    subject: ProviderSubject,
) -> None:
    act = subject.open()
    with act.spending() as spent:
        act.connector.check(act.line)
    assert not spent, "check costs credits"
    act.change_secrets("wrong-and-not-in-use")
    failure = attempt(lambda: act.connector.check(act.line))
    assert isinstance(failure, Failure), "a bad key passes"
    assert failure.kind is FailureKind.AUTH, f"a bad key is called {failure.kind}"
    reason = _halted_for(act, failure)
    secrets = [n for n in type(act.options).model_fields if isinstance(getattr(act.options, n), Secret)]
    assert any(f"providers.{act.account}.{name}" in reason for name in secrets), reason


def _halted_for(act: Act, failure: Failure) -> str:
    store = act.subject.stage.store
    standing = _standing(act)
    standing.react(ProviderAccount(act.account, act.connector, act.line), None, failure)
    with store.read() as connection:
        return next(h.reason for h in runs.halts(connection) if h.scope == act.account)


def _standing(act: Act) -> Standing:
    store = act.subject.stage.store
    account = ProviderAccount(act.account, act.connector, act.line)
    ledger = Ledger(store, {}, "suite", 60_000_000)
    return Standing(store, ledger, {act.account: account}, lambda: datetime.now(UTC), time.monotonic)


def row_02_a_bad_key_is_recognised_at_every_operation(subject: ProviderSubject) -> None:
    act = subject.open()
    key = act.key(act.people[0])
    act.change_secrets("wrong-and-not-in-use")
    with act.spending() as spent:
        failure = failed(act, key)
        account = ProviderAccount(act.account, act.connector, act.line)
        judged = _standing(act).settle_doubt(account, failure)
    assert judged.kind is FailureKind.AUTH, f"a bad key is called {judged.kind}"
    assert judged.charged is False, "a refused key cannot have been charged"
    assert not spent


def row_03_the_balance_is_the_account_s_own(subject: ProviderSubject) -> None:
    for settings, plan in subject.facts.plans:
        act = subject.open(**settings)
        given = {kind: 300 + 10 * n for n, kind in enumerate(act.connector.credits)}
        act.put_balance(**given)
        paid = [o.name for o in act.connector.operations if not o.free and not o.backfill_only]
        act.subject = replace(act.subject, operation=paid[0])
        key = act.key(act.people[0])
        act.put_balance(**given)
        with act.spending() as spent:
            _agrees_with(act, given, plan)
        assert not spent, "the balance costs credits"
        with act.spending() as spent:
            act.ask(key)
        assert spent
        _agrees_with(act, {k: n - spent.get(k, Decimal(0)) for k, n in given.items()}, plan)


def _agrees_with(act: Act, given: dict[str, Decimal], plan: Plan | None) -> None:
    balance = act.connector.balance(act.line, act.sandbox.clock.now())
    for kind in act.connector.credits:
        pool = balance.pools.get(kind)
        if kind in act.connector.unreported:
            assert pool is None or pool.remaining is None, f"{kind} has a figure that the vendor never gives"
            continue
        assert pool is not None, f"nothing is said of {kind}"
        if act.subject.facts.pools.get(kind, kind) is not None and pool.plan is not Plan.OWED:
            assert pool.remaining == given[kind], f"{kind} is {pool.remaining}, not {given[kind]}"
        assert plan is None or pool.plan is plan, f"{kind} is called {pool.plan}"
    assert set(balance.pools) <= set(act.connector.credits)


def row_03_a_balance_that_the_vendor_does_not_say_stays_unknown(subject: ProviderSubject) -> None:
    for settings, _ in subject.facts.plans:
        act = subject.open(**settings)
        act.tamper(at(0, decoded(without_numbers)))
        balance = attempt(partial(act.connector.balance, act.line, act.sandbox.clock.now()))
        if isinstance(balance, Failure):
            assert balance.kind is FailureKind.CONTRACT, balance.kind
            continue
        figures = {kind: pool.remaining for kind, pool in balance.pools.items()}
        assert all(figure is None for figure in figures.values()), f"unknown became {figures}"


# answers


def row_04_a_known_person_is_found_whatever_the_spelling(subject: ProviderSubject) -> None:
    act = subject.open()
    person = act.people[0]
    for kind in act.kinds():
        key = act.key(person, kind)
        for change in (None, at(0, decoded(in_other_case))):
            act.tamper(change)
            (outcome,) = act.ask(key)
            assert isinstance(outcome, Found), f"{type(outcome).__name__} by {kind}"
            assert outcome.candidates
            _speaks_of(act, person, outcome)


def _speaks_of(act: Act, person: Person, outcome: Found) -> None:
    operation = act.operation
    for candidate in outcome.candidates:
        for value in candidate.values:
            assert value.field in operation.returns, f"{value.field} is not declared"
            assert value.value == value.value.strip() != "", f"{value.field} is blank or padded"
            assert normal(value.field, value.value, person.country), f"{value.field} is no value of its kind"
    agreeing = [c for c in outcome.candidates if agrees(act, c, person)]
    assert agreeing, "nobody in the answer is the person"
    told = {value.field for value in agreeing[0].values}
    for price in operation.prices:
        if price.on is On.FIELDS and price.fields:
            assert told & price.fields, f"paid {price.kind} and got none of its fields"
    assert told or not operation.returns, "an answer without values"
    assert agreeing[0].available or not operation.gates, "a check that says nothing"
    assert agreeing[0].graded or not operation.verifies or operation.gates, "a verifier that says nothing"


def truths(person: Person) -> dict[Field, set[str]]:
    """What the world knows of a person, in comparable form."""
    phones = {digits(person.mobile), digits(person.landline)}
    return {
        Field.FULL_NAME: {fold(person.full)},
        Field.FIRST_NAME: {fold(person.first)},
        Field.LAST_NAME: {fold(person.last)},
        Field.WORK_EMAIL: {person.work_email.lower()},
        Field.PERSONAL_EMAIL: {person.personal_email.lower()},
        **dict.fromkeys(PHONE_FIELDS, phones),
        Field.LINKEDIN_URL: {person.linkedin_url},
        Field.JOB_TITLE: {fold(person.title)},
        Field.COMPANY_NAME: {fold(person.company.name)},
        Field.COMPANY_DOMAIN: {person.company.domain},
    }


def digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def agrees(act: Act, candidate: Candidate, person: Person) -> bool:
    """Whether nothing that is told contradicts what the person is."""
    known = truths(person)
    if act.operation.name in act.subject.facts.unsorted:
        known |= dict.fromkeys(EMAIL_FIELDS, known[Field.WORK_EMAIL] | known[Field.PERSONAL_EMAIL])
    return all(
        _comparable(value.field, value.value, person) in known[value.field]
        for value in candidate.values
        if value.field in known
    )


def _comparable(kind: Field, text: str, person: Person) -> str:
    return digits(text) if kind in PHONE_FIELDS else fold(normal(kind, text, person.country))


def row_05_an_unknown_person_is_not_found(subject: ProviderSubject) -> None:
    act = subject.open()
    for kind in act.kinds():
        key = act.unknown(kind)
        (outcome,) = act.ask(key)
        assert claims_nothing(act, outcome), f"an unknown person is {type(outcome).__name__} by {kind}"


def claims_nothing(act: Act, outcome: Outcome) -> bool:
    """Whether an answer says nothing good about anybody: not found, or a check that came back empty."""
    if isinstance(outcome, NotFound):
        return True
    if not isinstance(outcome, Found) or not (act.operation.gates or act.operation.verifies):
        return False
    good = (Quality.VERIFIED, Quality.LIKELY)
    return not any(
        c.values or any(c.available.values()) or any(q in good for q in c.graded.values())
        for c in outcome.candidates
    )


def row_06_answers_keep_the_order_and_number_of_the_questions(subject: ProviderSubject) -> None:
    for order in ("one nobody two", "nobody one", "one one", "two nobody one nobody two"):
        act = subject.open()
        first, second, *_ = act.people
        keys = {"one": act.key(first), "nobody": act.unknown(), "two": act.key(second)}
        names = order.split()[: act.operation.batch]
        with act.spending() as spent:
            outcomes = act.ask(*(keys[name] for name in names))
        assert len(outcomes) == len(names), f"{len(outcomes)} answers to {len(names)} questions"
        for name, outcome in zip(names, outcomes, strict=True):
            if name == "nobody":
                assert claims_nothing(act, outcome), "another's answer stands in the place of nobody's"
                continue
            person = first if name == "one" else second
            assert isinstance(outcome, Found), f"{type(outcome).__name__} for somebody known"
            assert any(agrees(act, c, person) for c in outcome.candidates), "another's answer"
        assert act.said(outcomes) == spent, f"said {act.said(outcomes)}, charged {spent}"


def row_07_a_full_batch_is_one_request(subject: ProviderSubject) -> None:
    act = subject.open()
    operation = act.operation
    keys = [act.key(p) for p in act.people[: operation.batch]]
    keys = list(dict.fromkeys(keys))
    keys += [act.unknown(number=n) for n in range(1, operation.batch - len(keys) + 1)]
    with act.requesting() as seen:
        outcomes = act.submit(*keys)
    assert len(seen) == 1, f"{len(seen)} requests for one batch"
    assert seen[0][2] < 400 or operation.batch == 1, f"the batch is refused with {seen[0][2]}"
    assert len(act.finish(keys, outcomes)) == len(keys)
