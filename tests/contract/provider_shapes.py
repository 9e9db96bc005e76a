"""Rows 14 to 16: answers in other forms than documented, and jobs from launch to end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from syncd.connector import Failure, FailureKind
from syncd.model import Found, Key, NotFound, Outcome, Pending, Unresolved
from tests.contract.acts import STEP_S, Act, ProviderSubject, attempt
from tests.contract.provider_answers import claims_nothing
from tests.contract.tampering import at, decoded, in_state, misshapen, with_news

UNHEARD_OF = "ZZ_UNHEARD_OF"


def row_14_an_answer_in_another_form_is_never_read_as_one(subject: ProviderSubject) -> None:
    act = subject.open()
    key = act.key(act.people[0])
    body, honest = _honest(act, key)
    for what, odd in misshapen(body):
        act.tamper(at(1, lambda _, odd=odd: odd))
        told = attempt(lambda: act.submit(key))
        if isinstance(told, Failure):
            assert told.kind is FailureKind.CONTRACT, f"{what} is called {told.kind}"
            assert act.operation.free or told.charged is not False, f"{what} is said to be free"
        elif told != honest:
            # What does not depend on the odd part may be told all the same.
            _is_doubt(what, told)


def _honest(act: Act, key: Key) -> tuple[bytes, list[Outcome]]:
    """The body of the answer to one question, and what is made of it."""
    seen: list[bytes] = []
    act.tamper(at(1, lambda body: seen.append(body) or body))
    outcomes = act.submit(key)
    return seen[0], outcomes


def _is_doubt(what: str, outcomes: Sequence[Outcome]) -> None:
    told = [type(o).__name__ for o in outcomes if not isinstance(o, Unresolved)]
    assert not told, f"{what} is read as {told[0]}"
    assert all(o.charge is None or o.charge.amounts == {} for o in outcomes if isinstance(o, Unresolved))


def row_14_an_answer_to_a_poll_in_another_form_is_never_read_as_one(subject: ProviderSubject) -> None:
    for ready in (False, True):
        act = subject.open()
        key = act.key(act.people[0])
        launched = act.submit(key)
        if not isinstance(launched[0], Pending):
            return
        if ready:
            act.sandbox.clock.advance(STEP_S)
        seen: list[bytes] = []
        act.tamper(at(1, lambda body, seen=seen: seen.append(body) or body))
        honest = act.poll([key], launched)
        for what, odd in misshapen(seen[0]):
            act.tamper(at(0, lambda _, odd=odd: odd))
            told = attempt(partial(act.poll, [key], launched))
            if isinstance(told, Failure):
                assert told.kind is FailureKind.CONTRACT, f"{what} is called {told.kind}"
            elif told != honest:
                _is_doubt(what, [o for o in told if not isinstance(o, Pending)])
        act.tamper(None)
        assert act.poll([key], launched) == honest, "an odd answer changed the next one"


def row_15_unknown_keys_change_nothing(subject: ProviderSubject) -> None:
    for unknown in (False, True):
        answers = []
        for change in (None, at(0, decoded(with_news))):
            act = subject.open()
            key = act.unknown() if unknown else act.key(act.people[0])
            act.tamper(change)
            answers.append([_comparable(o) for o in act.ask(key)])
        assert answers[0] == answers[1], "an unknown key changed the answer"


def row_15_one_connector_takes_old_and_new_answers(subject: ProviderSubject) -> None:
    act = subject.open()
    key = act.key(act.people[0])
    plain = [_comparable(o) for o in act.ask(key)]
    act.tamper(at(0, decoded(with_news)))
    assert [_comparable(o) for o in act.ask(key)] == plain, "an unknown key changed the answer"


def _comparable(outcome: Outcome) -> Outcome:
    """The outcome; job handles differ from launch to launch."""
    return Pending("") if isinstance(outcome, Pending) else outcome


def row_16_a_job_is_pending_then_found_and_polls_are_free(subject: ProviderSubject) -> None:
    act = subject.open()
    person, key = act.people[0], act.key(act.people[0])
    with act.spending() as spent:
        launched = act.submit(key)
        # The first answer may already be the last.
        assert isinstance(launched[0], Pending | Found), type(launched[0]).__name__
        assert isinstance(act.poll([key], launched)[0], Pending | Found), "too early, and not pending"
        ended = act.finish([key], launched)
    assert isinstance(ended[0], Found), f"{type(ended[0]).__name__} for {person.ref}"
    assert act.said(ended) == spent, f"said {act.said(ended)}, charged {spent}"
    fresh = subject.build(act.options)
    act.connector = fresh
    with act.spending() as spent, act.requesting() as seen:
        assert act.poll([key], launched) == ended, "a second poll says something else"
    assert not spent, "polling costs credits"
    pending = isinstance(launched[0], Pending)
    reads = subject.facts.reads if pending else 0
    assert len(seen) == reads, f"{len(seen)} requests to poll one job"


def row_16_every_end_of_a_job_is_an_end(subject: ProviderSubject) -> None:
    for state, allowed in subject.facts.states.items():
        for known in (True, False):
            outcome = _ended(subject, state, known)
            assert outcome is None or isinstance(outcome, allowed), (
                f"{state} is read as {type(outcome).__name__}"
            )


def row_16_an_unknown_state_is_neither_endless_nor_not_found(subject: ProviderSubject) -> None:
    for known in (True, False):
        outcome = attempt(partial(_ended, subject, UNHEARD_OF, known))
        if outcome is None or isinstance(outcome, Failure):
            assert outcome is None or outcome.kind is FailureKind.CONTRACT, outcome
            continue
        assert not isinstance(outcome, NotFound), "a state that nobody knows is read as not found"
        act = subject.open()
        assert known or not isinstance(outcome, Found) or claims_nothing(act, outcome), (
            "somebody unknown is found in a state nobody knows"
        )
        poll = act.operation.poll
        assert poll is not None and poll.deadline_s <= 14 * 86_400.0, "pending for ever"


def _ended(subject: ProviderSubject, state: str, known: bool) -> Outcome | None:
    """The outcome of a finished job whose state is called otherwise; None where the launch is answered."""
    act = subject.open()
    key = act.key(act.people[0]) if known else act.unknown()
    launched = act.submit(key)
    if not isinstance(launched[0], Pending):
        return None
    act.sandbox.clock.advance(STEP_S)
    act.tamper(at(0, decoded(in_state(state))))
    return act.poll([key], launched)[0]
