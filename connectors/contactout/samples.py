"""Recognises the canned people that ContactOut serves to a key without entitlement, with status 200."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

import orjson

from syncd.connector import Failure, FailureKind
from syncd.model import Lookup, linkedin_profile

_VALUES = frozenset(
    {
        "email1@example.com",
        "email2@gmail.com",
        "test@gmail.com",
        "+1234567891",
        "+123456789",
        "phone number 1",
        "at-jqjtxv",
    }
)
"""Exact values of the vendor's examples. Never a whole domain: real test records live at example.com."""
_NAME = "example person"
_MARKS = (*_VALUES, _NAME, "example-person", "sample response", "%")
"""Of which one at least stands in every canned answer, as small letters; a profile may be percent-encoded."""
_PROFILE = re.compile(r"https://www\.linkedin\.com/in/(example-person(-\d+)?|at-jqjtxv)")


def refuse_samples(body: Mapping[str, object], lookups: Collection[Lookup] = ()) -> None:
    """Nothing, for an answer about somebody. What was asked about is no sign: answers echo it.

    Raises:
        Failure: of kind config, for a canned answer. Whether it was charged, the vendor does not say.
    """
    if not _suspect(body):
        return
    asked = {part.strip().lower() for lookup in lookups for part in lookup.key.parts.values()}
    message = body.get("message")
    if (isinstance(message, str) and "sample response" in message.lower()) or any(
        _canned(name, text, asked) for name, text in _walk(body)
    ):
        raise Failure(
            FailureKind.CONFIG,
            "ContactOut answers with its sample people: the key has no access to real data; "
            "ask ContactOut to activate it for the API",
        )


def _suspect(body: Mapping[str, object]) -> bool:
    """Whether it is worth looking at each text. Nearly every answer is real, which the whole of it shows at once."""
    try:
        whole = orjson.dumps(body).decode().lower()
    except orjson.JSONEncodeError:
        return True
    return any(mark in whole for mark in _MARKS)


def _canned(name: str, text: str, asked: Collection[str]) -> bool:
    plain = text.strip().lower()
    if plain in asked:
        return False
    if plain in _VALUES or (plain == _NAME and name in ("full_name", "fullName")):
        return True
    profile = linkedin_profile(plain) if "linkedin.com/" in plain else ""
    return profile not in asked and _PROFILE.fullmatch(profile) is not None


def _walk(body: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Every text with the name it stands under, names of maps included."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, list):
            waiting += [(name, item) for item in value]
        elif isinstance(value, dict):
            waiting += [("", key) for key in value]
            waiting += value.items()
