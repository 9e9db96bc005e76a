"""The listener: metrics and health. It binds where the configuration says and asks no upstream anything."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from syncd.bounded import Bounded
from syncd.config import Listen

CALLBACKS = "/callbacks/{provider}/{token}"
CONNECTIONS = 64
DATE_S = 1.0
"""How old the Date of an answer may be."""
Verdict = Callable[[], tuple[bool, str]]
"""Whether all is well, and a sentence."""


def application(
    registry: CollectorRegistry,
    alive: Verdict,
    ready: Verdict,
    callbacks: Callable[[Request], Awaitable[Response]] | None = None,
    *,
    details: Callable[[], list[str]] = list,
) -> Starlette:
    """The routes. Machines go by the status; `?verbose` adds `details` for people."""

    def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def health(ask: Verdict) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            well, sentence = ask()
            lines = [sentence, *(details() if "verbose" in request.query_params else ())]
            return PlainTextResponse("\n".join(lines) + "\n", 200 if well else 503)

        return answer

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            Route("/livez", health(alive)),
            Route("/healthz", health(alive)),
            Route("/readyz", health(ready)),
            *([Route(CALLBACKS, callbacks, methods=["POST"])] if callbacks else []),
        ],
        exception_handlers={404: _nothing, 405: _nothing},
    )


def _nothing(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return JSONResponse({"error": "there is nothing here; /metrics, /livez and /readyz are"}, status)


class Server(uvicorn.Server):
    """Uvicorn's server, which sleeps until somebody asks it something or ends it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """End, from any thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        # Uvicorn's own wakes ten times a second, to see whether it should end and what time it is.
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_S):
                    await self._ending.wait()


class Web:
    """The listener in a thread of its own.

    Raises:
        OSError: the address cannot be bound.
    """

    def __init__(self, app: Starlette, listen: Listen, connection: type[Bounded] = Bounded) -> None:
        family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((listen.host, listen.port))
        self.address = Listen(listen.host, self._socket.getsockname()[1])
        config = uvicorn.Config(
            app,
            http=connection,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=2,
            limit_concurrency=CONNECTIONS,
        )
        self._server = Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="web", daemon=True
        )

    def start(self) -> None:
        """Serve until stopped; whoever connects from now on is heard."""
        # The thread needs a moment to begin. Until then the kernel lets clients wait, instead of refusing them.
        self._socket.listen(CONNECTIONS)
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked and end."""
        self._server.end()
        if self._thread.is_alive():
            self._thread.join(5)
        self._socket.close()
