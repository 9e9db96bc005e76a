"""Narrowing of decoded JSON: what is not of the expected shape reads as absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from syncd.connector import Failure, FailureKind
from syncd.model import Scalar

Record: TypeAlias = Mapping[str, object]
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,100}")


def record(value: object) -> Record:
    """The JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[Record]:
    """The JSON objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """The text, or an empty one for anything else."""
    return value if isinstance(value, str) else ""


def texts(value: object) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def code(value: object) -> str:
    """One of Salesforce's machine-readable codes, or "" where the text could be anything else."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else ""


def scalar(value: object) -> Scalar:
    """A field's value. Compounds, which are objects, are never asked for.

    Raises:
        Failure: of kind contract, for a list or an object: neither text nor blank may be made of it.
    """
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise Failure(FailureKind.CONTRACT, "a field's value is not a scalar")


def instant(value: object) -> datetime | None:
    """A time stamp such as 2026-11-21T10:00:00.000+0000, aware UTC; None where it is none."""
    try:
        moment = datetime.fromisoformat(text(value))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(moment: datetime) -> str:
    """The instant as Salesforce's JSON spells it: milliseconds, and an offset without a colon."""
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"
