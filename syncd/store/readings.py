"""What a vendor's figures prove about lost calls. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from syncd.store import tables as t
from syncd.store.figures import booked, last_call
from syncd.store.jobs import Lost

_ASSUMED = "%(unknown)"
"""How the text of a charge ends that nobody was told."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The one reading that two figures allow, in millionths: all of `calls` were charged, or none was."""

    kind: str
    charged: bool
    calls: frozenset[int]
    before: int
    now: int
    booked: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Base:
    """The newest figure before some lost calls, and how the newest of all differs from it."""

    calls: frozenset[int]
    before: int
    now: int
    booked: int
    unknown: int
    sure: bool
    """Whether our books are known never to be above what the vendor counts."""

    @property
    def beyond(self) -> int:
        """Credits gone beyond what is booked."""
        return self.before - self.now - self.booked


def reading(connection: Connection, account: str, kind: str, lost: Sequence[Lost]) -> Reading | None:
    """Whether the latest lost calls of a kind were charged; None where the figures allow both, or neither.

    Two figures are compared around which nothing of ours was under way. Calls count by their numbers, not
    by the clock.
    """
    base = base_of(connection, account, kind, lost)
    if base is None or not base.unknown or base.beyond not in (0, base.unknown):
        return None
    charged = base.beyond != 0
    # To give credits back needs more: a book above the vendor's would hide a charge.
    if not charged and not base.sure:
        return None
    return Reading(kind, charged, base.calls, base.before, base.now, base.booked, base.unknown)


def base_of(connection: Connection, account: str, kind: str, lost: Sequence[Lost]) -> Base | None:
    """What the latest lost calls of a kind are measured against."""
    newest = _newest(connection, account, kind)
    if newest is None or not newest.quiet or newest.last_call != last_call(connection):
        return None
    for before in _quiet_before(connection, newest):
        since = [c for c in lost if c.account == account and c.call_id > before.last_call]
        held = {c.call_id: c.worth[kind] for c in since if c.worth.get(kind)}
        if held:
            sure = before.drift >= 0 and not _assumed(connection, account, before.last_call)
            return Base(
                frozenset(held),
                before.remaining,
                newest.remaining,
                _booked(connection, account, kind, before.last_call),
                sum(held.values()),
                sure,
            )
    return None


def is_told(connection: Connection, account: str, kind: str) -> bool:
    """Whether a quiet figure was read since anything of the kind moved: another one would say the same."""
    newest = _newest(connection, account, kind)
    if newest is None or not newest.quiet:
        return False
    return booked(connection, account, kind) == (newest.our_spent, newest.our_unknown)


def has_base(connection: Connection, account: str, kind: str, lost: Sequence[Lost]) -> bool:
    """Whether a quiet figure was read before any of the lost calls of the kind left."""
    last = max((c.call_id for c in lost if c.account == account and c.worth.get(kind)), default=0)
    o = t.observation.c
    found = select(o.id).where(o.account == account, o.kind == kind, o.quiet.is_(True), o.last_call < last)
    return connection.scalar(found.limit(1)) is not None


def _newest(connection: Connection, account: str, kind: str) -> Any:
    o = t.observation.c
    query = select(t.observation).where(o.account == account, o.kind == kind).order_by(o.id.desc()).limit(1)
    return connection.execute(query).one_or_none()


def _quiet_before(connection: Connection, newest: Any) -> Iterator[Any]:
    """Quiet figures of the same period of the vendor, newest first."""
    o = t.observation.c
    yield from connection.execute(
        select(t.observation)
        .where(
            o.account == newest.account,
            o.kind == newest.kind,
            o.vendor_period == newest.vendor_period,
            o.quiet.is_(True),
            o.id < newest.id,
        )
        .order_by(o.id.desc())
        .limit(1000)
    ).all()


def _booked(connection: Connection, account: str, kind: str, after: int) -> int:
    """What was spent by the calls after this one, in millionths."""
    c = t.ledger.c
    query = select(func.sum(c.spent)).where(c.account == account, c.kind == kind, c.call_id > after)
    return int(connection.scalar(query) or 0)


def _assumed(connection: Connection, account: str, after: int) -> bool:
    """Whether any answer since was booked at its worst case because its charge was not told."""
    c = t.lookup.c
    query = select(c.id).where(c.account == account, c.call_id > after, c.charge.like(_ASSUMED)).limit(1)
    return connection.scalar(query) is not None
