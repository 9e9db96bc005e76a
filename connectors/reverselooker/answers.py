"""Launches and reads as outcomes. The launch was charged: nothing that follows costs or gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from connectors.reverselooker.people import person
from connectors.reverselooker.shapes import credits_of, reshaped, rows, search_id, table, text
from syncd.connector import Answer, Failure, Job
from syncd.model import (
    Basis,
    Charge,
    Found,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Unresolved,
    email_address,
)

IGNORED = frozenset({"id", "created_at", "last_update", "message", "number_of_searches"})
"""What is known of a search and has no use here. Its id is that of the launch; a row's own is never asked for."""
_ENDED = frozenset({"completed", "failed"})


def launched(answer: Answer, lookups: Sequence[Lookup], price: Decimal, free: bool) -> list[Outcome]:
    """The search under way, with its charge on the first of the lookups: what is reported, or else the price.

    Raises:
        Failure: of kind contract, for an answer without an id; the search may run and cost all the same.
    """
    body = table(answer.json(), "body")
    handle = search_id(body)
    used = credits_of(body.get("credits_used"))
    if free:
        charge = Charge.none()
    elif used is None:
        charge = Charge.of(credit=price * len({lookup.key["email"] for lookup in lookups}))
    else:
        charge = Charge.of(Basis.REPORTED, credit=used)
    later: list[Outcome] = [Pending(handle, charge=Charge.none()) for _ in lookups[1:]]
    return [Pending(handle, charge=charge), *later]


def read(answer: Answer, job: Job) -> list[Outcome]:
    """The outcome of a single search. Only the vendor's own two words end it.

    Raises:
        Failure: of kind contract, for an answer in an unknown form.
    """
    if answer.status == 404:
        return _lost(job)
    body = table(answer.json(), "search")
    return [_qualified(body, body.get("result"), lookup, job.handle) for lookup in job.lookups]


def read_many(answer: Answer, job: Job) -> list[Outcome]:
    """One outcome per address of a bulk search, found by the address in lower case.

    Raises:
        Failure: of kind contract, for an answer in an unknown form.
    """
    if answer.status == 404:
        return _lost(job)
    body = table(answer.json(), "search")
    ended = _has_ended(body)
    listed = rows(body.get("results"), "results")
    by_email = {email_address(text(row.get("email"))): row for row in listed}
    return [_row(by_email.get(lookup.key["email"]), lookup, job.handle, ended) for lookup in job.lookups]


def _row(row: Mapping[str, object] | None, lookup: Lookup, handle: str, ended: bool) -> Outcome:
    """A row that cannot be read ends its own lookup only."""
    if row is None:
        outcome: Outcome = Pending(handle)
    else:
        try:
            outcome = _qualified(row, row, lookup, handle)
        except Failure as failure:
            outcome = Unresolved(failure.reason, Charge.none())
    if ended and isinstance(outcome, Pending):
        return Unresolved("the search ended without saying anything about it", Charge.none())
    return outcome


def _has_ended(body: Mapping[str, object]) -> bool:
    status = text(body.get("status")).lower()
    if status in _ENDED:
        return True
    if status != "ongoing":
        raise reshaped("status")
    wanted, done = credits_of(body.get("number_requested")), credits_of(body.get("number_finished"))
    return wanted is not None and wanted == done


def _qualified(body: Mapping[str, object], result: object, lookup: Lookup, handle: str) -> Outcome:
    """An answer about another address is none."""
    if email_address(text(body.get("email"))) not in ("", lookup.key["email"]):
        raise reshaped("address")
    match text(body.get("qualification")).lower():
        case "ongoing":
            return Pending(handle)
        case "not_found":
            return NotFound(Charge.none())
        case "found":
            return Found((person(table(result, "person"), lookup.key["email"]),), Charge.none())
    raise reshaped("qualification")


def _lost(job: Job) -> list[Outcome]:
    """What was spent at launch stays spent; the id stays with the call."""
    return [Unresolved("ReverseLooker does not know the search, or no longer", Charge.none())] * len(
        job.lookups
    )
