"""One question as one request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from connectors.contactout.shapes import bare_domain
from connectors.contactout.switches import CONTACT, PERSON
from syncd.connector import Operation, Request
from syncd.model import Key, KeyKind, Lookup

STATS_PATH = "/v1/stats"
CONTACT_JOBS = "/v2/people/linkedin/batch"
VERIFY_JOBS = "/v1/email/verify/batch"

_CHECK_PATHS = {
    "work_email_check": "/v1/people/linkedin/work_email_status",
    "personal_email_check": "/v1/people/linkedin/personal_email_status",
    "phone_check": "/v1/people/linkedin/phone_status",
}


def stats(period: str = "") -> Request:
    """The usage report of a month as YYYY-MM, or of the current one."""
    return Request("GET", STATS_PATH, params={"period": period} if period else {})


def job(operation: Operation, job_id: str) -> Request:
    """The state and result of a launched job."""
    base = VERIFY_JOBS if operation.name == "verify_bulk" else CONTACT_JOBS
    return Request("GET", f"{base}/{{job}}", args={"job": job_id})


def build(operation: Operation, lookups: Sequence[Lookup], v2_email_type: bool) -> Request:
    """The request for a direct question, or for the launch of a job.

    Raises:
        ValueError: more lookups than the operation takes, or keys of a kind that it does not accept.
    """
    if len(lookups) > operation.batch:
        raise ValueError(f"{operation.name} takes {operation.batch} lookups, not {len(lookups)}")
    if any(lookup.key.kind not in operation.accepts for lookup in lookups):
        raise ValueError(f"{operation.name} does not accept this kind of key")
    keys = [lookup.key for lookup in lookups]
    if operation.name in _BATCHES:
        return _BATCHES[operation.name](keys, v2_email_type)
    return _singles(operation.name, keys[0])


def _singles(name: str, key: Key) -> Request:
    if name in _CHECK_PATHS:
        return Request("GET", _CHECK_PATHS[name], params={"profile": key["url"]})
    if name in CONTACT:
        return _contact(name, key)
    if name in PERSON:
        include = [field.value for field in PERSON[name]]
        return _post("/v1/people/enrich", _who(key) | ({"include": include} if include else {}))
    return _OTHERS[name](key)


def _contact(name: str, key: Key) -> Request:
    switches = CONTACT[name]
    params = {"profile": key["url"]}
    if switches.email_type:
        params["email_type"] = switches.email_type
    if switches.phone:
        params["include_phone"] = "true"
    return Request("GET", "/v1/people/linkedin", params=params)


def _who(key: Key) -> dict[str, object]:
    match key.kind:
        case KeyKind.LINKEDIN_URL:
            return {"linkedin_url": key["url"]}
        case KeyKind.EMAIL:
            return {"email": key["email"]}
        case KeyKind.PHONE:
            return {"phone": key["phone"]}
        case KeyKind.NAME_DOMAIN:
            return _names(key) | {"company_domain": [bare_domain(key["domain"])]}
        case _:
            return _names(key) | {"company": [key["company"]]}


def _names(key: Key) -> dict[str, object]:
    if full := key.get("full_name"):
        return {"full_name": full}
    return {"first_name": key.get("first_name"), "last_name": key.get("last_name")}


def _narrow(key: Key) -> dict[str, object]:
    name = key.get("full_name") or f"{key.get('first_name')} {key.get('last_name')}".strip()
    if key.kind is KeyKind.NAME_DOMAIN:
        return {"name": name, "domain": [bare_domain(key["domain"])]}
    return {"name": name, "company": [key["company"]]}


def _decision_makers(key: Key) -> Request:
    asked = {
        KeyKind.DOMAIN: ("domain", bare_domain(key.get("domain"))),
        KeyKind.COMPANY_NAME: ("name", key.get("company_name")),
        KeyKind.COMPANY_LINKEDIN_URL: ("linkedin_url", key.get("company_linkedin_url")),
    }
    name, value = asked[key.kind]
    return Request("GET", "/v1/people/decision-makers", params={name: value, "reveal_info": "false"})


def _post(path: str, body: Mapping[str, object], callback_key: str = "") -> Request:
    return Request("POST", path, json=dict(body), callback_key=callback_key)


def _get(path: str, **params: str) -> Request:
    return Request("GET", path, params=params)


def _bulk(keys: Sequence[Key], v2_email_type: bool, phone: bool) -> Request:
    body: dict[str, object] = {"profiles": _distinct(key["url"] for key in keys), "include_phone": phone}
    if v2_email_type:
        body["email_type"] = "personal,work"
    return _post(CONTACT_JOBS, body, "callback_url")


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


_OTHERS: Mapping[str, Callable[[Key], Request]] = MappingProxyType(
    {
        "profile": lambda key: _get("/v1/linkedin/enrich", profile=key["url"], profile_only="true"),
        "profile_full": lambda key: _get("/v1/linkedin/enrich", profile=key["url"]),
        "email_profile": lambda key: _get("/v1/email/enrich", email=key["email"]),
        "email_profile_work": lambda key: _get("/v1/email/enrich", email=key["email"], include="work_email"),
        "email_to_linkedin": lambda key: _get("/v1/people/person", email=key["email"]),
        "count": lambda key: _post("/v1/people/count", _narrow(key)),
        "search": lambda key: _post("/v1/people/search", _narrow(key) | {"reveal_info": False}),
        "company_search": lambda key: _post("/v1/company/search", {"name": [key["company_name"]]}),
        "decision_makers": _decision_makers,
        "verify": lambda key: _get("/v1/email/verify", email=key["email"]),
    }
)
_BATCHES: Mapping[str, Callable[[Sequence[Key], bool], Request]] = MappingProxyType(
    {
        "company": lambda keys, _: _post(
            "/v1/domain/enrich", {"domains": _distinct(bare_domain(key["domain"]) for key in keys)}
        ),
        "emails_bulk": lambda keys, _: _post(
            "/v1/people/linkedin/batch", {"profiles": _distinct(key["url"] for key in keys)}
        ),
        "contact_bulk": lambda keys, email_type: _bulk(keys, email_type, phone=False),
        "contact_bulk_phone": lambda keys, email_type: _bulk(keys, email_type, phone=True),
        "verify_bulk": lambda keys, _: _post(
            VERIFY_JOBS, {"emails": _distinct(key["email"] for key in keys)}, "callback_url"
        ),
    }
)
