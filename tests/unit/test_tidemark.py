"""Whether a state is the one that was left: told by a file beside it, or by the table that it lives in."""

from __future__ import annotations

import shutil
from pathlib import Path

from syncd.store import tidemark
from syncd.store.engine import Store
from tests.books import EMAIL, Worker, booked, caps
from tests.stores import Backends


def bought(store: Store, *keys: str) -> None:
    worker = Worker(store, caps(email={"per_month": 100}))
    worker.told(email=50)
    for key in keys:
        tidemark.advance(store, booked(worker.book(EMAIL, key)).ticket.call_id)


def test_a_copy_that_knows_fewer_calls_is_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    store = Store(f"sqlite:///{path}")
    store.open()
    assert tidemark.older(store) == ""
    bought(store, "a")
    store.close()
    shutil.copy(path, tmp_path / "backup.db")
    store.open()
    assert tidemark.older(store) == ""
    bought(store, "b")
    assert tidemark.older(store) == ""
    store.close()
    shutil.copy(tmp_path / "backup.db", path)
    store.open()
    assert tidemark.older(store) == "The state is an older copy: it knows 1 calls, and 2 were made"
    bought(store, "c", "d")
    assert tidemark.older(store) != "", "once found it stays found"
    tidemark.accept(store)
    assert tidemark.older(store) == ""
    assert (tidemark.read(path) or ("", 0))[1] == 3
    store.close()


def test_the_mark_is_ahead_of_the_first_byte_and_never_goes_back(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'syncd.db'}")
    store.open()
    for calls, noted in ((5, 5), (3, 5), (6, 6)):
        tidemark.advance(store, calls)
        assert (tidemark.read(tmp_path / "syncd.db") or ("", 0))[1] == noted
    store.close()


def test_a_dump_that_is_read_back_into_postgresql_lives_in_another_table(backends: Backends) -> None:
    url = backends.blank()
    store = Store(url)
    store.open()
    assert tidemark.older(store) == ""
    assert tidemark.older(store) == ""
    store.close()
    name, copy = str(store.url.database), f"{store.url.database}_copy"
    backends.server().run(f"CREATE DATABASE {copy} TEMPLATE {name}")
    other = Store(url.replace(f"/{name}", f"/{copy}"))
    other.open()
    assert tidemark.older(other) == "The state was restored from a dump, or copied"
    tidemark.accept(other)
    assert tidemark.older(other) == ""
    other.close()
