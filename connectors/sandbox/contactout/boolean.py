"""Boolean equations such as `(ReactJS AND Python) NOT Java`, as the search filters take them."""

from __future__ import annotations

import re
from collections.abc import Callable

Test = Callable[[Callable[[str], bool]], bool]
"""Whether an equation holds, given what each of its terms is worth."""

DEEPEST = 100
_TOKEN = re.compile(r"[()]|[^()\s]+")
_WORDS = ("AND", "OR", "NOT", "(", ")")


class BadEquation(ValueError):
    """Brackets or operators that do not fit together."""


def parse(text: str) -> Test:
    """The test of an equation. NOT binds closest, then AND (also where it is left out), then OR.

    Words without an operator between them are one term.

    Raises:
        BadEquation: it is not one, or has more than 100 brackets and negations.
    """
    if text.count("(") + text.count("NOT") > DEEPEST:
        raise BadEquation
    test, rest = _either(_TOKEN.findall(text))
    if rest:
        raise BadEquation
    return test


def _either(tokens: list[str]) -> tuple[Test, list[str]]:
    test, rest = _both(tokens)
    while rest and rest[0] == "OR":
        left = test
        right, rest = _both(rest[1:])
        test = _or(left, right)
    return test, rest


def _both(tokens: list[str]) -> tuple[Test, list[str]]:
    test, rest = _one(tokens)
    while rest and rest[0] not in ("OR", ")"):
        left = test
        right, rest = _one(rest[1:] if rest[0] == "AND" else rest)
        test = _and(left, right)
    return test, rest


def _one(tokens: list[str]) -> tuple[Test, list[str]]:
    if not tokens or tokens[0] in ("AND", "OR", ")"):
        raise BadEquation
    if tokens[0] == "NOT":
        test, rest = _one(tokens[1:])
        return _not(test), rest
    if tokens[0] == "(":
        test, rest = _either(tokens[1:])
        if not rest:
            raise BadEquation
        return test, rest[1:]
    end = next((i for i, token in enumerate(tokens) if token in _WORDS), len(tokens))
    term = " ".join(tokens[:end])
    return lambda worth: worth(term), tokens[end:]


def _or(left: Test, right: Test) -> Test:
    return lambda worth: left(worth) or right(worth)


def _and(left: Test, right: Test) -> Test:
    return lambda worth: left(worth) and right(worth)


def _not(test: Test) -> Test:
    return lambda worth: not test(worth)
