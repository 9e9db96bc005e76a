"""The filter trees of the searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.sandbox.crustdata.refusals import invalid
from connectors.sandbox.population import plain

S = TypeVar("S")
Getters = Mapping[str, Callable[[S], object]]
Test = Callable[[S], bool]
OPERATORS = (
    "=", "!=", "<", "=<", ">", "=>", "in", "not_in", "(.)", "[.]", "(!)", "between", "has_all",
    "is_null", "is_not_null", "geo_distance", "geo_exclude",
)  # fmt: skip
DEEPEST = 8


def compile_filter(tree: object, getters: Getters[S], depth: int = 0) -> Test[S]:
    """A test of a person or a company from a filter tree.

    Raises:
        Refused: the tree, a field or an operator is not understood.
    """
    if not isinstance(tree, dict) or depth > DEEPEST:
        raise invalid("filters must be a condition or a group of conditions", "filters")
    if "conditions" in tree or "op" in tree:
        parts = tree.get("conditions")
        if tree.get("op") not in ("and", "or") or not isinstance(parts, list) or not parts:
            raise invalid("a group has op (and, or) and conditions", "filters")
        tests = [compile_filter(part, getters, depth + 1) for part in parts]
        if tree["op"] == "and":
            return lambda subject: all(test(subject) for test in tests)
        return lambda subject: any(test(subject) for test in tests)
    return _condition(tree, getters)


def _condition(tree: Mapping[str, object], getters: Getters[S]) -> Test[S]:
    name, operator, value = tree.get("field", tree.get("column")), tree.get("type"), tree.get("value")
    if not isinstance(name, str) or name not in getters:
        raise invalid(f"Unknown filter field. Valid fields: {', '.join(sorted(getters))}", "filters")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise invalid(f"Unknown operator. Valid operators: {', '.join(OPERATORS)}", "filters")
    _check(operator, value)
    getter, wanted = getters[name], _folded(value)

    def test(subject: S) -> bool:
        held = getter(subject)
        values = [_folded(v) for v in (held if isinstance(held, list) else [held]) if v not in (None, "")]
        return _holds(operator, values, wanted)

    return test


def _check(operator: str, value: object) -> None:
    listed = operator in ("in", "not_in", "between", "has_all")
    if listed and not isinstance(value, list):
        raise invalid(f"{operator} needs an array", "filters")
    if operator == "between" and isinstance(value, list) and len(value) != 2:
        raise invalid("between needs an array of two", "filters")
    if operator in ("(.)", "[.]", "(!)") and not isinstance(value, str):
        raise invalid(f"{operator} needs a string", "filters")
    if operator.startswith("geo_") and not isinstance(value, dict):
        raise invalid(f"{operator} needs an object with location, distance and unit", "filters")


def _folded(value: object) -> object:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_folded(v) for v in value]
    return value


def _holds(operator: str, values: list[object], wanted: object) -> bool:
    if operator in ("is_null", "is_not_null"):
        return bool(values) == (operator == "is_not_null")
    many = wanted if isinstance(wanted, list) else []
    match operator:
        case "=":
            return wanted in values
        case "!=":
            return wanted not in values
        case "in":
            return any(v in many for v in values)
        case "not_in":
            return not any(v in many for v in values)
        case "has_all":
            return all(v in values for v in many)
        case "between":
            return any(_ordered("=>", v, many[0]) and _ordered("=<", v, many[1]) for v in values)
        case "(.)":
            return any(str(wanted) in str(v) for v in values)
        case "(!)":
            return not any(str(wanted) in str(v) for v in values)
        case "[.]":
            words = set(str(wanted).split())
            return any(words <= set(str(v).split()) for v in values)
        case "geo_distance" | "geo_exclude":
            near = isinstance(wanted, dict) and plain(str(wanted.get("location", ""))).split(",")[0]
            return any(near and near in str(v) for v in values) == (operator == "geo_distance")
        case _:
            return any(_ordered(operator, v, wanted) for v in values)


def _ordered(operator: str, left: object, right: object) -> bool:
    """Whether two numbers or two texts stand in this order; never for others."""
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    order = (left > right) - (left < right)  # type: ignore[operator]  # both are numbers, or both texts
    return order in {"<": (-1,), "=<": (-1, 0), ">": (1,), "=>": (0, 1)}[operator]
