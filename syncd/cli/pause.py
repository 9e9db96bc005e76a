"""`syncd pause`: stop, until told otherwise."""

from __future__ import annotations

import click

from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading
from syncd.cli.scopes import scope_of


@click.command("pause")
@click.argument("scope", default="all")
@click.option("--reason", default="paused by hand", show_default=True, help="Shown by status and explain.")
@common
def command(scope: str, reason: str) -> None:
    """Stop SCOPE (all, a sync, a CRM or a provider) from the next step on; what was paid for is finished.

    It holds for a running syncd too, and across restarts.
    """
    from syncd.store import runs

    run = invocation()
    settings = run.settings()
    place = scope_of(settings, scope)
    with reading(settings) as store, store.write() as connection:
        runs.halt(connection, place, "pause", reason)
        runs.record(connection, "operator", "pause", subject=place, reason=reason)
    if run.json:
        run.answer({"paused": place, "reason": reason})
    else:
        click.echo(f"{place} is paused. `syncd resume {place}` lets it go on.")
