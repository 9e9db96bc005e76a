"""The way out: requests, answers, and the port through which every byte leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Protocol

import orjson

from syncd.connector.declare import Operation
from syncd.connector.failure import Failure, FailureKind

LONGEST_WAIT_S = 31 * 86_400.0
"""The longest wait that a vendor can mean: until its next month."""
DOUBTFUL_WAIT_S = 86_400.0


def believed(asked_s: float) -> float:
    """The seconds to wait for a vendor that asked for so many: as many, up to LONGEST_WAIT_S.

    Whoever asks for more cannot mean it (a date is taken for seconds, say), and is asked again after a day.
    """
    return max(0.0, asked_s) if asked_s <= LONGEST_WAIT_S else DOUBTFUL_WAIT_S


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is a template (`/jobs/{id}`), filled from `args`; only it is logged."""

    method: str
    path: str
    params: Mapping[str, str | Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))
    json: object | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    args: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    follow: str | None = None
    """An absolute URL the vendor handed out for a download; sent without our credential headers."""
    callback_key: str = ""
    """The name in `json` under which the wire puts the URL of our callback, where there is one; a dotted name
    leads into an object, as in `settings.webhook`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body.

        Raises:
            Failure: of kind contract, where the body is not JSON.
        """
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise Failure(FailureKind.CONTRACT, "the answer is not JSON", status=self.status) from None

    def retry_after_s(self) -> float | None:
        """The Retry-After header in seconds, from either of its forms; None where it is absent or odd.

        As far as it is `believed`.
        """
        text = self.headers.get("retry-after", "").strip()
        try:
            asked = float(text)
        except ValueError:
            try:
                then = parsedate_to_datetime(text)
                # A date without a zone cannot be compared with one that has one: that is a TypeError.
                asked = (then - parsedate_to_datetime(self.headers["date"])).total_seconds()
            except (KeyError, TypeError, ValueError, OverflowError, IndexError):
                return None
        return None if math.isnan(asked) else believed(asked)

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class Wire(Protocol):
    """The one way out. It paces, sends, times, classifies, retries what may be retried, and redacts.

    Both methods return an answer for which the connector's `classify` returned None, and raise
    `Failure` for every other end. For an operation that costs, a wire lets exactly one request through.
    """

    @property
    def without(self) -> frozenset[str]:
        """Parts of requests that this account was refused before, as named in `Failure.without`."""
        ...

    def send(self, operation: Operation, request: Request) -> Answer:
        """Send an HTTP request to the connector's base URL."""
        ...

    def run(self, operation: Operation, send: Callable[[], Answer], path: str) -> Answer:
        """Let a vendor package send: `send` performs one attempt and turns its result into an Answer.

        It raises Failure of kind unavailable with `charged=False` where nothing was delivered, and of
        kind ambiguous where the answer was lost. `path` is the path template for logs and metrics.
        """
        ...
