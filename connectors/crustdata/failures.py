"""What Crustdata's statuses mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import orjson

from connectors.crustdata.asks import ASKS
from connectors.crustdata.operations import CREDIT, JOB_FILE, JOB_STATE, JOBS, MISSES
from connectors.crustdata.requests import part
from connectors.crustdata.shapes import credits_used, items, loose, number, request_id, text
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

_PAUSE_S = 5.0
"""Where a 429 does not say how long to wait."""
_JOB_PAUSE_S = 60.0
"""For a sixth active job: until one of the five has ended."""
_LONGEST_PAUSE_S = 900.0
_DENIED = re.compile(r"denied to fields?:\s*([\w.,\s]+)", re.IGNORECASE)
_GONE = (403, 404, 410)


def classify(operation: Operation, answer: Answer) -> Failure | None:
    """The failure that an answer is, or None for an answer that can be read, "nobody known" included."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if operation.name == JOB_FILE.name and status in _GONE:
        return None
    if status == 404:
        known = operation.name == JOB_STATE.name or (operation.name in MISSES and _parsed(answer) is not None)
        return None if known else _odd(operation, answer, "Crustdata does not have this address")
    if status == 401:
        return _failure(FailureKind.AUTH, "Crustdata refuses the API key", answer, Scope.ACCOUNT)
    if status == 402:
        return _out_of_credits(operation, answer)
    if status == 403:
        return _denied(operation, answer)
    if status == 429:
        return _paced(operation, answer)
    if status >= 500 or status == 408:
        return _outage(operation, answer)
    if 400 <= status < 500:
        return _refused(operation, answer)
    return _odd(operation, answer, "Crustdata answered with a status it does not document")


def _unless_reported(answer: Answer) -> bool | None:
    """Refusals are free, unless the vendor itself reports credits with one."""
    return None if credits_used(answer) else False


def _failure(kind: FailureKind, reason: str, answer: Answer, scope: Scope) -> Failure:
    return Failure(
        kind,
        reason,
        scope=scope,
        status=answer.status,
        charged=_unless_reported(answer),
        code=request_id(answer),
    )


def _parsed(answer: Answer) -> object:
    """The decoded body, or None where it is not JSON."""
    try:
        body: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return body


def _error(answer: Answer) -> tuple[str, Mapping[str, object]]:
    """The words of an error in lower case, and its first metadata entry; every known envelope is read."""
    body = loose(_parsed(answer))
    error = loose(body.get("error"))
    said = [body.get("non_field_errors"), body.get("error"), body.get("detail"), body.get("message")]
    said += [error.get("type"), error.get("message"), error.get("reason")]
    words = " ".join(text(one) for part_ in said for one in items(part_))
    merged: dict[str, object] = {}
    for entry in items(error.get("metadata")):
        merged |= loose(entry)
    return words.lower(), merged


def _out_of_credits(operation: Operation, answer: Answer) -> Failure:
    return Failure(
        FailureKind.OUT_OF_CREDITS,
        "Crustdata reports that the credits are used up",
        scope=Scope.OPERATION if operation.free else Scope.ACCOUNT,
        status=answer.status,
        credit_kinds=frozenset({CREDIT}),
        charged=_unless_reported(answer),
        code=request_id(answer),
    )


def _denied(operation: Operation, answer: Answer) -> Failure:
    """Three refusals share the status: of fields, of the endpoint, and in older versions for credits."""
    words, metadata = _error(answer)
    fields = frozenset(_denied_fields(operation, words, metadata))
    if not fields and "credit" in words:
        return _out_of_credits(operation, answer)
    known = bool(fields) or "permission" in words or "access" in words
    return Failure(
        FailureKind.CONFIG,
        "the Crustdata account has no access to this operation, or to some of its fields"
        if known
        else "Crustdata refuses this operation and does not say why",
        scope=Scope.OPERATION,
        status=answer.status,
        charged=_unless_reported(answer),
        doubtful=not known,
        code=request_id(answer),
        without=fields,
    )


def _denied_fields(operation: Operation, words: str, metadata: Mapping[str, object]) -> Iterator[str]:
    """What of the operation's own fields is denied: by its name, or as part or whole of what is named."""
    named = [text(name) for name in items(metadata.get("denied_fields"))]
    if not named and (match := _DENIED.search(words)):
        named = match[1].split(",")
    denied = [name.strip().lower() for name in named if name.strip()]
    ask = ASKS.get(operation.name)
    for field in ask.fields if ask else ():
        if any(_covers(name, field) or _covers(field, name) for name in denied):
            yield part(ask.path if ask else "", field)


def _covers(whole: str, piece: str) -> bool:
    return piece == whole or piece.startswith(f"{whole}.")


def _paced(operation: Operation, answer: Answer) -> Failure:
    reset = number(answer.headers.get("x-ratelimit-reset", ""))
    asked = float(reset) if reset is not None and reset >= 0 else answer.retry_after_s()
    if asked is None:
        asked = _JOB_PAUSE_S if operation.name in JOBS else _PAUSE_S
    return Failure(
        FailureKind.RATE_LIMITED,
        "Crustdata's rate limit is reached",
        scope=Scope.OPERATION,
        status=429,
        retry_after_s=min(asked, _LONGEST_PAUSE_S),
        charged=False,
        code=request_id(answer),
    )


def _outage(operation: Operation, answer: Answer) -> Failure:
    # An outage may come after the charge, so for a paid operation it proves nothing.
    return Failure(
        FailureKind.UNAVAILABLE if operation.free else FailureKind.AMBIGUOUS,
        "Crustdata failed to answer",
        status=answer.status,
        retry_after_s=answer.retry_after_s(),
        charged=False if operation.free else None,
        code=request_id(answer),
    )


def _refused(operation: Operation, answer: Answer) -> Failure:
    """A request that the vendor refuses: for its form, which concerns every other one, or for its content."""
    words, metadata = _error(answer)
    if "insufficient" in words and "credit" in words:
        return _out_of_credits(operation, answer)
    if "available_fields" in metadata or "x-api-version" in words or "field" in words:
        reason = "Crustdata refuses the form of the request"
        return _failure(FailureKind.CONFIG, reason, answer, Scope.OPERATION)
    return _failure(FailureKind.REJECTED, "Crustdata refuses the input", answer, Scope.ITEM)


def _odd(operation: Operation, answer: Answer, reason: str) -> Failure:
    failure = _failure(FailureKind.CONTRACT, reason, answer, Scope.OPERATION)
    if not operation.free and answer.status < 400:
        failure.charged = None
    return failure
