"""A YAML file as values with places; reading is bounded in time and memory whatever the file holds."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from syncd.config.masking import MASK, may_be_secret, names_secret
from syncd.config.nodes import Builder, Fault, Mark, Node, Span, Unreadable
from syncd.config.problems import At, ConfigInvalid, Finding, Problem, Severity, is_alternative

MAX_BYTES = 1_048_576
_ECHO = 100
_BREAKS = re.compile("\r\n|[\r\n]")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_KEY_LINE = re.compile(r"(?P<lead>[ \t]*(?:- +)*)(?P<key>[A-Za-z_][A-Za-z0-9_-]{0,63})(?P<colon> *:)(?: .*)?")
_SYNTAX = (
    ("\\t", "yaml.tab", "a tab stands here", "indent with spaces; YAML does not allow tabs"),
    ("mapping values are not allowed", "yaml.syntax", "a colon is not expected here",
     "check the indentation, and quote text that holds a colon followed by a space"),
    ("could not find expected ':'", "yaml.syntax", "this is not `key: value`",
     "a colon and a space must follow the key"),
    ("unexpected end of stream", "yaml.syntax", "the quotation that starts here is never closed", ""),
    ("cannot start any token", "yaml.syntax", "a value cannot begin with this character", "quote the value"),
    ("expected ',' or", "yaml.syntax", "a comma or the closing bracket is missing", ""),
    ("unknown escape", "yaml.syntax", "this backslash sequence does not exist",
     "use single quotes for text with backslashes"),
    ("expected <block end>", "yaml.indent", "the indentation does not fit the lines above",
     "keys of one mapping start in the same column"),
    ("document start", "yaml.syntax", "nothing more is expected after the end of the document", ""),
)  # fmt: skip
_TOLD_AT_START = ("could not find expected ':'", "unexpected end of stream")


@dataclass(slots=True)
class Document:
    """One configuration file. `name` is how it is called in problems."""

    name: str
    lines: list[str]
    root: Node = field(default_factory=lambda: Node(Mark(0, 0)))
    spans: list[Span] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    hidden: set[At] = field(default_factory=set)
    """Places whose values must not be repeated, beside those whose names tell."""
    parsed: bool = False

    @classmethod
    def parse(cls, data: bytes, name: str) -> Document:
        """The document.

        Raises:
            ConfigInvalid: the bytes are not one bounded YAML 1.2 mapping in UTF-8.
        """
        document = cls(name, [])
        text = document._decode(data)
        builder = Builder()
        try:
            yaml = YAML(typ="safe", pure=True)
            builder.feed(yaml.parse(StringIO(text)))
        except Unreadable as stop:
            raise document._invalid([*builder.faults, stop.fault]) from None
        except YAMLError as error:
            raise document._invalid([*builder.faults, _syntax(error)]) from None
        except (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError):
            # ruamel's scanner ends some malformed directives and escapes in a plain Python error
            raise document._invalid([Fault("yaml.syntax", "this is not valid YAML", Mark(0, 0))]) from None
        document._accept(builder)
        return document

    def _decode(self, data: bytes) -> str:
        if len(data) > MAX_BYTES:
            raise self._invalid([Fault("yaml.size", "the file is larger than 1 MiB", Mark(0, 0))])
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise self._invalid(
                [Fault("yaml.encoding", "the file is UTF-16", Mark(0, 0), "save it as UTF-8")]
            )
        if data.startswith(b"\xef\xbb\xbf"):
            fault = Fault(
                "yaml.bom",
                "the file starts with a byte-order mark",
                Mark(0, 0),
                "save it as UTF-8 without BOM",
            )
            raise self._invalid([fault])
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            before = data[: error.start].decode()
            fault = Fault(
                "yaml.encoding", "this byte is not UTF-8", _mark_at(before), "save the file as UTF-8"
            )
            raise self._invalid([fault]) from None
        self.lines = _BREAKS.split(text)
        odd = _UNPRINTABLE.search(text)
        if odd:
            what = "a NUL" if odd[0] == "\0" else "a control character"
            raise self._invalid(
                [Fault("yaml.character", f"{what} stands here", _mark_at(text[: odd.start()]))]
            )
        return text

    def _accept(self, builder: Builder) -> None:
        self.spans, self.parsed = builder.spans, True
        root = builder.root
        if root is None or (root.value is None and root.entries is None and root.items is None):
            raise self._invalid(
                [Fault("yaml.empty", "the file is empty", Mark(0, 0), "`syncd init` writes one")]
            )
        if root.entries is None:
            hint = "it starts with `version: 1`"
            raise self._invalid([Fault("yaml.shape", "the file must be a mapping of keys", Mark(0, 0), hint)])
        self.root, self.faults = root, builder.faults

    def _invalid(self, faults: Iterable[Fault]) -> ConfigInvalid:
        return ConfigInvalid([self.located(fault) for fault in faults])

    def plain(self) -> dict[str, Any]:
        """The values, without places."""
        value: dict[str, Any] = self.root.plain()
        return value

    def holds(self, at: At) -> bool:
        """Whether the file gives a value at exactly this place."""
        node: Node | None = self.root
        for part in at:
            node = node.child(part) if node else None
        return node is not None

    def mark(self, at: At, on_key: bool = False) -> Mark:
        """Where the value (or its key) stands; for an absent one, the key of the nearest part above.

        Parts that name an alternative of a type stand in no file and are passed over.
        """
        node, key = self.root, None
        for part in at:
            child = node.child(part)
            if child is None:
                on_key = on_key or not is_alternative(part)
                continue
            key = node.entries[part].key if node.entries is not None and isinstance(part, str) else None
            node = child
        below = key is not None and node.start.line > key.line
        return key if key is not None and (on_key or below) else node.start

    def line_of(self, at: At) -> int | None:
        """The line, from 1, of a value that the file gives; None for a default."""
        return self.mark(at).line + 1 if self.holds(at) else None

    def problem(self, finding: Finding) -> Problem:
        """The finding with its line, column and masked source line."""
        mark = self.mark(finding.at, finding.on_key)
        return self.located(Fault(finding.code, finding.message, mark, finding.hint), finding.severity)

    def located(self, fault: Fault, severity: Severity = Severity.ERROR) -> Problem:
        """A fault as a problem."""
        echo, caret = self._echo(fault.mark)
        line, column = fault.mark.line + 1, fault.mark.column + 1
        return Problem(self.name, line, column, fault.code, fault.message, echo, fault.hint, severity, caret)

    def _echo(self, mark: Mark) -> tuple[str, int]:
        """The line of a mark without anything that may be secret, and the caret's position in it."""
        if mark.line >= len(self.lines):
            return "", 0
        line = self.lines[mark.line]
        text, caret = self._masked(line, mark) if self.parsed else _masked_raw(line, mark.column)
        text = text.replace("\t", " ")
        start = max(0, caret - _ECHO // 2) if len(text) > _ECHO else 0
        text = text[start : start + _ECHO].rstrip()
        return text, min(caret - start, len(text))

    def _masked(self, line: str, mark: Mark) -> tuple[str, int]:
        pieces, position = [], 0
        for span in self._spans_on(mark.line):
            begin = span.start.column if span.start.line == mark.line else 0
            end = span.end.column if span.end.line == mark.line else len(line)
            pieces.append((position, _punctuation(line[position:begin])))
            pieces.append((begin, line[begin:end] if self._may_show(span) or end == begin else MASK))
            position = end
        pieces.append((position, _punctuation(line[position:])))
        out, caret = "", 0
        for start, text in pieces:
            if start <= mark.column:
                caret = len(out) + min(mark.column - start, max(0, len(text) - 1))
            out += text
        return out, caret

    def _may_show(self, span: Span) -> bool:
        if span.dressed or span.start.line != span.end.line or may_be_secret(span.text):
            return False
        if span.is_key:
            return True
        concealed = any(span.at[:n] in self.hidden for n in range(len(span.at) + 1))
        return not concealed and not names_secret(span.at)

    def _spans_on(self, line: int) -> list[Span]:
        """The spans that touch a line; spans follow each other and never overlap."""
        first = bisect_left(self.spans, line, key=lambda span: span.start.line)
        covering = [span for span in self.spans[max(0, first - 1) : first] if span.end.line >= line]
        return covering + list(
            takewhile(lambda span: span.start.line == line, islice(self.spans, first, None))
        )


def read_bytes(path: Path) -> bytes:
    """The file's content, one byte more than the limit at most.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        data = b""
        while len(data) <= MAX_BYTES and (piece := stream.read(MAX_BYTES + 1 - len(data))):
            data += piece
    return data


def explain_os_error(error: OSError) -> str:
    """Why a file cannot be read, without its path."""
    return os.strerror(error.errno).lower() if error.errno else "it cannot be read"


def _mark_at(before: str) -> Mark:
    lines = _BREAKS.split(before)
    return Mark(len(lines) - 1, len(lines[-1]))


def _syntax(error: YAMLError) -> Fault:
    if not isinstance(error, MarkedYAMLError):
        return Fault("yaml.syntax", "this is not valid YAML", Mark(0, 0))
    mark = error.problem_mark or error.context_mark
    place = Mark.of(mark) if mark else Mark(0, 0)
    problem = error.problem or ""
    for part, code, message, hint in _SYNTAX:
        if part in problem:
            began = part in _TOLD_AT_START and error.context_mark
            return Fault(code, message, Mark.of(error.context_mark) if began else place, hint)
    return Fault("yaml.syntax", "this is not valid YAML", place)


def _punctuation(text: str) -> str:
    """The text between values without comments, and with anchors and aliases masked."""
    text = re.sub(r"(^|\s)#.*", "", text)
    return re.sub(r"[^\s:{}\[\],?|>\"'-]+", MASK, text)


def _masked_raw(line: str, column: int) -> tuple[str, int]:
    """A line that could not be parsed: its key, where it plainly has one, and nothing else."""
    found = _KEY_LINE.fullmatch(line)
    if found and not may_be_secret(found["key"]):
        kept = found["lead"] + found["key"] + found["colon"]
        text = f"{kept} {MASK}" if line[len(kept) :].strip() else kept
    else:
        lead = line[: len(line) - len(line.lstrip())]
        text = lead + MASK if line.strip() else lead
    return text, min(column, max(0, len(text) - 1))
