"""`syncd proposals`: values that wait for a person's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading, working

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from syncd.store.changes import Stored


_NAME_THEM = "name the ids that `syncd proposals` shows, or say --all"


@click.group("proposals", invoke_without_command=True)
@common
@click.pass_context
def command(context: click.Context) -> None:
    """List, accept or reject values of fields with `write: propose`."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@common
def list_(limit: int = 100) -> None:
    """What is proposed, and why."""
    from syncd.store import changes

    run = invocation()
    settings = run.settings()
    with reading(settings) as store, store.read() as connection:
        rows = changes.proposed(connection, list(settings.syncs), limit)
    if run.json:
        run.answer({"proposals": [_shown(r) for r in rows]})
        return
    telling.table(
        ("id", "contact", "property", "now", "proposed", "by"),
        [(r.id, r.record_id, r.property, r.before or "blank", r.after, r.account) for r in rows],
    )
    click.echo("`syncd proposals accept ID` writes one." if rows else "Nothing is proposed.")


@command.command("accept")
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Everything that is proposed.")
@common
def accept_(ids: Sequence[int], everything: bool) -> None:
    """Write proposals, each only where the CRM still holds what it was compared with."""
    from syncd.byhand import accept, make_ready, open_crms, summary

    run = invocation()
    settings = run.settings()
    if bool(ids) == everything:
        raise click.UsageError(_NAME_THEM)
    with working(settings) as runtime:
        make_ready(runtime, open_crms(runtime, ids))
        with runtime.store.read() as connection:
            wanted = _chosen(connection, list(settings.syncs), ids, everything)
        results, run_id = accept(runtime, wanted)
    told = summary(results)
    if run.json:
        run.answer(
            {"run_id": run_id, "accepted": told["undone"], "kept": told["kept"], "stayed": told["stayed"]}
        )
    else:
        click.echo(
            f"{told['undone']:,} written (run {run_id}), {told['kept']:,} stay, {told['failed']:,} failed."
        )
        for stayed in told["stayed"][:50]:
            click.echo(f"  {stayed['contact']} {stayed['property']}: {stayed['why']}")
    if told["failed"]:
        raise click.exceptions.Exit(Exit.PARTIAL)


@command.command("reject")
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Everything that is proposed.")
@common
def reject(ids: Sequence[int], everything: bool) -> None:
    """Drop proposals. The same value is not proposed again until the contact changes."""
    from syncd.store import changes, runs

    run = invocation()
    settings = run.settings()
    done = 0
    with reading(settings) as store, store.write() as connection:
        for row in _chosen(connection, list(settings.syncs), ids, everything):
            if changes.move(connection, row.id, ("proposed",), "refused", code="rejected by hand"):
                done += 1
                runs.record(
                    connection, "operator", "proposal.rejected", work_id=row.work_id, change_id=row.id
                )
    run.answer({"rejected": done}) if run.json else click.echo(f"{done:,} dropped.")


def _chosen(connection: Connection, syncs: list[str], ids: Sequence[int], everything: bool) -> list[Stored]:
    from syncd.store import changes

    if bool(ids) == everything:
        raise click.UsageError(_NAME_THEM)
    known = {r.id: r for r in changes.proposed(connection, syncs, 1_000_000)}
    missing = [i for i in ids if i not in known]
    if missing:
        raise click.UsageError(f"{missing[0]} is not a proposal that waits")
    return list(known.values()) if everything else [known[i] for i in dict.fromkeys(ids)]


def _shown(row: Stored) -> dict[str, object]:
    return {
        "id": row.id,
        "contact": row.record_id,
        "crm": row.crm,
        "field": row.field,
        "property": row.property,
        "before": row.before,
        "after": row.after,
        "provider": row.account,
        "quality": row.quality,
        "reason": row.reason,
    }
