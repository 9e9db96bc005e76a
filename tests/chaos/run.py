"""Chaos: a loaded daemon is killed again and again while its vendors misbehave; then the oracle looks.

The same seed gives the same faults, edits and pauses; the moment at which a kill meets the daemon is the
machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.cycle import Cycle, Orders
from syncd.oracle import summary
from syncd.store import jobs, lists
from tests.rehearsals import ROOT, Stage, stages

FAULTS = (
    {"kind": "charge_then_500", "rate": 0.02},
    {"kind": "reset_after", "rate": 0.02},
    {"kind": "reset_before", "rate": 0.03},
    {"kind": "status", "status": 503, "rate": 0.05},
    {"kind": "rate_limit", "rate": 0.02, "retry_after": "1"},
    {"kind": "garbage", "rate": 0.02},
    {"kind": "truncate", "rate": 0.01},
    {"kind": "delay", "seconds": 0.3, "rate": 0.1},
)
HOURS = 3
SETTLE_CYCLES = 40
OPEN = ("ready", "leased", "waiting", "enriched", "writing")


@dataclass
class Chaos:
    """One campaign over one stage."""

    stage: Stage
    seed: int
    budget: int = 0
    kills: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def rounds(self, count: int) -> None:
        """Start the daemon, let it work for a moment, kill it; with ever other troubles."""
        for _ in range(count):
            self._trouble()
            self._edit()
            self._live_and_die()

    def _trouble(self) -> None:
        for vendor, stand in self.stage.rehearsal.stands.items():
            _clear(stand.url)
            for fault in self.dice.sample(FAULTS, self.dice.randrange(3)):
                path = "*" if vendor != "hubspot" else "*/objects/contacts*"
                if vendor == "hubspot" and fault["kind"] in ("charge_then_500", "truncate"):
                    continue
                stand.ask("faults", {**fault, "path": path, "seed": self.dice.randrange(1_000_000)})

    def _edit(self) -> None:
        """A person works in the CRM meanwhile, on what no look-up is made by: whoever changes a contact's
        keys asks for another look-up, and that one costs.
        """
        crm = self.stage.stand("hubspot")
        ids = crm.ask("records")["ids"]
        for record in self.dice.sample(ids, min(3, len(ids))):
            name = self.dice.choice(["jobtitle", "mobilephone"])
            crm.ask("edit", {"id": record, "properties": {name: f"edited {self.dice.randrange(10_000)}"}})

    def _live_and_die(self) -> None:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "syncd", "run", "--config", str(self.stage.config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen = _until_ready(daemon)
        time.sleep(self.dice.uniform(0.0, 1.5))
        daemon.send_signal(signal.SIGKILL)
        seen += daemon.communicate()[1]
        self.kills += 1
        self.stage.log.write(seen)

    def settle(self) -> None:
        """No more trouble: cycles, hours apart, until nothing is under way."""
        for stand in self.stage.rehearsal.stands.values():
            _clear(stand.url)
        for number in range(SETTLE_CYCLES):
            ahead = timedelta(hours=HOURS * number)
            with self.stage.runtime(clock=lambda ahead=ahead: datetime.now(UTC) + ahead) as runtime:  # type: ignore[misc]
                store = runtime.store
                store.clock_us = lambda ahead=ahead: round((datetime.now(UTC) + ahead).timestamp() * 1e6)  # type: ignore[misc]
                store.engine.dispose()
                Cycle(runtime, Orders(list(runtime.policies))).run()
                with store.read() as connection:
                    counts = lists.counts(connection, list(runtime.policies))
                    pending = jobs.pending(connection)
            if not pending and not any(counts.get(state) for state in OPEN):
                return

    def verdict(self, rounds: int) -> dict[str, Any]:
        """The line at the end; every figure but rounds and kills must be 0."""
        found = self.stage.oracle()
        books = {v: s.ask("books", summary="1") for v, s in self.stage.rehearsal.stands.items()}
        with self.stage.runtime() as runtime, runtime.store.read() as connection:
            unexplained = [row for row in jobs.unresolved(connection) if not row[4]]
        starts = [v[:2] for v in found]
        over = [v for v in found if v.startswith("I1") and "holds" in v]
        return {
            "rounds": rounds,
            "kills": self.kills,
            "double_charged": sum(b["double_charged"] for b in books.values()),
            "overspent": len(over),
            "lost_results": starts.count("I1") - len(over) + starts.count("I6"),
            "human_edits_overwritten": sum(b["human_edits_overwritten"] for b in books.values()),
            "unaccounted": starts.count("I5") + starts.count("I2"),
            "unexplained_unknowns": len(unexplained),
            "violations": summary(found),
        }


def _until_ready(daemon: subprocess.Popen[str]) -> str:
    """What the daemon said until it was ready, which includes that line."""
    assert daemon.stderr is not None
    said = ""
    for line in daemon.stderr:
        said += line
        if '"daemon.ready"' in line:
            break
    return said


def _clear(url: str) -> None:
    import urllib.request

    request = urllib.request.Request(f"{url}/_sandbox/faults", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


def campaign(folder: Path, rounds: int, seed: int, contacts: int, vendors: tuple[str, ...]) -> dict[str, Any]:
    """A whole campaign; its verdict."""
    with stages(folder) as direct:
        stage = direct(
            contacts=contacts,
            vendors=vendors,
            seed=seed,
            changes={"syncs": {"hubspot-sandbox-contacts": {"every": "10s"}}},
        )
        chaos = Chaos(stage, seed)
        chaos.rounds(rounds)
        chaos.settle()
        return chaos.verdict(rounds)


def main() -> int:
    """`python -m tests.chaos.run --rounds 150`: one JSON line; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=2000)
    given = parser.parse_args()
    from syncd.rehearsal import vendors

    with tempfile.TemporaryDirectory(prefix="syncd-chaos-") as folder:
        verdict = campaign(
            Path(folder), given.rounds, given.seed, given.contacts, ("hubspot", *vendors("provider"))
        )
    violations = verdict.pop("violations")
    if violations:
        sys.stderr.write(violations + "\n")
    sys.stdout.write(json.dumps(verdict) + "\n")
    return int(any(n for k, n in verdict.items() if k not in ("rounds", "kills")) or bool(violations))


if __name__ == "__main__":
    sys.exit(main())
