"""Poll: launched jobs are asked for when they are due, without a thread to each, and never launched again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection

from syncd.accounts import ProviderAccount
from syncd.codec import unpack_key
from syncd.connector import Failure, FailureKind, Job, Operation, Poll
from syncd.model import Lookup, Outcome, Pending
from syncd.settle import Answered, Settler
from syncd.store import jobs, lookups, money, work
from syncd.store.engine import MILLION
from syncd.store.lookups import Kept
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.poll")
MOST = 200
SIDE_BY_SIDE = 16
_POLL = Poll(5.0)


@dataclass
class Round:
    """Jobs that are asked for with one request, and what came back."""

    account: ProviderAccount
    operation: Operation
    held: Sequence[jobs.Due]
    kept: list[list[lookups.Kept]] = field(default_factory=list)
    asked: list[Job] = field(default_factory=list)
    answers: list[list[Outcome]] = field(default_factory=list)
    failure: Failure | None = None


class Poller:
    """Asks for jobs that are due."""

    def __init__(self, bench: Bench) -> None:
        self.b = bench
        self._settler = Settler(bench.ledger, bench.standing)

    def sweep(self) -> int:
        """Poll what is due once; how many jobs came to an end.

        The requests of a sweep leave side by side, and what they say is booked in one transaction.
        """
        with self.b.store.read() as connection:
            wait_us = jobs.next_due_us(connection)
        if wait_us is None or wait_us > 0:
            return 0
        with self.b.store.write() as connection:
            due = jobs.claim_due(connection, self.b.owner, MOST, self.b.lease_us)
        rounds = self._rounds(due)
        if not rounds:
            return 0
        if len(rounds) == 1:
            self._ask(rounds[0])
        else:
            with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(rounds)), thread_name_prefix="poll") as pool:
                list(pool.map(self._ask, rounds))
        with self.b.store.write() as connection:
            ended = self._book(connection, rounds)
        for one in rounds:
            if self.b.pulses and one.failure is None:
                pairs = [
                    (k.key_kind, outcome)
                    for kept, outcomes in zip(one.kept, one.answers, strict=True)
                    for k, outcome in zip(kept, outcomes, strict=True)
                ]
                self.b.pulses.hear(one.account.name, one.operation, pairs)
            if one.failure is not None and one.failure.kind in (FailureKind.AUTH, FailureKind.CONFIG):
                self.b.standing.react(one.account, one.operation, one.failure)
        return ended

    def _rounds(self, due: Sequence[jobs.Due]) -> list[Round]:
        rounds: list[Round] = []
        for (name, operation_name), held in _grouped(due).items():
            account = self.b.accounts.get(name)
            operation = account.operation(operation_name) if account else None
            if account is None or operation is None:
                self._strand(held)
                continue
            size = operation.poll.batch if operation.poll else 1
            rounds += [
                Round(account, operation, held[start : start + size]) for start in range(0, len(held), size)
            ]
        with self.b.store.read() as connection:
            asked = lookups.of_calls(connection, [due.call_id for one in rounds for due in one.held])
        for one in rounds:
            self._prepare(one, asked)
        return rounds

    def _prepare(self, one: Round, asked: Mapping[int, list[tuple[Kept, bytes | None]]]) -> None:
        for due in one.held:
            open_ = [(k, d) for k, d in asked[due.call_id] if k.state == "pending"]
            keys = [(k, unpack_key(k.key_kind, d)) for k, d in open_]
            known = [(k, key) for k, key in keys if key is not None]
            one.kept.append([k for k, _ in known])
            one.asked.append(Job(due.handle, tuple(Lookup(key, str(k.id)) for k, key in known)))

    def _ask(self, one: Round) -> None:
        if self.b.stop.is_set():
            one.failure = Failure(FailureKind.UNAVAILABLE, "told to stop", charged=False, retry_after_s=5.0)
            return
        try:
            one.answers = one.account.connector.poll(one.account.line, one.operation, one.asked)
        except Failure as failure:
            one.failure = failure

    def _book(self, connection: Connection, rounds: Sequence[Round]) -> int:
        """What a whole sweep brought; how many jobs came to an end."""
        ended: list[tuple[int, Operation, list[int], Sequence[Outcome]]] = []
        for one in rounds:
            if one.failure is not None:
                self._put_off(connection, one, one.failure)
                continue
            for due, kept, outcomes in zip(one.held, one.kept, one.answers, strict=True):
                one.account.line.meter.answered(one.account.name, one.operation, outcomes)
                if any(isinstance(o, Pending) for o in outcomes):
                    self._wait(connection, one.operation, due)
                else:
                    ended.append((due.call_id, one.operation, [k.id for k in kept], outcomes))
        if ended:
            calls = [call_id for call_id, *_ in ended]
            answered = [
                Answered(t, *e[1:]) for t, e in zip(money.tickets_of(connection, calls), ended, strict=True)
            ]
            self._settler.answers(connection, answered)
            work.wake(connection, jobs.waiting_for(connection, calls))
            came = Counter(a.ticket.account for a in answered for _ in a.lookup_ids)
            for account, count in sorted(came.items()):
                work.wake_held(connection, account, count)
        return len(ended)

    def _wait(self, connection: Connection, operation: Operation, due: jobs.Due) -> None:
        """Ask again later, ever more slowly; past the deadline the outcome is unknown."""
        if due.overdue:
            self._give_up(connection, due, "the job did not end in time")
            return
        wait = (operation.poll or _POLL).wait_s(due.polls + 1)
        jobs.postpone(connection, due.call_id, round(wait * MILLION))

    def _give_up(self, connection: Connection, due: jobs.Due, reason: str) -> None:
        ticket = money.ticket_of(connection, due.call_id)
        self.b.ledger.lose(connection, ticket, reason, ("pending",))
        work.wake(connection, jobs.waiting_for(connection, [due.call_id]))

    def _put_off(self, connection: Connection, one: Round, failure: Failure) -> None:
        """The vendor could not be asked. Polling is free, so it is repeated later, until the deadline."""
        wait = failure.retry_after_s if failure.retry_after_s is not None else 30.0
        for due in one.held:
            if due.overdue:
                self._give_up(connection, due, f"the job's end could not be read ({failure.kind.value})")
            else:
                jobs.postpone(connection, due.call_id, round(max(5.0, wait) * MILLION))

    def _strand(self, held: Sequence[jobs.Due]) -> None:
        """Jobs of a provider that the configuration no longer has: they wait, and are not forgotten."""
        with self.b.store.write() as connection:
            for due in held:
                jobs.postpone(connection, due.call_id, 3600 * MILLION)


def _grouped(due: Sequence[jobs.Due]) -> dict[tuple[str, str], list[jobs.Due]]:
    groups: dict[tuple[str, str], list[Any]] = {}
    for one in due:
        groups.setdefault((one.account, one.operation), []).append(one)
    return groups
