"""Balances, from the usage report."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from connectors.contactout.operations import CREDITS, UNREPORTED
from connectors.contactout.options import Billing, ConnectorOptions
from connectors.contactout.shapes import envelope, loose, reshaped, table, text
from syncd.connector import Answer
from syncd.model import Balance, Plan, Pool

_PREFIXES = MappingProxyType({"email": "", "phone": "phone_", "search": "search_"})
_MOST = Decimal(1_000_000_000)
_MONTH = re.compile(r"(\d{4}-(?:0[1-9]|1[0-2]))-\d\d")


def balance_of(answer: Answer, options: ConnectorOptions) -> Balance:
    """The pools of the report: every kind but those of which the vendor never speaks.

    Raises:
        Failure: of kind contract, for an answer that is not a usage report.
    """
    body = envelope(answer)
    if "usage" not in body:
        raise reshaped("usage report")
    usage = table(body["usage"], "usage report")
    pools = {
        kind: _pool(usage, _PREFIXES[kind], options.billing_of(kind), options.allow_overage)
        for kind in CREDITS
        if kind not in UNREPORTED
    }
    return Balance(MappingProxyType(pools), period=_period(loose(body.get("period"))))


def _pool(usage: Mapping[str, object], prefix: str, billing: Billing, allow_overage: bool) -> Pool:
    """One pool. The presence of a remaining figure, not its value, marks a pool as postpaid.

    The quota of a prepaid pool is what is left; that of a postpaid one is the month's allowance. The
    vendor's `count` counts requests that used a credit, not credits, and so is no measure of use.
    """
    if billing == "auto":
        billing = "postpaid" if f"{prefix}remaining" in usage else "prepaid"
        if f"{prefix}remaining" not in usage and f"{prefix}quota" not in usage:
            return Pool(None, Plan.UNKNOWN)
    quota = _number(usage.get(f"{prefix}quota"))
    if billing == "prepaid":
        return Pool(quota, Plan.PREPAID)
    count = _number(usage.get(f"{prefix}count"))
    left = _number(usage.get(f"{prefix}remaining"))
    if left is None and quota is not None and count is not None:
        left = quota - count
    return Pool(
        left,
        Plan.POSTPAID,
        overage=_number(usage.get(f"{prefix}over_quota")),
        may_exceed=allow_overage,
    )


def _number(value: object) -> Decimal | None:
    """A figure of the report, below zero too; None for what is no number or beyond reason."""
    try:
        number = Decimal(text(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= _MOST else None


def _period(period: Mapping[str, object]) -> str | None:
    """The month of the report by its start: the end that the vendor gives need not exist (April 31)."""
    match = _MONTH.match(text(period.get("start")))
    return match[1] if match else None
