"""What the configuration says to this connector."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from syncd.connector import Opt, Options, Secret


class ConnectorOptions(Options):
    """The account's key, what a search costs, and where the balance can be read, if anywhere."""

    token: Secret = Opt(
        description=(
            "The API key from ReverseLooker's dashboard, by reference. Keys that begin with rl_test_ spend no "
            "credits; money is set aside for them all the same, and given back."
        ),
    )
    price: Decimal = Opt(
        Decimal(50),
        gt=0,
        description=(
            "Credits of one search, found or not. ReverseLooker publishes no price list: 50 per address is what "
            "its bulk answers report. What an answer reports is booked in any case."
        ),
    )
    account_path: str = Opt(
        "",
        pattern=r"^(/[A-Za-z0-9_./-]*)?$",
        description=(
            "The path of an account page whose answer has a figure named credits. ReverseLooker documents none; "
            "without it the balance is unknown and only the budgets of this configuration hold spending."
        ),
    )
    bulk: Literal["never", "backfill"] = Opt(
        "never",
        description=(
            "Search up to 5,000 addresses in one request never, or in a backfill. It costs the same as single "
            "searches, says less, and puts many charges behind one request."
        ),
    )
