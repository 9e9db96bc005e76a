"""What may be repeated in an error text: never something that could be a credential or a person."""

from __future__ import annotations

import re

MASK = "…"
_LONGEST = 60
_PREFIXES = re.compile(r"(?i)(pat-|sk[-_]|xox[a-z]-|gh[a-z]_|akia|eyj|bearer\b|basic\s|-----begin)")
_KEY_NAMES = re.compile(
    r"(?i)token|secret|passw|passphrase|credential|api_?key|private_?key|authorization|^key$"
)
_REFERENCES = frozenset({"env", "file", "credential"})
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d)?")
_HARMLESS_PIECE = re.compile(r"[A-Za-z]*|[0-9]{1,8}|[A-Za-z0-9]{1,4}|[A-Za-z]+[0-9]{1,4}")
_SHORTEST_TOKEN = 12
_LONGEST_WORD = 32


def may_be_secret(text: str) -> bool:
    """Whether text looks like a credential, an address or a number of a person rather than a word."""
    text = text.strip()
    if "@" in text or _PREFIXES.match(text):
        return True
    return any(_is_token(word) for word in re.split(r"[\s,;:/?&=#|()\[\]{}<>\"'`*]+", text))


def _is_token(word: str) -> bool:
    if word.lstrip("+").isdigit():
        return len(word) >= 9
    if len(word) < _SHORTEST_TOKEN or _DATE.fullmatch(word):
        return False
    pieces = re.split(r"[-_.]", word)
    if any(len(piece) > _LONGEST_WORD for piece in pieces):
        return True
    if any(not _HARMLESS_PIECE.fullmatch(piece) for piece in pieces):
        return True
    return any(len(re.findall(r"[a-z][A-Z]", piece)) > 4 for piece in pieces)


def names_secret(path: tuple[str | int, ...]) -> bool:
    """Whether a value at this path may be a credential by the names of its keys."""
    if path and path[-1] in _REFERENCES:
        return False
    return any(isinstance(part, str) and _KEY_NAMES.search(part) for part in path)


def shown(text: object) -> str:
    """The text in quotes, or a mask where it must not be repeated."""
    if not isinstance(text, str) or len(text) > _LONGEST or not text.isprintable() or may_be_secret(text):
        return MASK
    return f'"{text}"'


def scrub(message: str, given: object, secret: bool = False) -> str:
    """The message without any text of `given` that must not be repeated; with `secret`, without all of it."""
    for leaf in _leaves(given):
        if len(leaf) >= 4 and leaf in message and (secret or shown(leaf) == MASK):
            message = message.replace(leaf, MASK)
    return message


def _leaves(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [leaf for pair in value.items() for part in pair for leaf in _leaves(part)]
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in _leaves(part)]
    return []
