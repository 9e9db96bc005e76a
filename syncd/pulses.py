"""Pulses: what providers answer in this run is compared with what they answered before."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from syncd.accounts import ProviderAccount, Standing
from syncd.brakes import BEFORE, LATEST, Pulse
from syncd.connector import Operation
from syncd.model import Found, KeyKind, NotFound, Outcome
from syncd.store import lookups, runs
from syncd.store.engine import Store

HISTORY = 10 * BEFORE


class Pulses:
    """The pulse of every provider. One that is off stops what its provider charges for."""

    def __init__(
        self, store: Store, standing: Standing, accounts: Mapping[str, ProviderAccount], limit: float
    ) -> None:
        self._store = store
        self._standing = standing
        self._turn = threading.Lock()
        self._accounts, self._limit = accounts, limit
        self._newest: dict[str, int] = {}
        """Account → the lookup up to which its answers were read from the state."""
        self._pulses = {name: self._recall(account) for name, account in accounts.items()}
        self._launched: Counter[str] = Counter()
        self.tripped: dict[str, str] = {}
        """Account → why it was stopped in this run."""
        with self._turn:
            for name in accounts:
                self._judge(name)

    def _recall(self, account: ProviderAccount) -> Pulse:
        """What the state knows. Answers up to the last stop are history: whoever let it go on has seen them."""
        with self._store.read() as connection:
            seen = int(runs.get_meta(connection, _key(account.name)) or 0)
            rows = lookups.latest(connection, account.name, [o.name for o in _paid(account)], HISTORY)
        self._newest[account.name] = rows[-1][0] if rows else 0
        fresh = [(q, hit) for i, q, hit in rows if i > seen][-LATEST:]
        return Pulse(self._limit, [(q, hit) for _, q, hit in rows[: len(rows) - len(fresh)]], fresh)

    def _catch_up(self, account: ProviderAccount) -> None:
        """Take in what jobs brought since the state was read. What is older than that does not change."""
        with self._store.read() as connection:
            after = self._newest[account.name]
            jobs = [o.name for o in _paid(account) if o.poll is not None]
            rows = lookups.latest(connection, account.name, jobs, HISTORY, after)
        for lookup_id, question, hit in rows:
            self._pulses[account.name].hear((question, hit))
            self._newest[account.name] = lookup_id

    def hear(
        self, account: str, operation: Operation, answers: Iterable[tuple[KeyKind | str, Outcome]]
    ) -> None:
        """Take in what a call brought; free checks tell of no hit.

        What a job brings is read from the state now and then: its answers come in an order of their own.
        """
        if operation.free or account not in self._pulses:
            return
        with self._turn:
            if operation.poll is not None:
                self._launched[account] += 1
                if self._launched[account] % LATEST == 0:
                    self._catch_up(self._accounts[account])
                    self._judge(account)
                return
            for kind, outcome in answers:
                if isinstance(outcome, Found | NotFound):
                    question = lookups.question(operation.name, str(kind))
                    self._pulses[account].hear((question, isinstance(outcome, Found)))
            self._judge(account)

    def _judge(self, account: str) -> None:
        why = "" if account in self.tripped else self._pulses[account].why()
        if not why:
            return
        self.tripped[account] = why
        with self._store.write() as connection:
            runs.set_meta(connection, _key(account), str(lookups.newest(connection)))
        self._standing.halt(account, "brake", why)


def _paid(account: ProviderAccount) -> list[Operation]:
    return [o for o in account.connector.operations if not o.free]


def _key(account: str) -> str:
    return f"hit_rate:{account}"


def least(limits: Sequence[float]) -> float:
    """The strictest of the limits of some syncs; 1 for none."""
    return min(limits, default=1.0)
