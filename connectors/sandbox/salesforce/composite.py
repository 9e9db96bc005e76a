"""Several requests in one: `composite`, whose parts may build on each other, and `composite/batch`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from connectors.sandbox.salesforce.call import Answer, Call, Handle
from connectors.sandbox.salesforce.refusals import Refused, no_such_resource, refused, said

MOST_PARTS, MOST_HEAVY = 25, 5
FORBIDDEN = ("accept", "authorization", "content-type")
_REFERENCE = re.compile(r"@\{([^}]+)\}")
_STEP = re.compile(r"(\w+)|\[(\d+)\]")


@dataclass(frozen=True)
class Found:
    """The handler of a path, what its placeholders stand for, and whether it is a query or a collection."""

    handle: Handle
    params: Mapping[str, str]
    heavy: bool


Find = Callable[[str, str], Found | None]


class Composite:
    """Runs the parts through the same handlers as requests of their own."""

    def __init__(self, find: Find, count: Callable[[int], None]) -> None:
        self._find, self._count = find, count

    def run(self, call: Call) -> Answer:
        """200 with one answer for each part, whatever became of them."""
        data = call.data()
        parts = _parts(data.get("compositeRequest"))
        heavy = 0
        for part in parts:
            found = self._find(str(part.get("method", "")).upper(), urlsplit(str(part.get("url", ""))).path)
            heavy += bool(found and found.heavy)
            bad = [h for h in (part.get("httpHeaders") or {}) if h.lower() in FORBIDDEN]
            if bad:
                raise said(
                    400, "INVALID_HTTP_HEADER", f"{bad[0]} cannot be set for one part of a composite request"
                )
            if not part.get("referenceId"):
                raise said(400, "REQUIRED_FIELD_MISSING", "each part has a referenceId")
        if heavy > MOST_HEAVY:
            raise said(400, "LIMIT_EXCEEDED", f"at most {MOST_HEAVY} parts may be queries or collections")
        return Answer(200, {"compositeResponse": self._all(call, parts, data.get("allOrNone") is True)})

    def _all(self, call: Call, parts: list[dict[str, Any]], all_or_none: bool) -> list[dict[str, Any]]:
        call.org.begin()
        done: dict[str, Answer] = {}
        failed = False
        for part in parts:
            name = str(part["referenceId"])
            if failed and all_or_none:
                done[name] = _halted(call)
                continue
            done[name] = self._one(call, part, done)
            failed |= done[name].status >= 400
        back = failed and all_or_none
        call.org.end(keep=not back)
        if back:
            done = {n: a if a.status >= 400 else _halted(call) for n, a in done.items()}
        return [
            {"body": a.data, "httpHeaders": a.headers, "httpStatusCode": a.status, "referenceId": n}
            for n, a in done.items()
        ]

    def _one(self, call: Call, part: dict[str, Any], done: Mapping[str, Answer]) -> Answer:
        try:
            url, body = _filled(str(part.get("url", "")), done), _filled(part.get("body"), done)
        except LookupError:
            return call.refusal(
                refused(400, "PROCESSING_HALTED", "said", text="Invalid reference specified.")
            )
        own = {n.lower(): str(v) for n, v in (part.get("httpHeaders") or {}).items()}
        return self._ask(call, str(part.get("method", "")).upper(), url, body, own)

    def _ask(self, call: Call, method: str, url: str, body: Any, own: dict[str, str]) -> Answer:
        split = urlsplit(url)
        found = self._find(method, split.path)
        if found is None:
            return call.refusal(no_such_resource())
        shared = {n: v for n, v in call.headers.items() if n.startswith("sforce-")}
        inner = replace(
            call,
            params=found.params,
            query=dict(parse_qsl(split.query)),
            headers={**shared, **own},
            body=b"",
            parsed=body,
        )
        try:
            return found.handle(inner)
        except Refused as error:
            return inner.refusal(error)

    def batch(self, call: Call) -> Answer:
        """200 with the status and body of each part; every part is a call of its own."""
        data = call.data()
        parts = _parts(data.get("batchRequests"))
        self._count(len(parts))
        results: list[dict[str, Any]] = []
        halted = False
        for part in parts:
            if halted:
                told = refused(412, "PROCESSING_HALTED", "halted")
                results.append({"statusCode": 412, "result": told.body(call.language)})
                continue
            url = "/services/data/" + str(part.get("url", "")).removeprefix("/services/data/").lstrip("/")
            answer = self._ask(call, str(part.get("method", "")).upper(), url, part.get("richInput"), {})
            results.append({"statusCode": answer.status, "result": answer.data})
            halted = answer.status >= 400 and data.get("haltOnError") is True
        return Answer(200, {"hasErrors": any(r["statusCode"] >= 400 for r in results), "results": results})


def _parts(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not given or not all(isinstance(p, dict) for p in given):
        raise refused(400, "JSON_PARSER_ERROR", "json")
    if len(given) > MOST_PARTS:
        raise said(400, "LIMIT_EXCEEDED", f"a composite request has at most {MOST_PARTS} parts")
    if not all(isinstance(p.get("httpHeaders") or {}, dict) for p in given):
        raise refused(400, "JSON_PARSER_ERROR", "json")
    return given


def _halted(call: Call) -> Answer:
    return call.refusal(refused(400, "PROCESSING_HALTED", "halted"))


def _filled(value: Any, done: Mapping[str, Answer]) -> Any:
    """The value with results of earlier parts put where it refers to them.

    Raises:
        LookupError: there is no such result.
    """
    match value:
        case str():
            return _REFERENCE.sub(lambda m: str(_result(m[1], done)), value)
        case list():
            return [_filled(v, done) for v in value]
        case dict():
            return {n: _filled(v, done) for n, v in value.items()}
    return value


def _result(path: str, done: Mapping[str, Answer]) -> Any:
    name, _, rest = path.partition(".")
    first, _, index = name.partition("[")
    answer = done[first]
    if answer.status >= 400:
        raise LookupError(first)
    found: Any = answer.data
    for word, place in _STEP.findall((f"[{index}" if index else "") + rest):
        found = found[int(place)] if place else found[word]
    return found
