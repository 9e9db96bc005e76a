"""ReverseLooker's JSON, read strictly where money or identity hangs on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from syncd.connector import Failure, FailureKind

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MOST = Decimal(1_000_000_000)


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


def loose(value: object) -> Mapping[str, object]:
    """An object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def rows(value: object, what: str) -> list[Mapping[str, object]]:
    """A list of objects. Anything else is a contract failure."""
    if not isinstance(value, list):
        raise reshaped(what)
    return [table(entry, what) for entry in value]


def text(value: object) -> str:
    """A scalar, alone or in a list of one, as text without outer blanks; "" for anything else."""
    plain = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(plain, str):
        return plain.strip()
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(plain)
    return ""


def credits_of(value: object) -> Decimal | None:
    """A figure in credits; None for what is no number, negative or beyond reason."""
    try:
        found = Decimal(text(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found <= _MOST else None


def search_id(body: Mapping[str, object]) -> str:
    """The id of a search.

    Raises:
        Failure: of kind contract, where there is none: the search may run and cost all the same.
    """
    said = text(body.get("id"))
    if not is_search_id(said):
        raise reshaped("search id")
    return said


def is_search_id(said: str) -> bool:
    """Whether text can be the id of a search."""
    return _ID.fullmatch(said) is not None
