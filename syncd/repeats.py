"""Repeats of lost calls at vendors that do not charge the same question twice within a time: once, by the meter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import Connection

from syncd import redress
from syncd.accounts import ProviderAccount
from syncd.calls import PaidLine
from syncd.codec import unpack_key
from syncd.connector import Failure, FailureKind, Operation, Replay
from syncd.ledger import in_credits, tell
from syncd.model import Lookup, Outcome
from syncd.poll import Poller
from syncd.settle import Answered, Settler
from syncd.store import calls, figures, jobs, lookups, money, readings, runs
from syncd.store.engine import MILLION
from syncd.store.jobs import Lost
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.repeats")
MOST = 20
"""Repeats of one account in one cycle: what they prove is looked at before there are more."""
MARGIN = 0.9
"""The share of the vendor's free time that is made use of."""
PATIENCE_S, SLOT_S = 60.0, 10.0
ENDED = ("settled", "written_off", "released", "unknown")


def may_repeat(connection: Connection, account: ProviderAccount, call: Lost) -> bool:
    """Whether a call may be sent once more: the vendor has promised that it is free, and kept it so far."""
    operation = account.operation(call.operation)
    return (
        operation is not None
        and operation.replay is Replay.KEYED
        and not call.repeated
        and not call.handle
        and runs.get_meta(connection, _broken(account.name)) is None
    )


def _broken(account: str) -> str:
    return f"no_repeat:{account}"


class Repeater:
    """Repeats lost calls of one account. The figure has just been read: it is the meter before."""

    def __init__(self, bench: Bench, account: ProviderAccount) -> None:
        self.b = bench
        self.account = account
        self._settler = Settler(bench.ledger, bench.standing)

    def repeat(self, calls: Sequence[Lost]) -> list[int]:
        """Repeat what may be, take in what it brings, and compare the meter; the calls that were sent again."""
        with self.b.store.read() as connection:
            chosen = [c for c in calls if may_repeat(connection, self.account, c)][:MOST]
            before = self._left(connection, chosen)
            paid = self._paid(connection, calls)
            free = self._free(connection, calls)
        if before is None:
            return []
        chosen = [c for c in chosen if c.call_id not in free]
        sent = [c for c in chosen if not self.b.stop.is_set() and self._one(c)]
        if sent:
            self._await(sent)
            if self.b.standing.ask(self.account) is None:
                self._compare(sent, before, paid)
        return [c.call_id for c in sent]

    def _left(self, connection: Connection, calls: Sequence[Lost]) -> dict[str, int] | None:
        """kind → the vendor's figure; None where one is missing, for then nothing could be proved."""
        pools = figures.pools(connection)
        kinds = {kind for call in calls for kind in call.worth}
        found = {k: pools[self.account.name, k].remaining for k in kinds if (self.account.name, k) in pools}
        told = {k: n for k, n in found.items() if n is not None}
        return told if kinds and told.keys() == kinds else None

    def _paid(self, connection: Connection, calls: Sequence[Lost]) -> frozenset[int]:
        """The calls that were charged for certain."""
        return self._read(connection, calls, True)

    def _free(self, connection: Connection, calls: Sequence[Lost]) -> frozenset[int]:
        """The calls that were not charged for certain: those are given back, and bought in the ordinary way."""
        return self._read(connection, calls, False)

    def _read(self, connection: Connection, calls: Sequence[Lost], charged: bool) -> frozenset[int]:
        kinds = {kind for call in calls for kind in call.worth}
        read = [readings.reading(connection, self.account.name, kind, calls) for kind in sorted(kinds)]
        sets = {r.kind: r.calls for r in read if r is not None and r.charged is charged}
        return frozenset(
            c.call_id for c in calls if c.worth and all(c.call_id in sets.get(k, ()) for k in c.worth)
        )

    def _one(self, call: Lost) -> bool:
        """Send one call again; whether it was sent. A lost answer leaves it as it is, and it is not sent a third
        time.
        """
        operation = self.account.operation(call.operation)
        if operation is None:
            return False
        with self.b.store.read() as connection:
            held = lookups.of_call(connection, call.call_id)
        keys = [(kept.id, unpack_key(kept.key_kind, key)) for kept, key in held]
        asked = [Lookup(key, str(i)) for i, key in keys if key is not None]
        if not asked or len(asked) != len(keys):
            return False  # a key was erased
        try:
            self.b.pacer.wait(self.account.line.bucket(operation), SLOT_S)
        except Failure:
            return False
        with self.b.store.write() as connection:
            within = round(operation.free_repeat_s * MARGIN * MILLION)
            if not jobs.repeat(connection, call.call_id, within):
                return False
            ticket = money.ticket_of(connection, call.call_id)
            tell(connection, ticket, "lookup.repeated", "the vendor does not charge the same question again")
        result = self._send(operation, asked)
        with self.b.store.write() as connection:
            if isinstance(result, Failure):
                said = f"{call.reason}; repeated once, and lost again ({result.reason})"
                calls.move(connection, call.call_id, ("unknown",), "unknown", reason=said)
                lookups.move(connection, call.call_id, ("unknown",), "unknown", reason=said)
            else:
                ids = [i for i, _ in keys]
                self._settler.answers(connection, [Answered(ticket, operation, ids, result)])
                jobs.reopen(connection, [call.call_id])
        return True

    def _send(self, operation: Operation, asked: Sequence[Lookup]) -> list[Outcome] | Failure:
        wire = PaidLine(self.account.line, lambda: not self.b.stop.is_set())
        result: list[Outcome] | Failure
        try:
            result = self.account.connector.submit(wire, operation, asked)
            if len(result) != len(asked):
                result = Failure(FailureKind.CONTRACT, "the connector answered in another number")
        except Failure as failure:
            result = self.b.standing.settle_doubt(self.account, failure)
            self.b.standing.react(self.account, operation, result)
        except Exception as error:
            _log.exception("connector.broken", provider=self.account.name, operation=operation.name)
            result = Failure(FailureKind.CONTRACT, f"the connector failed ({type(error).__name__})")
        if wire.sent:
            self.account.line.told(operation, result)
        return result

    def _await(self, sent: Sequence[Lost]) -> None:
        """Poll for a while, so that the meter is read soon; jobs that take longer end in the ordinary way."""
        poller, left = Poller(self.b), PATIENCE_S
        while left > 0 and not self.b.stop.is_set():
            with self.b.store.read() as connection:
                states = calls.states(connection, [c.call_id for c in sent])
                due_us = jobs.next_due_us(connection)
            if all(state in ENDED for state in states.values()):
                return
            wait = max(0.05, (due_us or 0) / MILLION)
            self.b.pacer.sleep(wait)
            left -= wait
            poller.sweep()
        with self.b.store.write() as connection:
            jobs.reopen(connection, [c.call_id for c in sent])

    def _compare(self, sent: Sequence[Lost], before: Mapping[str, int], paid: frozenset[int]) -> None:
        """The meter after: where the vendor took more than the questions are worth once, it is booked, and
        nothing is repeated any more.
        """
        ids = [c.call_id for c in sent]
        with self.b.store.write() as connection:
            pools = figures.pools(connection)
            states = calls.states(connection, ids)
            if any(states[i] not in ("settled", "unknown") for i in ids):
                return  # under way still: a later figure shows a difference as drift
            spent = figures.spent_on(connection, ids)
            for kind, left in before.items():
                now = pools[self.account.name, kind].remaining
                if now is None:
                    continue
                taken = left - now
                worth = sum(spent.get(i, {}).get(kind, 0) for i in ids if i not in paid)
                if taken > worth:
                    self._distrust(connection, sent, kind, taken - worth, (left, now))
                else:
                    self._proved(connection, sent, kind, (left, now))
                for call in (c for c in sent if c.call_id in paid and states[c.call_id] == "settled"):
                    self._owed(connection, call, kind, spent.get(call.call_id, {}).get(kind, 0))

    def _proved(
        self, connection: Connection, sent: Sequence[Lost], kind: str, meter: tuple[int, int]
    ) -> None:
        for call in sent:
            if kind in call.worth:
                ticket = money.ticket_of(connection, call.call_id)
                tell(connection, ticket, "lookup.metered", f"the repeat was free: {_shown(kind, meter)}")

    def _owed(self, connection: Connection, call: Lost, kind: str, spent: int) -> None:
        """The meter said that the call was charged in full: that stands, whatever its answer was worth."""
        missing = call.worth.get(kind, 0) - spent
        if missing > 0:
            ticket = money.ticket_of(connection, call.call_id)
            redress.overcharge(connection, ticket, {kind: missing}, "the vendor's figures show it charged")

    def _distrust(
        self, connection: Connection, sent: Sequence[Lost], kind: str, extra: int, meter: tuple[int, int]
    ) -> None:
        """Book the difference on the repeated calls, at most the worth of each; the rest is drift."""
        said = f"the repeat was charged: {_shown(kind, meter)}"
        for call in sent:
            part = min(extra, call.worth.get(kind, 0))
            if part > 0:
                redress.overcharge(connection, money.ticket_of(connection, call.call_id), {kind: part}, said)
                extra -= part
        runs.set_meta(connection, _broken(self.account.name), said)
        _log.warning("repeat.charged", provider=self.account.name, kind=kind)


def _shown(kind: str, meter: tuple[int, int]) -> str:
    before, now = (f"{in_credits(n).normalize():,f}" for n in meter)
    return f"the vendor had {before} {kind} left before it and {now} after it"
