"""Queries page by page, by `nextRecordsUrl` alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.operations import QUERY, QUERY_MORE
from connectors.salesforce.shape import Record, record, records, text
from connectors.salesforce.transport import Transport
from syncd.connector import Failure, FailureKind, Operation, Scope

_BATCH = {"Sforce-Query-Options": "batchSize=2000"}


@dataclass(frozen=True, slots=True)
class Rows:
    """One page. `total` counts the rows of all pages."""

    rows: list[Record]
    total: int
    last: bool


class Queries:
    """Runs queries over the vendor's client."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def pages(self, query: str, operation: Operation = QUERY, *, gone_too: bool = True) -> Iterator[Rows]:
        """Every page; with `gone_too` records in the recycle bin are found as well.

        Raises:
            Failure: with the code INVALID_QUERY_LOCATOR where the cursor was lost on the way.
        """
        org = self._transport.org
        body = org.query(query, include_deleted=gone_too, operation=operation, headers=_BATCH)
        while True:
            page, following = _page(body)
            yield page
            if page.last:
                return
            body = org.query_more(following, identifier_is_url=True, operation=QUERY_MORE, headers=_BATCH)


def _page(body: Any) -> tuple[Rows, str]:
    found, following = record(body), text(record(body).get("nextRecordsUrl"))
    total, done, listed = found.get("totalSize"), found.get("done"), found.get("records")
    if not isinstance(listed, list) or not isinstance(done, bool):
        raise Failure(FailureKind.CONTRACT, "the answer is not a page of a query")
    if not done and not following.startswith("/services/data/"):
        raise Failure(FailureKind.CONTRACT, "the query does not go on", scope=Scope.OPERATION)
    rows = records(listed)
    if len(rows) != len(listed):
        raise Failure(FailureKind.CONTRACT, "the page of a query holds something else than rows")
    return Rows(rows, total if isinstance(total, int) else len(rows), done), following
