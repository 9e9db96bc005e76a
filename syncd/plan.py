"""What a contact needs and by what it can be asked for. Pure: values in, values out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from syncd.domain import employer, registered
from syncd.model import (
    COMPANY_FIELDS,
    Author,
    AuthorKind,
    Contact,
    Field,
    FieldPolicy,
    Key,
    KeyKind,
    LastWrite,
    Persona,
    Quality,
    Scalar,
    SyncPolicy,
    WriteMode,
    email_address,
    linkedin_profile,
)
from syncd.phone import e164, region_of


@dataclass(frozen=True, slots=True)
class Need:
    """One field that is wanted. `accept` None takes anything that is neither risky nor invalid."""

    field: Field
    accept: Quality | None
    accounts: tuple[str, ...]
    of_person: bool = False
    """Whether an answer about the employer alone cannot fill it: its group is written from one answer."""

    def takes(self, quality: Quality) -> bool:
        """Whether a value of this quality ends the search."""
        return quality.satisfies(self.accept) if self.accept else quality.rank > Quality.RISKY.rank


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is wanted of a contact, or why nothing is.

    `kept` says, per field that is not wanted, why: present, human, fresh, other, undone.
    """

    needs: tuple[Need, ...]
    keys: tuple[Key, ...]
    persona: Persona
    kept: Mapping[Field, str]
    skip: str = ""
    staying: Mapping[Field, str] = field(default_factory=dict)
    """What the fields of a group that are not wanted hold: the others of the group have to go with it."""


def assess(
    contact: Contact,
    policy: SyncPolicy,
    written: Mapping[str, LastWrite],
    our_source: str,
    now: datetime,
) -> Assessment:
    """Needs and keys of a freshly read contact. `written` is what we last wrote, by property."""
    fields = contact.fields or {}
    persona = persona_of(fields, policy.match)
    keys = keys_of(persona)
    skip = next((f"skip rule on {c.property}" for c in policy.skip if c.holds(fields)), "")
    if not skip and suppressed(persona, policy.suppress):
        skip = "on the suppression list"
    wanting: list[FieldPolicy] = []
    kept: dict[Field, str] = {}
    for wanted in policy.fields:
        why = why_kept(wanted, fields, contact.authors, written.get(wanted.to), our_source, now)
        if why:
            kept[wanted.field] = why
        else:
            wanting.append(wanted)
    needs = [Need(w.field, w.accept, w.accounts, _is_of_person(w, policy, kept)) for w in wanting]
    if not skip and needs and not keys:
        skip = "no key to ask by"
    staying = {w.field: text_of(fields.get(w.to)) for w in policy.fields if w.group and w.field in kept}
    return Assessment(tuple(needs), keys, persona, kept, skip, staying)


def _is_of_person(wanted: FieldPolicy, policy: SyncPolicy, kept: Mapping[Field, str]) -> bool:
    """Whether other fields of the group have to come with it, of which an employer's answer says nothing."""
    group = [f.field for f in policy.fields if f.group and f.group == wanted.group]
    return any(kept.get(f) != "present" for f in group if f not in COMPANY_FIELDS)


def why_kept(
    wanted: FieldPolicy,
    fields: Mapping[str, Scalar],
    authors: Mapping[str, Author],
    last: LastWrite | None,
    our_source: str,
    now: datetime,
) -> str:
    """Why a property must stay as it is, or "" where a better value may be written.

    human: a person wrote it last, blank or not. other: someone who may not be overwritten wrote it.
    undone: an operator took our value back.
    present: it is filled and only blanks are. fresh: our own value is not old enough to be replaced.
    """
    value = text_of(fields.get(wanted.to))
    author = authors.get(wanted.to)
    if last is not None and last.undone and equal_text(value, last.value):
        return "undone"
    ours = is_ours(value, author, last, our_source)
    if author is not None and author.kind is AuthorKind.PERSON and not ours and wanted.protect_humans:
        return "human"
    if not value:
        return ""
    match wanted.write:
        case WriteMode.FILL:
            return "present"
        case WriteMode.PROPOSE:
            return ""
        case WriteMode.REFRESH if not ours:
            return "other"
        case WriteMode.OVERWRITE if not ours and not _may_overwrite(author, wanted):
            return "other"
    return "fresh" if ours and not _stale(last, wanted, now) else ""


def _may_overwrite(author: Author | None, wanted: FieldPolicy) -> bool:
    """An unknown author might be a person."""
    known = author is not None and author.kind is not AuthorKind.UNKNOWN
    return known or not wanted.protect_humans


def _stale(last: LastWrite | None, wanted: FieldPolicy, now: datetime) -> bool:
    if wanted.stale_after_s is None or last is None:
        return False
    return (now - last.at).total_seconds() >= wanted.stale_after_s


def is_ours(value: str, author: Author | None, last: LastWrite | None, our_source: str) -> bool:
    """Whether a property holds what we wrote and nobody touched it since.

    Where the CRM names the author, the author decides; otherwise the value we last wrote does.
    """
    if last is None or last.undone or not equal_text(value, last.value):
        return False
    if author is None or author.kind is AuthorKind.UNKNOWN:
        return True
    return author.kind is AuthorKind.INTEGRATION and author.source == our_source if our_source else False


def equal_text(one: str, other: str) -> bool:
    """Whether two stored texts are the same but for case and outer blanks (CRMs change both)."""
    return one.strip().casefold() == other.strip().casefold()


def text_of(value: Scalar) -> str:
    """A property as text; blanks of any kind are nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).replace("\u00a0", " ").strip()


def persona_of(fields: Mapping[str, Scalar], match: Mapping[str, str]) -> Persona:
    """Whom the record means, by the configured properties."""
    return _persona(*(text_of(fields.get(match[name])) if name in match else "" for name in _NAMED))


# In the order in which `_persona` takes them.
_NAMED = (
    "first_name",
    "last_name",
    "full_name",
    "job_title",
    "company_name",
    "company_domain",
    "location",
    "country",
    "email",
    "linkedin_url",
    "phone",
)


@lru_cache(1024)
def _persona(
    first: str,
    last: str,
    full: str,
    title: str,
    company: str,
    domain: str,
    location: str,
    country: str,
    email: str,
    profile: str,
    phone: str,
) -> Persona:
    """Kept, because a record is looked at when it is read, asked about, and written."""
    address, region = email_address(email), region_of(country)
    return Persona(
        full_name=full or f"{first} {last}".strip(),
        first_name=first,
        last_name=last,
        title=title,
        employer=company,
        employer_domain=employer(domain) or employer(address),
        location=location or country,
        region=region,
        email=address,
        linkedin_url=linkedin_profile(profile),
        phone=e164(phone, region),
    )


@lru_cache(1024)
def keys_of(persona: Persona) -> tuple[Key, ...]:
    """Every key that the CRM's own data gives, strongest first."""
    keys = [Key.linkedin(persona.linkedin_url), Key.email(persona.email)]
    named = bool(persona.last_name and persona.first_name) or " " in persona.full_name
    if named:
        name = {
            "full_name": persona.full_name,
            "first_name": persona.first_name,
            "last_name": persona.last_name,
        }
        if persona.employer_domain:
            keys.append(Key(KeyKind.NAME_DOMAIN, name | {"domain": persona.employer_domain}))
        if persona.employer:
            keys.append(Key(KeyKind.NAME_COMPANY, name | {"company": persona.employer}))
    if persona.phone:
        keys.append(Key.single(KeyKind.PHONE, persona.phone))
    if persona.employer_domain:
        keys.append(Key.single(KeyKind.DOMAIN, persona.employer_domain))
    if persona.employer:
        keys.append(Key.single(KeyKind.COMPANY_NAME, persona.employer))
    return tuple(k for k in keys if k is not None)


def input_digest(fields: Mapping[str, Scalar], policy: SyncPolicy) -> str:
    """Equal exactly when nothing changed that a look-up depends on.

    Properties that we only write are left out, and so are modified dates: a CRM touches those for
    reasons of its own. What is wanted, and what the properties mean, is part of it in whatever order the
    configuration has it, so that a new mapping makes a contact new.
    """
    held = [f"{name}\x1f{text_of(fields.get(name)).casefold()}" for name in policy.inputs]
    return hashlib.blake2b("\x1e".join((policy.wishes, *held)).encode(), digest_size=16).hexdigest()


def in_scope(fields: Mapping[str, Scalar], policy: SyncPolicy) -> bool:
    """Whether every condition of the sync holds."""
    return all(clause.holds(fields) for clause in policy.where)


def suppressed(persona: Persona, listed: frozenset[str]) -> bool:
    """Whether the person is on the suppression list: by address, domain or profile."""
    if not listed:
        return False
    marks: Sequence[str] = (
        persona.email,
        persona.email.rpartition("@")[2],
        registered(persona.email),
        persona.employer_domain,
        persona.linkedin_url,
    )
    return any(mark and mark in listed for mark in marks)
