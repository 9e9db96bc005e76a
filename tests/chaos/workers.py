"""Daemons that live and die: processes of their own, with their own clocks, and all that they say."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from tests.rehearsals import ROOT

READY_S = 90.0
POLL_S = 0.02
REQUESTS = ("syncd_provider_requests_total{", "syncd_crm_requests_total{")


class Nursery:
    """Begins daemons by forking a process that has imported everything: seconds of a processor less for each."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.stepped"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.codes: dict[int, int] = {}
        """Process → exit code, of those that have ended."""
        self._born: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            pid, code = json.loads(line)
            if code is None:
                self._born.put(pid)
            else:
                self.codes[pid] = code

    def begin(self, clock: Path, config: Path, errors: Path) -> int:
        """The process id of a new daemon."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(clock), str(config), str(errors)]) + "\n")
        self._process.stdin.flush()
        return self._born.get(timeout=READY_S)

    def close(self) -> None:
        """End it, with every daemon that still lives."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._listener.join(10)
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass
class Worker:
    """One daemon at a time, over one configuration. `said` holds every line of all of them."""

    nursery: Nursery
    config: Path
    clock: Path
    said: list[str] = field(default_factory=list)
    pid: int | None = None
    _reader: threading.Thread | None = None

    @property
    def code(self) -> int | None:
        """Its exit code once it has ended."""
        return None if self.pid is None else self.nursery.codes.get(self.pid)

    @property
    def alive(self) -> bool:
        return self.pid is not None and self.code is None

    def set_clock(self, ahead_s: float) -> None:
        """Set its wall clock, whether it runs or not."""
        fresh = self.clock.with_suffix(".new")
        fresh.write_text(f"{ahead_s}")
        fresh.replace(self.clock)

    def start(self) -> bool:
        """A new daemon; True once it serves, False where it ended before."""
        assert not self.alive
        begun = len(self.said)
        errors = self.clock.with_suffix(".errors")
        errors.unlink(missing_ok=True)
        os.mkfifo(errors, 0o600)
        self._reader = threading.Thread(target=self._read, args=(errors,), daemon=True)
        self._reader.start()
        self.pid = self.nursery.begin(self.clock, self.config, errors)
        return self.hears(('"daemon.ready"',), READY_S, begun)

    def _read(self, errors: Path) -> None:
        with errors.open() as told, self.clock.with_suffix(".log").open("a") as kept:
            for line in told:
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

    def requests(self) -> int | None:
        """How many requests it has sent to vendors, by its own metrics; None where it does not tell."""
        ready = [json.loads(line) for line in self.said if '"daemon.ready"' in line]
        try:
            with urllib.request.urlopen(f"http://{ready[-1]['listen']}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except (OSError, HTTPException, IndexError):
            return None
        return sum(int(float(line.split()[-1])) for line in lines if line.startswith(REQUESTS))

    def signal(self, number: signal.Signals) -> None:
        assert self.pid is not None
        os.kill(self.pid, number)

    def kill(self) -> None:
        """As a power cut ends it."""
        if self.alive:
            self.signal(signal.SIGKILL)
        self._gone()

    def end(self, within_s: float = 60.0) -> bool:
        """As an operator ends it; False where it does not end in time, or badly."""
        self.signal(signal.SIGTERM)
        until = time.monotonic() + within_s
        while self.alive and time.monotonic() < until:
            time.sleep(POLL_S)
        code = self.code
        self.kill()
        return code == 0

    def note_end(self) -> tuple[int, str] | None:
        """How it ended by itself: its exit code and its last sentence. None where it lives or never did."""
        code = self.code
        if code is None:
            return None
        self._gone()
        last = [line for line in self.said[-3:] if not line.startswith("{")]
        return code, (last or [""])[-1].strip()

    def _gone(self) -> None:
        while self.alive:
            time.sleep(POLL_S)
        if self._reader is not None:
            self._reader.join(5)
        self.pid = self._reader = None

    @property
    def unclean(self) -> list[str]:
        """Lines that are neither events of the log nor sentences for an operator, and events of broken code."""
        return [line.strip()[:500] for line in self.said if _is_unclean(line)]


def _is_unclean(line: str) -> bool:
    if not line.startswith("{"):
        return line.startswith(("Traceback", "  File "))
    try:
        event = json.loads(line)
    except ValueError:
        # A killed daemon leaves its last line unfinished.
        return False
    return str(event.get("event", "")).endswith(".broken") and "exception" in event
