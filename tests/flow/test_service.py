"""The daemon as a service manager runs it: ready, reload, watchdog, drain."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from syncd.config import load
from syncd.store import reloads
from syncd.store.engine import Store, holder
from tests.rehearsals import ROOT, Director, Stage


@dataclass
class Service:
    """`syncd run` with somebody at the other end of NOTIFY_SOCKET."""

    process: subprocess.Popen[bytes]
    socket: socket.socket
    log: Path
    heard: list[str] = field(default_factory=list)

    def until(self, word: str) -> str:
        """The first state that begins with the word."""
        while True:
            for state in self.socket.recv(4096).decode().split("\n"):
                self.heard.append(state)
                if state.startswith(word):
                    return state

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def service(play: Stage, watchdog_s: float = 60.0) -> Iterator[Service]:
    folder = play.rehearsal.folder
    notify = folder / "notify"
    notify.unlink(missing_ok=True)
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(notify))
    ear.settimeout(60)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "NOTIFY_SOCKET": str(notify),
        "WATCHDOG_USEC": str(round(watchdog_s * 1e6)),
    }
    log = folder / "service.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "syncd", "run", "--config", str(play.config)],
            stdout=out, stderr=out, env=environment, cwd=ROOT,
        )  # fmt: skip
    try:
        yield Service(process, ear, log)
    finally:
        process.kill()
        process.wait(10)
        ear.close()


def test_a_service_says_ready_feeds_the_watchdog_and_drains(stage: Director) -> None:
    play = stage(contacts=20)
    with service(play, 0.6) as running:
        running.until("READY=1")
        running.until("WATCHDOG=1")
        assert holder(play.rehearsal.folder / "state.db") == running.process.pid
        assert running.end() == 0
        running.until("STOPPING=1")
    assert holder(play.rehearsal.folder / "state.db") is None
    assert play.oracle(everyone=False) == []


def test_a_reload_takes_the_whole_file_over_and_names_what_needs_a_restart(stage: Director) -> None:
    play = stage(contacts=10)
    with service(play) as running:
        running.until("READY=1")
        free = free_port()
        play.configure(
            {
                "http": {"listen": f"127.0.0.1:{free}"},
                "providers": {"contactout": {"budgets": {"email": {"per_month": 777}}}},
            }
        )
        said = play.command("reload", "--json")
        assert (said.code, said.json["reloaded"], said.json["needs_restart"]) == (0, True, ["http.listen"])
        running.until("RELOADING=1")
        running.until("READY=1")
        assert "restart the service for http.listen" in play.command("status").out
        assert "config.reloaded" in running.log.read_text()
        assert running.end() == 0
    told = play.command("budget", "--json").json["budgets"]
    email = next(kind for kind in told if kind["kind"] == "email")
    assert next(cap["cap"] for cap in email["caps"] if cap["per"] == "month") == 777


def test_an_invalid_file_changes_nothing_and_everybody_is_told(stage: Director) -> None:
    port = free_port()
    play = stage(contacts=10, changes={"http": {"listen": f"127.0.0.1:{port}"}})
    with service(play) as running:
        running.until("READY=1")
        good = play.config.read_text()
        play.config.write_text(good.replace("mode: live", "mode: lively"))
        said = play.command("reload", "--pid", str(running.process.pid))
        assert said.code == 78
        assert 'did you mean "live"?' in said.err
        running.until("RELOADING=1")
        running.until("READY=1")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            assert b"the last reload was refused" in answer.read()
        play.config.write_text(good)
        status = play.command("status", "--json").json
        assert status["config"]["last_reload_ok"] is False
        assert "value.choice" in status["needs"][0]
        assert "config.refused" in running.log.read_text()
        assert play.command("reload").out.startswith("Reloaded")
        assert play.command("status", "--json").json["config"]["last_reload_ok"] is True
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.read() == b"ready\n"
        assert running.end() == 0


def test_a_token_of_another_account_is_refused_by_a_reload(stage: Director) -> None:
    play = stage(contacts=5)
    with service(play) as running:
        running.until("READY=1")
        play.configure({"crms": {"hubspot-sandbox": {"account": "999"}}})
        said = play.command("reload")
        assert said.code == 78
        assert "opens account" in said.err
        assert running.end() == 0


def test_without_a_service_there_is_nothing_to_reload(stage: Director) -> None:
    play = stage(contacts=5)
    assert play.command("once", "--json").code == 0
    said = play.command("reload")
    assert said.code == 2
    assert "nothing to reload" in said.err


def test_a_run_by_hand_is_never_signalled(stage: Director) -> None:
    play = stage(contacts=5)
    heard: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: heard.append(number))
    try:
        with play.runtime():
            said = play.command("reload")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert said.code == 7
    assert f"process {os.getpid()} holds the state and is no service" in said.err
    assert heard == []


def test_a_start_is_noted_with_its_process(stage: Director) -> None:
    play = stage(contacts=5)
    with service(play) as running:
        running.until("READY=1")
        store = Store(load(play.config).database_url())
        with store.read() as connection:
            noted = reloads.last(connection)
        store.close()
        assert noted is not None
        assert (noted.ok, noted.pid, noted.serial) == (True, running.process.pid, 1)
        assert running.end() == 0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
