"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields

from connectors.sandbox.population import Coverage
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch, text

GATED_PATHS = (
    "/person/contact/enrich",
    "/person/professional_network/enrich/live",
    "/person/professional_network/search/live",
    "/batch/person/contact/enrich",
)
"""What a self-serve key may not use."""
GATED_FIELDS = (
    "certifications", "honors", "metadata", "updated_at",
    "professional_network.followers", "professional_network.metadata",
)  # fmt: skip

CHOICES = {
    "plan": ("self_serve", "enterprise"),
    "status_words": ("not_enabled", "disabled"),
    "credit_check": ("worst_case", "empty"),
    "bill": ("returned", "requested"),
    "bill_by": ("identifier", "match"),
    "enrich_contacts": ("business", "bought", "all"),
    "no_match": ("empty", "dropped", "root", "404"),
    "empty_search": ("object", "list"),
    "old_flags": ("ignored", "refused"),
    "batch_rows": ("data", "flat"),
    "webhook_signature": ("signed", "unsigned", "forged"),
}
SHARES = (
    "catch_all", "landline_as_mobile", "shared_email", "wrong_email", "confident",
    "job_late", "job_lost", "job_failed", "batch_deeper", "webhook_lost",
)  # fmt: skip
COVERAGE = Coverage(profile=0.85, work=0.6, verified=0.75, personal=0.35, phone=0.35, landline=0.1,
                    stale=0.08, blind=0.12)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Knobs:
    """Every setting with its default. Shares are in 0 to 1; `_ms` and `_s` are units of time."""

    keys: list[str] = field(default_factory=lambda: ["sandbox-crustdata-key"])
    """Keys of the account; all share its balance, each has its own rate limits."""
    token_auth: bool = True
    """Take `Token <key>` as well as `Bearer <key>`."""
    version_required: bool = True
    plan: str = "self_serve"
    access: list[str] = field(default_factory=list)
    """Path templates that the plan does not hold and the account may use."""
    no_access: list[str] = field(default_factory=list)
    denied_fields: list[str] | None = None
    """Fields that the account may not ask for; null: those that the plan does not hold."""
    status_words: str = "not_enabled"
    limits: str | dict[str, int | None] = "documented"
    token_rpm: int | None = None
    """Requests a minute of a key, over all endpoints; null: any number."""
    retry_after: bool = False
    balance: float = 100_000.0
    recurring_credits: float = 5_000.0
    wallets: bool = False
    credit_check: str = "worst_case"
    credits_403: bool = False
    bill: str = "returned"
    bill_by: str = "identifier"
    contact_base: bool = False
    contact_overbill: bool = False
    """A contact request bills five credits and returns every tier, whatever it asked for."""
    enrich_contacts: str = "bought"
    """Which stored contacts a profile request shows beside business addresses."""
    usage_lag_s: float = 10.0
    coverage: dict[str, float] = field(default_factory=dict)
    """Shares that differ from the default coverage."""
    catch_all: float = 0.1
    """Share of companies whose servers accept every address."""
    landline_as_mobile: float = 0.0
    """Share of people of whom the fixed number is given as their only one."""
    shared_email: float = 0.02
    """Share of business addresses that lead to a colleague as well."""
    wrong_email: float = 0.0
    """Share of business addresses that lead, at a high score, to a colleague of another name."""
    confident: float = 0.8
    """Share of listed business addresses whose match scores 0.9 or more."""
    no_match: str = "empty"
    reorder: bool = False
    current_as_object: bool = False
    company_ids: bool = True
    domain_list: bool = False
    line_separators: bool = False
    empty_search: str = "object"
    results_envelope: bool = False
    """Company answers come wrapped in `results`, as on an old page."""
    old_flags: str = "ignored"
    drf_errors: bool = False
    preview_enabled: bool = False
    contact_ms: float = 0.0
    active_jobs: int = 5
    contact_batch_max: int = 300
    batch_rows: str = "data"
    batch_deeper: float = 0.6
    """Of the people without a known business address, how many a contact batch finds one for."""
    job_pending_s: float = 0.2
    job_delay_s: float = 1.0
    job_late: float = 0.0
    job_late_s: float = 3600.0
    job_lost: float = 0.0
    """Share of jobs that never finish."""
    job_lost_charged: bool = False
    job_failed: float = 0.0
    file_rows: int = 5_000
    file_life_s: float = 432_000.0
    webhook_signature: str = "signed"
    webhook_attempts: int = 3
    webhook_retry_s: float = 1.0
    webhook_duplicates: int = 0
    webhook_lost: float = 0.0

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
        defaults = cls.defaults()
        values = {name: settings[name] for name in defaults}
        for name, value in values.items():
            _check(name, value, defaults[name])
        return cls(**values)  # type: ignore[arg-type]  # _check has compared every value with its field

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows."""
        known = {f.name: getattr(COVERAGE, f.name) for f in fields(Coverage)}
        return Coverage(**(known | self.coverage))

    @property
    def denied(self) -> tuple[str, ...]:
        """The fields that the account may not ask for."""
        if self.denied_fields is not None:
            return tuple(self.denied_fields)
        return GATED_FIELDS if self.plan == "self_serve" else ()

    def enabled(self, path: str) -> bool:
        """Whether the account may use an endpoint."""
        if path in self.no_access:
            return False
        return self.plan == "enterprise" or path not in GATED_PATHS or path in self.access

    def per_minute(self, path: str, documented: int | None) -> int | None:
        """Requests a minute that an endpoint admits; None where it admits any number."""
        if isinstance(self.limits, str):
            return documented if self.limits == "documented" else None
        return self.limits.get(path, documented)


def _check(name: str, value: object, default: object) -> None:
    special = _SPECIAL.get(name)
    if special:
        special(value, name)
    elif name in SHARES:
        number(value, name, 0, 1)
    elif name in CHOICES:
        choice(value, name, CHOICES[name])
    elif isinstance(default, bool):
        switch(value, name)
    elif isinstance(default, list):
        _texts(value, name)
    else:
        number(value, name, 0, whole=isinstance(default, int))


def _texts(value: object, name: str) -> None:
    if not isinstance(value, list):
        raise BadSetting(f"{name} is a list of texts")
    for one in value:
        text(one, f"each of {name}")


def _optional_texts(value: object, name: str) -> None:
    if value is not None:
        _texts(value, name)


def _optional_count(value: object, name: str) -> None:
    if value is not None:
        number(value, name, 1, whole=True)


def _limits(value: object, name: str) -> None:
    if isinstance(value, str):
        choice(value, name, ("documented", "off"))
        return
    for path, count in record(value, name).items():
        _optional_count(count, f"the limit of {path}")


def _coverage(value: object, name: str) -> None:
    shares = record(value, name)
    known_keys(shares, [f.name for f in fields(Coverage)], name)
    for share, given in shares.items():
        number(given, f"{name}.{share}", 0, 1)


def _positive(value: object, name: str) -> None:
    number(value, name, 1, whole=True)


def _balance(value: object, name: str) -> None:
    number(value, name, -1e9, 1e12)


_SPECIAL: dict[str, Callable[[object, str], None]] = {
    "denied_fields": _optional_texts,
    "limits": _limits,
    "token_rpm": _optional_count,
    "coverage": _coverage,
    "balance": _balance,
    "file_rows": _positive,
    "webhook_attempts": _positive,
}
