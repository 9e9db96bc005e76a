"""The property definitions of the portal and their groups, with HubSpot's rules for changing them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.hubspot.refusals import Refused, invalid
from connectors.sandbox.hubspot.standard import GROUPS, definitions, option

MOST_UNIQUE = 10
FIELDS = {
    "string": ("text", "textarea", "phonenumber", "html", "file", "calculation_equation"),
    "number": ("number", "calculation_equation"),
    "bool": ("booleancheckbox", "calculation_equation"),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox", "calculation_equation"),
    "date": ("date",),
    "datetime": ("date",),
    "phone_number": ("phonenumber",),
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}\Z")


class Catalogue:
    """Definitions of contact properties by name, as the properties API shows them."""

    def __init__(self, at: str) -> None:
        self.definitions = definitions(at)
        self.archived: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {name: _group(name, label) for name, label in GROUPS}

    def get(self, name: str) -> dict[str, Any] | None:
        """The definition; None where the portal has no such property."""
        return self.definitions.get(name)

    def create(self, data: Mapping[str, Any], at: str) -> dict[str, Any]:
        """The definition of a new property of the customer's own.

        Raises:
            Refused: 400 for a definition that makes no sense, 409 for a name that is taken.
        """
        given = {key: data.get(key) for key in ("name", "label", "groupName", "type", "fieldType")}
        lacking = [key for key, value in given.items() if not isinstance(value, str) or not value]
        if lacking:
            raise invalid(f"Invalid input JSON: some required fields were not set: [{', '.join(lacking)}]")
        name = str(given["name"])
        if name in self.definitions:
            raise Refused(
                409,
                f'Property "{name}" already exists',
                "OBJECT_ALREADY_EXISTS",
                subCategory="Properties.PROPERTY_WITH_NAME_EXISTS",
                context={"name": [name]},
            )
        self._check(name, data)
        made = _made(data, at)
        self.archived.pop(name, None)
        self.definitions[name] = made
        return made

    def _check(self, name: str, data: Mapping[str, Any]) -> None:
        kind, field = data["type"], data["fieldType"]
        if not _NAME.match(name):
            raise invalid(
                f'Property name "{name}" is not lower-case letters, digits and underscores', "INVALID_NAME"
            )
        if kind not in FIELDS:
            raise invalid(f'Invalid property type "{kind}"', "INVALID_TYPE")
        if field not in FIELDS[kind]:
            raise invalid(f'fieldType "{field}" is not valid for type "{kind}"', "INVALID_FIELD_TYPE")
        if data["groupName"] not in self.groups:
            raise invalid(f'Property group "{data["groupName"]}" does not exist', "GROUP_DOESNT_EXIST")
        if kind == "enumeration" and not data.get("options"):
            raise invalid(f'Property "{name}" of type enumeration needs options', "OPTIONS_MISSING")
        options = data.get("options") or []
        values = [o.get("value") for o in options if isinstance(o, dict)]
        if len(values) != len(options) or len(set(values)) != len(values):
            raise invalid(f'Property "{name}" has options without or with the same value', "INVALID_OPTION")
        unique = sum(d["hasUniqueValue"] for d in self.definitions.values())
        if data.get("hasUniqueValue") and unique >= MOST_UNIQUE:
            raise invalid(f"At most {MOST_UNIQUE} properties may have unique values", "UNIQUE_LIMIT")

    def update(self, name: str, data: Mapping[str, Any], at: str) -> dict[str, Any]:
        """The definition after a change of what may change; hasUniqueValue never may.

        Raises:
            Refused: 404 or 400.
        """
        known = self.required(name)
        if known["modificationMetadata"]["readOnlyDefinition"]:
            raise invalid(f'The definition of "{name}" is read only', "READ_ONLY_DEFINITION")
        if data.get("hasUniqueValue", known["hasUniqueValue"]) != known["hasUniqueValue"]:
            raise invalid("hasUniqueValue cannot be changed", "IMMUTABLE")
        allowed = ("label", "description", "groupName", "displayOrder", "hidden", "formField", "fieldType")
        changed = {key: data[key] for key in allowed if key in data}
        if changed.get("fieldType", known["fieldType"]) not in FIELDS[known["type"]]:
            raise invalid("fieldType is not valid for the type", "INVALID_FIELD_TYPE")
        if "options" in data:
            changed["options"] = [_option(o, n) for n, o in enumerate(data["options"])]
        self.definitions[name] = {**known, **changed, "updatedAt": at}
        return self.definitions[name]

    def archive(self, name: str, at: str) -> None:
        """Take away a property of the customer's own.

        Raises:
            Refused: 404, or 400 for one of HubSpot's.
        """
        known = self.required(name)
        if not known["modificationMetadata"]["archivable"]:
            raise invalid(f'Property "{name}" cannot be archived', "NOT_ARCHIVABLE")
        self.archived[name] = {**self.definitions.pop(name), "archived": True, "archivedAt": at}

    def required(self, name: str) -> dict[str, Any]:
        """The definition.

        Raises:
            Refused: 404, there is none.
        """
        known = self.definitions.get(name)
        if known is None:
            raise Refused(404, f'Property "{name}" does not exist', "OBJECT_NOT_FOUND")
        return known

    def create_group(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """A new group.

        Raises:
            Refused: 400, or 409 for a name that is taken.
        """
        name, label = data.get("name"), data.get("label")
        if not isinstance(name, str) or not _NAME.match(name) or not isinstance(label, str) or not label:
            raise invalid("Invalid input JSON: a group needs a name and a label")
        if name in self.groups:
            raise Refused(
                409,
                f'Property group "{name}" already exists',
                "OBJECT_ALREADY_EXISTS",
                subCategory="Properties.GROUP_WITH_NAME_EXISTS",
            )
        self.groups[name] = _group(name, label)
        return self.groups[name]


def _group(name: str, label: str) -> dict[str, Any]:
    return {"name": name, "label": label, "displayOrder": -1, "archived": False}


def _option(data: Mapping[str, Any], order: int) -> dict[str, Any]:
    made = option(
        str(data.get("value", "")), str(data.get("label", "")), int(data.get("displayOrder", order))
    )
    return made | {"hidden": bool(data.get("hidden", False)), "description": str(data.get("description", ""))}


def _implied(kind: str) -> list[dict[str, str]]:
    return [{"value": "true", "label": "Yes"}, {"value": "false", "label": "No"}] if kind == "bool" else []


def _made(data: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {
        "name": data["name"],
        "label": data["label"],
        "type": data["type"],
        "fieldType": data["fieldType"],
        "description": data.get("description") or "",
        "groupName": data["groupName"],
        "options": [_option(o, n) for n, o in enumerate(data.get("options") or _implied(data["type"]))],
        "displayOrder": data.get("displayOrder", -1),
        "calculated": bool(data.get("calculationFormula")),
        "externalOptions": bool(data.get("externalOptions", False)),
        "hasUniqueValue": bool(data.get("hasUniqueValue", False)),
        "hidden": bool(data.get("hidden", False)),
        "hubspotDefined": False,
        "formField": bool(data.get("formField", False)),
        "dataSensitivity": data.get("dataSensitivity") or "non_sensitive",
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": False,
            "readOnlyOptions": False,
            "readOnlyValue": bool(data.get("calculationFormula")),
        },
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
    }
