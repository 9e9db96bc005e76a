"""How the last start or reload of the running process went."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from syncd.store import runs, work

KEY = "config_last_reload"
"""The row of the meta table; its value is a `Reload` as JSON."""


@dataclass(frozen=True, slots=True)
class Reload:
    """One start or reload. Instants in microseconds."""

    serial: int
    """One more with each start and each attempt."""
    pid: int
    ok: bool
    at_us: int
    good_at_us: int
    """When a configuration was last taken over."""
    said: str = ""
    """Why it was refused; blank where it was not."""
    restart: tuple[str, ...] = ()
    """Keys that differ from those in force and need a restart."""


def last(connection: Connection) -> Reload | None:
    """The last start or reload, or None before the first."""
    text = runs.get_meta(connection, KEY)
    if not text:
        return None
    found = json.loads(text)
    return Reload(**{**found, "restart": tuple(found["restart"])})


def note(connection: Connection, ok: bool, said: str = "", restart: Sequence[str] = ()) -> None:
    """Remember how a start or reload of this process went."""
    before, now_us = last(connection), work.now_us(connection)
    noted = Reload(
        serial=before.serial + 1 if before else 1,
        pid=os.getpid(),
        ok=ok,
        at_us=now_us,
        good_at_us=now_us if ok or before is None else before.good_at_us,
        said=said,
        restart=tuple(restart),
    )
    runs.set_meta(connection, KEY, json.dumps(asdict(noted)))
