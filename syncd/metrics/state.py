"""Series about syncs, contacts and CRMs that are read from the state."""

from __future__ import annotations

import platform
from collections import Counter as Count
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from apscheduler.triggers.cron import CronTrigger
from prometheus_client.core import Metric

from syncd import __version__
from syncd.config import SyncSettings
from syncd.dispatch import Dispatcher
from syncd.metrics.catalogue import (
    CATALOGUE,
    CLASSES,
    ENDS,
    HALTS,
    LEVELS,
    MODES,
    QUEUES,
    RESULTS,
    WRITES,
    class_of,
)
from syncd.model import Field
from syncd.runtime import Runtime
from syncd.store import changes, jobs, lists, runs, work
from syncd.store.engine import MILLION
from syncd.store.schema import HEAD

RELOADED = "config_last_reload"
"""The meta key under which a start or reload leaves `ok`, and `good_at_us`: when one was last taken over."""
_BOOKED = {
    "written": "written",
    "undone": "written",
    "conflict": "conflict",
    "rejected": "rejected",
    "refused": "error",
    "not_applied": "error",
}
"""State of a change → `result` of a write."""
_FILLED = {
    "written": "filled",
    "undone": "filled",
    "conflict": "conflict",
    "rejected": "rejected",
    "not_applied": "rejected",
}


class StateSeries:
    """What the state holds of syncs and contacts."""

    def __init__(
        self, runtime: Runtime, dispatcher: Dispatcher | None, empty: Count[tuple[str, str]]
    ) -> None:
        self.r = runtime
        self.dispatcher = dispatcher
        self._empty = empty
        self.equal: Count[str] = Count()
        """CRM → values that were there already."""

    def build(self) -> Iterator[Metric]:
        info = CATALOGUE["syncd_build_info"].gauge()
        info.add_metric((__version__, platform.python_version(), HEAD), 1)
        yield info
        with self.r.store.read() as connection:
            halts = runs.halts(connection)
            told = runs.get_meta(connection, RELOADED)
        mode = CATALOGUE["syncd_mode_info"].gauge()
        now = "paused" if any(h.scope == "all" for h in halts) else self.r.settings.mode.value
        for name in MODES:
            mode.add_metric((name,), float(name == now))
        yield mode
        yield from self._reload(told)
        held = CATALOGUE["syncd_halts"].gauge()
        kinds = Count(h.kind if h.kind in HALTS else "pause" for h in halts)
        for kind in HALTS:
            held.add_metric((kind,), kinds[kind])
        yield held

    def _reload(self, told: str | None) -> Iterator[Metric]:
        found: dict[str, Any] = orjson.loads(told) if told else {}
        good = CATALOGUE["syncd_config_last_reload_successful"].gauge()
        good.add_metric((), float(bool(found.get("ok", True))))
        at = CATALOGUE["syncd_config_last_reload_success_timestamp_seconds"].gauge()
        at.add_metric((), found.get("good_at_us", self.r.opened_at.timestamp() * MILLION) / MILLION)
        yield from (good, at)

    def tasks(self) -> Iterator[Metric]:
        success = CATALOGUE["syncd_task_last_success_timestamp_seconds"].gauge()
        ran = CATALOGUE["syncd_task_last_run_timestamp_seconds"].gauge()
        census = CATALOGUE["syncd_task_last_census_timestamp_seconds"].gauge()
        interval = CATALOGUE["syncd_task_interval_seconds"].gauge()
        cursor = CATALOGUE["syncd_crm_cursor_timestamp_seconds"].gauge()
        marks: dict[tuple[str, str], int] = {}
        with self.r.store.read() as connection:
            for name, sync in self.r.settings.syncs.items():
                state = runs.sync_state(connection, name)
                success.add_metric((name, sync.crm), (state.last_success_us or 0) / MILLION)
                ran.add_metric((name, sync.crm), (state.last_run_us or 0) / MILLION)
                census.add_metric((name, sync.crm), (state.census_us or 0) / MILLION)
                interval.add_metric((name, sync.crm), interval_s(sync, self.r.clock()))
                at = (sync.crm, sync.object)
                marks[at] = min(marks.get(at, 1 << 62), state.watermark_us or 0)
        for at, mark in marks.items():
            cursor.add_metric(at, mark / MILLION)
        yield from (success, ran, census, interval, cursor)

    def results(self) -> Iterator[Metric]:
        found: Count[tuple[str, str]] = Count()
        with self.r.store.read() as connection:
            for syncs, verdict, count in runs.verdicts(connection):
                for name in syncs:
                    found[name, verdict] += count
        total = CATALOGUE["syncd_task_runs_total"].counter()
        for name in self.r.settings.syncs:
            found[name, "skipped_lock"] = self.dispatcher.missed_by[name] if self.dispatcher else 0
            for result in RESULTS:
                total.add_metric((name, result), found[name, result])
        yield total

    def queues(self) -> Iterator[Metric]:
        with self.r.store.read() as connection:
            rows = lists.waiting_by_crm(connection)
            polls = sum(n for _, n, _ in jobs.pending(connection))
        counts: Count[str] = Count()
        for _, state, count, _ in rows:
            counts[state] += count
        items = CATALOGUE["syncd_queue_items"].gauge()
        items.add_metric(("pull",), self.dispatcher.due() if self.dispatcher else 0)
        items.add_metric(("poll",), polls)
        for queue, states in QUEUES.items():
            items.add_metric((queue,), sum(counts[s] for s in states))
        yield items
        oldest = CATALOGUE["syncd_oldest_pending_contact_timestamp_seconds"].gauge()
        for crm in self.r.crms:
            since = [at for name, state, _, at in rows if name == crm and state in work.OPEN]
            oldest.add_metric((crm,), min(since, default=0) / MILLION)
        yield oldest

    def contacts(self) -> Iterator[Metric]:
        ended = CATALOGUE["syncd_contacts_total"].counter()
        for crm in self.r.crms:
            for became, outcome in ENDS.items():
                ended.add_metric((crm, outcome), self.r.outcomes[crm, became])
        yield ended
        lines = CATALOGUE["syncd_log_messages_total"].counter()
        for level in LEVELS:
            lines.add_metric((level,), self.r.lines[level])
        yield lines

    def values(self) -> Iterator[Metric]:
        """Values that were written, or could not be."""
        written: Count[tuple[str, str]] = Count()
        filled: Count[tuple[str, str, str]] = Count()
        with self.r.store.read() as connection:
            for crm, account, field, state, count in changes.census(connection):
                written[crm, _BOOKED.get(state, "")] += count
                filled[account, class_of(Field(field)), _FILLED.get(state, "")] += count
        writes = CATALOGUE["syncd_crm_writes_total"].counter()
        for crm in self.r.crms:
            written[crm, "unchanged"] = self.equal[crm]
            for result in WRITES:
                writes.add_metric((crm, result), written[crm, result])
        yield writes
        results = CATALOGUE["syncd_provider_field_results_total"].counter()
        for provider in self.r.providers:
            for name in CLASSES:
                for result in ("filled", "rejected", "conflict"):
                    results.add_metric((provider, name, result), filled[provider, name, result])
                results.add_metric((provider, name, "empty"), self._empty[provider, name])
        yield results


def interval_s(sync: SyncSettings, now: datetime) -> float:
    """How often a sync is due; for cron the distance between its next two times, 0 where there are none."""
    if sync.every is not None:
        return sync.every.total_seconds()
    if sync.cron is None:
        return 0.0
    trigger = CronTrigger(timezone=sync.zone, **sync.cron.trigger)
    first = trigger.get_next_fire_time(None, now.astimezone(UTC))
    second = trigger.get_next_fire_time(first, first) if first else None
    return float((second - first).total_seconds()) if first and second else 0.0
