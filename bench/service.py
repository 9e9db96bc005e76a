"""What the service needs while nothing happens, and how soon it is ready with a large state."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.rehearsal import Rehearsal
from syncd.runtime import open_runtime
from syncd.store import tables as t

ROOT = Path(__file__).parent.parent
VENDORS = ("hubspot", "contactout", "rocketreach", "crustdata", "waterfall_io", "reverselooker")
CONTACTS = 1000
COPIES = 100
REST_S = 120
"""The sync is due every minute, so that two pulls fall into it."""
ANYWHERE = {"http": {"listen": "127.0.0.1:0"}}

_SHIFTED = {
    "work": {"id": "work"},
    "identity": {"work_id": "work"},
    "provider_call": {"id": "provider_call"},
    "lookup": {"id": "lookup", "call_id": "provider_call", "work_id": "work"},
    "ledger": {"id": "ledger", "call_id": "provider_call"},
    "change": {"id": "change", "work_id": "work", "lookup_id": "lookup"},
    "audit": {"seq": "audit", "work_id": "work", "change_id": "change", "call_id": "provider_call"},
}
"""Table → its columns that hold an id, and of which table."""
_MARKED = {"record_id", "digest", "key_digest"}
"""Columns that say who somebody is: each copy is another person."""


@contextmanager
def rehearsed(changes: Mapping[str, Any]) -> Iterator[Rehearsal]:
    """Stand-ins of a CRM and five providers, and a state after one cycle over all contacts."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        rehearsal.start(VENDORS, CONTACTS, swift=True)
        try:
            settings = load(rehearsal.write_config(True, changes))
            runtime = open_runtime(settings)
            Cycle(runtime, Orders(list(settings.syncs))).run()
            runtime.close()
            yield rehearsal
        finally:
            rehearsal.stop()


def environment() -> dict[str, str]:
    """As after an installation: what is imported has been compiled."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


@contextmanager
def started(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """The service, once it says READY=1, and how many seconds that took."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(folder / "notify"))
        ear.settimeout(120)
        begun = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "syncd", "run", "--config", str(folder / "config.yaml")],
            cwd=ROOT,
            env={**environment(), "NOTIFY_SOCKET": str(folder / "notify")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in ear.recv(4096):
                pass
            yield process, time.perf_counter() - begun
        finally:
            process.terminate()
            process.wait(60)
            (folder / "notify").unlink()


def idle() -> dict[str, Any]:
    """A daemon with five providers to whom nothing new comes: it pulls every minute and is asked how it is."""
    with rehearsed(ANYWHERE) as rehearsal, started(rehearsal.folder) as (process, _):
        pause = threading.Event()
        pause.wait(20)  # the first pull, and what Python imports with it
        before, begun = _cpu_s(process.pid), time.perf_counter()
        pause.wait(REST_S)
        spent = _cpu_s(process.pid) - before
        return {
            "seconds": REST_S,
            "core_share": round(spent / (time.perf_counter() - begun), 5),
            "rss_mb": round(_resident_kb(process.pid) / 1024, 1),
        }


def ready() -> dict[str, Any]:
    """From the start of the process to READY=1 with 100,000 known contacts, and what an operator asks then."""
    with rehearsed(ANYWHERE) as rehearsal:
        known = multiply(rehearsal.folder / "state.db", COPIES - 1)
        config = str(rehearsal.folder / "config.yaml")
        found = []
        for _ in range(3):
            with started(rehearsal.folder) as (process, seconds):
                found.append((seconds, _cpu_s(process.pid)))
        return {
            "known_contacts": known,
            "state_mb": round((rehearsal.folder / "state.db").stat().st_size / 2**20),
            "ready_s": round(min(s for s, _ in found), 2),
            "ready_cpu_s": round(min(c for _, c in found), 2),
            "status_ms": _best_ms("status", "--config", config),
            "help_ms": _best_ms("--help"),
        }


def multiply(path: Path, copies: int) -> int:
    """Everybody whom the state knows so many times more, each as somebody else; how many it knows then."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        most = {
            name: connection.execute(f"SELECT coalesce(max({_key(name)}), 0) FROM {name}").fetchone()[0]
            for name in _SHIFTED
            if name != "identity"
        }
        for name, shifted in _SHIFTED.items():
            columns = [c.name for c in t.metadata.tables[name].columns]
            taken = [
                f'"{c}" + :n * {most[shifted[c]]}'
                if c in shifted
                else f"\"{c}\" || '-' || :n"
                if c in _MARKED
                else f'"{c}"'
                for c in columns
            ]
            listed = ", ".join(f'"{c}"' for c in columns)
            rest = f" WHERE {_key(name)} <= {most[name]}" if name in most else " WHERE instr(digest, '-') = 0"
            for number in range(1, copies + 1):
                order = f'INSERT INTO "{name}" ({listed}) SELECT {", ".join(taken)} FROM "{name}"{rest}'
                connection.execute(order, {"n": number})
        connection.execute("UPDATE budget SET spent = spent * ?", (copies + 1,))
        return int(connection.execute("SELECT count(*) FROM work").fetchone()[0])


def _key(table: str) -> str:
    return "seq" if table == "audit" else "id"


def _cpu_s(pid: int) -> float:
    """Processor time that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _best_ms(*command: str) -> int:
    best = 1e9
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "syncd", *command],
            check=True, capture_output=True, cwd=ROOT, env=environment(),
        )  # fmt: skip
        best = min(best, time.perf_counter() - begun)
    return round(best * 1000)
