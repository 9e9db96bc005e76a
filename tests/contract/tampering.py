"""Answers made odd: bodies that a vendor would never send, each still valid in itself."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.contract.loopback import Tamper

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STATE = re.compile(r"(^|_)(status|state|qualification)$", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|https?://\S*linkedin\.com/\S+")
NEWS = "zz_something_new"

Json = Any


def at(position: int, change: Callable[[bytes], bytes]) -> Tamper:
    """Changes the answer to one request, counted from 1; 0 stands for every request."""
    return lambda number, body: change(body) if position in (0, number) else body


def decoded(change: Callable[[Json], Json]) -> Callable[[bytes], bytes]:
    """A change of a JSON body; other bodies stay."""

    def changed(body: bytes) -> bytes:
        try:
            document = json.loads(body)
        except ValueError:
            return body
        return json.dumps(change(document)).encode()

    return changed


def with_news(document: Json) -> Json:
    """With a key that nobody knows in every object, except in maps from addresses or domains."""
    if isinstance(document, list):
        return [with_news(item) for item in document]
    if not isinstance(document, dict):
        return document
    grown = {key: with_news(value) for key, value in document.items()}
    words = grown and all(_WORD.fullmatch(key) for key in grown)
    return {**grown, NEWS: {"a": [1, None], "b": "…"}} if words else grown


def renamed(document: Json) -> Json:
    """With every key spelled otherwise, as after an unannounced new version."""
    if isinstance(document, list):
        return [renamed(item) for item in document]
    if isinstance(document, dict):
        return {f"{key}_zz": renamed(value) for key, value in document.items()}
    return document


def hollowed(document: Json) -> Json:
    """With a number in the place of every object and list directly below the top."""
    if isinstance(document, dict):
        return {k: 42 if isinstance(v, dict | list) else v for k, v in document.items()} or 42
    return [42 for _ in document] if isinstance(document, list) and document else 42


def without_numbers(document: Json) -> Json:
    """With null in the place of every number and every number in text: the vendor does not say."""
    if isinstance(document, list):
        return [without_numbers(item) for item in document]
    if isinstance(document, dict):
        return {key: without_numbers(value) for key, value in document.items()}
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    return None if is_number or (isinstance(document, str) and document.isdecimal()) else document


def in_other_case(document: Json) -> Json:
    """With addresses and profile URLs in capitals, as keys and as values."""
    if isinstance(document, list):
        return [in_other_case(item) for item in document]
    if isinstance(document, dict):
        return {_capital(key): in_other_case(value) for key, value in document.items()}
    return _capital(document) if isinstance(document, str) else document


def _capital(text: str) -> str:
    return text.upper() if _ADDRESS.fullmatch(text) else text


def in_state(state: str) -> Callable[[Json], Json]:
    """With every textual status replaced by a word, in the letter case of the one replaced."""

    def changed(document: Json) -> Json:
        if isinstance(document, list):
            return [changed(item) for item in document]
        if not isinstance(document, dict):
            return document
        return {
            key: state if _STATE.search(key) and isinstance(value, str) else changed(value)
            for key, value in document.items()
        }

    return changed


def misshapen(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Answers that cannot be read, made from one that can: what each is, and its body."""
    yield "not JSON", b"<html><body>Bad gateway canary@leak.example</body></html>"
    yield "half an answer", body[: len(body) // 2]
    yield "null", b"null"
    yield "a number", b"42"
    yield "a text", b'"fine"'
    yield "a nested list", b"[[]]"
    yield "an unknown object", b'{"unexpected": {"deep": ["down"]}}'
    for what, change in (("other keys", renamed), ("numbers for objects", hollowed)):
        odd = decoded(change)(body)
        if json.loads(odd) != json.loads(body):
            yield what, odd


def readable(body: bytes) -> tuple[Json, Callable[[Json], bytes]]:
    """What a body holds, and how it is written: JSON, or a file of lines of it, packed or not."""
    plain = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    try:
        return json.loads(plain), lambda document: json.dumps(document).encode()
    except ValueError:
        lines = [json.loads(line) for line in plain.split(b"\n") if line.strip()]
        return lines, lambda document: b"\n".join(json.dumps(line).encode() for line in document)


Path = tuple[str | int, ...]


def leaves(document: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Every scalar with the way to it."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, (*path, key))
    elif isinstance(document, list):
        for number, item in enumerate(document):
            yield from leaves(item, (*path, number))
    else:
        yield path, document


def replaced(document: Json, path: Path, value: Json) -> Json:
    """A copy with another scalar at the end of the way."""
    if not path:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


def other(value: Json) -> Json:
    """A scalar of the same kind that says something else."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    # An address may be read without what follows its last slash.
    return f"{value.rstrip('/')}x7" if isinstance(value, str) else "x7"
