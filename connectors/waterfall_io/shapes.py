"""Waterfall.io's JSON, read strictly where money or identity hangs on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from syncd.connector import Failure, FailureKind

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MICRO = Decimal("0.000001")
MOST = Decimal(1_000_000_000)


def reshaped(what: str) -> Failure:
    """The failure for an answer that does not have the vendor's form."""
    return Failure(FailureKind.CONTRACT, f"the answer's {what} does not have the documented form")


def table(value: object, what: str) -> Mapping[str, object]:
    """An object.

    Raises:
        Failure: of kind contract, for anything else.
    """
    if isinstance(value, dict):
        return value
    raise reshaped(what)


def part(value: object, what: str) -> Mapping[str, object]:
    """An object within an answer, empty for null. Anything else is a contract failure."""
    return {} if value is None else table(value, what)


def loose(value: object) -> Mapping[str, object]:
    """An object, or an empty one in place of anything else: for what is not worth losing an answer over."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str:
    """A scalar, alone or in a list of one, as text without outer blanks; "" for anything else."""
    plain = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(plain, str):
        return plain.strip()
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(plain)
    return ""


def texts(value: object, what: str) -> tuple[str, ...]:
    """A list of scalars, or one scalar, as distinct texts without blanks.

    Raises:
        Failure: of kind contract, for entries that are no scalars.
    """
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict | list | bool) for item in items):
        raise reshaped(what)
    return tuple(dict.fromkeys(filled for item in items if (filled := text(item))))


def word(value: object) -> str:
    """A word of the vendor's vocabularies: lower case, underscores in place of blanks and hyphens."""
    return re.sub(r"[\s_-]+", "_", text(value).lower())


def amount(value: object) -> Decimal | None:
    """A figure to a millionth; None for what is no number, negative or beyond reason."""
    try:
        found = Decimal(text(value))
    except InvalidOperation:
        return None
    if not found.is_finite() or not 0 <= found <= MOST:
        return None
    return found.quantize(_MICRO)


def count(value: object) -> int | None:
    """A count; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def is_job_id(said: str) -> bool:
    """Whether text can be the id of a job."""
    return _ID.fullmatch(said) is not None


def bare_domain(value: str) -> str:
    """A domain in lower case without scheme, `www.`, port and path."""
    host = re.split(r"[/?#:]", _SCHEME.sub("", value.strip().lower()), maxsplit=1)[0]
    return host.removeprefix("www.").rstrip(".")
