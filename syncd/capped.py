"""Whether a vendor charged more than the caps allow, counted from the vendor's own list of charges. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from syncd.config import Budget


def above_caps(charges: Iterable[Mapping[str, object]], budgets: Mapping[str, Budget]) -> int:
    """How many charges of one account went beyond a cap of their day or month (UTC), in the order of their time.

    A charge has kind, amount and `at`. A kind without a budget may not be charged at all. Caps of a run are not
    looked at: a vendor knows of no runs.
    """
    spent: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    above = 0
    for charge in sorted(charges, key=lambda c: float(str(c["at"]))):
        kind, amount = str(charge["kind"]), Decimal(str(charge["amount"]))
        if not amount:
            continue
        day = datetime.fromtimestamp(float(str(charge["at"])), UTC).strftime("%Y-%m-%d")
        budget = budgets.get(kind)
        caps = {day: budget.per_day, day[:7]: budget.per_month} if budget else {"": Decimal(0)}
        beyond = False
        for period, cap in caps.items():
            spent[kind, period] += amount
            beyond = beyond or (cap is not None and spent[kind, period] > cap)
        above += beyond
    return above
