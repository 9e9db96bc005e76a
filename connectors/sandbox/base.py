"""What every sandbox server shares: the way a request is received, spoiled, answered and recorded."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox.books import Books, Journal, credential_digest
from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import AFTER_EFFECT, Fault
from connectors.sandbox.population import Population

Handler = Callable[[Request], Awaitable[Response]]
MAX_BODY = 16 * 1024 * 1024


def reply(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(data), status, dict(headers or {}), "application/json")


class BadSetting(ValueError):
    """A setting, fault or edit that the sandbox does not understand; its text says what it would."""


class Route:
    """A method and a path template; `{name}` takes one path segment."""

    def __init__(self, method: str, template: str, handler: Handler) -> None:
        self.method, self.template, self.handler = method, template, handler
        self.pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + r"/?$")


class Sandbox:
    """One vendor's stand-in as an ASGI application.

    A subclass sets `vendor`, fills `routes()`, names its knobs with their defaults in `knobs`, and
    overrides `limited`, `unknown_path`, `edit` and `set_balance` where the vendor has them.
    """

    vendor: ClassVar[str]
    knobs: ClassVar[dict[str, Any]] = {}

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.population = population
        self.clock = Clock()
        self.journal = Journal()
        self.books = Books()
        self.faults: list[Fault] = []
        self.settings: dict[str, Any] = {"latency_ms": 0, **self.knobs}
        self.configure(settings or {})
        self._routes = self.routes()
        self._plain = {(r.method, r.template): r for r in self._routes if "{" not in r.template}
        self.aborts: Callable[[tuple[str, int]], None] = lambda client: None

    # what a vendor fills in

    def routes(self) -> list[Route]:
        """The vendor's API."""
        raise NotImplementedError

    def credential(self, request: Request) -> str:
        """The credential that a request carries, for the journal."""
        return request.headers.get("authorization", "")

    def limited(self, request: Request, template: str) -> Response | None:
        """The vendor's 429, or None where the request is within its limits."""
        return None

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The vendor's 429, for a fault that was asked for."""
        return reply({"message": "rate limited"}, 429, {"retry-after": retry_after} if retry_after else None)

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status, for a fault that was asked for."""
        return reply({"message": "error"}, status)

    def unknown_path(self, request: Request) -> Response:
        return reply({"message": "not found"}, 404)

    def decorate(self, request: Request, template: str, response: Response) -> None:
        """Headers that the vendor adds to every answer."""

    def edit(self, data: dict[str, Any]) -> dict[str, Any]:
        """Change a CRM record as a person, an import or another integration would."""
        raise BadSetting(f"{self.vendor} has no records to edit")

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what the account has left, by credit kind."""
        raise BadSetting(f"{self.vendor} has no balance")

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs.

        Raises:
            BadSetting: there is no such knob.
        """
        unknown = set(settings) - set(self.settings)
        if unknown:
            raise BadSetting(
                f"no setting {', '.join(sorted(unknown))}; there are {', '.join(sorted(self.settings))}"
            )
        self.settings.update(settings)

    # the path of a request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = Request(scope, receive)
        path = scope["path"]
        if path.startswith("/_sandbox"):
            await (await self._control(request))(scope, receive, send)
            return
        started = time.perf_counter()
        route = self._route(request.method, path, scope)
        template = route.template if route else "?"
        fault = next((f for f in self.faults if f.meets(request.method, template)), None)
        response = await self._answer(request, route, template, fault)
        status = response.status_code if response else 0
        digest = credential_digest(self.credential(request))
        self.journal.add(
            request.method, template, status, self.clock.time(), digest, (time.perf_counter() - started) * 1e3
        )
        if response is None:
            self.aborts(scope["client"])
            await receive()
            return
        if fault is not None and fault.kind == "truncate":
            await self._truncate(scope, response, send)
            return
        await response(scope, receive, send)

    def _route(self, method: str, path: str, scope: Scope) -> Route | None:
        plain = self._plain.get((method, path.rstrip("/") or "/"))
        if plain:
            return plain
        for route in self._routes:
            if route.method == method and (found := route.pattern.match(path)):
                scope["path_params"] = found.groupdict()
                return route
        return None

    async def _answer(
        self, request: Request, route: Route | None, template: str, fault: Fault | None
    ) -> Response | None:
        """The answer, or None where the connection is to be cut."""
        await request.body()
        if self.settings["latency_ms"]:
            await asyncio.sleep(self.settings["latency_ms"] / 1e3)
        if fault and fault.kind not in AFTER_EFFECT:
            cut, spoiled = await self._before(fault)
            if cut or spoiled is not None:
                return spoiled
        response = self.limited(request, template) if route else self.unknown_path(request)
        if response is None and route is not None:
            response = await route.handler(request)
        if response is None:
            raise AssertionError("a route without an answer")
        self.decorate(request, template, response)
        return await self._after(fault, response) if fault and fault.kind in AFTER_EFFECT else response

    async def _before(self, fault: Fault) -> tuple[bool, Response | None]:
        """Whether the connection is to be cut, and the answer that takes the place of the real one."""
        match fault.kind:
            case "delay":
                await asyncio.sleep(fault.seconds)
                return False, None
            case "hang":
                await asyncio.sleep(fault.seconds if fault.seconds > 1 else 3600)
                return True, None
            case "reset_before":
                return True, None
            case "rate_limit":
                return False, self.rate_limit_answer(fault.retry_after)
            case _:
                return False, Response(fault.body, fault.status) if fault.body else self.error_answer(
                    fault.status
                )

    async def _after(self, fault: Fault, response: Response) -> Response | None:
        match fault.kind:
            case "hang_after":
                await asyncio.sleep(fault.seconds if fault.seconds > 1 else 3600)
                return None
            case "reset_after":
                return None
            case "garbage":
                return Response(
                    fault.body or "<html><body>Bad gateway</body></html>", 200, media_type="text/html"
                )
            case "charge_then_500":
                return self.error_answer(500)
            case _:
                return response

    async def _truncate(self, scope: Scope, response: Response, send: Send) -> None:
        body = bytes(response.body)
        headers = [(k, v) for k, v in response.raw_headers if k != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        self.aborts(scope["client"])

    # what an observer or a test asks

    async def _control(self, request: Request) -> Response:
        """The endpoints beside the vendor's API; the server listens on loopback only."""
        name = request.url.path.removeprefix("/_sandbox").strip("/")
        query = request.query_params
        try:
            if request.method == "GET":
                return self._observe(name, query)
            body = await request.body()
            data = orjson.loads(body) if body else {}
            return reply(self._steer(request.method, name, data))
        except (BadSetting, ValueError, KeyError, TypeError) as error:
            return reply({"error": str(error)}, 400)

    def _observe(self, name: str, query: Mapping[str, str]) -> Response:
        summary = query.get("summary", "") in ("1", "true")
        match name:
            case "journal":
                return reply(self.journal.shown(int(query.get("since", "0")), summary))
            case "books":
                return reply({"vendor": self.vendor, **self.books.shown(summary)})
            case "faults":
                return reply([f.shown() for f in self.faults])
            case "settings":
                return reply(self.settings)
            case "clock":
                return reply({"now": self.clock.now().isoformat()})
            case "health":
                return reply({"vendor": self.vendor, "contacts": len(self.population.people)})
            case _:
                return reply({"error": f"nothing at {name}"}, 404)

    def _steer(self, method: str, name: str, data: Any) -> object:
        match name:
            case "faults" if method == "DELETE":
                self.faults.clear()
            case "faults":
                self.faults += [Fault.parse(f) for f in (data if isinstance(data, list) else [data])]
            case "clock":
                if "advance_s" in data:
                    self.clock.advance(float(data["advance_s"]))
                if "rate" in data:
                    self.clock.run(float(data["rate"]))
                return {"now": self.clock.now().isoformat()}
            case "settings":
                self.configure(data)
            case "edit":
                return self.edit(data)
            case "balance":
                return self.set_balance(data)
            case _:
                raise BadSetting(f"nothing to set at {name}")
        return {"ok": True}


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
