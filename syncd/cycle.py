"""One cycle: pull, then enrich, poll and write until nothing is due, then reconcile and report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from syncd import report
from syncd.accounts import DRIFT, CrmAccount
from syncd.brakes import Watch
from syncd.brakes import advice as brake_advice
from syncd.connector import Failure, FailureKind
from syncd.door import enter
from syncd.ledger import Ledger
from syncd.mapping import unusable
from syncd.model import FieldInfo, SyncPolicy
from syncd.pull import Emptied, Puller, Window
from syncd.pulses import Pulses, least
from syncd.recover import recover
from syncd.refusals import failure_advice, refuse_older
from syncd.report import Tallies
from syncd.runtime import Runtime
from syncd.saved import Saved, Stale
from syncd.shift import Shift, next_due_us
from syncd.store import runs, work
from syncd.takeup import LeftOut, compared, take_up
from syncd.unfinished import settle
from syncd.unknowns import attend
from syncd.write import Writer, stop_sync

_log = structlog.get_logger("syncd.cycle")


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
            if self.orders.spend and ready and self._anything_due(ready):
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

    def _anything_due(self, syncs: list[str]) -> bool:
        """Whether there is work; somebody who waits for jobs also waits for what is due soon."""
        if self.orders.wait_for_jobs:
            return True
        job_us, waits = next_due_us(self.r.store, syncs)
        return any(us <= 0 for us in (*waits.values(), *([] if job_us is None else [job_us])))

    def _work(self, run_id: int, syncs: list[str]) -> None:
        """Have the contacts of these syncs enriched and written."""
        orders = self.orders
        if "hit_rate" not in orders.ignore_brakes:
            strictest = least([self.r.policies[name].brakes.hit_rate for name in syncs])
            self._bench.pulses = Pulses(self.r.store, self.r.standing, self.r.providers, strictest)
        writers = [self._writer(run_id, name) for name in syncs]
        shift = Shift(
            self._bench,
            run_id,
            writers,
            self.tallies,
            limit=orders.limit,
            enough=orders.enough,
            wait_for_jobs=orders.wait_for_jobs,
        )
        shift.work()
        for writer in writers:
            self.tallies.kept.update(writer.kept)
            if writer.braked:
                self.tallies.brakes[writer.policy.name] = writer.braked
            if writer.failure:
                self._failed(writer.crm.name, writer.failure)

    def _writer(self, run_id: int, name: str) -> Writer:
        policy = self.r.policies[name]
        watch = Watch(policy.brakes, self.orders.ignore_brakes)
        return Writer(self._bench, self.r.crms[policy.crm], policy, self.schemas[name], watch, run_id)

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


def _stop_of(halted: Mapping[str, runs.Halt], sync: str, crm: str) -> runs.Halt | None:
    """What keeps a sync from running. A CRM that refused us is asked again; one that was paused is not."""
    paused = halted.get(f"crm:{crm}")
    stop = halted.get("all") or halted.get(f"sync:{sync}")
    return stop or (paused if paused and paused.kind == "pause" else None)
