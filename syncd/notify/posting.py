"""Requests to where people are told: https, or plain http to this machine; no redirects, no proxies."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from syncd.config.urls import parse_hook_url
from syncd.notify.message import Undelivered

TIMEOUT_S = 10.0


def post(url: str, body: bytes, content_type: str, timeout_s: float = TIMEOUT_S) -> None:
    """Send a body; any answer of 200 to 299 will do.

    Raises:
        Undelivered: it did not arrive. The text holds nothing of the URL.
    """
    try:
        parts = urlsplit(parse_hook_url(url))
    except PydanticCustomError:
        raise Undelivered("the URL is not one that may be used: https, or http to this machine") from None
    host, port = parts.hostname or "", parts.port
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, port, timeout=timeout_s, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(
            "POST", target, body, {"content-type": content_type, "user-agent": "syncd", "connection": "close"}
        )
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(type(error).__name__) from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise Undelivered(f"it answered {status}")
