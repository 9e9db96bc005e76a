"""Work rows: in exactly one state, held by one worker, and nothing a dead worker held is lost."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from syncd.store import leases, lists, people, work
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from tests.books import LEASE_US, add_contacts
from tests.stores import Backend

SYNCS = ["leads"]
TAKES = ("ready", "waiting")


def add(store: Store, count: int = 1, **values: object) -> list[int]:
    with store.write() as connection:
        return add_contacts(connection, count, **values)


def claim(
    store: Store, owner: str = "a", limit: int = 10, states: tuple[str, ...] = TAKES, run_id: int = 1
) -> list[work.Row]:
    with store.write() as connection:
        return leases.claim(connection, owner, states, SYNCS, limit, LEASE_US, run_id)


def finish(store: Store, owner: str, *ends: leases.End) -> list[bool]:
    with store.write() as connection:
        return leases.finish(connection, owner, ends)


def end(row: work.Row, state: str = "done", reason: str = "", **values: object) -> leases.End:
    return leases.End(row.id, row.fence, state, reason, **values)  # type: ignore[arg-type]  # columns by name


def get(store: Store, work_id: int) -> work.Row:
    with store.read() as connection:
        row = work.get(connection, work_id)
    assert row is not None
    return row


def mark(store: Store, marks: dict[int, list[str]]) -> None:
    with store.write() as connection:
        people.set_identity(connection, marks)


# rows


def test_new_rows_come_back_with_their_ids_in_order(store: Store) -> None:
    ids = add(store, 250)
    with store.read() as connection:
        rows = work.many(connection, ids)
    assert [r.record_id for r in sorted(rows, key=lambda r: ids.index(r.id))] == [str(n) for n in range(250)]


def test_a_record_has_one_row_in_a_sync_and_may_have_one_in_each(store: Store) -> None:
    add(store, record_id="7")
    add(store, record_id="7", sync="customers")
    with pytest.raises(IntegrityError):
        add(store, record_id="7")
    with store.read() as connection:
        assert len(work.find(connection, "main", "7")) == 2
        assert len(work.find(connection, "", "7")) == 2
        assert work.find(connection, "other", "7") == []
        assert work.known(connection, "leads", ["7", "8"]).keys() == {"7"}


def test_a_record_survives_as_it_was_stored(store: Store) -> None:
    held = bytes(range(256))
    (i,) = add(store, record=held, version="é\N{SNOWMAN}'\"", input_digest="d")
    row = get(store, i)
    assert (row.record, row.version, row.input_digest, row.trace) == (held, "é\N{SNOWMAN}'\"", "d", None)


# claiming


def test_a_claim_takes_what_is_due_oldest_first_and_no_more_than_asked(store: Store) -> None:
    ids = add(store, 4)
    rows = claim(store, limit=3, run_id=9)
    assert [r.id for r in rows] == ids[:3]
    assert {(r.state, r.owner, r.fence, r.run_id) for r in rows} == {("leased", "a", 1, 9)}
    assert get(store, ids[3]).state == "ready"


def test_what_is_held_is_not_handed_out_again(backend: Backend) -> None:
    add(backend.store, 3)
    assert len(claim(backend.store, "a", 2)) == 2
    assert len(claim(backend.open(), "b", 10)) == 1
    assert claim(backend.store, "c") == []


def test_workers_that_claim_at_the_same_time_share_the_rows(backend: Backend) -> None:
    ids = add(backend.store, 60)
    stores = [backend.store, backend.open(), backend.open()]
    taken: list[int] = []
    together = threading.Barrier(len(stores))

    def take(store: Store, owner: str) -> None:
        together.wait()
        while rows := claim(store, owner, 7):
            taken.extend(r.id for r in rows)

    threads = [threading.Thread(target=take, args=(s, str(n))) for n, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ids


def test_parked_rows_are_handed_out_when_they_are_due(backend: Backend) -> None:
    now = backend.clock.now_us
    add(backend.store, state="waiting", not_before=now + 5 * MILLION)
    assert claim(backend.store) == []
    with backend.store.read() as connection:
        assert lists.due(connection, TAKES, SYNCS) == (0, 5 * MILLION)
    backend.clock.advance(5)
    with backend.store.read() as connection:
        assert lists.due(connection, TAKES, SYNCS) == (1, None)
    assert len(claim(backend.store)) == 1


def test_other_syncs_and_other_states_are_left_alone(store: Store) -> None:
    add(store, sync="customers")
    add(store, state="done")
    add(store, state="enriched")
    assert claim(store) == []
    assert [r.state for r in claim(store, states=("enriched", "writing"))] == ["enriched"]


def test_an_enriched_row_that_a_writer_holds_is_kept_from_others_by_its_due_time(backend: Backend) -> None:
    add(backend.store, state="enriched")
    states = ("enriched", "writing")
    assert len(claim(backend.store, "a", states=states)) == 1
    assert claim(backend.open(), "b", states=states) == []
    backend.clock.advance(61)
    rows = claim(backend.store, "b", states=states)
    assert [(r.state, r.owner, r.fence) for r in rows] == [("enriched", "b", 2)]


def test_two_records_of_one_person_are_not_held_at_once(backend: Backend) -> None:
    one, two, three = add(backend.store, 3)
    mark(backend.store, {one: ["p"], two: ["p", "q"], three: ["r"]})
    rows = claim(backend.store, "a")
    assert [r.id for r in rows] == [one, three]
    assert claim(backend.open(), "b") == []
    finish(backend.store, "a", end(rows[0]))
    assert [r.id for r in claim(backend.store, "b")] == [two]


def test_a_parked_record_of_the_same_person_does_not_stand_in_the_way(backend: Backend) -> None:
    one = add(backend.store, state="waiting", not_before=backend.clock.now_us + MILLION)[0]
    two = add(backend.store)[0]
    mark(backend.store, {one: ["p"], two: ["p"]})
    assert [r.id for r in claim(backend.store)] == [two]


# finishing


def test_a_row_goes_where_its_holder_sends_it(store: Store) -> None:
    add(store)
    (row,) = claim(store)
    done = end(row, "waiting", "busy", due_us=7, attempts=2, trace=b"t", record=b"r", version="v")
    assert finish(store, "a", done) == [True]
    found = get(store, row.id)
    assert (found.state, found.reason, found.not_before_us, found.attempts) == ("waiting", "busy", 7, 2)
    assert (found.trace, found.record, found.version, found.owner) == (b"t", b"r", "v", "")


def test_what_is_not_given_at_the_end_stays_as_it_was(store: Store) -> None:
    add(store, record=b"r", version="v", input_digest="d", trace=b"t")
    (row,) = claim(store)
    finish(store, "a", end(row))
    found = get(store, row.id)
    assert (found.record, found.version, found.input_digest, found.trace) == (b"r", "v", "d", b"t")


def test_a_worker_that_lost_its_lease_changes_nothing(backend: Backend) -> None:
    add(backend.store)
    (old,) = claim(backend.store, "a")
    backend.clock.advance(61)
    with backend.store.write() as connection:
        assert leases.expire(connection, 0) == 1
    (new,) = claim(backend.open(), "b")
    assert new.fence == old.fence + 1
    assert finish(backend.store, "a", end(old)) == [False]
    assert get(backend.store, old.id).owner == "b"
    assert finish(backend.store, "b", end(new)) == [True]


def test_a_row_whose_lease_ran_out_is_nobodys_until_it_is_claimed_again(backend: Backend) -> None:
    add(backend.store)
    (row,) = claim(backend.store, "a")
    backend.clock.advance(61)
    with backend.store.write() as connection:
        leases.expire(connection, 0)
    assert finish(backend.store, "a", end(row)) == [False]
    assert get(backend.store, row.id).state == "ready"


def test_an_owner_that_took_its_own_row_again_is_told_by_the_fence(backend: Backend) -> None:
    add(backend.store)
    (old,) = claim(backend.store, "a")
    backend.clock.advance(61)
    with backend.store.write() as connection:
        leases.expire(connection, 0)
    claim(backend.store, "a")
    assert finish(backend.store, "a", end(old)) == [False]
    assert get(backend.store, old.id).state == "leased"


def test_of_several_rows_those_still_held_are_finished_and_the_others_told(store: Store) -> None:
    add(store, 3)
    rows = claim(store)
    with store.write() as connection:
        work.leave(connection, rows[1].id, "deleted")
    assert finish(store, "a", *(end(r) for r in rows)) == [True, False, True]
    assert [get(store, r.id).state for r in rows] == ["done", "skipped", "done"]


def test_a_row_that_has_ended_is_not_finished_again(store: Store) -> None:
    add(store)
    (row,) = claim(store)
    assert finish(store, "a", end(row)) == [True]
    assert finish(store, "a", end(row, "dead")) == [False]
    assert get(store, row.id).state == "done"


def test_finishing_nothing_is_nothing(store: Store) -> None:
    assert finish(store, "a") == []


# changes in the CRM meanwhile


def test_a_change_brings_an_ended_row_back(store: Store) -> None:
    (i,) = add(store, state="dead", reason="refused", attempts=3, not_before=99)
    with store.write() as connection:
        assert work.again(connection, i, version="v2")
    found = get(store, i)
    assert (found.state, found.reason, found.attempts, found.not_before_us, found.version) == (
        "ready", "", 0, 0, "v2",
    )  # fmt: skip


def test_a_change_of_a_row_at_work_brings_it_back_at_its_end(store: Store) -> None:
    add(store)
    (row,) = claim(store)
    with store.write() as connection:
        assert not work.again(connection, row.id, version="v2")
    assert get(store, row.id).state == "leased"
    assert finish(store, "a", end(row, "waiting")) == [True]
    assert get(store, row.id).dirty
    (row,) = claim(store)
    assert finish(store, "a", end(row, "done", version="v1", input_digest="d1")) == [True]
    found = get(store, row.id)
    assert (found.state, found.version, found.input_digest, found.dirty) == ("ready", "", "", False)


def test_a_change_while_a_writer_holds_the_row_brings_it_back_after_the_write(store: Store) -> None:
    (i,) = add(store, state="enriched")
    (row,) = claim(store, "writer", states=("enriched", "writing"))
    with store.write() as connection:
        assert not work.again(connection, i, version="v2")
        assert leases.hold(connection, "writer", "writing", {i: (row.fence, b"t")}) == 0
    assert finish(store, "writer", end(row)) == [True]
    assert get(store, i).state == "ready"


def test_a_change_of_an_enriched_row_that_nobody_holds_starts_it_anew(store: Store) -> None:
    (i,) = add(store, state="enriched")
    with store.write() as connection:
        assert work.again(connection, i)
    assert get(store, i).state == "ready"


def test_a_record_that_left_takes_its_row_from_whoever_holds_it(store: Store) -> None:
    add(store)
    (row,) = claim(store)
    with store.write() as connection:
        work.leave(connection, row.id, "deleted in the CRM")
    assert finish(store, "a", end(row)) == [False]
    found = get(store, row.id)
    assert (found.state, found.reason, found.owner) == ("skipped", "deleted in the CRM", "")


def test_a_record_that_was_seen_again_has_only_a_new_version(store: Store) -> None:
    (i,) = add(store, version="v1", state="done")
    known = get(store, i)
    with store.write() as connection:
        work.touch(connection, known, "v2")
    assert (get(store, i).version, get(store, i).state) == ("v2", "done")


def test_what_was_read_of_a_row_at_work_replaces_its_record_unless_the_row_moved_on(store: Store) -> None:
    (i,) = add(store, record=b"old")
    with store.write() as connection:
        work.touch(connection, get(store, i), "v2", b"read")
    assert get(store, i).record == b"read"
    known = get(store, i)
    (row,) = claim(store)
    finish(store, "a", end(row, record=b"newer"))
    with store.write() as connection:
        work.touch(connection, known, "v3", b"read before")
    assert (get(store, i).record, get(store, i).version) == (b"newer", "v3")


# leases


def test_a_lease_is_renewed_only_if_all_are_still_held(backend: Backend) -> None:
    add(backend.store, 2)
    rows = claim(backend.store)
    fences = {r.id: r.fence for r in rows}
    with backend.store.write() as connection:
        assert leases.extend(connection, "a", fences, LEASE_US)
        assert not leases.extend(connection, "b", fences, LEASE_US)
        assert not leases.extend(connection, "a", {**fences, rows[0].id: 7}, LEASE_US)
        work.leave(connection, rows[1].id, "deleted")
        assert not leases.extend(connection, "a", fences, 1000 * LEASE_US)
    backend.clock.advance(61)
    with backend.store.write() as connection:
        assert leases.expire(connection, 0) == 1


def test_a_heartbeat_keeps_everything_its_owner_holds(backend: Backend) -> None:
    add(backend.store, 3)
    claim(backend.store, "a", 2)
    claim(backend.store, "b", 1)
    backend.clock.advance(50)
    with backend.store.write() as connection:
        assert leases.heartbeat(connection, "a", LEASE_US) == 2
    backend.clock.advance(50)
    with backend.store.write() as connection:
        assert leases.expire(connection, 0) == 1
        assert lists.counts(connection) == {"leased": 2, "ready": 1}


def test_leases_of_the_dead_run_out_after_their_grace(backend: Backend) -> None:
    add(backend.store)
    claim(backend.store)
    backend.clock.advance(60)
    with backend.store.write() as connection:
        assert leases.expire(connection, 0) == 0
    backend.clock.advance(30)
    with backend.store.write() as connection:
        assert leases.expire(connection, 60 * MILLION) == 0
        assert leases.expire(connection, 0) == 1
    assert len(claim(backend.store, "b")) == 1


def test_an_interrupted_write_is_due_at_once_and_stays_a_write(backend: Backend) -> None:
    (i,) = add(backend.store, state="enriched")
    (row,) = claim(backend.store, states=("enriched", "writing"))
    with backend.store.write() as connection:
        leases.hold(connection, "a", "writing", {i: (row.fence, b"t")})
    backend.clock.advance(30)
    with backend.store.write() as connection:
        assert leases.orphan(connection, "b", alone=True) == 1
        assert leases.expire(connection, 0) == 1
    (again,) = claim(backend.store, "b", states=("enriched", "writing"))
    assert (again.state, again.trace, again.fence) == ("writing", b"t", row.fence + 1)


@pytest.mark.parametrize(("alone", "held"), [(True, 2), (False, 1)])
def test_one_of_many_orphans_what_it_held_itself_and_one_alone_whatever_was_held(
    store: Store, alone: bool, held: int
) -> None:
    add(store, 2)
    claim(store, "a", 1)
    claim(store, "b", 1)
    with store.write() as connection:
        assert leases.orphan(connection, "b", alone) == held
        assert leases.expire(connection, 0) == held
        assert lists.counts(connection).get("leased", 0) == 2 - held


def test_holding_on_tells_how_many_rows_were_lost(store: Store) -> None:
    add(store, 3)
    rows = claim(store)
    held = {r.id: (r.fence, b"t") for r in rows}
    with store.write() as connection:
        work.leave(connection, rows[0].id, "deleted")
        assert leases.hold(connection, "a", "writing", held) == 1
        assert leases.hold(connection, "b", "writing", held) == 3
        assert leases.hold(connection, "a", "writing", {}) == 0
    assert [get(store, r.id).state for r in rows] == ["skipped", "writing", "writing"]


# the rest


def test_rows_without_a_budget_come_back_in_a_later_run_once_it_opens(backend: Backend) -> None:
    later = backend.clock.now_us + 10 * MILLION
    add(backend.store, state="no_budget", run_id=1)
    add(backend.store, state="no_budget", run_id=1, not_before=later)
    with backend.store.write() as connection:
        assert work.release_budget(connection, SYNCS, run_id=1) == 0
        assert work.release_budget(connection, ["customers"], run_id=2) == 0
        assert work.release_budget(connection, SYNCS, run_id=2) == 1
    backend.clock.advance(10)
    with backend.store.write() as connection:
        assert work.release_budget(connection, SYNCS, run_id=2) == 1


def test_waking_makes_waiting_rows_due_and_touches_no_others(backend: Backend) -> None:
    later = backend.clock.now_us + MILLION
    waiting = add(backend.store, state="waiting", not_before=later)
    stopped = add(backend.store, state="no_budget", not_before=later)
    with backend.store.write() as connection:
        work.wake(connection, [*waiting, *stopped])
        work.wake(connection, [])
    assert get(backend.store, waiting[0]).not_before_us == 0
    assert get(backend.store, stopped[0]).not_before_us == later


def test_answers_that_came_wake_as_many_as_waited_for_the_budgets_of_their_account(backend: Backend) -> None:
    later = backend.clock.now_us + MILLION
    held = {
        name: add(backend.store, 3, state="waiting", not_before=later, reason=f"{name} {work.HELD}")
        for name in ("contactout", "rocketreach")
    }
    other = add(backend.store, state="waiting", not_before=later, reason="contactout works on it")
    for more, woken in ((1, 1), (2, 3)):
        with backend.store.write() as connection:
            work.wake_held(connection, "contactout", more)
        assert sum(get(backend.store, i).not_before_us == 0 for i in held["contactout"]) == woken
    assert {get(backend.store, i).not_before_us for i in (*held["rocketreach"], *other)} == {later}


def test_the_backlog_tells_how_many_are_due_and_for_how_long(backend: Backend) -> None:
    add(backend.store, 2)
    rows = claim(backend.store)
    finish(backend.store, "a", end(rows[0], "enriched"))
    backend.clock.advance(3)
    finish(backend.store, "a", end(rows[1], "enriched"))
    backend.clock.advance(4)
    with backend.store.read() as connection:
        assert lists.backlog(connection, ("enriched", "writing"), "leads") == (2, 7 * MILLION)
        assert lists.backlog(connection, ("enriched", "writing"), "customers") == (0, 0)


def test_each_sync_is_told_when_its_next_row_is_due(backend: Backend) -> None:
    now = backend.clock.now_us
    add(backend.store, state="waiting", not_before=now + 5 * MILLION)
    add(backend.store, state="enriched", not_before=now + 3 * MILLION)
    add(backend.store, state="done")
    add(backend.store, sync="customers", state="waiting", not_before=now - MILLION)
    syncs, states = ["leads", "customers", "partners"], (*TAKES, "enriched")
    with backend.store.read() as connection:
        assert lists.next_due_us(connection, states, syncs) == {"leads": 3 * MILLION, "customers": -MILLION}
        assert lists.next_due_us(connection, TAKES, ["leads"]) == {"leads": 5 * MILLION}
        assert lists.next_due_us(connection, TAKES, []) == {}


def test_rows_are_counted_by_state_and_by_outcome_of_a_run(store: Store) -> None:
    add(store, 2, state="done", reason="enriched", run_id=4)
    add(store, 1, state="done", reason="no match", run_id=4)
    add(store, 1, state="ready", run_id=5, sync="customers")
    with store.read() as connection:
        assert lists.counts(connection) == {"done": 3, "ready": 1}
        assert lists.counts(connection, ["customers"]) == {"ready": 1}
        assert sorted(lists.outcomes(connection, 4)) == [("done", "enriched", 2), ("done", "no match", 1)]


def test_marks_are_replaced_and_added_without_doubles(store: Store) -> None:
    one, two = add(store, 2)
    mark(store, {one: ["p", "p", "q"], two: ["r"]})
    mark(store, {one: ["q", "s"]})
    with store.write() as connection:
        people.add_identity(connection, {one: ["s", "u"], two: ["r"]})
        people.add_identity(connection, {})
    with store.read() as connection:
        found = people.holders(connection, ["p", "q", "r", "s", "u"])
        assert {m: [r.id for r in rows] for m, rows in found.items()} == {
            "q": [one], "s": [one], "u": [one], "r": [two],
        }  # fmt: skip
        assert people.holders(connection, []) == {}


def test_siblings_are_rows_of_any_sync_that_share_a_mark(store: Store) -> None:
    one, two = add(store, 2)
    (three,) = add(store, sync="customers", crm="other")
    mark(store, {one: ["p", "q"], two: ["p", "q"], three: ["q"]})
    with store.read() as connection:
        found = people.siblings(connection, [one, two])
        assert {i: sorted(r.id for r in rows) for i, rows in found.items()} == {
            one: [two, three],
            two: [one, three],
        }
        assert people.siblings(connection, []) == {}


def test_marks_leave_with_their_row(store: Store) -> None:
    (one,) = add(store)
    mark(store, {one: ["p"]})
    with store.write() as connection:
        connection.execute(t.work.delete().where(t.work.c.id == one))
        assert connection.execute(select(t.identity)).all() == []
