"""What may come of an answer, whatever it holds: outcomes that can be booked and stored, or a failure that tells nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from syncd.codec import pack_candidates, pack_contact, unpack_candidates
from syncd.connector import Answer, Failure, FailureKind
from syncd.ledger import micro
from syncd.model import Balance, Charge, Contact, Found, NotFound, Outcome, Pending, Refused, Unresolved
from syncd.store.engine import MILLION
from tests.fuzz.odd import MARK, NAME, texts
from tests.fuzz.recorded import Exchange, Looked, Replay
from tests.fuzz.recorded_crms import Called

MOST = 2**62
"""More than any state can hold of millionths."""
NO_TEXT = frozenset({"True", "False", "None"})


def judge_outcomes(exchange: Exchange, answers: Sequence[Answer]) -> list[Outcome] | Failure:
    """What a connector makes of the answers to a question or a poll; it is looked at in every way."""
    wire = Replay(exchange.connector.classify, answers)
    try:
        if exchange.handle:
            (told,) = exchange.connector.poll(wire, exchange.operation, exchange.jobs)
        else:
            told = exchange.connector.submit(wire, exchange.operation, exchange.asked)
    except Failure as failure:
        judge_failure(failure)
        return failure
    assert len(told) == len(exchange.asked)
    for outcome in told:
        judge_outcome(outcome, exchange.connector.credits)
    return told


def judge_failure(failure: Failure) -> None:
    """Its text is a constant, its wait can be waited for."""
    assert isinstance(failure.kind, FailureKind)
    assert MARK not in f"{failure} {failure.code}"
    assert failure.retry_after_s is None or 0 <= failure.retry_after_s < float("inf")


def judge_outcome(outcome: Outcome, kinds: Sequence[str]) -> None:
    """It can be stored and booked, and no structure was taken for text."""
    assert isinstance(outcome, Found | NotFound | Pending | Unresolved | Refused)
    for text in texts(outcome):
        assert MARK not in text, "a structure was read as a value"
        assert NAME not in text, "a structure was read as a value"
        assert text not in NO_TEXT, f"{text} is no text"
    if outcome.charge is not None:
        judge_charge(outcome.charge, kinds)
    if isinstance(outcome, Pending):
        assert outcome.handle
        assert outcome.after_s is None or 0 <= outcome.after_s < 90 * 86_400
    if isinstance(outcome, Found):
        assert outcome.candidates
        for candidate in outcome.candidates:
            assert all(value.value.strip() for value in candidate.values)
            assert candidate.similarity is None or 0 <= candidate.similarity <= 1
        assert len(unpack_candidates(pack_candidates(outcome.candidates))) == len(outcome.candidates)


def judge_charge(charge: Charge, kinds: Sequence[str]) -> None:
    """An amount of known credits that the books can hold."""
    assert set(charge.amounts) <= set(kinds)
    for amount in charge.amounts.values():
        judge_figure(amount)
        assert amount >= 0


def judge_figure(figure: Decimal | None) -> None:
    """A number that the state can hold, or unknown."""
    assert figure is None or (figure.is_finite() and abs(micro(figure)) < MOST), f"{figure} is no figure"


def judge_balance(looked: Looked, answers: Sequence[Answer]) -> Balance | None:
    """What a connector makes of an account's page."""
    connector = looked.fresh()
    wire = Replay(connector.classify, answers)
    balance: Balance | None = None
    try:
        balance = connector.balance(wire, looked.now)
        account = connector.check(wire)
        assert all(MARK not in text and NAME not in text for text in texts(account))
    except Failure as failure:
        judge_failure(failure)
    if balance is not None:
        assert set(balance.pools) <= set(connector.credits)
        for pool in balance.pools.values():
            judge_figure(pool.remaining)
            judge_figure(pool.used)
            judge_figure(pool.overage)
        assert balance.period is None or len(balance.period) == 7
    return balance


def judge_crm(called: Called, answers: list[Answer]) -> object:
    """What a CRM's connector makes of answers: pages, records and results without structures taken for text."""
    try:
        told = called.ask(answers)
    except Failure as failure:
        judge_failure(failure)
        return failure
    assert all(MARK not in text and NAME not in text for text in texts(told)), (
        "a structure was read as a value"
    )
    for contact in contacts(told):
        assert contact.id
        pack_contact(contact)
        assert contact.updated_at is None or contact.updated_at.timestamp() * MILLION < MOST
    return told


def contacts(told: object) -> Iterator[Contact]:
    """The records in what a call gave."""
    if isinstance(told, Contact):
        yield told
    elif isinstance(told, list):
        for one in told:
            yield from contacts(one)
    elif isinstance(told, dict):
        yield from contacts(list(told.values()))
