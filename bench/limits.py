"""How much of each vendor's documented limit is used over a full minute, in real time, by its stand-in's journal."""

from __future__ import annotations

import tempfile
import threading
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncd.config import load
from syncd.cycle import Cycle, Orders
from syncd.rehearsal import Rehearsal
from syncd.runtime import open_runtime

LONGEST_S = 100.0
_NO_LONG_WINDOWS = {"hour": None, "day": None, "month": None}


@dataclass(frozen=True, slots=True)
class Trial:
    """What is saturated: so many contacts, and the requests of these methods and path endings are counted.

    `settings` are knobs of the stand-in, `options` those of the connector.
    """

    contacts: int
    count: int
    paths: tuple[str, ...] = ()
    method: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    windows: tuple[str, ...] = ("sliding",)

    def counts(self, request: Mapping[str, Any]) -> bool:
        """Whether a request falls under the limit."""
        fits = not self.paths or request["path"].endswith(self.paths)
        return fits and self.method in ("", request["method"])


TRIALS: Mapping[str, Trial] = {
    "rocketreach": Trial(
        contacts=1000,
        count=50,
        paths=("/person/lookup",),
        settings={"limits": {"person_lookup": _NO_LONG_WINDOWS}, "plan": "pro", "instant": 1.0},
        options={"plan": "pro"},
        windows=("sliding", "fixed"),
    ),
    "crustdata": Trial(contacts=2000, count=15, paths=("/person/enrich",)),
    "waterfall_io": Trial(contacts=300, count=50, settings={"after_s": 0.0}, windows=("sliding", "fixed")),
    "reverselooker": Trial(
        contacts=600,
        count=60,
        method="POST",
        settings={"limits": {"count": 60, "per_s": 60}, "after_s": 0.0},
        windows=("sliding", "fixed"),
    ),
}
"""RocketReach's windows of hours and more are lifted: a minute at full speed would use up the hour's.

ReverseLooker documents no limit; what is used is the one that syncd keeps to by itself.
"""


def use(vendor: str, window: str) -> dict[str, Any]:
    """The fullest minute of a vendor's limited requests under one kind of window."""
    trial = TRIALS[vendor]
    knobs = {**trial.settings, **({"window": window} if len(trial.windows) > 1 else {})}
    changes = {
        "crms": {"hubspot-sandbox": {"limits": {"default": "10000/s", "search": "10000/s"}}},
        "providers": {vendor: dict(trial.options)},
    }
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        rehearsal = Rehearsal(Path(folder))
        try:
            rehearsal.start(
                ["hubspot", vendor], trial.contacts, settings={"hubspot": {"limits": "off"}, vendor: knobs}
            )
            rehearsal.write_config(changes=changes)
            saturate(rehearsal)
            requests = rehearsal.stands[vendor].ask("journal")["requests"]
        finally:
            rehearsal.stop()
    times = sorted(r["at"] for r in requests if trial.counts(r))
    return {
        "limit": trial.count,
        **shares(times, trial.count),
        "refused": sum(r["status"] == 429 for r in requests),
    }


def saturate(rehearsal: Rehearsal) -> None:
    """One cycle, ended after a good minute and a half."""
    settings = load(rehearsal.folder / "config.yaml")
    runtime = open_runtime(settings)
    timer = threading.Timer(LONGEST_S, runtime.stop.set)
    timer.start()
    try:
        Cycle(runtime, Orders(list(settings.syncs))).run()
    finally:
        timer.cancel()
        runtime.close()


def shares(times: Sequence[float], count: int) -> dict[str, Any]:
    """The most requests in any minute, and the average of all the time, as shares of the limit."""
    most = max((bisect_left(times, at + 60) - i for i, at in enumerate(times)), default=0)
    lasted = times[-1] - times[0] if len(times) > 1 else 0.0
    rate = (len(times) - 1) / lasted * 60 if lasted else 0.0
    return {
        "most_in_a_minute": most,
        "share_of_limit": round(most / count, 3),
        "average_a_minute": round(rate, 2),
        "average_share": round(rate / count, 3),
        "seconds": round(lasted, 1),
    }
