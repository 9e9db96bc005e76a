"""What an operator wants done: the policy of one sync, and the judgements that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from syncd.model.records import Clause
from syncd.model.words import Field, Quality


class WriteMode(StrEnum):
    """When a property may be written. A person's value is protected in every mode."""

    FILL = "fill"
    """Only where it is blank."""
    REFRESH = "refresh"
    """Where it is blank, or holds a value that we wrote and nobody changed."""
    OVERWRITE = "overwrite"
    """Any value whose last author is known and is not a person."""
    PROPOSE = "propose"
    """Kept for a person's approval, not written."""


class Level(StrEnum):
    """How sure it is that an answer speaks of the contact."""

    STRONG = "strong"
    POSSIBLE = "possible"
    NONE = "none"

    def reaches(self, wanted: Level) -> bool:
        """Whether this is at least as sure as `wanted`."""
        order = (Level.NONE, Level.POSSIBLE, Level.STRONG)
        return order.index(self) >= order.index(wanted)


class JobChange(StrEnum):
    """What to do when a provider says that the person works elsewhere now."""

    FLAG = "flag"
    UPDATE = "update"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """What is wanted for one field. `accounts` are the providers that may be asked, in order."""

    field: Field
    to: str
    write: WriteMode = WriteMode.FILL
    accept: Quality | None = None
    accounts: tuple[str, ...] = ()
    stale_after_s: float | None = None
    group: str = ""
    protect_humans: bool = True


@dataclass(frozen=True, slots=True)
class Brakes:
    """Limits on the damage that one run can do before a person looks."""

    changed_share: float = 0.3
    same_value: int = 5
    canary: int = 25
    hit_rate: float = 0.7
    empty_crm: float = 0.5


@dataclass(frozen=True, slots=True)
class SyncPolicy:
    """One sync, resolved. `match` maps our key names to CRM properties."""

    name: str
    crm: str
    object: str
    match: Mapping[str, str]
    fields: tuple[FieldPolicy, ...]
    where: tuple[Clause, ...] = ()
    skip: tuple[Clause, ...] = ()
    accounts: tuple[str, ...] = ()
    cheapest: bool = False
    min_identity: Level = Level.STRONG
    job_change: JobChange = JobChange.FLAG
    brakes: Brakes = field(default_factory=Brakes)
    suppress: frozenset[str] = frozenset()
    """Addresses, domains and profile URLs, in their one spelling, that are never looked up."""
    inputs: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """The properties whose change makes a contact worth another look, in a fixed order."""
    wishes: str = field(init=False, repr=False, compare=False)
    """What is wanted, and what the properties mean: equal for equal ones, in whatever order they were given."""

    def __post_init__(self) -> None:
        clauses = (c.property for c in (*self.where, *self.skip))
        wanted = sorted(f"{f.field.value}>{f.to}" for f in self.fields)
        means = sorted(f"{name}<{held}" for name, held in self.match.items())
        object.__setattr__(self, "inputs", tuple(sorted({*self.match.values(), *clauses})))
        object.__setattr__(self, "wishes", "\x1e".join((*wanted, *means)))

    @property
    def targets(self) -> tuple[str, ...]:
        """The properties that may be written."""
        return tuple(f.to for f in self.fields)

    @property
    def properties(self) -> tuple[str, ...]:
        """Everything that is read of a record."""
        return tuple(sorted({*self.inputs, *self.targets}))


@dataclass(frozen=True, slots=True)
class Persona:
    """Whom the CRM means: what answers are compared with. Blank means not known.

    `region` is the two-letter country by which a national phone number is read.
    """

    full_name: str = ""
    first_name: str = ""
    last_name: str = ""
    title: str = ""
    employer: str = ""
    employer_domain: str = ""
    location: str = ""
    region: str = ""
    email: str = ""
    linkedin_url: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return "Persona(…)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer speaks of the contact. `penalties` are 0 (agrees) to 1 (contradicts), by name."""

    level: Level
    penalties: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    reason: str = ""
    identifiers: int = 0
    """Independent identifiers that agree; two are needed before anything is overwritten."""


@dataclass(frozen=True, slots=True)
class LastWrite:
    """The value that we last wrote to a property."""

    value: str
    at: datetime
    field: Field | None = None
    undone: bool = False
    """The value was put back by an operator who took ours away: it stays until somebody changes it."""
