"""HubSpot's spellings of time: milliseconds since the epoch, and ISO with milliseconds and Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int) -> str:
    """The instant, always with three decimals."""
    days, rest = divmod(ms, DAY_MS)
    minutes, rest = divmod(rest, 60_000)
    return f"{_date(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(4096)
def _date(days: int) -> str:
    return f"{(_EPOCH + timedelta(days=days)):%Y-%m-%d}"


def day(ms: int) -> str:
    """The UTC date."""
    return iso(ms)[:10]


def instant(text: str) -> int | None:
    """Milliseconds of an epoch number or an ISO text (without offset: UTC); None where it is neither."""
    if text.lstrip("-").isdecimal():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return round((found - _EPOCH) / timedelta(milliseconds=1))
    except (ValueError, OverflowError):
        return None
