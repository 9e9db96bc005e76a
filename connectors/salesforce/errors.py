"""What an answer means: one reaction per row, matched by status and code, never by a message.

Messages are in the language of the user; codes are not.
"""

from __future__ import annotations

import orjson

from connectors.salesforce.operations import BULK_RESULTS, IDENTITY, LOGIN, WRITES
from connectors.salesforce.seen import calls_left
from connectors.salesforce.shape import code, record, text
from syncd.connector import Answer, Failure, FailureKind, Operation, Scope

EXPIRED = 401
"""The status of the failure that a renewed session may cure."""
BAD_LOCATOR = "INVALID_QUERY_LOCATOR"
BAD_FIELD = "INVALID_FIELD"
NO_OBJECT = "INVALID_TYPE"

DAILY_WAIT_S = 900.0
_CONCURRENT_WAIT_S = 5.0
_UNCLEAR_WAIT_S = 60.0
_BUSY_WAIT_S = 5.0

_OUTAGES = frozenset(
    {
        "UNABLE_TO_LOCK_ROW",
        "QUERY_TIMEOUT",
        "REQUEST_RUNNING_TOO_LONG",
        "SERVER_UNAVAILABLE",
        "UNKNOWN_EXCEPTION",
    }
)
_WAITS = {
    "STORAGE_LIMIT_EXCEEDED": "the org's storage is full",
    "INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE": "Salesforce maintains the org: it is read-only",
}
_CONFIGURED = {
    "API_DISABLED_FOR_ORG": "the org's edition has no API access: it needs the API add-on",
    "API_CURRENTLY_DISABLED": "the user may not use the API: grant API Enabled",
    "UNSUPPORTED_API_VERSION": "Salesforce has retired this api_version: set a newer one",
    "TXN_SECURITY_METERING_ERROR": "a transaction security policy stops the user: exempt it",
    NO_OBJECT: "the user may not see the object, or the org does not have it",
    BAD_FIELD: "a field is gone, renamed or hidden from the user",
}


def classify(operation: Operation, answer: Answer, known: tuple[int, int] | None) -> Failure | None:
    """The failure that an answer is, or None where it can be read as an answer.

    `known` are the calls left and allowed, as an earlier answer told them.
    """
    if 200 <= answer.status < 300:
        return None if _readable(operation, answer) else _failure(answer, FailureKind.CONTRACT, "not JSON")
    if operation.name == LOGIN.name:
        return _login(answer)
    told = codes(answer)
    if answer.status == EXPIRED or (operation.name == IDENTITY.name and b"Bad_OAuth_Token" in answer.body):
        # The identity service answers 403 with this word to a session that has ended.
        return Failure(FailureKind.AUTH, "Salesforce refuses the session", status=EXPIRED)
    return _limited(answer, told, known) or _out_of_order(answer, told) or _refused(operation, answer, told)


def codes(answer: Answer) -> tuple[str, ...]:
    """The error codes of a REST error, which is a list of objects; none where the body is anything else."""
    body = _decoded(answer)
    listed = body if isinstance(body, list) else [body]
    found = (code(record(item).get("errorCode")) for item in listed)
    return tuple(c for c in found if c)


def request_id(answer: Answer) -> str:
    """Salesforce's name of the request, by which its support finds it; empty where it is not told."""
    told = answer.headers.get("x-sfdc-request-id", "")
    return told if told.isascii() and told.isalnum() and len(told) <= 64 else ""


def expired(failure: Failure) -> bool:
    """Whether a renewed session may cure it."""
    return failure.kind is FailureKind.AUTH and failure.status == EXPIRED


def _login(answer: Answer) -> Failure:
    word = code(record(_decoded(answer)).get("error"))
    if answer.status >= 500 or answer.status in (408, 420, 429):
        return _failure(answer, FailureKind.UNAVAILABLE, "Salesforce's login is out of order")
    if 300 <= answer.status < 400 or answer.status == 404:
        reason = "base_url leads elsewhere: give the org's My Domain, as Setup shows it"
        return _failure(answer, FailureKind.CONFIG, reason)
    reasons = {
        "invalid_client_id": "Salesforce does not know the client_id",
        "invalid_client": "Salesforce refuses the client_secret or the certificate of the private_key",
        "unsupported_grant_type": "the app does not allow this login flow: enable it in its OAuth settings",
        "invalid_grant": "Salesforce refuses the login: check the run-as user of the app, or that the user "
        "of the JWT flow is approved for it",
    }
    told = reasons.get(word, "Salesforce refuses the login")
    # Never 401: a renewal is no cure for a login.
    return Failure(FailureKind.AUTH, told, status=400, code=word)


def _limited(answer: Answer, told: tuple[str, ...], known: tuple[int, int] | None) -> Failure | None:
    for word in told:
        if word in _WAITS:
            return _failure(answer, FailureKind.RATE_LIMITED, _WAITS[word], word, wait_s=DAILY_WAIT_S)
    if "REQUEST_LIMIT_EXCEEDED" in told:
        # One code for two limits; the message that tells them apart is translated, the figures are not.
        left = calls_left(answer) or known
        if left is None:
            wait_s, reason = _UNCLEAR_WAIT_S, "too many calls in 24 hours, or too many long ones at a time"
        elif left[0] > 0:
            wait_s, reason = _CONCURRENT_WAIT_S, "too many long calls at a time"
        else:
            wait_s, reason = DAILY_WAIT_S, "the org's API calls of the last 24 hours are used up"
        # Salesforce documents no Retry-After here; whoever between us sends one knows better.
        asked = answer.retry_after_s()
        wait_s = wait_s if asked is None else asked
        return _failure(answer, FailureKind.RATE_LIMITED, reason, "REQUEST_LIMIT_EXCEEDED", wait_s=wait_s)
    if answer.status == 429:
        asked = answer.retry_after_s()
        wait = _BUSY_WAIT_S if asked is None else asked
        return _failure(answer, FailureKind.RATE_LIMITED, "too many calls", wait_s=wait)
    return None


def _out_of_order(answer: Answer, told: tuple[str, ...]) -> Failure | None:
    # 420: no route to the org; 406 without a body: the edge; both pass.
    if answer.status >= 500 or answer.status in (406, 408, 420) or _OUTAGES.intersection(told):
        return Failure(
            FailureKind.UNAVAILABLE,
            "Salesforce is out of order",
            status=answer.status,
            retry_after_s=answer.retry_after_s(),
            code=told[0] if told else "",
        )
    return None


def _refused(operation: Operation, answer: Answer, told: tuple[str, ...]) -> Failure:
    first = told[0] if told else ""
    if first == BAD_LOCATOR:
        return _failure(
            answer, FailureKind.CONTRACT, "the cursor of the query is gone", first, Scope.OPERATION
        )
    if 300 <= answer.status < 400:
        reason = "Salesforce redirects: give the org's present My Domain as base_url"
        return _failure(answer, FailureKind.CONFIG, reason)
    if answer.status == 410:
        return _failure(answer, FailureKind.CONFIG, _CONFIGURED["UNSUPPORTED_API_VERSION"], first)
    if answer.status in (413, 414, 431):
        reason = "too many properties for one request"
        return _failure(answer, FailureKind.CONFIG, reason, first, Scope.OPERATION)
    if not 400 <= answer.status < 500:
        return _failure(answer, FailureKind.CONTRACT, "this status is not one that Salesforce documents")
    reason = _CONFIGURED.get(
        first, f"Salesforce refuses the {operation.name} request: {first or 'it names no code'}"
    )
    scope = Scope.ACCOUNT if first.startswith(("API_", "UNSUPPORTED_", "TXN_")) else Scope.OPERATION
    return _failure(answer, FailureKind.CONFIG, reason, first, scope)


def _failure(
    answer: Answer,
    kind: FailureKind,
    reason: str,
    word: str = "",
    scope: Scope = Scope.ACCOUNT,
    wait_s: float | None = None,
) -> Failure:
    named = word or request_id(answer)
    return Failure(kind, reason, scope=scope, status=answer.status, retry_after_s=wait_s, code=named)


def _readable(operation: Operation, answer: Answer) -> bool:
    if operation.name == BULK_RESULTS.name:
        return "csv" in text(answer.headers.get("content-type"))
    empty = answer.status == 204 or not answer.body
    return _decoded(answer) is not None or (empty and operation.name not in WRITES)


def _decoded(answer: Answer) -> object | None:
    try:
        found: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return found
