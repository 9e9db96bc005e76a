"""The stand-in of the invented provider."""

from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from connectors.sandbox.base import Route, Sandbox, reply
from connectors.sandbox.books import Charge


class Server(Sandbox):
    vendor, left = "sixth", 1000

    def routes(self) -> list[Route]:
        self.jobs: list[tuple[float, list[Any]]] = []
        paths = {"/account": "GET", "/search": "POST", "/search/{job}": "GET"}
        return [Route(method, path, self._answer_to) for path, method in paths.items()]

    def set_balance(self, data: dict[str, Any]) -> dict[str, Any]:
        self.left = data["credit"]
        return data

    async def _answer_to(self, request: Request) -> Response:
        now = self.clock.time()
        if request.headers.get("x-key") != "sixth-key-in-the-sandbox":
            return reply({}, 401)
        if request.url.path == "/account":
            return reply({"id": "acme", "left": self.left})
        if job := request.path_params.get("job"):
            due, answer = self.jobs[int(job)]
            return reply({"state": "busy"} if now < due else {"state": "done", "people": answer})
        urls = await request.json()
        if self.left < len(urls):
            return reply({}, 402)
        self.left -= len(urls)
        people = [self.population.by_slug.get(url.rpartition("/")[2]) for url in urls]
        for url, p in zip(urls, people, strict=True):
            self.books.charge(Charge(p.ref if p else url, "credit", Decimal(1), "search", now, ""))
        rows = [p and {"mail": p.work_email, "name": p.full, "url": p.linkedin_url} for p in people]
        self.jobs.append((now + 5, rows))
        return reply({"job": str(len(self.jobs) - 1)})
