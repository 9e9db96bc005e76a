"""Changes: what we mean to write, wrote, or could not, each in one state that only moves forward."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from syncd.store import changes, runs
from syncd.store import tables as t
from syncd.store.engine import MILLION, Store
from tests.books import add_contacts
from tests.stores import Backend


@pytest.fixture
def contact(store: Store) -> int:
    with store.write() as connection:
        return add_contacts(connection, 1)[0]


def intend(store: Store, work_id: int, *rows: dict[str, Any], **values: Any) -> list[int]:
    base = {
        "work_id": work_id, "run_id": 1, "crm": "main", "object": "contact", "record_id": "1",
        "property": "email", "field": "work_email", "before": None, "after": "new", "state": "intended",
        "account": "vendor", **values,
    }  # fmt: skip
    with store.write() as connection:
        return changes.intend(connection, [{**base, **row} for row in rows or ({},)])


def confirm(store: Store, *ids: int, verified: bool = False) -> int:
    with store.write() as connection:
        return changes.confirm(connection, ids, verified)


def move(store: Store, change_id: int, before: tuple[str, ...], after: str, **values: Any) -> bool:
    with store.write() as connection:
        return changes.move(connection, change_id, before, after, **values)


def of_work(store: Store, work_id: int) -> list[changes.Stored]:
    with store.read() as connection:
        return changes.of_work(connection, work_id)


def test_intents_come_back_with_their_ids_in_order(store: Store, contact: int) -> None:
    ids = intend(store, contact, *({"property": f"p{n}"} for n in range(120)))
    assert [c.property for c in sorted(of_work(store, contact), key=lambda c: ids.index(c.id))] == [
        f"p{n}" for n in range(120)
    ]
    with store.write() as connection:
        assert changes.intend(connection, []) == []


def test_an_intent_is_confirmed_once(store: Store, contact: int) -> None:
    ids = intend(store, contact, {"property": "a"}, {"property": "b"})
    assert confirm(store, *ids) == 2
    assert confirm(store, *ids) == 0
    assert confirm(store) == 0
    assert {(c.state, c.verified_us) for c in of_work(store, contact)} == {("written", None)}
    assert all(c.confirmed_us is not None for c in of_work(store, contact))


def test_what_is_confirmed_by_reading_is_verified_too(backend: Backend) -> None:
    with backend.store.write() as connection:
        (work_id,) = add_contacts(connection, 1)
    ids = intend(backend.store, work_id)
    backend.clock.advance(2)
    confirm(backend.store, *ids, verified=True)
    (found,) = of_work(backend.store, work_id)
    assert found.verified_us == found.confirmed_us == found.intended_us + 2 * MILLION


def test_only_intents_are_confirmed(store: Store, contact: int) -> None:
    proposed, refused = intend(store, contact, {"state": "proposed"}, {"state": "refused"})
    assert confirm(store, proposed, refused) == 0
    assert [c.state for c in of_work(store, contact)] == ["proposed", "refused"]


def test_a_change_moves_only_from_the_state_it_is_in(store: Store, contact: int) -> None:
    (i,) = intend(store, contact)
    assert move(store, i, ("intended",), "rejected", code="INVALID_EMAIL")
    assert not move(store, i, ("intended",), "written")
    (found,) = of_work(store, contact)
    assert (found.state, found.code) == ("rejected", "INVALID_EMAIL")


def test_a_state_that_does_not_exist_is_refused(store: Store, contact: int) -> None:
    (i,) = intend(store, contact)
    with pytest.raises(IntegrityError):
        move(store, i, ("intended",), "finished")


def test_open_intents_of_a_contact_are_those_without_an_outcome(store: Store, contact: int) -> None:
    first, second = intend(store, contact, {"property": "a"}, {"property": "b"})
    confirm(store, first)
    with store.read() as connection:
        assert [c.id for c in changes.open_of(connection, contact)] == [second]


def test_the_last_write_of_a_property_is_the_newest_that_stands(store: Store, contact: int) -> None:
    old, new, undone = intend(store, contact, {"after": "1"}, {"after": "2"}, {"after": "3"})
    (other,) = intend(store, contact, property="phone", after="5")
    (elsewhere,) = intend(store, contact, crm="second", after="9")
    confirm(store, old, new, undone, other, elsewhere)
    move(store, undone, ("written",), "undone")
    with store.read() as connection:
        found = changes.last_written(connection, "main", "contact", ["1", "2"])
        assert changes.last_written(connection, "main", "contact", []) == {}
        assert changes.last_written(connection, "main", "lead", ["1"]) == {}
    assert {r: {p: c.after for p, c in by.items()} for r, by in found.items()} == {
        "1": {"email": "2", "phone": "5"}
    }


def test_values_that_the_crm_refused_are_remembered_by_property(store: Store, contact: int) -> None:
    intend(store, contact, state="rejected", code="INVALID")
    intend(store, contact, state="written", property="phone")
    with store.read() as connection:
        assert changes.refused(connection, [contact, 999]) == {contact: {"email": "INVALID"}}


def test_writes_that_no_later_read_has_shown_are_found_until_one_does(backend: Backend) -> None:
    with backend.store.write() as connection:
        (work_id,) = add_contacts(connection, 1)
    one, two = intend(backend.store, work_id, {"property": "a"}, {"property": "b", "record_id": "2"})
    confirm(backend.store, one, two)
    backend.clock.advance(10)
    with backend.store.write() as connection:
        found = changes.unverified(connection, "main", "contact", ["1", "2", "3"])
        assert {r: [c.id for c in cs] for r, cs in found.items()} == {"1": [one], "2": [two]}
        assert changes.unverified_records(connection, "main", "contact", 11 * MILLION, 9) == []
        assert sorted(changes.unverified_records(connection, "main", "contact", 9 * MILLION, 9)) == ["1", "2"]
        assert len(changes.unverified_records(connection, "main", "contact", 9 * MILLION, 1)) == 1
        changes.verify(connection, [one])
        changes.verify(connection, [])
        assert changes.unverified(connection, "main", "contact", ["1"]) == {}
        assert changes.unverified_records(connection, "main", "contact", 9 * MILLION, 9) == ["2"]


def test_records_with_the_same_new_value_in_a_run_are_counted_once_each(store: Store, contact: int) -> None:
    intend(
        store,
        contact,
        {"record_id": "1"},
        {"record_id": "1"},
        {"record_id": "2", "state": "written"},
        {"record_id": "3", "state": "rejected"},
        {"record_id": "4", "run_id": 2},
        {"record_id": "5", "after": "another"},
    )
    with store.read() as connection:
        assert changes.same_value(connection, 1, "email", "new") == 2
        assert changes.same_value(connection, 1, "phone", "new") == 0


def test_a_runs_changes_are_counted_by_field_state_and_whether_they_replaced_a_value(
    store: Store, contact: int
) -> None:
    intend(
        store,
        contact,
        {"state": "written"},
        {"state": "written", "before": ""},
        {"state": "written", "before": "old"},
        {"state": "rejected"},
        {"state": "written", "run_id": 2},
    )
    intend(store, contact, state="written", undoes=1)
    with store.read() as connection:
        assert sorted(changes.tally(connection, 1)) == [
            ("work_email", "rejected", False, 1),
            ("work_email", "written", False, 2),
            ("work_email", "written", True, 1),
        ]


def test_changes_to_be_undone_are_chosen_newest_first_and_paged(store: Store, contact: int) -> None:
    a, b, c = intend(
        store, contact, {"property": "a"}, {"property": "b", "field": "phone"}, {"account": "second"}
    )
    confirm(store, a, b, c)
    intend(store, contact, state="written", undoes=a)
    intend(store, contact, {"state": "rejected"}, {"run_id": 2})

    def chosen(**given: Any) -> list[int]:
        asked = {
            "run_id": 1, "work_ids": None, "field": "", "account": "", "since_us": None, "until_us": None, "below": 10**9, "limit": 10, **given,
        }  # fmt: skip
        with store.read() as connection:
            return [s.id for s in changes.select_for_undo(connection, **asked)]

    assert chosen() == [c, b, a]
    assert chosen(limit=2) == [c, b]
    assert chosen(below=b) == [a]
    assert chosen(field="phone") == [b]
    assert chosen(account="second") == [c]
    assert chosen(work_ids=[contact]) == [c, b, a]
    assert chosen(work_ids=[]) == []
    assert chosen(run_id=None) == [c, b, a]
    assert chosen(run_id=7) == []


def test_changes_leave_with_their_contact(store: Store, contact: int) -> None:
    intend(store, contact)
    with store.write() as connection:
        connection.execute(t.work.delete().where(t.work.c.id == contact))
        assert connection.execute(select(t.change)).all() == []


def test_a_value_that_no_database_can_hold_stops_nothing(store: Store, contact: int) -> None:
    intend(store, contact, before="a\0b", after="c\ud800d", reason="e\0")
    (found,) = of_work(store, contact)
    assert (found.before, found.after, found.reason) == (
        "a\N{REPLACEMENT CHARACTER}b",
        "c?d",
        "e\N{REPLACEMENT CHARACTER}",
    )
    with store.read() as connection:
        assert changes.same_value(connection, 1, "email", "c\ud800d") == 1


def run(store: Store, kind: str) -> int:
    with store.write() as connection:
        return runs.start(connection, kind, "", "worker")


def unfinished(store: Store, **asked: Any) -> list[int]:
    with store.read() as connection:
        return [c.id for c in changes.unfinished(connection, "main", **asked)]


def test_only_a_persons_orders_without_an_outcome_are_unfinished(store: Store, contact: int) -> None:
    undo, accept, cycle = (run(store, kind) for kind in ("undo", "accept", "once"))
    left = intend(store, contact, {"run_id": undo, "undoes": 7}, {"run_id": accept, "undoes": None})
    intend(store, contact, {"run_id": cycle}, {"run_id": undo, "crm": "other"})
    (done,) = intend(store, contact, {"run_id": accept})
    confirm(store, done)
    assert unfinished(store) == left
    with store.read() as connection:
        assert [c.run_id for c in changes.open_of(connection, contact)] == [cycle]


def test_on_a_shared_state_a_fresh_order_is_left_to_whoever_carries_it_out(
    backend: Backend, contact: int
) -> None:
    store = backend.store
    (old,) = intend(store, contact, {"run_id": run(store, "undo"), "undoes": 1})
    backend.clock.advance(3600)
    ours = run(store, "accept")
    (fresh,) = intend(store, contact, {"run_id": ours, "state": "proposed"})
    with store.write() as connection:
        assert changes.accept(connection, fresh, ours)
        assert not changes.accept(connection, fresh, ours)
    an_hour_ago = store.now_us() - 1800 * MILLION
    assert unfinished(store, until_us=an_hour_ago) == [old]
    assert unfinished(store, until_us=an_hour_ago, run_id=ours) == [old, fresh]


def test_a_change_is_in_force_until_it_is_taken_back_or_somebody_begins_to(
    store: Store, contact: int
) -> None:
    first, second, third = ids = intend(store, contact, *({"property": f"p{n}"} for n in range(3)))
    confirm(store, *ids)
    intend(store, contact, {"property": "p1", "undoes": second})
    assert move(store, third, ("written",), "undone")
    with store.read() as connection:
        assert changes.in_force(connection, ids) == {first}
        assert changes.in_force(connection, []) == set()


def test_what_was_found_to_be_undone_counts_as_our_last_word(store: Store, contact: int) -> None:
    (wrote,) = intend(store, contact)
    confirm(store, wrote)
    move(store, wrote, ("written",), "undone")
    (found,) = intend(store, contact, {"state": "found", "undoes": wrote, "after": ""})
    with store.read() as connection:
        assert changes.last_written(connection, "main", "contact", ["1"])["1"]["email"].id == found
