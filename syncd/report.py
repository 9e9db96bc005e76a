"""What a run did, in the form that `--json` promises."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from syncd.connector import Failure, FailureKind
from syncd.ledger import in_credits
from syncd.meter import Tally
from syncd.store import changes, figures, lists, money
from syncd.store.engine import Store

SCHEMA_VERSION = 1
CONTACTS = (
    "seen",
    "in_scope",
    "enriched",
    "unchanged",
    "no_match",
    "skipped",
    "no_budget",
    "review",
    "failed",
    "waiting",
    "unaccounted",
)
FIELD_COUNTS = ("filled", "refreshed", "kept_human", "kept_other", "rejected")
BROKEN = ("syncd", FailureKind.CONTRACT)
"""Where a run notes that syncd itself failed."""
_LATER = {FailureKind.UNAVAILABLE, FailureKind.RATE_LIMITED, FailureKind.CONTRACT}
_UNCHANGED = ("nothing is missing", "kept as it is", "no accepted value")


@dataclass
class Tallies:
    """Counted while a run goes on."""

    pulled: Counter[str] = field(default_factory=Counter)
    kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: dict[tuple[str, FailureKind], Failure] = field(default_factory=dict)
    brakes: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def contacts(store: Store, run_id: int, pulled: Mapping[str, int]) -> dict[str, int]:
    """Contacts by what became of them; `unaccounted` must be 0."""
    found = Counter(dict.fromkeys(CONTACTS, 0))
    with store.read() as connection:
        rows = lists.outcomes(connection, run_id)
    total = 0
    for state, reason, count in rows:
        total += count
        found[bucket(state, reason)] += count
    found["unchanged"] += pulled.get("unchanged", 0)
    found["waiting"] += pulled.get("carried", 0)
    found["seen"] = max(pulled.get("seen", 0), total)
    found["in_scope"] = total + pulled.get("unchanged", 0) + pulled.get("carried", 0)
    lost = (
        pulled.get("in_scope", 0)
        - pulled.get("unchanged", 0)
        - pulled.get("carried", 0)
        - pulled.get("ready", 0)
    )
    found["unaccounted"] += max(0, lost)
    return {name: found[name] for name in CONTACTS}


def bucket(state: str, reason: str) -> str:
    """What became of a contact, as reports say it."""
    match state:
        case "done":
            if reason == "enriched":
                return "enriched"
            return "unchanged" if reason in _UNCHANGED else "no_match"
        case "skipped" | "no_budget" | "review":
            return state
        case "dead":
            return "failed"
        case "ready" | "waiting" | "enriched" | "writing":
            return "waiting"
    return "unaccounted"


def fields(
    store: Store, run_id: int, names: list[str], kept: Mapping[tuple[str, str], int]
) -> dict[str, dict[str, int]]:
    """Per field: what was written, and what was kept and by whom."""
    found = {name: dict.fromkeys(FIELD_COUNTS, 0) for name in names}
    with store.read() as connection:
        rows = changes.tally(connection, run_id)
    for name, state, replaced, count in rows:
        counts = found.setdefault(name, dict.fromkeys(FIELD_COUNTS, 0))
        if state in ("written", "undone"):
            counts["refreshed" if replaced else "filled"] += count
        elif state in ("rejected", "not_applied"):
            counts["rejected"] += count
    for (name, why), count in kept.items():
        counts = found.setdefault(name, dict.fromkeys(FIELD_COUNTS, 0))
        if why == "human":
            counts["kept_human"] += count
        elif why in ("other", "present", "fresh", "undone", "group", "flagged"):
            counts["kept_other"] += count
        elif why == "rejected":
            counts["rejected"] += count
    return found


def spending(
    store: Store, run_id: int, rooms: Mapping[str, Mapping[str, money.Room]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Per provider and credit kind: spent and unknown in this run, room under the caps, the vendor's figure."""
    with store.read() as connection:
        spent = figures.spent_in_run(connection, run_id)
        pools = figures.pools(connection)
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for account, kinds in rooms.items():
        for kind, room in kinds.items():
            s, u = spent.get((account, kind), (0, 0))
            pool = pools.get((account, kind))
            found.setdefault(account, {})[kind] = {
                "spent": number(in_credits(s)),
                "unknown": number(in_credits(u)),
                "cap_left": number(in_credits(max(0, room.cap_left))),
                "vendor_balance": None
                if pool is None or pool.remaining is None
                else number(in_credits(pool.remaining)),
            }
    return found


def spent(store: Store, run_id: int) -> dict[str, dict[str, int]]:
    """account → kind → spent or unknown in a run, in millionths; only what is not nothing."""
    with store.read() as connection:
        rows = figures.spent_in_run(connection, run_id)
    found: dict[str, dict[str, int]] = {}
    for (account, kind), (s, u) in rows.items():
        if s or u:
            found.setdefault(account, {})[kind] = s + u
    return found


def number(amount: Decimal) -> int | float:
    """A JSON number: whole where the amount is."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def calls(tallies: Mapping[str, Tally], names: list[str]) -> dict[str, dict[str, Any]]:
    """Per connector: requests in all and by operation, refused for the rate, repeated."""
    empty = Tally()
    return {
        name: {
            "total": (t := tallies.get(name, empty)).total,
            "by_operation": dict(sorted(t.by_operation.items())),
            "rate_limited": t.rate_limited,
            "retried": t.retried,
        }
        for name in names
    }


def peak_rss_mb() -> float:
    """The largest resident memory of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def verdict(counts: Mapping[str, int], tallies: Tallies, crms: Iterable[str]) -> tuple[str, int]:
    """The run's verdict and exit code. What needs a person comes before what a budget stopped.

    A provider that is down matters where contacts wait for it; a CRM that is down always does.
    """
    kinds = {f.kind for f in tallies.failures.values()}
    cut_off = any(name in set(crms) for name, _ in tallies.failures)
    moved = counts["enriched"] or counts["unchanged"] or counts["no_match"]
    if BROKEN in tallies.failures:
        return "failed", 1
    if kinds & {FailureKind.AUTH, FailureKind.CONFIG, FailureKind.OUT_OF_CREDITS}:
        return ("partial" if counts["enriched"] else "failed"), 6
    if tallies.brakes:
        return "braked", 4
    if cut_off or (kinds & _LATER and counts["waiting"]):
        return ("partial" if moved else "failed"), 5
    if counts["no_budget"]:
        return "budget_stop", 4
    if counts["failed"] or counts["unaccounted"]:
        return ("partial" if moved else "failed"), 3
    return "ok", 0
