"""Background jobs: when they finish, what they then cost, and the callbacks that tell of it."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from connectors.sandbox.clock import Clock
from connectors.sandbox.contactout.asking import Json, Till
from connectors.sandbox.contactout.knobs import Knobs
from connectors.sandbox.population import Dice

_TICK_S = 0.02


@dataclass(slots=True)
class Job:
    """One job. `finish` does the work and pays for it; `result` is None until then."""

    number: int
    id: str
    uuid: str
    kind: str
    due: float
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
        self._waiting: list[Job] = []
        self._count = 0
        self._ticker: asyncio.Task[None] | None = None
        self._deliveries: set[asyncio.Task[None]] = set()

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
        job = Job(number, *names, kind, due, lost, finish, till, knobs, callback_url)
        self._jobs[job.id] = self._jobs[job.uuid] = job
        if not lost or knobs.job_lost_charged:
            self._waiting.append(job)
            if self._ticker is None or self._ticker.done():
                self._ticker = asyncio.get_running_loop().create_task(self._tick())
        return job

    def find(self, name: str) -> Job | None:
        """The job by its id or its uuid, finished if its time has come."""
        self._finish_due()
        return self._jobs.get(name)

    def _name(self, text: str) -> str:
        """An identifier that no other run of the server gives."""
        spun = hashlib.blake2b(f"{self._seed} {self._clock.time()} {text}".encode(), digest_size=16)
        return str(UUID(bytes=spun.digest(), version=4))

    async def _tick(self) -> None:
        while self._waiting:
            await asyncio.sleep(_TICK_S)
            self._finish_due()

    def _finish_due(self) -> None:
        now = self._clock.time()
        if not any(job.due <= now for job in self._waiting):
            return
        due = [job for job in self._waiting if job.due <= now]
        self._waiting = [job for job in self._waiting if job.due > now]
        for job in due:
            job.till.at, job.till.period = now, self._period()
            result = job.finish(job.till)
            if job.lost:
                continue
            job.result = result
            roll = Dice(self._seed, "contactout", "callback", job.number)("lost")
            if is_loopback(job.callback_url) and roll >= job.knobs.callback_lost:
                task = asyncio.get_running_loop().create_task(_deliver(job))
                self._deliveries.add(task)
                task.add_done_callback(self._deliveries.discard)


def is_loopback(url: str) -> bool:
    """Whether a URL stays on this machine. No other one is ever called."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _deliver(job: Job) -> None:
    key = "profiles" if job.kind == "contacts" else "emails"
    body = orjson.dumps({"job_id": job.id, key: job.result or []})
    for _ in range(1 + job.knobs.callback_duplicates):
        for attempt in range(max(1, job.knobs.callback_attempts)):
            if attempt:
                await asyncio.sleep(job.knobs.callback_retry_s)
            if await asyncio.to_thread(_post, job.callback_url, body):
                break


def _post(url: str, body: bytes) -> bool:
    """Whether the receiver answered with a 2xx."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("POST", target, body, {"content-type": "application/json"})
            return 200 <= connection.getresponse().status < 300
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException):
        return False
