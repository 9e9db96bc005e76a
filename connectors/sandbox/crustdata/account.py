"""The account: its one pool of credits, what it has bought, and the log of its requests."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connectors.sandbox.books import Books, Charge
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.crustdata.refusals import out_of_credits

Json = dict[str, object]
Line = tuple[str, Decimal]
"""What a debit is for, and its credits."""
KEPT_EVENTS = 20_000


def plain_number(amount: Decimal) -> int | float:
    """The amount as JSON has it: whole where it is whole."""
    return int(amount) if amount == int(amount) else float(amount)


def decimal_text(amount: Decimal) -> str:
    """The amount as the headers have it."""
    return f"{amount.normalize():f}" if amount else "0"


@dataclass(slots=True)
class Event:
    """One request in the usage log."""

    id: str
    at: float
    endpoint: str
    method: str
    status: int
    key_number: int
    lines: Sequence[Line] = ()
    surface: str = "api"
    error: str = ""
    request: object = None
    response: object = None

    @property
    def used(self) -> Decimal:
        return sum((amount for _, amount in self.lines), Decimal(0))

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


@dataclass
class Account:
    """The balance, shared by all keys. `bought` holds (person, tier) of the contacts paid for."""

    balance: Decimal = Decimal(0)
    bought: set[tuple[int, str]] = field(default_factory=set)
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))

    def credits(self, knobs: Knobs, now: datetime) -> Json:
        """The answer to the question for the balance; the extra lists only where the knob says so."""
        month = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
        recurring = Decimal(str(knobs.recurring_credits))
        shown: Json = {
            "account": {
                "credits": plain_number(self.balance),
                "recurring_credits": plain_number(recurring),
                "recurring_credits_frequency": "monthly" if recurring else None,
                "recurring_credits_refresh_date": month.strftime("%Y-%m-%dT00:00:00Z") if recurring else None,
                "credit_rollover": False,
            }
        }
        if knobs.wallets:
            left = plain_number(self.balance)
            shown["wallets"] = [{"type": "recurring", "remaining": 0}, {"type": "topup", "remaining": left}]
            expiry = (now + timedelta(days=180)).strftime("%Y-%m-%dT00:00:00Z")
            shown["credit_topups"] = [
                {"origin": "purchase", "original": left, "remaining": left, "expiry": expiry}
            ]
        return shown


@dataclass(slots=True)
class Till:
    """Takes one request's credits and enters them in the books, a line for each thing bought."""

    account: Account
    books: Books
    knobs: Knobs
    at: float
    operation: str
    credential: str
    lines: list[Line] = field(default_factory=list)

    @property
    def used(self) -> Decimal:
        """What this request has cost so far."""
        return sum((amount for _, amount in self.lines), Decimal(0))

    def affords(self, worst: Decimal) -> bool:
        """Whether the balance allows a request of this price."""
        if worst <= 0:
            return True
        if self.knobs.credit_check == "empty":
            return self.account.balance > 0
        return self.account.balance >= worst

    def need(self, worst: Decimal) -> None:
        """Check that the balance allows a request of this price.

        Raises:
            Refused: it does not.
        """
        if not self.affords(worst):
            raise out_of_credits(self.knobs.credits_403)

    def take(self, person: str, lines: Iterable[Line]) -> None:
        """Debit what one person, search row or company costs."""
        for item, amount in lines:
            self.account.balance -= amount
            self.lines.append((item, amount))
            self.books.charge(
                Charge(person, "credit", amount, self.operation, self.at, self.credential, item)
            )
