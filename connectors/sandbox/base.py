"""What every sandbox server shares: the way a request is received, spoiled, answered and recorded."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, ClassVar

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from connectors.sandbox import control
from connectors.sandbox.books import Books, Journal, credential_digest
from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import AFTER_EFFECT, Fault
from connectors.sandbox.population import Population
from connectors.sandbox.settings import BadSetting, known_keys, number

__all__ = ["BadSetting", "Handler", "Route", "Sandbox", "reply"]

Handler = Callable[[Request], Awaitable[Response]]
MAX_BODY = 16 * 1024 * 1024
LONGEST_HANG_S = 3600.0


def reply(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(data), status, dict(headers or {}), "application/json")


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
    own_date: ClassVar[bool] = False
    """Whether the vendor's answers carry a Date header of the sandbox's clock instead of the real one."""

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

    def record_ids(self) -> list[str]:
        """The ids of the CRM records that exist now."""
        return [record.id for record in self.population.records]

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what the account has left, by credit kind."""
        raise BadSetting(f"{self.vendor} has no balance")

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs.

        Raises:
            BadSetting: there is no such knob, or it has no such value.
        """
        known_keys(settings, self.settings, "the sandbox")
        number(settings.get("latency_ms", 0), "latency_ms", 0)
        self.settings.update(settings)

    def install(self, faults: Iterable[Fault]) -> None:
        """Have these faults act from the next request on; all of them or none.

        Raises:
            BadSetting: no route of this vendor could meet one of them.
        """
        given = list(faults)
        for fault in given:
            if fault.path not in ("", "?") and not any(
                fault.fits(r.method, r.template) for r in self._routes
            ):
                raise BadSetting(
                    f"no request would meet a fault at {fault.method or 'any method'} {fault.path}; paths are "
                    f"templates such as {self._routes[0].template if self._routes else '?'}, with * for any text"
                )
        self.faults += given

    # the path of a request

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = Request(scope, _bounded(receive) if _is_chunked(scope) else receive)
        path = scope["path"]
        body = await _body(request)
        if path == "/_sandbox" or path.startswith("/_sandbox/"):
            host, query = request.headers.get("host", ""), request.query_params
            answer = control.answer(self, request.method, path, host, query, body or b"")
            await answer(scope, receive, send)
            return
        started = time.perf_counter()
        route = self._route(request.method, path, scope)
        template = route.template if route else "?"
        digest = credential_digest(self.credential(request))

        def note(status: int) -> None:
            ms = (time.perf_counter() - started) * 1e3
            self.journal.add(request.method, template, status, self.clock.time(), digest, ms)

        if body is None:
            note(413)
            await reply({"message": "the body is too large"}, 413, {"connection": "close"})(
                scope, receive, send
            )
            return
        fault = self._fault(request.method, template)
        response = await self._answer(request, route, template, fault)
        note(response.status_code if response else 0)
        if response is None and fault and fault.kind in ("hang", "hang_after"):
            await self._hold(request, fault)
        await self._send(scope, receive, send, response, fault)

    def _route(self, method: str, path: str, scope: Scope) -> Route | None:
        plain = self._plain.get((method, path.rstrip("/") or "/"))
        if plain:
            return plain
        for route in self._routes:
            if route.method == method and (found := route.pattern.match(path)):
                scope["path_params"] = found.groupdict()
                return route
        return None

    def _fault(self, method: str, template: str) -> Fault | None:
        acting: Fault | None = None
        for fault in self.faults:
            if fault.meets(method, template, taken=acting is not None):
                acting = fault
        return acting

    async def _answer(
        self, request: Request, route: Route | None, template: str, fault: Fault | None
    ) -> Response | None:
        """The answer, or None where the connection is to be cut."""
        if self.settings["latency_ms"]:
            await asyncio.sleep(self.settings["latency_ms"] / 1e3)
        if fault and fault.kind not in AFTER_EFFECT and fault.kind != "delay":
            return self._instead(fault)
        if fault and fault.kind == "delay":
            await asyncio.sleep(1.0 if fault.seconds is None else fault.seconds)
        try:
            response = self.limited(request, template) if route else self.unknown_path(request)
            if response is None and route is not None:
                response = await route.handler(request)
        except Exception:
            # a defect of the sandbox itself: shown to whoever runs it, answered as the vendor would fail
            traceback.print_exc(file=sys.stderr)
            response = self.error_answer(500)
        if response is None:
            raise AssertionError("a route without an answer")
        self.decorate(request, template, response)
        return self._spoiled(fault, response) if fault else response

    def _instead(self, fault: Fault) -> Response | None:
        """What happens in place of the real answer, before any effect."""
        match fault.kind:
            case "hang" | "reset_before":
                return None
            case "rate_limit":
                return self.rate_limit_answer(fault.retry_after)
            case _:
                answer = _written(fault.body, fault.status) if fault.body else self.error_answer(fault.status)
                if fault.retry_after is not None:
                    answer.headers["retry-after"] = fault.retry_after
                return answer

    def _spoiled(self, fault: Fault, response: Response) -> Response | None:
        """What becomes of an answer whose effect has happened."""
        match fault.kind:
            case "hang_after" | "reset_after":
                return None
            case "garbage":
                return _written(fault.body or "<html><body>Bad gateway</body></html>", 200)
            case "charge_then_500":
                return self.error_answer(500)
            case _:
                return response

    async def _hold(self, request: Request, fault: Fault) -> None:
        """Say nothing until the client leaves or the fault's time is over."""
        seconds = LONGEST_HANG_S if fault.seconds is None else fault.seconds
        try:
            async with asyncio.timeout(seconds):
                while (await request.receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return

    async def _send(
        self, scope: Scope, receive: Receive, send: Send, response: Response | None, fault: Fault | None
    ) -> None:
        if response is None or (fault and fault.kind == "truncate" and not response.body):
            self.aborts(scope["client"])
            await receive()
            return
        if fault and fault.kind == "truncate":
            # the server closes the connection of an answer that was begun and not finished
            await send(
                {
                    "type": "http.response.start",
                    "status": response.status_code,
                    "headers": response.raw_headers,
                }
            )
            body = bytes(response.body)
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            return
        await response(scope, receive, send)


def _written(body: str, status: int) -> Response:
    return Response(
        body, status, media_type="text/html" if body.lstrip().startswith("<") else "application/json"
    )


class _TooLarge(Exception):
    """A body without a stated length went past what a sandbox takes."""


def _is_chunked(scope: Scope) -> bool:
    return scope["method"] != "GET" and any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAX_BODY:
            raise _TooLarge
        return message

    return counted


async def _body(request: Request) -> bytes | None:
    """The whole body, also kept in the request; None where it is larger than a sandbox takes."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_BODY:
        return None
    try:
        return await request.body()
    except ClientDisconnect:
        return b""
    except _TooLarge:
        return None


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
