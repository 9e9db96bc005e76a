"""Salesforce's sandbox without a process: a server of its own per test, spoken to in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from connectors.sandbox.population import Population
from connectors.sandbox.salesforce import Server
from connectors.sandbox.salesforce.ids import make

FIRST, SECOND, THIRD = (make("Contact", 1_000_001 + n) for n in range(3))
LEAD = make("Lead", 1_000_001)
VERSION = "v67.0"
MINUTE = 60


class Org:
    """One org. Paths are under the version unless they begin with a slash; the answer is httpx's."""

    def __init__(self, contacts: int = 12, seed: int = 1, **settings: Any) -> None:
        self.server = Server(Population.invent(contacts, seed), {"limits": "off", **settings})
        self.server.clock.run(0)
        self._runner = asyncio.Runner()
        self.token = self.login()

    def close(self) -> None:
        self._runner.close()

    def ask(
        self, method: str, path: str, data: Any = None, token: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = {
            "authorization": f"Bearer {self.token if token is None else token}",
            **more.pop("headers", {}),
        }
        where = path if path.startswith("/") else f"/services/data/{VERSION}/{path}".rstrip("/")
        if data is not None:
            more["json"] = data
        return self._runner.run(self._ask(method, where, headers=headers, **more))

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **more)

    # who asks

    def sign_in(self, **form: str) -> httpx.Response:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", "/services/oauth2/token", token="", content=urlencode(form), headers=headers)

    def login(self, client: str = "sandbox-client") -> str:
        answer = self.sign_in(
            grant_type="client_credentials", client_id=client, client_secret="sandbox-secret"
        )
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    # the requests that tests make most

    def query(self, soql: str, what: str = "query", **more: Any) -> httpx.Response:
        return self.ask("GET", what, params={"q": soql}, **more)

    def rows(self, soql: str, what: str = "query", **more: Any) -> list[dict[str, Any]]:
        answer = self.query(soql, what, **more)
        assert answer.status_code == 200, answer.text
        records: list[dict[str, Any]] = answer.json()["records"]
        return records

    def get(self, number: str = FIRST, *fields: str, kind: str = "Contact", **more: Any) -> dict[str, Any]:
        asked = {"fields": ",".join(fields)} if fields else {}
        answer = self.ask("GET", f"sobjects/{kind}/{number}", params=asked, **more)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def value(self, name: str, number: str = FIRST, kind: str = "Contact") -> Any:
        return self.get(number, name, kind=kind)[name]

    def patch(
        self, values: dict[str, Any], number: str = FIRST, kind: str = "Contact", **more: Any
    ) -> httpx.Response:
        return self.ask("PATCH", f"sobjects/{kind}/{number}", values, **more)

    def update(self, *records: dict[str, Any], all_or_none: bool = False, **more: Any) -> httpx.Response:
        items = [{"attributes": {"type": "Contact"}, **r} for r in records]
        return self.ask("PATCH", "composite/sobjects", {"allOrNone": all_or_none, "records": items}, **more)

    def edit(self, **edit: Any) -> dict[str, Any]:
        if "author" in edit:
            edit["as"] = edit.pop("author")
        answer = self.ask("POST", "/_sandbox/edit", edit)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def settle(self, **settings: Any) -> None:
        self.server.configure(settings)

    def advance(self, seconds: float) -> None:
        self.server.clock.advance(seconds)

    def span(
        self, what: str, back_s: float, ahead_s: float = 0, kind: str = "Contact", **more: Any
    ) -> httpx.Response:
        now = int(self.server.clock.time())
        times = {"start": utc(now - back_s), "end": utc(now + ahead_s)}
        return self.ask("GET", f"sobjects/{kind}/{what}", params=times, **more)


def utc(seconds: float) -> str:
    """As SOQL and the query string have it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def code(answer: httpx.Response) -> str:
    """The errorCode of the first error."""
    return str(answer.json()[0]["errorCode"])


def statuses(answer: httpx.Response) -> list[str]:
    """For each record of a collection `ok` or its first statusCode."""
    return ["ok" if r["success"] else r["errors"][0]["statusCode"] for r in answer.json()]
