"""What people and other programs do in the CRM meanwhile: on fields that we write, and on keys that we look up by."""

from __future__ import annotations

import random
import urllib.error
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from syncd.rehearsal import PROPERTIES, Stand

KEYS = ("email", "linkedin_url", "last_name", "company_name", "country")
VALUES = ("job_title", "mobile_phone", "phone", "city")


@dataclass
class Office:
    """The people who work in one CRM."""

    crm: Stand
    dice: random.Random
    edits: int = 0
    rekeyed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Person (as the vendors' books name them) → records whose keys somebody changed."""
    _truth: list[dict[str, Any]] = field(default_factory=list)

    def work(self, count: int) -> None:
        """So many edits; half of them by people, of which some are of keys, some take a value away."""
        self._truth = self._truth or self.crm.ask("truth")
        records = set(self.crm.ask("records")["ids"])
        for person in self.dice.sample(self._truth, min(count, len(self._truth))):
            self._edit(person, person["record"] if person["record"] in records else "")

    def _edit(self, person: dict[str, Any], record: str) -> None:
        keyed = self.dice.random() < 0.4
        name = self.dice.choice(KEYS if keyed else VALUES)
        value = self._key(name, person) if keyed else self._value(name)
        author = self.dice.choice(("person", "person", "person", "import", "integration"))
        prop = PROPERTIES[self.crm.vendor][name]
        if "." in prop:
            return
        for at in [{"id": record}] if record else [{"email": e} for e in person["emails"]]:
            try:
                done = self.crm.ask("edit", {**at, "properties": {prop: value}, "as": author})
            except urllib.error.HTTPError as refused:
                # Another record has the address, or the CRM knows no such person.
                refused.close()
                continue
            self.edits += 1
            # A number is a key, too: there are look-ups by it.
            if keyed or "phone" in name:
                self.rekeyed[person["ref"]].add(str(done["id"]))
            return

    def _key(self, name: str, person: dict[str, Any]) -> str:
        """Another true key of the person, a wrong one, or none."""
        true = {
            "email": [*person["emails"], ""],
            "linkedin_url": [person["linkedin_url"], ""],
            "last_name": [
                person["full_name"].rpartition(" ")[2] + "-Ray",
                person["full_name"].rpartition(" ")[2],
            ],
            "company_name": [person["company_name"], person["past_company_name"]],
            "country": ["Germany", "United Kingdom"],
        }
        return str(self.dice.choice(true[name]))

    def _value(self, name: str) -> str:
        if self.dice.random() < 0.25:
            return ""
        number = self.dice.randrange(10_000)
        return f"+4930{number:07d}" if "phone" in name else f"edited {number}"
