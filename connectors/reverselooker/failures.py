"""What ReverseLooker's refusals mean. Only 400, 401 and 403 are documented; the others are read with care."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import orjson

from connectors.reverselooker.operations import PROBE, READ
from connectors.reverselooker.shapes import loose, text
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

_PAUSE_S = 30.0
_LONGEST_PAUSE_S = 900.0
_RESETS = ("x-ratelimit-reset", "ratelimit-reset")
_INSTANT = 1_000_000_000
"""Reset figures above this are instants, those below are seconds to wait."""


def classify(operation: Operation, answer: Answer) -> Failure | None:
    """The failure that an answer is, or None for an answer that can be read.

    For the probe, which asks for a search that nobody made, every refusal of that search is an answer.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    if operation.name == PROBE.name and status in (400, 404, 422):
        return None
    if operation.name == READ.name and status == 404 and _is_vendors(answer):
        return None
    if status == 401:
        return _refused_key(status)
    if status in (402, 422) or (status in (400, 403) and _speaks_of_credits(answer)):
        return _no_credits(operation, status)
    if status == 403:
        return _refused_key(status)
    if status == 400 and not operation.free:
        return Failure(
            FailureKind.REJECTED,
            "ReverseLooker refuses the address",
            scope=Scope.ITEM,
            status=status,
            charged=False,
        )
    if status == 429:
        return _paced(answer)
    if status >= 500 or status == 408:
        return _outage(operation, answer)
    return Failure(
        FailureKind.CONTRACT,
        "ReverseLooker answered in a way that it does not document",
        scope=Scope.OPERATION,
        status=status,
        charged=_unless_paid(operation),
    )


def _unless_paid(operation: Operation) -> bool | None:
    return False if operation.free else None


def _is_vendors(answer: Answer) -> bool:
    """Whether a 404 has a body of the API's kind, and is not the page of a proxy."""
    try:
        return isinstance(orjson.loads(answer.body), dict)
    except orjson.JSONDecodeError:
        return False


def _speaks_of_credits(answer: Answer) -> bool:
    """The sentence is never shown: it may repeat the input."""
    try:
        said = loose(orjson.loads(answer.body))
    except orjson.JSONDecodeError:
        return False
    sentence = " ".join(text(said.get(name)) for name in ("message", "error", "detail")).lower()
    return "credit" in sentence or "balance" in sentence


def _refused_key(status: int) -> Failure:
    reason = (
        "ReverseLooker refuses the API key" if status == 401 else "ReverseLooker has disabled the API key"
    )
    return Failure(FailureKind.AUTH, reason, status=status, charged=False)


def _no_credits(operation: Operation, status: int) -> Failure:
    # Sibling products of the vendor's disagree on whether this is 402 or 422.
    return Failure(
        FailureKind.OUT_OF_CREDITS,
        "ReverseLooker reports that the credits are used up",
        scope=Scope.OPERATION if operation.free else Scope.ACCOUNT,
        status=status,
        credit_kinds=frozenset(operation.max_charge),
        charged=False,
    )


def _paced(answer: Answer) -> Failure:
    asked = answer.retry_after_s()
    if asked is None:
        asked = _until_reset(answer)
    return Failure(
        FailureKind.RATE_LIMITED,
        "ReverseLooker's rate limit is reached",
        status=429,
        retry_after_s=min(_PAUSE_S if asked is None else asked, _LONGEST_PAUSE_S),
        charged=False,
    )


def _until_reset(answer: Answer) -> float | None:
    """Seconds until the window opens, from a reset header in either of its usual readings."""
    told = next((answer.headers[name] for name in _RESETS if name in answer.headers), "")
    figure = None if not told else _number(told)
    if figure is None or figure < _INSTANT:
        return figure
    try:
        now = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None
    return max(0.0, figure - now)


def _number(told: str) -> float | None:
    try:
        figure = float(told)
    except ValueError:
        return None
    return figure if 0 <= figure < 1e12 else None


def _outage(operation: Operation, answer: Answer) -> Failure:
    # A search may have been launched and charged before the answer was lost.
    return Failure(
        FailureKind.UNAVAILABLE if operation.free else FailureKind.AMBIGUOUS,
        "ReverseLooker failed to answer",
        status=answer.status,
        retry_after_s=answer.retry_after_s(),
        charged=_unless_paid(operation),
    )
