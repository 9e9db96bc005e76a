"""What HubSpot tells of the account's day: the calls that are left of it, and when it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.connector import Answer

_DAILY = "x-hubspot-ratelimit-daily"
DAILY_LEFT = "x-hubspot-ratelimit-daily-remaining"


def calls_left(answer: Answer) -> tuple[int, int] | None:
    """What the headers say: calls left today and the daily allowance."""
    left, allowed = (_count(answer, name) for name in (DAILY_LEFT, _DAILY))
    return None if left is None or allowed is None else (left, allowed)


def zone_of(name: str) -> ZoneInfo | None:
    """The account's time zone; None for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def seconds_to_midnight(moment: datetime, zone: ZoneInfo) -> float:
    """How long the account's day still lasts. Days of 23 and 25 hours are counted as such."""
    tomorrow = moment.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, clock_time(), tzinfo=zone)
    return (midnight.astimezone(UTC) - moment).total_seconds()


def _count(answer: Answer, name: str) -> int | None:
    written = answer.headers.get(name, "").strip()
    return int(written) if written.isascii() and written.isdigit() else None
