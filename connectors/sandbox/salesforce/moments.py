"""Salesforce's spellings of time. Inside, an instant is whole seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)\Z", re.IGNORECASE
)


def iso(seconds: int, zone: str = "+0000") -> str:
    """As records have it: milliseconds that are always zero, and an offset without a colon; [R]."""
    days, rest = divmod(seconds, DAY_S)
    minutes, rest = divmod(rest, 60)
    return f"{day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}.000{zone}"


@lru_cache(4096)
def day(days: int) -> str:
    """The date so many days after the epoch."""
    return f"{(_EPOCH + timedelta(days=days)):%Y-%m-%d}"


def instant(text: str) -> int | None:
    """Seconds of a dateTime with `Z` or an offset, milliseconds cut off; None where it is none."""
    found = _INSTANT.match(text)
    if not found:
        return None
    date, hours, minutes, seconds, zone = found.groups()
    days = days_of(date)
    if days is None or int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        return None
    offset = 0
    if zone not in "Zz":
        digits = zone[1:].replace(":", "")
        offset = (int(digits[:2]) * 60 + int(digits[2:])) * (-60 if zone[0] == "-" else 60)
    return days * DAY_S + int(hours) * 3600 + int(minutes) * 60 + int(seconds) - offset


def days_of(text: str) -> int | None:
    """Days after the epoch of an ISO date; None where it is none."""
    try:
        return (datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) - _EPOCH).days
    except ValueError:
        return None


def http_date(seconds: int) -> str:
    """As the Date header has it."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def from_http(text: str) -> int | None:
    """Seconds of an HTTP date; None where it is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
