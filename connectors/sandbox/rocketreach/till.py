"""What lookups and companies cost, and from which pool."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.sandbox.population import Company, Knowledge
from connectors.sandbox.rocketreach.account import PRICES, UNIVERSAL, Account, OutOfCredits
from connectors.sandbox.rocketreach.contacts import PAID, addresses, phones
from connectors.sandbox.rocketreach.directory import Directory
from connectors.sandbox.rocketreach.knobs import Knobs
from connectors.sandbox.rocketreach.lookups import Lookup
from connectors.sandbox.rocketreach.profiles import CLASSES, Profiles, View

EMAILS = frozenset(("professional", "personal", "detail", "healthcare"))
SHOWN = {
    "standard_lookup": EMAILS,
    "premium_lookup": frozenset(CLASSES),
    "phone_lookup": frozenset(("phone", "detail", "healthcare")),
    "person_enrich": frozenset(("detail", "healthcare")),
}
"""The data classes that a lookup of the standard API shows, by the pool that pays for it."""
_POOL_OF = {
    "standard": "standard_lookup",
    "premium": "premium_lookup",
    "premium (feeds disabled)": "premium_lookup",
    "phone": "phone_lookup",
    "enrich": "person_enrich",
}


class Till:
    """Takes credits for what is given out."""

    def __init__(self, account: Account, directory: Directory) -> None:
        self.account = account
        self._directory, self._profiles = directory, Profiles(directory)
        self.options = Knobs()
        self._companies: set[tuple[bool, int]] = set()

    def pool(self, lookup_type: str) -> str:
        """The pool of a lookup type; a blank one and `bulk` take the account's usual one."""
        return _POOL_OF.get(lookup_type) or _POOL_OF[self.options.default_lookup_type]

    def need(self, universal: bool, items: Iterable[str]) -> None:
        """Check that the worst case of a lookup could be paid now.

        Raises:
            OutOfCredits: it could not.
        """
        if universal:
            self.account.need(UNIVERSAL, sum(PRICES[item] for item in items))
            return
        for pool in items:
            self.account.need(pool)
        if self.account.issued("person_export"):
            self.account.need("person_export")

    def settle(self, lookup: Lookup) -> bool:
        """Pay for a lookup that completes; False, and nothing paid, where the balance is short."""
        known = self._directory.known(lookup.person)
        owed, lookup.owed = lookup.owed, {}
        if known is None or not owed:
            return True
        try:
            (self._settle_universal if lookup.universal else self._settle_standard)(lookup, known, owed)
        except OutOfCredits:
            return False
        return True

    def _settle_universal(self, lookup: Lookup, known: Knowledge, owed: dict[str, int]) -> None:
        view = View(True, frozenset(owed))
        found = [item for item in owed if item in self._profiles.found(known, view)]
        cost = sum(PRICES[item] * owed[item] for item in found)
        if cost:
            # a later purchase of other data is no duplicate of the first
            added = bool(lookup.bought) and not lookup.bought & set(found)
            person = lookup.person.ref + (f"+{'+'.join(found)}" if added else "")
            self._take(UNIVERSAL, cost, lookup.charge | {"person": person})
        self.account.tried({item: item in found for item in owed})
        lookup.bought.update(found)

    def _settle_standard(self, lookup: Lookup, known: Knowledge, owed: dict[str, int]) -> None:
        charge = lookup.charge | {"person": lookup.person.ref}
        for pool, count in owed.items():
            if not self._earned(pool, known):
                continue
            exports = self.account.issued("person_export")
            if exports and self.options.empty_at_complete != "overdraw":
                self.account.need("person_export", count)
            for _ in range(count):
                self._take(pool, 1, charge)
                if exports:
                    self._take("person_export", 1, charge)
            lookup.bought.add(pool)

    def _earned(self, pool: str, known: Knowledge) -> bool:
        """Whether a pool's condition holds for what was found."""
        email = any(a.grade in PAID for a in addresses(self._directory, known))
        numbers = phones(self._directory, known)
        match pool:
            case "standard_lookup":
                return email
            case "premium_lookup":
                return email or any(p.grade in PAID for p in numbers)
            case "phone_lookup":
                return bool(numbers)
            case _:
                return True

    def _take(self, pool: str, count: int, charge: dict[str, Any]) -> None:
        self.account.take(pool, count, charge, self.options.empty_at_complete == "overdraw")

    def need_company(self, universal: bool, company: Company) -> None:
        """Check that a company's data could be paid now, where it is not bought yet.

        Raises:
            OutOfCredits: it could not.
        """
        if not self._free(universal, company):
            self.account.need(*self._price(universal))

    def company(self, universal: bool, company: Company, charge: dict[str, Any]) -> None:
        """Pay for a company's data, once.

        Raises:
            OutOfCredits: the balance does not pay for it.
        """
        if self._free(universal, company):
            return
        self.account.take(*self._price(universal), charge | {"person": f"company:{company.index}"})
        if universal:
            self.account.tried({"company": True})
        self._companies.add((universal, company.index))

    def _free(self, universal: bool, company: Company) -> bool:
        return (universal, company.index) in self._companies and not self.options.recharge_on_relookup

    @staticmethod
    def _price(universal: bool) -> tuple[str, int]:
        return (UNIVERSAL, PRICES["company"]) if universal else ("company_export", 1)

    def page(self, item: str, reference: str, charge: dict[str, Any]) -> None:
        """Pay for a page of a universal search."""
        self.account.take(UNIVERSAL, PRICES[item], charge | {"person": reference})
        self.account.tried({item: True})
