"""What answers and failures do to the books and to the lookups."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from syncd.accounts import Standing
from syncd.codec import unpack_candidates
from syncd.connector import Failure, FailureKind, Mode, On, Operation, Poll, Price, Replay
from syncd.ledger import Booked, Caps, Item, Ledger, Order, Purse
from syncd.model import (
    Basis,
    Candidate,
    Charge,
    Field,
    Found,
    Key,
    KeyKind,
    NotFound,
    Pending,
    Quality,
    Refused,
    Unresolved,
    Value,
)
from syncd.settle import GO_ON, RETRY, WAIT, Answered, Settler
from syncd.store import lookups, money
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from tests.unit.judging_support import modest

CAP = 10
PAID = Operation(
    "person",
    accepts=frozenset({KeyKind.EMAIL}),
    returns={Field.JOB_TITLE: Quality.UNKNOWN},
    prices=(Price("search", Decimal(2), On.MATCH),),
    replay=Replay.OPAQUE,
)
FREE = Operation("check", accepts=frozenset({KeyKind.EMAIL}))
JOB = Operation("job", prices=PAID.prices, batch=9, mode=Mode.JOB, poll=Poll(7.0, deadline_s=100.0))
FOUND = Found((Candidate((Value(Field.JOB_TITLE, "CTO"),)),), Charge.of(search=2))


class Books:
    """A state with one provider account that may spend ten search credits a month."""

    def __init__(self, empty, path):
        path.write_bytes(empty.read_bytes())
        self.us = 1_800_000_000 * MILLION
        self.store = Store(f"sqlite:///{path}", lambda: self.us)
        event.listen(self.store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
        purse = Purse("alpha", {"search": Caps(per_month=Decimal(CAP))}, unreported=frozenset({"search"}))
        self.ledger = Ledger(self.store, {"alpha": purse}, "me", 60 * MILLION)
        standing = Standing(self.store, self.ledger, {}, lambda: datetime.now(UTC), lambda: 0.0)
        self.settler = Settler(self.ledger, standing)
        self.periods = self.ledger.periods(1, datetime(2026, 5, 4, tzinfo=UTC))
        self.ledger.prepare(self.periods)
        self.count = 0
        with self.store.write() as connection:
            row = {"sync": "leads", "crm": "main", "object": "contact", "record_id": "7", "state": "leased"}
            connection.execute(t.work.insert().values(id=1, owner="me", seen_at=0, changed_at=0, **row))

    def book(self, operation, size=1):
        """A call for so many people, as sent; or why there is none."""
        items = []
        for _ in range(size):
            self.count += 1
            items.append(Item(Key.email(f"a{self.count}@northbeam.example"), f"d{self.count}", 0, 1, 0))
        with self.store.write() as connection:
            order = Order("alpha", operation, [items])
            ((booked,),) = self.ledger.book(connection, [order], self.periods, 0.0)
        return booked

    def answer(self, booked, operation, *outcomes):
        """Book what came back; what the contact is to do."""
        with self.store.write() as connection:
            ticket = money.ticket_of(connection, booked.ticket.call_id)
            ids = [
                k.id
                for k, _ in lookups.of_call(connection, ticket.call_id)
                if k.state in ("sent", "pending", "unknown")
            ]
            return self.settler.answers(connection, [Answered(ticket, operation, ids, outcomes)])[0]

    def fail(self, booked, operation, failure):
        """Book a call that gave no answer."""
        with self.store.write() as connection:
            return self.settler.failure(connection, None, operation, booked.ticket, failure)

    def sums(self):
        """(reserved, spent, unknown) of search credits."""
        with self.store.read() as connection:
            row = connection.execute(select(t.budget)).one()
        assert row.reserved + row.spent + row.unknown >= 0
        return tuple(n / MILLION for n in (row.reserved, row.spent, row.unknown))

    def kept(self, booked):
        """The lookups of a call."""
        with self.store.read() as connection:
            return [k for k, _ in lookups.of_call(connection, booked.ticket.call_id)]

    def call(self, booked):
        """The row of a call."""
        with self.store.read() as connection:
            query = select(t.provider_call).where(t.provider_call.c.id == booked.ticket.call_id)
            return connection.execute(query).one()


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A state with its schema, copied for every test."""
    path = tmp_path_factory.mktemp("empty") / "syncd.db"
    store = Store(f"sqlite:///{path}")
    store.open(exclusive=False)
    store.close()
    return path


@pytest.fixture
def books(empty, tmp_path):
    found = Books(empty, tmp_path / "syncd.db")
    yield found
    found.store.close()


def test_an_answer_is_stored_with_its_charge_and_the_rest_of_the_reservation_given_back(books):
    booked = books.book(PAID)
    assert books.sums() == (2, 0, 0)
    assert books.answer(booked, PAID, Found(FOUND.candidates, Charge.of(search=1))).what == GO_ON
    assert books.sums() == (0, 1, 0)
    (kept,) = books.kept(booked)
    assert (kept.state, kept.outcome, kept.charge) == ("settled", "found", "search 1 (by_rule)")
    assert unpack_candidates(kept.answer) == FOUND.candidates


@pytest.mark.parametrize(
    ("outcome", "stored", "spent"),
    [
        (NotFound(), "not_found", 0),
        (NotFound(Charge.of(search=2)), "not_found", 2),
        (Refused("not an address"), "refused", 0),
        (Unresolved("ended without a word", Charge.none()), "unresolved", 0),
    ],
)
def test_every_outcome_is_stored_as_what_it_is(books, outcome, stored, spent):
    booked = books.book(PAID)
    books.answer(booked, PAID, outcome)
    (kept,) = books.kept(booked)
    assert (kept.outcome, kept.answer) == (stored, None)
    assert books.sums() == (0, spent, 0)


def test_a_call_that_nobody_can_tell_anything_of_is_lost_and_counts_as_the_most(books):
    booked = books.book(PAID)
    assert books.answer(booked, PAID, Unresolved("ended without a word")).what == GO_ON
    assert (books.call(booked).state, books.kept(booked)[0].state) == ("unknown", "unknown")
    assert books.sums() == (0, 0, 2)
    books.answer(booked, PAID, Unresolved("ended without a word"))
    assert books.sums() == (0, 0, 2)
    books.answer(booked, PAID, FOUND)
    assert books.sums() == (0, 2, 0)


def test_an_answer_that_comes_twice_is_booked_once(books):
    booked = books.book(PAID)
    books.answer(booked, PAID, FOUND)
    with books.store.write() as connection:
        again = Answered(booked.ticket, PAID, booked.lookup_ids, [NotFound(Charge.of(search=2))])
        assert books.settler.answers(connection, [again])[0].what == GO_ON
    assert books.sums() == (0, 2, 0)
    assert books.kept(booked)[0].outcome == "found"
    with books.store.read() as connection:
        told = connection.execute(select(t.audit.c.action)).scalars().all()
    assert told == ["lookup.charged"]


def test_the_answers_of_a_batch_go_to_their_own_lookups(books):
    booked = books.book(JOB, 3)
    books.answer(booked, JOB, NotFound(), FOUND, Refused("no"))
    assert [k.outcome for k in books.kept(booked)] == ["not_found", "found", "refused"]
    assert books.sums() == (0, 2, 0)


def test_a_charge_is_told_in_the_history_with_how_it_is_known(books):
    books.answer(books.book(JOB, 2), JOB, Found((), Charge.of(Basis.REPORTED, search=1)), Unresolved("?"))
    with books.store.read() as connection:
        told = connection.execute(select(t.audit.c.reason)).scalars().all()
    assert told == ["search 3 (unknown)"]


# Jobs.


def test_a_job_waits_with_its_money_reserved_and_is_settled_when_it_ends(books):
    booked = books.book(JOB)
    fate = books.answer(booked, JOB, Pending("h1"))
    assert (fate.what, fate.wait_s) == (WAIT, 7.0)
    row = books.call(booked)
    assert (row.state, row.handle) == ("pending", "h1")
    assert (row.poll_at - books.us, row.deadline_at - books.us) == (7 * MILLION, 100 * MILLION)
    assert [k.state for k in books.kept(booked)] == ["pending"]
    assert books.sums() == (2, 0, 0)
    books.answer(booked, JOB, FOUND)
    assert books.sums() == (0, 2, 0)
    assert books.kept(booked)[0].outcome == "found"


def test_the_vendors_own_advice_on_waiting_is_taken(books):
    assert books.answer(books.book(JOB), JOB, Pending("h1", after_s=42.0)).wait_s == 42.0
    assert books.answer(books.book(JOB), JOB, Pending("h2", after_s=0.0)).wait_s == 0.0


def test_a_job_that_is_charged_at_launch_is_paid_then_and_not_again(books):
    booked = books.book(JOB)
    books.answer(booked, JOB, Pending("h1", charge=Charge.of(search=1)))
    assert books.sums() == (0, 1, 0)
    books.answer(booked, JOB, Found(FOUND.candidates, Charge.none()))
    assert books.sums() == (0, 1, 0)


def test_what_a_launch_answers_at_once_is_stored_and_the_rest_stays_reserved(books):
    """Otherwise another purchase takes the room, and the end of the job goes above the cap."""
    booked = books.book(JOB, 3)
    books.answer(booked, JOB, FOUND, Pending("h1"), Pending("h1"))
    assert [k.outcome for k in books.kept(booked)] == ["found", "", ""]
    assert books.sums() == (4, 2, 0)
    books.answer(booked, JOB, FOUND, NotFound())
    assert books.sums() == (0, 4, 0)
    assert [k.outcome for k in books.kept(booked)] == ["found", "found", "not_found"]


# Failures.

PASSING = (FailureKind.RATE_LIMITED, FailureKind.UNAVAILABLE)


@pytest.mark.parametrize("kind", list(FailureKind))
@pytest.mark.parametrize("charged", [None, True])
def test_a_call_without_proof_of_no_charge_counts_as_spent_and_is_not_repeated(books, kind, charged):
    booked = books.book(PAID)
    assert books.fail(booked, PAID, Failure(kind, "no answer", charged=charged)).what == GO_ON
    assert books.sums() == (0, 0, 2)
    assert [k.state for k in books.kept(booked)] == ["unknown"]
    assert books.book(PAID) is not None


@pytest.mark.parametrize("kind", [FailureKind.REJECTED, FailureKind.CONTRACT])
def test_a_refused_request_that_cost_nothing_is_remembered_as_refused(books, kind):
    booked = books.book(PAID)
    assert books.fail(booked, PAID, Failure(kind, "not like this", charged=False)).what == GO_ON
    assert books.sums() == (0, 0, 0)
    (kept,) = books.kept(booked)
    assert (kept.state, kept.outcome, kept.reason) == ("settled", "refused", "not like this")


@pytest.mark.parametrize("kind", [*PASSING, FailureKind.AMBIGUOUS])
def test_what_passes_is_tried_again_later_where_nothing_was_charged(books, kind):
    booked = books.book(PAID)
    fate = books.fail(booked, PAID, Failure(kind, "later", charged=False, retry_after_s=9.0))
    assert (fate.what, fate.wait_s) == (RETRY, 9.0)
    assert books.sums() == (0, 0, 0)
    assert [k.state for k in books.kept(booked)] == ["released"]


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.CONFIG, FailureKind.OUT_OF_CREDITS])
def test_what_needs_an_operator_gives_the_money_back_and_goes_on_without_the_vendor(books, kind):
    booked = books.book(PAID)
    assert books.fail(booked, PAID, Failure(kind, "no", charged=False)).what == GO_ON
    assert books.sums() == (0, 0, 0)
    assert [k.state for k in books.kept(booked)] == ["released"]


def test_a_refusal_of_a_part_is_planned_anew_at_once(books):
    booked = books.book(PAID)
    failure = Failure(FailureKind.UNAVAILABLE, "no", charged=False, without=frozenset({"phone"}))
    assert books.fail(booked, PAID, failure).what == GO_ON


@pytest.mark.parametrize("kind", [*PASSING, FailureKind.AMBIGUOUS])
def test_a_free_question_may_always_be_repeated(books, kind):
    booked = books.book(FREE)
    assert books.fail(booked, FREE, Failure(kind, "lost")).what == RETRY
    assert [k.state for k in books.kept(booked)] == ["released"]


def test_a_late_answer_to_a_call_taken_for_lost_settles_it(books):
    booked = books.book(PAID)
    books.fail(booked, PAID, Failure(FailureKind.AMBIGUOUS, "lost"))
    books.answer(booked, PAID, Found(FOUND.candidates, Charge.of(search=1)))
    assert books.sums() == (0, 1, 0)
    assert books.kept(booked)[0].outcome == "found"


ENDS = st.sampled_from(
    [
        FOUND,
        NotFound(),
        Unresolved("?"),
        Pending("h"),
        Failure(FailureKind.AMBIGUOUS, "lost"),
        Failure(FailureKind.UNAVAILABLE, "down", charged=False),
        Failure(FailureKind.REJECTED, "no", charged=False),
    ]
)


@settings(modest, max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 3), st.lists(ENDS, min_size=3, max_size=3)), min_size=1, max_size=9))
def test_whatever_comes_back_the_cap_holds_and_the_books_add_up(empty, tmp_path_factory, calls):
    books = Books(empty, tmp_path_factory.mktemp("books") / "syncd.db")
    pending = []
    try:
        for size, ends in calls:
            booked = books.book(JOB, size)
            if not isinstance(booked, Booked):
                assert sum(books.sums()) + 2 * size > CAP
                continue
            if isinstance(ends[0], Failure):
                books.fail(booked, JOB, ends[0])
            else:
                outcomes = [NotFound() if isinstance(e, Failure) else e for e in ends[:size]]
                if books.answer(booked, JOB, *outcomes).what == WAIT:
                    pending.append((booked, sum(isinstance(o, Pending) for o in outcomes)))
            assert sum(books.sums()) <= CAP
        for booked, left in pending:
            books.answer(booked, JOB, *[FOUND] * left)
            assert sum(books.sums()) <= CAP
        assert books.sums()[0] == 0
        with books.store.read() as connection:
            total = money.totals(connection, "alpha", "search", "month", books.periods.month)
        assert tuple(total[n] / MILLION for n in ("reserved", "spent", "unknown")) == books.sums()
    finally:
        books.store.close()
