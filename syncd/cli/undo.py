"""`syncd undo`: take back what was written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.explain import rows_of
from syncd.cli.invocation import common, invocation
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.amend import Result


def _instant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("expected an instant such as 2026-11-21T09:30, in UTC") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e6)


@click.command("undo")
@click.argument("run", type=int, required=False)
@click.option("--contact", "contacts", multiple=True, help="A record id, #N, an address or a profile URL.")
@click.option("--field", default="", help="Only this field, such as job_title.")
@click.option("--provider", default="", help="Only values that came from this provider.")
@click.option("--since", callback=_instant, help="Written at or after this instant (UTC).")
@click.option("--until", callback=_instant, help="Written at or before this instant (UTC).")
@click.option("--dry-run", is_flag=True, help="Only say what would be taken back, and what would stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def command(
    run: int | None,
    contacts: Sequence[str],
    field: str,
    provider: str,
    since: int | None,
    until: int | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Put back what stood before RUN, only where the CRM still holds what we wrote.

    A value that somebody changed later stays, and it is said whose change that is. What was taken back is
    not written again until somebody changes it in the CRM.
    """
    from syncd.byhand import preview, undo
    from syncd.undo import Selection

    if run is None and not (contacts or field or provider or since or until):
        raise click.UsageError("say what: a RUN, or --contact, --field, --provider, --since, --until")
    settings = invocation().settings()
    with working(settings) as runtime:
        ids = tuple(r.id for text in contacts for r in rows_of(runtime.store, text)) if contacts else None
        wanted = Selection(run, ids, field, provider, since, until)
        asks = sys.stdin.isatty() and not yes and not invocation().json
        if dry_run or asks:
            results = preview(runtime, wanted)
            _tell(results, None)
            if dry_run or not any(r.what == "done" for r in results):
                return
            if not click.confirm("Take these back?", err=True):
                return
        results, run_id = undo(runtime, wanted)
    _tell(results, run_id)
    if any(r.what == "failed" for r in results):
        raise click.exceptions.Exit(Exit.PARTIAL)


def _tell(results: Sequence[Result], run_id: int | None) -> None:
    from syncd.byhand import summary

    told: Mapping[str, Any] = summary(results)
    run = invocation()
    if run.json:
        run.answer({"run_id": run_id, "dry_run": run_id is None, **told})
        return
    word = "would be taken back" if run_id is None else f"taken back (run {run_id})"
    click.echo(
        f"{told['undone']:,} values of {told['contacts']['undone']:,} contacts {word}, "
        f"{told['kept']:,} stay, {told['failed']:,} failed."
    )
    telling.table(
        ("contact", "property", "", "why"),
        [(s["contact"], s["property"], s["what"], s["why"]) for s in told["stayed"][:50]],
    )
    if len(told["stayed"]) > 50:
        click.echo(f"… and {len(told['stayed']) - 50} more; --json lists them")
