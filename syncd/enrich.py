"""Enrich: leased contacts are asked about until nobody is left to ask.

One thread plans and books; a bounded pool only sends. Calls that leave together are booked together,
and answers that arrived together are settled together.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from syncd.accounts import ProviderAccount, Standing
from syncd.calls import PaidLine
from syncd.codec import digest
from syncd.connector import Failure, FailureKind, Lookup, Operation
from syncd.desk import Desk
from syncd.ledger import Booked, Item, Ledger, Refusal
from syncd.model import LastWrite, Outcome, SyncPolicy
from syncd.pacing import Pacer
from syncd.settle import GO_ON, WAIT, Settler
from syncd.store import changes, lookups, work
from syncd.store.engine import MILLION, Store
from syncd.store.money import Periods, Room
from syncd.waterfall import Ask, Stop, Vendor, Wait

_log = structlog.get_logger("syncd.enrich")
WINDOW = 200
"""Contacts held at once. Everything about them is in the store; the window only bounds memory."""
HORIZON_S = 0.03
"""How far ahead slots are taken: nothing waits longer between its booking and its first byte."""
GROUP = 16
RETRIES = 3
TWIN_WAIT_S, HALT_WAIT_S, OUTAGE_WAIT_S = 2.0, 900.0, 60.0


@dataclass
class Parcel:
    """One question of one contact, waiting to be sent."""

    desk: Desk
    ask: Ask
    digest: str


@dataclass
class Flight:
    """A booked call on its way. `result` is what came back."""

    account: ProviderAccount
    operation: Operation
    parcels: list[Parcel]
    booked: Booked
    due: float
    result: list[Outcome] | Failure | None = None


@dataclass
class Bench:
    """What the enricher works with."""

    store: Store
    ledger: Ledger
    pacer: Pacer
    standing: Standing
    accounts: Mapping[str, ProviderAccount]
    policies: Mapping[str, SyncPolicy]
    our_sources: Mapping[str, str]
    clock: Callable[[], datetime]
    owner: str
    salt: bytes
    stop: threading.Event
    lease_us: int = 60 * MILLION
    threads: int = 32
    on_end: Callable[[str, str, str, int], None] = field(default=lambda sync, state, reason, work_id: None)


class Enricher:
    """Works through what is due in some syncs, on behalf of one run."""

    def __init__(self, bench: Bench, run_id: int, syncs: Sequence[str]) -> None:
        self.b = bench
        self.run_id = run_id
        self.syncs = list(syncs)
        self._settler = Settler(bench.ledger, bench.standing)
        self._desks: dict[int, Desk] = {}
        self._idle: list[Desk] = []
        self._queues: dict[tuple[str, str], list[Parcel]] = defaultdict(list)
        self._flying: dict[str, int] = defaultdict(int)
        self._in_flight = 0
        self._landed: queue.SimpleQueue[Flight] = queue.SimpleQueue()
        self._vendors: list[Vendor] | None = None
        self._rooms: dict[str, dict[str, Room]] = {}
        self._wake_at = 0.0
        self._beat_at = 0.0
        self.failures: list[Failure] = []
        """Failures that an operator must know of, one of each kind and account."""

    def drain(self) -> None:
        """Ask until nothing that is due is left, or until told to stop. What was sent is always settled."""
        with ThreadPoolExecutor(self.b.threads, thread_name_prefix="send") as pool:
            try:
                while True:
                    self._collect()
                    if not self.b.stop.is_set():
                        self._open_desks()
                        self._advance()
                        self._dispatch(pool)
                    if not self._in_flight and (self.b.stop.is_set() or not self._desks):
                        break
                    self._beat()
            finally:
                self._land_all()
                self._put_back()

    # taking contacts in

    def _open_desks(self) -> None:
        room = WINDOW - len(self._desks)
        if room < WINDOW // 4 and self._desks:
            return
        with self.b.store.write() as connection:
            rows = work.claim(
                connection, self.b.owner, ("ready", "waiting"), self.syncs, room, self.b.lease_us, self.run_id
            )
        if not rows:
            return
        with self.b.store.read() as connection:
            siblings = work.siblings(connection, [r.id for r in rows])
            written = self._written(connection, rows)
        now = self.b.clock()
        for row in rows:
            policy = self.b.policies[row.sync]
            last = written.get((row.crm, row.object, row.record_id), {})
            source = self.b.our_sources.get(row.crm, "")
            desk = Desk.open(row, policy, last, source, siblings.get(row.id, ()), self.b.salt, now)
            self._desks[row.id] = desk
            self._idle.append(desk)

    def _written(
        self, connection: Connection, rows: Sequence[work.Row]
    ) -> dict[tuple[str, str, str], dict[str, LastWrite]]:
        """What we last wrote to these records, by property."""
        groups: dict[tuple[str, str], list[str]] = defaultdict(list)
        for row in rows:
            groups[row.crm, row.object].append(row.record_id)
        found = {}
        for (crm, name), ids in groups.items():
            for record_id, by_property in changes.last_written(connection, crm, name, ids).items():
                found[crm, name, record_id] = last_writes(by_property)
        return found

    # planning

    def _advance(self) -> None:
        """Give every idle contact its next step."""
        if not self._idle:
            return
        idle, self._idle = self._idle, []
        self._read_known(idle)
        ended: list[tuple[Desk, str, dict[str, Any]]] = []
        for desk in idle:
            if desk.assessment.skip or not desk.assessment.needs:
                ended.append(self._ended_early(desk))
                continue
            step = desk.next(self._market())
            if isinstance(step, Ask):
                self._enqueue(desk, step, ended)
            elif isinstance(step, Wait):
                ended.append((desk, "waiting", {"reason": "an answer is under way", "wait_s": TWIN_WAIT_S}))
            else:
                ended.append(self._ended(desk, step))
        self._end(ended)

    def _read_known(self, desks: Sequence[Desk]) -> None:
        """Take in the lookups that exist for keys not looked at yet, whoever made them."""
        wanted = {d for desk in desks for d in desk.unread}
        if not wanted:
            return
        found: dict[str, list[lookups.Kept]] = defaultdict(list)
        with self.b.store.read() as connection:
            ordered = sorted(wanted)
            for start in range(0, len(ordered), 500):
                for kept in lookups.known(connection, ordered[start : start + 500]):
                    found[kept.key_digest].append(kept)
        lifetimes = {n: (a.keep_found_s, a.keep_not_found_s) for n, a in self.b.accounts.items()}
        now_us = round(self.b.clock().timestamp() * MILLION)
        for desk in desks:
            unread, desk.unread = desk.unread, set()
            for mark in unread:
                for kept in found.get(mark, ()):
                    desk.learn(kept, lifetimes, self.b.salt, now_us)
            if desk.unread:
                self._read_known([desk])

    def _market(self) -> list[Vendor]:
        """The accounts as they stand; renewed whenever money moved or an account was halted."""
        if self._vendors is None:
            self._rooms = self.b.ledger.headroom(self._periods())
            closed = self.b.standing.closed()
            self._vendors = [
                account.vendor(
                    {k: room.later / MILLION for k, room in self._rooms.get(name, {}).items()},
                    closed.get(name, frozenset()),
                )
                for name, account in self.b.accounts.items()
            ]
        return self._vendors

    def _periods(self) -> Periods:
        return self.b.ledger.periods(self.run_id, self.b.clock())

    def _enqueue(self, desk: Desk, ask: Ask, ended: list[tuple[Desk, str, dict[str, Any]]]) -> None:
        account = self.b.accounts[ask.account]
        if not ask.operation.free and not self.b.standing.fresh(account):
            self._vendors = None
            self._note_halt(account.name)
            ended.append(
                (
                    desk,
                    "waiting",
                    {"reason": f"{account.name} does not tell its balance", "wait_s": OUTAGE_WAIT_S},
                )
            )
            return
        if not ask.operation.free and self._unfunded(ask):
            self._vendors = None
            self._idle.append(desk)
            return
        waiting = self._queues[ask.account, ask.operation.name]
        limit = account.line.bucket(ask.operation).limit
        most = max(
            2 * ask.operation.batch * limit.concurrency,
            round(limit.count / limit.per_s * 30) * ask.operation.batch,
        )
        if len(waiting) >= most:
            wait = len(waiting) / ask.operation.batch * limit.per_s / limit.count
            ended.append((desk, "waiting", {"reason": f"{ask.account} is busy", "wait_s": max(1.0, wait)}))
            return
        waiting.append(Parcel(desk, ask, digest(self.b.salt, ask.key)))

    def _unfunded(self, ask: Ask) -> bool:
        """Whether the vendor's figures, just read, leave no room for what the plan chose."""
        rooms = (
            self.b.ledger.headroom(self._periods()).get(ask.account, {})
            if self._vendors is None
            else self._rooms.get(ask.account, {})
        )
        return any(
            k not in rooms or float(most) * MILLION > rooms[k].later
            for k, most in ask.operation.max_charge.items()
        )

    # sending

    def _dispatch(self, pool: ThreadPoolExecutor) -> None:
        """Book and send what has a slot and a free connection."""
        self._wake_at = self.b.pacer.monotonic() + 1.0
        for (name, operation_name), waiting in list(self._queues.items()):
            if not waiting:
                del self._queues[name, operation_name]
                continue
            account = self.b.accounts[name]
            operation = waiting[0].ask.operation
            bucket = account.line.bucket(operation)
            free = bucket.limit.concurrency - self._flying[bucket.key]
            calls = min(free, GROUP, -(-len(waiting) // operation.batch))
            if calls <= 0:
                continue
            slots = self.b.pacer.take(bucket, calls, HORIZON_S)
            now = self.b.pacer.monotonic()
            if not slots.count:
                self._wake_at = min(self._wake_at, now + max(0.0, slots.wait_us / MILLION - HORIZON_S / 2))
                continue
            self._wake_at = now
            dues = [now + (slots.wait_us + i * slots.interval_us) / MILLION for i in range(slots.count)]
            self._send(pool, account, operation, waiting, dues)

    def _send(
        self,
        pool: ThreadPoolExecutor,
        account: ProviderAccount,
        operation: Operation,
        waiting: list[Parcel],
        dues: Sequence[float],
    ) -> None:
        """TX1 for as many calls as there are slots, then off they go."""
        flights: list[Flight] = []
        with self.b.store.write() as connection:
            periods = self._periods()
            for due in dues:
                parcels = self._take(waiting, operation.batch)
                if not parcels:
                    break
                items = [self._item(connection, account, operation, p) for p in parcels]
                now = self.b.pacer.monotonic()
                booked = self.b.ledger.book(account.name, operation, items, periods, now, connection)
                if isinstance(booked, Booked):
                    flights.append(Flight(account, operation, parcels, booked, due))
                else:
                    self._refused(account, parcels, booked, waiting)
                    break
        for flight in flights:
            for parcel, lookup_id in zip(flight.parcels, flight.booked.lookup_ids, strict=True):
                parcel.desk.note(parcel.ask, lookup_id)
            self._flying[flight.account.line.bucket(flight.operation).key] += 1
            self._in_flight += 1
            context = copy_context()
            pool.submit(context.run, self._fly, flight)

    def _take(self, waiting: list[Parcel], batch: int) -> list[Parcel]:
        """The next parcels for one call. Two of the same key never share a call: the second waits for the first."""
        taken: list[Parcel] = []
        marks: set[str] = set()
        while waiting and len(taken) < batch:
            parcel = waiting.pop(0)
            if parcel.digest in marks:
                self._idle.append(parcel.desk)
                parcel.desk.unread.add(parcel.digest)
                continue
            marks.add(parcel.digest)
            taken.append(parcel)
        return taken

    def _item(
        self, connection: Connection, account: ProviderAccount, operation: Operation, parcel: Parcel
    ) -> Item:
        epoch = lookups.next_epoch(connection, account.name, operation.name, parcel.digest)
        if epoch and self._is_live(connection, account, operation, parcel.digest):
            epoch -= 1
        return Item(parcel.ask.key, parcel.digest, epoch, parcel.desk.row.id, parcel.desk.row.fence)

    def _is_live(
        self, connection: Connection, account: ProviderAccount, operation: Operation, mark: str
    ) -> bool:
        """Whether the newest purchase of this key still counts; then booking it again must be refused."""
        now_us = round(self.b.clock().timestamp() * MILLION)
        for kept in reversed(lookups.known(connection, [mark])):
            if (kept.account, kept.operation) == (account.name, operation.name):
                lifetime = account.keep_found_s if kept.outcome == "found" else account.keep_not_found_s
                return kept.state != "settled" or now_us - (kept.settled_us or 0) <= lifetime * MILLION
        return False

    def _refused(
        self, account: ProviderAccount, parcels: list[Parcel], refusal: Refusal, waiting: list[Parcel]
    ) -> None:
        """A call that could not be booked: nothing was written, nothing is sent."""
        self._vendors = None
        if refusal.why == "fence_lost":
            for parcel in parcels:
                self._desks.pop(parcel.desk.row.id, None)
        elif refusal.why == "bought_already":
            for parcel in parcels:
                parcel.desk.unread.add(parcel.digest)
                self._idle.append(parcel.desk)
        elif self._flying_for(account) and self._later_room(account, parcels[0].ask.operation):
            waiting[:0] = parcels
        else:
            self._idle += [p.desk for p in parcels]

    def _flying_for(self, account: ProviderAccount) -> int:
        return sum(self._flying[b.key] for b in account.line.buckets.values())

    def _later_room(self, account: ProviderAccount, operation: Operation) -> bool:
        self._market()
        rooms = self._rooms.get(account.name, {})
        return all(
            k in rooms and float(m) * MILLION <= rooms[k].later for k, m in operation.max_charge.items()
        )

    def _fly(self, flight: Flight) -> None:
        """In a pool thread: wait for the slot, send once, hand the result back."""
        try:
            delay = flight.due - self.b.pacer.monotonic()
            if delay > 0:
                self.b.pacer.sleep(delay)
            bound = self.b.lease_us / MILLION / 10
            wire = PaidLine(
                flight.account.line, lambda: self.b.pacer.monotonic() - flight.booked.booked_at < bound
            )
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
            self._landed.put(flight)

    # settling

    def _collect(self) -> None:
        """Settle everything that has landed; wait for it where nothing else can be done."""
        landed = self._pick_up()
        if not landed:
            return
        for flight in landed:
            if isinstance(flight.result, Failure):
                self.b.standing.react(flight.account, flight.operation, flight.result)
                self._remember(flight.account.name, flight.result)
        with self.b.store.write() as connection:
            fates = [self._settle(connection, flight) for flight in landed]
        self._vendors = None
        for flight, fate in zip(landed, fates, strict=True):
            self._flying[flight.account.line.bucket(flight.operation).key] -= 1
            self._in_flight -= 1
            self._after(flight, fate.what, fate.wait_s)

    def _pick_up(self) -> list[Flight]:
        landed: list[Flight] = []
        busy = self._idle or not (self._in_flight or self._queues)
        timeout = 0.0 if busy else max(0.0, min(0.5, self._wake_at - self.b.pacer.monotonic()))
        try:
            landed.append(self._landed.get(timeout=timeout) if timeout > 0 else self._landed.get_nowait())
            while len(landed) < 4 * GROUP:
                landed.append(self._landed.get_nowait())
        except queue.Empty:
            pass
        return landed

    def _settle(self, connection: Connection, flight: Flight) -> Any:
        ticket, ids = flight.booked.ticket, flight.booked.lookup_ids
        if isinstance(flight.result, Failure):
            return self._settler.failure(connection, flight.account, flight.operation, ticket, flight.result)
        return self._settler.answer(connection, ticket, flight.operation, ids, flight.result or [])

    def _after(self, flight: Flight, what: str, wait_s: float) -> None:
        ended: list[tuple[Desk, str, dict[str, Any]]] = []
        for parcel in flight.parcels:
            desk = parcel.desk
            if desk.row.id not in self._desks:
                continue
            desk.forget_flight(flight.booked.lookup_ids)
            if what == WAIT:
                ended.append(
                    (
                        desk,
                        "waiting",
                        {"reason": f"{flight.account.name} works on it", "wait_s": max(1.0, wait_s)},
                    )
                )
            elif what == GO_ON:
                desk.unread.add(parcel.digest)
                self._idle.append(desk)
            elif isinstance(flight.result, Failure) and flight.result.kind is not FailureKind.RATE_LIMITED:
                self._again(desk, flight, ended)
            else:
                self._idle.append(desk)
        self._end(ended)

    def _again(self, desk: Desk, flight: Flight, ended: list[tuple[Desk, str, dict[str, Any]]]) -> None:
        """An outage: try a few times, then let the contact wait ever longer without a worker."""
        desk.failures += 1
        if desk.failures < RETRIES:
            self._idle.append(desk)
            return
        wait = min(3600.0, OUTAGE_WAIT_S * 2 ** (desk.failures - RETRIES))
        ended.append((desk, "waiting", {"reason": f"{flight.account.name} is unreachable", "wait_s": wait}))

    def _remember(self, account: str, failure: Failure) -> None:
        known = {(f.kind, f.code) for f in self.failures}
        if (failure.kind, account) not in known:
            failure.code = account
            self.failures.append(failure)

    def _note_halt(self, account: str) -> None:
        self._remember(account, Failure(FailureKind.UNAVAILABLE, f"{account} does not answer"))

    # ending

    def _ended_early(self, desk: Desk) -> tuple[Desk, str, dict[str, Any]]:
        if desk.assessment.skip:
            return desk, "skipped", {"reason": desk.assessment.skip}
        kept = set(desk.assessment.kept.values())
        return (
            desk,
            "done",
            {"reason": "nothing is missing" if kept <= {"present", "human", "other", "fresh"} else "kept"},
        )

    def _ended(self, desk: Desk, stop: Stop) -> tuple[Desk, str, dict[str, Any]]:
        """Where a contact goes when nobody is left to ask; what was found is written first."""
        end = self._end_state(desk, stop)
        if desk.has_values:
            return desk, "enriched", {"reason": "", "stop": stop, "then": end}
        state, values = end.pop("state"), end
        return desk, state, {**values, "stop": stop}

    def _end_state(self, desk: Desk, stop: Stop) -> dict[str, Any]:
        if stop.blocked:
            text, wait_s = self._blocked(stop)
            return {"state": "no_budget", "reason": text, "wait_s": wait_s}
        if stop.halted:
            return {
                "state": "waiting",
                "reason": f"{', '.join(sorted(stop.halted))} is stopped",
                "wait_s": HALT_WAIT_S,
            }
        if any(a.state == "unknown" for a in desk.asked):
            return {"state": "review", "reason": "an answer was lost after it was paid for"}
        answered = any(a.state == "found" for a in desk.asked)
        return {"state": "done", "reason": "no match" if not answered else "no accepted value"}

    def _blocked(self, stop: Stop) -> tuple[str, float]:
        """The tightest limit of each budget in the way, and when it may open again."""
        texts, waits = [], []
        now = self.b.clock()
        for name in sorted(stop.blocked):
            account, _, kind = name.partition(".")
            room = self._rooms.get(account, {}).get(kind)
            limit = room.limit if room else "vendor"
            if limit == "vendor" or room is None:
                texts.append(f"{name}: the vendor has too few credits left")
            else:
                texts.append(f"{name}: budget per {limit} of {room.cap // MILLION} is used up")
            waits.append(_opens_in_s(limit, now))
        return "; ".join(texts), max(waits, default=0.0)

    def _end(self, ended: Sequence[tuple[Desk, str, dict[str, Any]]]) -> None:
        """Advance work rows in one transaction."""
        if not ended:
            return
        with self.b.store.write() as connection:
            now_us = connection.scalar(work.Now()) or 0
            for desk, state, values in ended:
                due = now_us + round(values.get("wait_s", 0.0) * MILLION) if "wait_s" in values else 0
                held = work.finish(
                    connection,
                    desk.row.id,
                    self.b.owner,
                    desk.row.fence,
                    state,
                    reason=values["reason"],
                    not_before=due,
                    attempts=desk.failures if state == "waiting" else 0,
                    trace=desk.trace(values.get("stop"), values.get("then")),
                )
                self._desks.pop(desk.row.id, None)
                if held and state not in ("waiting", "enriched"):
                    self.b.on_end(desk.row.sync, state, values["reason"], desk.row.id)

    def _beat(self) -> None:
        """Keep the leases of what waits for a slot."""
        now = self.b.pacer.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + self.b.lease_us / MILLION / 4
            with self.b.store.write() as connection:
                work.heartbeat(connection, self.b.owner, self.b.lease_us)

    def _land_all(self) -> None:
        while self._in_flight:
            flight = self._landed.get()
            self._landed.put(flight)
            self._collect()

    def _put_back(self) -> None:
        """Contacts whose turn was cut short become ready again."""
        with self.b.store.write() as connection:
            for desk in self._desks.values():
                work.finish(
                    connection, desk.row.id, self.b.owner, desk.row.fence, "ready", trace=desk.trace(None)
                )
        self._desks.clear()


def last_writes(by_property: Mapping[str, changes.Stored]) -> dict[str, LastWrite]:
    """What we last wrote, as the pure middle knows it."""
    from datetime import UTC

    from syncd.model import Field

    return {
        name: LastWrite(
            c.after or "",
            datetime.fromtimestamp((c.confirmed_us or c.intended_us) / MILLION, UTC),
            Field(c.field),
        )
        for name, c in by_property.items()
    }


def _opens_in_s(limit: str, now: datetime) -> float:
    """Seconds until the period of a budget ends; 0 for a run's cap, which the next run does not have."""
    if limit == "run":
        return 0.0
    if limit == "day":
        end = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    elif limit == "month":
        end = (now.replace(day=28) + timedelta(days=5)).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
    else:
        return 3600.0
    return (end - now).total_seconds()
