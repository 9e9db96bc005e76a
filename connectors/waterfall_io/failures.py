"""What Waterfall.io's refusals mean: by their code, else by their category, else by the HTTP status."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import orjson

from connectors.waterfall_io.operations import ACCOUNT, FINDER, SIGNING_KEYS
from connectors.waterfall_io.shapes import amount, loose, text
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

_PAUSE_S = 60.0
"""The limit is per minute; this holds where a 429 does not say how long to wait."""
_LONGEST_PAUSE_S = 900.0
_READS = frozenset(o.name for o in (ACCOUNT, FINDER, SIGNING_KEYS))
_FAMILIES = ("VALIDATION", "ROUTING", "AUTH", "QUOTA", "PERMISSION", "NOT_FOUND", "RATE_LIMIT", "INTERNAL")
_STATUSES: Mapping[int, str] = MappingProxyType(
    {
        400: "VALIDATION",
        401: "AUTH",
        402: "QUOTA",
        403: "FORBIDDEN",
        404: "NOT_FOUND",
        408: "INTERNAL",
        429: "RATE_LIMIT",
    }
)
NO_JOB = "NOT_FOUND_JOB_NOT_FOUND"


def classify(operation: Operation, answer: Answer) -> Failure | None:
    """The failure that an answer is, or None for an answer that can be read, "job unknown" included."""
    status = answer.status
    said = _body(answer)
    succeeded = 200 <= status < 300
    if succeeded and text(said.get("status")).lower() != "error":
        return None
    if operation.name == SIGNING_KEYS.name and status not in (408, 429) and status < 500:
        return _odd(operation, status)
    code = text(said.get("code")).upper()
    if operation.name == FINDER.name and status == 404 and code == NO_JOB:
        return None
    family = _family(code, text(said.get("category")).upper(), status)
    react = _REACTIONS.get(family)
    return react(operation, answer, code) if react else _odd(operation, status)


def _body(answer: Answer) -> Mapping[str, object]:
    try:
        return loose(orjson.loads(answer.body))
    except orjson.JSONDecodeError:
        return {}


def _family(code: str, category: str, status: int) -> str:
    for said in (code, category):
        for family in _FAMILIES:
            if said == family or said.startswith(f"{family}_"):
                return family
    return "INTERNAL" if status >= 500 else _STATUSES.get(status, "")


def _unless_paid(operation: Operation) -> bool | None:
    return False if operation.free else None


def _odd(operation: Operation, status: int) -> Failure:
    return Failure(
        FailureKind.CONTRACT,
        "Waterfall.io answered in a way that it does not document",
        scope=Scope.OPERATION,
        status=status,
        charged=_unless_paid(operation),
    )


def _rejected(operation: Operation, answer: Answer, code: str) -> Failure:
    if operation.name in _READS:
        return _odd(operation, answer.status)
    return Failure(
        FailureKind.REJECTED,
        "Waterfall.io refuses the input",
        scope=Scope.ITEM,
        status=answer.status,
        charged=False,
        code=_known(code),
    )


def _known(code: str) -> str:
    """The code, as far as it can only be one: capitals and underscores of reasonable length."""
    return code if len(code) <= 64 and code.replace("_", "").isalpha() and code.isascii() else ""


def _refused_key(operation: Operation, answer: Answer, code: str) -> Failure:
    reason = (
        "no API key reached Waterfall.io"
        if code == "AUTH_MISSING_API_KEY"
        else "Waterfall.io refuses the API key"
    )
    return Failure(FailureKind.AUTH, reason, status=answer.status, charged=False, code=_known(code))


def _forbidden(operation: Operation, answer: Answer, code: str) -> Failure:
    """A 403 without a word on why: the key, or something on the way. The account's own page tells."""
    return Failure(
        FailureKind.AUTH,
        "Waterfall.io refuses the request and does not say why",
        status=answer.status,
        charged=False,
        doubtful=operation.name != ACCOUNT.name,
    )


def _no_money(operation: Operation, answer: Answer, code: str) -> Failure:
    return Failure(
        FailureKind.OUT_OF_CREDITS,
        "Waterfall.io reports that the balance is used up",
        scope=Scope.OPERATION if operation.free else Scope.ACCOUNT,
        status=answer.status,
        credit_kinds=frozenset(operation.max_charge),
        charged=False,
        code=_known(code),
    )


def _no_access(operation: Operation, answer: Answer, code: str) -> Failure:
    """The account lacks a feature. Contacts with phones are an operation of their own, and so is what is left."""
    reason = (
        "the Waterfall.io account has no access to phones"
        if code == "PERMISSION_INCLUDE_PHONES_REQUIRES_PHONE_ENRICHMENT"
        else "the Waterfall.io account has no access to this operation"
    )
    return Failure(
        FailureKind.CONFIG,
        reason,
        scope=Scope.OPERATION,
        status=answer.status,
        charged=False,
        code=_known(code),
    )


def _paced(operation: Operation, answer: Answer, code: str) -> Failure:
    asked = answer.retry_after_s()
    if asked is None:
        told = amount(answer.headers.get("x-ratelimit-interval"))
        asked = _PAUSE_S if told is None else float(told)
    return Failure(
        FailureKind.RATE_LIMITED,
        "Waterfall.io's rate limit is reached",
        status=answer.status,
        retry_after_s=min(asked, _LONGEST_PAUSE_S),
        charged=False,
        code=_known(code),
    )


def _outage(operation: Operation, answer: Answer, code: str) -> Failure:
    # The vendor calls repeating safe, but a launch that is repeated may be a second job.
    return Failure(
        FailureKind.UNAVAILABLE if operation.free else FailureKind.AMBIGUOUS,
        "Waterfall.io failed to answer",
        status=answer.status,
        retry_after_s=answer.retry_after_s(),
        charged=_unless_paid(operation),
        code=_known(code),
    )


Reaction = Callable[[Operation, Answer, str], Failure]
_REACTIONS: Mapping[str, Reaction] = MappingProxyType(
    {
        "VALIDATION": _rejected,
        "ROUTING": _rejected,
        "AUTH": _refused_key,
        "FORBIDDEN": _forbidden,
        "QUOTA": _no_money,
        "PERMISSION": _no_access,
        "RATE_LIMIT": _paced,
        "INTERNAL": _outage,
    }
)
