"""The org as it is at the start: the population's records as contacts, leads and accounts, and the users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.population import Dice, Population, Record
from connectors.sandbox.salesforce.fields import OBJECTS, STATUSES
from connectors.sandbox.salesforce.ids import long, make
from connectors.sandbox.salesforce.knobs import IMPORTER, PEOPLE_USERS, users_of
from connectors.sandbox.salesforce.store import Author, Row, Store, Values

_SHARED = {
    "first_name": "FirstName", "last_name": "LastName", "email": "Email", "phone": "Phone",
    "mobile": "MobilePhone", "job_title": "Title", "linkedin_url": "LinkedIn_URL__c",
    "lifecycle": "Lifecycle_Stage__c", "do_not_enrich": "Do_Not_Enrich__c",
    "email_opt_out": "HasOptedOutOfEmail", "do_not_call": "DoNotCall",
}  # fmt: skip
NAMES: Mapping[str, Mapping[str, str]] = {
    "Contact": {**_SHARED, "city": "MailingCity", "country": "MailingCountry", "company": "AccountId"},
    "Lead": {**_SHARED, "city": "City", "country": "Country", "company": "Company", "lead_status": "Status"},
}
FLAGS = {
    kind: {
        f.name: False for f in fields if f.type == "boolean" and not f.calculated and f.name != "IsDeleted"
    }
    for kind, fields in OBJECTS.items()
}
_TRUE = ("true", "1", "yes", "x")
_START = 1_735_689_600


def load(store: Store, population: Population, settings: Mapping[str, Any], now: int) -> None:
    """Fill an empty store. Times to come are cut back to now."""
    _users(store, settings)
    _organization(store, settings)
    loader = _Loader(store, population, now)
    for order, record in enumerate(population.records):
        loader.person(order, record, settings["people_as"])


def full_name(values: Values) -> str:
    """First and last name, as the org shows them together."""
    return " ".join(p for p in (values.get("FirstName"), values.get("LastName")) if p)


class _Loader:
    def __init__(self, store: Store, population: Population, now: int) -> None:
        self._store, self._now, self._seed = store, now, population.seed
        self._accounts: dict[str, str] = {}
        self._domains = {c.name: c.domain for c in population.companies}
        self._authors = {
            "import": Author("import", IMPORTER),
            "form": Author("form", IMPORTER),
        }

    def person(self, order: int, record: Record, people_as: str) -> None:
        """One record as a contact or a lead; an export's own ids say which it is."""
        own = long(record.id) or ""
        lead = people_as == "leads" or (people_as == "both" and order % 2 == 1)
        kind = {"003": "Contact", "00Q": "Lead"}.get(own[:3], "Lead" if lead else "Contact")
        number = own if own[:3] in ("003", "00Q") else make(kind, 1_000_001 + order)
        created, modified = (min(int(t), self._now) for t in (record.created_at, record.modified_at))
        someone = Author("person", PEOPLE_USERS[order % len(PEOPLE_USERS)])
        authors = {**self._authors, "person": someone}
        names = NAMES[kind]
        born = {names[n]: authors.get(a, someone) for n, a in record.authors.items() if n in names}
        by_import = any(a.who != "person" for a in born.values())
        by_person = any(a.who == "person" for a in born.values())
        values: Values = {
            "Id": number,
            "IsDeleted": False,
            "CreatedDate": created,
            "CreatedById": IMPORTER if by_import else someone.user,
            "LastModifiedDate": modified,
            "LastModifiedById": someone.user if by_person else IMPORTER,
            "SystemModstamp": modified,
            "OwnerId": someone.user,
            **FLAGS[kind],
            **self._filled(kind, record, created),
        }
        values["Name"] = full_name(values)
        self._store.add(Row(kind, number, values, born))

    def _filled(self, kind: str, record: Record, created: int) -> Values:
        values: Values = {}
        for neutral, name in NAMES[kind].items():
            given = record.values.get(neutral, "").strip()
            if not given:
                continue
            if name in FLAGS[kind]:
                values[name] = given.lower() in _TRUE
            elif name == "AccountId":
                values[name] = self._account(given, created)
            else:
                values[name] = given
        if not values.get("LastName"):
            values["LastName"] = values.get("FirstName") or "Unknown"
        if kind == "Lead":
            values.setdefault("Company", "[not provided]")
            values.setdefault("Status", STATUSES[0])
        values["Has_Phone__c"] = bool(values.get("Phone") or values.get("MobilePhone"))
        return values

    def _account(self, name: str, at: int) -> str:
        known = self._accounts.get(name)
        if known:
            return known
        number = self._accounts[name] = make("Account", 1_001 + len(self._accounts))
        values: Values = {
            "Id": number, "IsDeleted": False, "Name": name, "CreatedDate": at, "CreatedById": IMPORTER,
            "LastModifiedDate": at, "LastModifiedById": IMPORTER, "SystemModstamp": at,
            "OwnerId": PEOPLE_USERS[0],
        }  # fmt: skip
        if name in self._domains and Dice(self._seed, "account", name)("website") < 0.6:
            values["Website"] = f"www.{self._domains[name]}"
        self._store.add(Row("Account", number, values, {"Name": self._authors["import"]}))
        return number


def _users(store: Store, settings: Mapping[str, Any]) -> None:
    known = [(u.id, u.username, u.name.title(), u.language) for u in users_of(settings).values()]
    known += [(IMPORTER, "import@sandbox.example", "Import", "en_US")]
    known += [(u, f"rep{n}@sandbox.example", f"Rep {n}", "en_US") for n, u in enumerate(PEOPLE_USERS)]
    for number, username, last, language in known:
        values: Values = {
            "Id": number, "Username": username, "LastName": last, "FirstName": "Sandbox",
            "Name": f"Sandbox {last}", "Email": username, "IsActive": True, "UserType": "Standard",
            "LanguageLocaleKey": language, "CreatedDate": _START, "LastModifiedDate": _START,
            "SystemModstamp": _START,
        }  # fmt: skip
        store.add(Row("User", number, values))


def _organization(store: Store, settings: Mapping[str, Any]) -> None:
    values: Values = {
        "Id": settings["org"], "Name": "Sandbox Org", "IsSandbox": True,
        "OrganizationType": "Enterprise Edition",
        "InstanceName": "SB0", "TimeZoneSidKey": "Europe/London", "LanguageLocaleKey": "en_US",
        "CreatedDate": _START, "LastModifiedDate": _START + 4, "SystemModstamp": _START + 6,
    }  # fmt: skip
    store.add(Row("Organization", settings["org"], values))
