"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any

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
Check = Callable[[object, str], object]


def _share(value: object, name: str) -> None:
    number(value, name, 0, 1)


def _count(value: object, name: str) -> None:
    number(value, name, 0, whole=True)


def _seconds(value: object, name: str) -> None:
    number(value, name, 0)


def _texts(value: object, name: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise BadSetting(f"{name} is a list of texts")
    return value


def _script(value: object, name: str) -> None:
    if not _texts(value, name):
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
            _count(count, f"{name} of {pool}")


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


def _coverage(value: object, name: str) -> None:
    shares = record(value, name)
    known_keys(shares, (f.name for f in fields(Coverage)), name)
    for share in shares:
        _share(shares[share], share)


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
        for endpoint in _texts(given.get("endpoints", []), "endpoints of a webhook"):
            choice(endpoint, "an endpoint of a webhook", ENDPOINTS)
    if len({hook["id"] for hook in value}) < len(value):
        raise BadSetting(f"{name} have different ids")


def _one_of(*words: str) -> Check:
    return partial(choice, among=words)


_CHECKS: dict[str, Check] = {
    "keys": _texts,
    "family": _one_of("standard", "universal", "both"),
    "state": _one_of("anonymous", "test_user", "registered"),
    "email_verified": switch,
    "documented_401": switch,
    "bad_input_as": _one_of("fields", "detail", "error"),
    "no_access": _texts,
    "plan": _one_of(*PLANS),
    "credits": _credits,
    "universal_credits": _count,
    "verify_credits": _count,
    "default_lookup_type": _one_of("standard", "premium", "phone", "enrich"),
    "email_preference": _one_of("any", "personal", "professional"),
    "recharge_on_relookup": switch,
    "empty_at_complete": _one_of("failed", "overdraw"),
    "balance_lag_s": _seconds,
    "numbers_as_text": switch,
    "legacy_account": switch,
    "limits": _limits,
    "window": _one_of(*KINDS),
    "time_scale": lambda value, name: number(value, name, 0.001, 1e7),
    "omit_retry_after": switch,
    "coverage": _coverage,
    "catch_all": _share,
    "landline_as_mobile": _share,
    "odd_emails": _share,
    "suppressed": _share,
    "healthcare": _share,
    "employer_match": _one_of("exact", "fuzzy"),
    "phone_identifies": switch,
    "script": _script,
    "scripts": _scripts,
    "advance": _one_of("time", "polls"),
    "step_s": _seconds,
    "instant": _share,
    "failed": _share,
    "late": _share,
    "late_s": _seconds,
    "lost": _share,
    "lost_charged": switch,
    "cached_emails_default": _one_of("by_date", "true", "false"),
    "lookup_as_array": switch,
    "status_as_object": switch,
    "search_as_object": switch,
    "array_scalars": switch,
    "phones_without_grade": switch,
    "slow_body_s": _seconds,
    "bulk_min": lambda value, name: number(value, name, 1, 100, whole=True),
    "bulk_unmatched": _one_of("omitted", "failed"),
    "bulk_reply_body": switch,
    "webhooks": _webhooks,
    "webhook_attempts": lambda value, name: number(value, name, 1, 100, whole=True),
    "webhook_retry_s": _seconds,
    "webhook_disable_after": lambda value, name: number(value, name, 1, whole=True),
    "webhook_duplicates": _count,
    "webhook_lost": _share,
    "webhook_unsigned": switch,
    "webhook_forged": switch,
    "webhook_wrapper": _one_of("none", "profile", "data"),
}


def _typed(value: Any, default: object) -> Any:
    """A copy of a checked value, a whole number such as 3.0 as the integer that it is."""
    whole = isinstance(default, int) and not isinstance(default, bool)
    return int(value) if whole else deepcopy(value)


@dataclass(frozen=True, slots=True)
class Knobs:
    """Every setting with its default. Shares are in 0 to 1, `_s` are seconds."""

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

    @classmethod
    def defaults(cls) -> dict[str, object]:
        """Each knob's name with its default, in JSON types."""
        return {
            f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(cls)
        }

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Knobs:
        """The knobs from settings that hold at least every one of them; others are left alone.

        Raises:
            BadSetting: a value of a wrong type or outside of what the knob takes.
        """
        for name, check in _CHECKS.items():
            check(settings[name], name)
        return cls(**{f.name: _typed(settings[f.name], f.default) for f in fields(cls)})

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows."""
        own = {f.name: getattr(KNOWLEDGE, f.name) for f in fields(Coverage)}
        return Coverage(**(own | self.coverage))

    def serves(self, family: str) -> bool:
        """Whether the plan includes an API."""
        return self.family in (family, "both")
