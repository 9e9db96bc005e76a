"""What a bug report needs: versions, settings, counts and recent events, without secrets and without people."""

from __future__ import annotations

import io
import json
import platform
import re
import sqlite3
import tarfile
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from sqlalchemy import Connection, func, select

from syncd import __version__
from syncd.config import Settings
from syncd.config.effective import effective, yaml_text
from syncd.overview import budgets, iso, status
from syncd.secret import SecretMissing
from syncd.store import care, runs, schema
from syncd.store import tables as t
from syncd.store.engine import Store

RUNS = 20
EVENTS = 500
METRICS_S = 3.0
MASK = "***"
_PERSONAL = re.compile(
    r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|\+\d[\d ().-]{6,}\d|(?:https?://)?[\w.]*linkedin\.com/\S*", re.IGNORECASE
)
_QUIET = ("messages",)
"""Parts of a run's report that may repeat what a person wrote."""


def contents(store: Store, settings: Settings, now: datetime) -> dict[str, bytes]:
    """Every file of the bundle by its name, masked."""
    with store.read() as connection:
        found: dict[str, str] = {
            "about.json": _json(_about(connection, now)),
            "runs.json": _json([_run(run) for run in runs.latest(connection, RUNS)]),
            "counts.json": _json(_counts(connection)),
            "audit.jsonl": "".join(json.dumps(event) + "\n" for event in _events(connection)),
        }
    books = budgets(store, settings, now)
    found |= {
        "config.yaml": yaml_text(effective(settings)),
        "status.json": _json(_status(store, settings)),
        "budgets.json": _json({"budgets": books.kinds, "unknown": books.unknown}),
        "check.json": _json({"faults": care.faults(store)}),
        "metrics.txt": _metrics(settings),
    }
    masks = _secrets(settings)
    return {name: masked(content, masks).encode() for name, content in sorted(found.items())}


def archive(files: Mapping[str, bytes], folder: str, now: datetime) -> bytes:
    """The files below one folder as a tar.gz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def masked(content: str, secrets: list[str]) -> str:
    """The text without these credentials, and without what looks like an address, a number or a profile."""
    for secret in secrets:
        content = content.replace(secret, MASK).replace(json.dumps(secret)[1:-1], MASK)
    return _PERSONAL.sub(MASK, content)


def _secrets(settings: Settings) -> list[str]:
    """The longest first, so that none is left over in part. One that cannot be read is nowhere to be found."""
    found = []
    for _, secret in settings.secrets():
        try:
            found.append(secret.reveal())
        except SecretMissing:
            continue
    return sorted((s for s in found if len(s) >= 4), key=len, reverse=True)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _about(connection: Connection, now: datetime) -> dict[str, Any]:
    return {
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "syncd": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "database": connection.dialect.name,
        "schema": {"state": schema.current(connection), "release": schema.HEAD},
        "packages": _packages(),
    }


def _packages() -> dict[str, str]:
    """The versions of what syncd is made from, where they are installed."""
    try:
        names = {re.split(r"[\s;\[<>=!~]", r, maxsplit=1)[0] for r in requires("syncd") or ()}
    except PackageNotFoundError:
        names = {
            "alembic",
            "apscheduler",
            "httpx",
            "hubspot-api-client",
            "pydantic",
            "simple-salesforce",
            "sqlalchemy",
        }
    found = {}
    for name in sorted(names):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def _run(run: runs.Run) -> dict[str, Any]:
    report = {key: value for key, value in run.report.items() if key not in _QUIET}
    report["messages_left_out"] = len(run.report.get("messages", ()))
    return {
        "run_id": run.id,
        "kind": run.kind,
        "scope": run.scope,
        "started_at": iso(run.started_us),
        "ended_at": iso(run.ended_us),
        "verdict": run.verdict,
        "report": report,
    }


def _status(store: Store, settings: Settings) -> dict[str, Any]:
    """The status without what people wrote as the reason of a pause."""
    found = status(store, settings)
    for halt in found["halts"]:
        if halt["kind"] == "pause":
            halt["reason"] = "told by a person"
    return found


def _counts(connection: Connection) -> dict[str, Any]:
    def count(*columns: Any) -> list[list[Any]]:
        rows = connection.execute(select(*columns, func.count()).group_by(*columns).order_by(*columns))
        return [list(row) for row in rows]

    return {
        "rows": {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in t.metadata.sorted_tables
        },
        "contacts": count(t.work.c.sync, t.work.c.state),
        "lookups": count(t.lookup.c.account, t.lookup.c.operation, t.lookup.c.state, t.lookup.c.outcome),
        "calls": count(t.provider_call.c.account, t.provider_call.c.operation, t.provider_call.c.state),
        "changes": count(t.change.c.crm, t.change.c.field, t.change.c.state, t.change.c.code),
    }


def _events(connection: Connection) -> list[dict[str, Any]]:
    """The last audit events, the oldest first: ids, never values, and no words of a person."""
    rows = list(connection.execute(select(t.audit).order_by(t.audit.c.seq.desc()).limit(EVENTS)))
    return [
        {
            "seq": row.seq,
            "at": iso(row.at),
            "actor": row.actor,
            "action": row.action,
            "run_id": row.run_id,
            "contact": row.work_id,
            "change": row.change_id,
            "call": row.call_id,
            "reason": "" if row.actor == "operator" else row.reason,
        }
        for row in reversed(rows)
    ]


def _metrics(settings: Settings) -> str:
    """What the service shows at this moment."""
    listen = settings.http.listen
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{listen.port}/metrics", timeout=METRICS_S) as answer:
            return str(answer.read().decode(errors="replace"))
    except (OSError, ValueError):
        return "# the service does not answer at http.listen\n"
