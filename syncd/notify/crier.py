"""Crier: the notifier and the pinger beside a service or a single cycle."""

from __future__ import annotations

import threading
from types import TracebackType

import structlog
from sqlalchemy.exc import SQLAlchemyError

from syncd.config import Settings
from syncd.cycle import Outcome
from syncd.notify.channels import Channel, Mail, Webhook
from syncd.notify.notifier import Notifier
from syncd.notify.pinger import Pinger
from syncd.notify.troubles import troubles
from syncd.runtime import Runtime

_log = structlog.get_logger("syncd.notify")
EVERY_S = 60.0
END_S = 30.0
WELL = ("ok", "partial", "budget_stop")


class Crier:
    """Tells after each cycle and each minute, from a thread of its own. Used as a context; it ends with it."""

    def __init__(self, notifier: Notifier | None, pinger: Pinger | None, every_s: float = EVERY_S) -> None:
        self._notifier = notifier
        self._pinger = pinger
        self._every_s = every_s
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crier", daemon=True)

    def __enter__(self) -> Crier:
        self._begin()
        return self

    def follow(self, notifier: Notifier | None, pinger: Pinger | None) -> None:
        """Tell and ping by these from now on; between two cycles only."""
        before, self._notifier, self._pinger = self._pinger, notifier, pinger
        if before is not None:
            before.stop()
        self._begin()
        self._wake.set()

    def _begin(self) -> None:
        if self._notifier is not None and self._thread.ident is None:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell what the last cycle brought, then end."""
        self._ending.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(END_S)
        if self._pinger is not None:
            self._pinger.ended(False, "" if kind is None else f"ended by {kind.__name__}")
            self._pinger.stop()

    def began(self) -> None:
        """A cycle begins that a schedule asked for."""
        if self._pinger is not None:
            self._pinger.began()

    def ended(self, outcome: Outcome) -> None:
        """A cycle has ended."""
        if self._pinger is not None:
            counts = {k: n for k, n in outcome.report["contacts"].items() if n}
            text = f"{outcome.report['verdict']}: " + ", ".join(f"{n} {k}" for k, n in counts.items())
            self._pinger.ended(outcome.report["verdict"] in WELL, text)
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.clear()
            self._tell()
            if self._ending.is_set():
                return
            self._wake.wait(self._every_s)

    def _tell(self) -> None:
        notifier = self._notifier
        try:
            if notifier is not None:
                notifier.tell()
        except SQLAlchemyError as error:
            _log.warning("notify.put_off", error=type(error).__name__)
        except Exception:
            _log.exception("notify.broken")


def crier(settings: Settings, runtime: Runtime) -> Crier:
    """The crier that the configuration asks for; one that does nothing where it asks for none."""
    return Crier(*equipment(settings, runtime))


def equipment(settings: Settings, runtime: Runtime) -> tuple[Notifier | None, Pinger | None]:
    """What the configuration asks for to tell and to ping by."""
    notify = settings.notify
    channels: list[Channel] = []
    if notify.smtp is not None:
        channels.append(Mail(notify.smtp))
    if notify.webhook is not None:
        channels.append(Webhook(notify.webhook))
    notifier = (
        Notifier(runtime.store, channels, lambda: troubles(runtime, runtime.clock())) if channels else None
    )
    return notifier, Pinger(notify.ping.url) if notify.ping else None
