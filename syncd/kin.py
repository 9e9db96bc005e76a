"""Kin: which records are one person, which only share a name, and which nobody can tell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncd.codec import digest
from syncd.model import PHONE_FIELDS, STRONG_KEYS, Key, KeyKind, Persona, Scalar, SyncPolicy, fold
from syncd.phone import e164
from syncd.plan import text_of

NAMES = frozenset({KeyKind.NAME_DOMAIN, KeyKind.NAME_COMPANY})
LINKING = STRONG_KEYS | NAMES
"""Keys by which a record may turn out to be a person who is known from another record."""


class Kinship(StrEnum):
    """What two records are to each other."""

    SAME = "same"
    OTHER = "other"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Figure:
    """A record's person as the CRM describes them, with the keys that this gives."""

    persona: Persona
    keys: Sequence[Key]

    def shares_name(self, other: Figure) -> bool:
        """Whether name and employer are the same."""
        return any(k in other.keys for k in self.keys if k.kind in NAMES)


def kinship(one: Figure, other: Figure) -> Kinship:
    """Whether two records are one person.

    A shared profile or address decides, and so does a different one. Countries that differ tell two people
    apart; a shared name and domain is taken for one person; a shared name and company name is not enough,
    because namesakes work together more often than one thinks.
    """
    strong = [k for k in one.keys if k.kind in STRONG_KEYS]
    if any(k in other.keys for k in strong):
        return Kinship.SAME
    rivals = {k.kind for k in strong} & {k.kind for k in other.keys}
    regions = {r for r in (one.persona.region, other.persona.region) if r}
    if rivals or len(regions) > 1:
        return Kinship.OTHER
    domains = [k for k in one.keys if k.kind is KeyKind.NAME_DOMAIN]
    return Kinship.SAME if any(k in other.keys for k in domains) else Kinship.UNSURE


def marks(persona: Persona, keys: Sequence[Key], numbers: Iterable[str], salt: bytes) -> list[str]:
    """The digests by which a person is recognised in other records.

    They are of the strong keys, of the name with the employer, and of the name with each number.
    """
    return [digest(salt, k) for k in keys if k.kind in LINKING] + [called(persona, n, salt) for n in numbers]


def called(persona: Persona, number: str, salt: bytes) -> str:
    """The mark of somebody of this name who has this number. A number alone may be a whole company's."""
    named = {KeyKind.PHONE.value: number, "full_name": fold(persona.full_name)}
    return digest(salt, Key(KeyKind.PHONE, named))


def numbers_of(fields: Mapping[str, Scalar], policy: SyncPolicy, persona: Persona) -> set[str]:
    """The numbers that a record has for its person, as +…."""
    named = [fields.get(f.to) for f in policy.fields if f.field in PHONE_FIELDS]
    return {n for n in (persona.phone, *(e164(text_of(v), persona.region) for v in named)) if n}
