"""`syncd run`: the service."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from syncd.cli.exits import Exit
from syncd.cli.invocation import Stop, common, invocation
from syncd.cli.opening import start_log, working

if TYPE_CHECKING:
    from threading import Event

    from syncd.config import Settings
    from syncd.daemon import Daemon
    from syncd.runtime import Runtime


@click.command("run")
@common
def command() -> None:
    """Keep every sync up to date, by its schedule, until SIGTERM; what was paid for is finished first.

    SIGHUP takes over a changed configuration between two cycles, as `syncd reload` does. /metrics, /livez and
    /readyz are served at http.listen.
    """
    from threading import Event

    settings, asked = invocation().settings(), Event()
    with _asked_by_hangup(asked), working(settings) as runtime:
        _serve(settings, runtime, asked)


def _serve(settings: Settings, runtime: Runtime, asked: Event) -> None:
    from syncd.config import load
    from syncd.daemon import Daemon
    from syncd.dispatch import Dispatcher
    from syncd.metrics import Metrics
    from syncd.notify import crier, equipment
    from syncd.notifying import Herald
    from syncd.reload import Reloader

    path = settings.source.resolve()
    dispatcher = Dispatcher(settings)
    reloader = Reloader(runtime, dispatcher, lambda: load(path), asked=asked)
    daemon = Daemon(runtime, dispatcher, Metrics(runtime, dispatcher), reloader=reloader)
    herald = Herald.of_this_process(daemon.alive, lambda: _status(daemon), runtime.stop)
    reloader.tell = herald.reloading

    def ready() -> None:
        reloader.started()
        herald.ready()

    try:
        with crier(settings, runtime) as telling:

            def settle(taken: Settings) -> None:
                start_log(taken, runtime.lines)
                telling.follow(*equipment(taken, runtime))

            reloader.settle = settle
            daemon.on_begin, daemon.on_cycle = telling.began, telling.ended
            daemon.serve(ready)
    except OSError as error:
        raise Stop(
            f"http.listen {settings.http.listen} cannot be used ({error.strerror}). "
            "Another process may have it; choose another port.",
            Exit.CONFIG,
        ) from None
    finally:
        herald.end()


def _status(daemon: Daemon) -> str:
    """One line for the service manager: how it is, and what comes next."""
    well, sentence = daemon.ready()
    following = daemon.dispatcher.next_at()
    then = f"; next pull {following:%H:%M} UTC" if well and following else ""
    return f"{daemon.runtime.settings.mode.value}: {sentence}{then}"


@contextmanager
def _asked_by_hangup(asked: Event) -> Iterator[None]:
    before = signal.signal(signal.SIGHUP, lambda *_: asked.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
