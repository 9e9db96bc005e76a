"""`python -m tests.chaos.stepped FILE run --config PATH`: syncd as it is, on a machine whose wall clock is set.

FILE holds the seconds by which the clock is ahead of the true one; it may be changed at any moment. The product
has no door for this: the wall clock is replaced in this process, for syncd and for the scheduler that it uses.
The monotonic clock goes on undisturbed, as it does where an administrator sets the time.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from importlib import import_module
from pathlib import Path
from typing import Any

LOOK_S = 0.05
_true_ns = time.time_ns
_CLOCKED = (
    "syncd.runtime",
    "syncd.cycle",
    "syncd.daemon",
    "syncd.dispatch",
    "syncd.metrics",
    "syncd.notify",
    "syncd.notifying",
    "syncd.reload",
    "apscheduler.schedulers.base",
    "apscheduler.schedulers.background",
    "apscheduler.executors.base",
    "apscheduler.triggers.interval",
)


class Ahead:
    """Seconds by which the wall clock is ahead."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = self._read()
        threading.Thread(target=self._follow, name="clock", daemon=True).start()

    def _read(self) -> float:
        try:
            return float(self.path.read_text() or 0)
        except (OSError, ValueError):
            return 0.0

    def _follow(self) -> None:
        while True:
            time.sleep(LOOK_S)
            self.seconds = self._read()

    def time_ns(self) -> int:
        return _true_ns() + round(self.seconds * 1e9)

    def time(self) -> float:
        return self.time_ns() / 1e9


def wall(now: Callable[[], float]) -> type[datetime]:
    """A `datetime` that asks this clock, and takes every other one for its own kind."""

    class Kind(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, datetime)

    class Wall(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(now(), tz)

    return Wall


def main() -> int:
    """Set the clock, then be syncd."""
    faulthandler.register(signal.SIGUSR1)
    ahead = Ahead(Path(sys.argv[1]))
    time.time, time.time_ns = ahead.time, ahead.time_ns
    clock = wall(ahead.time)
    for name in _CLOCKED:
        import_module(name)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("syncd", "apscheduler") and module.__dict__.get("datetime") is datetime:
            module.__dict__["datetime"] = clock
    sys.argv = ["syncd", *sys.argv[2:]]
    from syncd.cli import main as syncd

    return int(syncd() or 0)


if __name__ == "__main__":
    sys.exit(main())
