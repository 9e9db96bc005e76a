"""The two contracts: what a CRM connector and a provider connector promise the core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from syncd.connector.declare import Limit, Operation
from syncd.connector.failure import Failure
from syncd.connector.wire import Answer, Wire
from syncd.model import (
    Account,
    Balance,
    Clause,
    Contact,
    FieldInfo,
    Lookup,
    Outcome,
    Page,
    Patch,
    WriteResult,
)


@dataclass(frozen=True, slots=True)
class Job:
    """A launched job: the handle from `Pending` and the lookups that it answers, in submitted order."""

    handle: str
    lookups: tuple[Lookup, ...]


class Provider(Protocol):
    """A data vendor. Stateless: built from its options, it may be shared by threads."""

    name: ClassVar[str]
    docs_url: ClassVar[str]
    credits: ClassVar[tuple[str, ...]]
    """Every credit kind; a kind without a budget in the configuration is never spent."""
    unreported: ClassVar[frozenset[str]]
    """Kinds for which the vendor has no balance figure at all: only our caps hold them."""
    limits: ClassVar[tuple[Limit, ...]]
    operations: ClassVar[tuple[Operation, ...]]
    default_base_url: ClassVar[str]

    def headers(self) -> Mapping[str, str]:
        """What authenticates a request. Read from the secret at each call, so that rotation works."""
        ...

    def check(self, wire: Wire) -> Account:
        """Whose account it is; costs nothing. Raises Failure of kind auth for a bad credential."""
        ...

    def balance(self, wire: Wire, now: datetime) -> Balance:
        """The vendor's own figures; costs nothing. What the vendor does not say is None, never 0."""
        ...

    def submit(self, wire: Wire, operation: Operation, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Ask. One request; outcomes in the order and number of the lookups.

        Raises:
            Failure: when the request as a whole gave no usable answer.
        """
        ...

    def poll(self, wire: Wire, operation: Operation, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """Ask for launched jobs: free and repeatable. One list per job, Pending for what is not ready."""
        ...

    def callback(self, wire: Wire, headers: Mapping[str, str], body: bytes) -> tuple[str, ...]:
        """The handles that a callback speaks of. It is only a wake-up; its content is never a result.

        The wire serves for reading the vendor's public keys, which may be kept as long as the vendor allows.

        Raises:
            Failure: of kind auth for a signature that is wrong, of kind contract for anything not understood.
        """
        ...

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read as one, "not found" included."""
        ...


class Crm(Protocol):
    """A CRM. No create, no delete, no merge. Built from its options and its wire."""

    name: ClassVar[str]
    docs_url: ClassVar[str]
    objects: ClassVar[tuple[str, ...]]
    limits: ClassVar[tuple[Limit, ...]]
    operations: ClassVar[tuple[Operation, ...]]
    default_base_url: ClassVar[str]
    read_batch: ClassVar[int]
    """How many ids `read` takes to one request, with authorship."""
    write_batch: ClassVar[int]
    authors_in_pull: ClassVar[bool]
    """Whether the authors of values are read with every new record; else only before a write."""
    lock_property: ClassVar[str]
    """The property by which records lock together when they are written, or ""."""

    def check(self) -> Account:
        """Whose account the credential opens."""
        ...

    def schema(self, object_name: str) -> Mapping[str, FieldInfo]:
        """Every property that the credential can see."""
        ...

    def now(self, object_name: str | None = None) -> datetime:
        """The CRM's clock, aware UTC: the far end of a window in which the object is read as changed.

        Without an object it holds for all of them.
        """
        ...

    def changed(
        self,
        object_name: str,
        since: datetime,
        until: datetime,
        properties: Sequence[str],
        where: Sequence[Clause],
        resume: str | None,
    ) -> Iterator[Page]:
        """Records changed from `since` to `until`, both inclusive. May repeat, never skips.

        `where` may be used to ask for less; the core checks it again. `resume` is the cursor of the last
        stored page of the same window.
        """
        ...

    def scan(
        self, object_name: str, properties: Sequence[str], resume: str | None, authorship: bool = False
    ) -> Iterator[Page]:
        """Every record, in the order of its id, for a first load or a census."""
        ...

    def read(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str], authorship: bool = False
    ) -> list[Contact]:
        """The records as the store has them now, in no particular order; ids that are gone are marked or absent."""
        ...

    def write(self, object_name: str, patches: Sequence[Patch]) -> list[WriteResult]:
        """Write changed properties by record id. Same order and length as the patches.

        Raises:
            Failure: when nothing can be said of any patch; those of a lost answer may have been written,
                and sending them again is harmless after a fresh read.
        """
        ...

    def api_calls_left(self) -> tuple[int, int] | None:
        """Calls left today and the daily allowance of the whole account, from the latest answer, or None."""
        ...

    def classify(self, operation: Operation, answer: Answer) -> Failure | None:
        """What an answer means, or None where it can be read as one."""
        ...
