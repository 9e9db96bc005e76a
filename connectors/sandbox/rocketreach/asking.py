"""One request: what was asked, read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

Json = dict[str, Any]
_ADDRESS = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Refused(Exception):
    """The request ends with a refusal; `body` is the vendor's."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def bad(name: str, reason: str) -> Refused:
    """The refusal of bad input, by field."""
    return Refused(400, {name: [reason]})


def missing() -> Refused:
    """The refusal that says nobody is known."""
    return Refused(404, {"detail": "Not found."})


def no_lookup_credits() -> Refused:
    """The refusal of a lookup that the balance does not pay for; a 403 like several others."""
    return Refused(403, {"detail": "You have insufficient lookup credits. Add credits to look up more."})


def no_entitlement() -> Refused:
    """The refusal of an operation that the plan does not include."""
    return Refused(403, {"detail": "Your plan does not include this API endpoint."})


class Fields:
    """The values of a query, a body or a row of a bulk request. Readers raise Refused for bad ones."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self.given = given

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) is not None

    def text(self, name: str) -> str:
        """A text, blank where it is absent; one that was sent has at least one character."""
        value = self.given.get(name)
        if value is None:
            return ""
        if isinstance(value, bool | list | dict):
            raise bad(name, "Not a valid string.")
        if not str(value).strip():
            raise bad(name, "This field may not be blank.")
        return str(value).strip()

    def email(self, name: str) -> str:
        """An e-mail address, blank where it is absent."""
        value = self.text(name)
        if value and not _ADDRESS.match(value):
            raise bad(name, "Enter a valid email address.")
        return value

    def integer(self, name: str, default: int | None = None, least: int = 0, most: int = 2**63) -> int | None:
        """A whole number from `least` to `most`, both included; the default where it is absent."""
        value = self.given.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool) or not re.fullmatch(r"-?\d{1,19}", str(value)):
            raise bad(name, "A valid integer is required.")
        if not least <= int(str(value)) <= most:
            raise bad(name, f"Ensure this value is between {least} and {most}.")
        return int(str(value))

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self.given.get(name)
        if value is None or value == "":
            return default
        if str(value).lower() not in _TRUTH:
            raise bad(name, "Must be a valid boolean.")
        return _TRUTH[str(value).lower()]

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """One of the words, blank where it is absent or empty."""
        value = self.given.get(name)
        if value is None or value == "":
            return ""
        if value not in among:
            raise bad(name, f"{name} is not a valid choice.")
        return str(value)

    def metadata(self) -> Json | None:
        """The object that is echoed; a query carries it as JSON text."""
        value = self.given.get("metadata")
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                value = None
        return value if isinstance(value, dict) else None


def body_of(raw: bytes, kind: str) -> Json:
    """The body of a POST: JSON or a form.

    Raises:
        Refused: it is neither.
    """
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
    if kind.startswith("multipart/"):
        raise Refused(415, {"detail": "Unsupported media type in this emulator; send JSON."})
    try:
        data = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise Refused(400, {"detail": "JSON parse error."}) from None
    if not isinstance(data, dict):
        raise Refused(400, {"non_field_errors": ["Invalid data. Expected a dictionary."]})
    return data
