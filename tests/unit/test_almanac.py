"""Calendar schedules over the nights on which clocks are changed, and over years."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.almanac import Almanac
from syncd.config.cron import parse_cron


def fires(cron: str, zone: str, begin: str, days: int) -> list[str]:
    """The local times at which a schedule fires, from midnight UTC of a date on."""
    almanac = Almanac(parse_cron(cron), ZoneInfo(zone))
    start = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    at = almanac.get_next_fire_time(None, start)
    found = []
    while at is not None and at < start + timedelta(days=days):
        found.append(at.strftime("%m-%d %H:%M"))
        at = almanac.get_next_fire_time(at, at)
    return found


@pytest.mark.parametrize(
    ("zone", "day", "cron", "expected"),
    [
        ("America/New_York", "2026-10-31", "30 1 * * *", ["10-31 05:30", "11-01 05:30", "11-02 06:30"]),
        ("Europe/Berlin", "2026-10-24", "30 2 * * *", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
    ],
)
def test_a_daily_time_that_comes_twice_in_autumn_fires_once(
    zone: str, day: str, cron: str, expected: list[str]
) -> None:
    assert fires(cron, zone, day, 3) == expected


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("America/New_York", "2026-03-07", ["03-07 07:30", "03-08 07:30", "03-09 06:30"]),
        ("Europe/Berlin", "2026-03-28", ["03-28 01:30", "03-29 01:30", "03-30 00:30"]),
    ],
)
def test_a_daily_time_that_is_left_out_in_spring_fires_once(zone: str, day: str, expected: list[str]) -> None:
    assert fires("30 2 * * *", zone, day, 3) == expected


def test_a_schedule_of_every_hour_keeps_its_pace_through_both_nights() -> None:
    for day in ("2026-11-01", "2026-03-08"):
        times = fires("*/30 * * * *", "America/New_York", day, 1)
        assert times == [f"{day[5:]} {h:02}:{m}" for h in range(24) for m in ("00", "30")]


def test_times_that_fall_together_in_spring_fire_once() -> None:
    assert fires("30 2,3 * * *", "America/New_York", "2026-03-08", 1) == ["03-08 07:30"]


def test_the_leap_day_is_found_years_ahead() -> None:
    almanac = Almanac(parse_cron("0 12 29 2 *"), ZoneInfo("UTC"))
    found = almanac.get_next_fire_time(None, datetime(2096, 3, 1, tzinfo=UTC))
    assert found == datetime(2104, 2, 29, 12, tzinfo=UTC)


def test_weekdays_are_those_of_the_zone() -> None:
    # 23:30 on a Friday in Los Angeles is a Saturday in UTC
    assert fires("30 23 * * fri", "America/Los_Angeles", "2026-06-01", 7) == ["06-06 06:30"]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 360),
)
def test_a_daily_time_fires_once_on_each_local_day(zone: str, minute: int, hour: int, offset: int) -> None:
    almanac = Almanac(parse_cron(f"{minute} {hour} * * *"), ZoneInfo(zone))
    at = almanac.get_next_fire_time(None, datetime(2026, 1, 3, tzinfo=UTC) + timedelta(days=offset))
    assert at is not None
    days = []
    for _ in range(12):
        following = almanac.get_next_fire_time(at, at)
        assert following is not None
        days.append(following.astimezone(ZoneInfo(zone)).date())
        assert timedelta(hours=22) < following - at < timedelta(hours=26)
        at = following
    assert all(b - a == timedelta(days=1) for a, b in pairwise(days))
