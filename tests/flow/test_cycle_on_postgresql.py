"""A whole cycle over the stand-ins with the state on PostgreSQL, and the second one that does nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from syncd import ledger
from syncd.config import Settings, load
from syncd.cycle import Cycle, Orders, Outcome
from syncd.enrich import Enricher
from syncd.rehearsal import Rehearsal
from syncd.runtime import Runtime, open_runtime
from syncd.store import lists, money, runs, work
from syncd.store import tables as t
from tests.stores import Backends

CONTACTS = 120


@dataclass
class Rehearsed:
    """Two cycles, and what the stand-ins' own books say."""

    runtime: Runtime
    outcomes: list[Outcome]
    books: dict[str, Any]
    asked: list[int]
    """Requests to the provider up to the end of each cycle."""


@contextmanager
def rehearsal(folder: Path, contacts: int, state_url: str) -> Iterator[tuple[Rehearsal, Settings]]:
    """Stand-ins and a configuration with its state on PostgreSQL."""
    servers = Rehearsal(folder)
    try:
        servers.start(["hubspot", "contactout"], contacts, swift=True)
        yield servers, load(servers.write_config(swift=True, changes={"state": {"url": state_url}}))
    finally:
        servers.stop()


@pytest.fixture(scope="module")
def rehearsed(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsed]:
    folder = tmp_path_factory.mktemp("rehearsal")
    with rehearsal(folder, CONTACTS, backends.blank()) as (servers, settings):
        runtime = open_runtime(settings)
        try:
            outcomes, asked = [], []
            for _ in range(2):
                outcomes.append(Cycle(runtime, Orders(list(settings.syncs))).run())
                asked.append(len(servers.stands["contactout"].ask("journal")["requests"]))
            books = {vendor: stand.ask("books") for vendor, stand in servers.stands.items()}
            yield Rehearsed(runtime, outcomes, books, asked)
        finally:
            runtime.close()


def test_every_contact_comes_to_an_end(rehearsed: Rehearsed) -> None:
    first = rehearsed.outcomes[0]
    assert (first.code, first.report["verdict"]) == (0, "ok")
    contacts = first.report["contacts"]
    assert contacts["seen"] == CONTACTS
    assert contacts["unaccounted"] == contacts["failed"] == 0
    assert contacts["enriched"] > CONTACTS // 4
    with rehearsed.runtime.store.read() as connection:
        counts = lists.counts(connection)
        assert counts.keys() <= set(work.ENDED)
        assert sum(counts.values()) == connection.scalar(select(func.count()).select_from(t.work))


def test_our_books_are_the_vendors_books(rehearsed: Rehearsed) -> None:
    ours = rehearsed.outcomes[0].report["credits"]["contactout"]
    theirs = rehearsed.books["contactout"]["charged"]
    assert theirs
    assert {kind: Decimal(str(amount)) for kind, amount in theirs.items()} == {
        kind: Decimal(str(spent["spent"])) for kind, spent in ours.items() if spent["spent"]
    }
    assert all(not spent["unknown"] for spent in ours.values())
    assert rehearsed.books["contactout"]["double_charged"] == 0


def test_caps_hold_what_the_ledger_says_and_nothing_stays_reserved(rehearsed: Rehearsed) -> None:
    with rehearsed.runtime.store.read() as connection:
        budgets = connection.execute(select(t.budget)).all()
        assert budgets
        for row in budgets:
            found = money.totals(connection, row.account, row.kind, row.scope, row.period)
            assert found == {"reserved": 0, "spent": row.spent, "unknown": 0}
        assert connection.scalars(select(t.provider_call.c.state).distinct()).all() == ["settled"]


def test_every_write_has_one_confirmed_change_and_no_person_is_overwritten(rehearsed: Rehearsed) -> None:
    books = rehearsed.books["hubspot"]
    assert books["human_edits_overwritten"] == books["no_op_writes"] == 0
    with rehearsed.runtime.store.read() as connection:
        states = connection.execute(select(t.change.c.state, func.count()).group_by(t.change.c.state)).all()
    assert [tuple(s) for s in states] == [("written", books["writes_count"])]


def test_a_second_cycle_asks_and_writes_nothing(rehearsed: Rehearsed) -> None:
    second = rehearsed.outcomes[1]
    assert (second.code, second.report["verdict"]) == (0, "ok")
    assert second.report["contacts"]["unchanged"] == second.report["contacts"]["in_scope"]
    assert rehearsed.asked[0] == rehearsed.asked[1]
    assert "update" not in second.report["calls"]["hubspot-sandbox"]["by_operation"]


def test_two_workers_of_a_fleet_share_the_work_and_buy_nothing_twice(
    backends: Backends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncd.enrich.WINDOW", 12)
    with rehearsal(tmp_path, 60, backends.blank()) as (servers, settings), ExitStack() as closing:
        syncs = list(settings.syncs)
        workers = [open_runtime(settings) for _ in range(2)]
        for worker in workers:
            closing.callback(worker.close)
        Cycle(workers[0], Orders(syncs, spend=False)).run()
        threads = []
        for number, worker in enumerate(workers):
            bench = worker.bench()
            with worker.store.write() as connection:
                run_id = runs.start(connection, "once", f"worker {number}", worker.owner)
            threads.append(threading.Thread(target=Enricher(bench, run_id, syncs).drain))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with workers[0].store.read() as connection:
            buyers = connection.scalars(select(t.provider_call.c.owner).distinct()).all()
            left = lists.counts(connection)
        last = Cycle(workers[1], Orders(syncs)).run()
        books = servers.stands["contactout"].ask("books")
        with workers[0].store.read() as connection:
            spent = money.totals(
                connection, "contactout", "search", "month", workers[0].clock().strftime("%Y-%m")
            )
    assert sorted(buyers) == sorted(w.owner for w in workers)
    assert "leased" not in left
    assert books["double_charged"] == 0
    assert last.report["contacts"]["unaccounted"] == 0
    assert spent == {
        "reserved": 0,
        "spent": ledger.micro(Decimal(str(books["charged"].get("search", 0)))),
        "unknown": 0,
    }
