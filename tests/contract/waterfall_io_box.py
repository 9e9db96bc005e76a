"""A Waterfall.io sandbox with its clock standing still, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx

from connectors.sandbox.population import Person, Population
from tests.sandboxes import Sandbox

KEY = "sandbox-waterfall_io-key"
EVERYTHING = {
    "profile": 1, "work": 1, "verified": 1, "personal": 1, "phone": 1, "landline": 0, "stale": 0, "blind": 0,
}  # fmt: skip
PLAIN = {"limits": "off", "coverage": EVERYTHING, "catch_all": 0, "after_s": 5}
"""Everybody is known with a verified work address and a mobile number; a job runs for five seconds."""
WORLD = Population.invent(400)
CONTACT, PHONE, COMPANY = "/v1/enrichment/contact", "/v1/enrichment/phone", "/v1/enrichment/company"
VERIFY, CHANGE, SEARCH = "/v1/verify/email", "/v1/job/change", "/v1/search/contact"
ACCOUNT, JWKS = "/v2/account", "/.well-known/jwks.json"


class Box:
    """The sandbox through its API and its observer's endpoints; each person is given out once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = sandbox.http
        self.http.headers["x-api-key"] = KEY
        self._people = iter(WORLD.people)
        sandbox.control("clock", {"rate": 0})
        self._defaults = sandbox.control("settings")

    def person(self) -> Person:
        """Somebody with a mobile number whom no test has asked for yet."""
        return next(p for p in self._people if p.mobile)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body)

    def launch(self, path: str, **body: Any) -> str:
        """The id of a new job."""
        answer = self.post(path, **body)
        assert answer.status_code == 200, answer.text
        job_id: str = answer.json()["job_id"]
        return job_id

    def find(self, path: str, job_id: str) -> dict[str, Any]:
        answer = self.http.get(path, params={"job_id": job_id})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finished(self, path: str, **body: Any) -> dict[str, Any]:
        """The job as it is when its time is over."""
        job_id = self.launch(path, **body)
        self.later(60)
        return self.find(path, job_id)

    def person_of(self, path: str, **body: Any) -> dict[str, Any]:
        """The person that a job found."""
        found: dict[str, Any] = self.finished(path, **body)["output"]["person"]
        return found

    def refused(self, path: str, **body: Any) -> tuple[int, str]:
        """Status and code of a refusal, whose envelope is the vendor's."""
        answer = self.post(path, **body)
        told = answer.json()
        assert told["status"] == "error" and told["message"], answer.text
        assert told["code"].startswith(told["category"] + "_")
        return answer.status_code, told["code"]

    def later(self, seconds: float) -> None:
        """Step the clock, and have everything happen that is due by then."""
        self.sandbox.advance(seconds)
        self.http.get(ACCOUNT)

    def set(self, **settings: object) -> None:
        self.sandbox.settle(**settings)

    def reset(self) -> None:
        self.sandbox.clear_faults()
        self.set(**self._defaults)
        self.later(10_000)

    @contextmanager
    def charging(self, usd: str = "0") -> Iterator[list[dict[str, Any]]]:
        """Within the block, exactly so much is charged."""
        before = len(self.sandbox.books()["charges"])
        got: list[dict[str, Any]] = []
        yield got
        got += self.sandbox.books()["charges"][before:]
        assert {charge["kind"] for charge in got} <= {"usd"}
        assert sum((Decimal(charge["amount"]) for charge in got), Decimal(0)) == Decimal(usd)
