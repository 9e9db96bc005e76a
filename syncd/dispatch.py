"""Dispatch: which syncs are due, by schedule; and a clock that nobody can confuse by setting it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from syncd.almanac import Almanac
from syncd.config import Settings, SyncSettings

_log = structlog.get_logger("syncd.dispatch")
STEP_S = 5.0
"""A wall clock that moves this much against the steady one has been set, or the machine was asleep."""
COUNT_MOST = 100_000


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
        """Follow these settings. A schedule that did not change keeps its time; a new sync is due at once."""
        before, self.settings = self.settings, settings
        with self._turn:
            kept = {name: at for name, at in self._due.items() if name in settings.syncs}
            fresh = dict.fromkeys(settings.syncs.keys() - before.syncs.keys(), self._wall())
            self._due = {**kept, **fresh}
        for job in self._scheduler.get_jobs():
            old, new = before.syncs.get(job.id), settings.syncs.get(job.id)
            if old is None or new is None or _schedule(old) != _schedule(new):
                self._scheduler.remove_job(job.id)
        for name, sync in settings.syncs.items():
            if self._scheduler.get_job(name) is None:
                self._add(name, sync)

    def _add(self, name: str, sync: SyncSettings) -> None:
        now = self._now()
        # Late is better than never, and once for all that was missed: a run reads all that changed.
        self._scheduler.add_job(
            self._ring,
            trigger_of(sync, now),
            args=(name,),
            id=name,
            next_run_time=_next(sync, now),
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall(), UTC)

    def _ring(self, name: str, times: int = 1) -> None:
        with self._turn:
            late = times - 1 + (name in self._due)
            self.missed += late
            self.missed_by[name] += late
            self._due.setdefault(name, self._wall())
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
        """Notice a wall clock that was set, and a machine that slept: the scheduler would sleep by the old one.

        What should have run meanwhile is due once; what lies ahead keeps its distance or its time of day.
        """
        self.ticked_at = self._wall()
        apart = self.ticked_at - self._steady()
        step = apart - self._apart
        if abs(step) < STEP_S:
            return
        self._apart = apart
        self.steps += 1
        self.stepped_s += abs(step)
        _log.warning("clock.stepped", seconds=round(step, 1))
        now = datetime.fromtimestamp(self.ticked_at, UTC)
        for job in self._scheduler.get_jobs():
            if job.id in self.settings.syncs and job.next_run_time is not None:
                self._realign(job.id, job.next_run_time, now, timedelta(seconds=step))

    def _realign(self, name: str, planned: datetime, now: datetime, step: timedelta) -> None:
        sync = self.settings.syncs[name]
        missed = count_between(sync, planned, now)
        if missed:
            self._ring(name, missed)
        following = _next(sync, now)
        if sync.cron is None and not missed:
            following = planned + min(step, timedelta())
        try:
            self._scheduler.modify_job(name, next_run_time=following)
        except JobLookupError:  # it was taken out meanwhile
            return

    def next_at(self) -> datetime | None:
        """When a sync is due next."""
        times = [job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time]
        return min(times, default=None)


def trigger_of(sync: SyncSettings, now: datetime) -> BaseTrigger:
    """The schedule of a sync; one without times of day counts from now."""
    if sync.cron is not None:
        return Almanac(sync.cron, sync.zone)
    trigger: BaseTrigger = IntervalTrigger(
        seconds=round(_every(sync).total_seconds()), start_date=now, timezone=UTC
    )
    return trigger


def count_between(sync: SyncSettings, planned: datetime, now: datetime) -> int:
    """How many runs from the planned one on should have begun by now."""
    if planned > now:
        return 0
    if sync.cron is None:
        return (now - planned) // _every(sync) + 1
    trigger, count, at = Almanac(sync.cron, sync.zone), 0, planned
    while at <= now and count < COUNT_MOST:
        count += 1
        following = trigger.get_next_fire_time(at, now)
        if following is None:
            break
        at = following
    return count


def _next(sync: SyncSettings, now: datetime) -> datetime | None:
    if sync.cron is None:
        return now + _every(sync)
    return Almanac(sync.cron, sync.zone).get_next_fire_time(None, now + timedelta(microseconds=1))


def _every(sync: SyncSettings) -> timedelta:
    return sync.every or timedelta(minutes=5)


def _schedule(sync: SyncSettings) -> tuple[object, ...]:
    return sync.every, sync.cron, sync.zone.key
