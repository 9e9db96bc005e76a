"""Salesforce's record ids: 15 characters that tell capitals apart, and 18 that do not need to."""

from __future__ import annotations

import re

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Lead": "00Q",
    "Organization": "00D",
    "Individual": "0PK",
    "ContactHistory": "0c3",
    "LeadHistory": "0Lh",
    "Job": "750",
    "Locator": "0r8",
}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FORM = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?\Z")


def suffix(short: str) -> str:
    """The three characters that make a 15-character id safe where capitals get lost."""
    blocks = (short[i : i + 5] for i in (0, 5, 10))
    return "".join(_CHECK[sum(c.isupper() << n for n, c in enumerate(block))] for block in blocks)


def make(kind: str, number: int) -> str:
    """The 18-character id of the number-th thing of a kind. Higher numbers sort behind lower ones."""
    text = ""
    while number:
        number, rest = divmod(number, 62)
        text = _DIGITS[rest] + text
    short = f"{PREFIXES[kind]}Sb0{text:0>9}"
    return short + suffix(short)


def long(given: str) -> str | None:
    """The 18-character form; None where the text is no id or its capitals do not fit its check."""
    if not _FORM.match(given):
        return None
    short = given[:15]
    if len(given) == 15:
        return short + suffix(short)
    return given if suffix(short) == given[15:] else None
