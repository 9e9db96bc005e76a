"""RocketReach's JSON, read with its habits: scalars in lists, lists as objects, numbers as text, "inf"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from syncd.connector import Failure, FailureKind

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://")
_MOST = Decimal(1_000_000_000)
_WRAPPERS = ("profiles", "profile", "data")
_ID = re.compile(r"[1-9]\d{0,18}")


def reshaped(what: str) -> Failure:
    """The failure for an answer that does not have the vendor's form."""
    return Failure(FailureKind.CONTRACT, f"the answer's {what} does not have the documented form")


def table(value: object, what: str) -> Mapping[str, object]:
    """An object, alone or in a list of one.

    Raises:
        Failure: of kind contract, for anything else.
    """
    plain = one(value)
    if isinstance(plain, dict):
        return plain
    raise reshaped(what)


def part(value: object, what: str) -> Mapping[str, object]:
    """An object within an answer; empty for null, blank text and an empty list.

    Raises:
        Failure: of kind contract, for anything else: what cannot be read may have been paid for.
    """
    return table(value, what) if listed(value) else {}


def parts(value: object, what: str) -> list[Mapping[str, object]]:
    """The objects of a list, or a single one; nulls are left out.

    Raises:
        Failure: of kind contract, for anything else.
    """
    return [table(entry, what) for entry in listed(value) if entry is not None]


def rows(body: object, what: str) -> list[Mapping[str, object]]:
    """The objects of an answer that is a list of them, a single one, or either of these in a wrapper.

    Raises:
        Failure: of kind contract, for anything else.
    """
    if isinstance(body, dict) and "id" not in body:
        body = next((body[name] for name in _WRAPPERS if isinstance(body.get(name), dict | list)), body)
    said = body if isinstance(body, list) else [body]
    found: list[Mapping[str, object]] = [row for row in said if isinstance(row, dict)]
    if len(found) != len(said):
        raise reshaped(what)
    return found


def listed(value: object) -> list[object]:
    """A list; what stands alone is a list of one, null and blank text are none."""
    if isinstance(value, list):
        return value
    return [] if value is None or value in ("", {}) else [value]


def one(value: object) -> object:
    """The value itself, out of a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def text(value: object) -> str:
    """A scalar as text without outer blanks; "" for null, for truth values and for what is no scalar."""
    plain = one(value)
    if isinstance(plain, str):
        return plain.strip()
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return str(plain)
    return ""


def word(value: object) -> str:
    """A word of the vendor's vocabularies: lower case, single blanks in place of underscores and hyphens."""
    return " ".join(re.split(r"[\s_-]+", text(value).lower())).strip()


def number(value: object) -> Decimal | None:
    """A number within reason from either of its forms, infinite for "inf"; None for anything else."""
    try:
        found = Decimal(text(value))
    except InvalidOperation:
        return None
    within = abs(found) <= _MOST if found.is_finite() else found.is_infinite() and not found.is_signed()
    return found if within else None


def profile_id(row: Mapping[str, object]) -> str:
    """The profile's id, or "" where there is none that can be asked for."""
    said = text(row.get("id"))
    return said if _ID.fullmatch(said) else ""


def is_profile_id(said: str) -> bool:
    """Whether text is an id of a profile."""
    return _ID.fullmatch(said) is not None


def moment(value: object) -> datetime | None:
    """The instant of an ISO date or timestamp; UTC where no zone is named."""
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
