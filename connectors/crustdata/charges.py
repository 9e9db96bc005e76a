"""What an answer cost: what the vendor reports for the request, or else its published rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from connectors.crustdata.asks import TIERS
from connectors.crustdata.operations import CREDIT
from syncd.connector import On, Operation
from syncd.model import Basis, Charge, Field, Found, NotFound, Outcome, Unresolved

_STEP = Decimal("0.000001")
_NONE = Decimal(0)


def due(operation: Operation, matches: int, held: Collection[Field] = ()) -> Charge:
    """By rule: so many records at the price of a match, and every kind of contact data that came along.

    Only data that comes back is charged. What was not asked for counts where a surplus is reserved for it.
    """
    total = _NONE
    for price in operation.prices:
        if price.on is On.MATCH:
            total += price.amount * matches
        elif not price.fields:
            unasked = set(held) - operation.returns.keys()
            total += sum((TIERS[field][1] for field in unasked), _NONE)
        elif price.fields & set(held):
            total += price.amount
    return Charge.of(credit=total)


def shared(outcomes: Sequence[Outcome], reported: Decimal | None) -> list[Outcome]:
    """The outcomes with the reported cost of the request spread over them, exactly.

    The rule's amounts are the measure. What is reported beyond them belongs to what could not be read, or
    else to all that was charged.
    """
    if reported is None:
        return list(outcomes)
    by_rule = [_amount(outcome) for outcome in outcomes]
    rest = reported - sum((a for a in by_rule if a is not None), _NONE)
    unread = [a is None for a in by_rule]
    if rest == 0:
        parts = [a or _NONE for a in by_rule]
    elif rest > 0 and any(unread):
        spread = iter(_spread(rest, [Decimal(1)] * sum(unread)))
        parts = [next(spread) if a is None else a for a in by_rule]
    else:
        parts = _spread(reported, _weights(by_rule, outcomes))
    return [
        replace(outcome, charge=Charge.of(Basis.REPORTED, **{CREDIT: amount}))
        for outcome, amount in zip(outcomes, parts, strict=True)
    ]


def _amount(outcome: Outcome) -> Decimal | None:
    return outcome.charge.amounts.get(CREDIT, _NONE) if outcome.charge is not None else None


def _weights(by_rule: Sequence[Decimal | None], outcomes: Sequence[Outcome]) -> list[Decimal]:
    if any(by_rule):
        return [a or _NONE for a in by_rule]
    found = [Decimal(isinstance(outcome, Found)) for outcome in outcomes]
    return found if any(found) else [Decimal(1)] * len(outcomes)


def _spread(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """The total in proportion to the weights, in millionths; the last that has any takes what rounding left."""
    whole = sum(weights, _NONE)
    parts = [(total * weight / whole).quantize(_STEP, ROUND_DOWN) for weight in weights]
    last = max(i for i, weight in enumerate(weights) if weight)
    parts[last] += total - sum(parts, _NONE)
    return parts


def repeated(outcome: Outcome) -> Outcome:
    """The outcome of a question that stands twice in one request: it was charged at its first place."""
    if isinstance(outcome, Found | NotFound | Unresolved):
        return replace(outcome, charge=Charge.none())
    return outcome
