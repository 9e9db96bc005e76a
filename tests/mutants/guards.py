"""Each guard of a promise or brake: where it stands, and what the core is without it.

`remove` patches it away. `told` says what of a story is named by which the loss is noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from syncd import brakes, decide, desk, door, ledger, log, pull, write
from syncd.calls import Line, PaidLine
from syncd.checkout import Checkout
from syncd.codec import unpack_contact
from syncd.config import urls
from syncd.config.checks import connectors
from syncd.model import Lookup
from syncd.settle import Settler
from syncd.store import calls, lookups, money
from syncd.store import tables as t

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Guard:
    """A guard: `module.function` as the documentation names it, the story that meets it, and how to remove it."""

    promise: str
    where: str
    story: str
    remove: Callable[[Patch], None]


def caps(patch: Patch) -> None:
    """A budget row is raised whatever its cap."""
    held = update(t.budget).where(
        money._OF_BUDGET, t.budget.c.scope.in_(money.bindparam("b_scopes", expanding=True))
    )
    patch.setattr(money, "_HOLD_BUDGET", held.values(reserved=t.budget.c.reserved + money._MOST))


def remainder(patch: Patch) -> None:
    """The vendor's own figure is not looked at."""
    held = update(t.pool).where(money._OF_POOL).values(reserved=t.pool.c.reserved + money._MOST)
    patch.setattr(money, "_HOLD_POOL", held)


def fences(patch: Patch) -> None:
    """A worker books for contacts that it has lost."""
    patch.setattr(ledger.leases, "extend", lambda *_: True)


def once_only(patch: Patch) -> None:
    """A second settlement of one call counts again."""
    patch.setattr(calls, "states", lambda connection, ids: dict.fromkeys(ids, "sent"))
    patch.setattr(calls, "move_all", lambda connection, ids, *_, **__: len(ids))


def intents_of_calls(patch: Patch) -> None:
    """The request leaves before its booking is committed."""
    honest = Checkout._book

    def book(self: Any, connection: Any, loads: Any) -> Any:
        booked = honest(self, connection, loads)
        for load, done in zip(loads, booked, strict=True):
            for parcels, call in zip(load.groups, done, strict=False):
                assert call
                asked = [Lookup(p.ask.key, "0") for p in parcels]
                load.account.connector.submit(
                    PaidLine(load.account.line, lambda: True), load.operation, asked
                )
        return booked

    patch.setattr(Checkout, "_book", book)


def intents_of_writes(patch: Patch) -> None:
    """A value is written of which nothing is noted before."""
    patch.setattr(write.changes, "intend", lambda connection, rows: list(range(1, len(rows) + 1)))


def unknown_is_spent(patch: Patch) -> None:
    """A lost answer is taken for one that never was, and its credits are given back."""
    patch.setattr(
        ledger.Ledger,
        "lose",
        lambda self, c, ticket, why, before=("sent",): self.release(c, ticket, why, before),
    )


def doubt_is_no_proof(patch: Patch) -> None:
    """Every failure counts as proof that nothing was charged."""
    honest = Settler.failure

    def failure(self: Any, connection: Any, account: Any, operation: Any, ticket: Any, lost: Any) -> Any:
        lost.charged = False
        return honest(self, connection, account, operation, ticket, lost)

    patch.setattr(Settler, "failure", failure)


def lost_answers_count_as_asked(patch: Patch) -> None:
    """What was lost counts as never asked, and may be bought anew."""
    honest = Checkout._renew

    def known(connection: Any, digests: Any) -> Any:
        return [kept for kept in lookups.known(connection, digests) if kept.state != "unknown"]

    def renew(self: Any, connection: Any, loads: Any) -> None:
        honest(self, connection, loads)
        parcels = [p for load in loads for group in load.groups for p in group]
        kept = lookups.known(connection, [p.digest for p in parcels])
        lost = {k.key_digest for k in kept if k.state == "unknown"}
        for parcel in parcels:
            parcel.epoch += parcel.digest in lost

    patch.setattr(desk, "lookups", SimpleNamespace(known=known, lost=lambda *_: {}))
    patch.setattr(Checkout, "_renew", renew)


def cursor_with_its_page(patch: Patch) -> None:
    """The cursor moves before the page is stored."""
    honest = pull.Puller._take_in

    def take_in(self: Any, page: Any, move: Any) -> None:
        with self.store.write() as connection:
            move(connection, page.cursor)
        honest(self, page, move)

    patch.setattr(pull.Puller, "_take_in", take_in)


def census_of_states(patch: Patch) -> None:
    """A contact that is taken in is put into no state that there is."""
    honest = pull.Puller._row
    patch.setattr(
        pull.Puller, "_row", lambda self, contact, now: {**honest(self, contact, now), "state": "adrift"}
    )


def events_with_their_writes(patch: Patch) -> None:
    """A write is confirmed without its event."""
    honest = write.runs.record_many

    def record_many(connection: Any, events: Any) -> None:
        honest(connection, [e for e in events if e["action"] != "write.confirmed"])

    patch.setattr(write.runs, "record_many", record_many)


def fresh_reads(patch: Patch) -> None:
    """What is decided on is what was read at the pull."""

    def stale(self: Any, rows: Any) -> Any:
        return {row.record_id: unpack_contact(row.record_id, row.record) for row in rows}

    patch.setattr(write.Writer, "_read", stale)


def authors(patch: Patch) -> None:
    """Whose value it is does not matter."""
    patch.setattr(decide, "why_kept", lambda *_: "")


def secrets(patch: Patch) -> None:
    """A line is logged as it is."""
    patch.setattr(log.Scrubber, "scrub", lambda self, line: line)


def fingerprint(patch: Patch) -> None:
    """Every record that comes back counts as changed."""
    honest = pull.input_digest
    patch.setattr(pull, "input_digest", lambda fields, policy: f"{honest(fields, policy)}{len(fields)}x")


def sandbox_apart(patch: Patch) -> None:
    """A sandbox may stand beside a real account."""
    patch.setattr(connectors, "_check_sandbox", lambda draft: ())


def encryption(patch: Patch) -> None:
    """Plain http may lead anywhere."""
    patch.setattr(urls, "is_loopback_host", lambda host: True)


def same_value(patch: Patch) -> None:
    patch.setattr(brakes.Watch, "_same_value", lambda self: "")


def changed_share(patch: Patch) -> None:
    patch.setattr(brakes.Watch, "_changed_share", lambda self: "")


def canary(patch: Patch) -> None:
    patch.setattr(brakes.Watch, "canary_left", lambda self: None)


def hit_rate(patch: Patch) -> None:
    patch.setattr(brakes.Pulse, "why", lambda self: "")


def empty_crm(patch: Patch) -> None:
    patch.setattr(brakes, "emptied", lambda gone, known, share: "")


def account(patch: Patch) -> None:
    """Whatever account a token opens is the right one."""
    patch.setattr(door, "identify", lambda runtime, crm: "")


def reads_of_now(patch: Patch) -> None:
    """A write relies on what was read, however long ago."""
    patch.setattr(Line, "writing", lambda self, read_at, lease_s: nullcontext())


def share(patch: Patch) -> None:
    """The account's other integrations get no calls."""
    patch.setattr(door, "mind_share", lambda runtime, crm: None)


GUARDS = (
    Guard("I1", "syncd.store.money.hold (budget)", "a_cap_is_reached", caps),
    Guard("I1", "syncd.store.money.hold (pool)", "the_vendors_remainder_is_used_up", remainder),
    Guard("I1", "syncd.ledger.Ledger.settle", "an_answer_comes_twice", once_only),
    Guard("I2", "syncd.enrich.Enricher._move_on", "dead_before_the_booking_is_committed", intents_of_calls),
    Guard("I2", "syncd.write.Writer._intend", "dead_after_the_first_write", intents_of_writes),
    Guard("I3", "syncd.ledger.Ledger._book", "the_contact_was_lost_to_another_worker", fences),
    Guard("I3", "syncd.ledger.Ledger.lose", "charged_and_answered_500", unknown_is_spent),
    Guard("I3", "syncd.settle.Settler.failure", "charged_and_answered_500", doubt_is_no_proof),
    Guard("I4", "syncd.desk.Desk.learn", "charged_and_answered_500", lost_answers_count_as_asked),
    Guard("I5", "syncd.pull.Puller._take_in", "dead_before_the_page_is_stored", cursor_with_its_page),
    Guard("I5", "syncd.pull.Puller._row", "a_plain_cycle", census_of_states),
    Guard("I6", "syncd.confirm.Confirmation.book", "a_plain_cycle", events_with_their_writes),
    Guard("I7", "syncd.write.Writer._read", "a_person_edits_before_the_write", fresh_reads),
    Guard("I7", "syncd.calls.Line.writing", "a_person_edits_while_a_write_waits", reads_of_now),
    Guard("I7", "syncd.plan.why_kept", "values_of_people_may_be_overwritten_by_nobody", authors),
    Guard("I8", "syncd.log.Scrubber.scrub", "a_credential_is_logged", secrets),
    Guard("I9", "syncd.pull.Puller._place", "an_import_touches_everybody", fingerprint),
    Guard(
        "I10",
        "syncd.config.checks.connectors._check_sandbox",
        "a_real_account_beside_a_sandbox",
        sandbox_apart,
    ),
    Guard("I10", "syncd.config.urls._split", "plain_http_to_a_public_host", encryption),
    Guard("brake same_value", "syncd.brakes.Watch._same_value", "many_get_one_number", same_value),
    Guard(
        "brake changed_share",
        "syncd.brakes.Watch._changed_share",
        "a_field_changes_throughout",
        changed_share,
    ),
    Guard("brake canary", "syncd.brakes.Watch.canary_left", "the_crm_stores_nothing", canary),
    Guard("brake hit_rate", "syncd.brakes.Pulse.why", "a_provider_suddenly_finds_everybody", hit_rate),
    Guard("brake empty_crm", "syncd.brakes.emptied", "everybody_leaves_the_scope_at_once", empty_crm),
    Guard("brake account", "syncd.runtime.identify", "the_token_of_another_portal", account),
    Guard("brake daily_calls_share", "syncd.door.mind_share", "most_calls_of_the_day_are_used", share),
)
