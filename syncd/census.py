"""Census: the contacts that a CRM has in scope are those that are known, each in one state; differences heal.

It lists the records themselves, not the search that pulls follow: what that one never showed is found here.
The list only says where to look. Whatever differs is read again and placed by the ordinary pull.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.brakes import emptied
from syncd.model import Contact
from syncd.plan import in_scope
from syncd.pull import LEFT, Puller, start_of
from syncd.runtime import Runtime, lease_us
from syncd.store import lists, runs, work
from syncd.store.engine import MILLION
from syncd.write import stop_sync

_log = structlog.get_logger("syncd.census")
EVERY_S = 86_400.0
AGAIN_S = 900.0
"""The pause after a CRM that could not be asked."""
PAGE = 500
DIFFERENCES = ("unknown", "gone", "outside", "returned")


class Marks:
    """A set of row numbers, one bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> None:
        byte = number >> 3
        if byte >= len(self._bits):
            self._bits.extend(bytes(max(1024, byte + 1 - len(self._bits))))
        self._bits[byte] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        byte = number >> 3
        return byte < len(self._bits) and bool(self._bits[byte] >> (number & 7) & 1)


@dataclass
class Census:
    """One census of one sync. It may be left and gone on with, as long as the process lives."""

    runtime: Runtime
    sync: str
    ignored: frozenset[str] = frozenset()
    counts: Counter[str] = field(default_factory=Counter)
    """records, in_scope, before_start, on_their_way; and the differences by DIFFERENCES."""
    braked: str = ""
    done: bool = False
    _begun_us: int = 0
    _cursor: str | None = None
    _seen: Marks = field(default_factory=Marks)
    _outside: Marks = field(default_factory=Marks)

    @property
    def crm(self) -> CrmAccount:
        """Where the records are."""
        return self.runtime.crms[self.runtime.policies[self.sync].crm]

    def run(self, enough: Callable[[], bool] = lambda: False) -> bool:
        """Go on until it is done or `enough`; whether it is done. A braked one is done and concludes nothing.

        Raises:
            Failure: the CRM could not be asked; it goes on from the last page.
        """
        policy = self.runtime.policies[self.sync]
        with self.runtime.store.read() as connection:
            self._begun_us = self._begun_us or work.now_us(connection)
        names = sorted({clause.property for clause in policy.where})
        for page in self.crm.connector.scan(policy.object, names, self._cursor):
            self._count(page.contacts)
            self._cursor = page.cursor
            if enough():
                return False
        self._conclude()
        self.done = True
        return True

    def _count(self, contacts: Sequence[Contact]) -> None:
        """Compare one page with what is known."""
        policy = self.runtime.policies[self.sync]
        with self.runtime.store.read() as connection:
            rows = work.known(connection, self.sync, [c.id for c in contacts])
            state = runs.sync_state(connection, self.sync)
            start_us = start_of(connection, self.sync)
        missed: list[str] = []
        for contact in contacts:
            row, wanted = rows.get(contact.id), in_scope(contact.fields or {}, policy)
            self.counts["records"] += 1
            self.counts["in_scope"] += wanted
            changed_us = round(contact.updated_at.timestamp() * MILLION) if contact.updated_at else None
            if row is not None:
                self._seen.add(row.id)
                if wanted and row.reason in LEFT:
                    self.counts["returned"] += 1
                    missed.append(contact.id)
                elif not wanted and row.reason not in LEFT:
                    self._outside.add(row.id)
            elif wanted and changed_us is not None and changed_us < start_us:
                self.counts["before_start"] += 1
            elif wanted and changed_us is not None and changed_us > (state.watermark_us or 0):
                self.counts["on_their_way"] += 1
            elif wanted:
                self.counts["unknown"] += 1
                missed.append(contact.id)
        self._take_in(missed)

    def _conclude(self) -> None:
        """What was not listed, or is out of scope, is read again and leaves; unless that would be too much."""
        leaving = [(row.id, row.record_id, row.id in self._outside) for row in self._leaving()]
        with self.runtime.store.read() as connection:
            known = lists.present(connection, self.sync, LEFT)
        share = self.runtime.policies[self.sync].brakes.empty_crm
        why = "" if "empty_crm" in self.ignored else emptied(len(leaving), known, share)
        if why:
            self.braked = why
            return
        for start in range(0, len(leaving), PAGE):
            self._take_in([record for _, record, _ in leaving[start : start + PAGE]])
        with self.runtime.store.read() as connection:
            for start in range(0, len(leaving), PAGE):
                part = leaving[start : start + PAGE]
                left = {r.id for r in work.many(connection, [i for i, _, _ in part]) if r.reason in LEFT}
                self.counts.update("outside" if out else "gone" for i, _, out in part if i in left)

    def _leaving(self) -> Iterator[work.Row]:
        """Known records that were not listed, or listed as out of scope. What came in meanwhile does not count."""
        after = 0
        while True:
            with self.runtime.store.read() as connection:
                rows = lists.page(connection, (*work.OPEN, *work.ENDED), [self.sync], after, PAGE)
            if not rows:
                return
            after = rows[-1].id
            for row in rows:
                if row.reason in LEFT or row.seen_us >= self._begun_us:
                    continue
                if row.id not in self._seen or row.id in self._outside:
                    yield row

    def _take_in(self, ids: Sequence[str]) -> None:
        """Read these records and place them, as a pull does."""
        if not ids:
            return
        runtime, policy = self.runtime, self.runtime.policies[self.sync]
        lease = lease_us(runtime.settings)
        Puller.of(runtime.store, self.crm, policy, runtime.salt, runtime.owner, lease).take_in(ids)

    def report(self) -> dict[str, Any]:
        """What was found, for people and programs."""
        with self.runtime.store.read() as connection:
            states = lists.counts(connection, [self.sync])
            known = lists.present(connection, self.sync, LEFT)
        found = {name: self.counts[name] for name in ("records", "in_scope", *DIFFERENCES)}
        return {
            "sync": self.sync,
            **found,
            "before_start": self.counts["before_start"],
            "on_their_way": self.counts["on_their_way"],
            "known": known,
            "states": states,
            "differences": sum(self.counts[name] for name in DIFFERENCES),
            "braked": self.braked,
        }


def carry_out(census: Census, run_id: int) -> dict[str, Any]:
    """Book a census that is done; its report."""
    found = census.report()
    with census.runtime.store.write() as connection:
        now_us = work.now_us(connection)
        if not census.braked:
            runs.set_sync(connection, census.sync, census_at=now_us)
        kept = {k: v for k, v in found.items() if k != "states"} | {"at_us": now_us}
        runs.set_meta(connection, _key(census.sync), orjson.dumps(kept).decode())
        if found["differences"]:
            reason = ", ".join(f"{found[name]} {name}" for name in DIFFERENCES if found[name])
            runs.record(connection, f"sync:{census.sync}", "census", run_id=run_id, reason=reason)
    if census.braked:
        stop_sync(census.runtime.store, census.sync, census.braked, run_id)
    _log.info("census.done", sync=census.sync, **{k: v for k, v in found.items() if isinstance(v, int)})
    return found


def last(connection: Connection, sync: str) -> dict[str, Any] | None:
    """The report of a sync's newest census, with `at_us`; None before the first."""
    held = runs.get_meta(connection, _key(sync))
    return orjson.loads(held) if held else None


def due(runtime: Runtime) -> list[str]:
    """The syncs that have had no census for a day, nor began within it, and that have read all that they should."""
    found = []
    with runtime.store.write() as connection:
        now_us = work.now_us(connection)
        stopped = {h.scope for h in runs.halts(connection)}
        for name, policy in runtime.policies.items():
            state = runs.sync_state(connection, name)
            if state.watermark_us is None or state.scan_started_us is not None:
                continue
            if stopped & {"all", f"sync:{name}", f"crm:{policy.crm}"}:
                continue
            runs.claim_meta(connection, f"census_from:{name}", str(now_us))
            begun_us = int(runs.get_meta(connection, f"census_from:{name}") or 0)
            if now_us - max(state.census_us or 0, begun_us) >= EVERY_S * MILLION:
                found.append(name)
    return found


def put_off(runtime: Runtime, sync: str) -> None:
    """Try again later what could not be done now."""
    with runtime.store.write() as connection:
        from_us = work.now_us(connection) - round((EVERY_S - AGAIN_S) * MILLION)
        runs.set_meta(connection, f"census_from:{sync}", str(from_us))


def _key(sync: str) -> str:
    return f"census:{sync}"
