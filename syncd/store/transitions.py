"""Conditional transitions of a row's state. Each statement is built once: building it costs more than it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import BigInteger, Connection, Table, Update, bindparam, update

from syncd.store.clauses import among
from syncd.store.engine import Now


def move(
    connection: Connection,
    table: Table,
    by: str,
    ids: Sequence[int],
    before: Sequence[str],
    after: str,
    values: Mapping[str, object],
    later: Mapping[str, int] | None = None,
) -> int:
    """Move the rows whose column `by` is one of `ids`, where they are in one of the states `before`; how many.

    `later` are instants, in microseconds from now.
    """
    instants = later or {}
    statement = _statement(table, by, tuple(sorted(values)), tuple(sorted(instants)))
    given: dict[str, object] = {"b_ids": list(ids), "b_before": list(before), "b_after": after}
    given |= {f"v_{name}": value for name, value in (*values.items(), *instants.items())}
    return int(connection.execute(statement, given).rowcount)


@lru_cache(64)
def _statement(table: Table, by: str, names: tuple[str, ...], instants: tuple[str, ...]) -> Update:
    columns = table.c
    given: dict[str, object] = {name: bindparam(f"v_{name}", type_=columns[name].type) for name in names}
    given |= {name: Now() + bindparam(f"v_{name}", type_=BigInteger) for name in instants}
    return (
        update(table)
        .where(among(columns[by], "b_ids"))
        .where(among(columns.state, "b_before"))
        .values(state=bindparam("b_after"), **given)
    )
