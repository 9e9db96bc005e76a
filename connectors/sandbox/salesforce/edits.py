"""What others do to the org, on demand: people, imports, integrations, administrators, Salesforce itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.salesforce.auth import Auth
from connectors.sandbox.salesforce.fields import PEOPLE, WRITABLE, Kind
from connectors.sandbox.salesforce.ids import make
from connectors.sandbox.salesforce.knobs import IMPORTER, PEOPLE_USERS
from connectors.sandbox.salesforce.moments import DAY_S, instant
from connectors.sandbox.salesforce.org import Change, Org
from connectors.sandbox.salesforce.refusals import Problem
from connectors.sandbox.salesforce.rules import converted
from connectors.sandbox.salesforce.store import Author, Row, Values
from connectors.sandbox.settings import BadSetting, choice, known_keys, number, record, text

AUTHORS = ("person", "import", "form", "integration", "workflow")
ACTIONS = (
    "set", "create", "delete", "undelete", "purge", "merge", "convert", "activity", "bounce",
    "rename_picklist",
    "bulk_touch", "recalculate", "open", "commit", "approval", "release", "expire_sessions",
)  # fmt: skip
_KEYS = (
    "action", "object", "id", "ids", "email", "properties", "as", "user", "at", "modified_at", "count",
    "transaction", "commit_after_s", "primary", "other", "property", "from", "to", "touch_all",
)  # fmt: skip
_OTHER_APP = make("User", 30)


class Edits:
    """The doors beside the API, without its rights, limits and rules."""

    def __init__(self, org: Org, auth: Auth) -> None:
        self._org, self._auth = org, auth

    def do(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """What became of the edit: the id of the record, or how many records it was.

        Raises:
            BadSetting: the edit is not understood or not possible.
        """
        known_keys(data, _KEYS, "an edit")
        action = choice(data.get("action", "set"), "action", ACTIONS)
        org = self._org
        match action:
            case "set":
                return self._set(self._one(data), data)
            case "create":
                return self._create(data)
            case "merge":
                return self._merge(data)
            case "rename_picklist":
                return self._rename(data)
            case "bulk_touch":
                chosen, at = self._several(data), self._at(data, "at")
                for row in chosen:
                    org.touch(row, stamp=at)
                return {"count": len(chosen)}
            case "open" | "commit":
                return self._transaction(action, data)
            case "expire_sessions":
                return {"count": self._auth.forget()}
        return self._to_one(action, data)

    def _to_one(self, action: str, data: Mapping[str, Any]) -> dict[str, Any]:
        org, row = self._org, self._one(data, deleted=action in ("undelete", "purge"))
        match action:
            case "delete":
                org.delete(row, self._author(data))
            case "undelete":
                if row.deleted_at is None or org.is_gone(row):
                    raise BadSetting("the record is not in the recycle bin")
                org.undelete(row)
            case "purge":
                row.purged = True
            case "convert":
                if row.kind != "Lead" or row.values.get("IsConverted"):
                    raise BadSetting("only a lead that is not converted yet can be")
                return {"id": org.convert(row, self._author(data)).id}
            case "activity":
                org.touch(row, {"LastActivityDate": org.now() // DAY_S})
            case "bounce":
                org.touch(
                    row, {"IsEmailBounced": True, "EmailBouncedDate": org.now(), "EmailBouncedReason": "550"}
                )
            case "recalculate":
                org.silently(row, {"Has_Phone__c": not row.values.get("Has_Phone__c", False)})
            case _:
                row.approval = action == "approval"
        return {"id": row.id}

    def _set(self, row: Row, data: Mapping[str, Any]) -> dict[str, Any]:
        values = self._values(self._org.kinds[row.kind.lower()], data)
        changed = {n: v for n, v in values.items() if row.values.get(n) != v}
        author, at = self._author(data), self._at(data, "at")
        later = self._later(data)
        if later is not None:
            later.append(Change(row, changed, author, self._org.now() if at is None else at))
        elif changed:
            self._org.write(row, changed, author, at, self._at(data, "modified_at"))
        return {"id": row.id, "changed": sorted(changed)}

    def _create(self, data: Mapping[str, Any]) -> dict[str, Any]:
        kind = self._kind(data)
        author, at = self._author(data), self._at(data, "at")
        row = self._org.new_row(kind.name, self._values(kind, data), author, at)
        missing = [
            f.name for f in kind.fields if not f.nillable and f.createable and f.name not in row.values
        ]
        if missing and missing != ["Status"]:
            raise BadSetting(f"{kind.name} needs {', '.join(missing)}")
        later = self._later(data)
        if later is None:
            self._org.add(row)
        else:
            later.append(Change(row, {}, author, row.values["SystemModstamp"], adds=True))
        return {"id": row.id}

    def _later(self, data: Mapping[str, Any]) -> list[Change] | None:
        """The changes of the transaction that the edit belongs to; None where it is committed at once."""
        name = data.get("transaction")
        if name is None and "commit_after_s" in data:
            name = f"edit {self._org.dice.getrandbits(64):x}"
            self._org.open(name, number(data["commit_after_s"], "commit_after_s", 0))
        if name is None:
            return None
        if name not in self._org.transactions:
            raise BadSetting("there is no open transaction of that name")
        return self._org.transactions[name].changes

    def _transaction(self, action: str, data: Mapping[str, Any]) -> dict[str, Any]:
        name = text(data.get("transaction", "transaction"), "transaction")
        known = name in self._org.transactions
        if known is (action == "open"):
            raise BadSetting("a transaction is opened once, and committed when it is open")
        if action == "commit":
            return {"count": self._org.commit(name)}
        after = data.get("commit_after_s")
        opened = self._org.open(name, None if after is None else number(after, "commit_after_s", 0))
        return {"transaction": name, "start": opened.start}

    def _merge(self, data: Mapping[str, Any]) -> dict[str, Any]:
        primary, other = (self._one({"id": data.get(key)}) for key in ("primary", "other"))
        if primary is other or primary.kind != other.kind:
            raise BadSetting("a merge names two different records of one object as primary and other")
        self._org.merge(primary, other, self._author(data))
        return {"id": primary.id}

    def _rename(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A picklist value gets another name. The stamps of the records that have it move, or of all."""
        kind = self._kind(data)
        name = text(data.get("property"), "property")
        field = kind.by_name.get(name.lower())
        if field is None or field.type != "picklist":
            raise BadSetting("property names a picklist, such as LeadSource")
        before, after = text(data.get("from"), "from"), text(data.get("to"), "to")
        count = 0
        for row in list(self._org.store.living(kind.name)):
            has = row.values.get(field.name) == before
            if has or data.get("touch_all", True) is True:
                self._org.touch(row, {field.name: after} if has else {})
                count += 1
        return {"count": count}

    def _values(self, kind: Kind, data: Mapping[str, Any]) -> Values:
        """The values to set, of the right type; read-only ones may be set here."""
        values: Values = {}
        for name, given in record(data.get("properties"), "properties").items():
            field = kind.by_name.get(name.lower())
            if field is None:
                raise BadSetting(f"{kind.name} has no field {name}")
            value = converted(self._org, field, given)
            if isinstance(value, Problem):
                raise BadSetting(f"{name}: {value.text()}")
            values[field.name] = value
        return values

    def _kind(self, data: Mapping[str, Any]) -> Kind:
        name = text(data.get("object", "Contact"), "object")
        found = self._org.kinds.get(name.lower())
        if found is None or found.name not in WRITABLE:
            raise BadSetting(f"object is one of {', '.join(WRITABLE)}")
        return found

    def _one(self, data: Mapping[str, Any], deleted: bool = False) -> Row:
        given = data.get("id")
        if given is None:
            email = text(data.get("email"), "id or email").casefold()
            rows = (r for kind in PEOPLE for r in self._org.store.living(kind))
            row = next((r for r in rows if r.values.get("Email", "").casefold() == email), None)
        else:
            row = self._org.store.anywhere(str(given))
        if row is None or row.kind not in WRITABLE or (row.deleted_at is not None and not deleted):
            raise BadSetting("there is no such record")
        return row

    def _several(self, data: Mapping[str, Any]) -> list[Row]:
        """Records by `ids`, or the first `count` of an object, or all."""
        if "ids" in data:
            if not isinstance(data["ids"], list):
                raise BadSetting("ids is a list")
            return [self._one({"id": given}) for given in data["ids"]]
        everybody = list(self._org.store.living(self._kind(data).name))
        count = int(number(data.get("count", len(everybody)), "count", 0, whole=True))
        return everybody[:count]

    def _at(self, data: Mapping[str, Any], key: str) -> int | None:
        """Seconds, given as a dateTime or seconds since the epoch."""
        given = data.get(key)
        if given is None:
            return None
        if isinstance(given, str):
            at = instant(given)
            if at is None:
                raise BadSetting(f"{key} is a dateTime or seconds since the epoch")
            return at
        return int(number(given, key))

    def _author(self, data: Mapping[str, Any]) -> Author:
        """Who writes. What a workflow does carries the user whose edit set it off."""
        author = choice(data.get("as", "person"), "as", AUTHORS)
        at = int(number(data.get("user", 0), "user", 0, whole=True))
        match author:
            case "person" | "workflow":
                return Author(author, PEOPLE_USERS[at % len(PEOPLE_USERS)])
            case "import" | "form":
                return Author(author, IMPORTER)
            case _:
                return Author(author, _OTHER_APP)
