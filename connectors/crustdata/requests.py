"""One question as one request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from connectors.crustdata.asks import ASKS, ENRICH, TIERS
from connectors.crustdata.operations import CONTACTS, JOBS, SEARCH_ROWS
from connectors.crustdata.options import ConnectorOptions
from connectors.crustdata.shapes import bare_domain
from syncd.connector import Failure, FailureKind, Operation, Request, Scope
from syncd.model import Field, Key, KeyKind, Lookup

_LISTS: Mapping[KeyKind, tuple[str, str]] = {
    KeyKind.LINKEDIN_URL: ("professional_network_profile_urls", "url"),
    KeyKind.EMAIL: ("business_emails", "email"),
    KeyKind.DOMAIN: ("domains", "domain"),
    KeyKind.COMPANY_NAME: ("names", "company_name"),
    KeyKind.COMPANY_LINKEDIN_URL: ("professional_network_profile_urls", "company_linkedin_url"),
}
_NAME = "basic_profile.name"
_POSTS = "experience.employment_details.current"
_WORK = TIERS[Field.WORK_EMAIL][0]


def part(path: str, field: str) -> str:
    """The name under which a part of requests is remembered as denied: access is granted per endpoint."""
    return f"{path}:{field}"


def identifier(key: Key) -> str:
    """What is sent for a key, and comes back as what an answer is matched on."""
    said = key[_LISTS[key.kind][1]]
    return bare_domain(said) if key.kind is KeyKind.DOMAIN else said


def build(
    operation: Operation, lookups: Sequence[Lookup], options: ConnectorOptions, without: Collection[str]
) -> Request:
    """The request for a direct question, or for the launch of a job.

    Raises:
        ValueError: more lookups than the operation takes, or keys of a kind that it does not accept;
            what is sent in batches accepts one kind.
        Failure: of kind config, where the account has no access to what the operation is for.
    """
    if not 0 < len(lookups) <= operation.batch:
        raise ValueError(f"{operation.name} takes {operation.batch} lookups, not {len(lookups)}")
    if not {lookup.key.kind for lookup in lookups} <= operation.accepts:
        raise ValueError(f"{operation.name} does not accept these kinds of key")
    ask = ASKS[operation.name]
    fields = [field for field in ask.fields if part(ask.path, field) not in without]
    if ask.opens and not set(ask.opens) & set(fields):
        # Without its list of fields a request would ask, and pay, for everything.
        raise Failure(
            FailureKind.CONFIG,
            "the Crustdata account has no access to the fields of this operation",
            scope=Scope.OPERATION,
            charged=False,
        )
    if operation.name == "search":
        return Request("POST", ask.path, json=_search(lookups[0].key, fields))
    return _listed(operation, lookups, options, fields)


def _listed(
    operation: Operation, lookups: Sequence[Lookup], options: ConnectorOptions, fields: list[str]
) -> Request:
    kind = lookups[0].key.kind
    body: dict[str, object] = {_LISTS[kind][0]: distinct(identifier(lookup.key) for lookup in lookups)}
    if fields:
        body["fields"] = fields
    if kind is KeyKind.EMAIL:
        body["min_similarity_score"] = options.min_similarity_score
    if operation.name in CONTACTS and options.verified and _WORK in fields:
        body["verified"] = True
    if operation.name in ENRICH and kind is KeyKind.DOMAIN:
        # A domain is otherwise matched loosely, and every company that is returned is paid for.
        body["exact_match"] = True
    callback = "webhook_url" if operation.name in JOBS else ""
    return Request("POST", ASKS[operation.name].path, json=body, callback_key=callback)


def _search(key: Key, fields: list[str]) -> dict[str, object]:
    """People whose name holds the first and the last name, at present with the employer.

    The operator `(.)` means "contains", without regard to case; middle names and titles do not matter then.
    """
    if key.kind is KeyKind.NAME_DOMAIN:
        employer = _where(f"{_POSTS}.company_website_domain", "=", bare_domain(key["domain"]))
    else:
        # Filters say company_name where answers say name.
        employer = _where(f"{_POSTS}.company_name", "(.)", key["company"])
    words = key.get("full_name").split()
    ends = (key.get("first_name") or " ".join(words[:1]), key.get("last_name") or " ".join(words[-1:]))
    named = [_where(_NAME, "(.)", end) for end in distinct(filter(None, ends))]
    filters = {"op": "and", "conditions": [*named, employer]}
    return {"filters": filters, "limit": SEARCH_ROWS, "fields": fields}


def _where(field: str, operator: str, value: str) -> dict[str, str]:
    return {"field": field, "type": operator, "value": value}


def distinct(texts: Iterable[str]) -> list[str]:
    """The texts in their order, each once."""
    return list(dict.fromkeys(texts))
