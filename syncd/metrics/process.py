"""What only this process knows: requests, durations, and answers without the wanted value."""

from __future__ import annotations

import threading
from collections import Counter as Count
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram

from syncd.accounts import ProviderAccount
from syncd.connector import Failure, FailureKind, Limit, Operation
from syncd.metrics.catalogue import ASKED, CALLBACKS, CATALOGUE, OPERATIONS, class_of
from syncd.model import Found, NotFound, Outcome, Refused, Unresolved
from syncd.runtime import Runtime

REQUEST_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30)
RUN_S = (1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200)
FRESH_S = (1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400)
_OUTCOMES: Mapping[FailureKind, str] = {
    FailureKind.AUTH: "error_auth",
    FailureKind.CONFIG: "error_http",
    FailureKind.OUT_OF_CREDITS: "error_quota",
    FailureKind.RATE_LIMITED: "error_rate",
    FailureKind.REJECTED: "error_http",
    FailureKind.CONTRACT: "error_schema",
    FailureKind.AMBIGUOUS: "unknown",
}


def outcome_of(failure: Failure) -> str:
    """The `outcome` of a failure; one without any status is a connection or an answer that did not come."""
    if failure.kind is FailureKind.UNAVAILABLE:
        return "error_timeout" if failure.status is None else "error_http"
    return _OUTCOMES[failure.kind]


def outcome_of_lookup(outcomes: Sequence[Outcome]) -> str:
    """The `outcome` of a request that was answered, by the best of what came back."""
    if any(isinstance(o, Found) for o in outcomes):
        return "found"
    if any(isinstance(o, NotFound) for o in outcomes):
        return "not_found"
    if any(isinstance(o, Unresolved) for o in outcomes):
        return "unknown"
    return "error_http" if any(isinstance(o, Refused) for o in outcomes) else "ok"


def operation_class(account: ProviderAccount, operation: Operation) -> str:
    """The `operation` label: vendors have dozens of operations, which would be too many series."""
    if account.operation(operation.name) is None:
        return "account"
    return "check" if operation.free else "lookup"


class Requests:
    """Observes every request of the process, from any thread."""

    def __init__(self, registry: CollectorRegistry, runtime: Runtime) -> None:
        self._r = runtime
        self._asked = counter("syncd_provider_requests_total", registry)
        self._seconds = histogram("syncd_provider_request_duration_seconds", REQUEST_S, registry)
        self._crm = counter("syncd_crm_requests_total", registry)
        self.callbacks = counter("syncd_webhooks_total", registry)
        self.empty: Count[tuple[str, str]] = Count()
        """(provider, field class) → lookups that were to bring it and did not."""
        self._turn = threading.Lock()
        self._windows: dict[str, Windows] = {}
        self._begin()

    def _begin(self) -> None:
        """Every series exists from the start, so that a first increase is seen as one."""
        for name in self._r.providers:
            for operation in OPERATIONS:
                self._seconds.labels(name, operation)
                for outcome in ASKED:
                    self._asked.labels(name, operation, outcome)
            for result in CALLBACKS:
                self.callbacks.labels(name, result)
        for name in self._r.crms:
            for outcome in ASKED[2:]:
                self._crm.labels(name, outcome)

    def window(self, account: ProviderAccount) -> Windows:
        """How much of a provider's rate limits was used."""
        with self._turn:
            if account.name not in self._windows:
                self._windows[account.name] = Windows(account.connector.limits, self._r.pacer.monotonic)
            return self._windows[account.name]

    def sent(self, connector: str, operation: Operation, seconds: float) -> None:
        account = self._r.providers.get(connector)
        if account is not None:
            self._seconds.labels(connector, operation_class(account, operation)).observe(seconds)
            self.window(account).count(operation.bucket)

    def ended(self, connector: str, operation: Operation, failure: Failure | None) -> None:
        outcome = "ok" if failure is None else outcome_of(failure)
        account = self._r.providers.get(connector)
        if account is not None:
            self._asked.labels(connector, operation_class(account, operation), outcome).inc()
        elif connector in self._r.crms:
            self._crm.labels(connector, outcome).inc()

    def answered(
        self,
        connector: str,
        operation: Operation,
        outcomes: Sequence[Outcome] | None,
        failure: Failure | None,
    ) -> None:
        account = self._r.providers.get(connector)
        if account is None:
            return
        outcome = "ok"
        if failure is not None:
            outcome = outcome_of(failure)
        elif outcomes is not None:
            outcome = outcome_of_lookup(outcomes)
            self._count_empty(connector, operation, outcomes)
        self._asked.labels(connector, operation_class(account, operation), outcome).inc()

    def _count_empty(self, connector: str, operation: Operation, outcomes: Sequence[Outcome]) -> None:
        wanted = {class_of(f) for f in operation.returns}
        with self._turn:
            for outcome in outcomes:
                if isinstance(outcome, NotFound | Found):
                    for missing in wanted - _brought(outcome):
                        self.empty[connector, missing] += 1


def _brought(outcome: Outcome) -> set[str]:
    candidates = outcome.candidates if isinstance(outcome, Found) else ()
    return {class_of(v.field) for c in candidates for v in c.values}


class Windows:
    """How much of each rate limit was used within its own last period, by this process."""

    def __init__(self, limits: Sequence[Limit], monotonic: Callable[[], float]) -> None:
        self._limits = {limit.bucket: limit for limit in limits}
        self._monotonic = monotonic
        self._sent: dict[str, deque[float]] = {b: deque(maxlen=n.count) for b, n in self._limits.items()}

    def count(self, bucket: str) -> None:
        """A request went out."""
        self._sent.get(bucket, self._sent.get("default", deque(maxlen=1))).append(self._monotonic())

    def remaining(self) -> dict[str, float]:
        """bucket → the part that is left, from 0 to 1."""
        now = self._monotonic()
        found = {}
        for bucket, limit in self._limits.items():
            used = sum(at > now - limit.per_s for at in tuple(self._sent[bucket]))
            found[bucket] = max(0.0, 1 - used / limit.count)
        return found


def counter(name: str, registry: CollectorRegistry) -> Counter:
    """A counter of the catalogue."""
    family = CATALOGUE[name]
    return Counter(name, family.help, family.labels, registry=registry)


def histogram(name: str, buckets: Sequence[float], registry: CollectorRegistry) -> Histogram:
    """A histogram of the catalogue."""
    family = CATALOGUE[name]
    return Histogram(name, family.help, family.labels, buckets=buckets, registry=registry)
