"""Salesforce's rows as contacts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from connectors.salesforce.ids import long_id
from connectors.salesforce.metadata import Described
from connectors.salesforce.shape import Record, instant, record, scalar, stamp, text
from connectors.salesforce.soql import STAMP
from syncd.connector import Failure, FailureKind
from syncd.model import Contact, Scalar

_NUMBERS = frozenset({"int", "double", "currency", "percent"})


def contact(row: Record, properties: Iterable[str] | None) -> Contact:
    """A row with the properties that were selected; `properties` None leaves them to a read."""
    moment = stamped(row)
    survivor = _survivor(row)
    gone = row.get("IsDeleted") is True or row.get("IsConverted") is True
    values = None if gone or properties is None else {name: value(row, name) for name in properties}
    return Contact(
        id=row_id(row),
        version=None if moment is None else stamp(moment),
        updated_at=moment,
        fields=values,
        gone=gone,
        merged_into=survivor if gone else None,
    )


def _survivor(row: Record) -> str | None:
    return long_id(text(row.get("MasterRecordId")) or text(row.get("ConvertedContactId"))) or None


def row_id(row: Record) -> str:
    """The row's id, of 18 characters.

    Raises:
        Failure: of kind contract, where it has none.
    """
    found = long_id(text(row.get("Id")))
    if not found:
        raise Failure(FailureKind.CONTRACT, "a row has no id")
    return found


def stamped(row: Record) -> datetime | None:
    return instant(row.get(STAMP))


def value(row: Record, name: str) -> Scalar:
    """A field, or one of the account as `Account.Name`; None where the record has no account."""
    held: object = row
    for part in name.split("."):
        held = record(held).get(part)
    return scalar(held)


def rows_of_csv(body: bytes, described: Described) -> Iterator[Record]:
    """A bulk result's rows as a query would answer them: types, nested accounts, one spelling of instants."""
    try:
        content = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Failure(FailureKind.CONTRACT, "the bulk result is not UTF-8") from None
    for line in csv.DictReader(io.StringIO(content, newline="")):
        yield _nested(line, described)


def _nested(line: Mapping[str, str | None], described: Described) -> Record:
    row: dict[str, object] = {}
    parents: dict[str, dict[str, object]] = {}
    for name, written in line.items():
        info = described.fields.get(name)
        held = _typed(written or "", info.type if info else "")
        parent, dot, child = name.partition(".")
        if dot:
            parents.setdefault(parent, {})[child] = held
        else:
            row[name] = held
    return {**row, **parents}


def _typed(written: str, kind: str) -> object:
    if not written:
        return None
    if kind == "boolean":
        return written.casefold() == "true"
    if kind in _NUMBERS:
        try:
            return int(written) if kind == "int" else float(written)
        except ValueError:
            return written
    if kind == "datetime" and (moment := instant(written)) is not None:
        return stamp(moment)
    return written
