"""Write: decide on the fresh record, intend durably, send changed keys only."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from syncd.accounts import CrmAccount
from syncd.brakes import Watch
from syncd.calls import HeldBack
from syncd.codec import pack_contact, unpack_contact
from syncd.confirm import Case, Confirmation
from syncd.connector import Failure, FailureKind
from syncd.decide import Change, Scene, decide
from syncd.desk import Desk, read_known
from syncd.enrich import last_writes
from syncd.model import AuthorKind, Contact, Field, FieldInfo, Patch, SyncPolicy, WriteResult, Written
from syncd.offers import same_value
from syncd.plan import input_digest, text_of
from syncd.pull import names_to_read
from syncd.store import changes, leases, lists, people, runs, work
from syncd.store.engine import MILLION, Store
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.write")
LOST_IN_A_ROW = 3


class Writer:
    """Writes the enriched contacts of one sync."""

    def __init__(
        self,
        bench: Bench,
        crm: CrmAccount,
        policy: SyncPolicy,
        schema: Mapping[str, FieldInfo],
        watch: Watch,
        run_id: int,
    ) -> None:
        self.b = bench
        self.crm = crm
        self.policy = policy
        self.schema = schema
        self.watch = watch
        self.run_id = run_id
        self.only = run_id if bench.mandate else None
        """The run to which contacts must belong that are written."""
        self.kept: Counter[tuple[str, str]] = Counter()
        """(field, first word of the reason) → contacts."""
        self.braked = ""
        self.failure: Failure | None = None
        self._lost = 0
        """Answers to writes that were lost since the last one that came."""
        self._turn = threading.Lock()

    def drain(self, whole_batches: bool = False) -> None:
        """Write what is due, until nothing is, or a brake or a failure stops it.

        With `whole_batches` a rest that does not fill a batch is left for later.
        """
        with self._turn:
            while not self.b.stop.is_set() and not self.braked and not self.failure:
                if not self._batch(whole_batches):
                    return

    def _batch(self, whole: bool) -> bool:
        """One batch; False where nothing was due."""
        canary = self.watch.canary_left()
        size = (
            self.crm.connector.write_batch if canary is None else min(canary, self.crm.connector.write_batch)
        )
        states = ("enriched", "writing")
        with self.b.store.write() as connection:
            if whole and lists.backlog(connection, states, self.policy.name, self.only)[0] < size:
                return False
            rows = leases.claim(
                connection,
                self.b.owner,
                states,
                [self.policy.name],
                size,
                self.b.lease_us,
                self.run_id,
                assigned=self.only is not None,
            )
        if not rows:
            return False
        read_at = self.b.pacer.monotonic()
        try:
            cases = self._decide(rows)
            if cases:
                self._carry_out(cases, canary is not None, read_at)
        except Failure as failure:
            self._put_off(rows, failure)
        return True

    # deciding

    def _decide(self, rows: Sequence[work.Row]) -> list[Case]:
        """Fresh records and decisions; contacts that vanished or changed leave by another door."""
        fresh = self._read(rows)
        found = self._resolve_open(rows, fresh)
        with self.b.store.read() as connection:
            ids = [r.record_id for r in rows]
            written = changes.last_written(connection, self.policy.crm, self.policy.object, ids)
            refused = changes.refused(connection, [r.id for r in rows])
            siblings = people.siblings(connection, [r.id for r in rows])
        source, now = self.b.our_sources.get(self.policy.crm, ""), self.b.clock()
        desks: list[tuple[work.Row, Contact, Desk, Scene]] = []
        left: list[tuple[work.Row, Contact | None]] = []
        for row in rows:
            contact = fresh.get(row.record_id)
            if (
                contact is None
                or contact.gone
                or input_digest(contact.fields or {}, self.policy) != row.input_digest
            ):
                left.append((row, contact))
                continue
            last = last_writes(written.get(row.record_id, {}))
            twins = siblings.get(row.id, ())
            desk = Desk.open(row, self.policy, last, source, twins, self.b.salt, now, contact)
            no = refused.get(row.id, {})
            scene = Scene(contact, desk.assessment.persona, self.policy, last, source, self.schema, now, no)
            desks.append((row, contact, desk, scene))
        read_known(self.b.store, [d for *_, d, _ in desks], self.b.lifetimes(), self.b.now_us())
        gone = sum(1 for _, contact in left if contact is None or contact.gone)
        braked = self.watch.missing(gone, len(rows))
        if braked:
            self._brake(braked, rows)
            return []
        self._leave(left)
        return [Case(r, d, c, decide(scene, d.answers), resumed=r.id in found) for r, c, d, scene in desks]

    def _read(self, rows: Sequence[work.Row]) -> dict[str, Contact]:
        """The records as they are now; with authors where anything changed since those were read."""
        ids = [r.record_id for r in rows]
        by_pull = self.crm.connector.authors_in_pull
        fresh = {c.id: c for c in self._fetch(ids, authorship=not by_pull)}
        if not by_pull:
            return fresh
        moved: list[str] = []
        for row in rows:
            contact = fresh.get(row.record_id)
            if contact is None or contact.gone:
                continue
            # The row's own version may be newer than the authors: it is noted without them.
            stored = unpack_contact(row.record_id, row.record)
            if contact.version and contact.version == stored.version:
                fresh[row.record_id] = replace(contact, authors=stored.authors)
            else:
                moved.append(row.record_id)
        if moved:
            fresh.update({c.id: c for c in self._fetch(moved, authorship=True)})
        return fresh

    def _fetch(self, ids: Sequence[str], authorship: bool) -> list[Contact]:
        return self.crm.connector.read(
            self.policy.object, ids, names_to_read(self.crm, self.policy), authorship
        )

    def _leave(self, left: Sequence[tuple[work.Row, Contact | None]]) -> None:
        """Records that vanished, or whose inputs changed since they were planned: those start anew."""
        if not left:
            return
        with self.b.store.write() as connection:
            ends = []
            for row, contact in left:
                if contact is None or contact.gone:
                    work.leave(connection, row.id, "deleted or merged in the CRM")
                    continue
                mark = input_digest(contact.fields or {}, self.policy)
                ends.append(
                    leases.End(
                        row.id,
                        row.fence,
                        "ready",
                        record=pack_contact(contact),
                        version=contact.version or "",
                        input_digest=mark,
                    )
                )
            leases.finish(connection, self.b.owner, ends)

    def _resolve_open(self, rows: Sequence[work.Row], fresh: Mapping[str, Contact]) -> set[int]:
        """Intents that a crash left open: what the CRM holds now tells whether they were carried out."""
        found: set[int] = set()
        interrupted = [r for r in rows if r.state == "writing"]
        if not interrupted:
            return found
        with self.b.store.write() as connection:
            for row in interrupted:
                contact = fresh.get(row.record_id)
                for stored in changes.open_of(connection, row.id):
                    held = text_of((contact.fields or {}).get(stored.property)) if contact else ""
                    if held and same_value(Field(stored.field), held, stored.after or "", ""):
                        found.add(row.id)
                        changes.confirm(connection, [stored.id], verified=True)
                        runs.record(
                            connection,
                            f"sync:{self.policy.name}",
                            "write.confirmed",
                            run_id=self.run_id,
                            work_id=row.id,
                            change_id=stored.id,
                            reason="found in the CRM after an interruption",
                        )
                    else:
                        changes.move(connection, stored.id, ("intended",), "refused", code="interrupted")
        return found

    # writing

    def _carry_out(self, cases: Sequence[Case], canary: bool, read_at: float) -> None:
        writing = [c for c in cases if c.writes]
        braked = self._weigh(cases, writing)
        if braked:
            self._brake(braked, [c.row for c in cases])
            return
        self._intend(cases)
        if not writing:
            return
        patches = [self._patch(case) for case in writing]
        try:
            with self.crm.line.writing(read_at, self.b.lease_us / MILLION):
                results = self.crm.connector.write(self.policy.object, patches)
        except Failure as failure:
            again = failure.kind is FailureKind.AMBIGUOUS or isinstance(failure, HeldBack)
            if not again or self._lost >= LOST_IN_A_ROW:
                raise
            self._look_again([c.row for c in writing], failure)
            return
        self._lost = 0
        applied = self._read_back(writing, results, canary)
        with self.b.store.write() as connection:
            confirmation = Confirmation(self.b, self.policy, self.run_id, work.now_us(connection))
            for case, result in zip(writing, results, strict=True):
                confirmation.take(case, result, applied.get(case.row.record_id, False))
            confirmation.book(connection)
        confirmation.tell()
        if canary:
            wrong = sum(1 for c in writing if applied.get(c.row.record_id) is False)
            self.watch.verified += len(writing) - wrong
            if wrong:
                self._brake(f"canary: {wrong} of the first writes are not in the CRM", [])

    def _patch(self, case: Case) -> Patch:
        lock = self.crm.connector.lock_property
        return Patch(
            id=case.row.record_id,
            changes={c.property: c.after for c in case.writes},
            key=f"{case.row.id}.{case.change_ids[0]}",
            version=case.contact.version,
            group=text_of((case.contact.fields or {}).get(lock)) if lock else "",
        )

    def _weigh(self, cases: Sequence[Case], writing: Sequence[Case]) -> str:
        """Why these decisions must not be carried out, or ""."""
        wanted = [c for case in writing for c in case.writes]
        present = Counter(
            rule.field
            for case in cases
            for rule in self.policy.fields
            if text_of((case.contact.fields or {}).get(rule.to))
        )
        return self.watch.weigh(present, wanted)

    def _intend(self, cases: Sequence[Case]) -> None:
        """Durable intents before the first byte; contacts without a change come to their end."""
        rows = [self._change_row(case, c) for case in cases for c in case.decision.changes]
        with self.b.store.write() as connection:
            changes.supersede(connection, [case.row.id for case in cases])
            made = iter(changes.intend(connection, rows))
            confirmation = Confirmation(self.b, self.policy, self.run_id, work.now_us(connection))
            held: dict[int, tuple[int, bytes]] = {}
            for case in cases:
                self.kept.update(
                    (f.value, why.split(":")[0].split(" ")[0]) for f, why in case.decision.kept.items()
                )
                for _ in (why for why in case.decision.kept.values() if why.startswith("equal")):
                    self.b.on_write(self.policy.crm, None)
                ids = [(next(made), c) for c in case.decision.changes]
                case.change_ids = [i for i, c in ids if not c.propose]
                if case.change_ids:
                    held[case.row.id] = (case.row.fence, case.trace())
                else:
                    confirmation.finish(case, enriched=case.resumed)
            lost = leases.hold(connection, self.b.owner, "writing", held)
            if lost:
                raise Failure(FailureKind.UNAVAILABLE, "the lease was lost before the write", charged=False)
            confirmation.book(connection)
        confirmation.tell()

    def _change_row(self, case: Case, change: Change) -> dict[str, Any]:
        return {
            "work_id": case.row.id,
            "run_id": self.run_id,
            "crm": self.policy.crm,
            "object": self.policy.object,
            "record_id": case.row.record_id,
            "property": change.property,
            "field": change.field.value,
            "before": change.before,
            "after": change.after,
            "before_author": change.before_author,
            "account": change.account,
            "lookup_id": change.lookup_id,
            "quality": change.quality.value,
            "reason": change.reason,
            "state": "proposed" if change.propose else "intended",
        }

    def _read_back(
        self, writing: Sequence[Case], results: Sequence[WriteResult], canary: bool
    ) -> dict[str, bool]:
        """record id → whether the CRM holds what was written.

        The answer to the write tells it for most records. The first ones of a run, and those whose answer
        shows other values, are read; all others when they come back as changed, those too of which the CRM
        shows nothing.
        """
        told: dict[str, bool] = {}
        doubtful: list[Case] = []
        for case, result in zip(writing, results, strict=True):
            if isinstance(result, Written):
                shown = result.fields is None or case.shown_by(result.fields)
                told[case.row.record_id] = shown
                if not shown or canary:
                    doubtful.append(case)
        if doubtful:
            ids = [c.row.record_id for c in doubtful]
            unknown = canary and not self.b.our_sources.get(self.policy.crm)
            read = {c.id: c for c in self._fetch(ids, authorship=unknown)}
            for case in doubtful:
                contact = read.get(case.row.record_id)
                told[case.row.record_id] = contact is not None and case.shown_by(contact.fields or {})
                if unknown and contact is not None:
                    self._learn_our_source(contact, case)
        return told

    def _learn_our_source(self, contact: Contact, case: Case) -> None:
        """Under which source the CRM files our writes: told by the history of the first confirmed one."""
        if self.b.our_sources.get(self.policy.crm):
            return
        for change in case.writes:
            author = contact.authors.get(change.property)
            if author and author.kind is AuthorKind.INTEGRATION and author.source:
                with self.b.store.write() as connection:
                    runs.set_author(connection, self.policy.crm, author.source)
                self.b.our_sources[self.policy.crm] = author.source
                return

    # stopping

    def _brake(self, why: str, rows: Sequence[work.Row]) -> None:
        """Stop writing in this sync until a person has looked. What was found stays found."""
        self.braked = why
        with self.b.store.write() as connection:
            ends = [leases.End(row.id, row.fence, "enriched", row.reason) for row in rows]
            leases.finish(connection, self.b.owner, ends)
        stop_sync(self.b.store, self.policy.name, why, self.run_id)

    def _look_again(self, rows: Sequence[work.Row], failure: Failure) -> None:
        """These were held back, or nobody knows whether they were written: their records are read again at once."""
        self._lost += 1
        with self.b.store.write() as connection:
            leases.finish(
                connection,
                self.b.owner,
                [leases.End(r.id, r.fence, "writing", r.reason, 0, r.attempts) for r in rows],
            )
        _log.warning("write.lost", crm=self.crm.name, reason=failure.reason, records=len(rows))

    def _put_off(self, rows: Sequence[work.Row], failure: Failure) -> None:
        """The CRM gave no usable answer: intents stay, and the records are read again before anything is sent."""
        self.failure = failure
        with self.b.store.write() as connection:
            confirmation = Confirmation(self.b, self.policy, self.run_id, work.now_us(connection))
            for row in work.many(connection, [r.id for r in rows]):
                if row.owner == self.b.owner:
                    confirmation.later(row, row.state, failure.reason, forever=True)
            confirmation.book(connection)
            if failure.kind in (FailureKind.AUTH, FailureKind.CONFIG):
                runs.halt(connection, f"crm:{self.crm.name}", failure.kind.value, failure.reason)
        _log.warning("write.put_off", crm=self.crm.name, reason=failure.reason, records=len(rows))


def stop_sync(store: Store, sync: str, why: str, run_id: int) -> None:
    """A brake stops a sync until a person lets it go on."""
    with store.write() as connection:
        runs.halt(connection, f"sync:{sync}", "brake", why)
        runs.record(connection, f"sync:{sync}", "brake", run_id=run_id, reason=why)
    _log.error("brake.tripped", sync=sync, reason=why)
