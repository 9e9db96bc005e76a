"""The way of every request: a session that is valid, one attempt at a time through the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from connectors.salesforce.errors import expired
from connectors.salesforce.http import HttpRequest, Pool
from connectors.salesforce.operations import IDENTITY, LOGIN, PATHS, VERSIONS, WRITES
from connectors.salesforce.options import ConnectorOptions
from connectors.salesforce.tokens import Token, Tokens, token_of
from syncd.connector import Answer, Failure, FailureKind, Operation, Seen, Wire, write_once

if TYPE_CHECKING:
    from connectors.salesforce.client import Org


class Transport:
    """Sends requests of one org; `org` is the vendor's client over it."""

    def __init__(
        self,
        options: ConnectorOptions,
        wire: Wire,
        base_url: str,
        seen: Seen,
        monotonic: Callable[[], float],
    ) -> None:
        from connectors.salesforce.client import Org

        self._options = options
        self._wire = wire
        self._base_url = base_url.rstrip("/")
        self._seen = seen
        self._monotonic = monotonic
        self._pool = Pool(options.ca_file, options.proxy)
        self.tokens = Tokens(self._login, self._credential, monotonic)
        self.org: Org = Org(options.api_version, self.exchange)

    def versions(self) -> Answer:
        """The API versions that the org offers: free, without a session, and a look at its clock."""
        return self._run(VERSIONS, partial(self._send, VERSIONS, HttpRequest("GET", PATHS[VERSIONS.name])))

    def exchange(self, operation: Operation, request: HttpRequest, any_org: bool = False) -> Answer:
        """The answer; a session that has ended is renewed once, and the request sent again as it was.

        Raises:
            Failure: of kind auth, where a session is refused right after the login; of kind config, where
                the login opens another org than the configured one, unless `any_org`.
        """
        token = self.tokens.current()
        try:
            return self._exchange(operation, request, token, any_org)
        except Failure as failure:
            if not expired(failure):
                raise
        token = self.tokens.renewed(token)
        try:
            return self._exchange(operation, request, token, any_org)
        except Failure as failure:
            if expired(failure):
                self.tokens.refused(token)
            raise

    def _exchange(self, operation: Operation, request: HttpRequest, token: Token, any_org: bool) -> Answer:
        if token.org and token.org != self._options.account and not any_org:
            raise Failure(
                FailureKind.CONFIG, "the login opens another org than the configured account", charged=False
            )
        send = partial(self._send, operation, request, token)
        run = partial(self._run, operation)
        answer = write_once(run, send) if operation.name in WRITES else run(send)
        if operation.name != IDENTITY.name:
            # It takes a session whose app lacks the scope of the API, which the org then refuses.
            self.tokens.accepted(token)
        return answer

    def _run(self, operation: Operation, send: Callable[[], Answer]) -> Answer:
        return self._wire.run(operation, send, PATHS[operation.name])

    def _send(self, operation: Operation, request: HttpRequest, token: Token | None = None) -> Answer:
        origin = self._base_url
        if token is not None:
            origin = token.origin
            request = HttpRequest(
                request.method,
                request.path,
                request.params,
                request.json,
                request.form,
                {**request.headers, **token.headers},
            )
        answer = self._pool.send(origin, request, operation.timeout_s)
        self._seen.observe(answer)
        return answer

    def _login(self) -> Token:
        from connectors.salesforce.client import login_request

        audience = "test" if ".sandbox." in (urlsplit(self._options.base_url).hostname or "") else "login"

        def once() -> Answer:
            return self._send(LOGIN, login_request(self._options, PATHS[LOGIN.name], audience))

        return token_of(self._run(LOGIN, once), self._base_url, self._monotonic())

    def _credential(self) -> str:
        """A digest that changes when the operator gives another credential."""
        options = self._options
        held = [options.client_id, options.client_secret, options.private_key]
        joined = "\x1f".join(s.reveal() for s in held if s is not None)
        return hashlib.sha256(joined.encode()).hexdigest()
