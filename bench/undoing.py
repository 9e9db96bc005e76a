"""Whether a run can be taken back without what people did since, judged by what the CRM holds before and after."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from syncd.accounts import CrmAccount
from syncd.byhand import summary, undo
from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.model import SyncPolicy
from syncd.rehearsal import PROPERTIES, Rehearsal, Stand
from syncd.runtime import Runtime, open_runtime
from syncd.undo import Selection

Values = Mapping[str, Mapping[str, Any]]


def measure(crm: str, contacts: int, edits: int, seed: int = 1) -> dict[str, Any]:
    """The figures of one run over so many contacts that is undone after so many people have edited."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        try:
            rehearsal.start([crm, "contactout"], contacts, seed, swift=True)
            runtime = open_runtime(load(rehearsal.write_config(True, {"log": {"level": "error"}})))
            try:
                return _taken_back(rehearsal.stands[crm], runtime, PROPERTIES[crm], edits)
            finally:
                runtime.close()
        finally:
            rehearsal.stop()


def _taken_back(stand: Stand, runtime: Runtime, properties: Mapping[str, str], edits: int) -> dict[str, Any]:
    (policy,) = runtime.policies.values()
    account = runtime.crms[policy.crm]
    before = _values(account, policy)
    outcome = Cycle(runtime, Orders(list(runtime.policies))).run()
    written = _written(stand)
    edited = _edit(stand, written, [properties["mobile_phone"], properties["job_title"]], edits)
    calls = stand.ask("journal", summary="1")["total"]
    results, _ = undo(runtime, Selection(run_id=outcome.report["run_id"]))
    calls = stand.ask("journal", summary="1")["total"] - calls
    told = summary(results)
    after = _values(account, policy)
    books = stand.ask("books", summary="1")
    return {
        "contacts": len(before),
        "records_written": len(written),
        "values_written": sum(map(len, written.values())),
        "edited_by_people": len(edited),
        "records_restored": told["contacts"]["restored"],
        "records_kept": told["contacts"]["kept"],
        "values_failed": told["failed"],
        "kept_and_named": sum(
            s["contact"] in edited and "by person" in s["why"] for s in told["stayed"] if s["what"] == "kept"
        ),
        "records_that_are_not_as_before": sum(after[i] != before[i] for i in before if i not in edited),
        "edits_that_are_gone": sum(after[i].get(name) != value for i, (name, value) in edited.items()),
        "crm_calls": calls,
        "crm_calls_per_1000": round(1000 * calls / len(written), 1),
        "human_edits_overwritten": books["human_edits_overwritten"],
        "no_op_writes": books["no_op_writes"],
    }


def _values(account: CrmAccount, policy: SyncPolicy) -> Values:
    """record id → its values, of every record; blanks are left out."""
    return {
        c.id: {name: value for name, value in (c.fields or {}).items() if value not in (None, "")}
        for page in account.connector.scan(policy.object, policy.properties, None)
        for c in page.contacts
    }


def _written(stand: Stand) -> dict[str, set[str]]:
    """record id → the properties that we wrote."""
    found: dict[str, set[str]] = {}
    for write in stand.ask("books")["writes"]:
        found.setdefault(write["record"], set()).add(write["property"])
    return found


def _edit(
    stand: Stand, written: Mapping[str, set[str]], names: Sequence[str], count: int
) -> dict[str, tuple[str, str]]:
    """Edits of people, of values that we wrote: record id → (property, value). Spread over all records."""
    places = [(i, n) for i in sorted(written) for n in names if n in written[i]]
    places = list(dict(places).items())
    made = {}
    for number, (record, name) in enumerate(places[:: max(1, len(places) // count)][:count]):
        value = f"+1415555{number:04}" if name == names[0] else f"Head of Edits {number}"
        stand.ask("edit", {"id": record, "properties": {name: value}})
        made[record] = (name, value)
    return made
