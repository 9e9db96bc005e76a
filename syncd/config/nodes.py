"""The tree of a YAML document: values with their places, built from parser events within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import events
from ruamel.yaml.error import StreamMark

from syncd.config.problems import At

MAX_DEPTH = 32
MAX_ALIASES = 50
MAX_NODES = 100_000
_STR_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_INT = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place: line and column, both from 0."""

    line: int
    column: int

    @classmethod
    def of(cls, mark: StreamMark) -> Mark:
        return cls(mark.line, mark.column)


@dataclass(slots=True)
class Node:
    """A value and where it starts. `size` counts it and all below, aliases expanded; `height` its levels."""

    start: Mark
    value: object = None
    entries: dict[str, Entry] | None = None
    items: list[Node] | None = None
    size: int = 1
    height: int = 1

    def plain(self) -> Any:
        """The value as dict, list, text, number, bool or None."""
        if self.entries is not None:
            return {key: entry.node.plain() for key, entry in self.entries.items()}
        if self.items is not None:
            return [item.plain() for item in self.items]
        return self.value

    def child(self, part: str | int) -> Node | None:
        """The value of a key or list position, where there is one."""
        if isinstance(part, str):
            entry = self.entries.get(part) if self.entries else None
            return entry.node if entry else None
        return self.items[part] if self.items and 0 <= part < len(self.items) else None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key's place and its value."""

    key: Mark
    node: Node


@dataclass(frozen=True, slots=True)
class Span:
    """Where the text of one key or value lies, and to which place in the tree it belongs."""

    start: Mark
    end: Mark
    text: str
    at: At
    is_key: bool
    dressed: bool = False
    """An anchor or tag is part of the text in the file."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the document itself, at a mark."""

    code: str
    message: str
    mark: Mark
    hint: str = ""


class Unreadable(Exception):
    """The document cannot be read on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class _Open:
    node: Node
    anchor: str | None
    at: At
    key: str | None = None
    key_mark: Mark | None = None
    dropped: bool = False


@dataclass(slots=True)
class Builder:
    """Builds one tree from events. Faults that do not hinder reading on are collected.

    Raises:
        Unreadable: from `feed`, for a second document, a foreign tag or alias, or a bound exceeded.
    """

    root: Node | None = None
    spans: list[Span] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _stack: list[_Open] = field(default_factory=list)
    _anchors: dict[str, Node] = field(default_factory=dict)
    _aliases: int = 0
    _nodes: int = 0
    _documents: int = 0

    def feed(self, stream: Iterator[Any]) -> None:
        """Read all events."""
        for event in stream:
            mark = Mark.of(event.start_mark)
            match event:
                case events.DocumentStartEvent():
                    self._documents += 1
                    if self._documents > 1:
                        raise _stop(
                            "yaml.documents", "a second document starts here; one file is one document", mark
                        )
                case events.ScalarEvent():
                    self._scalar(event, mark)
                case events.MappingStartEvent() | events.SequenceStartEvent():
                    self._begin(event, mark)
                case events.MappingEndEvent() | events.SequenceEndEvent():
                    self._end()
                case events.AliasEvent():
                    self._alias(event, mark)

    def _place(self) -> At:
        if not self._stack:
            return ()
        top = self._stack[-1]
        part: str | int = (top.key or "") if top.node.entries is not None else len(top.node.items or ())
        return (*top.at, part)

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].node.entries is not None and self._stack[-1].key is None

    def _scalar(self, event: Any, mark: Mark) -> None:
        tag = None if event.tag is None else str(event.tag)
        if tag is not None and tag not in _STR_TAGS:
            raise _tag(mark)
        is_key = self._expects_key()
        text = str(event.value)
        if is_key:
            self._key(text, event, mark)
            return
        self.spans.append(
            Span(mark, Mark.of(event.end_mark), text, self._place(), False, bool(tag or event.anchor))
        )
        plain = tag is None and event.implicit[0]
        self._add(Node(mark, scalar(text) if plain else text), event.anchor)

    def _key(self, text: str, event: Any, mark: Mark) -> None:
        top = self._stack[-1]
        if event.implicit[0] and text in ("", "<<"):
            raise _stop(
                "yaml.key",
                "merging with << is not supported" if text else "a key is missing here",
                mark,
                "write the keys out" if text else "write `key: value`",
            )
        top.key, top.key_mark = text, mark
        self.spans.append(Span(mark, Mark.of(event.end_mark), text, (*top.at, text), True, bool(event.tag)))
        top.dropped = text in (top.node.entries or {})
        if top.dropped and top.node.entries is not None:
            first = top.node.entries[text].key.line + 1
            hint = f"it was first given on line {first}; keep one of them"
            self.faults.append(Fault("yaml.duplicate", "this key is given twice", mark, hint))
        if event.anchor:
            raise _stop("yaml.key", "a key cannot have an anchor", mark)

    def _begin(self, event: Any, mark: Mark) -> None:
        if event.tag is not None:
            raise _tag(mark)
        if self._expects_key():
            raise _stop("yaml.key", "a key must be text, not a list or mapping", mark, _BRACES)
        at = self._place()
        self._bound(1, 1, mark)
        is_map = isinstance(event, events.MappingStartEvent)
        node = Node(mark, entries={} if is_map else None, items=None if is_map else [])
        self._stack.append(_Open(node, event.anchor, at))

    def _end(self) -> None:
        done = self._stack.pop()
        self._add(done.node, done.anchor, counted=True)

    def _alias(self, event: Any, mark: Mark) -> None:
        self._aliases += 1
        if self._expects_key():
            raise _stop("yaml.key", "a key must be text, not an alias", mark)
        if self._aliases > MAX_ALIASES:
            raise _stop(
                "yaml.aliases", f"there are more than {MAX_ALIASES} aliases", mark, "write values out"
            )
        target = self._anchors.get(event.anchor)
        if target is None:
            raise _stop(
                "yaml.alias", "this alias has no anchor before it", mark, "quote text that begins with *"
            )
        self._bound(target.size, target.height, mark)
        copy = Node(mark, target.value, target.entries, target.items, target.size, target.height)
        self._add(copy, None, counted=True)

    def _add(self, node: Node, anchor: str | None, counted: bool = False) -> None:
        if not counted:
            self._bound(1, 0, node.start)
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        top.node.size += node.size
        top.node.height = max(top.node.height, node.height + 1)
        if top.node.items is not None:
            top.node.items.append(node)
        elif top.node.entries is not None and top.key is not None and top.key_mark is not None:
            if not top.dropped:
                top.node.entries[top.key] = Entry(top.key_mark, node)
            top.key = None

    def _bound(self, size: int, height: int, mark: Mark) -> None:
        self._nodes += size
        if self._nodes > MAX_NODES:
            raise _stop("yaml.size", f"the file holds more than {MAX_NODES:,} values", mark)
        if len(self._stack) + height > MAX_DEPTH:
            raise _stop("yaml.depth", f"values are nested more than {MAX_DEPTH} deep", mark)


_BRACES = "quote text that begins with a bracket or brace"


def _stop(code: str, message: str, mark: Mark, hint: str = "") -> Unreadable:
    return Unreadable(Fault(code, message, mark, hint))


def _tag(mark: Mark) -> Unreadable:
    return _stop("yaml.tag", "tags are not accepted", mark, "quote text that begins with !")


def scalar(text: str) -> object:
    """What unquoted text means in the core schema of YAML 1.2; dates and `yes` stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)
    if len(text) <= 40 and _FLOAT.fullmatch(text):
        return float(text)
    return text
