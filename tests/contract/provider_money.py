"""Rows 8 to 13: what is charged, what is not, and what happens when an answer is lost."""

from __future__ import annotations

import socket
from collections.abc import Callable
from decimal import Decimal
from functools import partial

from syncd.calls import ATTEMPTS
from syncd.connector import Failure, FailureKind
from syncd.model import Found, Pending
from tests.contract.acts import Act, ProviderSubject, attempt, impatient
from tests.contract.provider_answers import failed

SOME = 5
LOST = ("reset_before", "reset_after", "hang", "hang_after", "charge_then_500", "truncate")


def row_08_reported_charges_are_what_the_account_paid(subject: ProviderSubject) -> None:
    for settings in ({}, {"coverage": {}}):
        if settings and "coverage" not in subject.stage.troupe.sandbox_class(subject.name).knobs:
            continue
        for kind in subject.open().kinds():
            # A new account for each key: some vendors do not charge twice for one person.
            act = subject.open(**settings)
            people = act.people[: SOME if act.operation.batch == 1 else 3]
            keys = list(dict.fromkeys([*(act.key(p, kind) for p in people), act.unknown(kind)]))
            for asked in _batches(keys, act.operation.batch):
                with act.spending() as spent:
                    outcomes = act.ask(*asked)
                assert act.said(outcomes) == spent, f"said {act.said(outcomes)}, charged {spent} by {kind}"


def _batches(keys: list, size: int) -> list[list]:  # type: ignore[type-arg]
    return [keys[n : n + size] for n in range(0, len(keys), size)]


def row_09_the_declared_maximum_is_never_exceeded(subject: ProviderSubject) -> None:
    act = subject.open()
    most = act.operation.max_charge
    for kind in act.kinds():
        for key in (act.key(act.people[0], kind), act.unknown(kind)):
            with act.spending() as spent:
                act.ask(key)
            for pool, amount in spent.items():
                limit = most.get(pool, Decimal(0))
                assert amount <= limit, f"{amount} {pool} charged, {limit} declared, by {kind}"


def row_10_being_asked_to_wait_costs_nothing_and_is_obeyed(subject: ProviderSubject) -> None:
    for told, least in (("7", 6.0), (None, 0.0)):
        act = subject.open()
        key = act.key(act.people[0])
        act.fault("rate_limit", retry_after=told, times=1)
        with act.spending() as spent, act.requesting() as seen:
            failure = failed(act, key)
        assert failure.kind is FailureKind.RATE_LIMITED, failure.kind
        assert failure.charged is False, "a 429 is not known to be free"
        assert failure.status is not None, "nobody will obey a wish that did not come from the vendor"
        assert told is None or failure.retry_after_s == float(told), failure.retry_after_s
        assert not spent
        assert len(seen) == 1
        if told is not None:
            act.waits.clear()
            act.pacer.wait(act.line.bucket(act.operation), 30.0)
            assert sum(act.waits) >= least, "the next request does not wait"


def row_11_out_of_credits_is_no_bad_key(subject: ProviderSubject) -> None:
    act = subject.open()
    key = act.key(act.people[0])
    act.put_balance(**dict.fromkeys(act.connector.credits, 0))
    with act.spending() as spent:
        failure = failed(act, key)
    assert failure.kind is FailureKind.OUT_OF_CREDITS, f"out of credits is called {failure.kind}"
    assert failure.charged is False
    assert not spent
    act.connector.check(act.line)


def row_12_an_outage_of_a_free_question_is_bridged_and_then_told(subject: ProviderSubject) -> None:
    act = subject.open()
    act.fault("status", status=500, times=2)
    with act.requesting() as seen:
        _ask_freely(act)
    assert len(seen) >= 3, "an outage is not bridged"
    for status in (500, 502, 503, 504):
        act = subject.open()
        act.fault("status", status=status)
        with act.requesting() as seen:
            failure = _failure_of(act, _ask_freely)
        assert failure.kind is FailureKind.UNAVAILABLE, f"{status} is called {failure.kind}"
        assert len(seen) == ATTEMPTS, f"{len(seen)} attempts"
    act = subject.open()
    act.line = act.line_to(f"http://127.0.0.1:{_closed_port()}")
    failure = _failure_of(act, lambda act: act.connector.check(act.line))
    assert failure.kind is FailureKind.UNAVAILABLE, f"no connection is called {failure.kind}"


def _ask_freely(act: Act) -> object:
    """Ask for the balance, or, where the vendor never tells it, whether the account is there."""
    if act.connector.unreported.issuperset(act.connector.credits):
        return act.connector.check(act.line)
    return act.connector.balance(act.line, act.sandbox.clock.now())


def _failure_of(act: Act, ask: Callable[[Act], object]) -> Failure:
    told = attempt(partial(ask, act))
    assert isinstance(told, Failure), "an outage is told as an answer"
    return told


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def row_12_an_outage_is_never_an_answer(subject: ProviderSubject) -> None:
    act = subject.open()
    key, act_paid = act.key(act.people[0]), not act.operation.free
    for status in (500, 502, 503):
        act.sandbox.faults.clear()
        act.fault("status", status=status, times=1)
        with act.spending() as spent, act.requesting() as seen:
            failure = failed(act, key)
        assert failure.kind in (FailureKind.AMBIGUOUS, FailureKind.UNAVAILABLE), failure.kind
        assert not act_paid or failure.charged is not False, "nobody can know that it was not charged"
        assert len(seen) == 1
        assert not spent
    act.line = act.line_to(f"http://127.0.0.1:{_closed_port()}")
    failure = failed(act, key)
    assert (failure.kind, failure.charged) == (FailureKind.UNAVAILABLE, False)


def row_13_a_lost_answer_is_one_request_and_doubtful(subject: ProviderSubject) -> None:
    act = subject.open()
    key, paid = act.key(act.people[0]), not act.operation.free
    for kind in LOST:
        act.sandbox.faults.clear()
        act.fault(kind, times=1)
        with act.requesting() as seen, impatient() as asked:
            failure = failed(act, key)
        assert len(seen) == 1, f"{kind}: {len(seen)} requests"
        allowed = (FailureKind.AMBIGUOUS,) if paid else (FailureKind.AMBIGUOUS, FailureKind.UNAVAILABLE)
        assert failure.kind in allowed, f"{kind} is called {failure.kind}"
        assert not paid or failure.charged is None, f"{kind} is said to be {failure.charged}"
        assert any(asked) and None not in asked[1:2], "a request without a timeout"


def row_13_a_lost_answer_to_a_poll_is_asked_for_again_and_charged_once(subject: ProviderSubject) -> None:
    act = subject.open()
    key = act.key(act.people[0])
    with act.spending() as spent:
        outcomes = act.submit(key)
        for kind in LOST if isinstance(outcomes[0], Pending) else ():
            act.sandbox.faults.clear()
            act.fault(kind, times=1)
            with impatient():
                outcomes = act.poll([key], outcomes)
        act.sandbox.faults.clear()
        (outcome,) = act.finish([key], outcomes)
    assert isinstance(outcome, Found), type(outcome).__name__
    assert act.said([outcome]) == spent, f"said {act.said([outcome])}, charged {spent}"
