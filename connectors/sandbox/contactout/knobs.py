"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields

from connectors.sandbox.base import BadSetting
from connectors.sandbox.population import Coverage

POOLS = ("email", "phone", "search", "verifier")
BUCKETS = {"search": 60, "checker": 150, "other": 1000}
"""Requests per minute and rate bucket, as documented."""

CHOICES = {
    "window": ("fixed", "sliding", "counter", "token"),
    "people_enrich_casing": ("snake", "camel"),
    "count_of": ("auto", "requests", "credits"),
}
SHARES = ("finder_share", "job_late", "job_lost", "callback_lost")


@dataclass(frozen=True, slots=True)
class Knobs:
    """Every setting with its default. Shares are in 0 to 1, `_ms`, `_s` and `_h` are units of time."""

    tokens: list[str] = field(default_factory=lambda: ["sandbox-contactout-key"])
    """Keys of the account; all share its balances, each has its own rate limits."""
    conventional_codes: bool = False
    """Answer bad credentials with 401 and bad input with 400, instead of the vendor's opposite."""
    paid: bool = True
    no_access: list[str] = field(default_factory=list)
    """Path templates that this account may not use."""
    sample_mode: bool | list[str] = False
    """Answer with canned people: everywhere, or at these path templates."""
    sample_message: bool = False
    billing: str | dict[str, str] = "prepaid"
    balance: dict[str, int] = field(default_factory=lambda: dict.fromkeys(POOLS, 100_000))
    """Prepaid: credits left. Postpaid: the allowance of every month."""
    overage: bool = False
    count_of: str = "auto"
    """What the statistics' counts count; auto: requests where prepaid, credits where postpaid."""
    stats_lag_s: float = 0.0
    """A statistics answer is repeated for so long."""
    stats_pools: list[str] = field(default_factory=lambda: ["email", "phone", "search"])
    period_offset_h: float = 0.0
    """Hours by which the account's months begin before those of UTC."""
    limits: str | dict[str, int | None] = "documented"
    window: str = "sliding"
    retry_after: bool = True
    coverage: dict[str, float] = field(default_factory=dict)
    finder_share: float = 0.35
    """Of the people without a known work address, how many the real-time finder finds."""
    finder_ms: float = 0.0
    people_enrich_casing: str = "snake"
    strict_secondary: bool = False
    """A name needs company, location or education; a domain or a job title is not enough."""
    enrich_miss_charged: bool = True
    checker_miss_404: bool = False
    soft_404: bool = False
    """Not-found answers come with HTTP 200 and say 404 in the body only."""
    unreliable_total: bool = False
    verify_batch_max: int = 100
    job_delay_s: float = 1.0
    job_late: float = 0.0
    job_late_s: float = 3600.0
    job_lost: float = 0.0
    """Share of jobs that never finish."""
    job_lost_charged: bool = False
    callback_attempts: int = 3
    callback_retry_s: float = 1.0
    callback_duplicates: int = 0
    callback_lost: float = 0.0

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
        values = {name: settings[name] for name in cls.defaults()}
        for name, value in values.items():
            _check(name, value)
        knobs = cls(**values)  # type: ignore[arg-type]  # _check has compared every value with its field
        _ = knobs.shares
        return knobs

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows.

        Raises:
            BadSetting: there is no such share.
        """
        try:
            return Coverage(**self.coverage)
        except TypeError:
            raise BadSetting(f"coverage takes {', '.join(f.name for f in fields(Coverage))}") from None

    def billed(self, pool: str) -> str:
        """`prepaid` or `postpaid`."""
        return self.billing if isinstance(self.billing, str) else self.billing.get(pool, "prepaid")

    def per_minute(self, bucket: str) -> int | None:
        """Requests a minute that a bucket admits; None where it admits any number."""
        if isinstance(self.limits, str):
            return BUCKETS[bucket] if self.limits == "documented" else None
        return self.limits.get(bucket, BUCKETS[bucket])

    def sampled(self, template: str) -> bool:
        """Whether an operation answers with canned people."""
        return self.sample_mode if isinstance(self.sample_mode, bool) else template in self.sample_mode


def _check(name: str, value: object) -> None:
    special = _SPECIAL.get(name)
    default = Knobs.defaults()[name]
    if special:
        good = special(value)
    elif name in SHARES:
        good = _share(value)
    elif name in CHOICES:
        good = value in CHOICES[name]
    elif isinstance(default, bool):
        good = isinstance(value, bool)
    elif isinstance(default, list):
        good = _strings(value)
    else:
        good = _number(value) and (isinstance(default, float) or isinstance(value, int))
    if not good:
        raise BadSetting(f"{name} cannot be {value!r}")


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _share(value: object) -> bool:
    return _number(value) and isinstance(value, int | float) and value <= 1


def _count(value: object) -> bool:
    return isinstance(value, int) and _number(value)


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _billing(value: object) -> bool:
    kinds = ("prepaid", "postpaid")
    if isinstance(value, dict):
        return all(k in POOLS and v in kinds for k, v in value.items())
    return value in kinds


def _limits(value: object) -> bool:
    if isinstance(value, dict):
        return all(k in BUCKETS and (v is None or (_count(v) and v != 0)) for k, v in value.items())
    return value in ("documented", "off")


_SPECIAL: dict[str, Callable[[object], bool]] = {
    "billing": _billing,
    "limits": _limits,
    "balance": lambda v: isinstance(v, dict) and all(k in POOLS and _count(n) for k, n in v.items()),
    "coverage": lambda v: isinstance(v, dict) and all(_share(n) for n in v.values()),
    "sample_mode": lambda v: isinstance(v, bool) or _strings(v),
    "stats_pools": lambda v: isinstance(v, list) and all(p in POOLS[:3] for p in v),
    "period_offset_h": lambda v: isinstance(v, int | float) and -24 <= v <= 24,
}
