"""`syncd dead`: contacts that failed for good, until a person has looked."""

from __future__ import annotations

from collections.abc import Sequence

import click

from syncd.cli import telling
from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading

STATES = ("dead", "review")


@click.group("dead", invoke_without_command=True)
@common
@click.pass_context
def command(context: click.Context) -> None:
    """List, retry or discard contacts that failed, and those that wait for a person's decision."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@common
def list_(limit: int = 100) -> None:
    """Who failed, and why."""
    from syncd.store import lists

    run = invocation()
    settings = run.settings()
    with reading(settings) as store, store.read() as connection:
        rows = lists.page(connection, STATES, list(settings.syncs), 0, limit)
        counts = lists.counts(connection, list(settings.syncs))
    total = sum(counts.get(state, 0) for state in STATES)
    if run.json:
        shown = [
            {
                "id": r.id,
                "contact": r.record_id,
                "sync": r.sync,
                "state": r.state,
                "reason": r.reason,
                "attempts": r.attempts,
                "since": telling.iso(r.changed_us),
            }
            for r in rows
        ]
        run.answer({"total": total, "contacts": shown})
        return
    telling.table(
        ("contact", "id", "sync", "state", "reason"),
        [(r.record_id, f"#{r.id}", r.sync, r.state, r.reason) for r in rows],
    )
    more = f" ({total - len(rows):,} more)" if total > len(rows) else ""
    click.echo(
        f"{total:,} in all{more}. `syncd explain CONTACT` tells why, `syncd dead retry` tries again."
        if total
        else "Nobody failed."
    )


@command.command("retry")
@click.argument("contacts", nargs=-1, metavar="[CONTACT]...")
@click.option("--all", "everyone", is_flag=True, help="Everybody who failed.")
@common
def retry(contacts: Sequence[str], everyone: bool) -> None:
    """Put contacts back at the start of the line; answers that were paid for are used again."""
    _move(contacts, everyone, discard=False, reason="")


@command.command("discard")
@click.argument("contacts", nargs=-1, metavar="[CONTACT]...")
@click.option("--all", "everyone", is_flag=True, help="Everybody who failed.")
@click.option("--reason", required=True, help="Kept in the audit trail.")
@common
def discard(contacts: Sequence[str], everyone: bool, reason: str) -> None:
    """Leave contacts alone until they change in the CRM."""
    _move(contacts, everyone, discard=True, reason=reason)


def _move(contacts: Sequence[str], everyone: bool, discard: bool, reason: str) -> None:
    from syncd.cli.explain import rows_of
    from syncd.store import changes, lists, runs, work

    if bool(contacts) == everyone:
        raise click.UsageError("name the contacts, or say --all")
    run = invocation()
    settings = run.settings()
    done = 0
    with reading(settings) as store:
        wanted = [r.id for text in contacts for r in rows_of(store, text)]
        with store.write() as connection:
            ids = lists.ids_of(connection, STATES, list(settings.syncs)) if everyone else wanted
            for work_id in ids:
                moved = (
                    work.discard(connection, work_id, STATES, f"discarded: {reason}")
                    if discard
                    else work.retry(connection, work_id, STATES)
                )
                if moved:
                    done += 1
                    if not discard:
                        changes.give_another_chance(connection, work_id)
                    word = "contact.discarded" if discard else "contact.retried"
                    runs.record(connection, "operator", word, work_id=work_id, reason=reason)
    if run.json:
        run.answer({"discarded" if discard else "retried": done, "not_failed": len(ids) - done})
    else:
        word = "left alone" if discard else "back in line; the next cycle takes them up"
        click.echo(f"{done:,} {word}.")
