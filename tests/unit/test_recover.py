"""One contact's purchase, killed at every commit: who takes over buys nothing twice and leaves nothing open."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from sqlalchemy import Connection, func, select

from syncd.accounts import ProviderAccount, Standing
from syncd.calls import Line
from syncd.codec import pack_contact
from syncd.connector import Answer, Limit, Mode, On, Operation, Poll, Price, Replay
from syncd.enrich import Enricher
from syncd.kin import marks
from syncd.ledger import Caps, Ledger, Purse
from syncd.meter import Meter
from syncd.model import (
    Balance,
    Basis,
    Candidate,
    Charge,
    Contact,
    Field,
    FieldPolicy,
    Found,
    Identity,
    KeyKind,
    Outcome,
    Pending,
    Pool,
    Quality,
    SyncPolicy,
    Value,
)
from syncd.pacing import Pacer
from syncd.plan import keys_of, persona_of
from syncd.poll import Poller
from syncd.recover import recover
from syncd.store import jobs, lists, money, people, runs, work
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from syncd.workbench import Bench
from tests.books import Worker, add_contacts, booked, caps
from tests.stores import Backend

PROFILE = "https://www.linkedin.com/in/ada-example"
MATCH = {"linkedin_url": "li", "first_name": "first", "last_name": "last"}
POLICY = SyncPolicy(
    "leads", "main", "contact", MATCH, (FieldPolicy(Field.WORK_EMAIL, "email", accounts=("vendor",)),),
    accounts=("vendor",),
)  # fmt: skip
LEASE_US = 60 * MILLION
PRICE = (Price("email", Decimal(1), On.MATCH),)
WANTED: dict[str, Any] = {
    "accepts": frozenset({KeyKind.LINKEDIN_URL}),
    "returns": {Field.WORK_EMAIL: Quality.VERIFIED},
    "prices": PRICE,
    "identifies": True,
}
DIRECT = Operation("person", replay=Replay.OPAQUE, **WANTED)
JOB = Operation("person_job", mode=Mode.JOB, poll=Poll(5.0), replay=Replay.OPAQUE, **WANTED)


class Killed(BaseException):
    """The process is gone. No handler of ours catches it."""


@dataclass
class Vendor:
    """Answers every question, charges each time, and remembers it."""

    name: ClassVar[str] = "vendor"
    docs_url: ClassVar[str] = ""
    credits: ClassVar[tuple[str, ...]] = ("email",)
    unreported: ClassVar[frozenset[str]] = frozenset()
    limits: ClassVar[tuple[Limit, ...]] = (Limit("default", 1_000_000, 1.0),)
    default_base_url: ClassVar[str] = ""
    operations: tuple[Operation, ...] = (DIRECT,)
    charged: Counter[str] = field(default_factory=Counter)

    def balance(self, wire: Any, now: datetime) -> Balance:
        return Balance({"email": Pool(Decimal(100 - self.charged.total()))}, "2026-03")

    def submit(self, wire: Any, operation: Operation, lookups: Sequence[Any]) -> list[Outcome]:
        def send() -> Answer:
            self.charged.update(lookup.key.canonical for lookup in lookups)
            return Answer(200, {}, b"")

        wire.run(operation, send, "/person")
        if operation.mode is Mode.JOB:
            return [Pending("job-1", 5.0)]
        return [_found() for _ in lookups]

    def poll(self, wire: Any, operation: Operation, held: Sequence[Any]) -> list[list[Outcome]]:
        return [[_found() for _ in job.lookups] for job in held]

    def classify(self, operation: Operation, answer: Answer) -> None:
        return None


def _found() -> Found:
    value = Value(Field.WORK_EMAIL, "ada@example.com", Quality.VERIFIED)
    identity = Identity(first_name="Ada", last_name="Example", linkedin_url=PROFILE)
    return Found((Candidate((value,), identity),), Charge.of(Basis.REPORTED, email=1))


class Mortal(Store):
    """A store whose process is killed around one of its commits, and then does nothing any more."""

    lives: int | None = None
    """Commits until the end; None lives on."""
    before = False
    """Whether the last one is lost."""
    commits = 0
    dead = False
    _count = threading.Lock()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self._count:
            self._check()
            self.commits += 1
            last = self.lives is not None and self.commits >= self.lives
        with super().write() as connection:
            yield connection
            if last and self.before:
                self.dead = True
                raise Killed
        if last:
            self.dead = True
            raise Killed

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self._check()
        with super().read() as connection:
            yield connection

    def _check(self) -> None:
        if self.dead:
            raise Killed


@dataclass
class Host:
    """A state and a vendor; processes come and go."""

    backend: Backend
    vendor: Vendor
    store: Mortal = field(init=False)

    def __post_init__(self) -> None:
        self.store = Mortal(self.backend.url, clock_us=lambda: self.backend.clock.now_us)

    def live(self, owner: str, lives: int | None = None, before: bool = False) -> bool:
        """A process starts, takes over, buys and ends; False where it was killed."""
        self.store.lives, self.store.before = lives, before
        self.store.commits, self.store.dead = 0, False
        try:
            self._work(owner)
        except Killed:
            return False
        finally:
            self.store.close()
        return not self.store.dead

    def _work(self, owner: str) -> None:
        store, vendor = self.store, self.vendor
        pacer = Pacer(store, sleep=lambda seconds: None)
        buckets = pacer.buckets("vendor", vendor.limits)
        line = Line("vendor", buckets, pacer, vendor.classify, Meter())
        account = ProviderAccount("vendor", vendor, line, {"email": 1.0}, frozenset({"email"}))  # type: ignore[arg-type]  # as far as it is used
        purse = Purse("vendor", {"email": Caps(per_month=Decimal(10))})
        ledger = Ledger(store, {"vendor": purse}, owner, LEASE_US)
        standing = Standing(store, ledger, {"vendor": account}, self._now, pacer.monotonic)
        with store.write() as connection:
            run_id = runs.start(connection, "once", "leads", owner)
        recover(store, ledger, {"vendor": account}, owner, LEASE_US)
        bench = Bench(
            store, ledger, pacer, standing, {"vendor": account}, {"leads": POLICY}, {}, self._now, owner,
            b"salt", threading.Event(), LEASE_US, threads=2,
        )  # fmt: skip
        Enricher(bench, run_id, ["leads"]).drain()
        Poller(bench).sweep()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.backend.clock.now_us / MILLION, UTC)


def contact(backend: Backend) -> int:
    """One contact without an address, ready to be enriched."""
    fields = {"li": PROFILE, "first": "Ada", "last": "Example", "email": ""}
    with backend.store.write() as connection:
        (i,) = add_contacts(connection, 1, record=pack_contact(Contact("1", "v", None, fields)))
        persona = persona_of(fields, MATCH)
        people.set_identity(connection, {i: marks(persona, keys_of(persona), (), b"salt")})
    return i


def finish(host: Host) -> None:
    """Processes start and end until nothing is left to do, and then once more."""
    for number in range(6):
        # On PostgreSQL the dead are known by their leases.
        host.backend.clock.advance(300)
        ended = _at_rest(host.backend)
        assert host.live(f"rescuer-{number}")
        if ended:
            return
    raise AssertionError("there is no end of it")


def _at_rest(backend: Backend) -> bool:
    with backend.store.read() as connection:
        open_ = t.provider_call.c.state.in_(("sent", "pending"))
        calls = connection.scalar(select(func.count()).select_from(t.provider_call).where(open_))
        return not calls and not lists.counts(connection).keys() & {"ready", "leased", "waiting"}


def state(backend: Backend, work_id: int) -> str:
    with backend.store.read() as connection:
        row = work.get(connection, work_id)
    assert row is not None
    return row.state


def books(backend: Backend) -> dict[str, int]:
    with backend.store.read() as connection:
        return money.totals(connection, "vendor", "email", "month", "2026-03")


@pytest.fixture(params=[DIRECT, JOB], ids=["answered at once", "answered by a job"])
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return Vendor((request.param,))


def test_undisturbed_a_contact_is_bought_once(backend: Backend, vendor: Vendor) -> None:
    work_id = contact(backend)
    finish(Host(backend, vendor))
    assert vendor.charged.total() == 1
    assert state(backend, work_id) == "enriched"
    assert books(backend) == {"reserved": 0, "spent": MILLION, "unknown": 0}


@pytest.mark.parametrize(
    ("backend", "vendor", "before"),
    [
        ("sqlite", DIRECT, False),
        ("sqlite", DIRECT, True),
        ("sqlite", JOB, False),
        ("sqlite", JOB, True),
        ("postgresql", DIRECT, False),
    ],
    indirect=["backend", "vendor"],
    ids=lambda value: (
        {True: "before a commit", False: "after a commit"}.get(value) if isinstance(value, bool) else None
    ),
)
def test_killed_at_any_commit_nothing_is_bought_twice_and_nothing_stays_open(
    backend: Backend, vendor: Vendor, before: bool
) -> None:
    host, ends = Host(backend, vendor), set()
    for lives in range(1, 100):
        vendor.charged.clear()
        _empty(backend)
        work_id = contact(backend)
        killed = not host.live("victim", lives, before)
        finish(host)
        found = books(backend)
        end = state(backend, work_id)
        ends.add((end, found["unknown"]))
        assert vendor.charged.total() <= 1, lives
        assert found["reserved"] == 0, lives
        assert found["spent"] + found["unknown"] >= vendor.charged.total() * MILLION, lives
        assert (end, found["spent"], found["unknown"]) in (
            ("enriched", MILLION, 0),
            ("review", 0, MILLION),
        ), lives
        _calls_have_ended(backend)
        if not killed:
            break
    assert lives > 8
    assert ends == {("enriched", 0), ("review", MILLION)}


def _calls_have_ended(backend: Backend) -> None:
    with backend.store.read() as connection:
        states = set(connection.scalars(select(t.provider_call.c.state)))
        pairs = connection.execute(
            select(t.provider_call.c.state, t.lookup.c.state).join(
                t.lookup, t.lookup.c.call_id == t.provider_call.c.id
            )
        ).all()
    assert states <= {"settled", "unknown"}
    assert all(call == lookup for call, lookup in pairs)


def _empty(backend: Backend) -> None:
    with backend.store.write() as connection:
        for table in (
            t.change, t.lookup, t.ledger, t.provider_call, t.identity, t.work, t.budget, t.pool, t.observation,
            t.rate, t.run, t.halt, t.audit,
        ):  # fmt: skip
            connection.execute(table.delete())


# what is recovered, and what is left alone


def accounts(*operations: Operation) -> Mapping[str, Any]:
    return {"vendor": ProviderAccount("vendor", Vendor(operations), None)}  # type: ignore[arg-type,dict-item]  # asked for its operations only


def worker(store: Store, owner: str) -> Worker:
    made = Worker(store, caps(email={"per_month": 10}), owner)
    made.told(email=100)
    return made


def rescue(w: Worker, *operations: Operation) -> dict[str, int]:
    return recover(w.store, w.ledger, dict(accounts(*operations)), w.owner, LEASE_US)


def call_states(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.scalars(select(t.provider_call.c.state).order_by(t.provider_call.c.id)))


FREE = Operation("check")


def test_a_paid_call_of_the_dead_is_unknown_and_a_free_one_is_released(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    booked(dead.book(DIRECT, "a"))
    booked(dead.book(FREE, "b"))
    backend.clock.advance(300)
    assert rescue(alive, DIRECT, FREE) == {"released": 1, "unknown": 1, "contacts": 2}
    assert call_states(backend.store) == ["unknown", "released"]
    assert books(backend) == {"reserved": 0, "spent": 0, "unknown": MILLION}
    with backend.store.read() as connection:
        assert lists.counts(connection) == {"ready": 2}
    assert rescue(alive, DIRECT, FREE) == {"released": 0, "unknown": 0, "contacts": 0}


def test_a_call_of_an_operation_or_account_that_is_configured_no_longer_is_unknown(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    booked(dead.book(FREE, "a"))
    booked(dead.book(DIRECT, "b"))
    backend.clock.advance(300)
    assert recover(alive.store, alive.ledger, {}, "alive", LEASE_US)["unknown"] == 2


def test_a_call_that_cost_once_is_not_released_though_its_operation_is_free_now(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    booked(dead.book(DIRECT, "a"))
    backend.clock.advance(300)
    assert rescue(alive, Operation("person"))["unknown"] == 1


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_in_a_fleet_only_those_are_dead_whose_leases_have_long_run_out(backend: Backend) -> None:
    slow, other = worker(backend.store, "slow"), worker(backend.open(), "other")
    call = booked(slow.book(DIRECT, "a"))
    nothing = {"released": 0, "unknown": 0, "contacts": 0}
    assert rescue(other, DIRECT) == nothing
    backend.clock.advance(119)
    assert rescue(other, DIRECT) == nothing
    backend.clock.advance(2)
    assert rescue(other, DIRECT) == {"released": 0, "unknown": 1, "contacts": 1}
    assert slow.settle(call, email=1)
    assert books(backend) == {"reserved": 0, "spent": MILLION, "unknown": 0}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_alone_with_its_state_a_process_takes_over_at_once_and_keeps_its_own_calls(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    booked(dead.book(DIRECT, "a"))
    booked(alive.book(DIRECT, "b"))
    # Leases end a moment after they were given up: the clock of these tests stands still.
    backend.clock.advance(0.001)
    assert rescue(alive, DIRECT) == {"released": 0, "unknown": 1, "contacts": 2}
    assert call_states(backend.store) == ["unknown", "sent"]


def test_contacts_that_a_broken_cycle_held_are_free_for_the_next_one_of_the_same_process(
    backend: Backend,
) -> None:
    broken = worker(backend.store, "the same")
    booked(broken.book(DIRECT, "a"))
    backend.clock.advance(1)
    assert rescue(broken, DIRECT) == {"released": 0, "unknown": 0, "contacts": 1}


def test_a_launched_job_is_not_given_up_but_asked_for(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    dead.pend(booked(dead.book(JOB, "a")))
    backend.clock.advance(300)
    assert rescue(alive, JOB)["unknown"] == 0
    with alive.store.write() as connection:
        assert [d.handle for d in jobs.claim_due(connection, "alive", 10, LEASE_US)] == ["job-1"]


def test_what_was_taken_over_is_on_record(backend: Backend) -> None:
    dead, alive = worker(backend.store, "dead"), worker(backend.open(), "alive")
    call = booked(dead.book(DIRECT, "a"))
    backend.clock.advance(300)
    rescue(alive, DIRECT)
    with backend.store.read() as connection:
        lost = [e for e in runs.events(connection) if e.action == "lookup.unknown"]
        assert [(e.call_id, e.reason) for e in lost] == [
            (call.ticket.call_id, "the caller died before the answer")
        ]
        assert connection.scalar(select(func.count()).select_from(t.lookup)) == 1
