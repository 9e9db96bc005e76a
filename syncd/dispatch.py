"""Dispatch: which syncs are due, by schedule; and a clock that nobody can confuse by setting it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.config import Settings, SyncSettings

_log = structlog.get_logger("syncd.dispatch")
STEP_S = 5.0
"""A wall clock that moves this much against the steady one has been set."""


class Dispatcher:
    """Collects the syncs that are due. Every sync is due when it starts."""

    def __init__(
        self,
        settings: Settings,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.missed = 0
        """Times that a sync was due again before it had run: one run catches up for all of them."""
        self.missed_by: Counter[str] = Counter()
        """The same by sync."""
        self.steps = 0
        self.stepped_s = 0.0
        self.ticked_at = wall()
        self._wall, self._steady = wall, steady
        self._apart = wall() - steady()
        self._due: dict[str, float] = dict.fromkeys(settings.syncs, 0.0)
        self._turn = threading.Lock()
        self.called = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=UTC)

    def start(self) -> None:
        """Begin to keep time."""
        self._scheduler.start()
        self.arm(self.settings)

    def stop(self) -> None:
        """No further sync becomes due."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def arm(self, settings: Settings) -> None:
        """Set every schedule anew: at the start, after a reload, and after the clock was set."""
        self.settings = settings
        self._scheduler.remove_all_jobs()
        for name, sync in settings.syncs.items():
            # Late is better than never, and once for all that was missed: a run reads all that changed.
            self._scheduler.add_job(
                self._ring,
                trigger_of(sync),
                args=(name,),
                id=name,
                misfire_grace_time=None,
                coalesce=True,
                max_instances=1,
            )

    def _ring(self, name: str) -> None:
        with self._turn:
            if name in self._due:
                self.missed += 1
                self.missed_by[name] += 1
            else:
                self._due[name] = self._wall()
        self.called.set()

    def take(self) -> list[str]:
        """The syncs that are due, which are so no more, in the order of the configuration."""
        with self._turn:
            names = [name for name in self.settings.syncs if name in self._due]
            self._due.clear()
            self.called.clear()
        return names

    def waiting(self) -> bool:
        """Whether any sync is due."""
        with self._turn:
            return bool(self._due)

    def due(self) -> int:
        """How many syncs are due."""
        with self._turn:
            return len(self._due)

    def tick(self) -> None:
        """Notice a wall clock that was set: the scheduler would sleep by the old one."""
        self.ticked_at = self._wall()
        apart = self.ticked_at - self._steady()
        step = apart - self._apart
        if abs(step) < STEP_S:
            return
        self._apart = apart
        self.steps += 1
        self.stepped_s += abs(step)
        _log.warning("clock.stepped", seconds=round(step, 1))
        self.arm(self.settings)

    def next_at(self) -> datetime | None:
        """When a sync is due next."""
        times = [job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time]
        return min(times, default=None)


def trigger_of(sync: SyncSettings) -> BaseTrigger:
    """The schedule of a sync."""
    if sync.cron is not None:
        trigger: BaseTrigger = CronTrigger(timezone=sync.zone, **sync.cron.trigger)
        return trigger
    seconds = sync.every.total_seconds() if sync.every is not None else 300.0
    return IntervalTrigger(seconds=round(seconds), timezone=UTC)
