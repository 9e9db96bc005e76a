"""A contact's cycle that dies at its first side effect, its second, its third, …: whoever takes over converges.

A side effect is a commit, a request to a vendor, or a write to the CRM; the process dies before or after it.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.sandbox import REHEARSALS, SERVERS
from connectors.sandbox.population import Population
from syncd.calls import Line
from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.oracle import Oracle
from syncd.rehearsal import Rehearsal, Stand
from syncd.runtime import open_runtime
from syncd.store import jobs, lists, work
from syncd.store.engine import Store
from tests.contract.loopback import Loopback

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{name}")
    # A thread that dies, and a connection that nobody closes: that is what dying is.
    for name in (
        "pytest.PytestUnhandledThreadExceptionWarning",
        "pytest.PytestUnraisableExceptionWarning",
        "ResourceWarning",
    )
]
VENDORS = ("hubspot", "contactout")
CYCLES = 8
STRIDE = 5
ALL = bool(os.environ.get("EVERY_STEP"))
"""`make every-step`: to die at every point takes minutes; `make test` takes every fifth."""


class Died(BaseException):
    """The process is gone; nothing that it would have done later happens."""


@dataclass
class Fate:
    """Counts side effects and lets the process die at one of them."""

    at: int = 0
    count: int = 0
    dead: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def passes(self) -> None:
        """A point at which the process may die."""
        with self._turn:
            if self.dead:
                raise Died
            self.count += 1
            if self.count == self.at:
                self.dead = True
                raise Died


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, Loopback]]:
    opened = {vendor: Loopback() for vendor in VENDORS}
    yield opened
    for server in opened.values():
        server.close()


@dataclass
class World:
    """One contact in a CRM, a provider that knows them, and a state."""

    folder: Path
    servers: Mapping[str, Loopback]

    def begin(self, template: Path | None) -> None:
        people = Population.invent(1, seed=21)
        self.rehearsal = Rehearsal(self.folder)
        for vendor, server in self.servers.items():
            server.stage(import_module(SERVERS[vendor]).Server(people, dict(REHEARSALS[vendor].swift)))
            self.rehearsal.stands[vendor] = Stand(vendor, server.url, cast("Any", None))
        self.settings = load(self.rehearsal.write_config(True, {"log": {"level": "error"}}))
        if template is not None:
            shutil.copy(template, self.folder / "state.db")

    def cycle(self, hours: int = 0) -> dict[str, Any]:
        ahead = timedelta(hours=hours)
        runtime = open_runtime(self.settings, clock=lambda: datetime.now(UTC) + ahead)
        runtime.store.keep_time_by(lambda: round((datetime.now(UTC) + ahead).timestamp() * 1e6))
        try:
            Cycle(runtime, Orders(list(runtime.policies))).run()
            with runtime.store.read() as connection:
                return {**lists.counts(connection), "pending": len(jobs.pending(connection))}
        finally:
            runtime.close()

    def settle(self) -> None:
        for number in range(CYCLES):
            counts = self.cycle(hours=2 * number)
            if not counts["pending"] and not any(counts.get(state) for state in work.OPEN):
                return
        raise AssertionError(f"it does not settle: {counts}")

    def violations(self) -> list[str]:
        store = Store(self.settings.database_url())
        try:
            return Oracle(
                store,
                self.rehearsal.stands,
                {"hubspot-sandbox": "hubspot"},
                {"contactout": "contactout"},
                syncs={"hubspot-sandbox-contacts": "hubspot-sandbox"},
            ).violations()
        finally:
            store.close()


@contextmanager
def mortal(monkeypatch: pytest.MonkeyPatch, fate: Fate) -> Iterator[None]:
    """Every commit and every request is a point of death, before it and after it."""
    write, once = Store.write, Line.once

    @contextmanager
    def fatal_write(self: Store) -> Iterator[Any]:
        with write(self) as connection:
            yield connection
            fate.passes()
        fate.passes()

    def fatal_once(self: Line, *args: Any, **kwargs: Any) -> Any:
        fate.passes()
        answer = once(self, *args, **kwargs)
        fate.passes()
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", fatal_write)
        patched.setattr(Line, "once", fatal_once)
        # The machine lets go of a dead process's lock; one that dies in this process would keep it.
        patched.setattr(Store, "_take_lock", lambda self: None)
        yield


def live(world: World, fate: Fate, monkeypatch: pytest.MonkeyPatch) -> bool:
    """One cycle under this fate; whether it died."""
    with mortal(monkeypatch, fate):
        try:
            world.cycle()
        except Died:
            return True
    return fate.dead


def die_everywhere(
    tmp_path: Path, servers: Mapping[str, Loopback], monkeypatch: pytest.MonkeyPatch, begin: int, step: int
) -> int:
    """Die at every step-th point from `begin` on; the number of points that a whole cycle has."""
    template = tmp_path / "template.db"
    at = begin
    while True:
        folder = tmp_path / str(at)
        folder.mkdir()
        world = World(folder, servers)
        world.begin(template if template.exists() else None)
        if not template.exists():
            _migrate(world, template)
        fate = Fate(at)
        died = live(world, fate, monkeypatch)
        world.settle()
        assert world.violations() == [], f"dead at side effect {at}"
        if not died:
            return fate.count
        at += step


def _migrate(world: World, template: Path) -> None:
    runtime = open_runtime(world.settings)
    runtime.close()
    with Store(world.settings.database_url()).engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(world.folder / "state.db", template)


Survive = Callable[[int, int], int]


@pytest.mark.parametrize("begin", range(1, STRIDE + 1) if ALL else [1])
def test_a_cycle_that_dies_at_any_side_effect_is_taken_over(
    tmp_path: Path, servers: Mapping[str, Loopback], monkeypatch: pytest.MonkeyPatch, begin: int
) -> None:
    assert die_everywhere(tmp_path, servers, monkeypatch, begin, STRIDE) > 30
