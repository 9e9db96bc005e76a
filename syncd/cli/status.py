"""`syncd status`: a sentence first, then detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from syncd.cli import telling
from syncd.cli.invocation import common, invocation
from syncd.cli.opening import reading


@click.command("status")
@common
def command() -> None:
    """Say how things are: one sentence, then what wants a person, then each sync."""
    from syncd.overview import status

    run = invocation()
    settings = run.settings()
    with reading(settings) as store:
        found = status(store, settings)
    found["summary"] = summary(found)
    run.answer(found) if run.json else _tell(found)


def summary(found: Mapping[str, Any]) -> str:
    """The one sentence."""
    newest = found["runs"][0] if found["runs"] else None
    if newest is None:
        return "Nothing has run yet; `syncd once` runs a first cycle."
    when = (newest["ended_at"] or newest["started_at"]).replace("T", " ")[:19]
    open_ = newest["verdict"] == "not ended"
    last = (
        f"run {newest['run_id']}, begun {when} UTC, has not ended: it is under way, or was cut short and the next takes over"
        if open_
        else f"the last run ended {when} UTC with {newest['verdict']}"
    )
    if found["needs"]:
        return f"Something needs you: {found['needs'][0]}. Otherwise, {last}."
    return f"Nothing needs you: {last}." if open_ else f"All is well: {last}."


def _census(census: Mapping[str, Any] | None) -> str:
    if census is None:
        return ""
    found = f"{census['differences'] or 'no'} differences"
    return f"; census {telling.span(census['age_s'])} ago: {census['braked'] or found}"


def _tell(found: Mapping[str, Any]) -> None:
    click.echo(click.style(found["summary"], fg="yellow" if found["needs"] else "green", bold=True))
    for need in found["needs"][1:]:
        click.echo(f"  ! {need}")
    if found["mode"] == "plan":
        click.echo("  mode plan: nothing is spent or written")
    for sync in found["syncs"]:
        counts = ", ".join(f"{n:,} {state}" for state, n in sorted(sync["contacts"].items())) or "no contacts"
        behind = (
            "never read" if sync["behind_s"] is None else f"read up to {telling.span(sync['behind_s'])} ago"
        )
        loading = ", first load in progress" if sync["first_load_in_progress"] else ""
        click.echo(f"  {sync['sync']}: {behind}{loading}; {counts}{_census(sync['census'])}")
    for job in found["jobs"]:
        click.echo(
            f"  {job['pending']:,} jobs pending at {job['provider']}, the oldest for {telling.span(job['oldest_s'])}"
        )
    for line in telling.stopped(found["halts"]):
        click.echo(f"  stopped: {line}")
    for run in found["runs"]:
        counts = ", ".join(
            f"{n:,} {what}" for what, n in run["contacts"].items() if what not in ("seen", "in_scope")
        )
        click.echo(
            f"  run {run['run_id']} {run['kind']} {run['started_at'][:19]}: {run['verdict']}; {counts}"
        )
