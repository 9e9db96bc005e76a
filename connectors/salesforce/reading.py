"""What changed, in the order of stamp and id, and fresh reads by id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TypeAlias

from connectors.salesforce import soql
from connectors.salesforce.errors import BAD_FIELD, BAD_LOCATOR
from connectors.salesforce.history import Authors
from connectors.salesforce.ids import long_id
from connectors.salesforce.metadata import Described, Metadata
from connectors.salesforce.query import Queries, Rows
from connectors.salesforce.records import contact, row_id, stamped
from connectors.salesforce.shape import instant, stamp
from connectors.salesforce.soql import STAMP
from syncd.connector import Failure, FailureKind
from syncd.model import Author, Clause, Contact, Page

IDS = 200
"""Ids to one query: they fill a third of the URL."""
Make: TypeAlias = Callable[[Described], str]


class Reading:
    """Reads one org's records."""

    def __init__(self, queries: Queries, metadata: Metadata, authors: Callable[[], Authors]) -> None:
        self._queries = queries
        self._metadata = metadata
        self._authors = authors

    def pages(
        self, object_name: str, make: Make, *, gone_too: bool = True
    ) -> Iterator[tuple[Described, Rows]]:
        """The pages of a query that is made from the description.

        A field that was removed or hidden since the description was read fails the whole query: it is
        described and made anew, once.
        """
        described = self._metadata.of(object_name)
        query = make(described)
        try:
            for page in self._queries.pages(query, gone_too=gone_too):
                yield described, page
            return
        except Failure as failure:
            if failure.code != BAD_FIELD:
                raise
            described = self._metadata.fresh(object_name)
            if make(described) == query:
                raise
        for page in self._queries.pages(make(described), gone_too=gone_too):
            yield described, page

    def changed(
        self,
        object_name: str,
        since: datetime,
        properties: Sequence[str],
        where: Sequence[Clause],
        place: tuple[datetime, str] | None,
    ) -> Iterator[Page]:
        """Everything stamped at `since` or later, up to the present; after `place` where that is set.

        Where the properties do not fit into a query, they are left to a read.
        """
        longest = _changes(since, properties, where, place or (since, "0" * 18))
        whole = soql.fits(longest(self._metadata.of(object_name)))
        while True:
            begun = place
            make = _changes(since, properties if whole else (), where, place)
            try:
                for described, page in self.pages(object_name, make):
                    if not page.rows:
                        continue
                    place = _place(page)
                    shown = described.known(properties) if whole else None
                    found = tuple(contact(row, shown) for row in page.rows)
                    yield Page(found, json.dumps({"at": stamp(place[0]), "past": place[1]}))
                return
            except Failure as failure:
                # The server forgot the query: what was stored tells where to go on.
                if failure.code != BAD_LOCATOR or place == begun:
                    raise

    def read(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str], authorship: bool
    ) -> list[Contact]:
        """The records that the user can see, by id as given; deleted, merged and converted ones are marked."""
        asked = {full: given for given in ids if (full := long_id(given))}
        found: list[Contact] = []
        waiting = iter(asked)
        while chunk := list(islice(waiting, IDS)):
            described, held = self._by_id(object_name, chunk, properties)
            if authorship:
                held = self.with_authors(described, held, properties)
            found += [replace(c, id=asked[full]) for full, c in held.items() if full in asked]
        return found

    def with_authors(
        self, described: Described, held: Mapping[str, Contact], properties: Sequence[str]
    ) -> dict[str, Contact]:
        """The same records with who wrote their values, in portions that fit into a query."""
        authors: dict[str, dict[str, Author]] = {}
        living = iter([full for full, c in held.items() if not c.gone])
        while chunk := list(islice(living, IDS)):
            authors |= self._authors().of(described, {full: held[full] for full in chunk}, properties)
        return {
            full: replace(c, authors=authors.get(full, {}), authors_read=True) for full, c in held.items()
        }

    def _by_id(
        self, object_name: str, ids: Sequence[str], properties: Sequence[str]
    ) -> tuple[Described, dict[str, Contact]]:
        described = self._metadata.of(object_name)
        held: dict[str, Contact] = {}
        for part in _parts(described, ids, properties):
            for seen, page in self.pages(object_name, _by_ids(ids, part)):
                described = seen
                for row in page.rows:
                    one = contact(row, described.known(part))
                    held[one.id] = _joined(held[one.id], one) if one.id in held else one
        return described, held


def resumed(cursor: str | None) -> tuple[datetime, str] | None:
    """The place that a cursor of changes names.

    Raises:
        ValueError: the text is no such cursor.
    """
    if cursor is None:
        return None
    try:
        found = json.loads(cursor)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and found.keys() == {"at", "past"}:
        at, past = instant(found["at"]), long_id(str(found["past"]))
        if at is not None and past:
            return at, past
    raise ValueError("the cursor is not one of Salesforce's changed records")


def _changes(
    since: datetime, names: Sequence[str], where: Sequence[Clause], place: tuple[datetime, str] | None
) -> Make:
    def make(described: Described) -> str:
        start = f"{STAMP} >= {soql.instant_literal(since)}" if place is None else soql.beyond(*place)
        conditions = [start, soql.narrowed(where, described)]
        return soql.select(soql.columns(described, names), described.sobject, conditions, [STAMP, "Id"])

    return make


def _place(page: Rows) -> tuple[datetime, str]:
    last = page.rows[-1]
    moment = stamped(last)
    if moment is None:
        raise Failure(FailureKind.CONTRACT, "a row has no stamp")
    return moment, row_id(last)


def _by_ids(ids: Sequence[str], properties: Sequence[str]) -> Make:
    def make(described: Described) -> str:
        names = soql.columns(described, properties)
        return soql.select(names, described.sobject, [f"Id IN {soql.quoted(ids)}"])

    return make


def _parts(described: Described, ids: Sequence[str], properties: Sequence[str]) -> Iterator[list[str]]:
    """The properties in groups that fit into a query of these ids; at least one group."""
    part: list[str] = []
    for name in described.known(properties):
        if part and not soql.fits(_by_ids(ids, [*part, name])(described)):
            yield part
            part = []
        part.append(name)
    yield part


def _joined(one: Contact, other: Contact) -> Contact:
    # Should the record change between two parts, the earlier stamp makes the whole read look stale.
    fields = {**(one.fields or {}), **(other.fields or {})}
    return replace(one, fields=None if one.gone or other.gone else fields, gone=one.gone or other.gone)
