"""HubSpot's way of saying no: a status and one error body, the same shape everywhere."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


class Refused(Exception):
    """A request, or one input of a batch, that is not carried out.

    `more` are further members of the body, such as errors, context or subCategory.
    """

    def __init__(self, status: int, message: str, category: str = "VALIDATION_ERROR", **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.category, self.more = status, message, category, more
        self.retry_after: str | None = None

    def answer(self, correlation: str) -> Response:
        """The answer to the request as a whole."""
        body = {
            "status": "error",
            "message": self.message,
            "correlationId": correlation,
            "category": self.category,
            **self.more,
        }
        headers = {"Retry-After": self.retry_after} if self.retry_after else None
        return Response(orjson.dumps(body), self.status, headers, "application/json")

    def item(self, **context: list[str]) -> dict[str, Any]:
        """The refusal of one input, as it stands in a batch answer's `errors`; `links` is left out there."""
        more = {name: value for name, value in self.more.items() if name != "context"}
        together = {**self.more.get("context", {}), **context}
        return {
            "status": "error",
            "category": self.category,
            "message": self.message,
            "context": together,
            **more,
        }


def invalid(message: str, code: str = "", **context: list[str]) -> Refused:
    """A 400 of one error."""
    error: dict[str, Any] = {"message": message}
    if code:
        error["code"] = code
    if context:
        error["context"] = context
    return Refused(400, message, errors=[error])


def not_found(ids: list[str]) -> Refused:
    """What a batch says of ids that are unknown, deleted or merged away; [R] amp-labs/connectors."""
    return Refused(
        207,
        "Some CONTACT objects could not be found; they may be deleted or never existed.",
        "OBJECT_NOT_FOUND",
        context={"ids": ids},
    )


def exists_already(existing: int | None) -> Refused:
    """The conflict on an e-mail address; a whole batch does not say with whom."""
    message = "Contact already exists" + (f". Existing ID: {existing}" if existing else "")
    return Refused(409, message, "CONFLICT")


_EDGE = {
    423: ("Locked: too many writes at once", "LOCKED"),
    429: ("You have reached your ten_secondly_rolling limit.", "RATE_LIMITS"),
    477: ("This account is being moved between data centres", "MIGRATION_IN_PROGRESS"),
    401: ("Authentication credentials not found.", "INVALID_AUTHENTICATION"),
    403: ("The required scopes have not been granted.", "MISSING_SCOPES"),
    404: ("resource not found", "OBJECT_NOT_FOUND"),
    409: ("Contact already exists", "CONFLICT"),
}


def ordered(status: int) -> Refused:
    """The refusal for a status that somebody ordered as a fault."""
    message, category = _EDGE.get(status, ("internal error" if status >= 500 else "invalid", ""))
    return Refused(status, message, category or ("INTERNAL_ERROR" if status >= 500 else "VALIDATION_ERROR"))
