"""`syncd version`."""

from __future__ import annotations

import platform

import click

from syncd import __version__
from syncd.cli.invocation import common, invocation


@click.command("version")
@common
def command() -> None:
    """Print the version."""
    run = invocation()
    if run.json:
        run.answer({"version": __version__, "python": platform.python_version()})
    else:
        click.echo(f"syncd {__version__}")
