"""One question as one request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.rocketreach.operations import (
    COMPANIES,
    LOOKUP_TYPES,
    PAGE_ROWS,
    REVEALS,
    SEARCHES,
    UNIVERSAL_STATUS,
)
from connectors.rocketreach.shapes import bare_domain, is_profile_id
from syncd.connector import Operation, Request
from syncd.model import Key, KeyKind

MOST_IDS = 100
_DOMAIN = re.compile(r"(?:[a-z][a-z0-9+.-]*://\S+|[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}(?:/\S*)?)")


def account(universal: bool) -> Request:
    """The account with its credits."""
    return Request("GET", "/universal/account/" if universal else "/account/")


def statuses(operation: Operation, ids: Sequence[str]) -> Request:
    """How the look-ups of these profiles stand. Costs nothing; `operation` is one of the two status reads."""
    universal = operation.name == UNIVERSAL_STATUS.name
    path = "/universal/person/check_status" if universal else "/person/checkStatus"
    return Request("GET", path, params={"ids": list(ids)})


def unfit(key: Key) -> str:
    """Why a key is not sent, or "".

    The vendor matches an employer as text: a domain there finds, and bills, other people.
    """
    if key.kind is KeyKind.PROVIDER_ID and not is_profile_id(key["provider_id"]):
        return "the id is not one of a RocketReach profile"
    if key.kind is KeyKind.NAME_COMPANY and _DOMAIN.fullmatch(key["company"].strip()):
        return "the employer is given by its domain, not by its name"
    return ""


def build(operation: Operation, key: Key, webhook_id: int | None) -> Request:
    """The request for one question.

    Raises:
        ValueError: a key of a kind that the operation does not accept.
    """
    if key.kind not in operation.accepts:
        raise ValueError(f"{operation.name} does not accept this kind of key")
    if operation.name in SEARCHES:
        return _search(operation, key)
    if operation.name in COMPANIES:
        return _company(operation, key)
    params = _who(key)
    if operation.name in LOOKUP_TYPES:
        path = "/person/lookup"
        params["lookup_type"] = LOOKUP_TYPES[operation.name]
    else:
        path = "/universal/person/lookup"
        params |= dict.fromkeys(REVEALS[operation.name], "true")
    # The default changes by date; cached addresses may be unverified, and only final ones are written.
    params["return_cached_emails"] = "false"
    if webhook_id is not None:
        params["webhook_id"] = str(webhook_id)
    return Request("GET", path, params=params)


def _who(key: Key) -> dict[str, str]:
    """One identifier: which of several would win is not documented."""
    match key.kind:
        case KeyKind.PROVIDER_ID:
            return {"id": key["provider_id"]}
        case KeyKind.LINKEDIN_URL:
            return {"linkedin_url": key["url"]}
        case KeyKind.EMAIL:
            return {"email": key["email"]}
        case _:
            return {"name": _name(key), "current_employer": key["company"].strip()}


def _name(key: Key) -> str:
    return key.get("full_name") or f"{key.get('first_name')} {key.get('last_name')}".strip()


def _search(operation: Operation, key: Key) -> Request:
    path = "/universal/person/search" if operation.name == "universal_search" else "/person/search"
    query = {"name": [_name(key)], "company_domain": [bare_domain(key["domain"])]}
    body = {"query": query, "start": 1, "page_size": PAGE_ROWS, "order_by": "relevance"}
    return Request("POST", path, json=body)


def _company(operation: Operation, key: Key) -> Request:
    if key.kind is KeyKind.DOMAIN:
        params = {"domain": bare_domain(key["domain"])}
    else:
        params = {"linkedin_url": key["company_linkedin_url"]}
    universal = operation.name == "universal_company"
    return Request("GET", "/universal/company/lookup" if universal else "/company/lookup/", params=params)
