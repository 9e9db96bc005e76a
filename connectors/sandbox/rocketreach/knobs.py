"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from dataclasses import dataclass, field
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
from connectors.sandbox.rocketreach.limits import ACTIONS, DURATIONS, PLANS
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch, text
from connectors.sandbox.windows import KINDS

POOLS = (
    "standard_lookup",
    "premium_lookup",
    "phone_lookup",
    "person_enrich",
    "person_export",
    "company_export",
)
ENDPOINTS = ("lookup", "bulk")
LOOKUP_TYPES = ("standard", "premium", "premium (feeds disabled)", "bulk", "phone", "enrich")
KNOWLEDGE = Coverage(
    profile=0.9, work=0.62, verified=0.75, personal=0.5, phone=0.6, landline=0.25, stale=0.05, blind=0.1
)


def _script(value: object, name: str) -> None:
    if not texts(value, name):
        raise BadSetting(f"{name} has at least one status")


def _scripts(value: object, name: str) -> None:
    for profile, script in record(value, name).items():
        if not profile.isdecimal():
            raise BadSetting(f"{name} names profiles by their ids")
        _script(script, f"{name} of {profile}")


def _credits(value: object, name: str) -> None:
    known_keys(record(value, name), POOLS, name)
    for pool, count in record(value, name).items():
        if count != "inf":
            natural(count, f"{name} of {pool}")


def _limits(value: object, name: str) -> None:
    if isinstance(value, str):
        choice(value, name, ("documented", "off"))
        return
    known_keys(record(value, name), ACTIONS, name)
    for action, windows in record(value, name).items():
        known_keys(record(windows, action), DURATIONS, action)
        for duration, count in record(windows, action).items():
            if count is not None:
                number(count, f"{action} per {duration}", 1, whole=True)


def _webhooks(value: object, name: str) -> None:
    if not isinstance(value, list):
        raise BadSetting(f"{name} is a list of objects")
    for hook in value:
        given = record(hook, "a webhook")
        known_keys(given, ("id", "url", "secret", "enabled", "endpoints"), "a webhook")
        number(given.get("id"), "id of a webhook", 1, whole=True)
        text(given.get("url"), "url of a webhook")
        text(given.get("secret", ""), "secret of a webhook")
        switch(given.get("enabled", True), "enabled of a webhook")
        for endpoint in texts(given.get("endpoints", []), "endpoints of a webhook"):
            choice(endpoint, "an endpoint of a webhook", ENDPOINTS)
    if len({hook["id"] for hook in value}) < len(value):
        raise BadSetting(f"{name} have different ids")


_CHECKS: dict[str, Check] = {
    "keys": texts,
    "family": one_of("standard", "universal", "both"),
    "state": one_of("anonymous", "test_user", "registered"),
    "email_verified": switch,
    "documented_401": switch,
    "bad_input_as": one_of("fields", "detail", "error"),
    "no_access": texts,
    "plan": one_of(*PLANS),
    "credits": _credits,
    "universal_credits": natural,
    "verify_credits": natural,
    "default_lookup_type": one_of("standard", "premium", "phone", "enrich"),
    "email_preference": one_of("any", "personal", "professional"),
    "recharge_on_relookup": switch,
    "empty_at_complete": one_of("failed", "overdraw"),
    "balance_lag_s": seconds,
    "numbers_as_text": switch,
    "legacy_account": switch,
    "limits": _limits,
    "window": one_of(*KINDS),
    "time_scale": lambda value, name: number(value, name, 0.001, 1e7),
    "omit_retry_after": switch,
    "coverage": coverage,
    "catch_all": share,
    "landline_as_mobile": share,
    "odd_emails": share,
    "suppressed": share,
    "healthcare": share,
    "employer_match": one_of("exact", "fuzzy"),
    "phone_identifies": switch,
    "script": _script,
    "scripts": _scripts,
    "advance": one_of("time", "polls"),
    "step_s": seconds,
    "instant": share,
    "failed": share,
    "late": share,
    "late_s": seconds,
    "lost": share,
    "lost_charged": switch,
    "cached_emails_default": one_of("by_date", "true", "false"),
    "lookup_as_array": switch,
    "status_as_object": switch,
    "search_as_object": switch,
    "array_scalars": switch,
    "phones_without_grade": switch,
    "slow_body_s": seconds,
    "bulk_min": lambda value, name: number(value, name, 1, 100, whole=True),
    "bulk_unmatched": one_of("omitted", "failed"),
    "bulk_reply_body": switch,
    "webhooks": _webhooks,
    "webhook_attempts": lambda value, name: number(value, name, 1, 100, whole=True),
    "webhook_retry_s": seconds,
    "webhook_disable_after": lambda value, name: number(value, name, 1, whole=True),
    "webhook_duplicates": natural,
    "webhook_lost": share,
    "webhook_unsigned": switch,
    "webhook_forged": switch,
    "webhook_wrapper": one_of("none", "profile", "data"),
}


@dataclass(frozen=True, slots=True)
class Knobs(KnobSet):
    """Every setting with its default. Shares are in 0 to 1, `_s` are seconds."""

    checks: ClassVar[dict[str, Check]] = _CHECKS
    usual: ClassVar[Coverage] = KNOWLEDGE

    keys: list[str] = field(default_factory=lambda: ["sandbox-rocketreach-key"])
    """Keys of the account; all share its balances and its limits."""
    family: str = "standard"
    """Which of the two APIs the plan includes."""
    state: str = "registered"
    email_verified: bool = True
    documented_401: bool = False
    """Answer a bad key as the documentation prints it, not as the live service does."""
    bad_input_as: str = "fields"
    no_access: list[str] = field(default_factory=list)
    """Path templates that the plan does not include."""

    plan: str = "pro"
    credits: dict[str, int | str] = field(default_factory=lambda: dict.fromkeys(POOLS[:4], 100_000))
    """Credits left by pool, or `inf`; a pool of 0, or one that is not named, is not part of the plan."""
    universal_credits: int = 100_000
    verify_credits: int = 1_000
    default_lookup_type: str = "premium"
    email_preference: str = "any"
    recharge_on_relookup: bool = False
    empty_at_complete: str = "failed"
    """What becomes of a lookup that completes when another has used the last credit meanwhile."""
    balance_lag_s: float = 0.0
    """An account answer is repeated for so long."""
    numbers_as_text: bool = False
    legacy_account: bool = False

    limits: str | dict[str, dict[str, int | None]] = "documented"
    window: str = "sliding"
    time_scale: float = 1.0
    """By how much shorter the periods of the limits are than their names say."""
    omit_retry_after: bool = False

    coverage: dict[str, float] = field(default_factory=dict)
    catch_all: float = 0.1
    """Share of companies whose mail server accepts every address."""
    landline_as_mobile: float = 0.0
    odd_emails: float = 0.03
    """Share of profiles with a role-based or disposable address."""
    suppressed: float = 0.0
    healthcare: float = 0.0
    employer_match: str = "exact"
    """fuzzy: like names fit, and where no employer does, anybody of the name is answered and charged."""
    phone_identifies: bool = False

    script: list[str] = field(default_factory=lambda: ["searching", "progress", "complete"])
    """The statuses that a lookup goes through; one without complete or failed never ends."""
    scripts: dict[str, list[str]] = field(default_factory=dict)
    """Scripts of single profiles, by id."""
    advance: str = "time"
    step_s: float = 0.5
    instant: float = 0.0
    """Share of profiles that are complete at the first lookup."""
    failed: float = 0.0
    late: float = 0.0
    late_s: float = 3600.0
    lost: float = 0.0
    """Share of profiles whose lookups wait for ever."""
    lost_charged: bool = False
    cached_emails_default: str = "by_date"

    lookup_as_array: bool = False
    status_as_object: bool = False
    search_as_object: bool = False
    array_scalars: bool = False
    phones_without_grade: bool = False
    slow_body_s: float = 0.0
    """How long the body of every answer takes to arrive."""

    bulk_min: int = 1
    bulk_unmatched: str = "omitted"
    bulk_reply_body: bool = False

    webhooks: list[dict[str, Any]] = field(default_factory=list)
    """Each `{id, url, secret, enabled, endpoints}`, the top-most first; only loopback URLs are called."""
    webhook_attempts: int = 3
    webhook_retry_s: float = 1.0
    webhook_disable_after: int = 3
    """Failed attempts in a row after which a webhook is switched off."""
    webhook_duplicates: int = 0
    webhook_lost: float = 0.0
    webhook_unsigned: bool = False
    webhook_forged: bool = False
    """Before each true delivery comes one with another content and a signature by another secret."""
    webhook_wrapper: str = "none"

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows."""
        return self.known_shares(self.coverage)

    def serves(self, family: str) -> bool:
        """Whether the plan includes an API."""
        return self.family in (family, "both")
