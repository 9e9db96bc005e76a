"""Enrich: leased contacts are asked about until nobody is left to ask."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from syncd.accounts import ProviderAccount
from syncd.checkout import Checkout
from syncd.codec import digest
from syncd.connector import Failure, FailureKind
from syncd.desk import Desk, read_known
from syncd.mandate import BEYOND
from syncd.model import Field, LastWrite
from syncd.parcels import Landing, Parcel
from syncd.settle import GO_ON, WAIT
from syncd.store import changes, jobs, leases, people, work
from syncd.store.engine import MILLION
from syncd.waterfall import Ask, Stop, Vendor, Wait
from syncd.workbench import Bench

WINDOW = 400
"""Contacts held at once. Everything about them is in the store; the window only bounds memory."""
RETRIES = 3
HELD_WAIT_S = 15.0
REST_MOST_S = 3600.0
"""A contact whose provider is shut for longer is planned anew by then: others may know it now."""
TWIN_WAIT_S, JOB_WAIT_S, HALT_WAIT_S, OUTAGE_WAIT_S = 2.0, 900.0, 900.0, 60.0

End = tuple[Desk, str, dict[str, Any]]
"""A contact, the state it goes to, and what is written with it."""


class Enricher:
    """Works through what is due in some syncs, on behalf of one run."""

    def __init__(
        self,
        bench: Bench,
        run_id: int,
        syncs: Sequence[str],
        limit: int | None = None,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """At most `limit` contacts are taken in; once `enough` is true no further ones are."""
        self.b = bench
        self.limit = limit
        self.enough = enough
        self.taken = 0
        self.opened = 0
        """Contacts taken in so far, those that came back after a wait included."""
        self.run_id = run_id
        self.syncs = list(syncs)
        self._desks: dict[int, Desk] = {}
        self._idle: list[Desk] = []
        self._left: list[End] = []
        """Contacts whose question could not be sent in the last round, and where they go."""
        self._beat_at = 0.0
        self.failures: dict[tuple[str, FailureKind], Failure] = {}
        """Failures of whole accounts and operations, by account and kind, for the run's verdict."""

    def drain(self) -> None:
        """Ask until nothing that is due is left, or until told to stop. What was sent is always settled."""
        with ThreadPoolExecutor(self.b.threads, thread_name_prefix="send") as pool:
            self._till = Checkout(self.b, self.run_id, pool)
            try:
                while self._turn():
                    self._beat()
            finally:
                while self._till.in_flight:
                    self._end(self._land(patient=True))
                self._put_back()

    def _turn(self) -> bool:
        """One round; False when there is nothing more to do."""
        till = self._till
        at_leisure = not self._idle and not self._left
        ended = self._left + self._land(patient=at_leisure and bool(till.in_flight or till.queued))
        self._left = []
        if self.b.stop.is_set():
            self._end(ended)
            return bool(till.in_flight)
        self._open_desks()
        self._move_on(ended + self._advance())
        self._left = self._take_back()
        return bool(self._desks or till.in_flight)

    def _move_on(self, ended: Sequence[End]) -> None:
        """Rows of contacts that end are let go, and what has a slot is booked, in one transaction; then it leaves."""
        wants = self._till.due()
        if not (ended or wants):
            return
        with self.b.store.write() as connection:
            held = self._finish(connection, ended)
            booked = self._till.book(connection, wants)
        # Only what is committed may leave: whoever finds it after a crash knows that it may have left.
        self._till.launch(booked)
        self._tell(ended, held)

    @property
    def claimable(self) -> tuple[str, ...]:
        """The states from which contacts are taken in; new ones only up to the limit."""
        return ("waiting",) if self.limit is not None and self.taken >= self.limit else ("ready", "waiting")

    # taking contacts in

    def _open_desks(self) -> None:
        room = WINDOW - len(self._desks)
        if room < WINDOW // 4 or self.enough():
            return
        states = self.claimable
        if self.limit is not None and "ready" in states:
            room = min(room, self.limit - self.taken)
        with self.b.store.write() as connection:
            rows = leases.claim(
                connection,
                self.b.owner,
                states,
                self.syncs,
                room,
                self.b.lease_us,
                self.run_id,
                assigned=self.b.mandate is not None,
            )
        self.taken += sum(r.attempts == 0 for r in rows)
        self.opened += len(rows)
        if not rows:
            return
        with self.b.store.read() as connection:
            siblings = people.siblings(connection, [r.id for r in rows])
            written = written_before(connection, rows)
        now = self.b.clock()
        for row in rows:
            last = written.get((row.crm, row.object, row.record_id), {})
            source = self.b.our_sources.get(row.crm, "")
            desk = Desk.open(
                row, self.b.policies[row.sync], last, source, siblings.get(row.id, ()), self.b.salt, now
            )
            self._desks[row.id] = desk
            self._idle.append(desk)

    def _take_back(self) -> list[End]:
        """Questions that were not sent: their contacts are planned anew, wait, or belong to somebody else now."""
        self._idle += self._till.returned
        self._till.returned.clear()
        ended: list[End] = [
            (desk, "waiting", {"reason": f"{name} {work.HELD}", "wait_s": HELD_WAIT_S})
            for desk, name in self._till.held
        ]
        self._till.held.clear()
        for desk, name, left_s in self._till.rests:
            why = f"{name} asked for a pause, or keeps failing"
            ended.append((desk, "waiting", {"reason": why, "wait_s": min(left_s, REST_MOST_S)}))
        self._till.rests.clear()
        for desk in self._till.lost:
            self._desks.pop(desk.row.id, None)
        self._till.lost.clear()
        return ended

    # planning

    def _advance(self) -> list[End]:
        """Give every idle contact its next step; those that have none."""
        if not self._idle:
            return []
        idle, self._idle = self._idle, []
        read_known(self.b.store, idle, self.b.lifetimes(), self.b.now_us())
        ended: list[End] = []
        waiting: list[tuple[Desk, Wait]] = []
        for desk in idle:
            if desk.assessment.skip or not desk.assessment.needs:
                ended.append(_ended_early(desk))
                continue
            step = desk.next(self._market(desk))
            if isinstance(step, Ask):
                ended += self._ask(desk, step)
            elif isinstance(step, Wait):
                waiting.append((desk, step))
            else:
                ended += self._stopped(desk, step)
        return ended + self._under_way(waiting)

    def _market(self, desk: Desk) -> list[Vendor]:
        """Who can be asked about a contact, and for what."""
        whole = self._till.market()
        return whole if self.b.mandate is None else self.b.mandate.narrow(desk.row.id, whole)

    def _under_way(self, waiting: Sequence[tuple[Desk, Wait]]) -> list[End]:
        """Contacts with an answer under way come back after the job's next poll; its end wakes them earlier."""
        polls: dict[int, int] = {}
        if waiting:
            with self.b.store.read() as connection:
                polls = jobs.next_poll_us(connection, [i for _, wait in waiting for i in wait.lookup_ids])
        ended: list[End] = []
        for desk, wait in waiting:
            soonest = min((polls.get(i, 0) for i in wait.lookup_ids), default=0) / MILLION
            wait_s = TWIN_WAIT_S + min(soonest, JOB_WAIT_S)
            ended.append((desk, "waiting", {"reason": "an answer is under way", "wait_s": wait_s}))
        return ended

    def _stopped(self, desk: Desk, stop: Stop) -> list[End]:
        """Nobody is left to ask; where an old figure of a vendor stands in the way it is read anew first."""
        names = sorted({name.partition(".")[0] for name in stop.blocked} & self.b.accounts.keys())
        old = [a for a in map(self.b.accounts.__getitem__, names) if self.b.standing.stale(a)]
        if not old:
            return [self._ended(desk, stop)]
        for account in old:
            failure = self._figures(account)
            if failure is not None and failure.kind not in (FailureKind.AUTH, FailureKind.CONFIG):
                return [_silent(desk, account.name)]
        self._idle.append(desk)
        return []

    def _figures(self, account: ProviderAccount) -> Failure | None:
        """Read the vendor's figures where they are old; what went wrong."""
        failure = self.b.standing.ask(account) if self.b.standing.stale(account) else None
        if failure is not None:
            self.failures.setdefault((account.name, failure.kind), failure)
        self._till.changed()
        return failure

    def _ask(self, desk: Desk, ask: Ask) -> list[End]:
        """Queue a purchase. The vendor's own figures are read before the first one."""
        account = self.b.accounts[ask.account]
        if not ask.operation.free:
            if self.b.standing.stale(account):
                if self._figures(account) is not None:
                    return [_silent(desk, account.name)]
                self._idle.append(desk)
                return []
            if not self._till.funded(account.name, ask.operation):
                self._idle.append(desk)
                return []
        wait_s = self._till.enqueue(Parcel(desk, ask, digest(self.b.salt, ask.key)))
        if wait_s is not None:
            return [(desk, "waiting", {"reason": f"{account.name} is busy", "wait_s": wait_s})]
        return []

    # after an answer

    def _land(self, patient: bool) -> list[End]:
        """Contacts go on with what came back; those that cannot."""
        ended: list[End] = []
        for landing in self._till.collect(patient):
            if landing.failure is not None and landing.failure.kind not in (
                FailureKind.REJECTED,
                FailureKind.RATE_LIMITED,
            ):
                self.failures.setdefault((landing.flight.account.name, landing.failure.kind), landing.failure)
            for parcel in landing.flight.parcels:
                if parcel.desk.row.id in self._desks:
                    ended += self._resume(parcel, landing)
        return ended

    def _resume(self, parcel: Parcel, landing: Landing) -> list[End]:
        desk, name = parcel.desk, landing.flight.account.name
        if landing.fate.what == WAIT:
            return [
                (desk, "waiting", {"reason": f"{name} works on it", "wait_s": max(1.0, landing.fate.wait_s)})
            ]
        if (
            landing.fate.what != GO_ON
            and landing.failure
            and landing.failure.kind is not FailureKind.RATE_LIMITED
        ):
            desk.failures += 1
            if desk.failures >= RETRIES:
                wait_s = min(3600.0, OUTAGE_WAIT_S * 2 ** (desk.failures - RETRIES))
                return [(desk, "waiting", {"reason": f"{name} is unreachable", "wait_s": wait_s})]
        desk.unread.add(parcel.digest)
        self._idle.append(desk)
        return []

    # ending

    def _ended(self, desk: Desk, stop: Stop) -> End:
        """Where a contact goes when nobody is left to ask; what was found is written first."""
        end = self._end_state(desk, stop)
        if desk.has_values:
            return desk, "enriched", {"reason": "", "stop": stop, "then": end}
        state = end.pop("state")
        return desk, state, {**end, "stop": stop}

    def _end_state(self, desk: Desk, stop: Stop) -> dict[str, Any]:
        if stop.blocked:
            text, wait_s = self._blocked(stop)
            return {"state": "no_budget", "reason": text, "wait_s": wait_s}
        if stop.halted and self.b.mandate and isinstance(desk.next(self._till.market()), Ask):
            return {"state": "no_budget", "reason": BEYOND}
        if stop.halted:
            return {
                "state": "waiting",
                "reason": f"{', '.join(sorted(stop.halted))} {work.STOPPED}",
                "wait_s": HALT_WAIT_S,
            }
        if any(a.state == "unknown" for a in desk.asked):
            return {"state": "review", "reason": jobs.LOST}
        answered = any(a.state == "found" for a in desk.asked)
        return {"state": "done", "reason": "no accepted value" if answered else "no match"}

    def _blocked(self, stop: Stop) -> tuple[str, float]:
        """The tightest limit of each budget in the way, and when it may open again."""
        texts, waits = [], []
        for name in sorted(stop.blocked):
            account, _, kind = name.partition(".")
            room = self._till.room(account, kind)
            if room is not None and room.limit == "run" and self.b.mandate:
                texts.append(f"{name}: {BEYOND}")
            elif room is None or room.limit == "vendor":
                texts.append(f"{name}: the vendor has too few credits left")
            else:
                texts.append(f"{name}: the budget of {room.cap / MILLION:g} per {room.limit} is used up")
            waits.append(opens_in_s(room.limit if room else "vendor", self.b.clock()))
        return "; ".join(texts), max(waits, default=0.0)

    def _end(self, ended: Sequence[End]) -> None:
        """Advance work rows in one transaction."""
        if ended:
            with self.b.store.write() as connection:
                held = self._finish(connection, ended)
            self._tell(ended, held)

    def _finish(self, connection: Connection, ended: Sequence[End]) -> list[bool]:
        """Where contacts go, in the store; False for those that another worker has now."""
        if not ended:
            return []
        now_us = work.now_us(connection)
        rows = [
            leases.End(
                desk.row.id,
                desk.row.fence,
                state,
                values["reason"],
                now_us + round(values["wait_s"] * MILLION) if "wait_s" in values else 0,
                desk.failures if state == "waiting" else 0,
                desk.trace(values.get("stop"), values.get("then")),
            )
            for desk, state, values in ended
        ]
        people.add_identity(connection, {d.row.id: d.learned for d, _, _ in ended if d.learned})
        return leases.finish(connection, self.b.owner, rows)

    def _tell(self, ended: Sequence[End], held: Sequence[bool]) -> None:
        for (desk, state, values), ours in zip(ended, held, strict=True):
            self._desks.pop(desk.row.id, None)
            if ours and state not in ("waiting", "enriched"):
                self.b.on_end(desk.row.sync, state, values["reason"], desk.row.id)

    def _beat(self) -> None:
        """Keep the leases of what waits for a slot."""
        now = self.b.pacer.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + self.b.lease_us / MILLION / 4
            with self.b.store.write() as connection:
                leases.heartbeat(connection, self.b.owner, self.b.lease_us)

    def _put_back(self) -> None:
        """Contacts whose turn was cut short become ready again."""
        if self._desks:
            with self.b.store.write() as connection:
                rows = [
                    leases.End(d.row.id, d.row.fence, "ready", trace=d.trace(None))
                    for d in self._desks.values()
                ]
                leases.finish(connection, self.b.owner, rows)
            self._desks.clear()


def _silent(desk: Desk, account: str) -> End:
    return desk, "waiting", {"reason": f"{account} does not tell its balance", "wait_s": OUTAGE_WAIT_S}


def _ended_early(desk: Desk) -> End:
    if desk.assessment.skip:
        return desk, "skipped", {"reason": desk.assessment.skip}
    return desk, "done", {"reason": "nothing is missing"}


def written_before(
    connection: Connection, rows: Sequence[work.Row]
) -> dict[tuple[str, str, str], dict[str, LastWrite]]:
    """What we last wrote to these records, by property."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        groups[row.crm, row.object].append(row.record_id)
    return {
        (crm, name, record_id): last_writes(by_property)
        for (crm, name), ids in groups.items()
        for record_id, by_property in changes.last_written(connection, crm, name, ids).items()
    }


def last_writes(by_property: Mapping[str, changes.Stored]) -> dict[str, LastWrite]:
    """What we last wrote, as the pure middle knows it."""
    return {
        name: LastWrite(
            c.after or "",
            datetime.fromtimestamp((c.confirmed_us or c.intended_us) / MILLION, UTC),
            Field(c.field),
            c.undoes is not None,
        )
        for name, c in by_property.items()
    }


def opens_in_s(limit: str, now: datetime) -> float:
    """Seconds until the period of a budget ends; 0 for a run's cap, which the next run does not have."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    match limit:
        case "run":
            return 0.0
        case "day":
            end = today + timedelta(days=1)
        case "month":
            end = (today.replace(day=28) + timedelta(days=5)).replace(day=1)
        case _:
            return 3600.0
    return (end - now).total_seconds()
