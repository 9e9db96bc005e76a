"""Amend: values that a person wants written, each only where the CRM still holds what that person saw.

Undoing a run and accepting a proposal are the same act: compare, intend durably, send changed keys, confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.model import AuthorKind, Contact, Patch, Rejected, WriteResult, Written
from syncd.plan import equal_text, text_of
from syncd.runtime import Runtime
from syncd.store import changes, runs
from syncd.store.changes import Stored
from syncd.store.money import Lost

_log = structlog.get_logger("syncd.amend")
PAGE = 500
DONE, KEPT, FAILED = "done", "kept", "failed"


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
    tell: Callable[[int], None] = lambda count: None

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
                self._batch(crm, object_name, batch)
                self.tell(len(self.results))
        return self.results

    def _batch(self, crm: CrmAccount, object_name: str, steps: Sequence[Step]) -> None:
        found = self._read(crm, object_name, steps)
        ready: list[Step] = []
        for step in steps:
            why, there = _why_not(step, found.get(step.source.record_id), self._our_source(crm))
            if there:
                self._already(step)
            elif why:
                self.results.append(Result(step, KEPT, why))
            else:
                ready.append(step)
        if self.dry:
            self.results += [Result(s, DONE) for s in ready]
        elif ready:
            self._write(crm, object_name, ready, found)

    def _read(self, crm: CrmAccount, object_name: str, steps: Sequence[Step]) -> dict[str, Contact]:
        ids = list(dict.fromkeys(s.source.record_id for s in steps))
        names = sorted({s.source.property for s in steps})
        lock = crm.connector.lock_property
        if lock and lock not in names:
            names.append(lock)
        return {c.id: c for c in crm.connector.read(object_name, ids, names, True)}

    def _our_source(self, crm: CrmAccount) -> str:
        with self.runtime.store.read() as connection:
            return (runs.account(connection, crm.name) or ("", ""))[1]

    def _already(self, step: Step) -> None:
        """The CRM holds the value: an earlier attempt got that far, or somebody else did the same."""
        if not self.dry:
            with self.runtime.store.write() as connection:
                self._book(connection, step, self._intend(connection, [step])[0], "found in the CRM")
        self.results.append(Result(step, DONE, "it was so already"))

    def _write(
        self, crm: CrmAccount, object_name: str, steps: Sequence[Step], found: Mapping[str, Contact]
    ) -> None:
        with self.runtime.store.write() as connection:
            ids = self._intend(connection, steps)
        by_record: dict[str, list[tuple[int, Step]]] = {}
        for change_id, step in zip(ids, steps, strict=True):
            by_record.setdefault(step.source.record_id, []).append((change_id, step))
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
                self._book(connection, step, change_id, result.request_id)
                self.results.append(Result(step, DONE))
                return
            changes.move(connection, change_id, ("intended",), "not_applied", code="not stored")
            self.results.append(Result(step, FAILED, "the CRM accepted the write and did not store it"))
        elif isinstance(result, Rejected):
            state = "rejected" if not step.covers else "refused"
            changes.move(connection, change_id, ("intended",), state, code=result.code)
            gone = result.gone
            self.results.append(
                Result(step, KEPT, "the record was deleted")
                if gone
                else Result(step, FAILED, f"the CRM refused it ({result.code})")
            )
        else:
            changes.move(connection, change_id, ("intended",), "conflict", code="changed meanwhile")
            self.results.append(Result(step, KEPT, "it changed at this very moment"))

    # the books

    def _intend(self, connection: Connection, steps: Sequence[Step]) -> list[int]:
        """Durable intents: a new change for what is taken back, the proposal itself where one is accepted."""
        taken_back = [s for s in steps if s.covers]
        made = iter(changes.intend(connection, [self._row(s) for s in taken_back]))
        ids = []
        for step in steps:
            if step.covers:
                ids.append(next(made))
                continue
            if not changes.move(connection, step.source.id, ("proposed",), "intended", run_id=self.run_id):
                raise Lost("a proposal was decided by somebody else meanwhile")
            ids.append(step.source.id)
        return ids

    def _row(self, step: Step) -> dict[str, object]:
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

    def _book(self, connection: Connection, step: Step, change_id: int, reason: str) -> None:
        changes.confirm(connection, [change_id], verified=True)
        for covered in step.covers:
            changes.move(connection, covered, ("written", "not_applied"), "undone")
        runs.record(
            connection,
            self.actor,
            "undo.confirmed" if step.covers else "write.confirmed",
            run_id=self.run_id,
            work_id=step.source.work_id,
            change_id=change_id,
            reason=reason,
        )


def settle_interrupted(runtime: Runtime) -> int:
    """Intents of an amendment that was cut short are dropped; the changes they were about stand as before.

    What did reach the CRM is found to be there already when the order is repeated.
    """
    with runtime.store.write() as connection:
        return changes.drop_amendments(connection)


def _why_not(step: Step, contact: Contact | None, our_source: str) -> tuple[str, bool]:
    """(why a record must stay as it is, whether it holds the wanted value already)."""
    if contact is None or contact.gone or contact.fields is None:
        return "the record was deleted or merged", False
    held = text_of(contact.fields.get(step.source.property))
    author = contact.authors.get(step.source.property)
    ours = author is None or author.kind is AuthorKind.UNKNOWN or author.source == our_source
    if equal_text(held, step.value):
        return "", True
    if not equal_text(held, step.expect):
        by = f" by {author.label}" if author and not ours else ""
        when = f" on {author.at:%Y-%m-%d %H:%M}" if author and author.at else ""
        return f"changed since{by}{when}", False
    if author is not None and author.kind is AuthorKind.PERSON and step.covers:
        return f"{author.label} wrote the same value", False
    return "", False


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
