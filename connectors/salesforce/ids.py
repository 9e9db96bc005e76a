"""Salesforce's ids: 15 characters that differ by case, or 18 that do not."""

from __future__ import annotations

import re

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-5]{3})?")


def long_id(written: str) -> str:
    """The id of 18 characters, or "" where the text is no id."""
    if not _ID.fullmatch(written):
        return ""
    return written if len(written) == 18 else written + _suffix(written)


def typed_id(written: str) -> str:
    """The same of an id that a person has typed: one of 18 characters gets its own case back.

    The last three characters say which of the first fifteen are capitals, five to each.
    """
    if len(written) != 18 or not _ID.fullmatch(written):
        return long_id(written)
    short, suffix = "", written[15:].upper()
    for n, character in enumerate(written[:15]):
        capital = _LETTERS.index(suffix[n // 5]) >> (n % 5) & 1
        if capital and not character.isalpha():
            return ""
        short += character.upper() if capital else character.lower()
    return short + suffix


def _suffix(short: str) -> str:
    return "".join(
        _LETTERS[sum(1 << n for n, c in enumerate(short[start : start + 5]) if c.isupper())]
        for start in (0, 5, 10)
    )
