"""Poll: launched jobs are asked for when they are due, without a thread to each, and never launched again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import Connection

from syncd.accounts import ProviderAccount
from syncd.checkout import Bench
from syncd.codec import unpack_key
from syncd.connector import Failure, FailureKind, Job, Operation, Poll
from syncd.model import Lookup, Outcome, Pending
from syncd.settle import Answered, Settler
from syncd.store import jobs, lookups, money, work
from syncd.store.engine import MILLION

_log = structlog.get_logger("syncd.poll")
MOST = 200
_POLL = Poll(5.0)


class Poller:
    """Asks for jobs that are due."""

    def __init__(self, bench: Bench) -> None:
        self.b = bench
        self._settler = Settler(bench.ledger, bench.standing)

    def sweep(self) -> int:
        """Poll what is due once; how many jobs came to an end."""
        with self.b.store.write() as connection:
            due = jobs.claim_due(connection, self.b.owner, MOST, self.b.lease_us)
        ended = 0
        for (name, operation_name), held in _grouped(due).items():
            account = self.b.accounts.get(name)
            operation = account.operation(operation_name) if account else None
            if account is None or operation is None:
                self._strand(held)
                continue
            size = operation.poll.batch if operation.poll else 1
            for start in range(0, len(held), size):
                if self.b.stop.is_set():
                    return ended
                ended += self._ask(account, operation, held[start : start + size])
        return ended

    def _ask(self, account: ProviderAccount, operation: Operation, held: Sequence[jobs.Due]) -> int:
        asked: list[tuple[jobs.Due, list[lookups.Kept], Job]] = []
        with self.b.store.read() as connection:
            for due in held:
                open_ = [(k, d) for k, d in lookups.of_call(connection, due.call_id) if k.state == "pending"]
                keys = [(k, unpack_key(k.key_kind, d)) for k, d in open_]
                known = [(k, key) for k, key in keys if key is not None]
                job = Job(due.handle, tuple(Lookup(key, str(k.id)) for k, key in known))
                asked.append((due, [k for k, _ in known], job))
        try:
            answers = account.connector.poll(account.line, operation, [job for *_, job in asked])
        except Failure as failure:
            self._put_off(account, operation, held, failure)
            return 0
        for outcomes in answers:
            account.line.meter.answered(account.name, operation, outcomes)
        return sum(
            self._settle(operation, due, kept, outcomes)
            for (due, kept, _), outcomes in zip(asked, answers, strict=True)
        )

    def _settle(
        self, operation: Operation, due: jobs.Due, kept: Sequence[lookups.Kept], outcomes: Sequence[Outcome]
    ) -> bool:
        """One job's answer; True where it has ended."""
        if any(isinstance(o, Pending) for o in outcomes):
            self._wait(operation, due)
            return False
        with self.b.store.write() as connection:
            ticket = money.ticket_of(connection, due.call_id)
            self._settler.answers(connection, [Answered(ticket, operation, [k.id for k in kept], outcomes)])
            work.wake(connection, jobs.waiting_for(connection, due.call_id))
        return True

    def _wait(self, operation: Operation, due: jobs.Due) -> None:
        """Ask again later, ever more slowly; past the deadline the outcome is unknown."""
        with self.b.store.write() as connection:
            if due.overdue:
                self._give_up(connection, due, "the job did not end in time")
                return
            wait = (operation.poll or _POLL).wait_s(due.polls + 1)
            jobs.postpone(connection, due.call_id, round(wait * MILLION))

    def _give_up(self, connection: Connection, due: jobs.Due, reason: str) -> None:
        ticket = money.ticket_of(connection, due.call_id)
        self.b.ledger.lose(connection, ticket, reason, ("pending",))
        work.wake(connection, jobs.waiting_for(connection, due.call_id))

    def _put_off(
        self, account: ProviderAccount, operation: Operation, held: Sequence[jobs.Due], failure: Failure
    ) -> None:
        """The vendor could not be asked. Polling is free, so it is repeated later, until the deadline."""
        if failure.kind in (FailureKind.AUTH, FailureKind.CONFIG):
            self.b.standing.react(account, operation, failure)
        wait = failure.retry_after_s if failure.retry_after_s is not None else 30.0
        with self.b.store.write() as connection:
            for due in held:
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
