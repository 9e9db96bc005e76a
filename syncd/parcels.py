"""What goes over the counter: questions, calls that are to leave, calls on their way, calls that came back."""

from __future__ import annotations

from dataclasses import dataclass

from syncd.accounts import ProviderAccount
from syncd.connector import Failure, Operation
from syncd.desk import Desk
from syncd.ledger import Booked
from syncd.model import Outcome
from syncd.settle import Fate
from syncd.waterfall import Ask


@dataclass
class Parcel:
    """One question of one contact."""

    desk: Desk
    ask: Ask
    digest: str
    epoch: int = 0
    """Above 0 where the question is put again because an earlier answer is too old."""


@dataclass
class Flight:
    """A booked call on its way. `result` is what came back."""

    account: ProviderAccount
    operation: Operation
    parcels: list[Parcel]
    booked: Booked
    due: float
    result: list[Outcome] | Failure | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """Calls of one operation that are to leave now, each with the moment of its slot."""

    account: ProviderAccount
    operation: Operation
    groups: list[list[Parcel]]
    dues: list[float]


@dataclass(frozen=True, slots=True)
class Landing:
    """A call that is settled, and what its contacts are to do now."""

    flight: Flight
    fate: Fate

    @property
    def failure(self) -> Failure | None:
        return self.flight.result if isinstance(self.flight.result, Failure) else None
