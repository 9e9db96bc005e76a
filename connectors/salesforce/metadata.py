"""The objects as the user may see them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from connectors.salesforce.operations import DESCRIBE, OBJECTS
from connectors.salesforce.options import ConnectorOptions
from connectors.salesforce.shape import Record, record, records, text
from connectors.salesforce.transport import Transport
from syncd.connector import Failure, FailureKind
from syncd.model import FieldInfo

CONSENT = ("HasOptedOutOfEmail", "DoNotCall")
_PARENTS = {"Account": "AccountId", "Individual": "IndividualId"}
"""Records that a contact or lead belongs to, whose fields may be read with it, and the reference to them."""
_TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox", "encryptedstring"})
_COMPOUND = frozenset({"address", "location"})
_PARENT_KEEPS_S = 3_600.0
"""Fields of parents are only read: one that is gone fails its query, and is described anew then."""


@dataclass(frozen=True, slots=True)
class Described:
    """One object: its fields, those of its account and individual by a dot, and what may be filtered by."""

    sobject: str
    fields: Mapping[str, FieldInfo]
    filterable: frozenset[str]

    def known(self, properties: Iterable[str]) -> list[str]:
        """Those that the user can see, each once. One unknown name would fail a whole query."""
        return [name for name in dict.fromkeys(properties) if name in self.fields]

    def is_compound(self, name: str) -> bool:
        return name in self.fields and self.fields[name].type in _COMPOUND


class Metadata:
    """Descriptions, kept for queries until `again` reads them anew."""

    def __init__(
        self, transport: Transport, options: ConnectorOptions, monotonic: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._options = options
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, Described] = {}
        self._parents: dict[str, tuple[list[Record], float]] = {}
        self._without_history: set[str] = set()

    def of(self, object_name: str) -> Described:
        """The latest description; the first use reads it."""
        with self._lock:
            kept = self._kept.get(object_name)
        return kept or self.again(object_name)

    def fresh(self, object_name: str) -> Described:
        """The description as it is now, with that of every parent.

        Raises:
            Failure: of kind config, where fields of consent are hidden and the configuration minds.
        """
        with self._lock:
            self._parents.clear()
        return self.again(object_name)

    def again(self, object_name: str) -> Described:
        """The description as it is now; those of parents may be an hour old.

        Raises:
            Failure: of kind config, where fields of consent are hidden and the configuration minds.
        """
        # Rights change without a change of metadata: If-Modified-Since would not tell.
        sobject = OBJECTS[object_name]
        rows = self._describe(sobject)
        self._mind_consent(sobject, rows)
        fields = {name: info for row in rows if (name := (info := _field_info(row)).name)}
        filterable = {text(row.get("name")) for row in rows if row.get("filterable") is True}
        for parent, reference in _PARENTS.items():
            if reference in fields:
                for row in self._parent(parent):
                    info = _field_info(row, f"it is a field of the {parent.lower()}")
                    if info.name and info.type not in _COMPOUND:
                        fields[f"{parent}.{info.name}"] = replace(info, name=f"{parent}.{info.name}")
        found = Described(sobject, fields, frozenset(filterable))
        with self._lock:
            self._kept[object_name] = found
            self._without_history.discard(sobject)
        return found

    def has_history(self, sobject: str) -> bool:
        """Whether its history is worth a question: no since it was refused, until the object is described anew."""
        with self._lock:
            return sobject not in self._without_history

    def history_refused(self, sobject: str) -> None:
        """The org tracks nothing of the object, or the user may not see it."""
        with self._lock:
            self._without_history.add(sobject)

    def _describe(self, sobject: str) -> list[Record]:
        body = record(self._transport.org.restful(f"sobjects/{sobject}/describe", operation=DESCRIBE))
        rows = records(body.get("fields"))
        if not rows:
            raise Failure(FailureKind.CONTRACT, "the description has no fields")
        return rows

    def _parent(self, sobject: str) -> list[Record]:
        with self._lock:
            kept = self._parents.get(sobject)
        if kept is not None and self._monotonic() - kept[1] < _PARENT_KEEPS_S:
            return kept[0]
        try:
            rows = self._describe(sobject)
        except Failure as failure:
            if failure.kind is not FailureKind.CONFIG:
                raise
            rows = []  # hidden from the user
        with self._lock:
            self._parents[sobject] = (rows, self._monotonic())
        return rows

    def _mind_consent(self, sobject: str, rows: Iterable[Record]) -> None:
        if self._options.consent_fields == "unavailable_ok":
            return
        seen = {text(row.get("name")) for row in rows}
        hidden = [name for name in CONSENT if name not in seen]
        if hidden:
            raise Failure(
                FailureKind.CONFIG,
                f"{' and '.join(hidden)} of {sobject} are hidden from the user, so nobody's refusal would be "
                "seen: grant read access to them (Setup, Object Manager, Field-Level Security), or write "
                "consent_fields: unavailable_ok",
            )


def _field_info(row: Record, always_read_only: str = "") -> FieldInfo:
    kind, length = text(row.get("type")), row.get("length")
    why = always_read_only or _why_read_only(row, kind)
    bounded = kind in _TEXTS and isinstance(length, int) and length > 0
    return FieldInfo(
        name=text(row.get("name")),
        type=kind,
        writable=not why,
        label=text(row.get("label")),
        max_length=length if bounded and isinstance(length, int) else None,
        options=_options(row) if kind == "picklist" and row.get("restrictedPicklist") is True else None,
        why_read_only=why,
    )


def _options(row: Record) -> frozenset[str]:
    active = (v for v in records(row.get("picklistValues")) if v.get("active") is True)
    return frozenset(text(v.get("value")) for v in active)


def _why_read_only(row: Record, kind: str) -> str:
    if row.get("updateable") is True:
        return ""
    if row.get("calculated") is True:
        return "Salesforce calculates it"
    if row.get("autoNumber") is True:
        return "Salesforce numbers it"
    if kind in _COMPOUND or text(row.get("compoundFieldName")) == row.get("name"):
        return "it is made of other fields: write those"
    if row.get("createable") is True:
        return "it is set when a record is created, or our user may not edit it"
    return "Salesforce maintains it, or our user may not edit it"
