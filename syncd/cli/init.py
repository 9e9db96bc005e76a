"""`syncd init`: a configuration to start from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation

_STATE = "sqlite:syncd.db"


@click.command("init")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--crm", "crms", multiple=True, metavar="TYPE", help="A CRM, such as hubspot; may be repeated.")
@click.option(
    "--provider", "providers", multiple=True, metavar="TYPE", help="A data provider; may be repeated."
)
@common
def command(path: Path | None, crms: Sequence[str], providers: Sequence[str]) -> None:
    """Write a commented configuration to PATH (config.yaml), readable by its owner only.

    A file that exists is never overwritten. Without --crm and --provider, the first connector of each
    kind is used as the example.
    """
    from syncd.config import catalogue
    from syncd.config.example import example

    known_crms, known_providers = catalogue.types(catalogue.CRM), catalogue.types(catalogue.PROVIDER)
    chosen = _chosen("--crm", crms, known_crms) or known_crms[:1]
    sources = _chosen("--provider", providers, known_providers) or known_providers[:1]
    run = invocation()
    target = path or run.config or Path("config.yaml")
    _write(target, example(chosen, sources, optional=False, state=_STATE))
    if run.json:
        run.answer({"path": str(target), "crms": list(chosen), "providers": list(sources)})
        return
    click.echo(
        f"Wrote {target}. Fill in what is yours, then judge it with: syncd check --config {target}", err=True
    )
    click.echo(
        "`syncd config schema > config.schema.json` beside it lets editors complete its keys.", err=True
    )


def _chosen(option: str, given: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """What was asked for, each once."""
    from syncd.config.masking import shown
    from syncd.config.problems import closest

    for name in given:
        if name not in known:
            raise click.UsageError(f"{option}: there is no connector {shown(name)}; {closest(name, known)}")
    return tuple(dict.fromkeys(given))


def _write(path: Path, text: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Stop(f"{path} exists already and is not overwritten; name another PATH", Exit.USAGE) from None
    except OSError as error:
        raise Stop(f"{path} cannot be written: {os.strerror(error.errno or 0).lower()}", Exit.USAGE) from None
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
