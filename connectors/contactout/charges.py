"""What an answer cost by the vendor's published rules, read conservatively."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from connectors.contactout.people import Contacts
from syncd.connector import On, Operation, Price
from syncd.model import Charge, Lookup, Outcome, Pending

NOTHING = Contacts((), (), ())


def due(operation: Operation, rows: int, reach: Contacts = NOTHING) -> Charge:
    """The charge for an answer of so many records with these contact data.

    Any address counts as an e-mail, also one that was not asked for or that we knew. The vendor's text
    leaves open whether it charges per address or per profile; its bulk rules say per profile.
    """
    amounts: dict[str, Decimal] = {}
    for price in operation.prices:
        if units := _units(price, rows, reach):
            amounts[price.kind] = amounts.get(price.kind, Decimal(0)) + units
    return Charge(amounts)


def _units(price: Price, rows: int, reach: Contacts) -> Decimal:
    match price.on:
        case On.LAUNCH:
            return price.amount
        case On.MATCH:
            # An amount above one is the most that a page can hold; each row costs one.
            return Decimal(rows)
        case On.FIELDS:
            return price.amount if (reach.emails if price.kind == "email" else reach.phones) else Decimal(0)
        case On.BLANK:
            return Decimal(0) if reach.emails or reach.phones else price.amount


def charged_once(lookups: Sequence[Lookup], outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes, with the charge of a question that stands twice in one batch left at its first place."""
    seen: set[str] = set()
    out: list[Outcome] = []
    for lookup, outcome in zip(lookups, outcomes, strict=True):
        name = lookup.key.canonical
        repeated = name in seen and not isinstance(outcome, Pending)
        out.append(replace(outcome, charge=Charge.none()) if repeated else outcome)
        seen.add(name)
    return out
