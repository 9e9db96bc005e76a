"""The oracle catches a planted violation of every promise, and finds nothing where nothing is planted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.oracle import second_run
from syncd.rehearsal import Stand
from tests.worlds import World, loopbacks


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world after one whole cycle."""
    with loopbacks() as servers:
        world = World(tmp_path_factory.mktemp("lived"), servers)
        world.cycle()
        with world.store() as store, store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        yield world


@pytest.fixture
def world(lived: World, tmp_path: Path) -> World:
    """The same world with a copy of its state."""
    copy = object.__new__(World)
    copy.__dict__.update(lived.__dict__)
    copy.log = type(lived.log)(lived.log.getvalue())
    shutil.copy(lived.url.removeprefix("sqlite:///"), tmp_path / "state.db")
    copy.url = f"sqlite:///{tmp_path / 'state.db'}"
    return copy


def planted(world: World, *statements: str) -> list[str]:
    """What the oracle finds after these changes to the state."""
    with world.store() as store, store.engine.connect() as connection:
        for statement in statements:
            assert connection.exec_driver_sql(statement).rowcount, statement
        connection.commit()
    return world.oracle()


class Retold(Stand):
    """A stand-in whose books were changed."""

    def __init__(self, stand: Stand, retell: Callable[[str, Any], Any]) -> None:
        super().__init__(stand.vendor, stand.url, stand.process)
        self._retell = retell

    def ask(self, name: str, data: object = None, **query: str) -> Any:
        return self._retell(name, super().ask(name, data, **query))


def retold(world: World, vendor: str, **changes: Any) -> list[str]:
    """What the oracle finds after these changes to the books of a stand-in."""

    def retell(name: str, told: Any) -> Any:
        return (
            {**told, **{k: v(told[k]) for k, v in changes.items() if k in told}} if name == "books" else told
        )

    stands = dict(world.rehearsal.stands)
    stands[vendor] = Retold(stands[vendor], retell)
    return world.oracle(stands)


def named(found: list[str]) -> set[str]:
    return {sentence.partition(":")[0] for sentence in found}


def test_nothing_is_found_where_nothing_is_planted(world: World) -> None:
    assert world.oracle() == []


def test_i1_a_budget_above_its_cap(world: World) -> None:
    found = planted(world, "UPDATE budget SET cap = spent - 1 WHERE spent > 0")
    assert named(found) == {"I1"}
    assert all(" holds " in sentence for sentence in found)


def test_i1_a_budget_that_disagrees_with_the_ledger(world: World) -> None:
    assert named(planted(world, "UPDATE budget SET spent = spent - 1 WHERE spent > 0")) == {"I1"}


def test_i1_a_charge_that_we_do_not_know_of(world: World) -> None:
    more = retold(world, "contactout", charged=lambda sums: {k: float(n) + 1 for k, n in sums.items()})
    assert named(more) == {"I1"}


def test_i1_credits_that_stay_reserved(world: World) -> None:
    found = planted(
        world,
        "INSERT INTO ledger (at, call_id, account, kind, run_id, day, month, reserved, spent, unknown, reason)"
        " SELECT at, call_id, account, kind, run_id, day, month, 1, 0, 0, 'planted' FROM ledger WHERE spent > 0 LIMIT 1",
        "UPDATE budget SET reserved = reserved + 1 WHERE (account, kind) IN"
        " (SELECT account, kind FROM ledger WHERE reason = 'planted')",
    )
    assert named(found) == {"I1"}
    assert any("still reserves" in sentence for sentence in found)


def test_i2_a_call_that_nobody_ended(world: World) -> None:
    assert "I2" in named(planted(world, "UPDATE provider_call SET state = 'sent' WHERE id = 1"))


def test_i2_a_charge_without_any_booked_call(world: World) -> None:
    found = planted(world, "DELETE FROM ledger", "DELETE FROM lookup", "DELETE FROM provider_call")
    assert "I2" in named(found)


def test_i3_a_key_that_was_bought_twice(world: World) -> None:
    with world.store() as store, store.engine.connect() as connection:
        for index in connection.exec_driver_sql("PRAGMA index_list(lookup)").all():
            if index[2]:
                connection.exec_driver_sql(f"DROP INDEX {index[1]}")
        connection.commit()
    found = planted(world, _AGAIN.format(state="settled", epoch="epoch"))
    assert named(found) == {"I3"}


def test_i3_a_person_whom_the_vendor_charged_twice(world: World) -> None:
    extra = [{"kind": "email", "extra": 1, "person": "p1"}]
    assert named(retold(world, "contactout", duplicates=lambda _: extra)) == {"I3"}


def test_i4_a_lost_answer_that_was_asked_for_again(world: World) -> None:
    found = planted(
        world,
        "UPDATE lookup SET state = 'unknown' WHERE id = (SELECT min(id) FROM lookup WHERE charge <> '')",
        _AGAIN.format(state="unknown", epoch="epoch + 1"),
    )
    assert "I4" in named(found)


_AGAIN = (
    "INSERT INTO lookup (call_id, account, operation, key_kind, key_digest, epoch, position, state, outcome,"
    " reason, charge, sent_at, settled_at, work_id)"
    " SELECT call_id, account, operation, key_kind, key_digest, {epoch}, position, 'settled', 'found', '', charge,"
    " sent_at, settled_at, work_id FROM lookup WHERE state = '{state}' ORDER BY id LIMIT 1"
)


def test_i5_a_record_that_was_never_stored(world: World) -> None:
    first = "SELECT id FROM work ORDER BY id DESC LIMIT 1"
    with world.store() as store, store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    found = planted(world, f"UPDATE work SET record_id = 'elsewhere' WHERE id = ({first})")
    assert named(found) == {"I5"}


def test_i5_a_contact_in_no_state_that_there_is(world: World) -> None:
    assert named(planted(world, "UPDATE work SET state = 'adrift' WHERE id = 1")) == {"I5"}


def test_i6_a_write_without_its_event(world: World) -> None:
    assert named(planted(world, "DELETE FROM audit WHERE action = 'write.confirmed'")) == {"I6"}


def test_i6_a_write_that_is_confirmed_twice(world: World) -> None:
    twice = (
        "INSERT INTO audit (at, actor, action, run_id, work_id, change_id, subject, reason)"
        " SELECT at, actor, action, run_id, work_id, change_id, subject, reason FROM audit"
        " WHERE action = 'write.confirmed' LIMIT 1"
    )
    assert named(planted(world, twice)) == {"I6"}


def test_i6_a_value_that_we_never_booked(world: World) -> None:
    more = [{"record": "1000001", "property": "planted", "author": "us"}]
    assert named(retold(world, "hubspot", writes=lambda writes: [*writes, *more])) == {"I6"}


def test_i6_a_booked_value_that_the_crm_never_got(world: World) -> None:
    assert named(retold(world, "hubspot", writes=lambda writes: writes[1:])) == {"I6"}


def test_i7_a_persons_value_that_was_overwritten(world: World) -> None:
    assert named(retold(world, "hubspot", human_edits_overwritten=lambda n: n + 1)) == {"I7"}


@pytest.mark.parametrize("leak", ["sandbox-contactout-key", "mirela@vance.example", "+4917012345678"])
def test_i8_a_line_of_the_log_that_holds_what_it_must_not(world: World, leak: str) -> None:
    world.log.write(f'{{"event":"planted","of":"{leak}"}}\n')
    assert named(world.oracle(secrets=["sandbox-contactout-key"])) == {"I8"}


def test_i9_a_write_that_changed_nothing(world: World) -> None:
    assert named(retold(world, "hubspot", no_op_writes=lambda n: n + 1)) == {"I9"}


def test_i9_a_second_run_that_asks_or_writes(world: World) -> None:
    quiet = {"calls": {"contactout": {"total": 0}}, "fields": {"job_title": {"filled": 0, "refreshed": 0}}}
    assert second_run(quiet, ["contactout"]) == []
    asks = {**quiet, "calls": {"contactout": {"total": 2}}}
    writes = {**quiet, "fields": {"job_title": {"filled": 1, "refreshed": 0}}}
    assert named(second_run(asks, ["contactout"])) == named(second_run(writes, ["contactout"])) == {"I9"}


@pytest.mark.parametrize(
    "url", ["https://api.contactout.com", "http://10.0.0.7", "http://2130706433", "https://localhost.example"]
)
def test_i10_a_sandbox_beside_a_public_host(world: World, url: str) -> None:
    here = world.rehearsal.stands["hubspot"].url
    assert named(world.oracle(addresses={"hubspot": here, "contactout": url})) == {"I10"}


def test_i10_plain_http_to_a_public_host(world: World) -> None:
    assert named(world.oracle(addresses={"contactout": "http://api.contactout.com"})) == {"I10"}
