"""One authorised request to the portal, as the handlers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import QueryParams
from starlette.responses import Response

from connectors.sandbox.hubspot.knobs import Token
from connectors.sandbox.hubspot.refusals import Refused, invalid
from connectors.sandbox.hubspot.store import Source

Answer = tuple[int, object]


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose token may make it. `version` is v3 or a date; `base` the server's own address."""

    token: Token
    version: str
    params: Mapping[str, str]
    query: QueryParams
    body: bytes
    base: str
    path: str

    @property
    def dated(self) -> bool:
        return self.version != "v3"

    @property
    def source(self) -> Source:
        """Who writes, in the words of the history."""
        return Source("INTEGRATION", self.token.app, self.token.user, "integration")

    def data(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refused: 400, it is none.
        """
        try:
            data = orjson.loads(self.body or b"null")
        except orjson.JSONDecodeError as error:
            raise invalid(f"Invalid input JSON on line {error.lineno}, column {error.colno}") from None
        if not isinstance(data, dict):
            raise invalid("Invalid input JSON: the body is not an object")
        return data

    def names(self, key: str) -> list[str]:
        """A list in the query, whether repeated or between commas."""
        return [n for given in self.query.getlist(key) for n in given.split(",") if n]

    def flag(self, key: str) -> bool:
        """A switch in the query; off where it is not given."""
        return self.query.get(key, "false").lower() == "true"

    def whole(self, key: str, default: int) -> int:
        """A number in the query.

        Raises:
            Refused: 400, it is none.
        """
        text = self.query.get(key, str(default))
        if not text.isdecimal() or len(text) > 18:
            raise invalid(f"{key} is not a number", "INVALID_PARAMETER")
        return int(text)


Handle = Callable[[Call], "Answer | Response"]


def string_list(data: Mapping[str, Any], key: str) -> list[str]:
    """A list of texts in a body; empty where it is not given.

    Raises:
        Refused: 400, it is something else.
    """
    value = data.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise invalid(f"Invalid input JSON: {key} is a list of strings")
    return value


def inputs(data: Mapping[str, Any], most: int, over: str = "") -> list[dict[str, Any]]:
    """The inputs of a batch.

    Raises:
        Refused: 400, there are none, too many, or something else.
    """
    value = data.get("inputs")
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise invalid("Invalid input JSON: inputs is a list of at least one object")
    if len(value) > most:
        raise Refused(400, over or f"The maximum number of inputs supported in a batch request is {most}")
    return value


def properties_of(data: Mapping[str, Any]) -> dict[str, str]:
    """The properties to write: text each, blank to clear.

    Raises:
        Refused: 400, there are none, or one is no text; null is none either.
    """
    value = data.get("properties")
    if not isinstance(value, dict):
        raise invalid("Invalid input JSON: properties is an object")
    wrong = sorted(name for name, given in value.items() if not isinstance(given, str))
    if wrong:
        raise invalid(f"Invalid input JSON: the values of {', '.join(wrong)} are not strings")
    return value
