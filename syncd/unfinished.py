"""Unfinished: what an undo or an accepted proposal left open when it was cut short.

What the CRM holds now tells whether the write reached it; so no intent stays without an outcome.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy import Connection

from syncd.accounts import CrmAccount
from syncd.amend import our_source, take_back
from syncd.model import Author, AuthorKind, Contact
from syncd.plan import equal_text, text_of
from syncd.runtime import Runtime
from syncd.store import changes, runs, work
from syncd.store.changes import Stored
from syncd.store.engine import MILLION
from syncd.undo import chain

_log = structlog.get_logger("syncd.amend")
ABANDONED_S = 1800.0
"""On a state that is shared another process may be at work; no write and its reading back last as long."""


def settle(runtime: Runtime, crm: CrmAccount, run_id: int | None = None) -> int:
    """Give every open intent of a CRM its outcome, those of the run `run_id` at once; how many there were.

    A proposal that did not reach the CRM waits again; an undo that did not may be ordered again.

    Raises:
        Failure: the CRM could not be read; they stay open.
    """
    with runtime.store.read() as connection:
        abandoned_us = work.now_us(connection) - round(ABANDONED_S * MILLION)
        until_us = None if runtime.store.sqlite else abandoned_us
        found = changes.unfinished(connection, crm.name, until_us, run_id)
    if not found:
        return 0
    source = our_source(runtime, crm)
    for object_name in sorted({c.object for c in found}):
        for batch in _batches([c for c in found if c.object == object_name], crm.connector.write_batch):
            names = sorted({c.property for c in batch})
            ids = list(dict.fromkeys(c.record_id for c in batch))
            held = {c.id: c for c in crm.connector.read(object_name, ids, names, True)}
            with runtime.store.write() as connection:
                for intent in batch:
                    _settle(connection, intent, held.get(intent.record_id), source)
    _log.info("amend.settled", crm=crm.name, changes=len(found))
    return len(found)


def _settle(connection: Connection, intent: Stored, contact: Contact | None, source: str) -> None:
    alive = contact is not None and not contact.gone and contact.fields is not None
    if contact is not None and _reached(intent, contact, source):
        if changes.confirm(connection, [intent.id], verified=True) != 1:
            return
        if intent.undoes is not None:
            take_back(connection, chain(changes.before_intent(connection, intent), intent.after or "")[1])
        action = "write.confirmed" if intent.undoes is None else "undo.confirmed"
        _record(connection, intent, action, "found in the CRM after an interruption")
    elif intent.undoes is None and alive:
        if changes.move(connection, intent.id, ("intended",), "proposed"):
            _record(
                connection, intent, "proposal.waits", "its acceptance was interrupted before it was written"
            )
    else:
        code = "interrupted" if alive else "gone"
        changes.move(connection, intent.id, ("intended",), "refused", code=code)


def _reached(intent: Stored, contact: Contact, source: str) -> bool:
    """Whether the record holds the value by our hand, as far as the CRM tells."""
    if contact.gone or contact.fields is None:
        return False
    held = text_of(contact.fields.get(intent.property))
    return equal_text(held, intent.after or "") and _may_be_ours(contact.authors.get(intent.property), source)


def _may_be_ours(author: Author | None, source: str) -> bool:
    if author is None or author.kind is AuthorKind.UNKNOWN:
        return True
    return author.kind is AuthorKind.INTEGRATION and source in ("", author.source)


def _record(connection: Connection, intent: Stored, action: str, reason: str) -> None:
    runs.record(
        connection,
        "syncd",
        action,
        run_id=intent.run_id,
        work_id=intent.work_id,
        change_id=intent.id,
        reason=reason,
    )


def _batches(intents: Sequence[Stored], size: int) -> Iterator[list[Stored]]:
    for start in range(0, len(intents), size):
        yield list(intents[start : start + size])
