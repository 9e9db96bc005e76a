"""Evenly spaced slots for every credential and bucket, shared by all workers through the store."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from syncd.connector import Failure, FailureKind, Limit
from syncd.connector.wire import believed
from syncd.store import rates
from syncd.store.engine import MILLION, Store
from syncd.store.rates import Demand, Slots

MARGIN_S = 0.25
"""Spread of request latency. Without it a server that counts arrivals sees one request too many now and then."""
SPARE = 0.03
"""The most of a period that is left unused beside the margin."""
NEAR_S, AHEAD = 0.02, 20
"""Slots that follow each other so closely are taken together, as many at most."""
_NONE = Slots(0, 0, 0)
BREAK_AFTER = 5
BREAK_S = 5.0


def interval_s(limit: Limit) -> float:
    """The distance between two requests that no kind of window can object to. Never a burst.

    As many requests as are allowed take the period, the margin, and what one request more would take, of
    which small limits keep only a part: with one request less, 15 a minute would never be used beyond 14.
    """
    margin = min(MARGIN_S, limit.per_s / 4)
    spare = min(1 / max(1, limit.count), SPARE) * limit.per_s
    return (limit.per_s + margin + spare) / limit.count


@dataclass(frozen=True, slots=True)
class Bucket:
    """A rate row of the store and the limit that it keeps."""

    key: str
    limit: Limit


class Pacer:
    """Hands out slots. `sleep` and `monotonic` are passed in, so that tests wait for nothing."""

    def __init__(
        self,
        store: Store,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self.sleep = sleep
        self.monotonic = monotonic
        self._known: set[str] = set()
        self._ahead: dict[str, list[float]] = {}
        self._turn = threading.Lock()

    def buckets(self, credential: str, limits: Sequence[Limit]) -> dict[str, Bucket]:
        """The buckets of a credential by name. `credential` is a digest; equal ones share their slots."""
        found = {limit.bucket: Bucket(f"{credential}:{limit.bucket}", limit) for limit in limits}
        fresh = [bucket for bucket in found.values() if bucket.key not in self._known]
        if fresh:
            with self._store.write() as connection:
                for bucket in fresh:
                    rates.ensure(connection, bucket.key, round(interval_s(bucket.limit) * MILLION))
            self._known |= {bucket.key for bucket in fresh}
        return found

    def take(self, bucket: Bucket, count: int, horizon_s: float) -> Slots:
        """Up to `count` slots due within the horizon; none where the bucket is paused or busy."""
        with self._store.write() as connection:
            return self.take_in(connection, [(bucket, count)], horizon_s)[0]

    def take_in(
        self, connection: Connection, wanted: Sequence[tuple[Bucket, int]], horizon_s: float
    ) -> list[Slots]:
        """The same for several buckets, within a transaction of the caller's."""
        demands = [Demand(bucket.key, count, round(bucket.limit.per_s * MILLION)) for bucket, count in wanted]
        return rates.take(connection, demands, round(horizon_s * MILLION))

    def wait(self, bucket: Bucket, most_s: float) -> None:
        """Return when a request may be sent.

        Raises:
            Failure: of kind rate_limited, where that would take longer than `most_s`.
        """
        due = self._reserved(bucket, most_s)
        delay = due - self.monotonic()
        if delay > 0:
            self.sleep(delay)

    def _reserved(self, bucket: Bucket, most_s: float) -> float:
        """The moment of a slot of our own; neighbouring slots are taken along to spare transactions."""
        with self._turn:
            ahead = self._ahead.setdefault(bucket.key, [])
            now = self.monotonic()
            while ahead and ahead[0] < now - 0.05:
                ahead.pop(0)
            if ahead:
                return ahead.pop(0)
            near = interval_s(bucket.limit) < NEAR_S
            slots = self.take(bucket, AHEAD, NEAR_S) if near else _NONE
            if not slots.count:
                slots = self.take(bucket, 1, most_s)
            if not slots.count:
                raise Failure(
                    FailureKind.RATE_LIMITED,
                    "no slot is free soon enough",
                    retry_after_s=slots.wait_us / MILLION,
                    charged=False,
                )
            first = now + slots.wait_us / MILLION
            ahead += [first + i * slots.interval_us / MILLION for i in range(1, slots.count)]
            return first

    def pause(self, bucket: Bucket, seconds: float) -> None:
        """Nobody uses the bucket for so long, as far as a vendor can mean it."""
        with self._turn:
            self._ahead.pop(bucket.key, None)
        with self._store.write() as connection:
            rates.pause(connection, bucket.key, round(believed(seconds) * MILLION))

    def outage(self, bucket: Bucket) -> int:
        """Count an outage; after several in a row the breaker opens for ever longer."""
        with self._turn:
            self._ahead.pop(bucket.key, None)
        with self._store.write() as connection:
            return rates.failed(connection, bucket.key, BREAK_AFTER, round(BREAK_S * MILLION))

    def recovered(self, bucket: Bucket) -> int:
        """Close the breaker; how many outages it had counted."""
        with self._store.write() as connection:
            return rates.worked(connection, bucket.key)
