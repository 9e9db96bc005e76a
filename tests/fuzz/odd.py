"""Answers made odd by chance: a recorded one with a few parts replaced, cut out or repeated, or anything at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Json = Any
Way = tuple[str | int, ...]
NAME, MARK = "zzname", "ZZMARK"
"""A name and a text that stand in no answer. Where they come out as a value, a structure was read as text."""
NESTED = {NAME: {NAME: [MARK]}}
SCALARS: tuple[Json, ...] = (
    None, True, False, 0, -1, 1.5, 2**62, 1e18, 1e300, "", " ", "free", "9" * 5000, "-5", "NaN", "sNaN", "inf", "-inf", "1e999999", "1e30",
    ",", "$,K", "http://[", "\u0000", "\u2028", "٣", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2023-04-31",
    "0000-00-00", "x" * 3000, "@", "-" * 40, "%00", "\ufeff",
)  # fmt: skip
STRUCTURES: tuple[Json, ...] = (
    {}, [], [[]], [None], [NESTED], NESTED, {NAME: MARK}, ["said", NESTED], [[MARK]], {MARK: {}}, [{}], {"0": "said", "1": NESTED},
)  # fmt: skip
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
ANYTHING = st.recursive(
    st.sampled_from(SCALARS)
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
BYTES = st.binary(max_size=200) | st.sampled_from(
    [b"", b"null", b"[]", b"{}", b"<html></html>", b"\xff\xfe", b'"\\ud800"', b"[" * 5000, b'{"a":' * 5000, b"1e999", b"NaN"]
)  # fmt: skip


def many(usual: int) -> settings:
    """So many examples, the same ones at each run; as many as FUZZ_EXAMPLES says, and others, where it is set."""
    return settings(
        max_examples=EXAMPLES or usual,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def ways(document: Json, way: Way = ()) -> Iterator[Way]:
    """The way to every part, the whole included."""
    yield way
    if isinstance(document, dict):
        for key, value in document.items():
            yield from ways(value, (*way, key))
    elif isinstance(document, list):
        for number, item in enumerate(document[:3]):
            yield from ways(item, (*way, number))


def changed(document: Json, way: Way, value: Json) -> Json:
    """A copy with another part at the end of the way; without it, where the value is `...`."""
    if not way:
        return None if value is ... else value
    copy: Json = dict(document) if isinstance(document, dict) else list(document)
    if len(way) == 1 and value is ...:
        del copy[way[0]]
    else:
        copy[way[0]] = changed(copy[way[0]], way[1:], value)
    return copy


@st.composite
def odd(draw: st.DrawFn, document: Json) -> Json:
    """The document with one to three parts that do not belong there."""
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(ways(document))))
        document = changed(
            document, way, draw(st.sampled_from([..., *STRUCTURES]) | st.sampled_from(SCALARS) | ANYTHING)
        )
    return document


def texts(value: object) -> Iterator[str]:
    """Every text that a result holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(key)
            yield from texts(item)
    elif isinstance(value, list | tuple | frozenset | set):
        for item in value:
            yield from texts(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name))
