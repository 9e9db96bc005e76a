"""One loopback server in a thread, behind which any sandbox can stand: a new one for every row of a suite."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from importlib import import_module
from typing import Any

import uvicorn
from starlette.types import Message, Receive, Scope, Send

from connectors.sandbox.__main__ import Connections, _listener
from connectors.sandbox.base import Sandbox
from connectors.sandbox.faults import Fault
from connectors.sandbox.population import Population

PEOPLE = 80
CROWD = 450
"""People of a CRM: more than two pages of any size that is looked for."""
FAR_FUTURE_S = 400 * 86_400.0

Tamper = Callable[[int, bytes], bytes]
"""Given the request's number, counted from 1, and the body of its answer: the body to send instead."""


class Loopback:
    """The server. `stage` puts a new sandbox behind it; requests reach it over real sockets.

    Dates of answers are those of the sandbox's clock.
    """

    def __init__(self) -> None:
        self._connections = Connections()
        config = uvicorn.Config(
            self, http=self._connections.protocol(), log_config=None, log_level="critical", access_log=False, lifespan="off",
            timeout_keep_alive=300, server_header=False, timeout_graceful_shutdown=1, date_header=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._socket = _listener(0)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)
        self._thread.start()
        self.sandbox: Sandbox | None = None
        self.tamper: Tamper | None = None
        self.number = 0

    def stage(self, sandbox: Sandbox) -> Sandbox:
        """Send every request to this sandbox from now on; the former one finishes its jobs and is forgotten."""
        if self.sandbox is not None:
            self.sandbox.faults.clear()
            self.sandbox.clock.advance(FAR_FUTURE_S)
        sandbox.aborts = self._connections.abort
        self.sandbox, self.tamper, self.number = sandbox, None, 0
        return sandbox

    @contextmanager
    def interlude(self) -> Iterator[None]:
        """Another sandbox may be on stage while the block runs; then the present one is again."""
        held = self.sandbox, self.tamper, self.number
        self.sandbox = None
        try:
            yield
        finally:
            self.sandbox, self.tamper, self.number = held

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.sandbox is None:
            raise AssertionError("no sandbox is on stage")
        self.number += 1
        number, tamper = self.number, self.tamper
        held: list[Message] = []
        date = formatdate(self.sandbox.clock.time(), usegmt=True).encode()

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start" and not any(
                name.lower() == b"date" for name, _ in message["headers"]
            ):
                message["headers"] = [*message["headers"], (b"date", date)]
            await send(message)

        async def spoil(message: Message) -> None:
            if message["type"] == "http.response.start":
                held.append(message)
                return
            body = tamper(number, message.get("body", b"")) if tamper else message.get("body", b"")
            start = held.pop()
            headers = [(n, v) for n, v in start["headers"] if n.lower() != b"content-length"]
            start["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
            await dated(start)
            await send({**message, "body": body})

        if tamper:
            # A body that is to be changed must not come compressed.
            kept = [(n, v) for n, v in scope["headers"] if n.lower() != b"accept-encoding"]
            scope = {**scope, "headers": kept}
        await self.sandbox(scope, receive, spoil if tamper else dated)


@contextmanager
def loopback() -> Iterator[Loopback]:
    """A server that ends with the block."""
    server = Loopback()
    try:
        yield server
    finally:
        server.close()


class Troupe:
    """Sandboxes of any vendor over populations that are invented once: few people, or a crowd."""

    def __init__(self, server: Loopback, servers: Mapping[str, str]) -> None:
        self.server = server
        self._servers = servers
        self.population = Population.invent(PEOPLE, seed=11)
        self.crowd = Population.invent(CROWD, seed=12)

    def sandbox_class(self, vendor: str) -> type[Sandbox]:
        """The class of a vendor's stand-in."""
        found: type[Sandbox] = import_module(self._servers[vendor]).Server
        return found

    def open(self, vendor: str, settings: Mapping[str, Any], crowded: bool = False) -> Sandbox:
        """A new sandbox of the vendor, on stage."""
        people = self.crowd if crowded else self.population
        return self.server.stage(self.sandbox_class(vendor)(people, settings))


def fault(sandbox: Sandbox, kind: str, **more: Any) -> None:
    """Install a fault that acts from the next request on."""
    sandbox.install([Fault.parse({"kind": kind, **more})])
