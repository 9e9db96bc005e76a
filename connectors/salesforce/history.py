"""Who wrote a value last, by the history of the fields that the org tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.salesforce.errors import NO_OBJECT
from connectors.salesforce.ids import long_id
from connectors.salesforce.metadata import Described, Metadata
from connectors.salesforce.operations import HISTORY
from connectors.salesforce.query import Queries
from connectors.salesforce.shape import Record, instant, text
from connectors.salesforce.soql import fits, quoted, select
from syncd.connector import Failure, FailureKind
from syncd.model import Author, AuthorKind, Contact


class Authors:
    """Reads authors. `ours` is our own user, `programs` are users that the operator calls programs."""

    def __init__(self, queries: Queries, metadata: Metadata, ours: str, programs: Sequence[str]) -> None:
        self._queries = queries
        self._metadata = metadata
        self._ours = ours
        self._programs = frozenset(programs)

    def of(
        self, described: Described, contacts: Mapping[str, Contact], properties: Sequence[str]
    ) -> dict[str, dict[str, Author]]:
        """id → property → author. Properties that the org does not track, or that never changed, are left out."""
        tracked = [p for p in described.known(properties) if "." not in p]
        if not contacts or not tracked or not self._metadata.has_history(described.sobject):
            return {}
        found: dict[str, dict[str, Author]] = {}
        try:
            for row in self._rows(described.sobject, list(contacts), tracked):
                record_id, name = long_id(text(row.get(f"{described.sobject}Id"))), text(row.get("Field"))
                if record_id in contacts and name in tracked:
                    # Newest first: what is there already is newer.
                    of_record = found.setdefault(record_id, {})
                    of_record.setdefault(name, self._author(row, contacts[record_id], name))
        except Failure as failure:
            if failure.kind is not FailureKind.CONFIG:
                raise
            if failure.code == NO_OBJECT:
                self._metadata.history_refused(described.sobject)
            return {}
        return found

    def _rows(self, sobject: str, ids: Sequence[str], fields: Sequence[str]) -> Sequence[Record]:
        names = [f"{sobject}Id", "Field", "NewValue", "CreatedById", "CreatedDate"]
        of_records = f"{sobject}Id IN {quoted(ids)}"
        order = ["CreatedDate DESC", "Id DESC"]
        asked = select(names, f"{sobject}History", [of_records, f"Field IN {quoted(fields)}"], order)
        if not fits(asked):
            asked = select(names, f"{sobject}History", [of_records], order)
        return [row for page in self._queries.pages(asked, HISTORY, gone_too=False) for row in page.rows]

    def _author(self, row: Record, contact: Contact, name: str) -> Author:
        user = long_id(text(row.get("CreatedById")))
        kind = AuthorKind.PERSON
        if not user:
            kind = AuthorKind.UNKNOWN
        elif user == self._ours or user in self._programs:
            kind = AuthorKind.INTEGRATION
        left = row.get("NewValue")
        written = None if left is None else str(left)
        held = (contact.fields or {}).get(name)
        if kind is AuthorKind.INTEGRATION and written is not None and written != str(held):
            # Somebody wrote it while it was not tracked.
            kind = AuthorKind.UNKNOWN
        return Author(kind, user, instant(row.get("CreatedDate")), written)
