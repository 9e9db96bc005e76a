"""The account: its tariff and its credits. The answer also holds the key itself, which is never read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from connectors.rocketreach.operations import CREDITS
from connectors.rocketreach.shapes import number, part, parts, reshaped, text, word
from connectors.rocketreach.tariffs import TYPED, UNIVERSAL, Tariff
from syncd.connector import Answer
from syncd.model import Account, Plan, Pool

UNLIMITED = Decimal(1_000_000_000)
"""What is left of a pool that the vendor calls infinite, before what was used: more than any account spends."""
_UNKNOWN = Pool(None, Plan.PREPAID)
_POOLS: Mapping[Tariff, str] = MappingProxyType(
    {Tariff.STANDARD: "standard_lookup", Tariff.PREMIUM: "premium_lookup"}
)
_EXPORTS = "person_export"


@dataclass(frozen=True, slots=True)
class Standing:
    """What an answer tells of the account. `tariffs` holds one, or those that it leaves open."""

    account: Account
    tariffs: frozenset[Tariff]
    pools: Mapping[str, Pool]
    absent: frozenset[str] = frozenset()
    """Credit kinds that the plan does not have. Never `lookup`: none of it is none left."""


@dataclass(frozen=True, slots=True)
class _Figure:
    """One pool as the vendor reports it; None where it does not say."""

    allocated: Decimal | None
    used: Decimal | None
    remaining: Decimal | None

    @property
    def given(self) -> bool | None:
        """Whether the plan has the pool at all; None where no figure tells."""
        told = self.remaining if self.allocated is None else self.allocated
        return None if told is None else bool(told)

    @property
    def pool(self) -> Pool:
        left, used = self.remaining, self.used if self.used is not None and self.used.is_finite() else None
        if left is None and self.allocated is not None and used is not None:
            left = self.allocated - used
        if left is not None and left.is_infinite():
            left = UNLIMITED - (used or Decimal(0))
        return Pool(left, Plan.PREPAID, used=used)


def standing_of(answer: Answer, allowed: frozenset[Tariff]) -> Standing:
    """The account, of which `allowed` are the tariffs that the configuration leaves open.

    Raises:
        Failure: of kind contract, for an answer that is not an account.
    """
    body: object = answer.json()
    if not isinstance(body, dict):
        raise reshaped("account")
    usage = body.get("credit_usage")
    if isinstance(usage, dict) and "credits_remaining" in usage:
        return _universal(body, usage)
    typed = isinstance(usage, list) or (isinstance(usage, dict) and "credit_type" in usage)
    if typed or (usage is None and "lookup_credit_balance" in body):
        return _typed(body, allowed & TYPED)
    raise reshaped("account")


def _universal(body: Mapping[str, object], usage: Mapping[str, object]) -> Standing:
    figure = _Figure(*(number(usage.get(f"credits_{name}")) for name in ("allocated", "used", "remaining")))
    pools = dict.fromkeys(CREDITS, _UNKNOWN) | {"lookup": figure.pool}
    notes = ("Look-ups spend universal credits.",)
    return Standing(_account(body, "universal", notes), UNIVERSAL, MappingProxyType(pools))


def _typed(body: Mapping[str, object], allowed: frozenset[Tariff]) -> Standing:
    figures = {
        text(entry.get("credit_type")).lower(): _Figure(
            *(number(entry.get(name)) for name in ("allocated", "used", "remaining"))
        )
        for entry in parts(body.get("credit_usage"), "credits")
    }
    tariffs = _tariffs(figures, allowed)
    lookup, notes = _lookups(figures, tariffs, number(body.get("lookup_credit_balance")))
    pools = {name: figures[name].pool if name in figures else _UNKNOWN for name in CREDITS}
    account = _account(body, "standard", notes)
    absent = frozenset(name for name in CREDITS if name not in figures or figures[name].given is False)
    return Standing(account, tariffs, MappingProxyType(pools | {"lookup": lookup}), absent - {"lookup"})


def _tariffs(figures: Mapping[str, _Figure], allowed: frozenset[Tariff]) -> frozenset[Tariff]:
    """The tariff whose pool the account was given, premium before standard; else those left open."""
    if len(allowed) > 1:
        for tariff in (Tariff.PREMIUM, Tariff.STANDARD):
            if tariff in allowed and _POOLS[tariff] in figures and figures[_POOLS[tariff]].given:
                return frozenset({tariff})
    return allowed


def _lookups(
    figures: Mapping[str, _Figure], tariffs: frozenset[Tariff], balance: Decimal | None
) -> tuple[Pool, tuple[str, ...]]:
    """What is left for look-ups, and what an operator should know of it.

    Where the plan counts exports, each look-up uses one as well: the smaller figure tells how many are left.
    """
    names = [_POOLS[tariff] for tariff in sorted(tariffs)]
    held = [figures[name] for name in names if name in figures]
    if not figures and balance is not None and len(names) == 1:
        return Pool(balance, Plan.PREPAID), (f"Look-ups spend {names[0]}, by RocketReach's older balance.",)
    if len(held) != len(names) or not held:
        return _UNKNOWN, ("RocketReach does not tell the pool for look-ups; check the option lookup_type.",)
    if any(figure.given is None for figure in held):
        return _UNKNOWN, ("RocketReach gives no figures for look-ups.",)
    if len(held) > 1 or not held[0].given:
        return Pool(Decimal(0), Plan.PREPAID), ("The account was given no credits for look-ups.",)
    pool = held[0].pool
    notes: tuple[str, ...] = (f"Look-ups spend {names[0]}.",)
    exports = figures.get(_EXPORTS)
    left = exports.pool.remaining if exports is not None and exports.given else None
    if left is not None and pool.remaining is not None and left < pool.remaining:
        pool = Pool(left, Plan.PREPAID, used=pool.used)
        notes += ("Fewer exports than look-ups are left; look-ups stop with the exports.",)
    return pool, notes


def _account(body: Mapping[str, object], family: str, notes: tuple[str, ...]) -> Account:
    state = word(body.get("state"))
    if state == "anonymous":
        notes += ("RocketReach does not know whose key this is.",)
    if state == "test user":
        notes += ("This is RocketReach's public test account; its people are samples.",)
    environment = "sandbox" if state == "test user" else ""
    plan = text(part(body.get("plan"), "plan").get("name"))
    return Account(text(body.get("id")) or None, plan or family, environment, notes)
