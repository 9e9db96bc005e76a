"""`syncd forget`: erase a person."""

from __future__ import annotations

import sys

import click

from syncd.cli.exits import Exit
from syncd.cli.explain import rows_of
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading


@click.command("forget")
@click.argument("contact")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def command(contact: str, yes: bool) -> None:
    """Erase what the state holds of CONTACT: the record, answers, values. What was spent stays counted.

    The person is not looked up again, in no CRM and no sync. The CRM itself is not changed. An undo of
    their values is not possible afterwards.
    """
    from syncd.store import people, runs

    run = invocation()
    settings = run.settings()
    with reading(settings) as store:
        rows = rows_of(store, contact)
        if not yes:
            if run.json or not sys.stdin.isatty():
                raise Stop("forget cannot be taken back; add --yes.", Exit.USAGE)
            named = ", ".join(f"{r.crm} {r.record_id} ({r.sync})" for r in rows)
            click.confirm(f"Erase {named} for good?", err=True, abort=True)
        with store.write() as connection:
            counts = people.forget(connection, [r.id for r in rows], ())
            for row in rows:
                runs.record(connection, "operator", "contact.forgotten", work_id=row.id)
    if run.json:
        run.answer({"forgotten": counts})
    else:
        click.echo(
            f"Erased: {counts['contacts']} rows, {counts['answers']} answers, {counts['values']} values. "
            "They are not looked up again."
        )
