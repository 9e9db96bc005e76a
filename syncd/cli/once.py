"""`syncd once`: one cycle, by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.cycle import Orders, Outcome
    from syncd.runtime import Runtime

BRAKES = ("canary", "same_value", "changed_share", "hit_rate", "empty_crm")


@click.command("once")
@click.argument("plan", required=False, type=click.Path(path_type=Path), metavar="[PLAN]")
@click.option("--sync", "syncs", multiple=True, metavar="NAME", help="Only this sync; may be repeated.")
@click.option(
    "--limit", type=click.IntRange(min=1), help="Take in about this many new or changed contacts at most."
)
@click.option(
    "--ignore-brake",
    "ignored",
    multiple=True,
    type=click.Choice(BRAKES),
    help="Run on past this brake, this time only.",
)
@common
def command(plan: Path | None, syncs: Sequence[str], limit: int | None, ignored: Sequence[str]) -> None:
    """Pull, enrich and write what is due, once; then say what was done.

    With PLAN, a file of `syncd plan --out`, only its contacts are worked on, only as planned, and nothing is
    pulled. In mode plan contacts are only pulled: nothing is spent and nothing written.
    """
    from syncd.config.settings import Mode
    from syncd.cycle import Orders

    settings = invocation().settings()
    if plan is not None:
        if syncs or limit:
            raise click.UsageError("a plan says itself which contacts it is about: no --sync and no --limit")
        conclude(_as_planned(settings, plan, frozenset(ignored)), settings)
        return
    orders = Orders(
        chosen(settings, syncs),
        limit=limit,
        ignore_brakes=frozenset(ignored),
        spend=settings.mode is Mode.LIVE,
    )
    conclude(carry_out(settings, orders), settings)


def _as_planned(settings: Settings, file: Path, ignored: frozenset[str]) -> Outcome:
    """Carry out a saved plan, if it still holds."""
    from syncd.config.settings import Mode
    from syncd.cycle import Orders
    from syncd.saved import Stale, Unreadable, load

    if settings.mode is not Mode.LIVE:
        raise Stop("mode is plan: a plan is carried out in mode live only. Nothing was done.", Exit.CONFIG)

    def orders(runtime: Runtime) -> Orders:
        try:
            saved = load(file, runtime)
        except Unreadable as error:
            raise Stop(str(error), Exit.USAGE) from None
        except Stale as error:
            raise Stop(str(error), Exit.STOPPED) from None
        return Orders(saved.syncs, pull=False, plan=saved, ignore_brakes=ignored)

    return carry_out(settings, orders)


def chosen(settings: Settings, syncs: Sequence[str]) -> list[str]:
    """The syncs that were named, or all.

    Raises:
        click.UsageError: there is no such sync.
    """
    from syncd.config.problems import closest

    for name in syncs:
        if name not in settings.syncs:
            raise click.UsageError(f"--sync: there is no such sync; {closest(name, list(settings.syncs))}")
    return list(dict.fromkeys(syncs)) or list(settings.syncs)


def carry_out(settings: Settings, orders: Orders | Callable[[Runtime], Orders]) -> Outcome:
    """Run one cycle over the configured state."""
    from syncd.cycle import Cycle
    from syncd.notify import crier

    with working(settings) as runtime, crier(settings, runtime) as telling:
        wanted = orders(runtime) if callable(orders) else orders
        telling.began()
        outcome = Cycle(runtime, wanted).run()
        telling.ended(outcome)
        if runtime.stop.is_set():
            outcome.code = int(Exit.INTERRUPTED)
        return outcome


def conclude(outcome: Outcome, settings: Settings) -> None:
    """Tell the report and end with its exit code."""
    run = invocation()
    if run.json:
        run.answer(outcome.report)
    else:
        telling.run(outcome.report, outcome.advice)
        if settings.mode.value == "plan":
            click.echo(
                "  mode plan: nothing was spent or written. `syncd plan` shows what would be; set mode: live."
            )
    if outcome.code:
        raise click.exceptions.Exit(outcome.code)
