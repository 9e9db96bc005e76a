"""What goes over the counter: questions, calls that are to leave, calls on their way, calls that came back."""

from __future__ import annotations

import threading
from collections import deque
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


class Quay:
    """Where flights land. Whoever waits for several is woken once, by the last of them."""

    def __init__(self) -> None:
        self._landed: deque[Flight] = deque()
        self._enough = threading.Event()
        self._wanted = 1

    def put(self, flight: Flight) -> None:
        """From any thread."""
        self._landed.append(flight)
        if len(self._landed) >= self._wanted:
            self._enough.set()

    def wait(self, wanted: int, timeout_s: float) -> bool:
        """Until so many have landed, or the time is over; whether any has. One thread alone may wait."""
        self._enough.clear()
        self._wanted = wanted
        if len(self._landed) < wanted and timeout_s > 0:
            self._enough.wait(timeout_s)
        return bool(self._landed)

    def take(self, most: int) -> list[Flight]:
        """Those that landed first."""
        return [self._landed.popleft() for _ in range(min(most, len(self._landed)))]
