"""A validator for the words of JSON Schema that the configuration's schema uses; any other word is an error."""

from __future__ import annotations

import re
from typing import Any

_IGNORED = {"$schema", "$defs", "title", "description", "default", "examples", "writeOnly", "format"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


def errors(value: Any, schema: Any, root: Any, at: str = "$") -> list[str]:
    """Every violation, as `PLACE: WORD`."""
    found: list[str] = []
    for word, wanted in schema.items():
        if word in _IGNORED or word in ("then", "else"):
            continue
        check = _WORDS[word]
        found += check(value, wanted, schema, root, at)
    return found


def _ref(value, wanted, schema, root, at):
    return errors(value, root["$defs"][wanted.removeprefix("#/$defs/")], root, at)


def _type(value, wanted, schema, root, at):
    kinds = [wanted] if isinstance(wanted, str) else wanted
    fits = any(
        isinstance(value, _TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))
        for kind in kinds
    )
    return [] if fits else [f"{at}: type {wanted}"]


def _properties(value, wanted, schema, root, at):
    if not isinstance(value, dict):
        return []
    return [
        e
        for key, part in wanted.items()
        if key in value
        for e in errors(value[key], part, root, f"{at}.{key}")
    ]


def _additional(value, wanted, schema, root, at):
    if not isinstance(value, dict):
        return []
    rest = {key: item for key, item in value.items() if key not in schema.get("properties", {})}
    if wanted is False:
        return [f"{at}: unknown {key}" for key in rest]
    return (
        [] if wanted is True else [e for k, v in rest.items() for e in errors(v, wanted, root, f"{at}.{k}")]
    )


def _names(value, wanted, schema, root, at):
    return (
        [e for key in value for e in errors(key, wanted, root, f"{at}.{key}")]
        if isinstance(value, dict)
        else []
    )


def _required(value, wanted, schema, root, at):
    return [f"{at}: missing {key}" for key in wanted if isinstance(value, dict) and key not in value]


def _items(value, wanted, schema, root, at):
    return (
        [e for n, v in enumerate(value) for e in errors(v, wanted, root, f"{at}[{n}]")]
        if isinstance(value, list)
        else []
    )


def _some(value, wanted, root, at):
    return sum(not errors(value, part, root, at) for part in wanted)


def _if(value, wanted, schema, root, at):
    branch = "else" if errors(value, wanted, root, at) else "then"
    return errors(value, schema[branch], root, at) if branch in schema else []


def _bound(fits):
    def check(value, wanted, schema, root, at):
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        return [f"{at}: bound {wanted}"] if numeric and not fits(value, wanted) else []

    return check


def _length(kind, fits):
    def check(value, wanted, schema, root, at):
        return [f"{at}: length {wanted}"] if isinstance(value, kind) and not fits(len(value), wanted) else []

    return check


_WORDS = {
    "$ref": _ref,
    "type": _type,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "items": _items,
    "enum": lambda v, w, s, r, at: [] if v in w else [f"{at}: enum"],
    "const": lambda v, w, s, r, at: [] if v == w and type(v) is type(w) else [f"{at}: const {w}"],
    "pattern": lambda v, w, s, r, at: (
        [f"{at}: pattern"] if isinstance(v, str) and not re.search(w, v) else []
    ),
    "anyOf": lambda v, w, s, r, at: [] if _some(v, w, r, at) else [f"{at}: anyOf"],
    "oneOf": lambda v, w, s, r, at: [] if _some(v, w, r, at) == 1 else [f"{at}: oneOf"],
    "allOf": lambda v, w, s, r, at: [e for part in w for e in errors(v, part, r, at)],
    "if": _if,
    "minimum": _bound(lambda v, w: v >= w),
    "maximum": _bound(lambda v, w: v <= w),
    "exclusiveMinimum": _bound(lambda v, w: v > w),
    "exclusiveMaximum": _bound(lambda v, w: v < w),
    "minLength": _length(str, lambda n, w: n >= w),
    "maxLength": _length(str, lambda n, w: n <= w),
    "minItems": _length(list, lambda n, w: n >= w),
    "minProperties": _length(dict, lambda n, w: n >= w),
}
