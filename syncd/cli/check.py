"""`syncd check`: the configuration judged without a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import common, invocation, problems_document

if TYPE_CHECKING:
    from syncd.config import Problem, Settings


@click.command("check")
@common
def command() -> None:
    """Judge the configuration, offline: every mistake at once, with its place and a hint.

    No credential is needed; references that lead to nothing on this machine are warnings.
    """
    from syncd.config import missing_secrets

    settings = invocation().settings()
    report(settings, [*settings.warnings, *missing_secrets(settings)])


def report(settings: Settings, problems: Sequence[Problem]) -> None:
    """Tell the problems of a configuration that could be read; exit code 78 where one is an error."""
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
    if not document["ok"]:
        raise click.exceptions.Exit(Exit.CONFIG)
