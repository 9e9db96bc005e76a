"""The portal's contacts: values, who wrote each, and what became of the records that are gone."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from connectors.sandbox.books import credential_digest
from connectors.sandbox.hubspot.moments import DAY_MS, iso
from connectors.sandbox.hubspot.standard import FILLED_FROM, option_of
from connectors.sandbox.population import Record

RESTORABLE_MS = 90 * DAY_MS


class Source(NamedTuple):
    """Who wrote a value, in HubSpot's words and (`who`) in the sandbox's own."""

    type: str
    id: str
    user: int | None
    who: str


class Entry(NamedTuple):
    """One value that a property has had."""

    value: str
    at_ms: int
    source: Source


class Held:
    """The values of a record. `values` is replaced, never changed, so that an older picture can be kept."""

    __slots__ = ("created_ms", "finer_ms", "id", "modified_ms", "revision", "values")

    def __init__(self, number: int, values: dict[str, str], created_ms: int, modified_ms: int) -> None:
        self.id, self.values = number, values
        self.created_ms, self.modified_ms = created_ms, modified_ms
        self.finer_ms = 0.0
        self.revision = 0

    def shown(self, name: str) -> str | None:
        """The value as the API gives it; None where there is none."""
        derived = _DERIVED.get(name)
        return (derived(self) if derived else self.values.get(name)) or None


class Contact(Held):
    """One record and its history."""

    __slots__ = ("archived_ms", "authors", "first_ms", "history")

    def __init__(self, number: int, values: dict[str, str], created_ms: int, modified_ms: int) -> None:
        super().__init__(number, values, created_ms, modified_ms)
        self.first_ms = modified_ms
        self.archived_ms: int | None = None
        self.authors: Mapping[str, str] = {}
        self.history: dict[str, list[Entry]] = {}

    def entries(self, name: str) -> list[Entry]:
        """What the property has been, oldest first."""
        told = self.history.get(name)
        if told is not None:
            return told
        value = self.values.get(name, "")
        if not value:
            return []
        source = first_source(self.authors.get(name, ""), self.id)
        return [Entry(value, self.first_ms if source.who == "person" else self.created_ms, source)]

    def enter(self, name: str, entry: Entry) -> None:
        """Set the property and remember who did."""
        self.history[name] = [*self.entries(name), entry]
        self.values = {**self.values, name: entry.value}

    @property
    def emails(self) -> list[str]:
        """Every address of the record in lower case, the primary one first."""
        also = self.values.get("hs_additional_emails", "").split(";")
        return [e.lower() for e in (self.values.get("email", ""), *also) if e]


def first_source(author: str, number: int) -> Source:
    """The source of a value that was there from the start."""
    match author:
        case "person":
            user = 100 + number % 7
            return Source("CRM_UI", f"userId:{user}", user, "person")
        case "form":
            return Source("FORM", f"9f1c0000-0000-4000-8000-{number % 5:012d}", None, "form")
        case _:
            return Source("IMPORT", str(40_000_000 + number % 3), 100, "import")


def _digits(contact: Held, name: str) -> str:
    """The number without its country code, as searches by phone see it; roughly."""
    digits = "".join(c for c in contact.values.get(name, "") if c.isdigit()).lstrip("0")
    return digits[-10:]


_DERIVED: dict[str, Callable[[Held], str]] = {
    "hs_object_id": lambda c: str(c.id),
    "createdate": lambda c: iso(c.created_ms),
    "lastmodifieddate": lambda c: iso(c.modified_ms),
    "hs_email_domain": lambda c: c.values.get("email", "").rpartition("@")[2].lower(),
    "hs_searchable_calculated_phone_number": lambda c: _digits(c, "phone"),
    "hs_searchable_calculated_mobile_number": lambda c: _digits(c, "mobilephone"),
}


class Store:
    """Every contact of the portal."""

    def __init__(self) -> None:
        self.contacts: dict[int, Contact] = {}
        self.merged: dict[int, int] = {}
        self.blocked: set[str] = set()
        self.unique: dict[str, dict[str, int]] = {}
        self._order: list[int] = []
        self._highest = 1_000_000
        self._by_email: dict[str, int] = {}

    def load(self, records: Iterable[Record], now_ms: int) -> None:
        """Take what the population says the CRM holds. Times to come are cut back to now.

        Record ids that are no numbers, as in an export of Salesforce, are replaced. Two records with one
        e-mail address stay as they are; the first is the one that is found by it.
        """
        spare = 9_000_000_001
        for record in records:
            number = int(record.id) if record.id.isdecimal() else 0
            if not number or number in self.contacts:
                number, spare = spare, spare + 1
            filled = {FILLED_FROM[n]: v for n, v in record.values.items() if v and n in FILLED_FROM}
            values = {name: option_of(name, value) for name, value in filled.items()}
            created = min(int(record.created_at * 1000), now_ms)
            contact = Contact(number, values, created, min(int(record.modified_at * 1000), now_ms))
            contact.authors = {FILLED_FROM[n]: a for n, a in record.authors.items() if n in FILLED_FROM}
            self.contacts[number] = contact
            self._order.append(number)
            if "email" in values:
                self._by_email.setdefault(values["email"].lower(), number)
        self._order.sort()
        self._highest = max(self._highest, *self._order[-1:], 0)

    def add(self, contact: Contact) -> None:
        """Take a new record, whose id is free."""
        self.contacts[contact.id] = contact
        insort(self._order, contact.id)
        self._highest = max(self._highest, contact.id)
        self.claim(contact)

    def next_id(self) -> int:
        """An id that no record has had."""
        return self._highest + 1

    def get(self, number: str, now_ms: int, archived: bool = False) -> Contact | None:
        """The record of this very id, living or in the recycle bin; None where there is none."""
        contact = self.contacts.get(int(number)) if number.isdecimal() and len(number) < 19 else None
        if contact is None or (contact.archived_ms is not None) != archived:
            return None
        if contact.archived_ms is not None and now_ms - contact.archived_ms > RESTORABLE_MS:
            return None
        return contact

    def survivor(self, number: str, now_ms: int) -> Contact | None:
        """The living record of an id, also of one that was merged away."""
        at = int(number) if number.isdecimal() and len(number) < 19 else 0
        while at in self.merged:
            at = self.merged[at]
        return self.get(str(at), now_ms)

    def owner_of(self, email: str) -> int | None:
        """The id of the living record that has the address, be it an additional one."""
        return self._by_email.get(email.lower())

    def owner(self, name: str, value: str) -> int | None:
        """The id of the living record that has the value of a unique property."""
        return self.owner_of(value) if name == "email" else self.unique.get(name, {}).get(value)

    def is_blocked(self, email: str) -> bool:
        """Whether the address was deleted for good on its owner's demand."""
        return credential_digest(email.lower()) in self.blocked

    def block(self, email: str) -> None:
        """Refuse the address from now on; only its digest is kept."""
        self.blocked.add(credential_digest(email.lower()))

    def release(self, contact: Contact) -> None:
        """Let go of the addresses and unique values of a record, before it changes or goes."""
        for email in contact.emails:
            if self._by_email.get(email) == contact.id:
                del self._by_email[email]
        for name, owners in self.unique.items():
            value = contact.values.get(name, "")
            if owners.get(value) == contact.id:
                del owners[value]

    def claim(self, contact: Contact) -> None:
        """Take the addresses and unique values of a record, after it changed or came."""
        for email in contact.emails:
            self._by_email.setdefault(email, contact.id)
        for name, owners in self.unique.items():
            if contact.values.get(name):
                owners.setdefault(contact.values[name], contact.id)

    def remove(self, contact: Contact) -> None:
        """Forget a record for good."""
        self.release(contact)
        del self.contacts[contact.id]
        del self._order[bisect_left(self._order, contact.id)]

    def page(self, after: int, limit: int, archived: bool, now_ms: int) -> tuple[list[Contact], int | None]:
        """Records from id `after` on, in the order of ids, and the id with which the next page begins."""
        found: list[Contact] = []
        for number in self._order[bisect_left(self._order, after) :]:
            contact = self.get(str(number), now_ms, archived)
            if contact is None:
                continue
            if len(found) == limit:
                return found, number
            found.append(contact)
        return found, None

    def living(self) -> Iterator[Contact]:
        """Every record that is not in the recycle bin, in the order of ids."""
        return (c for n in self._order if (c := self.contacts[n]).archived_ms is None)
