"""The state of affairs as an operator asks for it: runs, syncs, backlog, halts, money and lost answers."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import Connection

from syncd.config import Settings
from syncd.ledger import SCOPES, in_credits
from syncd.report import number
from syncd.store import figures, jobs, lists, money, reloads, runs, tidemark, work
from syncd.store.engine import MILLION, Store
from syncd.store.money import Periods

BURN_DAYS = 7


def status(store: Store, settings: Settings) -> dict[str, Any]:
    """Everything at a glance. `needs` are sentences about what wants a person, most urgent first."""
    with store.read() as connection:
        now_us = work.now_us(connection)
        latest = runs.latest(connection, 5)
        halted = runs.halts(connection)
        unknown = jobs.unresolved(connection)
        pending = jobs.pending(connection)
        syncs = [_sync(connection, settings, name, now_us) for name in settings.syncs]
        reload = reloads.last(connection)
        held = runs.get_meta(connection, tidemark.HELD)
    found: dict[str, Any] = {
        "mode": settings.mode.value,
        "needs": [],
        "syncs": syncs,
        "runs": [_run(r) for r in latest],
        "halts": [halt_of(h) for h in halted],
        "unknown_lookups": len(unknown),
        "jobs": [{"provider": a, "pending": n, "oldest_s": _age(now_us, at)} for a, n, at in pending],
        "config": _config(reload) if reload else None,
    }
    restored = [f"{held}; `syncd budget reconcile` takes over the vendors' figures"] if held else []
    found["needs"] = [*restored, *_needs(found), *_dead(syncs)]
    return found


def _sync(connection: Connection, settings: Settings, name: str, now_us: int) -> dict[str, Any]:
    state = runs.sync_state(connection, name)
    return {
        "sync": name,
        "crm": settings.syncs[name].crm,
        "read_up_to": iso(state.watermark_us),
        "behind_s": _age(now_us, state.watermark_us),
        "last_run_at": iso(state.last_run_us),
        "last_success_at": iso(state.last_success_us),
        "first_load_in_progress": state.scan_started_us is not None,
        "census": _census(connection, name, now_us),
        "contacts": lists.counts(connection, [name]),
    }


def _census(connection: Connection, name: str, now_us: int) -> dict[str, Any] | None:
    held = runs.get_meta(connection, f"census:{name}")
    if held is None:
        return None
    found = orjson.loads(held)
    at_us = found.pop("at_us")
    return {"at": iso(at_us), "age_s": _age(now_us, at_us), **found}


def _run(run: runs.Run) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "kind": run.kind,
        "syncs": run.scope.split(",") if run.scope else [],
        "started_at": iso(run.started_us),
        "ended_at": iso(run.ended_us),
        "verdict": run.verdict or "not ended",
        "contacts": {k: n for k, n in run.report.get("contacts", {}).items() if n},
    }


def halt_of(halt: runs.Halt) -> dict[str, Any]:
    """What is stopped, why, since when and until when."""
    return {
        "scope": halt.scope,
        "kind": halt.kind,
        "reason": halt.reason,
        "since": iso(halt.since_us),
        "until": iso(halt.until_us),
    }


def _config(reload: reloads.Reload) -> dict[str, Any]:
    return {
        "last_reload_ok": reload.ok,
        "last_reload_at": iso(reload.at_us),
        "in_force_since": iso(reload.good_at_us),
        "refused": reload.said,
        "needs_restart": list(reload.restart),
    }


def _needs(found: Mapping[str, Any]) -> list[str]:
    """What a person should look at."""
    told = []
    config = found["config"]
    if config and not config["last_reload_ok"]:
        told.append(f"the service still runs by its old configuration: {config['refused']}")
    if config and config["needs_restart"]:
        told.append(f"restart the service for {' and '.join(config['needs_restart'])} to take effect")
    for halt in found["halts"]:
        if halt["kind"] in ("auth", "config", "brake", "drift"):
            told.append(f"{halt['scope']} is stopped: {halt['reason']}")
    if found["unknown_lookups"]:
        n = found["unknown_lookups"]
        told.append(
            f"{n} paid lookup{'s' if n > 1 else ''} with a lost answer count as spent; see `syncd budget`"
        )
    return told


def _dead(syncs: Sequence[Mapping[str, Any]]) -> list[str]:
    told = []
    for sync in syncs:
        for state, text in (("dead", "failed; see `syncd dead`"), ("review", "need a person's decision")):
            if sync["contacts"].get(state):
                told.append(f"{sync['contacts'][state]:,} contacts of {sync['sync']} {text}")
    return told


@dataclass(frozen=True, slots=True)
class Budgets:
    """The books of every credit kind, and the lookups of which nobody knows whether they were charged."""

    kinds: list[dict[str, Any]]
    unknown: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    """What is unknown in all, by provider and credit kind."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What the state knows of every credit kind, in millionths, by (account, kind)."""

    pools: Mapping[tuple[str, str], figures.Pool]
    drifts: Mapping[tuple[str, str], figures.Drift]
    burn: Mapping[tuple[str, str], int]
    unknown: Counter[tuple[str, str]]
    """What lost calls hold, of whatever period."""
    counted: Mapping[tuple[str, str, str], Mapping[str, int]]
    """(account, kind, scope) → what a cap counts that was in force already."""


def budgets(store: Store, settings: Settings, now: datetime) -> Budgets:
    """Caps, spending and the vendors' own figures."""
    periods = Periods(0, now.strftime("%Y-%m-%d"), now.strftime("%Y-%m"))
    with store.read() as connection:
        lost = jobs.lost(connection)
        known = _Known(
            figures.pools(connection),
            figures.drifts(connection),
            figures.burn(connection, BURN_DAYS),
            _held(lost),
            figures.counted(connection, periods.day, periods.month),
        )
        kinds = [
            _kind(connection, name, kind, budget, periods, known, now)
            for name, provider in settings.providers.items()
            for kind, budget in provider.budgets.items()
        ]
        now_us = work.now_us(connection)
    unknown = [_unknown(row, now_us) for row in lost]
    return Budgets(kinds, unknown, _totals(unknown))


def _held(lost: Sequence[jobs.Lost]) -> Counter[tuple[str, str]]:
    held: Counter[tuple[str, str]] = Counter()
    for row in lost:
        held.update({(row.account, kind): amount for kind, amount in row.worth.items()})
    return held


def _kind(
    connection: Connection,
    account: str,
    kind: str,
    budget: Any,
    periods: Periods,
    known: _Known,
    now: datetime,
) -> dict[str, Any]:
    of = (account, kind)
    caps = [
        _cap(scope, cap, _counted(connection, of, scope, periods, known))
        for scope in SCOPES
        if (cap := getattr(budget, f"per_{scope}")) is not None
    ]
    pool = known.pools.get(of)
    daily = in_credits(known.burn.get(of, 0)) / BURN_DAYS
    return {
        "provider": account,
        "kind": kind,
        "caps": caps,
        "vendor_balance": None
        if pool is None or pool.remaining is None
        else number(in_credits(pool.remaining)),
        "vendor_plan": pool.plan if pool else "unknown",
        "vendor_figure_at": iso(pool.fetched_us) if pool else None,
        "reserved": number(in_credits(pool.reserved)) if pool else 0,
        **_drift(known.drifts.get(of), known.unknown[of]),
        "per_day": round(float(daily), 1),
        "days_left": _days_left(caps, daily, now),
    }


def _counted(
    connection: Connection, of: tuple[str, str], scope: str, periods: Periods, known: _Known
) -> Mapping[str, int]:
    """What counts against a cap; the next run begins at nothing."""
    if scope == "run":
        return dict.fromkeys(("reserved", "spent", "unknown"), 0)
    # A cap that is new is counted from its first run on; until then the whole ledger is added up.
    return known.counted.get((*of, scope)) or money.totals(connection, *of, scope, periods.key(scope))


def _cap(scope: str, cap: Decimal, sums: Mapping[str, int]) -> dict[str, Any]:
    used = in_credits(sum(sums.values()))
    return {
        "per": scope,
        "cap": number(cap),
        **{k: number(in_credits(v)) for k, v in sums.items()},
        "left": number(max(Decimal(0), cap - used)),
    }


def _drift(drift: figures.Drift | None, unknown: int) -> dict[str, Any]:
    """What is gone at the vendor beyond our books, and what of ours may be."""
    found = drift or figures.Drift(0, 0, 0)
    return {
        "drift": number(in_credits(found.total)),
        "foreign": number(in_credits(found.others)),
        "overcharge": number(in_credits(found.overcharged)),
        "unresolved": number(in_credits(unknown)),
    }


def _days_left(caps: Sequence[Mapping[str, Any]], daily: Decimal, now: datetime) -> float | None:
    """Days until the month's cap is reached at the pace of the last week; None where it lasts the month."""
    month = next((c for c in caps if c["per"] == "month"), None)
    if month is None or daily <= 0:
        return None
    days = float(Decimal(str(month["left"])) / daily)
    remaining = calendar.monthrange(now.year, now.month)[1] - now.day + 1
    return round(days, 1) if days < remaining else None


def _unknown(row: jobs.Lost, now_us: int) -> dict[str, Any]:
    return {
        "call": row.call_id,
        "provider": row.account,
        "operation": row.operation,
        "sent_at": iso(row.sent_us),
        "age_s": _age(now_us, row.sent_us),
        "reason": row.reason,
        "worth": {kind: number(in_credits(amount)) for kind, amount in row.worth.items()},
        "contacts": list(row.contacts),
        "repeated": row.repeated,
    }


def _totals(unknown: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in unknown:
        for kind, amount in row["worth"].items():
            held = found.setdefault(
                (row["provider"], kind),
                {"provider": row["provider"], "kind": kind, "calls": 0, "worth": Decimal(0), "oldest_s": 0},
            )
            held["calls"] += 1
            held["worth"] += Decimal(str(amount))
            held["oldest_s"] = max(held["oldest_s"], row["age_s"] or 0)
    return [{**held, "worth": number(held["worth"])} for _, held in sorted(found.items())]


def iso(us: int | None) -> str | None:
    """An instant for JSON."""
    return datetime.fromtimestamp(us / MILLION, UTC).isoformat(timespec="seconds") if us else None


def _age(now_us: int, at_us: int | None) -> int | None:
    return None if at_us is None else max(0, (now_us - at_us) // MILLION)
