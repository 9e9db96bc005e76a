"""Problems of a configuration, each with its place, and how they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from syncd.config.masking import may_be_secret

At = tuple[str | int, ...]
"""A place in the file: keys and list positions from the root."""

_ALTERNATIVE = re.compile(r".*[\[\]].*|str|int|float|bool|none|nullable")


def is_alternative(part: str | int) -> bool:
    """Whether part of a validation error's place names an alternative of a type instead of a key."""
    return isinstance(part, str) and _ALTERNATIVE.fullmatch(part) is not None


class Severity(StrEnum):
    """Whether syncd refuses to start."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem by its place in the tree; `on_key` points at the key instead of the value."""

    code: str
    message: str
    at: At
    hint: str = ""
    severity: Severity = Severity.ERROR
    on_key: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. Line and column count from 1 and are None where no place in a file is meant.

    `source_line` is masked: it holds no credential. `caret` is the position in it, from 0.
    """

    path: str
    line: int | None
    column: int | None
    code: str
    message: str
    source_line: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR
    caret: int = 0

    @property
    def place(self) -> str:
        """`path:line:column`, or what is known of it."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    def text(self) -> str:
        """For people: the place and sentence, the line with a caret, the hint."""
        told = [f"{self.place}: {self.severity.value}[{self.code}]: {self.message}"]
        if self.source_line and self.line is not None:
            margin = f"{self.line:5d} | "
            told.append(margin + self.source_line)
            told.append(" " * (len(margin) - 2) + "| " + " " * self.caret + "^")
        if self.hint:
            told.append(f"      hint: {self.hint}")
        return "\n".join(told)

    def json(self) -> dict[str, object]:
        """For programs. Fields may be added, never renamed."""
        return {
            "severity": self.severity.value,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "source_line": self.source_line,
        }


class ConfigInvalid(Exception):
    """The configuration cannot be used. `problems` are in the order of the file, warnings included."""

    exit_code = 78

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.place}: {p.message}" for p in self.errors))

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.severity is Severity.ERROR)


def closest(word: object, known: Iterable[str]) -> str:
    """`did you mean "x"?` where a known word is near, else the known words, else nothing."""
    words = sorted(w for w in set(known) if not may_be_secret(w))
    if isinstance(word, str):
        folded = {w.casefold(): w for w in words}
        near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
        if near:
            return f'did you mean "{folded[near[0]]}"?'
    if not words:
        return ""
    if len(words) > 12:
        return "known here: " + ", ".join(words[:12]) + ", …"
    return "known here: " + ", ".join(words)


def summary(problems: Sequence[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    errors = sum(p.severity is Severity.ERROR for p in problems)
    parts = [
        f"{n} {word}{'' if n == 1 else 's'}"
        for n, word in ((errors, "error"), (len(problems) - errors, "warning"))
        if n
    ]
    return ", ".join(parts) or "no problems"
