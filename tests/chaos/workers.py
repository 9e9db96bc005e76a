"""Daemons that live and die: processes of their own, with their own clocks, and all that they say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.rehearsals import ROOT

READY_S = 90.0
POLL_S = 0.02


@dataclass
class Worker:
    """One daemon at a time, over one configuration. `said` holds every line of all of them."""

    name: str
    config: Path
    clock: Path
    said: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None
    ends: list[tuple[int, str]] = field(default_factory=list)
    """How daemons ended that nobody had told to: the exit code, and what they said last."""
    _reader: threading.Thread | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def set_clock(self, ahead_s: float) -> None:
        """Set its wall clock, whether it runs or not."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{ahead_s}")
        fresh.replace(self.clock)

    def start(self) -> bool:
        """A new daemon; True once it serves, False where it ended before."""
        assert not self.alive
        begun = len(self.said)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.chaos.stepped",
                str(self.clock),
                "run",
                "--config",
                str(self.config),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        return self.hears(('"daemon.ready"',), READY_S, begun)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with self.clock.with_suffix(".log").open("a") as kept:
            for line in process.stderr:
                self.said.append(line)
                kept.write(line)
                kept.flush()

    def hears(self, texts: Sequence[str], within_s: float, begun: int | None = None) -> bool:
        """Whether it says one of the texts within a time, counted from line `begun` or from now on; False at its end."""
        seen = len(self.said) if begun is None else begun
        until = time.monotonic() + within_s
        while True:
            alive = self.alive
            while seen < len(self.said):
                if any(text in self.said[seen] for text in texts):
                    return True
                seen += 1
            if not alive or time.monotonic() > until:
                return False
            time.sleep(POLL_S)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut ends it."""
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)
        self._gone()

    def end(self, within_s: float = 60.0) -> bool:
        """As an operator ends it; False where it does not end in time, or badly."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        try:
            code = self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self._gone()
        return code == 0

    def note_end(self) -> tuple[int, str] | None:
        """How it ended by itself, or None where it lives or was never started."""
        if self.process is None or self.alive:
            return None
        found = (self.process.returncode, "")
        self._gone()
        last = [line for line in self.said[-3:] if not line.startswith("{")]
        found = (found[0], (last or [""])[-1].strip())
        self.ends.append(found)
        return found

    def _gone(self) -> None:
        if self.process is not None:
            self.process.wait()
        if self._reader is not None:
            self._reader.join(5)
        self.process = self._reader = None

    @property
    def unclean(self) -> list[str]:
        """Lines that are neither events of the log nor sentences for an operator, and events of broken code."""
        return [line.strip() for line in self.said if _is_unclean(line)]


def _is_unclean(line: str) -> bool:
    if not line.startswith("{"):
        return line.startswith(("Traceback", "  File "))
    try:
        event = json.loads(line)
    except ValueError:
        # A killed daemon leaves its last line unfinished.
        return False
    return str(event.get("event", "")).endswith(".broken") and "exception" in event
