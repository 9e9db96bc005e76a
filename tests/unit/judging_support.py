"""Contacts, answers and policies for the tests of the judging rooms, with sensible values for what a test leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import settings

from syncd.decide import Decision, Scene, decide
from syncd.model import (
    Author,
    AuthorKind,
    Candidate,
    Contact,
    Field,
    FieldInfo,
    FieldPolicy,
    Identity,
    LastWrite,
    Level,
    Quality,
    SyncPolicy,
    Value,
    Verdict,
)
from syncd.offers import Answered
from syncd.plan import persona_of

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
US = "4711"
"""The source by which the CRM names our own writes."""
PROFILE = "https://www.linkedin.com/in/mirela-vance"
MATCH = {
    "email": "email",
    "linkedin_url": "hs_linkedin_url",
    "first_name": "firstname",
    "last_name": "lastname",
    "company_name": "company",
    "company_domain": "domain",
    "country": "country",
}
PERSON = Author(AuthorKind.PERSON, "12", NOW - timedelta(days=3))
OURS = Author(AuthorKind.INTEGRATION, US)
OTHER = Author(AuthorKind.INTEGRATION, "99")
NOBODY = Author(AuthorKind.UNKNOWN)

modest = settings(max_examples=60, deadline=None, derandomize=True)
"""Few examples, the same ones in every run."""


def policy(*fields: FieldPolicy, **rest: object) -> SyncPolicy:
    """A sync that fills mobile phones, unless told otherwise."""
    chosen = fields or (rule(Field.MOBILE_PHONE, "mobilephone"),)
    given: dict[str, object] = {"match": MATCH, "accounts": ("alpha", "beta", "gamma")}
    return SyncPolicy("leads", "main", "contact", fields=chosen, **{**given, **rest})  # type: ignore[arg-type]  # any setting


def rule(field: Field, to: str, **rest: object) -> FieldPolicy:
    """A field's policy; every provider may be asked for it unless told otherwise."""
    given: dict[str, object] = {"accounts": ("alpha", "beta", "gamma")}
    return FieldPolicy(field, to, **{**given, **rest})  # type: ignore[arg-type]  # any setting


def record(authors: Mapping[str, Author] | None = None, **fields: object) -> Contact:
    """A record of Mirela Vance at Northbeam, with what is given added or replaced."""
    held: dict[str, object] = {
        "firstname": "Mirela",
        "lastname": "Vance",
        "company": "Northbeam",
        "domain": "northbeam.example",
        "email": "m.vance@northbeam.example",
        "country": "United Kingdom",
    }
    return Contact("7", "v1", None, {**held, **fields}, dict(authors or {}), authors_read=True)  # type: ignore[dict-item]  # scalars


def person(**rest: object) -> Identity:
    """Mirela Vance as a provider describes her."""
    given: dict[str, object] = {"full_name": "Mirela Vance", "employer": "Northbeam"}
    return Identity(**{**given, **rest})  # type: ignore[arg-type]  # any part


def value(field: Field, text: str, quality: Quality = Quality.LIKELY, as_of: datetime | None = None) -> Value:
    """One value of an answer."""
    return Value(field, text, quality, as_of)


def answer(
    *values: Value,
    account: str = "alpha",
    level: Level = Level.STRONG,
    identifiers: int = 2,
    lookup_id: int | None = None,
    at: datetime = NOW,
    operation: str = "person",
    **candidate: object,
) -> Answered:
    """A judged answer. Each account has a place in the waterfall and a lookup of its own."""
    order = ("alpha", "beta", "gamma").index(account)
    whole = Candidate(values, **{"identity": person(), **candidate})  # type: ignore[arg-type]  # any part
    verdict = Verdict(level, reason="name and employer agree", identifiers=identifiers)
    return Answered(
        account, operation, order + 1 if lookup_id is None else lookup_id, whole, verdict, order, at
    )


def everything_writable(wanted: SyncPolicy) -> dict[str, FieldInfo]:
    """A schema in which every mapped property takes any text."""
    return {f.to: FieldInfo(f.to, "string", writable=True) for f in wanted.fields}


def scene(
    contact: Contact, wanted: SyncPolicy, written: Mapping[str, LastWrite] | None = None, **rest: object
) -> Scene:
    """The moment of a decision."""
    persona = persona_of(contact.fields or {}, wanted.match)
    given: dict[str, object] = {"schema": everything_writable(wanted)}
    return Scene(
        contact,
        persona,
        wanted,
        written or {},
        our_source=US,
        now=NOW,
        **{**given, **rest},  # type: ignore[arg-type]  # any part
    )


def decided(
    contact: Contact,
    wanted: SyncPolicy,
    *answers: Answered,
    written: Mapping[str, LastWrite] | None = None,
    **rest: object,
) -> Decision:
    """What is decided for a record."""
    return decide(scene(contact, wanted, written, **rest), answers)


def writes(decision: Decision) -> dict[str, str]:
    """Property → text of what would be written."""
    return {c.property: c.after for c in decision.changes}
