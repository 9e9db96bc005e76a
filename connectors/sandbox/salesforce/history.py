"""Field history: for tracked fields, who changed what when. What a record was created with is not in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connectors.sandbox.salesforce.fields import kinds
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.moments import day, iso
from connectors.sandbox.salesforce.store import Author, Row, Store, Values

_KINDS = kinds()


class History:
    """The rows of ContactHistory and LeadHistory; those from before the start are made when asked for."""

    def __init__(self, store: Store, settings: Mapping[str, Any]) -> None:
        self._store, self._settings = store, settings
        self._rows: dict[str, list[Row]] = {}
        self._started: dict[str, list[Row]] = {}
        self._count = 0

    def rows(self, parent: str, ids: Iterable[str] | None) -> Iterator[Row]:
        """The history of these records of an object, or of all."""
        for number in list(self._store.rows[parent]) if ids is None else ids:
            row = self._store.rows[parent].get(number)
            if row is not None:
                yield from self._from_the_start(row)
                yield from self._rows.get(number, ())

    def note(self, row: Row, changes: Values, author: Author, at: int) -> None:
        """Remember the changes of tracked fields."""
        tracked = self._tracked(row.kind)
        if not tracked:
            return
        self._from_the_start(row)
        for name, value in changes.items():
            before = row.values.get(name)
            if name in tracked and value != before:
                self._rows.setdefault(row.id, []).append(
                    self._entry(row, name, before, value, author.user, at)
                )

    def created(self, row: Row) -> None:
        """Remember that a record came."""
        if self._tracked(row.kind):
            user, at = row.values["CreatedById"], row.values["CreatedDate"]
            self._started[row.id] = [self._entry(row, "created", None, None, user, at)]

    def mark(self) -> int:
        """A place to come back to."""
        return self._count

    def rewind(self, mark: int, ids: Iterable[str]) -> None:
        """Forget what was noted about these records since the mark."""
        newest = make("ContactHistory", mark)[3:15]
        for number in ids:
            kept = [e for e in self._rows.get(number, ()) if e.id[3:15] <= newest]
            if number in self._rows:
                self._rows[number] = kept

    def _from_the_start(self, row: Row) -> list[Row]:
        known = self._started.get(row.id)
        if known is not None:
            return known
        values, creator = row.values, row.values["CreatedById"]
        found = [self._entry(row, "created", None, None, creator, values["CreatedDate"])]
        tracked = self._tracked(row.kind)
        for name, author in row.born.items():
            if name in tracked and author.user != creator and values.get(name) not in (None, False):
                before = False if values[name] is True else None
                found.append(self._entry(row, name, before, values[name], author.user, row.first_at))
        self._started[row.id] = found
        return found

    def _tracked(self, kind: str) -> frozenset[str]:
        return frozenset(self._settings["tracked"].get(kind, ()))

    def _entry(self, row: Row, name: str, before: Any, after: Any, user: str, at: int) -> Row:
        self._count += 1
        kind = f"{row.kind}History"
        number = make(kind, self._count)
        known = _KINDS[row.kind.lower()].by_name.get(name.lower())
        values: Values = {
            "Id": number, "IsDeleted": False, f"{row.kind}Id": row.id, "CreatedById": user, "CreatedDate": at,
            "Field": name, "DataType": _DATA_TYPES.get(known.type if known else "", "Text"),
            "OldValue": _shown(known.type if known else "", before),
            "NewValue": _shown(known.type if known else "", after),
        }  # fmt: skip
        return Row(kind, number, {k: v for k, v in values.items() if v is not None})


_DATA_TYPES = {"boolean": "Boolean", "email": "Email", "phone": "Phone", "url": "Url", "datetime": "DateTime"}


def _shown(type_: str, value: Any) -> Any:
    if value is None:
        return None
    if type_ == "datetime":
        return iso(value)
    return day(value) if type_ == "date" else value
