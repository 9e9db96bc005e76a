"""Salesforce's ids: 15 characters that differ by case, or 18 that do not."""

from __future__ import annotations

import re

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-5]{3})?")


def long_id(written: str) -> str:
    """The id of 18 characters in its own case, or "" where the text is no id.

    The last three characters say which of the first fifteen are capitals, five to each: an id that lost
    its case on the way gets it back.
    """
    if not _ID.fullmatch(written):
        return ""
    short = written[:15]
    if len(written) == 18:
        short = _recased(short, written[15:].upper())
    return short + _suffix(short) if short else ""


def _suffix(short: str) -> str:
    return "".join(
        _LETTERS[sum(1 << n for n, c in enumerate(short[start : start + 5]) if c.isupper())]
        for start in (0, 5, 10)
    )


def _recased(short: str, suffix: str) -> str:
    """The fifteen characters in the case that the suffix tells; "" where a digit would be a capital."""
    found = []
    for n, character in enumerate(short):
        capital = _LETTERS.index(suffix[n // 5]) >> (n % 5) & 1
        if capital and not character.isalpha():
            return ""
        found.append(character.upper() if capital else character.lower())
    return "".join(found)
