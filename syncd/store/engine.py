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
from sqlite3 import Error as SqliteError
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, make_url, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import PoolProxiedConnection, QueuePool
from sqlalchemy.sql.functions import FunctionElement

from syncd.store import tables as t
from syncd.store.trouble import StateUnusable, absent, unusable

__all__ = ["LOCK_WAIT_S", "MILLION", "STALL_S", "Now", "StateUnusable", "Store", "wall_us"]
MILLION = 1_000_000


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
    # Of the statement, not of its transaction, which may have waited for its turn; the same for all its rows.
    return "(extract(epoch from statement_timestamp()) * 1000000)::bigint"


def wall_us() -> int:
    """The machine's clock in microseconds since the epoch."""
    return time.time_ns() // 1000


_ONE_WRITER = text("SELECT pg_advisory_xact_lock(7957706883)")
"""One number for every process that shares the state; the lock ends with the transaction."""
STALL_S, LOCK_WAIT_S = 20, 30


class Store:
    """One state. Every write happens in `write()`, every read in `read()` or `write()`.

    There is one writer at a time, across threads and processes, on both databases: a transaction that
    writes begins with the write lock. So nothing that it has read changes before it commits, no two of
    them can wait for each other, and none has to be repeated. Transactions hold no I/O and are short;
    on PostgreSQL one that stalls for `STALL_S` (its process is frozen, its host is gone) is ended by the
    server, before those that wait for it give up after `LOCK_WAIT_S`.
    """

    def __init__(self, url: str, clock_us: Callable[[], int] = wall_us) -> None:
        self.url = make_url(url)
        self.clock_us = clock_us
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = self._sqlite_engine() if self.sqlite else _postgresql_engine(self.url)
        # Without it each statement of a PostgreSQL transaction would see another state.
        snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = self.engine if self.sqlite else self.engine.execution_options(**snapshot)
        self._lock: int | None = None
        self._turn = threading.Lock()
        self._salt_read = b""
        self._watch: PoolProxiedConnection | None = None
        self._writer: Connection | None = None

    def _sqlite_engine(self) -> Engine:
        engine = create_engine(
            self.url,
            connect_args={"timeout": 30, "check_same_thread": False, "isolation_level": None},
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=24,
            pool_use_lifo=True,
            hide_parameters=True,
        )

        @event.listens_for(engine, "connect")
        def _connected(connection: Any, record: Any) -> None:
            # To SQLite a function that is the same for all rows of a statement, which it then asks once.
            connection.create_function("syncd_now", 0, self.clock_us, deterministic=True)
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=FAST",
                # A reader's is good for one look: whoever writes next, makes it void.
                "cache_size=-300",
                "temp_store=MEMORY",
            ):
                connection.execute(f"PRAGMA {pragma}")

        return engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A durable transaction: committed when the block ends, rolled back when it raises."""
        # Threads of one process would poll for SQLite's lock, and each hold a connection of PostgreSQL's
        # while waiting; this queue wakes the next at once.
        with self._turn:
            if not self.sqlite:
                with self.engine.begin() as connection:
                    connection.execute(_ONE_WRITER)
                    yield connection
                return
            # What SQLite has in memory of a state is good until somebody else writes: so nobody else does.
            self._writer = self._writer or self._new_writer()
            try:
                with self._writer.begin():
                    self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                    yield self._writer
            except BaseException:
                self._end_writer()
                raise

    def _new_writer(self) -> Connection:
        writer = self.engine.connect()
        writer.connection.cursor().execute("PRAGMA cache_size=-2000")
        return writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view."""
        with self._reader.begin() as connection:
            if self.sqlite:
                # Python's driver begins none by itself, and a listener for it would be asked at every statement.
                connection.exec_driver_sql("BEGIN")
            yield connection

    def now_us(self) -> int:
        """The database's clock."""
        with self.read() as connection:
            return int(connection.scalar(select(Now())) or 0)

    def version(self) -> int | None:
        """A number that is another one after any commit; None where nobody can tell it cheaply, as on a server.

        One thread alone may ask.
        """
        if not self.sqlite:
            return None
        # SQLite tells a connection of the commits of all others, so this one is kept, and never writes.
        self._watch = self._watch or self.engine.raw_connection()
        try:
            cursor = self._watch.cursor()
            cursor.execute("PRAGMA data_version")
            return int(cursor.fetchall()[0][0])
        except SqliteError:
            self._end_watch()
            return None

    def _end_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def open(self, *, exclusive: bool = True, migrate: bool = True) -> None:
        """Make the state ready: directory, lock, schema. Without `migrate` it has to be there already.

        `exclusive` refuses a SQLite state that another process holds so; a PostgreSQL one is made to be
        shared.

        Raises:
            StateUnusable: with a sentence for the operator.
        """
        from syncd.store.schema import upgrade, verify

        if self.path is not None:
            self._prepare_folder(self.path, create=migrate)
            if exclusive:
                self._take_lock()
        try:
            if migrate:
                upgrade(self)
                self._salt()
            else:
                verify(self)
        except DBAPIError as error:
            self.close()
            raise unusable(self.where, error) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of connections and the instance lock."""
        self.disconnect()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def keep_time_by(self, clock_us: Callable[[], int]) -> None:
        """Take SQLite's clock from somewhere else, from the next transaction on."""
        self.clock_us = clock_us
        self.disconnect()

    def disconnect(self) -> None:
        """Let go of connections, for good or until the next transaction. A write under way ends first."""
        self._end_watch()
        with self._turn:
            self._end_writer()
        self.engine.dispose()

    @property
    def where(self) -> str:
        """The state's place as it may be shown: no password."""
        return str(self.path or self.url.render_as_string(hide_password=True))

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None."""
        return Path(self.url.database) if self.sqlite and self.url.database else None

    def salt(self) -> bytes:
        """The key of this state's digests. Without it, a digest cannot be traced back to a person."""
        if not self._salt_read:
            with self.read() as connection:
                found = connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "salt"))
            self._salt_read = bytes.fromhex(found or "")
        return self._salt_read

    def _salt(self) -> None:
        with self.write() as connection:
            if not connection.scalar(select(t.meta.c.value).where(t.meta.c.key == "salt")):
                connection.execute(t.meta.insert().values(key="salt", value=secrets.token_hex(32)))

    def _prepare_folder(self, path: Path, create: bool) -> None:
        if str(path) == ":memory:":
            raise StateUnusable(
                "state.url must name a file, as in sqlite:///var/lib/syncd/syncd.db", "unwritable"
            )
        if not create and not path.exists():
            raise absent(self.where)
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
        url.set(drivername="postgresql+psycopg"),
        pool_size=8,
        max_overflow=24,
        pool_pre_ping=True,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET synchronous_commit = on; SET lock_timeout = '{LOCK_WAIT_S}s'; "
                f"SET idle_in_transaction_session_timeout = '{STALL_S}s'"
            )
        connection.commit()

    return engine
