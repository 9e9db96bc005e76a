"""One question as one request: exactly one way to name the person or company in each."""

from __future__ import annotations

import re

from connectors.waterfall_io.operations import PATHS
from connectors.waterfall_io.shapes import bare_domain
from syncd.connector import Mode, Operation, Request
from syncd.model import Key, KeyKind, Lookup

_LONGEST = {"full_name": 250, "first_name": 100, "last_name": 100}
_LONGEST_URL = 500
_ROLE = re.compile(
    r"abuse|accounting|accounts|admin|administrator|billing|careers|contact|enquiries|feedback|finance|hello"
    r"|help|helpdesk|hostmaster|hr|info|inquiries|it|jobs|legal|mail|marketing|media|news|newsletter|no-?reply"
    r"|office|orders|postmaster|press|privacy|reception|recruiting|sales|security|services?|subscribe|support"
    r"|team|webmaster"
)
_PUBLIC_MAIL = re.compile(
    r"(?:(?:aol|fastmail|gmail|googlemail|hey|hotmail|icloud|live|mac|mail|me|msn|outlook|proton|protonmail|qq"
    r"|rocketmail|yahoo|yandex|ymail|zoho)\.com|(?:hotmail|live|yahoo)\.co\.uk|(?:hotmail|live|orange|yahoo)\.fr"
    r"|(?:gmx|t-online|web)\.de|gmx\.net|(?:mail|yandex)\.ru|(?:pm|proton)\.me)"
)
"""Addresses at which people, not employers, can be reached: the vendor's validation refuses them."""


def account() -> Request:
    """The account's counters and balance."""
    return Request("GET", "/v2/account")


def signing_keys() -> Request:
    """The public keys by which callbacks are signed."""
    return Request("GET", "/.well-known/jwks.json")


def finder(operation: Operation, job_id: str) -> Request:
    """The state and result of a launched job."""
    return Request("GET", PATHS[operation.name], params={"job_id": job_id})


def unfit(key: Key) -> str:
    """Why the vendor would refuse a key, or "" for one worth sending. Refusals would count as requests.

    An address to be verified is sent whatever it is.
    """
    match key.kind:
        case KeyKind.EMAIL:
            return _unfit_address(key["email"])
        case KeyKind.LINKEDIN_URL:
            return (
                "the profile URL is longer than Waterfall.io takes" if len(key["url"]) > _LONGEST_URL else ""
            )
        case KeyKind.NAME_DOMAIN:
            return _unfit_name(key) or _unfit_domain(key["domain"])
        case KeyKind.DOMAIN:
            return _unfit_domain(key["domain"])
        case _:
            return ""


def _unfit_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    if _ROLE.fullmatch(local.partition("+")[0]):
        return "Waterfall.io takes no address of a role"
    return "Waterfall.io takes no address of a public mail provider" if _PUBLIC_MAIL.fullmatch(domain) else ""


def _unfit_name(key: Key) -> str:
    if not key.get("full_name") and not (key.get("first_name") and key.get("last_name")):
        return "Waterfall.io needs a full name, or a first and a last name"
    if any(len(key.get(name)) > most for name, most in _LONGEST.items()):
        return "the name is longer than Waterfall.io takes"
    return ""


def _unfit_domain(domain: str) -> str:
    host = bare_domain(domain)
    if "." not in host or _PUBLIC_MAIL.fullmatch(host):
        return "the domain is not that of a company"
    return ""


def build(operation: Operation, lookup: Lookup) -> Request:
    """The request for a question.

    Raises:
        ValueError: a key of a kind that the operation does not accept.
    """
    if lookup.key.kind not in operation.accepts:
        raise ValueError(f"{operation.name} does not accept this kind of key")
    body: dict[str, object] = dict(_named(operation, lookup.key))
    if operation.name == "contact_phones":
        body["include_phones"] = True
    if operation.mode is not Mode.JOB:
        return Request("POST", PATHS[operation.name], json=body)
    if lookup.ref:
        body["custom_fields"] = {"syncd_ref": lookup.ref}
    return Request("POST", PATHS[operation.name], json=body, callback_key="webhook_url")


def _named(operation: Operation, key: Key) -> dict[str, str]:
    if operation.name == "job_change":
        return _worker(key)
    match key.kind:
        case KeyKind.LINKEDIN_URL:
            return {"linkedin": key["url"]}
        case KeyKind.EMAIL | KeyKind.FOUND_EMAIL:
            return {"email": key["email"]}
        case KeyKind.DOMAIN:
            return {"domain": bare_domain(key["domain"])}
        case KeyKind.COMPANY_LINKEDIN_URL:
            return {"linkedin": key["company_linkedin_url"]}
        case KeyKind.COMPANY_NAME:
            return {"name": key["company_name"]}
        case _:
            return _name(key) | {"domain": bare_domain(key["domain"])}


def _name(key: Key) -> dict[str, str]:
    if full := key.get("full_name"):
        return {"full_name": full}
    return {"first_name": key["first_name"], "last_name": key["last_name"]}


def _worker(key: Key) -> dict[str, str]:
    """The job-change check has its own words."""
    if key.kind is KeyKind.EMAIL:
        return {"professional_email": key["email"]}
    full = key.get("full_name") or f"{key['first_name']} {key['last_name']}"
    return {"contact_full_name": full, "company_domain": bare_domain(key["domain"])}
