"""The state cared for through the command line: backup, check, migrate, and the bundle for a bug report."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from syncd.store.schema import HEAD
from tests.flow.test_service import free_port, service
from tests.rehearsals import Director, Stage

CANARY = "canary.person@example.org"


def state_of(play: Stage) -> Path:
    return play.rehearsal.folder / "state.db"


def spoil(play: Stage, statement: str) -> None:
    with closing(sqlite3.connect(state_of(play))) as db, db:
        db.execute(statement)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder in which a lived state is kept, so that it is made once."""
    return {"folder": tmp_path_factory.mktemp("kept")}


@pytest.fixture
def lived(stage: Director, kept: dict[str, Path]) -> Stage:
    play = stage(contacts=25)
    saved = kept["folder"] / "state.db"
    if not saved.exists():
        assert play.command("once", "--json").code == 0
        assert play.command("db", "backup", str(saved)).code == 0
    else:
        shutil.copy(saved, state_of(play))
    return play


def test_a_backup_is_one_private_file_that_is_whole_and_works(lived: Stage, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    said = lived.command("db", "backup", str(target), "--json")
    assert (said.code, said.json["bytes"]) == (0, target.stat().st_size)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("*backup*")] == ["backup.db"]
    before = lived.command("budget", "--json").json
    for path in lived.rehearsal.folder.glob("state.db*"):
        path.unlink()
    shutil.copy(target, state_of(lived))
    assert lived.command("db", "check").out.startswith("The state is whole")
    assert lived.command("budget", "--json").json == before


def test_a_backup_replaces_an_older_one_and_never_the_state(lived: Stage, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    target.write_text("older")
    assert lived.command("db", "backup", str(target)).code == 0
    assert target.read_bytes().startswith(b"SQLite format 3")
    said = lived.command("db", "backup", str(state_of(lived)))
    assert said.code == 2
    assert "replace the state itself" in said.err
    assert lived.command("db", "backup", str(tmp_path / "absent" / "b.db")).code == 2


def test_a_backup_is_made_while_the_service_runs(stage: Director, tmp_path: Path) -> None:
    play = stage(contacts=40)
    with service(play) as running:
        running.until("READY=1")
        assert play.command("db", "backup", str(tmp_path / "b.db")).code == 0
        assert play.command("db", "check").code == 0
        said = play.command("db", "migrate")
        assert (said.code, "holds the state" in said.err) == (7, True)
        assert running.end() == 0
    for path in play.rehearsal.folder.glob("state.db*"):
        path.unlink()
    shutil.copy(tmp_path / "b.db", state_of(play))
    assert play.command("db", "check").code == 0


def test_postgresql_is_backed_up_by_its_own_tools(lived: Stage) -> None:
    lived.configure({"state": {"url": "postgresql://syncd@127.0.0.1:1/syncd"}})
    said = lived.command("db", "backup", "b.db")
    assert said.code == 2
    assert "pg_dump" in said.err


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE budget SET spent = spent + 1 WHERE kind = 'email'", "disagrees with the ledger"),
        ("DELETE FROM provider_call WHERE id = (SELECT call_id FROM ledger LIMIT 1)", "refers to a row of"),
        ("DELETE FROM audit WHERE action = 'write.confirmed'", "no confirmation in the audit trail"),
        (
            "INSERT INTO ledger SELECT NULL, call_id, account, kind, run_id, day, month, 5, 0, 0, 'x', at "
            "FROM ledger LIMIT 1",
            "still holds",
        ),
    ],
)
def test_check_names_what_is_wrong_and_ends_with_8(lived: Stage, statement: str, sentence: str) -> None:
    spoil(lived, statement)
    said = lived.command("db", "check", "--json")
    assert (said.code, said.json["ok"]) == (8, False)
    assert any(sentence in fault for fault in said.json["faults"])
    assert "go back to a backup" in said.err


def test_a_damaged_file_ends_with_8(lived: Stage) -> None:
    path = state_of(lived)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(8192, size, 8192):
            file.seek(at)
            file.write(b"\xff" * 512)
    assert lived.command("db", "check").code == 8


@pytest.mark.parametrize(
    "verb", [["status"], ["once"], ["run"], ["db", "check"], ["db", "migrate"], ["budget"]]
)
def test_a_state_of_a_newer_release_is_refused_by_every_verb(lived: Stage, verb: list[str]) -> None:
    spoil(lived, "UPDATE alembic_version SET version_num = '9999'")
    said = lived.command(*verb)
    assert said.code == 78
    assert "made by a newer syncd (schema 9999" in said.err


def test_migrate_makes_a_state_once_and_says_so(stage: Director) -> None:
    play = stage(contacts=5)
    assert play.command("db", "migrate", "--json").json["before"] is None
    assert "already" in play.command("db", "migrate").out
    assert play.command("db", "check").code == 0


def bundled(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        members = [m for m in tar.getmembers() if m.isfile()]
        return {m.name.partition("/")[2]: tar.extractfile(m).read().decode() for m in members}  # type: ignore[union-attr] # they are files


def test_the_bundle_lists_its_contents_first_and_holds_what_is_needed(lived: Stage, tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    said = lived.command("support-bundle", str(target))
    assert said.code == 0
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    found = bundled(target)
    assert set(found) == {
        "about.json", "audit.jsonl", "budgets.json", "check.json", "config.yaml", "counts.json", "metrics.txt",
        "runs.json", "status.json",
    }  # fmt: skip
    assert all(name in said.err for name in found)
    assert json.loads(found["about.json"])["schema"]["state"] == HEAD
    assert json.loads(found["runs.json"])[0]["verdict"] == "ok"
    assert json.loads(found["counts.json"])["rows"]["work"] > 0
    assert json.loads(found["check.json"]) == {"faults": []}
    assert "does not answer" in found["metrics.txt"]
    assert lived.command("support-bundle", str(target)).code == 2


def test_the_bundle_has_the_metrics_of_a_service_that_runs(stage: Director, tmp_path: Path) -> None:
    play = stage(contacts=5, changes={"http": {"listen": f"127.0.0.1:{free_port()}"}})
    with service(play) as running:
        running.until("READY=1")
        play.command("support-bundle", str(tmp_path / "b.tar.gz"))
        assert running.end() == 0
    assert "syncd_build_info{" in bundled(tmp_path / "b.tar.gz")["metrics.txt"]


def test_no_secret_and_nobodys_data_is_in_the_bundle(lived: Stage, tmp_path: Path) -> None:
    lived.configure(
        {"syncs": {"hubspot-sandbox-contacts": {"where": [{"property": "email", "not_equals": CANARY}]}}}
    )
    lived.command("pause", "--reason", f"{CANARY} called, +1 415 555 0199")
    lived.command("once", "--json")
    target = tmp_path / "b.tar.gz"
    assert lived.command("support-bundle", str(target)).code == 0
    whole = "\n".join(bundled(target).values())
    secrets = [p.read_text() for p in lived.rehearsal.folder.glob("*.token")]
    assert secrets
    for secret in (*secrets, CANARY, "555 0199", "called"):
        assert secret not in whole
    with closing(sqlite3.connect(state_of(lived))) as db:
        written = {row[0] for row in db.execute("SELECT after FROM change WHERE after IS NOT NULL")}
    assert len(written) > 20
    for value in written:
        assert len(value) < 4 or not re.search(rf"(?<!\w){re.escape(value)}(?!\w)", whole), value
