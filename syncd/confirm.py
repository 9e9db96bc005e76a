"""Confirm: what became of each record's write, booked in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
import structlog
from sqlalchemy import Connection

from syncd.codec import pack_contact
from syncd.decide import Change, Decision
from syncd.desk import Desk
from syncd.model import Conflict, Contact, Rejected, SyncPolicy, WriteResult, Written
from syncd.offers import same_value
from syncd.plan import input_digest, text_of
from syncd.store import changes, leases, runs, work
from syncd.store.engine import MILLION
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.write")
ATTEMPTS = 10
"""Of one record that the CRM puts off; with the pauses between them, over two hours."""
DAY_US = 86_400 * MILLION
NOT_STORED = "the CRM accepted the write and did not store it"


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

    def trace(self) -> bytes:
        """What was planned, and what was decided."""
        trace = orjson.loads(self.row.trace) if self.row.trace else {}
        trace["decided"] = {f.value: w for f, w in self.decision.kept.items()}
        if self.decision.job_change:
            trace["job_change"] = self.decision.job_change
        return orjson.dumps(trace)

    def shown_by(self, fields: Mapping[str, Any]) -> bool:
        """Whether a record shows every value that was written to it."""
        region = self.desk.assessment.persona.region
        return all(same_value(c.field, text_of(fields.get(c.property)), c.after, region) for c in self.writes)


@dataclass
class Confirmation:
    """Gathers what a batch of results means; `book` carries it out inside the caller's transaction."""

    bench: Bench
    policy: SyncPolicy
    run_id: int
    now_us: int
    confirmed: list[int] = field(default_factory=list)
    ends: list[leases.End] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    moves: list[tuple[int, str, str]] = field(default_factory=list)
    """(change id, state, code)."""
    ages_s: list[float] = field(default_factory=list)
    """Of each record that was written: seconds since the change that led to it."""
    left: list[tuple[int, str]] = field(default_factory=list)
    """(work id, reason) of records that are gone."""

    def take(self, case: Case, result: WriteResult, applied: bool) -> None:
        """One record's result."""
        match result:
            case Written() if applied:
                self.confirmed += case.change_ids
                self.ages_s.append(self._age_s(case.row))
                for change_id in case.change_ids:
                    self.event(case, change_id, "write.confirmed", result.request_id)
                self.finish(case, enriched=True, version=result.version)
            case Written():
                self._not_stored(case)
            case Conflict():
                self.moves += [(i, "conflict", "changed meanwhile") for i in case.change_ids]
                self.ends.append(leases.End(case.row.id, case.row.fence, "enriched"))
            case Rejected():
                self._rejected(case, result)

    def _age_s(self, row: work.Row) -> float:
        """A record that was taken in long after its change, by a first load or backfill, is as old as that."""
        old = row.seen_us - row.changed_us > DAY_US
        return max(0, self.now_us - (row.seen_us if old else row.changed_us)) / MILLION

    def _not_stored(self, case: Case) -> None:
        _log.warning("write.not_applied", contact=case.row.id)
        for change_id in case.change_ids:
            self.moves.append((change_id, "not_applied", "not stored"))
            self.event(case, change_id, "write.not_applied", NOT_STORED)
        self.ends.append(leases.End(case.row.id, case.row.fence, "dead", NOT_STORED, trace=case.trace()))

    def _rejected(self, case: Case, result: Rejected) -> None:
        """One property is left out and the rest tried again; a record as a whole is a dead letter."""
        if result.retry:
            self.moves += [(i, "refused", result.code) for i in case.change_ids]
            self.later(case.row, "enriched", result.code)
            return
        pairs = list(zip(case.change_ids, case.writes, strict=True))
        bad = {i for i, c in pairs if result.property in (None, c.property)}
        for change_id, change in pairs:
            self.moves.append((change_id, "rejected" if change_id in bad else "refused", result.code))
            if change_id in bad:
                self.event(
                    case,
                    change_id,
                    "write.rejected",
                    f"{change.property}: {result.code} {result.request_id}".strip(),
                )
        if result.gone:
            self.left.append((case.row.id, "deleted in the CRM"))
        elif result.property is None or not bad:
            reason = f"the CRM refused the record ({result.code})"
            self.ends.append(leases.End(case.row.id, case.row.fence, "dead", reason, trace=case.trace()))
        else:
            self.ends.append(leases.End(case.row.id, case.row.fence, "enriched"))

    def finish(self, case: Case, enriched: bool, version: str | None = None) -> None:
        """The contact's end. Our own values become part of what its next change is compared with.

        The record is kept as it was read for this decision, so that reasons and values tell of the same moment.
        """
        then = case.then
        held = dict(case.contact.fields or {})
        held.update({c.property: c.after for c in case.writes})
        reason = then["reason"]
        if then["state"] == "done":
            reason = "enriched" if enriched else "kept as it is"
        seen = replace(case.contact, fields=held, version=version if enriched else case.contact.version)
        self.ends.append(
            leases.End(
                case.row.id,
                case.row.fence,
                then["state"],
                reason,
                self.now_us + round(then["wait_s"] * MILLION) if "wait_s" in then else 0,
                trace=case.trace(),
                record=pack_contact(seen),
                version=(version or "") if enriched else None,
                input_digest=input_digest(held, self.policy),
            )
        )

    def later(self, row: work.Row, state: str, why: str, forever: bool = False) -> None:
        """Try again after a growing pause; after a few times the record is a dead letter, unless `forever`."""
        attempts = row.attempts + 1
        if attempts >= ATTEMPTS and not forever:
            self.ends.append(leases.End(row.id, row.fence, "dead", f"the CRM refused the record ({why})"))
            return
        wait = min(3600.0, 10.0 * 2.0 ** min(attempts, 12))
        self.ends.append(
            leases.End(row.id, row.fence, state, row.reason, self.now_us + round(wait * MILLION), attempts)
        )

    def event(self, case: Case, change_id: int, action: str, reason: str) -> None:
        """An audit event of one change."""
        self.events.append(
            {
                "actor": f"sync:{self.policy.name}",
                "action": action,
                "run_id": self.run_id,
                "work_id": case.row.id,
                "change_id": change_id,
                "reason": reason,
            }
        )

    def book(self, connection: Connection) -> None:
        """Write everything down."""
        changes.confirm(connection, self.confirmed, verified=False)
        for change_id, state, code in self.moves:
            changes.move(connection, change_id, ("intended",), state, code=code)
        for work_id, reason in self.left:
            work.leave(connection, work_id, reason)
        held = leases.finish(connection, self.bench.owner, self.ends)
        runs.record_many(connection, self.events)
        self._ended: Sequence[leases.End] = [e for e, ours in zip(self.ends, held, strict=True) if ours]

    def tell(self) -> None:
        """Report the contacts that came to their end; after the transaction."""
        for seconds in self.ages_s:
            self.bench.on_write(self.policy.crm, seconds)
        for end in self._ended:
            if end.state in work.ENDED:
                self.bench.on_end(self.policy.name, end.state, end.reason, end.work_id)
