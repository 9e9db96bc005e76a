"""`syncd resume`: let something go on."""

from __future__ import annotations

import click

from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading
from syncd.cli.scopes import scope_of


@click.command("resume")
@click.argument("scope", default="all")
@common
def command(scope: str) -> None:
    """Let SCOPE go on: a pause, a brake, or a stop after a refused credential ends."""
    from syncd.store import runs, work

    run = invocation()
    settings = run.settings()
    place = scope_of(settings, scope)
    with reading(settings) as store, store.write() as connection:
        lifted = runs.lift(connection, place)
        if lifted:
            work.wake_stopped(connection)
            runs.record(connection, "operator", "resume", subject=place)
        rest = [(h.scope, h.reason) for h in runs.halts(connection)]
    if run.json:
        run.answer(
            {"resumed": place if lifted else None, "stopped": [{"scope": s, "reason": r} for s, r in rest]}
        )
        return
    click.echo(f"{place} goes on." if lifted else f"{place} was not stopped.")
    for name, reason in rest:
        click.echo(f"  still stopped: {name} ({reason})")
