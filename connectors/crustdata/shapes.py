"""Crustdata's JSON, read with its habits: null, "" and absence all mean nothing; one item may stand for a list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from syncd.connector import Answer, Failure, FailureKind

_MOST = Decimal(1_000_000_000)
_NOTHING: Mapping[str, object] = MappingProxyType({})
# Line and paragraph separators occur inside values and break line-based storage.
_SEPARATORS = re.compile("[\u2028\u2029]+")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Unreadable(Exception):
    """One entry of an answer does not have the documented form; its neighbours may."""


def credits_used(answer: Answer) -> Decimal | None:
    """What the vendor says the request cost, fractions included; None where it does not say."""
    used = number(answer.headers.get("x-credits-used", ""))
    return used if used is not None and used >= 0 else None


def request_id(answer: Answer) -> str:
    """The vendor's id of the request, by which its usage log can be searched; "" where there is none."""
    said = answer.headers.get("x-request-id", "").strip()
    return said if _REQUEST_ID.fullmatch(said) else ""


def reshaped(answer: Answer, what: str) -> Failure:
    """The failure for an answer that does not have the vendor's form."""
    return Failure(
        FailureKind.CONTRACT,
        f"the answer's {what} does not have the documented form",
        status=answer.status,
        charged=False if credits_used(answer) == 0 else None,
        code=request_id(answer),
    )


def decoded(answer: Answer) -> object:
    """The decoded body.

    Raises:
        Failure: of kind contract, where the body is not JSON.
    """
    try:
        body: object = answer.json()
    except Failure:
        raise reshaped(answer, "body") from None
    return body


def loose(value: object) -> Mapping[str, object]:
    """A map, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else _NOTHING


def section(value: object) -> Mapping[str, object]:
    """A map, or an empty one for nothing. Raises Unreadable for anything else."""
    if value is None or value in ("", []):
        return _NOTHING
    if not isinstance(value, dict):
        raise Unreadable
    return value


def items(value: object) -> list[object]:
    """A list; one item in place of a list counts as a list of one, nothing as an empty one."""
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def text(value: object) -> str:
    """A scalar as text without outer blanks and line separators; "" for null, truth values and no scalars."""
    if isinstance(value, str):
        return _SEPARATORS.sub(" ", value).strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""


def texts(value: object) -> tuple[str, ...]:
    """A list of scalars, or one scalar, as distinct texts without blanks. Raises Unreadable for others."""
    listed = items(value)
    if any(isinstance(item, dict | list | bool) for item in listed):
        raise Unreadable
    return tuple(dict.fromkeys(filled for item in listed if (filled := text(item))))


def number(value: object) -> Decimal | None:
    """A number within reason, from a number or its text; None for anything else."""
    try:
        found = Decimal(text(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) <= _MOST else None


def moment(value: object) -> datetime | None:
    """The instant of a timestamp; one without a zone is read as UTC."""
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
