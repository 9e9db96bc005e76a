"""`syncd plan`: what would be looked up, by whom, at what cost."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.once import chosen
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.forecast import Forecast
    from syncd.runtime import Runtime
    from syncd.saved import Draft


@click.command("plan")
@click.option("--sync", "syncs", multiple=True, metavar="NAME", help="Only this sync; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="Take in about this many contacts at most.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Save the plan: `syncd once FILE` carries it out, and nothing else, within 24 hours.",
)
@common
def command(syncs: Sequence[str], limit: int | None, out: Path | None) -> None:
    """Pull what changed and say what would be looked up. Free reads only: nothing is spent or written.

    Beside a running syncd, which keeps the state up to date by itself, nothing is pulled.
    """
    settings = invocation().settings()
    names = chosen(settings, syncs)
    if out is not None and not os.access(out.parent, os.W_OK):
        raise Stop(f"{out} cannot be written: {out.parent} is no folder in which you may write.", Exit.USAGE)
    document, code = gather(settings, names, limit, out)
    run = invocation()
    run.answer(document) if run.json else tell(document)
    if code:
        raise click.exceptions.Exit(code)


def gather(
    settings: Settings, names: Sequence[str], limit: int | None, out: Path | None = None
) -> tuple[dict[str, Any], int]:
    """The forecast as a document, and the exit code of the pull before it; saved to a file where one is named."""
    try:
        with working(settings) as runtime:
            return _pulled(runtime, names, limit, out)
    except Stop as stop:
        if stop.code is not Exit.LOCKED:
            raise
    with working(settings, exclusive=False) as runtime:
        note = "A running syncd holds the state: nothing was pulled now."
        return estimate(runtime, names, [note], out), 0


def _pulled(
    runtime: Runtime, names: Sequence[str], limit: int | None, out: Path | None
) -> tuple[dict[str, Any], int]:
    from syncd.cycle import Cycle, Orders

    outcome = Cycle(runtime, Orders(names, kind="plan", limit=limit, spend=False)).run()
    for account in runtime.providers.values():
        runtime.standing.fresh(account)
    return estimate(runtime, names, outcome.advice, out), outcome.code if outcome.code in (5, 6) else 0


def estimate(
    runtime: Runtime, names: Sequence[str], messages: Sequence[str], out: Path | None = None
) -> dict[str, Any]:
    """What is waiting, as a document; saved as a plan where a file is named."""
    from syncd.forecast import forecast
    from syncd.report import spending
    from syncd.saved import Draft

    draft = Draft(runtime)
    found = forecast(runtime, names) if out is None else draft.forecast(names)
    saved = None if out is None else {"file": str(out), "plan_id": _save(draft, out, found, names)}
    rooms = runtime.ledger.headroom(runtime.ledger.periods(0, runtime.clock()))
    return {
        "syncs": list(names),
        "contacts": dict(found.contacts),
        "missing": {f.value: n for f, n in sorted(found.missing.items())},
        "first": _counted(found.first, "contacts"),
        "lookups": _counted(found.lookups, "at_most"),
        "credits": _credits(found, spending(runtime.store, 0, rooms)),
        "not_looked_up": dict(found.why.most_common(20)),
        "messages": list(messages),
        "saved": saved,
    }


def _save(draft: Draft, out: Path, found: Forecast, names: Sequence[str]) -> str:
    try:
        return draft.save(out, found, names)
    except OSError as error:
        raise Stop(f"{out} cannot be written ({error.strerror}).", Exit.USAGE) from None


def _counted(counts: Mapping[tuple[str, str, str], int], word: str) -> list[dict[str, Any]]:
    return [
        {"provider": account, "operation": operation, "key": key, word: n}
        for (account, operation, key), n in sorted(counts.items(), key=lambda c: -c[1])
    ]


def _credits(found: Forecast, rooms: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    from syncd.report import number

    credits_: dict[str, dict[str, Any]] = {}
    for (account, kind), worst in sorted(found.worst.items()):
        room = rooms.get(account, {}).get(kind, {})
        credits_.setdefault(account, {})[kind] = {
            "worst": number(worst),
            "expected": round(float(found.expected[account, kind]), 1),
            "cap_left": room.get("cap_left"),
            "vendor_balance": room.get("vendor_balance"),
        }
    return credits_


_STATES = {
    "to_look_up": "to look up",
    "known_already": "answered by what is known already",
    "nothing_missing": "with nothing missing",
    "skipped": "skipped",
    "no_way": "that nobody can be asked about",
    "waiting": "waiting for an answer or a pause to end",
    "enriched": "to be written",
    "writing": "being written",
    "leased": "being looked up",
}


def tell(document: Mapping[str, Any]) -> None:
    """For a person."""
    parts = [
        f"{document['contacts'][k]:,} {text}" for k, text in _STATES.items() if document["contacts"].get(k)
    ]
    click.echo("Contacts: " + (", ".join(parts) or "nothing to do") + ".")
    if document["missing"]:
        click.echo("Missing: " + ", ".join(f"{f} {n:,}" for f, n in document["missing"].items()) + ".")
    if document["credits"]:
        click.echo()
        telling.table(
            ("credits", "expected", "at worst", "left under caps", "vendor has"),
            [
                (
                    f"{provider} {kind}",
                    *(_cell(amounts[k]) for k in ("expected", "worst", "cap_left", "vendor_balance")),
                )
                for provider, kinds in document["credits"].items()
                for kind, amounts in kinds.items()
            ],
        )
        click.echo()
        telling.table(
            ("asked first", "by", "contacts"),
            [
                (f"{row['provider']} {row['operation']}", row["key"], row["contacts"])
                for row in document["first"]
            ],
        )
    for why, count in document["not_looked_up"].items():
        click.echo(f"  {count:,} × {why}")
    for line in document["messages"]:
        click.echo(f"  ! {line}")
    click.echo("Nothing was spent and nothing was written.")
    if document["saved"]:
        file = document["saved"]["file"]
        click.echo(f"Saved. Within 24 hours, `syncd once {file}` does this and nothing else.")


def _cell(amount: float | None) -> str:
    return "?" if amount is None else f"{amount:,}"
