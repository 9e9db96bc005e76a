"""simple-salesforce with its transport replaced; importing this module imports the vendor's package.

As it comes, simple-salesforce 1.12 has no timeouts, drops a call's headers when it logs in again, lets
every thread log in for itself, and puts queries into exceptions. Here it lays out requests only: the
four methods through which it sends are overridden, and `SalesforceLogin` is stopped before it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias

import orjson
from simple_salesforce.api import Salesforce
from simple_salesforce.login import SalesforceLogin

from connectors.salesforce.http import HttpRequest
from connectors.salesforce.operations import IDENTITY, QUERY, QUERY_MORE
from connectors.salesforce.options import ConnectorOptions
from syncd.connector import Answer, Failure, FailureKind, Operation

Exchange: TypeAlias = Callable[[Operation, HttpRequest], Answer]
_BY_NAME = {"userinfo": IDENTITY, "query": QUERY, "query_more": QUERY_MORE}
_INSTANCE = "org.invalid"


class _NoTransport:
    """What the package takes for its connection; it is never asked to send."""

    def __init__(self) -> None:
        self.proxies: dict[str, str] = {}


class _Reply:
    """An answer in the shape that the package's own methods read."""

    def __init__(self, answer: Answer) -> None:
        self.status_code = answer.status
        self.headers = {"Content-Type": answer.headers.get("content-type", "")}
        self.content = answer.body


class Org(Salesforce):
    """The org's REST API. Every call takes `operation=`, whose limits hold for it."""

    def __init__(self, version: str, exchange: Exchange) -> None:
        self._exchange = exchange
        nothing: Any = _NoTransport()
        super().__init__(session_id="", instance=_INSTANCE, version=version, session=nothing)
        self._generate_headers()

    def _generate_headers(self) -> None:
        """The headers of every request; the session joins at the last moment."""
        self.headers = {
            "Accept": "application/json",
            "Sforce-Call-Options": "client=syncd",
            # Without it an update may hand a lead to another owner.
            "Sforce-Auto-Assign": "FALSE",
            "Sforce-Mru": "updateMru=false",
        }

    def _refresh_session(self) -> NoReturn:
        """Never: whoever exchanges a request renews the session too."""
        raise AssertionError("sessions are renewed by the transport")

    def _call_salesforce(
        self, method: str, url: str, name: str = "", retries: int = 0, max_retries: int = 3, **given: Any
    ) -> Any:
        operation = given.get("operation") or _BY_NAME[name]
        request = HttpRequest(
            method,
            url.removeprefix(f"https://{_INSTANCE}"),
            given.get("params") or {},
            given.get("json"),
            headers={**self.headers, **given.get("headers", {})},
        )
        return _Reply(self._exchange(operation, request))

    def answered(
        self,
        operation: Operation,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """The whole answer to a call below the API's version, for those whose headers matter."""
        below = f"/services/data/v{self.sf_version}/{path}"
        together = {**self.headers, **(headers or {})}
        return self._exchange(operation, HttpRequest(method, below, params or {}, json, headers=together))

    def parse_result_to_json(self, result: Any) -> Any:
        """The decoded body: an object or a list, an empty one for an empty body."""
        if not result.content:
            return {}
        try:
            body = orjson.loads(result.content)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict | list):
            raise Failure(
                FailureKind.CONTRACT, "the answer is neither object nor list", status=result.status_code
            )
        return body


class _Stopped(Exception):
    """The login's request is laid out."""


class _Layout:
    """Takes the request that the package would send, and sends nothing."""

    def __init__(self) -> None:
        self.form: Mapping[str, str] = {}
        self.headers: Mapping[str, str] = {}

    def post(
        self, url: str, data: Mapping[str, str], headers: Mapping[str, str] | None = None, **_: object
    ) -> None:
        self.form, self.headers = dict(data), dict(headers or {})
        raise _Stopped


def login_request(options: ConnectorOptions, path: str, audience: str) -> HttpRequest:
    """The request that opens a session, by client credentials or by a signed assertion.

    `audience` is `login`, or `test` for a sandbox: Salesforce's own hosts that assertions are made out to.

    Raises:
        Failure: of kind config, where the private key cannot sign.
    """
    layout: Any = _Layout()
    client_id = options.client_id.reveal()
    secret = options.client_secret.reveal() if options.client_secret else None
    key = options.private_key.reveal() if options.private_key else None
    by_secret: dict[str, Any] = {"consumer_secret": secret, "domain": _INSTANCE}
    by_key: dict[str, Any] = {"username": options.username, "privatekey": key, "domain": audience}
    with suppress(Exception):  # whatever the signing library says may hold the key
        SalesforceLogin(session=layout, consumer_key=client_id, **(by_secret if key is None else by_key))
    if layout.form:
        return HttpRequest("POST", path, form=layout.form, headers=layout.headers)
    raise Failure(
        FailureKind.CONFIG, "the private_key is no RSA key in PEM form without a passphrase", charged=False
    )
