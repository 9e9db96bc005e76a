"""Reads a query of the small part of SOQL that the sandbox knows. Everything else is MALFORMED_QUERY."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.salesforce.moments import DAY_S, days_of, instant
from connectors.sandbox.salesforce.refusals import Refused, said

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
    | (?P<date>\d{4}-\d\d-\d\d)
    | (?P<number>[+-]?\d+(?:\.\d+)?)
    | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<sign><=|>=|!=|<>|[(),=<>:])
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_PLAIN = {**_ESCAPED, "_": "_", "%": "%"}
_PATTERN = {**_ESCAPED, "_": "\\_", "%": "\\%", "\\": "\\\\"}
_RESERVED = (
    "and",
    "or",
    "not",
    "from",
    "where",
    "order",
    "limit",
    "offset",
    "like",
    "in",
    "asc",
    "desc",
    "nulls",
)
SIGNS = ("=", "!=", "<>", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps through parents, and where it stands in the text."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value: null, boolean, number, text, date (days), instant (seconds), id; or a range of instants.

    `raw` is a text with its wildcards still escaped, for LIKE.
    """

    kind: str
    value: Any
    at: int
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Compare:
    path: Path
    sign: str
    value: Literal


@dataclass(frozen=True, slots=True)
class Among:
    path: Path
    values: tuple[Literal, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Junction:
    word: str
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    path: Path
    descending: bool
    nulls_last: bool


@dataclass
class Query:
    """A query as it was read. `kind` is the object's name as it was written."""

    text: str
    paths: list[Path] = field(default_factory=list)
    count: bool = False
    standard: bool = False
    kind: str = ""
    kind_at: int = 0
    where: Any = None
    orders: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def fault(text: str, at: int, code: str, message: str) -> Refused:
    """The 400 that shows the part of the query and a caret below the place; [R] amp-labs, CumulusCI."""
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    start = max(0, at - 32)
    part = text[start : at + 40].replace("\n", " ")
    return said(400, code, f"\n{part}\n{' ' * (at - start)}^\nERROR at Row:{line}:Column:{column}\n{message}")


def parse(text: str, today: Callable[[], int]) -> Query:
    """The query. `today` gives days after the epoch.

    Raises:
        Refused: 400 MALFORMED_QUERY.
    """
    return _Parser(text, today).query()


class _Parser:
    def __init__(self, text: str, today: Callable[[], int]) -> None:
        self._text, self._today = text, today
        self._tokens = self._read()
        self._next = 0

    def _read(self) -> list[Token]:
        found, at, end = [], 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if not match or not match.lastgroup:
                first = at + len(self._text[at:]) - len(self._text[at:].lstrip())
                message = f"no viable alternative at character '{self._text[first]}'"
                raise fault(self._text, first, "MALFORMED_QUERY", message)
            found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        found.append(Token("end", "<EOF>", end))
        return found

    def query(self) -> Query:
        """The whole text."""
        query = Query(self._text)
        self._word("select")
        self._select(query)
        self._word("from")
        name = self._name()
        query.kind, query.kind_at = name.text, name.at
        if self._takes("where"):
            query.where = self._condition()
        if self._takes("order"):
            self._word("by")
            query.orders = [self._order()]
            while self._takes(","):
                query.orders.append(self._order())
        if self._takes("limit"):
            query.limit = self._whole()
        if self._takes("offset"):
            at = self._peek().at
            query.offset = self._whole()
            if query.offset > 2000:
                raise said(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is 2000 ({at})")
        if self._peek().kind != "end":
            raise self._unexpected()
        return query

    def _select(self, query: Query) -> None:
        first = self._peek().text.lower()
        if first in ("count", "fields") and self._tokens[self._next + 1].text == "(":
            self._next += 2
            if first == "fields":
                self._word("standard")
                query.standard = True
            else:
                query.count = True
            self._word(")")
            if query.count:
                return
        else:
            query.paths.append(self._path())
        while self._takes(","):
            query.paths.append(self._path())

    def _condition(self) -> Any:
        parts = [self._unit()]
        word = self._peek().text.lower()
        if word not in ("and", "or"):
            return parts[0]
        while self._takes(word):
            parts.append(self._unit())
        if self._peek().text.lower() in ("and", "or"):
            raise self._unexpected()
        return Junction(word, tuple(parts))

    def _unit(self) -> Any:
        if self._takes("not"):
            return Junction("not", (self._unit(),))
        if self._takes("("):
            inner = self._condition()
            self._word(")")
            return inner
        path = self._path()
        if self._takes("not"):
            self._word("in")
            return Among(path, self._list(), True)
        if self._takes("in"):
            return Among(path, self._list(), False)
        if self._takes("like"):
            return Compare(path, "like", self._literal())
        sign = self._peek()
        if sign.kind != "sign" or sign.text not in SIGNS:
            raise self._unexpected()
        self._next += 1
        return Compare(path, "!=" if sign.text == "<>" else sign.text, self._literal())

    def _list(self) -> tuple[Literal, ...]:
        self._word("(")
        found = [self._literal()]
        while self._takes(","):
            found.append(self._literal())
        self._word(")")
        return tuple(found)

    def _literal(self) -> Literal:
        token = self._peek()
        self._next += 1
        match token.kind:
            case "text":
                raw = token.text[1:-1]
                plain, pattern = (self._unescaped(raw, token.at, table) for table in (_PLAIN, _PATTERN))
                return Literal("text", plain, token.at, pattern)
            case "number":
                whole = "." not in token.text
                return Literal("number", int(token.text) if whole else float(token.text), token.at)
            case "date" if (days := days_of(token.text)) is not None:
                return Literal("date", days, token.at)
            case "instant" if (seconds := instant(token.text)) is not None:
                return Literal("instant", seconds, token.at)
            case "name":
                return self._word_literal(token)
        self._next -= 1
        raise self._unexpected()

    def _word_literal(self, token: Token) -> Literal:
        word, today = token.text.lower(), self._today()
        match word:
            case "null":
                return Literal("null", None, token.at)
            case "true" | "false":
                return Literal("boolean", word == "true", token.at)
            case "today":
                return Literal("days", (today, today + 1), token.at)
            case "yesterday":
                return Literal("days", (today - 1, today), token.at)
            case "last_n_days":
                self._word(":")
                return Literal("days", (today - self._whole(), today + 1), token.at)
        self._next -= 1
        raise self._unexpected()

    def _unescaped(self, raw: str, at: int, table: dict[str, str]) -> str:
        def one(match: re.Match[str]) -> str:
            if match[1]:
                return chr(int(match[1], 16))
            known = table.get(match[2])
            if known is None:
                raise fault(
                    self._text, at, "MALFORMED_QUERY", "Illegal string literal: invalid escape sequence"
                )
            return known

        return _ESCAPE.sub(one, raw)

    def _order(self) -> Order:
        path = self._path()
        descending = False
        if self._takes("desc"):
            descending = True
        else:
            self._takes("asc")
        last = False
        if self._takes("nulls"):
            last = self._takes("last")
            if not last:
                self._word("first")
        return Order(path, descending, last)

    def _path(self) -> Path:
        token = self._name()
        return Path(tuple(token.text.split(".")), token.at)

    def _name(self) -> Token:
        token = self._peek()
        if token.kind != "name" or token.text.lower() in _RESERVED:
            raise self._unexpected()
        self._next += 1
        return token

    def _whole(self) -> int:
        token = self._peek()
        if token.kind != "number" or not token.text.isdecimal():
            raise self._unexpected()
        self._next += 1
        return int(token.text)

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _takes(self, word: str) -> bool:
        token = self._peek()
        hit = token.kind in ("name", "sign") and token.text.lower() == word
        self._next += hit
        return hit

    def _word(self, word: str) -> None:
        if not self._takes(word):
            raise self._unexpected()

    def _unexpected(self) -> Refused:
        token = self._peek()
        return fault(self._text, token.at, "MALFORMED_QUERY", f"unexpected token: '{token.text}'")


def as_instants(literal: Literal) -> tuple[int, int]:
    """First second and the one behind the last of a range of days."""
    first, end = literal.value
    return first * DAY_S, end * DAY_S
