"""Amend: values that a person wants written, each only where the CRM still holds what that person saw.

Undoing a run and accepting a proposal are the same act: compare, intend durably, send changed keys, confirm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.model import Author, AuthorKind, Contact, Patch, Rejected, WriteResult, Written
from syncd.plan import equal_text, text_of
from syncd.runtime import Runtime, lease_us
from syncd.store import changes, runs
from syncd.store.changes import Stored
from syncd.store.engine import MILLION

DONE, KEPT, FAILED = "done", "kept", "failed"
TAKEN = "somebody else decided about it at this moment"


@dataclass(frozen=True, slots=True)
class Step:
    """One property of one record: `expect` must be there, `value` is written. Blank clears it.

    `source` is the change that it is about; `covers` are the changes that it takes back, the newest first.
    """

    source: Stored
    expect: str
    value: str
    covers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a step: done, kept or failed, and why."""

    step: Step
    what: str
    why: str = ""


@dataclass
class Amender:
    """Carries out steps in one run's name. With `dry` nothing is written."""

    runtime: Runtime
    run_id: int
    actor: str
    dry: bool = False
    results: list[Result] = field(default_factory=list)

    def carry_out(self, steps: Iterable[Step]) -> list[Result]:
        """Every step, in batches as large as the CRM takes.

        Raises:
            Failure: the CRM could not be asked; what was done stays done, and the same order goes on there.
        """
        for (crm_name, object_name), held in _grouped(steps).items():
            crm = self.runtime.crms.get(crm_name)
            if crm is None:
                self.results += [
                    Result(s, FAILED, f"crms.{crm_name} is not in the configuration any more") for s in held
                ]
                continue
            for batch in _batches(held, crm.connector.write_batch):
                if self.runtime.stop.is_set():
                    self.results += [Result(s, FAILED, "not reached: it was stopped") for s in batch]
                else:
                    self._batch(crm, object_name, batch)
        return self.results

    def _batch(self, crm: CrmAccount, object_name: str, steps: Sequence[Step]) -> None:
        read_at = self.runtime.pacer.monotonic()
        found = self._read(crm, object_name, steps)
        source = our_source(self.runtime, crm)
        ready: list[Step] = []
        for step in steps:
            why, there = _why_not(step, found.get(step.source.record_id), source)
            if there:
                self._unneeded(step)
            elif why:
                self.results.append(Result(step, KEPT, why))
            else:
                ready.append(step)
        if self.dry:
            self.results += [Result(s, DONE) for s in ready]
        elif ready:
            self._write(crm, object_name, ready, found, read_at)

    def _read(self, crm: CrmAccount, object_name: str, steps: Sequence[Step]) -> dict[str, Contact]:
        ids = list(dict.fromkeys(s.source.record_id for s in steps))
        names = sorted({s.source.property for s in steps})
        lock = crm.connector.lock_property
        if lock and lock not in names:
            names.append(lock)
        return {c.id: c for c in crm.connector.read(object_name, ids, names, True)}

    def _unneeded(self, step: Step) -> None:
        """The CRM holds the value by somebody else's hand: nothing is written, and nothing is booked as written."""
        if step.covers:
            taken = self.dry or self._found(step)
            self.results.append(
                Result(step, DONE, "it was so already") if taken else Result(step, KEPT, TAKEN)
            )
            return
        if not self.dry:
            with self.runtime.store.write() as connection:
                if changes.move(connection, step.source.id, ("proposed",), "refused", code="present"):
                    self._record(connection, "proposal.unneeded", step, step.source.id, "found in the CRM")
        self.results.append(Result(step, KEPT, "the CRM holds the value already, by somebody else"))

    def _found(self, step: Step) -> bool:
        with self.runtime.store.write() as connection:
            if not self._stands(connection, step):
                return False
            (change_id,) = changes.intend(connection, [self._row(step) | {"state": "found"}])
            take_back(connection, step.covers)
            self._record(connection, "undo.unneeded", step, change_id, "found in the CRM")
            return True

    def _write(
        self,
        crm: CrmAccount,
        object_name: str,
        steps: Sequence[Step],
        found: Mapping[str, Contact],
        read_at: float,
    ) -> None:
        with self.runtime.store.write() as connection:
            intended = self._intend(connection, steps)
        by_record: dict[str, list[tuple[int, Step]]] = {}
        for change_id, step in intended:
            by_record.setdefault(step.source.record_id, []).append((change_id, step))
        if not by_record:
            return
        lock = crm.connector.lock_property
        patches = [
            Patch(
                record,
                {s.source.property: s.value for _, s in held},
                f"{self.run_id}.{held[0][0]}",
                found[record].version,
                text_of((found[record].fields or {}).get(lock)) if lock else "",
            )
            for record, held in by_record.items()
        ]
        with crm.line.writing(read_at, lease_us(self.runtime.settings) / MILLION):
            results = crm.connector.write(object_name, patches)
        shown = self._shown(crm, object_name, by_record, results)
        with self.runtime.store.write() as connection:
            for result, held in zip(results, by_record.values(), strict=True):
                for change_id, step in held:
                    self._conclude(connection, step, change_id, result, shown)

    def _shown(
        self,
        crm: CrmAccount,
        object_name: str,
        by_record: Mapping[str, Sequence[tuple[int, Step]]],
        results: Sequence[WriteResult],
    ) -> dict[str, Mapping[str, object]]:
        """record id → its values after the write; read where the answer does not show them."""
        told: dict[str, Mapping[str, object]] = {}
        blind = []
        for result in results:
            if isinstance(result, Written):
                names = [s.source.property for _, s in by_record[result.id]]
                if result.fields is not None and all(n in result.fields for n in names):
                    told[result.id] = result.fields
                else:
                    blind.append(result.id)
        if blind:
            names = sorted({s.source.property for r in blind for _, s in by_record[r]})
            for contact in crm.connector.read(object_name, blind, names, False):
                told[contact.id] = contact.fields or {}
        return told

    def _conclude(
        self,
        connection: Connection,
        step: Step,
        change_id: int,
        result: WriteResult,
        shown: Mapping[str, Mapping[str, object]],
    ) -> None:
        if isinstance(result, Written):
            held = shown.get(step.source.record_id, {}).get(step.source.property)
            if equal_text(text_of(held if isinstance(held, str) else None), step.value):
                moved = self._confirm(connection, step, change_id, result.request_id)
                outcome = Result(step, DONE)
            else:
                moved = changes.move(connection, change_id, ("intended",), "not_applied", code="not stored")
                outcome = Result(step, FAILED, "the CRM accepted the write and did not store it")
        elif isinstance(result, Rejected):
            state = "rejected" if not step.covers else "refused"
            moved = changes.move(connection, change_id, ("intended",), state, code=result.code)
            outcome = (
                Result(step, KEPT, "the record was deleted")
                if result.gone
                else Result(step, FAILED, f"the CRM refused it ({result.code})")
            )
        else:
            moved = changes.move(connection, change_id, ("intended",), "conflict", code="changed meanwhile")
            outcome = Result(step, KEPT, "it changed at this very moment")
        self.results.append(outcome if moved else Result(step, FAILED, "it was settled by another process"))

    # the books

    def _intend(self, connection: Connection, steps: Sequence[Step]) -> list[tuple[int, Step]]:
        """Durable intents: a new change for what is taken back, the proposal itself where one is accepted."""
        accepted = [s for s in steps if not s.covers and changes.accept(connection, s.source.id, self.run_id)]
        taken_back = [s for s in steps if s.covers and self._stands(connection, s)]
        made = changes.intend(connection, [self._row(s) for s in taken_back])
        intended = [*((s.source.id, s) for s in accepted), *zip(made, taken_back, strict=True)]
        ours = {id(s) for _, s in intended}
        self.results += [Result(s, KEPT, TAKEN) for s in steps if id(s) not in ours]
        return intended

    def _stands(self, connection: Connection, step: Step) -> bool:
        return len(changes.in_force(connection, step.covers)) == len(step.covers)

    def _row(self, step: Step) -> dict[str, Any]:
        s = step.source
        return {
            "work_id": s.work_id,
            "run_id": self.run_id,
            "crm": s.crm,
            "object": s.object,
            "record_id": s.record_id,
            "property": s.property,
            "field": s.field,
            "before": step.expect,
            "after": step.value,
            "before_author": "syncd",
            "reason": f"takes back run {s.run_id}",
            "state": "intended",
            "undoes": s.id,
        }

    def _confirm(self, connection: Connection, step: Step, change_id: int, reason: str) -> bool:
        """The write and what it takes back; False where somebody else has settled the intent."""
        if changes.confirm(connection, [change_id], verified=True) != 1:
            return False
        take_back(connection, step.covers)
        self._record(
            connection, "undo.confirmed" if step.covers else "write.confirmed", step, change_id, reason
        )
        return True

    def _record(self, connection: Connection, action: str, step: Step, change_id: int, reason: str) -> None:
        runs.record(
            connection,
            self.actor,
            action,
            run_id=self.run_id,
            work_id=step.source.work_id,
            change_id=change_id,
            reason=reason,
        )


def take_back(connection: Connection, covers: Iterable[int]) -> None:
    """Changes that stand no more.

    One that a later read has found not to be there in the meantime, or that another undo has taken back
    with it, is in the state that it should be in.
    """
    for covered in covers:
        changes.move(connection, covered, changes.IN_FORCE, "undone")


def our_source(runtime: Runtime, crm: CrmAccount) -> str:
    """Under which source the CRM files our writes, or "" where that is not known yet."""
    with runtime.store.read() as connection:
        return (runs.account(connection, crm.name) or ("", ""))[1]


def _why_not(step: Step, contact: Contact | None, source: str) -> tuple[str, bool]:
    """(why a record must stay as it is, whether it holds the wanted value already)."""
    if contact is None or contact.gone or contact.fields is None:
        return "the record was deleted or merged", False
    held = text_of(contact.fields.get(step.source.property))
    author = contact.authors.get(step.source.property)
    if equal_text(held, step.value):
        return "", True
    if not equal_text(held, step.expect):
        by = "" if author is None or _unnamed(author, source) else f" by {author.label}"
        when = f" on {author.at:%Y-%m-%d %H:%M}" if author and author.at else ""
        return f"changed since{by}{when}", False
    if author is not None and author.kind is AuthorKind.PERSON and step.covers:
        return f"{author.label} wrote the same value", False
    return "", False


def _unnamed(author: Author, source: str) -> bool:
    return author.kind is AuthorKind.UNKNOWN or author.source == source


def _grouped(steps: Iterable[Step]) -> dict[tuple[str, str], list[Step]]:
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        groups.setdefault((step.source.crm, step.source.object), []).append(step)
    return groups


def _batches(steps: Sequence[Step], size: int) -> Iterator[list[Step]]:
    """Steps of at most `size` records each, a record's steps together."""
    by_record: dict[str, list[Step]] = {}
    for step in steps:
        by_record.setdefault(step.source.record_id, []).append(step)
    records = list(by_record.values())
    for start in range(0, len(records), size):
        yield [step for held in records[start : start + size] for step in held]
