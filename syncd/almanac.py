"""The instants of a calendar schedule, on every day of the year: also on the two on which clocks are changed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger

from syncd.config import Cron

_MOST_DAYS = 366 * 8 + 2
"""29 February may be eight years away."""
_DAYS_KEPT = 4


class Almanac(BaseTrigger):
    """A cron schedule in a time zone, as an APScheduler trigger.

    APScheduler's own cron trigger fires a daily time twice in the night on which clocks go back, and with a
    shorter step it returns instants of the past there. Here a time that comes twice fires the first time only,
    unless the schedule runs in every hour; a time that is left out in spring fires as long after the change as it
    would have been after it otherwise.
    """

    def __init__(self, cron: Cron, zone: ZoneInfo) -> None:
        self.cron, self.zone = cron, zone
        self._hourly = len(cron.hours) == 24
        self._days: dict[date, list[datetime]] = {}

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """The first instant after the previous one; without one, the first that is not before now."""
        after = (previous_fire_time or now).astimezone(UTC)
        find = bisect_left if previous_fire_time is None else bisect_right
        day = after.astimezone(self.zone).date() - timedelta(days=1)
        for _ in range(_MOST_DAYS):
            instants = self._instants(day)
            at = find(instants, after)
            if at < len(instants):
                return instants[at]
            day += timedelta(days=1)
        return None

    def _instants(self, day: date) -> list[datetime]:
        """All of one local day, in order, in UTC."""
        cron = self.cron
        fits = day.month in cron.months and day.day in cron.days and day.isoweekday() % 7 in cron.weekdays
        if not fits:
            return []
        if day not in self._days:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            local = [
                datetime.combine(day, time(h, m), self.zone) for h, m in product(cron.hours, cron.minutes)
            ]
            found = {at.astimezone(UTC) for at in local}
            if self._hourly:
                found |= {at.replace(fold=1).astimezone(UTC) for at in local if self._twice(at)}
            self._days[day] = sorted(found)
        return self._days[day]

    def _twice(self, at: datetime) -> bool:
        """Whether the clock shows this time twice: the later offset then is the smaller one."""
        first, second = at.utcoffset(), at.replace(fold=1).utcoffset()
        return first is not None and second is not None and second < first
