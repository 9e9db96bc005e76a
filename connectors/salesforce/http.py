"""One connection pool: timeouts always, no retry, no redirect, no .netrc, nothing from the environment."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn
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

from syncd.connector import Answer, Failure, FailureKind

CONNECT_TIMEOUT_S = 5.0
_POOL_SIZE = 16


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request below an origin. `path` begins with a slash."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    json: object | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        return f"HttpRequest({self.method})"

    @property
    def body(self) -> bytes | None:
        if self.form is not None:
            return urlencode(self.form).encode()
        # The standard encoder also takes text that is no valid Unicode: one odd value must not stop a batch.
        return None if self.json is None else json.dumps(self.json).encode()


class Pool:
    """Sends requests, each at most once. Safe to share between threads."""

    def __init__(self, ca_file: Path | None, proxy: str | None) -> None:
        self._ca_file = ca_file
        self._proxy = proxy
        self._turn = threading.Lock()
        self._manager: urllib3.PoolManager | None = None

    def send(self, origin: str, request: HttpRequest, read_timeout_s: float) -> Answer:
        """Whatever was answered.

        Raises:
            Failure: of kind unavailable where nothing was delivered, ambiguous where the answer was lost,
                config where certificates cannot be used.
        """
        manager = self._opened()
        url = origin + request.path
        if request.params:
            url += "?" + urlencode(request.params)
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s)
        kind = "application/x-www-form-urlencoded" if request.form is not None else "application/json"
        headers = {
            "Accept-Encoding": "gzip",
            "User-Agent": "syncd",
            **({} if request.body is None else {"Content-Type": kind}),
            **request.headers,
        }
        try:
            response = manager.request(
                request.method,
                url,
                body=request.body,
                headers=headers,
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except HTTPError as error:
            _raise_failure(error)
        return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, response.data)

    def _opened(self) -> urllib3.PoolManager:
        with self._turn:
            if self._manager is None:
                self._manager = self._open()
            return self._manager

    def _open(self) -> urllib3.PoolManager:
        context = _trusting_as_the_machine() if self._ca_file is None else _trusting(self._ca_file)
        if self._proxy is None:
            return urllib3.PoolManager(num_pools=4, maxsize=_POOL_SIZE, ssl_context=context)
        return urllib3.ProxyManager(self._proxy, num_pools=4, maxsize=_POOL_SIZE, ssl_context=context)


@cache
def _trusting_as_the_machine() -> ssl.SSLContext:
    """Made once: to read the machine's certificates takes longer than many requests do."""
    return ssl.create_default_context()


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError:
        raise Failure(FailureKind.CONFIG, "the ca_file cannot be read", charged=False) from None


def _raise_failure(error: HTTPError) -> NoReturn:
    if isinstance(error, NewConnectionError | NameResolutionError | ConnectTimeoutError | ProxyError):
        raise Failure(FailureKind.UNAVAILABLE, "Salesforce cannot be reached", charged=False) from None
    if isinstance(error, SSLError) and any(isinstance(a, ssl.SSLCertVerificationError) for a in error.args):
        raise Failure(FailureKind.CONFIG, "the server's certificate is not trusted", charged=False) from None
    raise Failure(FailureKind.AMBIGUOUS, "Salesforce's answer was lost") from None
