"""Runs, syncs, accounts, halts and audit events."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.store import runs
from syncd.store.engine import MILLION, Store
from tests.stores import START_US, Backend


def test_a_run_begins_and_ends_with_its_report(backend: Backend) -> None:
    with backend.store.write() as connection:
        run_id = runs.start(connection, "once", "leads", "worker")
        open_ = runs.get(connection, run_id)
    assert open_ == runs.Run(run_id, "once", "leads", START_US, None, "", {})
    backend.clock.advance(3)
    with backend.store.write() as connection:
        runs.end(connection, run_id, "ok", {"contacts": {"seen": 3}, "name": "é"})
    with backend.store.read() as connection:
        ended = runs.get(connection, run_id)
        assert runs.get(connection, run_id + 1) is None
    assert ended is not None
    assert (ended.verdict, ended.ended_us) == ("ok", START_US + 3 * MILLION)
    assert ended.report == {"contacts": {"seen": 3}, "name": "é"}


def test_the_latest_runs_come_first_and_by_kind(store: Store) -> None:
    with store.write() as connection:
        ids = [runs.start(connection, kind, "", "w") for kind in ("once", "backfill", "once")]
        assert [r.id for r in runs.latest(connection)] == ids[::-1]
        assert [r.id for r in runs.latest(connection, 1)] == [ids[2]]
        assert [r.id for r in runs.latest(connection, kinds=["backfill"])] == [ids[1]]


def test_a_sync_that_never_ran_has_an_empty_state(store: Store) -> None:
    with store.read() as connection:
        assert runs.sync_state(connection, "leads") == runs.SyncState("leads")


def test_a_syncs_state_changes_column_by_column(store: Store) -> None:
    with store.write() as connection:
        runs.set_sync(connection, "leads", watermark_at=5)
        runs.set_sync(connection, "leads", cursor="c", window_until_at=9)
        runs.set_sync(connection, "customers", watermark_at=7)
        assert runs.sync_state(connection, "leads") == runs.SyncState(
            "leads", watermark_us=5, cursor="c", window_until_us=9
        )
        runs.set_sync(connection, "leads", cursor=None)
        assert runs.sync_state(connection, "leads").cursor is None


def test_the_account_of_a_crm_is_remembered_as_first_seen(store: Store) -> None:
    with store.write() as connection:
        assert runs.account(connection, "main") is None
        runs.set_account(connection, "main", "4242424", "Example")
        assert runs.account(connection, "main") == ("4242424", "")
        runs.set_author(connection, "main", "app-9")
        assert runs.account(connection, "main") == ("4242424", "app-9")
    with pytest.raises(IntegrityError), store.write() as connection:
        runs.set_account(connection, "main", "5", "")


# halts


def halts(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        return [(h.scope, h.kind, h.reason) for h in runs.halts(connection)]


def test_a_halt_is_in_force_until_it_is_lifted_and_is_news_once(store: Store) -> None:
    with store.write() as connection:
        assert runs.halt(connection, "vendor", "auth", "refused")
        assert not runs.halt(connection, "vendor", "auth", "refused again")
        assert runs.halt(connection, "all", "pause", "by hand")
    assert halts(store) == [("all", "pause", "by hand"), ("vendor", "auth", "refused again")]
    with store.write() as connection:
        assert runs.lift(connection, "vendor")
        assert not runs.lift(connection, "vendor")
    assert halts(store) == [("all", "pause", "by hand")]


def test_a_halt_for_a_time_ends_by_itself_and_is_news_again_afterwards(backend: Backend) -> None:
    with backend.store.write() as connection:
        runs.halt(connection, "vendor", "out_of_credits", "empty", 10 * MILLION)
        (held,) = runs.halts(connection)
        assert held.until_us == held.since_us + 10 * MILLION
    backend.clock.advance(9)
    assert len(halts(backend.store)) == 1
    backend.clock.advance(1)
    assert halts(backend.store) == []
    with backend.store.write() as connection:
        assert runs.halt(connection, "vendor", "out_of_credits", "empty", 10 * MILLION)


def test_a_halt_is_lifted_only_if_it_is_of_the_named_kinds(store: Store) -> None:
    with store.write() as connection:
        runs.halt(connection, "crm:main", "brake", "too many")
        assert not runs.lift(connection, "crm:main", ("share",))
        assert runs.lift(connection, "crm:main", ("share", "brake"))


# audit


def test_audit_events_are_numbered_in_order_and_paged(backend: Backend) -> None:
    with backend.store.write() as connection:
        runs.record(connection, "syncd", "halt", subject="vendor", reason="refused")
    backend.clock.advance(1)
    with backend.store.write() as connection:
        rows = [
            {"actor": "sync:leads", "action": "write.confirmed", "run_id": 2, "work_id": w, "reason": ""}
            for w in (7, 8)
        ]
        runs.record_many(connection, rows)
        runs.record_many(connection, [])
    with backend.store.read() as connection:
        found = runs.events(connection)
        assert [e.action for e in found] == ["halt", "write.confirmed", "write.confirmed"]
        assert [e.at - START_US for e in found] == [0, MILLION, MILLION]
        assert sorted({e.seq for e in found}) == [e.seq for e in found]
        assert [e.work_id for e in runs.events(connection, since=found[1].seq)] == [8]
        assert [e.work_id for e in runs.events(connection, work_id=7)] == [7]
        assert [e.work_id for e in runs.events(connection, run_id=2)] == [7, 8]
        assert len(runs.events(connection, limit=1)) == 1


def test_an_event_that_was_rolled_back_was_never_there(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            runs.record(connection, "syncd", "halt")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as connection:
        assert runs.events(connection) == []


def test_a_remembered_text_is_replaced(store: Store) -> None:
    with store.write() as connection:
        assert runs.get_meta(connection, "k") is None
        runs.set_meta(connection, "k", "1")
        runs.set_meta(connection, "k", "2")
        assert runs.get_meta(connection, "k") == "2"
