"""Whole cycles over stand-in servers, for flow tests: one rehearsal per test, everything ended for sure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import stamina

from syncd.calls import ATTEMPTS
from syncd.config import Settings, load
from syncd.connector import Replay
from syncd.connector import load as connector
from syncd.cycle import Cycle, Orders, Outcome
from syncd.log import Scrubber, configure
from syncd.oracle import Oracle, second_run
from syncd.rehearsal import Rehearsal, Stand
from syncd.runtime import Runtime, open_runtime
from syncd.store.engine import Store
from tests.warm import Warm

ROOT = Path(__file__).parent.parent


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Stage:
    """A rehearsal with its configuration."""

    rehearsal: Rehearsal
    swift: bool
    warm: Warm | None = None
    """Where processes come from; without, each begins as on an operator's machine."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    log: StringIO = field(default_factory=StringIO)
    begun: list[subprocess.Popen[str]] = field(default_factory=list)
    ahead_s: float = 0.0
    """How far our own clock is ahead in `hurried` cycles."""

    @property
    def config(self) -> Path:
        return self.rehearsal.folder / "config.yaml"

    def configure(self, changes: Mapping[str, Any] | None = None) -> Settings:
        """Write the configuration anew, with changes to it."""
        self.changes = changes if changes is not None else self.changes
        return load(self.rehearsal.write_config(self.swift, self.changes))

    def stand(self, vendor: str) -> Stand:
        return self.rehearsal.stands[vendor]

    def command(self, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
        """One command as a process of its own, as an operator runs it."""
        process = self.process(*arguments, env=env, stdout=subprocess.PIPE)
        try:
            out, err = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return Said(process.returncode, out, err)

    def process(
        self, *arguments: str, env: Mapping[str, str] | None = None, **streams: Any
    ) -> subprocess.Popen[str]:
        """A command under way; its standard error can be read."""
        begin = self.warm.popen if self.warm else subprocess.Popen
        process = begin(
            [sys.executable, "-m", "syncd", *arguments, "--config", str(self.config)],
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            **{"stderr": subprocess.PIPE, **streams},
        )
        self.begun.append(process)
        return process

    def close(self) -> None:
        """Let go of what was begun, whatever became of it."""
        for process in self.begun:
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with suppress(OSError, ValueError):
                        stream.close()
        self.rehearsal.stop()

    @contextmanager
    def runtime(self, **given: Any) -> Iterator[Runtime]:
        """The house, in this process."""
        settings = load(self.config)
        configure("info", "json", Scrubber(), stream=self.log)
        runtime = open_runtime(settings, **given)
        try:
            yield runtime
        finally:
            runtime.close()

    def cycle(self, **orders: Any) -> Outcome:
        """One whole cycle, in this process."""
        with self.runtime() as runtime:
            return Cycle(runtime, Orders(list(runtime.policies), **orders)).run()

    def hurried(self, **orders: Any) -> Outcome:
        """One whole cycle that never waits: instead of every pause, our own clock goes on by it."""
        with self.hurry() as runtime:
            return Cycle(runtime, Orders(list(runtime.policies), **orders)).run()

    @contextmanager
    def hurry(self) -> Iterator[Runtime]:
        """The house, whose clock goes on by every pause instead of a wait."""
        # Retries in place wait by a library's own clock.
        with (
            stamina.set_testing(True, attempts=ATTEMPTS),
            self.runtime(clock=self._now, sleep=self._skip) as runtime,
        ):
            runtime.store.keep_time_by(lambda: round(self._now().timestamp() * 1e6))
            yield runtime

    def pass_time(self, seconds: float) -> None:
        """Time goes on for everybody; ours shows in `hurried` cycles."""
        self._skip(seconds)
        for stand in self.rehearsal.stands.values():
            stand.ask("clock", {"advance_s": seconds})

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)

    def _skip(self, seconds: float) -> None:
        self.ahead_s += seconds

    def oracle(self, quiet: bool = True, everyone: bool = True) -> list[str]:
        """What the oracle finds broken."""
        settings = load(self.config)
        store = Store(settings.database_url())
        try:
            crms = {name: c.type for name, c in settings.crms.items()}
            return Oracle(
                store,
                self.rehearsal.stands,
                crms,
                {name: p.type for name, p in settings.providers.items()},
                self.log.getvalue(),
                [s.reveal() for _, s in settings.secrets()],
                syncs={n: s.crm for n, s in settings.syncs.items()} if everyone else {},
                addresses=addresses(settings),
                opaque=opaque(settings),
                quiet=quiet,
            ).violations()
        finally:
            store.close()

    def assert_well(self, outcome: Outcome | None = None) -> None:
        """The promises hold, and a run over the unchanged CRM does nothing."""
        assert self.oracle() == []
        again = self.hurried() if self.ahead_s else self.cycle()
        assert second_run(again.report, load(self.config).providers) == []
        if outcome is not None:
            assert outcome.report["contacts"]["unaccounted"] == 0


def addresses(settings: Settings) -> dict[str, str]:
    """Where the connectors of a configuration lead."""
    given: dict[str, Any] = {**settings.crms, **settings.providers}
    kinds = {**dict.fromkeys(settings.crms, "crm"), **dict.fromkeys(settings.providers, "provider")}
    return {
        name: entry.base_url or connector(kinds[name], entry.type).default_base_url
        for name, entry in given.items()
    }


def opaque(settings: Settings) -> set[tuple[str, str]]:
    """(account, operation) whose lost answers must not be asked for again before they are resolved."""
    return {
        (name, operation.name)
        for name, provider in settings.providers.items()
        for operation in connector("provider", provider.type).operations
        if operation.replay not in (Replay.FREE, Replay.KEYED)
    }


Director = Callable[..., Stage]


@contextmanager
def stages(folder: Path, warm: Warm | None = None) -> Iterator[Director]:
    """`stage(contacts=, vendors=, changes=, settings=, faults=, csv=, swift=, seed=, namesakes=)`."""
    opened: list[Stage] = []

    def direct(
        contacts: int = 60,
        vendors: Sequence[str] = ("hubspot", "contactout"),
        changes: Mapping[str, Any] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        faults: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        csv: Path | None = None,
        swift: bool = True,
        seed: int = 1,
        namesakes: float = 0.0,
    ) -> Stage:
        place = folder / f"stage-{len(opened)}"
        place.mkdir(mode=0o700)
        rehearsal = Rehearsal(place, begin=warm.popen) if warm else Rehearsal(place)
        stage = Stage(rehearsal, swift, warm)
        opened.append(stage)
        rehearsal.start(
            vendors, contacts, seed, csv, swift=swift, settings=settings, faults=faults, namesakes=namesakes
        )
        stage.configure(changes or {})
        return stage

    try:
        yield direct
    finally:
        for stage in opened:
            stage.close()
