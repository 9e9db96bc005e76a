"""The vendor's error bodies."""

from __future__ import annotations

from collections.abc import Iterable

Json = dict[str, object]


class Refused(Exception):
    """The request ends with an error. A blank `kind` has the body of the gateway: a bare message.

    `field` is the parameter that was wrong, for the form in which some of the vendor's errors come.
    """

    def __init__(
        self, status: int, kind: str, message: str, metadata: object = None, field: str = ""
    ) -> None:
        super().__init__(kind or str(status))
        self.status, self.kind, self.message, self.field = status, kind, message, field
        self.metadata: object = [] if metadata is None else metadata

    def body(self, drf: bool = False) -> Json:
        """The JSON body; `drf` gives bad input as lists by field."""
        if not self.kind:
            return {"message": self.message}
        if drf and self.kind == "invalid_request":
            return {self.field or "non_field_errors": [self.message]}
        return envelope(self.kind, self.message, self.metadata)


def envelope(kind: str, message: str, metadata: object = None) -> Json:
    """The usual error body."""
    return {"error": {"type": kind, "message": message, "metadata": [] if metadata is None else metadata}}


def invalid(message: str, field: str = "", metadata: object = None) -> Refused:
    """Bad input."""
    return Refused(400, "invalid_request", message, metadata, field)


def missing_key() -> Refused:
    return Refused(401, "", "Missing API key in request")


def wrong_key() -> Refused:
    return Refused(401, "", "Invalid API key in request")


def gated_endpoint() -> Refused:
    return Refused(403, "permission_error", "Access denied to endpoint")


def gated_fields(denied: Iterable[str]) -> Refused:
    names = list(denied)
    message = f"Access denied to fields: {', '.join(names)}"
    return Refused(403, "permission_error", message, [{"denied_fields": names}])


def out_of_credits(as_403: bool = False) -> Refused:
    status = 403 if as_403 else 402
    return Refused(status, "insufficient_credits", "Insufficient credits for this request")


def too_many(message: str = "Too many requests") -> Refused:
    """The word of the type is the stand-in's own: nobody could say the vendor's."""
    return Refused(429, "rate_limit_exceeded", message)


def missing(message: str) -> Refused:
    return Refused(404, "not_found", message)
