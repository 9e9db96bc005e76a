"""`syncd reload`: a changed configuration for the service that runs."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import reading

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.store.engine import Store
    from syncd.store.reloads import Reload

LOOK_S = 0.2


@click.command("reload")
@click.option(
    "--pid", type=click.IntRange(min=1), help="The service's process; else the one that holds the state."
)
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=60, show_default=True,
    metavar="SECONDS", help="How long to wait until the service says that it did; it finishes a step first.",
)  # fmt: skip
@common
def command(pid: int | None, wait_s: float) -> None:
    """Check the whole file, then have the running service take it over between two cycles.

    An invalid file changes nothing: the service goes on with what it has and says so. state.url and
    http.listen only change with a restart.
    """
    run = invocation()
    try:
        settings = run.settings()
    except click.exceptions.Exit:
        if pid is not None:
            _ask(pid)  # it refuses the file too, and its status says so
        raise
    with reading(settings) as store:
        before = _last(store)
        known = pid or _service(settings, before)
        _ask(known)
        after = _answer(store, known, before.serial if before else 0, wait_s)
    if run.json:
        run.answer({"reloaded": after.ok, "refused": after.said, "needs_restart": list(after.restart)})
    elif after.ok:
        click.echo("Reloaded: the new configuration is in force.")
        for key in after.restart:
            click.echo(f"  ! {key} changes with a restart only; until then the old value is used.")
    if not after.ok:
        raise Stop(f"the service refused it and goes on as before: {after.said}", Exit.CONFIG)


def _service(settings: Settings, noted: Reload | None) -> int:
    """The process that holds the state and has noted that it serves: the signal would end any other."""
    from syncd.store.engine import holder

    path = settings.database_file
    if path is None:
        raise Stop("with PostgreSQL the service's process is not known here; give it with --pid.", Exit.USAGE)
    found = holder(path)
    if found is None:
        raise Stop(
            f"no service holds the state {path}, so there is nothing to reload. If state.url was changed, "
            "restart the service, or name its process with --pid.",
            Exit.USAGE,
        )
    if noted is None or noted.pid != found:
        raise Stop(
            f"process {found} holds the state and is no service that is ready: a run by hand, or a service that "
            "is just starting. Try again when it is done.",
            Exit.LOCKED,
        )
    return found


def _ask(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        raise Stop(f"there is no process {pid}", Exit.USAGE) from None
    except PermissionError:
        raise Stop(f"the process {pid} belongs to somebody else; run this as its user", Exit.USAGE) from None


def _last(store: Store) -> Reload | None:
    from syncd.store import reloads

    with store.read() as connection:
        return reloads.last(connection)


def _answer(store: Store, pid: int, serial: int, wait_s: float) -> Reload:
    end = time.monotonic() + wait_s
    while True:
        found = _last(store)
        if found is not None and found.serial > serial and found.pid == pid:
            return found
        if time.monotonic() >= end:
            raise Stop(
                f"process {pid} was asked and has not answered within {wait_s:g} s. It finishes what is under "
                "way first; `syncd status` says when it did. If state.url was changed, restart it.",
                Exit.UPSTREAM,
            )
        time.sleep(LOOK_S)
