"""`syncd census`: compare the contacts of a CRM with those that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import common, invocation
from syncd.cli.once import chosen
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.runtime import Runtime


@click.command("census")
@click.option("--sync", "syncs", multiple=True, metavar="NAME", help="Only this sync; may be repeated.")
@click.option(
    "--ignore-brake",
    "ignored",
    multiple=True,
    type=click.Choice(["empty_crm"]),
    help="Believe a CRM that has far fewer contacts than are known, this time only.",
)
@common
def command(syncs: Sequence[str], ignored: Sequence[str]) -> None:
    """List every contact of the CRM and compare: those in scope are known, each in one state, and no others.

    Differences heal: unknown contacts are taken in, those that are gone or out of scope are left alone from now
    on. Nothing is spent and nothing is written to the CRM. A running service does this daily.
    """
    settings = invocation().settings()
    names = chosen(settings, syncs)
    with working(settings) as runtime:
        found = [_one(runtime, name, frozenset(ignored)) for name in names]
    run = invocation()
    run.answer({"syncs": found}) if run.json else _tell(found)
    if any(one["braked"] for one in found):
        raise click.exceptions.Exit(Exit.STOPPED)


def _one(runtime: Runtime, name: str, ignored: frozenset[str]) -> dict[str, Any]:
    from syncd.census import Census, carry_out
    from syncd.door import enter
    from syncd.store import runs

    with runtime.store.read() as connection:
        state = runs.sync_state(connection, name)
    if state.watermark_us is None or state.scan_started_us is not None:
        return {"sync": name, "differences": 0, "braked": "", "skipped": "its first load is not over"}
    census = Census(runtime, name, ignored)
    enter(runtime, census.crm)
    if not census.run(runtime.stop.is_set):
        raise click.Abort
    return carry_out(census, 0)


_WORDS = {
    "unknown": "were unknown and are taken in",
    "returned": "came back and are taken in",
    "gone": "are gone from the CRM",
    "outside": "are outside the sync's conditions now",
    "before_start": "are older than the sync; `syncd backfill` takes them in",
    "on_their_way": "changed just now and come with the next run",
}


def _tell(found: Sequence[Mapping[str, Any]]) -> None:
    from syncd.brakes import advice

    for one in found:
        if one.get("skipped"):
            click.echo(f"{one['sync']}: no census, {one['skipped']}.")
            continue
        head = f"{one['in_scope']:,} contacts in scope, {one['known']:,} known"
        click.echo(f"{one['sync']}: {head}; {one['differences'] or 'no'} differences.")
        for name, words in _WORDS.items():
            if one[name]:
                click.echo(f"  {one[name]:,} {words}")
        if one["braked"]:
            click.echo(f"  ! {advice('sync:' + one['sync'], one['braked'])}")
