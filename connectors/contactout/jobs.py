"""Bulk jobs: their handles, their states, their results, and the callbacks that speak of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import orjson

from connectors.contactout.charges import charged_once, due
from connectors.contactout.failures import effective_status
from connectors.contactout.people import contacts
from connectors.contactout.samples import refuse_samples
from connectors.contactout.shapes import envelope, loose, reshaped, table, text
from connectors.contactout.verdicts import verdict
from syncd.connector import Answer, Failure, FailureKind, Job, Operation
from syncd.model import (
    Candidate,
    Found,
    Identity,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Unresolved,
    email_address,
    linkedin_profile,
)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:-]{0,127}")
_PENDING = frozenset({"QUEUED", "PENDING", "PROCESSING", "IN_PROGRESS", "RUNNING"})
"""Only QUEUED is documented; the others are what such a state could be called."""
_ENDED = frozenset({"SENT", "DONE"})
"""The documented states that come with results: only they may say "not found"."""
_FAILED = ("FAIL", "ERROR", "CANCEL")


def handle_of(body: Mapping[str, object]) -> str:
    """The handle of a job just launched.

    Raises:
        Failure: of kind contract, where no job id is found: the job may run and cost all the same.
    """
    names = _ids(body)
    if not names:
        raise reshaped("job id")
    return _handle(names[0])


def job_id(handle: str) -> str:
    """The vendor's id in a handle. Raises ValueError for text that is not a handle of ours."""
    name = text(loose(orjson.loads(handle)).get("job_id"))
    if not _ID.fullmatch(name):
        raise ValueError("not the handle of a ContactOut job")
    return name


def _handle(name: str) -> str:
    return orjson.dumps({"job_id": name}).decode()


def _ids(body: Mapping[str, object]) -> list[str]:
    """Every id of the body. A result's `data.uuid` is not the id that the launch gave."""
    data = loose(body.get("data"))
    said = [text(part.get(name)) for part in (body, data) for name in ("job_id", "job_uuid", "uuid")]
    return list(dict.fromkeys(name for name in said if _ID.fullmatch(name)))


def called_back(body: bytes) -> tuple[str, ...]:
    """The handles of the jobs that a callback may speak of. Callbacks are not signed, their form is not
    documented.

    Raises:
        Failure: of kind contract, for a body without any job id.
    """
    try:
        said: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    names = _ids(loose(said))
    if not names:
        raise Failure(FailureKind.CONTRACT, "the callback names no job")
    return tuple(_handle(name) for name in names)


def job_outcomes(operation: Operation, job: Job, answer: Answer) -> list[Outcome]:
    """One outcome per lookup of the job, or Pending for all of them.

    Results are found by the address or profile asked about, in whatever spelling it comes back. Data is
    taken in every state; its absence means "not found" only in a documented final state.
    """
    body = envelope(answer)
    if effective_status(answer) == 404:
        # A job that is not known yet and one that is no longer known look the same.
        return [Pending(job.handle) for _ in job.lookups]
    refuse_samples(body, job.lookups)
    data = body if body.get("data") is None else table(body["data"], "job")
    if "status" not in data and "result" not in data:
        raise reshaped("job")
    status = text(data.get("status")).upper()
    failed = any(word in status for word in _FAILED)
    if status in _PENDING or (data.get("result") is None and not failed):
        return [Pending(job.handle) for _ in job.lookups]
    result = table(data.get("result") or [], "result")
    why = "the job failed" if failed else "the job ended without saying anything about it"
    verifies = operation.name == "verify_bulk"
    spell: Callable[[str], str] = email_address if verifies else linkedin_profile
    by_key = {spell(str(name)): entry for name, entry in result.items()}
    outcomes: list[Outcome] = []
    for lookup in job.lookups:
        asked = lookup.key["email" if verifies else "url"]
        entry = by_key.get(asked)
        found = verdict(entry, asked) if verifies else _reached(operation, lookup, entry, status in _ENDED)
        outcomes.append(found or Unresolved(why))
    return charged_once(job.lookups, outcomes)


def _reached(operation: Operation, lookup: Lookup, entry: object, ended: bool) -> Outcome | None:
    """None for an entry that is missing, of another form, or blank in a state that proves nothing."""
    if entry is None:
        return None
    try:
        reach = contacts(table(entry, "result"))
    except Failure:
        return None
    values = tuple(value for value in reach.values if value.field in operation.returns)
    if not values:
        return NotFound() if ended and _lists_contacts(entry) else None
    who = Identity(linkedin_url=lookup.key["url"], emails=reach.emails)
    return Found((Candidate(values=values, identity=who),), due(operation, 1, reach))


def _lists_contacts(entry: object) -> bool:
    """Whether the entry is blank in the known form: an empty map, or one with the documented lists."""
    return not entry or "emails" in loose(entry) or "email" in loose(entry)
