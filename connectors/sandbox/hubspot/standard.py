"""The contact properties that a portal has from the start, and which population field fills which."""

from __future__ import annotations

from typing import Any

FILLED_FROM = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "phone",
    "mobile": "mobilephone",
    "job_title": "jobtitle",
    "company": "company",
    "linkedin_url": "hs_linkedin_url",
    "city": "city",
    "country": "country",
    "lifecycle": "lifecyclestage",
    "lead_status": "hs_lead_status",
    "email_opt_out": "hs_email_optout",
    "do_not_enrich": "do_not_enrich",
}

STAGES = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)
_LEAD_STATUS = (
    ("NEW", "New"),
    ("OPEN", "Open"),
    ("IN_PROGRESS", "In Progress"),
    ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"),
    ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
)
_YES_NO = (("true", "Yes"), ("false", "No"))

OPTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "lifecyclestage": STAGES,
    "hs_lead_status": _LEAD_STATUS,
    "numemployees": tuple((v, v) for v in ("1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+")),
    "hs_buying_role": tuple(
        (v, v.title().replace("_", " "))
        for v in ("BLOCKER", "BUDGET_HOLDER", "CHAMPION", "DECISION_MAKER", "END_USER", "INFLUENCER")
    ),
    "hs_legal_basis": (
        ("Legitimate interest – prospect/lead", "Legitimate interest – prospect/lead"),
        ("Freely given consent from contact", "Freely given consent from contact"),
        ("Not applicable", "Not applicable"),
    ),
    "hs_marketable_status": (("true", "Marketing contact"), ("false", "Non-marketing contact")),
    "hs_language": (("en", "English"), ("de", "German"), ("fr", "French")),
}

_LABELS = {
    name: {label.casefold(): value for value, label in (*choices, *((v, v) for v, _ in choices))}
    for name, choices in OPTIONS.items()
}
_SWITCHES = {"yes": "true", "true": "true", "1": "true", "no": "false", "false": "false", "0": "false"}


def option_of(name: str, text: str) -> str:
    """The stored value behind an option's label, as exports show it; other text as it stands."""
    if name in ("do_not_enrich", "hs_email_optout"):
        return _SWITCHES.get(text.casefold(), text)
    return _LABELS[name].get(text.casefold(), text) if name in _LABELS else text


# name, label, type, field type, marks: r read-only value, c calculated, x options kept elsewhere,
# o the customer's own
TABLE = (
    ("firstname", "First Name", "string", "text", ""),
    ("lastname", "Last Name", "string", "text", ""),
    ("email", "Email", "string", "text", ""),
    ("phone", "Phone Number", "string", "phonenumber", ""),
    ("mobilephone", "Mobile Phone Number", "string", "phonenumber", ""),
    ("fax", "Fax Number", "string", "text", ""),
    ("jobtitle", "Job Title", "string", "text", ""),
    ("seniority", "Seniority", "string", "text", ""),
    ("company", "Company Name", "string", "text", ""),
    ("work_email", "Work email", "string", "text", ""),
    ("website", "Website URL", "string", "text", ""),
    ("address", "Street Address", "string", "text", ""),
    ("city", "City", "string", "text", ""),
    ("state", "State/Region", "string", "text", ""),
    ("zip", "Postal Code", "string", "text", ""),
    ("country", "Country/Region", "string", "text", ""),
    ("salutation", "Salutation", "string", "text", ""),
    ("message", "Message", "string", "textarea", ""),
    ("industry", "Industry", "string", "text", ""),
    ("annualrevenue", "Annual Revenue", "string", "text", ""),
    ("numemployees", "Number of Employees", "enumeration", "select", ""),
    ("hs_linkedin_url", "LinkedIn URL", "string", "text", ""),
    ("twitterhandle", "Twitter Username", "string", "text", ""),
    ("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", ""),
    ("hs_lead_status", "Lead Status", "enumeration", "radio", ""),
    ("hs_buying_role", "Buying Role", "enumeration", "checkbox", ""),
    ("hs_language", "Preferred language", "enumeration", "select", ""),
    ("hs_legal_basis", "Legal basis for processing", "enumeration", "checkbox", ""),
    ("hs_marketable_status", "Marketing contact status", "enumeration", "select", "r"),
    ("hs_email_optout", "Unsubscribed from all email", "bool", "booleancheckbox", "r"),
    ("hs_email_quarantined", "Email address quarantined", "bool", "booleancheckbox", "r"),
    ("hubspot_owner_id", "Contact owner", "enumeration", "select", "x"),
    ("closedate", "Close Date", "datetime", "date", ""),
    ("associatedcompanyid", "Primary Associated Company ID", "number", "number", ""),
    ("num_notes", "Number of Sales Activities", "number", "number", "r"),
    ("notes_last_updated", "Last Activity Date", "datetime", "date", "r"),
    ("hs_object_id", "Record ID", "number", "number", "r"),
    ("createdate", "Create Date", "datetime", "date", "r"),
    ("lastmodifieddate", "Last Modified Date", "datetime", "date", "r"),
    ("hs_merged_object_ids", "Merged record IDs", "enumeration", "checkbox", "rx"),
    ("hs_additional_emails", "Additional email addresses", "enumeration", "checkbox", "x"),
    ("hs_email_domain", "Email Domain", "string", "text", "rc"),
    ("hs_predictivecontactscore_v2", "Likelihood to close", "number", "number", "rc"),
    ("hs_searchable_calculated_phone_number", "Searchable phone number", "string", "text", "rc"),
    ("hs_searchable_calculated_mobile_number", "Searchable mobile number", "string", "text", "rc"),
    ("company_domain", "Company domain", "string", "text", "o"),
    ("do_not_enrich", "Do not enrich", "bool", "booleancheckbox", "o"),
    ("employee_count", "Employee count", "number", "number", "o"),
    ("next_review_on", "Next review on", "date", "date", "o"),
)

GROUPS = (
    ("contactinformation", "Contact information"),
    ("contact_activity", "Contact activity"),
    ("enrichment", "Enrichment"),
)


def definitions(at: str) -> dict[str, dict[str, Any]]:
    """Every definition by name, as the properties API shows them. `at` is when the portal was set up."""
    return {row[0]: _definition(*row, at) for row in TABLE}


def _definition(name: str, label: str, kind: str, field: str, marks: str, at: str) -> dict[str, Any]:
    own = "o" in marks
    choices = _YES_NO if kind == "bool" else OPTIONS.get(name, ())
    return {
        "name": name,
        "label": label,
        "type": kind,
        "fieldType": field,
        "description": "",
        "groupName": "enrichment" if own else "contactinformation",
        "options": [option(value, shown, order) for order, (value, shown) in enumerate(choices)],
        "displayOrder": -1,
        "calculated": "c" in marks,
        "externalOptions": "x" in marks,
        "hasUniqueValue": False,
        "hidden": False,
        "hubspotDefined": not own,
        "formField": not own and "r" not in marks,
        "dataSensitivity": "non_sensitive",
        "modificationMetadata": {
            "archivable": own,
            "readOnlyDefinition": not own,
            "readOnlyOptions": not own,
            "readOnlyValue": "r" in marks,
        },
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
    }


def option(value: str, label: str, order: int = -1) -> dict[str, Any]:
    """One choice of an enumeration."""
    return {"label": label, "value": value, "displayOrder": order, "hidden": False, "description": ""}
