"""A shift: enrich in one thread, poll and write in another, until nothing is due that is worth waiting for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context

import structlog
from sqlalchemy.exc import InternalError, OperationalError

from syncd import report
from syncd.connector import Failure, FailureKind
from syncd.enrich import Enricher
from syncd.poll import Poller
from syncd.report import Tallies
from syncd.store import jobs, lists
from syncd.store.engine import MILLION, Store
from syncd.workbench import Bench
from syncd.write import Writer

_log = structlog.get_logger("syncd.shift")
TICK_S = 0.25
LINGER_S = 45.0
"""How long an enriched contact may wait for others to share its batch."""
AGAIN_S = 0.01
"""The pause where something is due and nothing could be taken in; it doubles each time, so that such a cycle ends."""
PATIENCE_S = 30.0
"""A cycle waits for what falls due within this; later work is left to the next one."""
JOBS_S = 900.0
"""How long a cycle that is run by hand waits for jobs of vendors."""


STEADY = ("ready", "waiting", "enriched", "writing")
"""Contacts in these states are taken up as soon as they are due."""


def next_due_us(store: Store, syncs: Sequence[str]) -> tuple[int | None, dict[str, int]]:
    """Microseconds until a job is to be asked for, and sync → until its next contact is due; 0 or less for now."""
    with store.read() as connection:
        return jobs.next_due_us(connection), lists.next_due_us(connection, STEADY, syncs)


class Shift:
    """One run's work on the contacts that are ready."""

    def __init__(
        self,
        bench: Bench,
        run_id: int,
        writers: Sequence[Writer],
        tallies: Tallies,
        *,
        limit: int | None = None,
        enough: Callable[[], bool] = lambda: False,
        wait_for_jobs: bool = True,
    ) -> None:
        """At most `limit` contacts are taken in; once `enough` is true, what is under way is finished."""
        self.b = bench
        self.writers = writers
        self.tallies = tallies
        self.enough = enough
        self.wait_for_jobs = wait_for_jobs
        self.only = run_id if bench.mandate is not None else None
        """The run whose contacts alone are worked on, where a plan was saved."""
        self.enricher = Enricher(bench, run_id, [w.policy.name for w in writers], limit, enough)
        self.poller = Poller(bench)
        self._unusable: OperationalError | InternalError | None = None
        """How the state failed the thread that enriches."""

    def work(self) -> None:
        """Until nothing is due, or until told to stop. What failed stands in the tallies.

        Raises:
            OperationalError, InternalError: the state cannot be used.
        """
        waited = pause = 0.0
        while not self.b.stop.is_set():
            opened = self.enricher.opened
            self._drain()
            pause = 0.0 if self.enricher.opened != opened else min(max(AGAIN_S, 2 * pause), PATIENCE_S)
            wait = self._until_due(self.enricher.claimable, waited)
            if wait is None or self._over():
                # Batches that did not fill up go out once nothing more can join them.
                self._write_rest()
                wait = self._until_due((*self.enricher.claimable, "enriched", "writing"), waited)
                if wait is None or self._over():
                    break
            wait = wait or pause
            waited += wait
            sleep = self.b.pacer.sleep
            self.b.stop.wait(wait) if sleep.__module__ == "time" else sleep(wait)
        for (name, _), failure in self.enricher.failures.items():
            self.tallies.failures.setdefault((name, failure.kind), failure)

    def _drain(self) -> None:
        """Until nothing is due: whole batches are written while others are still being asked about."""
        thread = threading.Thread(target=copy_context().run, args=(self._guard,), name="enrich")
        thread.start()
        while thread.is_alive():
            thread.join(TICK_S)
            self.enough()
            self.poller.sweep()
            for writer in self.writers:
                self._write(writer)
            self._hold_back()
        if self._unusable is not None:
            raise self._unusable

    def _guard(self) -> None:
        try:
            self.enricher.drain()
        except (OperationalError, InternalError) as error:
            # Not ours to explain: whoever gave the orders meets a state that cannot be used everywhere.
            self._unusable = error
        except BaseException as error:
            # Whatever ends this thread ends the cycle: the other one would wait for its work for ever.
            self.tallies.failures[report.BROKEN] = Failure(FailureKind.CONTRACT, type(error).__name__)
            _log.exception("enrich.broken")

    def _over(self) -> bool:
        """Whether the shift is to end though something may be due."""
        return self.enough() or report.BROKEN in self.tallies.failures

    def _hold_back(self) -> None:
        """Nothing more is bought for a sync that cannot write what it has."""
        self.enricher.syncs = [w.policy.name for w in self.writers if not (w.failure or w.braked)]

    # writing

    def _write(self, writer: Writer) -> None:
        """Write what is worth its calls: whole batches, and a rest that has waited long enough."""
        with self.b.store.read() as connection:
            due, age_us = lists.backlog(connection, ("enriched", "writing"), writer.policy.name, writer.only)
        if age_us > LINGER_S * MILLION:
            writer.drain()
        elif due >= writer.crm.connector.write_batch:
            writer.drain(whole_batches=True)

    def _write_rest(self) -> None:
        for writer in self.writers:
            writer.drain()
        self._hold_back()

    # waiting

    def _until_due(self, states: Sequence[str], waited: float) -> float | None:
        """Seconds until a contact in these states falls due, or a job, that is worth waiting for; None where
        there is none.
        """
        with self.b.store.read() as connection:
            now, next_us = lists.due(connection, states, self.enricher.syncs, self.only)
            job_us = jobs.next_due_us(connection)
        patience = PATIENCE_S
        if job_us is not None and not self.wait_for_jobs:
            # Whoever ordered this asks for jobs by himself, and hears of callbacks only between cycles.
            job_us, patience = None, 0.0
        if now:
            return 0.0 if waited < JOBS_S else None
        waits = [w / MILLION for w in (next_us, job_us) if w is not None]
        soon = [w for w in waits if w <= patience or (job_us is not None and w <= job_us / MILLION)]
        return min(soon) + 0.01 if soon and waited < JOBS_S else None
