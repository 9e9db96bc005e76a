"""Questions to providers and their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from syncd.model.keys import Key
from syncd.model.words import Field, Quality


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question to one provider operation. `ref` is ours; vendors that echo a field may carry it."""

    key: Key
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """One value that a provider returned. `as_of` is the day on which the vendor last saw it."""

    field: Field
    value: str
    quality: Quality = Quality.UNKNOWN
    as_of: datetime | None = None

    def __repr__(self) -> str:
        return f"Value({self.field.value}, {self.quality.value})"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider says the person is; what the match is judged by. Blank means not said."""

    full_name: str = ""
    first_name: str = ""
    last_name: str = ""
    title: str = ""
    employer: str = ""
    employer_domain: str = ""
    past_employers: tuple[str, ...] = ()
    past_domains: tuple[str, ...] = ()
    location: str = ""
    linkedin_url: str = ""
    emails: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Identity(…)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person (or company) that a provider offers as the answer.

    `available` says which fields the vendor holds without having handed them over (free checkers);
    `graded` gives the quality of a field's value where the vendor tells it apart from the value.
    """

    values: tuple[Value, ...] = ()
    identity: Identity = field(default_factory=Identity)
    provider_ref: str = ""
    similarity: float | None = None
    available: Mapping[Field, bool] = field(default_factory=lambda: MappingProxyType({}))
    graded: Mapping[Field, Quality] = field(default_factory=lambda: MappingProxyType({}))
    about_company: bool = False

    def __repr__(self) -> str:
        return f"Candidate({len(self.values)} values)"


class Basis(StrEnum):
    """Where a charge is known from."""

    REPORTED = "reported"
    """The vendor said it in the answer."""
    BY_RULE = "by_rule"
    """The vendor's published rule, applied to the answer."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Charge:
    """Credits per kind, as Decimal. Kinds that are absent were not charged."""

    amounts: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    basis: Basis = Basis.BY_RULE

    @classmethod
    def none(cls) -> Charge:
        """Proof that nothing was charged."""
        return cls()

    @classmethod
    def of(cls, basis: Basis = Basis.BY_RULE, **amounts: int | Decimal) -> Charge:
        """A charge by kind; zero amounts are left out."""
        return cls({k: Decimal(v) for k, v in amounts.items() if v}, basis)


@dataclass(frozen=True, slots=True)
class Found:
    """The provider knows somebody. Most likely candidate first."""

    candidates: tuple[Candidate, ...]
    charge: Charge


@dataclass(frozen=True, slots=True)
class NotFound:
    """The provider looked and knows nobody. A definite answer, unlike any failure."""

    charge: Charge = field(default_factory=Charge.none)


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider works on it. `handle` is opaque and durable; `after_s` is the vendor's own advice."""

    handle: str
    after_s: float | None = None
    charge: Charge | None = None
    """Set where the vendor charges at launch; the reservation is settled then."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """The vendor ended the job without saying found or not found. Never read as "not found".

    `charge` is None where nobody can tell whether it was charged.
    """

    reason: str
    charge: Charge | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """This one lookup was refused, the others of the call were not. `reason` holds no personal data."""

    reason: str
    charge: Charge = field(default_factory=Charge.none)


Outcome: TypeAlias = Found | NotFound | Pending | Unresolved | Refused


class Plan(StrEnum):
    """What a vendor's remaining figure means."""

    PREPAID = "prepaid"
    POSTPAID = "postpaid"
    """An allowance; the vendor may go on and bill the overage."""
    OWED = "owed"
    """The figure is a debt, not a balance."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Pool:
    """The vendor's own figure for one credit kind. `remaining` None means that the vendor does not say."""

    remaining: Decimal | None
    plan: Plan = Plan.UNKNOWN
    used: Decimal | None = None
    """The vendor's own count of use in the period, where it counts credits."""
    overage: Decimal | None = None
    may_exceed: bool = False
    """The operator lets the vendor go on past `remaining` and bill the overage; our caps hold all the same."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Every credit kind of one account. `period` is the vendor's month as YYYY-MM, where it has one."""

    pools: Mapping[str, Pool]
    period: str | None = None
    disabled: frozenset[str] = frozenset()
    """Operations to which the account has no access."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose account a credential opens."""

    id: str | None
    label: str = ""
    environment: str = ""
    notes: tuple[str, ...] = ()
    """Sentences an operator should read: a version near its end, a sandbox account."""
