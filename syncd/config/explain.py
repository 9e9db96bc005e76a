"""Validation errors as findings that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from syncd.config.masking import names_secret, scrub, shown
from syncd.config.problems import At, Finding, closest, is_alternative

_M = TypeVar("_M", bound=BaseModel)
_MOST = 100
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "flag": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping of keys",
    "mapping_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "path_type": "a path",
}
_BOUNDS = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}
HIDING = frozenset(
    {
        "secret_reference",
        "extra_forbidden",
        "dict_type",
        "mapping_type",
        "model_type",
        "model_attributes_type",
    }
)
"""Errors after which the value may be anything, so that it must not be repeated."""


def validate(
    model: type[_M], data: object, at: At, schema: Callable[[], Mapping[str, Any]]
) -> tuple[_M | None, list[Finding], set[At]]:
    """The value, or None with what is wrong, and the places that must not be repeated.

    Unknown keys alone do not cost the value, so that everything else can still be checked.
    """
    try:
        return model.model_validate(data), [], set()
    except ValidationError as error:
        errors = list(islice(error.errors(include_url=False), _MOST))
    findings = [_finding(e, at, schema) for e in errors]
    hidden = {_untagged((*at, *e["loc"])) for e in errors if e["type"] in HIDING}
    value = None
    if all(e["type"] == "extra_forbidden" for e in errors):
        for e in errors:
            data = _without(data, e["loc"])
        try:
            value = model.model_validate(data)
        except ValidationError:
            value = None
    return value, _merged(findings), hidden


def _without(data: Any, loc: tuple[str | int, ...]) -> Any:
    """The data without the value at a place."""
    head, *rest = loc
    if isinstance(data, dict) and head in data:
        left = {key: item for key, item in data.items() if key != head}
        return {**left, head: _without(data[head], tuple(rest))} if rest else left
    if isinstance(data, list) and isinstance(head, int) and rest:
        return [_without(item, tuple(rest)) if n == head else item for n, item in enumerate(data)]
    return data


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, one per place: alternatives that all failed are told in one sentence."""
    by_place: dict[At, list[Finding]] = {}
    for finding in findings:
        by_place.setdefault(_untagged(finding.at), []).append(finding)
    merged = []
    for place, group in by_place.items():
        first = group[0]
        tagged = first.at != place and is_alternative(first.at[-1])
        if tagged and any(other[: len(place)] == place and other != place for other in by_place):
            continue
        rest = [f.message.removeprefix("must be ") for f in group[1:] if f.message.startswith("must be ")]
        message = " or ".join(dict.fromkeys([first.message, *rest]))
        hint = next((f.hint for f in group if f.hint), "")
        merged.append(replace(first, message=message, hint=hint))
    return merged


def _untagged(at: At) -> At:
    return tuple(part for part in at if not is_alternative(part))


def _finding(error: Any, at: At, schema: Callable[[], Mapping[str, Any]]) -> Finding:
    kind, loc, given = error["type"], tuple(error["loc"]), error.get("input")
    place = (*at, *loc)
    context = error.get("ctx") or {}
    if kind == "missing":
        return Finding("key.missing", f"{shown(loc[-1])} is required here", place)
    if kind == "extra_forbidden":
        message = f"unknown key {shown(loc[-1])}"
        return Finding(
            "key.unknown", message, place, closest(loc[-1], _known(schema(), loc[:-1])), on_key=True
        )
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return _choice(place, given, words or [str(context.get("expected", ""))])
    if kind == "secret_reference":
        return _secret(place, given, str(error["msg"]))
    if given is None and kind in _TYPES:
        return Finding("value.empty", f"must be {_TYPES[kind]}, and there is nothing", place)
    if kind in _TYPES:
        return Finding("value.type", f"must be {_TYPES[kind]}", place, _type_hint(kind, given))
    if kind in _BOUNDS:
        return Finding("value.range", f"must be {_BOUNDS[kind].format(**context)}", place)
    if kind in ("too_short", "string_too_short"):
        return Finding("value.empty", "must not be empty", place)
    if kind == "string_pattern_mismatch":
        return Finding("value.format", f"must have the form {context.get('pattern')}", place)
    message = str(error["msg"]).removeprefix("Value error, ")
    code = "value.invalid" if kind in ("value_error", "assertion_error") or "_" in kind else f"value.{kind}"
    return Finding(
        code,
        scrub(message[:1].lower() + message[1:], given, names_secret(_untagged(place))),
        place,
        str(context.get("hint", "")),
    )


def _choice(place: At, given: object, words: list[str]) -> Finding:
    if place[-1] == "[key]":
        message = f"unknown key {shown(place[-2])}"
        return Finding("key.unknown", message, place[:-1], closest(place[-2], words), on_key=True)
    if isinstance(given, (dict, list)) or given is None:
        return Finding("value.choice", "must be " + _either(words), place)
    told = f"must be {_either(words)}, not {shown(str(given))}"
    near = closest(str(given), words)
    return Finding("value.choice", told, place, near if near.startswith("did") else "")


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _secret(place: At, given: object, message: str) -> Finding:
    if isinstance(given, dict):
        return Finding("secret.reference", message, place)
    return Finding(
        "secret.literal",
        "a secret is never written into this file, only where it lies",
        place,
        "use {env: NAME}, {file: PATH} or {credential: NAME}; if it was a real one, replace it at the vendor",
    )


def _type_hint(kind: str, given: object) -> str:
    if kind == "string_type" and isinstance(given, (bool, int, float)):
        return "put it in quotes"
    if kind in ("bool_type", "bool_parsing", "flag") and isinstance(given, str):
        return "YAML 1.2 reads yes, no, on and off as text; write true or false, without quotes"
    if kind in ("list_type", "tuple_type") and isinstance(given, str):
        return "write it as [one, two]"
    return ""


def _known(schema: Mapping[str, Any], loc: tuple[str | int, ...]) -> list[str]:
    """The keys that a schema allows at a place."""
    branches = list(_branches(schema, schema))
    for part in loc:
        branches = [deep for b in branches for step in _steps(b, part) for deep in _branches(step, schema)]
    return [key for branch in branches for key in branch.get("properties", {})]


def _branches(part: Mapping[str, Any], root: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if "$ref" in part:
        yield from _branches(root["$defs"][part["$ref"].rsplit("/", 1)[-1]], root)
    yield part
    for word in ("anyOf", "oneOf", "allOf"):
        for choice in part.get(word, ()):
            yield from _branches(choice, root)


def _steps(branch: Mapping[str, Any], part: str | int) -> Iterable[Mapping[str, Any]]:
    if isinstance(part, int):
        if "items" in branch:
            yield branch["items"]
    elif part in branch.get("properties", {}):
        yield branch["properties"][part]
    elif isinstance(branch.get("additionalProperties"), Mapping):
        yield branch["additionalProperties"]
