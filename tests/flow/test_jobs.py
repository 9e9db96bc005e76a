"""A thousand jobs under way: they hold no thread, and a restart launches none of them again."""

from __future__ import annotations

import threading
from collections import Counter

from sqlalchemy import func, select

from syncd.cycle import Cycle, Orders
from syncd.store import tables as t
from tests.rehearsals import Director, Stage

JOBS = 1000
VENDOR = "rocketreach"


def launches(play: Stage) -> int:
    """How many jobs the stand-in was asked to begin, by its own journal."""
    requests = play.stand(VENDOR).ask("journal")["requests"]
    return sum("ookup" in r["path"] and "tatus" not in r["path"] for r in requests)


def test_a_thousand_pending_jobs_hold_no_thread_and_survive_restarts(stage: Director) -> None:
    play = stage(
        contacts=1500,
        vendors=("hubspot", VENDOR),
        settings={VENDOR: {"lost": 1.0, "coverage": {"profile": 1, "blind": 0}}},
    )
    states: list[Counter[str]] = []
    launched: list[int] = []
    for _ in range(2):
        with play.runtime() as runtime:
            threads = threading.active_count()
            Cycle(runtime, Orders(list(runtime.policies), wait_for_jobs=False)).run()
            assert threading.active_count() <= threads, "a job under way holds no thread"
            c = t.provider_call.c
            with runtime.store.read() as connection:
                rows = connection.execute(
                    select(c.state, func.count()).where(c.handle.is_not(None)).group_by(c.state)
                )
                states.append(Counter({row[0]: row[1] for row in rows}))
        launched.append(launches(play))
    assert states[0]["pending"] >= JOBS
    assert states[0] == states[1], "every job is still waited for"
    assert launched == [launched[0]] * 2, "none was launched again"
