"""A ContactOut sandbox in its own process, and what a test asks of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from connectors.sandbox.population import Coverage, Knowledge, Person, Population

KEY = "sandbox-contactout-key"
CONTACTS = 600
EVERYTHING = {
    "profile": 1, "work": 1, "verified": 1, "personal": 1, "phone": 1, "landline": 0, "stale": 0, "blind": 0,
}  # fmt: skip
NOTHING_BUT_PROFILES = {
    "profile": 1, "work": 0, "verified": 0, "personal": 0, "phone": 0, "landline": 0, "stale": 0, "blind": 0,
}  # fmt: skip
WORLD = Population.invent(CONTACTS)


class Box:
    """The sandbox, through its API and its observer's endpoints."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.api = httpx.Client(base_url=url, headers={"token": KEY}, timeout=20)
        self._defaults = self.control("settings")

    def get(self, path: str, **query: str | int) -> httpx.Response:
        return self.api.get(path, params=query or None)

    def post(self, path: str, body: object) -> httpx.Response:
        return self.api.post(path, json=body)

    def control(self, name: str, data: object = None, method: str = "") -> dict:
        kind = method or ("GET" if data is None else "POST")
        answer = self.api.request(kind, f"/_sandbox/{name}", json=data)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set(self, **settings: object) -> None:
        self.control("settings", settings)

    def reset(self) -> None:
        self.control("faults", method="DELETE")
        self.control("settings", self._defaults)

    def charges(self) -> list[dict]:
        return self.control("books")["charges"]

    @contextmanager
    def charging(self, **expected: int) -> Iterator[list[dict]]:
        """Within the block, exactly so many credits of each kind are charged."""
        before = len(self.charges())
        got: list[dict] = []
        yield got
        got += self.charges()[before:]
        assert Counter(c["kind"] for c in got) == Counter(expected)


@contextmanager
def sandbox(contacts: int = CONTACTS, namesakes: float = 0.0, **settings: object) -> Iterator[Box]:
    """A server that ends with the block."""
    command = [sys.executable, "-m", "connectors.sandbox", "contactout", "--contacts", str(contacts)]
    command += ["--namesakes", str(namesakes)]
    process = subprocess.Popen(
        [*command, "--settings", json.dumps(settings)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    box = None
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError((process.communicate(timeout=10)[1] or b"").decode())
        box = Box(json.loads(line)["url"])
        yield box
    finally:
        if box:
            box.api.close()
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=10)


def known(person: Person, **coverage: float) -> Knowledge | None:
    """What the server knows with its default or other coverage."""
    return WORLD.known("contactout", person, Coverage(**coverage))


def person_where(test: Callable[[Person, Knowledge | None], object], **coverage: float) -> Person:
    """The first person whom, with what the vendor knows of them, a test likes."""
    return next(p for p in WORLD.people if test(p, known(p, **coverage)))


def url(person: Person) -> str:
    """The profile URL as most people write it."""
    return f"https://www.linkedin.com/in/{person.slug}"
