"""Series about money, providers and CRMs' accounts."""

from __future__ import annotations

import math
from collections.abc import Iterator

from prometheus_client.core import Metric

from syncd.ledger import in_credits
from syncd.metrics.catalogue import BREAKER, CATALOGUE
from syncd.metrics.process import Requests
from syncd.pacing import BREAK_AFTER
from syncd.runtime import Runtime
from syncd.store import figures, jobs, money, rates
from syncd.store.engine import MILLION


class AccountSeries:
    """What the books and the connectors know."""

    def __init__(self, runtime: Runtime, requests: Requests) -> None:
        self.r = runtime
        self._requests = requests

    def _kinds(self) -> Iterator[tuple[str, str]]:
        for name, provider in self.r.settings.providers.items():
            for kind in provider.budgets:
                yield name, kind

    def spending(self) -> Iterator[Metric]:
        """Sums of the whole ledger."""
        spent = CATALOGUE["syncd_provider_credits_spent_total"].counter()
        reserved = CATALOGUE["syncd_provider_credits_reserved"].gauge()
        unknown = CATALOGUE["syncd_provider_credits_unknown"].gauge()
        with self.r.store.read() as connection:
            sums = figures.sums(connection)
        for at in self._kinds():
            held, gone, lost = (float(in_credits(n)) for n in sums.get(at, (0, 0, 0)))
            spent.add_metric(at, gone)
            reserved.add_metric(at, held)
            unknown.add_metric(at, lost)
        yield from (spent, reserved, unknown)

    def headroom(self) -> Iterator[Metric]:
        left = CATALOGUE["syncd_provider_credits_remaining"].gauge()
        cap = CATALOGUE["syncd_provider_credits_cap"].gauge()
        drift = CATALOGUE["syncd_provider_ledger_drift_credits"].gauge()
        stats = CATALOGUE["syncd_provider_stats_timestamp_seconds"].gauge()
        periods = self.r.ledger.periods(0, self.r.clock())
        rooms = self.r.ledger.headroom(periods)
        with self.r.store.read() as connection:
            pools, drifts = figures.pools(connection), figures.drifts(connection)
            months = money.month_left(connection, periods.month)
        for at in self._kinds():
            room, pool = rooms.get(at[0], {}).get(at[1]), pools.get(at)
            known = None if pool is None else pool.remaining
            theirs = math.nan if known is None else float(in_credits(known))
            ours = math.nan if room is None else float(in_credits(max(0, room.cap_left)))
            left.add_metric((*at, "provider"), theirs)
            left.add_metric((*at, "cap"), ours)
            left.add_metric((*at, "month"), float(in_credits(months[at])) if at in months else math.nan)
            drift.add_metric(at, float(in_credits(drifts[at].total if at in drifts else 0)))
            budget = self.r.settings.providers[at[0]].budgets[at[1]]
            caps = (c for c in (budget.per_month, budget.per_day, budget.per_run) if c is not None)
            cap.add_metric(at, float(next(caps)))
        for name in self.r.providers:
            read = [p.fetched_us or 0 for (a, _), p in pools.items() if a == name and p.reported]
            stats.add_metric((name,), min(read, default=0) / MILLION)
        yield from (left, cap, drift, stats)

    def standing(self) -> Iterator[Metric]:
        """Breakers, rates and jobs."""
        with self.r.store.read() as connection:
            states = {key: (n, pause, shut) for key, n, pause, shut in rates.states(connection)}
            pending = {a: (n, at) for a, n, at in jobs.pending(connection)}
        breaker = CATALOGUE["syncd_provider_breaker_state"].gauge()
        ratio = CATALOGUE["syncd_provider_rate_limit_remaining_ratio"].gauge()
        waiting = CATALOGUE["syncd_async_jobs"].gauge()
        oldest = CATALOGUE["syncd_async_jobs_oldest_timestamp_seconds"].gauge()
        for name, account in self.r.providers.items():
            buckets = {b: states.get(bucket.key, (0, 0, 0)) for b, bucket in account.line.buckets.items()}
            now = max((_breaker(n, shut) for n, _, shut in buckets.values()), default=0)
            for number, state in enumerate(BREAKER):
                breaker.add_metric((name, state), float(number == now))
            for bucket, left in self._requests.window(account).remaining().items():
                paused = buckets.get(bucket, (0, 0, 0))[1] > 0
                ratio.add_metric((name, bucket), 0.0 if paused else left)
            count, at = pending.get(name, (0, 0))
            waiting.add_metric((name,), count)
            oldest.add_metric((name,), at / MILLION)
        yield from (breaker, ratio, waiting, oldest)

    def crms(self) -> Iterator[Metric]:
        left = CATALOGUE["syncd_crm_api_calls_remaining"].gauge()
        limit = CATALOGUE["syncd_crm_api_calls_limit"].gauge()
        for name, crm in self.r.crms.items():
            told = crm.connector.api_calls_left()
            left.add_metric((name,), math.nan if told is None else told[0])
            limit.add_metric((name,), math.nan if told is None else told[1])
        yield from (left, limit)


def _breaker(failures: int, shut_us: int) -> int:
    """The place in BREAKER: half open means that the next request decides."""
    if failures < BREAK_AFTER:
        return 0
    return 2 if shut_us > 0 else 1
