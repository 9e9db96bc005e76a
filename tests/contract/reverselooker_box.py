"""A ReverseLooker sandbox with its clock standing still, and what a test asks of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connectors.sandbox.population import Person, Population
from tests.sandboxes import Sandbox

KEY, TEST_KEY = "rl_live_sandbox-reverselooker-key", "rl_test_sandbox-reverselooker-key"
SINGLE, BULK, ACCOUNT = "/reverse-contact/single", "/reverse-contact/bulk", "/account/info"
EVERYTHING = {"profile": 1, "stale": 0, "blind": 0}
PLAIN = {"limits": "off", "coverage": EVERYTHING, "after_s": 5, "webhook_retry_s": 0.01}
WORLD = Population.invent(200)


class Box:
    """The sandbox with its clock standing still; each person is given out once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.http = sandbox, sandbox.http
        self.http.headers["x-api-key"] = KEY
        self._people = iter(WORLD.people)
        sandbox.control("clock", {"rate": 0})
        self._defaults = sandbox.control("settings")

    def person(self) -> Person:
        return next(self._people)

    def launch(self, email: str, path: str = SINGLE, **more: Any) -> dict[str, Any]:
        answer = self.http.post(path, json={"email": email} | more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def find(self, name: str, path: str = SINGLE) -> dict[str, Any]:
        answer = self.http.get(path, params={"id": name})
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    def finished(self, email: str) -> dict[str, Any]:
        name = self.launch(email)["id"]
        self.later(60)
        return self.find(name)

    def bulk(self, *emails: object, **more: Any) -> dict[str, Any]:
        answer = self.http.post(BULK, json={"emails": list(emails)} | more)
        assert answer.status_code == 200, answer.text
        return answer.json()

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
    def charging(self, credit: int = 0) -> Iterator[list[dict[str, Any]]]:
        """Within the block, exactly so many credits are charged."""
        before = len(self.sandbox.books()["charges"])
        got: list[dict[str, Any]] = []
        yield got
        got += self.sandbox.books()["charges"][before:]
        assert {c["kind"] for c in got} <= {"credit"} and sum(int(c["amount"]) for c in got) == credit
