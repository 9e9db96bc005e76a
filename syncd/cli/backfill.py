"""`syncd backfill`: everything in scope, once, after an estimate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from syncd.cli import plan
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.once import chosen, conclude
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.cycle import Outcome
    from syncd.runtime import Runtime


@click.command("backfill")
@click.option("--sync", "sync", required=True, metavar="NAME", help="The sync whose contacts are taken in.")
@click.option("--yes", is_flag=True, help="Spend without asking.")
@click.option("--limit", type=click.IntRange(min=1), help="Take in about this many contacts at most.")
@common
def command(sync: str, yes: bool, limit: int | None) -> None:
    """Take in all contacts in scope, old ones too, show what it would cost, and go on when told to.

    It may be interrupted at any moment; the same command goes on where it stopped.
    """
    settings = invocation().settings()
    names = chosen(settings, [sync])
    if settings.mode.value == "live" and not yes and not sys.stdin.isatty():
        raise Stop(
            "backfill asks before it spends and there is no terminal to ask at; add --yes.", Exit.USAGE
        )
    with working(settings) as runtime:
        outcome = _carry_out(settings, runtime, names, yes, limit)
    conclude(outcome, settings)


def _carry_out(
    settings: Settings, runtime: Runtime, names: list[str], yes: bool, limit: int | None
) -> Outcome:
    from syncd.cycle import Cycle, Orders

    orders = Orders(names, kind="backfill", everything=True, limit=limit, spend=False)
    pulled = Cycle(runtime, orders).run()
    if pulled.code in (Exit.UPSTREAM, Exit.PERSON) or runtime.stop.is_set():
        return pulled
    if settings.mode.value != "live":
        plan.tell(plan.estimate(runtime, names, pulled.advice))
        return pulled
    if not yes:
        for account in runtime.providers.values():
            runtime.standing.fresh(account)
        plan.tell(plan.estimate(runtime, names, pulled.advice))
        if not click.confirm("Go on and spend?", err=True):
            raise click.exceptions.Exit(Exit.DONE)
    return Cycle(runtime, Orders(names, kind="backfill")).run()
