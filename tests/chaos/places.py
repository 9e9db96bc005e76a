"""Where the state lies, and what can befall that place: a full disk, writes that fail, a read-only mount, a server
that drops its connections.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.postgres import Postgres, postgres

FREE = resource.RLIM_INFINITY


class Disk:
    """A folder for a SQLite state. `fill`, `break_writes` and `seal` act until `mend`."""

    troubles: tuple[str, ...] = ("io_error",)

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limited: list[int] = []

    @property
    def changes(self) -> Mapping[str, Any]:
        """What a configuration says of it."""
        return {"url": f"sqlite:///{self.folder / 'state.db'}"}

    def ahead(self, seconds: float) -> None:
        """The database's clock is the process's: there is no other to set."""

    def break_writes(self, pid: int) -> None:
        """From now on no file of the process grows beyond what the state has now."""
        files = [p.stat().st_size for p in self.folder.glob("state.db*") if p.suffix != ".db-shm"]
        self._limit(pid, max(4096, min(files, default=4096)))
        self._limited.append(pid)

    def _limit(self, pid: int, size: int) -> None:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, FREE))

    def mend(self) -> None:
        """All is well again."""
        for pid in self._limited:
            self._limit(pid, FREE)
        self._limited.clear()


@dataclass
class Mount(Disk):
    """A small file system of its own: it can be full and it can be read-only."""

    folder: Path
    megabytes: int = 64
    _limited: list[int] = field(default_factory=list)

    troubles = ("io_error", "disk_full", "read_only")

    def fill(self) -> None:
        """Take all the space that is left."""
        with suppress(OSError), (self.folder / "ballast").open("wb", buffering=0) as ballast:
            while ballast.write(b"\0" * 65_536):
                pass

    def seal(self, sealed: bool = True) -> bool:
        """Mount it read-only, or for writing again; False where somebody still writes to it."""
        command = ["mount", "-o", f"remount,{'ro' if sealed else 'rw'}", str(self.folder)]
        return subprocess.run(command, check=False, capture_output=True).returncode == 0

    def mend(self) -> None:
        self.seal(False)
        (self.folder / "ballast").unlink(missing_ok=True)
        super().mend()


class Server:
    """A PostgreSQL server whose clock can be set and which can drop every connection."""

    troubles = ("cut",)
    _CLOCK = (
        "CREATE SCHEMA test",
        "CREATE TABLE test.clock AS SELECT 0::double precision AS ahead_s",
        "CREATE FUNCTION public.statement_timestamp() RETURNS timestamptz STABLE LANGUAGE sql AS "
        "'SELECT pg_catalog.statement_timestamp() + ahead_s * interval ''1 second'' FROM test.clock'",
    )

    def __init__(self, server: Postgres) -> None:
        self.server = server
        server.run("CREATE DATABASE chaos TEMPLATE template0")
        server.run(*self._CLOCK, database="chaos")

    @property
    def changes(self) -> Mapping[str, Any]:
        return {"url": f"{self.server.url('chaos')}&options=-csearch_path%3Dpublic%2Cpg_catalog"}

    def ahead(self, seconds: float) -> None:
        """Set the server's clock by so much ahead of the true one."""
        self.server.run(f"UPDATE test.clock SET ahead_s = {seconds}", database="chaos")

    def cut(self) -> None:
        """Drop every connection, whatever it is doing."""
        self.server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = 'chaos' AND pid <> pg_backend_pid()"
        )

    def mend(self) -> None:
        """The server takes connections all the time."""


Place = Disk | Server


@contextmanager
def place(folder: Path, on_postgresql: bool) -> Iterator[Place]:
    """A place for one campaign's state; gone with the block."""
    if on_postgresql:
        with postgres() as server:
            yield Server(server)
        return
    state = folder / "state"
    state.mkdir(mode=0o700)
    mounted = os.geteuid() == 0 and shutil.which("mount") and _mount(state)
    try:
        yield Mount(state) if mounted else Disk(state)
    finally:
        if mounted:
            # The mount takes the state along; whoever asked to keep the folder wants to look at it.
            shutil.copytree(state, folder / "state-at-the-end")
            subprocess.run(["umount", "-l", str(state)], check=False, capture_output=True)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
