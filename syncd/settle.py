"""What an answer or a failure does to the books, the lookup and the account. Runs inside TX2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from syncd.accounts import ProviderAccount, Standing
from syncd.codec import add_charges, pack_candidates, show_charge
from syncd.connector import Failure, FailureKind, Operation
from syncd.ledger import Ledger
from syncd.model import Basis, Charge, Found, NotFound, Outcome, Pending, Refused, Unresolved
from syncd.store import lookups, runs
from syncd.store.engine import MILLION, Now
from syncd.store.money import Ticket

FIRST_POLL_S, DEADLINE_S = 5.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Fate:
    """What the asking contacts are to do: go_on with the answer, retry later, or wait for a job."""

    what: str
    wait_s: float = 0.0


GO_ON, RETRY, WAIT = "go_on", "retry", "wait"


class Settler:
    """Books outcomes. Calls nobody: whatever needs a request happens before, outside the transaction."""

    def __init__(self, ledger: Ledger, standing: Standing) -> None:
        self._ledger = ledger
        self._standing = standing

    def answer(
        self,
        connection: Connection,
        ticket: Ticket,
        operation: Operation,
        lookup_ids: Sequence[int],
        outcomes: Sequence[Outcome],
        lateness_s: float | None = None,
    ) -> Fate:
        """Store every outcome; settle the money when none is pending. A repeated answer changes nothing."""
        charges = [_charge(operation, outcome) for outcome in outcomes]
        pending = [o for o in outcomes if isinstance(o, Pending)]
        if pending:
            return self._wait(
                connection, ticket, operation, lookup_ids, outcomes, pending[0], add_charges(charges)
            )
        if not self._ledger.settle(connection, ticket, add_charges(charges)):
            return Fate(GO_ON)
        for lookup_id, outcome, charge in zip(lookup_ids, outcomes, charges, strict=True):
            _store(connection, lookup_id, outcome, charge)
        if any(c.amounts for c in charges):
            runs.record(
                connection,
                f"account:{ticket.account}",
                "lookup.charged",
                run_id=ticket.periods.run_id,
                call_id=ticket.call_id,
                subject=operation.name,
                reason=show_charge(add_charges(charges)),
            )
        return Fate(GO_ON)

    def _wait(
        self,
        connection: Connection,
        ticket: Ticket,
        operation: Operation,
        lookup_ids: Sequence[int],
        outcomes: Sequence[Outcome],
        pending: Pending,
        settled: Charge,
    ) -> Fate:
        poll = operation.poll
        first = pending.after_s if pending.after_s is not None else poll.first_s if poll else FIRST_POLL_S
        deadline = poll.deadline_s if poll else DEADLINE_S
        launch = add_charges([c for c in (pending.charge, settled) if c is not None])
        self._ledger.pend(
            connection,
            ticket,
            launch if pending.charge is not None or settled.amounts else None,
            handle=pending.handle,
            poll_at=Now() + round(first * MILLION),
            deadline_at=Now() + round(deadline * MILLION),
        )
        lookups.move(connection, ticket.call_id, ("sent", "unknown"), "pending")
        for lookup_id, outcome in zip(lookup_ids, outcomes, strict=True):
            if not isinstance(outcome, Pending):
                _store(connection, lookup_id, outcome, _charge(operation, outcome))
        return Fate(WAIT, first)

    def failure(
        self,
        connection: Connection,
        account: ProviderAccount,
        operation: Operation,
        ticket: Ticket,
        failure: Failure,
    ) -> Fate:
        """Book a call that gave no usable answer. Only proof of no charge gives the credits back."""
        uncharged = operation.free or failure.charged is False
        if not uncharged:
            self._ledger.lose(connection, ticket, failure.reason, ("sent",))
            return Fate(GO_ON)
        if failure.kind in (FailureKind.REJECTED, FailureKind.CONTRACT):
            if self._ledger.settle(connection, ticket, Charge.none(), ("sent",)):
                for kept, _ in lookups.of_call(connection, ticket.call_id):
                    lookups.settle(connection, kept.id, outcome="refused", reason=failure.reason, key=None)
            return Fate(GO_ON)
        self._ledger.release(connection, ticket, failure.reason)
        if failure.kind in (FailureKind.RATE_LIMITED, FailureKind.UNAVAILABLE, FailureKind.AMBIGUOUS):
            return Fate(RETRY, failure.retry_after_s or 0.0)
        return Fate(GO_ON)


def _store(connection: Connection, lookup_id: int, outcome: Outcome, charge: Charge) -> None:
    text = show_charge(charge)
    match outcome:
        case Found(candidates=candidates):
            answer = pack_candidates(candidates)
            lookups.settle(connection, lookup_id, outcome="found", answer=answer, charge=text, key=None)
        case NotFound():
            lookups.settle(connection, lookup_id, outcome="not_found", charge=text, key=None)
        case Refused(reason=reason):
            lookups.settle(connection, lookup_id, outcome="refused", reason=reason, charge=text, key=None)
        case Unresolved(reason=reason):
            lookups.settle(connection, lookup_id, outcome="unresolved", reason=reason, charge=text, key=None)
        case Pending():
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
