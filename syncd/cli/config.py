"""`syncd config`: the configuration in force, and the schema of the file."""

from __future__ import annotations

import json

import click

from syncd.cli.invocation import common, invocation


@click.group("config")
@common
def command() -> None:
    """Show the configuration in force, or the schema of the file."""


@command.command("show")
@click.option(
    "--origin", is_flag=True, help="Say of each value where it comes from: file and line, or default."
)
@common
def show(origin: bool) -> None:
    """Print every key with its value, defaults included; secrets as their references."""
    from syncd.config.effective import dotted, effective, origins, yaml_text
    from syncd.config.example import flow

    run = invocation()
    settings = run.settings()
    whole = effective(settings)
    rows = [(dotted(at), value, where) for at, value, where in origins(settings, whole)] if origin else []
    if run.json:
        found = {"origins": {place: where for place, _, where in rows}} if origin else {}
        run.answer({"path": str(settings.source), "config": whole, **found})
    elif origin:
        lines = [(f"{place}: {flow(value)}", where) for place, value, where in rows]
        width = min(72, max(len(line) for line, _ in lines))
        for line, where in lines:
            click.echo(f"{line:<{width}}  # {where}")
    else:
        click.echo(yaml_text(whole), nl=False)


@command.command("schema")
@common
def schema() -> None:
    """Print the JSON Schema of the file, with the options of every connector."""
    from syncd.config.schema import file_schema

    click.echo(json.dumps(file_schema(), indent=2, ensure_ascii=False))
