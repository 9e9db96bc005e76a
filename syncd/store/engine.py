"""The connection to the state: transactions, the database's clock, locks and migrations."""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import QueuePool
from sqlalchemy.sql.functions import FunctionElement

from syncd.store import tables as t

MILLION = 1_000_000


class StateUnusable(Exception):
    """The state cannot be opened. The text says what, where, and what to do."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code
        """locked, newer, unwritable, unreachable, corrupt."""


class Now(FunctionElement[int]):
    """The database's clock in microseconds, as an SQL expression.

    With SQLite the database runs in this process, so its clock is the store's.
    """

    type = BigInteger()
    inherit_cache = True
    name = "syncd_now"


@compiles(Now, "sqlite")
def _now_sqlite(element: Now, compiler: Any, **kwargs: Any) -> str:
    return "syncd_now()"


@compiles(Now, "postgresql")
def _now_postgresql(element: Now, compiler: Any, **kwargs: Any) -> str:
    return "(extract(epoch from clock_timestamp()) * 1000000)::bigint"


def wall_us() -> int:
    """The machine's clock in microseconds since the epoch."""
    return time.time_ns() // 1000


class Store:
    """One state. Every write happens in `write()`, every read in `read()` or `write()`.

    On SQLite a writer takes the write lock when it begins, so that it never has to be repeated.
    """

    def __init__(self, url: str, clock_us: Callable[[], int] = wall_us) -> None:
        self.url = make_url(url)
        self.clock_us = clock_us
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite_engine() if self.sqlite else _postgresql_engine(self.url)
        self._writer = self.engine.execution_options(syncd_write=True)
        self._lock: int | None = None
        self._turn = threading.Lock()

    def _sqlite_engine(self) -> Engine:
        engine = create_engine(
            self.url,
            connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=24,
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, record: Any) -> None:
            connection.create_function("syncd_now", 0, self.clock_us)
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=FAST",
                "cache_size=-2000",
            ):
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(engine, "begin")
        def _begun(connection: Connection) -> None:
            immediate = connection.get_execution_options().get("syncd_write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

        return engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A durable transaction: committed when the block ends, rolled back when it raises."""
        if not self.sqlite:
            with self._writer.begin() as connection:
                yield connection
            return
        # Threads of one process would wait for SQLite's lock by sleeping; this queue wakes the next at once.
        with self._turn, self._writer.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.engine.begin() as connection:
            yield connection

    def now_us(self) -> int:
        """The database's clock."""
        with self.read() as connection:
            return int(connection.scalar(select(Now())) or 0)

    def open(self, *, exclusive: bool = True, migrate: bool = True) -> None:
        """Make the state ready: directory, lock, schema.

        Raises:
            StateUnusable: with a sentence for the operator.
        """
        if self.sqlite:
            self._prepare_folder()
            if exclusive:
                self._take_lock()
        try:
            from syncd.store.schema import upgrade, verify

            upgrade(self) if migrate else verify(self)
            self._salt()
        except (OperationalError, DBAPIError) as error:
            self.close()
            raise self._unusable(error) from None
        except StateUnusable:
            self.close()
            raise

    def close(self) -> None:
        """Let go of connections and the instance lock."""
        self.engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def salt(self) -> bytes:
        """The key of this state's digests. Without it, a digest cannot be traced back to a person."""
        with self.read() as connection:
            return bytes.fromhex(
                connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "salt")) or ""
            )

    def _salt(self) -> None:
        with self.write() as connection:
            if not connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "salt")):
                connection.execute(t.meta.insert().values(key="salt", value=secrets.token_hex(32)))

    def _prepare_folder(self) -> None:
        path = self.path
        if path is None or str(path) == ":memory:":
            raise StateUnusable(
                "state.url must name a file, as in sqlite:///var/lib/syncd/syncd.db", "unwritable"
            )
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb"):
                pass
            probe = path.parent / f".{path.name}.probe"
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError as error:
            why = f"{path.parent} is not writable by this user ({error.strerror})"
            raise StateUnusable(
                f"The state {path} cannot be used: {why}. Change its owner or state.url.", "unwritable"
            ) from None

    def _take_lock(self) -> None:
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StateUnusable(
                f"{self.path}.lock cannot be opened ({error.strerror}): another user made it. Change its owner.",
                "unwritable",
            ) from None
        if not _locked(lock):
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip() or "?"
            os.close(lock)
            raise StateUnusable(
                f"Another syncd (process {holder}) holds the state {self.path}. Stop it first, or use another state.url.",
                "locked",
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    def _unusable(self, error: Exception) -> StateUnusable:
        where = self.path or self.url.render_as_string(hide_password=True)
        text_ = str(getattr(error, "orig", error)).lower()
        if "malformed" in text_ or "not a database" in text_:
            return StateUnusable(
                f"The state {where} is damaged. Restore it from a backup (see the operator guide).", "corrupt"
            )
        if "readonly" in text_ or "read-only" in text_ or "unable to open" in text_:
            return StateUnusable(
                f"The state {where} is not writable by this user. Change its owner or state.url.",
                "unwritable",
            )
        if "full" in text_:
            return StateUnusable(f"No space is left for the state {where}. Free some space.", "unwritable")
        kind = type(getattr(error, "orig", error)).__name__
        return StateUnusable(
            f"The state {where} cannot be opened ({kind}). Check state.url and the database server.",
            "unreachable",
        )


def _locked(lock: int, tries: int = 3) -> bool:
    """Whether the lock is ours now. Somebody may hold it for an instant, to see whether it is held."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.03 if left else 0)
        else:
            return True
    return False


def holder(path: Path) -> int | None:
    """The process that holds the SQLite state at this path exclusively, or None."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        text_ = os.pread(lock, 32, 0).decode(errors="replace").strip()
        return int(text_) if text_.isdigit() else None
    finally:
        os.close(lock)
    return None


def _postgresql_engine(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=24, pool_pre_ping=True
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
            cursor.execute("SET lock_timeout = '30s'")
        connection.commit()

    return engine


def serialise(connection: Connection, name: str) -> None:
    """Let one transaction at a time do what is named, until it ends. SQLite's writers are so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": f"syncd:{name}"})
