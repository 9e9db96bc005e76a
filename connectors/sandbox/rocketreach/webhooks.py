"""Deliveries to the customer: signed, repeated, and switched off after too many failures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections import Counter
from typing import Any

import orjson

from connectors.sandbox.callbacks import Errands, is_loopback, post
from connectors.sandbox.population import Dice
from connectors.sandbox.rocketreach.directory import VENDOR
from connectors.sandbox.rocketreach.knobs import Knobs

Json = dict[str, Any]
SIGNATURE = "X-RocketReach-Signature"
FORGED_ID = 999_999_999


def sign(secret: str, body: bytes) -> str:
    """The signature of a delivery: base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


class Webhooks:
    """The webhooks of the account. `rows` are the knob's own, so that an observer sees one go off."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.rows: list[Json] = []
        self._failures: Counter[int] = Counter()
        self._errands = Errands()
        self._count = 0

    def tune(self, rows: list[Json]) -> None:
        """Have these webhooks from now on."""
        self.rows = rows
        self._failures.clear()

    def pick(self, wanted: int | None, endpoint: str) -> Json | None:
        """The webhook of that id, else the top-most one that is enabled for an endpoint."""
        fit = (h for h in self.rows if h.get("enabled", True) and endpoint in _endpoints(h))
        return next((h for h in fit if wanted is None or h["id"] == wanted), None)

    def deliver(self, hook: Json, request_id: str, content: Json | list[Json], options: Knobs) -> None:
        """Send in the background: a profile for a single lookup, a list of them for a bulk one."""
        number, self._count = self._count, self._count + 1
        lost = Dice(self._seed, VENDOR, "webhook", number)("lost") < options.webhook_lost
        if lost or not is_loopback(hook["url"]):
            return
        self._errands.begin(self._send(hook, request_id, content, options))

    async def _send(self, hook: Json, request_id: str, content: Json | list[Json], options: Knobs) -> None:
        body, secret = _body(content, options), hook.get("secret", "")
        headers = {"Content-Type": "application/json", "RR-Request-ID": request_id}
        if options.webhook_forged:
            forged = _body({"id": FORGED_ID, "status": "complete", "name": "Forged Example"}, options)
            wrong = {SIGNATURE: sign(f"not {secret}", forged)}
            await asyncio.to_thread(post, hook["url"], forged, headers | wrong)
        if secret and not options.webhook_unsigned:
            headers[SIGNATURE] = sign(secret, body)
        for _ in range(1 + options.webhook_duplicates):
            await self._repeat(hook, body, headers, options)

    async def _repeat(self, hook: Json, body: bytes, headers: dict[str, str], options: Knobs) -> None:
        for attempt in range(options.webhook_attempts):
            if attempt:
                await asyncio.sleep(options.webhook_retry_s)
            if not hook.get("enabled", True):
                return
            if await asyncio.to_thread(post, hook["url"], body, headers):
                self._failures[hook["id"]] = 0
                return
            self._failures[hook["id"]] += 1
            if self._failures[hook["id"]] >= options.webhook_disable_after:
                hook["enabled"] = False


def _endpoints(hook: Json) -> list[str]:
    endpoints: list[str] = hook.get("endpoints") or ["lookup", "bulk"]
    return endpoints


def _body(content: Json | list[Json], options: Knobs) -> bytes:
    wrapped = options.webhook_wrapper != "none"
    return orjson.dumps({options.webhook_wrapper: content} if wrapped else content)
