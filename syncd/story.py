"""The story of one contact: why each field is as it is, what was asked, paid, written and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from syncd.codec import digest, unpack_candidates, unpack_contact
from syncd.model import FieldPolicy, Key, SyncPolicy
from syncd.plan import text_of
from syncd.store import changes, figures, lookups, people, runs, work
from syncd.store.engine import Store

FIRST_WORDS = {
    "human": "kept",
    "other": "kept",
    "present": "kept",
    "fresh": "kept",
    "equal": "kept",
    "flagged": "kept",
    "undone": "kept",
    "group": "kept",
    "rejected": "not written",
    "none": "not found",
}
_PLAIN = {
    "present": "already filled, and only blanks are filled",
    "equal": "the providers say the same",
    "none": "no provider that was asked has a value",
    "human": "a person changed it in the CRM",
    "other": "filled by somebody else, and not a value that we wrote",
    "undone": "an operator took our value back; it stays until somebody changes it",
    "fresh": "we wrote it, and it is not stale",
}


@dataclass
class Story:
    """One contact in one sync."""

    row: work.Row
    fields: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        row = self.row
        return {
            "contact": row.record_id,
            "id": row.id,
            "crm": row.crm,
            "object": row.object,
            "sync": row.sync,
            "state": row.state,
            "reason": row.reason,
            "due_at": _iso(row.not_before_us) if row.state in ("waiting", "no_budget") else None,
            "last_seen_at": _iso(row.seen_us),
            "run_id": row.run_id,
            "fields": self.fields,
            "asked": self.asked,
            "changes": self.changes,
            "events": self.events,
        }


def find(store: Store, salt: bytes, text: str) -> list[work.Row]:
    """The contacts that a text means: a record id of the CRM, #N of the log, an address or a profile URL."""
    wanted = text.strip()
    with store.read() as connection:
        if wanted.startswith("#") and wanted[1:].isdecimal():
            row = work.get(connection, int(wanted[1:]))
            return [row] if row else []
        crm, _, record_id = wanted.rpartition("/")
        rows = work.find(connection, crm if "://" not in wanted else "", record_id)
        if rows:
            return rows
        keys = [k for k in (Key.email(wanted), Key.linkedin(wanted)) if k is not None]
        held = people.holders(connection, [digest(salt, k) for k in keys])
        return sorted({r.id: r for rows in held.values() for r in rows}.values(), key=lambda r: r.id)


def story(store: Store, row: work.Row, policy: SyncPolicy | None) -> Story:
    """Everything that the state knows of a contact."""
    told = Story(row)
    trace = orjson.loads(row.trace) if row.trace else {}
    with store.read() as connection:
        written = changes.of_work(connection, row.id)
        mine = {k.id: k for k in lookups.of_work(connection, row.id)}
        mine.update({k.id: k for k in lookups.by_ids(connection, trace.get("lookups", []))})
        spent = figures.spent_on(connection, [k.call_id for k in mine.values()])
        events = runs.events(connection, work_id=row.id)
    steps = {step["lookup"]: step for step in trace.get("steps", [])}
    doubts = trace.get("doubts", {})
    told.asked = [
        _asked(k, row, steps.get(k.id, {}), spent, doubts.get(str(k.id))) for _, k in sorted(mine.items())
    ]
    told.changes = [_change(c) for c in written]
    told.events = [
        {"at": _iso(e.at), "actor": e.actor, "action": e.action, "reason": e.reason, "run_id": e.run_id}
        for e in events
    ]
    if policy is not None:
        contact = unpack_contact(row.record_id, row.record)
        told.fields = [
            _field(wanted, text_of((contact.fields or {}).get(wanted.to)), row, trace, written, policy)
            for wanted in policy.fields
        ]
    return told


def _field(
    wanted: FieldPolicy,
    value: str,
    row: work.Row,
    trace: Mapping[str, Any],
    written: Sequence[changes.Stored],
    policy: SyncPolicy,
) -> dict[str, Any]:
    """Why a field holds what it holds."""
    mine = [c for c in written if c.property == wanted.to]
    newest = mine[-1] if mine else None
    name = wanted.field.value
    if newest and newest.state == "written" and newest.after == value and not newest.undoes:
        source = f"{newest.account} ({newest.quality})" if newest.account else "syncd"
        verb = "refreshed" if newest.before else "filled"
        what, why = verb, f"by {source} on {_day(newest.confirmed_us)}; {newest.reason}"
    elif newest and newest.state == "proposed":
        what, why = "proposed", f"{newest.after} by {newest.account}; {newest.reason}"
    else:
        what, why = _why_not(name, row, trace, policy)
    return {"field": name, "property": wanted.to, "value": value, "what": what, "why": why}


def _why_not(name: str, row: work.Row, trace: Mapping[str, Any], policy: SyncPolicy) -> tuple[str, str]:
    """(what, why) of a field that was not written."""
    stopped = trace.get("why", {}).get(name)
    decided = trace.get("decided", {}).get(name) or trace.get("kept", {}).get(name)
    if row.state == "skipped":
        return "skipped", row.reason
    if decided and not (decided == "none" and stopped):
        first = decided.split(":")[0]
        text = decided.partition(": ")[2] or _PLAIN.get(first, decided)
        return FIRST_WORDS.get(first, "kept"), text
    if stopped:
        waits = row.state == "no_budget" and "budget" in stopped
        return ("waiting" if waits else "not found"), stopped + (f" ({row.reason})" if waits else "")
    if row.state in work.OPEN:
        return "open", row.reason or "it has not been looked up yet"
    return "open", row.reason or "it was not missing when it was last looked at"


def _asked(
    kept: lookups.Kept,
    row: work.Row,
    step: Mapping[str, Any],
    spent: Mapping[int, Mapping[str, Any]],
    doubt: Sequence[str] | None,
) -> dict[str, Any]:
    candidates = unpack_candidates(kept.answer)
    return {
        "lookup": kept.id,
        "at": _iso(kept.sent_us),
        "provider": kept.account,
        "operation": kept.operation,
        "by": kept.key_kind,
        "state": kept.state,
        "outcome": kept.outcome or kept.state,
        "reason": kept.reason,
        "charge": kept.charge,
        "shared": kept.work_id != row.id,
        "call": {"id": kept.call_id, **spent.get(kept.call_id, {})},
        "why": step.get("why", ""),
        "doubt": {"identity": doubt[0], "reason": doubt[1]} if doubt else None,
        "values": [
            {"field": v.field.value, "value": v.value, "quality": v.quality.value}
            for c in candidates
            for v in c.values
        ],
    }


def _change(c: changes.Stored) -> dict[str, Any]:
    return {
        "id": c.id,
        "run_id": c.run_id,
        "field": c.field,
        "property": c.property,
        "before": c.before,
        "after": c.after,
        "state": c.state,
        "code": c.code,
        "provider": c.account,
        "quality": c.quality,
        "reason": c.reason,
        "undoes": c.undoes,
        "at": _iso(c.confirmed_us or c.intended_us),
    }


def _iso(us: int | None) -> str | None:
    return datetime.fromtimestamp(us / 1e6, UTC).isoformat(timespec="seconds") if us else None


def _day(us: int | None) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d") if us else "?"
