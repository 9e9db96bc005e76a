"""A CRM and a provider behind loopback servers of this process, and whole cycles over them: for tests of many worlds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, cast

from connectors.sandbox import REHEARSALS, SERVERS
from connectors.sandbox.base import Sandbox
from connectors.sandbox.population import Population
from syncd.config import Settings, load
from syncd.cycle import Cycle, Orders, Outcome
from syncd.log import Scrubber, configure
from syncd.oracle import Oracle
from syncd.rehearsal import Rehearsal, Stand
from syncd.runtime import open_runtime
from syncd.store.engine import Store
from tests.contract.loopback import Loopback, fault
from tests.rehearsals import addresses, opaque

VENDORS = ("hubspot", "contactout")


@contextmanager
def loopbacks() -> Iterator[Mapping[str, Loopback]]:
    """A server for each vendor; a world puts its own stand-ins behind them."""
    opened = {vendor: Loopback() for vendor in VENDORS}
    try:
        yield opened
    finally:
        for server in opened.values():
            server.close()


@dataclass
class World:
    """A few contacts, a provider that knows most of them, and a state."""

    folder: Path
    servers: Mapping[str, Loopback]
    people: int = 12
    changes: Mapping[str, Any] = field(default_factory=dict)
    knobs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    log: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        people = Population.invent(self.people, seed=21)
        self.rehearsal = Rehearsal(self.folder)
        for vendor, server in self.servers.items():
            wanted = {**REHEARSALS[vendor].swift, **self.knobs.get(vendor, {})}
            server.stage(import_module(SERVERS[vendor]).Server(people, wanted))
            self.rehearsal.stands[vendor] = Stand(vendor, server.url, cast("Any", None))
        self.settings: Settings = load(self.rehearsal.write_config(True, self.changes))
        self.url = self.settings.database_url()

    def sandbox(self, vendor: str) -> Sandbox:
        found = self.servers[vendor].sandbox
        assert found is not None
        return found

    def fault(self, vendor: str, kind: str, **more: Any) -> None:
        """Trouble from the next request on."""
        fault(self.sandbox(vendor), kind, **more)

    def begin(self) -> None:
        """An empty state."""
        open_runtime(self.settings).close()

    def cycle(self, hours: float = 0) -> Outcome:
        """One whole cycle, so many hours ahead; its log is kept."""
        ahead = timedelta(hours=hours)
        configure("info", "json", Scrubber(), stream=self.log)
        runtime = open_runtime(self.settings, clock=lambda: datetime.now(UTC) + ahead)
        runtime.store.keep_time_by(lambda: round((datetime.now(UTC) + ahead).timestamp() * 1e6))
        try:
            return Cycle(runtime, Orders(list(runtime.policies))).run()
        finally:
            runtime.close()

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The state, to look at or to tamper with."""
        store = Store(self.url)
        try:
            yield store
        finally:
            store.close()

    def oracle(
        self, stands: Mapping[str, Stand] | None = None, secrets: Sequence[str] = (), **given: Any
    ) -> list[str]:
        """What the oracle finds broken."""
        with self.store() as store:
            return Oracle(
                store,
                stands or self.rehearsal.stands,
                {name: c.type for name, c in self.settings.crms.items()},
                {name: p.type for name, p in self.settings.providers.items()},
                self.log.getvalue(),
                secrets,
                **{
                    "syncs": {name: s.crm for name, s in self.settings.syncs.items()},
                    "addresses": addresses(self.settings),
                    "opaque": opaque(self.settings),
                    **given,
                },
            ).violations()
