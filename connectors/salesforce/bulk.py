"""Bulk API 2.0 queries: many records for few calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from connectors.salesforce.ids import long_id
from connectors.salesforce.operations import BULK_ABORT, BULK_RESULTS, BULK_START, BULK_STATE
from connectors.salesforce.shape import record, text
from connectors.salesforce.transport import Transport
from syncd.connector import Failure, FailureKind, Scope

if TYPE_CHECKING:
    from connectors.salesforce.client import Org

MOST_POLLS = 360
"""The bucket spaces them by five seconds: half an hour."""
_ENDED = frozenset({"JobComplete", "Failed", "Aborted"})


class Bulk:
    """Runs one query at a time as a job."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def results(self, query: str) -> Iterator[bytes | None]:
        """The result as CSV files of up to 5,000 rows, each with its heading; None while it is not ready.

        Raises:
            Failure: of kind config or contract, where the job was refused, failed or did not end.
        """
        org = self._transport.org
        body = {"operation": "query", "query": query, "contentType": "CSV", "lineEnding": "LF"}
        job = record(org.restful("jobs/query", method="POST", json=body, operation=BULK_START))
        job_id = long_id(text(job.get("id")))
        if not job_id:
            raise _unusable("the bulk job has no id")
        yield from self._wait(org, job_id, text(job.get("state")))
        yield from self._files(org, job_id)

    def _wait(self, org: Org, job_id: str, state: str) -> Iterator[None]:
        for _ in range(MOST_POLLS):
            if state in _ENDED:
                break
            yield None
            told = record(org.restful(f"jobs/query/{job_id}", operation=BULK_STATE))
            state = text(told.get("state"))
        if state != "JobComplete":
            if state not in _ENDED:
                end = {"state": "Aborted"}
                org.restful(f"jobs/query/{job_id}", method="PATCH", json=end, operation=BULK_ABORT)
            raise _unusable("the bulk job did not complete")

    def _files(self, org: Org, job_id: str) -> Iterator[bytes]:
        locator = ""
        while True:
            params = {"maxRecords": str(BULK_RESULTS.batch), **({"locator": locator} if locator else {})}
            path, accept = f"jobs/query/{job_id}/results", {"Accept": "text/csv"}
            answer = org.answered(BULK_RESULTS, "GET", path, params=params, headers=accept)
            yield answer.body
            following = answer.headers.get("sforce-locator", "null")
            if following in ("", "null"):
                return
            if following == locator:
                raise _unusable("the bulk result does not advance")
            locator = following


def _unusable(reason: str) -> Failure:
    return Failure(FailureKind.CONTRACT, reason, scope=Scope.OPERATION)
