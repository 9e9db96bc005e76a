"""How many calls the org has had in the last 24 hours, and when one is too many."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.clock import Clock
from connectors.sandbox.salesforce.call import Answer, Call
from connectors.sandbox.salesforce.refusals import Refused, refused, said

DAY_S, LONG_CALLS = 86_400, 25
BULK_BATCHES = 15_000


class Quota:
    """Counts by the minute, so that the window rolls as Salesforce's does."""

    def __init__(self, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._minutes: deque[tuple[int, int]] = deque()
        self._sum = 0
        self.bulk_jobs = 0

    def count(self, calls: int) -> None:
        """Enter so many calls."""
        minute = int(self._clock.time() // 60)
        self._sum += calls
        if self._minutes and self._minutes[-1][0] == minute:
            calls += self._minutes.pop()[1]
        self._minutes.append((minute, calls))

    def used(self) -> int:
        """Calls of the last 24 hours, those of other integrations among them."""
        oldest = int((self._clock.time() - DAY_S) // 60)
        while self._minutes and self._minutes[0][0] <= oldest:
            self._sum -= self._minutes.popleft()[1]
        return self._sum + int(self._settings["daily_used"])

    def refusal(self, for_limits: bool) -> Refused | None:
        """The 403 where a call is one too many. Total and concurrent ones differ in words alone."""
        if self._settings["limits"] == "off":
            return None
        if self._settings["long_calls"] >= LONG_CALLS:
            return concurrent()
        full = self.used() >= self._settings["daily"]
        if full and not (for_limits and self._settings["limits_when_full"]):
            return total()
        return None

    def header(self) -> str:
        """The value of Sforce-Limit-Info."""
        return f"api-usage={self.used()}/{self._settings['daily']}"

    def shown(self, call: Call) -> Answer:
        """What is left of each allowance; only for users who may view the set-up."""
        if not call.user.view_setup:
            raise said(403, "INSUFFICIENT_ACCESS", "the View Setup permission is needed")
        left = max(0, self._settings["daily"] - self.used())
        jobs = self._settings["bulk_jobs"]
        found = {
            "DailyApiRequests": (self._settings["daily"], left),
            "DailyBulkApiBatches": (BULK_BATCHES, BULK_BATCHES),
            "DailyBulkV2QueryFileStorageMB": (976_562, 976_562),
            "DailyBulkV2QueryJobs": (jobs, max(0, jobs - self.bulk_jobs)),
            "DataStorageMB": (1024, 900),
        }
        return Answer(200, {n: {"Max": most, "Remaining": rest} for n, (most, rest) in found.items()})

    def record_count(self, call: Call) -> Answer:
        """How many records the objects have."""
        asked = [n for n in call.query.get("sObjects", "").split(",") if n]
        kinds = [k for k in (call.org.kinds.get(n.lower()) for n in asked) if k]
        counts = [{"count": sum(1 for _ in call.org.store.living(k.name)), "name": k.name} for k in kinds]
        return Answer(200, {"sObjects": counts})


def total() -> Refused:
    """The day is used up."""
    return refused(403, "REQUEST_LIMIT_EXCEEDED", "total_requests")


def concurrent() -> Refused:
    """Too many long calls run at this moment."""
    return refused(403, "REQUEST_LIMIT_EXCEEDED", "concurrent")
