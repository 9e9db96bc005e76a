"""The figures that the README states, measured here and now, as one JSON document.

`python -m bench` measures all of them in about forty minutes; `python -m bench limits` only that part.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import caps, undoing
from bench.budget import spend_little
from bench.cheapest import compare
from bench.identity import measure
from bench.limits import TRIALS, saturate, shares, use
from bench.service import environment, idle, ready
from syncd.log import Scrubber, configure
from syncd.rehearsal import Rehearsal

ROOT = Path(__file__).parent.parent
WINDOWS = ("fixed", "sliding", "counter", "token")
UNDONE = {"hubspot": 6610, "salesforce": 6610}
"""Contacts of which ContactOut alone fills something for 5,000."""


def demo(contacts: int, *more: str) -> dict[str, Any]:
    """A demo in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "demo", "--contacts", str(contacts), "--json", *more],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def whole(crm: str = "hubspot") -> dict[str, Any]:
    """10,000 contacts, and 1,000 to compare with."""
    small, large = demo(1000, "--crm", crm), demo(10_000, "--crm", crm)
    first, second = large["cycles"]
    ours = {
        p: {k: v["spent"] for k, v in kinds.items() if v["spent"]} for p, kinds in first["credits"].items()
    }
    theirs = {p: {k: n for k, n in kinds.items() if n} for p, kinds in large["sandbox"]["charged"].items()}
    changed = first["contacts"]["enriched"]
    crm = next(iter(first["calls"].values()))["total"]
    providers = list(large["sandbox"]["charged"])
    return {
        "contacts": large["contacts"],
        "unaccounted": first["contacts"]["unaccounted"],
        "contacts_per_second": first["contacts_per_second"],
        "crm_calls_per_1000_seen": first["crm_calls_per_1000"],
        "crm_calls_per_1000_changed": round(1000 * crm / changed, 1) if changed else None,
        "peak_rss_mb": first["peak_rss_mb"],
        "peak_rss_ratio_to_1000": round(first["peak_rss_mb"] / small["cycles"][0]["peak_rss_mb"], 3),
        "second_cycle_provider_calls": sum(second["calls"][p]["total"] for p in providers),
        "second_cycle_writes": sum(f["filled"] + f["refreshed"] for f in second["fields"].values()),
        "our_credits_equal_theirs": {p: k for p, k in ours.items() if k}
        == {p: k for p, k in theirs.items() if k},
        **{k: v for k, v in large["sandbox"].items() if k != "charged"},
    }


def limits() -> dict[str, Any]:
    """How much of ContactOut's documented 1,000 a minute is used over a full minute, for each kind of window."""
    # One after the other: each needs the machine for itself to reach the limit.
    return {window: use_limit(window) for window in WINDOWS}


def use_limit(window: str) -> dict[str, Any]:
    """The fullest minute under one kind of window."""
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        rehearsal.start(
            ["hubspot", "contactout"],
            3000,
            settings={"hubspot": {"limits": "off"}, "contactout": {"window": window}},
        )
        try:
            return _fullest_minute(rehearsal)
        finally:
            rehearsal.stop()


def _fullest_minute(rehearsal: Rehearsal) -> dict[str, Any]:
    rehearsal.write_config(
        changes={"crms": {"hubspot-sandbox": {"limits": {"default": "10000/s", "search": "10000/s"}}}}
    )
    saturate(rehearsal)
    requests = rehearsal.stands["contactout"].ask("journal")["requests"]
    times = sorted(r["at"] for r in requests if not _other_bucket(r["path"]))
    return {**shares(times, 1000), "refused": sum(r["status"] == 429 for r in requests)}


def _other_bucket(path: str) -> bool:
    return path == "/v1/people/search" or path.endswith("_status")


def vendor_limits() -> dict[str, Any]:
    """How much of the other vendors' limits is used, each in real time and under the stand-in's windows."""
    return {vendor: vendor_limit(vendor) for vendor in TRIALS}


def vendor_limit(vendor: str) -> dict[str, Any]:
    """The same for one of them."""
    return {window: use(vendor, window) for window in TRIALS[vendor].windows}


def startup() -> dict[str, Any]:
    """What an operator waits for."""
    found = {}
    for name, command in (("help_ms", ["--help"]), ("version_ms", ["version"])):
        best = min(_timed(command) for _ in range(5))
        found[name] = round(best * 1000)
    return found


def _timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "syncd", *command],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env=environment(),
    )
    return time.perf_counter() - started


def identity() -> dict[str, Any]:
    """Whose values are written, over 2,000 contacts with 10 % of each trap."""
    return measure(2000)


def undo() -> dict[str, Any]:
    """A run that wrote to 5,000 contacts, of which people edited 50, is taken back."""
    return {crm: undoing.measure(crm, contacts, 50) for crm, contacts in UNDONE.items()}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "whole": whole,
    "limits": limits,
    "vendor-limits": vendor_limits,
    "startup": startup,
    "idle": idle,
    "ready": ready,
    "identity": identity,
    "caps": caps.measure,
    "budget": spend_little,
    "cheapest": partial(compare, 10, 300),
    "salesforce": partial(whole, "salesforce"),
    "undo": undo,
}


def main() -> None:
    configure("error", "json", Scrubber())
    single = {f"limit-{window}": partial(use_limit, window) for window in WINDOWS}
    single |= {f"limit-{vendor}": partial(vendor_limit, vendor) for vendor in TRIALS}
    parts: dict[str, Callable[[], dict[str, Any]]] = {**PARTS, **single}
    options = argparse.ArgumentParser(prog="bench", description="Measure what the README states.")
    options.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all without any")
    options.add_argument("--seeds", type=int, default=10, help="populations of cheapest")
    options.add_argument("--contacts", type=int, default=300, help="contacts of each population of cheapest")
    given = options.parse_args()
    parts["cheapest"] = partial(compare, given.seeds, given.contacts)
    wanted = given.parts or list(PARTS)
    unknown = sorted(set(wanted) - set(parts))
    if unknown:
        raise SystemExit(f"bench: there is no part {unknown[0]}; there are {', '.join(parts)}")
    print(json.dumps({"schema_version": 1, **{name: parts[name]() for name in wanted}}, indent=2))


if __name__ == "__main__":
    main()
