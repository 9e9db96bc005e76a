"""Deliveries to the customer's own address: sent in the background, repeated, and to this machine only."""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
from collections.abc import Coroutine, Mapping
from urllib.parse import urlsplit

TIMEOUT_S = 10.0


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine. No other one is ever called."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the receiver answered with a 2xx; False too for an address that is not on this machine."""
    if not is_loopback(url):
        return False
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        try:
            connection.request("POST", target, body, dict(headers))
            return 200 <= connection.getresponse().status < 300
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return False


class Errands:
    """Things that go on while the server answers; each is held until it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, errand: Coroutine[object, object, None]) -> None:
        """Start one."""
        task = asyncio.get_running_loop().create_task(errand)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def send(
    url: str, body: bytes, headers: Mapping[str, str], attempts: int, retry_s: float, copies: int = 1
) -> None:
    """Deliver so many copies, one after the other; each is tried until a 2xx or so many attempts."""
    for _ in range(copies):
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(retry_s)
            if await asyncio.to_thread(post, url, body, headers):
                break
