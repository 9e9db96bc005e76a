"""What an answer's status means: one reaction per row, matched by status, category and policy."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import orjson

from connectors.hubspot.operations import GET, READ, READ_HISTORY, UPDATE
from connectors.hubspot.seen import DAILY_LEFT, seconds_to_midnight
from connectors.hubspot.shape import Record, record, records, text, texts
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope, sent_at

_BY_ID = frozenset({READ.name, READ_HISTORY.name, UPDATE.name, GET.name})
_LOCKED_S = 2.0
_SECONDLY_S = 1.0
_ROLLING_S = 10.0
_DAY_UNKNOWN_S = 3600.0
_MOVING_S = 300.0
_SAFE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


def classify(operation: Operation, answer: Answer, zone: ZoneInfo | None) -> Failure | None:
    """The failure that an answer is, or None where it can be read as an answer.

    A refused update (400, 409) and an unknown id (404) are answers: they say which records they are
    about. `zone` is the account's, for the end of its day.
    """
    if 200 <= answer.status < 300:
        return (
            None
            if _decoded(answer) is not None
            else _failure(answer, FailureKind.CONTRACT, "the answer is not JSON")
        )
    body = record(_decoded(answer))
    if answer.status in (400, 404, 409) and _about_records(operation, answer.status, body):
        return None
    return _limited(operation, answer, body, zone) or _refused(operation, answer, body)


def _about_records(operation: Operation, status: int, body: Record) -> bool:
    if status == 404:
        unknown = text(body.get("category")) == "OBJECT_NOT_FOUND"
        return operation.name == GET.name or (operation.name in _BY_ID and unknown)
    return operation.name == UPDATE.name and bool(body)


def _limited(operation: Operation, answer: Answer, body: Record, zone: ZoneInfo | None) -> Failure | None:
    scope = Scope.ACCOUNT
    match answer.status:
        case 423:
            wait_s, reason, scope = _LOCKED_S, "HubSpot has locked the records for a moment", Scope.OPERATION
        case 477:
            wait_s, reason = _MOVING_S, "HubSpot is moving the account to another data centre"
        case 429:
            policy = text(body.get("policyName")).upper()
            if policy == "DAILY" or answer.headers.get(DAILY_LEFT) == "0":
                wait_s, reason = _rest_of_day_s(answer, zone), "the account's daily calls are used up"
            elif policy == "SECONDLY" or (not policy and operation.bucket == "search"):
                wait_s, reason, scope = _SECONDLY_S, "too many searches in one second", Scope.OPERATION
            else:
                wait_s, reason = _ROLLING_S, "too many calls in ten seconds"
        case _:
            return None
    told_s = answer.retry_after_s()
    return _failure(
        answer, FailureKind.RATE_LIMITED, reason, scope=scope, wait_s=wait_s if told_s is None else told_s
    )


def _refused(operation: Operation, answer: Answer, body: Record) -> Failure:
    status = answer.status
    if status >= 500 or status == 408:
        return _failure(
            answer, FailureKind.UNAVAILABLE, "HubSpot is out of order", wait_s=answer.retry_after_s()
        )
    if status == 401:
        return _failure(answer, FailureKind.AUTH, "HubSpot refuses the token")
    if status == 403:
        return _failure(answer, FailureKind.CONFIG, _missing_scopes(body))
    if status == 404:
        return _failure(
            answer, FailureKind.CONFIG, "HubSpot does not know this path: check api_version and base_url"
        )
    if status == 414:
        return _failure(
            answer, FailureKind.CONFIG, "too many properties for one request", scope=Scope.OPERATION
        )
    if status == 400 and body:
        reason = f"HubSpot refuses the {operation.name} request: {safe(body.get('category'), 'no category')}"
        return _failure(answer, FailureKind.CONFIG, reason, scope=Scope.OPERATION)
    return _failure(answer, FailureKind.CONTRACT, "this status is not one that HubSpot documents")


def _missing_scopes(body: Record) -> str:
    contexts = [body, record(body.get("context"))]
    contexts += [record(e.get("context")) for e in records(body.get("errors"))]
    wanted = ("requiredGranularScopes", "requiredScopes")
    scopes = {s for c in contexts for name in wanted for s in texts(c.get(name)) if _SAFE.fullmatch(s)}
    if scopes:
        return f"the token lacks a scope: {', '.join(sorted(scopes))}"
    if text(body.get("category")) == "MISSING_SCOPES":
        return "the token lacks a scope; HubSpot does not say which"
    return "HubSpot denies the token access"


def _rest_of_day_s(answer: Answer, zone: ZoneInfo | None) -> float:
    moment = sent_at(answer)
    return _DAY_UNKNOWN_S if zone is None or moment is None else seconds_to_midnight(moment, zone)


def _failure(
    answer: Answer,
    kind: FailureKind,
    reason: str,
    *,
    scope: Scope = Scope.ACCOUNT,
    wait_s: float | None = None,
) -> Failure:
    return Failure(
        kind, reason, scope=scope, status=answer.status, retry_after_s=wait_s, code=correlation_id(answer)
    )


def correlation_id(answer: Answer) -> str:
    """HubSpot's name of the request, by which its support finds it; empty where it is not told."""
    told = record(_decoded(answer)).get("correlationId") or answer.headers.get("x-hubspot-correlation-id")
    return safe(told, "")


def safe(value: object, otherwise: str) -> str:
    """A vendor's machine-readable word, or `otherwise` where the text could be anything else."""
    word = text(value)
    return word if _SAFE.fullmatch(word) else otherwise


def _decoded(answer: Answer) -> object | None:
    try:
        return orjson.loads(answer.body) or {}
    except orjson.JSONDecodeError:
        return None
