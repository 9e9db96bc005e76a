"""`syncd run`: the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import working

if TYPE_CHECKING:
    from syncd.config import Settings
    from syncd.runtime import Runtime


@click.command("run")
@common
def command() -> None:
    """Keep every sync up to date, by its schedule, until SIGTERM; what was paid for is finished first.

    /metrics, /livez and /readyz are served at http.listen.
    """
    settings = invocation().settings()
    with working(settings) as runtime:
        _serve(settings, runtime)


def _serve(settings: Settings, runtime: Runtime) -> None:
    from syncd.daemon import Daemon
    from syncd.dispatch import Dispatcher
    from syncd.metrics import Metrics
    from syncd.notify import crier

    dispatcher = Dispatcher(settings)
    daemon = Daemon(runtime, dispatcher, Metrics(runtime, dispatcher))
    try:
        with crier(settings, runtime) as telling:
            daemon.on_begin, daemon.on_cycle = telling.began, telling.ended
            daemon.serve()
    except OSError as error:
        raise Stop(
            f"http.listen {settings.http.listen} cannot be used ({error.strerror}). "
            "Another process may have it; choose another port.",
            Exit.CONFIG,
        ) from None
