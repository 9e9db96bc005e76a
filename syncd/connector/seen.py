"""What a CRM's answers say beside their bodies: its clock, and the calls that are left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from syncd.connector.failure import Failure, FailureKind
from syncd.connector.wire import Answer

_CLOCK_KEEPS_S = 300.0
_NOTHING_DONE = 503
"""The one server error that says that nothing was done."""
Send: TypeAlias = Callable[[], Answer]


class Seen:
    """The latest figures of one account; shared by all threads of a connector.

    `calls_left` reads an answer's headers: calls left and allowed today, or None.
    """

    def __init__(
        self, monotonic: Callable[[], float], calls_left: Callable[[Answer], tuple[int, int] | None]
    ) -> None:
        self._monotonic = monotonic
        self._calls_left = calls_left
        self._lock = threading.Lock()
        self._date: tuple[datetime, float] | None = None
        self._calls: tuple[int, int] | None = None

    def observe(self, answer: Answer) -> None:
        """Take the clock and the daily figures from an answer's headers; absent ones change nothing."""
        date, calls = sent_at(answer), self._calls_left(answer)
        with self._lock:
            if date is not None:
                self._date = (date, self._monotonic())
            if calls is not None:
                self._calls = calls

    def now(self) -> datetime | None:
        """The CRM's time, or None where no answer of the last minutes has told it.

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
        """Take the daily figures from where the CRM tells them beside its answers."""
        with self._lock:
            self._calls = (left, allowed)


def sent_at(answer: Answer) -> datetime | None:
    """The Date header, aware UTC; None where it is absent or odd."""
    try:
        moment = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def write_once(run: Callable[[Send], Answer], send: Send) -> Answer:
    """The answer to a write that is not sent again before its records are read: people edit too.

    `run` is the wire's way of sending, which repeats what it may repeat.

    Raises:
        Failure: of kind ambiguous, where the answer was lost or the CRM failed on the write.
    """
    lost: list[Failure] = []

    def once() -> Answer:
        if lost:
            raise Failure(FailureKind.CONTRACT, "a write is not repeated blindly", charged=False)
        try:
            answer = send()
        except Failure as failure:
            if failure.kind is FailureKind.AMBIGUOUS:
                lost.append(failure)
            raise
        if answer.status >= 500 and answer.status != _NOTHING_DONE:
            lost.append(Failure(FailureKind.AMBIGUOUS, "the CRM failed on a write", status=answer.status))
        return answer

    try:
        return run(once)
    except Failure:
        if lost:
            raise lost[0] from None
        raise
