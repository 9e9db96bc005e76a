"""What a refusal complains about: codes and property names, dug out of HubSpot's error shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.hubspot.errors import safe
from connectors.hubspot.shape import Record, record, records, text, texts

WHOLE_PROPERTY = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
"""Codes that are about a property as such: every record that carries it is refused alike."""

_PASSING = frozenset({"RATE_LIMITS", "RATE_LIMIT", "LOCKED", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"})
_LISTS_TRIED = 4


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint. `property` is empty where none is named."""

    code: str
    property: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of HubSpot's, about a whole request or about one record of it."""

    category: str
    problems: tuple[Problem, ...]
    ids: frozenset[str]
    traces: frozenset[str]

    @property
    def gone(self) -> bool:
        """The record does not exist (any more) under this id."""
        return self.category == "OBJECT_NOT_FOUND"

    @property
    def passing(self) -> bool:
        """The same write may succeed later."""
        return self.category in _PASSING


def refusal(body: Record, default: str) -> Refusal:
    """Reads an error, whole-request or per-record; `default` is the category where none is told."""
    contexts = [record(e.get("context")) for e in (body, *records(body.get("errors")))]
    found = dict.fromkeys((*_listed(body), *_in_message(text(body.get("message")))))
    return Refusal(
        category=safe(body.get("category"), default),
        problems=tuple(found),
        ids=frozenset(i for c in contexts for key in ("ids", "id") for i in texts(c.get(key))),
        traces=frozenset(t for c in (body, *contexts) for t in texts(c.get("objectWriteTraceId"))),
    )


def _listed(body: Record) -> Iterator[Problem]:
    for error in records(body.get("errors")):
        code = safe(error.get("code"), "")
        names = texts(record(error.get("context")).get("propertyName")) or texts(error.get("in"))
        for name in [safe(n, "") for n in names] or [""]:
            if code or name:
                yield Problem(code, name)


def _in_message(message: str) -> Iterator[Problem]:
    # "Property values were not valid: [{"name": …, "error": …}, …]": `errors` can be shorter than this list.
    start = -1
    for _ in range(_LISTS_TRIED):
        start = message.find("[", start + 1)
        if start < 0:
            return
        try:
            found, _end = json.JSONDecoder().raw_decode(message, start)
        except (ValueError, RecursionError):
            continue
        for item in records(found):
            code, name = safe(item.get("error"), ""), safe(item.get("name"), "")
            if code or name:
                yield Problem(code, name)
        return
