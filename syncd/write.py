"""Write: decide on the fresh record, intend durably, send changed keys only, confirm what came of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.brakes import Watch
from syncd.checkout import Bench
from syncd.codec import pack_contact, unpack_contact
from syncd.connector import Failure, FailureKind
from syncd.decide import Change, Decision, Scene, decide, same_value
from syncd.desk import Desk, read_known
from syncd.enrich import last_writes
from syncd.model import (
    AuthorKind,
    Conflict,
    Contact,
    Field,
    FieldInfo,
    Patch,
    Rejected,
    SyncPolicy,
    WriteResult,
    Written,
)
from syncd.plan import input_digest, text_of
from syncd.store import changes, runs, work
from syncd.store.engine import MILLION

_log = structlog.get_logger("syncd.write")
ATTEMPTS = 5


@dataclass
class Case:
    """One contact on its way into the CRM."""

    row: work.Row
    desk: Desk
    contact: Contact
    decision: Decision
    change_ids: list[int] = field(default_factory=list)
    resumed: bool = False
    """An interrupted write turned out to have been carried out."""

    @property
    def then(self) -> dict[str, Any]:
        """Where the contact goes after the write."""
        trace = orjson.loads(self.row.trace) if self.row.trace else {}
        return dict(trace.get("then") or {"state": "done", "reason": ""})

    @property
    def writes(self) -> tuple[Change, ...]:
        return tuple(c for c in self.decision.changes if not c.propose)


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
        self.kept: Counter[tuple[str, str]] = Counter()
        """(field, first word of the reason) → contacts."""
        self.braked = ""
        self.failure: Failure | None = None
        self._turn = threading.Lock()

    def drain(self) -> None:
        """Write everything that is due; returns when nothing is, or when a brake or a failure stops it."""
        with self._turn:
            while not self.b.stop.is_set() and not self.braked and not self.failure:
                if not self._batch():
                    return

    def _batch(self) -> bool:
        """One batch; False where nothing was due."""
        canary = self.watch.canary_left()
        size = (
            self.crm.connector.write_batch if canary is None else min(canary, self.crm.connector.write_batch)
        )
        with self.b.store.write() as connection:
            rows = work.claim(
                connection,
                self.b.owner,
                ("enriched", "writing"),
                [self.policy.name],
                size,
                self.b.lease_us,
                self.run_id,
            )
        if not rows:
            return False
        try:
            cases = self._decide(rows)
            if cases:
                self._carry_out(cases, canary is not None)
        except Failure as failure:
            self._put_off(rows, failure)
        return True

    # deciding

    def _decide(self, rows: Sequence[work.Row]) -> list[Case]:
        """Fresh records, decisions, and the ends of contacts to which nothing is written."""
        fresh = self._read(rows)
        found = self._resolve_open(rows, fresh)
        with self.b.store.read() as connection:
            written = changes.last_written(
                connection, self.policy.crm, self.policy.object, [r.record_id for r in rows]
            )
            refused = changes.refused(connection, [r.id for r in rows])
            siblings = work.siblings(connection, [r.id for r in rows])
        source = self.b.our_sources.get(self.policy.crm, "")
        now = self.b.clock()
        cases: list[Case] = []
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
            desk = Desk.open(
                row, self.policy, last, source, siblings.get(row.id, ()), self.b.salt, now, contact
            )
            read_known(self.b.store, [desk], self.b.lifetimes(), self.b.salt, self.b.now_us())
            scene = Scene(
                contact,
                desk.assessment.persona,
                self.policy,
                last,
                source,
                self.schema,
                now,
                refused.get(row.id, {}),
            )
            cases.append(Case(row, desk, contact, decide(scene, desk.answers), resumed=row.id in found))
        self._leave(left)
        return cases

    def _read(self, rows: Sequence[work.Row]) -> dict[str, Contact]:
        """The records as they are now; with authors where anything changed since those were read."""
        names = self.policy.properties
        fresh = {
            c.id: c for c in self.crm.connector.read(self.policy.object, [r.record_id for r in rows], names)
        }
        moved: list[str] = []
        for row in rows:
            contact = fresh.get(row.record_id)
            if contact is None or contact.gone:
                continue
            if contact.version and contact.version == row.version:
                fresh[row.record_id] = replace(
                    contact, authors=unpack_contact(row.record_id, row.record).authors
                )
            else:
                moved.append(row.record_id)
        if moved:
            fresh.update({c.id: c for c in self.crm.connector.read(self.policy.object, moved, names, True)})
        return fresh

    def _leave(self, left: Sequence[tuple[work.Row, Contact | None]]) -> None:
        """Records that vanished, or whose inputs changed since they were planned: those start anew."""
        with self.b.store.write() as connection:
            for row, contact in left:
                if contact is None or contact.gone:
                    work.leave(connection, row.id, "deleted or merged in the CRM")
                    continue
                work.finish(
                    connection,
                    row.id,
                    self.b.owner,
                    row.fence,
                    "ready",
                    reason="",
                    not_before=0,
                    record=pack_contact(contact),
                    version=contact.version or "",
                    input_digest=input_digest(contact.fields or {}, self.policy),
                )

    def _resolve_open(self, rows: Sequence[work.Row], fresh: Mapping[str, Contact]) -> set[int]:
        """Intents that a crash left open: what the CRM holds now tells whether they were carried out."""
        ids = [r for r in rows if r.state == "writing"]
        found: set[int] = set()
        if not ids:
            return found
        with self.b.store.write() as connection:
            for row in ids:
                contact = fresh.get(row.record_id)
                for stored in changes.open_of(connection, row.id):
                    held = text_of((contact.fields or {}).get(stored.property)) if contact else ""
                    done = same_value(Field(stored.field), held, stored.after or "", "") and bool(held)
                    if done:
                        found.add(row.id)
                        changes.confirm(connection, [stored.id], verified=True)
                        self._audit(
                            connection,
                            row,
                            stored.id,
                            "write.confirmed",
                            "found in the CRM after an interruption",
                        )
                    else:
                        changes.move(connection, stored.id, ("intended",), "refused", code="interrupted")
        return found

    # writing

    def _carry_out(self, cases: Sequence[Case], canary: bool) -> None:
        writing = [c for c in cases if c.writes]
        with self.b.store.read() as connection:
            people = {
                (c.property, c.after): changes.same_value(connection, self.run_id, c.property, c.after)
                for case in writing
                for c in case.writes
            }
        braked = self.watch.weigh(len(cases), [c for case in writing for c in case.writes], people)
        if braked:
            self._brake(braked, [c.row for c in cases])
            return
        self._intend(cases)
        if not writing:
            return
        patches = [
            Patch(c.row.record_id, {x.property: x.after for x in c.writes}, f"{c.row.id}.{c.change_ids[0]}")
            for c in writing
        ]
        results = self.crm.connector.write(self.policy.object, patches)
        applied = self._read_back(writing, results, canary)
        with self.b.store.write() as connection:
            for case, result in zip(writing, results, strict=True):
                self._confirm(connection, case, result, applied)
        if canary and not self.failure:
            wrong = [c for c in writing if applied.get(c.row.record_id) is False]
            self.watch.verified += len(writing) - len(wrong)
            if wrong:
                self._brake(f"canary: {len(wrong)} of the first writes are not in the CRM", [])

    def _intend(self, cases: Sequence[Case]) -> None:
        """Durable intents before the first byte; contacts without a change come to their end."""
        with self.b.store.write() as connection:
            for case in cases:
                for field_, why in case.decision.kept.items():
                    self.kept[field_.value, why.split(":")[0].split(" ")[0]] += 1
                rows = [self._change_row(case, c) for c in case.decision.changes]
                made = changes.intend(connection, rows)
                case.change_ids = [
                    i for i, c in zip(made, case.decision.changes, strict=True) if not c.propose
                ]
                if case.change_ids:
                    work.hold(
                        connection,
                        case.row.id,
                        self.b.owner,
                        case.row.fence,
                        "writing",
                        trace=self._trace(case),
                    )
                else:
                    self._finish(connection, case, enriched=case.resumed)

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
        does not show the values, are read.
        """
        told: dict[str, bool] = {}
        doubtful: list[Case] = []
        for case, result in zip(writing, results, strict=True):
            if isinstance(result, Written):
                shown = result.fields is not None and _holds(result.fields, case)
                told[case.row.record_id] = shown
                if not shown or canary:
                    doubtful.append(case)
        if doubtful:
            ids = [c.row.record_id for c in doubtful]
            read = {
                c.id: c
                for c in self.crm.connector.read(self.policy.object, ids, self.policy.properties, canary)
            }
            for case in doubtful:
                contact = read.get(case.row.record_id)
                told[case.row.record_id] = contact is not None and _holds(contact.fields or {}, case)
                if canary and contact is not None:
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

    def _confirm(
        self, connection: Connection, case: Case, result: WriteResult, applied: Mapping[str, bool]
    ) -> None:
        """What became of one record's write."""
        match result:
            case Written():
                self._written(connection, case, result, applied.get(case.row.record_id, False))
            case Conflict():
                for change_id in case.change_ids:
                    changes.move(connection, change_id, ("intended",), "conflict", code="changed meanwhile")
                work.finish(connection, case.row.id, self.b.owner, case.row.fence, "enriched", not_before=0)
            case Rejected():
                self._rejected(connection, case, result)

    def _written(self, connection: Connection, case: Case, result: Written, applied: bool) -> None:
        if not applied:
            for change_id in case.change_ids:
                changes.move(connection, change_id, ("intended",), "not_applied", code="not stored")
                self._audit(
                    connection,
                    case.row,
                    change_id,
                    "write.not_applied",
                    "the CRM accepted the write and did not store it",
                )
            _log.warning("write.not_applied", contact=case.row.id)
            work.finish(
                connection,
                case.row.id,
                self.b.owner,
                case.row.fence,
                "dead",
                reason="the CRM accepted the write and did not store it",
            )
            self.b.on_end(self.policy.name, "dead", "not stored", case.row.id)
            return
        changes.confirm(connection, case.change_ids, verified=False)
        for change_id in case.change_ids:
            self._audit(connection, case.row, change_id, "write.confirmed", "")
        self._finish(connection, case, enriched=True, version=result.version)

    def _rejected(self, connection: Connection, case: Case, result: Rejected) -> None:
        """One property is left out and the rest tried again; a record as a whole is a dead letter."""
        if result.retry:
            for change_id in case.change_ids:
                changes.move(connection, change_id, ("intended",), "refused", code=result.code)
            self._later(connection, case.row, result.code)
            return
        bad = [
            i
            for i, c in zip(case.change_ids, case.writes, strict=True)
            if result.property in (None, c.property)
        ]
        for change_id, change in zip(case.change_ids, case.writes, strict=True):
            state = "rejected" if change_id in bad else "refused"
            changes.move(connection, change_id, ("intended",), state, code=result.code)
            if change_id in bad:
                self._audit(
                    connection, case.row, change_id, "write.rejected", f"{change.property}: {result.code}"
                )
        if result.gone:
            work.leave(connection, case.row.id, "deleted in the CRM")
        elif result.property is None or not bad:
            reason = f"the CRM refused the record ({result.code})"
            work.finish(connection, case.row.id, self.b.owner, case.row.fence, "dead", reason=reason)
            self.b.on_end(self.policy.name, "dead", reason, case.row.id)
        else:
            work.finish(connection, case.row.id, self.b.owner, case.row.fence, "enriched", not_before=0)

    def _finish(self, connection: Connection, case: Case, enriched: bool, version: str | None = None) -> None:
        """The contact's end. Our own values become part of what its next change is compared with."""
        then = case.then
        held = dict(case.contact.fields or {})
        held.update({c.property: c.after for c in case.writes})
        reason = then["reason"]
        if then["state"] == "done":
            reason = "enriched" if enriched else "kept as it is" if case.decision.kept else reason
        values: dict[str, Any] = {"trace": self._trace(case), "input_digest": input_digest(held, self.policy)}
        if enriched:
            values["record"] = pack_contact(replace(case.contact, fields=held, version=version))
            values["version"] = version or ""
        due = work.now_us(connection) + round(then["wait_s"] * MILLION) if "wait_s" in then else 0
        if work.finish(
            connection,
            case.row.id,
            self.b.owner,
            case.row.fence,
            then["state"],
            reason=reason,
            not_before=due,
            attempts=0,
            **values,
        ):
            self.b.on_end(self.policy.name, then["state"], reason, case.row.id)

    def _trace(self, case: Case) -> bytes:
        trace = orjson.loads(case.row.trace) if case.row.trace else {}
        trace["decided"] = {f.value: w for f, w in case.decision.kept.items()}
        if case.decision.job_change:
            trace["job_change"] = case.decision.job_change
        return orjson.dumps(trace)

    def _audit(self, connection: Connection, row: work.Row, change_id: int, action: str, reason: str) -> None:
        runs.record(
            connection,
            f"sync:{self.policy.name}",
            action,
            run_id=self.run_id,
            work_id=row.id,
            change_id=change_id,
            reason=reason,
        )

    # stopping

    def _brake(self, why: str, rows: Sequence[work.Row]) -> None:
        """Stop writing in this sync until a person has looked. What was found stays found."""
        self.braked = why
        with self.b.store.write() as connection:
            for row in rows:
                work.finish(connection, row.id, self.b.owner, row.fence, "enriched", not_before=0)
            runs.halt(connection, f"sync:{self.policy.name}", "brake", why)
            runs.record(connection, f"sync:{self.policy.name}", "brake", run_id=self.run_id, reason=why)
        _log.error("brake.tripped", sync=self.policy.name, reason=why)

    def _put_off(self, rows: Sequence[work.Row], failure: Failure) -> None:
        """The CRM gave no usable answer: intents stay, and the records are read again before anything is sent."""
        self.failure = failure
        with self.b.store.write() as connection:
            for row in rows:
                self._later(connection, row, failure.reason)
            if failure.kind in (FailureKind.AUTH, FailureKind.CONFIG):
                runs.halt(connection, f"crm:{self.crm.name}", failure.kind.value, failure.reason)
        _log.warning("write.put_off", crm=self.crm.name, reason=failure.reason, records=len(rows))

    def _later(self, connection: Connection, row: work.Row, why: str) -> None:
        attempts = row.attempts + 1
        now = work.get(connection, row.id)
        state = now.state if now else row.state
        if attempts >= ATTEMPTS and self.failure is None:
            work.finish(
                connection,
                row.id,
                self.b.owner,
                row.fence,
                "dead",
                reason=f"the CRM refused the record ({why})",
            )
            return
        wait = min(3600.0, 10.0 * 2**attempts)
        due = work.now_us(connection) + round(wait * MILLION)
        work.finish(connection, row.id, self.b.owner, row.fence, state, attempts=attempts, not_before=due)


def _holds(fields: Mapping[str, Any], case: Case) -> bool:
    """Whether a record shows every value that was written to it."""
    region = case.desk.assessment.persona.region
    return all(same_value(c.field, text_of(fields.get(c.property)), c.after, region) for c in case.writes)
