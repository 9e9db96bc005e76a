"""The lookout: a state in which nothing is new is left alone, and nothing new is missed."""

from __future__ import annotations

import subprocess
import sys
from sqlite3 import OperationalError
from typing import NoReturn

import pytest

from syncd.lookout import MOST_S, Lookout
from syncd.store import runs
from syncd.store.engine import MILLION, Store
from tests.stores import Backend

sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def note(store: Store, value: str = "1") -> None:
    with store.write() as connection:
        runs.set_meta(connection, "a", value)


@pytest.fixture
def lookout(backend: Backend) -> Lookout:
    """One whose state was looked into; it named nothing."""
    made = Lookout(backend.store)
    assert made.needed()
    made.looked(None)
    return made


@sqlite
def test_a_state_in_which_nothing_is_new_needs_no_look(backend: Backend, lookout: Lookout) -> None:
    with backend.store.read() as connection:
        runs.get_meta(connection, "a")
    assert not lookout.needed()
    assert not lookout.needed()


@sqlite
def test_what_this_process_has_stored_is_noticed_once(backend: Backend, lookout: Lookout) -> None:
    note(backend.store)
    assert lookout.needed()
    lookout.looked(None)
    assert not lookout.needed()


@sqlite
def test_what_another_process_has_stored_is_noticed(backend: Backend, lookout: Lookout) -> None:
    order = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).connection.commit()"
    subprocess.run(
        [sys.executable, "-c", order, str(backend.store.path), "INSERT INTO meta VALUES ('a', '1')"],
        check=True,
    )
    assert lookout.needed()


@sqlite
def test_what_is_stored_during_a_look_is_noticed_after_it(backend: Backend, lookout: Lookout) -> None:
    note(backend.store)
    assert lookout.needed()
    note(backend.store, "2")
    lookout.looked(None)
    assert lookout.needed()


@sqlite
def test_a_look_that_failed_is_taken_again(backend: Backend, lookout: Lookout) -> None:
    note(backend.store)
    assert lookout.needed()
    assert lookout.needed()


@sqlite
@pytest.mark.parametrize(("named_us", "after_s"), [(7 * MILLION, 7.0), (None, MOST_S), (10**15, MOST_S)])
def test_the_next_look_is_due_when_the_last_one_said_or_after_a_minute(
    backend: Backend, lookout: Lookout, named_us: int | None, after_s: float
) -> None:
    lookout.looked(named_us)
    backend.clock.advance(after_s - 0.001)
    assert not lookout.needed()
    backend.clock.advance(0.001)
    assert lookout.needed()


@sqlite
@pytest.mark.parametrize("named_us", [0, -5])
def test_while_something_is_due_every_look_is_needed(lookout: Lookout, named_us: int) -> None:
    lookout.looked(named_us)
    assert lookout.needed()
    lookout.looked(named_us)
    assert lookout.needed()


class Failing:
    """A connection whose file cannot be read."""

    def cursor(self) -> NoReturn:
        raise OperationalError("disk I/O error")

    def close(self) -> None:
        """Nothing is held."""


@sqlite
def test_a_state_that_cannot_be_asked_is_looked_into_until_it_can(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookout = Lookout(backend.store)
    with monkeypatch.context() as broken:
        broken.setattr(backend.store.engine, "raw_connection", Failing)
        for _ in range(3):
            assert lookout.needed()
            lookout.looked(None)
    assert lookout.needed()
    lookout.looked(None)
    assert not lookout.needed()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_state_on_a_server_is_always_looked_into(lookout: Lookout) -> None:
    assert lookout.needed()


@sqlite
def test_a_clock_that_is_set_back_puts_no_look_off(backend: Backend) -> None:
    passed = [0.0]
    lookout = Lookout(backend.store, lambda: passed[0])
    assert lookout.needed()
    lookout.looked(None)
    backend.clock.advance(-86_400)
    assert not lookout.needed()
    passed[0] = MOST_S
    assert lookout.needed()
