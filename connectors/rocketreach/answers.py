"""Look-ups, status reads and searches as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from connectors.rocketreach.companies import company
from connectors.rocketreach.operations import COMPANIES, SEARCHES
from connectors.rocketreach.people import has_details, is_profile, person
from connectors.rocketreach.reach import Reach, reach_of
from connectors.rocketreach.shapes import one, profile_id, reshaped, rows, table, word
from syncd.connector import Answer, Failure, Job, On, Operation, Price
from syncd.model import EMAIL_FIELDS, Charge, Found, KeyKind, Lookup, NotFound, Outcome, Pending, Unresolved

_SILENT = Reach((), (), 0, 0)


def outcome(operation: Operation, lookup: Lookup, answer: Answer) -> Outcome:
    """What the answer to a question says; Pending where the look-up goes on.

    Raises:
        Failure: of kind contract, for an answer in an unknown form.
    """
    if operation.name in SEARCHES:
        return _searched(operation, answer)
    if answer.status == 404:
        return NotFound()
    if operation.name in COMPANIES:
        return company(operation, table(answer.json(), "company"))
    found = rows(answer.json(), "profile")
    if len(found) != 1:
        raise reshaped("profile")
    (row,) = found
    name = profile_id(row)
    if lookup.key.kind is KeyKind.PROVIDER_ID and name and name != lookup.key["provider_id"]:
        raise reshaped("profile id")
    ended = _ended(operation, row)
    if ended is not None:
        return ended
    if not name:
        raise reshaped("profile id")
    return Pending(name)


def statuses(answer: Answer) -> Mapping[str, Mapping[str, object]]:
    """The rows of a status read by profile id; none for the vendor's "not found".

    A row without id is left out: it may be of any look-up, and the others are told apart.

    Raises:
        Failure: of kind contract, for an answer in an unknown form.
    """
    if answer.status == 404:
        return {}
    body: object = answer.json()
    if body in ([], {}):
        return {}
    found = rows(body, "statuses")
    by_id = {name: row for row in found if (name := profile_id(row))}
    if not by_id:
        raise reshaped("statuses")
    return by_id


def polled(operation: Operation, job: Job, by_id: Mapping[str, Mapping[str, object]]) -> list[Outcome]:
    """The outcome for the look-up of a job. Ids that the vendor leaves out may still come.

    A row that cannot be read ends its own look-up only; it may have been charged.
    """
    row = by_id.get(job.handle, {})
    ended: Outcome | None
    if word(row.get("status")) == "not queued":
        ended = Unresolved("RocketReach has no look-up of this profile under way", Charge.none())
    else:
        try:
            ended = _ended(operation, row)
        except Failure as failure:
            ended = Unresolved(failure.reason)
    return [ended or Pending(job.handle) for _ in job.lookups]


def _ended(operation: Operation, row: Mapping[str, object]) -> Outcome | None:
    """None while the look-up goes on: every word but the two that end it means that, the unknown ones too.

    A look-up that failed costs nothing.
    """
    match word(row.get("status")):
        case "complete":
            return _complete(operation, row)
        case "failed":
            return NotFound()
    return None


def _complete(operation: Operation, row: Mapping[str, object]) -> Outcome:
    if not is_profile(row):
        raise reshaped("profile")
    reach = reach_of(row, frozenset(operation.returns))
    candidate = person(row, reach)
    charge = due(operation, row, reach)
    values = tuple(v for v in candidate.values if v.field in operation.returns)
    if not values:
        return NotFound(charge)
    return Found((replace(candidate, values=values),), charge)


def due(operation: Operation, row: Mapping[str, object], reach: Reach) -> Charge:
    """What a finished look-up cost by the vendor's rules, read conservatively."""
    amounts: dict[str, Decimal] = {}
    for price in operation.prices:
        if _falls_due(operation, price, row, reach):
            amounts[price.kind] = amounts.get(price.kind, Decimal(0)) + price.amount
    return Charge(amounts)


def _falls_due(operation: Operation, price: Price, row: Mapping[str, object], reach: Reach) -> bool:
    if price.on is On.MATCH:
        return price.kind != "lookup" or has_details(row)
    emails = price.fields & EMAIL_FIELDS
    # Where one credit pays for an address or a number, only a number known to be valid costs it.
    numbers = reach.valid_numbers if emails else reach.numbers
    if numbers and price.fields - EMAIL_FIELDS:
        return True
    if emails == EMAIL_FIELDS:
        # One typed credit for any address but those that are graded too low to be charged.
        return any(not email.graded_low for email in reach.emails)
    # With universal credits each kind is paid for whatever its grade, and one of no kind as either.
    return any(email.field in emails or email.field is None for email in reach.emails if emails)


def _searched(operation: Operation, answer: Answer) -> Outcome:
    """Every person of the page, in the vendor's order, but those whom it must not name.

    A page is paid for once, and not where it is empty: what finds nothing costs nothing.
    """
    body: object = answer.json()
    listed = body.get("profiles") if isinstance(body, dict) else body
    if not isinstance(listed, list):
        raise reshaped("page")
    people = [row for row in rows(listed, "page") if one(row.get("suppressed")) is not True]
    if not all(profile_id(row) and is_profile(row) for row in people):
        raise reshaped("row")
    charge = Charge({p.kind: p.amount for p in operation.prices if listed})
    candidates = [person(row, _SILENT) for row in people]
    declared = tuple(
        replace(c, values=tuple(v for v in c.values if v.field in operation.returns)) for c in candidates
    )
    return Found(declared, charge) if declared else NotFound(charge)


def distinct(jobs: Sequence[Job]) -> list[str]:
    """The profile ids of jobs, each once."""
    return list(dict.fromkeys(job.handle for job in jobs))
