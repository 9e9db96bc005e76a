"""The daemon as a process of its own, for flow tests: ended for sure."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.rehearsals import Stage


@dataclass
class Service:
    """A running daemon."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        listen = next(json.loads(line)["listen"] for line in self.lines if '"daemon.ready"' in line)
        return f"http://{listen}"

    @property
    def arguments(self) -> str:
        """What everybody on the machine can see of it."""
        return Path(f"/proc/{self.process.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()

    def end(self) -> str:
        """Ask it to end; its whole log."""
        self.process.send_signal(signal.SIGTERM)
        self.lines += self.process.communicate(timeout=30)[1].splitlines(keepends=True)
        assert self.process.returncode == 0
        return "".join(self.lines)


@contextmanager
def service(play: Stage, event: str = "run.done") -> Iterator[Service]:
    """The daemon, once it has logged the event: by itself, once its first cycle has ended."""
    process = play.process("run")
    running = Service(process)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            running.lines.append(line)
            if f'"{event}"' in line:
                break
        yield running
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> tuple[int, str]:
    """The status and text of an answer."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.read().decode()
