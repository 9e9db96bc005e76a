"""A state that was restored from a backup: recognised, and nothing is bought until its books were mended."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from syncd.cycle import Cycle, Orders
from syncd.overview import status
from syncd.reconcile import Reconciled, reconcile
from syncd.refusals import Restored
from tests.rehearsals import Director, Stage

SENTENCE = "nothing is bought until `syncd budget reconcile` took over the vendors' figures"


def state_of(play: Stage) -> Path:
    return play.rehearsal.folder / "state.db"


def backup(play: Stage, target: Path) -> None:
    with closing(sqlite3.connect(state_of(play))) as ours, closing(sqlite3.connect(target)) as theirs:
        ours.backup(theirs)


def restore(play: Stage, source: Path) -> None:
    """As the operator guide says."""
    for rest in ("-wal", "-shm"):
        Path(f"{state_of(play)}{rest}").unlink(missing_ok=True)
    shutil.copy(source, state_of(play))


def books(play: Stage) -> dict[str, float]:
    told = play.stand("contactout").ask("books", summary="1")["charged"]
    return {kind: float(amount) for kind, amount in told.items()}


def asked(play: Stage) -> int:
    return len(play.stand("contactout").ask("journal")["requests"])


def reconciled(play: Stage) -> Reconciled:
    with play.hurry() as runtime:
        return reconcile(runtime)


def month(play: Stage) -> dict[str, float]:
    """What our books hold for this month."""
    from datetime import UTC, datetime

    from syncd.overview import budgets

    with play.runtime() as runtime:
        found = budgets(runtime.store, runtime.settings, datetime.now(UTC)).kinds
    return {b["kind"]: next(c["spent"] for c in b["caps"] if c["per"] == "month") for b in found}


def test_a_restored_state_buys_nothing_until_it_is_reconciled(stage: Director, tmp_path: Path) -> None:
    play = stage(contacts=40)
    play.hurried(limit=15)
    backup(play, tmp_path / "b.db")
    play.hurried()
    bought, requests = books(play), asked(play)
    crm = play.stand("hubspot")
    written = {w["record"] for w in crm.ask("books")["writes"] if w["property"] == "email"}
    restore(play, tmp_path / "b.db")
    for _ in range(2):
        with pytest.raises(Restored, match=SENTENCE):
            play.hurried()
    said = play.command("once")
    assert (said.code, SENTENCE in said.err, len(said.err.strip().splitlines())) == (6, True, 1)
    assert asked(play) == requests
    with play.runtime() as runtime:
        assert "older copy" in status(runtime.store, runtime.settings)["needs"][0]

    done = reconciled(play)
    assert not done.held
    assert done.adopted["contactout"]
    assert {k: n for k, n in month(play).items() if n} == bought, "caps count what was spent meanwhile"
    play.pass_time(3600)
    outcome = play.hurried()
    assert outcome.code == 0
    twice = {d["person"] for d in play.stand("contactout").ask("books")["duplicates"] if d["kind"] == "email"}
    records = {f"p{number}": person["record"] for number, person in enumerate(crm.ask("truth"))}
    assert not {records[p] for p in twice} & written, "what we wrote and forgot is taken as present"
    assert len(twice) <= 3, "only answers that left nothing in the CRM are bought again"
    # What was written and forgotten is what I6 and I3 are about; money and contacts are in order.
    assert [v for v in play.oracle() if not v.startswith(("I3", "I6"))] == []


def test_a_state_that_is_gone_or_another_one_is_held_too(stage: Director) -> None:
    play = stage(contacts=8)
    play.hurried()
    requests = asked(play)
    for rest in ("", "-wal", "-shm"):
        Path(f"{state_of(play)}{rest}").unlink(missing_ok=True)
    with pytest.raises(Restored, match="Another state lies in the place"):
        play.hurried()
    assert asked(play) == requests
    assert not reconciled(play).held
    play.hurried()


def test_a_restored_state_stays_held_while_a_vendor_is_silent(stage: Director, tmp_path: Path) -> None:
    play = stage(contacts=8)
    play.hurried(limit=3)
    backup(play, tmp_path / "b.db")
    play.hurried()
    restore(play, tmp_path / "b.db")
    token = play.rehearsal.folder / "contactout.token"
    right = token.read_text()
    token.write_text("not-the-key")
    done = reconciled(play)
    assert (done.held, list(done.silent), done.adopted) == (True, ["contactout"], {})
    token.write_text(right)
    with pytest.raises(Restored):
        play.hurried()
    assert not reconciled(play).held


def test_a_restored_state_may_be_looked_at(stage: Director, tmp_path: Path) -> None:
    """In mode plan nothing is bought, so nothing is held."""
    play = stage(contacts=8)
    play.hurried(limit=3)
    backup(play, tmp_path / "b.db")
    play.hurried()
    restore(play, tmp_path / "b.db")
    with play.hurry() as runtime:
        assert Cycle(runtime, Orders(list(runtime.policies), spend=False)).run().code == 0


def test_a_fresh_state_and_one_without_its_mark_are_no_restored_ones(stage: Director) -> None:
    play = stage(contacts=5)
    play.hurried()
    mark = play.rehearsal.folder / "state.db.mark"
    assert mark.stat().st_mode & 0o777 == 0o600
    mark.unlink()
    play.hurried()
    assert mark.exists(), "it is made anew"
    mark.write_text("nonsense")
    play.hurried()
