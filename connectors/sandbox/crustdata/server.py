"""The server: lets requests in as the vendor does, limits their rate, and words the refusals."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import BadSetting, Handler, Route, Sandbox, reply
from connectors.sandbox.books import credential_digest
from connectors.sandbox.crustdata import refusals
from connectors.sandbox.crustdata.account import Account, Event, Till, decimal_text
from connectors.sandbox.crustdata.calls import Call
from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.jobs import Job, Jobs
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.crustdata.operations import API_VERSION, OPERATIONS, Operation
from connectors.sandbox.crustdata.refusals import Json, Refused
from connectors.sandbox.population import Population
from connectors.sandbox.settings import number
from connectors.sandbox.windows import Window

USED = "x-credits-used"
UNLIMITED = 10_000
"""What the headers say where no limit applies."""
TYPES = {
    400: "invalid_request", 402: "insufficient_credits", 403: "permission_error", 404: "not_found",
    429: "rate_limit_exceeded",
}  # fmt: skip


@dataclass(slots=True)
class Visit:
    """A request on its way: what its answer's headers will say."""

    operation: Operation
    key: str
    id: str
    till: Till
    limit: int = UNLIMITED
    left: int = UNLIMITED
    reset_s: int = 0
    body: object = None

    def headers(self) -> dict[str, str]:
        """The headers of every answer of the API."""
        said = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.left),
            "x-ratelimit-reset": str(self.reset_s),
            "x-request-id": self.id,
        }
        return said | ({USED: decimal_text(self.till.used)} if self.operation.counted else {})


class Server(Sandbox):
    """Crustdata's stand-in as an ASGI application."""

    vendor = "crustdata"
    knobs: ClassVar[dict[str, Any]] = Knobs.defaults()

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.options = Knobs()
        self._account = Account()
        self._directory = Directory(population)
        self._windows: dict[tuple[str, str], Window] = {}
        self._ids = 0
        self._filled = False
        super().__init__(population, settings)
        self._jobs = Jobs(population.seed, self.clock, self._job_finished)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs. Giving `balance` refills the pool; giving limits empties the windows."""
        options = Knobs.read({**self.settings, **settings})
        named = {*options.access, *options.no_access}
        named |= set() if isinstance(options.limits, str) else set(options.limits)
        if strange := named - {o.template for o in OPERATIONS} - {o.bucket for o in OPERATIONS}:
            raise BadSetting(f"no operation at {', '.join(sorted(strange))}")
        super().configure(settings)
        self.options = options
        self._directory.tune(options)
        if not self._filled or "balance" in settings:
            self._account.balance, self._filled = Decimal(str(options.balance)), True
        if settings.keys() & {"limits", "token_rpm"}:
            self._windows.clear()

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what is left now; tells it."""
        if set(data) != {"credit"}:
            raise BadSetting("the only balance is credit")
        number(data["credit"], "credit")
        self._account.balance = Decimal(str(data["credit"]))
        return {"credit": str(self._account.balance)}

    def routes(self) -> list[Route]:
        """The vendor's operations and its result files."""
        return [Route(o.method, o.template, self._handler(o)) for o in OPERATIONS]

    def credential(self, request: Request) -> str:
        """The key behind `Bearer` or `Token`."""
        return request.headers.get("authorization", "").partition(" ")[2].strip()

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The vendor's 429, for a fault that was asked for."""
        headers = self._bare_headers() | {"x-ratelimit-limit": "15", "x-ratelimit-reset": retry_after or "5"}
        headers |= {"retry-after": retry_after} if retry_after else {}
        return reply(refusals.too_many().body(), 429, headers)

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status. Behind a failure nobody knows what was used: no header says it."""
        if status == 401:
            return reply(refusals.wrong_key().body(), 401)
        if status == 502:
            return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, media_type="text/html")
        headers = self._bare_headers() if status < 500 else {"x-request-id": self._next_id()}
        text = "Internal server error" if status >= 500 else "The request was refused"
        return reply(refusals.envelope(TYPES.get(status, "internal_error"), text), status, headers)

    def unknown_path(self, request: Request) -> Response:
        """The framework's body for a path that it does not know."""
        return reply({"detail": "Not found."}, 404)

    def _bare_headers(self) -> dict[str, str]:
        return {"x-ratelimit-remaining": "0", "x-request-id": self._next_id(), USED: "0"}

    def _next_id(self) -> str:
        """A request id that no other run of the server gives."""
        self._ids += 1
        text = f"{self.population.seed} {self.clock.time()} {self._ids}"
        spun = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        return "-".join((spun[:8], spun[8:12], f"4{spun[13:16]}", f"8{spun[17:20]}", spun[20:]))

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: Request) -> Response:
            visit = self._visit(operation, request)
            error: Refused | None = None
            try:
                answer = await self._admit(visit, request)
            except Refused as refused:
                answer, error = refused.body(self.options.drf_errors), refused
            status = error.status if error else 200
            self._log(visit, status, error)
            if isinstance(answer, Response):
                return answer
            headers = visit.headers() if status != 401 else {"x-request-id": visit.id}
            if status == 429 and self.options.retry_after:
                headers["retry-after"] = str(max(1, visit.reset_s))
            return reply(answer, status, headers)

        return handle

    def _visit(self, operation: Operation, request: Request) -> Visit:
        key = self.credential(request)
        till = Till(
            self._account, self.books, self.options, self.clock.time(),
            operation.template, credential_digest(key),
        )  # fmt: skip
        return Visit(operation, key, self._next_id(), till)

    async def _admit(self, visit: Visit, request: Request) -> object:
        """The answer of the operation, once key, version, entitlement and rate have been looked at.

        Raises:
            Refused: one of them, the body or the balance does not allow it.
        """
        operation, options = visit.operation, self.options
        if not operation.open:
            self._check_key(request)
            version = request.headers.get("x-api-version")
            if operation.versioned and options.version_required and version is None:
                raise refusals.invalid("Missing required header: x-api-version")
            if operation.versioned and version not in (None, API_VERSION):
                raise refusals.invalid(f"Unsupported x-api-version. Supported: {API_VERSION}")
            if not options.enabled(operation.template):
                raise refusals.gated_endpoint()
            self._limit(visit)
        body = _json_of(await request.body()) if operation.method == "POST" else {}
        visit.body = body
        call = Call(
            visit.till, self._account, self._directory, self._jobs, options, self.clock.now(),
            operation.template, str(request.base_url).rstrip("/"), request.query_params,
            request.path_params, request.headers, body,
        )  # fmt: skip
        return await operation.run(call)

    def _check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if not key.strip():
            raise refusals.missing_key() if not scheme else refusals.wrong_key()
        schemes = ("bearer", "token") if self.options.token_auth else ("bearer",)
        if scheme.lower() not in schemes or key.strip() not in self.options.keys:
            raise refusals.wrong_key()

    def _limit(self, visit: Visit) -> None:
        """Count the request in the windows of its endpoint and of its key.

        Raises:
            Refused: one of them is full.
        """
        operation, now = visit.operation, self.clock.time()
        place = operation.bucket or operation.template
        for name, count in (
            (place, self.options.per_minute(place, operation.rpm)),
            ("", self.options.token_rpm),
        ):
            if count is None:
                continue
            window = self._windows.get((visit.key, name))
            if window is None:
                window = self._windows[visit.key, name] = Window(count, 60)
            wait = window.admit(now)
            if name or wait:
                visit.limit, visit.left = count, window.remaining(now)
                visit.reset_s = math.ceil(window.frees_in(now))
            if wait:
                raise refusals.too_many()

    def _log(self, visit: Visit, status: int, error: Refused | None) -> None:
        """Enter a request with a good key in the usage log."""
        if not visit.operation.logged or status == 401:
            return
        body = error.body() if error and status != 429 else None
        # a long list of identifiers is not kept
        sent = visit.body if len(str(visit.body)) < 4_000 else None
        lines = tuple(visit.till.lines)
        self._account.events.append(
            Event(
                visit.id, self.clock.time(), visit.operation.template, visit.operation.method, status,
                self._key_number(visit.key), lines, "gateway" if status == 429 else "api",
                error.kind if error else "", sent, body,
            )
        )  # fmt: skip

    def _job_finished(self, job: Job) -> None:
        """Enter what a job cost in the usage log."""
        till, key = job.till, self._key_number(job.key)
        self._account.events.append(
            Event(
                self._next_id(),
                self.clock.time(),
                till.operation,
                "POST",
                200,
                key,
                tuple(till.lines),
                "batch",
            )
        )

    def _key_number(self, key: str) -> int:
        """The number by which the log tells keys apart."""
        return 170 + (self.options.keys.index(key) if key in self.options.keys else 0)


def _json_of(body: bytes) -> Json:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise refusals.invalid("The request body is not valid JSON") from None
    if not isinstance(data, dict):
        raise refusals.invalid("The request body must be a JSON object")
    return data
