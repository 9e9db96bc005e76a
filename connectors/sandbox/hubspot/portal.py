"""The portal behind the routes: its contacts, its properties, its search index, and how a write happens."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.sandbox.books import Books, Write
from connectors.sandbox.clock import Clock
from connectors.sandbox.hubspot.catalogue import Catalogue
from connectors.sandbox.hubspot.index import Index, delay_of
from connectors.sandbox.hubspot.moments import iso
from connectors.sandbox.hubspot.store import Contact, Entry, Source, Store
from connectors.sandbox.population import Population

CALCULATED = Source("CALCULATED", "CalculatedPropertyComputer", None, "calculation")
MERGE_KEEPS_APART = ("hs_merged_object_ids", "hs_additional_emails")
MERGED = Source("MERGE_CONTACTS", "merge", None, "merge")


class Portal:
    """One HubSpot account. `settings` are the server's knobs, read at the moment of use."""

    def __init__(
        self, population: Population, clock: Clock, books: Books, settings: Mapping[str, Any]
    ) -> None:
        self.clock, self.books, self.settings = clock, books, settings
        self.dice = random.Random(population.seed)
        self.catalogue = Catalogue(iso(1_735_689_600_000))
        self.store = Store()
        self.store.load(population.records, self.now_ms())
        self.index = Index(self.store.living(), population.seed, settings["finer_stamps"])

    def now_ms(self) -> int:
        """Milliseconds of the sandbox's clock."""
        return int(self.clock.time() * 1000)

    def correlation(self) -> str:
        """An id such as each answer carries."""
        text = f"{self.dice.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def changed(self, contacts: Iterable[Contact]) -> None:
        """Let the index know of records that came or changed."""
        told = list(contacts)
        for contact in told:
            contact.revision += 1
        self.index.note(told, self.now_ms(), delay_of(self.settings))

    def add(self, values: dict[str, str], source: Source) -> Contact:
        """A new record of checked values."""
        now = self.now_ms()
        contact = Contact(self.store.next_id(), {}, now, now)
        for name, value in values.items():
            if value:
                contact.enter(name, Entry(value, now, source))
        self.store.add(contact)
        self.changed([contact])
        return contact

    def set(
        self, contact: Contact, values: Mapping[str, str], source: Source, at_ms: int | None = None
    ) -> None:
        """Write checked values. What an equal one does is a knob: nothing, a new date, or an entry too.

        The date of the record is now and up to some hundred milliseconds after the history's; [R].
        """
        now = self.now_ms() if at_ms is None else at_ms
        equal = self.settings["same_value"]
        touched = False
        self.store.release(contact)
        for name, value in values.items():
            same = contact.values.get(name, "") == value
            if not same or equal == "history":
                entries = contact.entries(name)
                stamp = now - self.dice.randrange(300)
                contact.enter(name, Entry(value, max(stamp, entries[-1].at_ms if entries else 0), source))
            touched |= not same or equal != "no_op"
        self.store.claim(contact)
        if touched:
            contact.modified_ms = now
            self.changed([contact])

    def account_for(self, contact: Contact, values: Mapping[str, str], source: Source) -> None:
        """Enter what an API write is about to do in the books."""
        at = self.clock.time()
        for name, value in values.items():
            same = contact.values.get(name, "") == value
            entries = contact.entries(name)
            head = entries[-1].source if entries else None
            replaced = head is not None and (not same or self.settings["same_value"] == "history")
            before = "" if head is None or not replaced else "self" if head == source else head.who
            self.books.write(Write(str(contact.id), name, f"app {source.id}", same, before, at))

    def touch(self, contacts: list[Contact], at_ms: int) -> None:
        """Give records one identical date without changing a value, as HubSpot's own jobs do."""
        for contact in contacts:
            contact.modified_ms = at_ms
        self.changed(contacts)

    def calculate(self, contacts: list[Contact], name: str, value: str) -> None:
        """Change a calculated property, which leaves the date of the record alone."""
        now = self.now_ms()
        for contact in contacts:
            contact.enter(name, Entry(value, now, CALCULATED))
        self.changed(contacts)

    def archive(self, contact: Contact) -> None:
        """Put a record into the recycle bin."""
        self.store.release(contact)
        contact.archived_ms = self.now_ms()
        self.index.forget(contact.id)

    def restore(self, contact: Contact) -> None:
        """Take a record out of the recycle bin."""
        contact.archived_ms = None
        contact.modified_ms = self.now_ms()
        self.store.claim(contact)
        self.changed([contact])

    def erase(self, contact: Contact) -> None:
        """Delete a record for good and refuse its addresses from now on."""
        for email in contact.emails:
            self.store.block(email)
        self.index.forget(contact.id)
        self.store.remove(contact)

    def merge(self, primary: Contact, other: Contact, new_id: bool) -> Contact:
        """The record that is left. The primary one's values win; its blanks are filled from the other.

        The addresses of both stay, old ids are remembered; with `new_id` the survivor has one of its own.
        """
        now = self.now_ms()
        self.store.release(primary)
        self.store.release(other)
        survivor = primary
        if new_id:
            survivor = Contact(self.store.next_id(), primary.values, primary.created_ms, now)
            survivor.authors, survivor.history = primary.authors, dict(primary.history)
            survivor.first_ms = primary.first_ms
            self.store.add(survivor)
        emails = list(dict.fromkeys([*primary.emails, *other.emails]))
        gone = [c for c in (primary, other) if c is not survivor]
        old = [i for c in (primary, other) for i in c.values.get("hs_merged_object_ids", "").split(";") if i]
        for name, value in other.values.items():
            if value and not survivor.values.get(name) and name not in MERGE_KEEPS_APART:
                survivor.enter(name, Entry(value, now, MERGED))
        ids = ";".join(dict.fromkeys([*old, *(str(c.id) for c in gone)]))
        survivor.enter("hs_merged_object_ids", Entry(ids, now, MERGED))
        if emails[1:]:
            survivor.enter("hs_additional_emails", Entry(";".join(emails[1:]), now, MERGED))
        for contact in gone:
            self.store.merged[contact.id] = survivor.id
            self.index.forget(contact.id)
            self.store.remove(contact)
        self.store.claim(survivor)
        survivor.modified_ms = now
        self.changed([survivor])
        return survivor
