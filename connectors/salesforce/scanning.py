"""Every record in the order of its id: by queries, and by bulk jobs where there are many."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from connectors.salesforce import soql
from connectors.salesforce.errors import BAD_LOCATOR
from connectors.salesforce.ids import long_id
from connectors.salesforce.metadata import Described, Metadata
from connectors.salesforce.reading import Make, Reading
from connectors.salesforce.records import contact, rows_of_csv
from connectors.salesforce.shape import Record
from syncd.connector import Failure, FailureKind
from syncd.model import Page

if TYPE_CHECKING:
    from connectors.salesforce.bulk import Bulk

BULK_FROM = 20_000
"""So many records left make a bulk job cheaper than pages of 2,000."""
JOB_ROWS = 500_000
_LONGEST_PAST = "0" * 18


class Scan:
    """One walk over all records of an object, deleted ones and converted leads left out."""

    def __init__(
        self,
        reading: Reading,
        metadata: Metadata,
        bulk: Bulk,
        object_name: str,
        properties: Sequence[str],
        authorship: bool,
    ) -> None:
        self._reading = reading
        self._metadata = metadata
        self._bulk = bulk
        self._object = object_name
        self._properties = properties
        self._authorship = authorship
        self._past = ""
        self._whole = True

    def pages(self, past: str) -> Iterator[Page]:
        """The pages after the record `past`; "" begins with the first.

        Where the properties do not fit into a query, they are left to a read.
        """
        self._past = past or _LONGEST_PAST
        described = self._metadata.of(self._object)
        self._whole = soql.fits(self._make()(described))
        self._past = past
        compound = any(described.is_compound(name) for name in described.known(self._properties))
        many = yield from self._queried(stop_at_many=not compound)
        if not many:
            return
        try:
            yield from self._exported()
        except Failure as failure:
            # Refused, failed, or the day's jobs are used up. What is merely out of order is not hidden.
            if failure.kind not in (FailureKind.CONFIG, FailureKind.CONTRACT):
                raise
            yield from self._queried(stop_at_many=False)

    def _queried(self, stop_at_many: bool) -> Generator[Page, None, bool]:
        """Pages of queries; the value tells whether it stopped because many records are left."""
        while True:
            begun = self._past
            try:
                for described, page in self._reading.pages(self._object, self._make(), gone_too=False):
                    if page.rows:
                        yield self._page(described, page.rows)
                    if stop_at_many and not page.last and page.total - len(page.rows) >= BULK_FROM:
                        return True
                return False
            except Failure as failure:
                if failure.code != BAD_LOCATOR or self._past == begun:
                    raise

    def _exported(self) -> Iterator[Page]:
        while True:
            described = self._metadata.of(self._object)
            count = 0
            for file in self._bulk.results(f"{self._make()(described)} LIMIT {JOB_ROWS}"):
                if file is None:
                    # Nothing yet: whoever reads may stop here, and go on another time.
                    yield Page((), self._cursor())
                    continue
                rows = list(rows_of_csv(file, described))
                count += len(rows)
                if rows:
                    yield self._page(described, rows)
            if count < JOB_ROWS:
                return

    def _make(self) -> Make:
        past, properties = self._past, self._properties if self._whole else ()

        def make(described: Described) -> str:
            conditions = [f"Id > {soql.quoted(past)}"] if past else []
            conditions += soql.not_converted(described)
            return soql.select(soql.columns(described, properties), described.sobject, conditions, ["Id"])

        return make

    def _page(self, described: Described, rows: Sequence[Record]) -> Page:
        shown = described.known(self._properties) if self._whole else None
        found = {c.id: c for c in (contact(row, shown) for row in rows)}
        if self._authorship and self._whole:
            found = self._reading.with_authors(described, found, self._properties)
        self._past = next(reversed(found))
        return Page(tuple(found.values()), self._cursor())

    def _cursor(self) -> str:
        return json.dumps({"past": self._past})


def resumed(cursor: str | None) -> str:
    """The id after which a scan goes on; "" for its beginning.

    Raises:
        ValueError: the text is no cursor of a scan.
    """
    if cursor is None:
        return ""
    try:
        found = json.loads(cursor)
    except (ValueError, RecursionError):
        found = None
    past = long_id(str(found["past"])) if isinstance(found, dict) and found.keys() == {"past"} else ""
    if not past:
        raise ValueError("the cursor is not one of a scan of Salesforce's records")
    return past
