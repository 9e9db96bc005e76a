"""Direct answers as outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from connectors.crustdata.charges import due, repeated, shared
from connectors.crustdata.companies import company
from connectors.crustdata.operations import COMPANIES, CONTACTS, ROW_PRICE
from connectors.crustdata.people import Person, person
from connectors.crustdata.requests import identifier
from connectors.crustdata.shapes import Unreadable, bare_domain, credits_used, decoded, number, reshaped, text
from syncd.connector import Answer, Operation
from syncd.model import (
    Candidate,
    Charge,
    Field,
    Found,
    Key,
    KeyKind,
    Lookup,
    NotFound,
    Outcome,
    Unresolved,
    email_address,
    fold,
    linkedin_company,
    linkedin_profile,
)

IGNORED = frozenset({"match_type", "total_count"})
"""By which kind of key something was found, which the question says, and how many a search would find."""
UNREAD = Unresolved("the answer says nothing about it that can be read")
_SPELL: Mapping[KeyKind, Callable[[str], str]] = {
    KeyKind.LINKEDIN_URL: linkedin_profile,
    KeyKind.EMAIL: email_address,
    KeyKind.DOMAIN: bare_domain,
    KeyKind.COMPANY_NAME: fold,
    KeyKind.COMPANY_LINKEDIN_URL: linkedin_company,
}


def outcomes(operation: Operation, lookups: Sequence[Lookup], answer: Answer) -> list[Outcome]:
    """One outcome per lookup, in their order; what the request cost is spread over them.

    Raises:
        Failure: of kind contract, for an answer of which nothing can be read.
    """
    if operation.name == "search":
        return shared([_rows(operation, lookups[0].key, answer)], credits_used(answer))
    keys = {identifier(lookup.key): lookup.key for lookup in lookups}
    found = dict(zip(keys, _entries(operation, list(keys.values()), answer), strict=True))
    if any(outcome is UNREAD for outcome in found.values()) and all(
        isinstance(outcome, Unresolved) for outcome in found.values()
    ):
        raise reshaped(answer, "entries")
    charged = dict(zip(found, shared(list(found.values()), credits_used(answer)), strict=True))
    asked = [identifier(lookup.key) for lookup in lookups]
    return [
        charged[name] if name not in asked[:place] else repeated(charged[name])
        for place, name in enumerate(asked)
    ]


def spelled(text_: str, kind: KeyKind) -> str:
    """What an answer was matched on, in the one spelling of its kind."""
    return _SPELL[kind](text_) or text_.strip().casefold().rstrip("/")


def _entries(operation: Operation, keys: Sequence[Key], answer: Answer) -> list[Outcome]:
    """One outcome per key. "Nobody known" has three forms: a 404, no entry at all, an entry without matches."""
    if answer.status == 404:
        return [NotFound() for _ in keys]
    body = decoded(answer)
    if isinstance(body, dict) and operation.name in COMPANIES:
        body = body.get("results")
    if not isinstance(body, list):
        raise reshaped(answer, "body")
    if not body:
        return [NotFound() for _ in keys]
    return [_outcome(operation, key, entry) for key, entry in zip(keys, _matched(keys, body), strict=True)]


def _matched(keys: Sequence[Key], body: Sequence[object]) -> list[Mapping[str, object]]:
    """The entry of each key: the one in its place where that says so itself, else whichever says so."""
    entries = [entry if isinstance(entry, dict) else {} for entry in body]
    said = [spelled(text(entry.get("matched_on")), keys[0].kind) for entry in entries]
    asked = [spelled(identifier(key), key.kind) for key in keys]
    named = {name: entry for name, entry in zip(said, entries, strict=True) if name}
    in_order = len(entries) == len(keys)
    return [
        entries[place] if in_order and said[place] == name else named.get(name, {})
        for place, name in enumerate(asked)
    ]


def _outcome(operation: Operation, key: Key, entry: Mapping[str, object]) -> Outcome:
    matches = entry.get("matches")
    if not isinstance(matches, list):
        return UNREAD
    if not matches:
        return NotFound()
    try:
        rows = [m for m in matches if isinstance(m, dict)]
        if len(rows) < len(matches):
            return UNREAD
        if operation.name in COMPANIES:
            return _companies(operation, key, rows)
        people = [
            person(row.get("person_data"), key, operation.returns, row.get("confidence_score"))
            for row in rows
        ]
    except Unreadable:
        return UNREAD
    return found_people(operation, people, 1)


def found_people(operation: Operation, people: Sequence[Person], charged: int) -> Outcome:
    """The people, most likely first; nobody, where contact data was asked for and none of it came."""
    held: set[Field] = set().union(*(one.held for one in people))
    charge = due(operation, charged, held)
    likely = sorted((one.candidate for one in people), key=_likelihood, reverse=True)
    bare = operation.name.removeprefix("batch_") in CONTACTS
    kept = tuple(candidate for candidate in likely if candidate.values or not bare)
    return Found(kept, charge) if kept else NotFound(charge)


def _likelihood(candidate: Candidate) -> float:
    return -1.0 if candidate.similarity is None else candidate.similarity


def _companies(operation: Operation, key: Key, rows: Sequence[Mapping[str, object]]) -> Outcome:
    made = []
    for row in rows:
        score = number(row.get("confidence_score"))
        similarity = float(score) if score is not None and 0 <= score <= 1 else None
        made.append(company(row.get("company_data"), key, similarity))
    # Every company that is returned is charged.
    return Found(tuple(sorted(made, key=_likelihood, reverse=True)), due(operation, len(made)))


def _rows(operation: Operation, key: Key, answer: Answer) -> Outcome:
    """The rows of a search. Without any it answers with an empty list in place of an object."""
    body = decoded(answer)
    rows = body.get("profiles") if isinstance(body, dict) else body
    if not isinstance(rows, list) or (rows and isinstance(body, list)):
        raise reshaped(answer, "body")
    if not rows:
        return NotFound()
    people = []
    for row in rows:
        with suppress(Unreadable):
            people.append(person(row, key, operation.returns).candidate)
    if not people:
        raise reshaped(answer, "profiles")
    return Found(tuple(people), Charge.of(credit=ROW_PRICE * len(rows)))
