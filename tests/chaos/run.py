"""Chaos: loaded daemons are killed, frozen and starved again and again while their vendors misbehave; then the oracle
looks.

The same seed gives the same faults, edits, fates and pauses; the moment at which they meet the daemon is the
machine's.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncd.cycle import Cycle, Orders
from syncd.oracle import summary
from syncd.rehearsal import PROPERTIES, vendors
from syncd.runtime import Runtime
from syncd.store import jobs, lists
from tests.chaos import verdict
from tests.chaos.people import Office
from tests.chaos.places import Mount, Place, Server, place
from tests.chaos.weather import SETTINGS, Round, Weather
from tests.chaos.workers import Nursery, Worker
from tests.rehearsals import Stage, stages

LEASE_S = 6
HOURS = 3
SETTLE_CYCLES = 60
EDITS = 5
GOES_ON, GOES_ON_S = ('"contact.ended"', '"run.done"'), 90.0
OPEN = ("ready", "leased", "waiting", "enriched", "writing")


@dataclass(frozen=True)
class Plan:
    """What a campaign is to be."""

    rounds: int
    seed: int = 1
    contacts: int = 1000
    crm: str = "hubspot"
    providers: tuple[str, ...] = ()
    on_postgresql: bool = False
    workers: int = 1
    verbose: bool = False

    @property
    def vendors(self) -> tuple[str, ...]:
        return (self.crm, *(self.providers or vendors("provider")))


@dataclass
class Chaos:
    """One campaign over one stage."""

    plan: Plan
    stage: Stage
    place: Place
    workers: list[Worker]
    office: Office
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(verdict.COUNTS, 0))
    violations: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    """What the oracle found before it became quiet."""
    began: float = field(default_factory=time.monotonic)

    def rounds(self) -> None:
        """Round after round, each with its troubles."""
        names = list(self.stage.rehearsal.stands)
        weather = Weather(self.plan.seed, names, len(self.workers), self.place.troubles)
        for number in range(self.plan.rounds):
            now = weather.next()
            self._bring_up(now)
            self.office.work(EDITS)
            self._set_clocks(now)
            time.sleep(now.after_s)
            self._befall(now)
            self.counts["rounds"] += 1
            self._tell(f"round {number + 1}: {now.fate}")
        for worker in self.workers:
            worker.kill()
            self.stage.log.write("".join(worker.said))

    def _tell(self, text: str) -> None:
        """Progress, for whoever waits."""
        if self.plan.verbose:
            sys.stderr.write(f"{time.monotonic() - self.began:.0f} s {text}\n")
            sys.stderr.flush()

    def _calm(self) -> None:
        """No vendor has a fault any more."""
        for stand in self.stage.rehearsal.stands.values():
            _clear(stand.url)

    def _bring_up(self, now: Round) -> None:
        """Every worker lives, and the round's faults are in force."""
        for vendor, faults in now.faults.items():
            stand = self.stage.stand(vendor)
            _clear(stand.url)
            stand.ask("faults", list(faults))
        for worker in self.workers:
            self._start(worker)

    def _start(self, worker: Worker) -> None:
        ended = worker.note_end()
        if ended is not None:
            self.violations.append(f"a daemon ended by itself with {ended[0]}: {ended[1]}")
        if not worker.alive:
            self.counts["restarts"] += 1
            if not worker.start():
                self.violations.append(f"a daemon did not start: {worker.note_end()}")

    def _set_clocks(self, now: Round) -> None:
        for number, ahead_s in now.clock_s.items():
            self.workers[number].set_clock(ahead_s)
            self.counts["clock_steps"] += 1
        if now.server_clock_s is not None and isinstance(self.place, Server):
            self.place.ahead(now.server_clock_s)
            self.counts["clock_steps"] += 1

    def _befall(self, now: Round) -> None:
        worker = self.workers[now.victim]
        match now.fate:
            case "kill":
                worker.kill()
                self.counts["kills"] += 1
            case "term":
                if worker.alive and not worker.end():
                    self.violations.append("a daemon that was told to end did not, or ended badly")
            case "freeze":
                self._freeze(worker)
            case "read_only":
                self._read_only(worker)
            case trouble:
                self._starve(worker, trouble)

    def _freeze(self, worker: Worker) -> None:
        """Longer than what it holds is held for it; nobody can take a SQLite state over meanwhile."""
        if not worker.alive:
            return
        worker.signal(signal.SIGSTOP)
        time.sleep(LEASE_S * 1.3)
        worker.signal(signal.SIGCONT)
        self.counts["freezes"] += 1

    def _starve(self, worker: Worker, trouble: str) -> None:
        """The state cannot be written for a moment; afterwards the same daemon goes on, or ends cleanly."""
        if not worker.alive:
            return
        if isinstance(self.place, Server):
            self.place.cut()
        elif trouble == "disk_full" and isinstance(self.place, Mount):
            self.place.fill()
        else:
            self.place.break_writes(worker.pid or 0)
        time.sleep(1.0)
        begun = len(worker.said)
        self.place.mend()
        self._calm()
        self.counts["disk_full"] += 1
        if self._goes_on(worker, begun):
            return
        if worker.alive:
            self.violations.append(f"a daemon did not go on after {trouble}")
            worker.kill()
        else:
            ended = worker.note_end()
            if ended is None or ended[0] not in (5, 78) or not ended[1]:
                self.violations.append(f"a daemon ended badly after {trouble}: {ended}")

    def _goes_on(self, worker: Worker, begun: int) -> bool:
        """Whether it works again: a request goes out, or a contact or a run comes to its end."""
        before, until = worker.requests(), time.monotonic() + GOES_ON_S
        while worker.alive and time.monotonic() < until:
            if worker.hears(GOES_ON, 0.5, begun):
                return True
            now = worker.requests()
            if now is not None and before is not None and now > before:
                return True
            before = now if before is None else before
        return False

    def _read_only(self, worker: Worker) -> None:
        """A state that cannot be written is refused in one sentence, and left as it is."""
        assert isinstance(self.place, Mount)
        worker.kill()
        self.counts["kills"] += 1
        if not self.place.seal():
            return
        started = worker.start()
        ended = worker.note_end()
        if started or ended is None or ended[0] != 78 or "not writable" not in ended[1]:
            self.violations.append(f"a read-only state was not refused in a sentence: {ended}")
            worker.kill()
        self.place.mend()
        self.counts["disk_full"] += 1

    def settle(self) -> None:
        """No more trouble: cycles, hours apart for everybody, until nothing is under way."""
        self.place.mend()
        self._calm()
        # While the caps are those that were in force; then there is room for everybody, so that all come to an end.
        self.early = verdict.broken(self.stage, self.office.rekeyed, quiet=False)
        self.stage.configure(_changes(self.plan, self.place))
        for _ in range(SETTLE_CYCLES):
            self._pass(HOURS * 3600)
            with self._hurry() as runtime:
                Cycle(runtime, Orders(list(runtime.policies))).run()
                with runtime.store.read() as connection:
                    held = lists.counts(connection, list(runtime.policies))
                    pending = jobs.pending(connection)
            self._tell(f"settling: {held}, jobs {pending}")
            if not pending and not any(held.get(state) for state in OPEN):
                return
        self.violations.append(f"never quiet: {held}, jobs {pending}")

    def _pass(self, seconds: float) -> None:
        self.stage.pass_time(seconds)
        self.place.ahead(self.stage.ahead_s)

    @contextmanager
    def _hurry(self) -> Iterator[Runtime]:
        """The house, for which every pause is over at once, by its own clock and by the server's."""

        def skip(seconds: float) -> None:
            self.stage.ahead_s += seconds
            self.place.ahead(self.stage.ahead_s)

        with self.stage.hurry() as runtime:
            runtime.pacer.sleep = skip
            yield runtime

    def verdict(self) -> dict[str, Any]:
        """The line at the end, and every violation as a sentence."""
        found = [*self.early, *verdict.broken(self.stage, self.office.rekeyed)]
        unknowns = verdict.unexplained_unknowns(self.stage)
        fields = verdict.unexplained_fields(self.stage, self.plan.seed)
        with self._hurry() as runtime:
            repeated = verdict.again(runtime)
        unclean = [line for worker in self.workers for line in worker.unclean]
        told = [*found, *unknowns, *fields, *repeated, *self.violations, *unclean]
        return {
            **self.counts,
            "edits": self.office.edits,
            **verdict.columns(found),
            "unexplained_unknowns": len(unknowns),
            "unexplained_fields": len(fields),
            "second_run": len(repeated),
            "unclean": len(unclean) + len(self.violations),
            "violations": summary(told),
        }


def _clear(url: str) -> None:
    request = urllib.request.Request(f"{url}/_sandbox/faults", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


def _changes(plan: Plan, where: Place, rate: int | None = None) -> dict[str, Any]:
    """The configuration: a short lease; with a `rate` caps that are met, and a pace at which there is work in every
    round.
    """
    from connectors.sandbox import REHEARSALS

    providers: dict[str, Any] = {}
    for vendor in plan.vendors[1:]:
        kinds, buckets = REHEARSALS[vendor].credits, REHEARSALS[vendor].rates
        most = plan.contacts
        budget = {"per_run": math.ceil(most / 4), "per_day": math.ceil(most / 2), "per_month": most * 2}
        if rate is not None:
            limits = dict.fromkeys(buckets, f"{rate}/s")
            providers[vendor] = {"budgets": {kind: dict(budget) for kind in kinds}, "limits": limits}
    sync = {"every": "10s", "brakes": {"changed_share": 1.0, "same_value": 1000}}
    return {
        "state": {**where.changes, "lease": f"{LEASE_S}s"},
        "providers": providers,
        "syncs": {f"{plan.crm}-sandbox-contacts": sync},
    }


def campaign(folder: Path, plan: Plan) -> dict[str, Any]:
    """A whole campaign; its verdict."""
    began = time.monotonic()
    with place(folder, plan.on_postgresql) as where, stages(folder) as direct:
        rate = max(2, math.ceil(plan.contacts / plan.rounds / 2))
        settings = {v: s for v, s in SETTINGS.items() if v in plan.vendors}
        stage = direct(contacts=plan.contacts, vendors=plan.vendors, seed=plan.seed, settings=settings)
        stage.configure(_changes(plan, where, rate))
        nursery = Nursery()
        workers = [Worker(nursery, stage.config, folder / f"clock-{n}") for n in range(plan.workers)]
        dice = random.Random(f"people {plan.seed}")
        chaos = Chaos(plan, stage, where, workers, Office(stage.stand(plan.crm), dice))
        try:
            chaos.rounds()
        finally:
            nursery.close()
            where.mend()
        chaos.settle()
        told = chaos.verdict()
    told["seconds"] = round(time.monotonic() - began)
    return told


def failed(told: Mapping[str, Any]) -> bool:
    """Whether any column that has to be zero is not."""
    return any(n for k, n in told.items() if k not in verdict.COUNTS)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m tests.chaos.run --rounds 150`: one JSON line; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=1000)
    parser.add_argument("--crm", default="hubspot", choices=sorted(PROPERTIES))
    parser.add_argument("--providers", default="", help="names, with commas between them; all where left out")
    parser.add_argument(
        "--postgresql", action="store_true", help="the state on a PostgreSQL server of its own"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="daemons that share the state; with --postgresql"
    )
    parser.add_argument("--keep", type=Path, help="a folder in which everything stays for a look")
    given = parser.parse_args(arguments)
    if given.workers > 1 and not given.postgresql:
        parser.error("several workers share a state on PostgreSQL only: add --postgresql")
    chosen = tuple(name for name in given.providers.split(",") if name)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        given.rounds, given.seed, given.contacts, given.crm, chosen, given.postgresql, given.workers, True
    )
    with tempfile.TemporaryDirectory(prefix="syncd-chaos-") as folder:
        told = campaign(given.keep or Path(folder), plan)
    violations = told.pop("violations")
    if violations:
        sys.stderr.write(violations + "\n")
    sys.stdout.write(json.dumps(told) + "\n")
    return int(failed(told) or bool(violations))


if __name__ == "__main__":
    sys.exit(main())
