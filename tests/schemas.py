"""States of released schemas as SQL, so that each release is proved to take over the state of every one before it.

`make schema RELEASE=1.2.0`, when a release is made, writes `tests/data/schemas/1.2.0.sqlite.sql` and its like of
PostgreSQL: a state after a cycle over stand-ins. They are never changed afterwards.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from sqlalchemy import select

from syncd.store.engine import Store
from syncd.store.tables import metadata
from tests.postgres import Postgres, postgres
from tests.rehearsals import ROOT, stages

FOLDER = ROOT / "tests" / "data" / "schemas"
CONTACTS = 12


def lived(folder: Path) -> Path:
    """An SQLite state of the present schema after a cycle over stand-ins; invented people only."""
    with stages(folder) as direct:
        play = direct(contacts=CONTACTS)
        play.cycle()
        return play.rehearsal.folder / "state.db"


def sqlite_dump(state: Path) -> str:
    """The state as SQL for SQLite."""
    connection = sqlite3.connect(state)
    try:
        return "\n".join(connection.iterdump()) + "\n"
    finally:
        connection.close()


def postgresql_dump(state: Path, server: Postgres, database: str) -> str:
    """The same state as SQL for PostgreSQL, by way of an empty database."""
    source, target = Store(f"sqlite:///{state}"), Store(server.url(database))
    target.open()
    with source.read() as reading, target.write() as writing:
        for table in metadata.sorted_tables:
            writing.execute(table.delete())
            rows = [dict(row) for row in reading.execute(select(table)).mappings()]
            if rows:
                writing.execute(table.insert(), rows)
    source.close()
    target.close()
    done = subprocess.run(
        [server.programs / "pg_dump", "--inserts", "--no-owner", "--no-privileges", server.url(database)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    # Orders to psql, comments and settings of the session are no part of the state.
    return "\n".join(
        line for line in done.stdout.splitlines() if line and not re.match(r"\\|--|SET |SELECT pg_catalog.set_c", line)
    )  # fmt: skip


def load_sqlite(dump: str, path: Path) -> str:
    """A state made from a dump; its URL."""
    connection = sqlite3.connect(path)
    connection.executescript(dump)
    connection.close()
    return f"sqlite:///{path}"


def load_postgresql(dump: str, url: str) -> str:
    """A state made from a dump in a database without tables; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump.encode())
    return url


def main() -> None:
    if len(sys.argv) != 2 or not re.fullmatch(r"\d+\.\d+\.\d+", sys.argv[1]):
        raise SystemExit("name the release: make schema RELEASE=1.2.0")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        state = lived(Path(folder))
        server.run("CREATE DATABASE dumped")
        for kind, dump in (
            ("sqlite", sqlite_dump(state)),
            ("postgresql", postgresql_dump(state, server, "dumped")),
        ):
            path = FOLDER / f"{sys.argv[1]}.{kind}.sql"
            if path.exists():
                raise SystemExit(f"{path} exists: the schema of a release is never written anew")
            path.write_text(dump, "utf-8")


if __name__ == "__main__":
    main()
