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
    from syncd.config import Settings
    from syncd.overview import Budgets
    from syncd.reconcile import Reconciled


@click.group("budget", invoke_without_command=True)
@common
@click.pass_context
def command(context: click.Context) -> None:
    """Show what was spent, what is left, and what the vendors say."""
    if context.invoked_subcommand is None:
        from syncd.overview import budgets

        settings = invocation().settings()
        with reading(settings) as store:
            _show(budgets(store, settings, datetime.now(UTC)), settings)


@command.command("reconcile")
@common
def reconcile() -> None:
    """Read the vendors' own figures now, compare them with our books, and settle what they can settle. Free.

    Lost lookups are settled where the figures allow one reading only. An account that drift had stopped goes on,
    and a state that was restored from a backup takes over what the vendors counted since.
    """
    from syncd.overview import budgets
    from syncd.reconcile import reconcile as carry_out
    from syncd.refusals import failure_advice

    settings = invocation().settings()
    with working(settings, exclusive=False) as runtime:
        done = carry_out(runtime)
        found = budgets(runtime.store, settings, runtime.clock())
    silent = {**done.settled.silent, **done.silent}
    messages = [failure_advice(name, failure) for name, failure in silent.items()]
    _show(found, settings, [*_told(done), *messages], done)
    if silent:
        raise click.exceptions.Exit(Exit.UPSTREAM)


def _told(done: Reconciled) -> list[str]:
    """What was done, in sentences."""
    told = []
    if done.restored and done.held:
        told.append(f"{done.restored}; it stays held until every vendor has answered.")
    elif done.restored:
        taken = "; ".join(
            f"{name}: " + ", ".join(f"{amount.normalize():f} {kind}" for kind, amount in kinds.items())
            for name, kinds in done.adopted.items()
        )
        told.append(f"{done.restored}; taken over as spent: {taken or 'nothing'}. It goes on from here.")
    for calls, what in (
        (done.settled.charged, "were charged, by the vendor's figures"),
        (done.settled.not_charged, "were not charged, by the vendor's figures, and are given back"),
        (done.settled.repeated, "were repeated within the time in which that is free"),
    ):
        if calls:
            told.append(f"{len(calls)} lost lookups {what}: {', '.join(map(str, calls))}.")
    return told


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
    from syncd import redress
    from syncd.store import money
    from syncd.store.calls import states

    if not calls or charged is None:
        raise click.UsageError("name the CALLs that `syncd budget` shows, and --charged or --not-charged")
    settings = invocation().settings()
    done: list[int] = []
    with working(settings, exclusive=False) as runtime:
        for call in calls:
            with runtime.store.write() as connection:
                known = states(connection, [call])
                if known.get(call) != "unknown":
                    raise Stop(
                        f"call {call} is {known.get(call, 'not known')}: only lost ones are resolved. "
                        f"Resolved before it: {len(done)}.",
                        Exit.USAGE,
                    )
                ticket = money.ticket_of(connection, call)
                redress.resolve(runtime.ledger, connection, ticket, charged, reason)
            done.append(call)
    run = invocation()
    if run.json:
        run.answer({"resolved": done, "charged": charged})
    else:
        word = "stay counted as spent" if charged else "are given back; the contacts may be looked up again"
        click.echo(f"{len(done)} resolved: the credits {word}.")


def _show(
    found: Budgets, settings: Settings, messages: Sequence[str] = (), done: Reconciled | None = None
) -> None:
    run = invocation()
    unknown = [{**lost, "next": _next(settings, lost)} for lost in found.unknown]
    if run.json:
        document = {"budgets": found.kinds, "unknown": unknown, "unknown_totals": found.totals}
        run.answer({**document, **_outcome(done), "messages": list(messages)})
        return
    telling.table(
        ("credits", "per", "cap", "spent", "unknown", "reserved", "left", "vendor has", "drift", "lasts"),
        [row for kind in found.kinds for row in _rows(kind)],
    )
    for kind in (k for k in found.kinds if k["drift"] or k["foreign"] or k["overcharge"]):
        click.echo(
            f"  drift of {kind['provider']} {kind['kind']}: {kind['foreign']:,} by others, "
            f"{kind['overcharge']:,} beyond our books while we bought, {kind['unresolved']:,} unresolved"
        )
    _lost(found, unknown)
    if not found.kinds:
        click.echo("No budget is configured: nothing is spent. Set providers.NAME.budgets.")
    for line in messages:
        click.echo(f"  ! {line}", err=True)


def _outcome(done: Reconciled | None) -> dict[str, Any]:
    if done is None:
        return {}
    from syncd.report import number

    settled = done.settled
    return {
        "settled": {
            "charged": settled.charged,
            "not_charged": settled.not_charged,
            "repeated": settled.repeated,
        },
        "restored": bool(done.restored),
        "held": done.held,
        "adopted": {a: {k: number(n) for k, n in kinds.items()} for a, kinds in done.adopted.items()},
    }


def _lost(found: Budgets, unknown: Sequence[Mapping[str, Any]]) -> None:
    for lost in unknown:
        worth = ", ".join(f"{kind} {n:g}" for kind, n in lost["worth"].items()) or "nothing"
        whose = ", ".join(f"#{i}" for i in lost["contacts"]) or "nobody any more"
        click.echo(
            f"  call {lost['call']}: {lost['provider']} {lost['operation']} for {whose}, "
            f"{telling.span(lost['age_s'])} ago, worth {worth}: {lost['reason']}\n    {lost['next']}"
        )
    for total in found.totals:
        click.echo(
            f"  unknown in all: {total['worth']:,} {total['kind']} of {total['provider']} in {total['calls']} "
            f"lookups, the oldest {telling.span(total['oldest_s'])} ago"
        )


def _next(settings: Settings, lost: Mapping[str, Any]) -> str:
    """What becomes of a lost lookup, or what to do about it."""
    from syncd.connector import Replay, load

    word = f"syncd budget resolve {lost['call']} --charged|--not-charged"
    provider = settings.providers.get(lost["provider"])
    if provider is None:
        return f"Its provider is not configured any more. Look into the vendor's own records, then: {word}"
    connector = load("provider", provider.type)(provider.options)
    operation = next((o for o in connector.operations if o.name == lost["operation"]), None)
    replay = operation.replay if operation is not None else Replay.OPAQUE
    if replay is Replay.KEYED and not lost["repeated"]:
        return f"It is repeated once by itself, which is free at this vendor; or: {word}"
    if replay is Replay.OPAQUE or not set(lost["worth"]) - connector.unreported:
        return f"Nobody but the vendor can tell. Look into its records, then: {word}"
    return f"Settled by itself once the vendor's figures allow one reading only; or by your word: {word}"


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
