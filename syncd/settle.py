"""What an answer or a failure does to the books, the lookup and the account. Runs inside TX2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from syncd.accounts import ProviderAccount, Standing
from syncd.codec import add_charges, pack_candidates, show_charge
from syncd.connector import Failure, FailureKind, Operation
from syncd.ledger import Launch, Ledger
from syncd.model import Basis, Charge, Found, NotFound, Outcome, Pending, Refused, Unresolved
from syncd.store import lookups, runs
from syncd.store.engine import MILLION
from syncd.store.money import Ticket

FIRST_POLL_S, DEADLINE_S = 5.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What the asking contacts are to do: go_on with the answer, retry later, or wait for a job."""

    what: str
    wait_s: float = 0.0


GO_ON, RETRY, WAIT = "go_on", "retry", "wait"


@dataclass(frozen=True, slots=True)
class Answered:
    """A call and what came back, in the order of its lookups."""

    ticket: Ticket
    operation: Operation
    lookup_ids: Sequence[int]
    outcomes: Sequence[Outcome]


class Settler:
    """Books outcomes. Calls nobody: whatever needs a request happens before, outside the transaction."""

    def __init__(self, ledger: Ledger, standing: Standing) -> None:
        self._ledger = ledger
        self._standing = standing

    def answers(self, connection: Connection, answered: Sequence[Answered]) -> list[Fate]:
        """Store every outcome; settle the money of calls in which none is pending.

        An answer that comes a second time changes nothing. A call of which nobody can tell what came of it, nor
        whether it was charged, is lost as one is that was never answered.
        """
        lost = {id(a) for a in answered if _is_lost(a)}
        for a in (a for a in answered if id(a) in lost):
            self._ledger.lose(connection, a.ticket, _reason(a))
        whole = [
            a for a in answered if id(a) not in lost and not any(isinstance(o, Pending) for o in a.outcomes)
        ]
        charges = [[_charge(a.operation, o) for o in a.outcomes] for a in whole]
        totals = [add_charges(c) for c in charges]
        fresh = self._ledger.settle(
            connection, [(a.ticket, total) for a, total in zip(whole, totals, strict=True)]
        )
        results: list[lookups.Result] = []
        events: list[dict[str, Any]] = []
        for a, parts, total, first in zip(whole, charges, totals, fresh, strict=True):
            if first:
                results += [_result(i, o, c) for i, o, c in zip(a.lookup_ids, a.outcomes, parts, strict=True)]
                if total.amounts:
                    events.append(_event(a, total))
        lookups.settle(connection, results)
        runs.record_many(connection, events)
        settled = lost | {id(a) for a in whole}
        waits = iter(self._wait(connection, [a for a in answered if id(a) not in settled]))
        return [Fate(GO_ON) if id(a) in settled else next(waits) for a in answered]

    def _wait(self, connection: Connection, launched: Sequence[Answered]) -> list[Fate]:
        """Jobs were launched. Lookups that were answered at once are stored at once."""
        launches, at_once = [], []
        for a in launched:
            done = [
                (i, o, _charge(a.operation, o))
                for i, o in zip(a.lookup_ids, a.outcomes, strict=True)
                if not isinstance(o, Pending)
            ]
            launches.append(_launch(a, [charge for _, _, charge in done]))
            at_once += [_result(i, o, charge) for i, o, charge in done]
        self._ledger.pend(connection, launches)
        lookups.settle(connection, at_once)
        return [Fate(WAIT, launch.poll_us / MILLION) for launch in launches]

    def failure(
        self,
        connection: Connection,
        account: ProviderAccount,
        operation: Operation,
        ticket: Ticket,
        failure: Failure,
    ) -> Fate:
        """Book a call that gave no usable answer. Only proof of no charge gives the credits back."""
        if not operation.free and failure.charged is not False:
            self._ledger.lose(connection, ticket, failure.reason, ("sent",))
            return Fate(GO_ON)
        if failure.kind in (FailureKind.REJECTED, FailureKind.CONTRACT):
            if all(self._ledger.settle(connection, [(ticket, Charge.none())])):
                of_call = lookups.of_call(connection, ticket.call_id)
                lookups.settle(
                    connection, [lookups.Result(k.id, "refused", failure.reason) for k, _ in of_call]
                )
            return Fate(GO_ON)
        self._ledger.release(connection, ticket, failure.reason)
        passing = (FailureKind.RATE_LIMITED, FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS)
        if failure.kind in passing and not failure.without:
            return Fate(RETRY, failure.retry_after_s or 0.0)
        return Fate(GO_ON)


def _launch(a: Answered, done: Sequence[Charge]) -> Launch:
    """What is to be booked of a job's launch; `done` are the charges of what was answered at once."""
    pending = next(o for o in a.outcomes if isinstance(o, Pending))
    poll = a.operation.poll
    first = pending.after_s if pending.after_s is not None else poll.wait_s(0) if poll else FIRST_POLL_S
    deadline = poll.deadline_s if poll else DEADLINE_S
    at_launch = [c for c in (pending.charge, *done) if c is not None]
    under_way = len(a.outcomes) - len(done) if pending.charge is None else 0
    return Launch(
        a.ticket,
        pending.handle,
        round(first * MILLION),
        round(deadline * MILLION),
        add_charges(at_launch) if at_launch else None,
        {kind: most * under_way for kind, most in a.operation.max_charge.items()},
    )


def _is_lost(answered: Answered) -> bool:
    silent = all(isinstance(o, Unresolved) and o.charge is None for o in answered.outcomes)
    return silent and not answered.operation.free


def _reason(answered: Answered) -> str:
    return next(o.reason for o in answered.outcomes if isinstance(o, Unresolved))


def _event(answered: Answered, total: Charge) -> dict[str, Any]:
    ticket = answered.ticket
    return {
        "actor": f"account:{ticket.account}",
        "action": "lookup.charged",
        "run_id": ticket.periods.run_id,
        "call_id": ticket.call_id,
        "subject": answered.operation.name,
        "reason": show_charge(total),
    }


def _result(lookup_id: int, outcome: Outcome, charge: Charge) -> lookups.Result:
    text = show_charge(charge)
    match outcome:
        case Found(candidates=candidates):
            return lookups.Result(lookup_id, "found", "", pack_candidates(candidates), text)
        case NotFound():
            return lookups.Result(lookup_id, "not_found", charge=text)
        case Refused(reason=reason):
            return lookups.Result(lookup_id, "refused", reason, charge=text)
        case Unresolved(reason=reason):
            return lookups.Result(lookup_id, "unresolved", reason, charge=text)
    raise AssertionError("a pending lookup is not settled")


def _charge(operation: Operation, outcome: Outcome) -> Charge:
    """The charge of one outcome; where nobody can tell, the most it can have been."""
    match outcome:
        case Pending():
            return Charge.none()
        case Unresolved(charge=None):
            most = {kind: Decimal(amount) for kind, amount in operation.max_charge.items()}
            return Charge(most, Basis.UNKNOWN)
        case (
            Found(charge=charge)
            | NotFound(charge=charge)
            | Refused(charge=charge)
            | Unresolved(charge=Charge() as charge)
        ):
            return charge
    raise AssertionError("an outcome of no known kind")
