"""Rate slots: evenly spaced for all workers of a credential, never in a burst."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from syncd.store import rates
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from syncd.store.rates import Demand, Slots
from tests.stores import Backend

KEY, STEP, MINUTE = "vendor:default", 2 * MILLION, 60 * MILLION
DAY = 86_400


def ensure(store: Store, interval_us: int = STEP) -> None:
    with store.write() as connection:
        rates.ensure(connection, KEY, interval_us)


def take(store: Store, count: int = 1, horizon_s: float = 0) -> Slots:
    with store.write() as connection:
        return rates.take(connection, [Demand(KEY, count, MINUTE)], round(horizon_s * MILLION))[0]


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


def pause(store: Store, seconds: int) -> None:
    with store.write() as connection:
        rates.pause(connection, KEY, seconds * MILLION)


def left_s(store: Store) -> tuple[int, int]:
    """Seconds until a pause ends and until the breaker closes, as everybody is told."""
    with store.read() as connection:
        ((_, _, paused, shut),) = rates.states(connection)
    return paused // MILLION, shut // MILLION


def test_a_pause_of_a_month_is_kept_to_its_end(backend: Backend) -> None:
    ensure(backend.store)
    pause(backend.store, 31 * DAY)
    assert take(backend.store) == Slots(0, 31 * DAY * MILLION, STEP)
    backend.clock.advance(31 * DAY - 1)
    assert take(backend.open()) == Slots(0, MILLION, STEP)
    backend.clock.advance(1)
    assert take(backend.store).count == 1


@pytest.mark.parametrize("back_s", [1801, 3 * 3600, 400 * DAY])
def test_a_clock_that_was_set_back_makes_a_pause_no_longer_than_it_was(backend: Backend, back_s: int) -> None:
    ensure(backend.store)
    take(backend.store)
    backend.clock.advance(5 * DAY)
    pause(backend.store, 3600)
    backend.clock.advance(1800 - back_s)
    assert left_s(backend.store) == (3600, 0)
    assert take(backend.store) == Slots(0, 3600 * MILLION, STEP)
    backend.clock.advance(3599)
    assert left_s(backend.store) == (1, 0)
    assert take(backend.open()) == Slots(0, MILLION, STEP)
    backend.clock.advance(1)
    assert take(backend.store).count == 1


def test_a_clock_that_was_set_back_by_less_than_has_passed_makes_a_pause_no_longer_than_it_was(
    backend: Backend,
) -> None:
    ensure(backend.store)
    pause(backend.store, 3600)
    backend.clock.advance(3000 - 2000)
    assert left_s(backend.store) == (2600, 0)
    assert take(backend.store) == Slots(0, 2600 * MILLION, STEP)


def test_a_stop_that_is_over_does_not_come_back_with_a_clock_that_is_set_back(backend: Backend) -> None:
    ensure(backend.store)
    pause(backend.store, 3600)
    with backend.store.write() as connection:
        rates.failed(connection, KEY, 1, rates.BREAK_MOST_US)
    backend.clock.advance(3600)
    assert take(backend.store).count == 1
    backend.clock.advance(-3300)
    assert left_s(backend.store) == (0, 0)
    assert take(backend.store).wait_us == MINUTE


def test_after_the_clock_was_set_back_a_longer_pause_counts_from_now_and_a_shorter_one_does_not(
    backend: Backend,
) -> None:
    ensure(backend.store)
    pause(backend.store, 600)
    backend.clock.advance(-DAY)
    pause(backend.store, 60)
    assert left_s(backend.store) == (600, 0)
    pause(backend.store, 900)
    assert left_s(backend.store) == (900, 0)
    backend.clock.advance(900)
    assert take(backend.store).count == 1


def test_a_clock_that_was_set_back_leaves_the_breaker_open_no_longer_than_ever(backend: Backend) -> None:
    ensure(backend.store)
    with backend.store.write() as connection:
        rates.failed(connection, KEY, 1, rates.BREAK_MOST_US)
    backend.clock.advance(-DAY)
    assert left_s(backend.store) == (0, 600)
    assert take(backend.store) == Slots(0, 600 * MILLION, STEP)
    backend.clock.advance(599)
    assert left_s(backend.store) == (0, 1)
    backend.clock.advance(1)
    assert take(backend.store).count == 1


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
            count = rates.failed(connection, KEY, 3, 150 * MILLION)
            seen.append((count, rates.states(connection)[0][3] // MILLION))
    assert seen == [(1, 0), (2, 0), (3, 150), (4, 300), (5, 600), (6, 600)]
    assert take(backend.store) == Slots(0, 600 * MILLION, STEP)


def test_success_closes_the_breaker_and_tells_how_long_it_was_out(store: Store) -> None:
    ensure(store)
    with store.write() as connection:
        assert rates.worked(connection, KEY) == 0
        for _ in range(4):
            rates.failed(connection, KEY, 3, 5 * MILLION)
        assert rates.worked(connection, KEY) == 4
        assert rates.worked(connection, KEY) == 0
        assert rates.states(connection) == [(KEY, 0, 0, 0)]
    assert take(store).count == 1


def test_a_queue_longer_than_the_period_gets_no_slot_twice(store: Store) -> None:
    ensure(store)
    with store.write() as connection:
        waits = [
            rates.take(connection, [Demand(KEY, 1, MILLION)], 30 * MILLION)[0].wait_us for _ in range(16)
        ]
        assert rates.take(connection, [Demand(KEY, 1, MILLION)], 30 * MILLION)[0].count == 0
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

        assert rates.take(Meddling(), [Demand(KEY, 1, MINUTE)], 0) == [Slots(0, STEP, STEP)]  # type: ignore[arg-type]
