"""`syncd support-bundle`: what a bug report needs, in one file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading

MEANINGS = {
    "about.json": "versions of syncd, Python, the database and packages",
    "audit.jsonl": "the last audit events: ids and reasons, no values",
    "budgets.json": "caps, spending and the vendors' figures",
    "check.json": "what `syncd db check` finds",
    "config.yaml": "the configuration in force; secrets as their references",
    "counts.json": "how many rows of what kind",
    "metrics.txt": "the service's metrics at this moment",
    "runs.json": "the reports of the last runs",
    "status.json": "what `syncd status --json` says",
}


@click.command("support-bundle")
@click.argument("path", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only list what would be in it.")
@common
def command(path: Path | None, dry_run: bool) -> None:
    """List what goes into the bundle, then write it to PATH (syncd-support-TIME.tar.gz).

    It holds no secret and nobody's data: credentials, addresses, phone numbers and profiles are masked. Look
    into it before you pass it on.
    """
    from syncd.bundle import archive, contents

    run, now = invocation(), datetime.now(UTC)
    settings = run.settings()
    with reading(settings) as store:
        files = contents(store, settings, now)
    name = f"syncd-support-{now:%Y%m%dT%H%M%SZ}"
    target = path or Path(f"{name}.tar.gz")
    for part, content in files.items():
        click.echo(f"  {part:<14} {len(content):>9,} bytes  {MEANINGS.get(part, '')}", err=True)
    if not dry_run:
        _write(target, archive(files, name, now))
    if run.json:
        listed = [{"name": part, "bytes": len(content)} for part, content in files.items()]
        run.answer({"path": None if dry_run else str(target), "files": listed})
    elif not dry_run:
        click.echo(f"Wrote {target}.")


def _write(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Stop(f"{path} exists already and is not overwritten; name another PATH", Exit.USAGE) from None
    except OSError as error:
        raise Stop(f"{path} cannot be written: {os.strerror(error.errno or 0).lower()}", Exit.USAGE) from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
