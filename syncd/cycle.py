"""One cycle: pull, then enrich, poll and write until nothing is due, then reconcile and report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.exc import InternalError, OperationalError

from syncd import report
from syncd.accounts import DRIFT, CrmAccount
from syncd.brakes import Watch
from syncd.brakes import advice as brake_advice
from syncd.connector import Failure, FailureKind
from syncd.door import enter
from syncd.enrich import Enricher
from syncd.ledger import Ledger
from syncd.model import Field, FieldInfo, SyncPolicy
from syncd.poll import Poller
from syncd.pull import Emptied, Puller, Window
from syncd.pulses import Pulses, least
from syncd.recover import recover
from syncd.report import Tallies
from syncd.runtime import Runtime, WrongAccount, failure_advice, refuse_older
from syncd.saved import Saved, Stale
from syncd.store import jobs, lists, runs, work
from syncd.store.engine import MILLION
from syncd.takeup import LeftOut, compared, take_up
from syncd.unfinished import settle
from syncd.unknowns import attend
from syncd.write import Writer, stop_sync

_log = structlog.get_logger("syncd.cycle")
TICK_S = 0.1
LINGER_S = 45.0
"""How long an enriched contact may wait for others to share its batch."""
AGAIN_S = 0.01
"""The pause where something is due and nothing could be taken in; it doubles each time, so that such a cycle ends."""
PATIENCE_S = 30.0
"""A cycle waits for what falls due within this; later work is left to the next one."""
NUMBERS = frozenset({Field.COMPANY_SIZE, Field.COMPANY_FOUNDED, Field.COMPANY_REVENUE})
JOBS_S = 900.0
"""How long a cycle that is run by hand waits for jobs of vendors."""


@dataclass
class Orders:
    """What a cycle is to do."""

    syncs: Sequence[str]
    kind: str = "once"
    everything: bool = False
    limit: int | None = None
    ignore_brakes: frozenset[str] = frozenset()
    wait_for_jobs: bool = True
    enough: Callable[[], bool] = lambda: False
    """Asked again and again: once it is true, what is under way is finished and the cycle ends."""
    pull: bool = True
    """False: only what is due already is worked on."""
    spend: bool = True
    """False in plan mode: contacts are pulled and left ready; nothing is bought or written."""
    plan: Saved | None = None
    """Do nothing but this; goes with `pull` False."""


@dataclass
class Outcome:
    """The report as `--json` prints it, the exit code, and sentences for people."""

    report: dict[str, Any]
    code: int
    advice: list[str] = field(default_factory=list)


class Cycle:
    """Carries out orders once."""

    def __init__(self, runtime: Runtime, orders: Orders) -> None:
        self.r = runtime
        self.orders = orders
        self.tallies = Tallies()
        self.schemas: dict[str, dict[str, FieldInfo]] = {}
        self._bench = runtime.bench()
        self._bench.ignored = orders.ignore_brakes
        self._left_out: list[LeftOut] = []
        if orders.plan is not None:
            self._bench.mandate = orders.plan.mandate()
            purses = self._bench.mandate.purses(runtime.ledger.purses)
            self._bench.ledger = Ledger(runtime.store, purses, runtime.owner, self._bench.lease_us)
        self._unusable: OperationalError | InternalError | None = None
        """How the state failed the thread that enriches."""

    def run(self) -> Outcome:
        """The whole cycle. Failures of a CRM or provider end up in the outcome, not in exceptions.

        Raises:
            WrongAccount: before anything was read or written.
            Restored: likewise; nothing may be bought on the word of this state.
        """
        if self.orders.spend:
            refuse_older(self.r.store)
        started = self.r.pacer.monotonic()
        mark = self.r.meter.mark()
        with self.r.store.write() as connection:
            run_id = runs.start(connection, self.orders.kind, ",".join(self.orders.syncs), self.r.owner)
        log = structlog.contextvars.bind_contextvars(run_id=run_id)
        try:
            recover(self.r.store, self.r.ledger, self.r.providers, self.r.owner, self._bench.lease_us)
            for name, failure in self.r.standing.recheck().items():
                self.tallies.failures[name, failure.kind] = failure
            if self.orders.spend:
                attend(self._bench)
            ready = self._take_up(run_id, self._pull(run_id))
            if self.orders.spend and ready:
                self._work(run_id, ready)
                self._reconcile(run_id)
            seconds = self.r.pacer.monotonic() - started
            return self._conclude(run_id, seconds, mark)
        finally:
            structlog.contextvars.reset_contextvars(**log)

    def _take_up(self, run_id: int, ready: list[str]) -> list[str]:
        """The syncs to work on: those that were ordered, or all of a plan that can be carried out."""
        plan = self.orders.plan
        if plan is None:
            return ready
        if set(ready) != set(plan.syncs):
            self.tallies.notes.append("The plan was not begun, and can still be carried out.")
            return []
        try:
            self._left_out = take_up(self.r, plan, run_id)
        except Stale as stale:
            self.tallies.brakes["plan"] = ""
            self.tallies.notes.append(str(stale))
            return []
        except Failure as failure:
            self._failed(self.r.policies[ready[0]].crm, failure)
            return []
        named = [
            f"{one.item.sync}: contact {one.item.record_id} is left out: {one.why}." for one in self._left_out
        ]
        self.tallies.notes += named
        return ready

    # pulling

    def _pull(self, run_id: int) -> list[str]:
        """Pull every sync whose CRM can be used; the names of those that may be worked on."""
        usable: list[str] = []
        known: dict[str, bool] = {}
        with self.r.store.read() as connection:
            halted = {h.scope: h for h in runs.halts(connection)}
        for name in self.orders.syncs:
            policy = self.r.policies[name]
            crm = self.r.crms[policy.crm]
            halt = _stop_of(halted, name, policy.crm)
            if halt is not None and runs.brake_of(halt) not in self.orders.ignore_brakes:
                self._halted(name, halt)
                continue
            if policy.crm not in known:
                known[policy.crm] = self._ready(crm)
            if known[policy.crm] and self._pull_one(run_id, crm, policy):
                usable.append(name)
        if self.orders.plan is None:
            with self.r.store.write() as connection:
                work.release_budget(connection, usable, run_id)
        return usable

    def _halted(self, name: str, halt: runs.Halt) -> None:
        if halt.kind == "brake":
            self.tallies.brakes[name] = halt.reason
        self.tallies.notes.append(
            f"{name} is paused: {halt.reason}. `syncd resume {halt.scope}` lets it go on."
        )

    def _ready(self, crm: CrmAccount) -> bool:
        """The right account answers, and has calls left for us."""
        if not self.orders.pull and any(name == crm.name for name, _ in self.r.schemas):
            return True
        try:
            enter(self.r, crm)
            settle(self.r, crm)
            return True
        except Failure as failure:
            self._failed(crm.name, failure)
            return False

    def _pull_one(self, run_id: int, crm: CrmAccount, policy: SyncPolicy) -> bool:
        sync = self.r.settings.syncs[policy.name]
        window = Window(sync.since, sync.overlap.total_seconds())
        puller = Puller(
            self.r.store,
            crm,
            policy,
            window,
            self.r.salt,
            run_id,
            self._stopped,
            self.orders.limit,
            self.r.owner,
            self._bench.lease_us,
            brake=Watch(policy.brakes, self.orders.ignore_brakes).missing,
        )
        structlog.contextvars.bind_contextvars(sync=policy.name, crm=crm.name)
        try:
            self.schemas[policy.name] = self._schema(crm, policy)
            wrong = unusable(policy, self.schemas[policy.name])
            if wrong:
                raise Failure(FailureKind.CONFIG, "; ".join(wrong), charged=False)
            if self.orders.pull:
                puller.pull(self.orders.everything)
        except Failure as failure:
            self._failed(crm.name, failure)
            return False
        except Emptied as emptied:
            self.tallies.brakes[policy.name] = str(emptied)
            stop_sync(self.r.store, policy.name, str(emptied), run_id)
            return False
        finally:
            self.tallies.pulled.update(puller.counts)
            if puller.counts["elsewhere"]:
                self.tallies.notes.append(f"{policy.name}: another worker reads {crm.name} at this moment.")
            structlog.contextvars.unbind_contextvars("sync", "crm")
        with self.r.store.write() as connection:
            runs.set_sync(connection, policy.name, last_run_at=work.now_us(connection))
        return True

    def _schema(self, crm: CrmAccount, policy: SyncPolicy) -> dict[str, FieldInfo]:
        """The properties of the object; read with every pull, because somebody may change them."""
        at = (crm.name, policy.object)
        if self.orders.pull or at not in self.r.schemas:
            self.r.schemas[at] = dict(crm.connector.schema(policy.object))
        return self.r.schemas[at]

    def _stopped(self) -> bool:
        """Whether to end; asking is a sign of life."""
        self.orders.enough()
        return self.r.stop.is_set()

    def _failed(self, name: str, failure: Failure) -> None:
        self.tallies.failures.setdefault((name, failure.kind), failure)
        _log.warning(
            "crm.failed", crm=name, kind=failure.kind.value, reason=failure.reason, code=failure.code
        )

    # working

    def _work(self, run_id: int, syncs: list[str]) -> None:
        """Enrich in one thread; write and poll in this one."""
        orders = self.orders
        if "hit_rate" not in orders.ignore_brakes:
            strictest = least([self.r.policies[name].brakes.hit_rate for name in syncs])
            self._bench.pulses = Pulses(self.r.store, self.r.standing, self.r.providers, strictest)
        enricher = Enricher(self._bench, run_id, syncs, orders.limit, orders.enough)
        writers = [self._writer(run_id, name) for name in syncs]
        poller = Poller(self._bench)
        waited = pause = 0.0
        while not self.r.stop.is_set():
            opened = enricher.opened
            self._drain(enricher, writers, poller)
            pause = 0.0 if enricher.opened != opened else min(max(AGAIN_S, 2 * pause), PATIENCE_S)
            wait = self._until_due(enricher.syncs, enricher.claimable, waited, run_id)
            if wait is None or self._over():
                # Batches that did not fill up go out once nothing more can join them.
                self._write_rest(enricher, writers)
                states = (*enricher.claimable, "enriched", "writing")
                wait = self._until_due(enricher.syncs, states, waited, run_id)
                if wait is None or self._over():
                    break
            wait = wait or pause
            waited += wait
            self.r.stop.wait(wait) if self.r.pacer.sleep.__module__ == "time" else self.r.pacer.sleep(wait)
        for writer in writers:
            self.tallies.kept.update(writer.kept)
            if writer.braked:
                self.tallies.brakes[writer.policy.name] = writer.braked
            if writer.failure:
                self._failed(writer.crm.name, writer.failure)
        for (name, _), failure in enricher.failures.items():
            self.tallies.failures.setdefault((name, failure.kind), failure)

    def _writer(self, run_id: int, name: str) -> Writer:
        policy = self.r.policies[name]
        watch = Watch(policy.brakes, self.orders.ignore_brakes)
        return Writer(self._bench, self.r.crms[policy.crm], policy, self.schemas[name], watch, run_id)

    def _drain(self, enricher: Enricher, writers: Sequence[Writer], poller: Poller) -> None:
        """Until nothing is due: whole batches are written while others are still being asked about."""
        thread = threading.Thread(target=copy_context().run, args=(self._guard, enricher), name="enrich")
        thread.start()
        while thread.is_alive():
            thread.join(TICK_S)
            self.orders.enough()
            poller.sweep()
            for writer in writers:
                self._write(writer)
            # Nothing more is bought for a sync that cannot write what it has.
            enricher.syncs = _healthy(writers)
        if self._unusable is not None:
            raise self._unusable

    def _write_rest(self, enricher: Enricher, writers: Sequence[Writer]) -> None:
        for writer in writers:
            writer.drain()
        enricher.syncs = _healthy(writers)

    def _over(self) -> bool:
        """Whether the cycle is to end though something may be due."""
        return self.orders.enough() or report.BROKEN in self.tallies.failures

    def _guard(self, enricher: Enricher) -> None:
        try:
            enricher.drain()
        except (OperationalError, InternalError) as error:
            # Not ours to explain: whoever gave the orders meets a state that cannot be used everywhere.
            self._unusable = error
        except BaseException as error:
            # Whatever ends this thread ends the cycle: the other one would wait for its work for ever.
            self.tallies.failures[report.BROKEN] = Failure(FailureKind.CONTRACT, type(error).__name__)
            _log.exception("enrich.broken")

    def _write(self, writer: Writer) -> None:
        """Write what is worth its calls: whole batches, and a rest that has waited long enough."""
        with self.r.store.read() as connection:
            due, age_us = lists.backlog(connection, ("enriched", "writing"), writer.policy.name, writer.only)
        if age_us > LINGER_S * MILLION:
            writer.drain()
        elif due >= writer.crm.connector.write_batch:
            writer.drain(whole_batches=True)

    def _until_due(self, syncs: list[str], states: Sequence[str], waited: float, run_id: int) -> float | None:
        """Seconds until a contact in these states falls due, or a job, that this cycle should wait for; None
        where it is done.
        """
        with self.r.store.read() as connection:
            now, next_us = lists.due(connection, states, syncs, run_id if self.orders.plan else None)
            job_us = jobs.next_due_us(connection)
        patience = PATIENCE_S
        if job_us is not None and not self.orders.wait_for_jobs:
            # whoever gave these orders asks for jobs by himself, and hears of callbacks only between cycles
            job_us, patience = None, 0.0
        if now:
            return 0.0 if waited < JOBS_S else None
        waits = [w / MILLION for w in (next_us, job_us) if w is not None]
        soon = [w for w in waits if w <= patience or (job_us is not None and w <= job_us / MILLION)]
        return min(soon) + 0.01 if soon and waited < JOBS_S else None

    def _reconcile(self, run_id: int) -> None:
        """Read the vendors' figures again where this run spent, so that the next one starts from the truth."""
        for name, kinds in report.spent(self.r.store, run_id).items():
            if kinds and name in self.r.providers:
                self.r.standing.refresh(self.r.providers[name])

    # concluding

    def _tell_stopped(self) -> None:
        """Contacts wait for accounts that a person must see to: that is part of the verdict."""
        with self.r.store.read() as connection:
            halted = runs.halts(connection)
        for halt in halted:
            name = halt.scope.partition("/")[0]
            if name in self.r.providers and halt.kind in ("auth", "config", "out_of_credits", DRIFT):
                kind = FailureKind.CONFIG if halt.kind == DRIFT else FailureKind(halt.kind)
                self.tallies.failures.setdefault((name, kind), Failure(kind, halt.reason, charged=False))

    def _tell_braked(self) -> None:
        """Providers that a brake keeps from being paid: so is each run that would ask them, like a braked sync."""
        asked = {name for sync in self.orders.syncs for name in self.r.policies[sync].accounts}
        with self.r.store.read() as connection:
            for halt in runs.halts(connection):
                if halt.scope in asked and runs.brake_of(halt) not in ("", *self.orders.ignore_brakes):
                    self.tallies.brakes.setdefault(halt.scope, halt.reason)

    def _conclude(self, run_id: int, seconds: float, mark: dict[str, Any]) -> Outcome:
        counts = report.contacts(self.r.store, run_id, self.tallies.pulled)
        self._tell_braked()
        if counts["waiting"]:
            self._tell_stopped()
        names = sorted({f.field.value for n in self.orders.syncs for f in self.r.policies[n].fields})
        tallies = self.r.meter.since(mark)
        made = report.calls(tallies, [*self.r.crms, *self.r.providers])
        crm_calls = sum(made[name]["total"] for name in self.r.crms)
        rooms = self._bench.ledger.headroom(self._bench.ledger.periods(run_id, self.r.clock()))
        spending = report.spending(self.r.store, run_id, rooms)
        verdict, code = report.verdict(counts, self.tallies, self.r.crms)
        document = {
            "schema_version": report.SCHEMA_VERSION,
            "run_id": run_id,
            "verdict": verdict,
            "seconds": round(seconds, 2),
            "contacts": counts,
            "fields": report.fields(self.r.store, run_id, names, self.tallies.kept),
            "credits": spending,
            "calls": made,
            "crm_calls_per_1000": round(1000 * crm_calls / counts["seen"], 1) if counts["seen"] else 0.0,
            "contacts_per_second": round(counts["in_scope"] / seconds, 1) if seconds else 0.0,
            "peak_rss_mb": report.peak_rss_mb(),
        }
        if self.orders.plan is not None:
            document["plan"] = compared(self.orders.plan, self._left_out, spending)
        told = [failure_advice(name, failure) for (name, _), failure in self.tallies.failures.items()]
        told += [brake_advice(self._scope(name), why) for name, why in self.tallies.brakes.items() if why]
        document["messages"] = told + self.tallies.notes
        with self.r.store.write() as connection:
            runs.end(connection, run_id, verdict, document)
            if verdict in ("ok", "budget_stop", "partial"):
                for name in self.orders.syncs:
                    runs.set_sync(connection, name, last_success_at=work.now_us(connection))
        _log.info("run.done", verdict=verdict, **{k: v for k, v in counts.items() if v})
        return Outcome(document, code, told + self.tallies.notes)

    def _scope(self, name: str) -> str:
        """The scope of what a brake stopped, as `syncd resume` takes it."""
        return f"sync:{name}" if name in self.r.policies else name


def _healthy(writers: Sequence[Writer]) -> list[str]:
    return [w.policy.name for w in writers if not (w.failure or w.braked)]


def _stop_of(halted: Mapping[str, runs.Halt], sync: str, crm: str) -> runs.Halt | None:
    """What keeps a sync from running. A CRM that refused us is asked again; one that was paused is not."""
    paused = halted.get(f"crm:{crm}")
    stop = halted.get("all") or halted.get(f"sync:{sync}")
    return stop or (paused if paused and paused.kind == "pause" else None)


def unusable(policy: SyncPolicy, schema: dict[str, FieldInfo]) -> list[str]:
    """What of a sync's mapping the CRM cannot do, one sentence each."""
    wrong = []
    for name in policy.inputs:
        if name not in schema:
            wrong.append(f"syncs.{policy.name} reads the property {name}, which {policy.crm} does not have")
    for wanted in policy.fields:
        info = schema.get(wanted.to)
        if info is None:
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, which {policy.crm} does not have"
            )
        elif not info.writable:
            why = f" ({info.why_read_only})" if info.why_read_only else ""
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, which is read-only{why}"
            )
        elif info.type in ("date", "datetime", "bool") or (
            info.type == "number" and wanted.field not in NUMBERS
        ):
            wrong.append(
                f"syncs.{policy.name}.fields.{wanted.field.value} is written to {wanted.to}, "
                f"which holds a {info.type}, not text"
            )
    return wrong


__all__ = ["Cycle", "Orders", "Outcome", "WrongAccount", "unusable"]
