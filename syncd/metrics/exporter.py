"""The metrics of one process: what the state, the books and this process know. No label names a person."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import text

from syncd.dispatch import Dispatcher
from syncd.metrics.accounts import AccountSeries
from syncd.metrics.catalogue import CATALOGUE
from syncd.metrics.process import FRESH_S, RUN_S, Requests, histogram
from syncd.metrics.state import StateSeries
from syncd.runtime import Runtime

KEEP_S = 5.0
COST_SHARE = 0.005
"""The part of a core that reading the state for metrics may take, however often somebody asks."""


class Metrics:
    """The metrics of one process. `registry` is what /metrics shows."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotation here
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        self.requests = Requests(self.registry, runtime)
        self.callbacks = self.requests.callbacks
        self._run_seconds = histogram("syncd_task_duration_seconds", RUN_S, self.registry)
        self._fresh = histogram("syncd_contact_freshness_seconds", FRESH_S, self.registry)
        for name in runtime.settings.syncs:
            self._run_seconds.labels(name)
        for name in runtime.crms:
            self._fresh.labels(name)
        self._state = StateSeries(runtime, dispatcher, self.requests.empty)
        accounts = AccountSeries(runtime, self.requests)
        s = self._state
        parts = [s.build, s.tasks, s.results, s.queues, s.contacts, s.values]
        parts += [accounts.spending, accounts.headroom, accounts.standing, accounts.crms]
        parts += [Machine(runtime, dispatcher).collect]
        self.registry.register(Parts(parts, runtime.pacer.monotonic))
        runtime.meter.watchers.append(self.requests)
        runtime.on_write = self._wrote

    def ran(self, syncs: Sequence[str], seconds: float) -> None:
        """A cycle ended that served these syncs."""
        for name in syncs:
            self._run_seconds.labels(name).observe(seconds)

    def _wrote(self, crm: str, seconds: float | None) -> None:
        if seconds is None:
            self._state.equal[crm] += 1
        else:
            self._fresh.labels(crm).observe(seconds)


Part = Callable[[], Iterator[Metric]]


@dataclass
class _Kept:
    families: list[Metric]
    until: float


class Parts(Collector):
    """Families that are read when they are asked for: each part at most every few seconds, dear ones less often."""

    def __init__(self, parts: Sequence[Part], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._parts = list(parts)
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._kept: dict[int, _Kept] = {}

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        with self._turn:
            for number, part in enumerate(self._parts):
                kept = self._kept.get(number)
                if kept is None or self._monotonic() >= kept.until:
                    kept = self._kept[number] = self._read(part)
                yield from kept.families

    def _read(self, part: Part) -> _Kept:
        began = time.thread_time()
        families = list(part())
        cost = time.thread_time() - began
        return _Kept(families, self._monotonic() + max(KEEP_S, cost / COST_SHARE))


class Machine:
    """The disk, the clock and the scheduler."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher | None) -> None:
        self.r = runtime
        self.dispatcher = dispatcher

    def collect(self) -> Iterator[Metric]:
        """Sizes are NaN where they are not this machine's."""
        size, wal, free, whole = self._sizes()
        for name, value in (
            ("syncd_db_size_bytes", size),
            ("syncd_db_wal_bytes", wal),
            ("syncd_db_free_disk_bytes", free),
            ("syncd_db_disk_bytes", whole),
        ):
            family = CATALOGUE[name].gauge()
            family.add_metric((), value)
            yield family
        tick = CATALOGUE["syncd_scheduler_last_tick_timestamp_seconds"].gauge()
        tick.add_metric((), self.dispatcher.ticked_at if self.dispatcher else 0)
        stepped = CATALOGUE["syncd_clock_step_seconds_total"].counter()
        stepped.add_metric((), self.dispatcher.stepped_s if self.dispatcher else 0)
        yield from (tick, stepped)

    def _sizes(self) -> tuple[float, float, float, float]:
        path = self.r.store.path
        if path is None:
            with self.r.store.read() as connection:
                size = connection.scalar(text("SELECT pg_database_size(current_database())"))
            return float(size or 0), math.nan, math.nan, math.nan
        wal = path.with_name(path.name + "-wal")
        disk = os.statvfs(path.parent)
        return (
            float(path.stat().st_size if path.exists() else 0),
            float(wal.stat().st_size if wal.exists() else 0),
            float(disk.f_bavail * disk.f_frsize),
            float(disk.f_blocks * disk.f_frsize),
        )
