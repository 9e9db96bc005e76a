"""What things cost, in credits."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from connectors.sandbox.crustdata.account import Line

BASE, LIVE, VERIFIED, DEV = Decimal(1), Decimal(7), Decimal("0.5"), Decimal(1)
TIER = {"business_emails": Decimal(1), "personal_emails": Decimal(2), "phone_numbers": Decimal(2)}
CONTACT_CAP = Decimal(5)
SEARCH_ROW, LIVE_SEARCH_ROW = Decimal("0.03"), Decimal(2)
COMPANY, TECHNOGRAPHICS = Decimal(2), Decimal(2)
IDENTIFIED = Decimal(1)


def tier_lines(tiers: Collection[str]) -> list[Line]:
    """A line for each contact tier."""
    return [(name, price) for name, price in TIER.items() if name in tiers]


def profile_lines(tiers: Collection[str], dev: bool) -> list[Line]:
    """The stored profile with what was shown beside its base sections."""
    lines: list[Line] = [("profile", BASE), *tier_lines(tiers)]
    return [*lines, ("dev_platform", DEV)] if dev else lines


def contact_lines(tiers: Collection[str], verified: bool, base: bool, overbill: bool) -> list[Line]:
    """Contacts that were shown; `base` and `overbill` are two ways in which bills were seen to be higher."""
    lines = tier_lines(tiers)
    if overbill and lines:
        rest = CONTACT_CAP - sum(price for _, price in lines)
        lines += [("overbilled", rest)] if rest else []
    if base and lines:
        lines.insert(0, ("profile", BASE))
    if verified and "business_emails" in tiers:
        lines.append(("verified", VERIFIED))
    return lines


def total(lines: Collection[Line]) -> Decimal:
    """The sum of the lines."""
    return sum((price for _, price in lines), Decimal(0))
