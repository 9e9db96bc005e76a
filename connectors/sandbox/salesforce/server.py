"""Salesforce's stand-in: the routes under `/services`, the gate before them, what every answer has."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import Handler, Route, Sandbox
from connectors.sandbox.population import Population
from connectors.sandbox.salesforce import knobs, replication, writing
from connectors.sandbox.salesforce.auth import Auth
from connectors.sandbox.salesforce.bulk import Bulk
from connectors.sandbox.salesforce.call import Answer, Call, Handle
from connectors.sandbox.salesforce.composite import Composite, Found
from connectors.sandbox.salesforce.edits import Edits
from connectors.sandbox.salesforce.fields import PEOPLE
from connectors.sandbox.salesforce.ingest import Ingests
from connectors.sandbox.salesforce.knobs import KNOBS
from connectors.sandbox.salesforce.moments import http_date
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.quota import Quota, concurrent, total
from connectors.sandbox.salesforce.reading import Reading
from connectors.sandbox.salesforce.refusals import Problem, Refused, no_such_resource, refused, said
from connectors.sandbox.settings import BadSetting

JSON = "application/json;charset=UTF-8"
BASE = "/services/data/{version}"
AT_START = ("people_as", "org")
HEADERS_LIMIT = 16_384
_SEASONS = ("Spring", "Summer", "Winter")


class Server(Sandbox):
    """A Salesforce org that holds the population as contacts or leads."""

    vendor: ClassVar[str] = "salesforce"
    knobs: ClassVar[dict[str, Any]] = KNOBS
    own_date: ClassVar[bool] = True

    def __init__(self, population: Population, settings: Mapping[str, Any] | None = None) -> None:
        self._ready = False
        super().__init__(population, settings)
        self._ready = True

    def configure(self, settings: Mapping[str, Any]) -> None:
        changed = [
            k for k in AT_START if self._ready and settings.get(k, self.settings[k]) != self.settings[k]
        ]
        if changed:
            raise BadSetting(f"{changed[0]} can only be given at the start")
        merged = {**self.settings, **settings}
        for name in ("users", "apps"):
            if isinstance(settings.get(name), dict):
                merged[name] = _together(self.settings[name], settings[name])
        known = {k: v for k, v in merged.items() if k in settings}
        if set(settings) <= set(self.settings):
            knobs.checked(merged)
        super().configure(known)
        if self._ready:
            self._org.renew()
            self._auth.renew()
            if {"users", "tracked"} & set(settings):
                self._reading.renew()

    def routes(self) -> list[Route]:
        self._org = Org(self.population, self.clock, self.books, self.settings)
        self._auth = Auth(self._org)
        self._quota = Quota(self.settings, self.clock)
        self._reading = Reading(self._org)
        self._bulk = Bulk(self._org, self._reading.matching, self._quota)
        self._edits = Edits(self._org, self._auth)
        self._ingests = ingests = Ingests(self._org)
        composite = Composite(self._find, self._quota.count)
        inner = self._inner_table()
        outer: tuple[tuple[str, str, Handle], ...] = (
            ("POST", "/composite", composite.run),
            ("POST", "/composite/batch", composite.batch),
            ("POST", "/jobs/query", self._bulk.create),
            ("GET", "/jobs/query", self._bulk.all),
            ("GET", "/jobs/query/{id}", self._bulk.get),
            ("PATCH", "/jobs/query/{id}", self._bulk.change),
            ("DELETE", "/jobs/query/{id}", self._bulk.delete),
            ("GET", "/jobs/query/{id}/results", self._bulk.results),
            ("POST", "/jobs/ingest", ingests.create),
            ("GET", "/jobs/ingest/{id}", ingests.get),
            ("PATCH", "/jobs/ingest/{id}", ingests.change),
            ("DELETE", "/jobs/ingest/{id}", ingests.delete),
            ("PUT", "/jobs/ingest/{id}/batches", ingests.upload),
            ("GET", "/jobs/ingest/{id}/successfulResults", ingests.successful),
            ("GET", "/jobs/ingest/{id}/failedResults", ingests.failed),
            ("GET", "/jobs/ingest/{id}/unprocessedrecords", ingests.unprocessed),
        )
        self._inner = [(Route(m, BASE + p, self._open(h)), h) for m, p, h in inner]
        return [
            Route("GET", "/services/data", self._versions),
            Route("POST", "/services/oauth2/token", self._token),
            Route("POST", "/services/oauth2/revoke", self._revoke),
            Route("GET", "/services/oauth2/userinfo", self._userinfo),
            Route("POST", "/services/oauth2/userinfo", self._userinfo),
            Route("GET", "/id/{org}/{user}", self._userinfo),
            *(Route(m, BASE + p, self._open(h)) for m, p, h in outer),
            *(route for route, _ in self._inner),
        ]

    def _inner_table(self) -> tuple[tuple[str, str, Handle], ...]:
        """What may also be a part of a composite request."""
        reading = self._reading
        return (
            ("GET", "", reading.resources),
            ("GET", "/query", reading.query),
            ("GET", "/queryAll", reading.query_all),
            ("GET", "/query/{locator}", reading.more),
            ("GET", "/queryAll/{locator}", reading.more),
            ("GET", "/limits", self._quota.shown),
            ("GET", "/limits/recordCount", self._quota.record_count),
            ("POST", "/composite/sobjects", writing.create_many),
            ("PATCH", "/composite/sobjects", writing.update_many),
            ("DELETE", "/composite/sobjects", writing.delete_many),
            ("GET", "/composite/sobjects/{object}", reading.retrieve),
            ("POST", "/composite/sobjects/{object}", reading.retrieve),
            ("GET", "/sobjects", reading.objects),
            ("GET", "/sobjects/{object}/describe", reading.describe),
            ("GET", "/sobjects/{object}/updated", replication.updated),
            ("GET", "/sobjects/{object}/deleted", replication.deleted),
            ("GET", "/sobjects/{object}", reading.basic),
            ("POST", "/sobjects/{object}", writing.create),
            ("GET", "/sobjects/{object}/{id}", reading.get),
            ("PATCH", "/sobjects/{object}/{id}", writing.update),
            ("DELETE", "/sobjects/{object}/{id}", writing.remove),
        )

    def _find(self, method: str, path: str) -> Found | None:
        for route, handle in self._inner:
            if route.method == method and (match := route.pattern.match(path)):
                heavy = any(part in route.template for part in ("/query", "/composite/sobjects"))
                return Found(handle, match.groupdict(), heavy)
        return None

    # the gate in front of every route

    def _open(self, handle: Handle) -> Handler:
        """A route for whoever has a token."""

        async def opened(request: Request) -> Response:
            self._settle()
            user = self._auth.user(_bearer(request))
            if user is None:
                return self._refusal(refused(401, "INVALID_SESSION_ID", "session"), request, "en_US")
            body = await request.body()
            try:
                self._check_size(request)
                version = self._version(request.path_params["version"])
                if request.headers.get("content-encoding", "").lower() == "gzip":
                    body = _unzipped(body)
                headers = {k.lower(): v for k, v in request.headers.items()}
                params = {k: str(v) for k, v in request.path_params.items()}
                call = Call(self._org, user, version, params, request.query_params, headers, body)
                return _response(handle(call), request)
            except Refused as error:
                return self._refusal(error, request, user.language)

        return opened

    def _settle(self) -> None:
        """Let happen what time brings, before anybody looks."""
        self._org.settle()
        self._ingests.settle()

    def _check_size(self, request: Request) -> None:
        limit = self.settings["uri_limit"]
        length = len(request.scope.get("raw_path", b"")) + len(request.scope["query_string"])
        if length > limit:
            raise said(414, "URI_TOO_LONG", "the URI is too long")
        if length + sum(len(n) + len(v) for n, v in request.scope["headers"]) > limit + HEADERS_LIMIT:
            raise said(431, "REQUEST_HEADER_FIELDS_TOO_LARGE", "the headers are too long")

    def _version(self, given: str) -> str:
        """The version of the path without its v.

        Raises:
            Refused: 404 where there is none such, 410 where it is retired.
        """
        number, _, zero = given.removeprefix("v").partition(".")
        oldest, newest = self.settings["versions"]
        if (
            not given.startswith("v")
            or not number.isdecimal()
            or zero != "0"
            or not 0 < int(number) <= newest
        ):
            raise no_such_resource()
        if int(number) < oldest:
            raise said(410, "UNSUPPORTED_API_VERSION", f"version {number} is retired")
        return f"{number}.0"

    def _refusal(self, error: Refused, request: Request, language: str) -> Response:
        return _response(Answer(error.status, error.body(language)), request)

    async def _versions(self, request: Request) -> Response:
        oldest, newest = self.settings["versions"]
        found = [
            {
                "label": f"{_SEASONS[v % 3]} '{(v + 11) // 3:02d}",
                "url": f"/services/data/v{v}.0",
                "version": f"{v}.0",
            }
            for v in range(int(oldest), int(newest) + 1)
        ]
        return _response(Answer(200, found), request)

    async def _token(self, request: Request) -> Response:
        self._org.settle()
        body = await request.body()
        return _response(
            self._auth.token(body, request.headers.get("authorization", ""), _base(request)), request
        )

    async def _revoke(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode(errors="replace"))
        ended = self._auth.forget(form.get("token", [""])[0])
        return _response(Answer(200) if ended else Answer(400, {"error": "invalid_token"}), request)

    async def _userinfo(self, request: Request) -> Response:
        user = self._auth.user(_bearer(request))
        if user is None:
            return Response("Bad_OAuth_Token", 403, media_type="text/html")
        return _response(Answer(200, self._auth.userinfo(user, _base(request))), request)

    # what the base asks of a vendor

    def credential(self, request: Request) -> str:
        return _bearer(request)

    def limited(self, request: Request, template: str) -> Response | None:
        user = self._auth.user(_bearer(request)) if template.startswith(BASE) else None
        if user is None:
            return None
        no = self._quota.refusal(template == f"{BASE}/limits")
        if no is not None:
            return self._refusal(no, request, user.language)
        if template != f"{BASE}/composite/batch":
            self._quota.count(1)
        return None

    def decorate(self, request: Request, template: str, response: Response) -> None:
        response.raw_headers.append((b"date", http_date(self._org.now()).encode()))
        if template.startswith(BASE) and response.status_code != 401:
            response.raw_headers.append((b"Sforce-Limit-Info", self._quota.header().encode()))

    def rate_limit_answer(self, retry_after: str | None) -> Response:
        response = _plain(Answer(403, concurrent().body("en_US")))
        if retry_after is not None:
            response.headers["retry-after"] = retry_after
        return response

    def error_answer(self, status: int) -> Response:
        codes = {
            401: Problem("INVALID_SESSION_ID", "session"),
            403: total().problems[0],
            500: Problem("UNKNOWN_EXCEPTION", "said", text="An unexpected error occurred."),
            503: Problem("SERVER_UNAVAILABLE", "said", text="The server is unavailable."),
        }
        if status in (406, 420, 429):
            return Response(status_code=status)
        if status in codes:
            return _plain(Answer(status, [codes[status].error("en_US")]))
        return Response("<html><body><h1>Error</h1></body></html>", status, media_type="text/html")

    def unknown_path(self, request: Request) -> Response:
        methods = sorted({r.method for r in self._routes if r.pattern.match(request.url.path)})
        if methods:
            no = refused(
                405, "METHOD_NOT_ALLOWED", "method", method=request.method, allowed=",".join(methods)
            )
        else:
            no = no_such_resource()
        return self._refusal(no, request, "en_US")

    def record_ids(self) -> list[str]:
        """The ids of the contacts and leads that exist now."""
        return [row.id for kind in PEOPLE for row in self._org.store.living(kind)]

    def edit(self, data: dict[str, Any]) -> dict[str, Any]:
        self._settle()
        return self._edits.do(data)


def _together(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was known of each user or app, with what is given put over it."""
    merged = {n: {**before.get(n, {}), **v} if isinstance(v, dict) else v for n, v in given.items()}
    return {**before, **merged}


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() in ("bearer", "oauth") else ""


def _base(request: Request) -> str:
    return f"{request.scope.get('scheme', 'http')}://{request.headers.get('host', '127.0.0.1')}"


def _unzipped(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError):
        raise refused(400, "JSON_PARSER_ERROR", "json") from None


def _plain(given: Answer) -> Response:
    if given.text is not None:
        return Response(given.text, given.status, given.headers, "text/csv")
    if given.data is None:
        return Response(status_code=given.status, headers=given.headers)
    return Response(orjson.dumps(given.data), given.status, given.headers, JSON)


def _response(given: Answer, request: Request) -> Response:
    """The answer, laid out for people and packed as the request allows."""
    response = _plain(given)
    pretty = request.headers.get("x-prettyprint", "0") not in ("0", "false")
    if given.data is not None and pretty:
        response = Response(
            orjson.dumps(given.data, option=orjson.OPT_INDENT_2), given.status, given.headers, JSON
        )
    if len(response.body) > 1024 and "gzip" in request.headers.get("accept-encoding", ""):
        response.body = gzip.compress(bytes(response.body), 1)
        response.headers["content-encoding"] = "gzip"
        response.headers["content-length"] = str(len(response.body))
    return response
