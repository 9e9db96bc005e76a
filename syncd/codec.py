"""The stored form of records and answers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson

from syncd.model import (
    Author,
    AuthorKind,
    Basis,
    Candidate,
    Charge,
    Contact,
    Field,
    Identity,
    Key,
    KeyKind,
    Quality,
    Value,
)

_IDENTITY = tuple(Identity.__dataclass_fields__)


def digest(salt: bytes, key: Key) -> str:
    """The keyed digest of a match key: equal for equal keys of one state, meaningless elsewhere."""
    return hashlib.blake2b(key.canonical.encode(), key=salt, digest_size=16).hexdigest()


def pack_contact(contact: Contact) -> bytes:
    """A record with the authors of its values."""
    authors = {
        name: [a.kind.value, a.source, a.at.isoformat() if a.at else None, a.value]
        for name, a in contact.authors.items()
    }
    return orjson.dumps({"v": contact.version, "f": contact.fields, "a": authors})


def unpack_contact(record_id: str, data: bytes | None) -> Contact:
    """The record as it was stored."""
    held = orjson.loads(data) if data else {}
    authors = {
        name: Author(AuthorKind(kind), source, datetime.fromisoformat(at) if at else None, value)
        for name, (kind, source, at, value) in held.get("a", {}).items()
    }
    return Contact(record_id, held.get("v"), None, held.get("f") or {}, authors)


def pack_candidates(candidates: Sequence[Candidate]) -> bytes:
    """Answers without what is blank."""
    return orjson.dumps([_candidate(c) for c in candidates])


def _candidate(c: Candidate) -> dict[str, Any]:
    identity = {n: v for n in _IDENTITY if (v := getattr(c.identity, n))}
    held = {
        "v": [
            [v.field.value, v.value, v.quality.value, v.as_of.isoformat() if v.as_of else None]
            for v in c.values
        ],
        "i": identity,
        "r": c.provider_ref,
        "s": c.similarity,
        "h": {f.value: has for f, has in c.available.items()},
        "g": {f.value: q.value for f, q in c.graded.items()},
        "c": c.about_company,
    }
    # A likeness of 0 is an answer; every other blank is none.
    return {k: v for k, v in held.items() if v is not None and (v or k == "s")}


def unpack_candidates(data: bytes | None) -> tuple[Candidate, ...]:
    """Answers as they were stored."""
    return tuple(_restored(held) for held in (orjson.loads(data) if data else []))


def _restored(held: Mapping[str, Any]) -> Candidate:
    identity: dict[str, Any] = {
        n: tuple(v) if isinstance(v, list) else v for n, v in held.get("i", {}).items()
    }
    values = tuple(
        Value(Field(f), v, Quality(q), datetime.fromisoformat(at) if at else None)
        for f, v, q, at in held.get("v", ())
    )
    return Candidate(
        values,
        Identity(**identity),
        held.get("r", ""),
        held.get("s"),
        {Field(f): bool(has) for f, has in held.get("h", {}).items()},
        {Field(f): Quality(q) for f, q in held.get("g", {}).items()},
        bool(held.get("c")),
    )


def unpack_key(kind: str, data: bytes | None) -> Key | None:
    """A match key, or None where it was erased."""
    return Key(KeyKind(kind), orjson.loads(data)) if data else None


def show_charge(charge: Charge) -> str:
    """A charge as text: `email 1, phone 1`, with how it is known."""
    amounts = ", ".join(f"{kind} {amount.normalize():f}" for kind, amount in sorted(charge.amounts.items()))
    return f"{amounts} ({charge.basis.value})" if amounts else ""


def add_charges(charges: Sequence[Charge]) -> Charge:
    """The sum of charges, by kind; known no better than the part that is known worst."""
    total: dict[str, Decimal] = {}
    bases = {charge.basis for charge in charges if charge.amounts or charge.basis is Basis.UNKNOWN}
    worst = (Basis.UNKNOWN, Basis.BY_RULE, Basis.REPORTED)
    basis = next((b for b in worst if b in bases), Basis.BY_RULE)
    for charge in charges:
        for kind, amount in charge.amounts.items():
            total[kind] = total.get(kind, Decimal(0)) + amount
    return Charge(total, basis)
