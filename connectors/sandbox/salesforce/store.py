"""The org's records and who wrote each value."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connectors.sandbox.salesforce.fields import OBJECTS, WRITABLE
from connectors.sandbox.salesforce.ids import long
from connectors.sandbox.settings import BadSetting, known_keys, number, record, switch, text

Values = dict[str, Any]
BIN_S = 15 * 86_400


class Author(NamedTuple):
    """Who wrote a value: in the sandbox's words, and the user that the org names."""

    who: str
    user: str


class Row:
    """One record. `values` is replaced, never changed, so that an older picture can be kept.

    Instants in it are whole seconds since the epoch, dates are days; what is blank is left out.
    `born` says who wrote the values from the start, `authors` who wrote them since.
    """

    __slots__ = ("approval", "authors", "born", "deleted_at", "first_at", "id", "kind", "purged", "values")

    def __init__(
        self, kind: str, number_: str, values: Values, born: Mapping[str, Author] | None = None
    ) -> None:
        self.kind, self.id, self.values = kind, number_, values
        self.born: Mapping[str, Author] = born or {}
        self.authors: dict[str, Author] = {}
        self.deleted_at: int | None = None
        self.first_at: int = values.get("LastModifiedDate", 0)
        self.approval = self.purged = False

    def author(self, name: str) -> Author | None:
        """Who wrote what the field holds, be it a blank; None where nobody has."""
        return self.authors.get(name) or self.born.get(name)


class Store:
    """Every record by object and id."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in OBJECTS}
        self.by_email: dict[str, set[str]] = {}

    def add(self, row: Row) -> None:
        self.rows[row.kind][row.id] = row

    def get(self, kind: str, number_: str) -> Row | None:
        """The record of an id of 15 or 18 characters, deleted ones too; None where there is none."""
        full = long(number_)
        return self.rows[kind].get(full) if full else None

    def anywhere(self, number_: str) -> Row | None:
        """The record of an id, whichever object it is of."""
        full = long(number_)
        if full is None:
            return None
        return next((rows[full] for rows in self.rows.values() if full in rows), None)

    def living(self, kind: str) -> Iterator[Row]:
        """The records that are not deleted."""
        return (r for r in self.rows[kind].values() if r.deleted_at is None)


@dataclass(frozen=True)
class User:
    """Somebody who may log in. `hidden` and `frozen` name fields by object that the user cannot see or write.

    `rows` is the share of people's records that sharing lets the user see; `blind` names further ones that
    it does not; `unwritable` ones that are visible but not the user's to change.
    """

    name: str
    id: str
    username: str
    language: str = "en_US"
    view_setup: bool = True
    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    frozen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rows: float = 1.0
    blind: frozenset[str] = frozenset()
    unwritable: frozenset[str] = frozenset()

    @property
    def sees_all(self) -> bool:
        """Whether sharing keeps nothing from the user."""
        return self.rows >= 1 and not self.blind

    def may_see(self, row: Row) -> bool:
        if row.kind not in WRITABLE:
            return True
        return row.id not in self.blind and (self.rows >= 1 or share(row.id) < self.rows)

    def may_read(self, kind: str, name: str) -> bool:
        return name not in self.hidden.get(kind, ())


def share(number_: str) -> float:
    """A number in [0, 1) that belongs to an id."""
    return int.from_bytes(hashlib.blake2b(number_.encode(), digest_size=4).digest(), "big") / (1 << 32)


_KEYS = ("id", "username", "language", "view_setup", "hidden", "frozen", "rows", "blind", "unwritable")


def user_of(name: str, given: object) -> User:
    """A user from its knob.

    Raises:
        BadSetting: it is not understood.
    """
    data = record(given, "a user")
    known_keys(data, _KEYS, "a user")
    username = text(data.get("username", f"{name}@sandbox.example"), "username")
    return User(
        name,
        _id(data.get("id")),
        username,
        text(data.get("language", "en_US"), "language"),
        switch(data.get("view_setup", True), "view_setup"),
        _fields(data.get("hidden", {}), "hidden"),
        _fields(data.get("frozen", {}), "frozen"),
        number(data.get("rows", 1.0), "rows", 0, 1),
        _ids(data.get("blind", []), "blind"),
        _ids(data.get("unwritable", []), "unwritable"),
    )


def _id(given: object) -> str:
    found = long(text(given, "a user's id"))
    if found is None:
        raise BadSetting("a user's id is a Salesforce id of 15 or 18 characters")
    return found


def _ids(given: object, what: str) -> frozenset[str]:
    if not isinstance(given, list):
        raise BadSetting(f"{what} is a list of ids")
    return frozenset(_id(one) for one in given)


def _fields(given: object, what: str) -> dict[str, frozenset[str]]:
    found = {}
    for kind, names in record(given, what).items():
        if kind not in OBJECTS or not isinstance(names, list):
            raise BadSetting(f"{what} gives a list of fields for objects such as Contact")
        unknown = {str(n) for n in names} - {f.name for f in OBJECTS[kind]}
        if unknown:
            raise BadSetting(f"{kind} has no field {', '.join(sorted(unknown))}")
        found[kind] = frozenset(names)
    return found
