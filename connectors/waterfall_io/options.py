"""What the configuration says to this connector."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from syncd.connector import Opt, Options, Secret
from syncd.model import Quality


class ConnectorOptions(Options):
    """The account's key, how it pays and at which prices, and how the vendor's words are to be read."""

    token: Secret = Opt(description="The API key from Waterfall.io's dashboard, by reference.")
    balance_semantics: Literal["prepaid", "payg"] = Opt(
        "prepaid",
        description=(
            "What Waterfall.io's balance figure means: prepaid, what is left; payg, the amount due. The vendor "
            "uses one name for both. With payg only the budgets of this configuration hold spending."
        ),
    )
    contact_usd: Decimal = Opt(
        Decimal("0.10"),
        gt=0,
        description="The account's price of a contact returned. The default is the vendor's illustration.",
    )
    phone_usd: Decimal = Opt(
        Decimal("0.50"),
        gt=0,
        description=(
            "The account's price of one phone number returned. The vendor publishes none: the default is a "
            "cautious guess, to be replaced by the price of your contract."
        ),
    )
    company_usd: Decimal = Opt(
        Decimal("0.10"),
        gt=0,
        description="The account's price of a company returned. The vendor publishes none: a cautious guess.",
    )
    verify_usd: Decimal = Opt(
        Decimal("0.01"),
        gt=0,
        description=(
            "The account's price of one e-mail verification, whatever its result. The default is the vendor's "
            "illustration."
        ),
    )
    job_change_usd: Decimal = Opt(
        Decimal("0.05"),
        gt=0,
        description=(
            "The account's price of a job-change check, taken to be due with every check. The default is the "
            "vendor's illustration."
        ),
    )
    max_numbers: int = Opt(
        3,
        ge=1,
        le=20,
        description=(
            "For how many phone numbers of one person money is set aside. Numbers are charged one by one; "
            "what was not charged is given back."
        ),
    )
    status_quality: dict[str, Quality] = Opt(
        {},
        description=(
            "How words of email_verified_status and email_confidence are read, beside or instead of: safe "
            "verified; high likely; catch_all, risky, role and disposable risky; invalid invalid. A word that "
            "stands nowhere is unverified."
        ),
    )
    job_changes: bool = Opt(
        False,
        description=(
            "Ask the job-change check, a preview of the vendor without service level, for a person's present "
            "employer and title by work e-mail or by name and domain."
        ),
    )
    polling: Literal["prompt", "sparing"] = Opt(
        "prompt",
        description=(
            "When a launched job is asked for first: prompt, after 2, 4 and 8 seconds as the vendor advises; "
            "sparing, after 12 seconds. Asking counts in the same 50 requests a minute as launching: prompt "
            "makes about 16 look-ups a minute, sparing about 25."
        ),
    )
    signed_callbacks_only: bool = Opt(
        False,
        description=(
            "Refuse callbacks without a valid signature. Waterfall.io sends unsigned ones when its signing is "
            "down; as a callback is only a reason to ask, they are harmless. A wrong signature is refused in "
            "any case."
        ),
    )
