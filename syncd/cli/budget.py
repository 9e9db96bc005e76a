"""`syncd budget`: caps, spending, the vendors' own figures, and what nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from syncd.cli import telling
from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading, working

if TYPE_CHECKING:
    from syncd.overview import Budgets


@click.group("budget", invoke_without_command=True)
@common
@click.pass_context
def command(context: click.Context) -> None:
    """Show what was spent, what is left, and what the vendors say."""
    if context.invoked_subcommand is None:
        from syncd.overview import budgets

        settings = invocation().settings()
        with reading(settings) as store:
            _show(budgets(store, settings, datetime.now(UTC)))


@command.command("reconcile")
@common
def reconcile() -> None:
    """Read the vendors' own figures now and compare them with our books. Free."""
    from syncd.overview import budgets
    from syncd.runtime import failure_advice

    settings = invocation().settings()
    silent = []
    with working(settings, exclusive=False) as runtime:
        runtime.ledger.prepare(runtime.ledger.periods(0, runtime.clock()))
        for account in runtime.providers.values():
            failure = runtime.standing.ask(account)
            if failure is not None:
                silent.append(failure_advice(account.name, failure))
        found = budgets(runtime.store, settings, runtime.clock())
    _show(found, silent)
    if silent:
        raise click.exceptions.Exit(Exit.UPSTREAM)


@command.command("resolve")
@click.argument("calls", nargs=-1, type=int, metavar="[CALL]...")
@click.option("--charged/--not-charged", default=None, help="What the vendor's own records say.")
@click.option("--reason", default="", help="Kept in the audit trail.")
@common
def resolve(calls: Sequence[int], charged: bool | None, reason: str) -> None:
    """Settle lookups whose answer was lost, by your word.

    Charged: they stay counted as spent. Not charged: the credits come back, and the contact may be looked
    up again. CALL are the numbers that `syncd budget` shows.
    """
    from syncd.store import money

    if not calls or charged is None:
        raise click.UsageError("name the CALLs that `syncd budget` shows, and --charged or --not-charged")
    settings = invocation().settings()
    done: list[int] = []
    with working(settings, exclusive=False) as runtime:
        for call in calls:
            with runtime.store.write() as connection:
                known = money.call_states(connection, [call])
                if known.get(call) != "unknown":
                    raise Stop(
                        f"call {call} is {known.get(call, 'not known')}: only lost ones are resolved. "
                        f"Resolved before it: {len(done)}.",
                        Exit.USAGE,
                    )
                runtime.ledger.resolve(connection, money.ticket_of(connection, call), charged, reason)
            done.append(call)
    run = invocation()
    if run.json:
        run.answer({"resolved": done, "charged": charged})
    else:
        word = "stay counted as spent" if charged else "are given back; the contacts may be looked up again"
        click.echo(f"{len(done)} resolved: the credits {word}.")


def _show(found: Budgets, messages: Sequence[str] = ()) -> None:
    run = invocation()
    if run.json:
        run.answer({"budgets": found.kinds, "unknown": found.unknown, "messages": list(messages)})
        return
    telling.table(
        ("credits", "per", "cap", "spent", "unknown", "reserved", "left", "vendor has", "drift", "lasts"),
        [row for kind in found.kinds for row in _rows(kind)],
    )
    for lost in found.unknown:
        worth = ", ".join(f"{kind} {n:g}" for kind, n in lost["worth"].items()) or "nothing"
        click.echo(
            f"  call {lost['call']}: {lost['provider']} {lost['operation']}, {telling.span(lost['age_s'])} ago, "
            f"worth {worth}: {lost['reason']}"
        )
    if found.unknown:
        click.echo(
            "  Look into the vendor's own records, then: syncd budget resolve CALL --charged|--not-charged"
        )
    if not found.kinds:
        click.echo("No budget is configured: nothing is spent. Set providers.NAME.budgets.")
    for line in messages:
        click.echo(f"  ! {line}", err=True)


def _rows(kind: Mapping[str, Any]) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for number, cap in enumerate(kind["caps"]):
        first = number == 0
        vendor = "?" if kind["vendor_balance"] is None else f"{kind['vendor_balance']:,}"
        lasts = "" if kind["days_left"] is None else f"{kind['days_left']:g} days"
        rows.append(
            (
                f"{kind['provider']} {kind['kind']}" if first else "",
                cap["per"],
                *(f"{cap[name]:,}" for name in ("cap", "spent", "unknown", "reserved", "left")),
                vendor if first else "",
                f"{kind['drift']:+,}" if first and kind["drift"] else "",
                lasts if cap["per"] == "month" else "",
            )
        )
    return rows
