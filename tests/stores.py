"""Stores for tests: the same state on SQLite and on PostgreSQL, with a clock that only moves when told."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

from syncd.store.engine import MILLION, Store
from syncd.store.tables import metadata
from tests.postgres import Postgres, postgres

START_US = 1_773_144_000 * MILLION
"""2026-03-10 12:00 UTC: what a new state's clock shows."""
KINDS = ("sqlite", "postgresql")


class Clock(Protocol):
    """The database's clock, standing still."""

    @property
    def now_us(self) -> int:
        """What it shows."""

    def advance(self, seconds: float) -> None:
        """Move it, back if negative."""


@dataclass
class Backend:
    """A state of its own. `store` is open; further openings stand for other workers of a fleet."""

    kind: str
    url: str
    clock: Clock
    _opened: list[Store] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self._opened[0] if self._opened else self.open()

    def open(self) -> Store:
        """Another worker's store on the same state."""
        store = Store(self.url, clock_us=lambda: self.clock.now_us)
        store.open(exclusive=False)
        self._opened.append(store)
        return store

    def close(self) -> None:
        for store in self._opened:
            store.close()


@dataclass
class StandingClock:
    """SQLite runs in this process, so its clock is a number of ours."""

    now_us: int = START_US

    def advance(self, seconds: float) -> None:
        self.now_us += round(seconds * MILLION)


@dataclass
class ServerClock:
    """PostgreSQL's clock, shadowed in one database by a function that reads a table."""

    server: Postgres
    database: str
    now_us: int = START_US

    def advance(self, seconds: float) -> None:
        self.now_us += round(seconds * MILLION)
        self.server.run(f"UPDATE test.clock SET us = {self.now_us}", database=self.database)


_SHADOW = (
    "CREATE SCHEMA test",
    f"CREATE TABLE test.clock AS SELECT {START_US}::bigint AS us",
    "CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql "
    "AS 'SELECT pg_catalog.to_timestamp(us / 1000000.0) FROM test.clock'",
)
_EMPTY = "".join(
    [
        "SET session_replication_role = replica; ",
        *(f"DELETE FROM {name}; " for name in metadata.tables if name != "meta"),
        "DELETE FROM meta WHERE key <> 'salt'; ",
        *(
            f"ALTER SEQUENCE {table.name}_{column.name}_seq RESTART; "
            for table in metadata.tables.values()
            for column in table.primary_key
            if column is table.autoincrement_column
        ),
        f"UPDATE test.clock SET us = {START_US}",
    ]
)


class Backends:
    """Makes states, each a copy of one that was migrated once. The server starts with the first that needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._server: Postgres | None = None
        self._empty: Path | None = None
        self._numbers = count()
        self._free: list[str] = []

    def close(self) -> None:
        self._stack.close()

    def server(self) -> Postgres:
        """The server of this test process."""
        if self._server is None:
            self._server = self._stack.enter_context(postgres())
            self._server.run("CREATE DATABASE empty")
            self._server.run(*_SHADOW, database="empty")
            template = Store(self.shadowed_url("empty"))
            template.open()
            template.close()
        return self._server

    def shadowed_url(self, database: str) -> str:
        """A database in which `public` hides the functions of the system."""
        server = self.server() if self._server is None else self._server
        return f"{server.url(database)}&options=-csearch_path%3Dpublic%2Cpg_catalog"

    def make(self, kind: str) -> Iterator[Backend]:
        """One state, closed at the end."""
        backend = self._postgresql() if kind == "postgresql" else self._sqlite()
        try:
            yield backend
        finally:
            backend.close()
        # Emptying a database takes a tenth of the time of making another one.
        if isinstance(backend.clock, ServerClock):
            self.server().run(_EMPTY, database=backend.clock.database)
            self._free.append(backend.clock.database)

    def blank(self) -> str:
        """The URL of a PostgreSQL database without tables, and with the server's own clock."""
        name = f"blank{next(self._numbers)}"
        self.server().run(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.server().url(name)

    def _sqlite(self) -> Backend:
        if self._empty is None:
            self._empty = self._folder / "empty.db"
            store = Store(f"sqlite:///{self._empty}")
            store.open()
            store.close()
        folder = self._folder / f"state{next(self._numbers)}"
        folder.mkdir()
        shutil.copy(self._empty, folder / "syncd.db")
        return Backend("sqlite", f"sqlite:///{folder / 'syncd.db'}", StandingClock())

    def _postgresql(self) -> Backend:
        if not self._free:
            self._free.append(f"state{next(self._numbers)}")
            self.server().run(f"CREATE DATABASE {self._free[0]} TEMPLATE empty")
        name = self._free.pop()
        return Backend("postgresql", self.shadowed_url(name), ServerClock(self.server(), name))
