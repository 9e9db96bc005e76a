"""Callbacks about finished batches: signed, to this machine only."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import http.client
import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit
from uuid import uuid4

from connectors.sandbox.crustdata.knobs import Knobs

SIGNATURE, EVENT = "x-crustdata-signature", "x-crustdata-event-id"


def sign(key: str, at: int, body: bytes) -> str:
    """The value of the signature header: HMAC-SHA256 over the time, a dot and the body."""
    spun = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={spun}"


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine. No other one is ever called."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and (
            host == "localhost" or ipaddress.ip_address(host).is_loopback
        )
    except ValueError:
        return False


async def deliver(url: str, body: bytes, key: str, knobs: Knobs, now: Callable[[], float]) -> None:
    """Post until a 2xx or the attempts are used up, once more for each duplicate.

    Every delivery of one event has one event id; each attempt is signed anew.
    """
    event = str(uuid4())
    for _ in range(1 + knobs.webhook_duplicates):
        for attempt in range(knobs.webhook_attempts):
            if attempt:
                await asyncio.sleep(knobs.webhook_retry_s)
            headers = {"content-type": "application/json", EVENT: event}
            if knobs.webhook_signature != "unsigned":
                forged = knobs.webhook_signature == "forged"
                headers[SIGNATURE] = sign(f"not {key}" if forged else key, int(now()), body)
            if await asyncio.to_thread(_post, url, body, headers):
                break


def _post(url: str, body: bytes, headers: dict[str, str]) -> bool:
    """Whether the receiver answered with a 2xx."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("POST", target, body, headers)
            return 200 <= connection.getresponse().status < 300
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return False
