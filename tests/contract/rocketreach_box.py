"""A RocketReach sandbox with its clock standing still, and what a test asks of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from connectors.sandbox.population import Person, Population
from tests.sandboxes import Sandbox

KEY = "sandbox-rocketreach-key"
CONTACTS = 400
EVERYTHING = {
    "profile": 1, "work": 1, "verified": 1, "personal": 1, "phone": 1, "landline": 0, "stale": 0, "blind": 0,
}  # fmt: skip
PLAIN = {"limits": "off", "coverage": EVERYTHING, "catch_all": 0, "odd_emails": 0, "step_s": 1.0}
"""Everybody is known with a verified work address, a personal one and a mobile number."""
WORLD = Population.invent(CONTACTS)
FIRST_ID = 100_001


def number(person: Person) -> int:
    """The number of a person's profile."""
    return FIRST_ID + person.index


class Box:
    """The sandbox through its API and its observer's endpoints; each person is given out once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = sandbox.http
        self.http.headers["Api-Key"] = KEY
        # Tests that need namesakes, or the first of all, pick those themselves, in whatever order they are run.
        alone = {two[0].ref for two in WORLD.by_name.values() if len(two) == 1}
        self._people = (person for person in WORLD.people[1:] if person.ref in alone)
        sandbox.control("clock", {"rate": 0})
        self._defaults = sandbox.control("settings")

    def person(self) -> Person:
        """Somebody whom no test has looked up yet."""
        return next(self._people)

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.http.get(f"/api/v2{path}", params=query or None)

    def post(self, path: str, body: object) -> httpx.Response:
        return self.http.post(f"/api/v2{path}", json=body)

    def look_up(self, person: Person, **query: Any) -> dict[str, Any]:
        answer = self.get("/person/lookup", id=number(person), **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, *people: Person) -> list[dict[str, Any]]:
        answer = self.get("/person/checkStatus", ids=[number(p) for p in people])
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reveal(self, person: Person, *what: str) -> dict[str, Any]:
        """A lookup of the universal API."""
        flags = {f"reveal_{name}": "true" for name in what}
        answer = self.get("/universal/person/lookup", id=number(person), **flags)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def revealed(self, person: Person) -> dict[str, Any]:
        """What the universal API has of somebody after their lookup."""
        self.later(60)
        return self.get("/universal/person/check_status", ids=number(person)).json()[0]

    def finished(self, person: Person, **query: Any) -> dict[str, Any]:
        """The profile as it is when its lookup has ended."""
        self.look_up(person, **query)
        self.later(60)
        return self.status(person)[0]

    def later(self, seconds: float) -> None:
        """Step the clock, and have everything happen that is due by then."""
        self.sandbox.advance(seconds)
        for api in ("", "/universal"):
            self.get(f"{api}/account")

    def set(self, **settings: object) -> None:
        self.sandbox.settle(**settings)

    def reset(self) -> None:
        self.sandbox.clear_faults()
        self.set(**self._defaults)
        self.later(10_000)

    def balance(self, **left: object) -> dict[str, Any]:
        return self.sandbox.control("balance", left)

    def charges(self) -> list[dict[str, Any]]:
        return self.sandbox.books()["charges"]

    @contextmanager
    def charging(self, **expected: int) -> Iterator[list[dict[str, Any]]]:
        """Within the block, exactly so many credits of each kind are charged."""
        before = len(self.charges())
        got: list[dict[str, Any]] = []
        yield got
        got += self.charges()[before:]
        spent: Counter[str] = Counter()
        for charge in got:
            spent[charge["kind"]] += int(charge["amount"])
        assert spent == Counter(expected)
