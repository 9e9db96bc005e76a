"""The account: typed credit pools, the universal pool, what was bought, and the answers that tell of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.sandbox.books import Books, Charge
from connectors.sandbox.rocketreach.knobs import POOLS, Knobs
from connectors.sandbox.settings import known_keys, number

Json = dict[str, Any]
UNIVERSAL, VERIFICATION = "universal", "email_verification"
BALANCES = (*POOLS, UNIVERSAL, VERIFICATION)
BOOKED_AS = {"standard_lookup": "lookup", "premium_lookup": "lookup"}
"""How the books name a pool where its own name is not used."""
ACTIONS = {
    "professional": "ProfessionalEmailEnrichment",
    "personal": "PersonalEmailEnrichment",
    "phone": "PhoneEnrichment",
    "detail": "PersonEnrichment",
    "healthcare": "HealthcareEnrichment",
    "company": "CompanyEnrichment",
    "person_search": "PersonSearch",
    "company_search": "CompanySearch",
}
PRICES = {
    "professional": 2,
    "personal": 3,
    "phone": 6,
    "detail": 1,
    "healthcare": 1,
    "company": 1,
    "person_search": 1,
    "company_search": 2,
}
"""Universal credits for each data class, company and page."""
OWNER = {"first_name": "Rae", "last_name": "Ops", "email": "revops@example.com"}


class OutOfCredits(Exception):
    """The pool that the request needs does not hold enough."""


class Account:
    """One customer's credits. An allocation of None has no end."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._allocated: dict[str, int | None] = {}
        self._used: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()
        self._successes: Counter[str] = Counter()
        self._spent: Counter[str] = Counter()

    def fill(self, options: Knobs) -> None:
        """Start with the credits that the knobs name."""
        given: dict[str, int | str] = {**dict.fromkeys(POOLS, 0), **options.credits}
        given |= {UNIVERSAL: options.universal_credits, VERIFICATION: options.verify_credits}
        for pool, count in given.items():
            self._put(pool, count)
            if count == 0:
                # not part of the plan, whatever was used of it before
                self._allocated[pool] = 0

    def set(self, balance: Mapping[str, Any]) -> None:
        """Make so many credits be left, by pool; `inf` for no end.

        Raises:
            BadSetting: there is no such pool, or it cannot hold that.
        """
        known_keys(balance, BALANCES, "the balance")
        for pool, count in balance.items():
            if count != "inf" or pool not in POOLS:
                number(count, pool, 0, whole=True)
        for pool, count in balance.items():
            self._put(pool, count)

    def _put(self, pool: str, count: int | str) -> None:
        self._allocated[pool] = None if count == "inf" else self._used[pool] + int(count)

    def issued(self, pool: str) -> bool:
        """Whether the plan has the pool at all."""
        return self._allocated.get(pool, 0) != 0

    def left(self, pool: str) -> int | None:
        """Credits left, negative after an overdraft; None without end."""
        allocated = self._allocated.get(pool, 0)
        return None if allocated is None else allocated - self._used[pool]

    def need(self, pool: str, count: int = 1) -> None:
        """Check that a pool holds so many credits.

        Raises:
            OutOfCredits: it holds fewer.
        """
        left = self.left(pool)
        if left is not None and left < count:
            raise OutOfCredits(pool)

    def take(self, pool: str, count: int, charge: Mapping[str, Any], overdraw: bool = False) -> None:
        """Use credits and enter them in the books; `charge` names person, operation, at and credential.

        Raises:
            OutOfCredits: the pool holds fewer.
        """
        if not overdraw:
            self.need(pool, count)
        self._used[pool] += count
        self._books.charge(Charge(kind=BOOKED_AS.get(pool, pool), amount=Decimal(count), **charge))

    def tried(self, classes: Mapping[str, bool]) -> None:
        """Count, by data class, an attempt of the universal API and whether it found something."""
        for name, found in classes.items():
            self._attempts[ACTIONS[name]] += 1
            if found:
                self._successes[ACTIONS[name]] += 1
                self._spent[ACTIONS[name]] += PRICES[name]

    def balances(self) -> Json:
        """What is left in every pool, for an observer."""
        return {pool: "inf" if self.left(pool) is None else self.left(pool) for pool in BALANCES}

    def standard(self, options: Knobs, limits: list[Json], calls: int) -> Json:
        """The account answer of the standard API."""
        rows = [self._usage(pool, options.numbers_as_text) for pool in POOLS]
        shown: Json = {
            "id": 12345,
            **OWNER,
            "state": options.state,
            "credit_usage": rows,
            "rate_limits": limits,
        }
        if options.legacy_account:
            lookups = sum(self._used[p] for p in ("standard_lookup", "premium_lookup", "phone_lookup"))
            shown |= {
                "lookup_credit_balance": self._shown(self.left("premium_lookup"), options.numbers_as_text),
                "plan": {"id": 7, "name": options.plan.title(), "lookup_limit": None},
                "lifetime_credits_spent": lookups,
                "api_key": options.keys[0] if options.keys else None,
                "daily_api_num_calls": calls,
                "daily_api_limit": None,
            }
        return shown

    def universal(self, options: Knobs, limits: list[Json], calls: int, key: str, now: datetime) -> Json:
        """The account answer of the universal API; it repeats the caller's own key, as the vendor does."""
        text = options.numbers_as_text
        synced = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        actions = [
            {
                "credit_action": action,
                "attempted_count": self._attempts[action],
                "succeeded_count": self._successes[action],
                "credits_used": self._spent[action],
                "last_synced": synced,
            }
            for action in ACTIONS.values()
        ]
        return {
            "id": 12346,
            **OWNER,
            "state": options.state,
            "plan": {"id": 9, "name": "Universal", "lookup_limit": 0, "export_limit": 0},
            "api_key": key,
            "api_key_domain": None,
            "daily_api_num_calls": calls,
            "daily_api_limit": "1000",
            "credit_usage": {
                "credits_allocated": self._shown(self._allocated.get(UNIVERSAL, 0), text),
                "credits_used": self._shown(self._used[UNIVERSAL], text),
                "credits_remaining": self._shown(self.left(UNIVERSAL), text),
                "last_synced": synced,
            },
            "credit_usage_by_action": actions,
            "rate_limits": limits,
        }

    def _usage(self, pool: str, text: bool) -> Json:
        return {
            "credit_type": pool,
            "allocated": self._shown(self._allocated.get(pool, 0), text),
            "used": self._shown(self._used[pool], text),
            "remaining": self._shown(self.left(pool), text),
        }

    @staticmethod
    def _shown(count: int | None, text: bool) -> int | str:
        if count is None:
            return "inf"
        return str(max(0, count)) if text else max(0, count)
