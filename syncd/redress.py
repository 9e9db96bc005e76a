"""Redress: what settles a lost call, books what a vendor took beyond our books, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from syncd.ledger import Ledger, in_credits, tell
from syncd.store import calls, figures, jobs, lookups, money
from syncd.store.money import Periods, Shift, Ticket


def resolve(
    ledger: Ledger,
    connection: Connection,
    ticket: Ticket,
    charged: bool,
    reason: str = "",
    kinds: Collection[str] | None = None,
) -> bool:
    """Settle a lost call by somebody's word, or by proof. False where it was not unknown any more.

    Charged: what was unknown is spent, of `kinds` where not of all, and the key is not bought again.
    Otherwise it is given back, and contacts that waited for a person because of it are taken up again.
    """
    said = reason or ("taken for charged" if charged else "taken for not charged")
    if not charged:
        done = ledger.release(connection, ticket, said, ("unknown",))
        if done:
            jobs.reopen(connection, [ticket.call_id])
    else:
        done = calls.move(
            connection, ticket.call_id, ("unknown",), "written_off", {"settled_at": 0}, reason=said
        )
        if done:
            lookups.move(connection, ticket.call_id, ("unknown",), "written_off", reason=said)
            held = money.held_by(connection, ticket.call_id)
            owed = {k: u if kinds is None or k in kinds else 0 for k, (_, u) in held.items()}
            money.shift(
                connection, [Shift(ticket, k, "resolve", -r, owed[k], -u) for k, (r, u) in held.items()]
            )
    if done:
        tell(connection, ticket, "lookup.resolved", said)
    return done


def overcharge(connection: Connection, ticket: Ticket, amounts: Mapping[str, int], reason: str) -> None:
    """Book what the vendor took for a call beyond what its answer was worth; once for each call."""
    money.shift(connection, [Shift(ticket, k, "overcharge", 0, n) for k, n in amounts.items() if n > 0])
    tell(connection, ticket, "lookup.overcharged", reason)


def adopt(
    connection: Connection, account: str, owner: str, gone: Mapping[str, int], periods: Periods, reason: str
) -> None:
    """Book credits that are gone at the vendor without a call in our books, so that caps count them.

    The figure that showed them is kept a second time, with what our books hold now: they are no drift any
    more.
    """
    (call_id,) = calls.add(connection, owner, periods, [calls.NewCall(account, "(reconciled)", 0)])
    ticket = Ticket(call_id, account, periods, {})
    calls.move(connection, call_id, ("sent",), "written_off", {"settled_at": 0}, reason=reason)
    money.shift(connection, [Shift(ticket, kind, "adopt", 0, amount) for kind, amount in gone.items()])
    for kind, amount in gone.items():
        figures.correct(connection, account, kind, amount)
    told = ", ".join(f"{in_credits(amount).normalize():f} {kind}" for kind, amount in sorted(gone.items()))
    tell(connection, ticket, "account.adopted", f"{told}: {reason}")
