"""Background jobs: when they finish, what they then cost, and the callbacks that tell of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import orjson

from connectors.sandbox.agenda import Agenda
from connectors.sandbox.callbacks import Errands, is_loopback, send
from connectors.sandbox.clock import Clock
from connectors.sandbox.contactout.asking import Json, Till
from connectors.sandbox.contactout.knobs import Knobs
from connectors.sandbox.population import Dice


@dataclass(slots=True)
class Job:
    """One job. `finish` does the work and pays for it; `result` is None until then."""

    number: int
    id: str
    uuid: str
    kind: str
    lost: bool
    finish: Callable[[Till], Json]
    till: Till
    knobs: Knobs
    callback_url: str
    result: Json | None = None


class Jobs:
    """All jobs of one server. Waiting ones are finished on time whether or not anybody asks."""

    def __init__(self, seed: int, clock: Clock, period: Callable[[], str]) -> None:
        self._seed, self._clock, self._period = seed, clock, period
        self._jobs: dict[str, Job] = {}
        self._agenda, self._errands = Agenda(clock), Errands()
        self._count = 0

    def start(
        self, kind: str, finish: Callable[[Till], Json], till: Till, knobs: Knobs, callback_url: str
    ) -> Job:
        """A new job, findable by its id and by its differing uuid."""
        number = self._count
        self._count += 1
        roll = Dice(self._seed, "contactout", "job", number)
        late = knobs.job_late_s if roll("late") < knobs.job_late else 0.0
        due = self._clock.time() + knobs.job_delay_s + late
        lost = roll("lost") < knobs.job_lost
        names = self._name(f"job {number}"), self._name(f"uuid {number}")
        job = Job(number, *names, kind, lost, finish, till, knobs, callback_url)
        self._jobs[job.id] = self._jobs[job.uuid] = job
        if not lost or knobs.job_lost_charged:
            self._agenda.at(due, partial(self._finish, job))
        return job

    def find(self, name: str) -> Job | None:
        """The job by its id or its uuid, finished if its time has come."""
        self._agenda.catch_up()
        return self._jobs.get(name)

    def _name(self, text: str) -> str:
        """An identifier that no other run of the server gives."""
        spun = hashlib.blake2b(f"{self._seed} {self._clock.time()} {text}".encode(), digest_size=16)
        return str(UUID(bytes=spun.digest(), version=4))

    def _finish(self, job: Job) -> None:
        job.till.at, job.till.period = self._clock.time(), self._period()
        result = job.finish(job.till)
        if job.lost:
            return
        job.result = result
        roll = Dice(self._seed, "contactout", "callback", job.number)("lost")
        if is_loopback(job.callback_url) and roll >= job.knobs.callback_lost:
            self._errands.begin(_deliver(job))


async def _deliver(job: Job) -> None:
    key, knobs = "profiles" if job.kind == "contacts" else "emails", job.knobs
    body = orjson.dumps({"job_id": job.id, key: job.result or []})
    headers = {"content-type": "application/json"}
    attempts, copies = max(1, int(knobs.callback_attempts)), 1 + knobs.callback_duplicates
    await send(job.callback_url, body, headers, attempts, knobs.callback_retry_s, copies)
