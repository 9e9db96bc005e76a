"""What others do to the contacts, on demand: people, imports, workflows, other integrations, HubSpot itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.hubspot.moments import instant
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.store import Contact, Source
from connectors.sandbox.hubspot.values import Problem, kept, missing
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, switch, text

AUTHORS = ("person", "import", "workflow", "integration", "enrichment", "form", "mobile")
ACTIONS = (
    "set", "create", "archive", "restore", "gdpr_delete", "merge", "bulk_touch", "recalculate",
)  # fmt: skip
_KEYS = (
    "action", "id", "ids", "email", "properties", "as", "user", "app", "at", "count", "primary", "other",
    "new_id", "property", "value",
)  # fmt: skip


class Edits:
    """The doors beside the API, without its scopes, limits and read-only rules."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def do(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What became of the edit: the id of the record, or how many records it was.

        Raises:
            BadSetting: the edit is not understood or not possible.
        """
        known_keys(data, _KEYS, "an edit")
        action = choice(data.get("action", "set"), "action", ACTIONS)
        match action:
            case "set":
                return self._set(self._one(data), data)
            case "create":
                values = self._values({}, data)
                self._free(values, None)
                return _told(self._portal.add(values, _source(data)))
            case "bulk_touch":
                chosen = self._several(data)
                self._portal.touch(chosen, self._at(data) or self._portal.now_ms())
                return {"count": len(chosen)}
            case "recalculate":
                return self._recalculate(data)
            case "merge":
                return self._merge(data)
            case "restore":
                return self._restore(data)
        contact = self._one(data)
        (self._portal.archive if action == "archive" else self._portal.erase)(contact)
        return _told(contact)

    def _set(self, contact: Contact, data: Mapping[str, Any]) -> dict[str, Any]:
        values = self._values(contact.values, data)
        self._free(values, contact)
        changed = {name: value for name, value in values.items() if contact.values.get(name, "") != value}
        if changed:
            self._portal.set(contact, changed, _source(data), self._at(data))
        return _told(contact) | {"changed": sorted(changed)}

    def _values(self, current: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, str]:
        """The values to set, of the right type; read-only ones may be set here."""
        values: dict[str, str] = {}
        for name, given in record(data.get("properties"), "properties").items():
            definition = self._portal.catalogue.get(name)
            if definition is None:
                raise BadSetting(missing(name).message)
            writable = {**definition, "modificationMetadata": {"readOnlyValue": False}}
            value = kept(writable, text(given, name), current.get(name, ""))
            if isinstance(value, Problem):
                raise BadSetting(f"{name}: {value.code}")
            values[name] = value
        return values

    def _free(self, values: Mapping[str, str], contact: Contact | None) -> None:
        for name, value in values.items():
            owner = self._portal.store.owner(name, value) if value else None
            if owner is not None and (contact is None or owner != contact.id):
                raise BadSetting(f"another contact, {owner}, already has that {name}")

    def _recalculate(self, data: Mapping[str, Any]) -> dict[str, Any]:
        name = text(data.get("property"), "property")
        definition = self._portal.catalogue.get(name)
        if definition is None or not definition["calculated"]:
            raise BadSetting("property names a calculated one, such as hs_predictivecontactscore_v2")
        chosen = self._several(data)
        self._portal.calculate(chosen, name, text(data.get("value"), "value"))
        return {"count": len(chosen)}

    def _merge(self, data: Mapping[str, Any]) -> dict[str, Any]:
        now = self._portal.now_ms()
        primary, other = (self._portal.store.get(str(data.get(key)), now) for key in ("primary", "other"))
        if primary is None or other is None or primary is other:
            raise BadSetting("a merge names two different contacts that exist as primary and other")
        return _told(self._portal.merge(primary, other, switch(data.get("new_id", False), "new_id")))

    def _restore(self, data: Mapping[str, Any]) -> dict[str, Any]:
        contact = self._portal.store.get(str(data.get("id")), self._portal.now_ms(), archived=True)
        if contact is None:
            raise BadSetting("no contact of that id is in the recycle bin")
        taken = [e for e in contact.emails if self._portal.store.owner_of(e) is not None]
        if taken:
            raise BadSetting("another contact has taken the e-mail address meanwhile")
        self._portal.restore(contact)
        return _told(contact)

    def _one(self, data: Mapping[str, Any]) -> Contact:
        store, now = self._portal.store, self._portal.now_ms()
        number_ = data.get("id")
        if number_ is None:
            owner = store.owner_of(text(data.get("email"), "id or email"))
            number_ = "" if owner is None else owner
        contact = store.get(str(number_), now)
        if contact is None:
            raise BadSetting("there is no such contact")
        return contact

    def _several(self, data: Mapping[str, Any]) -> list[Contact]:
        """Contacts by `ids`, or the first `count`, or all."""
        if "ids" in data:
            if not isinstance(data["ids"], list):
                raise BadSetting("ids is a list")
            return [self._one({"id": given}) for given in data["ids"]]
        everybody = list(self._portal.store.living())
        count = int(number(data.get("count", len(everybody)), "count", 0, whole=True))
        return everybody[:count]

    def _at(self, data: Mapping[str, Any]) -> int | None:
        """Milliseconds, given as ISO text or seconds since the epoch."""
        given = data.get("at")
        if given is None:
            return None
        at = instant(given) if isinstance(given, str) and not given.isdecimal() else None
        if isinstance(given, str) and at is None:
            raise BadSetting("at is an ISO time or seconds since the epoch")
        return at if at is not None else int(number(given, "at") * 1000)


def _source(data: Mapping[str, Any]) -> Source:
    """Who writes, in the words of the history. The names beside CRM_UI and INTEGRATION are assumed."""
    author = choice(data.get("as", "person"), "as", AUTHORS)
    user = int(number(data.get("user", 123), "user", 1, whole=True))
    match author:
        case "person":
            return Source("CRM_UI", f"userId:{user}", user, author)
        case "mobile":
            return Source("MOBILE_IOS", f"userId:{user}", user, "person")
        case "import":
            return Source("IMPORT", "41000001", user, author)
        case "form":
            return Source("FORM", "9f1c0000-0000-4000-8000-000000000009", None, author)
        case "workflow":
            return Source("AUTOMATION_PLATFORM", "enrollmentId:5001;actionExecutionIndex:0", None, author)
        case "enrichment":
            return Source("DATA_ENRICHMENT", "ContactEnrichment", None, author)
        case _:
            return Source("INTEGRATION", text(data.get("app", "77777"), "app"), None, author)


def _told(contact: Contact) -> dict[str, Any]:
    return {"id": str(contact.id)}
