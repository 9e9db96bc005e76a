"""What happens to the core in which one guard may be missing, and what is noticed of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog

from syncd.checkout import Checkout
from syncd.config import ConfigInvalid, load
from syncd.ledger import Refusal
from syncd.log import Scrubber, configure
from syncd.oracle import Oracle, second_run
from syncd.pull import Puller
from syncd.refusals import WrongAccount
from syncd.store import lists, work
from syncd.store.engine import Store
from syncd.write import Writer
from tests.books import EMAIL, Worker, booked, caps
from tests.rehearsals import addresses
from tests.unit import test_brakes, test_pulse
from tests.worlds import World

Noticed = list[str]
"""Sentences of which each begins with what was broken; none where all is well."""


class Died(RuntimeError):
    """The process is gone."""


@dataclass
class Teller:
    """Tells stories: each with a world or a state of its own."""

    patch: pytest.MonkeyPatch
    worlds: Callable[..., World]
    store: Callable[[], Store]
    folder: Path

    # money, without connectors

    def a_cap_is_reached(self) -> Noticed:
        worker = Worker(self.store(), caps(email={"per_month": 2}))
        worker.told(email=100)
        worker.book(EMAIL, "a")
        worker.book(EMAIL, "b")
        worker.book(EMAIL, "c")
        return self._judged(worker)

    def the_vendors_remainder_is_used_up(self) -> Noticed:
        worker = Worker(self.store(), caps(email={"per_month": 9, "floor": 1}))
        worker.told(email=2)
        done = [worker.book(EMAIL, key) for key in "abc"]
        return ["I1: below the floor"] if sum(not isinstance(d, Refusal) for d in done) > 1 else []

    def an_answer_comes_twice(self) -> Noticed:
        worker = Worker(self.store(), caps(email={"per_month": 9}))
        worker.told(email=100)
        call = booked(worker.book(EMAIL, "a"))
        worker.settle(call, email=1)
        try:
            again = worker.settle(call, email=1)
        except Exception as error:
            return [f"I1: {type(error).__name__}"]
        return ["I1: settled twice"] if again else self._judged(worker)

    def the_contact_was_lost_to_another_worker(self) -> Noticed:
        worker = Worker(self.store(), caps(email={"per_month": 9}))
        worker.told(email=100)
        rows = worker.claim(1)
        with worker.store.write() as connection:
            work.leave(connection, rows[0].id, "deleted")
        done = worker.book(EMAIL, "a", rows=rows)
        return [] if done == Refusal("fence_lost") else ["I3: bought for a contact of another worker"]

    def _judged(self, worker: Worker) -> Noticed:
        return Oracle(worker.store, {}, {}, {}, quiet=False).violations()

    # whole cycles

    def a_plain_cycle(self) -> Noticed:
        world = self.worlds()
        world.cycle()
        return world.oracle()

    def dead_before_the_booking_is_committed(self) -> Noticed:
        world, book = self.worlds(people=4), Checkout._book

        def dying(checkout: Checkout, *given: Any) -> Any:
            book(checkout, *given)
            raise Died

        with self.patch.context() as dies:
            dies.setattr(Checkout, "_book", dying)
            world.cycle()
        return [v for v in world.oracle() if v.startswith("I2")]

    def dead_after_the_first_write(self) -> Noticed:
        world = self.worlds()

        def dying(writer: Writer, *given: Any) -> Any:
            raise Died

        with self.patch.context() as dies, suppress(Died):
            dies.setattr(Writer, "_read_back", dying)
            world.cycle()
        written = [v for v in world.oracle() if "not booked" in v]
        return [f"I2: {sentence}" for sentence in written]

    def charged_and_answered_500(self) -> Noticed:
        world = self.worlds()
        world.fault("contactout", "charge_then_500", path="/v1/people/*", times=2)
        world.cycle()
        world.sandbox("contactout").faults.clear()
        world.cycle(hours=2)
        return world.oracle()

    def dead_before_the_page_is_stored(self) -> Noticed:
        world = self.worlds(people=4)

        def dying(puller: Puller, *given: Any) -> Any:
            raise Died

        with self.patch.context() as dies, suppress(Died):
            dies.setattr(Puller, "_add", dying)
            world.cycle()
        world.cycle()
        return world.oracle()

    def a_person_edits_before_the_write(self) -> Noticed:
        world, decide = self.worlds(), Writer._decide
        crm = world.rehearsal.stands["hubspot"]

        def meanwhile(writer: Writer, rows: Any) -> Any:
            for row in rows:
                crm.ask("edit", {"id": row.record_id, "properties": {"mobilephone": "+49301234567"}})
            return decide(writer, rows)

        with self.patch.context() as edits:
            edits.setattr(Writer, "_decide", meanwhile)
            world.cycle()
        return world.oracle()

    def a_person_edits_while_a_write_waits(self) -> Noticed:
        world, intend, edited = self.worlds(), Writer._intend, list[bool]()
        crm = world.rehearsal.stands["hubspot"]

        def late(writer: Writer, cases: Any) -> None:
            intend(writer, cases)
            if not edited:
                edited.append(True)
                for case in cases:
                    crm.ask("edit", {"id": case.row.record_id, "properties": {"mobilephone": "+49301234567"}})
                monotonic = writer.b.pacer.monotonic
                writer.b.pacer.monotonic = lambda: monotonic() + 60

        with self.patch.context() as edits:
            edits.setattr(Writer, "_intend", late)
            world.cycle()
        return world.oracle()

    def values_of_people_may_be_overwritten_by_nobody(self) -> Noticed:
        fields = {"job_title": {"write": "overwrite", "group": None}, "company_name": None}
        world = self.worlds(
            changes={
                "syncs": {"hubspot-sandbox-contacts": {"fields": fields, "brakes": {"changed_share": 1.0}}}
            }
        )
        crm = world.rehearsal.stands["hubspot"]
        for record in crm.ask("records")["ids"]:
            crm.ask("edit", {"id": record, "properties": {"jobtitle": "Gardener"}})
        world.cycle()
        return world.oracle()

    def a_credential_is_logged(self) -> Noticed:
        world, scrubber = self.worlds(people=1), Scrubber()
        world.begin()
        scrubber.learn(["sandbox-contactout-key"])
        configure("info", "json", scrubber, stream=world.log)
        structlog.get_logger("syncd").info("planted.line", of="sandbox-contactout-key")
        return world.oracle(secrets=["sandbox-contactout-key"], syncs={})

    def an_import_touches_everybody(self) -> Noticed:
        world = self.worlds()
        world.cycle()
        crm = world.rehearsal.stands["hubspot"]
        for record in crm.ask("records")["ids"]:
            crm.ask("edit", {"id": record, "properties": {"city": "Elsewhere"}, "as": "import"})
        for stand in world.rehearsal.stands.values():
            stand.ask("clock", {"advance_s": 120})
        return second_run(world.cycle(hours=24 * 400).report, ["contactout"])

    # where it can reach

    def a_real_account_beside_a_sandbox(self) -> Noticed:
        return self._reaching({"providers": {"contactout": {"base_url": None}}})

    def plain_http_to_a_public_host(self) -> Noticed:
        return self._reaching({"providers": {"contactout": {"base_url": "http://api.contactout.com"}}})

    def _reaching(self, changes: Any) -> Noticed:
        world = self.worlds(people=1)
        world.begin()
        try:
            settings = load(world.rehearsal.write_config(False, changes))
        except ConfigInvalid:
            return []
        return world.oracle(addresses=addresses(settings), syncs={})

    # brakes

    def many_get_one_number(self) -> Noticed:
        return _failing(
            "brake same_value",
            test_brakes.test_as_many_contacts_may_get_the_same_number_as_the_limit_says_and_no_more,
        )

    def a_field_changes_throughout(self) -> Noticed:
        return _failing(
            "brake changed_share", test_brakes.test_the_share_is_of_present_values_and_not_of_all_contacts
        )

    def the_crm_stores_nothing(self) -> Noticed:
        return _failing("brake canary", test_brakes.test_the_first_writes_are_read_back_until_enough_were)

    def a_provider_suddenly_finds_everybody(self) -> Noticed:
        return _failing("brake hit_rate", test_pulse.test_hits_that_jump_trip)

    def everybody_leaves_the_scope_at_once(self) -> Noticed:
        scope = {"where": [{"property": "do_not_enrich", "not_equals": "true"}], "skip": None}
        world = self.worlds(people=24, changes={"syncs": {"hubspot-sandbox-contacts": scope}})
        world.cycle()
        crm = world.rehearsal.stands["hubspot"]
        for record in crm.ask("records")["ids"]:
            crm.ask("edit", {"id": record, "properties": {"do_not_enrich": "true"}})
        for stand in world.rehearsal.stands.values():
            stand.ask("clock", {"advance_s": 120})
        world.cycle(hours=1)
        with world.store() as store, store.read() as connection:
            skipped = lists.counts(connection, ["hubspot-sandbox-contacts"]).get("skipped", 0)
        return ["brake empty_crm: everybody was taken for gone"] if skipped > 12 else []

    def the_token_of_another_portal(self) -> Noticed:
        world = self.worlds(people=4, changes={"crms": {"hubspot-sandbox": {"account": "999"}}})
        with suppress(WrongAccount):
            world.cycle()
        wrote = world.rehearsal.stands["hubspot"].ask("books", summary="1")["writes_count"]
        return ["brake account: another portal was written to"] if wrote else []

    def most_calls_of_the_day_are_used(self) -> Noticed:
        world = self.worlds(
            people=4,
            knobs={"hubspot": {"background": {"daily_used": 900_000}, "limits": {"daily": 1_000_000}}},
        )
        world.cycle()
        wrote = world.rehearsal.stands["hubspot"].ask("books", summary="1")["writes_count"]
        return ["brake daily_calls_share: written beyond our share"] if wrote else []


def _failing(what: str, test: Callable[[], None]) -> Noticed:
    try:
        test()
    except AssertionError:
        return [f"{what}: {test.__name__} fails"]
    return []
