"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from connectors.sandbox.knobs import (
    Check,
    KnobSet,
    coverage,
    natural,
    one_of,
    seconds,
    share,
    texts,
)
from connectors.sandbox.population import Coverage
from connectors.sandbox.settings import choice, known_keys, number, record, switch
from connectors.sandbox.windows import KINDS

KNOWLEDGE = Coverage(
    profile=0.85, work=0.75, verified=0.8, personal=0.3, phone=0.55, landline=0.3, stale=0.04, blind=0.12
)
PRICES = {"contact": 0.1, "phone": 0.4, "company": 0.05, "verify": 0.01, "job_change": 0.05, "search": 0.02}
ENDS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
UNBUILT = ("/v1/prospector", "/v1/search/company", "/v1/company-reveal", "/v1/company-titles")
"""Operations whose answers the stand-in cannot make; to every account of it they are not enabled."""


def _money(value: object, name: str) -> None:
    number(value, name, -1e9, 1e9)


def _prices(value: object, name: str) -> None:
    known_keys(record(value, name), PRICES, name)
    for item, price in record(value, name).items():
        number(price, f"{name} of {item}", 0, 1_000)


def _limits(value: object, name: str) -> None:
    if isinstance(value, str):
        choice(value, name, ("documented", "off"))
        return
    known_keys(record(value, name), ("per_interval", "interval_seconds"), name)
    for part, given in record(value, name).items():
        number(given, f"{name}.{part}", 1, whole=True)


def _scripts(value: object, name: str) -> None:
    for who, script in record(value, name).items():
        what = f"{name} of {who}"
        known_keys(record(script, what), ("after_s", "status"), what)
        if script.get("after_s") is not None:
            seconds(script["after_s"], f"after_s of {what}")
        choice(script.get("status", "SUCCEEDED"), f"status of {what}", ENDS)


_CHECKS: Mapping[str, Check] = {
    "keys": texts,
    "master_keys": texts,
    "no_access": texts,
    "balance_usd": _money,
    "billing": one_of("prepaid", "payg"),
    "over_quota": switch,
    "prices": _prices,
    "rebill": switch,
    "empty_at_complete": one_of("overdraw", "aborted"),
    "usage": one_of("full", "short", "none"),
    "account_lag_s": seconds,
    "limits": _limits,
    "window": one_of(*KINDS),
    "polls_count": switch,
    "omit_retry_after": switch,
    "coverage": coverage,
    "catch_all": share,
    "landline_as_mobile": share,
    "name_match": one_of("domain", "anybody"),
    "several_identifiers": one_of("priority", "refused"),
    "unknown_fields": one_of("ignored", "refused"),
    "free_mail": one_of("refused", "accepted"),
    "after_s": seconds,
    "slow": share,
    "slow_s": seconds,
    "stuck": share,
    "failed": share,
    "timed_out": share,
    "aborted": share,
    "fails": one_of("always", "once"),
    "scripts": _scripts,
    "job_ttl_s": seconds,
    "input_as": one_of("task", "null"),
    "timestamps": one_of("mixed", "naive", "offset", "zulu"),
    "no_match": one_of("empty", "null", "absent", "echo"),
    "signing_key": lambda value, name: number(value, name, 1, 1_000, whole=True),
    "key_overlap_s": seconds,
    "webhook_mode": one_of("signed", "unsigned", "bad_hash", "bad_key", "expired", "oversized"),
    "webhook_replayed": switch,
    "webhook_forged": switch,
    "webhook_lost": share,
    "webhook_duplicates": natural,
    "webhook_attempts": lambda value, name: number(value, name, 1, 100, whole=True),
    "webhook_retry_s": seconds,
}


@dataclass(frozen=True, slots=True)
class Knobs(KnobSet):
    """Every setting with its default. Shares are in 0 to 1, `_s` are seconds, `_usd` are dollars."""

    checks: ClassVar[Mapping[str, Check]] = MappingProxyType(_CHECKS)
    usual: ClassVar[Coverage] = KNOWLEDGE

    keys: list[str] = field(default_factory=lambda: ["sandbox-waterfall_io-key"])
    """Keys of the account; all share its balance, each has its own request limit and usage."""
    master_keys: list[str] = field(default_factory=list)
    """Which of the keys are master keys, to whom the account answer tells the prices."""
    no_access: list[str] = field(default_factory=list)
    """Path templates that are not enabled on the account."""

    balance_usd: float = 1_000.0
    """Prepaid: what is left. Pay as you go: what is due already."""
    billing: str = "prepaid"
    over_quota: bool = False
    """Refuse everything that costs, whatever the balance."""
    prices: dict[str, float] = field(default_factory=dict)
    rebill: bool = True
    """Charge again for what was bought before."""
    empty_at_complete: str = "overdraw"
    """What becomes of a job that ends when others have used the balance up meanwhile."""
    usage: str = "full"
    account_lag_s: float = 0.0
    """An account answer is repeated for so long."""

    limits: str | dict[str, int] = "documented"
    window: str = "sliding"
    polls_count: bool = True
    """Whether the requests for a job's result count against the limit."""
    omit_retry_after: bool = False

    coverage: dict[str, float] = field(default_factory=dict)
    catch_all: float = 0.1
    """Share of companies whose mail server accepts every address."""
    landline_as_mobile: float = 0.0
    """Share of people whose fixed number is given as a mobile one."""
    name_match: str = "domain"
    """anybody: where nobody of the name is at the domain, somebody else of the name is returned."""
    several_identifiers: str = "priority"
    unknown_fields: str = "ignored"
    free_mail: str = "refused"

    after_s: float = 1.0
    """How long a job runs."""
    slow: float = 0.0
    slow_s: float = 16.0
    stuck: float = 0.0
    """Share of inputs whose jobs run for ever."""
    failed: float = 0.0
    timed_out: float = 0.0
    aborted: float = 0.0
    fails: str = "always"
    """once: only the first job of an input ends badly."""
    scripts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Jobs of single inputs: `{after_s, status}` by address, profile slug, `name|domain` or domain.

    An `after_s` of null never ends.
    """
    job_ttl_s: float = 86_400.0
    """For how long after its launch a job can be asked for."""
    input_as: str = "task"
    timestamps: str = "mixed"
    no_match: str = "empty"

    signing_key: int = 1
    """Number of the key that signs; another number is a rotation."""
    key_overlap_s: float = 300.0
    """For how long a key is still published after a rotation."""
    webhook_mode: str = "signed"
    webhook_replayed: bool = False
    """Before each delivery, the one before it comes again word for word."""
    webhook_forged: bool = False
    """Before each true delivery comes one with another content and a signature by another key."""
    webhook_lost: float = 0.0
    webhook_duplicates: int = 0
    webhook_attempts: int = 3
    webhook_retry_s: float = 1.0

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows."""
        return self.known_shares(self.coverage)

    def price(self, item: str) -> float:
        """Dollars for one of an item."""
        return self.prices.get(item, PRICES[item])
