"""What ContactOut's statuses mean. They are its own: 400 is a bad key and 401 a bad request."""

from __future__ import annotations

from connectors.contactout.operations import MISSES, STATS
from connectors.contactout.shapes import envelope
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

_PAUSE_S = 60.0
"""The limits are per minute; this holds where a 429 does not say how long to wait."""
_LONGEST_PAUSE_S = 900.0
_UNDERSTOOD = 4096


def effective_status(answer: Answer) -> int:
    """The HTTP status, or the body's `status_code` where that contradicts a success.

    Raises:
        Failure: of kind contract, for a success whose body is not a JSON object.
    """
    if not 200 <= answer.status < 300:
        return answer.status
    said = envelope(answer).get("status_code")
    return said if isinstance(said, int) and not isinstance(said, bool) and said >= 400 else answer.status


def classify(operation: Operation, answer: Answer) -> Failure | None:
    """The failure that an answer is, or None for an answer that can be read, "not found" included."""
    try:
        status = effective_status(answer)
    except Failure as failure:
        return failure
    if 200 <= status < 300:
        return None
    if status == 404:
        return None if operation.name in MISSES and _says_404(answer) else _gone(operation, status)
    if status in (400, 401):
        return _bad_key_or_request(operation, status)
    if status in (402, 403):
        return _denied(operation, answer, status)
    if status == 429:
        return _paced(answer)
    if status >= 500 or status == 408:
        return _outage(operation, answer, status)
    return Failure(
        FailureKind.CONTRACT,
        "ContactOut answered with a status it does not document",
        scope=Scope.OPERATION,
        status=status,
        charged=_unless_paid(operation),
    )


def _unless_paid(operation: Operation) -> bool | None:
    return False if operation.free else None


def _says_404(answer: Answer) -> bool:
    """Whether it is the vendor's "not found" and not the 404 of a wrong path or of a proxy."""
    try:
        return envelope(answer).get("status_code") == 404
    except Failure:
        return False


def _gone(operation: Operation, status: int) -> Failure:
    return Failure(
        FailureKind.CONTRACT,
        "a 404 that is not ContactOut's own answer for a person it does not know",
        scope=Scope.OPERATION,
        status=status,
        charged=_unless_paid(operation),
    )


def _bad_key_or_request(operation: Operation, status: int) -> Failure:
    """By the vendor's table 400 is the key and 401 the input; clients report the opposite, hence the doubt.

    The usage report has no input that could be bad: there both mean the key.
    """
    if operation.name == STATS.name:
        return Failure(FailureKind.AUTH, "ContactOut refuses the API key", status=status, charged=False)
    if status == 400:
        return Failure(
            FailureKind.AUTH,
            "ContactOut refuses the API key or a header",
            status=status,
            charged=False,
            doubtful=True,
        )
    return Failure(
        FailureKind.REJECTED,
        "ContactOut refuses the input",
        scope=Scope.ITEM,
        status=status,
        charged=False,
        doubtful=True,
    )


def _denied(operation: Operation, answer: Answer, status: int) -> Failure:
    """Two refusals share the status 403 and differ by their text alone; 402 is not documented."""
    said = answer.body[:_UNDERSTOOD].decode(errors="replace").lower()
    if status == 402 or ("out of" in said and "credit" in said):
        return Failure(
            FailureKind.OUT_OF_CREDITS,
            "ContactOut reports that the credits are used up",
            scope=Scope.OPERATION if operation.free else Scope.ACCOUNT,
            status=status,
            credit_kinds=frozenset(operation.max_charge),
            charged=False,
        )
    known = "no access" in said
    return Failure(
        FailureKind.CONFIG,
        "the ContactOut account has no access to this operation"
        if known
        else "ContactOut refuses this operation and does not say why",
        scope=Scope.OPERATION,
        status=status,
        charged=False,
        doubtful=not known,
    )


def _paced(answer: Answer) -> Failure:
    asked = answer.retry_after_s()
    return Failure(
        FailureKind.RATE_LIMITED,
        "ContactOut's rate limit is reached",
        scope=Scope.OPERATION,
        status=429,
        retry_after_s=min(_PAUSE_S if asked is None else asked, _LONGEST_PAUSE_S),
        charged=False,
    )


def _outage(operation: Operation, answer: Answer, status: int) -> Failure:
    # An outage may come after the charge, so for a paid operation it proves nothing.
    kind = FailureKind.UNAVAILABLE if operation.free else FailureKind.AMBIGUOUS
    return Failure(
        kind,
        "ContactOut failed to answer",
        scope=Scope.ACCOUNT,
        status=status,
        retry_after_s=answer.retry_after_s(),
        charged=_unless_paid(operation),
    )
