"""The request limits of the plans: ten a second over everything, and windows for each kind of call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from connectors.sandbox.windows import Window

DURATIONS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "month": 30 * 86_400}
"""Seconds of each period; a month is 30 days."""

_LONG = ("minute", "hour", "day", "month")
_LOOKUP = {
    "essentials": (15, 100, 500, 5_000),
    "pro": (50, 300, 1_500, 20_000),
    "ultimate": (100, 1_000, 3_000, 50_000),
    "custom": (250, 2_500, 10_000, 200_000),
}
_SEARCH = {
    "essentials": (15, 50, 500, 10_000),
    "pro": (30, 250, 750, 15_000),
    "ultimate": (60, 500, 1_000, 20_000),
    "custom": (100, 1_000, 10_000, 200_000),
}
PLANS = tuple(_LOOKUP)
REPORTED = ("person_lookup", "person_search", "company_search", "bulk_lookup")
ACTIONS = ("global", *REPORTED, "check_status", "email_verify")

Counts = dict[str, dict[str, int]]
"""Action → period → requests."""


def documented(plan: str) -> Counts:
    """The limits that the vendor publishes for a plan."""
    bulk = (10, 100, 1_000) if plan == "custom" else (10, 25, 100)
    return {
        "global": {"second": 10},
        "person_lookup": dict(zip(_LONG, _LOOKUP[plan], strict=True)),
        "person_search": dict(zip(_LONG, _SEARCH[plan], strict=True)),
        "company_search": dict(zip(_LONG, _SEARCH[plan], strict=True)),
        "bulk_lookup": dict(zip(_LONG, bulk, strict=False)),
        "check_status": {},
        "email_verify": {"second": 10, "minute": 300},
    }


def chosen(plan: str, given: str | Mapping[str, Mapping[str, int | None]]) -> Counts:
    """The limits in force: documented, none (`off`), or documented with changes; None lifts a limit."""
    if given == "off":
        return {}
    counts = documented(plan)
    if not isinstance(given, str):
        for action, windows in given.items():
            for duration, count in windows.items():
                if count is None:
                    counts[action].pop(duration, None)
                else:
                    counts[action][duration] = count
    return counts


class Limits:
    """What one account has used of its limits."""

    def __init__(self) -> None:
        self._windows: dict[str, dict[str, Window]] = {}
        self._used: Counter[str] = Counter()

    def tune(self, counts: Counts, kind: str, scale: float) -> None:
        """Start afresh with these limits; periods are `scale` times shorter than their names say."""
        self._windows = {
            action: {
                duration: Window(count, DURATIONS[duration] / scale, kind)
                for duration, count in windows.items()
            }
            for action, windows in counts.items()
        }

    def admit(self, action: str, now: float) -> float:
        """0 where the request is admitted and counted, else the seconds until one would be."""
        names = ("global",) if action in ("", "global") else ("global", action)
        windows = [w for name in names for w in self._windows.get(name, {}).values()]
        # an exhausted window answers with the wait and counts nothing
        wait = max((w.admit(now) for w in windows if not w.remaining(now)), default=0.0)
        if wait:
            return wait
        for window in windows:
            window.admit(now)
        self._used[action] += 1
        return 0.0

    def shown(self, now: float) -> list[dict[str, Any]]:
        """The usage of each kind of call and period, as the account answer lists it."""
        return [self._row(action, duration, now) for action in REPORTED for duration in _LONG]

    def _row(self, action: str, duration: str, now: float) -> dict[str, Any]:
        window = self._windows.get(action, {}).get(duration)
        left = window.remaining(now) if window else None
        return {
            "action": action,
            "duration": duration,
            "limit": int(window.count) if window else None,
            "used": int(window.count) - left if window and left is not None else self._used[action],
            "remaining": left,
        }
