"""What the configuration says to this connector."""

from __future__ import annotations

from typing import Literal

from syncd.connector import Opt, Options, Secret

PlanName = Literal["essentials", "pro", "ultimate", "custom"]


class ConnectorOptions(Options):
    """The account's key, which of RocketReach's two interfaces and which pool it uses, and what may be asked."""

    token: Secret = Opt(description="The API key from RocketReach's account settings, by reference.")
    family: Literal["auto", "standard", "universal"] = Opt(
        "auto",
        description=(
            "Which of RocketReach's two interfaces the key is for: standard (Essentials, Pro and Ultimate "
            "plans, credits by type) or universal (one pool, each kind of data at its own price). Auto reads "
            "it off the account, free of charge, and buys nothing before it knows."
        ),
    )
    lookup_type: Literal["auto", "standard", "premium"] = Opt(
        "auto",
        description=(
            "Standard interface: which pool the credit kind `lookup` stands for, standard_lookup (e-mails) or "
            "premium_lookup (e-mails and phones). Auto takes the one that the account was given, premium where "
            "it has both. With universal credits, `lookup` is their one pool: a work e-mail costs 2, a "
            "personal one 3, phones 6, the profile 1. Where the plan counts exports, every look-up uses one "
            "too, so `lookup` ends with whichever of both figures is smaller."
        ),
    )
    plan: PlanName = Opt(
        "essentials",
        description=(
            "The account's plan, for its limits: essentials 15 look-ups a minute, pro 50, ultimate 100, custom "
            "250 (searches: 15, 30, 60, 100). Universal accounts have custom plans. Longer windows, up to a "
            "month, are obeyed when RocketReach says that they are used up."
        ),
    )
    searches: Literal["never", "names"] = Opt(
        "never",
        description=(
            "Search people by name and company domain, to learn the profile by which they can be looked up: "
            "never, or names. Free of charge with the standard interface, one credit a search with the universal "
            "one. Needs `family` to be set."
        ),
    )
    companies: bool = Opt(
        False,
        description=(
            "Look companies up by domain or LinkedIn page: one company_export credit each, or one universal "
            "credit. Many plans have none."
        ),
    )
    free_relookups: bool = Opt(
        False,
        description=(
            "Rely on RocketReach not charging a profile again that was bought on the present plan. Its help "
            "pages say so, others contradict; without it a look-up whose answer was lost is settled by balance."
        ),
    )
    webhook_id: int | None = Opt(
        None,
        ge=1,
        description=(
            "The number of the webhook, made in RocketReach's API settings, that is called when a look-up has "
            "ended. Without it RocketReach calls the topmost enabled one, if any. Look-ups are asked for in any "
            "case."
        ),
    )
    webhook_secret: Secret | None = Opt(
        None,
        description=(
            "The webhook's secret, by reference. With it, callbacks that are not signed by it are refused; "
            "without it, a callback is only a reason to ask."
        ),
    )
