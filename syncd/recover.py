"""Recover: what a dead worker left behind is found by reading rows, and given its one safe reading."""

from __future__ import annotations

import structlog

from syncd.accounts import ProviderAccount
from syncd.ledger import Ledger
from syncd.store import jobs, leases, money, runs
from syncd.store.engine import Store

_log = structlog.get_logger("syncd.recover")


def recover(
    store: Store, ledger: Ledger, accounts: dict[str, ProviderAccount], owner: str, lease_us: int
) -> dict[str, int]:
    """Take over from dead workers; counts of released and unknown calls and of contacts given back.

    A call that was booked as sent may have reached the vendor. Free ones are released; those that cost
    become unknown, which counts as spent. On a state that one process holds, every other owner is dead;
    otherwise only those are whose leases ran out longer ago than the longest request lasts. Contacts that
    this owner holds itself are left from a cycle that broke, because the state failed it: no other cycle
    of its own runs now, and its heartbeat would hold them for ever.
    """
    alone = owner if store.sqlite else ""
    counts = {"released": 0, "unknown": 0, "contacts": 0}
    with store.write() as connection:
        for call_id, name, operation_name in jobs.abandoned(connection, alone):
            account = accounts.get(name)
            operation = account.operation(operation_name) if account else None
            ticket = money.ticket_of(connection, call_id)
            if operation is not None and operation.free and not any(ticket.held.values()):
                counts["released"] += ledger.release(connection, ticket, "the caller died; it costs nothing")
            else:
                counts["unknown"] += ledger.lose(
                    connection, ticket, "the caller died before the answer", ("sent",)
                )
        leases.orphan(connection, owner, bool(alone))
        if alone:
            runs.free_syncs(connection, owner)
        counts["contacts"] = leases.expire(connection, 0 if alone else lease_us)
    if any(counts.values()):
        _log.info("recovered", **counts)
    return counts
