"""Updates in collections, or strictly: each on the condition that its record has not changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from email.utils import format_datetime

from connectors.salesforce.errors import request_id
from connectors.salesforce.metadata import Described
from connectors.salesforce.operations import UPDATE, UPDATE_STRICTLY
from connectors.salesforce.shape import Record, instant, record, records
from connectors.salesforce.transport import Transport
from connectors.salesforce.verdicts import LOCKED, Refusal, mind_most, refusal
from syncd.connector import Failure, FailureKind
from syncd.model import Conflict, Patch, Rejected, WriteResult, Written

_NUMBERS = {"int": int, "double": float, "currency": float, "percent": float}

Chunk = Sequence[int]
"""Positions of patches that leave in one request; no two of them are of one record."""


class Writing:
    """One call of `write`: the patches, and what is known of each so far."""

    def __init__(
        self, transport: Transport, described: Described, patches: Sequence[Patch], strict: bool
    ) -> None:
        self._transport = transport
        self._described = described
        self._patches = patches
        self._strict = strict
        self._results: dict[int, WriteResult] = {}
        self._request_id = ""
        self._size = (UPDATE_STRICTLY if strict else UPDATE).batch
        self._todo: deque[tuple[Chunk, bool]] = deque((c, True) for c in self._batches())

    def results(self) -> list[WriteResult]:
        """One result per patch, in their order.

        When a request fails after others have succeeded, the patches without a result are rejected for
        now (`retry`), with the failure's kind as their code.

        Raises:
            Failure: nothing is known of any patch; or, of kind config, one code refuses most of them.
        """
        while self._todo:
            try:
                self._send(*self._todo.popleft())
            except Failure as failure:
                if not self._results:
                    raise
                code = failure.kind.value.upper()
                for position, patch in enumerate(self._patches):
                    self._results.setdefault(position, Rejected(patch.id, code, retry=True))
                break
        found = [self._results[position] for position in range(len(self._patches))]
        mind_most(found)
        return found

    def _send(self, chunk: Chunk, first_time: bool) -> None:
        outcomes = self._strictly(chunk) if self._strict else self._together(chunk)
        locked: list[int] = []
        for position, outcome in zip(chunk, outcomes, strict=True):
            if isinstance(outcome, Refusal):
                if outcome.code == LOCKED and first_time and len(chunk) > 1:
                    locked.append(position)
                    continue
                patch = self._patches[position]
                known = self._described.fields
                outcome = outcome.rejected(patch.id, patch.changes, known, self._request_id)
            self._results[position] = outcome
        # Whoever held the lock may be through: once more in smaller batches, before any later patch.
        middle = (len(locked) + 1) // 2
        halves = [half for half in (locked[:middle], locked[middle:]) if half]
        self._todo.extendleft((half, False) for half in reversed(halves))

    def _together(self, chunk: Chunk) -> list[WriteResult | Refusal]:
        sobject = self._described.sobject
        items = [
            {"attributes": {"type": sobject}, "id": self._patches[p].id, **self._values(p)} for p in chunk
        ]
        body = {"allOrNone": False, "records": items}
        # In the order of the request; an item that failed may lack its id.
        answer = self._transport.org.answered(UPDATE, "PATCH", "composite/sobjects", json=body)
        self._request_id = request_id(answer)
        told = records(answer.json())
        if len(told) != len(chunk):
            raise Failure(FailureKind.AMBIGUOUS, "the answer has not one result for each record")
        return [
            self._written(p) if item.get("success") is True else refusal(records(item.get("errors")))
            for p, item in zip(chunk, told, strict=True)
        ]

    def _strictly(self, chunk: Chunk) -> list[WriteResult | Refusal]:
        body = {"allOrNone": False, "compositeRequest": [self._conditional(p) for p in chunk]}
        answer = self._transport.org.answered(UPDATE_STRICTLY, "POST", "composite", json=body)
        self._request_id = request_id(answer)
        told = records(record(answer.json()).get("compositeResponse"))
        by_reference = {item.get("referenceId"): item for item in told}
        return [self._conditional_outcome(p, by_reference.get(f"r{p}", {})) for p in chunk]

    def _conditional(self, position: int) -> Mapping[str, object]:
        patch, org = self._patches[position], self._transport.org
        read_at = instant(patch.version)
        # The stamp of our read is never before the record's last change then, nor after it by a later one.
        condition = {} if read_at is None else {"If-Unmodified-Since": format_datetime(read_at, usegmt=True)}
        return {
            "method": "PATCH",
            "url": f"/services/data/v{org.sf_version}/sobjects/{self._described.sobject}/{patch.id}",
            "referenceId": f"r{position}",
            "httpHeaders": {"Sforce-Auto-Assign": "FALSE", **condition},
            "body": self._values(position),
        }

    def _conditional_outcome(self, position: int, told: Record) -> WriteResult | Refusal:
        status = told.get("httpStatusCode")
        if status == 412:
            return Conflict(self._patches[position].id)
        if isinstance(status, int) and 200 <= status < 300:
            return self._written(position)
        return refusal(records(told.get("body")))

    def _written(self, position: int) -> Written:
        # No way of writing returns the record or its new stamp: the core reads it back.
        return Written(self._patches[position].id, request_id=self._request_id)

    def _values(self, position: int) -> Mapping[str, object]:
        changes = self._patches[position].changes
        return {name: self._typed(name, value) for name, value in changes.items()}

    def _typed(self, name: str, value: str) -> object:
        """The value in the field's own type; text that is none of it is left to Salesforce to refuse."""
        info = self._described.fields.get(name)
        kind = info.type if info else ""
        if not value:
            return None
        if kind == "boolean" and value.casefold() in ("true", "false"):
            return value.casefold() == "true"
        if kind in _NUMBERS:
            try:
                return _NUMBERS[kind](value)
            except ValueError:
                return value
        return value

    def _batches(self) -> Iterator[Chunk]:
        """Batches in the order of accounts, whose rows lock together; each record once to a batch."""
        waiting = sorted(range(len(self._patches)), key=lambda p: (self._patches[p].group, p))
        while waiting:
            chosen: dict[str, int] = {}
            left: list[int] = []
            for position in waiting:
                contact_id = self._patches[position].id
                if contact_id in chosen or len(chosen) == self._size:
                    left.append(position)
                else:
                    chosen[contact_id] = position
            yield list(chosen.values())
            waiting = left
