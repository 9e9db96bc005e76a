"""HubSpot's sandbox without a process: a server of its own per test, spoken to in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from connectors.sandbox.hubspot import Server
from connectors.sandbox.population import Population

KEY = "sandbox-hubspot-key"
FIRST = "1000001"
V3, DATED = "/crm/v3/objects/contacts", "/crm/objects/2026-09/contacts"


class Portal:
    """One account. Paths are under v3 unless they begin with a slash; the answer is httpx's."""

    def __init__(self, contacts: int = 12, seed: int = 1, **settings: Any) -> None:
        self.server = Server(Population.invent(contacts, seed), {"limits": "off", **settings})
        self.server.clock.run(0)
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.close()

    def ask(self, method: str, path: str, data: Any = None, token: str = KEY, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        where = path if path.startswith("/") else f"{V3}/{path}".rstrip("/")
        return self._runner.run(self._ask(method, where, headers, data, more))

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], data: Any, more: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.server)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            if data is not None:
                more["json"] = data
            return await client.request(method, path, headers=headers, **more)

    # the requests that tests make most

    def get(self, number: str = FIRST, **query: Any) -> httpx.Response:
        return self.ask("GET", number, params=query)

    def value(self, name: str, number: str = FIRST) -> str | None:
        found: str | None = self.get(number, properties=name).json()["properties"][name]
        return found

    def history(self, name: str, number: str = FIRST) -> list[dict[str, Any]]:
        told: dict[str, Any] = self.get(number, propertiesWithHistory=name).json()["propertiesWithHistory"]
        entries: list[dict[str, Any]] = told[name]
        return entries

    def patch(self, values: dict[str, Any], number: str = FIRST, **more: Any) -> httpx.Response:
        return self.ask("PATCH", number, {"properties": values}, **more)

    def batch(self, what: str, inputs: list[dict[str, Any]], base: str = V3, **more: Any) -> httpx.Response:
        return self.ask("POST", f"{base}/batch/{what}", {"inputs": inputs, **more})

    def search(self, *filters: dict[str, Any], **body: Any) -> httpx.Response:
        groups = {"filterGroups": [{"filters": list(filters)}]} if filters else {}
        return self.ask("POST", "search", {**groups, **body})

    def found(self, *filters: dict[str, Any], **body: Any) -> list[str]:
        answer = self.search(*filters, **{"limit": 200, **body})
        assert answer.status_code == 200, answer.text
        return [record["id"] for record in answer.json()["results"]]

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


def where(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """A search filter."""
    given = {"value": value} if value is not None else {}
    return {"propertyName": name, "operator": operator, **given, **more}


def codes(answer: httpx.Response) -> list[str]:
    """The codes in an error's `errors`."""
    return [error.get("code", "") for error in answer.json().get("errors", [])]
