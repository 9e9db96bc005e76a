"""Property definitions, the list of all contacts, and fresh reads by id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from urllib.parse import quote_plus

from connectors.hubspot.operations import GET, LIST, LIST_HISTORY, PROPERTIES, READ, READ_HISTORY
from connectors.hubspot.records import STAMP, contact, record_id
from connectors.hubspot.shape import Record, document, record, records, results, text
from connectors.hubspot.transport import Call, Transport
from syncd.connector import Failure, FailureKind, Scope
from syncd.model import Contact, FieldInfo, Page

LONGEST_TEXT = 65_536
_QUERY_CHARACTERS = 5_120
"""HubSpot answers 414 to long URLs; production connectors stay within this length."""


def schema(call: Call, transport: Transport) -> dict[str, FieldInfo]:
    """Every property of contacts by name."""
    body = document(call(PROPERTIES, transport.properties))
    return {info.name: info for info in map(_field_info, results(body)) if info.name}


def _field_info(definition: Record) -> FieldInfo:
    kind = text(definition.get("type"))
    why = _why_read_only(definition)
    return FieldInfo(
        name=text(definition.get("name")),
        type=kind,
        writable=not why,
        label=text(definition.get("label")),
        max_length=LONGEST_TEXT if kind == "string" else None,
        options=_options(definition) if kind == "enumeration" else None,
        why_read_only=why,
    )


def _options(definition: Record) -> frozenset[str] | None:
    # A checkbox holds several options joined by ";", and some lists live outside the definition (owners).
    values = frozenset(text(o.get("value")) for o in records(definition.get("options")))
    return None if text(definition.get("fieldType")) == "checkbox" else values or None


def _why_read_only(definition: Record) -> str:
    if definition.get("calculated") is True:
        return "HubSpot calculates it"
    if record(definition.get("modificationMetadata")).get("readOnlyValue") is True:
        ours = definition.get("hubspotDefined") is True
        return "HubSpot maintains it" if ours else "the account makes its values read-only"
    return ""


def scan(
    call: Call, transport: Transport, properties: Sequence[str], resume: str | None, authorship: bool
) -> Iterator[Page]:
    """Every contact in the order of ids, 100 to a page, or 50 with the authors of its values.

    Where the properties do not fit into a URL, the list gives the ids and a batch read the rest; contacts
    that are deleted in between are marked as gone.
    """
    asked = wanted(properties)
    whole = _query_length(asked) * (2 if authorship else 1) <= _QUERY_CHARACTERS
    listed = asked if whole else [STAMP]
    history = list(properties) if whole and authorship else []
    operation = LIST_HISTORY if history else LIST
    after, finished = _scan_place(resume)
    while not finished:
        body = document(call(operation, partial(transport.page, listed, history, operation.batch, after)))
        following = next_page(body)
        if following is not None and following == after:
            raise Failure(FailureKind.CONTRACT, "HubSpot's list does not advance", scope=Scope.OPERATION)
        if whole:
            found = [contact(r, properties, bool(history)) for r in results(body)]
        else:
            found = read(call, transport, [record_id(r) for r in results(body)], properties, authorship)
        after, finished = following, following is None
        yield Page(tuple(found), json.dumps({"end": True} if finished else {"after": after}))


def _scan_place(resume: str | None) -> tuple[str | None, bool]:
    if resume is None:
        return None, False
    try:
        found = json.loads(resume)
    except (ValueError, RecursionError):
        found = None
    if found == {"end": True}:
        return None, True
    if (
        isinstance(found, dict)
        and found.keys() == {"after"}
        and found["after"]
        and isinstance(found["after"], str)
    ):
        return found["after"], False
    raise ValueError("the cursor is not one of HubSpot's list of contacts")


def read(
    call: Call, transport: Transport, ids: Sequence[str], properties: Sequence[str], authorship: bool
) -> list[Contact]:
    """The contacts as the store has them now. Every id comes back once, gone ones marked."""
    operation = READ_HISTORY if authorship else READ
    asked = wanted(properties)
    found: list[Contact] = []
    for chunk in chunks(list(dict.fromkeys(ids)), operation.batch):
        request: dict[str, object] = {"inputs": [{"id": i} for i in chunk], "properties": asked}
        if authorship:
            request["propertiesWithHistory"] = list(properties)
        answer = call(operation, partial(transport.read, request))
        rows = [] if answer.status == 404 else results(document(answer))
        by_id = {c.id: c for c in (contact(r, properties, authorship) for r in rows)}
        # Batch read does not follow merges; a single one does.
        found += [by_id.get(i) or _single(call, transport, i, properties, authorship) for i in chunk]
    return found


def _single(
    call: Call, transport: Transport, contact_id: str, properties: Sequence[str], authorship: bool
) -> Contact:
    whole: Contact | None = None
    for part in _parts(properties, 2 if authorship else 1):
        history = part if authorship else ()
        answer = call(GET, partial(transport.get, contact_id, wanted(part), history))
        if answer.status == 404:
            return Contact(contact_id, gone=True)
        found = contact(document(answer), part, authorship)
        if found.id != contact_id:
            return Contact(contact_id, gone=True, merged_into=found.id or None)
        whole = found if whole is None else _joined(whole, found)
    return whole or Contact(contact_id)


def _joined(one: Contact, other: Contact) -> Contact:
    return Contact(
        id=one.id,
        # Should the record change between two parts, the earlier stamp makes the whole read look stale.
        version=one.version,
        updated_at=one.updated_at,
        fields={**(one.fields or {}), **(other.fields or {})},
        authors={**one.authors, **other.authors},
    )


def _parts(properties: Sequence[str], mentions: int) -> Iterator[list[str]]:
    """The properties in groups that fit into a URL when each is named `mentions` times; at least one group."""
    part: list[str] = []
    for name in properties:
        if part and _query_length([*part, name]) * mentions > _QUERY_CHARACTERS:
            yield part
            part = []
        part.append(name)
    yield part


def next_page(body: Record) -> str | None:
    """The vendor's cursor of the next page, or None on the last one.

    Raises:
        Failure: of kind contract, where it cannot be told which of the two it is.
    """
    paging = body.get("paging") or {}
    following = (paging.get("next") or {}) if isinstance(paging, dict) else paging
    after = text(following.get("after")) if isinstance(following, dict) else ""
    if following and not after:
        raise Failure(FailureKind.CONTRACT, "it cannot be told whether HubSpot's list goes on")
    return after or None


def wanted(properties: Iterable[str]) -> list[str]:
    """The properties to ask for: each once, and always the one that the version is made of."""
    return list(dict.fromkeys([*properties, STAMP]))


def chunks(items: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _query_length(properties: Iterable[str]) -> int:
    return sum(len("&propertiesWithHistory=") + len(quote_plus(name)) for name in properties)
