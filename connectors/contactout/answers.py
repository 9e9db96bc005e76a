"""Direct answers as outcomes, one reader per form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from connectors.contactout import companies
from connectors.contactout.charges import charged_once, due
from connectors.contactout.failures import effective_status
from connectors.contactout.jobs import handle_of
from connectors.contactout.operations import NARROW, OPERATIONS
from connectors.contactout.people import contacts, person, status_quality
from connectors.contactout.samples import refuse_samples
from connectors.contactout.shapes import envelope, reshaped, snake, table, text, texts
from connectors.contactout.switches import CONTACT, PERSON
from connectors.contactout.verdicts import verdict
from syncd.connector import Answer, Failure, Mode, Operation
from syncd.model import (
    Candidate,
    Charge,
    Field,
    Found,
    Identity,
    Lookup,
    NotFound,
    Outcome,
    Pending,
    Quality,
    Unresolved,
    Value,
    linkedin_profile,
)

_UNSORTED: Mapping[str, Field] = MappingProxyType(
    {
        "contact_work": Field.WORK_EMAIL,
        "contact_work_phone": Field.WORK_EMAIL,
        "contact_personal": Field.PERSONAL_EMAIL,
        "contact_personal_phone": Field.PERSONAL_EMAIL,
        "email_profile": Field.PERSONAL_EMAIL,
        "email_profile_work": Field.PERSONAL_EMAIL,
    }
)
"""Of which kind an address is that stands in the common list only: by what was asked for, and for the
look-up by address by the vendor's own definition of that field."""
_REACH = frozenset({"email", "work_email", "personal_email", "phone"})


def outcomes(operation: Operation, lookups: Sequence[Lookup], answer: Answer) -> list[Outcome]:
    """One outcome per lookup, in their order.

    Raises:
        Failure: of kind contract, for an answer in an unknown form; of kind config, for canned people.
    """
    body = envelope(answer)
    if effective_status(answer) == 404:
        return [NotFound(due(operation, 0)) for _ in lookups]
    refuse_samples(body, lookups)
    return _READERS[operation.name](operation, lookups, body)


def _declared(candidate: Candidate, operation: Operation) -> Candidate:
    return replace(candidate, values=tuple(v for v in candidate.values if v.field in operation.returns))


def _profile(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """A person in full: linkedin/enrich, email/enrich, people/enrich."""
    raw = table(body.get("profile"), "profile")
    if not raw:
        return [NotFound(due(operation, 0))]
    if not snake(raw).keys() & {"url", "linkedin_url", "full_name"}:
        raise reshaped("profile")
    asked = lookups[0].key.get("email")
    candidate, reach = person(raw, asked=asked, unsorted=_UNSORTED.get(operation.name))
    return [Found((_declared(candidate, operation),), due(operation, 1, reach))]


def _contact(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """Contact data alone. The answer has no name: the profile is the only identity."""
    raw = table(body.get("profile"), "profile")
    if not raw:
        return [NotFound()]
    said = snake(raw)
    if not said.keys() & _REACH:
        raise reshaped("profile")
    reach = contacts(raw, unsorted=_UNSORTED.get(operation.name))
    who = Identity(linkedin_url=linkedin_profile(text(said.get("url"))), emails=reach.emails)
    candidate = _declared(Candidate(values=reach.values, identity=who), operation)
    charge = due(operation, 1, reach)
    return [Found((candidate,), charge) if candidate.values else NotFound(charge)]


def _link(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    raw = snake(table(body.get("profile"), "profile"))
    named = [text(raw[name]) for name in ("linkedin", "linkedin_url") if name in raw]
    if raw and not named:
        raise reshaped("profile")
    said = next(filter(None, named), "")
    if not said:
        return [NotFound()]
    url = linkedin_profile(said)
    if not url:
        raise reshaped("profile URL")
    who = Identity(linkedin_url=url, emails=texts(raw.get("email"), "e-mail"))
    return [Found((Candidate(values=(Value(Field.LINKEDIN_URL, url),), identity=who),), due(operation, 1))]


def _check(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """What a free checker says. No work e-mail means only that none is stored.

    The look-up of work e-mails goes on to find one in real time, and a miss costs nothing, so nothing is
    said about its availability then.
    """
    raw = snake(table(body.get("profile"), "profile"))
    if not raw:
        return [NotFound()]
    (field,) = operation.gates
    held = raw.get("phone" if field is Field.PHONE else "email")
    if not isinstance(held, bool):
        raise reshaped("availability")
    quality = status_quality(raw.get("email_status")) if held else Quality.UNKNOWN
    graded = {field: quality} if quality is not Quality.UNKNOWN else {}
    told = {} if field is Field.WORK_EMAIL and not held else {field: held}
    candidate = Candidate(available=MappingProxyType(told), graded=MappingProxyType(graded))
    return [Found((candidate,), Charge.none())]


def _count(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """Available means: so few people match that the search can name the one who is meant."""
    total = body.get("total_results")
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise reshaped("count")
    available = MappingProxyType({Field.LINKEDIN_URL: 1 <= total <= NARROW})
    return [Found((Candidate(available=available),), Charge.none())]


def _rows(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """Every row of a search, in the vendor's order. Its total is not to be trusted: rows are counted."""
    rows = table(body.get("profiles"), "profiles")
    if not rows:
        return [NotFound()]
    people = [person(table(raw, "profile"), url=str(url))[0] for url, raw in rows.items()]
    return [Found(tuple(_declared(one, operation) for one in people), due(operation, len(people)))]


def _verify(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    found = verdict(table(body.get("data"), "data").get("status"), lookups[0].key["email"])
    if found is None:
        raise reshaped("verdict")
    return [found]


def _emails(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    """Lists of addresses by profile, in any order and under any spelling of the profile's URL."""
    lists = table(body.get("profiles"), "profiles")
    by_url = {linkedin_profile(str(url)): addresses for url, addresses in lists.items()}
    answers: list[Outcome] = []
    for lookup in lookups:
        url = lookup.key["url"]
        try:
            reach = contacts({"email": by_url[url]})
        except (KeyError, Failure):
            answers.append(Unresolved("the answer says nothing about this profile that can be read"))
            continue
        who = Identity(linkedin_url=url, emails=reach.emails)
        found = Found((Candidate(values=reach.values, identity=who),), due(operation, 1, reach))
        answers.append(found if reach.values else NotFound())
    return charged_once(lookups, answers)


def _launch(operation: Operation, lookups: Sequence[Lookup], body: Mapping[str, object]) -> list[Outcome]:
    handle = handle_of(body)
    return [Pending(handle) for _ in lookups]


Reader = Callable[[Operation, Sequence[Lookup], Mapping[str, object]], list[Outcome]]
_READERS: Mapping[str, Reader] = MappingProxyType(
    {
        **dict.fromkeys(PERSON, _profile),
        **dict.fromkeys(("profile", "profile_full", "email_profile", "email_profile_work"), _profile),
        **dict.fromkeys(CONTACT, _contact),
        **dict.fromkeys(("work_email_check", "personal_email_check", "phone_check"), _check),
        **dict.fromkeys(("search", "decision_makers"), _rows),
        **{operation.name: _launch for operation in OPERATIONS if operation.mode is Mode.JOB},
        "email_to_linkedin": _link,
        "count": _count,
        "verify": _verify,
        "emails_bulk": _emails,
        "company": lambda _, lookups, body: companies.by_domain(lookups, body),
        "company_search": lambda _, lookups, body: companies.by_name(lookups, body),
    }
)
