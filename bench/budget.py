"""What a small budget does to a large CRM: it holds, those who wait are told why, and the next month goes on."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.config import load
from syncd.cycle import Cycle, Orders, Outcome
from syncd.rehearsal import Rehearsal
from syncd.runtime import Runtime, open_runtime
from syncd.store import lists
from syncd.story import story

MONTH = timedelta(days=32)


def spend_little(contacts: int = 10_000, cap: int = 50) -> dict[str, Any]:
    """The figures of two months over HubSpot and ContactOut with so many e-mail credits a month."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        rehearsal.start(["hubspot", "contactout"], contacts, swift=True)
        try:
            rehearsal.write_config(
                True, {"providers": {"contactout": {"budgets": {"email": {"per_month": cap}}}}}
            )
            first, why = _month(rehearsal, timedelta(0))
            charged = _charged(rehearsal)
            for stand in rehearsal.stands.values():
                stand.ask("clock", {"advance_s": MONTH.total_seconds()})
            second, _ = _month(rehearsal, MONTH)
            return {
                "contacts": contacts,
                "cap_per_month": cap,
                "exit_codes": [first.code, second.code],
                "charged_by_month": [charged, _charged(rehearsal) - charged],
                "waited": first.report["contacts"]["no_budget"],
                "unaccounted": first.report["contacts"]["unaccounted"],
                "explained": why,
            }
        finally:
            rehearsal.stop()


def _month(rehearsal: Rehearsal, ahead: timedelta) -> tuple[Outcome, list[str]]:
    settings = load(rehearsal.folder / "config.yaml")
    runtime = open_runtime(settings, clock=lambda: datetime.now(UTC) + ahead)
    runtime.store.keep_time_by(lambda: round((datetime.now(UTC) + ahead).timestamp() * 1e6))
    try:
        outcome = Cycle(runtime, Orders(list(runtime.policies))).run()
        return outcome, _why(runtime)
    finally:
        runtime.close()


def _why(runtime: Runtime) -> list[str]:
    """What `explain` says of the work e-mail of a contact that waits for a budget."""
    with runtime.store.read() as connection:
        waiting = lists.page(connection, ("no_budget",), list(runtime.policies), 0, 1)
    told = [story(runtime.store, row, runtime.policies[row.sync]).document() for row in waiting]
    return [f["why"] for one in told for f in one["fields"] if f["field"] == "work_email"]


def _charged(rehearsal: Rehearsal) -> float:
    return float(rehearsal.stands["contactout"].ask("books", summary="1")["charged"].get("email", 0))
