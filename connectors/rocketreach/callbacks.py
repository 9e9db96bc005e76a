"""Callbacks: whether RocketReach signed them, and of which look-ups they speak."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping

import orjson

from connectors.rocketreach.shapes import profile_id, rows
from syncd.connector import Failure, FailureKind

SIGNATURE = "x-rocketreach-signature"


def require_signature(headers: Mapping[str, str], body: bytes, secret: str) -> None:
    """Nothing, for a body that was signed with the webhook's secret: base64 of HMAC-SHA256 over the raw body.

    Raises:
        Failure: of kind auth, for a signature that is wrong or missing.
    """
    said = next((value for name, value in headers.items() if name.lower() == SIGNATURE), "")
    ours = b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    if not hmac.compare_digest(ours, said.strip().encode()):
        raise Failure(FailureKind.AUTH, "the callback is not signed with the webhook's secret", charged=False)


def called_back(body: bytes) -> tuple[str, ...]:
    """The profile ids that a body speaks of: one profile, a list of them, or either in a wrapper.

    Raises:
        Failure: of kind contract, for a body without any.
    """
    try:
        said: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    try:
        names = [name for row in rows(said, "callback") if (name := profile_id(row))]
    except Failure:
        names = []
    if not names:
        raise Failure(FailureKind.CONTRACT, "the callback names no profile", charged=False)
    return tuple(dict.fromkeys(names))
