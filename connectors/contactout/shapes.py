"""ContactOut's JSON, read with its habits: empty maps as lists, scalars as lists of one, two letter cases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from syncd.connector import Answer, Failure, FailureKind

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")


def reshaped(what: str) -> Failure:
    """The failure for an answer that does not have the vendor's form."""
    return Failure(FailureKind.CONTRACT, f"the answer's {what} does not have the documented form")


def envelope(answer: Answer) -> Mapping[str, object]:
    """The answer's top-level object.

    Raises:
        Failure: of kind contract, where the body is not JSON or not an object.
    """
    body: object = answer.json()
    if not isinstance(body, dict):
        raise reshaped("body")
    return body


def table(value: object, what: str) -> Mapping[str, object]:
    """A map; the vendor writes an empty one as an empty list. Anything else is a contract failure."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and not value:
        return {}
    raise reshaped(what)


def loose(value: object) -> Mapping[str, object]:
    """A map, or an empty one in place of anything else: for what is not worth losing an answer over."""
    return value if isinstance(value, dict) else {}


@lru_cache(1024)
def _plain(name: str) -> str:
    return _HUMP.sub(r"_\1", name).lower()


def snake(value: Mapping[str, object]) -> dict[str, object]:
    """The map with camelCase names spelled with underscores; of two spellings the first filled one wins."""
    out: dict[str, object] = {}
    for name, item in value.items():
        plain = _plain(name)
        if plain not in out or not out[plain]:
            out[plain] = item
    return out


def text(value: object) -> str:
    """A scalar as text without outer blanks; "" for null, for truth values and for what is no scalar."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def texts(value: object, what: str) -> tuple[str, ...]:
    """A list of scalars, or one scalar, as distinct texts without blanks.

    A list with gaps arrives as an object with numbers for names. Raises Failure of kind contract for
    entries that are no scalars.
    """
    if isinstance(value, dict):
        if not all(str(name).isdigit() for name in value):
            raise reshaped(what)
        value = list(value.values())
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict | list | bool) for item in items):
        raise reshaped(what)
    return tuple(dict.fromkeys(filled for item in items if (filled := text(item))))


def first(value: object) -> str:
    """The first text of a list or the scalar itself, "" where there is none."""
    items = value if isinstance(value, list) else [value]
    return next((filled for item in items if (filled := text(item))), "")


def moment(value: object) -> datetime | None:
    """The instant of `YYYY-MM-DD HH:MM:SS`. The vendor names no zone; it is read as UTC."""
    try:
        stamp = datetime.fromisoformat(text(value))
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        # In the first and the last hours of the calendar an instant may lie outside of it in UTC.
        return None


def bare_domain(value: str) -> str:
    """A domain in lower case without scheme, `www.`, port and path."""
    host = re.split(r"[/?#:]", _SCHEME.sub("", value.strip().lower()), maxsplit=1)[0]
    return host.removeprefix("www.").rstrip(".")
