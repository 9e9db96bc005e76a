"""Narrowing of decoded JSON: what is not of the expected shape reads as absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, TypeGuard

from syncd.connector import Answer, Failure, FailureKind
from syncd.model import Scalar

Record: TypeAlias = Mapping[str, object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def document(answer: Answer) -> Record:
    """The body as a JSON object.

    Raises:
        Failure: of kind contract, where it is anything else.
    """
    body = answer.json()
    if not isinstance(body, dict):
        raise Failure(FailureKind.CONTRACT, "the answer is not a JSON object", status=answer.status)
    return body


def record(value: object) -> Record:
    """The JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Record]:
    """The JSON objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def results(body: Record) -> list[Record]:
    """The records of a list, search or batch answer.

    Raises:
        Failure: of kind contract, where the answer has no list of results, or one that holds anything but
            records: one that is passed over would be lost.
    """
    found = body.get("results")
    if not isinstance(found, list):
        raise Failure(FailureKind.CONTRACT, "the answer has no list of results")
    rows = records(found)
    if len(rows) != len(found):
        raise Failure(FailureKind.CONTRACT, "the list of results holds something else than records")
    return rows


def text(value: object) -> str:
    """Text or a whole number as text; an empty string for anything else."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def texts(value: object) -> list[str]:
    """A list of texts; HubSpot's context values are lists, but a lone one is taken as well."""
    values: Sequence[object] = value if isinstance(value, list) else [value]
    return [t for t in map(text, values) if t]


def scalar(value: object) -> Scalar:
    """A property value. HubSpot sends strings and null only.

    Raises:
        Failure: of kind contract, for a list or an object: neither text nor blank may be made of it.
    """
    if is_scalar(value):
        return value
    raise Failure(FailureKind.CONTRACT, "a property's value is not a scalar")


def is_scalar(value: object) -> TypeGuard[Scalar]:
    """Whether it is a value that a property may have."""
    return value is None or isinstance(value, str | int | float | bool)


def instant(value: object) -> datetime | None:
    """A time stamp, from ISO text or epoch milliseconds; None where it is neither."""
    written = text(value)
    try:
        if written.isascii() and written.isdigit():
            return _EPOCH + timedelta(milliseconds=int(written))
        moment = datetime.fromisoformat(written)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, rounded down."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
