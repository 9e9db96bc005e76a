"""The account: what is left in each credit pool, and the statistics that tell of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.sandbox.contactout.knobs import POOLS, Knobs

PREFIXES = {"email": "", "phone": "phone_", "search": "search_"}
"""How the statistics name the pools. The verifier pool is not in them."""


class OutOfCredits(Exception):
    """A pool that the request needs does not hold enough."""


@dataclass(slots=True)
class Usage:
    """What one month used, by pool."""

    credits: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)


class Account:
    """Balances of one customer. A period is a month as `YYYY-MM`."""

    def __init__(self) -> None:
        self.months: dict[str, Usage] = defaultdict(Usage)
        self.given: dict[str, int] = {}
        """Prepaid: credits ever bought. Postpaid: the allowance of a month."""

    def left(self, pool: str, period: str, knobs: Knobs) -> int:
        """Credits that may still be used; negative after overage."""
        return self.given.get(pool, 0) - self._used(pool, period, knobs)

    def put(self, pool: str, count: int, period: str, knobs: Knobs) -> None:
        """Make so many credits be left."""
        self.given[pool] = count + self._used(pool, period, knobs)

    def need(self, pools: Mapping[str, int], period: str, knobs: Knobs) -> None:
        """Check that so many credits of each pool could be used now.

        Raises:
            OutOfCredits: at least one pool holds less.
        """
        if not knobs.overage and any(self.left(p, period, knobs) < n for p, n in pools.items()):
            raise OutOfCredits

    def take(self, pools: Mapping[str, int], period: str, knobs: Knobs, request: bool = True) -> None:
        """Use credits, all or none. `request` is false where the request has been counted before.

        Raises:
            OutOfCredits: a pool holds less.
        """
        self.need(pools, period, knobs)
        usage = self.months[period]
        for pool, count in pools.items():
            usage.credits[pool] += count
            usage.requests[pool] += request

    def stats(self, period: str, current: str, knobs: Knobs) -> dict[str, object]:
        """The statistics of a month. Prepaid quotas are today's balance, whatever month is asked for."""
        usage: dict[str, int] = {}
        month = self.months.get(period, Usage())
        for pool in knobs.stats_pools:
            prefix, prepaid = PREFIXES[pool], knobs.billed(pool) == "prepaid"
            by_request = knobs.count_of == "requests" or (knobs.count_of == "auto" and prepaid)
            count = (month.requests if by_request else month.credits)[pool]
            if prepaid:
                usage |= {f"{prefix}count": count, f"{prefix}quota": max(0, self.left(pool, current, knobs))}
                continue
            quota = self.given.get(pool, 0)
            usage |= {
                f"{prefix}count": count,
                f"{prefix}quota": quota,
                f"{prefix}remaining": quota - count,
                f"{prefix}over_quota": max(0, count - quota),
            }
        span = {"start": f"{period}-01", "end": f"{period}-31"}
        return {"status_code": 200, "period": span, "usage": usage}

    def balances(self, period: str, knobs: Knobs) -> dict[str, object]:
        """What is left in every pool, for an observer."""
        return {pool: self.left(pool, period, knobs) for pool in POOLS}

    def _used(self, pool: str, period: str, knobs: Knobs) -> int:
        if knobs.billed(pool) == "postpaid":
            return self.months[period].credits[pool] if period in self.months else 0
        return sum(month.credits[pool] for month in self.months.values())
