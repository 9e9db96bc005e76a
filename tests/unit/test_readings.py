"""What two figures of a vendor prove about lost answers, and when they prove nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select, update

from syncd import redress
from syncd.ledger import Booked
from syncd.model import Balance, Pool
from syncd.store import figures, jobs, money, readings
from syncd.store import tables as t
from syncd.store.engine import MILLION
from syncd.store.readings import Reading
from tests.books import ACCOUNT, BOTH, EMAIL, Worker, booked, budget, call_state, caps
from tests.stores import Backend

LAG_S = 61


@pytest.fixture
def w(backend: Backend) -> Worker:
    worker = Worker(backend.store, caps(email={"per_month": 100}, phone={"per_month": 100}))
    worker.told(email=50, phone=50)
    return worker


def lose(w: Worker, *keys: str) -> Booked:
    call = booked(w.book(EMAIL, *keys))
    w.lose(call)
    return call


def buy(w: Worker, *keys: str) -> None:
    w.settle(booked(w.book(EMAIL, *keys)), email=len(keys))


def read(w: Worker, kind: str = "email") -> Reading | None:
    with w.store.read() as connection:
        return readings.reading(connection, ACCOUNT, kind, jobs.lost(connection))


def later(backend: Backend, w: Worker, email: int, phone: int = 50) -> Reading | None:
    """The figures are read when everything has been counted."""
    backend.clock.advance(LAG_S)
    w.told(email=email, phone=phone)
    return read(w)


@pytest.mark.parametrize(("left", "charged"), [(48, False), (45, True)])
def test_a_figure_that_fell_by_what_is_booked_or_by_all_of_it_has_one_reading(
    backend: Backend, w: Worker, left: int, charged: bool
) -> None:
    buy(w, "a", "b")
    calls = {lose(w, "c", "d").ticket.call_id, lose(w, "e").ticket.call_id}
    found = later(backend, w, left)
    assert found == Reading(
        "email", charged, frozenset(calls), 50 * MILLION, left * MILLION, 2 * MILLION, 3 * MILLION
    )


@pytest.mark.parametrize("left", [49, 47, 46, 44, 40, 60])
def test_anything_between_above_or_below_stays_unknown(backend: Backend, w: Worker, left: int) -> None:
    buy(w, "a", "b")
    lose(w, "c", "d")
    lose(w, "e")
    assert later(backend, w, left) is None


def test_a_figure_read_too_soon_proves_nothing(backend: Backend, w: Worker) -> None:
    lose(w, "a")
    w.told(email=50, phone=50)
    assert read(w) is None
    assert later(backend, w, 50) is not None


def test_a_figure_read_while_something_is_under_way_proves_nothing(backend: Backend, w: Worker) -> None:
    lose(w, "a")
    booked(w.book(EMAIL, "b"))
    assert later(backend, w, 50) is None


def test_a_figure_proves_nothing_once_something_was_bought_after_it(backend: Backend, w: Worker) -> None:
    lose(w, "a")
    assert later(backend, w, 50) is not None
    booked(w.book(EMAIL, "b"))
    assert read(w) is None


def test_what_was_bought_while_the_vendor_was_asked_makes_the_figure_worthless(
    backend: Backend, w: Worker
) -> None:
    lose(w, "a")
    backend.clock.advance(LAG_S)
    marks = w.ledger.marks(ACCOUNT, 60 * MILLION)
    buy(w, "b")
    w.ledger.observe(
        ACCOUNT, Balance({"email": Pool(Decimal(49)), "phone": Pool(Decimal(50))}, "2026-03"), marks
    )
    assert read(w) is None


def test_a_figure_that_was_late_is_not_compared_with(backend: Backend, w: Worker) -> None:
    """What it had not counted yet would look like the charge of a call that was lost after it."""
    buy(w, "a")
    w.told(email=50, phone=50)
    lose(w, "b")
    found = later(backend, w, 49)
    assert found is not None
    assert (found.charged, found.before, found.booked) == (False, 50 * MILLION, MILLION)


def test_calls_lost_before_the_older_figure_are_left_out(backend: Backend, w: Worker) -> None:
    early = lose(w, "a")
    assert later(backend, w, 48) is None, "somebody else spent too"
    late = lose(w, "b")
    found = later(backend, w, 48)
    assert found is not None
    assert (found.calls, found.charged) == (frozenset({late.ticket.call_id}), False)
    assert early.ticket.call_id not in found.calls


def test_settling_an_older_call_meanwhile_does_not_count_as_bought_since(backend: Backend, w: Worker) -> None:
    """Else its credit would hide the charge of the later one."""
    early = lose(w, "a")
    assert later(backend, w, 47) is None
    late = lose(w, "b")
    with w.store.write() as connection:
        assert redress.resolve(w.ledger, connection, early.ticket, True)
    found = later(backend, w, 46)
    assert found is not None
    assert (found.calls, found.charged) == (frozenset({late.ticket.call_id}), True)


def test_books_above_the_vendors_figure_never_prove_that_nothing_was_charged(
    backend: Backend, w: Worker
) -> None:
    buy(w, "a", "b", "c")
    later(backend, w, 48)
    lose(w, "d")
    assert later(backend, w, 48) is None
    found = later(backend, w, 47)
    assert found is not None
    assert found.charged


def test_a_charge_that_was_only_assumed_never_proves_that_nothing_was_charged(
    backend: Backend, w: Worker
) -> None:
    buy(w, "a")
    with w.store.write() as connection:
        connection.execute(update(t.lookup).values(charge="email 1 (unknown)"))
    lose(w, "b")
    assert later(backend, w, 49) is None
    found = later(backend, w, 48)
    assert found is not None
    assert found.charged


def test_another_period_of_the_vendor_is_not_compared_with(backend: Backend, w: Worker) -> None:
    lose(w, "a")
    backend.clock.advance(LAG_S)
    w.told(period="2026-04", email=50, phone=50)
    assert read(w) is None


def test_each_kind_is_read_by_itself(backend: Backend, w: Worker) -> None:
    call = booked(w.book(BOTH, "a"))
    w.lose(call)
    found = later(backend, w, 49, phone=50)
    assert found is not None
    assert found.charged
    phone = read(w, "phone")
    assert phone is not None
    assert not phone.charged
    with w.store.write() as connection:
        assert redress.resolve(w.ledger, connection, call.ticket, True, "the meter", {"email"})
        assert not redress.resolve(w.ledger, connection, call.ticket, True, "the meter", {"email"})
    assert call_state(w.store, call) == "written_off"
    assert (budget(w.store).spent, budget(w.store, kind="phone").spent) == (1, 0)
    assert (budget(w.store).unknown, budget(w.store, kind="phone").unknown) == (0, 0)


def test_a_lost_call_is_repeated_once_and_only_in_time(backend: Backend, w: Worker) -> None:
    ids = [lose(w, key).ticket.call_id for key in "abc"]
    with w.store.write() as connection:
        assert jobs.repeat(connection, ids[0], 100 * MILLION)
        assert not jobs.repeat(connection, ids[0], 100 * MILLION)
        assert redress.resolve(w.ledger, connection, money.ticket_of(connection, ids[1]), True)
        assert not jobs.repeat(connection, ids[1], 100 * MILLION)
    backend.clock.advance(100)
    with w.store.write() as connection:
        assert not jobs.repeat(connection, ids[2], 100 * MILLION)


def test_drift_is_split_into_others_and_what_went_while_we_bought(backend: Backend, w: Worker) -> None:
    def split() -> tuple[int, int, int]:
        with w.store.read() as connection:
            d = figures.drifts(connection)[ACCOUNT, "email"]
        return (d.total // MILLION, d.others // MILLION, d.overcharged // MILLION)

    buy(w, "a", "b")
    later(backend, w, 48)
    assert split() == (0, 0, 0)
    w.told(email=45, phone=50)
    assert split() == (3, 3, 0)
    buy(w, "c")
    later(backend, w, 43)
    assert split() == (4, 3, 1)
    lose(w, "d")
    w.told(email=42, phone=50)
    assert split() == (4, 3, 1), "what is unknown is neither"
    w.told(email=40, phone=50)
    assert split() == (6, 5, 1)


def test_a_figure_that_comes_late_is_nobody_elses_spending(backend: Backend, w: Worker) -> None:
    buy(w, "a", "b")
    w.told(email=50, phone=50)
    w.told(email=49, phone=50)
    later(backend, w, 48)
    with w.store.read() as connection:
        found = figures.drifts(connection)[ACCOUNT, "email"]
    assert found == figures.Drift(0, 0, 0)


def test_credits_that_the_books_did_not_know_of_are_taken_over_once(backend: Backend, w: Worker) -> None:
    later(backend, w, 43)
    with w.store.write() as connection:
        redress.adopt(connection, ACCOUNT, "me", {"email": 7 * MILLION}, w.periods, "restored")
    assert budget(w.store).spent == 7
    with w.store.read() as connection:
        assert figures.drifts(connection)[ACCOUNT, "email"] == figures.Drift(0, 0, 0)
        assert figures.pools(connection)[ACCOUNT, "email"].spent_since == 0
        kept = connection.scalars(
            select(t.observation.c.remaining).where(t.observation.c.kind == "email")
        ).all()
    assert kept[-2:] == [43 * MILLION, 43 * MILLION]
    w.told(email=41, phone=50)
    with w.store.read() as connection:
        assert figures.drifts(connection)[ACCOUNT, "email"].others == 2 * MILLION
