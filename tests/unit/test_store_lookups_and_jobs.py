"""Lookups and jobs: every question and its answer, and jobs that are asked for by one worker at a time."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.ledger import Booked
from syncd.store import calls, jobs, lookups, people, work
from syncd.store.engine import MILLION, Store
from syncd.store.lookups import Result
from tests.books import ACCOUNT, EMAIL, FREE, LEASE_US, Worker, booked, caps
from tests.stores import Backend


@pytest.fixture
def worker(store: Store) -> Worker:
    made = Worker(store, caps(email={"per_month": 100}))
    made.told(email=1000)
    return made


def settle(store: Store, *results: Result) -> int:
    with store.write() as connection:
        return lookups.settle(connection, results)


def one(store: Store, lookup_id: int) -> lookups.Kept:
    with store.read() as connection:
        return lookups.by_ids(connection, [lookup_id])[0]


# lookups


def test_the_lookups_of_a_call_keep_their_order_and_their_keys(worker: Worker) -> None:
    call = booked(worker.book(EMAIL, "c", "a", "b"))
    with worker.store.read() as connection:
        found = lookups.of_call(connection, call.ticket.call_id)
    assert [k.id for k, _ in found] == list(call.lookup_ids)
    assert [k.key_digest for k, _ in found] == ["digest-c", "digest-a", "digest-b"]
    assert found[0][1] == b'{"email":"c@example.com"}'
    assert {k.state for k, _ in found} == {"sent"}


def test_an_outcome_is_stored_once_and_the_key_is_forgotten(worker: Worker) -> None:
    call = booked(worker.book(EMAIL, "a"))
    (i,) = call.lookup_ids
    assert settle(worker.store, Result(i, "found", "", b"answer", "email 1")) == 1
    assert settle(worker.store, Result(i, "not_found")) == 0
    kept = one(worker.store, i)
    assert (kept.state, kept.outcome, kept.answer, kept.charge) == ("settled", "found", b"answer", "email 1")
    with worker.store.read() as connection:
        assert lookups.of_call(connection, call.ticket.call_id)[0][1] is None


def test_questions_that_are_put_again_say_nothing_of_how_often_a_provider_finds_somebody(
    worker: Worker,
) -> None:
    made = [booked(worker.book(EMAIL, key, epoch=epoch)) for key, epoch in (("a", 0), ("b", 0), ("b", 1))]
    for call, outcome in zip(made, ("found", "not_found", "not_found"), strict=True):
        settle(worker.store, Result(call.lookup_ids[0], outcome))
    with worker.store.read() as connection:
        rows = lookups.latest(connection, ACCOUNT, [EMAIL.name], 10)
    asked = lookups.question(EMAIL.name, "email")
    assert [(q, hit) for _, q, hit in rows] == [(asked, True), (asked, False)]


def test_questions_about_whom_a_provider_missed_before_say_nothing_of_that_either(worker: Worker) -> None:
    one_person, another = worker.claim(2)
    asked = [(one_person, "a", "not_found"), (another, "b", "found"), (one_person, "c", "not_found")]
    for row, key, outcome in asked:
        call = booked(worker.book(EMAIL, key, rows=[row]))
        settle(worker.store, Result(call.lookup_ids[0], outcome))
    with worker.store.read() as connection:
        rows = lookups.latest(connection, ACCOUNT, [EMAIL.name], 10)
    assert [hit for _, _, hit in rows] == [False, True]


def test_several_outcomes_are_counted(worker: Worker) -> None:
    call = booked(worker.book(EMAIL, "a", "b", "c"))
    settle(worker.store, Result(call.lookup_ids[1], "found"))
    results = [Result(i, "not_found") for i in call.lookup_ids]
    assert settle(worker.store, *results) == 2
    assert one(worker.store, call.lookup_ids[1]).outcome == "found"
    assert settle(worker.store) == 0


def test_an_answer_to_an_unknown_or_pending_lookup_is_stored_and_to_a_released_one_is_not(
    worker: Worker,
) -> None:
    unknown, pending, released = (booked(b) for b in worker.book_calls(EMAIL, [["a"], ["b"], ["c"]]))
    worker.lose(unknown)
    worker.release(released)
    with worker.store.write() as connection:
        assert lookups.move(connection, pending.ticket.call_id, ("sent",), "pending") == 1
        assert lookups.move(connection, pending.ticket.call_id, ("sent",), "pending") == 0
    done = [settle(worker.store, Result(c.lookup_ids[0], "not_found")) for c in (unknown, pending, released)]
    assert done == [1, 1, 0]


def test_known_lookups_are_found_by_key_whoever_made_them_oldest_first(worker: Worker) -> None:
    first = booked(worker.book(EMAIL, "a"))
    settle(worker.store, Result(first.lookup_ids[0], "found"))
    worker.settle(first, email=1)
    second = booked(worker.book(EMAIL, "a", epoch=1))
    released = booked(worker.book(EMAIL, "b"))
    worker.release(released)
    with worker.store.read() as connection:
        found = lookups.known(connection, ["digest-a", "digest-b", "digest-x"])
        assert lookups.known(connection, []) == []
        assert lookups.by_ids(connection, []) == []
    assert [k.id for k in found] == [*first.lookup_ids, *second.lookup_ids]
    assert [k.epoch for k in found] == [0, 1]


def test_the_lookups_of_a_contact_are_found(worker: Worker) -> None:
    (row,) = worker.claim(1)
    call = booked(worker.book(EMAIL, "a", rows=[row]))
    with worker.store.read() as connection:
        assert [k.id for k in lookups.of_work(connection, row.id)] == list(call.lookup_ids)


def test_the_table_refuses_a_second_purchase_unless_the_first_was_released(worker: Worker) -> None:
    call = booked(worker.book(EMAIL, "a"))
    (row,) = worker.claim(1)
    again = {
        "call_id": call.ticket.call_id, "account": ACCOUNT, "operation": EMAIL.name, "key_kind": "email",
        "key_digest": "digest-a", "epoch": 0, "position": 1, "key": b"{}", "work_id": row.id,
    }  # fmt: skip
    with pytest.raises(IntegrityError), worker.store.write() as connection:
        lookups.add(connection, [again])
    worker.release(call)
    with worker.store.write() as connection:
        assert len(lookups.add(connection, [again])) == 1


def test_yields_count_what_was_settled_since(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    call = booked(w.book(EMAIL, "a", "b", "c"))
    settle(w.store, Result(call.lookup_ids[0], "found"))
    backend.clock.advance(10)
    settle(w.store, *(Result(i, "not_found") for i in call.lookup_ids[1:]))
    with w.store.read() as connection:
        now = work.now_us(connection)
        everything = sorted(lookups.yields(connection, 0))
        assert everything == [
            (ACCOUNT, "email", "email", "found", 1),
            (ACCOUNT, "email", "email", "not_found", 2),
        ]
        assert lookups.yields(connection, now) == [(ACCOUNT, "email", "email", "not_found", 2)]
        assert lookups.answers(connection, ACCOUNT, 0, 5) == [("email", None)]
        assert lookups.answers(connection, ACCOUNT, now, 5) == []


# jobs


def launch(worker: Worker, key: str, handle: str) -> Booked:
    call = booked(worker.book(EMAIL, key))
    assert worker.pend(call, handle=handle)
    with worker.store.write() as connection:
        lookups.move(connection, call.ticket.call_id, ("sent",), "pending")
    return call


def claim(store: Store, owner: str, limit: int = 10) -> list[jobs.Due]:
    with store.write() as connection:
        return jobs.claim_due(connection, owner, limit, LEASE_US)


def test_a_job_is_asked_for_by_one_worker_at_a_time(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    call = launch(w, "a", "job-a")
    backend.clock.advance(61)
    (due,) = claim(backend.store, "poller-1")
    assert (due.call_id, due.account, due.operation, due.handle, due.polls, due.overdue) == (
        call.ticket.call_id, ACCOUNT, "email", "job-a", 0, True,
    )  # fmt: skip
    assert claim(backend.open(), "poller-2") == []
    assert claim(backend.store, "poller-1")[0].polls == 1
    backend.clock.advance(61)
    assert claim(backend.open(), "poller-2")[0].polls == 2


def test_a_job_is_asked_for_when_it_is_due(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    call = launch(w, "a", "job-a")
    with w.store.write() as connection:
        jobs.postpone(connection, call.ticket.call_id, 120 * MILLION)
        assert jobs.next_due_us(connection) == 120 * MILLION
    assert claim(w.store, "poller") == []
    backend.clock.advance(119)
    assert claim(w.store, "poller") == []
    backend.clock.advance(1)
    assert len(claim(w.store, "poller")) == 1


def test_no_more_jobs_are_taken_than_asked_for_oldest_first(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    launch(w, "a", "job-a")
    backend.clock.advance(1)
    launch(w, "b", "job-b")
    assert [d.handle for d in claim(w.store, "poller", 1)] == ["job-a"]


def test_a_callback_hurries_a_job_that_is_waited_for(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    call = launch(w, "a", "job-a")
    with w.store.write() as connection:
        jobs.postpone(connection, call.ticket.call_id, 3600 * MILLION)
        assert jobs.hurry(connection, "another account", ["job-a"]) == 0
        assert jobs.hurry(connection, ACCOUNT, ["job-b"]) == 0
        assert jobs.hurry(connection, ACCOUNT, ["job-a"]) == 1
        assert jobs.hurry(connection, ACCOUNT, ["job-a"]) == 1
    backend.clock.advance(0.001)
    assert len(claim(w.store, "poller")) == 1
    w.settle(call, email=1)
    with w.store.write() as connection:
        assert jobs.hurry(connection, ACCOUNT, ["job-a"]) == 0
        jobs.postpone(connection, call.ticket.call_id, 0)
        assert jobs.next_due_us(connection) is None
    assert claim(w.store, "poller") == []


def test_jobs_that_are_waited_for_are_counted_by_account(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    began = backend.clock.now_us
    launch(w, "a", "job-a")
    backend.clock.advance(5)
    launch(w, "b", "job-b")
    with w.store.read() as connection:
        assert jobs.pending(connection) == [(ACCOUNT, 2, began)]


def test_a_job_is_waited_for_by_its_contacts_and_by_other_records_of_the_same_person(worker: Worker) -> None:
    row, twin, stranger = worker.claim(3)
    call = booked(worker.book(EMAIL, "a", rows=[row]))
    with worker.store.write() as connection:
        people.set_identity(connection, {row.id: ["p"], twin.id: ["p"], stranger.id: ["q"]})
        assert jobs.waiting_for(connection, [call.ticket.call_id]) == [row.id, twin.id]


# abandoned and unresolved calls


def abandoned(store: Store, alive: str = "") -> list[int]:
    with store.read() as connection:
        return [call_id for call_id, *_ in jobs.abandoned(connection, alive)]


def test_a_call_is_abandoned_when_its_lease_has_run_out(backend: Backend) -> None:
    w = Worker(backend.store, caps(email={"per_month": 100}))
    w.told(email=1000)
    call = booked(w.book(EMAIL, "a"))
    backend.clock.advance(120)
    assert abandoned(w.store) == []
    assert abandoned(w.store, alive=w.owner) == []
    backend.clock.advance(0.001)
    assert abandoned(w.store) == [call.ticket.call_id]
    assert abandoned(w.store, alive=w.owner) == [call.ticket.call_id]


def test_where_one_process_is_alone_the_calls_of_all_others_are_abandoned(worker: Worker) -> None:
    call = booked(worker.book(EMAIL, "a"))
    assert abandoned(worker.store, alive=worker.owner) == []
    assert abandoned(worker.store, alive="another") == [call.ticket.call_id]


def test_only_calls_without_an_outcome_are_abandoned(worker: Worker) -> None:
    made = [booked(b) for b in worker.book_calls(EMAIL, [["a"], ["b"], ["c"], ["d"]])]
    worker.settle(made[0], email=1)
    worker.release(made[1])
    worker.lose(made[2])
    worker.pend(made[3])
    assert abandoned(worker.store, alive="another") == []


def test_unresolved_calls_are_told_with_their_reason_oldest_first(worker: Worker) -> None:
    first, second = booked(worker.book(EMAIL, "a")), booked(worker.book(FREE, "b"))
    worker.lose(first)
    worker.lose(second)
    with worker.store.read() as connection:
        found = jobs.unresolved(connection)
        assert [(i, a, o, why) for i, a, o, _, why in found] == [
            (first.ticket.call_id, ACCOUNT, "email", "no answer"),
            (second.ticket.call_id, ACCOUNT, "check", "no answer"),
        ]
        assert jobs.unresolved(connection, "another") == []
        assert len(jobs.unresolved(connection, ACCOUNT)) == 2


def test_a_transition_of_several_calls_counts_those_that_made_it(worker: Worker) -> None:
    made = [booked(b) for b in worker.book_calls(EMAIL, [["a"], ["b"], ["c"]])]
    ids = [c.ticket.call_id for c in made]
    worker.settle(made[0], email=1)
    with worker.store.write() as connection:
        assert calls.move_all(connection, ids, ("sent",), "unknown", reason="test") == 2
        assert calls.move(connection, ids[0], ("sent",), "unknown") is False
        assert calls.states(connection, ids) == {ids[0]: "settled", ids[1]: "unknown", ids[2]: "unknown"}
