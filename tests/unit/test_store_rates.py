"""Rate slots: evenly spaced for all workers of a credential, never in a burst."""

from __future__ import annotations

import threading

from sqlalchemy import update

from syncd.store import rates
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from syncd.store.rates import Slots, Want
from tests.stores import Backend

KEY, STEP, MINUTE = "vendor:default", 2 * MILLION, 60 * MILLION


def ensure(store: Store, interval_us: int = STEP) -> None:
    with store.write() as connection:
        rates.ensure(connection, KEY, interval_us)


def take(store: Store, count: int = 1, horizon_s: float = 0) -> Slots:
    with store.write() as connection:
        return rates.take(connection, [Want(KEY, count, MINUTE)], round(horizon_s * MILLION))[0]


def test_slots_are_one_interval_apart(backend: Backend) -> None:
    ensure(backend.store)
    assert take(backend.store) == Slots(1, 0, STEP)
    assert take(backend.store) == Slots(0, STEP, STEP)
    backend.clock.advance(2)
    assert take(backend.store) == Slots(1, 0, STEP)


def test_as_many_slots_are_taken_as_fall_due_within_the_horizon(store: Store) -> None:
    ensure(store)
    assert take(store, 10, horizon_s=5) == Slots(3, 0, STEP)
    assert take(store, 2, horizon_s=10) == Slots(2, 6 * MILLION, STEP)
    assert take(store, 1, horizon_s=9) == Slots(0, 10 * MILLION, STEP)


def test_unused_slots_lapse(backend: Backend) -> None:
    ensure(backend.store)
    backend.clock.advance(100)
    assert take(backend.store, 10, horizon_s=0).count == 1


def test_workers_never_get_the_same_slot(backend: Backend) -> None:
    ensure(backend.store)
    stores = [backend.store, backend.open(), backend.open()]
    waits: list[int] = []
    together = threading.Barrier(len(stores))

    def go(store: Store) -> None:
        together.wait()
        for _ in range(8):
            slots = take(store, 2, horizon_s=110)
            waits.extend(slots.wait_us + i * slots.interval_us for i in range(slots.count))

    threads = [threading.Thread(target=go, args=(s,)) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits) == [n * STEP for n in range(48)]


def test_a_new_interval_replaces_the_old_one(store: Store) -> None:
    ensure(store)
    ensure(store, 3 * MILLION)
    ensure(store, 3 * MILLION)
    assert take(store).interval_us == 3 * MILLION
    with store.read() as connection:
        assert rates.count(connection) == 1


def test_a_clock_that_was_set_back_does_not_make_a_pause_longer_than_any(backend: Backend) -> None:
    ensure(backend.store)
    with backend.store.write() as connection:
        rates.pause(connection, KEY, 9 * 3600 * MILLION)
        rates.failed(connection, KEY, 1, 600 * MILLION, 600 * MILLION)
    assert take(backend.store) == Slots(0, 2 * 3600 * MILLION, STEP)
    backend.clock.advance(-5 * 3600)
    with backend.store.write() as connection:
        assert rates.states(connection) == [(KEY, 1, 0, 0)]
    assert take(backend.store).count == 1
    with backend.store.write() as connection:
        rates.pause(connection, KEY, 60 * MILLION)
        assert rates.states(connection)[0][2] == 60 * MILLION


def test_a_pause_holds_everybody_and_a_shorter_one_does_not_end_it(backend: Backend) -> None:
    ensure(backend.store)
    with backend.store.write() as connection:
        rates.pause(connection, KEY, 10 * MILLION)
        rates.pause(connection, KEY, 3 * MILLION)
    assert take(backend.open()) == Slots(0, 10 * MILLION, STEP)
    with backend.store.write() as connection:
        rates.pause(connection, KEY, 20 * MILLION)
        assert rates.states(connection) == [(KEY, 0, 20 * MILLION, 0)]
    backend.clock.advance(20)
    assert take(backend.store).count == 1


def test_the_breaker_opens_after_several_outages_for_ever_longer_up_to_a_limit(backend: Backend) -> None:
    ensure(backend.store)
    seen = []
    with backend.store.write() as connection:
        for _ in range(6):
            count = rates.failed(connection, KEY, 3, 5 * MILLION, 15 * MILLION)
            seen.append((count, rates.states(connection)[0][3] // MILLION))
    assert seen == [(1, 0), (2, 0), (3, 5), (4, 10), (5, 15), (6, 15)]
    assert take(backend.store) == Slots(0, 15 * MILLION, STEP)


def test_success_closes_the_breaker_and_tells_how_long_it_was_out(store: Store) -> None:
    ensure(store)
    with store.write() as connection:
        assert rates.worked(connection, KEY) == 0
        for _ in range(4):
            rates.failed(connection, KEY, 3, 5 * MILLION, 15 * MILLION)
        assert rates.worked(connection, KEY) == 4
        assert rates.worked(connection, KEY) == 0
        assert rates.states(connection) == [(KEY, 0, 0, 0)]
    assert take(store).count == 1


def test_a_queue_longer_than_the_period_gets_no_slot_twice(store: Store) -> None:
    ensure(store)
    with store.write() as connection:
        waits = [rates.take(connection, [Want(KEY, 1, MILLION)], 30 * MILLION)[0].wait_us for _ in range(16)]
        assert rates.take(connection, [Want(KEY, 1, MILLION)], 30 * MILLION)[0].count == 0
    assert waits == [n * STEP for n in range(16)]


def test_a_clock_that_was_set_back_does_not_stop_the_line(backend: Backend) -> None:
    ensure(backend.store)
    take(backend.store)
    backend.clock.advance(-86_400)
    assert take(backend.store).wait_us == MINUTE
    backend.clock.advance(60)
    assert take(backend.store).count == 1


def test_a_slot_that_another_worker_took_meanwhile_is_not_handed_out(store: Store) -> None:
    """Where the row moves between reading and taking, nothing is taken; the guard behind the write lock."""
    ensure(store)
    with store.write() as connection:

        class Meddling:
            """The connection of a worker that is overtaken between its two statements."""

            def execute(self, statement: object, *more: object) -> object:
                if isinstance(statement, type(update(t.rate))):
                    connection.execute(update(t.rate).values(tat=t.rate.c.tat + 1))
                return connection.execute(statement, *more)  # type: ignore[call-overload]

        assert rates.take(Meddling(), [Want(KEY, 1, MINUTE)], 0) == [Slots(0, STEP, STEP)]  # type: ignore[arg-type]
