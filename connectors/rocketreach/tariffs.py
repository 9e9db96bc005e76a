"""The three ways in which RocketReach charges for a look-up, of which an account has one."""

from __future__ import annotations

from enum import StrEnum

from connectors.rocketreach.options import ConnectorOptions


class Tariff(StrEnum):
    """By which pool an account's look-ups are paid."""

    STANDARD = "standard"
    PREMIUM = "premium"
    UNIVERSAL = "universal"


TYPED = frozenset({Tariff.STANDARD, Tariff.PREMIUM})
"""The tariffs of the interface with typed credit pools."""
UNIVERSAL = frozenset({Tariff.UNIVERSAL})


def configured(options: ConnectorOptions) -> frozenset[Tariff]:
    """The tariffs that the options leave open; a single one is known without asking."""
    if options.family == "universal":
        return UNIVERSAL
    typed = TYPED if options.lookup_type == "auto" else frozenset({Tariff(options.lookup_type)})
    return typed if options.family == "standard" else typed | UNIVERSAL
