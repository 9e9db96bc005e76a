"""Narrowing of decoded JSON: what is not of the expected shape reads as absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

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
    """A field's value; compounds, which are objects, read as text."""
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def instant(value: object) -> datetime | None:
    """A time stamp such as 2026-11-21T10:00:00.000+0000, aware UTC; None where it is none."""
    try:
        moment = datetime.fromisoformat(text(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def stamp(moment: datetime) -> str:
    """The instant as Salesforce's JSON spells it: milliseconds, and an offset without a colon."""
    at = moment.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"
