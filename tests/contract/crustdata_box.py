"""A Crustdata sandbox as a test speaks to it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import orjson

from connectors.sandbox.crustdata.directory import Directory
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.population import Knowledge, Person, Population
from tests.sandboxes import Sandbox

KEY, OTHER_KEY = "sandbox-crustdata-key", "second-key"
HEADERS = {"authorization": f"Bearer {KEY}", "x-api-version": "2025-11-01"}
ENRICH, CONTACT = "/person/enrich", "/person/contact/enrich"
LIVE = "/person/professional_network/enrich/live"
SEARCH = "/person/search"
CONTACTS = 300
WORLD = Population.invent(CONTACTS)
BASE: dict[str, Any] = {
    "plan": "enterprise",
    "limits": "off",
    "shared_email": 0,
    "catch_all": 0,
    "usage_lag_s": 0,
}
EVERYTHING = {
    "profile": 1, "work": 1, "verified": 1, "personal": 1, "phone": 1, "landline": 0, "stale": 0, "blind": 0,
}  # fmt: skip
BARE = EVERYTHING | {"work": 0, "personal": 0, "phone": 0}


class Box:
    """The sandbox with a key; `reset` puts its knobs and its balance back."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.http = sandbox, sandbox.http
        self.defaults = sandbox.control("settings")

    def get(self, path: str, /, headers: dict[str, str] | None = None, **query: object) -> httpx.Response:
        return self.http.get(path, params=query or None, headers=HEADERS if headers is None else headers)

    def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.http.post(path, json=body, headers=HEADERS if headers is None else headers)

    def people(self, path: str, *people: Person | str, **more: object) -> httpx.Response:
        """A request for people by their URLs."""
        urls = [p if isinstance(p, str) else p.linkedin_url for p in people]
        return self.post(path, {"professional_network_profile_urls": urls, **more})

    def mails(self, *people: Person | str, **more: object) -> httpx.Response:
        """A profile request by business addresses."""
        emails = [p if isinstance(p, str) else p.work_email for p in people]
        return self.post(ENRICH, {"business_emails": emails, **more})

    def set(self, **knobs: object) -> None:
        self.sandbox.settle(**knobs)

    def reset(self) -> None:
        self.sandbox.clear_faults()
        self.sandbox.control("settings", self.defaults)

    def charges(self) -> list[dict[str, Any]]:
        charges: list[dict[str, Any]] = self.sandbox.books()["charges"]
        return charges

    def balance(self) -> Decimal:
        return Decimal(str(self.get("/account/credits").json()["account"]["credits"]))

    @contextmanager
    def charging(self, total: str) -> Iterator[list[dict[str, Any]]]:
        """Within the block exactly so many credits are charged, and the balance falls by as much."""
        before, left = len(self.charges()), self.balance()
        got: list[dict[str, Any]] = []
        yield got
        got += self.charges()[before:]
        assert sum(Decimal(c["amount"]) for c in got) == Decimal(total)
        assert left - self.balance() == Decimal(total)
        assert {c["kind"] for c in got} <= {"credit"}

    def finished(self, batch_id: str) -> dict[str, Any]:
        """The status of a job whose time the clock is stepped past."""
        self.sandbox.advance(11)
        status: dict[str, Any] = self.get(f"/batch/{batch_id}").json()
        return status

    def lines(self, status: dict[str, Any]) -> list[dict[str, Any]]:
        """The result lines of a finished job."""
        answer = self.http.get(status["download_url"])
        assert answer.status_code == 200, answer.text
        return [orjson.loads(line) for line in gzip.decompress(answer.content).splitlines()]


def known(person: Person, **knobs: Any) -> Knowledge | None:
    """What the server knows of a person with these knobs."""
    directory = Directory(WORLD)
    directory.tune(Knobs(**(BASE | knobs)))
    return directory.known(person)


def person_where(test: Callable[[Person, Knowledge], object], **knobs: Any) -> Person:
    """The first known person whom a test likes."""
    for person in WORLD.people:
        knowledge = known(person, **knobs)
        if knowledge and test(person, knowledge):
            return person
    raise AssertionError("nobody is like that")


UNKNOWN = next(p for p in WORLD.people if known(p) is None)
RICH = person_where(lambda p, k: k.work_email and k.work_verified and k.personal_email and k.phones)
