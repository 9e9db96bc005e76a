"""Lost answers: settled by the vendor's figures where these allow one reading only, repeated where that is free.

What stays unknown counts as spent until an operator says what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from syncd import redress
from syncd.accounts import ProviderAccount
from syncd.connector import Failure, Replay
from syncd.ledger import in_credits
from syncd.repeats import Repeater, may_repeat
from syncd.store import jobs, money, readings
from syncd.store.engine import MILLION
from syncd.store.jobs import Lost
from syncd.store.readings import Reading
from syncd.workbench import Bench

_log = structlog.get_logger("syncd.unknowns")


@dataclass
class Settled:
    """What became of lost calls, and the vendors that did not tell their figures."""

    charged: list[int] = field(default_factory=list)
    not_charged: list[int] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    silent: dict[str, Failure] = field(default_factory=dict)


def attend(bench: Bench, now: bool = False) -> Settled:
    """Settle what can be settled. The vendors are asked only where that can tell something, or `now`."""
    done = Settled()
    with bench.store.read() as connection:
        lost = jobs.lost(connection)
    by_account: dict[str, list[Lost]] = {}
    for call in lost:
        by_account.setdefault(call.account, []).append(call)
    for name, calls in by_account.items():
        account = bench.accounts.get(name)
        if (
            account is not None
            and name in bench.ledger.purses
            and (now or _worth_asking(bench, account, calls))
        ):
            _attend_one(bench, account, calls, done)
    return done


def _worth_asking(bench: Bench, account: ProviderAccount, calls: Sequence[Lost]) -> bool:
    """Whether a figure read now is quiet, can be compared with an older one, and is news."""
    marks = bench.ledger.marks(
        account.name, round(account.stats_lag_s * MILLION), round(account.settle_s * MILLION)
    )
    with bench.store.read() as connection:
        return any(
            kind in marks
            and marks[kind].quiet
            and not readings.is_told(connection, account.name, kind)
            and (
                readings.has_base(connection, account.name, kind, calls)
                or any(may_repeat(connection, account, call) for call in calls)
            )
            for kind in {kind for call in calls for kind in call.worth}
        )


def _attend_one(bench: Bench, account: ProviderAccount, calls: Sequence[Lost], done: Settled) -> None:
    failure = bench.standing.ask(account)
    if failure is not None:
        done.silent[account.name] = failure
        return
    done.repeated += Repeater(bench, account).repeat(calls)
    settle(bench, account, done)


def settle(bench: Bench, account: ProviderAccount, done: Settled) -> None:
    """Settle lost calls of an account by its newest figure, group by group, the latest first."""
    with bench.store.write() as connection:
        while True:
            lost = jobs.lost(connection, account.name)
            found = {
                kind: read
                for kind in sorted({kind for call in lost for kind in call.worth})
                if (read := readings.reading(connection, account.name, kind, lost)) is not None
            }
            # A call that was repeated is settled by what its repeat brings.
            ended = [c for c in lost if _settle_one(bench, connection, account, c, found, done)]
            if not ended:
                return


def _settle_one(
    bench: Bench,
    connection: Connection,
    account: ProviderAccount,
    call: Lost,
    found: Mapping[str, Reading],
    done: Settled,
) -> bool:
    """Settle a call of which every kind can be read; False where that is not so."""
    if not call.worth or not all(k in found and call.call_id in found[k].calls for k in call.worth):
        return False
    charged = {kind for kind in call.worth if found[kind].charged}
    operation = account.operation(call.operation)
    opaque = operation is None or operation.replay is Replay.OPAQUE
    if not charged and opaque:
        return False  # it would be bought anew by itself
    said = "; ".join(sentence(found[kind]) for kind in sorted(call.worth))
    ticket = money.ticket_of(connection, call.call_id)
    if not redress.resolve(bench.ledger, connection, ticket, bool(charged), said, charged):
        return False
    (done.charged if charged else done.not_charged).append(call.call_id)
    _log.info("lookup.resolved", provider=account.name, operation=call.operation, charged=bool(charged))
    return True


def sentence(read: Reading) -> str:
    """What the figures say, in figures."""
    before, now, booked, unknown = (
        f"{in_credits(n).normalize():,f}" for n in (read.before, read.now, read.booked, read.unknown)
    )
    verdict = "all of it was charged" if read.charged else "none of it was charged"
    return (
        f"the vendor had {before} {read.kind} left before and {now} now, {booked} are booked and {unknown} "
        f"unknown: {verdict}"
    )
