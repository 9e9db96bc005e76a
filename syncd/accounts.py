"""A provider account and a CRM account as the stages use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

import structlog

from syncd.calls import Line
from syncd.connector import Crm, Failure, FailureKind, Operation, Provider
from syncd.ledger import Ledger
from syncd.model import Field, KeyKind
from syncd.store import runs, work
from syncd.store.engine import MILLION, Store
from syncd.waterfall import Vendor

_log = structlog.get_logger("syncd.accounts")
BALANCE_AGE_S = 600.0
STATS_LAG_S = 60.0
DOUBT_AGE_S = 60.0
OUT_OF_CREDITS_S = 900.0
ACCESS_S = 86_400.0
NO_ACCESS = "no_access"
DRIFT = "drift"


def drift_mark(account: str, kind: str) -> str:
    """Under which key it is remembered how much drift was known of."""
    return f"drift:{account}.{kind}"


@dataclass
class ProviderAccount:
    """One provider key of the configuration with its connector and wire."""

    name: str
    connector: Provider
    line: Line
    weights: Mapping[str, float] = field(default_factory=dict)
    budgeted: frozenset[str] = frozenset()
    keep_found_s: float = 90 * 86_400.0
    keep_not_found_s: float = 30 * 86_400.0
    checkers: bool = True
    backfill: bool = False
    stats_lag_s: float = STATS_LAG_S
    settle_s: float = 900.0
    """How long nothing must have moved before a figure of the vendor proves anything about lost answers."""
    tolerance: float = 0.0
    """Credits that may be gone without being ours before that is told, and acted upon."""
    pause_on_drift: bool = False
    yields: Mapping[tuple[str, Field], float] = field(default_factory=dict)
    """(operation, field) → measured chance that an answer about somebody holds it."""
    known: Mapping[tuple[str, KeyKind], float] = field(default_factory=dict)
    """(operation, key kind) → measured chance that somebody is known."""

    def vendor(self, affordable: Mapping[str, float], closed: Closed) -> Vendor:
        """What the planner sees. An operation that the account's plan does not have is none of its operations."""
        absent, stopped = (
            closed.absent.get(self.name, frozenset()),
            closed.stopped.get(self.name, frozenset()),
        )
        return Vendor(
            self.name,
            tuple(o for o in self.connector.operations if o.name not in absent),
            self.weights,
            {k: affordable.get(k, 0.0) for k in self.budgeted},
            stopped,
            self.checkers,
            self.backfill,
            self.yields,
            self.known,
        )

    def operation(self, name: str) -> Operation | None:
        return next((o for o in self.connector.operations if o.name == name), None)


@dataclass
class CrmAccount:
    """One CRM key of the configuration."""

    name: str
    connector: Crm
    line: Line
    expected: str = ""
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Closed:
    """account → operations that cannot be asked now. `stopped` ones go on later ("" stands for all of them);
    `absent` ones the account's plan does not have.
    """

    stopped: Mapping[str, frozenset[str]] = field(default_factory=dict)
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Standing:
    """What is known of each provider account right now: halts, the vendor's figures and their age."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        accounts: Mapping[str, ProviderAccount],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._accounts = accounts
        self._clock = clock
        self._monotonic = monotonic
        self._read_at: dict[str, float] = {}
        self._healthy_at: dict[str, float] = {}

    def closed(self, ignored: frozenset[str] = frozenset()) -> Closed:
        """What is halted at present, save by brakes that are to be ignored."""
        stopped: dict[str, frozenset[str]] = {}
        absent: dict[str, frozenset[str]] = {}
        with self._store.read() as connection:
            for halt in runs.halts(connection):
                account, _, operation = halt.scope.partition("/")
                if account in self._accounts and halt.kind == "brake":
                    if runs.brake_of(halt) not in ignored:
                        paid = {o.name for o in self._accounts[account].connector.operations if not o.free}
                        stopped[account] = stopped.get(account, frozenset()) | paid
                elif account in self._accounts:
                    held = absent if halt.kind == NO_ACCESS else stopped
                    held[account] = held.get(account, frozenset()) | {operation}
        return Closed(stopped, absent)

    def recheck(self) -> dict[str, Failure]:
        """Let accounts go on whose credential or set-up was refused and is accepted now, by a free call each;
        what is still refused.
        """
        still: dict[str, Failure] = {}
        with self._store.read() as connection:
            refused = {h.scope for h in runs.halts(connection) if h.kind in ("auth", "config")}
        for account in (a for name, a in self._accounts.items() if name in refused):
            try:
                account.connector.check(account.line)
            except Failure as failure:
                still[account.name] = self.settle_doubt(account, failure) if failure.doubtful else failure
                _log.info("account.still_refused", provider=account.name, kind=failure.kind.value)
                continue
            with self._store.write() as connection:
                runs.lift(connection, account.name, ("auth", "config"))
                work.wake_stopped(connection)
                runs.record(connection, "syncd", "resume", subject=account.name, reason="accepted again")
        return still

    def stale(self, account: ProviderAccount) -> bool:
        """Whether the vendor's figures are older than ten minutes, or were never read."""
        age = self._monotonic() - self._read_at.get(account.name, -BALANCE_AGE_S * 2)
        return account.name in self._ledger.purses and age >= BALANCE_AGE_S

    def fresh(self, account: ProviderAccount) -> bool:
        """Read the vendor's figures where they are old; False where that failed."""
        return not self.stale(account) or self.refresh(account)

    def refresh(self, account: ProviderAccount) -> bool:
        """Read the vendor's figures now. A refused credential halts the account."""
        return self.ask(account) is None

    def ask(self, account: ProviderAccount) -> Failure | None:
        """Read the vendor's figures now; what went wrong, or None."""
        if account.name not in self._ledger.purses:
            return None
        marks = self._ledger.marks(
            account.name, round(account.stats_lag_s * MILLION), round(account.settle_s * MILLION)
        )
        try:
            balance = account.connector.balance(account.line, self._clock())
        except Failure as failure:
            self.react(account, None, failure)
            return failure
        drift = self._ledger.observe(account.name, balance, marks)
        self._mind_drift(account, drift)
        self._read_at[account.name] = self._monotonic()
        self._healthy_at[account.name] = self._monotonic()
        self._note_access(account, balance.disabled)
        return None

    def _mind_drift(self, account: ProviderAccount, drift: Mapping[str, Decimal]) -> None:
        """Say what is gone without being ours, and stop the account where it is configured so.

        A stop is for more than was known of when somebody last looked: it comes once for the same credits.
        """
        for kind, gone in drift.items():
            if abs(gone) <= Decimal(str(account.tolerance)):
                continue
            _log.warning("ledger.drift", provider=account.name, kind=kind, credits=str(gone))
            with self._store.write() as connection:
                known = Decimal(runs.get_meta(connection, drift_mark(account.name, kind)) or 0)
                fresh = gone - max(known, Decimal(0)) > Decimal(str(account.tolerance))
                runs.set_meta(connection, drift_mark(account.name, kind), str(gone))
            if fresh and account.pause_on_drift:
                self.halt(
                    account.name,
                    DRIFT,
                    f"{gone.normalize():f} {kind} credits are gone at {account.name} that our books do not know; "
                    f"`syncd budget reconcile` takes them over",
                )

    def _note_access(self, account: ProviderAccount, disabled: frozenset[str]) -> None:
        """Remember for a day which operations the account's plan does not have."""
        with self._store.write() as connection:
            fresh = [
                name
                for name in sorted(disabled)
                if runs.halt(
                    connection,
                    f"{account.name}/{name}",
                    NO_ACCESS,
                    "the account has no access to it",
                    round(ACCESS_S * MILLION),
                )
            ]
        if fresh:
            _log.info("account.no_access", provider=account.name, operations=fresh)

    def settle_doubt(self, account: ProviderAccount, failure: Failure) -> Failure:
        """Tell a bad credential from a bad request, where the vendor's status fits both, by a free call."""
        if not failure.doubtful:
            return failure
        recently = self._monotonic() - self._healthy_at.get(account.name, -DOUBT_AGE_S * 2) < DOUBT_AGE_S
        if not recently:
            try:
                account.connector.check(account.line)
            except Failure as checked:
                kind = (
                    FailureKind.AUTH if checked.doubtful or checked.kind is FailureKind.AUTH else checked.kind
                )
                return Failure(kind, checked.reason, status=checked.status, charged=False)
            self._healthy_at[account.name] = self._monotonic()
        return Failure(
            FailureKind.REJECTED, "the vendor refused the request", status=failure.status, charged=False
        )

    def react(self, account: ProviderAccount, operation: Operation | None, failure: Failure) -> None:
        """Stop what a failure says must stop, and say so once."""
        if failure.without and failure.charged is False and not failure.without <= account.line.without:
            self._leave_out(account, failure.without)
        elif failure.kind is FailureKind.AUTH or (failure.doubtful and operation is None):
            self.halt(
                account.name, "auth", f"the credential is refused; check providers.{account.name}.token"
            )
        elif failure.kind is FailureKind.CONFIG:
            scope = (
                account.name
                if operation is None or failure.scope.value == "account"
                else f"{account.name}/{operation.name}"
            )
            if scope == account.name:
                self.halt(scope, "config", failure.reason)
            else:
                self.halt(scope, NO_ACCESS, failure.reason, ACCESS_S)
        elif failure.kind is FailureKind.OUT_OF_CREDITS:
            scope = f"{account.name}/{operation.name}" if operation else account.name
            self.halt(
                scope,
                "out_of_credits",
                "the vendor says that the account is out of credits",
                OUT_OF_CREDITS_S,
            )
            self.forget_age(account.name)

    def _leave_out(self, account: ProviderAccount, parts: frozenset[str]) -> None:
        """Remember parts of requests to which the account has no access."""
        account.line.without |= parts
        with self._store.write() as connection:
            runs.set_meta(connection, f"without:{account.name}", "\n".join(sorted(account.line.without)))
        _log.warning("account.without", provider=account.name, parts=sorted(parts))

    def recall(self) -> None:
        """What earlier processes learned to leave out."""
        with self._store.read() as connection:
            for account in self._accounts.values():
                held = runs.get_meta(connection, f"without:{account.name}")
                account.line.without = frozenset(held.split("\n")) if held else frozenset()

    def halt(self, scope: str, kind: str, reason: str, for_s: float | None = None) -> None:
        """Stop a scope; logged only when it was not stopped before."""
        with self._store.write() as connection:
            fresh = runs.halt(
                connection, scope, kind, reason, None if for_s is None else round(for_s * MILLION)
            )
            if fresh:
                runs.record(connection, "syncd", "halt", subject=scope, reason=reason)
        if fresh:
            _log.error("account.halted", scope=scope, kind=kind, reason=reason)

    def forget_age(self, account: str) -> None:
        """The vendor's figures are to be read before the next purchase."""
        self._read_at.pop(account, None)
