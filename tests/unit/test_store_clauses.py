"""Lists in statements: one parameter, whatever their length, and never a look at every row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Delete, Select, Update, select

from syncd.store import (
    calls,
    changes,
    jobs,
    leases,
    lists,
    lookups,
    money,
    people,
    rates,
    runs,
    transitions,
    work,
)
from syncd.store import tables as t
from syncd.store.clauses import among, one_of
from syncd.store.engine import Store

HOT: dict[str, Select | Update | Delete] = {
    "lookups.known": lookups._KNOWN,
    "lookups.of_calls": lookups._OF_CALLS,
    "lookups.lost": lookups._LOST,
    "lookups.settle": lookups._SETTLE,
    "lookups.under_way": lookups._UNDER_WAY,
    "lookups.latest": lookups._LATEST,
    "leases.due": leases._due(True, False),
    "leases.lease": leases._LEASE,
    "leases.park": leases._PARK,
    "leases.fences": leases._FENCES,
    "leases.extend": leases._EXTEND,
    "leases.finish": leases._FINISH,
    "leases.again": leases._AGAIN,
    "people.marks": people._MARKS,
    "people.drop": people._DROP_MARKS,
    "people.holders": people._HOLDERS,
    "people.siblings": people._SIBLINGS,
    "jobs.own": jobs._OWN,
    "jobs.twins": jobs._TWINS,
    "jobs.next_polls": jobs._NEXT_POLLS,
    "jobs.ask": jobs._ASK,
    "money.hold": money._HOLD_BUDGET,
    "money.calls": money._CALLS,
    "money.held": money._HELD,
    "calls.states": calls._STATES,
    "calls.pend": calls._PEND,
    "work.many": work._MANY,
    "work.wake": work._WAKE,
    "work.wake_held": work._WAKE_HELD,
    "rates.found": rates._FOUND,
    "lists.backlog": lists._backlog(False),
    "changes.last_written": changes._LAST_WRITTEN,
    "lookups.move": transitions._statement(t.lookup, "call_id", (), ()),
    "calls.move": transitions._statement(t.provider_call, "id", (), ()),
}


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(f"sqlite:///{tmp_path_factory.mktemp('plans')}/syncd.db")
    found.open()
    yield found
    found.close()


@pytest.mark.parametrize("name", HOT)
def test_no_statement_of_a_contact_looks_at_every_row(name: str, sqlite_store: Store) -> None:
    compiled = HOT[name].compile(dialect=sqlite_store.engine.dialect)
    nothing = tuple(None for _ in compiled.positiontup or ())
    with sqlite_store.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", nothing).all()
    steps = [str(row[3]) for row in plan]
    assert any(step.startswith("SEARCH") for step in steps), steps
    assert not [s for s in steps if s.startswith("SCAN") and not s.startswith("SCAN json_each")], steps


def test_rows_that_wait_are_found_by_their_ids(sqlite_store: Store) -> None:
    compiled = work._WAKE.compile(dialect=sqlite_store.engine.dialect)
    with sqlite_store.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", (0, "[]", "", "waiting")).all()
    assert "PRIMARY KEY" in plan[0][3]


def test_a_list_may_be_of_any_length(store: Store) -> None:
    with store.write() as connection:
        connection.execute(t.meta.insert(), [{"key": f"k{i}", "value": str(i)} for i in range(3)])
        query = select(t.meta.c.value).where(among(t.meta.c.key, "names")).order_by(t.meta.c.key)
        for wanted in ([], ["k1"], ["k0", "k2", 'k"\x1f'], [f"k{i}" for i in range(70_000)]):
            found = connection.scalars(query, {"names": wanted}).all()
            assert found == [name[1:] for name in ("k0", "k1", "k2") if name in wanted]


def test_numbers_are_compared_as_numbers(store: Store) -> None:
    with store.write() as connection:
        begun = [runs.start(connection, "once", "contacts", "worker") for _ in range(3)]
        query = select(t.run.c.id).where(among(t.run.c.id, "ids")).order_by(t.run.c.id)
        assert connection.scalars(query, {"ids": [begun[2], 2**62, begun[0]]}).all() == [begun[0], begun[2]]


def test_only_words_become_part_of_a_text() -> None:
    with pytest.raises(ValueError, match="only words"):
        one_of(t.work.c.state, ("ready' OR '1", "waiting"))
