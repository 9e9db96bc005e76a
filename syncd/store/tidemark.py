"""How far a state had come: whether the one that is opened is the one that was left, or an older copy of it.

A number in a file beside an SQLite state is ahead of the state once a copy was put in its place. A PostgreSQL
state remembers which table it lives in: a dump that is read back lives in another one.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection, text

from syncd.store import figures, runs
from syncd.store.engine import Store

PLACE, HELD = "place", "restored"
_WIDTH = 64
_TABLE = text(
    "SELECT d.oid::text || ':' || to_regclass('ledger')::oid::text FROM pg_database d "
    "WHERE d.datname = current_database()"
)


def older(store: Store) -> str:
    """Why the state is taken for an older copy, as the beginning of a sentence; "" where it is not.

    A state that is met for the first time is remembered. What was found once stays found until `accept`.
    """
    with store.read() as connection:
        held = runs.get_meta(connection, HELD)
        here, calls, known = (
            _place(connection),
            figures.last_call(connection),
            runs.get_meta(connection, PLACE),
        )
    if held:
        return held
    if store.path is None:
        why = "" if known in (None, here) else "The state was restored from a dump, or copied"
        if not why and known is None:
            _remember(store, PLACE, here)
    else:
        why = _compared(_mark(store.path), _identity(store), calls, read(store.path))
        if not why:
            advance(store, calls)
    if why:
        _remember(store, HELD, why)
    return why


def _compared(mark: Path, identity: str, calls: int, found: tuple[str, int] | None) -> str:
    if found is None or not found[1]:
        return ""
    if found[0] != identity:
        return f"Another state lies in the place of the one that {mark.name} speaks of"
    if found[1] > calls:
        return f"The state is an older copy: it knows {calls:,} calls, and {found[1]:,} were made"
    return ""


def accept(store: Store) -> None:
    """Go on from the state as it is."""
    with store.write() as connection:
        runs.drop_meta(connection, HELD)
        runs.set_meta(connection, PLACE, _place(connection))
        calls = figures.last_call(connection)
    if store.path is not None:
        _write(store.path, _identity(store), calls)


def advance(store: Store, calls: int) -> None:
    """Note beside an SQLite state that so many calls are booked; before the first byte of any of them leaves.

    It is not forced to the disk: a copy is put in place by people, long after the system wrote this out.
    """
    if store.path is not None and (read(store.path) or ("", -1))[1] < calls:
        _write(store.path, _identity(store), calls)


def read(path: Path) -> tuple[str, int] | None:
    """The identity and the number that are noted beside a state; None where nothing sensible is."""
    try:
        name, _, number = _mark(path).read_text("ascii").strip().partition(" ")
    except (OSError, UnicodeDecodeError):
        return None
    return (name, int(number)) if number.isdecimal() else None


def _write(path: Path, identity: str, calls: int) -> None:
    # At once and in place: half of it is never read.
    handle = os.open(_mark(path), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, f"{identity} {calls}".ljust(_WIDTH - 1).encode() + b"\n", 0)
    finally:
        os.close(handle)


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.mark")


def _identity(store: Store) -> str:
    return blake2b(b"state", key=store.salt(), digest_size=8).hexdigest()


def _place(connection: Connection) -> str:
    if connection.dialect.name != "postgresql":
        return ""
    return str(connection.scalar(_TABLE) or "")


def _remember(store: Store, key: str, value: str) -> None:
    with store.write() as connection:
        runs.set_meta(connection, key, value)
