"""Reconcile: the vendors' own figures against our books, now, with everything that they can settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection

from syncd import redress
from syncd.accounts import DRIFT, drift_mark
from syncd.connector import Failure
from syncd.ledger import in_credits
from syncd.runtime import Runtime
from syncd.store import figures, runs, tidemark, work
from syncd.store.figures import Drift
from syncd.unknowns import Settled, attend


@dataclass
class Reconciled:
    """What came of it. `adopted` are credits by account and kind that a restored state did not know of."""

    silent: dict[str, Failure] = field(default_factory=dict)
    adopted: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    settled: Settled = field(default_factory=Settled)
    restored: str = ""
    """Why the state was held, where it was."""
    held: bool = False
    """Whether it still is, because a vendor did not answer."""


def reconcile(runtime: Runtime) -> Reconciled:
    """Read every vendor's figures, settle lost answers by them, and let go what waited for that.

    A restored state takes over what the vendors counted since; it is held on where one of them is silent.
    """
    done = Reconciled(restored=tidemark.older(runtime.store))
    runtime.ledger.prepare(runtime.ledger.periods(0, runtime.clock()))
    with runtime.store.read() as connection:
        before = _known(connection)
    for account in runtime.providers.values():
        failure = runtime.standing.ask(account)
        if failure is not None:
            done.silent[account.name] = failure
    if done.restored:
        done.held = bool(done.silent)
        if not done.held:
            _adopt(runtime, before, done)
    if not done.held:
        done.settled = attend(runtime.bench(), now=True)
        _take_note(runtime)
    return done


def _known(connection: Connection) -> dict[tuple[str, str], tuple[str, Drift]]:
    """(account, kind) → the vendor's period and the drift as of the newest figure."""
    pools = figures.pools(connection)
    return {at: (pools[at].vendor_period, drift) for at, drift in figures.drifts(connection).items()}


def _adopt(runtime: Runtime, before: Mapping[tuple[str, str], tuple[str, Drift]], done: Reconciled) -> None:
    """Book what is gone since the newest figure that the restored state knows."""
    with runtime.store.write() as connection:
        gone: dict[str, dict[str, int]] = {}
        for (account, kind), (period, drift) in _known(connection).items():
            old = before.get((account, kind))
            known = old[1].others + old[1].overcharged if old is not None and old[0] == period else 0
            missing = drift.others + drift.overcharged - known
            if missing > 0 and account in runtime.providers:
                gone.setdefault(account, {})[kind] = missing
        if gone:
            run_id = runs.start(connection, "reconcile", "", runtime.owner)
            periods = runtime.ledger.periods(run_id, runtime.clock())
            for account, kinds in gone.items():
                redress.adopt(connection, account, runtime.owner, kinds, periods, "counted by the vendor")
            runs.end(connection, run_id, "ok", {})
        runs.record(connection, "operator", "state.reconciled", reason=done.restored)
    tidemark.accept(runtime.store)
    done.adopted = {a: {k: in_credits(n) for k, n in kinds.items()} for a, kinds in gone.items()}


def _take_note(runtime: Runtime) -> None:
    """The drift of now is known of; accounts that it stopped go on."""
    with runtime.store.write() as connection:
        for (account, kind), drift in figures.drifts(connection).items():
            runs.set_meta(connection, drift_mark(account, kind), str(in_credits(drift.total)))
        lifted = [a for a in runtime.providers if runs.lift(connection, a, (DRIFT,))]
        for account in lifted:
            runs.record(connection, "operator", "resume", subject=account, reason="reconciled")
        if lifted:
            work.wake_stopped(connection)
