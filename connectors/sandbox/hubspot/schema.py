"""The properties API: definitions, groups and the rules that an administrator has made."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.hubspot.call import Answer, Call, inputs
from connectors.sandbox.hubspot.moments import iso
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.reading import MOST_INPUTS, batch_answer
from connectors.sandbox.hubspot.refusals import Refused, invalid


class Schema:
    """The property routes over a portal."""

    def __init__(self, portal: Portal) -> None:
        self._portal, self._catalogue = portal, portal.catalogue

    def _now(self) -> str:
        return iso(self._portal.now_ms())

    def all(self, call: Call) -> Answer:
        """Every definition; sensitive ones only where they are asked for by `dataSensitivity`."""
        held = self._catalogue.archived if call.flag("archived") else self._catalogue.definitions
        wanted = call.query.get("dataSensitivity", "non_sensitive")
        return 200, {"results": [d for d in held.values() if d["dataSensitivity"] == wanted]}

    def one(self, call: Call) -> Answer:
        """One definition."""
        return 200, self._catalogue.required(call.params["name"])

    def create(self, call: Call) -> Answer:
        """A new definition; 409 where the name is taken."""
        return 201, self._create(call.data())

    def _create(self, data: dict[str, Any]) -> dict[str, Any]:
        made = self._catalogue.create(data, self._now())
        if made["hasUniqueValue"]:
            self._portal.store.unique[made["name"]] = {}
        return made

    def update(self, call: Call) -> Answer:
        """A changed definition."""
        return 200, self._catalogue.update(call.params["name"], call.data(), self._now())

    def archive(self, call: Call) -> Answer:
        """Nothing; the property is archived."""
        self._catalogue.archive(call.params["name"], self._now())
        return 204, None

    def batch_create(self, call: Call) -> Answer:
        """New definitions; those that cannot be made are errors, the others are made. [R] amp-labs."""
        started = self._portal.now_ms()
        made, errors = [], []
        for data in inputs(call.data(), MOST_INPUTS):
            try:
                made.append(self._create(data))
            except Refused as refused:
                errors.append(refused.item(name=[str(data.get("name"))]))
        return batch_answer(made, errors, started, self._portal.now_ms(), clean=201)

    def batch_read(self, call: Call) -> Answer:
        """Definitions by name."""
        started = self._portal.now_ms()
        found, errors = [], []
        for name in self._names(call):
            definition = self._catalogue.get(name)
            if definition:
                found.append(definition)
            else:
                message = f'Property "{name}" does not exist'
                errors.append(Refused(404, message, "OBJECT_NOT_FOUND").item(name=[name]))
        return batch_answer(found, errors, started, self._portal.now_ms())

    def batch_archive(self, call: Call) -> Answer:
        """Nothing; the properties are archived."""
        for name in self._names(call):
            self._catalogue.archive(name, self._now())
        return 204, None

    @staticmethod
    def _names(call: Call) -> list[str]:
        names = [item.get("name") for item in inputs(call.data(), MOST_INPUTS)]
        if not all(isinstance(name, str) for name in names):
            raise invalid("Invalid input JSON: some required fields were not set: [name]")
        return [str(name) for name in names]

    def groups(self, call: Call) -> Answer:
        """Every group."""
        return 200, {"results": list(self._catalogue.groups.values())}

    def group(self, call: Call) -> Answer:
        """One group."""
        group = self._catalogue.groups.get(call.params["name"])
        if group is None:
            raise Refused(404, f'Property group "{call.params["name"]}" does not exist', "OBJECT_NOT_FOUND")
        return 200, group

    def create_group(self, call: Call) -> Answer:
        """A new group; 409 where the name is taken."""
        return 201, self._catalogue.create_group(call.data())

    def rules(self, call: Call) -> Answer:
        """The write rules in force, so that they can be known before a write runs into one."""
        rules = self._portal.settings["write_rules"]
        return 200, {
            "results": [
                {
                    "propertyName": rule["require"],
                    "propertyValidationRules": [
                        {
                            "ruleType": "REQUIRED",
                            "ruleArguments": [f"{n}={v}" for n, v in rule.get("when", {}).items()],
                        }
                    ],
                }
                for rule in rules
            ]
        }
