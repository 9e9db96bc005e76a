"""Pull: new and changed records become work rows, in the transaction that moves the cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.codec import pack_contact, unpack_contact
from syncd.connector import Failure, FailureKind
from syncd.kin import marks, numbers_of
from syncd.model import Author, Contact, Page, SyncPolicy
from syncd.plan import equal_text, in_scope, input_digest, keys_of, persona_of, text_of
from syncd.store import changes, lists, people, runs, work
from syncd.store.engine import MILLION, Store

_log = structlog.get_logger("syncd.pull")
VERIFY_S = 7200.0
LOOK_AGAIN = 500
TOGETHER = 200


@dataclass(frozen=True, slots=True)
class Window:
    """From when a sync reads. `since` is now, beginning, or an instant; `overlap_s` is read again each time."""

    since: str | datetime = "now"
    overlap_s: float = 600.0


@dataclass
class Puller:
    """Reads one sync's CRM up to now."""

    store: Store
    crm: CrmAccount
    policy: SyncPolicy
    window: Window
    salt: bytes
    run_id: int
    stopped: Callable[[], bool] = lambda: False
    limit: int | None = None
    owner: str = ""
    lease_us: int = 60 * MILLION
    counts: Counter[str] = field(default_factory=Counter)
    """seen, in_scope, unchanged, carried, ready, gone, left_scope, not_applied."""
    brake: Callable[[int, int], str] = lambda gone, known: ""
    """Told how many of how many known records this pull would take for gone: why it must not, or ""."""
    _leaving: int = 0
    _met: set[str] = field(default_factory=set)

    @classmethod
    def of(
        cls, store: Store, crm: CrmAccount, policy: SyncPolicy, salt: bytes, owner: str, lease_us: int
    ) -> Puller:
        """One that takes in what it is told, outside any run."""
        return cls(store, crm, policy, Window(), salt, 0, owner=owner, lease_us=lease_us)

    def take_in(self, ids: Sequence[str]) -> None:
        """Read these records and place them as if they had come up as changed.

        Raises:
            Failure: of kind unavailable where another worker reads the sync's CRM at this moment.
        """
        try:
            for start in range(0, len(ids), TOGETHER):
                bare = tuple(Contact(i) for i in ids[start : start + TOGETHER])
                self._take_in(Page(bare, ""), lambda connection, cursor: None)
        finally:
            with self.store.write() as connection:
                runs.release_sync(connection, self.policy.name, self.owner)

    def pull(self, everything: bool = False) -> None:
        """Read what changed since the last time; with `everything` (a backfill) all records first.

        What was stored stays stored: after a failure the next pull goes on at the last page.
        """
        with self.store.write() as connection:
            if not runs.lease_sync(connection, self.policy.name, self.owner, self.lease_us):
                self.counts["elsewhere"] += 1
                return
            state = runs.sync_state(connection, self.policy.name)
        try:
            self._pull(state, everything)
        finally:
            with self.store.write() as connection:
                runs.release_sync(connection, self.policy.name, self.owner)

    def _pull(self, state: runs.SyncState, everything: bool) -> None:
        fresh = state.watermark_us is None and state.scan_started_us is None
        if fresh and not everything and self.window.since == "now":
            self._start_from(self._now())
            return
        if fresh and isinstance(self.window.since, datetime) and not everything:
            self._start_from(self.window.since)
        elif state.scan_started_us is not None or everything or fresh:
            self._scan(state)
        if not self._enough():
            self._changed()
            self._look_again()

    def _now(self) -> datetime:
        return self.crm.connector.now(self.policy.object)

    def _start_from(self, at: datetime) -> None:
        with self.store.write() as connection:
            at_us = round(at.timestamp() * MILLION)
            runs.set_sync(connection, self.policy.name, watermark_at=at_us)
            runs.set_meta(connection, _start_key(self.policy.name), str(at_us))

    def _enough(self) -> bool:
        return self.stopped() or (self.limit is not None and self.counts["ready"] >= self.limit)

    def _scan(self, state: runs.SyncState) -> None:
        """Every record, page by page; afterwards changes are read from the moment when the scan began."""
        started = state.scan_started_us
        if started is None:
            started = round(self._now().timestamp() * MILLION)
            with self.store.write() as connection:
                runs.set_sync(connection, self.policy.name, scan_started_at=started, scan_cursor=None)
        connector = self.crm.connector
        authors = connector.authors_in_pull
        pages = connector.scan(self.policy.object, self._names, state.scan_cursor, authors)
        for page in pages:
            self._take_in(
                page,
                lambda connection, cursor: runs.set_sync(connection, self.policy.name, scan_cursor=cursor),
            )
            if self._enough():
                return
        with self.store.write() as connection:
            runs.set_sync(
                connection, self.policy.name, scan_started_at=None, scan_cursor=None, watermark_at=started
            )
            runs.set_meta(connection, _start_key(self.policy.name), "0")

    def _changed(self) -> None:
        """The window from the watermark, less the overlap, to the CRM's present."""
        with self.store.read() as connection:
            state = runs.sync_state(connection, self.policy.name)
        if state.window_until_us is None:
            since = _instant(state.watermark_us or 0) - timedelta(seconds=self.window.overlap_s)
            until, cursor = self._now(), None
            with self.store.write() as connection:
                bounds = {"window_from_at": _us(since), "window_until_at": _us(until)}
                runs.set_sync(connection, self.policy.name, cursor=None, **bounds)
        else:
            since, until, cursor = (
                _instant(state.window_from_us or 0),
                _instant(state.window_until_us),
                state.cursor,
            )
        pages = self.crm.connector.changed(
            self.policy.object, since, until, self._names, self.policy.where, cursor
        )
        for page in pages:
            self._take_in(
                page, lambda connection, cursor: runs.set_sync(connection, self.policy.name, cursor=cursor)
            )
            if self._enough():
                return
        with self.store.write() as connection:
            runs.set_sync(
                connection,
                self.policy.name,
                watermark_at=_us(until),
                window_from_at=None,
                window_until_at=None,
                cursor=None,
            )

    def _look_again(self) -> None:
        """Writes that have not come back as a change for long are looked for in the records themselves."""
        with self.store.read() as connection:
            ids = changes.unverified_records(
                connection, self.policy.crm, self.policy.object, round(VERIFY_S * MILLION), LOOK_AGAIN
            )
            open_writes = changes.unverified(connection, self.policy.crm, self.policy.object, ids)
        read = {c.id: c for c in self._fetch(ids, authorship=False)}
        with self.store.write() as connection:
            self._verify(connection, read, open_writes)
            gone = [c.id for i in set(ids) - read.keys() for c in open_writes.get(i, ())]
            changes.verify(connection, gone)

    # one page

    def _take_in(self, page: Page, move: Callable[[Connection, str], None]) -> None:
        """Store a page and the cursor behind it in one transaction."""
        contacts = {c.id: c for c in page.contacts if c.id not in self._met or c.version is None}
        self._met.update(contacts)
        with self.store.read() as connection:
            rows = work.known(connection, self.policy.name, list(contacts))
            open_writes = changes.unverified(connection, self.policy.crm, self.policy.object, list(rows))
        wanted = [c for c in contacts.values() if not _same_version(c, rows.get(c.id)) or c.id in open_writes]
        read = self._read(wanted, rows)
        self._mind_leaving(read, rows)
        self.counts["seen"] += len(contacts)
        with self.store.write() as connection:
            if not runs.lease_sync(connection, self.policy.name, self.owner, self.lease_us):
                raise Failure(FailureKind.UNAVAILABLE, "another worker reads it now", charged=False)
            self._verify(connection, read, open_writes)
            self._leave_forgotten(connection, read, rows)
            for record_id in contacts.keys() - read.keys():
                if record_id in rows:
                    self._same(connection, rows[record_id], contacts[record_id].version)
            fresh = [self._place(connection, c, rows.get(c.id)) for c in read.values()]
            self._add(connection, [c for c in fresh if c is not None])
            move(connection, page.cursor)

    def _mind_leaving(self, read: Mapping[str, Contact], rows: Mapping[str, work.Row]) -> None:
        """Stop before a page is stored with which too many known records would have left."""
        leaving = [
            c
            for c in read.values()
            if c.id in rows
            and rows[c.id].reason not in LEFT
            and (c.gone or not in_scope(c.fields or {}, self.policy))
        ]
        if not leaving:
            return
        self._leaving += len(leaving)
        with self.store.read() as connection:
            known = lists.present(connection, self.policy.name, LEFT)
        why = self.brake(self._leaving, known + self._leaving - len(leaving))
        if why:
            raise Emptied(why)

    def _read(self, contacts: Sequence[Contact], rows: dict[str, work.Row]) -> dict[str, Contact]:
        """The records as the store has them now; with authors where anything that matters is new.

        A known record is read without authors first: those cost a CRM twice the calls, and most changes
        do not concern us.
        """
        found = {c.id: c for c in contacts if c.fields is not None or c.gone}
        known = [c.id for c in contacts if c.id not in found and c.id in rows]
        for contact in self._fetch(known, authorship=False):
            found[contact.id] = contact
        blind = [c.id for c in contacts if c.id not in found]
        plain = [
            c
            for c in found.values()
            if not c.gone and not c.authors_read and self._matters(c, rows.get(c.id))
        ]
        authors = self.crm.connector.authors_in_pull
        again = [*blind, *(c.id for c in plain)] if authors else blind
        for contact in self._fetch(again, authorship=authors):
            found[contact.id] = contact
        return found

    @property
    def _names(self) -> list[str]:
        """Every property that is read."""
        return names_to_read(self.crm, self.policy)

    def _matters(self, contact: Contact, row: work.Row | None) -> bool:
        if row is not None:
            return input_digest(contact.fields or {}, self.policy) != row.input_digest
        return in_scope(contact.fields or {}, self.policy)

    def _fetch(self, ids: Sequence[str], authorship: bool) -> list[Contact]:
        if not ids:
            return []
        return self.crm.connector.read(self.policy.object, ids, self._names, authorship)

    def _verify(
        self, connection: Connection, read: dict[str, Contact], open_writes: dict[str, list[changes.Stored]]
    ) -> None:
        """What an earlier run wrote is seen in the CRM, or it is said that it is not."""
        seen: list[int] = []
        for record_id, stored in open_writes.items():
            contact = read.get(record_id)
            if contact is None or contact.fields is None:
                continue
            for change in stored:
                if equal_text(text_of(contact.fields.get(change.property)), change.after or "") or _touched(
                    contact, change
                ):
                    seen.append(change.id)
                elif equal_text(text_of(contact.fields.get(change.property)), change.before or ""):
                    changes.move(connection, change.id, ("written",), "not_applied", code="not stored")
                    self.counts["not_applied"] += 1
                    _log.warning("write.not_applied", contact=change.work_id, field=change.field)
                else:
                    seen.append(change.id)
        changes.verify(connection, seen)

    def _leave_forgotten(
        self, connection: Connection, read: dict[str, Contact], rows: dict[str, work.Row]
    ) -> None:
        """People who asked to be forgotten keep a row without their data, and nothing else."""
        if not people.anybody_forgotten(connection):
            return
        held = {c.id: set(self._marks(c)) for c in read.values() if not c.gone}
        gone = people.forgotten(connection, sorted({m for found in held.values() for m in found}))
        for record_id in [i for i, found in held.items() if found & gone]:
            row = rows.get(record_id)
            if row is None:
                bare = replace(read[record_id], fields={}, authors={})
                row_id = work.add(connection, [self._row(bare, work.now_us(connection))])[0]
            else:
                row_id = row.id
            people.forget(connection, [row_id], held[record_id])
            self.counts["in_scope"] += 1
            self.counts["unchanged"] += 1
            del read[record_id]
            rows.pop(record_id, None)

    def _place(self, connection: Connection, contact: Contact, row: work.Row | None) -> Contact | None:
        """Bring a known record's row up to date; a record without a row is returned to be added."""
        if contact.gone:
            self.counts["gone"] += 1
            if row is not None:
                reason = MERGED if contact.merged_into else DELETED
                work.leave(connection, row.id, reason)
            return None
        if not in_scope(contact.fields or {}, self.policy):
            if row is not None and row.reason != _OUT:
                self.counts["left_scope"] += 1
                work.leave(connection, row.id, _OUT)
            return None
        self.counts["in_scope"] += 1
        if row is None:
            return contact
        mark = input_digest(contact.fields or {}, self.policy)
        if mark == row.input_digest and row.reason not in LEFT:
            self._same(connection, row, contact.version, contact)
            return None
        self.counts["ready"] += 1
        changes.give_another_chance(connection, row.id)
        work.again(
            connection,
            row.id,
            version=contact.version or "",
            input_digest=mark,
            record=pack_contact(contact),
            trace=None,
            run_id=self.run_id,
        )
        people.set_identity(connection, {row.id: self._marks(contact)})
        return None

    def _same(
        self, connection: Connection, row: work.Row, version: str | None, read: Contact | None = None
    ) -> None:
        if read is None and row.reason != _OUT:
            self.counts["in_scope"] += 1
        if row.state in work.ENDED:
            self.counts["unchanged"] += 1
        else:
            self.counts["carried"] += 1
        if version and version != row.version:
            work.touch(connection, row, version, _renewed(row, read))

    def _add(self, connection: Connection, contacts: Sequence[Contact]) -> None:
        now = work.now_us(connection)
        ids = work.add(connection, [self._row(c, now) for c in contacts])
        self.counts["ready"] += len(ids)
        people.set_identity(connection, {i: self._marks(c) for i, c in zip(ids, contacts, strict=True)})

    def _row(self, contact: Contact, now_us: int) -> dict[str, Any]:
        return {
            "sync": self.policy.name,
            "crm": self.policy.crm,
            "object": self.policy.object,
            "record_id": contact.id,
            "state": "ready",
            "version": contact.version or "",
            "input_digest": input_digest(contact.fields or {}, self.policy),
            "record": pack_contact(contact),
            "run_id": self.run_id,
            "seen_at": now_us,
            "changed_at": _us(contact.updated_at) if contact.updated_at else now_us,
        }

    def _marks(self, contact: Contact) -> Iterable[str]:
        fields = contact.fields or {}
        persona = persona_of(fields, self.policy.match)
        return marks(persona, keys_of(persona), numbers_of(fields, self.policy, persona), self.salt)


def start_of(connection: Connection, sync: str) -> int:
    """From when on changes are a sync's concern, in microseconds; 0 where every record is."""
    return int(runs.get_meta(connection, _start_key(sync)) or 0)


def _start_key(sync: str) -> str:
    return f"start:{sync}"


def names_to_read(crm: CrmAccount, policy: SyncPolicy) -> list[str]:
    """The properties that a sync reads of its CRM, with the one by which records lock together."""
    lock = crm.connector.lock_property
    return [*policy.properties, *([lock] if lock and lock not in policy.properties else [])]


class Emptied(Exception):
    """Too many known records would be taken for gone. The text names the brake and the figures."""


_OUT = "outside the sync's conditions"
MERGED, DELETED = "merged into another record", "deleted in the CRM"
LEFT = (_OUT, MERGED, DELETED, "deleted or merged in the CRM")
"""Why a known record is no concern of its sync; it is one again when it comes back."""


def _same_version(contact: Contact, row: work.Row | None) -> bool:
    return (
        row is not None
        and contact.version is not None
        and contact.version == row.version
        and not contact.gone
    )


def _touched(contact: Contact, change: changes.Stored) -> bool:
    """Whether somebody wrote the property after us: then it says nothing about our write."""
    author: Author | None = contact.authors.get(change.property)
    return bool(author and author.at and author.at.timestamp() * MILLION > (change.confirmed_us or 0))


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / MILLION, UTC)


def _us(at: datetime) -> int:
    return round(at.timestamp() * MILLION)


def _renewed(row: work.Row, read: Contact | None) -> bytes | None:
    """The record as a contact at work is to be planned on; authors that were not read stay those of their version."""
    if read is None or row.state not in work.OPEN:
        return None
    if read.authors_read:
        return pack_contact(read)
    held = unpack_contact(row.record_id, row.record)
    return pack_contact(replace(read, authors=held.authors, version=held.version))
