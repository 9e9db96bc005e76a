"""Saved plans: a forecast as a file, and the file as a mandate for one run.

The file names contacts by number and CRM record, and says nothing of people: what it was made from is in it
as a keyed digest, whose key never leaves the state. A seal by the same key tells whether it was touched.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from syncd.codec import unpack_contact
from syncd.config import Settings
from syncd.config.effective import effective
from syncd.desk import Desk
from syncd.forecast import Forecast, Outlook, forecast
from syncd.mandate import Mandate
from syncd.model import Scalar, SyncPolicy
from syncd.plan import input_digest, text_of
from syncd.runtime import Runtime
from syncd.store import plans, runs, work
from syncd.store.engine import MILLION

WHAT = "syncd plan"
SCHEMA_VERSION = 1
KEEP_S = 86_400.0
"""A plan is not carried out later than this."""
_AGAIN = "Nothing was spent or written; make a new plan."
_OURS = ("budgets", "limits")
"""What of a provider's configuration a plan does not depend on: it binds the run anyway."""


class Unreadable(Exception):
    """The file is no saved plan. The text is a sentence for the operator."""


class Stale(Exception):
    """The plan is not to be carried out any more. The text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Item:
    """One contact of a plan."""

    work_id: int
    sync: str
    record_id: str
    inputs: str
    questions: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Saved:
    """A plan as it was read, which holds for this state and configuration."""

    plan_id: str
    created_at: str
    syncs: tuple[str, ...]
    items: tuple[Item, ...]
    worst: Mapping[tuple[str, str], Decimal]
    expected: Mapping[tuple[str, str], Decimal]

    def mandate(self) -> Mandate:
        """What a run of it may do."""
        return Mandate({i.work_id: i.questions for i in self.items}, self.worst)


@dataclass
class Draft:
    """Collects what a forecast says of each contact."""

    runtime: Runtime
    _noted: list[tuple[dict[str, Any], set[tuple[str, str]]]] = field(default_factory=list)

    def forecast(self, syncs: Sequence[str]) -> Forecast:
        """The forecast; every contact of it is noted."""
        return forecast(self.runtime, syncs, self._note)

    def _note(self, desk: Desk, outlook: Outlook) -> None:
        row = desk.row
        item = {
            "contact": row.id,
            "sync": row.sync,
            "record": row.record_id,
            "inputs": stored_inputs(row, desk.policy, self.runtime.salt),
            "worst": _nested(outlook.worst),
            "expected": _nested(outlook.expected),
        }
        self._noted.append((item, outlook.questions))

    def save(self, path: Path, found: Forecast, syncs: Sequence[str]) -> str:
        """Write the plan, for nobody else to read; its id.

        Raises:
            OSError: the file cannot be written.
        """
        salt = self.runtime.salt
        with self.runtime.store.read() as connection:
            now_us, newest = work.now_us(connection), runs.latest(connection, 1)
        document: dict[str, Any] = {
            "what": WHAT,
            "schema_version": SCHEMA_VERSION,
            "created_at": datetime.fromtimestamp(now_us / MILLION, UTC).isoformat(timespec="microseconds"),
            "state": _mark("state", b"", salt),
            "run": newest[0].id if newest else 0,
            "syncs": {name: configured(self.runtime.settings, name) for name in syncs},
            "contacts": [
                {**item, "operations": [f"{a}/{o}" for a, o in sorted(questions)]}
                for item, questions in self._noted
            ],
            "worst": _nested(found.worst),
            "expected": _nested(found.expected),
        }
        document["plan_id"] = _mark("id", orjson.dumps(document), salt)[:16]
        document["seal"] = _seal(document, salt)
        _place(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return str(document["plan_id"])


def _place(path: Path, data: bytes) -> None:
    """The whole file or none; readable by its owner only from its first byte on."""
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(partial).unlink()
        raise


def load(path: Path, runtime: Runtime) -> Saved:
    """The plan in a file, once it is sure that it may be carried out.

    Raises:
        Unreadable: it is no plan, or not as it was written.
        Stale: its time has passed.
    """
    document = _read(path)
    if document.get("state") != _mark("state", b"", runtime.salt):
        raise Stale(f"{path} was made from another state than this one. {_AGAIN}")
    if document.get("seal") != _seal(document, runtime.salt):
        raise Unreadable(f"{path} is not as syncd wrote it. {_AGAIN}")
    saved = _saved(document)
    with runtime.store.read() as connection:
        now_us, newest = work.now_us(connection), runs.latest(connection, 1)
        used = plans.used_by(connection, saved.plan_id)
    age_s = now_us / MILLION - datetime.fromisoformat(saved.created_at).timestamp()
    if used is not None:
        raise Stale(f"{path} was carried out already, by run {used}. {_AGAIN}")
    if not -60 <= age_s <= KEEP_S:
        raise Stale(f"{path} was made on {saved.created_at[:16]}, and a plan holds for 24 hours. {_AGAIN}")
    if (newest[0].id if newest else 0) < document["run"]:
        raise Stale(f"{path} was made from a newer state: this one was restored since. {_AGAIN}")
    for name, before in document["syncs"].items():
        if name not in runtime.policies or configured(runtime.settings, name) != before:
            raise Stale(f"The configuration of {name} changed since {path} was made. {_AGAIN}")
    return saved


def _read(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}).") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("what") != WHAT:
        raise Unreadable(f"{path} is no plan; `syncd plan --out {path}` makes one.")
    if found.get("schema_version") != SCHEMA_VERSION:
        raise Unreadable(f"{path} was written by another version of syncd. {_AGAIN}")
    return found


def _saved(document: Mapping[str, Any]) -> Saved:
    """A document whose seal is whole is as we wrote it."""
    items = tuple(
        Item(
            c["contact"],
            c["sync"],
            c["record"],
            c["inputs"],
            frozenset((a, o) for a, _, o in (name.partition("/") for name in c["operations"])),
        )
        for c in document["contacts"]
    )
    worst, expected = _flat(document["worst"]), _flat(document["expected"])
    return Saved(
        document["plan_id"], document["created_at"], tuple(document["syncs"]), items, worst, expected
    )


def stored_inputs(row: work.Row, policy: SyncPolicy, salt: bytes) -> str:
    """The inputs of a contact as it is stored."""
    return inputs(unpack_contact(row.record_id, row.record).fields or {}, policy, salt)


def inputs(fields: Mapping[str, Scalar], policy: SyncPolicy, salt: bytes) -> str:
    """A digest of everything that a plan for a record depends on; it tells nobody what that is."""
    held = [input_digest(fields, policy), *(text_of(fields.get(name)) for name in policy.properties)]
    return _mark("inputs", "\x1f".join(held).encode(), salt)


def configured(settings: Settings, sync: str) -> str:
    """A digest of the configuration by which a sync reads, asks and writes."""
    whole = effective(settings)
    chosen = whole["syncs"][sync]
    names = settings.syncs[sync].accounts(settings.providers)
    providers = {
        name: {k: v for k, v in whole["providers"][name].items() if k not in _OURS} for name in names
    }
    held = [chosen, whole["crms"][settings.syncs[sync].crm], providers]
    return hashlib.blake2b(orjson.dumps(held, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def _seal(document: Mapping[str, Any], salt: bytes) -> str:
    bare = {k: v for k, v in document.items() if k != "seal"}
    return _mark("seal", orjson.dumps(bare, option=orjson.OPT_SORT_KEYS), salt)


def _mark(what: str, data: bytes, salt: bytes) -> str:
    return hashlib.blake2b(f"plan:{what}:".encode() + data, key=salt, digest_size=16).hexdigest()


def _nested(amounts: Mapping[tuple[str, str], Decimal]) -> dict[str, dict[str, str]]:
    """By account and kind, as text: a cap is not rounded."""
    found: dict[str, dict[str, str]] = {}
    for (account, kind), amount in sorted(amounts.items()):
        found.setdefault(account, {})[kind] = str(amount)
    return found


def _flat(nested: Mapping[str, Mapping[str, str]]) -> dict[tuple[str, str], Decimal]:
    return {(account, kind): Decimal(n) for account, kinds in nested.items() for kind, n in kinds.items()}
