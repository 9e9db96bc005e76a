"""`syncd demo`: the whole job over stand-ins, twice."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.sandbox import pick, read_scenario

if TYPE_CHECKING:
    from syncd.rehearsal import Rehearsal


@click.command("demo")
@click.option("--contacts", type=click.IntRange(1, 1_000_000), default=1000, show_default=True)
@click.option(
    "--csv",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own contact export of HubSpot or Salesforce. It stays on this machine.",
)
@click.option(
    "--provider", "providers", multiple=True, metavar="TYPE", help="Only this provider; may be repeated."
)
@click.option("--crm", default="hubspot", show_default=True, metavar="TYPE", help="Which CRM is played.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, other people.")
@click.option(
    "--limits",
    type=click.Choice(["off", "documented"]),
    default="off",
    show_default=True,
    help="Whether the stand-ins enforce the vendors' request limits; those make it take as long as in life.",
)
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON: {VENDOR: {settings: {…}, faults: […]}}.",
)
@click.option(
    "--keep", "folder", type=click.Path(path_type=Path), help="Keep configuration and state in this folder."
)
@common
def command(
    contacts: int,
    csv: Path | None,
    providers: Sequence[str],
    crm: str,
    seed: int,
    limits: str,
    scenario: Path | None,
    folder: Path | None,
) -> None:
    """Run two cycles over stand-ins of the CRM and all providers, with an embedded database.

    The first enriches, the second finds nothing to do. No key is needed and nothing leaves this machine.
    """
    from syncd.rehearsal import Rehearsal, RehearsalFailed, scratch

    pick([crm], "crm")
    asked = pick(providers, "provider")
    place = folder or scratch()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    rehearsal = Rehearsal(place.resolve())
    scenes = read_scenario(scenario)
    run, swift = invocation(), limits == "off"
    _say(f"Starting stand-ins: {crm} and {', '.join(asked)} …")
    try:
        rehearsal.start(
            [crm, *asked],
            contacts,
            seed,
            csv,
            swift=swift,
            settings={v: s.get("settings", {}) for v, s in scenes.items()},
            faults={v: s.get("faults", []) for v, s in scenes.items()},
        )
        config = rehearsal.write_config(swift, {"log": {"level": "warning"}})
        cycles, code = _cycles(config)
        document = {
            "contacts": rehearsal.stands[crm].ask("population")["records"],
            "cycles": cycles,
            "sandbox": _books(rehearsal, config),
            **({"csv": _loaded(rehearsal, crm)} if csv else {}),
        }
    except RehearsalFailed as failed:
        raise Stop(str(failed), Exit.USAGE if csv else Exit.UNEXPECTED) from None
    finally:
        rehearsal.stop()
        kept = bool(folder) or not (run.json or csv)
        if not kept:
            shutil.rmtree(place, ignore_errors=True)
    run.answer(document) if run.json else _tell(document, config if kept else None)
    if code:
        raise click.exceptions.Exit(code)


def _cycles(config: Path) -> tuple[list[dict[str, Any]], int]:
    """Two cycles over one state; their reports, and the exit code of the worse one."""
    from syncd.cli.opening import working
    from syncd.config import load
    from syncd.cycle import Cycle, Orders

    settings = load(config)
    reports, code = [], 0
    with working(settings) as runtime:
        for word in ("first", "second"):
            _say(f"The {word} cycle …")
            outcome = Cycle(runtime, Orders(list(settings.syncs), kind="demo")).run()
            reports.append(outcome.report)
            code = max(code, outcome.code)
            if runtime.stop.is_set():
                raise click.Abort
    return reports, code


def _books(rehearsal: Rehearsal, config: Path) -> dict[str, Any]:
    """What the stand-ins themselves have booked."""
    from decimal import Decimal

    from syncd.capped import above_caps
    from syncd.config import load
    from syncd.report import number

    found: dict[str, Any] = {"charged": {}, "above_caps": {}}
    providers = load(config).providers
    sums = dict.fromkeys(("double_charged", "human_edits_overwritten", "no_op_writes", "rate_limited"), 0)
    for vendor, stand in rehearsal.stands.items():
        books = stand.ask("books")
        journal = stand.ask("journal", summary="1")
        for name in ("double_charged", "human_edits_overwritten", "no_op_writes"):
            sums[name] += books[name]
        sums["rate_limited"] += journal["rate_limited"]
        if vendor in _providers():
            found["above_caps"][vendor] = above_caps(books["charges"], providers[vendor].budgets)
            found["charged"][vendor] = {k: number(Decimal(n)) for k, n in books["charged"].items()}
    return {**found, **sums}


def _providers() -> Sequence[str]:
    from syncd.rehearsal import vendors

    return vendors("provider")


def _loaded(rehearsal: Rehearsal, crm: str) -> dict[str, Any]:
    population = rehearsal.stands[crm].ask("population")
    return {
        "loaded": population["records"],
        "people": population["people"],
        "rejected": population["rejected"],
    }


def _say(text: str) -> None:
    """Progress, for whoever watches."""
    if sys.stderr.isatty() or not invocation().json:
        click.echo(click.style(text, dim=True), err=True)


def _tell(document: Mapping[str, Any], config: Path | None) -> None:
    first, second = document["cycles"]
    if "csv" in document:
        _tell_csv(document["csv"])
    telling.run(first, first["messages"])
    click.echo()
    telling.run(second, second["messages"])
    click.echo()
    books = document["sandbox"]
    charged = [
        f"{vendor} {kind} {amount:,}"
        for vendor, kinds in books["charged"].items()
        for kind, amount in kinds.items()
    ]
    click.echo("What the stand-ins' own books say: " + (", ".join(charged) or "nothing was charged") + ".")
    click.echo(
        f"  charged twice {books['double_charged']}, above a cap {sum(books['above_caps'].values())}, people's edits overwritten {books['human_edits_overwritten']}, "
        f"writes that changed nothing {books['no_op_writes']}, refused for the rate {books['rate_limited']}"
    )
    click.echo()
    if config:
        _next(config)


def _tell_csv(loaded: Mapping[str, Any]) -> None:
    rejected = loaded["rejected"]
    click.echo(
        f"{loaded['loaded']:,} lines of the export were loaded; {len(rejected)} were not"
        f"{':' if rejected else '.'}"
    )
    for row in rejected[:20]:
        click.echo(f"  line {row['line']}: {row['reason']}")
    if len(rejected) > 20:
        click.echo(f"  … and {len(rejected) - 20} more; --json lists them all")
    click.echo()


def _next(config: Path) -> None:
    """What to try now: the state of the demo is kept, so that it can be asked."""
    from syncd.config import load
    from syncd.store import lists
    from syncd.store.engine import Store

    record = "CONTACT"
    with suppress(Exception):
        store = Store(load(config).database_url())
        with store.read() as connection:
            found = lists.sample(connection, "enriched")
        store.close()
        record = found or record
    syncd = _command()
    click.echo("Try next:")
    click.echo(f"  {syncd} explain {record} --config {config}")
    click.echo(f"  {syncd} budget --config {config}")
    click.echo(f"  {syncd} audit show --config {config}")
    click.echo(f"  {syncd} demo --csv YOUR_EXPORT.csv       your own contacts, invented answers")
    click.echo(f"  {syncd} init                             a configuration for your own accounts")


def _command() -> str:
    """How this very command is called."""
    given = sys.argv[0]
    on_path = shutil.which("syncd")
    return "syncd" if on_path and Path(given).resolve() == Path(on_path).resolve() else given
