"""The server: lets requests in as the vendor does, reads them, and words the answers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import Handler, Route, Sandbox, reply
from connectors.sandbox.books import credential_digest
from connectors.sandbox.callbacks import Errands, is_loopback, send
from connectors.sandbox.population import Dice, Population
from connectors.sandbox.reverselooker.knobs import Knobs
from connectors.sandbox.reverselooker.profiles import VENDOR, Profiles
from connectors.sandbox.reverselooker.searches import ONGOING, Bulk, Launch, OutOfCredits, Search, Searches
from connectors.sandbox.settings import known_keys, number
from connectors.sandbox.windows import Window

Json = dict[str, Any]
SINGLE, BULK, ACCOUNT = "/reverse-contact/single", "/reverse-contact/bulk", "/account/info"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_URL = re.compile(r"https?://[^/\s]+")
_SAID = {
    400: "Bad request",
    401: "Invalid API key",
    403: "API key disabled",
    402: "Insufficient credits balance",
    404: "Not found",
    422: "Insufficient credits balance",
    429: "Too many requests",
}
_FORGED = "00000000-0000-4000-8000-000000000000"


class Refused(Exception):
    """The request ends with a refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Server(Sandbox):
    """ReverseLooker's stand-in as an ASGI application."""

    vendor = VENDOR
    knobs: ClassVar[dict[str, Any]] = Knobs.defaults()

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.options = Knobs()
        self._profiles = Profiles(population)
        self._searches: Searches | None = None
        self._errands = Errands()
        self._deliveries = 0
        super().__init__(population, settings)

    # the base creates clock and books before it reads the settings
    def _open(self) -> Searches:
        if self._searches is None:
            self._searches = Searches(self.clock, self.books, self._profiles)
            self._searches.told = self._tell
        return self._searches

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs. Giving credits sets the balance anew; giving limits empties the window."""
        options = Knobs.read({**self.settings, **settings})
        super().configure(settings)
        first, searches = self._searches is None, self._open()
        self.options = searches.options = options
        self._profiles.tune(options)
        if first or "credits" in settings:
            searches.balance = options.credits
        if first or settings.keys() & {"limits", "window"}:
            given = options.limits if isinstance(options.limits, dict) else {}
            self._window = Window(given.get("count", 10), given.get("per_s", 1), options.window)

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what is left, in credits."""
        known_keys(data, ("credit",), "the balance")
        searches = self._open()
        if "credit" in data:
            searches.balance = int(number(data["credit"], "credit", 0, whole=True))
        return {"credit": searches.balance}

    def routes(self) -> list[Route]:
        """The vendor's operations."""
        return [
            Route("POST", SINGLE, self._guarded(self._launch)),
            Route("GET", SINGLE, self._guarded(self._result)),
            Route("POST", BULK, self._guarded(self._launch_bulk)),
            Route("GET", BULK, self._guarded(self._bulk_result)),
            Route("GET", ACCOUNT, self._guarded(self._account)),
        ]

    def credential(self, request: Request) -> str:
        """The key of the `x-api-key` header."""
        return request.headers.get("x-api-key", "").strip()

    def limited(self, request: Request, template: str) -> Response | None:
        """The 429 of too many launches at once."""
        known = self.credential(request) in self.options.keys
        if request.method != "POST" or not known or self.options.limits == "off":
            return None
        wait = self._window.admit(self.clock.time())
        return self.rate_limit_answer(str(max(1, math.ceil(wait)))) if wait else None

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The 429; its header by knob."""
        headers = {}
        if retry_after and self.options.limit_header == "retry-after":
            headers = {"retry-after": retry_after}
        elif retry_after and self.options.limit_header == "reset" and retry_after.isdecimal():
            headers = {"x-ratelimit-reset": str(int(self.clock.time()) + int(retry_after))}
        return reply(self._worded(_SAID[429]), 429, headers)

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status; what stands before the service answers in HTML."""
        if status in (502, 503, 504):
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        return reply(self._worded(_SAID.get(status, "Internal server error")), status)

    def unknown_path(self, request: Request) -> Response:
        return self.error_answer(404)

    def _worded(self, message: str) -> Json:
        return {self.options.errors_as: message}

    def _guarded(self, handler: Handler) -> Handler:
        """The handler behind the check of the key."""

        async def handle(request: Request) -> Response:
            try:
                key = self.credential(request)
                if not key:
                    raise Refused(401, "Missing API key")
                if key in self.options.disabled_keys:
                    raise Refused(403, _SAID[403])
                if key not in self.options.keys:
                    raise Refused(401, _SAID[401])
                self._open().catch_up()
                return await handler(request)
            except Refused as refused:
                return reply(self._worded(refused.message), refused.status)
            except OutOfCredits:
                return self.error_answer(self.options.out_of_credits)

        return handle

    async def _read(self, request: Request, template: str) -> tuple[Json, Launch]:
        try:
            data = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            data = None
        if not isinstance(data, dict):
            raise Refused(400, "Invalid body")
        settings = data.get("settings")
        if settings is not None and not isinstance(settings, dict):
            raise Refused(400, "settings must be an object")
        webhook = (settings or {}).get("webhook") or ""
        if webhook and (not isinstance(webhook, str) or not _URL.match(webhook)):
            raise Refused(400, "webhook must be a URL")
        key = self.credential(request)
        live = key.startswith("rl_live_")
        digest = credential_digest(key)
        return data, Launch(template, digest, live, self.clock.time(), data.get("custom"), webhook)

    async def _launch(self, request: Request) -> Response:
        """POST single: the price is taken at once, whatever will be found."""
        data, launch = await self._read(request, SINGLE)
        address = _address(data.get("email"))
        if not address:
            raise Refused(400, "Invalid email")
        searches = self._open()
        search = searches.single(address, launch)
        told = {
            "id": search.id,
            "credits_used": searches.price(1, launch),
            "message": "Single reverse contact search operating",
        }
        return reply(told, self.options.launch_status)

    async def _launch_bulk(self, request: Request) -> Response:
        """POST bulk: addresses that are none are dropped without a word, and not charged."""
        data, launch = await self._read(request, BULK)
        given = data.get("emails")
        if not isinstance(given, list) or not 1 <= len(given) <= self.options.bulk_most:
            raise Refused(400, f"emails must have 1 to {self.options.bulk_most} items")
        addresses = [address for item in given if (address := _address(item))]
        if self.options.bulk_repeats == "dropped":
            addresses = list(dict.fromkeys(addresses))
        if not addresses:
            raise Refused(400, "No valid email")
        searches = self._open()
        bulk = searches.bulk(addresses, launch)
        told = {
            "id": bulk.id,
            "number_of_searches": len(addresses),
            "credits_used": searches.price(len(addresses), launch),
            "message": "Bulk reverse contact search operating",
        }
        return reply(told, self.options.launch_status)

    async def _result(self, request: Request) -> Response:
        searches = self._open()
        search = searches.find(_id_of(request))
        if search is None:
            raise Refused(404, "Search not found")
        status = self.options.ongoing_status if search.qualification == ONGOING else 200
        return reply(searches.shown(search), status)

    async def _bulk_result(self, request: Request) -> Response:
        searches = self._open()
        bulk = searches.find_bulk(_id_of(request))
        if bulk is None:
            raise Refused(404, "Search not found")
        return reply(
            searches.shown_bulk(bulk), self.options.ongoing_status if bulk.status == ONGOING else 200
        )

    async def _account(self, request: Request) -> Response:
        if not self.options.account:
            return self.unknown_path(request)
        return reply({"credits": self._open().balance, "webhooks": []})

    def _tell(self, ended: Search | Bulk) -> None:
        """Deliver what has ended, where its launch asked for it, to an address of this machine only."""
        url, self._deliveries = ended.launch.webhook, self._deliveries + 1
        luck = Dice(self.population.seed, VENDOR, "webhook", self._deliveries)("lost")
        if not url or not is_loopback(url) or luck < self.options.webhook_lost:
            return
        custom = {"custom": ended.launch.custom}
        if isinstance(ended, Search):
            content = self._open().shown(ended) | custom
        else:
            content = {"id": ended.id, "credits_used": self._open().price(len(ended.searches), ended.launch)}
            content |= custom
        self._errands.begin(self._deliver(url, content))

    async def _deliver(self, url: str, content: Json) -> None:
        options, headers = self.options, {"Content-Type": "application/json"}
        if options.webhook_forged:
            forged = orjson.dumps(content | {"id": _FORGED, "qualification": "found"})
            await send(url, forged, headers, 1, 0)
        copies = 1 + options.webhook_duplicates
        body = orjson.dumps(content)
        await send(url, body, headers, options.webhook_attempts, options.webhook_retry_s, copies)


def _address(given: object) -> str:
    """The address in lower case; blank for anything that is none."""
    text = given.strip().lower() if isinstance(given, str) else ""
    return text if _ADDRESS.fullmatch(text) and len(text) <= 254 else ""


def _id_of(request: Request) -> str:
    name = request.query_params.get("id", "")
    if not name:
        raise Refused(400, "id is required")
    return name
