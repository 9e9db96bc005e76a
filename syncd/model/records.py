"""CRM records, who wrote them, and what is written to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
"""What a CRM property can hold. HubSpot only ever sends strings and None."""


class AuthorKind(StrEnum):
    """Who wrote a property's present value."""

    PERSON = "person"
    INTEGRATION = "integration"
    IMPORT = "import"
    AUTOMATION = "automation"
    VENDOR = "vendor"
    """The CRM itself: calculation, merge, its own enrichment."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Author:
    """The last writer of one property. `source` names the writer within its kind (app id, user id)."""

    kind: AuthorKind
    source: str = ""
    at: datetime | None = None
    value: str | None = None
    """The value as this author left it."""

    @property
    def label(self) -> str:
        """For people: `person 123`, `integration 4711`."""
        return f"{self.kind.value} {self.source}".strip()


@dataclass(frozen=True, slots=True)
class Contact:
    """One CRM record. `fields` None means that only id and version are known and a read must follow.

    `version` is opaque: equal versions mean equal records. `gone` marks a deleted, merged or converted
    record; `merged_into` names the survivor where the CRM tells it.
    """

    id: str
    version: str | None = None
    updated_at: datetime | None = None
    fields: Mapping[str, Scalar] | None = None
    authors: Mapping[str, Author] = field(default_factory=lambda: MappingProxyType({}))
    gone: bool = False
    merged_into: str | None = None
    authors_read: bool = False
    """Whether `authors` was asked for: only then does a missing author mean that there is none."""

    def __repr__(self) -> str:
        return f"Contact({self.id})"


@dataclass(frozen=True, slots=True)
class Page:
    """Records in the connector's order, and the cursor from which reading goes on after them.

    `cursor` is opaque text of the connector, to be stored in the transaction that stores the records;
    it belongs to the window or scan in progress.
    """

    contacts: tuple[Contact, ...]
    cursor: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition on a property. `op` is one of in, not_in, present, absent, equals, not_equals."""

    property: str
    op: str
    values: tuple[str, ...] = ()

    def holds(self, fields: Mapping[str, Scalar]) -> bool:
        """Whether a record fulfils it; text is compared without regard to case and outer blanks."""
        raw = fields.get(self.property)
        text = "" if raw is None else _flat(raw)
        wanted = {_flat(v) for v in self.values}
        match self.op:
            case "present":
                return bool(text)
            case "absent":
                return not text
            case "in" | "equals":
                return text in wanted
            case _:
                return text not in wanted


def _flat(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().casefold()


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One CRM property as the account defines it. `max_length` counts characters."""

    name: str
    type: str
    writable: bool
    label: str = ""
    max_length: int | None = None
    options: frozenset[str] | None = None
    """The values an enumeration allows, or None where any value is."""
    why_read_only: str = ""


@dataclass(frozen=True, slots=True)
class Patch:
    """What to write to one record: changed properties only. `key` is unique per attempt to write."""

    id: str
    changes: Mapping[str, str]
    key: str
    version: str | None = None
    """The record's version when it was compared, for CRMs that can write on that condition."""
    group: str = ""
    """Records that lock together (a Salesforce account); sorted by it, locks collide less."""

    def __repr__(self) -> str:
        return f"Patch({self.id}, {sorted(self.changes)})"


@dataclass(frozen=True, slots=True)
class Written:
    """The record after the write, as the CRM returned it; `fields` None where it returned nothing."""

    id: str
    version: str | None = None
    fields: Mapping[str, Scalar] | None = None
    request_id: str = ""
    """The vendor's name of the request, by which its support finds it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody changed the record between our read and the write. Nothing was written."""

    id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The CRM refused this record. `property` None means the record as a whole.

    `code` is the vendor's machine-readable code, never its message.
    """

    id: str
    code: str
    property: str | None = None
    gone: bool = False
    retry: bool = False
    """The refusal is temporary (a lock): the same patch may be sent again later."""
    request_id: str = ""


WriteResult: TypeAlias = Written | Conflict | Rejected
