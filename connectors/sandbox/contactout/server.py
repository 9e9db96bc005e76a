"""The server: lets requests in as the vendor does, limits their rate, and words the refusals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import BadSetting, Handler, Route, Sandbox, reply
from connectors.sandbox.books import credential_digest
from connectors.sandbox.contactout.account import Account, OutOfCredits
from connectors.sandbox.contactout.asking import Call, Json, Refusal, Refused, Till, bad
from connectors.sandbox.contactout.directory import Directory
from connectors.sandbox.contactout.jobs import Jobs
from connectors.sandbox.contactout.knobs import POOLS, Knobs
from connectors.sandbox.contactout.operations import OPERATIONS, Operation
from connectors.sandbox.population import Population
from connectors.sandbox.windows import Window

RATE_TEXT = "Rate limit reached"
STATUS = {
    Refusal.CREDENTIALS: 400,
    Refusal.INPUT: 401,
    Refusal.CREDITS: 403,
    Refusal.ACCESS: 403,
    Refusal.MISSING: 404,
}
TEXT = {STATUS[why]: why.value for why in Refusal if why is not Refusal.ACCESS} | {429: RATE_TEXT}


def envelope(status: int, message: str) -> Json:
    """The body of every answer without data."""
    return {"status_code": status, "message": message}


class Server(Sandbox):
    """ContactOut's stand-in as an ASGI application."""

    vendor = "contactout"
    knobs: ClassVar[dict[str, Any]] = Knobs.defaults()

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.options = Knobs()
        self._account = Account()
        self._directory = Directory(population)
        self._windows: dict[tuple[str, str], Window] = {}
        self._buckets = {o.template: o.bucket for o in OPERATIONS}
        self._stats: dict[str, tuple[float, Json]] = {}
        super().__init__(population, settings)
        self._jobs = Jobs(population.seed, self.clock, self._period)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs. Giving `billing` or `balance` refills the pools; giving limits empties the windows."""
        options = Knobs.read({**self.settings, **settings})
        places = {o.template for o in OPERATIONS}
        sampled = options.sample_mode if isinstance(options.sample_mode, list) else []
        if strange := (set(options.no_access) | set(sampled)) - places:
            raise BadSetting(f"no operation at {', '.join(sorted(strange))}")
        super().configure(settings)
        self.options = options
        self._directory.tune(options.shares, options.finder_share)
        if not self._account.given or settings.keys() & {"balance", "billing", "period_offset_h"}:
            for pool in POOLS:
                self._account.put(pool, options.balance.get(pool, 0), self._period(), options)
        if settings.keys() & {"limits", "window"}:
            self._windows.clear()
        self._stats.clear()

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what is left now, by pool; tells what is left in every pool."""
        wrong = [
            p for p, n in data.items() if p not in POOLS or isinstance(n, bool) or not isinstance(n, int)
        ]
        if wrong:
            raise BadSetting(f"balances are whole numbers for {', '.join(POOLS)}")
        for pool, count in data.items():
            self._account.put(pool, count, self._period(), self.options)
        self._stats.clear()
        return self._account.balances(self._period(), self.options)

    def routes(self) -> list[Route]:
        """The vendor's 20 operations."""
        return [Route(o.method, o.template, self._handler(o)) for o in OPERATIONS]

    def credential(self, request: Request) -> str:
        """The key of the `token` header; `authorization` is not looked at."""
        return request.headers.get("token", "").strip()

    def limited(self, request: Request, template: str) -> Response | None:
        """The vendor's 429: three buckets for each key, counted before anything else is looked at."""
        token = self.credential(request)
        bucket = self._buckets[template]
        count = self.options.per_minute(bucket)
        if count is None or token not in self.options.tokens:
            return None
        window = self._windows.get((token, bucket))
        if window is None:
            window = self._windows[token, bucket] = Window(count, 60, self.options.window)
        wait = window.admit(self.clock.time())
        if not wait:
            return None
        return self.rate_limit_answer(str(max(1, math.ceil(wait))) if self.options.retry_after else None)

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The vendor's 429."""
        return reply(envelope(429, RATE_TEXT), 429, {"retry-after": retry_after} if retry_after else None)

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status."""
        return reply(envelope(status, TEXT.get(status, "Server Error")), status)

    def unknown_path(self, request: Request) -> Response:
        """The same body as for somebody unknown."""
        return self.error_answer(404)

    def _period(self) -> str:
        """The account's current month as YYYY-MM."""
        return (self.clock.now() + timedelta(hours=self.options.period_offset_h)).strftime("%Y-%m")

    def _handler(self, operation: Operation) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                return await self._admit(operation, request)
            except OutOfCredits:
                return self._refuse(Refused(Refusal.CREDITS))
            except Refused as refused:
                return self._refuse(refused)

        return handle

    async def _admit(self, operation: Operation, request: Request) -> Response:
        options, token = self.options, self.credential(request)
        if token not in options.tokens:
            raise Refused(Refusal.CREDENTIALS)
        if operation.template in options.no_access or (operation.paid_only and not options.paid):
            raise Refused(Refusal.ACCESS)
        if operation.sample and options.sampled(operation.template):
            message = {"message": "This is a sample response"} if options.sample_message else {}
            return reply(operation.sample() | message)
        till = Till(
            self._account, self.books, options, self._period(), self.clock.time(),
            operation.template, credential_digest(token),
        )  # fmt: skip
        body = _json_of(await request.body()) if operation.method == "POST" else {}
        call = Call(
            till, self._directory, self._jobs, options, self.clock.now(),
            request.query_params, body, request.path_params,
        )  # fmt: skip
        if operation.template == "/v1/stats" and options.stats_lag_s:
            return reply(await self._lagging(operation, call))
        return reply(await operation.run(call))

    async def _lagging(self, operation: Operation, call: Call) -> Json:
        """An answer that may be as old as the knob says."""
        period = call.query.get("period") or call.till.period
        at, answer = self._stats.get(period, (-math.inf, {}))
        if call.till.at - at >= self.options.stats_lag_s:
            answer = await operation.run(call)
            self._stats[period] = (call.till.at, answer)
        return answer

    def _refuse(self, refused: Refused) -> Response:
        status = STATUS[refused.why]
        if self.options.conventional_codes and status in (400, 401):
            status = 801 - status
        message = f"{refused.why.value}: {refused.detail}" if refused.detail else refused.why.value
        carried = 200 if status == 404 and self.options.soft_404 else status
        return reply(envelope(status, message), carried)


def _json_of(body: bytes) -> Json:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise bad("the body is a JSON object") from None
    if not isinstance(data, dict):
        raise bad("the body is a JSON object")
    return data
