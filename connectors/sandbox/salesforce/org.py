"""The org behind the API: its records, its field history, its open transactions, and how a write happens."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.books import Books, Write
from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Population
from connectors.sandbox.salesforce.fields import kinds
from connectors.sandbox.salesforce.history import History
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.knobs import users_of
from connectors.sandbox.salesforce.loading import FLAGS, full_name, load
from connectors.sandbox.salesforce.store import BIN_S, Author, Row, Store, User, Values

SYSTEM = Author("salesforce", "")


@dataclass
class Change:
    """What a transaction will do to a record once it is committed; `row` is new where `adds` is set."""

    row: Row
    values: Values
    author: Author
    stamp: int
    adds: bool = False


@dataclass
class Transaction:
    """Somebody's work that nobody else sees yet. Its records carry the stamp of when they were written."""

    name: str
    start: int
    commit_at: float | None
    changes: list[Change] = field(default_factory=list)


class Org:
    """One Salesforce org. `settings` are the server's knobs, read at the moment of use."""

    def __init__(
        self, population: Population, clock: Clock, books: Books, settings: Mapping[str, Any]
    ) -> None:
        self.clock, self.books, self.settings = clock, books, settings
        self.seed = population.seed
        self.dice = random.Random(population.seed)
        self.kinds = kinds()
        self.store = Store()
        load(self.store, population, settings, self.now())
        self.history = History(self.store, settings)
        self.transactions: dict[str, Transaction] = {}
        self.users: dict[str, User] = {}
        self._highest = 5_000_000
        self._undo: list[tuple[Row, Values, dict[str, Author], int | None]] | None = None
        self._undo_added: list[Row] = []
        self._marks = (0, 0)
        self.renew()

    def renew(self) -> None:
        """Take over changed knobs."""
        self.users = users_of(self.settings)

    def now(self) -> int:
        """Whole seconds of the sandbox's clock."""
        return int(self.clock.time())

    def new_id(self, kind: str) -> str:
        """An id that nothing has had."""
        self._highest += 1
        return make(kind, self._highest)

    def rows(self, kind: str, parents: Iterable[str] | None = None) -> Iterator[Row]:
        """The records of an object, deleted ones too; of a history only those of the parents, where given."""
        if kind in ("ContactHistory", "LeadHistory"):
            return self.history.rows(kind.removesuffix("History"), parents)
        return iter(list(self.store.rows[kind].values()))

    # writes

    def write(
        self, row: Row, changes: Values, author: Author, stamp: int | None = None, modified: int | None = None
    ) -> None:
        """Set checked values and move the stamps; `modified` back-dates LastModifiedDate alone."""
        at = self.now() if stamp is None else stamp
        self._remember(row)
        self.history.note(row, changes, author, at)
        values = {**row.values, **changes}
        for name, value in changes.items():
            if value is None:
                del values[name]
            row.authors[name] = author
        self._derive(row.kind, values)
        values["LastModifiedDate"] = at if modified is None else min(modified, at)
        values["LastModifiedById"] = author.user
        values["SystemModstamp"] = max(at, row.values.get("SystemModstamp", 0)) if stamp is None else at
        row.values = values

    def touch(self, row: Row, changes: Values | None = None, stamp: int | None = None) -> None:
        """Move SystemModstamp alone, as Salesforce's own jobs do; with values that are no one's edit."""
        self._remember(row)
        at = self.now() if stamp is None else stamp
        row.values = {**row.values, **(changes or {}), "SystemModstamp": at}

    def silently(self, row: Row, changes: Values) -> None:
        """Change what is shown without any stamp, as a formula does."""
        self._remember(row)
        row.values = {**row.values, **changes}

    def new_row(self, kind: str, values: Values, author: Author, stamp: int | None = None) -> Row:
        """A record that the org does not have yet."""
        at = self.now() if stamp is None else stamp
        number = self.new_id(kind)
        filled: Values = {
            "Id": number, "IsDeleted": False, "CreatedDate": at, "CreatedById": author.user,
            "LastModifiedDate": at, "LastModifiedById": author.user, "SystemModstamp": at,
            "OwnerId": author.user, **FLAGS[kind], **{n: v for n, v in values.items() if v is not None},
        }  # fmt: skip
        self._derive(kind, filled)
        return Row(kind, number, filled, dict.fromkeys(values, author))

    def add(self, row: Row) -> Row:
        """Take a new record."""
        self.store.add(row)
        self.history.created(row)
        if self._undo is not None:
            self._undo_added.append(row)
        return row

    def account_for(self, row: Row, changes: Values, user: str) -> None:
        """Enter what an API write is about to do in the books."""
        at = self.clock.time()
        for name, value in changes.items():
            same = row.values.get(name) == value
            head = row.author(name)
            before = "" if head is None or same else "self" if head.user == user else head.who
            self.books.write(Write(row.id, name, f"user {user}", same, before, at))

    @staticmethod
    def _derive(kind: str, values: Values) -> None:
        if kind in ("Contact", "Lead", "Individual", "User"):
            values["Name"] = full_name(values)
        if kind in ("Contact", "Lead"):
            values["Has_Phone__c"] = bool(values.get("Phone") or values.get("MobilePhone"))

    # deletes, merges, conversion

    def delete(self, row: Row, author: Author, master: str | None = None) -> None:
        """Put a record into the recycle bin; a merge names the record that is left."""
        self._remember(row)
        now = self.now()
        row.deleted_at = now
        more = {"MasterRecordId": master} if master else {}
        row.values = {
            **row.values, **more, "IsDeleted": True, "SystemModstamp": now, "LastModifiedDate": now,
            "LastModifiedById": author.user,
        }  # fmt: skip

    def undelete(self, row: Row) -> None:
        """Take a record out of the recycle bin."""
        row.deleted_at = None
        row.values = {k: v for k, v in row.values.items() if k != "MasterRecordId"}
        self.touch(row, {"IsDeleted": False})

    def merge(self, master: Row, loser: Row, author: Author) -> None:
        """The master's values win, its blanks are filled from the loser, which is deleted."""
        own = self.kinds[master.kind.lower()].by_name.values()
        fill = {
            f.name: loser.values[f.name]
            for f in own
            if f.updateable and f.name in loser.values and master.values.get(f.name) is None
        }
        self.write(master, fill, author)
        self.delete(loser, author, master.id)

    def convert(self, lead: Row, author: Author) -> Row:
        """The contact that a lead becomes, at an account of its company's name."""
        values, now = lead.values, self.now()
        company = values.get("Company", "")
        account = next((a for a in self.store.living("Account") if a.values["Name"] == company), None)
        if account is None:
            account = self.add(self.new_row("Account", {"Name": company}, author))
        names = {f.name for f in self.kinds["contact"].fields if f.createable and f.type != "address"}
        taken = {n: v for n, v in values.items() if n in names and n not in ("OwnerId",)}
        address = {
            f"Mailing{n}": values[n]
            for n in ("Street", "City", "State", "PostalCode", "Country")
            if n in values
        }
        contact = self.new_row("Contact", {**taken, **address, "AccountId": account.id}, author)
        contact.born = {n: lead.author(n) or author for n in taken} | dict.fromkeys(address, author)
        self.add(contact)
        changes = {
            "IsConverted": True, "ConvertedDate": now // 86_400, "ConvertedContactId": contact.id,
            "ConvertedAccountId": account.id, "Status": "Closed - Converted",
        }  # fmt: skip
        self.write(lead, changes, author)
        return contact

    # transactions of others

    def open(self, name: str, commit_after_s: float | None) -> Transaction:
        """Begin somebody's transaction, which ends by itself where a time is given."""
        commit_at = None if commit_after_s is None else self.clock.time() + commit_after_s
        self.transactions[name] = Transaction(name, self.now(), commit_at)
        return self.transactions[name]

    def commit(self, name: str) -> int:
        """Make a transaction's changes visible, stamped as of when they were made; how many there were."""
        done = self.transactions.pop(name)
        for change in done.changes:
            if change.adds:
                self.add(change.row)
            else:
                self.write(change.row, change.values, change.author, change.stamp)
        return len(done.changes)

    def held(self) -> set[str]:
        """Ids of records that an open transaction has locked."""
        return {c.row.id for t in self.transactions.values() for c in t.changes}

    def oldest_start(self) -> int | None:
        """When the oldest open transaction began; None where none is open."""
        return min((t.start for t in self.transactions.values()), default=None)

    def settle(self) -> None:
        """Let happen what time brings: commits that are due, and the end of what lies in the recycle bin."""
        for name in [
            t.name for t in self.transactions.values() if t.commit_at and t.commit_at <= self.clock.time()
        ]:
            self.commit(name)

    def is_gone(self, row: Row) -> bool:
        """Whether a deleted record has left the recycle bin too."""
        return row.purged or (row.deleted_at is not None and self.now() - row.deleted_at > BIN_S)

    # taking back

    def begin(self) -> None:
        """Remember what changes from here, so that it can be taken back."""
        self._undo, self._undo_added = [], []
        self._marks = (len(self.books.writes), self.history.mark())

    def end(self, keep: bool) -> None:
        """Forget what was remembered, or take everything back."""
        if not keep:
            for row, values, authors, deleted_at in reversed(self._undo or []):
                row.values, row.authors, row.deleted_at = values, authors, deleted_at
            for row in self._undo_added:
                del self.store.rows[row.kind][row.id]
            del self.books.writes[self._marks[0] :]
            self.history.rewind(self._marks[1], {row.id for row, *_ in self._undo or []})
        self._undo = None

    def _remember(self, row: Row) -> None:
        if self._undo is not None:
            self._undo.append((row, row.values, dict(row.authors), row.deleted_at))
