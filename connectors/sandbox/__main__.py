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
from connectors.sandbox.tls import issue


class Connections:
    """The open connections by the client's address, so that a fault can cut one."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[HttpToolsProtocol]:
        """A protocol that tells of its connections."""
        known = self._open

        class Protocol(HttpToolsProtocol):
            def connection_made(self, transport: Any) -> None:
                super().connection_made(transport)
                known[tuple(transport.get_extra_info("peername"))[:2]] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                if self.client:
                    known.pop((self.client[0], self.client[1]), None)

        return Protocol

    def abort(self, client: tuple[str, int]) -> None:
        """Reset the connection: closing with nothing left to linger for is no orderly end."""
        transport = self._open.get((client[0], client[1]))
        if transport:
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()


def serve(sandbox: Sandbox, port: int, tls: Path | None = None) -> None:
    """Serve until the process is told to end. `port` 0 takes a free one.

    With `tls` it is https, and the folder has a `ca.pem` that clients have to trust.

    Raises:
        OSError: the port is taken, or the folder cannot be written to.
    """
    paper = issue(tls) if tls else None
    connections = Connections()
    sandbox.aborts = connections.abort
    config = uvicorn.Config(
        cast("Any", sandbox), http=connections.protocol(), log_level="critical", access_log=False,
        lifespan="off", timeout_keep_alive=300, backlog=512, server_header=False,
        timeout_graceful_shutdown=1, date_header=not sandbox.own_date,
        ssl_certfile=paper.certificate if paper else None, ssl_keyfile=paper.key if paper else None,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with _listener(port) as listener:
        threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
        url = f"{'https' if paper else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
        print(json.dumps({"vendor": sandbox.vendor, "url": url, "pid": os.getpid()}), flush=True)  # noqa: T201
        gc.collect()
        gc.freeze()
        server.run(sockets=[listener])


def _listener(port: int) -> socket.socket:
    """A socket on loopback that takes connections from now on."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # accepted connections inherit it; without it every answer of two packets waits for a delayed ACK
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise OSError(f"port {port} cannot be used: {error.strerror}") from None
    listener.listen(512)
    return listener


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
    parser.add_argument(
        "--namesakes", type=float, default=0.0, help="share of people with a colleague's name"
    )
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--tls", type=Path, metavar="DIR", help="serve https; clients trust DIR/ca.pem")
    parser.add_argument("--settings", default="{}", help="knobs as JSON")
    parser.add_argument("--faults", default="[]", help="faults as JSON")
    return parser.parse_args()


def build(given: argparse.Namespace) -> Sandbox:
    """The sandbox that the arguments ask for.

    Raises:
        ValueError: a setting, a fault or the export is not understood.
    """
    population = (
        Population.load(given.csv, given.seed)
        if given.csv
        else Population.invent(given.contacts, given.seed, given.namesakes)
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
        serve(sandbox, given.port, given.tls)
    except (ValueError, OSError) as error:
        raise SystemExit(f"connectors.sandbox: {error}") from None


if __name__ == "__main__":
    main()
