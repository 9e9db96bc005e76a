"""Sandbox servers for tests: one process each, on a free port, ended for sure."""

from __future__ import annotations

import json
import os
import select
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.warm import Warm

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 30.0
END_WITHIN_S = 5.0


class SandboxFailed(AssertionError):
    """A sandbox did not start; the text holds what its process said."""


@dataclass
class Sandbox:
    """A running server. `http` speaks to it without credentials; it is closed with the server."""

    vendor: str
    url: str
    pid: int
    http: httpx.Client

    def control(self, name: str, data: object = None, method: str = "", **query: str) -> Any:
        """What `/_sandbox/NAME` answers: a question without data, else an order. Refusals fail the test."""
        verb = method or ("GET" if data is None else "POST")
        answer = self.http.request(verb, f"/_sandbox/{name}", params=query, json=data)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def books(self) -> Any:
        """Charges and writes, with their totals."""
        return self.control("books")

    def journal(self) -> list[dict[str, Any]]:
        """Every request to the vendor's API so far, in order."""
        requests: list[dict[str, Any]] = self.control("journal")["requests"]
        return requests

    def fault(self, kind: str, **more: Any) -> None:
        """Install a fault that acts from the next request on."""
        self.control("faults", {"kind": kind, **more})

    def clear_faults(self) -> None:
        """Take every fault away."""
        self.control("faults", method="DELETE")

    def settle(self, **settings: Any) -> None:
        """Turn knobs."""
        self.control("settings", settings)

    def advance(self, seconds: float) -> None:
        """Step the server's clock."""
        self.control("clock", {"advance_s": seconds})

    def edit(self, **edit: Any) -> Any:
        """Change a record as a person (the default), an import, …"""
        if "author" in edit:
            edit["as"] = edit.pop("author")
        return self.control("edit", edit)


@contextmanager
def start_sandbox(
    vendor: str,
    contacts: int = 200,
    csv: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    faults: Sequence[Mapping[str, Any]] = (),
    seed: int = 1,
    namesakes: float = 0.0,
    tls: Path | None = None,
    begin: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen,
) -> Iterator[Sandbox]:
    """A server of its own, for as long as the block lasts; over https where `tls` is a folder.

    Raises:
        SandboxFailed: it did not start; the text is what its process wrote to stderr.
    """
    command = [
        sys.executable, "-m", "connectors.sandbox", vendor, "--seed", str(seed), "--contacts", str(contacts),
        "--namesakes", str(namesakes), "--settings", json.dumps(settings or {}), "--faults", json.dumps(list(faults)),
        *(["--csv", str(csv)] if csv else []), *(["--tls", str(tls)] if tls else []),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as errors:
        process = begin(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        try:
            told = _first_line(process, errors)
            trusted = ssl.create_default_context(cafile=str(tls / "ca.pem")) if tls else True
            with httpx.Client(base_url=told["url"], timeout=20, trust_env=False, verify=trusted) as http:
                yield Sandbox(vendor, told["url"], told["pid"], http)
        finally:
            _end(process)


def _first_line(process: subprocess.Popen[bytes], errors: Any) -> dict[str, Any]:
    assert process.stdout is not None
    deadline = time.monotonic() + START_WITHIN_S
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        read = os.read(process.stdout.fileno(), 65_536) if ready else b""
        if not read:
            _end(process)
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
            why = "ended" if ready else f"did not start within {START_WITHIN_S:g} s"
            raise SandboxFailed(f"the sandbox {why} (exit {process.returncode}): {said or 'no message'}")
        line += read
    told: dict[str, Any] = json.loads(line)
    return told


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close the server's standard input, at which it ends; kill it where it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


Starter = Callable[..., Sandbox]


@contextmanager
def sandboxes(warm: Warm) -> Iterator[Starter]:
    """A `start_sandbox` whose servers all end with the block; takes the same arguments."""
    with ExitStack() as stack:
        yield lambda *args, **kwargs: stack.enter_context(start_sandbox(*args, begin=warm.popen, **kwargs))
