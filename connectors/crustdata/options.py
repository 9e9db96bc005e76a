"""What the configuration says to this connector."""

from __future__ import annotations

from typing import Literal

from syncd.connector import Opt, Options, Secret


class ConnectorOptions(Options):
    """The account's key, how strict a match by e-mail is, and which groups of operations may be used."""

    token: Secret = Opt(description="The API key from Crustdata's dashboard, by reference.")
    min_similarity_score: float = Opt(
        0.9,
        ge=0,
        le=1,
        description=(
            "How sure Crustdata must be, from 0 to 1, that a business e-mail belongs to the person it returns. "
            "Crustdata advises 0.9 or more where nobody looks at the results."
        ),
    )
    live: bool = Opt(
        False,
        description=(
            "Allow live look-ups of a profile, at 7 credits, for fields whose `accept` asks for more than "
            "cached data. Enterprise plans only; the profile URL must be the exact current one."
        ),
    )
    verified: bool = Opt(
        False,
        description=(
            "Have Crustdata check work e-mails again at the moment of the look-up and return only those that "
            "pass, for half a credit more per person. Applies to the contact look-up of enterprise plans."
        ),
    )
    search: bool = Opt(
        True,
        description=(
            "Search people by name and company, at 0.03 credits per result, to find the profile of contacts "
            "that have neither a profile URL nor an e-mail."
        ),
    )
    bulk: Literal["never", "backfill"] = Opt(
        "never",
        description=(
            "Use batch jobs (1,000 profiles, or contact data of 300) never, or in a backfill. They find more "
            "contact data than single requests, and put many charges behind one request."
        ),
    )
