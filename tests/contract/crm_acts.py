"""One row's work with one CRM: a stand-in full of contacts, a connector, and the product's own wire."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from connectors.sandbox import Rehearsal
from connectors.sandbox.base import Sandbox
from syncd.calls import Line
from syncd.connector import Crm, Options, Wire
from syncd.meter import Meter
from syncd.model import Clause, Contact, Page, Patch, WriteResult
from syncd.pacing import Pacer
from tests.contract.acts import Stage
from tests.contract.loopback import Tamper, fault
from tests.contract.subjects import CrmFacts

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CrmSubject:
    """A CRM as the rows take it. `build` makes the connector from its options, wire and base URL."""

    name: str
    rehearsal: Rehearsal
    facts: CrmFacts
    options: type[Options]
    build: Callable[[Options, Wire, str], Crm]
    stage: Stage

    def open(self, crowded: bool = False, **settings: Any) -> CrmAct:
        """A new stand-in and a connector to it."""
        wanted = {**self.rehearsal.swift, **self.facts.settings, **settings}
        sandbox = self.stage.troupe.open(self.name, wanted, crowded)
        return CrmAct(self, sandbox, f"{self.name}-{next(self.stage.numbers)}")


class CrmAct:
    """One stand-in and one connector. Waits are noted, not waited for."""

    def __init__(self, subject: CrmSubject, sandbox: Sandbox, account: str) -> None:
        self.subject, self.sandbox, self.account = subject, sandbox, account
        self.facts = subject.facts
        self.waits: list[float] = []
        self.meter = Meter()
        self.pacer = Pacer(subject.stage.store, self.waits.append)
        self._given: dict[str, Any] = {**subject.rehearsal.options, **subject.facts.options}
        for option, credential in subject.rehearsal.secrets.items():
            path = subject.stage.folder / f"{account}.{option}"
            path.write_text(credential, "utf-8")
            self._given[option] = {"file": str(path)}
        self.connector = self.connected(subject.stage.troupe.server.url)

    def connected(self, url: str, wire: Wire | None = None) -> Crm:
        """A connector to an address, with the product's wire or another one."""
        fields = self.subject.options.model_fields
        address = {"base_url": url} if "base_url" in fields else {}
        self.options = self.subject.options(**self._given, **address)
        if wire is not None:
            return self.subject.build(self.options, wire, url)
        line = Line(self.account, {}, self.pacer, lambda operation, answer: None, self.meter)
        connector = self.subject.build(self.options, line, url)
        fast = [replace(limit, count=10_000, per_s=1.0) for limit in connector.limits]
        line.buckets = self.pacer.buckets(self.account, fast)
        line.classify = connector.classify
        return connector

    def again(self) -> None:
        """A new connector, as after a restart."""
        self.connector = self.connected(self.subject.stage.troupe.server.url)

    def change_secrets(self, text: str) -> None:
        """Put another text in the place of every credential, for connectors made from now on and before."""
        for option in self.subject.rehearsal.secrets:
            (self.subject.stage.folder / f"{self.account}.{option}").write_text(text, "utf-8")

    # reading and writing

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties that a sync would read."""
        return (self.facts.email, *self.facts.properties)

    @property
    def now(self) -> datetime:
        """The stand-in's clock."""
        return self.sandbox.clock.now()

    def changed(
        self,
        since: datetime = LONG_AGO,
        until: datetime | None = None,
        resume: str | None = None,
        where: Sequence[Clause] = (),
    ) -> Iterator[Page]:
        """The pages of what changed; up to now where nothing else is said."""
        end = until or self.now + timedelta(seconds=1)
        return self.connector.changed(self.facts.object, since, end, self.properties, where, resume)

    def scan(self, resume: str | None = None, authorship: bool = False) -> Iterator[Page]:
        return self.connector.scan(self.facts.object, self.properties, resume, authorship)

    def read(self, *ids: str, authorship: bool = False, properties: Sequence[str] = ()) -> dict[str, Contact]:
        """The records by id."""
        wanted = properties or self.properties
        return {c.id: c for c in self.connector.read(self.facts.object, ids, wanted, authorship)}

    def write(self, *changes: tuple[str, Mapping[str, str]]) -> list[WriteResult]:
        """Write (id, changes) pairs."""
        patches = [Patch(i, c, f"{self.account}-{n}") for n, (i, c) in enumerate(changes)]
        return self.connector.write(self.facts.object, patches)

    @cached_property
    def ids(self) -> list[str]:
        """The ids of all records, in order."""
        return [c.id for page in self.scan() for c in page.contacts]

    # what others do, and what really happened

    def edit(self, contact_id: str, values: Mapping[str, str], author: str = "person") -> None:
        """Change a record as somebody else."""
        self.sandbox.edit({"id": contact_id, "properties": dict(values), "as": author})

    def event(self, template: Mapping[str, Any], contact_id: str, other: str = "") -> None:
        """A rare event: a deletion, a merge."""
        names = {"{id}": contact_id, "{other}": other}
        self.sandbox.edit({key: names.get(str(value), value) for key, value in template.items()})

    def written(self) -> list[tuple[str, str]]:
        """Record and property of every write, by the stand-in's own books."""
        return [(w.record, w.property) for w in self.sandbox.books.writes]

    @contextmanager
    def requesting(self) -> Iterator[list[tuple[str, str, int]]]:
        """Method, path template and status of the requests while the block runs."""
        before, seen = len(self._requests()), list[tuple[str, str, int]]()
        yield seen
        seen += self._requests()[before:]

    def _requests(self) -> list[tuple[str, str, int]]:
        with urllib.request.urlopen(f"{self.subject.stage.troupe.server.url}/_sandbox/health", timeout=10):
            pass
        return [(method, path, status) for method, path, status, *_ in self.sandbox.journal.rows]

    def fault(self, kind: str, **more: Any) -> None:
        fault(self.sandbox, kind, **more)

    def tamper(self, tamper: Tamper | None) -> None:
        """Change answers from the next request on, which is number 1."""
        server = self.subject.stage.troupe.server
        server.number, server.tamper = 0, tamper


def everybody(pages: Iterator[Page]) -> list[Contact]:
    """All records of all pages."""
    return [contact for page in pages for contact in page.contacts]


Call = Callable[[CrmAct], Any]
CALLS: Mapping[str, Call] = {
    "check": lambda act: act.connector.check(),
    "schema": lambda act: act.connector.schema(act.facts.object),
    "changed": lambda act: everybody(act.changed()),
    "scan": lambda act: everybody(act.scan()),
    "read": lambda act: act.read(*act.ids[:3]),
    "read with authors": lambda act: act.read(*act.ids[:3], authorship=True),
    "write": lambda act: act.write(*((i, {act.facts.properties[0]: "Test Pilot"}) for i in act.ids[:3])),
}
"""Every way in which a CRM is asked."""
