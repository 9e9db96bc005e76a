"""Take up: the contacts of a saved plan are set aside for the run that carries it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from syncd.model import Contact
from syncd.plan import in_scope
from syncd.pull import names_to_read
from syncd.report import number
from syncd.runtime import Runtime
from syncd.saved import Item, Saved, Stale, inputs, stored_inputs
from syncd.store import plans, work

CHUNK = 500


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A contact of a plan that is not touched, and why."""

    item: Item
    why: str


def take_up(runtime: Runtime, saved: Saved, run_id: int) -> list[LeftOut]:
    """Set the plan's contacts aside for a run, save those that are no longer as they were.

    They are read from their CRM now, because what it shows as changed lags behind. From here on the plan
    counts as carried out.

    Raises:
        Stale: somebody else carries it out, or none of its contacts is as it was.
        Failure: a CRM could not be asked; the plan can still be carried out.
    """
    left: list[LeftOut] = []
    sound: list[Item] = []
    for sync, chunk in _chunks(saved.items):
        for item, why in zip(chunk, _changes(runtime, sync, chunk), strict=True):
            if why:
                left.append(LeftOut(item, why))
            else:
                sound.append(item)
    if saved.items and not sound:
        raise Stale("No contact of the plan is as it was. Nothing was spent or written; make a new plan.")
    with runtime.store.write() as connection:
        if not plans.use(connection, saved.plan_id, run_id):
            raise Stale("The plan is carried out by another run. Nothing was spent or written by this one.")
        held: set[int] = set()
        for start in range(0, len(sound), CHUNK):
            held |= plans.assign(connection, [i.work_id for i in sound[start : start + CHUNK]], run_id)
    return left + [LeftOut(i, _TOUCHED) for i in sound if i.work_id not in held]


_TOUCHED = "another run worked on it since"


def _chunks(items: Sequence[Item]) -> Iterator[tuple[str, list[Item]]]:
    for sync, group in groupby(sorted(items, key=lambda i: (i.sync, i.work_id)), lambda i: i.sync):
        together = list(group)
        for start in range(0, len(together), CHUNK):
            yield sync, together[start : start + CHUNK]


def _changes(runtime: Runtime, sync: str, items: Sequence[Item]) -> list[str]:
    """Why each contact is not as it was; blank where it is."""
    policy = runtime.policies[sync]
    crm = runtime.crms[policy.crm]
    with runtime.store.read() as connection:
        rows = {r.id: r for r in work.many(connection, [i.work_id for i in items])}
    ids = [i.record_id for i in items]
    read = crm.connector.read(policy.object, ids, names_to_read(crm, policy), False)
    fresh = {c.id: c for c in read}

    def why(item: Item) -> str:
        row, contact = rows.get(item.work_id), fresh.get(item.record_id)
        if row is None or row.state not in ("ready", "no_budget"):
            return _TOUCHED
        if contact is None or contact.gone:
            return "it is gone from the CRM"
        if not in_scope(contact.fields or {}, policy):
            return "it is outside the sync's conditions now"
        held = (stored_inputs(row, policy, runtime.salt), _now(contact, item, runtime))
        return "" if held == (item.inputs, item.inputs) else "it changed since the plan was made"

    return [why(item) for item in items]


def _now(contact: Contact, item: Item, runtime: Runtime) -> str:
    return inputs(contact.fields or {}, runtime.policies[item.sync], runtime.salt)


def compared(
    saved: Saved, left: Sequence[LeftOut], spending: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> dict[str, Any]:
    """What was planned against what was done, for the report."""
    credits_: dict[str, dict[str, Any]] = {}
    for (account, kind), worst in saved.worst.items():
        done = spending.get(account, {}).get(kind, {})
        credits_.setdefault(account, {})[kind] = {
            "expected": round(float(saved.expected.get((account, kind), 0)), 1),
            "worst": number(worst),
            "actual": number_of(done),
        }
    return {
        "plan_id": saved.plan_id,
        "created_at": saved.created_at,
        "contacts": len(saved.items),
        "left_out": [
            {"sync": one.item.sync, "record_id": one.item.record_id, "why": one.why} for one in left
        ],
        "credits": credits_,
    }


def number_of(done: Mapping[str, Any]) -> float | int:
    """What was spent, with what may have been."""
    spent: float | int = done.get("spent", 0) + done.get("unknown", 0)
    return spent
