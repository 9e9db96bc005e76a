"""Deliveries of finished jobs, their Ed25519 signatures, and the published keys."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from connectors.sandbox.callbacks import Errands, is_loopback, send
from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Dice
from connectors.sandbox.waterfall_io.directory import VENDOR, uuid_of
from connectors.sandbox.waterfall_io.knobs import Knobs

Json = dict[str, Any]
SIGNATURE = "X-Webhook-Signature"
LIFETIME_S = 300
OVERSIZE = 9_000
FOREIGN = 0
"""Number of a key that is never published."""


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Keys:
    """The signing keys, by their numbers; the same for the same seed."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self._seed, self._clock = seed, clock
        self.current = 1
        self._retired: dict[int, float] = {}

    def use(self, number: int) -> None:
        """Sign with another key from now on."""
        if number != self.current:
            self._retired[self.current] = self._clock.time()
            self._retired.pop(number, None)
            self.current = number

    def published(self, overlap_s: float) -> Json:
        """The key set: the key in force and those retired no longer than the overlap ago."""
        now = self._clock.time()
        self._retired = {n: at for n, at in self._retired.items() if now - at <= overlap_s}
        return {"keys": [self._public(number) for number in (self.current, *self._retired)]}

    def token(self, number: int, claims: Mapping[str, object], kid: str = "") -> str:
        """A compact JWT."""
        header = {"alg": "EdDSA", "typ": "JWT", "kid": kid or kid_of(number)}
        signed = f"{_base64url(orjson.dumps(header))}.{_base64url(orjson.dumps(claims))}"
        return f"{signed}.{_base64url(self._private(number).sign(signed.encode()))}"

    def _private(self, number: int) -> Ed25519PrivateKey:
        name = f"{VENDOR} signing key {self._seed} {number}"
        return Ed25519PrivateKey.from_private_bytes(hashlib.blake2b(name.encode(), digest_size=32).digest())

    def _public(self, number: int) -> Json:
        point = self._private(number).public_key().public_bytes_raw()
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": kid_of(number),
            "use": "sig",
            "alg": "EdDSA",
            "x": _base64url(point),
        }


def kid_of(number: int) -> str:
    """The name of a key."""
    return f"webhook-key-sandbox-{number}"


class Webhooks:
    """Sends finished jobs to where their launch said."""

    def __init__(self, seed: int, clock: Clock, keys: Keys) -> None:
        self._seed, self._clock, self._keys = seed, clock, keys
        self._errands = Errands()
        self._latest: tuple[bytes, dict[str, str]] | None = None
        self._count = 0

    def deliver(self, url: str, content: Json, options: Knobs) -> None:
        """Send in the background, to an address of this machine only."""
        number, self._count = self._count, self._count + 1
        lost = Dice(self._seed, VENDOR, "webhook", number)("lost") < options.webhook_lost
        if not lost and is_loopback(url):
            self._errands.begin(self._send(url, content, options))

    async def _send(self, url: str, content: Json, options: Knobs) -> None:
        body = orjson.dumps(content)
        headers = self._signed(body, options.webhook_mode)
        before, self._latest = self._latest, (body, headers)
        if options.webhook_forged:
            forged = orjson.dumps({"status": "SUCCEEDED", "output": {"person": {"first_name": "Forged"}}})
            await send(url, forged, self._signed(forged, "bad_key"), 1, 0)
        if options.webhook_replayed and before:
            await send(url, *before, 1, 0)
        copies = 1 + options.webhook_duplicates
        await send(url, body, headers, options.webhook_attempts, options.webhook_retry_s, copies)

    def _signed(self, body: bytes, mode: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if mode == "unsigned":
            return headers
        number = self._keys.current
        hashed = body + b" " if mode == "bad_hash" else body
        now = int(self._clock.time()) - (2 * LIFETIME_S if mode == "expired" else 0)
        claims: Json = {
            "iat": now,
            "exp": now + LIFETIME_S,
            "jti": uuid_of("delivery", self._count, now),
            "body_hash": _base64url(hashlib.sha256(hashed).digest()),
        }
        if mode == "oversized":
            claims["padding"] = "x" * OVERSIZE
        signer = FOREIGN if mode == "bad_key" else number
        return headers | {SIGNATURE: self._keys.token(signer, claims, kid_of(number))}
