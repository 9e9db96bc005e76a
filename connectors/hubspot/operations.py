"""HubSpot's endpoints and limits, as data."""

from __future__ import annotations

from syncd.connector import Limit, Operation

ACCOUNT = Operation("account")
USAGE = Operation("usage")
PROPERTIES = Operation("properties")
SEARCH = Operation("search", bucket="search", batch=200)
LIST = Operation("list", batch=100)
LIST_HISTORY = Operation("list_history", batch=50)
READ = Operation("read", batch=100)
READ_HISTORY = Operation("read_history", batch=50)
GET = Operation("get")
UPDATE = Operation("update", batch=100)

OPERATIONS = (ACCOUNT, USAGE, PROPERTIES, SEARCH, LIST, LIST_HISTORY, READ, READ_HISTORY, GET, UPDATE)

LIMITS = (
    # Free and Starter accounts; larger ones tell their own figure in X-HubSpot-RateLimit-Max.
    Limit("default", 100, 10.0),
    # Of the whole account, shared by every integration, and outside the 10-second limit.
    Limit("search", 5, 1.0),
)

PATHS = {
    ACCOUNT.name: "/account-info/v3/details",
    USAGE.name: "/account-info/v3/api-usage/daily/private-apps",
    PROPERTIES.name: "/crm/v3/properties/{objectType}",
    SEARCH.name: "/crm/v3/objects/contacts/search",
    LIST.name: "/crm/v3/objects/contacts",
    LIST_HISTORY.name: "/crm/v3/objects/contacts",
    READ.name: "/crm/v3/objects/contacts/batch/read",
    READ_HISTORY.name: "/crm/v3/objects/contacts/batch/read",
    GET.name: "/crm/v3/objects/contacts/{contactId}",
    UPDATE.name: "/crm/v3/objects/contacts/batch/update",
}
"""Path templates of v3, as the vendor's client spells them."""

_DATED = (
    ("/crm/v3/objects/", "/crm/objects/{version}/"),
    ("/crm/v3/properties/", "/crm/properties/{version}/"),
    ("/account-info/v3/", "/account-info/{version}/"),
)


def versioned(path: str, version: str) -> str:
    """The path in the wanted API version; a v3 path stays as it is for v3."""
    if version == "v3":
        return path
    for legacy, dated in _DATED:
        if path.startswith(legacy):
            return dated.format(version=version) + path[len(legacy) :]
    return path
