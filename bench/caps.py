"""Caps that bite: a third of what the contacts would cost, and what the stand-ins' own books say was charged."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from syncd.capped import above_caps
from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.rehearsal import Rehearsal
from syncd.runtime import open_runtime

CAPS: dict[str, dict[str, dict[str, float]]] = {
    "contactout": {"email": {"per_day": 60}, "phone": {"per_day": 40}, "search": {"per_month": 80}},
    "rocketreach": {"lookup": {"per_day": 50}},
    "crustdata": {"credit": {"per_day": 25.5}},
    "waterfall_io": {"usd": {"per_month": 12.4}},
    "reverselooker": {"credit": {"per_day": 500}},
}


def measure(contacts: int = 500) -> dict[str, Any]:
    """Per provider and kind: the cap, what was charged, and how many charges went beyond the cap."""
    tight = {
        vendor: {"budgets": {k: {"per_month": None, **cap} for k, cap in kinds.items()}}
        for vendor, kinds in CAPS.items()
    }
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        try:
            rehearsal.start(["hubspot", *CAPS], contacts, swift=True)
            settings = load(rehearsal.write_config(swift=True, changes={"providers": tight}))
            runtime = open_runtime(settings)
            try:
                Cycle(runtime, Orders(list(runtime.policies))).run()
            finally:
                runtime.close()
            books = {vendor: rehearsal.stands[vendor].ask("books") for vendor in CAPS}
        finally:
            rehearsal.stop()
    return {
        vendor: {
            "caps": CAPS[vendor],
            "charged": books[vendor]["charged"],
            "above_caps": above_caps(books[vendor]["charges"], settings.providers[vendor].budgets),
        }
        for vendor in CAPS
    }
