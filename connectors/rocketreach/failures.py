"""What RocketReach's statuses mean. Missing credits are a 403 with a sentence; live bodies differ from the documented."""

from __future__ import annotations

import re

import orjson

from connectors.rocketreach.operations import ACCOUNT, MISSES, STATUS, UNIVERSAL_ACCOUNT, UNIVERSAL_STATUS
from connectors.rocketreach.shapes import text
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

_READS = frozenset(o.name for o in (ACCOUNT, STATUS, UNIVERSAL_ACCOUNT, UNIVERSAL_STATUS))
_PAUSE_S = 5.0
"""Where a 429 does not say how long to wait: its header is left out for waits below a second."""
_WAIT = re.compile(r"available in (\d+) second")
_OURS = frozenset({"lookup_type", "webhook_id", "return_cached_emails"})
"""Parameters that come from the configuration, not from a contact."""


def classify(operation: Operation, answer: Answer) -> Failure | None:
    """The failure that an answer is, or None for an answer that can be read, "not found" included."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 400:
        return _refused(operation, answer)
    if status == 401:
        return Failure(FailureKind.AUTH, "RocketReach refuses the API key", status=status, charged=False)
    if status in (402, 403):
        return _denied(operation, answer)
    if status == 404 and operation.name in MISSES and _body(answer) is not None:
        return None
    if status == 429:
        return _paced(answer)
    if status >= 500 or status == 408:
        return _outage(operation, answer)
    return Failure(
        FailureKind.CONTRACT,
        "a 404 that is not RocketReach's own answer for somebody it does not know"
        if status == 404
        else "RocketReach answered with a status that it does not document",
        scope=Scope.OPERATION,
        status=status,
        charged=_unless_paid(operation),
    )


def _unless_paid(operation: Operation) -> bool | None:
    return False if operation.free else None


def _body(answer: Answer) -> dict[str, object] | None:
    """The body's object; None for a page of a proxy or of a path that does not exist."""
    try:
        said: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return said if isinstance(said, dict) else None


def _sentence(answer: Answer) -> str:
    """What the vendor says, in lower case. Never shown: it may repeat the input."""
    said = _body(answer) or {}
    parts = (text(said.get(name)) for name in ("detail", "error", "message", "error_code"))
    return " ".join(part for part in parts if part).lower()


def _refused(operation: Operation, answer: Answer) -> Failure:
    if operation.name in _READS:
        return Failure(
            FailureKind.CONTRACT,
            "RocketReach refuses a request that has no input",
            scope=Scope.OPERATION,
            status=400,
            charged=False,
        )
    if _OURS & (_body(answer) or {}).keys():
        return Failure(
            FailureKind.CONFIG,
            "RocketReach refuses the configured lookup_type or webhook_id",
            scope=Scope.OPERATION,
            status=400,
            charged=False,
        )
    return Failure(
        FailureKind.REJECTED, "RocketReach refuses the input", scope=Scope.ITEM, status=400, charged=False
    )


def _denied(operation: Operation, answer: Answer) -> Failure:
    """Out of credits, or no access: both are 403 and differ by their sentence.

    A key of the other interface is told that it has no "Universal Credits", which is no lack of credits.
    """
    said = _sentence(answer)
    short = "insufficient" in said or ("credit" in said and "universal credit" not in said)
    if answer.status == 402 or short:
        return Failure(
            FailureKind.OUT_OF_CREDITS,
            "RocketReach reports that the credits are used up",
            scope=Scope.OPERATION,
            status=answer.status,
            credit_kinds=frozenset(operation.max_charge),
            charged=False,
        )
    if "verify your email" in said:
        reason, scope = "RocketReach waits for the account's e-mail address to be confirmed", Scope.ACCOUNT
    elif "universal credit" in said:
        reason, scope = "the key has no universal credits; check the option family", Scope.OPERATION
    else:
        reason, scope = "the RocketReach account has no access to this operation", Scope.OPERATION
    return Failure(FailureKind.CONFIG, reason, scope=scope, status=answer.status, charged=False)


def _paced(answer: Answer) -> Failure:
    """Windows reach up to a month, and so may the wait: the core parks the work until then."""
    asked = answer.retry_after_s()
    if asked is None:
        told = _WAIT.search(_sentence(answer))
        asked = float(told[1]) if told else _PAUSE_S
    return Failure(
        FailureKind.RATE_LIMITED,
        "RocketReach's rate limit is reached",
        scope=Scope.OPERATION,
        status=429,
        retry_after_s=asked,
        charged=False,
    )


def _outage(operation: Operation, answer: Answer) -> Failure:
    # An outage may come after the look-up began, so for a paid operation it proves nothing.
    return Failure(
        FailureKind.UNAVAILABLE if operation.free else FailureKind.AMBIGUOUS,
        "RocketReach failed to answer",
        status=answer.status,
        retry_after_s=answer.retry_after_s(),
        charged=_unless_paid(operation),
    )
