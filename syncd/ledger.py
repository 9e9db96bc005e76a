"""Credits: reserve, settle, release, unknown, reconcile. Only this module and `redress` move money.

A request that can cost is booked as sent, with its worst case reserved, in one durable transaction
before its first byte; what became of it is booked in another. Nothing is ever repeated without proof
that the first was not charged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from syncd.connector import Operation
from syncd.model import Balance, Charge, Key
from syncd.store import calls, figures, leases, lookups, money, runs
from syncd.store.engine import MILLION, Store
from syncd.store.figures import Mark
from syncd.store.money import Periods, Room, Shift, Ticket

SCOPES = ("run", "day", "month")
OPEN = ("sent", "pending", "unknown")
"""States of a call in which an answer still settles it."""


def micro(amount: Decimal) -> int:
    """Millionths of a credit, rounded up: what is reserved is never less than what may be charged."""
    return int((amount * MILLION).to_integral_value(ROUND_CEILING))


def in_credits(amount: int) -> Decimal:
    """Credits as people write them."""
    return Decimal(amount) / MILLION


@dataclass(frozen=True, slots=True)
class Caps:
    """The configured caps of one credit kind; None where a scope has none."""

    per_run: Decimal | None = None
    per_day: Decimal | None = None
    per_month: Decimal | None = None
    floor: Decimal = Decimal(0)

    @property
    def by_scope(self) -> dict[str, int]:
        """Caps in millionths by the scopes that have one."""
        given = {"run": self.per_run, "day": self.per_day, "month": self.per_month}
        return {scope: micro(cap) for scope, cap in given.items() if cap is not None}


@dataclass(frozen=True, slots=True)
class Purse:
    """What the configuration allows one provider account to spend."""

    account: str
    caps: Mapping[str, Caps]
    unreported: frozenset[str] = frozenset()
    """Kinds for which the vendor has no figure."""


@dataclass(frozen=True, slots=True)
class Item:
    """One lookup to be bought, for a work row that the buyer holds."""

    key: Key
    digest: str
    epoch: int
    work_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class Order:
    """Calls of one operation that are to leave together, each with its lookups."""

    account: str
    operation: Operation
    calls: Sequence[Sequence[Item]]

    @property
    def most(self) -> dict[str, int]:
        """The worst case of one lookup per kind, in millionths."""
        return {kind: micro(amount) for kind, amount in self.operation.max_charge.items()}


@dataclass(frozen=True, slots=True)
class Booked:
    """A call that is booked as sent. `booked_at` is the buyer's monotonic clock at that moment."""

    ticket: Ticket
    lookup_ids: tuple[int, ...]
    booked_at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call was not booked: no_budget, fence_lost or bought_already. Nothing was written."""

    why: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Launch:
    """A job that the vendor accepted. Its next poll and its deadline are microseconds from now."""

    ticket: Ticket
    handle: str
    poll_us: int
    deadline_us: int
    charge: Charge | None = None
    """What it cost at launch; None where that is known at its end."""
    keep: Mapping[str, Decimal] = field(default_factory=dict)
    """What the answers under way may still cost."""


class _Abort(Exception):
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


class Ledger:
    """Books for every provider account of one configuration."""

    def __init__(self, store: Store, purses: Mapping[str, Purse], owner: str, lease_us: int) -> None:
        self.store = store
        self.purses = purses
        self.owner = owner
        self.lease_us = lease_us
        self._open: set[tuple[str, str, str, str]] = set()

    def periods(self, run_id: int, now: datetime) -> Periods:
        """The periods in which a call of this run is counted now; days and months are UTC."""
        at = now.astimezone(UTC)
        return Periods(run_id, at.strftime("%Y-%m-%d"), at.strftime("%Y-%m"))

    def prepare(self, periods: Periods) -> None:
        """Every cap has its row in the current periods, and a cap that was taken out has none."""
        wanted = {
            (p.account, kind, scope, periods.key(scope)): cap
            for p in self.purses.values()
            for kind, caps in p.caps.items()
            for scope, cap in caps.by_scope.items()
        }
        missing = wanted.keys() - self._open
        if not missing:
            return
        with self.store.write() as connection:
            for account, kind, scope, period in missing:
                money.ensure_budget(
                    connection, account, kind, scope, period, wanted[account, kind, scope, period]
                )
            for purse in self.purses.values():
                for kind, caps in purse.caps.items():
                    for scope in SCOPES:
                        if scope not in caps.by_scope:
                            money.drop_budgets(connection, purse.account, kind, scope, periods.key(scope))
                    money.ensure_pool(
                        connection, purse.account, kind, kind not in purse.unreported, micro(caps.floor)
                    )
        self._open |= missing

    def headroom(self, periods: Periods) -> dict[str, dict[str, Room]]:
        """account → kind → what may still be spent, in millionths."""
        self.prepare(periods)
        with self.store.read() as connection:
            found = money.headroom(connection, periods)
        result: dict[str, dict[str, Room]] = {}
        for (account, kind), room in found.items():
            if account in self.purses and kind in self.purses[account].caps:
                result.setdefault(account, {})[kind] = room
        return result

    def book(
        self, connection: Connection, orders: Sequence[Order], periods: Periods, monotonic: float
    ) -> list[list[Booked | Refusal]]:
        """TX1: fences hold, calls and lookups exist as sent, worst cases are reserved. One list per order.

        Runs inside the caller's write transaction. What leaves together is booked together; where that is
        refused, by halves, so that every order gets what it would get alone after those before it, and an
        order its calls up to the first that is refused, which leaves nothing behind.
        """
        whole = self._try(connection, orders, periods, monotonic)
        if not isinstance(whole, Refusal):
            return [list(one) for one in whole]
        if half := len(orders) // 2:
            some, others = orders[:half], orders[half:]
            return [r for part in (some, others) for r in self.book(connection, part, periods, monotonic)]
        (order,) = orders
        half = len(order.calls) // 2
        if not half:
            return [[whole]]
        done: list[Booked | Refusal] = []
        for part in (order.calls[:half], order.calls[half:]):
            done += self.book(connection, [replace(order, calls=part)], periods, monotonic)[0]
            if isinstance(done[-1], Refusal):
                break
        return [done]

    def _try(
        self, connection: Connection, orders: Sequence[Order], periods: Periods, monotonic: float
    ) -> list[list[Booked]] | Refusal:
        try:
            with connection.begin_nested():
                return self._book(connection, orders, periods, monotonic)
        except _Abort as abort:
            return abort.refusal
        except IntegrityError:
            return Refusal("bought_already")

    def _book(
        self, connection: Connection, orders: Sequence[Order], periods: Periods, monotonic: float
    ) -> list[list[Booked]]:
        sent = [(order, call) for order in orders for call in order.calls]
        several = len(sent) > 1
        if several:
            # What is refused most often and changes least; alone, a call hears first that it was made before.
            self._hold(connection, orders, periods)
        fences = {item.work_id: item.fence for _, call in sent for item in call}
        if not leases.extend(connection, self.owner, fences, self.lease_us):
            raise _Abort(Refusal("fence_lost"))
        new = [calls.NewCall(o.account, o.operation.name, self._call_lease(o.operation)) for o, _ in sent]
        ids = calls.add(connection, self.owner, periods, new)
        rows = [
            _lookup_row(order, call_id, position, item)
            for call_id, (order, call) in zip(ids, sent, strict=True)
            for position, item in enumerate(call)
        ]
        lookup_ids = iter(lookups.add(connection, rows))
        booked = iter(
            [
                Booked(
                    Ticket(
                        call_id, order.account, periods, {k: m * len(call) for k, m in order.most.items()}
                    ),
                    tuple(next(lookup_ids) for _ in call),
                    monotonic,
                )
                for call_id, (order, call) in zip(ids, sent, strict=True)
            ]
        )
        done = [[next(booked) for _ in order.calls] for order in orders]
        if not several:
            self._hold(connection, orders, periods)
        tickets = [b.ticket for one in done for b in one]
        money.post(connection, [Shift(t, k, "reserve", h) for t in tickets for k, h in t.held.items()])
        return done

    def _hold(self, connection: Connection, orders: Sequence[Order], periods: Periods) -> None:
        totals: dict[tuple[str, str], int] = {}
        for order in orders:
            items = sum(map(len, order.calls))
            for kind, most in order.most.items():
                totals[order.account, kind] = totals.get((order.account, kind), 0) + most * items
        for (account, kind), total in sorted(totals.items()):
            purse = self.purses.get(account)
            caps = purse.caps.get(kind) if purse else None
            if not caps or not money.hold(connection, account, kind, periods, caps.by_scope, total):
                raise _Abort(Refusal("no_budget", (kind,)))

    def _call_lease(self, operation: Operation) -> int:
        """After this long without an outcome the caller is dead: its lease and the longest request."""
        return self.lease_us + round(operation.timeout_s * 2 * MILLION)

    def settle(self, connection: Connection, settled: Sequence[tuple[Ticket, Charge]]) -> list[bool]:
        """TX2 for answers: book the actual charges, release the rest. False where one was settled before.

        An answer that comes late is settled all the same, whatever its call was taken for meanwhile. A
        charge above the reservation is booked as it is: the vendor's word is what is owed.
        """
        states = calls.states(connection, [ticket.call_id for ticket, _ in settled])
        now = [(ticket, charge) for ticket, charge in settled if states.get(ticket.call_id) in OPEN]
        moved = calls.move_all(
            connection,
            [ticket.call_id for ticket, _ in now],
            OPEN,
            "settled",
            {"settled_at": 0},
            poll_at=None,
        )
        if moved != len(now):
            raise money.Lost("calls changed their state inside the transaction")
        shifts: list[Shift] = []
        # Of a call that was never moved the ticket itself says what it holds.
        moved_before = [t.call_id for t, _ in now if states[t.call_id] != "sent"]
        by_ledger = money.held_by_each(connection, moved_before)
        for ticket, charge in now:
            held = by_ledger.get(ticket.call_id, {k: (h, 0) for k, h in ticket.held.items()})
            spent = {kind: micro(amount) for kind, amount in charge.amounts.items()}
            shifts += self._exchange(connection, ticket, "settle", held, spent)
        money.shift(connection, shifts)
        return [states.get(ticket.call_id) in OPEN for ticket, _ in settled]

    def _exchange(
        self,
        connection: Connection,
        ticket: Ticket,
        reason: str,
        held: Mapping[str, tuple[int, int]],
        spent: Mapping[str, int],
    ) -> list[Shift]:
        """What was held goes, what was spent comes, kind by kind."""
        shifts = []
        for kind in sorted({*held, *spent}):
            reserved, unknown = held.get(kind, (0, 0))
            shifts.append(Shift(ticket, kind, reason, -reserved, spent.get(kind, 0), -unknown))
            if spent.get(kind, 0) > reserved + unknown:
                self._overcharged(connection, ticket, kind, spent[kind] - reserved - unknown)
        return shifts

    def _overcharged(self, connection: Connection, ticket: Ticket, kind: str, excess: int) -> None:
        runs.record(
            connection,
            f"account:{ticket.account}",
            "lookup.overcharged",
            run_id=ticket.periods.run_id,
            call_id=ticket.call_id,
            reason=f"{in_credits(excess)} {kind} more than the declared price",
        )

    def pend(self, connection: Connection, launches: Sequence[Launch]) -> list[bool]:
        """Jobs were accepted: their handles are durable. From then on any worker may ask for them.

        A charge at launch settles the money now, but for what the answers under way may still cost (`keep`):
        that stays reserved. Where the launch was booked before, it is not charged again. False where the call
        was in none of the states in which a job can begin.
        """
        states = calls.states(connection, [launch.ticket.call_id for launch in launches])
        begun = [launch for launch in launches if states.get(launch.ticket.call_id) in ("sent", "unknown")]
        rows = [calls.Job(b.ticket.call_id, b.handle, b.poll_us, b.deadline_us) for b in begun]
        if calls.pend(connection, rows) != len(begun):
            raise money.Lost("calls changed their state inside the transaction")
        charged = [(b, b.charge) for b in begun if b.charge is not None]
        held = money.held_by_each(connection, [b.ticket.call_id for b, _ in charged])
        shifts: list[Shift] = []
        for launch, charge in charged:
            holds = held[launch.ticket.call_id]
            if holds and not any(reserved or unknown for reserved, unknown in holds.values()):
                continue
            spent = {kind: micro(amount) for kind, amount in charge.amounts.items()}
            kept = {kind: micro(amount) for kind, amount in launch.keep.items()}
            for shift in self._exchange(connection, launch.ticket, "launch", holds, spent):
                shifts.append(replace(shift, reserved=shift.reserved + kept.get(shift.kind, 0)))
        money.shift(connection, shifts)
        return [states.get(launch.ticket.call_id) in ("sent", "unknown") for launch in launches]

    def release(
        self, connection: Connection, ticket: Ticket, reason: str, before: Sequence[str] = ("sent",)
    ) -> bool:
        """Proof that nothing was charged: the reservation is given back and the key may be bought again."""
        if not calls.move(connection, ticket.call_id, before, "released", {"settled_at": 0}, reason=reason):
            return False
        lookups.move(connection, ticket.call_id, before, "released", reason=reason)
        held = money.held_by(connection, ticket.call_id)
        money.shift(
            connection, [Shift(ticket, k, "release", -reserved, 0, -u) for k, (reserved, u) in held.items()]
        )
        return True

    def lose(
        self, connection: Connection, ticket: Ticket, reason: str, before: Sequence[str] = ("sent", "pending")
    ) -> bool:
        """Nobody can tell whether it was charged: it counts as spent until it is resolved."""
        if not calls.move(connection, ticket.call_id, before, "unknown", reason=reason, poll_at=None):
            return False
        lookups.move(connection, ticket.call_id, before, "unknown", reason=reason)
        held = money.held_by(connection, ticket.call_id)
        money.shift(
            connection,
            [
                Shift(ticket, k, "unknown", -reserved, 0, reserved)
                for k, (reserved, _) in held.items()
                if reserved
            ],
        )
        tell(connection, ticket, "lookup.unknown", reason)
        return True

    def marks(self, account: str, lag_us: int, settle_us: int | None = None) -> dict[str, Mark]:
        """To be taken before the vendor is asked for its figures; see `figures.pool_marks`."""
        with self.store.read() as connection:
            return figures.pool_marks(connection, account, lag_us, settle_us)

    def observe(self, account: str, balance: Balance, marks: Mapping[str, Mark]) -> dict[str, Decimal]:
        """Take over the vendor's figures; drift per kind, positive where credits went that we did not spend.

        A figure that the vendor does not give is unknown, and nothing is spent against an unknown figure.
        Where another worker took over a figure since the marks were taken, that one stays.
        """
        purse = self.purses[account]
        drift: dict[str, Decimal] = {}
        with self.store.write() as connection:
            for kind in purse.caps:
                if kind in purse.unreported:
                    continue
                money.ensure_pool(connection, account, kind, True, micro(purse.caps[kind].floor))
                pool = balance.pools.get(kind)
                remaining = None if pool is None or pool.remaining is None else micro(pool.remaining)
                plan = pool.plan.value if pool else "unknown"
                mark = marks.get(kind, Mark())
                gone = figures.observe(connection, account, kind, remaining, plan, balance.period or "", mark)
                if gone:
                    drift[kind] = in_credits(gone)
        return drift


def tell(connection: Connection, ticket: Ticket, action: str, reason: str) -> None:
    """One audit event of a call; of its contact, where it was made for one alone."""
    held = {kept.work_id for kept, _ in lookups.of_call(connection, ticket.call_id)}
    runs.record(
        connection,
        f"account:{ticket.account}",
        action,
        run_id=ticket.periods.run_id,
        work_id=held.pop() if len(held) == 1 else None,
        call_id=ticket.call_id,
        reason=reason,
    )


def _lookup_row(order: Order, call_id: int, position: int, item: Item) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "account": order.account,
        "operation": order.operation.name,
        "key_kind": item.key.kind.value,
        "key_digest": item.digest,
        "epoch": item.epoch,
        "position": position,
        "key": orjson.dumps(dict(item.key.parts)),
        "work_id": item.work_id,
    }
