"""Metrics: what the state, the books and this process know, in Prometheus' terms. No label names a person.

Names and labels follow docs/metrics.md. What the state holds is read when it is asked for, at most every few
seconds, so that the figures survive a restart.
"""

from __future__ import annotations

import platform
import threading
import time
from collections import Counter as Count
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from syncd import __version__
from syncd.dispatch import Dispatcher
from syncd.ledger import in_credits
from syncd.runtime import Runtime
from syncd.store import changes, jobs, money, runs, work
from syncd.store.engine import MILLION
from syncd.store.schema import HEAD

KEEP_S = 5.0
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
RUN_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 14_400)
OUTCOMES = (
    "ok",
    "rate_limited",
    "unavailable",
    "ambiguous",
    "auth",
    "config",
    "out_of_credits",
    "rejected",
    "contract",
)
ENDS = {
    "done": "enriched",
    "skipped": "skipped_rule",
    "no_budget": "skipped_budget",
    "review": "review",
    "dead": "dead_letter",
}
VERDICTS = ("ok", "partial", "failed", "budget_stop", "braked")
QUEUES = {
    "lookup": ("ready", "leased"),
    "wait": ("waiting",),
    "write": ("enriched", "writing"),
    "dead_letter": ("dead",),
}
WRITES = ("written", "rejected", "conflict", "not_applied", "refused", "undone")


class Metrics:
    """The metrics of one process. `registry` is what /metrics shows."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher | None = None) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        labels = ("connector", "operation", "outcome")
        self._requests = Counter(
            "syncd_requests", "Requests to CRMs and providers.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "syncd_request_duration_seconds",
            "How long requests took.",
            ("connector",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._runs = Counter("syncd_runs", "Cycles that ended.", ("verdict",), registry=self.registry)
        self._run_seconds = Histogram(
            "syncd_run_duration_seconds", "How long cycles took.", buckets=RUN_SECONDS, registry=self.registry
        )
        self.lines = Counter("syncd_log_messages", "Log lines.", ("level",), registry=self.registry)
        self.callbacks = Counter(
            "syncd_webhooks", "Callbacks of vendors.", ("provider", "result"), registry=self.registry
        )
        self._begin(runtime)
        self.registry.register(_State(runtime, dispatcher))
        runtime.meter.observers.append(self._sent)

    def _begin(self, runtime: Runtime) -> None:
        """Every series exists from the start, so that a first increase is seen as one."""
        for verdict in VERDICTS:
            self._runs.labels(verdict)
        for level in ("debug", "info", "warning", "error", "critical"):
            self.lines.labels(level)
        for name in (*runtime.crms, *runtime.providers):
            self._seconds.labels(name)
        for name, account in runtime.providers.items():
            for operation in account.connector.operations:
                for outcome in ("ok", "rate_limited", "unavailable"):
                    self._requests.labels(name, operation.name, outcome)

    def _sent(self, connector: str, operation: str, outcome: str, seconds: float) -> None:
        self._requests.labels(connector, operation, outcome).inc()
        self._seconds.labels(connector).observe(seconds)

    def ran(self, verdict: str, seconds: float) -> None:
        """A cycle ended."""
        self._runs.labels(verdict).inc()
        self._run_seconds.observe(seconds)


class _State(Collector):
    """Series that are read from the state."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher | None) -> None:
        self.r = runtime
        self.dispatcher = dispatcher
        self._turn = threading.Lock()
        self._kept: list[Metric] = []
        self._kept_at = -KEEP_S

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        with self._turn:
            if time.monotonic() - self._kept_at >= KEEP_S:
                self._kept = [family for part in self._parts() for family in part()]
                self._kept_at = time.monotonic()
            yield from self._kept

    def _parts(self) -> list[Callable[[], Iterator[Metric]]]:
        return [
            self._build,
            self._syncs,
            self._contacts,
            self._credits,
            self._accounts,
            self._jobs,
            self._machine,
        ]

    def _build(self) -> Iterator[Metric]:
        info = GaugeMetricFamily("syncd_build_info", "What runs.", labels=("version", "python", "schema"))
        info.add_metric((__version__, platform.python_version(), HEAD), 1)
        yield info
        with self.r.store.read() as connection:
            paused = any(h.scope == "all" for h in runs.halts(connection))
        mode = GaugeMetricFamily("syncd_mode_info", "What it may do.", labels=("mode",))
        now = "paused" if paused else self.r.settings.mode.value
        for name in ("plan", "live", "paused"):
            mode.add_metric((name,), float(name == now))
        yield mode

    def _syncs(self) -> Iterator[Metric]:
        labels = ("sync", "crm")
        names = ("watermark_us", "last_run_us", "last_success_us")
        families = [
            GaugeMetricFamily(
                "syncd_sync_cursor_timestamp_seconds", "How far the CRM was read.", labels=labels
            ),
            GaugeMetricFamily("syncd_sync_last_run_timestamp_seconds", "When it last ran.", labels=labels),
            GaugeMetricFamily(
                "syncd_sync_last_success_timestamp_seconds", "When it last ended well.", labels=labels
            ),
        ]
        interval = GaugeMetricFamily(
            "syncd_sync_interval_seconds", "How often it runs; 0 for cron.", labels=labels
        )
        with self.r.store.read() as connection:
            for name, sync in self.r.settings.syncs.items():
                state = runs.sync_state(connection, name)
                for family, column in zip(families, names, strict=True):
                    family.add_metric((name, sync.crm), (getattr(state, column) or 0) / MILLION)
                interval.add_metric((name, sync.crm), sync.every.total_seconds() if sync.every else 0)
        yield from (*families, interval)

    def _contacts(self) -> Iterator[Metric]:
        with self.r.store.read() as connection:
            counts = {n: work.counts(connection, [n]) for n in self.r.settings.syncs}
            oldest = work.oldest_open_us(connection)
            written = Count(changes.by_state(connection))
            now_us = work.now_us(connection)
        contacts = GaugeMetricFamily("syncd_contacts", "Contacts by state.", labels=("sync", "state"))
        for name, states in counts.items():
            for state in (*work.OPEN, *work.ENDED):
                contacts.add_metric((name, state), states.get(state, 0))
        yield contacts
        queues = GaugeMetricFamily("syncd_queue_items", "Contacts that wait.", labels=("queue",))
        for queue, states_ in QUEUES.items():
            queues.add_metric((queue,), sum(c.get(s, 0) for c in counts.values() for s in states_))
        yield queues
        ended = CounterMetricFamily(
            "syncd_contacts_ended", "Contacts that came to an end.", labels=("sync", "outcome")
        )
        for name in counts:
            for state, outcome in ENDS.items():
                ended.add_metric((name, outcome), self.r.outcomes[name, state])
        yield ended
        writes = CounterMetricFamily("syncd_crm_writes", "Values written to CRMs.", labels=("result",))
        for result in WRITES:
            writes.add_metric((result,), written[result])
        yield writes
        age = 0.0 if oldest is None else max(0, now_us - oldest) / MILLION
        yield GaugeMetricFamily(
            "syncd_oldest_pending_contact_seconds", "Age of the oldest open contact.", age
        )

    def _credits(self) -> Iterator[Metric]:
        labels = ("provider", "kind")
        spent = CounterMetricFamily("syncd_credits_spent", "Credits spent, by our books.", labels=labels)
        held = GaugeMetricFamily("syncd_credits_reserved", "Credits in flight.", labels=labels)
        unknown = GaugeMetricFamily(
            "syncd_credits_unknown", "Credits whose fate nobody knows.", labels=labels
        )
        drift = GaugeMetricFamily("syncd_ledger_drift_credits", "Gone, and not by us.", labels=labels)
        left = GaugeMetricFamily("syncd_credits_remaining", "What is left.", labels=(*labels, "source"))
        books: tuple[GaugeMetricFamily | CounterMetricFamily, ...] = (held, spent, unknown)
        told = GaugeMetricFamily(
            "syncd_balance_timestamp_seconds", "When the vendor's figure was read.", labels=labels
        )
        rooms = self.r.ledger.headroom(self.r.ledger.periods(0, self.r.clock()))
        with self.r.store.read() as connection:
            sums, pools, drifts = money.sums(connection), money.pools(connection), money.drifts(connection)
        for provider, kinds in rooms.items():
            for kind, room in kinds.items():
                total = sums.get((provider, kind), (0, 0, 0))
                for family, amount in zip(books, total, strict=True):
                    family.add_metric((provider, kind), float(in_credits(amount)))
                drift.add_metric((provider, kind), float(in_credits(drifts.get((provider, kind), 0))))
                left.add_metric((provider, kind, "cap"), float(in_credits(max(0, room.cap_left))))
                pool = pools.get((provider, kind))
                if pool is not None and pool.remaining is not None:
                    left.add_metric((provider, kind, "vendor"), float(in_credits(pool.remaining)))
                told.add_metric((provider, kind), (pool.fetched_us or 0) / MILLION if pool else 0)
        yield from (spent, held, unknown, drift, left, told)

    def _accounts(self) -> Iterator[Metric]:
        halted = GaugeMetricFamily("syncd_halted", "Whether something is stopped.", labels=("scope", "kind"))
        with self.r.store.read() as connection:
            held = {h.scope: h.kind for h in runs.halts(connection)}
        scopes = [
            "all",
            *self.r.providers,
            *(f"crm:{n}" for n in self.r.crms),
            *(f"sync:{n}" for n in self.r.policies),
        ]
        for scope in scopes:
            halted.add_metric((scope, held.get(scope, "")), float(scope in held))
        yield halted

    def _jobs(self) -> Iterator[Metric]:
        with self.r.store.read() as connection:
            pending = {a: (n, at) for a, n, at in jobs.pending(connection)}
            lost = Count(account for _, account, *_ in jobs.unresolved(connection))
        waiting = GaugeMetricFamily(
            "syncd_async_jobs", "Jobs of vendors that are waited for.", labels=("provider",)
        )
        oldest = GaugeMetricFamily(
            "syncd_async_jobs_oldest_timestamp_seconds", "When the oldest began.", labels=("provider",)
        )
        unknown = GaugeMetricFamily(
            "syncd_unknown_lookups", "Paid lookups whose answer was lost.", labels=("provider",)
        )
        for name in self.r.providers:
            count, at = pending.get(name, (0, 0))
            waiting.add_metric((name,), count)
            oldest.add_metric((name,), at / MILLION)
            unknown.add_metric((name,), lost[name])
        yield from (waiting, oldest, unknown)

    def _machine(self) -> Iterator[Metric]:
        path = self.r.store.path
        size = path.stat().st_size if path and path.exists() else 0
        yield GaugeMetricFamily("syncd_db_size_bytes", "Size of an embedded state.", size)
        if self.dispatcher is not None:
            d = self.dispatcher
            yield GaugeMetricFamily(
                "syncd_scheduler_last_tick_timestamp_seconds", "The daemon's pulse.", d.ticked_at
            )
            yield CounterMetricFamily(
                "syncd_clock_step_seconds", "By how much the wall clock was set.", d.stepped_s
            )
            yield CounterMetricFamily(
                "syncd_missed_runs", "Runs that came due before the last had run.", d.missed
            )
