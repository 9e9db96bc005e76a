"""Conditions on one of several values, in SQL text that does not change with their number.

SQLAlchemy's own writes a list out anew at each execution, and the database parses each length anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    Text,
    TypeDecorator,
    bindparam,
    func,
    literal_column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


class _Listed(TypeDecorator[Sequence[Any]]):
    """One parameter that holds many values: a JSON text for SQLite, an array for PostgreSQL."""

    impl = Text
    cache_ok = True

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(BigInteger() if self.whole else Text()))

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        given = list(value or ())
        return orjson.dumps(given).decode() if dialect.name == "sqlite" else given


class _Among(FunctionElement[bool]):
    type = Boolean()
    inherit_cache = True
    name = "syncd_among"

    def self_group(self, against: Any = None) -> _Among:
        """As it is: compared with 1, as SQLAlchemy would for SQLite, it could not be looked up in an index."""
        return self


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **kwargs: Any) -> str:
    column, values = element.clauses
    # Both parts are compiled expressions: the values travel in one parameter.
    listed = f"json_each({compiler.process(values, **kwargs)})"
    return f"{compiler.process(column, **kwargs)} IN (SELECT value FROM {listed})"  # noqa: S608


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **kwargs: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **kwargs)} = ANY ({compiler.process(values, **kwargs)})"


def among(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether the column holds one of the values of the parameter `name`, a list; False for an empty one."""
    return _Among(column, bindparam(name, type_=_Listed(isinstance(column.type, Integer))))


def aside(column: ColumnElement[str]) -> ColumnElement[str]:
    """The column where it only sorts out what is found by another one: SQLite would rather go by its index."""
    return func.coalesce(column, "")


def one_of(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether the column holds one of these words of the schema, which become part of the text."""
    if not all(value.isidentifier() for value in values):
        raise ValueError("only words can be part of a statement's text")
    return column.in_([literal_column(f"'{value}'") for value in values])
