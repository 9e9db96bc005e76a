"""Batch jobs: their handles, states and result files, and the callbacks that speak of them."""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import orjson

from connectors.crustdata.answers import UNREAD, found_people, spelled
from connectors.crustdata.charges import repeated
from connectors.crustdata.operations import JOB_FILE, JOB_STATE
from connectors.crustdata.people import contacts_of_job, person
from connectors.crustdata.shapes import Unreadable, decoded, items, loose, number, reshaped, text
from syncd.connector import Answer, Failure, FailureKind, Job, Operation, Request, Wire
from syncd.model import KeyKind, Lookup, NotFound, Outcome, Pending, Unresolved

IGNORED = frozenset(
    {"entity", "action", "identifier_count", "entities_requested", "entities_fulfilled", "status_url"}
    | {"created_at", "completed_at", "internal_id"}
)
"""What a job tells of itself beside its state and its result."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_MOST_BYTES = 128 * 1024 * 1024
_SIGNATURE = "x-crustdata-signature"


def handle_of(answer: Answer) -> str:
    """The handle of a job just launched.

    Raises:
        Failure: of kind contract, where no id is found: the job may run and cost all the same.
    """
    try:
        name = text(loose(decoded(answer)).get("batch_id"))
        if not _ID.fullmatch(name):
            raise reshaped(answer, "batch id")
    except Failure as failure:
        # The launch reports no credits: the job is charged when it has done its work.
        failure.charged = None
        raise
    return orjson.dumps({"batch_id": name}).decode()


def _id_of(handle: str) -> str:
    name = text(loose(orjson.loads(handle)).get("batch_id"))
    if not _ID.fullmatch(name):
        raise ValueError("not the handle of a Crustdata batch")
    return name


def job_outcomes(wire: Wire, operation: Operation, job: Job) -> list[Outcome]:
    """One outcome per lookup of the job, or Pending for all of them."""
    waiting: list[Outcome] = [Pending(job.handle) for _ in job.lookups]
    state = wire.send(JOB_STATE, Request("GET", "/batch/{id}", args={"id": _id_of(job.handle)}))
    if state.status == 404:
        # A job that is not known yet and one that is no longer known look the same.
        return waiting
    said = decoded(state)
    if not isinstance(said, dict) or not text(said.get("status")):
        raise reshaped(state, "batch")
    status = text(said["status"]).lower()
    if status == "failed":
        return [Unresolved("the batch job failed") for _ in job.lookups]
    if status != "completed":
        return waiting
    if number(said.get("result_count")) == 0:
        # The download address of an empty result may lead nowhere.
        return [NotFound() for _ in job.lookups]
    lines: list[Mapping[str, object]] = []
    for url in _addresses(said, state):
        answer = wire.send(JOB_FILE, Request("GET", "/batch/file", follow=url))
        if answer.status >= 400:
            return waiting
        lines += _lines(answer)
    return _read(operation, job.lookups, lines)


def _addresses(said: Mapping[str, object], answer: Answer) -> list[str]:
    """Where the parts of the result are: all of the list, or else the single one."""
    parts = [text(url) for url in items(said.get("download_urls"))] or [text(said.get("download_url"))]
    found = list(dict.fromkeys(filter(None, parts)))
    if not found:
        raise reshaped(answer, "download address")
    return found


def _lines(answer: Answer) -> Iterator[Mapping[str, object]]:
    """The lines of a result file: gzip by its first bytes, although no header says so."""
    raw = answer.body
    if raw.startswith(b"\x1f\x8b"):
        raw = _unpacked(raw, answer)
    # Values may hold other line separators, so that only line feeds count.
    for line in raw.split(b"\n"):
        if line.strip():
            try:
                yield loose(orjson.loads(line))
            except orjson.JSONDecodeError:
                raise reshaped(answer, "line") from None


def _unpacked(raw: bytes, answer: Answer) -> bytes:
    """The content of all members of a gzip file. A torn or a boundless one is a contract failure."""
    out, left = bytearray(), raw
    try:
        while left:
            if len(out) >= _MOST_BYTES:
                # To zlib a limit of nothing means none.
                raise reshaped(answer, "compressed file")
            member = zlib.decompressobj(wbits=31)
            out += member.decompress(left, _MOST_BYTES - len(out))
            if not member.eof:
                raise reshaped(answer, "compressed file")
            left = member.unused_data
    except zlib.error:
        raise reshaped(answer, "compressed file") from None
    return bytes(out)


def _read(
    operation: Operation, lookups: Sequence[Lookup], lines: Sequence[Mapping[str, object]]
) -> list[Outcome]:
    """Profile jobs leave out whom they do not know; contact jobs list everybody."""
    by_url = {spelled(_asked(line), KeyKind.LINKEDIN_URL): line for line in lines}
    absent: Outcome = NotFound() if operation.name == "batch_profile" else UNREAD
    asked = [lookup.key["url"] for lookup in lookups]
    found = [
        _line(operation, lookup, by_url[url]) if url in by_url else absent
        for url, lookup in zip(asked, lookups, strict=True)
    ]
    return [
        outcome if url not in asked[:place] else repeated(outcome)
        for place, (url, outcome) in enumerate(zip(asked, found, strict=True))
    ]


def _asked(line: Mapping[str, object]) -> str:
    names = ("original_identifier", "matched_on", "professional_network_url")
    return next((said for name in names if (said := text(line.get(name)))), "")


def _line(operation: Operation, lookup: Lookup, line: Mapping[str, object]) -> Outcome:
    """A line holds its data under `data`; some jobs were seen to write them beside the identifier."""
    data = line.get("data", line)
    try:
        if operation.name != "batch_profile":
            return found_people(operation, [contacts_of_job(loose(data), operation.returns)], 1)
        matches = loose(data).get("matches")
        rows = [loose(row).get("person_data") for row in items(matches)] if matches is not None else [data]
        people = [person(row, lookup.key, operation.returns) for row in rows]
    except Unreadable:
        return UNREAD
    return found_people(operation, people, 1) if people else NotFound()


def called_back(headers: Mapping[str, str], body: bytes, key: Callable[[], str]) -> tuple[str, ...]:
    """The handle of the job that a callback speaks of. A signature is checked where there is one.

    Raises:
        Failure: of kind auth for a wrong signature, of kind contract for a body without an id.
    """
    signature = {name.lower(): value for name, value in headers.items()}.get(_SIGNATURE)
    if signature is not None and not _signed(signature, body, key()):
        raise Failure(FailureKind.AUTH, "the callback's signature is wrong")
    try:
        said: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = None
    name = text(loose(said).get("batch_id"))
    if not _ID.fullmatch(name):
        raise Failure(FailureKind.CONTRACT, "the callback names no batch")
    return (orjson.dumps({"batch_id": name}).decode(),)


def _signed(signature: str, body: bytes, key: str) -> bool:
    """Whether `t=<seconds>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>` under the API key."""
    parts = dict(piece.strip().partition("=")[::2] for piece in signature.split(","))
    signed = parts.get("t", "").encode() + b"." + body
    expected = hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), parts.get("v1", "").lower().encode())
