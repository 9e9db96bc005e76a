"""HubSpot's stand-in: the routes under v3 and under dated versions, over one portal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import Handler, Route, Sandbox
from connectors.sandbox.hubspot import knobs
from connectors.sandbox.hubspot.account import Account
from connectors.sandbox.hubspot.call import Answer, Call, Handle
from connectors.sandbox.hubspot.edits import Edits
from connectors.sandbox.hubspot.knobs import KNOBS, READ, SCHEMA_READ, SCHEMA_WRITE, WRITE
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.quota import Quota
from connectors.sandbox.hubspot.reading import Reading
from connectors.sandbox.hubspot.refusals import Refused, invalid, ordered
from connectors.sandbox.hubspot.schema import Schema
from connectors.sandbox.hubspot.writing import Writing
from connectors.sandbox.population import Population
from connectors.sandbox.settings import BadSetting

CONTACTS = ("contacts", "contact", "0-1")
OTHERS = (
    "companies",
    "deals",
    "tickets",
    "line_items",
    "products",
    "notes",
    "calls",
    "meetings",
    "tasks",
    "emails",
)


class Server(Sandbox):
    """A HubSpot account that holds the population as contacts."""

    vendor: ClassVar[str] = "hubspot"
    knobs: ClassVar[dict[str, Any]] = KNOBS
    own_date: ClassVar[bool] = True

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self._ready = False
        self._searches: set[str] = set()
        super().__init__(population, settings)
        self._ready = True

    def configure(self, settings: Mapping[str, Any]) -> None:
        knobs.checked({**self.settings, **settings})
        if (
            self._ready
            and settings.get("dated_versions", self.settings["dated_versions"])
            != self.settings["dated_versions"]
        ):
            raise BadSetting("dated_versions can only be given at the start")
        super().configure(settings)
        if self._ready:
            self._quota.renew()
            self._account.renew()

    def routes(self) -> list[Route]:
        self._portal = Portal(self.population, self.clock, self.books, self.settings)
        self._quota = Quota(self.settings, self.clock)
        self._account = Account(self._portal, self._quota)
        self._edits = Edits(self._portal)
        reading = Reading(self._portal)
        writing, schema = Writing(self._portal, reading), Schema(self._portal)
        found: list[Route] = []
        for version in ("v3", *self.settings["dated_versions"]):
            objects = "/crm/v3/objects" if version == "v3" else f"/crm/objects/{version}"
            found += self._object_routes(version, objects, reading, writing)
            found += self._schema_routes(version, schema)
            found += self._account_routes(version)
        return found

    def record_ids(self) -> list[str]:
        return [str(contact.id) for contact in self._portal.store.living()]

    def _object_routes(self, version: str, base: str, reading: Reading, writing: Writing) -> list[Route]:
        table: tuple[tuple[str, str, str, Handle], ...] = (
            ("POST", "/search", READ, reading.search),
            ("POST", "/batch/read", READ, reading.batch),
            ("POST", "/batch/update", WRITE, writing.batch_update),
            ("POST", "/batch/create", WRITE, writing.batch_create),
            ("POST", "/batch/upsert", WRITE, writing.batch_upsert),
            ("POST", "/batch/archive", WRITE, writing.batch_archive),
            ("POST", "/merge", WRITE, writing.merge),
            ("POST", "/gdpr-delete", WRITE, writing.erase),
            ("GET", "", READ, reading.page),
            ("POST", "", WRITE, writing.create),
            ("GET", "/{id}", READ, reading.get),
            ("PATCH", "/{id}", WRITE, writing.update),
            ("DELETE", "/{id}", WRITE, writing.archive),
        )
        self._searches |= {f"{base}/contacts/search", f"{base}/{{object}}/search"}
        literal = [Route(m, f"{base}/contacts{p}", self._open(version, s, h)) for m, p, s, h in table]
        any_name = [
            Route(m, f"{base}/{{object}}{p}", self._open(version, s, _of_contacts(h))) for m, p, s, h in table
        ]
        return literal + any_name

    def _schema_routes(self, version: str, schema: Schema) -> list[Route]:
        base = "/crm/v3/properties" if version == "v3" else f"/crm/properties/{version}"
        rules = "/crm/v3/property-validations" if version == "v3" else f"/crm/property-validations/{version}"
        table: tuple[tuple[str, str, str, Handle], ...] = (
            ("GET", f"{base}/{{object}}", SCHEMA_READ, schema.all),
            ("POST", f"{base}/{{object}}", SCHEMA_WRITE, schema.create),
            ("POST", f"{base}/{{object}}/batch/create", SCHEMA_WRITE, schema.batch_create),
            ("POST", f"{base}/{{object}}/batch/read", SCHEMA_READ, schema.batch_read),
            ("POST", f"{base}/{{object}}/batch/archive", SCHEMA_WRITE, schema.batch_archive),
            ("GET", f"{base}/{{object}}/groups", SCHEMA_READ, schema.groups),
            ("POST", f"{base}/{{object}}/groups", SCHEMA_WRITE, schema.create_group),
            ("GET", f"{base}/{{object}}/groups/{{name}}", SCHEMA_READ, schema.group),
            ("GET", f"{base}/{{object}}/{{name}}", SCHEMA_READ, schema.one),
            ("PATCH", f"{base}/{{object}}/{{name}}", SCHEMA_WRITE, schema.update),
            ("DELETE", f"{base}/{{object}}/{{name}}", SCHEMA_WRITE, schema.archive),
            ("GET", f"{rules}/{{object}}", SCHEMA_READ, schema.rules),
        )
        return [Route(m, p, self._open(version, s, _of_contacts(h))) for m, p, s, h in table]

    def _account_routes(self, version: str) -> list[Route]:
        info = f"/account-info/{version}"
        found = [
            Route("GET", f"{info}/details", self._open(version, "", self._account.details)),
            Route(
                "GET", f"{info}/api-usage/daily/private-apps", self._open(version, "", self._account.usage)
            ),
            Route("POST", f"/oauth/{version}/token", self._without_token(self._issue)),
        ]
        if version == "v3":
            found += [
                Route("POST", "/oauth/v1/token", self._without_token(self._issue)),
                Route("GET", "/oauth/v1/access-tokens/{token}", self._without_token(self._describe)),
                Route(
                    "POST",
                    "/oauth/v2/private-apps/get/access-token-info",
                    self._without_token(self._describe_private),
                ),
            ]
        return found

    # the gate in front of every route

    def _open(self, version: str, scope: str, handle: Handle) -> Handler:
        """A route for tokens that may."""

        async def opened(request: Request) -> Response:
            body = await request.body()
            try:
                token = self._account.admit(_bearer(request), scope)
                length = len(request.url.path) + len(request.url.query)
                if length > self.settings["url_limit"]:
                    raise Refused(414, "the URL is too long", "URI_TOO_LONG")
                base = f"http://{request.headers.get('host', '')}"
                call = Call(
                    token, version, request.path_params, request.query_params, body, base, request.url.path
                )
                return _answer(handle(call))
            except Refused as refused:
                return refused.answer(self._portal.correlation())

        return opened

    def _without_token(self, handle: Callable[[Request, bytes], Answer]) -> Handler:
        async def opened(request: Request) -> Response:
            body = await request.body()
            try:
                return _answer(handle(request, body))
            except Refused as refused:
                return refused.answer(self._portal.correlation())

        return opened

    def _issue(self, request: Request, body: bytes) -> Answer:
        return self._account.issue(body)

    def _describe(self, request: Request, body: bytes) -> Answer:
        return self._account.describe(request.path_params["token"])

    def _describe_private(self, request: Request, body: bytes) -> Answer:
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            data = None
        if not isinstance(data, dict):
            raise invalid("Invalid input JSON")
        return self._account.describe_private(data)

    # what the base asks of a vendor

    def credential(self, request: Request) -> str:
        return _bearer(request)

    def limited(self, request: Request, template: str) -> Response | None:
        text = _bearer(request)
        if template.startswith("/oauth") or self._account.token(text) is None:
            return None
        refused = self._quota.take(text, template in self._searches)
        return refused.answer(self._portal.correlation()) if refused else None

    def decorate(self, request: Request, template: str, response: Response) -> None:
        now = datetime.fromtimestamp(self._portal.now_ms() // 1000, UTC)
        response.raw_headers.append((b"date", format_datetime(now, usegmt=True).encode()))
        response.raw_headers.append((b"X-HubSpot-Correlation-Id", self._portal.correlation().encode()))
        text = _bearer(request)
        token = self._account.token(text)
        if token is not None and response.status_code not in (401, 429) and template != "?":
            response.raw_headers += self._quota.headers(text, template in self._searches, token.oauth)

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        more = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "groupName": "app"}
        refused = Refused(429, "You have reached your ten_secondly_rolling limit.", "RATE_LIMITS", **more)
        refused.retry_after = retry_after
        return refused.answer(self._portal.correlation())

    def error_answer(self, status: int) -> Response:
        return ordered(status).answer(self._portal.correlation())

    def unknown_path(self, request: Request) -> Response:
        methods = {r.method for r in self._routes if r.pattern.match(request.url.path)}
        status, message = (405, "HTTP 405 Method Not Allowed") if methods else (404, "resource not found")
        return Refused(status, message, "OBJECT_NOT_FOUND").answer(self._portal.correlation())

    def edit(self, data: dict[str, Any]) -> dict[str, Any]:
        return self._edits.do(data)


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def _answer(given: Answer | Response) -> Response:
    if isinstance(given, Response):
        return given
    status, data = given
    if data is None:
        return Response(status_code=status)
    return Response(orjson.dumps(data), status, media_type="application/json")


def _of_contacts(handle: Handle) -> Handle:
    """The route for an object named in the path: contacts by any of their names; the sandbox has no others."""

    def named(call: Call) -> Answer | Response:
        name = call.params["object"]
        if name in CONTACTS:
            return handle(call)
        if name in OTHERS:
            raise Refused(501, f"this sandbox holds no {name}, only contacts", "NOT_IN_SANDBOX")
        raise invalid(f"Unable to infer object type from: {name}", "INVALID_OBJECT_TYPE")

    return named
