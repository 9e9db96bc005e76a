"""The ledger under everything that can happen to several workers, against a model that keeps its own books.

The vendor in the model knows the truth: what it charged for which question. Workers know only what they
saw; they crash, come back late, and read figures that lag or fall.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event, func, select

from syncd.connector import Operation
from syncd.ledger import SCOPES, Booked, Caps, Launch, Purse, Refusal
from syncd.model import Balance, Charge, Pool
from syncd.recover import recover
from syncd.store import calls, figures, jobs, leases, money, work
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from syncd.store.money import Periods
from tests.books import ACCOUNT, LEASE_US, Worker, operation
from tests.stores import Backend, Backends

EMAIL, PHONE = "email", "phone"
KINDS = (EMAIL, PHONE)
OPERATIONS = {
    o.name: o
    for o in (
        operation("email", email=1),
        operation("both", email=1, phone=2),
        operation("cent", email="0.01"),
        operation("check"),
    )
}
INITIAL, FLOOR, LAG_S = 60, 2, 60.0
PICK = st.integers(0, 30)
"""Which of the calls that a rule can act on, counted from the newest."""
APPEND_ONLY = re.compile(r"\s*(UPDATE|DELETE FROM) (audit|ledger|observation)\b", re.IGNORECASE)
CAP = st.sampled_from([None, None, 0, 2, 5, 9, 14, 20, 40])
CAPS = st.builds(
    lambda run, day, month: {
        k: v for k, v in {"per_run": run, "per_day": day, "per_month": month}.items() if v is not None
    },
    CAP,
    CAP,
    CAP,
).filter(bool)


@dataclass(frozen=True)
class Order:
    """What a worker is to buy. Where `frozen`, it lost its contact meanwhile."""

    who: int
    op: str
    keys: tuple[str, ...]
    epoch: int
    frozen: bool


ORDER = st.builds(
    Order,
    st.integers(0, 2),
    st.sampled_from(sorted(OPERATIONS)),
    st.lists(st.sampled_from("abcdefghijklmnopqrst"), min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([False] * 9 + [True]),
)


@dataclass
class Call:
    """What the model knows of one booked call."""

    booked: Booked
    operation: Operation
    keys: tuple[str, ...]
    epoch: int
    owner: str
    periods: Periods
    state: str = "sent"
    reserved: dict[str, int] = field(default_factory=dict)
    spent: dict[str, int] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    left: bool = False
    """The request has left: the vendor has charged `truth`."""
    truth: dict[str, int] = field(default_factory=dict)
    launched: bool = False

    def gone(self, kind: str) -> int:
        return sum(part.get(kind, 0) for part in (self.reserved, self.spent, self.unknown))

    def settle(self, charge: Mapping[str, int]) -> None:
        self.reserved, self.unknown = {}, {}
        self.spent = {k: self.spent.get(k, 0) + charge.get(k, 0) for k in {*self.spent, *charge}}


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what workers, vendors, operators and time do; invariants are the promises."""

    backends: Backends
    kind = "sqlite"
    marks = Bundle("marks")

    def __init__(self) -> None:
        super().__init__()
        self._making = self.backends.make(self.kind)
        self.backend: Backend = next(self._making)
        event.listen(self.backend.store.engine, "before_cursor_execute", self._append_only)
        self.made: list[Call] = []
        self.foreign = 0
        self.foreign_known = 0
        """What others had spent when the figure that is in force was read."""
        self.charged: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
        """The vendor's own list per kind: when, how much."""
        self.purchases: Counter[tuple[str, str, int]] = Counter()
        self.names = 0
        self.caps: dict[str, dict[str, int]] = {EMAIL: {"per_month": 30}, PHONE: {"per_run": 20}}
        self.workers: list[Worker] = []
        self.run_id = 0

    @staticmethod
    def _append_only(
        connection: object, cursor: object, statement: str, parameters: object, context: object, many: bool
    ) -> None:
        assert not APPEND_ONLY.match(statement), statement

    @initialize()
    def begin(self) -> None:
        self.workers = [self._worker() for _ in range(3)]
        self.tell_figures(self.take_marks(0), 0, 0)

    def teardown(self) -> None:
        try:
            if self.workers:
                self._bring_to_an_end()
        finally:
            event.remove(self.backend.store.engine, "before_cursor_execute", self._append_only)
            next(self._making, None)

    # parts

    @property
    def store(self) -> Store:
        return self.backend.store

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.backend.clock.now_us / MILLION, UTC)

    def _worker(self) -> Worker:
        self.names += 1
        made = {
            k: Caps(**{s: Decimal(c) for s, c in by.items()}, floor=Decimal(FLOOR))
            for k, by in self.caps.items()
        }
        worker = Worker(self.store, Purse(ACCOUNT, made), f"worker-{self.names}", self.run_id, self.at)
        self.run_id = worker.run_id
        return worker

    def _some(self, pick: int, *states: str, left: bool) -> Call | None:
        """A call in one of these states; every state where none is named."""
        found = [c for c in self.made if c.left == left and (not states or c.state in states)]
        return found[-1 - pick % len(found)] if found else None

    def _held(self, kind: str, scope: str, periods: Periods) -> int:
        """Spent, reserved and unknown in a period, by the model's own books."""
        return sum(c.gone(kind) for c in self.made if c.periods.key(scope) == periods.key(scope))

    def _pool(self, kind: str) -> figures.Pool:
        with self.store.read() as connection:
            return figures.pools(connection)[ACCOUNT, kind]

    def _live(self, op: Operation, key: str, epoch: int) -> bool:
        return any(
            c.operation.name == op.name and key in c.keys and c.epoch == epoch and c.state != "released"
            for c in self.made
        )

    def _has_room(self, op: Operation, count: int, periods: Periods) -> bool:
        for kind, amount in op.max_charge.items():
            most = int(amount * MILLION) * count
            for scope in SCOPES:
                cap = self.caps.get(kind, {}).get(f"per_{scope}")
                if cap is not None and self._held(kind, scope, periods) + most > cap * MILLION:
                    return False
            pool = self._pool(kind)
            if pool.remaining is None:
                return False
            if pool.remaining - pool.spent_since - pool.reserved - most < FLOOR * MILLION:
                return False
        return True

    # what workers do

    @rule(orders=st.lists(ORDER, min_size=1, max_size=5))
    def book(self, orders: list[Order]) -> None:
        """Calls are booked one after the other."""
        for order in orders:
            self._book(order)

    @rule(orders=st.lists(ORDER, min_size=1, max_size=4), share=st.sampled_from([0, 1, 1]))
    def trade(self, orders: list[Order], share: int) -> None:
        """Calls are booked and leave at once; their answers come, or do not, later."""
        for order in orders:
            if self._book(order):
                self.leave(0, share)

    def _book(self, order: Order) -> bool:
        worker, asked = self.workers[order.who], OPERATIONS[order.op]
        worker.at = self.at
        worker.ledger.prepare(worker.periods)
        rows = worker.claim(len(order.keys))
        if order.frozen:
            with self.store.write() as connection:
                work.leave(connection, rows[0].id, "deleted")
        room = self._has_room(asked, len(order.keys), worker.periods)
        taken = any(self._live(asked, key, order.epoch) for key in order.keys)
        done = worker.book(asked, *order.keys, rows=rows, epoch=order.epoch)
        with self.store.write() as connection:
            leases.finish(connection, worker.owner, [leases.End(r.id, r.fence, "ready") for r in rows])
        if order.frozen:
            assert done == Refusal("fence_lost")
        elif taken:
            assert done == Refusal("bought_already")
        elif not room:
            assert isinstance(done, Refusal)
            assert done.why == "no_budget"
        else:
            assert isinstance(done, Booked)
            call = Call(done, asked, order.keys, order.epoch, worker.owner, worker.periods)
            call.reserved = {k: int(m * MILLION) * len(order.keys) for k, m in asked.max_charge.items()}
            self.made.append(call)
            self._vendor_has_enough(call)
        return isinstance(done, Booked)

    def _vendor_has_enough(self, call: Call) -> None:
        """What we have had, and may still be charged, leaves the floor, were it not for others' spend since."""
        for kind in call.reserved:
            had = sum(amount for _, amount in self.charged[kind])
            to_come = sum(c.reserved.get(kind, 0) for c in self.made if not c.left)
            assert (INITIAL - self.foreign_known - FLOOR) * MILLION >= had + to_come

    @precondition(lambda self: self._some(0, "sent", left=False))
    @rule(pick=PICK, share=st.sampled_from([0, 1, 1]))
    def leave(self, pick: int, share: int) -> None:
        """The request leaves, once; the vendor charges nothing or all of it."""
        call = self._some(pick, "sent", left=False)
        assert call is not None
        call.left = True
        call.truth = {kind: amount * share for kind, amount in call.reserved.items() if amount * share}
        self._charge(call)

    def _charge(self, call: Call) -> None:
        for kind, amount in call.truth.items():
            self.charged[kind].append((self.backend.clock.now_us, amount))
        for key in call.keys:
            if call.truth:
                self.purchases[call.operation.name, key, call.epoch] += 1

    @precondition(lambda self: self._some(0, left=True))
    @rule(pick=PICK)
    def answer(self, pick: int) -> None:
        """The answer arrives: in time, late, or for the second time."""
        call = self._some(pick, left=True)
        assert call is not None
        charge = {} if call.launched else call.truth
        with self.store.write() as connection:
            (first,) = self._ledger(call).settle(connection, [(call.booked.ticket, _charge(charge))])
        assert first == (call.state in ("sent", "pending", "unknown"))
        if first:
            call.state = "settled"
            call.settle(charge)

    @precondition(lambda self: self._some(0, left=False))
    @rule(pick=PICK)
    def never_left(self, pick: int) -> None:
        """There is proof that the request did not leave. A rescuer may have been faster."""
        call = self._some(pick, left=False)
        assert call is not None
        with self.store.write() as connection:
            done = self._ledger(call).release(connection, call.booked.ticket, "never sent")
        assert done == (call.state == "sent")
        if done:
            call.state, call.reserved = "released", {}
        # A frozen worker that finds that it was given up does not send any more.
        call.left = call.left or call.state == "released"

    @precondition(lambda self: self._some(0, left=True))
    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        """The answer was lost, or the job did not end in time."""
        call = self._some(pick, left=True)
        assert call is not None
        with self.store.write() as connection:
            done = self._ledger(call).lose(connection, call.booked.ticket, "no answer")
        assert done == (call.state in ("sent", "pending"))
        self._lost(call, done)

    def _lost(self, call: Call, done: bool) -> None:
        if done:
            call.unknown = {k: call.unknown.get(k, 0) + v for k, v in call.reserved.items()} | {
                k: v for k, v in call.unknown.items() if k not in call.reserved
            }
            call.state, call.reserved = "unknown", {}

    @precondition(lambda self: self._some(0, "sent", "unknown", left=True))
    @rule(pick=PICK, at_launch=st.booleans())
    def launch(self, pick: int, at_launch: bool) -> None:
        """The vendor takes it as a job, and charges at the launch or at the end."""
        call = self._some(pick, "sent", "unknown", left=True)
        assert call is not None
        charge = _charge({} if call.launched else call.truth) if at_launch or call.launched else None
        with self.store.write() as connection:
            assert self._ledger(call).pend(connection, [Launch(call.booked.ticket, "job", 0, 0, charge)]) == [
                True
            ]
        call.state = "pending"
        if charge is not None and not call.launched:
            call.launched = True
            call.settle(call.truth)

    @rule(who=st.integers(0, 2))
    def crash(self, who: int) -> None:
        """A worker is gone and another one starts. What it had sent may still be answered to it, frozen."""
        self.workers[who] = self._worker()

    @rule(who=st.integers(0, 2))
    def rescue(self, who: int) -> None:
        """A worker takes over from the dead; where it is alone everybody else is."""
        worker = self.workers[who]
        with self.store.read() as connection:
            dead = {i for i, *_ in jobs.abandoned(connection, worker.owner if self.store.sqlite else "")}
        accounts = {ACCOUNT: SimpleNamespace(operation=OPERATIONS.get)}
        counts = recover(self.store, worker.ledger, accounts, worker.owner, LEASE_US)  # type: ignore[arg-type]
        for call in self.made:
            if call.booked.ticket.call_id in dead:
                assert call.state == "sent"
                if call.operation.free:
                    call.state, call.left = "released", True
                else:
                    self._lost(call, True)
                    # Its worker is dead, or too late to send.
                    call.left = True
        assert counts["released"] + counts["unknown"] == len(dead)

    # what operators, time and the vendor do

    @rule(email=CAPS, phone=CAPS)
    def configure(self, email: dict[str, int], phone: dict[str, int]) -> None:
        """New caps: every worker starts anew with them."""
        self.caps = {EMAIL: email, PHONE: phone}
        self.workers = [self._worker() for _ in self.workers]

    @rule()
    def new_run(self) -> None:
        self.run_id = 0
        self.run_id = self._worker().run_id
        for worker in self.workers:
            worker.run_id = self.run_id

    @rule(seconds=st.sampled_from([1, 30, 61, 130, 3_600, 86_400, 31 * 86_400]))
    def pass_time(self, seconds: int) -> None:
        self.backend.clock.advance(seconds)

    @rule(amount=st.integers(1, 5))
    def others_spend(self, amount: int) -> None:
        self.foreign += amount

    @rule(target=marks, who=st.integers(0, 2))
    def take_marks(self, who: int) -> tuple[int, dict[str, figures.Mark], int, int]:
        """A worker begins to read the figures: the vendor counts now, and it may lag by a minute."""
        worker = self.workers[who]
        worker.at = self.at
        worker.ledger.prepare(worker.periods)
        return (
            who,
            worker.ledger.marks(ACCOUNT, round(LAG_S * MILLION)),
            self.foreign,
            self.backend.clock.now_us,
        )

    @rule(taken=consumes(marks), lag_email=st.integers(0, 3), lag_phone=st.integers(0, 3))
    def tell_figures(
        self, taken: tuple[int, dict[str, figures.Mark], int, int], lag_email: int, lag_phone: int
    ) -> None:
        """The answer with the figures arrives: the newest charges of the last minute may be missing in it."""
        who, marks, foreign, at_us = taken
        pools = {}
        for kind, lag in ((EMAIL, lag_email), (PHONE, lag_phone)):
            recent = [a for at, a in self.charged[kind] if at > at_us - LAG_S * MILLION]
            missing = sum(recent[len(recent) - min(lag, len(recent)) :])
            left = (INITIAL - foreign) * MILLION - sum(a for _, a in self.charged[kind]) + missing
            pools[kind] = Pool(Decimal(left) / MILLION)
        before = self._observations()
        self.workers[who].ledger.observe(ACCOUNT, Balance(pools, "2026"), marks)
        if self._observations() != before:
            self.foreign_known = foreign

    @rule(who=st.integers(0, 2), lag=st.integers(0, 3))
    def figures_are_read_at_once(self, who: int, lag: int) -> None:
        self.tell_figures(self.take_marks(who), lag, lag)

    @rule(seconds=st.sampled_from([0, 61]))
    def figures_are_read_by_two_at_once(self, seconds: int) -> None:
        self.backend.clock.advance(seconds)
        both = [self.take_marks(0), self.take_marks(1)]
        for taken in both:
            self.tell_figures(taken, 0, 0)

    @rule(who=st.integers(0, 2))
    def figures_are_missing_for_a_moment(self, who: int) -> None:
        """The vendor does not say: unknown, and nothing can be booked until it does."""
        worker = self.workers[who]
        marks = worker.ledger.marks(ACCOUNT, round(LAG_S * MILLION))
        worker.ledger.observe(ACCOUNT, Balance({}, "2026"), marks)
        assert self._pool(EMAIL).remaining is None
        assert isinstance(worker.book(OPERATIONS["email"], "missing"), Refusal)
        self.tell_figures(self.take_marks(who), 0, 0)

    def _observations(self) -> int:
        with self.store.read() as connection:
            return int(connection.scalar(select(func.count()).select_from(t.observation)) or 0)

    def _ledger(self, call: Call) -> Any:
        """The worker that made the call, though it may be dead by now."""
        dead = next((w for w in self.workers if w.owner == call.owner), self.workers[0])
        return dead.ledger

    # promises

    @invariant()
    def books_agree(self) -> None:
        with self.store.read() as connection:
            states = calls.states(connection, [c.booked.ticket.call_id for c in self.made])
            rows = connection.execute(select(t.budget)).all()
            pools = figures.pools(connection)
            lines = _lines(connection)
        for call in self.made:
            assert states[call.booked.ticket.call_id] == call.state
            for kind in KINDS:
                found = lines.get((call.booked.ticket.call_id, kind), (0, 0, 0))
                assert found == tuple(
                    part.get(kind, 0) for part in (call.reserved, call.spent, call.unknown)
                ), (call.state, call.operation.name)
        for row in rows:
            mine = [c for c in self.made if c.periods.key(row.scope) == row.period]
            for name in ("reserved", "spent", "unknown"):
                assert getattr(row, name) == sum(getattr(c, name).get(row.kind, 0) for c in mine)
        for (_, kind), pool in pools.items():
            assert pool.reserved == sum(c.reserved.get(kind, 0) for c in self.made)
            assert pool.spent_since >= 0

    @invariant()
    def nothing_is_charged_twice(self) -> None:
        assert all(n == 1 for n in self.purchases.values()), self.purchases

    @invariant()
    def unknown_is_never_zero(self) -> None:
        for call in self.made:
            if call.state == "unknown" and not call.operation.free and not call.launched:
                assert sum(call.unknown.values()) == sum(call.booked.ticket.held.values())

    def _bring_to_an_end(self) -> None:
        """Everybody is dead, everything is late: each booking has come to one of three ends."""
        self.backend.clock.advance(7 * 86_400)
        self.workers = [self._worker() for _ in self.workers]
        self.rescue(0)
        with self.store.write() as connection:
            for due in jobs.claim_due(connection, "poller", 1000, LEASE_US):
                assert due.overdue
                ticket = money.ticket_of(connection, due.call_id)
                done = self.workers[0].ledger.lose(connection, ticket, "too late", ("pending",))
                call = next(c for c in self.made if c.booked.ticket.call_id == due.call_id)
                self._lost(call, done)
        assert {c.state for c in self.made} <= {"settled", "released", "unknown"}
        self.books_agree()


def _charge(amounts: Mapping[str, int]) -> Charge:
    return Charge({k: Decimal(a) / MILLION for k, a in amounts.items()})


def _lines(connection: Any) -> dict[tuple[int, str], tuple[int, int, int]]:
    """(call, kind) → reserved, spent, unknown as the sum of its lines."""
    sums = [func.sum(c) for c in (t.ledger.c.reserved, t.ledger.c.spent, t.ledger.c.unknown)]
    rows = connection.execute(
        select(t.ledger.c.call_id, t.ledger.c.kind, *sums).group_by(t.ledger.c.call_id, t.ledger.c.kind)
    )
    return {(i, kind): (int(r), int(s), int(u)) for i, kind, r, s, u in rows}


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture
def fast() -> Any:
    """States in memory, where there is such a place: their commits are durable all the same."""
    place = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="syncd-machine-", dir=place if place.is_dir() else None))
    made = Backends(folder)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


def test_the_ledger_keeps_its_promises_whatever_happens_on_sqlite(fast: Backends) -> None:
    machine = type("SqliteMachine", (LedgerMachine,), {"backends": fast, "kind": "sqlite"})
    how = settings(
        max_examples=20, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=QUIET
    )
    run_state_machine_as_test(machine, settings=how)


def test_the_ledger_keeps_its_promises_whatever_happens_on_postgresql(backends: Backends) -> None:
    machine = type("PostgresqlMachine", (LedgerMachine,), {"backends": backends, "kind": "postgresql"})
    how = settings(
        max_examples=4, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=QUIET
    )
    run_state_machine_as_test(machine, settings=how)
