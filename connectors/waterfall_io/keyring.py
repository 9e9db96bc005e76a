"""Waterfall.io's public keys, kept as long as it allows."""

from __future__ import annotations

import binascii
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from connectors.waterfall_io.operations import SIGNING_KEYS
from connectors.waterfall_io.requests import signing_keys
from connectors.waterfall_io.shapes import loose, reshaped, table, text
from syncd.connector import Answer, Wire

KEPT_S = 300.0
FORCED_S = 30.0
Keys = Mapping[str, Ed25519PublicKey]


class KeyRing:
    """The keys by their ids. `clock` counts seconds from anywhere; it only measures how old the keys are.

    An id that is not known has the keys read anew, at most once in 30 seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turn = Lock()
        self._keys: Keys = {}
        self._read_at: float | None = None
        self._told: datetime | None = None

    def find(self, wire: Wire, kid: str) -> Ed25519PublicKey | None:
        """The key of an id, or None where the vendor has none.

        Raises:
            Failure: where the keys could not be read.
        """
        with self._turn:
            age = float("inf") if self._read_at is None else self._clock() - self._read_at
            if age > KEPT_S or (kid not in self._keys and age >= FORCED_S):
                self._read(wire)
            return self._keys.get(kid)

    def now(self) -> datetime | None:
        """The vendor's time: that of its last key answer, and the time gone since; None if it told none."""
        with self._turn:
            if self._told is None or self._read_at is None:
                return None
            return self._told + timedelta(seconds=self._clock() - self._read_at)

    def _read(self, wire: Wire) -> None:
        answer = wire.send(SIGNING_KEYS, signing_keys())
        self._keys, self._told, self._read_at = _keys(answer), _date(answer), self._clock()


def _keys(answer: Answer) -> Keys:
    """The Ed25519 keys of a key set; entries of other kinds are left out."""
    listed = table(answer.json(), "key set").get("keys")
    if not isinstance(listed, list):
        raise reshaped("key set")
    found: dict[str, Ed25519PublicKey] = {}
    for entry in listed:
        row = loose(entry)
        kid, key = text(row.get("kid")), _key(row)
        if kid and key is not None:
            found[kid] = key
    return found


def _key(row: Mapping[str, object]) -> Ed25519PublicKey | None:
    fits = (row.get("kty"), row.get("crv")) == ("OKP", "Ed25519")
    if not fits or row.get("use", "sig") != "sig" or row.get("alg", "EdDSA") not in ("EdDSA", "Ed25519"):
        return None
    point = text(row.get("x"))
    try:
        return Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(point + "=" * (-len(point) % 4)))
    except (ValueError, binascii.Error):
        return None


def _date(answer: Answer) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return None
    return told if told.tzinfo is not None else None
