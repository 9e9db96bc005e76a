"""The daemon: runs what is due, one cycle at a time, until it is told to end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import SQLAlchemyError

from syncd import census
from syncd.callbacks import Callbacks
from syncd.config import Mode
from syncd.connector import Failure
from syncd.cycle import Cycle, Orders, Outcome
from syncd.dispatch import Dispatcher
from syncd.door import enter
from syncd.health import details
from syncd.lookout import Lookout
from syncd.metrics import Metrics
from syncd.poll import Poller
from syncd.reload import Reloader
from syncd.runtime import Runtime, identify
from syncd.shift import next_due_us
from syncd.web import Web, application

_log = structlog.get_logger("syncd.daemon")
PULSE_S = 1.0
ALIVE_S = 120.0
TROUBLE_S = 5.0
COUNT_S = 60.0
"""How often it looks whether a census is due."""
FOLLOW_S = 10.0
"""At least this long between cycles that no schedule asked for."""


@dataclass
class Daemon:
    """One service over one state."""

    runtime: Runtime
    dispatcher: Dispatcher
    metrics: Metrics
    pulse: Callable[[], float] = time.monotonic
    on_begin: Callable[[], None] = lambda: None
    """Called before each cycle that a schedule asked for."""
    on_cycle: Callable[[Outcome], None] = lambda outcome: None
    reloader: Reloader | None = None
    trouble: str = ""
    """What keeps it from working, as a sentence; blank while all is well."""
    _beat_at: float = field(default=0.0)
    _followed_at: float = field(default=-1e9)
    _lookout: Lookout = field(init=False)
    _counting: census.Census | None = None
    _counted_at: float = field(default=-1e9)

    def __post_init__(self) -> None:
        self._lookout = Lookout(self.runtime.store)

    def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `runtime.stop` is set; what is under way then is finished.

        Raises:
            WrongAccount: a credential opens another account than it should.
            OSError: the listener's address cannot be bound.
        """
        self._beat_at = self.pulse()
        self.runtime.meter.observers.append(lambda *sent: self._beat())
        web = Web(
            application(
                self.metrics.registry,
                self.alive,
                self.ready,
                Callbacks(self.runtime, self.metrics).__call__,
                details=lambda: details(self.runtime),
            ),
            self.runtime.settings.http.listen,
        )
        try:
            self._greet()
            web.start()
            self.dispatcher.start()
            _log.info("daemon.ready", listen=str(web.address), syncs=len(self.runtime.policies))
            ready()
            self._loop()
        finally:
            _log.info("daemon.stopping")
            self.dispatcher.stop()
            web.stop()

    def _greet(self) -> None:
        """The accounts are the right ones; one that does not answer now is asked again by each cycle."""
        for crm in self.runtime.crms.values():
            try:
                identify(self.runtime, crm)
            except Failure as failure:
                _log.warning("crm.failed", crm=crm.name, kind=failure.kind.value, reason=failure.reason)

    def _loop(self) -> None:
        stop = self.runtime.stop
        while not stop.is_set():
            self._beat()
            self.dispatcher.tick()
            try:
                if self.reloader is not None and self.reloader.asked.is_set():
                    self.reloader.reload()
                self._turn()
                self.trouble = ""
            except SQLAlchemyError as error:
                # A full disk or a lost database server: nothing was booked, so nothing was sent.
                self.trouble = f"the state cannot be used ({type(error).__name__})"
                _log.error("state.failed", error=type(error).__name__)
                stop.wait(TROUBLE_S)
            stop.wait(PULSE_S if not self.dispatcher.waiting() else 0)

    def _beat(self) -> None:
        """A sign of life: the loop came round, or a request that it waited for has ended."""
        self._beat_at = self.pulse()

    def _turn(self) -> None:
        """What is due now: whole cycles of syncs, else jobs of vendors and contacts whose wait is over."""
        names = self.dispatcher.take()
        if names:
            self.on_begin()
            self._cycle(names, "run")
            return
        if self.runtime.settings.mode is not Mode.LIVE:
            self._census()
            return
        jobs_due, names = self._follow_up()
        if jobs_due:
            Poller(self.runtime.bench()).sweep()
        if names and self.pulse() - self._followed_at >= FOLLOW_S:
            self._followed_at = self.pulse()
            self._cycle(names, "follow")
        else:
            self._census()

    def _census(self) -> None:
        """A part of a census that is due: it makes room for a sync, and goes on after it."""
        if self._counting is None:
            if self.pulse() - self._counted_at < COUNT_S:
                return
            self._counted_at = self.pulse()
            names = census.due(self.runtime)
            if not names:
                return
            self._counting = census.Census(self.runtime, names[0])
        counting = self._counting
        try:
            enter(self.runtime, counting.crm)
            if counting.run(self._enough):
                census.carry_out(counting, 0)
                self._counting = None
        except Failure as failure:
            self._counting = None
            census.put_off(self.runtime, counting.sync)
            _log.warning("census.failed", sync=counting.sync, kind=failure.kind.value, reason=failure.reason)

    def _enough(self) -> bool:
        """A cycle makes room for the next one that is due, and for a reload; each look is a sign of life."""
        self._beat()
        self.dispatcher.tick()
        return self.dispatcher.waiting() or (self.reloader is not None and self.reloader.asked.is_set())

    def _cycle(self, names: list[str], kind: str) -> None:
        orders = Orders(
            names,
            kind=kind,
            pull=kind == "run",
            wait_for_jobs=False,
            spend=self.runtime.settings.mode is Mode.LIVE,
            enough=self._enough,
        )
        started = self.pulse()
        outcome = Cycle(self.runtime, orders).run()
        self.metrics.ran(names, self.pulse() - started)
        for sentence in outcome.advice:
            _log.warning("run.advice", text=sentence)
        self.on_cycle(outcome)

    def _follow_up(self) -> tuple[bool, list[str]]:
        """Whether jobs are due, and the syncs with contacts that are due though no schedule is."""
        if not self._lookout.needed():
            return False, []
        job_us, waits = next_due_us(self.runtime.store, list(self.runtime.policies))
        known = [*waits.values(), *([] if job_us is None else [job_us])]
        self._lookout.looked(min(known, default=None))
        return job_us is not None and job_us <= 0, sorted(n for n, us in waits.items() if us <= 0)

    def alive(self) -> tuple[bool, str]:
        """Whether the loop moves."""
        quiet = self.pulse() - self._beat_at
        return (True, "alive") if quiet < ALIVE_S else (False, f"no sign of life for {quiet:.0f} s")

    def ready(self) -> tuple[bool, str]:
        """Whether it does its work; an upstream that is down does not matter here."""
        if self.runtime.stop.is_set():
            return False, "draining"
        if self.trouble:
            return False, self.trouble
        refused = self.reloader.refused if self.reloader is not None else ""
        return True, f"ready, but {refused}" if refused else "ready"
