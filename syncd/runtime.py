"""The house assembled: settings become connectors, wires, books and policies."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from syncd.accounts import CrmAccount, ProviderAccount, Standing
from syncd.calls import Line, retry_quietly
from syncd.config import CrmSettings, ProviderSettings, Settings
from syncd.config.settings import OnDrift
from syncd.connector import Options, Secret, load
from syncd.domain import registered
from syncd.experience import Experience
from syncd.http import Http
from syncd.ledger import Caps, Ledger, Purse
from syncd.meter import Meter
from syncd.model import FieldInfo, SyncPolicy, email_address, linkedin_profile
from syncd.pacing import Pacer
from syncd.refusals import NotReady, WrongAccount, reveal
from syncd.report import bucket
from syncd.store import runs
from syncd.store.engine import MILLION, Store
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.contact")


def utc_now() -> datetime:
    """The machine's clock, aware UTC."""
    return datetime.now(UTC)


@dataclass
class Runtime:
    """Everything a command or the daemon works with. Built by `open_runtime`, ended by `close`."""

    settings: Settings
    store: Store
    pacer: Pacer
    meter: Meter
    ledger: Ledger
    standing: Standing
    providers: dict[str, ProviderAccount]
    crms: dict[str, CrmAccount]
    policies: dict[str, SyncPolicy]
    owner: str
    salt: bytes
    clock: Callable[[], datetime] = utc_now
    opened_at: datetime = field(default_factory=utc_now)
    stop: threading.Event = field(default_factory=threading.Event)
    schemas: dict[tuple[str, str], dict[str, FieldInfo]] = field(default_factory=dict)
    """(crm, object) → its properties, as last read."""
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(CRM, what became of them as reports say it) → contacts that came to their end in this process."""
    lines: Counter[str] = field(default_factory=Counter)
    """Level → lines logged by this process."""
    on_write: Callable[[str, float | None], None] = lambda crm, seconds: None
    """Told of the CRM and, for each record written, the seconds since its change; None: a value was there."""
    experience: Experience | None = None

    def bench(self) -> Bench:
        """What the stages take."""
        with self.store.read() as connection:
            sources = {name: (runs.account(connection, name) or ("", ""))[1] for name in self.crms}
        return Bench(
            store=self.store,
            ledger=self.ledger,
            pacer=self.pacer,
            standing=self.standing,
            accounts=self.providers,
            policies=self.policies,
            our_sources=sources,
            clock=self.clock,
            owner=self.owner,
            salt=self.salt,
            stop=self.stop,
            lease_us=lease_us(self.settings),
            experience=self.experience,
            on_end=self.ended,
            on_write=self.on_write,
        )

    def ended(self, sync: str, state: str, reason: str, work_id: int) -> None:
        """One line for each contact that came to its end."""
        self.outcomes[self.policies[sync].crm, bucket(state, reason)] += 1
        _log.info("contact.ended", sync=sync, contact=work_id, outcome=state, reason=reason)

    def renewed(self, settings: Settings) -> Runtime:
        """The same house by other settings, over the same state; this one is as it was.

        Raises:
            SecretMissing: a credential cannot be read.
            NotReady: a suppression list cannot be read.
        """
        reveal(settings)
        pacer = Pacer(self.store, self.pacer.sleep, self.pacer.monotonic)
        return assemble(settings, self.store, self.meter, pacer, self.owner, self.clock)

    def adopt(self, other: Runtime) -> None:
        """Go on as `other`, whose state is the same one. Only between two cycles."""
        before = self.providers
        self.settings, self.policies, self.pacer = other.settings, other.policies, other.pacer
        self.ledger, self.standing = other.ledger, other.standing
        self.providers, self.crms = other.providers, other.crms
        self.schemas.clear()
        _hang_up(before)

    def close(self) -> None:
        """Let go of connections, locks and sockets."""
        _hang_up(self.providers)
        self.store.close()


def _hang_up(providers: Mapping[str, ProviderAccount]) -> None:
    for account in providers.values():
        if account.line.http:
            account.line.http.close()


def open_runtime(
    settings: Settings,
    *,
    exclusive: bool = True,
    clock: Callable[[], datetime] = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Runtime:
    """Open the state and build every connector of the configuration.

    Raises:
        StateUnusable: the state cannot be used.
        SecretMissing: a credential cannot be read.
        NotReady: a suppression list cannot be read.
    """
    retry_quietly()
    reveal(settings)
    store = open_store(settings, exclusive=exclusive)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    return assemble(settings, store, Meter(), Pacer(store, sleep, monotonic), owner, clock)


def assemble(
    settings: Settings,
    store: Store,
    meter: Meter,
    pacer: Pacer,
    owner: str,
    clock: Callable[[], datetime] = utc_now,
) -> Runtime:
    """Every connector of the configuration over a state that is open.

    Raises:
        NotReady: a suppression list cannot be read.
    """
    providers = {name: _provider(p, pacer, meter) for name, p in settings.providers.items()}
    purses = {name: _purse(p, providers[name]) for name, p in settings.providers.items() if p.budgets}
    ledger = Ledger(store, purses, owner, lease_us(settings))
    standing = Standing(store, ledger, providers, clock, pacer.monotonic)
    standing.recall()
    salt = store.salt()
    known_policies = policies(settings)
    experience = None
    if any(policy.cheapest for policy in known_policies.values()):
        experience = Experience(store, providers, clock)
        experience.recall()
    if settings.http.public_url is not None:
        for name, account in providers.items():
            if account.line.http:
                account.line.http.callback_url = callback_url(str(settings.http.public_url), name, salt)
    return Runtime(
        settings=settings,
        store=store,
        pacer=pacer,
        meter=meter,
        ledger=ledger,
        standing=standing,
        providers=providers,
        crms={name: _crm(c, pacer, meter) for name, c in settings.crms.items()},
        policies=known_policies,
        experience=experience,
        owner=owner,
        salt=salt,
        clock=clock,
    )


def lease_us(settings: Settings) -> int:
    """How long a worker holds what it leased, in microseconds."""
    return round(settings.state.lease.total_seconds() * MILLION)


def callback_token(account: str, salt: bytes) -> str:
    """The unguessable part of an account's callback address; the same for as long as the state lives."""
    return hashlib.blake2b(f"callback:{account}".encode(), key=salt, digest_size=20).hexdigest()


def callback_url(public_url: str, account: str, salt: bytes) -> str:
    """Where a vendor reaches us."""
    return f"{public_url.rstrip('/')}/callbacks/{account}/{callback_token(account, salt)}"


def open_store(settings: Settings, *, exclusive: bool) -> Store:
    """The state, ready for work: made where there is none, and at this release's schema.

    `exclusive` refuses a SQLite state that another process holds so.

    Raises:
        StateUnusable: the state cannot be used.
    """
    store = Store(settings.database_url())
    store.open(exclusive=exclusive)
    return store


def policies(settings: Settings) -> dict[str, SyncPolicy]:
    """Every sync, resolved, with its suppression list read.

    Raises:
        NotReady: a suppression list cannot be read; without it nobody is looked up.
    """
    found = {}
    for name, sync in settings.syncs.items():
        policy = settings.policy(name)
        if sync.suppress is not None:
            policy = replace(policy, suppress=_suppressed(name, sync.suppress.file))
        found[name] = policy
    return found


def _suppressed(sync: str, path: Path) -> frozenset[str]:
    try:
        return read_suppressed(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise NotReady(
            f"syncs.{sync}.suppress.file {path} cannot be read ({why}). "
            "Without it nobody is looked up; mend the file or take the key out."
        ) from None


def read_suppressed(text: str) -> frozenset[str]:
    """Addresses, domains and profile URLs, one to a line, in the spelling that contacts are compared in.

    Blank lines and what follows a # at the start of a line are comments.
    """
    marks = set()
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        mark = linkedin_profile(entry) or email_address(entry) or registered(entry.removeprefix("@"))
        if mark:
            marks.add(mark)
    return frozenset(marks)


def _credential(options: Options) -> str:
    """A digest by which equal credentials share their rate slots."""
    held = [getattr(options, name) for name in sorted(type(options).model_fields)]
    secret = "\x1f".join(s.reveal() for s in held if isinstance(s, Secret))
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


def _provider(settings: ProviderSettings, pacer: Pacer, meter: Meter) -> ProviderAccount:
    connector = load("provider", settings.type)(settings.options)
    limits = settings.lowered(connector.limits)
    buckets = pacer.buckets(f"{settings.type}:{_credential(settings.options)}", limits)
    base_url = settings.base_url or connector.default_base_url
    http = Http(str(base_url), connector.headers)
    return ProviderAccount(
        name=settings.name,
        connector=connector,
        line=Line(settings.name, buckets, pacer, connector.classify, meter, http),
        weights={kind: float(settings.price(kind)) for kind in connector.credits},
        budgeted=frozenset(settings.budgets),
        keep_found_s=settings.keep_found.total_seconds(),
        keep_not_found_s=settings.keep_not_found.total_seconds(),
        settle_s=settings.reconcile.settle_after.total_seconds(),
        tolerance=float(settings.reconcile.tolerance),
        pause_on_drift=settings.reconcile.on_drift is OnDrift.PAUSE,
        checkers=bool(getattr(settings.options, "checkers", True)),
        backfill=str(getattr(settings.options, "bulk", "never")) == "backfill",
    )


def _purse(settings: ProviderSettings, account: ProviderAccount) -> Purse:
    caps = {
        kind: Caps(b.per_run, b.per_day, b.per_month, b.floor or Caps().floor)
        for kind, b in settings.budgets.items()
    }
    return Purse(settings.name, caps, account.connector.unreported)


def _crm(settings: CrmSettings, pacer: Pacer, meter: Meter) -> CrmAccount:
    kind = load("crm", settings.type)
    buckets = pacer.buckets(f"{settings.type}:{_credential(settings.options)}", settings.lowered(kind.limits))
    line = Line(settings.name, buckets, pacer, lambda operation, answer: None, meter)
    connector = kind(settings.options, line, str(settings.base_url or kind.default_base_url))
    line.classify = connector.classify
    return CrmAccount(
        name=settings.name,
        connector=connector,
        line=line,
        expected=str(getattr(settings.options, "account", "") or ""),
        share=float(getattr(settings.options, "daily_calls_share", 1.0)),
    )


def identify(runtime: Runtime, crm: CrmAccount) -> str:
    """The CRM account's id, checked against the configuration and the state.

    Raises:
        WrongAccount: with a sentence for the operator.
        Failure: the CRM could not be asked.
    """
    account = crm.connector.check()
    found = account.id or ""
    if crm.expected and found and found != crm.expected:
        raise WrongAccount(
            f"The token of crms.{crm.name} opens account {found}, but crms.{crm.name}.account is {crm.expected}. "
            "Nothing was read or written. Use the token of that account, or correct the number."
        )
    with runtime.store.write() as connection:
        known = runs.account(connection, crm.name)
        if known is None:
            runs.set_account(connection, crm.name, found, account.label)
        elif known[0] and found and known[0] != found:
            raise WrongAccount(
                f"The state of crms.{crm.name} belongs to account {known[0]}, but its token opens {found}. "
                "Use another name under crms, or another state."
            )
    return found
