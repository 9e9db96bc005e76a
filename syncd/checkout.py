"""Checkout: questions are queued, booked in a slot, sent once, and settled.

One thread books and settles; a bounded pool only sends. Calls that leave together are booked together,
and answers that arrived together are settled together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from syncd.accounts import ProviderAccount
from syncd.calls import PaidLine
from syncd.connector import Failure, FailureKind, Operation
from syncd.desk import Desk
from syncd.ledger import Booked, Item, Order, Refusal, micro
from syncd.model import Lookup
from syncd.pacing import Bucket
from syncd.parcels import Flight, Landing, Load, Parcel, Quay
from syncd.settle import Answered, Fate, Settler
from syncd.store import lookups, tidemark
from syncd.store.engine import MILLION
from syncd.store.money import Periods, Room
from syncd.store.rates import Slots
from syncd.waterfall import Vendor
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.checkout")
HORIZON_S = 0.03
"""How far ahead slots are taken: nothing waits longer between its booking and its first byte."""
REST_S = 60.0
"""A bucket that is shut for longer than this is not waited for within a run."""
GROUP = 128
"""So many answers are settled together at most."""
GATHER_S = 0.1
"""How long the first of them waits for the others, where no slot falls due before."""
_NO_RESULT = Failure(FailureKind.CONTRACT, "the connector gave nothing back")


@dataclass(frozen=True, slots=True)
class Want:
    """Calls that one bucket could make now, and how many of them would come from which queue."""

    bucket: Bucket
    queues: list[tuple[ProviderAccount, Operation, int]]

    @property
    def calls(self) -> int:
        """How many in all."""
        return sum(calls for _, _, calls in self.queues)


class Checkout:
    """The till of one run. `returned` collects contacts whose question was not sent after all."""

    def __init__(self, bench: Bench, run_id: int, pool: ThreadPoolExecutor) -> None:
        self.b = bench
        self.run_id = run_id
        self._pool = pool
        self._settler = Settler(bench.ledger, bench.standing)
        self._queues: dict[tuple[str, str], list[Parcel]] = defaultdict(list)
        self._flying: dict[str, int] = defaultdict(int)
        self._landed = Quay()
        self._vendors: list[Vendor] | None = None
        self._rooms: dict[str, dict[str, Room]] = {}
        self._wake_at = 0.0
        self.in_flight = 0
        self.returned: list[Desk] = []
        self.held: list[tuple[Desk, str]] = []
        """Contacts for whom an account's budgets suffice once jobs under way turn out cheaper than they may."""
        self.rests: list[tuple[Desk, str, float]] = []
        """Contacts whose provider asked for a pause or keeps failing, its account, and the seconds that are left."""
        self.lost: list[Desk] = []
        """Contacts whose lease another worker has now."""

    # what can be bought

    def market(self) -> list[Vendor]:
        """The accounts as they stand; renewed whenever money moved or an account was halted."""
        if self._vendors is None:
            self._rooms = self.b.ledger.headroom(self.periods())
            closed = self.b.standing.closed(self.b.ignored)
            self._vendors = [
                account.vendor(
                    {k: room.later / MILLION for k, room in self._rooms.get(name, {}).items()},
                    closed,
                )
                for name, account in self.b.accounts.items()
            ]
        return self._vendors

    def changed(self) -> None:
        """Money moved or an account was halted: the market is another one."""
        self._vendors = None

    def room(self, account: str, kind: str) -> Room | None:
        """What is left of a budget, as of the last look."""
        return self._rooms.get(account, {}).get(kind)

    def funded(self, account: str, operation: Operation) -> bool:
        """Whether every budget covers the worst case, once what is reserved now were released."""
        self.market()
        rooms = self._rooms.get(account, {})
        return all(
            k in rooms and float(m) * MILLION <= rooms[k].later for k, m in operation.max_charge.items()
        )

    def periods(self) -> Periods:
        return self.b.ledger.periods(self.run_id, self.b.clock())

    # queueing and sending

    def enqueue(self, parcel: Parcel) -> float | None:
        """Queue a question; None, or the seconds after which to try again where the queue is too long."""
        account, operation = self.b.accounts[parcel.ask.account], parcel.ask.operation
        waiting = self._queues[account.name, operation.name]
        limit = account.line.bucket(operation).limit
        most = operation.batch * max(2 * limit.concurrency, round(limit.count / limit.per_s * 30))
        if len(waiting) >= most:
            return max(1.0, len(waiting) / operation.batch * limit.per_s / limit.count)
        waiting.append(parcel)
        return None

    @property
    def queued(self) -> bool:
        return any(self._queues.values())

    def due(self) -> list[Want]:
        """What has questions and a free connection now."""
        self._wake_at = self.b.pacer.monotonic() + 1.0
        buckets: dict[str, list[tuple[ProviderAccount, Operation]]] = defaultdict(list)
        for (name, operation_name), waiting in list(self._queues.items()):
            if waiting:
                account, operation = self.b.accounts[name], waiting[0].ask.operation
                buckets[account.line.bucket(operation).key].append((account, operation))
            else:
                del self._queues[name, operation_name]
        if buckets:
            # Read before the transaction of which the booking is part.
            self.market()
        left = {(name, kind): room.now for name, rooms in self._rooms.items() for kind, room in rooms.items()}
        return [want for queues in buckets.values() if (want := self._want(queues, left))]

    def book(
        self, connection: Connection, wants: Sequence[Want]
    ) -> list[tuple[Load, list[Booked | Refusal]]]:
        """TX1 for everything that goes together: slots, and money. Nothing may leave before it is committed."""
        if not wants:
            return []
        asked = [(want.bucket, want.calls) for want in wants]
        slots = self.b.pacer.take_in(connection, asked, HORIZON_S)
        loads = [load for want, taken in zip(wants, slots, strict=True) for load in self._load(want, taken)]
        return list(zip(loads, self._book(connection, loads), strict=True)) if loads else []

    def _want(
        self, queues: list[tuple[ProviderAccount, Operation]], left: dict[tuple[str, str], int]
    ) -> Want | None:
        """What one bucket has questions, free connections and money for, the fullest queues first."""
        account, operation = queues[0]
        bucket = account.line.bucket(operation)
        queues.sort(key=lambda q: -len(self._queues[q[0].name, q[1].name]))
        free = bucket.limit.concurrency - self._flying[bucket.key]
        want = Want(bucket, [])
        for account, operation in queues:
            if calls := self._payable(account, operation, max(0, free - want.calls), left):
                want.queues.append((account, operation, calls))
        return want if want.queues else None

    def _payable(
        self, account: ProviderAccount, operation: Operation, most: int, left: dict[tuple[str, str], int]
    ) -> int:
        """How many calls a queue could make, up to `most`, and takes their worst case off what is `left`.

        What is reserved for calls under way may come back: there is no use in asking for it before they land.
        Where none is under way the ledger is asked for one at least, so that it is the ledger that refuses.
        """
        waiting = len(self._queues[account.name, operation.name])
        calls = min(most, -(-waiting // operation.batch))
        size = min(waiting, self._affordable(account.name, operation))
        costs = {(account.name, k): micro(m) * size for k, m in operation.max_charge.items() if m}
        known = left.keys() & costs.keys()
        least = 0 if self._flying_for(account) else min(1, calls)
        calls = max(least, min([calls, *(left[place] // costs[place] for place in known)]))
        for place in known:
            left[place] -= calls * costs[place]
        return calls

    def _load(self, want: Want, slots: Slots) -> list[Load]:
        """What the slots that one bucket got let go now."""
        if not slots.count and slots.wait_us > REST_S * MILLION:
            self._rest(want, slots.wait_us / MILLION)
            return []
        now = self.b.pacer.monotonic()
        if slots.count < want.calls:
            later = slots.wait_us / MILLION if not slots.count else slots.count * slots.interval_us / MILLION
            self._wake_at = min(self._wake_at, now + max(0.0, later - HORIZON_S / 2))
        dues = [now + (slots.wait_us + i * slots.interval_us) / MILLION for i in range(slots.count)]
        loads = []
        for owner, asked, calls in want.queues if dues else ():
            groups: list[list[Parcel]] = []
            waiting = self._queues[owner.name, asked.name]
            most = self._affordable(owner.name, asked)
            while len(groups) < min(calls, len(dues)) and (parcels := self._take(waiting, most)):
                groups.append(parcels)
            if groups:
                loads.append(Load(owner, asked, groups, dues[: len(groups)]))
                dues = dues[len(groups) :]
        return loads

    def _rest(self, want: Want, wait_s: float) -> None:
        """Nobody waits at the till for a bucket that is shut for long."""
        for owner, asked, _ in want.queues:
            waiting = self._queues.pop((owner.name, asked.name))
            self.rests += [(parcel.desk, owner.name, wait_s) for parcel in waiting]

    def _affordable(self, account: str, operation: Operation) -> int:
        """How many lookups one call may hold, so that every budget covers the worst case of all of them."""
        self.market()
        rooms = self._rooms.get(account, {})
        fits = [
            int(rooms[k].later // (most * MILLION))
            for k, most in operation.max_charge.items()
            if k in rooms and most
        ]
        return max(1, min(operation.batch, *fits)) if fits else operation.batch

    def launch(self, booked: Sequence[tuple[Load, list[Booked | Refusal]]]) -> None:
        """What was booked, and committed, goes off."""
        tidemark.advance(
            self.b.store,
            max((b.ticket.call_id for _, d in booked for b in d if isinstance(b, Booked)), default=0),
        )
        for load, done in booked:
            flights = [
                Flight(load.account, load.operation, parcels, b, due)
                for parcels, b, due in zip(load.groups, done, load.dues, strict=False)
                if isinstance(b, Booked)
            ]
            for flight in flights:
                self._launch(flight)
            refused = next((b for b in done if isinstance(b, Refusal)), None)
            if refused is not None:
                waiting = self._queues[load.account.name, load.operation.name]
                waiting[:0] = [p for parcels in load.groups[len(flights) + 1 :] for p in parcels]
                self._refused(load.account, load.groups[len(flights)], refused, waiting)

    def _book(self, connection: Connection, loads: Sequence[Load]) -> list[list[Booked | Refusal]]:
        now = self.b.pacer.monotonic()
        self._renew(connection, loads)
        orders = [
            Order(
                load.account.name,
                load.operation,
                [
                    [Item(p.ask.key, p.digest, p.epoch, p.desk.row.id, p.desk.row.fence) for p in parcels]
                    for parcels in load.groups
                ],
            )
            for load in loads
        ]
        return self.b.ledger.book(connection, orders, self.periods(), now)

    def _launch(self, flight: Flight) -> None:
        for parcel, lookup_id in zip(flight.parcels, flight.booked.lookup_ids, strict=True):
            parcel.desk.note(parcel.ask, lookup_id)
        self._flying[flight.account.line.bucket(flight.operation).key] += 1
        self.in_flight += 1
        self._pool.submit(copy_context().run, self._fly, flight)

    def _take(self, waiting: list[Parcel], batch: int) -> list[Parcel]:
        """The next parcels for one call. Two of one key never share a call: the second uses the first's answer."""
        taken: list[Parcel] = []
        marks: set[str] = set()
        while waiting and len(taken) < batch:
            parcel = waiting.pop(0)
            if parcel.digest in marks:
                parcel.desk.unread.add(parcel.digest)
                self.returned.append(parcel.desk)
                continue
            marks.add(parcel.digest)
            taken.append(parcel)
        return taken

    def _renew(self, connection: Connection, loads: Sequence[Load]) -> None:
        """The epoch of each question: a new one only where the newest purchase has outlived its use."""
        asked = [(load, p) for load in loads for parcels in load.groups for p in parcels]
        epochs: dict[tuple[str, str, str], int] = {}
        now_us = self.b.now_us()
        for kept in lookups.known(connection, sorted({p.digest for _, p in asked})):
            account = self.b.accounts.get(kept.account)
            if account is not None:
                lifetime = account.keep_found_s if kept.outcome == "found" else account.keep_not_found_s
                old = kept.state == "settled" and now_us - (kept.settled_us or 0) > lifetime * MILLION
                place = (kept.account, kept.operation, kept.key_digest)
                epochs[place] = max(epochs.get(place, 0), kept.epoch + old)
        for load, parcel in asked:
            parcel.epoch = epochs.get((load.account.name, load.operation.name, parcel.digest), 0)

    def _refused(
        self, account: ProviderAccount, parcels: list[Parcel], refusal: Refusal, waiting: list[Parcel]
    ) -> None:
        """A call that could not be booked: nothing was written, nothing is sent."""
        self.changed()
        if refusal.why == "fence_lost":
            self.lost += [p.desk for p in parcels]
        elif refusal.why == "bought_already":
            for parcel in parcels:
                parcel.desk.unread.add(parcel.digest)
                self.returned.append(parcel.desk)
        elif self.funded(account.name, parcels[0].ask.operation):
            if self._flying_for(account):
                waiting[:0] = parcels
            else:
                # The others of the queue cost as much.
                self.held += [(p.desk, account.name) for p in (*parcels, *waiting)]
                waiting.clear()
        else:
            self.returned += [p.desk for p in parcels]

    def _flying_for(self, account: ProviderAccount) -> int:
        return sum(self._flying[b.key] for b in account.line.buckets.values())

    def _fly(self, flight: Flight) -> None:
        """In a pool thread: wait for the slot, send once, hand the result back."""
        # A worker that was frozen since it booked must not send: a rescuer may have taken over.
        bound = self.b.lease_us / MILLION / 10
        wire = PaidLine(
            flight.account.line, lambda: self.b.pacer.monotonic() - flight.booked.booked_at < bound
        )
        try:
            delay = flight.due - self.b.pacer.monotonic()
            if delay > 0:
                self.b.pacer.sleep(delay)
            asked = [
                Lookup(p.ask.key, str(i))
                for p, i in zip(flight.parcels, flight.booked.lookup_ids, strict=True)
            ]
            outcomes = flight.account.connector.submit(wire, flight.operation, asked)
            if len(outcomes) != len(asked):
                raise Failure(FailureKind.CONTRACT, "the connector answered in another number")
            flight.result = outcomes
        except Failure as failure:
            flight.result = self.b.standing.settle_doubt(flight.account, failure)
        except Exception as error:
            _log.exception("connector.broken", provider=flight.account.name, operation=flight.operation.name)
            flight.result = Failure(FailureKind.CONTRACT, f"the connector failed ({type(error).__name__})")
        finally:
            if wire.sent:
                flight.account.line.told(flight.operation, flight.result)
            self._landed.put(flight)

    # settling

    def collect(self, patient: bool) -> list[Landing]:
        """Settle what has landed; where `patient`, wait for it until the next slot falls due."""
        landed = self._pick_up(patient)
        if not landed:
            return []
        try:
            for flight in landed:
                if isinstance(flight.result, Failure):
                    self.b.standing.react(flight.account, flight.operation, flight.result)
            with self.b.store.write() as connection:
                fates = self._settle(connection, landed)
        finally:
            # Where the store failed these calls stay booked as sent; nothing more will land for them.
            for flight in landed:
                self._flying[flight.account.line.bucket(flight.operation).key] -= 1
                self.in_flight -= 1
        if self.b.experience is not None:
            self.b.experience.settled(sum(len(flight.parcels) for flight in landed))
        self.changed()
        for flight in landed:
            if self.b.pulses and isinstance(flight.result, list):
                told = zip(flight.parcels, flight.result, strict=True)
                name = flight.account.name
                first = [(p.ask.key.kind, o) for p, o in told if not (p.epoch or p.desk.missed_by(name))]
                self.b.pulses.hear(name, flight.operation, first)
            for parcel in flight.parcels:
                parcel.desk.forget_flight(flight.booked.lookup_ids)
        return [Landing(flight, fate) for flight, fate in zip(landed, fates, strict=True)]

    def _pick_up(self, patient: bool) -> list[Flight]:
        timeout = max(0.0, min(0.5, self._wake_at - self.b.pacer.monotonic())) if patient else 0.0
        if not self._landed.wait(1, timeout):
            return []
        # Each settlement is a durable commit: a moment's wait lets neighbours share it.
        moment = max(0.0, min(GATHER_S, self._wake_at - self.b.pacer.monotonic()))
        self._landed.wait(min(GROUP, self.in_flight), moment)
        return self._landed.take(GROUP)

    def _settle(self, connection: Connection, landed: Sequence[Flight]) -> list[Fate]:
        """TX2 for everything that landed together."""
        answered = [
            Answered(f.booked.ticket, f.operation, f.booked.lookup_ids, f.result)
            for f in landed
            if isinstance(f.result, list)
        ]
        fates = iter(self._settler.answers(connection, answered))
        return [
            next(fates)
            if isinstance(f.result, list)
            else self._settler.failure(
                connection, f.account, f.operation, f.booked.ticket, f.result or _NO_RESULT
            )
            for f in landed
        ]
