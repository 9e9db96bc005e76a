"""The knobs of the stand-in server, checked and typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from connectors.sandbox.knobs import Check, KnobSet, coverage, natural, one_of, seconds, share, texts
from connectors.sandbox.population import Coverage
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch
from connectors.sandbox.windows import KINDS

KNOWLEDGE = Coverage(profile=0.7, stale=0.06, blind=0.15)
PRICE = 50
QUALIFICATIONS = ("found", "not_found")


def _keys(value: object, name: str) -> None:
    for key in texts(value, name):
        if not key.startswith(("rl_live_", "rl_test_")):
            raise BadSetting(f"{name} begin with rl_live_ or rl_test_")


def _limits(value: object, name: str) -> None:
    if isinstance(value, str):
        choice(value, name, ("assumed", "off"))
        return
    known_keys(record(value, name), ("count", "per_s"), name)
    for part, given in record(value, name).items():
        number(given, f"{name}.{part}", 1, whole=True)


def _scripts(value: object, name: str) -> None:
    for address, script in record(value, name).items():
        what = f"{name} of {address}"
        known_keys(record(script, what), ("after_s", "qualification"), what)
        if script.get("after_s") is not None:
            seconds(script["after_s"], f"after_s of {what}")
        if "qualification" in script:
            choice(script["qualification"], f"qualification of {what}", QUALIFICATIONS)


def _one_status(*statuses: int) -> Check:
    def check(value: object, name: str) -> None:
        if value not in statuses or isinstance(value, bool):
            raise BadSetting(f"{name} is one of {', '.join(map(str, statuses))}")

    return check


_CHECKS: Mapping[str, Check] = {
    "keys": _keys,
    "disabled_keys": texts,
    "errors_as": one_of("message", "error"),
    "credits": natural,
    "refund_on_miss": switch,
    "refund_shown": switch,
    "test_shows_price": switch,
    "out_of_credits": _one_status(402, 422),
    "account": switch,
    "limits": _limits,
    "window": one_of(*KINDS),
    "limit_header": one_of("retry-after", "reset", "none"),
    "coverage": coverage,
    "after_s": seconds,
    "slow": share,
    "slow_s": seconds,
    "stuck": share,
    "scripts": _scripts,
    "ongoing_status": _one_status(200, 202),
    "launch_status": _one_status(200, 201),
    "search_ttl_s": seconds,
    "bulk_step_s": seconds,
    "bulk_most": lambda value, name: number(value, name, 1, 5_000, whole=True),
    "bulk_repeats": one_of("kept", "dropped"),
    "bulk_fails": switch,
    "bulk_items_by_id": switch,
    "webhook_forged": switch,
    "webhook_lost": share,
    "webhook_duplicates": natural,
    "webhook_attempts": lambda value, name: number(value, name, 1, 100, whole=True),
    "webhook_retry_s": seconds,
}


@dataclass(frozen=True, slots=True)
class Knobs(KnobSet):
    """Every setting with its default. Shares are in 0 to 1, `_s` are seconds."""

    checks: ClassVar[Mapping[str, Check]] = MappingProxyType(_CHECKS)
    usual: ClassVar[Coverage] = KNOWLEDGE

    keys: list[str] = field(
        default_factory=lambda: ["rl_live_sandbox-reverselooker-key", "rl_test_sandbox-reverselooker-key"]
    )
    """Keys of the account; searches by those of development cost nothing."""
    disabled_keys: list[str] = field(default_factory=list)
    errors_as: str = "message"

    credits: int = 100_000
    refund_on_miss: bool = False
    refund_shown: bool = False
    """Whether the answer of a refunded search tells so."""
    test_shows_price: bool = True
    """Whether a launch by a development key tells the price that it does not take."""
    out_of_credits: int = 402
    account: bool = False
    """Whether the account can be asked for what it holds."""

    limits: str | dict[str, int] = "assumed"
    """Of launches; nothing limits the requests for results."""
    window: str = "sliding"
    limit_header: str = "retry-after"

    coverage: dict[str, float] = field(default_factory=dict)
    after_s: float = 1.0
    """How long a search is ongoing."""
    slow: float = 0.0
    slow_s: float = 25.0
    stuck: float = 0.0
    """Share of addresses whose searches are ongoing for ever."""
    scripts: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "slow@sandbox.example": {"after_s": 25},
            "stuck@sandbox.example": {"after_s": None},
        }
    )
    """Searches of single addresses: `{after_s, qualification}`. An `after_s` of null never ends."""
    ongoing_status: int = 200
    launch_status: int = 200
    search_ttl_s: float = 2_592_000.0
    """For how long after its launch a search can be asked for."""

    bulk_step_s: float = 0.01
    """By how much later each search of a bulk ends than the one before it."""
    bulk_most: int = 5_000
    bulk_repeats: str = "kept"
    bulk_fails: bool = False
    """Every other search of a bulk never ends, and the bulk fails when the others have."""
    bulk_items_by_id: bool = True

    webhook_forged: bool = False
    """Before each true delivery comes one about a search that does not exist."""
    webhook_lost: float = 0.0
    webhook_duplicates: int = 0
    webhook_attempts: int = 3
    webhook_retry_s: float = 1.0

    @property
    def shares(self) -> Coverage:
        """How much the vendor knows."""
        return self.known_shares(self.coverage)
