"""What is asked about contacts: one, a page, a batch, a search."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from connectors.sandbox.hubspot.call import Answer, Call, inputs, string_list
from connectors.sandbox.hubspot.filters import full_text, groups_of
from connectors.sandbox.hubspot.index import Query, disorder_of
from connectors.sandbox.hubspot.moments import iso
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.refusals import Refused, invalid, not_found
from connectors.sandbox.hubspot.store import Contact, Entry

ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
TIMES = ("createdate", "lastmodifieddate")
DEFAULT = ("email", "firstname", "lastname")
MOST_INPUTS, MOST_WITH_HISTORY = 100, 50
MOST_LISTED, MOST_FOUND, DEFAULT_FOUND = 100, 200, 10
SEARCH_CEILING, LONGEST_SEARCH = 10_000, 3_000


class Shape(NamedTuple):
    """What an answer shows of each record, beside its two times."""

    properties: list[str]
    history: list[str]


class Reading:
    """The read routes over a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    # how a record looks

    def shape(self, names: Iterable[str], history: Iterable[str] = ()) -> Shape:
        """What records are to show; properties that are not defined are left out."""
        known = self._portal.catalogue.definitions
        shown = sorted({*ALWAYS, *names} & known.keys())
        return Shape([n for n in shown if n not in TIMES], [n for n in history if n in known])

    def record(self, contact: Contact, shape: Shape, trace: str = "") -> dict[str, Any]:
        """A contact as JSON. Asked-for properties that are blank are null."""
        shown = contact.shown
        created, modified = iso(contact.created_ms), iso(contact.modified_ms)
        properties: dict[str, str | None] = {"createdate": created, "lastmodifieddate": modified}
        properties.update((name, shown(name)) for name in shape.properties)
        body: dict[str, Any] = {
            "id": str(contact.id),
            "properties": properties,
            "createdAt": created,
            "updatedAt": modified,
            "archived": contact.archived_ms is not None,
        }
        if contact.archived_ms is not None:
            body["archivedAt"] = iso(contact.archived_ms)
        if shape.history:
            body["propertiesWithHistory"] = {name: self._history(contact, name) for name in shape.history}
        body["url"] = (
            f"https://app.hubspot.com/contacts/{self._portal.settings['portal']}/record/0-1/{contact.id}"
        )
        if trace:
            body["objectWriteTraceId"] = trace
        return body

    def _history(self, contact: Contact, name: str) -> list[dict[str, Any]]:
        depth = self._portal.settings["history_depth"]
        newest_first = contact.entries(name)[::-1]
        return [_entry(entry) for entry in newest_first[:depth]]

    # the routes

    def get(self, call: Call) -> Answer:
        """One contact by id, also by one that was merged away, or by a unique property."""
        number, by = call.params["id"], call.query.get("idProperty", "")
        now, archived = self._portal.now_ms(), call.flag("archived")
        contact = self.found_by(by, number) if by else self._portal.store.get(number, now, archived)
        if contact is None and not by and not archived:
            contact = self._portal.store.survivor(number, now)
        if contact is None:
            raise Refused(404, "resource not found", "OBJECT_NOT_FOUND")
        names = call.names("properties") or DEFAULT
        return 200, self.record(contact, self.shape(names, call.names("propertiesWithHistory")))

    def found_by(self, name: str, value: str) -> Contact | None:
        """The living contact with this value of a unique property, or with this id.

        Raises:
            Refused: 400, the property is not unique.
        """
        if name in ("", "hs_object_id"):
            return self._portal.store.get(value, self._portal.now_ms())
        definition = self._portal.catalogue.get(name)
        if name != "email" and not (definition and definition["hasUniqueValue"]):
            raise invalid(f'idProperty "{name}" is not a unique property', "INVALID_ID_PROPERTY")
        owner = self._portal.store.owner(name, value)
        return None if owner is None else self._portal.store.get(str(owner), self._portal.now_ms())

    def page(self, call: Call) -> Answer:
        """Contacts by id, a page at a time; `after` is the id with which the next page begins."""
        history = call.names("propertiesWithHistory")
        most = MOST_WITH_HISTORY if history else MOST_LISTED
        limit = call.whole("limit", 10)
        if not 1 <= limit <= most:
            raise invalid(f"limit is from 1 to {most}, not {limit}", "INVALID_PARAMETER")
        contacts, following = self._portal.store.page(
            call.whole("after", 0), limit, call.flag("archived"), self._portal.now_ms()
        )
        shape = self.shape(call.names("properties") or DEFAULT, history)
        body: dict[str, Any] = {"results": [self.record(c, shape) for c in contacts]}
        if following is not None:
            rest = [(k, v) for k, v in call.query.multi_items() if k != "after"]
            query = urlencode([*rest, ("after", following)])
            body["paging"] = {"next": {"after": str(following), "link": f"{call.base}{call.path}?{query}"}}
        return 200, body

    def batch(self, call: Call) -> Answer:
        """Contacts by id or unique value; ids that are not found, merged ones among them, are errors."""
        data = call.data()
        history = string_list(data, "propertiesWithHistory")
        over = f"The maximum number of inputs supported in a batch request for property histories is {MOST_WITH_HISTORY}"
        given = inputs(data, MOST_WITH_HISTORY if history else MOST_INPUTS, over if history else "")
        ids = [item.get("id") for item in given]
        if not all(isinstance(i, str) for i in ids):
            raise invalid("Invalid input JSON: some required fields were not set: [id]")
        now = started = self._portal.now_ms()
        by = data.get("idProperty") or ""
        archived = call.flag("archived")
        shape = self.shape(string_list(data, "properties") or DEFAULT, history)
        results, lost = [], []
        for number in dict.fromkeys(str(i) for i in ids):
            contact = self._portal.store.get(number, now, archived) if not by else self.found_by(by, number)
            if contact is None:
                lost.append(number)
            else:
                results.append(self.record(contact, shape))
        errors = [not_found(lost).item()] if lost else []
        mixed = self._portal.settings["dated_batch_status"] if call.dated else 207
        return batch_answer(results, errors, started, self._portal.now_ms(), mixed=mixed)

    def search(self, call: Call) -> Answer:
        """Contacts that the index finds, with their present bodies."""
        if len(call.body.decode(errors="replace")) > LONGEST_SEARCH:
            raise invalid(f"the search body is longer than {LONGEST_SEARCH} characters", "BODY_TOO_LONG")
        data = call.data()
        limit, after = _page(data)
        query = self._query(data)
        key = orjson.dumps([data.get("filterGroups"), data.get("sorts"), data.get("query")])
        settings, now = self._portal.settings, self._portal.now_ms()
        ids = self._portal.index.find(query, key, now, disorder_of(settings))
        contacts = [self._portal.store.contacts[i] for i in ids[after : after + limit]]
        shape = self.shape(string_list(data, "properties") or DEFAULT)
        body: dict[str, Any] = {"total": len(ids), "results": [self.record(c, shape) for c in contacts]}
        if after + limit < len(ids):
            body["paging"] = {"next": {"after": str(after + limit)}}
        return 200, body

    def _query(self, data: dict[str, Any]) -> Query:
        definitions = self._portal.catalogue.definitions
        text = data.get("query")
        if text is not None and not isinstance(text, str):
            raise invalid("Invalid input JSON: query is a string")
        sort = _sort(data.get("sorts"))
        if sort and sort[0] not in definitions:
            raise invalid(
                f"There was a problem with the request: property {sort[0]} does not exist", "INVALID_PROPERTY"
            )
        return Query(
            groups_of(data.get("filterGroups"), definitions),
            full_text(text) if text else None,
            (sort[0], definitions[sort[0]]["type"], sort[1]) if sort else None,
        )


def batch_answer(
    results: list[Any],
    errors: list[dict[str, Any]],
    started: int,
    ended: int,
    clean: int = 200,
    mixed: int = 207,
) -> Answer:
    """The answer to a batch: `clean` where all went well, else `mixed` with the errors beside the results."""
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started),
        "completedAt": iso(max(started, ended)),
    }
    if not errors:
        return clean, body
    return mixed, body | {"numErrors": len(errors), "errors": errors}


def _entry(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "value": entry.value,
        "timestamp": iso(entry.at_ms),
        "sourceType": entry.source.type,
        "sourceId": entry.source.id,
    }
    if entry.source.user is not None:
        shown["updatedByUserId"] = entry.source.user
    return shown


def _page(data: dict[str, Any]) -> tuple[int, int]:
    """The limit and the offset of a search."""
    limit, after = data.get("limit", DEFAULT_FOUND), data.get("after", "0")
    if limit is None or (limit == 0 and limit is not False):
        limit = DEFAULT_FOUND
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_FOUND:
        raise invalid(f"limit is from 1 to {MOST_FOUND}", "INVALID_LIMIT")
    text = "0" if after in (None, "") else str(after)
    if isinstance(after, bool) or not text.isdecimal() or len(text) > 9:
        raise invalid("after is the offset that the page before gave", "INVALID_AFTER")
    if int(text) + limit > SEARCH_CEILING:
        raise invalid(f"a search cannot go past {SEARCH_CEILING} results", "PAGING_TOO_FAR")
    return limit, int(text)


def _sort(sorts: object) -> tuple[str, bool] | None:
    """The property and whether it descends. A rule is an object, or a name with - before it for down."""
    if sorts is None or sorts == []:
        return None
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise invalid("only one sort rule is allowed", "TOO_MANY_SORTS")
    rule = sorts[0]
    if isinstance(rule, str) and rule:
        return rule.lstrip("-"), rule.startswith("-")
    if isinstance(rule, dict) and isinstance(rule.get("propertyName"), str):
        direction = rule.get("direction", "ASCENDING")
        if direction in ("ASCENDING", "DESCENDING"):
            return rule["propertyName"], direction == "DESCENDING"
    raise invalid("Invalid input JSON: a sort rule has a propertyName and a direction")
