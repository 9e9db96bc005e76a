"""HubSpot's records as contacts, and its property history as authors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from connectors.hubspot.shape import Record, instant, record, records, scalar, text
from syncd.connector import Failure, FailureKind
from syncd.model import Author, AuthorKind, Contact, Scalar

STAMP = "lastmodifieddate"
"""Contacts carry this one; every other object type has hs_lastmodifieddate."""

_NEVER = datetime.min.replace(tzinfo=UTC)

# The vendor's list of sources is long, grows, and is documented nowhere as a whole. Only names whose
# writer is certain are given a kind; the rest (forms, sync with another CRM, chat, …) stays unknown.
_KINDS = {
    **dict.fromkeys(
        (
            "CRM_UI",
            "CRM_UI_BULK_ACTION",
            "CONTACTS_WEB",
            "EXTENSION",
            "SIDEKICK",
            "PROPERTY_RESTORE",
            "ACTIVITY_LOG_REVERT",
        ),
        AuthorKind.PERSON,
    ),
    **dict.fromkeys(("INTEGRATION", "INTEGRATIONS_PLATFORM", "API"), AuthorKind.INTEGRATION),
    "IMPORT": AuthorKind.IMPORT,
    **dict.fromkeys(
        (
            "CALCULATED",
            "MERGE",
            "AI_GROUP",
            "BREEZE_AGENT",
            "COMPANY_INSIGHTS",
            "ANALYTICS",
            "DEFAULT",
            "SIGNALS",
            "INTENT",
        ),
        AuthorKind.VENDOR,
    ),
}
_KINDS_BY_PREFIX = {
    "MOBILE": AuthorKind.PERSON,
    "AUTOMATION": AuthorKind.AUTOMATION,
    "WORKFLOW": AuthorKind.AUTOMATION,
    "MERGE_": AuthorKind.VENDOR,
}
_SOURCE = re.compile(r"[A-Za-z0-9_.:;=/-]{1,100}")


def contact(found: Record, properties: Iterable[str], authorship: bool = False) -> Contact:
    """A record as it was returned, with the properties that were asked for and that exist."""
    values = record(found.get("properties"))
    stamp = text(values.get(STAMP))
    histories = record(found.get("propertiesWithHistory")) if authorship else {}
    return Contact(
        id=record_id(found),
        version=stamp or None,
        updated_at=instant(stamp),
        fields=fields(values, properties),
        authors={name: a for name, history in histories.items() if (a := _author(records(history)))},
        authors_read=authorship,
    )


def record_id(found: Record) -> str:
    """The record's id.

    Raises:
        Failure: of kind contract, where it has none.
    """
    said = text(found.get("id"))
    if not said:
        raise Failure(FailureKind.CONTRACT, "a record has no id")
    return said


def bare_contact(found: Record) -> Contact:
    """Id and version only: a search hit's body is not trusted further than that."""
    stamp = text(record(found.get("properties")).get(STAMP))
    return Contact(id=record_id(found), version=stamp or None, updated_at=instant(stamp))


def fields(values: Record, properties: Iterable[str]) -> Mapping[str, Scalar]:
    """The asked-for properties; one that the account does not define is absent, an empty one is None."""
    return {name: scalar(values[name]) for name in properties if name in values}


def _author(history: Sequence[Record]) -> Author | None:
    if not history:
        return None
    # Documented as newest first; sorting is stable, so entries of one instant keep that order.
    newest, *older = sorted(history, key=lambda e: instant(e.get("timestamp")) or _NEVER, reverse=True)
    kind = _kind(newest)
    if _is_merge(newest):
        kept = [e for e in older if not _is_merge(e) and e.get("value") == newest.get("value")]
        if kept and _kind(kept[0]) is AuthorKind.PERSON:
            # Merging two records does not unmake a person's edit.
            newest, kind = kept[0], AuthorKind.PERSON
    value = newest.get("value")
    return Author(
        kind, _source(newest, kind), instant(newest.get("timestamp")), None if value is None else text(value)
    )


def _kind(entry: Record) -> AuthorKind:
    source = text(entry.get("sourceType")).upper()
    if source in _KINDS:
        return _KINDS[source]
    if source.endswith("ENRICHMENT"):
        return AuthorKind.VENDOR
    return next((k for p, k in _KINDS_BY_PREFIX.items() if source.startswith(p)), AuthorKind.UNKNOWN)


def _is_merge(entry: Record) -> bool:
    return text(entry.get("sourceType")).upper().startswith("MERGE")


def _source(entry: Record, kind: AuthorKind) -> str:
    """An id of the writer. Free text, in which HubSpot may name a person, is left out."""
    source = text(entry.get("sourceId"))
    if kind is AuthorKind.PERSON:
        user = text(entry.get("updatedByUserId")) or source.removeprefix("userId:")
        return user if user.isascii() and user.isdigit() else ""
    return source if _SOURCE.fullmatch(source) else ""
