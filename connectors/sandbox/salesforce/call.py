"""A request as the handlers see it, whether it came alone or inside a composite one, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connectors.sandbox.salesforce.fields import Kind
from connectors.sandbox.salesforce.moments import from_http
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.refusals import Refused, no_such_resource, refused
from connectors.sandbox.salesforce.store import Author, User


@dataclass
class Answer:
    """What is said. `text` takes the place of `data` where it is set, as in CSV results."""

    status: int
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass
class Call:
    """One request of a user. `headers` have lower-case names; `parsed` is a body that is JSON already."""

    org: Org
    user: User
    version: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    parsed: Any = None

    @property
    def author(self) -> Author:
        return Author("integration", self.user.id)

    @property
    def language(self) -> str:
        return self.user.language

    def data(self) -> dict[str, Any]:
        """The body as a JSON object.

        Raises:
            Refused: 400 JSON_PARSER_ERROR.
        """
        found = self.parsed
        if found is None:
            try:
                found = orjson.loads(self.body)
            except orjson.JSONDecodeError:
                found = None
        if not isinstance(found, dict):
            raise refused(400, "JSON_PARSER_ERROR", "json")
        return found

    def kind(self, name: str = "") -> Kind:
        """The object that the path names.

        Raises:
            Refused: 404.
        """
        found = self.org.kinds.get((name or self.params["object"]).lower())
        if found is None:
            raise no_such_resource()
        return found

    def date_of(self, header: str) -> int | None:
        """Seconds of a header with an HTTP date; None where it is not there.

        Raises:
            Refused: 400, it cannot be read.
        """
        given = self.headers.get(header.lower())
        if given is None:
            return None
        found = from_http(given)
        if found is None:
            raise refused(400, "INVALID_HTTP_HEADER_DATE", "bad_date", header=header)
        return found

    def refusal(self, error: Refused) -> Answer:
        """A refusal in the user's language."""
        return Answer(error.status, error.body(self.language))


Handle = Callable[[Call], Answer]
