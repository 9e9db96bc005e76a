"""`syncd check`: the configuration judged, on request with everybody whom it names asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import common, invocation, problems_document

if TYPE_CHECKING:
    from syncd.config import Problem, Settings


@click.command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Ask the CRM and the providers too: credentials, account, properties, balances, clock. Free.",
)
@common
def command(online: bool) -> None:
    """Judge the configuration: every mistake at once, with its place and a hint.

    Offline no credential is needed; references that lead to nothing on this machine are warnings. With
    --online every account is asked; nothing is spent and nothing is written.
    """
    from syncd.config import missing_secrets

    settings = invocation().settings()
    problems = [*settings.warnings, *missing_secrets(settings)]
    report(settings, [*problems, *(ask(settings) if online else [])])


def ask(settings: Settings) -> list[Problem]:
    """What the accounts themselves have to say."""
    from syncd.cli.opening import working
    from syncd.preflight import Preflight

    with working(settings, exclusive=False) as runtime:
        return Preflight(settings, runtime).problems()


def exit_of(problems: Sequence[Problem]) -> Exit:
    """What a person has to do first decides: mend the file, see to an account, or wait."""
    codes = [p.code for p in problems if p.severity.value == "error"]
    waits = [c for c in codes if c in ("online.unavailable", "online.rate_limited", "online.ambiguous")]
    people = [c for c in codes if c not in waits and (c.startswith("online.") or c == "crm.account")]
    if len(codes) > len(waits) + len(people):
        return Exit.CONFIG
    return Exit.PERSON if people else Exit.UPSTREAM if waits else Exit.DONE


def report(settings: Settings, problems: Sequence[Problem]) -> None:
    """Tell the problems of a configuration that could be read, and end with the exit code they ask for."""
    from syncd.config import summary

    run = invocation()
    document = problems_document(problems)
    run.tell(problems)
    if run.json:
        run.answer({"path": str(settings.source), "mode": settings.mode.value, **document})
    else:
        counted = [
            f"{len(entries)} {word}{'' if len(entries) == 1 else 's'}"
            for word, entries in (
                ("CRM", settings.crms),
                ("provider", settings.providers),
                ("sync", settings.syncs),
            )
        ]
        held = "nothing is spent or written" if settings.mode.value == "plan" else "credits are spent"
        click.echo(
            f"{settings.source}: {summary(problems)}. {', '.join(counted)}; mode {settings.mode.value}: {held}."
        )
    code = exit_of(problems)
    if code:
        raise click.exceptions.Exit(code)
