"""Batch updates over the loopback server: patches, answers, and a CRM that refuses bad records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.model import Patch, WriteResult
from tests.unit.hubspot_loopback import Asked, Loopback, Reply, connect

STAMP = "2026-11-21T10:00:00.500Z"
REQUEST = "0b9d0b1e-93b1-4d3b-8f7b-1f2d3c4b5a69"


def patch(number: int, **changes: str) -> Patch:
    return Patch(str(number), changes or {"jobtitle": f"title {number}"}, key=f"run-1/{number}")


def write(server: Loopback, script: Callable[[Asked], Reply], patches: Sequence[Patch]) -> list[WriteResult]:
    server.script = script
    server.asked.clear()
    return connect(server).write("contact", patches)


def done(asked: Asked, only: Callable[[str], bool] = lambda i: True) -> list[dict[str, object]]:
    """Result rows in reverse order: HubSpot promises none."""
    return [
        {"id": i["id"], "properties": {**i["properties"], "lastmodifieddate": STAMP}}
        for i in reversed(asked.json["inputs"])
        if only(i["id"])
    ]


def sent(server: Loopback) -> list[list[str]]:
    return [[i["id"] for i in a.json["inputs"]] for a in server.asked]


def refusal(
    *problems: tuple[str, str], in_message: bool = False, category: str = "VALIDATION_ERROR"
) -> Reply:
    """A whole-batch 400 that names (property, code) pairs, in `errors` or only inside the message."""
    listed = [{"isValid": False, "message": "no", "error": code, "name": name} for name, code in problems]
    body: dict[str, object] = {
        "status": "error",
        "category": category,
        "correlationId": REQUEST,
        "message": f"Property values were not valid: {json.dumps(listed)}" if in_message else "invalid",
    }
    if not in_message:
        body["errors"] = [
            {"message": "no", "code": code, "context": {"propertyName": [name]}} for name, code in problems
        ]
    return Reply(body, 400)


@dataclass
class Crm:
    """Refuses a batch whole while it holds a bad record; keeps what it wrote and what it was sent."""

    bad: Mapping[str, Reply]
    written: dict[str, dict[str, str]] = field(default_factory=dict)
    bodies: list[str] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Reply:
        self.bodies.append(json.dumps(asked.json))
        for item in asked.json["inputs"]:
            if item["id"] in self.bad:
                return self.bad[item["id"]]
        for item in asked.json["inputs"]:
            self.written[item["id"]] = item["properties"]
        return Reply({"results": done(asked)})
