"""The connection to the state: one writer, one view, one clock."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from syncd.store import runs, work
from syncd.store import tables as t
from syncd.store.engine import LOCK_WAIT_S, STALL_S, Now, Store
from tests.stores import START_US, Backend, Backends


def test_the_databases_clock_is_in_microseconds_and_the_same_for_expressions_and_callers(
    backend: Backend,
) -> None:
    with backend.store.read() as connection:
        assert connection.scalar(select(Now())) == START_US
        assert connection.scalar(select(Now() + 7)) == START_US + 7
        assert work.now_us(connection) == START_US
    backend.clock.advance(1.5)
    assert backend.store.now_us() == START_US + 1_500_000


def test_all_rows_of_a_statement_bear_one_instant_and_those_of_the_next_a_later_one(tmp_path: Path) -> None:
    ticks = itertools.count(START_US)
    store = Store(f"sqlite:///{tmp_path}/s.db", lambda: next(ticks))
    store.open()
    audit = t.audit.c
    made = t.audit.insert().values(at=Now(), actor="test")
    copied = t.audit.insert().from_select(
        ["at", "actor", "action"], select(Now(), audit.actor, audit.action).where(audit.action == "made")
    )
    with store.write() as connection:
        connection.execute(made, [{"action": "made"}] * 3)
        connection.execute(copied)
        connection.execute(copied)
        instants = list(connection.scalars(select(audit.at).order_by(audit.seq)))
    store.close()
    written, first, second = instants[:3], set(instants[3:6]), set(instants[6:])
    assert (len(first), len(second)) == (1, 1)
    assert max(written) < max(first) < max(second)


def test_the_servers_own_clock_is_the_wall_clock(backends: Backends) -> None:
    import time

    store = Store(backends.blank())
    try:
        assert abs(store.now_us() - time.time_ns() // 1000) < 60_000_000
    finally:
        store.close()


def test_a_block_that_raises_leaves_nothing_behind(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            runs.set_meta(connection, "a", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as connection:
        assert runs.get_meta(connection, "a") is None


def test_after_a_block_that_raised_others_go_on_as_if_nothing_had_been(backend: Backend) -> None:
    def fail() -> None:
        with backend.store.write() as connection:
            runs.set_meta(connection, "a", "1")
            connection.execute(text("SELECT * FROM nowhere"))

    with pytest.raises(DBAPIError):
        fail()
    with backend.store.write() as connection:
        runs.set_meta(connection, "b", "2")
    backend.store.disconnect()
    with backend.store.write() as connection:
        assert (runs.get_meta(connection, "a"), runs.get_meta(connection, "b")) == (None, "2")


def test_a_reader_sees_one_moment_while_others_write(backend: Backend) -> None:
    other = backend.open()
    with backend.store.read() as connection:
        assert runs.get_meta(connection, "a") is None
        with other.write() as writing:
            runs.set_meta(writing, "a", "1")
        assert runs.get_meta(connection, "a") is None
    with backend.store.read() as connection:
        assert runs.get_meta(connection, "a") == "1"


def test_a_second_writer_waits_until_the_first_has_committed(backend: Backend) -> None:
    """Read, think, write in one transaction: no other worker's write can come between."""
    workers = [backend.store, backend.open(), backend.open()]
    together = threading.Barrier(len(workers))

    def count_up(store: Store) -> None:
        together.wait()
        for _ in range(15):
            with store.write() as connection:
                held = int(runs.get_meta(connection, "n") or 0)
                runs.set_meta(connection, "n", str(held + 1))

    threads = [threading.Thread(target=count_up, args=(w,)) for w in workers for _ in range(1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with backend.store.read() as connection:
        assert runs.get_meta(connection, "n") == "45"


def test_threads_of_one_process_take_turns_too(store: Store) -> None:
    def count_up() -> None:
        for _ in range(10):
            with store.write() as connection:
                held = int(runs.get_meta(connection, "n") or 0)
                runs.set_meta(connection, "n", str(held + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as connection:
        assert runs.get_meta(connection, "n") == "40"


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_postgresql_refuses_a_write_inside_a_view(backend: Backend) -> None:
    with pytest.raises(DBAPIError), backend.store.read() as connection:
        runs.set_meta(connection, "a", "1")


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_postgresql_ends_a_stalled_transaction_before_the_others_give_up(backend: Backend) -> None:
    with backend.store.read() as connection:
        stall = connection.scalar(text("SHOW idle_in_transaction_session_timeout"))
        wait = connection.scalar(text("SHOW lock_timeout"))
        durable = connection.scalar(text("SHOW synchronous_commit"))
    assert (stall, wait, durable) == (f"{STALL_S}s", f"{LOCK_WAIT_S}s", "on")
    assert STALL_S < LOCK_WAIT_S


def test_a_state_on_sqlite_needs_nothing_of_postgresqls(tmp_path: Path) -> None:
    opened = (
        "import sys; from syncd.store.engine import Store; from syncd.store import work; Store(sys.argv[1])"
    )
    named = "print(*[m for m in sys.modules if 'postgres' in m or 'psycopg' in m])"
    said = subprocess.run(
        [sys.executable, "-c", f"{opened}; {named}", f"sqlite:///{tmp_path / 'syncd.db'}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == ""


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_sqlite_commits_are_durable_and_readers_do_not_wait(backend: Backend) -> None:
    with backend.store.read() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_the_salt_is_made_once_and_is_another_in_every_state(backend: Backend, backends: Backends) -> None:
    again = backend.open()
    assert again.salt() == backend.store.salt()
    assert len(again.salt()) == 32
    fresh = Store(backends.blank())
    fresh.open()
    try:
        assert fresh.salt() != again.salt()
    finally:
        fresh.close()


def test_a_state_begins_empty(store: Store) -> None:
    with store.read() as connection:
        assert connection.scalar(select(func.count()).select_from(t.work)) == 0


def test_no_error_of_the_database_tells_what_was_to_be_stored(store: Store) -> None:
    with pytest.raises(DBAPIError) as failed, store.write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:held)"), {"held": "ada@example.com"})
    assert "ada@example.com" not in str(failed.value)
