"""What the service manager hears, over a real socket."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.notifying import Herald, Manager


class Systemd:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(10)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)

    def heard(self) -> list[str]:
        """One message."""
        return self.socket.recv(4096).decode().split("\n")

    def silent(self) -> bool:
        self.socket.setblocking(False)
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(10)
        return False


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    name = f"@syncd-test-{os.getpid()}-{id(request)}" if request.param == "abstract" else str(tmp_path / "n")
    manager = Systemd(name)
    yield manager
    manager.socket.close()


def herald(systemd: Systemd, watchdog_s: float = 0.0) -> tuple[Herald, dict[str, object]]:
    state: dict[str, object] = {"alive": True, "status": "live: ready"}
    made = Herald(
        Manager(systemd.name, watchdog_s),
        lambda: (bool(state["alive"]), ""),
        lambda: str(state["status"]),
        threading.Event(),
        lambda: 7_000_000,
    )
    return made, state


def test_the_environment_says_where_and_how_often() -> None:
    names = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "42"}
    assert Manager.of(names, 42) == Manager("/run/n", 60.0)
    assert Manager.of(names, 43) == Manager("/run/n", 0.0)
    assert Manager.of({}, 42) == Manager()
    assert Manager.of({"NOTIFY_SOCKET": "vsock:2:1"}, 42) == Manager()


def test_ready_is_said_with_a_status_line(systemd: Systemd) -> None:
    made, state = herald(systemd)
    state["status"] = "live:\n ready"
    made.ready()
    assert systemd.heard() == ["READY=1", "STATUS=live: ready"]
    made.end()


def test_a_reload_is_framed(systemd: Systemd) -> None:
    made, _ = herald(systemd)
    made.reloading("begun")
    made.reloading("ended")
    assert systemd.heard() == ["RELOADING=1", "MONOTONIC_USEC=7000"]
    assert systemd.heard() == ["READY=1"]


def test_the_watchdog_is_fed_while_the_loop_moves_and_not_when_it_hangs(systemd: Systemd) -> None:
    made, state = herald(systemd, 60.0)
    made.beat()
    assert systemd.heard() == ["STATUS=live: ready", "WATCHDOG=1"]
    made.beat()
    assert systemd.heard() == ["WATCHDOG=1"]
    state["alive"] = False
    made.beat()
    assert systemd.silent()


def test_the_watchdog_is_fed_by_itself_until_the_end_and_stopping_is_said(systemd: Systemd) -> None:
    stop = threading.Event()
    made = Herald(Manager(systemd.name, 0.03), lambda: (True, ""), lambda: "fine", stop)
    made.ready()
    assert systemd.heard() == ["READY=1", "STATUS=fine"]
    assert "WATCHDOG=1" in systemd.heard()
    stop.set()
    heard = systemd.heard()
    while heard[0] != "STOPPING=1":
        heard = systemd.heard()
    assert systemd.heard() == ["WATCHDOG=1"]
    made.end()


def test_a_manager_that_is_gone_or_absent_is_no_failure(tmp_path: Path) -> None:
    Manager(str(tmp_path / "nobody")).say("READY=1")
    Manager().say("READY=1")
