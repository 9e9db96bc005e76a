"""Money moves once, under every cap, and what nobody knows stays unknown."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from syncd.ledger import Booked, Caps, Item, Order, Purse, Refusal, micro
from syncd.model import Balance, Charge, Key, KeyKind, Pool, Unresolved
from syncd.settle import Answered, Settler
from syncd.store import figures, leases, lookups, money, runs, work
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from tests.books import ACCOUNT, BOTH, EMAIL, FREE, LEASE_US, Sums, Worker, booked, budget, call_state, caps
from tests.stores import Backend

MONTH = {"per_month": 5}
ROOT = Path(__file__).parents[2]


def worker(store: Store, remaining: int = 1000, **by_kind: dict[str, int]) -> Worker:
    """A worker whose vendor has plenty."""
    made = Worker(store, caps(**by_kind))
    made.told(**dict.fromkeys(by_kind, remaining))
    return made


def sums(reserved: int = 0, spent: int = 0, unknown: int = 0) -> Sums:
    return Sums(Decimal(reserved), Decimal(spent), Decimal(unknown))


# booking


def test_a_booking_reserves_the_worst_case_under_every_cap(store: Store) -> None:
    w = worker(store, email={"per_run": 10, "per_day": 10, "per_month": 10}, phone={"per_month": 10})
    booked(w.book(BOTH, "a", "b"))
    for scope, period in (("run", str(w.run_id)), ("day", "2026-03-10"), ("month", "2026-03")):
        assert budget(store, scope, "email", period) == sums(reserved=2)
    assert budget(store, "month", "phone") == sums(reserved=4)


@pytest.mark.parametrize("scope", ["per_run", "per_day", "per_month"])
def test_each_cap_alone_stops_a_booking_and_leaves_nothing_behind(store: Store, scope: str) -> None:
    loose = {"per_run": 9, "per_day": 9, "per_month": 9}
    w = worker(store, email={**loose, scope: 2})
    booked(w.book(EMAIL, "a", "b"))
    assert w.book(EMAIL, "c") == Refusal("no_budget", ("email",))
    assert budget(store) == sums(reserved=2)
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.provider_call)) == 1
        assert connection.scalar(select(func.count()).select_from(t.lookup)) == 2


def test_a_cap_may_be_used_up_to_the_last_credit(store: Store) -> None:
    w = worker(store, email={"per_month": 3})
    booked(w.book(EMAIL, "a", "b", "c"))
    assert budget(store) == sums(reserved=3)


def test_one_kind_without_room_stops_a_call_that_needs_two(store: Store) -> None:
    w = worker(store, email=MONTH, phone={"per_month": 1})
    assert w.book(BOTH, "a") == Refusal("no_budget", ("phone",))
    assert budget(store) == sums()


def test_a_kind_without_a_budget_is_never_spent(store: Store) -> None:
    w = worker(store, email=MONTH)
    assert w.book(BOTH, "a") == Refusal("no_budget", ("phone",))


def test_what_is_spent_and_what_is_unknown_count_against_a_cap(store: Store) -> None:
    w = worker(store, email={"per_month": 3})
    w.settle(booked(w.book(EMAIL, "a")), email=1)
    w.lose(booked(w.book(EMAIL, "b")))
    booked(w.book(EMAIL, "c"))
    assert isinstance(w.book(EMAIL, "d"), Refusal)
    assert budget(store) == sums(reserved=1, spent=1, unknown=1)


def test_calls_that_leave_together_are_booked_up_to_the_first_that_has_no_room(store: Store) -> None:
    w = worker(store, email={"per_month": 2})
    done = w.book_calls(EMAIL, [["a"], ["b"], ["c"], ["d"]])
    assert [type(d) for d in done] == [Booked, Booked, Refusal]
    assert budget(store) == sums(reserved=2)


def test_what_leaves_together_gets_what_it_would_get_one_by_one(store: Store) -> None:
    chance = random.Random(7)
    w = worker(store, email={"per_month": 9}, phone={"per_month": 8})
    rows = iter(w.claim(800))
    w.ledger.prepare(w.periods)
    refused = Counter[str]()
    for _ in range(40):
        orders = [
            Order(
                ACCOUNT,
                chance.choice((EMAIL, BOTH, FREE)),
                [[item(chance.randrange(30), next(rows))] for _ in range(chance.randint(1, 4))],
            )
            for _ in range(chance.randint(1, 5))
        ]
        with store.write() as connection:
            with connection.begin_nested() as aside:
                alone = [list(one_by_one(w, connection, order)) for order in orders]
                aside.rollback()
            done = w.ledger.book(connection, orders, w.periods, 0.0)
            found = [[d if isinstance(d, Refusal) else None for d in one] for one in done]
            assert found == alone
            refused.update(d.why for one in alone for d in one if d)
            connection.rollback()
    assert refused["no_budget"] > 5
    assert refused["bought_already"] > 5


def one_by_one(w: Worker, connection: Connection, order: Order) -> Iterator[Refusal | None]:
    """What each call gets that is booked alone, up to the first that is refused."""
    for call in order.calls:
        ((got,),) = w.ledger.book(connection, [replace(order, calls=[call])], w.periods, 0.0)
        yield got if isinstance(got, Refusal) else None
        if isinstance(got, Refusal):
            return


def item(number: int, row: work.Row) -> Item:
    key = Key(KeyKind.EMAIL, {"email": f"{number}@example.com"})
    return Item(key, f"digest-{number}", 0, row.id, row.fence)


def test_a_free_call_is_booked_without_money(store: Store) -> None:
    w = worker(store, email={"per_month": 0})
    call = booked(w.book(FREE, "a"))
    assert call.ticket.held == {}
    assert w.release(call)
    assert budget(store) == sums()


def test_a_key_is_bought_once_whoever_asks(backend: Backend) -> None:
    first, second = worker(backend.store, email=MONTH), Worker(backend.open(), caps(email=MONTH), "worker-2")
    w = booked(first.book(EMAIL, "a"))
    assert second.book(EMAIL, "a") == Refusal("bought_already")
    first.settle(w, email=1)
    assert second.book(EMAIL, "a") == Refusal("bought_already")
    assert budget(backend.store) == sums(spent=1)


def test_a_key_in_two_calls_that_leave_together_is_bought_once(store: Store) -> None:
    w = worker(store, email=MONTH)
    done = w.book_calls(EMAIL, [["a"], ["a"]])
    assert isinstance(done[0], Booked)
    assert done[1] == Refusal("bought_already")
    assert budget(store) == sums(reserved=1)


def test_a_key_may_be_bought_again_after_a_release_and_in_a_new_epoch(store: Store) -> None:
    w = worker(store, email=MONTH)
    w.release(booked(w.book(EMAIL, "a")))
    again = booked(w.book(EMAIL, "a"))
    w.settle(again, email=1)
    assert isinstance(w.book(EMAIL, "a"), Refusal)
    booked(w.book(EMAIL, "a", epoch=1))


def test_an_unknown_purchase_is_not_repeated(store: Store) -> None:
    w = worker(store, email=MONTH)
    w.lose(booked(w.book(EMAIL, "a")))
    assert w.book(EMAIL, "a") == Refusal("bought_already")


def test_a_worker_whose_contact_went_to_another_books_nothing(backend: Backend) -> None:
    first, second = worker(backend.store, email=MONTH), Worker(backend.open(), caps(email=MONTH), "worker-2")
    rows = first.claim(1)
    backend.clock.advance(61)
    with backend.store.write() as connection:
        leases.expire(connection, 0)
    taken = second.claim(1)
    assert taken[0].id == rows[0].id
    assert first.book(EMAIL, "a", rows=rows) == Refusal("fence_lost")
    booked(second.book(EMAIL, "a", rows=taken))


def test_one_lost_contact_of_a_batch_stops_the_whole_call(backend: Backend) -> None:
    w = worker(backend.store, email=MONTH)
    rows = w.claim(2)
    with backend.store.write() as connection:
        work.leave(connection, rows[1].id, "deleted")
    assert w.book(EMAIL, "a", "b", rows=rows) == Refusal("fence_lost")
    assert budget(backend.store) == sums()


def test_booking_renews_the_leases_of_its_contacts(backend: Backend) -> None:
    w = worker(backend.store, email=MONTH)
    rows = w.claim(1)
    backend.clock.advance(50)
    booked(w.book(EMAIL, "a", rows=rows))
    backend.clock.advance(50)
    with backend.store.write() as connection:
        assert leases.expire(connection, 0) == 0


# the vendor's own figure


def test_the_vendors_remainder_less_the_floor_is_a_cap_too(store: Store) -> None:
    w = Worker(store, caps(email={"per_month": 100, "floor": 3}))
    w.told(email=5)
    booked(w.book(EMAIL, "a", "b"))
    assert w.book(EMAIL, "c") == Refusal("no_budget", ("email",))


def test_nothing_is_spent_before_the_vendors_figure_is_known(store: Store) -> None:
    w = Worker(store, caps(email=MONTH))
    assert w.book(EMAIL, "a") == Refusal("no_budget", ("email",))
    w.told(email=None)
    assert w.book(EMAIL, "a") == Refusal("no_budget", ("email",))
    with store.read() as connection:
        assert figures.pools(connection)[ACCOUNT, "email"].remaining is None
        assert money.headroom(connection, w.periods)[ACCOUNT, "email"].now < 0
    w.told(email=9)
    booked(w.book(EMAIL, "a"))


def test_a_kind_without_a_vendor_figure_is_held_by_our_caps_alone(store: Store) -> None:
    w = Worker(store, Purse(ACCOUNT, {"email": Caps(per_month=Decimal(1))}, frozenset({"email"})))
    booked(w.book(EMAIL, "a"))
    assert isinstance(w.book(EMAIL, "b"), Refusal)


def test_our_spend_since_the_figure_is_taken_off_it(backend: Backend) -> None:
    w = worker(backend.store, remaining=2, email={"per_month": 100})
    w.settle(booked(w.book(EMAIL, "a")), email=1)
    booked(w.book(EMAIL, "b"))
    assert isinstance(w.book(EMAIL, "c"), Refusal)


def test_a_figure_that_may_lag_does_not_free_what_was_spent_a_moment_ago(backend: Backend) -> None:
    w = worker(backend.store, remaining=2, email={"per_month": 100})
    w.settle(booked(w.book(EMAIL, "a", "b")), email=2)
    w.told(email=2)
    assert isinstance(w.book(EMAIL, "c"), Refusal)
    backend.clock.advance(61)
    w.told(email=0)
    assert isinstance(w.book(EMAIL, "d"), Refusal)
    w.told(email=1)
    booked(w.book(EMAIL, "e"))


def test_credits_that_others_spent_are_drift_and_shrink_the_room_at_once(backend: Backend) -> None:
    w = worker(backend.store, remaining=10, email={"per_month": 100})
    assert w.told(email=3) == {"email": Decimal(7)}
    assert isinstance(w.book(EMAIL, "a", "b", "c", "d"), Refusal)
    booked(w.book(EMAIL, "e", "f", "g"))


def test_a_new_period_of_the_vendor_is_no_drift(store: Store) -> None:
    w = worker(store, remaining=10, email={"per_month": 100})
    assert w.told(period="2026-04", email=500) == {}


def test_two_workers_that_read_the_figure_at_once_take_our_spend_off_once(backend: Backend) -> None:
    w = worker(backend.store, remaining=5, email={"per_month": 100})
    w.settle(booked(w.book(EMAIL, "a", "b", "c")), email=3)
    backend.clock.advance(61)
    other = Worker(backend.open(), w.purse, "worker-2")
    figure = Balance({"email": Pool(Decimal(2))}, "2026-03")
    marks = [one.ledger.marks(ACCOUNT, 60 * MILLION) for one in (w, other)]
    for one, mark in zip((w, other), marks, strict=True):
        one.ledger.observe(ACCOUNT, figure, mark)
    with backend.store.read() as connection:
        pool = figures.pools(connection)[ACCOUNT, "email"]
    assert (pool.remaining, pool.spent_since) == (2 * MILLION, 0)
    booked(w.book(EMAIL, "d", "e"))
    assert isinstance(other.book(EMAIL, "f"), Refusal)


def test_every_figure_is_kept_with_what_we_had_booked_by_then(store: Store) -> None:
    w = worker(store, remaining=10, email={"per_month": 100})
    w.settle(booked(w.book(EMAIL, "a")), email=1)
    w.lose(booked(w.book(EMAIL, "b")))
    booked(w.book(EMAIL, "c"))
    w.told(email=8)
    with store.read() as connection:
        last = connection.execute(select(t.observation).order_by(t.observation.c.id.desc())).first()
    assert last is not None
    assert (last.remaining, last.our_spent, last.our_unknown, last.our_reserved) == tuple(
        n * MILLION for n in (8, 1, 1, 1)
    )


# settling


def test_an_answer_books_its_charge_and_gives_back_the_rest(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    call = booked(w.book(BOTH, "a"))
    assert w.settle(call, email=1)
    assert budget(store) == sums(spent=1)
    assert budget(store, kind="phone") == sums()
    assert call_state(store, call) == "settled"


def test_an_answer_is_booked_once(backend: Backend) -> None:
    w = worker(backend.store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    second = Worker(backend.open(), w.purse, "worker-2")
    assert w.settle(call, email=1)
    assert not second.settle(call, email=1)
    assert budget(backend.store) == sums(spent=1)


def test_settling_several_calls_tells_which_were_settled_before(store: Store) -> None:
    w = worker(store, email=MONTH)
    one, two = (booked(b) for b in w.book_calls(EMAIL, [["a"], ["b"]]))
    w.settle(one, email=1)
    with store.write() as connection:
        done = w.ledger.settle(connection, [(c.ticket, Charge.of(email=1)) for c in (one, two)])
    assert done == [False, True]
    assert budget(store) == sums(spent=2)


def test_a_charge_above_the_reservation_is_owed_all_the_same_and_is_on_record(store: Store) -> None:
    w = worker(store, email={"per_month": 1})
    call = booked(w.book(EMAIL, "a"))
    w.settle(call, email=3)
    assert budget(store) == sums(spent=3)
    with store.read() as connection:
        events = [e for e in runs.events(connection) if e.action == "lookup.overcharged"]
    assert [(e.call_id, e.reason) for e in events] == [
        (call.ticket.call_id, "2 email more than the declared price")
    ]


def test_a_charge_of_a_kind_that_was_not_expected_is_booked(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    w.settle(booked(w.book(EMAIL, "a")), email=1, phone=1)
    assert budget(store, kind="phone") == sums(spent=1)


def test_an_answer_after_the_call_was_given_up_settles_it(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    assert w.lose(call)
    assert budget(store) == sums(unknown=1)
    assert w.settle(call)
    assert budget(store) == sums()
    assert call_state(store, call) == "settled"


def test_a_released_call_takes_no_answer_any_more(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    assert w.release(call)
    assert not w.settle(call, email=1)
    assert not w.lose(call)
    assert not w.release(call)
    assert budget(store) == sums()


def test_a_settled_call_is_neither_released_nor_lost(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    w.settle(call, email=1)
    assert not w.release(call)
    assert not w.lose(call)
    assert budget(store) == sums(spent=1)


def test_an_unknown_call_is_not_released_by_the_worker_that_sent_it(store: Store) -> None:
    """A rescuer has said that it may have been charged; a frozen worker's proof comes too late for that."""
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    w.lose(call)
    assert not w.release(call)
    assert budget(store) == sums(unknown=1)


def test_a_lost_call_is_on_record_and_counts_in_full(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    call = booked(w.book(BOTH, "a", "b"))
    w.lose(call)
    assert budget(store) == sums(unknown=2)
    assert budget(store, kind="phone") == sums(unknown=4)
    with store.read() as connection:
        assert [e.call_id for e in runs.events(connection) if e.action == "lookup.unknown"] == [
            call.ticket.call_id
        ]
        assert [k.state for k, _ in lookups.of_call(connection, call.ticket.call_id)] == ["unknown"] * 2


def test_the_ledger_refuses_a_second_line_of_the_same_reason(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    with pytest.raises(IntegrityError), store.write() as connection:
        money.post(connection, [money.Shift(call.ticket, "email", "reserve", micro(Decimal(1)))])


def test_no_budget_row_can_become_negative(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    with pytest.raises(IntegrityError), store.write() as connection:
        money.shift(connection, [money.Shift(call.ticket, "email", "mistake", -2 * MILLION)])


def test_fractions_of_a_credit_are_rounded_up_to_millionths() -> None:
    assert micro(Decimal("0.0000001")) == 1
    assert micro(Decimal("1.5")) == 1_500_000
    assert micro(Decimal(0)) == 0


# jobs


def test_a_job_keeps_its_reservation_until_it_ends(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    assert w.pend(call)
    assert budget(store) == sums(reserved=1)
    assert not w.pend(call)
    assert w.settle(call, email=1)
    assert budget(store) == sums(spent=1)


def test_a_charge_at_launch_is_booked_at_launch(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    call = booked(w.book(BOTH, "a"))
    w.pend(call, Charge.of(email=1))
    assert budget(store) == sums(spent=1)
    assert budget(store, kind="phone") == sums()
    assert w.settle(call)
    assert budget(store) == sums(spent=1)


def test_a_charge_at_launch_above_or_beside_the_reservation_is_booked(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    w.pend(booked(w.book(EMAIL, "a")), Charge.of(email=2, phone=1))
    assert budget(store) == sums(spent=2)
    assert budget(store, kind="phone") == sums(spent=1)


def test_a_job_that_never_ends_is_unknown_though_its_launch_was_found_late(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    w.lose(call)
    assert w.pend(call)
    assert budget(store) == sums(unknown=1)
    assert w.lose(call)
    assert budget(store) == sums(unknown=1)
    assert call_state(store, call) == "unknown"


def test_a_launch_that_is_answered_twice_is_charged_once(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    w.pend(call, Charge.of(email=1))
    w.lose(call)
    assert w.pend(call, Charge.of(email=1))
    assert budget(store) == sums(spent=1)


# periods and caps


def test_a_call_stays_in_the_periods_in_which_it_was_sent(store: Store) -> None:
    w = worker(store, email={"per_day": 1, "per_month": 5})
    call = booked(w.book(EMAIL, "a"))
    w.at += timedelta(days=1)
    w.ledger.prepare(w.periods)
    w.settle(call, email=1)
    assert budget(store, "day", period="2026-03-10") == sums(spent=1)
    assert budget(store, "day", period="2026-03-11") == sums()
    assert budget(store) == sums(spent=1)


def test_a_new_day_a_new_month_and_a_new_run_have_their_own_room(store: Store) -> None:
    w = worker(store, email={"per_run": 1, "per_day": 1, "per_month": 2})
    booked(w.book(EMAIL, "a"))
    assert isinstance(w.book(EMAIL, "b"), Refusal)
    tomorrow = Worker(store, w.purse, run_id=0, at=w.at + timedelta(days=1))
    booked(tomorrow.book(EMAIL, "b"))
    third = Worker(store, w.purse, at=w.at + timedelta(days=2))
    assert isinstance(third.book(EMAIL, "c"), Refusal)
    april = Worker(store, w.purse, at=w.at + timedelta(days=30))
    booked(april.book(EMAIL, "c"))


def test_days_and_months_are_those_of_utc(store: Store) -> None:
    w = worker(store, email=MONTH)
    late = datetime(2026, 3, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    periods = w.ledger.periods(1, late)
    assert (periods.day, periods.month) == ("2026-04-01", "2026-04")


def test_a_cap_that_comes_later_counts_what_was_spent_before(store: Store) -> None:
    w = worker(store, email={"per_month": 9})
    w.settle(booked(w.book(EMAIL, "a", "b")), email=2)
    w.lose(booked(w.book(EMAIL, "c")))
    booked(w.book(EMAIL, "d"))
    later = Worker(store, caps(email={"per_day": 5, "per_month": 9}), run_id=w.run_id)
    booked(later.book(EMAIL, "e"))
    assert isinstance(later.book(EMAIL, "f"), Refusal)
    assert budget(store, "day", period="2026-03-10") == sums(reserved=2, spent=2, unknown=1)


def test_a_lower_cap_stops_and_a_higher_one_lets_go_on(store: Store) -> None:
    w = worker(store, email={"per_month": 9})
    booked(w.book(EMAIL, "a", "b", "c"))
    lower = Worker(store, caps(email={"per_month": 3}), run_id=w.run_id)
    assert isinstance(lower.book(EMAIL, "d"), Refusal)
    higher = Worker(store, caps(email={"per_month": 4}), run_id=w.run_id)
    booked(higher.book(EMAIL, "d"))


def test_a_cap_that_was_taken_out_of_the_configuration_stops_nobody(store: Store) -> None:
    w = worker(store, email={"per_day": 2, "per_month": 9})
    booked(w.book(EMAIL, "a"))
    later = Worker(store, caps(email={"per_month": 9}), run_id=w.run_id)
    booked(later.book(EMAIL, "b", "c"))
    assert budget(store) == sums(reserved=3)
    room = later.ledger.headroom(later.periods)[ACCOUNT]["email"]
    assert (room.limit, room.now) == ("month", 6 * MILLION)


def test_a_cap_of_another_configuration_does_not_stand_for_one_of_ours(backend: Backend) -> None:
    """Two workers of a fleet, one restarted with a new cap: its row must not be counted in place of a full one."""
    ours = worker(backend.store, email={"per_month": 2})
    booked(ours.book(EMAIL, "a", "b"))
    theirs = Worker(backend.open(), caps(email={"per_day": 100, "per_month": 2}), "worker-2")
    theirs.ledger.prepare(theirs.periods)
    assert ours.book(EMAIL, "c") == Refusal("no_budget", ("email",))
    assert budget(backend.store) == sums(reserved=2)


# headroom


def test_headroom_tells_the_tightest_limit(store: Store) -> None:
    w = Worker(store, caps(email={"per_day": 3, "per_month": 10, "floor": 1}))
    w.told(email=100)
    booked(w.book(EMAIL, "a"))
    room = w.ledger.headroom(w.periods)[ACCOUNT]["email"]
    assert (room.limit, room.now, room.later) == ("day", 2 * MILLION, 3 * MILLION)
    assert room.cap_left == 2 * MILLION
    w.told(email=2)
    room = w.ledger.headroom(w.periods)[ACCOUNT]["email"]
    assert (room.limit, room.now, room.later) == ("vendor", 0, 1 * MILLION)
    assert room.cap_left == 2 * MILLION


def test_a_runs_spend_is_told_by_kind(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    w.settle(booked(w.book(BOTH, "a")), email=1, phone=2)
    w.lose(booked(w.book(EMAIL, "b")))
    with store.read() as connection:
        assert figures.spent_in_run(connection, w.run_id) == {
            (ACCOUNT, "email"): (MILLION, MILLION),
            (ACCOUNT, "phone"): (2 * MILLION, 0),
        }
        assert figures.spent_in_run(connection, w.run_id + 1) == {}


def test_a_ticket_is_found_again_by_the_id_of_its_call(store: Store) -> None:
    w = worker(store, email=MONTH, phone=MONTH)
    call = booked(w.book(BOTH, "a"))
    with store.read() as connection:
        assert money.ticket_of(connection, call.ticket.call_id) == call.ticket


def test_an_unresolved_lookup_counts_as_the_most_it_can_have_cost(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    answered = Answered(call.ticket, EMAIL, call.lookup_ids, [Unresolved("it ended without a word")])
    with store.write() as connection:
        Settler(w.ledger, None).answers(connection, [answered])  # type: ignore[arg-type]  # accounts are not asked
        kept = lookups.by_ids(connection, call.lookup_ids)
    assert budget(store) == sums(unknown=1)
    assert [(k.state, k.reason) for k in kept] == [("unknown", "it ended without a word")]


# concurrency


def test_threads_of_several_workers_never_book_above_a_cap(backend: Backend) -> None:
    purse = caps(email={"per_run": 50, "per_day": 17, "per_month": 40})
    workers = [Worker(backend.store, purse)]
    workers[0].told(email=1000)
    for number in (2, 3):
        workers.append(Worker(backend.open(), purse, f"worker-{number}"))
    claimed = {w.owner: w.claim(12) for w in workers}
    done: list[Booked | Refusal] = []
    together = threading.Barrier(len(workers))

    def spend(w: Worker) -> None:
        together.wait()
        for n, row in enumerate(claimed[w.owner]):
            done.append(w.book(EMAIL, f"{w.owner}-{n}", rows=[row]))

    threads = [threading.Thread(target=spend, args=(w,)) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 36
    assert sum(isinstance(d, Booked) for d in done) == 17
    assert budget(backend.store, "day", period="2026-03-10") == sums(reserved=17)


def test_several_workers_that_want_the_same_person_buy_once(backend: Backend) -> None:
    purse = caps(email={"per_month": 40})
    workers = [Worker(backend.store, purse)]
    workers[0].told(email=1000)
    workers += [Worker(backend.open(), purse, f"worker-{n}") for n in (2, 3)]
    claimed = {w.owner: w.claim(5) for w in workers}
    done: list[Booked | Refusal] = []
    together = threading.Barrier(len(workers))

    def spend(w: Worker) -> None:
        together.wait()
        for n, row in enumerate(claimed[w.owner]):
            done.append(w.book(EMAIL, str(n), rows=[row]))

    threads = [threading.Thread(target=spend, args=(w,)) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(d, Booked) for d in done) == 5
    assert {d.why for d in done if isinstance(d, Refusal)} == {"bought_already"}
    assert budget(backend.store) == sums(reserved=5)


def test_workers_that_meet_at_the_first_call_of_a_period_share_one_row(backend: Backend) -> None:
    purse = caps(email={"per_day": 5})
    workers = [Worker(backend.store, purse), Worker(backend.open(), purse, "worker-2")]
    together = threading.Barrier(2)

    def prepare(w: Worker) -> None:
        together.wait()
        w.ledger.prepare(w.periods)

    threads = [threading.Thread(target=prepare, args=(w,)) for w in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with backend.store.read() as connection:
        found = connection.scalar(select(func.count()).select_from(t.budget).where(t.budget.c.scope == "day"))
    assert found == 1


def test_the_lease_of_a_call_outlasts_its_longest_request(store: Store) -> None:
    w = worker(store, email=MONTH)
    call = booked(w.book(EMAIL, "a"))
    with store.read() as connection:
        row = connection.execute(
            select(t.provider_call).where(t.provider_call.c.id == call.ticket.call_id)
        ).one()
    assert row.lease_until - row.sent_at == LEASE_US + 2 * 30 * MILLION


SPENDER = """
import sys
from tests.books import ACCOUNT, EMAIL, Worker, caps
from syncd.ledger import Booked
from syncd.store.engine import Store
store = Store(sys.argv[1], clock_us=lambda: int(sys.argv[3]))
store.open(exclusive=False)
worker = Worker(store, caps(email={"per_day": 17, "per_month": 40}), sys.argv[2])
rows = worker.claim(15)
print("ready", flush=True)
sys.stdin.readline()
done = [worker.book(EMAIL, f"{worker.owner}-{n}", rows=[row]) for n, row in enumerate(rows)]
print(sum(isinstance(d, Booked) for d in done), flush=True)
store.close()
"""


def test_two_processes_never_book_above_a_cap(backend: Backend) -> None:
    worker(backend.store, email={"per_day": 17, "per_month": 40})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, backend.url, f"process-{n}", str(backend.clock.now_us)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in (1, 2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate()[0]) for process in processes]
    assert sum(counts) == 17
    assert budget(backend.store, "day", period="2026-03-10") == sums(reserved=17)
