"""HubSpot's own client in raw mode: its endpoints, and nothing of its error handling.

hubspot-api-client 12 speaks v3 only, opens a connection pool per access, sets no timeout, puts bodies
into exceptions and resets logger levels whenever a Configuration is built. Here it only lays out the
requests: `api_factory`, a documented setting of the client, hands out API objects whose ApiClient sends
through one pool.
"""

from __future__ import annotations

import http.client
import json
import logging
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from connectors.hubspot.operations import PATHS, versioned
from syncd.connector import Answer, Failure, FailureKind, Operation, Secret

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
_POOL_SIZE = 16

Json: TypeAlias = Mapping[str, object]
Call: TypeAlias = Callable[[Operation, Callable[[], Answer]], Answer]
"""Lets one request of an operation leave through the wire."""


class Transport:
    """One method per endpoint; each performs exactly one request and gives back whatever was answered.

    Safe to share between threads. Every method raises Failure of kind unavailable where nothing was
    delivered, ambiguous where the answer was lost, config where the server's certificate or the token
    cannot be used.
    """

    def __init__(self, token: Secret, api_version: str, base_url: str) -> None:
        self._token = token
        self._version = api_version
        self._base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=_POOL_SIZE,
            cert_reqs="CERT_REQUIRED",
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
            retries=False,
        )
        with _logging_untouched():
            self._build()

    def _build(self) -> None:
        from hubspot.hubspot import HubSpot

        sdk: Any = HubSpot(host=self._base_url, api_factory=self._api)
        self._search_api = sdk.crm.contacts.search_api
        self._batch_api = sdk.crm.contacts.batch_api
        self._basic_api = sdk.crm.contacts.basic_api
        self._core_api = sdk.crm.properties.core_api
        self._any_client = self._basic_api.api_client

    def _api(self, package: Any, api_name: str, config: Mapping[str, object]) -> Any:
        configuration = package.Configuration()
        configuration.host = config["host"]
        client = type("RawApiClient", (_RawMode, package.ApiClient), {})(configuration=configuration)
        client.rest_client = None
        client.user_agent = "syncd"
        client.deliver = self._deliver
        return getattr(package, api_name)(api_client=client)

    def path(self, operation: Operation) -> str:
        """The path template of an operation, for logs and metrics."""
        return versioned(PATHS[operation.name], self._version)

    def account(self) -> Answer:
        return self._plain_get("/account-info/v3/details")

    def usage(self) -> Answer:
        return self._plain_get("/account-info/v3/api-usage/daily/private-apps")

    def properties(self) -> Answer:
        return _answer(self._core_api.get_all("contacts", _preload_content=False))

    def search(self, body: Json) -> Answer:
        return _answer(self._search_api.do_search(body, _preload_content=False))

    def page(
        self, properties: Sequence[str], history: Sequence[str], limit: int, after: str | None
    ) -> Answer:
        extra: dict[str, object] = {"after": after} if after else {}
        if history:
            extra["properties_with_history"] = list(history)
        return _answer(
            self._basic_api.get_page(
                limit=limit, properties=list(properties), _preload_content=False, **extra
            )
        )

    def get(self, contact_id: str, properties: Sequence[str], history: Sequence[str]) -> Answer:
        extra = {"properties_with_history": list(history)} if history else {}
        return _answer(
            self._basic_api.get_by_id(
                contact_id, properties=list(properties), _preload_content=False, **extra
            )
        )

    def read(self, body: Json) -> Answer:
        return _answer(self._batch_api.read(body, _preload_content=False))

    def update(self, body: Json) -> Answer:
        return _answer(self._batch_api.update(body, _preload_content=False))

    def _plain_get(self, path: str) -> Answer:
        # The client has no account-info package; its generic call carries the same credential.
        return _answer(
            self._any_client.call_api(
                path, "GET", {}, [], {"Accept": "application/json"}, _preload_content=False
            )
        )

    def _deliver(
        self,
        method: str,
        url: str,
        query: Sequence[tuple[str, object]],
        headers: Mapping[str, str],
        body: object,
    ) -> urllib3.BaseHTTPResponse:
        path = versioned(url.removeprefix(self._base_url), self._version)
        if query:
            path += "?" + urlencode(query)
        sent = {**headers, "Accept-Encoding": "gzip", "Authorization": f"Bearer {self._bearer()}"}
        # The standard encoder also takes text that is no valid Unicode: one odd value must not stop a batch.
        content = None if body is None else json.dumps(body).encode()
        try:
            return self._pool.urlopen(
                method, self._base_url + path, body=content, headers=sent, redirect=False
            )
        except HTTPError as error:
            _raise_failure(error)

    def _bearer(self) -> str:
        token = self._token.reveal()
        if not (token.isascii() and token.isprintable()) or " " in token:
            # http.client would put the whole header, token included, into its exception.
            raise Failure(
                FailureKind.CONFIG, "the HubSpot token holds characters that no token has", charged=False
            )
        return token


class _RawMode:
    """Overrides of the vendor's ApiClient: one pool, no exceptions by status, no model objects."""

    deliver: Callable[..., urllib3.BaseHTTPResponse]

    def request(
        self,
        method: str,
        url: str,
        query_params: Sequence[tuple[str, object]] | None = None,
        headers: Mapping[str, str] | None = None,
        post_params: object = None,
        body: object = None,
        _preload_content: bool = False,
        _request_timeout: object = None,
    ) -> urllib3.BaseHTTPResponse:
        return self.deliver(method, url, query_params or (), headers or {}, body)

    def update_params_for_auth(self, *_: object, **__: object) -> None:
        """Nothing: the credential joins at the last moment, so that the client's configuration never holds it."""

    @property
    def last_response(self) -> None:
        """Nothing: the vendor's client would keep the last body, shared by all threads."""

    @last_response.setter
    def last_response(self, response: object) -> None:
        del response


def _answer(response: urllib3.BaseHTTPResponse) -> Answer:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        headers[name.lower()] = value
    return Answer(response.status, headers, response.data)


def _raise_failure(error: HTTPError) -> NoReturn:
    if isinstance(error, NewConnectionError | NameResolutionError | ConnectTimeoutError | ProxyError):
        raise Failure(FailureKind.UNAVAILABLE, "HubSpot cannot be reached", charged=False) from None
    if isinstance(error, SSLError) and any(isinstance(a, ssl.SSLCertVerificationError) for a in error.args):
        raise Failure(FailureKind.CONFIG, "the server's certificate is not trusted", charged=False) from None
    raise Failure(FailureKind.AMBIGUOUS, "HubSpot's answer was lost") from None


@contextmanager
def _logging_untouched() -> Iterator[None]:
    """Keeps the levels of all loggers, and http.client's debug switch, as the application has set them."""
    switch = http.client.HTTPConnection.debuglevel
    before = {name: logger.level for name, logger in _loggers()}
    try:
        yield
    finally:
        http.client.HTTPConnection.debuglevel = switch
        for name, logger in _loggers():
            if name in before or name.startswith(("hubspot", "urllib3")):
                logger.setLevel(before.get(name, logging.NOTSET))


def _loggers() -> list[tuple[str, logging.Logger]]:
    known = list(logging.root.manager.loggerDict.items())
    return [(name, logger) for name, logger in known if isinstance(logger, logging.Logger)]
