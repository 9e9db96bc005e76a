"""A thousand jobs under way: they hold no thread, and a daemon that was killed launches none of them again."""

from __future__ import annotations

import os
import threading
from collections import Counter
from pathlib import Path

from sqlalchemy import func, select

from syncd.config import load
from syncd.store import tables as t
from syncd.store.engine import Store
from tests.rehearsals import Director, Stage

JOBS = 1000
THREADS = 60
"""What a daemon has without any job: 32 that send, those of the web server, the clock and the schedule."""
VENDOR = "rocketreach"


def launches(play: Stage) -> int:
    """How many jobs the stand-in was asked to begin, by its own journal."""
    requests = play.stand(VENDOR).ask("journal")["requests"]
    return sum("ookup" in r["path"] and "tatus" not in r["path"] for r in requests)


def run_and_kill(play: Stage) -> int:
    """Let a daemon carry out a cycle and kill it; the most threads that it had meanwhile."""
    most, over = [0], threading.Event()

    def watch(folder: Path) -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], len(os.listdir(folder)))

    with play.process("run") as process:
        watcher = threading.Thread(target=watch, args=(Path(f"/proc/{process.pid}/task"),))
        watcher.start()
        try:
            assert process.stderr is not None
            assert any('"run.done"' in line for line in process.stderr), "the daemon ended by itself"
        finally:
            over.set()
            watcher.join()
            process.kill()
    return most[0]


def jobs(play: Stage) -> Counter[tuple[str, str]]:
    """(handle, state) of every call that the vendor answered with a job."""
    store = Store(load(play.config).database_url())
    c = t.provider_call.c
    try:
        with store.read() as connection:
            rows = connection.execute(
                select(c.handle, c.state, func.count())
                .where(c.handle.is_not(None))
                .group_by(c.handle, c.state)
            )
            return Counter({(handle, state): count for handle, state, count in rows})
    finally:
        store.close()


def test_a_thousand_pending_jobs_hold_no_thread_and_survive_being_killed(stage: Director) -> None:
    play = stage(
        contacts=1500,
        vendors=("hubspot", VENDOR),
        settings={VENDOR: {"lost": 1.0, "coverage": {"profile": 1, "blind": 0}}},
    )
    threads = run_and_kill(play)
    pending, launched = jobs(play), launches(play)
    assert sum(pending.values()) >= JOBS
    assert {state for _, state in pending} == {"pending"}
    assert 0 < threads <= THREADS, "a job under way holds no thread"
    threads = run_and_kill(play)
    assert jobs(play) == pending, "every job is still waited for"
    assert launches(play) == launched, "none was launched again"
    assert 0 < threads <= THREADS
