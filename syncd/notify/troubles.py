"""What there is to tell: every trouble that the state shows, as sentences without anybody's data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from syncd.config import Settings
from syncd.overview import budgets
from syncd.pacing import BREAK_AFTER, Bucket
from syncd.runtime import Runtime
from syncd.store import jobs, lists, rates, runs, tidemark

PROVIDER_DOWN_S = 900.0
CRM_DOWN_S = 300.0
LINGER_S = 1800.0
"""A vendor that is out of credits is asked again now and then: the trouble is over once it stays away."""

_ADVICE: Mapping[str, str] = {
    "auth": "Put a valid credential in its place; it is tried again by itself.",
    "config": "Correct the configuration or the account's access; it is tried again by itself.",
    "drift": "Look at `syncd budget`, then let it go on with `syncd budget reconcile`.",
    "brake": "Look at `syncd explain` and `syncd audit`, then let it go on with `syncd resume {scope}`.",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that somebody should know. `key` stays the same for as long as it is the same trouble."""

    key: str
    title: str
    text: str
    mended: str
    """The title of the message that it is over."""
    patience_s: float = 0.0
    """For how long it must have lasted before it is told."""
    linger_s: float = 0.0
    """For how long it must be gone before that is told."""
    under: str = ""
    """The key of a trouble that says more: while that one is told too, this one is not."""


def troubles(runtime: Runtime, now: datetime) -> list[Trouble]:
    """Every trouble there is now."""
    with runtime.store.read() as connection:
        return [
            *_restored(connection),
            *_stopped(connection),
            *_unreachable(connection, runtime),
            *_lost(connection),
            *_spent(connection, runtime, now),
        ]


def _restored(connection: Connection) -> Iterator[Trouble]:
    held = runs.get_meta(connection, tidemark.HELD)
    if held:
        yield Trouble(
            "restored",
            "The state was restored, and nothing is bought",
            f"{held}. What was bought since is not in it. `syncd budget reconcile` takes over the vendors' figures; "
            "then start the service.",
            "The restored state was reconciled",
        )


def _stopped(connection: Connection) -> Iterator[Trouble]:
    for halt in runs.halts(connection):
        what = _name(halt.scope)
        if halt.kind in _ADVICE:
            advice = _ADVICE[halt.kind].format(scope=halt.scope)
            yield Trouble(
                f"halt:{halt.scope}",
                f"{what} is stopped",
                f"{what} is stopped: {halt.reason}. {advice}",
                f"{what} goes on",
            )
        elif halt.kind == "out_of_credits":
            account = halt.scope.partition("/")[0]
            yield Trouble(
                f"credits:{account}",
                f"{account} is out of credits",
                f"{account} says that the account is out of credits. Buy more, or wait for its next period.",
                f"{account} has credits again",
                linger_s=LINGER_S,
            )


def _name(scope: str) -> str:
    kind, colon, name = scope.partition(":")
    if colon:
        return f"{'CRM' if kind == 'crm' else kind} {name}"
    account, slash, operation = scope.partition("/")
    return f"{account}'s {operation}" if slash else account


def _unreachable(connection: Connection, runtime: Runtime) -> Iterator[Trouble]:
    failures = {key: n for key, n, *_ in rates.states(connection)}

    def down(buckets: Mapping[str, Bucket]) -> bool:
        return any(failures.get(b.key, 0) >= BREAK_AFTER for b in buckets.values())

    for name in (n for n, a in runtime.providers.items() if down(a.line.buckets)):
        text = (
            f"{name} has not answered for {PROVIDER_DOWN_S / 60:.0f} minutes. Other providers go on; "
            "its contacts wait, and nothing is lost. It is tried again by itself."
        )
        yield Trouble(
            f"down:{name}", f"{name} is down", text, f"{name} answers again", patience_s=PROVIDER_DOWN_S
        )
    for name in (n for n, c in runtime.crms.items() if down(c.line.buckets)):
        text = f"CRM {name} does not answer. Nothing is read or written until it does, and nothing is lost."
        yield Trouble(
            f"down:crm:{name}",
            f"CRM {name} is down",
            text,
            f"CRM {name} answers again",
            patience_s=CRM_DOWN_S,
        )


def _lost(connection: Connection) -> Iterator[Trouble]:
    for account, count in Counter(a for _, a, *_ in jobs.unresolved(connection)).items():
        lookups = f"{count} paid lookup{'s' if count > 1 else ''}"
        yield Trouble(
            f"unknown:{account}",
            f"{account}: {lookups} with a lost answer",
            f"The answer to {lookups} at {account} was lost. They count as spent. `syncd budget` shows them, "
            "`syncd budget resolve` settles them.",
            f"{account}: no lookups with a lost answer any more",
        )


def _spent(connection: Connection, runtime: Runtime, now: datetime) -> Iterator[Trouble]:
    waiting = lists.reasons(connection, "no_budget")
    for row in _budgets(runtime.settings, runtime, now):
        month = next((c for c in row["caps"] if c["per"] == "month"), None)
        if month is None or not month["cap"]:
            continue
        name = f"{row['provider']}.{row['kind']}"
        sold = f"{row['kind']} credits of {row['provider']}"
        used = month["spent"] + month["unknown"]
        stuck = _stuck(waiting, name)
        over = f"spent:{name}"
        if stuck or month["left"] <= 0:
            yield Trouble(
                over,
                f"The month's {sold} are used up",
                f"{used:,} of {month['cap']:,} {sold} are used up for this month. "
                f"{stuck:,} contacts wait for the next month or a higher cap.",
                f"There are {sold} again",
            )
        if used >= runtime.settings.notify.budget_share * month["cap"]:
            yield Trouble(
                f"near:{name}",
                f"{used / month['cap']:.0%} of the month's {sold} are used",
                f"{used:,} of {month['cap']:,} {sold} are used. {_lasts(row)}",
                f"The month's {sold} are far from used up again",
                under=over,
            )


def _budgets(settings: Settings, runtime: Runtime, now: datetime) -> Sequence[Mapping[str, Any]]:
    return budgets(runtime.store, settings, now).kinds


def _stuck(waiting: Mapping[str, int], name: str) -> int:
    """Contacts that wait for the month's cap of a credit kind, by the reason that they were given."""
    return sum(
        count
        for reason, count in waiting.items()
        for part in reason.split("; ")
        if part.startswith(f"{name}: the budget of") and "per month" in part
    )


def _lasts(row: Mapping[str, Any]) -> str:
    if not row["per_day"]:
        return "Nothing was spent in the last week."
    pace = f"At {row['per_day']:,} a day, the mean of the last week,"
    if row["days_left"] is None:
        return f"{pace} they last until the month's end."
    return f"{pace} they last {row['days_left']:,} more days."
