"""Sessions: one token per connector, renewed by one thread for all, and a breaker on refused logins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connectors.salesforce.ids import long_id
from connectors.salesforce.shape import record, text
from syncd.connector import Answer, Failure, FailureKind

RENEW_AFTER_S = 1_800.0
"""A token's life is not told; it is renewed at this age, before the org's own time-out is likely."""
_FIRST_PAUSE_S = 300.0
_LONGEST_PAUSE_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Token:
    """A session: where it is valid, whose it is, and from when (monotonic seconds)."""

    value: str = field(repr=False)
    origin: str
    org: str
    user: str
    since: float

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.value}"}


def token_of(answer: Answer, base_url: str, since: float) -> Token:
    """The session that a login's answer opens.

    Raises:
        Failure: of kind contract, where it opens none.
    """
    body = record(answer.json())
    value = text(body.get("access_token"))
    if not (value and value.isascii() and value.isprintable()) or " " in value:
        raise Failure(FailureKind.CONTRACT, "the login's answer holds no access token", status=answer.status)
    try:
        # …/id/ORG/USER
        *_, org, user = ["", "", *urlsplit(text(body.get("id"))).path.split("/")]
        origin = _origin(text(body.get("instance_url")), base_url)
    except ValueError:
        raise Failure(FailureKind.CONTRACT, "the login's answer holds no URL where one stands") from None
    return Token(value, origin, long_id(org), long_id(user), since)


def _origin(instance_url: str, base_url: str) -> str:
    """Where the session is valid. A base URL on plain http is a stand-in on this machine and stays."""
    parts = urlsplit(instance_url)
    plain = not (parts.username or parts.password)
    if parts.scheme == "https" and parts.hostname and plain and base_url.startswith("https://"):
        return f"https://{parts.netloc}"
    return base_url


class Tokens:
    """The token in use. `login` opens a session; `credential` tells equal credentials apart from others."""

    def __init__(
        self,
        login: Callable[[], Token],
        credential: Callable[[], object],
        monotonic: Callable[[], float],
    ) -> None:
        self._login = login
        self._credential = credential
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._token: Token | None = None
        self._tries = 0
        self._failure: Failure | None = None
        self._refused: tuple[object, float, float] | None = None
        """The credential that was refused, until when it is not tried again, and the pause after that."""

    def current(self) -> Token:
        """The token in use; the first call, and one after half an hour, logs in."""
        token = self._token
        if token is not None and self._monotonic() - token.since < RENEW_AFTER_S:
            return token
        return self.renewed(token)

    def renewed(self, stale: Token | None) -> Token:
        """A token other than `stale`. Threads that come with the same stale one share a single login.

        Raises:
            Failure: of kind auth, without a login, for a while after one was refused.
        """
        seen = self._tries
        with self._turn:
            if self._token is not None and self._token is not stale:
                return self._token
            if self._tries != seen and self._failure is not None:
                # Somebody tried while this thread waited: its failure is ours too.
                raise _again(self._failure)
            credential = self._credential()
            self._mind_breaker(credential)
            try:
                self._token, self._failure = self._login(), None
            except Failure as failure:
                self._failure = failure
                if failure.kind is FailureKind.AUTH:
                    self._break(credential)
                raise
            finally:
                self._tries += 1  # at its end: whoever comes while it runs waits for it too
            return self._token

    def accepted(self, token: Token) -> None:
        """Salesforce took the token: an earlier refusal is over."""
        if self._refused is not None and token is self._token:
            self._refused = None

    def refused(self, token: Token) -> None:
        """Salesforce refuses a token right after the login: logging in again would not help."""
        with self._turn:
            if token is self._token:
                self._break(self._credential())

    def _mind_breaker(self, credential: object) -> None:
        if self._refused is None:
            return
        whose, until, _ = self._refused
        if whose == credential and self._monotonic() < until:
            raise Failure(
                FailureKind.AUTH, "Salesforce refused the login a short while ago", status=400, charged=False
            )

    def _break(self, credential: object) -> None:
        same = self._refused is not None and self._refused[0] == credential
        pause = self._refused[2] if same and self._refused else _FIRST_PAUSE_S
        self._refused = (credential, self._monotonic() + pause, min(2 * pause, _LONGEST_PAUSE_S))


def _again(failure: Failure) -> Failure:
    return Failure(
        failure.kind,
        failure.reason,
        scope=failure.scope,
        status=failure.status,
        retry_after_s=failure.retry_after_s,
        charged=failure.charged,
        code=failure.code,
    )
