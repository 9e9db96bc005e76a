"""Names that lead nowhere. Read from the raw tree, so that other mistakes do not hide them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from syncd.config.checks.draft import Draft
from syncd.config.masking import shown
from syncd.config.problems import At, Finding, closest
from syncd.config.syncs import CHEAPEST


def check_references(draft: Draft) -> Iterator[Finding]:
    """Names of CRMs and providers in syncs that are not configured or not in the waterfall."""
    for name, sync in _mapping(draft.tree.get("syncs")).items():
        if isinstance(sync, dict):
            yield from _check_sync(draft, sync, ("syncs", name))


def _check_sync(draft: Draft, sync: dict[str, Any], at: At) -> Iterator[Finding]:
    crm = sync.get("crm")
    if isinstance(crm, str) and crm not in draft.names["crms"]:
        yield _unknown("crm", crm, (*at, "crm"), draft.names["crms"])
    providers = draft.names["providers"]
    listed = sync.get("waterfall")
    names = [n for n in listed if isinstance(n, str)] if isinstance(listed, list) else []
    for number, name in enumerate(listed if isinstance(listed, list) else ()):
        place = (*at, "waterfall", number)
        if not isinstance(name, str):
            continue
        if name not in providers:
            yield _unknown("provider", name, place, providers)
        elif name in names[: names.index(name)] or names.index(name) != _nth(listed, number):
            yield Finding("waterfall.repeated", f"{shown(name)} stands twice in the waterfall", place)
    reachable = providers if listed == CHEAPEST else frozenset(names)
    for field, rule in _mapping(sync.get("fields")).items():
        sources = _mapping(rule).get("from")
        for number, name in enumerate(sources if isinstance(sources, list) else ()):
            place = (*at, "fields", field, "from", number)
            yield from _check_source(name, place, providers, reachable)


def _nth(listed: Any, number: int) -> int:
    """The position among the texts of a list."""
    return sum(isinstance(item, str) for item in listed[:number])


def _check_source(
    name: Any, at: At, providers: frozenset[str], reachable: Iterable[str]
) -> Iterator[Finding]:
    if not isinstance(name, str):
        return
    if name not in providers:
        yield _unknown("provider", name, at, providers)
    elif name not in reachable:
        hint = "add it to the waterfall, or take it out here"
        yield Finding("field.source", f"{shown(name)} is not in this sync's waterfall", at, hint)


def _unknown(what: str, name: str, at: At, known: Iterable[str]) -> Finding:
    return Finding(
        f"{what}.unknown", f"there is no {what} {shown(name)} in this file", at, closest(name, known)
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
