"""Batch updates, and finding out which records of a refused batch are to blame."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

from connectors.hubspot.errors import correlation_id
from connectors.hubspot.operations import UPDATE
from connectors.hubspot.problems import WHOLE_PROPERTY, Problem, Refusal, refusal
from connectors.hubspot.records import STAMP
from connectors.hubspot.shape import Record, document, is_scalar, record, records, results, text
from connectors.hubspot.transport import Call, Transport
from syncd.connector import Failure
from syncd.model import Patch, Rejected, WriteResult, Written

NOT_CONFIRMED = "NOT_CONFIRMED"
"""HubSpot answered a single record's update with neither a result nor an error."""

Chunk = Sequence[int]
TAKEN, UNIQUE = "CONFLICT", "email"
"""Positions of patches that leave in one request; no two of them are of one record."""


class Writing:
    """One call of `write`: the patches, and what is known of each so far."""

    def __init__(self, call: Call, transport: Transport, patches: Sequence[Patch]) -> None:
        self._call = call
        self._transport = transport
        self._patches = patches
        self._traces = [trace(p) for p in patches]
        self._results: dict[int, WriteResult] = {}
        self._request_id = ""
        self._todo: deque[Chunk] = deque(_batches(patches))

    def results(self) -> list[WriteResult]:
        """One result per patch, in their order.

        When a request fails after others have succeeded, the patches without a result are rejected for
        now (`retry`), with the failure's kind as their code.

        Raises:
            Failure: nothing is known of any patch.
        """
        while self._todo:
            try:
                self._send(self._todo.popleft())
            except Failure as failure:
                if not self._results:
                    raise
                for position in range(len(self._patches)):
                    code = failure.kind.value.upper()
                    self._settle(position, self._later(position, code, failure.code))
                break
        return [self._results[position] for position in range(len(self._patches))]

    def _send(self, chunk: Chunk) -> None:
        body = {"inputs": [self._input(position) for position in chunk]}
        answer = self._call(UPDATE, lambda: self._transport.update(body))
        self._request_id = correlation_id(answer)
        if answer.status >= 400:
            self._refused(chunk, refusal(document(answer), _default_category(answer.status)))
        else:
            self._answered(chunk, document(answer))

    def _input(self, position: int) -> Mapping[str, object]:
        patch = self._patches[position]
        return {
            "id": patch.id,
            "properties": dict(patch.changes),
            "objectWriteTraceId": self._traces[position],
        }

    def _answered(self, chunk: Chunk, body: Record) -> None:
        # v3 answers 207 with errors, dated versions 200 with them; results come in any order.
        refusals = [refusal(e, "REJECTED") for e in records(body.get("errors"))]
        rows = records(body.get("results")) if refusals else results(body)
        by_id = {text(r.get("id")): r for r in rows}
        for position in chunk:
            written = by_id.get(self._patches[position].id)
            if written is not None:
                self._settle(position, self._written(position, written))
        for refused in refusals:
            for position in self._named(chunk, refused):
                self._settle(position, self._rejected(position, refused))
        missing = [position for position in chunk if position not in self._results]
        if len(chunk) > 1:
            self._next(*([position] for position in missing))
        elif missing:
            alone = (
                self._rejected(missing[0], refusals[0])
                if refusals
                else self._later(missing[0], NOT_CONFIRMED, self._request_id)
            )
            self._settle(missing[0], alone)

    def _refused(self, chunk: Chunk, refused: Refusal) -> None:
        """Nothing was written: reject those to blame, and send the others in smaller or other batches."""
        if len(chunk) == 1:
            self._settle(chunk[0], self._rejected(chunk[0], refused))
            return
        blamed: dict[int, Problem | None] = dict.fromkeys(self._named(chunk, refused))
        if not 0 < len(blamed) < len(chunk):
            blamed = self._carriers_to_blame(chunk, refused)
        for position, problem in blamed.items():
            self._settle(position, self._rejected(position, refused, problem))
        rest = [position for position in chunk if position not in self._results]
        doubtful = [position for position in rest if self._carried(position, refused.problems)]
        clean = [position for position in rest if position not in doubtful]
        if blamed and not doubtful:
            self._next(clean)
        elif doubtful and clean:
            self._next(clean, *_halves(doubtful))
        else:
            self._next(*_halves(rest))

    def _next(self, *chunks: Chunk) -> None:
        # Ahead of the batches that wait: a later patch of the same record must not be overtaken.
        self._todo.extendleft(chunk for chunk in reversed(chunks) if chunk)

    def _named(self, chunk: Chunk, refused: Refusal) -> list[int]:
        return [
            position
            for position in chunk
            if self._patches[position].id in refused.ids or self._traces[position] in refused.traces
        ]

    def _carriers_to_blame(self, chunk: Chunk, refused: Refusal) -> dict[int, Problem | None]:
        """Records that a complaint is certainly about: it is about the property as such, or one has it."""
        blamed: dict[int, Problem | None] = {}
        for problem in refused.problems:
            carriers = [position for position in chunk if self._carried(position, [problem])]
            if problem.code in WHOLE_PROPERTY or len(carriers) == 1:
                blamed.update(dict.fromkeys(carriers, problem))
        return blamed

    def _carried(self, position: int, problems: Sequence[Problem]) -> list[Problem]:
        return [p for p in problems if p.property in self._patches[position].changes]

    def _written(self, position: int, found: Record) -> Written:
        values = record(found.get("properties"))
        return Written(
            self._patches[position].id,
            version=text(values.get(STAMP)) or None,
            fields={n: v for n, v in values.items() if is_scalar(v)} if values else None,
            request_id=self._request_id,
        )

    def _rejected(self, position: int, refused: Refusal, problem: Problem | None = None) -> Rejected:
        patch = self._patches[position]
        ours = [problem] if problem else self._carried(position, refused.problems)
        code, name = refused.category, None
        if ours:
            code, name = ours[0].code or code, ours[0].property
        elif refused.category == TAKEN and UNIQUE in patch.changes:
            # Contacts are unique by their address; another contact has it, and the rest can be written.
            name = UNIQUE
        elif refused.problems:
            # A property that we did not send: an account's own rule asks for it.
            first = refused.problems[0]
            code = ":".join(part for part in (first.code or code, first.property) if part)
        return Rejected(
            patch.id, code, name, gone=refused.gone, retry=refused.passing, request_id=self._request_id
        )

    def _later(self, position: int, code: str, request_id: str) -> Rejected:
        return Rejected(self._patches[position].id, code, retry=True, request_id=request_id)

    def _settle(self, position: int, result: WriteResult) -> None:
        self._results.setdefault(position, result)


def trace(patch: Patch) -> str:
    """A compact name of one attempt to write, unique within any batch."""
    return hashlib.blake2b(f"{patch.id}\x1f{patch.key}".encode(), digest_size=16).hexdigest()


def _batches(patches: Sequence[Patch]) -> Iterator[Chunk]:
    """Batches in order, each record at most once in each: HubSpot refuses a batch with duplicate ids."""
    waiting = list(range(len(patches)))
    while waiting:
        chosen: dict[str, int] = {}
        left: list[int] = []
        for position in waiting:
            contact_id = patches[position].id
            if contact_id in chosen or len(chosen) == UPDATE.batch:
                left.append(position)
            else:
                chosen[contact_id] = position
        yield list(chosen.values())
        waiting = left


def _halves(chunk: Chunk) -> tuple[Chunk, Chunk]:
    middle = (len(chunk) + 1) // 2
    return chunk[:middle], chunk[middle:]


def _default_category(status: int) -> str:
    return {404: "OBJECT_NOT_FOUND", 409: "CONFLICT"}.get(status, "VALIDATION_ERROR")
