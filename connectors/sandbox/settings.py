"""What an observer may set from outside, read strictly: a slip is refused with a sentence, never guessed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any


class BadSetting(ValueError):
    """A setting, fault or edit that the sandbox does not understand; its text says what it would."""


def record(data: object, what: str) -> dict[str, Any]:
    """The data as a JSON object.

    Raises:
        BadSetting: it is something else.
    """
    if not isinstance(data, dict):
        raise BadSetting(f"{what} is a JSON object, not {_kind(data)}")
    return data


def known_keys(data: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Nothing, where every key is one of the known ones.

    Raises:
        BadSetting: one is not.
    """
    names = sorted(known)
    unknown = sorted(set(data) - set(names))
    if unknown:
        raise BadSetting(f"{what} has no {', '.join(unknown)}; there are {', '.join(names)}")


def number(
    value: object, what: str, least: float = -math.inf, most: float = math.inf, whole: bool = False
) -> float:
    """The value as a number from `least` to `most`, both included.

    Raises:
        BadSetting: it is no number, or outside.
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or (whole and value != int(value)):  # type: ignore[call-overload]  # fits says it is a number
        raise BadSetting(f"{what} is a {'whole ' if whole else ''}number, not {_kind(value)}")
    given = float(value)  # type: ignore[arg-type]  # as above
    if not least <= given <= most:
        raise BadSetting(f"{what} is {_range(least, most)}, not {given:g}")
    return given


def text(value: object, what: str) -> str:
    """The value as text.

    Raises:
        BadSetting: it is something else.
    """
    if not isinstance(value, str):
        raise BadSetting(f"{what} is text, not {_kind(value)}")
    return value


def choice(value: object, what: str, among: Iterable[str]) -> str:
    """The value, which is one of the words.

    Raises:
        BadSetting: it is none of them.
    """
    words = tuple(among)
    if not isinstance(value, str) or value not in words:
        shown = f'"{value}"' if isinstance(value, str) else _kind(value)
        raise BadSetting(f"{what} is one of {', '.join(words)}, not {shown}")
    return value


def switch(value: object, what: str) -> bool:
    """The value as true or false.

    Raises:
        BadSetting: it is something else.
    """
    if not isinstance(value, bool):
        raise BadSetting(f"{what} is true or false, not {_kind(value)}")
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _range(least: float, most: float) -> str:
    if math.isinf(most):
        return f"{least:g} or more"
    return f"{most:g} or less" if math.isinf(least) else f"from {least:g} to {most:g}"
