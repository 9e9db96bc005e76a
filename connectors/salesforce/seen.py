"""What Salesforce's answers say beside their bodies: its clock, and the calls that are left."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from syncd.connector import Answer

_CLOCK_KEEPS_S = 300.0
_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d{1,18})/(\d{1,18})")


class Seen:
    """The latest figures of one org; shared by all threads of a connector."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._date: tuple[datetime, float] | None = None
        self._calls: tuple[int, int] | None = None

    def observe(self, answer: Answer) -> None:
        """Take the clock and the daily figures from an answer's headers; absent ones change nothing."""
        date, calls = sent_at(answer), calls_left(answer)
        with self._lock:
            if date is not None:
                self._date = (date, self._monotonic())
            if calls is not None:
                self._calls = calls

    def now(self) -> datetime | None:
        """Salesforce's time, or None where no answer of the last minutes has told it.

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
        """Calls left of the last 24 hours' allowance, and the allowance."""
        with self._lock:
            return self._calls

    def allow(self, left: int, allowed: int) -> None:
        """Take the figures from the limits resource."""
        with self._lock:
            self._calls = (left, allowed)


def sent_at(answer: Answer) -> datetime | None:
    """The Date header, aware UTC; None where it is absent or odd."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def calls_left(answer: Answer) -> tuple[int, int] | None:
    """What Sforce-Limit-Info says (`api-usage=18/15000`): calls left and allowed."""
    found = _USAGE.search(answer.headers.get("sforce-limit-info", ""))
    if found is None:
        return None
    used, allowed = int(found[1]), int(found[2])
    return max(0, allowed - used), allowed
