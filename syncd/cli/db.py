"""`syncd db`: back up, check and migrate the state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading, told

if TYPE_CHECKING:
    from syncd.config import Settings


@click.group("db")
@common
def command() -> None:
    """Back up, check or migrate the state."""


@command.command("backup")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@common
def backup(path: Path) -> None:
    """Copy the state into one file, PATH, as of this moment; the service may run.

    The file is readable by its owner only and appears when it is whole. A state in PostgreSQL is backed up with
    PostgreSQL's own tools.
    """
    from syncd.store import care

    run = invocation()
    settings = run.settings()
    if settings.database_file is None:
        raise Stop(
            "the state is in PostgreSQL: back it up with pg_dump --format=custom, or with your server's backups.",
            Exit.USAGE,
        )
    with reading(settings) as store:
        try:
            size = care.backup(store, path)
        except care.NotCopied as error:
            raise Stop(str(error), Exit.USAGE) from None
    if run.json:
        run.answer({"path": str(path), "bytes": size})
    else:
        click.echo(
            f"Wrote {path}, {size:,} bytes. To go back: stop the service, put it in the state's place."
        )


@command.command("check")
@common
def check() -> None:
    """Look whether the state is whole: its storage, its references, and the books against the budgets.

    Ends with code 8 where anything is wrong. It changes nothing, and the service may run.
    """
    from syncd.store import care

    run = invocation()
    with reading(run.settings()) as store:
        found = care.faults(store)
    if run.json:
        run.answer({"ok": not found, "faults": found})
    for sentence in () if run.json else found:
        click.echo(f"  ! {sentence}")
    if found:
        raise Stop(
            f"{len(found)} things are wrong with the state. Stop the service, keep a copy, and go back to a backup; "
            "see the operator guide.",
            Exit.INTEGRITY,
        )
    if not run.json:
        click.echo("The state is whole: storage, references, books and audit trail agree.")


@command.command("migrate")
@common
def migrate() -> None:
    """Bring the state to this release's schema; make it where there is none.

    `syncd run` and `syncd once` do it by themselves. Back it up before: there is no way back but that.
    """
    from syncd.runtime import open_store
    from syncd.store.schema import HEAD

    run = invocation()
    settings = run.settings()
    with told():
        before = _schema(settings)
        open_store(settings, exclusive=True).close()
    if run.json:
        run.answer({"before": before, "after": HEAD})
    elif before == HEAD:
        click.echo(f"The state is at schema {HEAD} already.")
    else:
        came = f"from {before} " if before else ""
        click.echo(f"The state was brought {came}to schema {HEAD}.")


def _schema(settings: Settings) -> str | None:
    """The schema that the state has now; None where there is no state."""
    from syncd.store.engine import Store
    from syncd.store.schema import current

    if settings.database_file is not None and not settings.database_file.exists():
        return None
    store = Store(settings.database_url())
    try:
        with store.read() as connection:
            return current(connection)
    finally:
        store.close()
