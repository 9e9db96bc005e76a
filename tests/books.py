"""A ledger at work without connectors: contacts, operations with prices, workers that book and settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from syncd.connector import On, Operation, Price
from syncd.ledger import Booked, Caps, Item, Launch, Ledger, Order, Purse, Refusal
from syncd.model import Balance, Charge, Key, KeyKind, Pool
from syncd.store import calls, leases, lists, money, runs, work
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from syncd.store.money import Periods

LEASE_US = 60 * MILLION
ACCOUNT = "vendor"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def operation(name: str = "person", timeout_s: float = 30.0, **prices: str | int) -> Operation:
    """An operation that costs at most these credits for one lookup."""
    listed = tuple(Price(kind, Decimal(amount), On.MATCH) for kind, amount in prices.items())
    return Operation(name, prices=listed, timeout_s=timeout_s)


EMAIL = operation("email", email=1)
BOTH = operation("both", email=1, phone=2)
FREE = operation("check")


def caps(**by_kind: Mapping[str, int]) -> Purse:
    """`caps(email={"per_day": 3})`: what one account may spend."""
    made = {
        kind: Caps(**{scope: Decimal(cap) for scope, cap in given.items()}) for kind, given in by_kind.items()
    }
    return Purse(ACCOUNT, made)


def add_contacts(connection: Connection, count: int, **values: Any) -> list[int]:
    """Ready contacts of the sync `leads`."""
    now = work.now_us(connection)
    first = int(connection.scalar(select(func.count()).select_from(t.work)) or 0)
    row = {"sync": "leads", "crm": "main", "object": "contact", "state": "ready"}
    stamps = {"seen_at": now, "changed_at": now}
    return work.add(
        connection, [{**row, **stamps, "record_id": str(first + i), **values} for i in range(count)]
    )


@dataclass
class Worker:
    """One process of the service, as far as money is concerned."""

    store: Store
    purse: Purse
    owner: str = "worker-1"
    run_id: int = 0
    at: datetime = NOON
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.store, {ACCOUNT: self.purse}, self.owner, LEASE_US)
        if not self.run_id:
            with self.store.write() as connection:
                self.run_id = runs.start(connection, "once", "", self.owner)

    @property
    def periods(self) -> Periods:
        return self.ledger.periods(self.run_id, self.at)

    def told(self, period: str = "2026-03", **remaining: int | None) -> dict[str, Decimal]:
        """The vendor's own figures are read and taken over; the drift."""
        self.ledger.prepare(self.periods)
        marks = self.ledger.marks(ACCOUNT, 60 * MILLION)
        pools = {k: Pool(None if left is None else Decimal(left)) for k, left in remaining.items()}
        return self.ledger.observe(ACCOUNT, Balance(pools, period), marks)

    def claim(self, count: int = 1, states: Sequence[str] = ("ready", "waiting")) -> list[work.Row]:
        """Lease contacts; they are made where there are too few."""
        with self.store.write() as connection:
            ready, _ = lists.due(connection, states, ["leads"])
            add_contacts(connection, max(0, count - ready))
            return leases.claim(connection, self.owner, states, ["leads"], count, LEASE_US, self.run_id)

    def book(
        self, op: Operation, *keys: str, rows: Sequence[work.Row] | None = None, epoch: int = 0
    ) -> Booked | Refusal:
        """Book one call that asks for these keys."""
        return self.book_calls(op, [keys], rows=rows, epoch=epoch)[0]

    def book_calls(
        self,
        op: Operation,
        calls: Sequence[Sequence[str]],
        rows: Sequence[work.Row] | None = None,
        epoch: int = 0,
    ) -> list[Booked | Refusal]:
        """Book calls that leave together."""
        held = iter(rows if rows is not None else self.claim(sum(len(keys) for keys in calls)))
        items = [[_item(key, next(held), epoch) for key in keys] for keys in calls]
        self.ledger.prepare(self.periods)
        with self.store.write() as connection:
            return self.ledger.book(connection, [Order(ACCOUNT, op, items)], self.periods, 0.0)[0]

    def settle(self, booked: Booked, **amounts: int) -> bool:
        with self.store.write() as connection:
            return self.ledger.settle(connection, [(booked.ticket, Charge.of(**amounts))])[0]

    def release(self, booked: Booked) -> bool:
        with self.store.write() as connection:
            return self.ledger.release(connection, booked.ticket, "never sent")

    def lose(self, booked: Booked) -> bool:
        with self.store.write() as connection:
            return self.ledger.lose(connection, booked.ticket, "no answer")

    def pend(self, booked: Booked, charge: Charge | None = None, handle: str = "job-1") -> bool:
        with self.store.write() as connection:
            return self.ledger.pend(connection, [Launch(booked.ticket, handle, 0, LEASE_US, charge)])[0]


def _item(key: str, row: work.Row, epoch: int) -> Item:
    return Item(
        Key(KeyKind.EMAIL, {"email": f"{key}@example.com"}), f"digest-{key}", epoch, row.id, row.fence
    )


def booked(done: Booked | Refusal) -> Booked:
    """The booking, where there has to be one."""
    assert isinstance(done, Booked), done
    return done


@dataclass(frozen=True)
class Sums:
    """Credits of one budget row."""

    reserved: Decimal
    spent: Decimal
    unknown: Decimal


def budget(store: Store, scope: str = "month", kind: str = "email", period: str = "2026-03") -> Sums:
    """A budget row; it has to agree with the ledger."""
    with store.read() as connection:
        row = connection.execute(
            select(t.budget).where(
                t.budget.c.scope == scope, t.budget.c.kind == kind, t.budget.c.period == period
            )
        ).one()
        found = money.totals(connection, ACCOUNT, kind, scope, period)
    assert found == {"reserved": row.reserved, "spent": row.spent, "unknown": row.unknown}
    return Sums(*(Decimal(int(x)) / MILLION for x in (row.reserved, row.spent, row.unknown)))


def call_state(store: Store, call: Booked) -> str:
    with store.read() as connection:
        return calls.states(connection, [call.ticket.call_id])[call.ticket.call_id]
