"""What a connector declares as data: limits, prices, operations, options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from syncd.model import Field, KeyKind, Quality


class Options(BaseModel):
    """What the configuration says to one connector. Descriptions feed the schema, example and docs."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    property_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """A CRM's own names of its usual properties, by our word (a field or a match key), for examples."""
    shown: ClassVar[frozenset[str]] = frozenset()
    """Options that an example gives although they may be left out, such as one of two ways to log in."""


USUAL = 8
"""Requests under way at once, where a vendor says nothing of it: enough for most limits and answers of a second."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A vendor's documented limit: `count` requests per `per_s` seconds, shared by one credential."""

    bucket: str
    count: int
    per_s: float
    concurrency: int = USUAL


class Replay(StrEnum):
    """What may be done when the answer to a request was lost."""

    FREE = "free"
    """Costs nothing: repeat."""
    KEYED = "keyed"
    """The vendor does not charge the same key again within `Operation.free_repeat_s`."""
    RESUMABLE = "resumable"
    """The job can be found again."""
    METERED = "metered"
    """A usage counter tells whether it was charged."""
    OPAQUE = "opaque"
    """Nobody can tell: counted as spent, never repeated by itself."""


class Mode(StrEnum):
    """Whether the answer comes with the request or has to be polled for."""

    DIRECT = "direct"
    JOB = "job"


class On(StrEnum):
    """What makes a price fall due."""

    LAUNCH = "launch"
    """Sending is enough, found or not."""
    MATCH = "match"
    """A record is returned."""
    FIELDS = "fields"
    """Any of the price's fields is returned."""
    BLANK = "blank"
    """None of the price's fields is returned, be it for lack of a match."""


@dataclass(frozen=True, slots=True)
class Price:
    """What one lookup may cost in one credit kind. `amount` is the most it can be."""

    kind: str
    amount: Decimal
    on: On
    fields: frozenset[Field] = frozenset()


@dataclass(frozen=True, slots=True)
class Poll:
    """When a job is asked for: after each of `steps`, then after `first_s` and ever slower up to `max_s`.

    `batch` jobs can be asked for in one request. Giving up, `deadline_s` after the launch, means that the
    outcome is unknown.
    """

    first_s: float
    factor: float = 1.5
    max_s: float = 60.0
    deadline_s: float = 86_400.0
    batch: int = 1
    steps: tuple[float, ...] = ()

    def wait_s(self, polls: int) -> float:
        """Seconds to wait before the next request, after `polls` of them."""
        if polls < len(self.steps):
            return self.steps[polls]
        later = min(polls - len(self.steps), 60)
        return float(min(self.max_s, self.first_s * self.factor**later))


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One way to ask a vendor, as data, equal to itself alone. An endpoint with other switches is another operation.

    `returns` gives, per field, the best quality that the operation can vouch for. `gates` are fields
    whose availability it tells for free. `verifies` are fields whose values it grades.
    """

    name: str
    bucket: str = "default"
    accepts: frozenset[KeyKind] = frozenset()
    returns: Mapping[Field, Quality] = field(default_factory=lambda: MappingProxyType({}))
    prices: tuple[Price, ...] = ()
    batch: int = 1
    mode: Mode = Mode.DIRECT
    poll: Poll | None = None
    replay: Replay = Replay.FREE
    free_repeat_s: float = 0.0
    timeout_s: float = 30.0
    gates: frozenset[Field] = frozenset()
    verifies: frozenset[Field] = frozenset()
    identifies: bool = False
    """The answer says who the person is, well enough to judge the match."""
    backfill_only: bool = False
    """Used only when many contacts wait for it and the configuration allows it."""
    callback: bool = False
    """The vendor calls `callback_url` when the job has ended."""

    max_charge: Mapping[str, Decimal] = field(init=False, compare=False)
    """The most that one lookup can cost, by kind: what is reserved for it."""

    def __post_init__(self) -> None:
        worst: dict[str, Decimal] = {}
        for price in self.prices:
            worst[price.kind] = worst.get(price.kind, Decimal(0)) + price.amount
        object.__setattr__(self, "max_charge", MappingProxyType(worst))

    @property
    def free(self) -> bool:
        return not self.prices
