"""What an account pays, and what an answer cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from connectors.waterfall_io.options import ConnectorOptions
from connectors.waterfall_io.shapes import amount, count, loose
from syncd.model import Basis, Charge

IGNORED = frozenset({"persons_usd", "phones_usd", "companies_usd", "balance_remaining_usd"})
"""Parts of a total, and a balance that is read where it is of the present moment."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Prices in USD. The defaults are the samples that the options describe."""

    contact: Decimal = Decimal("0.10")
    phone: Decimal = Decimal("0.50")
    company: Decimal = Decimal("0.10")
    verify: Decimal = Decimal("0.01")
    job_change: Decimal = Decimal("0.05")
    max_numbers: int = 3

    @property
    def numbers(self) -> Decimal:
        """What is set aside for one person's numbers."""
        return self.phone * self.max_numbers


def tariff_of(options: ConnectorOptions) -> Tariff:
    """The account's prices."""
    return Tariff(
        options.contact_usd,
        options.phone_usd,
        options.company_usd,
        options.verify_usd,
        options.job_change_usd,
        options.max_numbers,
    )


@dataclass(frozen=True, slots=True)
class Returned:
    """What an answer returned of all that is charged by the piece."""

    contacts: int = 0
    phones: int = 0
    companies: int = 0


def reported(output: Mapping[str, object]) -> Charge | None:
    """The charge that the answer states; None where it states none, as in the vendor's own sample."""
    total = amount(loose(output.get("usage")).get("total_usd"))
    return None if total is None else Charge.of(Basis.REPORTED, usd=total)


def charge(output: Mapping[str, object], tariff: Tariff, returned: Returned, fixed: Decimal) -> Charge:
    """What the answer cost: as stated, or else by the account's prices; `fixed` is due in any case.

    Where the vendor gives its own counts, these are taken in place of ours.
    """
    stated = reported(output)
    if stated is not None:
        return stated
    usage = loose(output.get("usage"))
    contacts = count(usage.get("persons_count"))
    phones = count(usage.get("phones_count"))
    companies = count(usage.get("companies_count"))
    total = (
        fixed
        + tariff.contact * (returned.contacts if contacts is None else contacts)
        + tariff.phone * (returned.phones if phones is None else phones)
        + tariff.company * (returned.companies if companies is None else companies)
    )
    return Charge.of(usd=total)
