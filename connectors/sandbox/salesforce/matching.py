"""Runs a query over the org as one user sees it: which records, in what order, and how they are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from connectors.sandbox.salesforce.fields import Field, Kind
from connectors.sandbox.salesforce.ids import long
from connectors.sandbox.salesforce.org import Org
from connectors.sandbox.salesforce.refusals import Refused
from connectors.sandbox.salesforce.soql import (
    Among,
    Compare,
    Junction,
    Literal,
    Path,
    Query,
    as_instants,
    fault,
)
from connectors.sandbox.salesforce.store import Row, User

Getter = Callable[[Row], Any]
Test = Callable[[Row], bool]
_HINT = "See the describe call for the names there are."
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Matching:
    """A query, its names resolved against what the user may read.

    Raises:
        Refused: 400 INVALID_TYPE, INVALID_FIELD or INVALID_QUERY_FILTER_OPERATOR.
    """

    def __init__(self, org: Org, user: User, query: Query) -> None:
        self._org, self._user, self.query = org, user, query
        kind = org.kinds.get(query.kind.lower())
        if kind is None:
            message = f"sObject type '{query.kind}' is not supported. {_HINT}"
            raise fault(query.text, query.kind_at, "INVALID_TYPE", message)
        self.kind = kind
        self.paths = self._selected()
        self._test = self._node(query.where) if query.where else None
        self._orders = [(*self._ordered(o.path), o.descending, o.nulls_last) for o in query.orders]

    def _selected(self) -> list[tuple[list[Field], Field]]:
        found: list[tuple[list[Field], Field]] = []
        if self.query.standard:
            found = [
                ([], f)
                for f in self.kind.fields
                if not f.custom and self._user.may_read(self.kind.name, f.name)
            ]
        seen: set[tuple[str, ...]] = {(f.name,) for _, f in found}
        for path in self.query.paths:
            parents, last = self.resolve(path)
            name = (*(p.relationship for p in parents), last.name)
            if name in seen:
                raise fault(
                    self.query.text, path.at, "INVALID_FIELD", f"duplicate field selected: {last.name}"
                )
            seen.add(name)
            found.append((parents, last))
        return found

    def resolve(self, path: Path) -> tuple[list[Field], Field]:
        """The lookups that a path goes through, and its field."""
        kind = self.kind
        parents: list[Field] = []
        names = (
            path.names[1:]
            if len(path.names) > 1 and path.names[0].lower() == kind.name.lower()
            else path.names
        )
        for name in names[:-1]:
            lookup = kind.relations.get(name.lower())
            if lookup is None or not self._user.may_read(kind.name, lookup.name):
                message = f"Didn't understand relationship '{name}' in field path."
                raise fault(self.query.text, path.at, "INVALID_FIELD", message)
            parents.append(lookup)
            kind = self._org.kinds[lookup.references.lower()]
        found = kind.by_name.get(names[-1].lower())
        if found is None or not self._user.may_read(kind.name, found.name):
            message = f"No such column '{names[-1]}' on entity '{kind.name}'. {_HINT}"
            raise fault(self.query.text, path.at, "INVALID_FIELD", message)
        return parents, found

    # which records

    def rows(self, deleted: bool) -> list[Row]:
        """The records that match, those in the recycle bin too where asked; order and limit applied."""
        test, sees = self._test, self._sees(deleted)
        found = [r for r in self._candidates() if sees(r) and (test is None or test(r))]
        by_id = bool(self.query.orders) and self.query.orders[-1].path.names[-1].lower() == "id"
        if self._org.settings["shuffle"] and not by_id:
            self._org.dice.shuffle(found)
        for getter, never_blank, descending, nulls_last in reversed(self._orders):
            if never_blank:
                found.sort(key=getter, reverse=descending)
                continue
            blank = [r for r in found if getter(r) is None]
            filled = sorted((r for r in found if getter(r) is not None), key=getter, reverse=descending)
            found = filled + blank if nulls_last else blank + filled
        query = self.query
        end = None if query.limit is None else query.offset + query.limit
        return found[query.offset : end]

    def _sees(self, deleted: bool) -> Test:
        user, org = self._user, self._org
        parents = org.store.rows[self.kind.name.removesuffix("History")]
        if self.kind.name.endswith("History"):
            key = f"{self.kind.name.removesuffix('History')}Id"
            return lambda r: (p := parents[r.values[key]]).deleted_at is None and user.may_see(p)
        if user.sees_all and not deleted:
            return lambda r: r.deleted_at is None
        if deleted:
            return lambda r: user.may_see(r) and not org.is_gone(r)
        return lambda r: r.deleted_at is None and user.may_see(r)

    def _candidates(self) -> Iterator[Row]:
        """All records, or those of the ids that the query names."""
        ids = self._named_ids(self.query.where)
        name = self.kind.name
        if ids is None:
            return self._org.rows(name)
        if name.endswith("History"):
            return self._org.rows(name, ids)
        known = self._org.store.rows[name]
        return (known[i] for i in ids if i in known)

    def _named_ids(self, node: Any) -> list[str] | None:
        key = f"{self.kind.name.removesuffix('History')}Id" if self.kind.name.endswith("History") else "Id"
        match node:
            case Junction("and", parts):
                return next((ids for p in parts if (ids := self._named_ids(p)) is not None), None)
            case Compare(path, "=", value) if path.names[-1].lower() == key.lower() and len(path.names) == 1:
                return [long(str(value.value)) or ""]
            case Among(path, values, False) if path.names[-1].lower() == key.lower() and len(path.names) == 1:
                return list(dict.fromkeys(long(str(v.value)) or "" for v in values))
        return None

    # conditions

    def _node(self, node: Any) -> Test:
        match node:
            case Junction("not", (part,)):
                inner = self._node(part)
                return lambda r: not inner(r)
            case Junction(word, parts):
                tests = [self._node(p) for p in parts]
                return _all(tests) if word == "and" else _any(tests)
            case Among(path, values, negated):
                field, get = self._comparable(path)
                wanted = {self._converted(field, v) for v in values}
                return (lambda r: get(r) not in wanted) if negated else (lambda r: get(r) in wanted)
            case Compare():
                return self._compare(node)
        raise AssertionError("a condition of no kind")

    def _compare(self, node: Compare) -> Test:
        field, get = self._comparable(node.path)
        if node.sign == "like":
            return self._like(node, field, get)
        if node.value.kind == "days":
            return self._in_days(node, field, get)
        wanted = self._converted(field, node.value)
        if node.sign == "=":
            return lambda r: bool(get(r) == wanted)
        if node.sign == "!=":
            return lambda r: bool(get(r) != wanted)
        if field.type == "boolean":
            message = f"operator {node.sign} is not valid for boolean field '{field.name}'"
            raise self._bad(node.path, message, "INVALID_QUERY_FILTER_OPERATOR")
        compare = _COMPARE[node.sign]
        return lambda r: wanted is not None and (v := get(r)) is not None and compare(v, wanted)

    def _in_days(self, node: Compare, field: Field, get: Getter) -> Test:
        if field.type not in ("date", "datetime"):
            raise self._bad(node.path, f"value of filter criterion for field '{field.name}' is no date")
        first, end = as_instants(node.value) if field.type == "datetime" else node.value.value
        tests: dict[str, Callable[[Any], bool]] = {
            "=": lambda v: first <= v < end,
            "!=": lambda v: not first <= v < end,
            "<": lambda v: v < first,
            "<=": lambda v: v < end,
            ">": lambda v: v >= end,
            ">=": lambda v: v >= first,
        }
        test = tests[node.sign]
        return lambda r: (v := get(r)) is not None and test(v)

    def _like(self, node: Compare, field: Field, get: Getter) -> Test:
        if not field.textual or node.value.kind != "text":
            raise self._bad(
                node.path, f"operator like is not valid for '{field.name}'", "INVALID_QUERY_FILTER_OPERATOR"
            )
        pieces, raw, at = [], node.value.raw, 0
        while at < len(raw):
            sign = raw[at]
            if sign == "\\" and at + 1 < len(raw):
                at += 1
                pieces.append(re.escape(raw[at].casefold()))
            else:
                pieces.append({"%": ".*", "_": "."}.get(sign) or re.escape(sign.casefold()))
            at += 1
        pattern = re.compile("".join(pieces) + r"\Z", re.DOTALL)
        return lambda r: (v := get(r)) is not None and pattern.match(v) is not None

    def _comparable(self, path: Path) -> tuple[Field, Getter]:
        parents, field = self.resolve(path)
        if not field.filterable:
            raise self._bad(path, f"field '{field.name}' can not be filtered in a query call")
        return field, self.getter(parents, field, folded=True)

    def _ordered(self, path: Path) -> tuple[Getter, bool]:
        """Reads the value to sort by; and whether no record is without one."""
        parents, field = self.resolve(path)
        if not field.sortable:
            raise self._bad(path, f"field '{field.name}' can not be sorted in a query call")
        never_blank = not parents and field.type in ("id", "datetime") and not field.nillable
        return self.getter(parents, field, folded=True), never_blank

    def getter(self, parents: list[Field], field: Field, folded: bool = False) -> Getter:
        """Reads the value of a field, None where it is blank; text without its capitals where `folded`."""
        name = field.name
        fold = folded and field.textual
        if not parents and not fold:
            return lambda r: r.values.get(name)
        reach = self.reach(parents) if parents else None

        def get(row: Row) -> Any:
            held = reach(row) if reach else row
            if held is None:
                return None
            value = held.values.get(name)
            return value.casefold() if fold and value is not None else value

        return get

    def reach(self, parents: list[Field]) -> Callable[[Row], Row | None]:
        """Goes from a record to the parent that the lookups lead to."""
        steps = [(p.name, self._org.store.rows[p.references]) for p in parents]

        def go(row: Row) -> Row | None:
            held: Row | None = row
            for name, table in steps:
                held = table.get(held.values.get(name, "")) if held else None
            return held

        return go

    def _converted(self, field: Field, literal: Literal) -> Any:
        """The literal as values of the field are kept."""
        value, kind = literal.value, literal.kind
        if kind == "null":
            return None
        if field.type in ("id", "reference") and kind == "text":
            found = long(value)
            if found is None and value:
                raise self._at(literal, f"invalid ID field: {value}", "INVALID_QUERY_FILTER_OPERATOR")
            return found
        if field.textual and kind == "text":
            return value.casefold() or None
        wanted = {
            "boolean": ("boolean",), "datetime": ("instant",), "date": ("date",), "double": ("number",),
            "int": ("number",),
        }.get(field.type, ("text",))  # fmt: skip
        if kind in wanted:
            return value
        quoted = "should not be enclosed in quotes" if kind == "text" else "has another type"
        message = (
            f"value of filter criterion for field '{field.name}' must be of type {field.type} and {quoted}"
        )
        raise self._at(literal, message, "INVALID_FIELD")

    def _bad(self, path: Path, message: str, code: str = "INVALID_FIELD") -> Refused:
        return fault(self.query.text, path.at, code, message)

    def _at(self, literal: Literal, message: str, code: str) -> Refused:
        return fault(self.query.text, literal.at, code, message)


def kind_of(org: Org, name: str) -> Kind | None:
    """The object of a name in any capitals."""
    return org.kinds.get(name.lower())


def _all(tests: list[Test]) -> Test:
    return lambda r: all(t(r) for t in tests)


def _any(tests: list[Test]) -> Test:
    return lambda r: any(t(r) for t in tests)
