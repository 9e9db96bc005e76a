"""Reports as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

_VERDICTS = {
    "ok": ("done", "green"),
    "partial": ("done in part", "yellow"),
    "failed": ("failed", "red"),
    "budget_stop": ("stopped by a budget", "yellow"),
    "braked": ("stopped by a brake", "red"),
}
_OUTCOMES = {
    "enriched": "enriched",
    "unchanged": "left as they were",
    "no_match": "known to no provider",
    "skipped": "skipped",
    "no_budget": "waiting for a budget",
    "review": "for review",
    "waiting": "waiting",
    "failed": "failed",
    "unaccounted": "unaccounted for",
}


def run(report: Mapping[str, Any], advice: Sequence[str] = ()) -> None:
    """One run on one screen: what became of the contacts, the fields, the money and the calls."""
    word, colour = _VERDICTS.get(report["verdict"], (report["verdict"], "yellow"))
    counts = report["contacts"]
    click.echo(
        f"Run {report['run_id']}: {click.style(word, fg=colour, bold=True)} in {report['seconds']:g} s. "
        f"{counts['seen']:,} contacts seen, {counts['in_scope']:,} in scope."
    )
    parts = [f"{counts[key]:,} {text}" for key, text in _OUTCOMES.items() if counts.get(key)]
    click.echo("  contacts  " + (", ".join(parts) or "nothing to do"))
    for name, fields in report["fields"].items():
        told = [f"{n:,} {what.replace('_', ' by ')}" for what, n in fields.items() if n]
        if told:
            click.echo(f"  {name:<13} {', '.join(told)}")
    _credits(report["credits"])
    for provider, kinds in report.get("plan", {}).get("credits", {}).items():
        for kind, planned in kinds.items():
            click.echo(
                f"  planned   {provider} {kind}: {planned['expected']:,} expected, {planned['worst']:,} at worst, "
                f"{planned['actual']:,} spent"
            )
    calls = [f"{name} {made['total']:,}" for name, made in report["calls"].items() if made["total"]]
    click.echo("  calls     " + (", ".join(calls) or "none"))
    for line in advice:
        click.echo(f"  ! {line}")


def _credits(spending: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    for provider, kinds in spending.items():
        for kind, amounts in kinds.items():
            if amounts["spent"] or amounts["unknown"]:
                unknown = f", {amounts['unknown']:,} unknown" if amounts["unknown"] else ""
                click.echo(
                    f"  credits   {provider} {kind}: {amounts['spent']:,} spent{unknown}, "
                    f"{amounts['cap_left']:,} left under its caps"
                )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they need to be; nothing for no rows."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    for row in [list(head), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def when(us: int | None) -> str:
    """An instant in UTC, to the second; a dash for none."""
    return "-" if not us else datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso(us: int | None) -> str | None:
    """An instant for JSON."""
    return None if not us else datetime.fromtimestamp(us / 1e6, UTC).isoformat()


def span(seconds: float) -> str:
    """A length of time as people say it."""
    for size, word in ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'' if count == 1 else 's'}"
    count = max(0, int(seconds))
    return f"{count} second{'' if count == 1 else 's'}"


def stopped(halts: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each halt that a person ends; operations that go on by themselves share one per account."""
    lines, alike = [], dict[tuple[str, str, str], list[str]]()
    for halt in halts:
        account, _, operation = halt["scope"].partition("/")
        if halt["until"] and operation:
            alike.setdefault((account, halt["reason"], halt["until"][:16]), []).append(operation)
        else:
            until = f", until {halt['until'][:16]}" if halt["until"] else f"; `syncd resume {halt['scope']}`"
            lines.append(f"{halt['scope']} ({halt['reason']}){until}")
    for (account, reason, until), names in alike.items():
        scope = f"{account}/{names[0]}"
        if len(names) > 1:
            scope = f"{len(names)} operations of {account}, from {names[0]} to {names[-1]}"
        lines.append(f"{scope} ({reason}), until {until}")
    return lines
