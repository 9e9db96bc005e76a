"""What the configuration says to this connector."""

from __future__ import annotations

from typing import Literal, TypeAlias

from syncd.connector import Opt, Options, Secret

Billing: TypeAlias = Literal["auto", "prepaid", "postpaid"]
PoolName: TypeAlias = Literal["email", "phone", "search"]


class ConnectorOptions(Options):
    """The account's key, how the account is billed, and which groups of operations may be used."""

    token: Secret = Opt(description="The API key that ContactOut's sales team issued, by reference.")
    billing: Billing | dict[PoolName, Billing] = Opt(
        "auto",
        description=(
            "How the account pays: auto, prepaid or postpaid, for all pools in one word or per pool "
            "(email, phone, search). Auto reads it off the usage report: only postpaid pools have a "
            "remaining figure there."
        ),
    )
    allow_overage: bool = Opt(
        False,
        description=(
            "Go on when a postpaid pool has nothing left and let ContactOut bill the overage. "
            "The budgets of this configuration hold in any case."
        ),
    )
    checkers: bool = Opt(
        True,
        description=(
            "Ask the free checkers whether a profile has a work e-mail, personal e-mail or phone before "
            "a credit is spent on it. Needs a paid account; 150 requests a minute."
        ),
    )
    bulk: Literal["never", "backfill"] = Opt(
        "never",
        description=(
            "Use the batch endpoints (30 or 1,000 profiles, 100 addresses) never, or in a backfill. They "
            "cost the same as single lookups, say less, and put many charges behind one request."
        ),
    )
    searches: Literal["never", "narrow"] = Opt(
        "never",
        description=(
            "Use the searches that charge one search credit per row returned, up to 25 a request: never, or "
            "narrow, by name and company once the free count says that at most three people match."
        ),
    )
    v2_email_type: bool = Opt(
        False,
        description=(
            "Send email_type=personal,work with bulk jobs. ContactOut documents the switch for single "
            "lookups only."
        ),
    )
    basic_header: bool = Opt(
        False,
        description="Also send the header 'authorization: basic' that some of ContactOut's examples carry.",
    )

    def billing_of(self, pool: str) -> Billing:
        """The word that holds for one pool."""
        if isinstance(self.billing, str):
            return self.billing
        return {str(name): word for name, word in self.billing.items()}.get(pool, "auto")
