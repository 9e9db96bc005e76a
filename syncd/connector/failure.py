"""Failures, named by the reaction that they need."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """How far a failure reaches."""

    ITEM = "item"
    OPERATION = "operation"
    ACCOUNT = "account"


class FailureKind(StrEnum):
    """Failures are named by the reaction that they need."""

    CONFIG = "config"
    """Our settings or entitlements are wrong: an operator must act."""
    AUTH = "auth"
    """The credential is refused."""
    OUT_OF_CREDITS = "out_of_credits"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    """An outage; nothing was processed, or repeating is harmless."""
    AMBIGUOUS = "ambiguous"
    """A request that costs was sent and its answer lost."""
    REJECTED = "rejected"
    """This record cannot be processed."""
    CONTRACT = "contract"
    """The answer was not understood. Never read as "not found"."""


class Failure(Exception):
    """Why a request gave no usable answer.

    `reason` is a constant sentence: no body, query, credential or personal data. `charged` is False
    only where it is proved that nothing was charged; None means that nobody can tell.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        scope: Scope = Scope.ACCOUNT,
        status: int | None = None,
        retry_after_s: float | None = None,
        credit_kinds: frozenset[str] = frozenset(),
        charged: bool | None = None,
        doubtful: bool = False,
        code: str = "",
        without: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(f"{kind.value}: {reason}")
        self.kind = kind
        self.reason = reason
        self.scope = scope
        self.status = status
        self.retry_after_s = retry_after_s
        self.credit_kinds = credit_kinds
        self.charged = charged
        self.doubtful = doubtful
        """The vendor's status fits a bad credential as well as a bad request: the core asks `check`."""
        self.code = code
        """The vendor's machine-readable code or correlation id, where it has one."""
        self.without = without
        """Parts of the request to which the account has no access: the core repeats it once without them,
        where nothing was charged, and leaves them out from then on (`Wire.without`)."""
