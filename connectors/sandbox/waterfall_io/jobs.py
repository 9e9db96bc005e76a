"""Jobs: how long each runs, how it ends, and what its finder says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from connectors.sandbox.agenda import Agenda
from connectors.sandbox.clock import Clock
from connectors.sandbox.population import Dice
from connectors.sandbox.waterfall_io.directory import VENDOR, uuid_of
from connectors.sandbox.waterfall_io.knobs import Knobs

Json = dict[str, Any]
MOST_JOBS = 100_000
RUNNING, SUCCEEDED = "RUNNING", "SUCCEEDED"
_BAD_ENDS = ("failed", "timed_out", "aborted")


@dataclass(slots=True)
class Job:
    """One job. `finish` makes the output, and pays; None from it is a job that could not be paid."""

    id: str
    template: str
    task: Json
    webhook_url: str | None
    finish: Callable[[], Json | None]
    start: float
    end: str = SUCCEEDED
    """The status that the job will have."""
    status: str = RUNNING
    stop: float | None = None
    output: Json | None = None
    sync: bool = False


def _nothing() -> None:
    """What an ended job has still to do."""


@dataclass
class Jobs:
    """Every job that can still be asked for, the oldest first."""

    seed: int
    clock: Clock
    options: Knobs = field(default_factory=Knobs)
    told: Callable[[Job], None] = lambda job: None
    """Is told of each job that ends."""

    def __post_init__(self) -> None:
        self._all: OrderedDict[str, Job] = OrderedDict()
        self._agenda = Agenda(self.clock)
        self._ended_badly: set[str] = set()
        self._count = 0

    def launch(
        self,
        template: str,
        label: str,
        task: Json,
        finish: Callable[[], Json | None],
        webhook_url: str | None = None,
    ) -> Job:
        """A job that ends at its time, whether or not anybody asks."""
        job = self._new(template, task, finish, webhook_url)
        after_s, job.end = self._script(template, label)
        if after_s is not None:
            self._agenda.at(job.start + after_s, partial(self._end, job))
        return job

    def at_once(self, template: str, task: Json, finish: Callable[[], Json | None]) -> Job:
        """A job of an operation that answers at once."""
        job = self._new(template, task, finish, None)
        job.sync = True
        self._end(job)
        return job

    def find(self, template: str, job_id: str) -> Job | None:
        """The job of an operation; None too when its time is over."""
        job = self._all.get(job_id)
        fits = job is not None and job.template == template
        return job if fits and self._lives(job) else None

    def catch_up(self) -> None:
        """End every job whose time has come."""
        self._agenda.catch_up()

    def _lives(self, job: Job | None) -> bool:
        return job is not None and self.clock.time() - job.start <= self.options.job_ttl_s

    def _new(
        self, template: str, task: Json, finish: Callable[[], Json | None], webhook_url: str | None
    ) -> Job:
        self._count += 1
        now = self.clock.time()
        job_id = uuid_of("job", self.seed, now, self._count)
        task = task | {"job_id": job_id, "context_id": job_id}
        job = self._all[job_id] = Job(job_id, template, task, webhook_url, finish, now)
        while len(self._all) > MOST_JOBS or not self._lives(next(iter(self._all.values()))):
            self._all.popitem(last=False)
        return job

    def _script(self, template: str, label: str) -> tuple[float | None, str]:
        options, roll = self.options, Dice(self.seed, VENDOR, "job", template, label)
        if script := options.scripts.get(label):
            return script.get("after_s", options.after_s), script.get("status", SUCCEEDED)
        after_s = options.slow_s if roll("slow") < options.slow else options.after_s
        end, luck = SUCCEEDED, roll("end")
        for name in _BAD_ENDS:
            if luck < getattr(options, name):
                end = name.upper()
                break
            luck -= getattr(options, name)
        if end != SUCCEEDED and options.fails == "once":
            end = SUCCEEDED if label in self._ended_badly else end
            if len(self._ended_badly) > MOST_JOBS:
                self._ended_badly.clear()
            self._ended_badly.add(label)
        return (None if roll("stuck") < options.stuck else after_s), end

    def _end(self, job: Job) -> None:
        job.stop = self.clock.time()
        job.status = job.end
        if job.end == SUCCEEDED:
            job.output = job.finish()
            job.status = SUCCEEDED if job.output is not None else "ABORTED"
        job.finish = _nothing
        self.told(job)

    def launched(self, job: Job) -> Json:
        """The launcher's answer."""
        return {"job_id": job.id, "start_date": self._written(job.start, "offset")}

    def shown(self, job: Job) -> Json:
        """The finder's answer, and the body of a delivery."""
        form = "zulu" if job.sync else "offset" if job.status == RUNNING else "naive"
        whole: Json = {"status": job.status, "start_date": self._written(job.start, form)}
        if job.stop is not None:
            whole["stop_date"] = self._written(job.stop, form)
        whole["input"] = {"task": job.task} if self.options.input_as == "task" else None
        return whole if job.output is None else whole | {"output": job.output}

    def _written(self, at: float, mixed: str) -> str:
        """An instant, in one of the three forms that the vendor's pages show."""
        form = mixed if self.options.timestamps == "mixed" else self.options.timestamps
        moment = datetime.fromtimestamp(at, UTC)
        if form == "zulu":
            return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
        return f"{moment:%Y-%m-%dT%H:%M:%S.%f}" + ("+00:00" if form == "offset" else "")
