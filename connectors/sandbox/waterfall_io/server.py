"""The server: lets requests in as the vendor does, limits their rate, and words the refusals."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import BadSetting, Handler, Route, Sandbox, reply
from connectors.sandbox.books import credential_digest
from connectors.sandbox.population import Population
from connectors.sandbox.waterfall_io import desk
from connectors.sandbox.waterfall_io.account import Account
from connectors.sandbox.waterfall_io.asking import (
    CODES,
    Body,
    Json,
    Refused,
    bad,
    body_of,
    envelope,
    job_id_of,
)
from connectors.sandbox.waterfall_io.desk import Call, Desk
from connectors.sandbox.waterfall_io.directory import Directory
from connectors.sandbox.waterfall_io.jobs import Job, Jobs
from connectors.sandbox.waterfall_io.knobs import UNBUILT, Knobs
from connectors.sandbox.waterfall_io.webhooks import Keys, Webhooks
from connectors.sandbox.windows import Window

ACCOUNT, KEYS = "/v2/account", "/.well-known/jwks.json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation with a POST; `finder` says whether a GET tells of its jobs."""

    template: str
    run: Callable[[Call], Json]
    finder: bool = True


OPERATIONS = (
    Operation("/v1/enrichment/contact", desk.launch_contact),
    Operation(desk.PHONE, desk.launch_phone),
    Operation("/v1/enrichment/company", desk.launch_company),
    Operation("/v1/search/contact", desk.search_contact),
    Operation("/v1/job/change", desk.job_change),
    Operation("/v1/verify/email", desk.verify_email, finder=False),
)
_TEMPLATES = {o.template for o in OPERATIONS} | {*UNBUILT, ACCOUNT, KEYS}


class Server(Sandbox):
    """Waterfall.io's stand-in as an ASGI application."""

    vendor = "waterfall_io"
    knobs: ClassVar[dict[str, Any]] = Knobs.defaults()

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self.options = Knobs()
        self._windows: dict[str, Window] = {}
        self._lagging: dict[tuple[str, str], tuple[float, Json]] = {}
        self._desk: Desk | None = None
        self._directory = Directory(population)
        super().__init__(population, settings)

    # the base creates clock and books before it reads the settings
    def _open(self) -> Desk:
        if self._desk is None:
            jobs = Jobs(self.population.seed, self.clock)
            jobs.told = self._tell
            self._keys = Keys(self.population.seed, self.clock)
            self._webhooks = Webhooks(self.population.seed, self.clock, self._keys)
            self._desk = Desk(self.clock, self._directory, Account(self.books), jobs)
        return self._desk

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Turn knobs. Giving a balance sets it anew; giving limits empties the windows."""
        options = Knobs.read({**self.settings, **settings})
        if strange := set(options.no_access) - _TEMPLATES:
            raise BadSetting(f"no operation at {', '.join(sorted(strange))}")
        if strange := set(options.master_keys) - set(options.keys):
            raise BadSetting("master_keys are among the keys")
        super().configure(settings)
        first, opened = self._desk is None, self._open()
        self.options = opened.jobs.options = opened.account.options = options
        self._directory.tune(options)
        self._keys.use(options.signing_key)
        if first or "balance_usd" in settings:
            opened.account.set({"usd": options.balance_usd})
        if first or settings.keys() & {"limits", "window", "keys"}:
            self._windows = {key: self._window(options) for key in options.keys}
        self._lagging.clear()

    @staticmethod
    def _window(options: Knobs) -> Window:
        """The requests of one key."""
        given = options.limits if isinstance(options.limits, dict) else {}
        return Window(given.get("per_interval", 50), given.get("interval_seconds", 60), options.window)

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        """Set what is left, or due, in dollars."""
        self._lagging.clear()
        return self._open().account.set(data)

    def routes(self) -> list[Route]:
        """The vendor's operations."""
        found = [Route("POST", o.template, self._guarded(self._run(o))) for o in OPERATIONS]
        found += [
            Route("GET", o.template, self._guarded(self._find(o.template))) for o in OPERATIONS if o.finder
        ]
        found += [Route(m, path, self._guarded(_unbuilt)) for path in UNBUILT for m in ("GET", "POST")]
        found.append(Route("GET", ACCOUNT, self._guarded(self._report)))
        found.append(Route("GET", KEYS, self._publish))
        return found

    def credential(self, request: Request) -> str:
        """The key of the `x-api-key` header."""
        return request.headers.get("x-api-key", "").strip()

    def limited(self, request: Request, template: str) -> Response | None:
        """The vendor's 429: so many requests a minute and key, polls among them."""
        window = self._windows.get(self.credential(request))
        free = template in (ACCOUNT, KEYS) or (request.method == "GET" and not self.options.polls_count)
        if window is None or free or self.options.limits == "off":
            return None
        wait = window.admit(self.clock.time())
        if not wait:
            return None
        seconds = min(max(1, math.ceil(wait)), 86_400) if math.isfinite(wait) else 86_400
        return self.rate_limit_answer(None if self.options.omit_retry_after else str(seconds))

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        """The vendor's 429 with its three headers."""
        given = self.options.limits if isinstance(self.options.limits, dict) else {}
        headers = {
            "X-RateLimit-Limit": str(given.get("per_interval", 50)),
            "X-RateLimit-Interval": str(given.get("interval_seconds", 60)),
        }
        if retry_after:
            headers["Retry-After"] = retry_after
        return reply(envelope(429, CODES[429]), 429, headers)

    def error_answer(self, status: int) -> Response:
        """The vendor's body for a status; what stands before the service answers in HTML."""
        if status in (502, 503, 504):
            return Response(f"<html><body><h1>{status}</h1></body></html>", status, media_type="text/html")
        return reply(envelope(status, CODES.get(status, "INTERNAL_UNCLASSIFIED_ERROR")), status)

    def unknown_path(self, request: Request) -> Response:
        """404, or 400 where another method would be answered."""
        if request.scope["path"].rstrip("/") in _TEMPLATES:
            return reply(envelope(400, "ROUTING_INVALID_PATH_OR_METHOD"), 400)
        return self.error_answer(404)

    def _tell(self, job: Job) -> None:
        """Deliver a job that has ended, where its launch asked for it."""
        if job.webhook_url:
            self._webhooks.deliver(job.webhook_url, self._open().jobs.shown(job), self.options)

    def _guarded(self, handler: Handler) -> Handler:
        """The handler behind the checks of the key and of what the account may do."""

        async def handle(request: Request) -> Response:
            try:
                key = self.credential(request)
                if not key:
                    raise Refused(401, "AUTH_MISSING_API_KEY")
                if key not in self._windows:
                    raise Refused(403, "AUTH_BAD_API_KEY")
                if request.scope["path"].rstrip("/") in self.options.no_access:
                    raise Refused(403, "PERMISSION_FEATURE_NOT_ENABLED")
                self._open().jobs.catch_up()
                return await handler(request)
            except Refused as refused:
                return reply(refused.body, refused.status)

        return handle

    def _run(self, operation: Operation) -> Handler:
        async def handle(request: Request) -> Response:
            opened, body = self._open(), Body(body_of(await request.body()))
            if opened.account.exhausted:
                raise Refused(402, "QUOTA_ACCOUNT_OVER_QUOTA")
            key = credential_digest(self.credential(request))
            return reply(operation.run(Call(opened, self.options, operation.template, key, body)))

        return handle

    def _find(self, template: str) -> Handler:
        async def handle(request: Request) -> Response:
            opened = self._open()
            job = desk.find_job(opened, template, job_id_of(request.query_params.get("job_id")))
            return reply(opened.jobs.shown(job))

        return handle

    async def _report(self, request: Request) -> Response:
        """GET account: free, and never limited."""
        key, now = self.credential(request), self.clock.now()
        given = request.query_params.get("month", f"{now:%Y-%m}")
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", given) or given < "0001":
            raise bad("month: YYYY-MM is needed")
        at, shown = self._lagging.get((key, given), (-math.inf, {}))
        if self.clock.time() - at >= self.options.account_lag_s:
            first = date(int(given[:4]), int(given[5:]), 1)
            master = key in self.options.master_keys
            shown = self._open().account.report(first, credential_digest(key), master)
            self._lagging = {(key, given): (self.clock.time(), shown)}
        return reply(shown)

    async def _publish(self, request: Request) -> Response:
        """GET the key set; nobody needs a key for it."""
        published = self._keys.published(self.options.key_overlap_s)
        return reply(published, headers={"cache-control": "public, max-age=300"})


async def _unbuilt(request: Request) -> Response:
    raise Refused(403, "PERMISSION_FEATURE_NOT_ENABLED")
