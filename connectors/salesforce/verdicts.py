"""What a refusal of one record means, by its `statusCode` alone: messages are translated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from connectors.salesforce.errors import DAILY_WAIT_S
from connectors.salesforce.shape import Record, code, texts
from syncd.connector import Failure, FailureKind, Scope
from syncd.model import Rejected, WriteResult

LOCKED = "UNABLE_TO_LOCK_ROW"
UNCLEAR = "NOT_CONFIRMED"
"""Salesforce answered for a record with neither success nor an error."""

_GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "CANNOT_UPDATE_CONVERTED_LEAD"})
_WAITS = frozenset(
    {
        "STORAGE_LIMIT_EXCEEDED",
        "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE",
        "REQUEST_LIMIT_EXCEEDED",
    }
)
_PASSING = _WAITS | frozenset(
    {
        LOCKED,
        UNCLEAR,
        # An approval holds the record; nobody knows for how long.
        "ENTITY_IS_LOCKED",
        "QUERY_TIMEOUT",
        "REQUEST_RUNNING_TOO_LONG",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "PROCESSING_HALTED",
    }
)
_FEW = 10
_MOST = 0.5


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record was not written."""

    code: str
    fields: tuple[str, ...] = ()

    @property
    def gone(self) -> bool:
        # With fields, the reference that is broken is a value of the record, not the record.
        return self.code in _GONE or (self.code == "INVALID_CROSS_REFERENCE_KEY" and not self.fields)

    @property
    def passing(self) -> bool:
        return self.code in _PASSING

    def rejected(
        self, contact_id: str, changes: Mapping[str, str], known: Container[str], request_id: str
    ) -> Rejected:
        """The result for a patch. `known` are the fields of the object.

        To blame is a single property of ours that is named; where a field is refused and none is named,
        the first that the object does not have, or the only one.
        """
        ours = [name for name in self.fields if name in changes]
        word, blamed = self.code, None
        if len(ours) == 1 and not self.gone:
            blamed = ours[0]
        elif not self.fields and self.code.startswith("INVALID_FIELD"):
            strange = next((name for name in changes if name not in known), None)
            blamed = strange or (next(iter(changes)) if len(changes) == 1 else None)
        elif self.fields and not ours:
            # A field that we did not send: a rule of the org asks for it.
            word = f"{self.code}:{self.fields[0]}"
        return Rejected(contact_id, word, blamed, gone=self.gone, retry=self.passing, request_id=request_id)


def refusal(errors: Sequence[Record]) -> Refusal:
    """The first error; items say `statusCode`, single records `errorCode`."""
    for error in errors:
        word = code(error.get("statusCode")) or code(error.get("errorCode"))
        if word:
            return Refusal(word, tuple(name for name in texts(error.get("fields")) if code(name)))
    return Refusal(UNCLEAR)


def mind_most(results: Sequence[WriteResult]) -> None:
    """Stop where one code hits most records: then the mapping or a right is wrong, not the records.

    Raises:
        Failure: of kind config; of kind rate_limited, where the org takes no writes at the moment.
    """
    waiting = [r for r in results if isinstance(r, Rejected) and r.code in _WAITS]
    if waiting and len(waiting) > _MOST * len(results):
        reason = "the org takes no writes: its storage is full, or it is being maintained"
        raise Failure(FailureKind.RATE_LIMITED, reason, retry_after_s=DAILY_WAIT_S, code=waiting[0].code)
    final = [r for r in results if isinstance(r, Rejected) and not (r.retry or r.gone)]
    if len(results) < _FEW or not final:
        return
    word, count = Counter(r.code for r in final).most_common(1)[0]
    if count > _MOST * len(results):
        names = sorted({r.property for r in final if r.code == word and r.property})
        about = f" for {', '.join(names)}" if names else ""
        raise Failure(
            FailureKind.CONFIG,
            f"Salesforce refuses most records of a batch with {word}{about}: see to the mapping or the user's rights",
            scope=Scope.OPERATION,
            code=word,
        )
