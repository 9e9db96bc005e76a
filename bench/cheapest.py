"""What the order of the providers costs: four ways to ask the same five about the same people.

fixed: the waterfall in the order of the configuration. cheapest: by expected cost per accepted value.
sequential: each provider in turn is asked for everything that the contact lacks, until all of it is there, as
plain tools do. everyone: each provider is asked for everything, whatever the others said.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from syncd.config import load
from syncd.connector import Operation
from syncd.cycle import Cycle, Orders
from syncd.desk import Desk
from syncd.model import Field, Key
from syncd.purchase import STRENGTH, serves
from syncd.rehearsal import Rehearsal
from syncd.runtime import open_runtime
from syncd.waterfall import Ask, Stop, Vendor, Wait

PROVIDERS = ("contactout", "rocketreach", "crustdata", "waterfall_io", "reverselooker")
USD: Mapping[str, Mapping[str, float]] = {
    "contactout": {"email": 0.10, "phone": 0.40, "search": 0.02, "verifier": 0.01},
    "rocketreach": {"lookup": 0.30, "phone_lookup": 0.60, "person_enrich": 0.10, "company_export": 0.10},
    "crustdata": {"credit": 0.10},
    "waterfall_io": {"usd": 1.0},
    "reverselooker": {"credit": 0.002},
}
"""What a credit is taken to cost, in dollars, and what the configuration says under `prices`.

No vendor but Waterfall.io, which bills in dollars, prints a price for a credit of its interface. These are
assumptions of the size of its samples (0.10 for a contact, 0.50 for a number); a search of ReverseLooker takes
50 credits.
"""
AT_ONCE: Mapping[str, Mapping[str, Any]] = {
    "rocketreach": {"step_s": 0.0},
    "waterfall_io": {"after_s": 0.0},
    "reverselooker": {"after_s": 0.0},
}
"""Jobs end as they begin: waiting for them costs time and no money."""

Next = Callable[[Desk, Sequence[Vendor]], Ask | Wait | Stop]


def compare(seeds: int, contacts: int, policies: Sequence[str] = ()) -> dict[str, Any]:
    """Every policy over so many populations: per seed, mean and spread, and what cheapest saves."""
    chosen = [name for name in POLICIES if not policies or name in policies]
    runs = {name: [measure(name, seed, contacts) for seed in range(1, seeds + 1)] for name in chosen}
    found: dict[str, Any] = {
        "contacts": contacts,
        "seeds": seeds,
        "usd_per_credit": USD,
        "policies": {name: _summary(rows) for name, rows in runs.items()},
    }
    if {"fixed", "cheapest"} <= runs.keys():
        found["cheapest_minus_fixed"] = paired(runs["cheapest"], runs["fixed"])
    return found


def measure(policy: str, seed: int, contacts: int) -> dict[str, Any]:
    """One cycle under a policy: fields filled, and the money that the stand-ins' own books say it cost."""
    changes: dict[str, Any] = {"providers": {name: {"prices": dict(USD[name])} for name in PROVIDERS}}
    if policy == "cheapest":
        changes["syncs"] = {"hubspot-sandbox-contacts": {"waterfall": "cheapest"}}
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        try:
            rehearsal.start(["hubspot", *PROVIDERS], contacts, seed, swift=True, settings=AT_ONCE)
            rehearsal.write_config(swift=True, changes=changes)
            with _planning(POLICIES[policy]):
                report = _hurried(rehearsal)
            charged = {v: rehearsal.stands[v].ask("books", summary="1")["charged"] for v in PROVIDERS}
        finally:
            rehearsal.stop()
    cost = {v: sum(float(n) * _usd(v, kind) for kind, n in kinds.items()) for v, kinds in charged.items()}
    ours = {
        v: sum(k["spent"] * USD[v][kind] for kind, k in kinds.items())
        for v, kinds in report["credits"].items()
    }
    return {
        "seed": seed,
        "fields": sum(f["filled"] + f["refreshed"] for f in report["fields"].values()),
        "usd": round(sum(cost.values()), 2),
        "usd_by_our_books": round(sum(ours.values()), 2),
        "usd_by_provider": {v: round(n, 2) for v, n in cost.items()},
        "fields_by_name": {n: f["filled"] + f["refreshed"] for n, f in report["fields"].items()},
        "seconds": report["seconds"],
    }


def paired(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seed by seed, how many more fields the first filled, and how much more it cost."""
    fields = [a["fields"] - b["fields"] for a, b in zip(one, other, strict=True)]
    usd = [round(a["usd"] - b["usd"], 2) for a, b in zip(one, other, strict=True)]
    good = [f >= 0 and m <= 0 for f, m in zip(fields, usd, strict=True)]
    return {
        "fields": _spread(fields) | {"by_seed": fields},
        "usd": _spread(usd) | {"by_seed": usd},
        "as_many_fields_for_no_more": sum(good),
        "seeds": len(good),
    }


def _usd(vendor: str, kind: str) -> float:
    """The price of a credit; the vendor's own words for the pool of lookups are several."""
    prices = USD[vendor]
    return prices[kind] if kind in prices else prices["lookup"]


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    fields, usd = [r["fields"] for r in rows], [r["usd"] for r in rows]
    return {
        "fields": _spread(fields),
        "usd": _spread(usd),
        "usd_per_field": round(sum(usd) / max(1, sum(fields)), 4),
        "by_seed": list(rows),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "mean": round(statistics.fmean(values), 2),
        "stdev": round(statistics.stdev(values), 2) if len(values) > 1 else 0.0,
        "least": min(values),
        "most": max(values),
    }


def _hurried(rehearsal: Rehearsal) -> dict[str, Any]:
    """The report of one cycle that never waits: our own clock goes on instead."""
    ahead = [0.0]

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead[0])

    def skip(seconds: float) -> None:
        ahead[0] += seconds

    runtime = open_runtime(load(rehearsal.folder / "config.yaml"), clock=now, sleep=skip)
    try:
        runtime.store.keep_time_by(lambda: round(now().timestamp() * 1e6))
        return Cycle(runtime, Orders(list(runtime.policies))).run().report
    finally:
        runtime.close()


@contextmanager
def _planning(planner: Next | None) -> Iterator[None]:
    """Have contacts planned in another way than syncd's own."""
    if planner is None:
        yield
        return
    with patch.object(Desk, "next", planner):
        yield


def _sequential(desk: Desk, vendors: Sequence[Vendor]) -> Ask | Wait | Stop:
    return _in_turn(desk, vendors) if desk.needs else Stop({})


def _in_turn(desk: Desk, vendors: Sequence[Vendor]) -> Ask | Wait | Stop:
    """Each provider once, for everything that the contact lacked at the beginning."""
    under_way = tuple(a.lookup_id for a in desk.asked if a.state == "in_flight")
    if under_way:
        return Wait(under_way)
    asked = {a.account for a in desk.asked}
    wanted = frozenset(n.field for n in desk.assessment.needs)
    for vendor in vendors:
        ask = None if vendor.account in asked else _fullest(vendor, wanted, desk.keys)
        if ask is not None:
            return ask
    return Stop(dict.fromkeys(wanted, "everybody was asked"))


def _fullest(vendor: Vendor, wanted: frozenset[Field], keys: Sequence[Key]) -> Ask | None:
    """The operation that returns the most of what is wanted; among equals by the surer key, then the cheaper."""
    best: tuple[tuple[float, ...], Ask] | None = None
    for operation in vendor.operations:
        for key in keys:
            gain = sum(bool(wanted & serves(f)) for f in operation.returns)
            if not gain or key.kind not in operation.accepts or not _sold(vendor, operation):
                continue
            most = sum(float(n) * vendor.weights.get(k, 1.0) for k, n in operation.max_charge.items())
            rank = (-gain, STRENGTH.index(key.kind), most)
            if best is None or rank < best[0]:
                best = rank, Ask(vendor.account, operation, key, "everything from everybody in turn")
    return best[1] if best else None


def _sold(vendor: Vendor, operation: Operation) -> bool:
    return (
        not {operation.name, ""} & vendor.closed
        and not operation.backfill_only
        and operation.max_charge.keys() <= vendor.affordable.keys()
    )


POLICIES: Mapping[str, Next | None] = {
    "fixed": None,
    "cheapest": None,
    "sequential": _sequential,
    "everyone": _in_turn,
}
