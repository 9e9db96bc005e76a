"""`syncd completion`: the script by which a shell completes verbs and options."""

from __future__ import annotations

import click

from syncd.cli.invocation import common


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
def command(shell: str) -> None:
    """Print the script for SHELL. For bash: syncd completion bash > /etc/bash_completion.d/syncd"""
    from click.shell_completion import get_completion_class

    from syncd.cli.group import root

    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(maker(root, {}, "syncd", "_SYNCD_COMPLETE").source())
