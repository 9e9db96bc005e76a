"""Callbacks: a vendor says that a job has ended. It only wakes the poll; the result is always fetched."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from syncd.connector import Failure, FailureKind
from syncd.metrics import Metrics
from syncd.runtime import Runtime, callback_token
from syncd.store import jobs

_log = structlog.get_logger("syncd.callbacks")
MAX_BODY = 1_000_000
BODY_WITHIN_S = 5.0
"""How long a body may take to arrive; one that trickles would hold a connection of the listener."""
STRANGER = "?"
"""Stands in the count for a provider that the configuration does not have."""


class Callbacks:
    """The handler of `POST /callbacks/{provider}/{token}`."""

    def __init__(self, runtime: Runtime, metrics: Metrics) -> None:
        self.r = runtime
        self.metrics = metrics

    async def __call__(self, request: Request) -> Response:
        """2xx once it is stored; a vendor that repeats a callback does no harm."""
        name = request.path_params["provider"]
        if name not in self.r.providers or not self._known(name, request.path_params["token"]):
            self._count(name if name in self.r.providers else STRANGER, "unknown_address")
            # Which of the two is wrong is nobody's business.
            return JSONResponse({"error": "not found"}, 404)
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                body = await _read(request)
        except TimeoutError:
            return self._said(name, "slow", 408, {"connection": "close"})
        if body is None:
            return self._said(name, "too_large", 413)
        return await run_in_threadpool(self._take, name, dict(request.headers), body)

    def _known(self, name: str, token: str) -> bool:
        return hmac.compare_digest(token.encode(), callback_token(name, self.r.salt).encode())

    def _take(self, name: str, headers: Mapping[str, str], body: bytes) -> Response:
        account = self.r.providers[name]
        try:
            handles = account.connector.callback(account.line, headers, body)
        except Failure as failure:
            if failure.kind is FailureKind.AUTH:
                return self._said(name, "bad_signature", 401)
            if failure.kind is FailureKind.CONTRACT:
                return self._said(name, "unknown_job", 400)
            return self._said(name, "unknown_job", 503)
        with self.r.store.write() as connection:
            woken = jobs.hurry(connection, name, handles)
            ours = bool(woken) or jobs.launched(connection, name, handles)
        return self._said(name, "accepted" if woken else "duplicate" if ours else "unknown_job", 200)

    def _said(
        self, name: str, result: str, status: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        self._count(name, result)
        return JSONResponse({"result": result}, status, headers)

    def _count(self, name: str, result: str) -> None:
        self.metrics.callbacks.labels(name, result).inc()
        _log.info("callback.received", provider=name, result=result)


async def _read(request: Request) -> bytes | None:
    """The body; None where it is larger than any callback may be."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY:
        return None
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BODY:
                return None
            chunks.append(chunk)
    except ClientDisconnect:
        return b""
    return b"".join(chunks)
