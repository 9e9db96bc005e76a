"""Callbacks: whether Waterfall.io signed them, and of which job they speak.

The signature is a compact JWT in a header, by Ed25519, over the hash of the raw body.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime

import orjson
from cryptography.exceptions import InvalidSignature

from connectors.waterfall_io.keyring import KeyRing
from connectors.waterfall_io.shapes import is_job_id, loose, text
from syncd.connector import Failure, FailureKind, Wire

SIGNATURE = "x-webhook-signature"
_LONGEST = 8192
_LEEWAY_S = 300.0


def signature_of(headers: Mapping[str, str]) -> str:
    """The signature, or "" for a callback without one."""
    return next((value.strip() for name, value in headers.items() if name.lower() == SIGNATURE), "")


def require_signature(token: str, body: bytes, keys: KeyRing, wire: Wire) -> None:
    """Nothing, for a token by one of the vendor's keys that holds the hash of the body.

    Its time claims are judged where the vendor's key answer told the time, with five minutes of leeway; a
    callback that comes twice is harmless.

    Raises:
        Failure: of kind auth, for anything else; of another kind, where the keys could not be read.
    """
    if len(token) > _LONGEST:
        raise _wrong()
    pieces = token.split(".")
    if len(pieces) != 3:
        raise _wrong()
    head, claims = _object(pieces[0]), _object(pieces[1])
    kid = head.get("kid")
    if head.get("alg") != "EdDSA" or "crit" in head or not isinstance(kid, str) or not kid:
        raise _wrong()
    key = keys.find(wire, kid)
    if key is None:
        raise _wrong()
    try:
        key.verify(_bytes(pieces[2]), f"{pieces[0]}.{pieces[1]}".encode())
    except InvalidSignature:
        raise _wrong() from None
    ours = urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=")
    said = claims.get("body_hash")
    if not isinstance(said, str) or not hmac.compare_digest(ours, said.encode()):
        raise _wrong()
    _require_time(claims, keys.now())


def _require_time(claims: Mapping[str, object], now: datetime | None) -> None:
    told: dict[str, float] = {}
    for name in ("exp", "nbf", "iat"):
        if (value := claims.get(name)) is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong()
        told[name] = float(value)
    if now is None:
        return
    at = now.timestamp()
    late = told.get("exp", at) < at - _LEEWAY_S
    early = max(told.get("nbf", at), told.get("iat", at)) > at + _LEEWAY_S
    if late or early:
        raise _wrong()


def _wrong() -> Failure:
    return Failure(FailureKind.AUTH, "the callback's signature is not Waterfall.io's", charged=False)


def _bytes(piece: str) -> bytes:
    try:
        return urlsafe_b64decode(piece.encode("ascii") + b"=" * (-len(piece) % 4))
    except (binascii.Error, UnicodeEncodeError):
        raise _wrong() from None


def _object(piece: str) -> Mapping[str, object]:
    try:
        said: object = orjson.loads(_bytes(piece))
    except orjson.JSONDecodeError:
        raise _wrong() from None
    if not isinstance(said, dict):
        raise _wrong()
    return said


def called_back(body: bytes) -> tuple[str, ...]:
    """The job that a body speaks of: it has the form of a finder answer.

    Raises:
        Failure: of kind contract, for a body without any.
    """
    try:
        said = loose(orjson.loads(body))
    except orjson.JSONDecodeError:
        said = {}
    task = loose(loose(said.get("input")).get("task"))
    names = (text(task.get("job_id")), text(said.get("job_id")))
    found = tuple(dict.fromkeys(name for name in names if is_job_id(name)))
    if not found:
        raise Failure(FailureKind.CONTRACT, "the callback names no job", charged=False)
    return found
