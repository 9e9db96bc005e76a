"""What HubSpot's answers say beside their bodies: its clock, and the calls that are left today."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.connector import Answer

_CLOCK_KEEPS_S = 300.0
_DAILY = "x-hubspot-ratelimit-daily"
DAILY_LEFT = "x-hubspot-ratelimit-daily-remaining"


class Seen:
    """The latest figures of one account; shared by all threads of a connector."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._date: tuple[datetime, float] | None = None
        self._calls: tuple[int, int] | None = None
        self._zone: ZoneInfo | None = None

    def observe(self, answer: Answer) -> None:
        """Take the clock and the daily figures from an answer's headers; absent ones change nothing."""
        date = sent_at(answer)
        left, allowed = (_count(answer, name) for name in (DAILY_LEFT, _DAILY))
        with self._lock:
            if date is not None:
                self._date = (date, self._monotonic())
            if left is not None and allowed is not None:
                self._calls = (left, allowed)

    def now(self) -> datetime | None:
        """HubSpot's time, or None where no answer of the last minutes has told it.

        The Date header counts whole seconds and is written before it arrives: this is never ahead.
        """
        with self._lock:
            if self._date is None:
                return None
            date, read_at = self._date
            passed = self._monotonic() - read_at
        return date + timedelta(seconds=passed) if 0 <= passed <= _CLOCK_KEEPS_S else None

    @property
    def calls(self) -> tuple[int, int] | None:
        """Calls left today and the daily allowance."""
        with self._lock:
            return self._calls

    def allow(self, left: int, allowed: int) -> None:
        """Take the daily figures from the usage endpoint."""
        with self._lock:
            self._calls = (left, allowed)

    @property
    def zone(self) -> ZoneInfo | None:
        """The account's time zone: its daily allowance starts anew at midnight there."""
        with self._lock:
            return self._zone

    def place(self, zone_name: str) -> None:
        """Remember the account's time zone; a name that this machine does not know leaves it unknown."""
        try:
            zone = ZoneInfo(zone_name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone = None
        with self._lock:
            self._zone = zone


def sent_at(answer: Answer) -> datetime | None:
    """The Date header, aware UTC; None where it is absent or odd."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def seconds_to_midnight(moment: datetime, zone: ZoneInfo) -> float:
    """How long the account's day still lasts. Days of 23 and 25 hours are counted as such."""
    tomorrow = moment.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, clock_time(), tzinfo=zone)
    return (midnight.astimezone(UTC) - moment).total_seconds()


def _count(answer: Answer, name: str) -> int | None:
    written = answer.headers.get(name, "").strip()
    return int(written) if written.isascii() and written.isdigit() else None
