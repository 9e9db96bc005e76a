"""`syncd audit`: who did what, when, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading

if TYPE_CHECKING:
    from syncd.store.engine import Store

PAGE = 1000


@click.group("audit", invoke_without_command=True)
@common
@click.pass_context
def command(context: click.Context) -> None:
    """Show or export the audit trail: every write with its before and after, every halt, every lost answer."""
    if context.invoked_subcommand is None:
        context.invoke(show)


@command.command("show")
@click.option("--run", "run_id", type=int, help="Only this run.")
@click.option("--contact", help="Only this contact: a record id, #N, an address or a profile URL.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest.")
@common
def show(run_id: int | None = None, contact: str | None = None, limit: int = 50) -> None:
    """The newest events."""
    run = invocation()
    with reading(run.settings()) as store:
        events = newest(store, run_id, contact, limit)
    if run.json:
        run.answer({"events": events})
        return
    for event in events:
        what = (
            f"{event['property']}: {event['before'] or 'blank'} → {event['after']}"
            if event["property"]
            else ""
        )
        parts = [event["subject"], what, event["reason"]]
        who = f"#{event['work_id']}" if event["work_id"] else ""
        click.echo(
            f"{event['seq']:>7} {event['at'][:19]} {event['actor']} {event['action']} {who} "
            + "; ".join(p for p in parts if p)
        )
    if not events:
        click.echo("Nothing has been recorded that fits.")


@command.command("export")
@click.option("--since", type=click.IntRange(min=0), default=0, help="Only events after this number.")
@common
def export(since: int) -> None:
    """Every event as JSON lines, oldest first, with what was written before and after."""
    with reading(invocation().settings()) as store:
        while True:
            with store.read() as connection:
                rows = _joined(connection, since=since, limit=PAGE)
            for row in rows:
                click.echo(json.dumps(row, ensure_ascii=False))
            if len(rows) < PAGE:
                return
            since = rows[-1]["seq"]


def newest(store: Store, run_id: int | None, contact: str | None, limit: int) -> list[dict[str, Any]]:
    """Events, newest first."""
    from syncd.cli.explain import rows_of

    ids = [r.id for r in rows_of(store, contact)] if contact else None
    with store.read() as connection:
        return _joined(connection, run_id=run_id, work_ids=ids, limit=limit, newest=True)


def _joined(connection: Any, **wanted: Any) -> list[dict[str, Any]]:
    from syncd.store import runs

    found = []
    for event, change in runs.trail(connection, **wanted):
        found.append(
            {
                "seq": event.seq,
                "at": telling.iso(event.at),
                "actor": event.actor,
                "action": event.action,
                "run_id": event.run_id,
                "work_id": event.work_id,
                "call_id": event.call_id,
                "subject": event.subject,
                "reason": event.reason,
                **change,
            }
        )
    return found
