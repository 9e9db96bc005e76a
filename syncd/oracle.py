"""The oracle: whether the promises hold, by the stand-ins' own books, the state and the log.

It reads only, and knows nothing of how syncd works inside beyond the tables. Each violation is a sentence that
begins with the number of the promise.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from syncd.codec import unpack_candidates
from syncd.ledger import in_credits
from syncd.rehearsal import Stand
from syncd.store import tables as t
from syncd.store.engine import Store

HOLDING = ("sent", "pending", "settled", "unknown", "written_off")
STATES = (
    "ready",
    "leased",
    "waiting",
    "enriched",
    "writing",
    "done",
    "skipped",
    "no_budget",
    "review",
    "dead",
)
_PERSONAL = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\+\d{8,15}|linkedin\.com/in/")


@dataclass
class Oracle:
    """One look at everything. `stands` are the running stand-ins by vendor, `crms` those that are CRMs.

    `accounts` maps a provider key of the configuration to its stand-in; `foreign` are credits per (account,
    kind) that somebody else is known to have used.
    """

    store: Store
    stands: Mapping[str, Stand]
    crms: Mapping[str, str]
    """CRM key of the configuration → vendor of its stand-in."""
    accounts: Mapping[str, str]
    log: str = ""
    secrets: Sequence[str] = ()
    names: Sequence[str] = ()
    """Texts of the invented people that no log line may hold."""
    syncs: Mapping[str, str] = field(default_factory=dict)
    """sync → CRM key, where every record of that CRM is in scope; to compare both sides."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Connector key → the base URL that it leads to."""
    opaque: Collection[tuple[str, str]] | None = None
    """(account, operation) whose lost answers must never be asked for again by themselves; None: all."""
    quiet: bool = True
    """Whether nothing is under way: then nothing may be reserved or half done."""
    rekeyed: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Person, as the vendors' books name them → records whose keys others changed. By each other key a person
    may be bought once more: nobody can know that it is the same one."""

    def violations(self) -> list[str]:
        """Every broken promise; empty where all hold."""
        with self.store.read() as connection:
            return [
                *self._caps(connection),
                *self._intents(connection),
                *self._duplicates(connection),
                *self._repeats(connection),
                *self._books(connection),
                *self._states(connection),
                *self._audit(connection),
                *self._human(),
                *self._log(),
                *self._reach(),
            ]

    # money

    def _caps(self, connection: Connection) -> Iterator[str]:
        for row in connection.execute(select(t.budget)):
            used = row.spent + row.unknown + row.reserved
            where = f"{row.account} {row.kind} per {row.scope} {row.period}"
            if used > row.cap:
                yield f"I1: {where} holds {in_credits(used)} of {in_credits(row.cap)}"
            sums = _sums(connection, row)
            if sums != (row.reserved, row.spent, row.unknown):
                yield f"I1: {where} disagrees with the ledger"
            if self.quiet and row.reserved:
                yield f"I1: {where} still reserves {in_credits(row.reserved)} though nothing is under way"

    def _intents(self, connection: Connection) -> Iterator[str]:
        """Every charge of the stand-ins has a call in our books that was booked before."""
        called = set(connection.scalars(select(t.provider_call.c.account).distinct()))
        for account, vendor in self.accounts.items():
            if account not in called and self.stands[vendor].ask("books", summary="1")["charges_count"]:
                yield f"I2: {account} was charged, and no call to it is booked"
        if self.quiet:
            left = connection.scalar(
                select(func.count()).select_from(t.provider_call).where(t.provider_call.c.state == "sent")
            )
            if left:
                yield f"I2: {left} calls are booked as sent though nothing is under way"

    def _duplicates(self, connection: Connection) -> Iterator[str]:
        twice = connection.execute(
            select(t.lookup.c.account, t.lookup.c.operation, func.count())
            .where(t.lookup.c.state.in_(HOLDING))
            .group_by(t.lookup.c.account, t.lookup.c.operation, t.lookup.c.key_digest, t.lookup.c.epoch)
            .having(func.count() > 1)
        ).all()
        for account, operation, count in twice:
            yield f"I3: {account} {operation} was bought {count} times for one key"
        for account, vendor in self.accounts.items():
            charged = self.stands[vendor].ask("books")["duplicates"]
            for extra in charged:
                records = self.rekeyed.get(extra["person"], ())
                if extra["extra"] >= max(1, _keys_bought(connection, account, records)):
                    yield f"I3: {vendor} charged {extra['kind']} {extra['extra']} times more for {extra['person']}"

    def _repeats(self, connection: Connection) -> Iterator[str]:
        """What was lost without anybody's word on it has no younger purchase beside it."""
        lost, later = t.lookup.alias(), t.lookup.alias()
        rows = connection.execute(
            select(lost.c.account, lost.c.operation, func.count())
            .join(
                later,
                (later.c.account == lost.c.account)
                & (later.c.operation == lost.c.operation)
                & (later.c.key_digest == lost.c.key_digest)
                & (later.c.id > lost.c.id),
            )
            .where(lost.c.state.in_(("unknown", "written_off")), later.c.state.in_(HOLDING))
            .group_by(lost.c.account, lost.c.operation)
        )
        for account, operation, count in rows:
            if self.opaque is None or (account, operation) in self.opaque:
                yield f"I4: {account} {operation} was asked again {count} times though an answer was lost"

    def _books(self, connection: Connection) -> Iterator[str]:
        """Ours lie between what we know to be spent and what we count as spent."""
        rows = connection.execute(
            select(
                t.ledger.c.account,
                t.ledger.c.kind,
                func.sum(t.ledger.c.spent),
                func.sum(t.ledger.c.unknown),
                func.sum(t.ledger.c.reserved),
            ).group_by(t.ledger.c.account, t.ledger.c.kind)
        )
        ours = {
            (a, k): (in_credits(int(s)), in_credits(int(u)), in_credits(int(r))) for a, k, s, u, r in rows
        }
        guessed = _guessed(connection)
        again = _given_again(connection) if self.rekeyed else {}
        for account, vendor in self.accounts.items():
            charged = self.stands[vendor].ask("books", summary="1")["charged"]
            for kind in sorted({k for a, k in ours if a == account} | set(charged)):
                spent, unknown, reserved = ours.get((account, kind), (Decimal(0),) * 3)
                theirs = Decimal(str(charged.get(kind, "0")))
                worst = guessed.get((account, kind), Decimal(0)) + again.get((account, kind), Decimal(0))
                if not spent - worst <= theirs <= spent + unknown + reserved:
                    yield (
                        f"I1: {account} {kind}: the vendor charged {theirs}, we have {spent} spent (of which "
                        f"{worst} is the most that it can have been), {unknown} unknown, {reserved} reserved"
                    )

    # contacts

    def _states(self, connection: Connection) -> Iterator[str]:
        for state, count in connection.execute(select(t.work.c.state, func.count()).group_by(t.work.c.state)):
            if state not in STATES:
                yield f"I5: {count} contacts are in the unknown state {state}"
            if self.quiet and state in ("leased", "writing"):
                yield f"I5: {count} contacts are {state} though nothing is under way"
        for sync, crm in self.syncs.items():
            here = set(connection.scalars(select(t.work.c.record_id).where(t.work.c.sync == sync)))
            there = set(self.stands[self.crms[crm]].ask("records")["ids"])
            if there - here:
                yield f"I5: {len(there - here)} records of {crm} are not known to {sync}"

    def _audit(self, connection: Connection) -> Iterator[str]:
        confirmed = Counter(
            connection.scalars(
                select(t.audit.c.change_id).where(t.audit.c.action.in_(("write.confirmed", "undo.confirmed")))
            )
        )
        written = set(
            connection.scalars(select(t.change.c.id).where(t.change.c.state.in_(("written", "undone"))))
        )
        for change_id in written - confirmed.keys():
            yield f"I6: change {change_id} was written and has no confirmed event"
        for change_id, count in confirmed.items():
            if count > 1:
                yield f"I6: change {change_id} has {count} confirmed events"
        if self.quiet:
            left = connection.scalar(
                select(func.count()).select_from(t.change).where(t.change.c.state == "intended")
            )
            if left:
                yield f"I6: {left} intended changes have no outcome"
        yield from self._writes(connection)

    def _writes(self, connection: Connection) -> Iterator[str]:
        """Each value that the CRM got from us has a change of its own that says so, and the other way round."""
        booked: Counter[tuple[str, str, str]] = Counter()
        states = ("written", "undone", "not_applied", "refused", "conflict", "rejected")
        rows = connection.execute(
            select(
                t.change.c.crm, t.change.c.record_id, t.change.c.property, t.change.c.state, t.change.c.code
            )
        )
        sure: Counter[tuple[str, str, str]] = Counter()
        for crm, record, name, state, _ in rows:
            if state in states or state == "intended":
                booked[crm, record, name] += 1
            if state in ("written", "undone"):
                sure[crm, record, name] += 1
        for crm, vendor in self.crms.items():
            made = Counter(
                (crm, w["record"], w["property"]) for w in self.stands[vendor].ask("books")["writes"]
            )
            for place in [p for p in made if made[p] > booked[p]]:
                yield f"I6: {place[0]} got a value for {place[2]} of {place[1]} that we have not booked"
            for place in [p for p in sure if p[0] == crm and made[p] < sure[p]]:
                times = f"{made[place]} times of {sure[place]}" if made[place] else "never"
                yield f"I6: {place[2]} of {place[1]} counts as written, and {place[0]} {times} got it"

    def _human(self) -> Iterator[str]:
        for crm, vendor in self.crms.items():
            books = self.stands[vendor].ask("books", summary="1")
            if books["human_edits_overwritten"]:
                yield f"I7: {books['human_edits_overwritten']} values of people were overwritten in {crm}"
            if books["no_op_writes"]:
                yield f"I9: {books['no_op_writes']} writes to {crm} changed nothing"

    # the log

    def _log(self) -> Iterator[str]:
        for number, line in enumerate(self.log.splitlines(), 1):
            for secret in self.secrets:
                if secret in line:
                    yield f"I8: line {number} of the log holds a credential"
            if _PERSONAL.search(line) or any(name in line for name in self.names):
                yield f"I8: line {number} of the log holds somebody's data"

    # where we can reach

    def _reach(self) -> Iterator[str]:
        """Plain http leads to this machine only; and where any address does, all do."""
        here = {name: _is_here(url) for name, url in self.addresses.items()}
        for name, url in self.addresses.items():
            if any(here.values()) and not here[name]:
                yield f"I10: {name} leads to a public host beside a sandbox"
            elif url.startswith("http://") and not here[name]:
                yield f"I10: {name} leads to a public host without encryption"


def _is_here(url: str) -> bool:
    """Whether a URL leads to this machine, by its literal address; judged without the code under test."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _guessed(connection: Connection) -> Mapping[tuple[str, str], Decimal]:
    """(account, kind) → credits booked as spent of answers that left open whether they were charged."""
    query = select(t.lookup.c.account, t.lookup.c.charge).where(t.lookup.c.charge.endswith("(unknown)"))
    rows = connection.execute(query.where(t.lookup.c.state == "settled"))
    return _summed((account, text) for account, text in rows)


def _given_again(connection: Connection) -> Mapping[tuple[str, str], Decimal]:
    """(account, kind) → credits booked for people whom the account knew from an earlier answer.

    A vendor may give those for nothing, and says so nowhere: asked by a new key, we count them.
    """
    query = select(t.lookup.c.account, t.lookup.c.answer, t.lookup.c.charge)
    seen: set[tuple[str, str]] = set()
    again: list[tuple[str, str]] = []
    for account, answer, charge in connection.execute(
        query.where(t.lookup.c.state == "settled", t.lookup.c.charge != "").order_by(t.lookup.c.id)
    ):
        named = (c.provider_ref or c.identity.linkedin_url for c in unpack_candidates(answer))
        people = {(account, name) for name in named if name}
        if people and people <= seen:
            again.append((account, charge))
        seen |= people
    return _summed(again)


def _summed(charges: Iterable[tuple[str, str]]) -> defaultdict[tuple[str, str], Decimal]:
    """(account, kind) → the sum of charges, given as (account, text)."""
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, text in charges:
        for part in text.partition(" (")[0].split(","):
            kind, _, amount = part.strip().partition(" ")
            found[account, kind] += Decimal(amount.strip())
    return found


def _keys_bought(connection: Connection, account: str, record_ids: Collection[str]) -> int:
    """By how many different keys these records were looked up at an account."""
    query = (
        select(func.count(func.distinct(t.lookup.c.key_digest)))
        .join(t.work, t.work.c.id == t.lookup.c.work_id)
        .where(t.lookup.c.account == account, t.lookup.c.state.in_(HOLDING))
        .where(t.work.c.record_id.in_(record_ids))
    )
    return int(connection.scalar(query) or 0) if record_ids else 0


def _sums(connection: Connection, row: Any) -> tuple[int, int, int]:
    from syncd.store.money import totals

    found = totals(connection, row.account, row.kind, row.scope, row.period)
    return found["reserved"], found["spent"], found["unknown"]


def summary(violations: Iterable[str]) -> str:
    """For people: one line each, the first twenty."""
    listed = list(violations)
    more = f"\n… and {len(listed) - 20} more" if len(listed) > 20 else ""
    return "\n".join(listed[:20]) + more


def second_run(report: Mapping[str, Any], providers: Iterable[str]) -> list[str]:
    """What a run over an unchanged CRM did though there was nothing to do (I9)."""
    found = [
        f"I9: {report['calls'][p]['total']} calls of {p}" for p in providers if report["calls"][p]["total"]
    ]
    wrote = {n: c for n, c in report["fields"].items() if c["filled"] or c["refreshed"]}
    return found + ([f"I9: wrote {json.dumps(wrote)}"] if wrote else [])
