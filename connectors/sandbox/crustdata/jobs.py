"""Batch jobs: when they finish, what they then cost, and their result files."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import uuid4

import orjson

from connectors.sandbox.clock import Clock
from connectors.sandbox.crustdata.account import Till
from connectors.sandbox.crustdata.knobs import Knobs
from connectors.sandbox.crustdata.refusals import Json
from connectors.sandbox.crustdata.webhooks import deliver, is_loopback
from connectors.sandbox.population import Dice

_TICK_S = 0.02
KEPT_JOBS = 500
"""Finished jobs that are remembered; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a job made: its lines, and how many of them hold data."""

    lines: list[Json]
    fulfilled: int


@dataclass(slots=True)
class Job:
    """One job. `work` does it and pays for it."""

    id: str
    token: str
    number: int
    entity: str
    action: str
    count: int
    created: float
    pending_until: float
    due: float
    lost: bool
    failed: bool
    work: Callable[[Till], Result]
    till: Till
    knobs: Knobs
    key: str
    webhook_url: str
    base_url: str
    done: float = 0.0
    status: str = "pending"
    result_count: int = 0
    fulfilled: int = 0
    files: dict[str, bytes] = field(default_factory=dict)

    def shown(self) -> Json:
        """The job as its status answer shows it."""
        data: Json = {
            "batch_id": self.id,
            "status": self.status,
            "entity": self.entity,
            "action": self.action,
            "identifier_count": self.count,
            "result_count": self.result_count,
            "entities_requested": self.count,
            "entities_fulfilled": self.fulfilled,
            "created_at": _moment(self.created),
        }
        if self.status in ("completed", "failed"):
            data["completed_at"] = _moment(self.done)
        if self.status == "failed":
            data["error_message"] = "The batch could not be processed"
        if self.status == "completed":
            # without results the link is there and leads nowhere
            names = list(self.files) or ["results.jsonl.gz"]
            urls = [f"{self.base_url}/files/{self.token}/{name}" for name in names]
            data["download_url"] = urls[0]
            data["download_urls"] = urls[1:] or urls
        return data


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


class Jobs:
    """All jobs of one server. Waiting ones are finished on time whether or not anybody asks."""

    def __init__(self, seed: int, clock: Clock, finished: Callable[[Job], None]) -> None:
        self._seed, self._clock, self._finished = seed, clock, finished
        self._jobs: dict[str, Job] = {}
        self._by_token: dict[str, Job] = {}
        self._waiting: list[Job] = []
        self._count = 0
        self._ticker: asyncio.Task[None] | None = None
        self._deliveries: set[asyncio.Task[None]] = set()

    def active(self) -> int:
        """Jobs that are pending or processing."""
        self.catch_up()
        return sum(job.status in ("pending", "processing") for job in self._jobs.values())

    def start(
        self,
        what: tuple[str, str],
        count: int,
        work: Callable[[Till], Result],
        till: Till,
        key: str,
        webhook_url: str,
        base_url: str,
    ) -> Job:
        """A new job; `what` is its entity and action."""
        knobs, now = till.knobs, self._clock.time()
        roll = Dice(self._seed, "crustdata", "job", self._count)
        late = knobs.job_late_s if roll("late") < knobs.job_late else 0.0
        job = Job(
            str(uuid4()), uuid4().hex, self._count, *what, count, now, now + knobs.job_pending_s,
            now + max(knobs.job_pending_s, knobs.job_delay_s) + late, roll("lost") < knobs.job_lost,
            roll("failed") < knobs.job_failed, work, replace(till, lines=[]), knobs, key, webhook_url, base_url,
        )  # fmt: skip
        self._count += 1
        self._jobs[job.id] = self._by_token[job.token] = job
        self._waiting.append(job)
        if self._ticker is None or self._ticker.done():
            self._ticker = asyncio.get_running_loop().create_task(self._tick())
        return job

    def find(self, job_id: str) -> Job | None:
        """The job, finished if its time has come."""
        self.catch_up()
        return self._jobs.get(job_id)

    def newest_first(self) -> list[Job]:
        """Every remembered job."""
        self.catch_up()
        return list(self._jobs.values())[::-1]

    def file(self, token: str, name: str) -> tuple[Job, bytes | None] | None:
        """The job of a link with the file's content; None where no link has that token."""
        self.catch_up()
        job = self._by_token.get(token)
        return (job, job.files.get(name)) if job else None

    async def _tick(self) -> None:
        while self._waiting:
            await asyncio.sleep(_TICK_S)
            self.catch_up()

    def catch_up(self) -> None:
        """Finish what is due now."""
        now = self._clock.time()
        if not self._waiting:
            return
        for job in self._waiting:
            if job.pending_until <= now and job.status == "pending":
                job.status = "processing"
        due = [job for job in self._waiting if job.due <= now]
        self._waiting = [job for job in self._waiting if job.due > now]
        for job in due:
            self._finish(job, now)
        while len(self._jobs) > KEPT_JOBS:
            oldest = next(iter(self._jobs))
            self._by_token.pop(self._jobs.pop(oldest).token, None)

    def _finish(self, job: Job, now: float) -> None:
        job.till.at = job.done = now
        if job.lost and not job.knobs.job_lost_charged:
            return
        if job.failed and not job.lost:
            job.status = "failed"
        else:
            result = job.work(job.till)
            self._finished(job)
            if job.lost:
                return
            job.status, job.result_count, job.fulfilled = "completed", len(result.lines), result.fulfilled
            job.files = _files(result.lines, job.knobs.file_rows)
        roll = Dice(self._seed, "crustdata", "webhook", job.number)("lost")
        if is_loopback(job.webhook_url) and roll >= job.knobs.webhook_lost:
            body = orjson.dumps(job.shown())
            task = asyncio.get_running_loop().create_task(
                deliver(job.webhook_url, body, job.key, job.knobs, self._clock.time)
            )
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)


def _files(lines: list[Json], rows: int) -> dict[str, bytes]:
    """The whole result and its parts, packed; nothing where there are no lines."""
    if not lines:
        return {}
    written = [orjson.dumps(line) + b"\n" for line in lines]
    files = {"results.jsonl.gz": gzip.compress(b"".join(written), 1, mtime=0)}
    for number, at in enumerate(range(0, len(written), rows)):
        files[f"part-{number:03d}.jsonl.gz"] = gzip.compress(b"".join(written[at : at + rows]), 1, mtime=0)
    return files
