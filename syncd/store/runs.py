"""Runs, the state of each sync, accounts, halts and audit events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, delete, exists, func, literal, or_, select, update

from syncd.store import tables as t
from syncd.store.engine import Now


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Instants in microseconds; `report` as it was printed."""

    id: int
    kind: str
    scope: str
    started_us: int
    ended_us: int | None
    verdict: str
    report: dict[str, Any]


def start(connection: Connection, kind: str, scope: str, owner: str) -> int:
    """A new run's id."""
    made = connection.execute(
        t.run.insert().values(kind=kind, scope=scope, owner=owner, started_at=Now()).returning(t.run.c.id)
    )
    return int(made.scalar_one())


def end(connection: Connection, run_id: int, verdict: str, report: Mapping[str, Any]) -> None:
    """Close a run."""
    connection.execute(
        update(t.run)
        .where(t.run.c.id == run_id)
        .values(ended_at=Now(), verdict=verdict, report=orjson.dumps(report))
    )


def latest(connection: Connection, limit: int = 10, kinds: Sequence[str] = ()) -> list[Run]:
    """Runs, newest first."""
    query = select(t.run).order_by(t.run.c.id.desc()).limit(limit)
    rows = connection.execute(query.where(t.run.c.kind.in_(kinds)) if kinds else query)
    return [_run(row) for row in rows]


def verdicts(connection: Connection) -> list[tuple[list[str], str, int]]:
    """(syncs, verdict, count) of the runs that have ended."""
    rows = connection.execute(
        select(t.run.c.scope, t.run.c.verdict, func.count())
        .where(t.run.c.ended_at.is_not(None))
        .group_by(t.run.c.scope, t.run.c.verdict)
    )
    return [(scope.split(",") if scope else [], verdict, int(n)) for scope, verdict, n in rows]


def get(connection: Connection, run_id: int) -> Run | None:
    """One run."""
    row = connection.execute(select(t.run).where(t.run.c.id == run_id)).one_or_none()
    return _run(row) if row else None


def _run(row: Any) -> Run:
    report = orjson.loads(row.report) if row.report else {}
    return Run(row.id, row.kind, row.scope, row.started_at, row.ended_at, row.verdict, report)


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far a sync has read its CRM. Instants in microseconds, None before the first time.

    While a window or a scan is in progress its bounds and cursor are set.
    """

    sync: str
    watermark_us: int | None = None
    window_from_us: int | None = None
    window_until_us: int | None = None
    cursor: str | None = None
    scan_cursor: str | None = None
    scan_started_us: int | None = None
    policy_digest: str = ""
    last_run_us: int | None = None
    last_success_us: int | None = None
    census_us: int | None = None


def sync_state(connection: Connection, sync: str) -> SyncState:
    """The state of a sync; an empty one where it has never run."""
    row = connection.execute(select(t.sync_state).where(t.sync_state.c.sync == sync)).one_or_none()
    if row is None:
        return SyncState(sync)
    return SyncState(
        sync,
        row.watermark_at,
        row.window_from_at,
        row.window_until_at,
        row.cursor,
        row.scan_cursor,
        row.scan_started_at,
        row.policy_digest,
        row.last_run_at,
        row.last_success_at,
        row.census_at,
    )


def set_sync(connection: Connection, sync: str, **values: Any) -> None:
    """Change columns of a sync's state."""
    done = connection.execute(update(t.sync_state).where(t.sync_state.c.sync == sync).values(**values))
    if done.rowcount == 0:
        connection.execute(t.sync_state.insert().values(sync=sync, **values))


def lease_sync(connection: Connection, sync: str, owner: str, lease_us: int) -> bool:
    """Read a sync's CRM alone, or go on doing so; False while another worker does."""
    if connection.scalar(select(t.sync_state.c.sync).where(t.sync_state.c.sync == sync)) is None:
        connection.execute(t.sync_state.insert().values(sync=sync))
    s = t.sync_state.c
    return (
        connection.execute(
            update(t.sync_state)
            .where(s.sync == sync, or_(s.owner == owner, s.owner == "", s.lease_until < Now()))
            .values(owner=owner, lease_until=Now() + lease_us)
        ).rowcount
        == 1
    )


def free_syncs(connection: Connection, alive: str) -> None:
    """Whoever else was reading a CRM is dead; for a state that only one process can have open."""
    connection.execute(
        update(t.sync_state)
        .where(t.sync_state.c.owner != alive, t.sync_state.c.owner != "")
        .values(owner="", lease_until=0)
    )


def release_sync(connection: Connection, sync: str, owner: str) -> None:
    """Let others read the sync's CRM."""
    connection.execute(
        update(t.sync_state)
        .where(t.sync_state.c.sync == sync, t.sync_state.c.owner == owner)
        .values(owner="", lease_until=0)
    )


def account(connection: Connection, crm: str) -> tuple[str, str] | None:
    """(account id, our author source) of a CRM as first seen, or None."""
    row = connection.execute(select(t.crm_account).where(t.crm_account.c.crm == crm)).one_or_none()
    return (row.account_id, row.author_source) if row else None


def set_account(connection: Connection, crm: str, account_id: str, label: str) -> None:
    """Remember whose account a CRM is."""
    connection.execute(
        t.crm_account.insert().values(
            crm=crm, account_id=account_id, label=label, author_source="", first_seen_at=Now()
        )
    )


def set_author(connection: Connection, crm: str, source: str) -> None:
    """Remember by which source id the CRM names our own writes."""
    connection.execute(update(t.crm_account).where(t.crm_account.c.crm == crm).values(author_source=source))


@dataclass(frozen=True, slots=True)
class Halt:
    """Something that is stopped: `scope` is all, sync:NAME, crm:NAME, NAME (an account) or NAME/OPERATION."""

    scope: str
    kind: str
    reason: str
    since_us: int
    until_us: int | None


def brake_of(halt: Halt) -> str:
    """The name of the brake that halts something, or ""."""
    return halt.reason.partition(":")[0] if halt.kind == "brake" else ""


_HALTS = (
    select(t.halt).where(or_(t.halt.c.until_at.is_(None), t.halt.c.until_at > Now())).order_by(t.halt.c.scope)
)
_RECORD = t.audit.insert().values(at=Now())


def halts(connection: Connection) -> list[Halt]:
    """Every halt in force."""
    return [Halt(r.scope, r.kind, r.reason, r.since_at, r.until_at) for r in connection.execute(_HALTS).all()]


def halt(connection: Connection, scope: str, kind: str, reason: str, for_us: int | None = None) -> bool:
    """Stop a scope; True where it was not stopped before."""
    until = None if for_us is None else Now() + for_us
    fresh = connection.scalar(
        select(func.count()).where(
            t.halt.c.scope == scope, or_(t.halt.c.until_at.is_(None), t.halt.c.until_at > Now())
        )
    )
    connection.execute(delete(t.halt).where(t.halt.c.scope == scope))
    connection.execute(
        t.halt.insert().values(scope=scope, kind=kind, reason=reason, since_at=Now(), until_at=until)
    )
    return not fresh


def lift(connection: Connection, scope: str, kinds: Sequence[str] = ()) -> bool:
    """End a halt; False where there was none."""
    query = delete(t.halt).where(t.halt.c.scope == scope)
    return connection.execute(query.where(t.halt.c.kind.in_(kinds)) if kinds else query).rowcount > 0


def record(connection: Connection, actor: str, action: str, **values: Any) -> None:
    """One audit event. It holds ids and reasons, never a person's data."""
    connection.execute(t.audit.insert().values(at=Now(), actor=actor, action=action, **values))


def record_many(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Audit events, each with actor and action and the same further keys."""
    if rows:
        connection.execute(_RECORD, list(rows))


def events(
    connection: Connection,
    *,
    work_id: int | None = None,
    run_id: int | None = None,
    since: int = 0,
    limit: int = 1000,
) -> list[Any]:
    """Audit events in order, after the sequence number `since`."""
    query = select(t.audit).where(t.audit.c.seq > since).order_by(t.audit.c.seq).limit(limit)
    if work_id is not None:
        query = query.where(t.audit.c.work_id == work_id)
    if run_id is not None:
        query = query.where(t.audit.c.run_id == run_id)
    return list(connection.execute(query))


_CHANGE = ("crm", "object", "record_id", "property", "field", "before", "after", "account", "quality")


def trail(
    connection: Connection,
    *,
    run_id: int | None = None,
    work_ids: Sequence[int] | None = None,
    since: int = 0,
    limit: int = 1000,
    newest: bool = False,
) -> list[tuple[Any, dict[str, Any]]]:
    """Audit events, each with the change that it is about; blank parts of a change are None."""
    columns = [t.change.c[name].label(f"c_{name}") for name in _CHANGE]
    query = (
        select(t.audit, *columns)
        .outerjoin(t.change, t.change.c.id == t.audit.c.change_id)
        .where(t.audit.c.seq > since)
        .order_by(t.audit.c.seq.desc() if newest else t.audit.c.seq)
        .limit(limit)
    )
    if run_id is not None:
        query = query.where(t.audit.c.run_id == run_id)
    if work_ids is not None:
        query = query.where(t.audit.c.work_id.in_(work_ids))
    return [(row, {n: getattr(row, f"c_{n}") for n in _CHANGE}) for row in connection.execute(query)]


def get_meta(connection: Connection, key: str) -> str | None:
    """A single remembered text."""
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == key))


def set_meta(connection: Connection, key: str, value: str) -> None:
    """Remember a single text."""
    done = connection.execute(update(t.meta).where(t.meta.c.key == key).values(value=value))
    if done.rowcount == 0:
        connection.execute(t.meta.insert().values(key=key, value=value))


def drop_meta(connection: Connection, key: str) -> None:
    """Forget a single text."""
    connection.execute(delete(t.meta).where(t.meta.c.key == key))


def claim_meta(connection: Connection, key: str, value: str) -> bool:
    """Remember a single text unless one is remembered by this key already; whether it is this one."""
    absent = ~exists().where(t.meta.c.key == key)
    row = select(literal(key), literal(value)).where(absent)
    return connection.execute(t.meta.insert().from_select(["key", "value"], row)).rowcount == 1
