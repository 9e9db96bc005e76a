"""The account: its balance in dollars, what was used in each month and by each key, and how that is told."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connectors.sandbox.books import Books, Charge
from connectors.sandbox.settings import known_keys, number
from connectors.sandbox.waterfall_io.knobs import Knobs

Json = dict[str, Any]
GROUPS = {"contact": "persons", "search": "persons", "phone": "phones", "company": "companies"}
"""Under which heading of a usage an item stands; others are in the total only."""
COUNTERS = (
    "prospector_requests", "prospector_persons", "prospector_persons_phones",
    "enrichment_contact_requests", "enrichment_contact_persons", "enrichment_contact_persons_phones",
    "enrichment_phone_requests", "enrichment_phone_phones",
    "enrichment_company_requests", "enrichment_company_companies",
    "search_contact_requests", "search_contact_found",
    "search_company_requests", "search_company_found",
    "company_reveal_requests", "company_reveal_found",
    "job_change_requests", "job_change_found",
    "verify_email_requests", "verify_email_verified",
)  # fmt: skip
SHOWN_PRICES = {
    "persons_safe_usd": "contact",
    "mobile_phones_usd": "phone",
    "companies_usd": "company",
    "search_contact_found_usd": "search",
    "job_change_found_usd": "job_change",
    "verify_email_usd": "verify",
}


@dataclass(frozen=True, slots=True)
class Sale:
    """So many of an item, sold at one time; `reference` is whom or what the books name."""

    item: str
    count: int
    reference: str


@dataclass
class Account:
    """One customer's money and usage."""

    books: Books
    balance: Decimal = Decimal(0)
    options: Knobs = field(default_factory=Knobs)
    _used: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _sold: set[tuple[str, str]] = field(default_factory=set)

    def set(self, data: Mapping[str, Any]) -> Json:
        """Set the balance; tells it."""
        known_keys(data, ("usd",), "the balance")
        if "usd" in data:
            self.balance = Decimal(str(number(data["usd"], "usd", -1e9, 1e9)))
        return {"usd": str(self.balance)}

    @property
    def exhausted(self) -> bool:
        """Whether nothing more may be bought."""
        return self.options.over_quota or (self.options.billing == "prepaid" and self.balance <= 0)

    def count(self, key: str, at: datetime, **counts: int) -> None:
        """Count requests and results for a key; `key` is its digest."""
        self._used[f"{at:%Y-%m}", key].update(counts)

    def sell(self, sales: list[Sale], charge: Mapping[str, Any]) -> Json:
        """Take the money, enter it in the books, and tell the usage."""
        amounts: dict[str, Decimal] = defaultdict(Decimal)
        counts: Counter[str] = Counter()
        total = Decimal(0)
        for sale in sales:
            group = GROUPS.get(sale.item, "")
            counts[group] += sale.count
            amount = self._amount(sale)
            amounts[group] += amount
            total += amount
            if amount:
                self.books.charge(Charge(person=sale.reference, kind="usd", amount=amount, **charge))
        self.balance += total if self.options.billing == "payg" else -total
        return self._usage(total, amounts, counts)

    def _amount(self, sale: Sale) -> Decimal:
        key = sale.item, sale.reference
        if not sale.count or (key in self._sold and not self.options.rebill):
            return Decimal(0)
        self._sold.add(key)
        return Decimal(str(self.options.price(sale.item))) * sale.count

    def _usage(self, total: Decimal, amounts: Mapping[str, Decimal], counts: Mapping[str, int]) -> Json:
        if self.options.usage == "none":
            return {}
        shown: Json = {"total_usd": float(total)}
        if self.options.usage == "full":
            groups = ("persons", "phones", "companies")
            shown |= {f"{group}_usd": float(amounts.get(group, 0)) for group in groups}
            shown |= {f"{group}_count": counts.get(group, 0) for group in groups}
        return {"usage": shown | {"balance_remaining_usd": float(self.balance)}}

    def report(self, month: date, key: str, master: bool) -> Json:
        """The account answer for a month, given by its first day. Its end is not part of it."""
        label = f"{month:%Y-%m}"
        end = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        span = {"start_date": month.isoformat(), "end_date": end.isoformat()}
        everything: Counter[str] = Counter()
        for (of, _), used in self._used.items():
            if of == label:
                everything.update(used)
        own = self._used.get((label, key), Counter())
        shown: Json = {
            "key_usage": span | {name: own[name] for name in COUNTERS},
            "account_usage": span | {name: everything[name] for name in COUNTERS},
            "balance_remaining_usd": float(self.balance),
        }
        prices = {name: self.options.price(item) for name, item in SHOWN_PRICES.items()}
        return shown | {"price": prices} if master else shown
