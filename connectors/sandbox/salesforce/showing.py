"""How records and descriptions look in answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.sandbox.salesforce.fields import READ_ONLY, Field, Kind
from connectors.sandbox.salesforce.ids import PREFIXES
from connectors.sandbox.salesforce.moments import day, iso
from connectors.sandbox.salesforce.store import Row, User

Shown = dict[str, Any]
Part = tuple[str, Callable[[Row], Any]]
Reach = Callable[[Row], Row | None]


def value_of(field: Field) -> Callable[[Row], Any]:
    """Reads the value of a field as JSON has it."""
    name = field.name
    match field.type:
        case "datetime":
            return lambda r: iso(v) if (v := r.values.get(name)) is not None else None
        case "date":
            return lambda r: day(v) if (v := r.values.get(name)) is not None else None
        case "boolean":
            return lambda r: r.values.get(name, False)
        case "address":
            prefix = name.removesuffix("Address")
            return lambda r: _address(r, prefix)
        case _:
            return lambda r: r.values.get(name)


def _address(row: Row, prefix: str) -> Shown | None:
    parts = {n: row.values.get(prefix + n) for n in ("City", "Country", "PostalCode", "State", "Street")}
    if not any(parts.values()):
        return None
    shown: Shown = {n[0].lower() + n[1:]: v for n, v in parts.items()}
    return {**shown, "geocodeAccuracy": None, "latitude": None, "longitude": None}


def attributes(row: Row, version: str) -> Shown:
    """What stands first in each record."""
    return {"type": row.kind, "url": f"/services/data/v{version}/sobjects/{row.kind}/{row.id}"}


class Renderer:
    """Shows records with chosen fields, those of parents inside objects of their own."""

    def __init__(
        self, paths: Iterable[tuple[list[Field], Field]], reach: Callable[[list[Field]], Reach], version: str
    ) -> None:
        self._version = version
        self._parts: list[Part] = []
        children: dict[str, tuple[Field, list[tuple[list[Field], Field]]]] = {}
        for parents, last in paths:
            if not parents:
                self._parts.append((last.name, value_of(last)))
                continue
            head = parents[0]
            if head.relationship not in children:
                children[head.relationship] = (head, [])
                self._parts.append((head.relationship, lambda r: None))
            children[head.relationship][1].append((parents[1:], last))
        for at, (name, _) in enumerate(self._parts):
            if name in children:
                head, inner = children[name]
                self._parts[at] = (name, _nested(reach([head]), Renderer(inner, reach, version)))

    def show(self, row: Row) -> Shown:
        """One record."""
        shown: Shown = {"attributes": attributes(row, self._version)}
        for name, get in self._parts:
            shown[name] = get(row)
        return shown


def _nested(go: Reach, renderer: Renderer) -> Callable[[Row], Shown | None]:
    def get(row: Row) -> Shown | None:
        parent = go(row)
        return renderer.show(parent) if parent else None

    return get


# descriptions

_SOAP = {
    "id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "datetime": "xsd:dateTime",
    "date": "xsd:date",
    "double": "xsd:double", "int": "xsd:int", "address": "urn:address", "anyType": "xsd:anyType",
}  # fmt: skip


def described_field(kind: Kind, field: Field, user: User) -> Shown:
    """A field as describe has it, for this user."""
    text = field.textual or field.type in ("id", "reference")
    frozen = field.name in user.frozen.get(kind.name, ())
    options = [
        {"active": True, "defaultValue": False, "label": o, "validFor": None, "value": o}
        for o in field.options
    ]
    return {
        "aggregatable": field.filterable, "aiPredictionField": False, "autoNumber": False,
        "byteLength": field.length if field.type in ("id", "reference") else field.length * 3,
        "calculated": field.calculated, "calculatedFormula": None, "cascadeDelete": False,
        "caseSensitive": False,
        "compoundFieldName": field.compound or None, "controllerName": None,
        "createable": field.createable and not frozen, "custom": field.custom, "defaultValue": None,
        "defaultValueFormula": None, "defaultedOnCreate": field.defaulted, "dependentPicklist": False,
        "deprecatedAndHidden": False, "digits": 8 if field.type == "int" else 0, "encrypted": False,
        "externalId": False, "extraTypeInfo": None, "filterable": field.filterable,
        "groupable": field.sortable,
        "htmlFormatted": False, "idLookup": field.type in ("id", "email"), "inlineHelpText": None,
        "label": field.label or _label(field.name), "length": field.length if text else 0, "name": field.name,
        "nameField": field.name == "Name", "namePointing": False, "nillable": field.nillable,
        "permissionable": field.nillable and (field.createable or field.calculated) and field.type != "id",
        "picklistValues": options,
        "polymorphicForeignKey": False, "precision": 18 if field.type == "double" else 0,
        "queryByDistance": False, "referenceTargetField": None,
        "referenceTo": [field.references] if field.references else [],
        "relationshipName": field.relationship or None, "relationshipOrder": None,
        "restrictedPicklist": field.restricted, "scale": 0, "searchPrefilterable": False,
        "soapType": _SOAP.get(field.type, "xsd:string"), "sortable": field.sortable, "type": field.type,
        "unique": False, "updateable": field.updateable and not frozen, "writeRequiresMasterRead": False,
    }  # fmt: skip


def _label(name: str) -> str:
    plain = name.removesuffix("__c").replace("_", " ").removesuffix("Id")
    return "".join(
        f" {c}" if c.isupper() and at and plain[at - 1].islower() else c for at, c in enumerate(plain)
    )


def listed(kind: Kind, version: str) -> Shown:
    """An object as the list of objects has it."""
    base = f"/services/data/v{version}/sobjects/{kind.name}"
    writable = kind.name not in READ_ONLY
    return {
        "activateable": False, "createable": writable, "custom": False, "customSetting": False,
        "deletable": writable, "deprecatedAndHidden": False, "feedEnabled": writable,
        "keyPrefix": PREFIXES[kind.name], "label": _label(kind.name), "labelPlural": f"{_label(kind.name)}s",
        "layoutable": writable, "mergeable": kind.name in ("Contact", "Lead", "Account"),
        "mruEnabled": writable,
        "name": kind.name, "queryable": True, "replicateable": writable, "retrieveable": True,
        "searchable": writable, "triggerable": writable, "undeletable": writable, "updateable": writable,
        "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
    }  # fmt: skip


def described(kind: Kind, user: User, version: str) -> Shown:
    """An object as describe has it, without the fields that the user may not read."""
    fields = [described_field(kind, f, user) for f in kind.fields if user.may_read(kind.name, f.name)]
    return {
        **listed(kind, version), "actionOverrides": [], "childRelationships": [], "compactLayoutable": True,
        "fields": fields, "hasSubtypes": False, "namedLayoutInfos": [], "networkScopeFieldName": None,
        "recordTypeInfos": [
            {"active": True, "available": True, "defaultRecordTypeMapping": True, "developerName": "Master",
             "master": True, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": {}}
        ],
        "searchLayoutable": True, "supportedScopes": [{"label": "All", "name": "everything"}],
    }  # fmt: skip
