"""One request: what was asked, read and checked, and what it may use."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from connectors.sandbox.books import Books, Charge
from connectors.sandbox.contactout.account import Account
from connectors.sandbox.contactout.directory import Directory
from connectors.sandbox.contactout.knobs import Knobs

if TYPE_CHECKING:
    from connectors.sandbox.contactout.jobs import Jobs

Json = dict[str, object]
Debit = tuple[str, str]
"""A credit pool and the reference of whom a credit is used for."""

_ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")


class Refusal(Enum):
    """Why a request is not answered with data; the value is the vendor's text."""

    CREDENTIALS = "Bad credentials or invalid headers"
    INPUT = "Bad request or invalid input"
    CREDITS = "You're out of credits, please email your sales manager"
    ACCESS = "No access to endpoint"
    MISSING = "Not Found"


class Refused(Exception):
    """The request ends with a refusal. `detail` says more of bad input and never repeats it."""

    def __init__(self, why: Refusal, detail: str = "") -> None:
        super().__init__(why.name)
        self.why, self.detail = why, detail


def bad(detail: str) -> Refused:
    """The refusal of bad input."""
    return Refused(Refusal.INPUT, detail)


@dataclass(slots=True)
class Till:
    """Takes credits and enters them in the books."""

    account: Account
    books: Books
    knobs: Knobs
    period: str
    at: float
    operation: str
    credential: str

    def take(self, debits: list[Debit], request: bool = True) -> None:
        """One credit for each debit, all or none.

        Raises:
            OutOfCredits: a pool holds less than that.
        """
        self.account.take(Counter(pool for pool, _ in debits), self.period, self.knobs, request)
        for pool, person in debits:
            self.books.charge(Charge(person, pool, Decimal(1), self.operation, self.at, self.credential))


@dataclass(slots=True)
class Call:
    """A request that was let in. Readers raise Refused where the input is missing or bad."""

    till: Till
    directory: Directory
    jobs: Jobs
    knobs: Knobs
    now: datetime
    query: Mapping[str, str]
    body: Json
    path: Mapping[str, str]

    def need(self, *pools: str) -> None:
        """Check that each pool holds a credit, before anything is looked up.

        Raises:
            OutOfCredits: one is empty.
        """
        self.till.account.need(dict.fromkeys(pools, 1), self.till.period, self.knobs)

    async def verify_in_real_time(self) -> None:
        """Take as long as the real-time verification of a work address does."""
        if self.knobs.finder_ms:
            await asyncio.sleep(self.knobs.finder_ms / 1e3)

    def profile(self) -> str:
        """The profile URL of the query."""
        return profile_url(self.query.get("profile", ""))

    def address(self) -> str:
        """The e-mail address of the query."""
        return email_address(self.query.get("email", ""))

    def flag(self, name: str, default: bool = False) -> bool:
        """A switch of the query or the body."""
        value = self.body.get(name, self.query.get(name))
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        known = {"true": True, "1": True, "false": False, "0": False}
        if str(value).lower() not in known:
            raise bad(f"{name} is true or false")
        return known[str(value).lower()]

    def text(self, name: str) -> str:
        """A text of the body, blank where it is absent."""
        value = self.body.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise bad(f"{name} is a text")
        return value.strip()

    def number(self, name: str, default: int, lowest: int = 1) -> int:
        """A whole number of the query or the body."""
        value = self.body.get(name, self.query.get(name, default))
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,18}", str(value)) or int(str(value)) < lowest:
            raise bad(f"{name} is a whole number from {lowest}")
        return int(str(value))

    def texts(self, name: str, most: int | None = None, scalar: bool = False) -> list[str]:
        """A list of texts of the body, empty where it is absent. `scalar` takes a single text too."""
        value = self.body.get(name)
        if value is None:
            return []
        if scalar and isinstance(value, str):
            value = [value]
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise bad(f"{name} is an array of texts")
        if most is not None and len(value) > most:
            raise bad(f"{name} takes at most {most}")
        return [v.strip() for v in value if v.strip()]

    def required(self, name: str, most: int) -> list[str]:
        """A list of texts of the body that has to hold at least one."""
        values = self.texts(name, most)
        if not values:
            raise bad(f"{name} is required")
        return values


def profile_url(text: str) -> str:
    """The text, which is the URL of a public profile: begins with http, holds linkedin.com/in/ or /pub/.

    Raises:
        Refused: it is not, or it is one of Sales Navigator or Recruiter.
    """
    folded = text.strip().lower()
    public = "linkedin.com/in/" in folded or "linkedin.com/pub/" in folded
    if not folded.startswith("http") or not public or "/sales/" in folded or "/talent/" in folded:
        raise bad("a profile URL begins with http and contains linkedin.com/in/ or linkedin.com/pub/")
    return text.strip()


def email_address(text: str) -> str:
    """The text, which has the form of an e-mail address.

    Raises:
        Refused: it has not.
    """
    if not _ADDRESS.match(text.strip()):
        raise bad("email is an e-mail address")
    return text.strip()


def email_kinds(text: str | None) -> tuple[bool, bool, bool]:
    """Whether work and personal addresses are wanted, and whether the finder searches in real time.

    Raises:
        Refused: not a documented value; `both` is none.
    """
    kinds = set((text or "personal,work").replace(" ", "").split(","))
    if kinds == {"none"}:
        return False, False, False
    if not kinds <= {"personal", "work"}:
        raise bad("email_type is personal, work, personal,work or none")
    return "work" in kinds, "personal" in kinds, kinds == {"work"}
