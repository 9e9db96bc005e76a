"""The `syncd` command: a group whose verbs are imported when they are used."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

import click

from syncd import __version__
from syncd.cli.exits import MEANINGS
from syncd.cli.invocation import common
from syncd.cli.verbs import VERBS


class Verbs(click.Group):
    """The verbs of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command = import_module(verb.module).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{verb.module} offers no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            near = get_close_matches(name.casefold(), VERBS, n=1, cutoff=0.5)
            hint = f'did you mean "{near[0]}"?' if near else "`syncd --help` lists the verbs."
            ctx.fail(f"there is no such verb; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, verb.help) for name, verb in VERBS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keeps a CRM's contacts enriched within credit budgets.",
)
@click.version_option(__version__, prog_name="syncd", message="%(prog)s %(version)s")
@common
def root() -> None:
    """Options before the verb hold for every verb."""
