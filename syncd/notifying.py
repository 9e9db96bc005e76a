"""Words to the service manager: sd_notify(3), and a watchdog that is fed while the daemon's loop moves."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

_MILLION = 1_000_000
STATUS_S = 10.0
"""How often the status line is looked at where no watchdog asks for more."""
STATUS_MOST = 200
PATIENCE_S = 2.0
"""A manager that does not read is not waited for: the work matters more."""


@dataclass(frozen=True, slots=True)
class Manager:
    """Who started us, by its socket; a path, or @ and an abstract name. Without one, nothing is said."""

    address: str = ""
    watchdog_s: float = 0.0
    """It ends us when it has not heard from us for so long; 0 where it does not."""

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> Manager:
        """As systemd's environment variables name it."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        usec = environment.get("WATCHDOG_USEC", "")
        return cls(address, int(usec) / _MILLION if meant and usec.isdigit() else 0.0)

    def say(self, *states: str) -> None:
        """Send states such as READY=1. A manager that does not listen is no reason to stop or to wait."""
        if not self.address:
            return
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(PATIENCE_S)
            out.connect(name)
            out.sendall("\n".join(states).encode())


class Herald:
    """Says to the manager what the daemon is at, from a thread of its own, until the process ends."""

    def __init__(
        self,
        manager: Manager,
        alive: Callable[[], tuple[bool, str]],
        status: Callable[[], str],
        stop: threading.Event,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._manager = manager
        self._alive, self._status, self._stop = alive, status, stop
        self._monotonic_ns = monotonic_ns
        self._ended = threading.Event()
        self._said = ""
        self._thread: threading.Thread | None = None

    @classmethod
    def of_this_process(
        cls, alive: Callable[[], tuple[bool, str]], status: Callable[[], str], stop: threading.Event
    ) -> Herald:
        """For the manager that started this process, if one did."""
        return cls(Manager.of(os.environ, os.getpid()), alive, status, stop)

    def ready(self) -> None:
        """The service works; from now on the watchdog is fed."""
        self._manager.say("READY=1", f"STATUS={self._line()}")
        if self._manager.address and self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="herald", daemon=True)
            self._thread.start()

    def reloading(self, event: str) -> None:
        """`begun` and `ended` of a reload."""
        if event == "begun":
            self._manager.say("RELOADING=1", f"MONOTONIC_USEC={self._monotonic_ns() // 1000}")
        else:
            self._manager.say("READY=1")

    def beat(self) -> None:
        """Feed the watchdog, if the loop moves, and pass a new status line on."""
        states = []
        line = self._line()
        if line != self._said:
            self._said = line
            states.append(f"STATUS={line}")
        if self._manager.watchdog_s and self._alive()[0]:
            states.append("WATCHDOG=1")
        if states:
            self._manager.say(*states)

    def end(self) -> None:
        """Say no more."""
        self._ended.set()
        if self._thread is not None and self._stop.is_set():
            self._thread.join(5)

    def _line(self) -> str:
        return " ".join(self._status().split())[:STATUS_MOST]

    def _watch(self) -> None:
        interval = min(STATUS_S, self._manager.watchdog_s / 3 or STATUS_S)
        while not self._stop.wait(interval):
            self.beat()
            if self._ended.is_set():
                return
        self._manager.say("STOPPING=1", "STATUS=finishing what was begun")
        self._said = self._line()
        while not self._ended.wait(interval):
            self.beat()
