"""syncd as it is, on a machine whose wall clock is set: `become` is what each of chaos' daemons runs.

A file holds the seconds by which the clock is ahead of the true one; it may be changed at any moment. The product
has no door for this: the wall clock is replaced in this process, for syncd and for the scheduler that it uses.
The monotonic clock goes on undisturbed, as it does where an administrator sets the time.
"""

from __future__ import annotations

import json
import os
import select
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
WARM = (
    "syncd.cli.run",
    "syncd.daemon",
    "syncd.dispatch",
    "syncd.metrics",
    "syncd.notify",
    "syncd.notifying",
    "syncd.reload",
    "syncd.store.schema",
    "alembic.command",
    "connectors.hubspot",
    "connectors.salesforce",
    "connectors.contactout",
    "connectors.rocketreach",
    "connectors.crustdata",
    "connectors.waterfall_io",
    "connectors.reverselooker",
)
"""What a daemon imports. Imported once, it costs a new daemon a fork instead of seconds of a processor."""


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


def warm() -> None:
    """Import what a daemon imports."""
    for name in WARM:
        import_module(name)


def become(clock: Path, config: Path, errors: Path) -> int:
    """Be `syncd run --config CONFIG`, whose standard error goes to a pipe at `errors`; its exit code."""
    for number, (path, flags) in enumerate(
        ((os.devnull, os.O_RDONLY), (os.devnull, os.O_WRONLY), (errors, os.O_WRONLY))
    ):
        opened = os.open(path, flags)
        os.dup2(opened, number)
        os.close(opened)
    _set(Ahead(clock))
    from syncd.cli import main

    return main(["run", "--config", str(config)])


def _set(ahead: Ahead) -> None:
    time.time, time.time_ns = ahead.time, ahead.time_ns
    clock = wall(ahead.time)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in ("syncd", "apscheduler"):
            continue
        if module.__dict__.get("datetime") is datetime:
            module.__dict__["datetime"] = clock
    # The default of its parameter was bound to the true clock when the module was imported.
    dispatcher = sys.modules["syncd.dispatch"].Dispatcher.__init__
    dispatcher.__defaults__ = (ahead.time, *dispatcher.__defaults__[1:])


def _say(pid: int, code: int | None) -> None:
    sys.stdout.write(json.dumps([pid, code]) + "\n")
    sys.stdout.flush()


def nursery() -> None:
    """Read lines of [clock, config, errors]; begin a daemon for each, tell its pid, and at its end [pid, exit code]."""
    warm()
    children: set[int] = set()
    while True:
        if select.select([sys.stdin], [], [], LOOK_S / 2)[0]:
            line = sys.stdin.readline()
            if not line:
                break
            pid = os.fork()
            if not pid:
                code = 70
                try:
                    code = become(*(Path(p) for p in json.loads(line)))
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            children.add(pid)
            _say(pid, None)
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.discard(pid)
                _say(pid, os.waitstatus_to_exitcode(status))
    for pid in children:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    nursery()
