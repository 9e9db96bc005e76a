"""One sandbox server as a process: `python -m connectors.sandbox VENDOR --port N …`.

It prints one JSON line when it serves, listens on loopback only, and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import socket
import struct
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from connectors.sandbox import SERVERS
from connectors.sandbox.base import Sandbox
from connectors.sandbox.faults import Fault
from connectors.sandbox.population import Population


def serve(sandbox: Sandbox, port: int) -> None:
    """Serve until the process is told to end. `port` 0 takes a free one."""
    transports: dict[tuple[str, int], asyncio.Transport] = {}

    class Protocol(HttpToolsProtocol):
        """Remembers its connection, so that a fault can cut it."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transports[tuple(transport.get_extra_info("peername"))[:2]] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            if self.client:
                transports.pop((self.client[0], self.client[1]), None)

    def abort(client: tuple[str, int]) -> None:
        transport = transports.get((client[0], client[1]))
        if transport:
            # closing with nothing left to linger for sends a reset instead of an orderly end
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            transport.abort()

    sandbox.aborts = abort
    config = uvicorn.Config(
        cast("Any", sandbox), "127.0.0.1", port, http=Protocol, log_level="critical", access_log=False,
        lifespan="off", timeout_keep_alive=300, backlog=512, server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    listener = config.bind_socket()
    # accepted connections inherit it; without it every answer of two packets waits for a delayed ACK
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.listen(512)
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(json.dumps({"vendor": sandbox.vendor, "url": url, "pid": os.getpid()}), flush=True)  # noqa: T201
    gc.collect()
    gc.freeze()
    server.run(sockets=[listener])


def _end_with_parent(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    server.should_exit = True


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="connectors.sandbox", description="one vendor's stand-in server")
    parser.add_argument("vendor", choices=sorted(SERVERS))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=1000)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--settings", default="{}", help="knobs as JSON")
    parser.add_argument("--faults", default="[]", help="faults as JSON")
    return parser.parse_args()


def build(given: argparse.Namespace) -> Sandbox:
    """The sandbox that the arguments ask for.

    Raises:
        ValueError: a setting, a fault or the export is not understood.
    """
    population = (
        Population.load(given.csv, given.seed) if given.csv else Population.invent(given.contacts, given.seed)
    )
    sandbox: Sandbox = import_module(SERVERS[given.vendor]).Server(population, json.loads(given.settings))
    sandbox.install(Fault.parse(f) for f in json.loads(given.faults))
    return sandbox


def main() -> None:
    # nothing of what is built here becomes garbage: collecting would only cost start-up time
    gc.disable()
    given = _arguments()
    try:
        sandbox = build(given)
        gc.enable()
        serve(sandbox, given.port)
    except (ValueError, OSError) as error:
        raise SystemExit(f"connectors.sandbox: {error}") from None


if __name__ == "__main__":
    main()
