"""The server: lets requests in as the vendor does, limits their rate, and words the refusals."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox.base import BadSetting, Handler, Route, Sandbox, reply
from connectors.sandbox.books import credential_digest
from connectors.sandbox.population import Population
from connectors.sandbox.rocketreach.account import Account
from connectors.sandbox.rocketreach.asking import Fields, Json, Refused, bad, body_of, no_entitlement
from connectors.sandbox.rocketreach.call import Answer, Call, Desk
from connectors.sandbox.rocketreach.directory import Directory
from connectors.sandbox.rocketreach.knobs import Knobs
from connectors.sandbox.rocketreach.limits import Limits, chosen
from connectors.sandbox.rocketreach.lookups import Lookups
from connectors.sandbox.rocketreach.operations import OPERATIONS, OTHER_PREFIXES, PREFIX, Operation
from connectors.sandbox.rocketreach.profiles import Profiles
from connectors.sandbox.rocketreach.till import Till
from connectors.sandbox.rocketreach.webhooks import Webhooks

REQUEST_ID = "RR-Request-ID"
DETAILS = {
    401: "Invalid API key",
    402: "You have insufficient verification credits.",
    403: "You do not have permission to perform this action.",
    404: "Not found.",
    500: "A server error occurred.",
}
_PIECES = 8


class _Slow(Response):
    """A body that arrives in pieces, over so many seconds."""

    seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        step = max(1, -(-len(body) // _PIECES))
        for start in range(0, len(body), step):
            await asyncio.sleep(self.seconds / _PIECES)
            piece = body[start : start + step]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Server(Sandbox):
    """RocketReach's stand-in as an ASGI application."""

    vendor = "rocketreach"
    knobs: ClassVar[dict[str, Any]] = Knobs.defaults()

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.options = Knobs()
        self._keys: list[str] = []
        self._limits = Limits()
        self._directory = Directory(population)
        self._webhooks = Webhooks(population.seed)
        self._operations = {o.template: o for o in OPERATIONS}
        self._lagging: dict[str, tuple[float, Json]] = {}
        self._requests = 0
        self._account: Account | None = None
        super().__init__(population, settings)

    # the base creates clock and books before it reads the settings
    def _open(self) -> Account:
        if self._account is None:
            self._account = Account(self.books)
            till = Till(self._account, self._directory)
            lookups = Lookups(self.population.seed, self.clock, till.settle)
            profiles = Profiles(self._directory)
            self._desk = Desk(self._directory, profiles, till, lookups, self._webhooks)
        return self._account

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs. Giving credits refills the pools; giving limits or a plan empties the windows."""
        options = Knobs.read({**self.settings, **settings})
        if strange := set(options.no_access) - self._operations.keys():
            raise BadSetting(f"no operation at {', '.join(sorted(strange))}")
        super().configure(settings)
        first, account = self._account is None, self._open()
        self.options = self._desk.till.options = options
        self._directory.tune(options)
        if first or settings.keys() & {"credits", "universal_credits", "verify_credits"}:
            account.fill(options)
        if first or settings.keys() & {"limits", "plan", "window", "time_scale"}:
            self._limits.tune(chosen(options.plan, options.limits), options.window, options.time_scale)
        if first or "keys" in settings:
            self._keys = list(options.keys)
        if first or "webhooks" in settings:
            self.settings["webhooks"] = options.webhooks
            self._webhooks.tune(options.webhooks)
        self._lagging.clear()

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what is left now, by pool; tells what is left in every pool."""
        account = self._open()
        account.set(data)
        self._lagging.clear()
        return account.balances()

    def routes(self) -> list[Route]:
        """The vendor's operations."""
        return [Route(o.method, o.template, self._handler(o)) for o in OPERATIONS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; the base path may be the present one, the former one, or none."""
        path = scope.get("path", "")
        if scope["type"] == "http" and not path.startswith("/_sandbox"):
            bare = next((path.removeprefix(p) for p in OTHER_PREFIXES if path.startswith(f"{p}/")), path)
            scope = {**scope, "path": PREFIX + bare}
        await super().__call__(scope, receive, send)

    def credential(self, request: Request) -> str:
        """The key of the `Api-Key` header, else of the deprecated query parameter."""
        return (request.headers.get("api-key") or request.query_params.get("api_key") or "").strip()

    def limited(self, request: Request, template: str) -> Response | None:
        """The vendor's 429: everything together a second, and windows by kind of call."""
        if self.credential(request) not in self._keys:
            return None
        wait = self._limits.admit(self._operations[template].action, self.clock.time())
        if not wait:
            return None
        seconds = min(max(1, math.ceil(wait)) if math.isfinite(wait) else 2_592_000, 2_592_000)
        return self.rate_limit_answer(None if self.options.omit_retry_after else str(seconds))

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The vendor's 429; without the header its sentence names no time either."""
        if not retry_after:
            return reply({"detail": "Request was throttled."}, 429)
        unit = "second" if retry_after == "1" else "seconds"
        detail = f"Request was throttled. Expected available in {retry_after} {unit}."
        return reply({"detail": detail}, 429, {"retry-after": retry_after})

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status; what stands before the service answers in HTML."""
        if status in (502, 503, 504):
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        if status == 401:
            return reply(self._unauthorised("bad"), 401)
        return reply({"detail": DETAILS.get(status, "Error.")}, status)

    def unknown_path(self, request: Request) -> Response:
        """404, or 405 where another method would be answered."""
        path = request.scope["path"].rstrip("/")
        if path in self._operations:
            return reply({"detail": f'Method "{request.method}" not allowed.'}, 405)
        return self.error_answer(404)

    def decorate(self, request: Request, template: str, response: Response) -> None:
        """A request id on every answer of a lookup, refusals too."""
        operation = self._operations.get(template)
        if operation and operation.traced and REQUEST_ID not in response.headers:
            response.headers[REQUEST_ID] = self._request_id()

    def _request_id(self) -> str:
        self._requests += 1
        spun = hashlib.blake2b(f"{self.clock.time()} {self._requests}".encode(), digest_size=16)
        return str(UUID(bytes=spun.digest(), version=4))

    def _unauthorised(self, key: str) -> Json:
        if self.options.documented_401:
            return {"status": 401, "message": "Invalid API Key"}
        said = DETAILS[401] if key else "Anonymous requests are not allowed. Try the API with a test key."
        return {"detail": said, "error_code": "authentication_failed"}

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: Request) -> Response:
            request_id = self._request_id() if operation.traced else ""
            try:
                answer = await self._admit(operation, request, request_id)
            except Refused as refused:
                answer = self._worded(refused)
            response = self._response(answer)
            if request_id:
                response.headers[REQUEST_ID] = request_id
            return response

        return handle

    def _response(self, answer: Answer) -> Response:
        if answer.data is None:
            return Response(b"", answer.status)
        plain = reply(answer.data, answer.status)
        if not self.options.slow_body_s:
            return plain
        slow = _Slow(bytes(plain.body), plain.status_code, media_type=plain.media_type)
        slow.seconds = self.options.slow_body_s
        return slow

    def _worded(self, refused: Refused) -> Answer:
        """A refusal; that of bad input in the form that the knob chooses."""
        body, form = refused.body, self.options.bad_input_as
        if refused.status == 400 and form != "fields":
            first = next(iter(body.values()))
            body = {form: first[0] if isinstance(first, list) else first}
        return Answer(body, refused.status)

    async def _admit(self, operation: Operation, request: Request, request_id: str) -> Answer:
        key, options = self.credential(request), self.options
        if key not in self._keys:
            raise Refused(401, self._unauthorised(key))
        self._entitled(operation)
        self._desk.lookups.catch_up()
        kind = request.headers.get("content-type", "")
        body = body_of(await request.body(), kind) if operation.method == "POST" else {}
        if operation.run is None:
            return self._answer_for(operation, key, body)
        now, query = self.clock.time(), request.query_params
        charge = {"operation": operation.template, "at": now, "credential": credential_digest(key)}
        universal = operation.api == "universal"
        call = Call(
            self._desk, options, universal, now, request_id, Fields(dict(query)), tuple(query.getlist("ids")),
            body, charge,
        )  # fmt: skip
        return await operation.run(call)

    def _entitled(self, operation: Operation) -> None:
        options = self.options
        if not options.email_verified and operation.run is not None:
            raise Refused(403, {"detail": "Verify your email in order to use the full API."})
        if operation.template in options.no_access:
            raise no_entitlement()
        if operation.api and not options.serves(operation.api):
            universal = operation.api == "universal"
            said = "This key has no Universal Credits allocation."
            raise Refused(403, {"detail": said}) if universal else no_entitlement()

    def _answer_for(self, operation: Operation, key: str, body: Json) -> Answer:
        """The account's own operations."""
        if operation.path == "/account/key":
            return Answer(self._rotate(key, body))
        now = self.clock.time()
        at, shown = self._lagging.get(operation.api, (-math.inf, {}))
        if now - at >= self.options.balance_lag_s:
            shown = self._account_answer(operation.api, key)
            self._lagging[operation.api] = (now, shown)
        return Answer(shown)

    def _account_answer(self, api: str, key: str) -> Json:
        account, limits = self._open(), self._limits.shown(self.clock.time())
        calls = len(self.journal.rows)
        if api == "standard":
            return account.standard(self.options, limits, calls)
        return account.universal(self.options, limits, calls, key, self.clock.now())

    def _rotate(self, key: str, body: Json) -> Json:
        """A new key in place of the one that the body repeats."""
        if body.get("api_key") != key:
            raise bad("api_key", "The current key is required.")
        fresh = hashlib.blake2b(self._request_id().encode(), digest_size=16).hexdigest()
        self._keys[self._keys.index(key)] = fresh
        return {"api_key": fresh}
