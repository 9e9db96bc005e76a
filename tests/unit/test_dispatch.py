"""What becomes due when, while somebody sets the clock or the machine sleeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from syncd.config import Settings
from syncd.dispatch import Dispatcher
from tests.unit.config_stand_ins import edited, install, read

FAR = datetime(2041, 6, 1, 12, tzinfo=UTC)
"""Far enough ahead that the scheduler itself, which goes by the machine's clock, never rings in a test."""


@dataclass
class Clocks:
    """A wall clock that can be set, and a steady one that cannot."""

    wall: float = FAR.timestamp()
    steady: float = 1000.0

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def at(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def scheduled(schedule: str) -> Settings:
    """Settings with one sync of this schedule."""
    return read(edited(("every: 5m", schedule)))


@pytest.fixture
def dispatch(clocks: Clocks) -> Iterator[object]:
    made: list[Dispatcher] = []

    def start(settings: Settings) -> Dispatcher:
        dispatcher = Dispatcher(settings, lambda: clocks.wall, lambda: clocks.steady)
        made.append(dispatcher)
        dispatcher.start()
        assert dispatcher.take() == list(settings.syncs)
        return dispatcher

    yield start
    for dispatcher in made:
        dispatcher.stop()


def test_every_sync_is_due_at_the_start_and_then_waits(dispatch, clocks):
    dispatcher = dispatch(scheduled("every: 5m"))
    clocks.passes(60)
    dispatcher.tick()
    assert dispatcher.take() == []
    assert dispatcher.next_at() == clocks.at("2041-06-01T12:05:00")


def test_a_clock_set_back_does_not_put_a_sync_off(dispatch, clocks):
    dispatcher = dispatch(scheduled("every: 5m"))
    clocks.passes(60)
    clocks.wall -= 7200
    dispatcher.tick()
    assert dispatcher.take() == []
    assert dispatcher.next_at() == clocks.at("2041-06-01T10:05:00")
    assert (dispatcher.steps, dispatcher.stepped_s, dispatcher.missed) == (1, 7200, 0)


def test_a_daily_time_keeps_its_place_on_a_clock_that_was_set_back(dispatch, clocks):
    dispatcher = dispatch(scheduled('cron: "0 15 * * *"'))
    clocks.wall -= 86_400
    dispatcher.tick()
    assert dispatcher.take() == []
    assert dispatcher.next_at() == clocks.at("2041-05-31T15:00:00")


@pytest.mark.parametrize(
    ("schedule", "slept_s", "missed", "following"),
    [
        ("every: 5m", 8 * 3600, 95, "2041-06-01T20:05:00"),
        ("every: 1d", 8 * 3600, None, "2041-06-02T12:00:00"),
        ('cron: "30 13 * * *"', 8 * 3600, 0, "2041-06-02T13:30:00"),
        ('cron: "*/10 * * * *"', 3600, 5, "2041-06-01T13:10:00"),
        ('cron: "0 3 * * *"', 3 * 86_400, 2, "2041-06-05T03:00:00"),
    ],
)
def test_after_a_sleep_one_run_catches_up_and_the_missed_ones_are_counted(
    dispatch, clocks, schedule, slept_s, missed, following
):
    dispatcher = dispatch(scheduled(schedule))
    clocks.wall += slept_s
    dispatcher.tick()
    assert dispatcher.take() == ([] if missed is None else ["new-leads"])
    dispatcher.tick()
    assert dispatcher.take() == []
    assert dispatcher.missed == (missed or 0)
    assert dispatcher.next_at() == clocks.at(following)


def test_a_clock_set_to_and_fro_never_stops_a_sync(dispatch, clocks):
    dispatcher = dispatch(scheduled("every: 1h"))
    ran = 0
    for number in range(200):
        clocks.passes(600)
        clocks.wall += 1800 if number % 2 else -1800
        dispatcher.tick()
        ran += len(dispatcher.take())
    assert ran >= 200 * 600 // 3600 - 1


def test_a_small_correction_of_the_clock_is_no_step(dispatch, clocks):
    dispatcher = dispatch(scheduled("every: 5m"))
    clocks.wall += 2
    dispatcher.tick()
    assert dispatcher.steps == 0


def test_new_settings_leave_a_schedule_that_did_not_change_alone(dispatch, clocks):
    dispatcher = dispatch(scheduled("every: 5m"))
    clocks.passes(240)
    dispatcher.arm(scheduled("every: 5m"))
    assert dispatcher.take() == []
    assert dispatcher.next_at() == clocks.at("2041-06-01T12:05:00")
    dispatcher.arm(scheduled("every: 2m"))
    assert dispatcher.next_at() == clocks.at("2041-06-01T12:06:00")


def test_a_sync_that_is_new_is_due_at_once_and_one_that_is_gone_is_not(dispatch):
    dispatcher = dispatch(scheduled("every: 5m"))
    text = edited(("every: 5m", "every: 5m")).replace("  new-leads:", "  other-leads:")
    dispatcher.arm(read(text))
    assert dispatcher.take() == ["other-leads"]
