"""Which objects and fields the org has. Lengths and flags follow captured descriptions; [R] CumulusCI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object. `references` names the object that a lookup leads to."""

    name: str
    type: str = "string"
    length: int = 0
    label: str = ""
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    calculated: bool = False
    restricted: bool = False
    options: tuple[str, ...] = ()
    references: str = ""
    relationship: str = ""
    compound: str = ""
    defaulted: bool = False

    @property
    def custom(self) -> bool:
        return self.name.endswith("__c")

    @property
    def textual(self) -> bool:
        """Whether values are text that is compared without regard to case."""
        return self.type in ("string", "email", "phone", "url", "textarea", "picklist", "combobox")


def _text(name: str, length: int, type_: str = "string", **more: Any) -> Field:
    return replace(Field(name, type_, length), **more)


def _system(name: str, type_: str, references: str = "", relationship: str = "") -> Field:
    length = 18 if type_ in ("id", "reference") else 0
    return Field(
        name, type_, length, nillable=type_ == "reference" and name == "MasterRecordId", createable=False,
        updateable=False, references=references, relationship=relationship,
        defaulted=name != "MasterRecordId",
    )  # fmt: skip


def _flag(name: str, **more: Any) -> Field:
    return replace(Field(name, "boolean", nillable=False, defaulted=True), **more)


def _lookup(name: str, to: str, relationship: str, **more: Any) -> Field:
    return replace(Field(name, "reference", 18, references=to, relationship=relationship), **more)


def _stamps(self_name: str, masters: bool = True) -> tuple[Field, ...]:
    return (
        _system("Id", "id"),
        _system("IsDeleted", "boolean"),
        *((_system("MasterRecordId", "reference", self_name, "MasterRecord"),) if masters else ()),
        _system("CreatedDate", "datetime"),
        _system("CreatedById", "reference", "User", "CreatedBy"),
        _system("LastModifiedDate", "datetime"),
        _system("LastModifiedById", "reference", "User", "LastModifiedBy"),
        _system("SystemModstamp", "datetime"),
    )


def _person(name_length: int = 121) -> tuple[Field, ...]:
    return (
        _text("LastName", 80, nillable=False),
        _text("FirstName", 40),
        Field("Salutation", "picklist", 40, options=("Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx.")),
        _text("Name", name_length, createable=False, updateable=False, nillable=False),
    )


def _address(prefix: str) -> tuple[Field, ...]:
    whole = f"{prefix}Address" if prefix else "Address"
    lengths = (("Street", 255), ("City", 40), ("State", 80), ("PostalCode", 20), ("Country", 80))
    parts = tuple(
        _text(prefix + n, size, "textarea" if n == "Street" else "string", compound=whole)
        for n, size in lengths
    )
    compound = Field(whole, "address", createable=False, updateable=False, filterable=False, sortable=False)
    return (*parts, compound)


STATUSES = ("Open - Not Contacted", "Working - Contacted", "Closed - Converted", "Closed - Not Converted")
SOURCES = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Other")
STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "other",
)
CLEAN = ("Matched", "Different", "Acknowledged", "NotFound", "Inactive", "Pending", "SelectMatch", "Skipped")

_OWN = (
    _text("LinkedIn_URL__c", 255, "url", label="LinkedIn URL"),
    _flag("Do_Not_Enrich__c", label="Do Not Enrich"),
    Field("Lifecycle_Stage__c", "picklist", 255, "Lifecycle Stage", options=STAGES),
    Field("Enriched_At__c", "datetime", label="Enriched At"),
    _text("Enrichment_Source__c", 80, label="Enrichment Source"),
    Field("Score__c", "double", label="Score"),
    Field("Has_Phone__c", "boolean", label="Has Phone", createable=False, updateable=False, calculated=True,
          nillable=False, defaulted=False),
    Field("Region__c", "picklist", 255, "Region", restricted=True, options=("EMEA", "AMER", "APAC")),
)  # fmt: skip
_REACH = (
    _text("Phone", 40, "phone", label="Business Phone"),
    _text("MobilePhone", 40, "phone"),
    _text("Email", 80, "email"),
    _text("Title", 128),
)
_CONSENT = (
    _flag("HasOptedOutOfEmail", label="Email Opt Out"),
    _flag("DoNotCall"),
    Field("EmailBouncedDate", "datetime"),
    _text("EmailBouncedReason", 255),
    _flag("IsEmailBounced", createable=False, updateable=False),
    _lookup("IndividualId", "Individual", "Individual"),
)
_TAIL = (
    Field("LeadSource", "picklist", 255, options=SOURCES),
    Field("CleanStatus", "picklist", 40, restricted=True, options=CLEAN),
    Field("Description", "textarea", 32_000, filterable=False, sortable=False),
    _lookup("OwnerId", "User", "Owner", nillable=False, defaulted=True),
    Field("LastActivityDate", "date", createable=False, updateable=False),
)

OBJECTS: dict[str, tuple[Field, ...]] = {
    "Contact": (
        *_stamps("Contact"),
        _lookup("AccountId", "Account", "Account"),
        *_person(),
        *_REACH,
        _text("HomePhone", 40, "phone"),
        _text("OtherPhone", 40, "phone"),
        _text("Fax", 40, "phone"),
        _text("Department", 80),
        _lookup("ReportsToId", "Contact", "ReportsTo"),
        *_address("Mailing"),
        *_CONSENT,
        *_TAIL,
        *_OWN,
    ),
    "Lead": (
        *_stamps("Lead"),
        *_person(),
        *_REACH,
        _text("Fax", 40, "phone"),
        _text("Company", 255, nillable=False),
        _text("Website", 255, "url"),
        _text("Industry", 255, "picklist"),
        *_address(""),
        Field("Status", "picklist", 255, nillable=False, options=STATUSES, defaulted=True),
        _flag("IsConverted", updateable=False),
        Field("ConvertedDate", "date", createable=False, updateable=False),
        _lookup("ConvertedAccountId", "Account", "ConvertedAccount", createable=False, updateable=False),
        _lookup("ConvertedContactId", "Contact", "ConvertedContact", createable=False, updateable=False),
        *_CONSENT,
        *_TAIL,
        *_OWN,
    ),
    "Account": (
        *_stamps("Account"),
        _text("Name", 255, nillable=False),
        _text("Website", 255, "url"),
        _text("Phone", 40, "phone"),
        _text("Industry", 255, "picklist"),
        *_address("Billing"),
        _lookup("ParentId", "Account", "Parent"),
        Field("NumberOfEmployees", "int"),
        Field("Description", "textarea", 32_000, filterable=False, sortable=False),
        _lookup("OwnerId", "User", "Owner", nillable=False, defaulted=True),
        Field("LastActivityDate", "date", createable=False, updateable=False),
    ),
    "User": (
        _system("Id", "id"),
        _text("Username", 80, nillable=False),
        *_person(),
        _text("Email", 128, "email", nillable=False),
        _flag("IsActive"),
        Field("UserType", "picklist", 40, createable=False, updateable=False, options=("Standard",)),
        _text("LanguageLocaleKey", 40, "picklist", nillable=False),
        _system("CreatedDate", "datetime"),
        _system("LastModifiedDate", "datetime"),
        _system("SystemModstamp", "datetime"),
    ),
    "Individual": (
        *_stamps("Individual"),
        *_person(),
        _flag("HasOptedOutTracking"),
        _flag("HasOptedOutProfiling"),
        _flag("HasOptedOutProcessing"),
        _flag("HasOptedOutSolicit"),
        _flag("ShouldForget"),
        _flag("SendIndividualData"),
        _flag("CanStorePiiElsewhere"),
        _lookup("OwnerId", "User", "Owner", nillable=False, defaulted=True),
    ),
    "Organization": (
        _system("Id", "id"),
        _text("Name", 80, nillable=False),
        _flag("IsSandbox", createable=False, updateable=False),
        _text("OrganizationType", 40, "picklist", createable=False, updateable=False),
        _text("InstanceName", 5, createable=False, updateable=False),
        _text("TimeZoneSidKey", 40, "picklist"),
        _text("LanguageLocaleKey", 40, "picklist"),
        _system("CreatedDate", "datetime"),
        _system("LastModifiedDate", "datetime"),
        _system("SystemModstamp", "datetime"),
    ),
}


def _history(parent: str) -> tuple[Field, ...]:
    frozen = {"createable": False, "updateable": False}
    return (
        _system("Id", "id"),
        _system("IsDeleted", "boolean"),
        replace(_lookup(f"{parent}Id", parent, parent), nillable=False, createable=False, updateable=False),
        _system("CreatedById", "reference", "User", "CreatedBy"),
        _system("CreatedDate", "datetime"),
        _text("Field", 255, "picklist", **frozen),
        _text("DataType", 40, "picklist", **frozen),
        _text("OldValue", 255, "anyType", filterable=False, sortable=False, **frozen),
        _text("NewValue", 255, "anyType", filterable=False, sortable=False, **frozen),
    )


OBJECTS["ContactHistory"] = _history("Contact")
OBJECTS["LeadHistory"] = _history("Lead")

PEOPLE = ("Contact", "Lead")
WRITABLE = ("Contact", "Lead", "Account", "Individual")
READ_ONLY = ("User", "Organization", "ContactHistory", "LeadHistory")


@dataclass(frozen=True)
class Kind:
    """One object of the org and its fields by lower-case name."""

    name: str
    fields: tuple[Field, ...]
    by_name: dict[str, Field] = field(default_factory=dict)
    relations: dict[str, Field] = field(default_factory=dict)


def kinds(objects: Iterable[str] = OBJECTS) -> dict[str, Kind]:
    """Every object by lower-case name."""
    found = {}
    for name in objects:
        fields = OBJECTS[name]
        relations = {f.relationship.lower(): f for f in fields if f.relationship}
        found[name.lower()] = Kind(name, fields, {f.name.lower(): f for f in fields}, relations)
    return found
