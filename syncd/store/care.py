"""Care for the state: a copy of it while it is in use, and a look at whether it is whole."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, or_, select, text
from sqlalchemy.exc import DatabaseError

from syncd.store import tables as t
from syncd.store.engine import Store

TOLD_MOST = 20
_SUMS = ("reserved", "spent", "unknown")


class NotCopied(Exception):
    """The copy could not be made. The text is a sentence for the operator."""


def backup(store: Store, target: Path) -> int:
    """Copy an SQLite state as of this moment into one file that only its owner reads; its size in bytes.

    Writers go on meanwhile. The file appears under its name when it is whole and on the disk.

    Raises:
        NotCopied: the target cannot be written, or is the state itself.
    """
    if store.path is not None and target.resolve() == store.path.resolve():
        raise NotCopied("the backup would replace the state itself; name another file")
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _copy(store, partial)
            os.replace(partial, target)
            _settle(target.parent)
        finally:
            partial.unlink(missing_ok=True)
        return target.stat().st_size
    except (OSError, sqlite3.Error) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise NotCopied(f"{target} cannot be written ({why})") from None


def _copy(store: Store, path: Path) -> None:
    with closing(store.engine.raw_connection()) as ours, closing(sqlite3.connect(path)) as theirs:
        source = ours.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise NotCopied("only an SQLite state is copied this way")
        source.backup(theirs)
        # One file that needs no journal beside it.
        theirs.execute("PRAGMA journal_mode=DELETE")
    _settle(path)


def _settle(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def faults(store: Store) -> list[str]:
    """Everything that is wrong with the state, one sentence each; empty where it is whole."""
    found: list[str] = []
    try:
        with store.read() as connection:
            for part in (_storage, _references, _books, _calls, _trail):
                found += list(part(connection))[:TOLD_MOST]
    except DatabaseError as error:
        found.append(f"the state cannot be read to its end ({type(error.orig).__name__})")
    return found


def _storage(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for (line,) in connection.execute(text(f"PRAGMA integrity_check({TOLD_MOST})")):
            if line != "ok":
                yield f"the file is damaged: {line}"


def _references(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
            yield f"row {row} of {table} refers to a row of {parent} that is not there"


def _books(connection: Connection) -> Iterator[str]:
    """Each budget holds what the ledger says about its period."""
    columns = {"run": t.ledger.c.run_id, "day": t.ledger.c.day, "month": t.ledger.c.month}
    sums: dict[tuple[str, str, str, str], tuple[int, ...]] = {}
    for scope, column in columns.items():
        totals = [func.sum(t.ledger.c[name]) for name in _SUMS]
        rows = connection.execute(
            select(t.ledger.c.account, t.ledger.c.kind, column, *totals).group_by(
                t.ledger.c.account, t.ledger.c.kind, column
            )
        )
        sums |= {(r[0], r[1], scope, str(r[2])): tuple(int(n) for n in r[3:]) for r in rows}
    for row in connection.execute(select(t.budget)):
        booked = sums.get((row.account, row.kind, row.scope, row.period), (0, 0, 0))
        held = tuple(getattr(row, name) for name in _SUMS)
        if held != booked:
            yield (
                f"the budget of {row.account} {row.kind} per {row.scope} {row.period} disagrees with the ledger: "
                f"{_named(held)} instead of {_named(booked)} millionths of a credit"
            )


def _named(amounts: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} {amount}" for name, amount in zip(_SUMS, amounts, strict=True))


def _calls(connection: Connection) -> Iterator[str]:
    """Only a call that is under way reserves, and only one that is or was lost is unknown."""
    reserved, unknown = func.sum(t.ledger.c.reserved), func.sum(t.ledger.c.unknown)
    rows = connection.execute(
        select(t.provider_call.c.id, t.provider_call.c.state, reserved, unknown)
        .join(t.ledger, t.ledger.c.call_id == t.provider_call.c.id)
        .group_by(t.provider_call.c.id, t.provider_call.c.state, t.ledger.c.kind)
        .having(
            or_(
                (reserved != 0) & t.provider_call.c.state.not_in(("sent", "pending")),
                (unknown != 0) & t.provider_call.c.state.not_in(("unknown", "pending")),
            )
        )
        .limit(TOLD_MOST)
    )
    for call, state, held, lost in rows:
        yield f"call {call} is {state} and still holds {int(held)} reserved and {int(lost)} unknown"


def _trail(connection: Connection) -> Iterator[str]:
    """Each value that was written has its event in the audit trail."""
    confirmed = select(t.audit.c.change_id).where(
        t.audit.c.action.in_(("write.confirmed", "undo.confirmed")), t.audit.c.change_id.is_not(None)
    )
    missing = connection.scalar(
        select(func.count()).where(
            t.change.c.state.in_(("written", "undone")), t.change.c.id.not_in(confirmed)
        )
    )
    if missing:
        yield f"{missing} written values have no confirmation in the audit trail"
