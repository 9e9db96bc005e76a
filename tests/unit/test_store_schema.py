"""The schema and its version; and why a state cannot be used, each reason with its sentence."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.exc import DBAPIError

from syncd.store import rates
from syncd.store.engine import MILLION, StateUnusable, Store
from syncd.store.schema import HEAD, configuration, current
from syncd.store.tables import metadata
from syncd.store.trouble import unusable
from tests.stores import KINDS, Backend, Backends

HOLDER = """
import sys
from syncd.store.engine import Store
store = Store(sys.argv[1])
store.open()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, backends: Backends, tmp_path: Path) -> str:
    """Where no state is yet."""
    return backends.blank() if request.param == "postgresql" else f"sqlite:///{tmp_path / 'new' / 'syncd.db'}"


def refusal(url: str, **how: bool) -> StateUnusable:
    store = Store(url)
    with pytest.raises(StateUnusable) as raised:
        store.open(**how)
    store.close()
    return raised.value


def make(url: str) -> None:
    store = Store(url)
    store.open()
    store.close()


def test_the_migrations_make_exactly_the_tables_of_the_code(backend: Backend) -> None:
    with backend.store.write() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": metadata})
        found = [d for d in compare_metadata(context, metadata) if "alembic_version" not in repr(d)]
        assert found == []
        names = set(inspect(connection).get_table_names())
    assert names == {*metadata.tables, "alembic_version"}


def test_partial_indexes_and_checks_are_made_too(backend: Backend) -> None:
    """What a comparison of tables does not look at."""
    with backend.store.read() as connection:
        seen = inspect(connection)
        for table in metadata.tables.values():
            checks = {c["name"] for c in seen.get_check_constraints(table.name)}
            wanted = {str(c.name) for c in table.constraints if isinstance(c, CheckConstraint)}
            assert checks == wanted, table.name
        purchase = next(i for i in seen.get_indexes("lookup") if i["name"] == "uq_lookup_purchase")
        assert purchase["unique"]
        options = purchase["dialect_options"]
        assert "released" in str(options.get("sqlite_where", options.get("postgresql_where")))


def test_the_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [HEAD]


def test_an_empty_database_is_brought_to_the_head_and_opening_again_changes_nothing(url: str) -> None:
    make(url)
    store = Store(url)
    salt = store.salt()
    store.close()
    make(url)
    store = Store(url)
    with store.read() as connection:
        assert current(connection) == HEAD
    assert store.salt() == salt
    store.close()


def test_a_migration_that_fails_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError

    store = Store(url)
    with monkeypatch.context() as patch:
        patch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
        with pytest.raises(RuntimeError):
            store.open()
    with store.read() as connection:
        assert inspect(connection).get_table_names() == []
    store.open()
    store.close()


def test_two_processes_that_open_an_empty_database_at_once_both_find_it_ready(backends: Backends) -> None:
    url = backends.blank()
    command = [sys.executable, "-c", HOLDER, url]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [p.communicate(b"") for p in started] == [(b"held\n", b"")] * 2


def test_a_pause_that_an_older_release_noted_is_no_longer_than_it_was_then(url: str) -> None:
    store = Store(url)
    if store.path is not None:
        store.path.parent.mkdir()
    hour, now = 3600 * MILLION, store.clock_us()
    with store.write() as connection:
        scripts = configuration()
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0001")
        held = {"k": "vendor", "u": now + 9 * hour}
        connection.execute(
            text(
                "INSERT INTO rate (key, tat, interval_us, paused_until, failures, breaker_until) "
                "VALUES (:k, 0, 1, :u, 0, 0)"
            ),
            held,
        )
    store.open()
    with store.read() as connection:
        assert rates.states(connection) == [("vendor", 0, 2 * hour, 0)]
    store.close()


# refusals


def test_a_state_of_a_newer_release_is_refused_and_untouched(url: str) -> None:
    make(url)
    store = Store(url)
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    for migrate in (True, False):
        refused = refusal(url, migrate=migrate)
        assert refused.code == "newer"
        assert "newer syncd (schema 9999, this release knows" in str(refused)
    store = Store(url)
    with store.read() as connection:
        assert current(connection) == "9999"
    store.close()


def test_without_a_state_those_who_only_look_are_told_so_and_nothing_is_made(
    url: str, tmp_path: Path
) -> None:
    refused = refusal(url, exclusive=False, migrate=False)
    assert refused.code == "absent"
    assert "Run `syncd once` or `syncd run` first" in str(refused)
    assert not (tmp_path / "new").exists()


def test_those_who_only_look_take_no_write_lock(backend: Backend) -> None:
    with backend.store.write():
        looking = Store(backend.url)
        looking.open(exclusive=False, migrate=False)
        looking.close()


def test_a_state_that_another_process_holds_is_refused_and_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'syncd.db'}"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    refused = refusal(url)
    assert refused.code == "locked"
    assert f"Another syncd (process {holder.pid}) holds the state {tmp_path / 'syncd.db'}" in str(refused)
    looking = Store(url)
    looking.open(exclusive=False, migrate=False)
    looking.close()
    holder.kill()
    holder.communicate()
    make(url)


def test_a_refused_opening_lets_go_of_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "syncd.db"
    path.write_bytes(b"x" * 8192)
    assert refusal(f"sqlite:///{path}").code == "corrupt"
    path.unlink()
    make(f"sqlite:///{path}")


@pytest.mark.parametrize("spoil", ["header", "pages"])
def test_a_damaged_file_is_refused(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "syncd.db"
    make(f"sqlite:///{path}")
    held = bytearray(path.read_bytes())
    start = 0 if spoil == "header" else 100
    held[start : start + 4000] = b"\xff" * 4000
    path.write_bytes(held)
    refused = refusal(f"sqlite:///{path}")
    assert refused.code == "corrupt"
    assert str(refused) == f"The state {path} is damaged. Restore it from a backup (see the operator guide)."


def test_a_folder_that_cannot_be_made_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = refusal(f"sqlite:///{tmp_path / 'file' / 'syncd.db'}")
    assert refused.code == "unwritable"
    assert "cannot be used" in str(refused)
    assert "Change its owner or state.url" in str(refused)


def test_a_file_that_belongs_to_somebody_else_is_told(tmp_path: Path) -> None:
    """As an ordinary user, because nothing is unwritable to root."""
    folder = tmp_path / "state"
    make(f"sqlite:///{folder / 'syncd.db'}")
    folder.chmod(0o500)
    script = (
        "import os, sys\n"
        "from syncd.store import schema\n"
        "from syncd.store.engine import StateUnusable, Store\n"
        "store = Store(sys.argv[1])\n"
        "os.geteuid() or (os.setgid(65534), os.setuid(65534))\n"
        "try:\n"
        "    store.open()\n"
        "except StateUnusable as error:\n"
        "    print(error.code, error)\n"
    )
    # Whoever runs the tests may be unable to reach the temporary folder as another user: that is told alike.
    done = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{folder / 'syncd.db'}"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    folder.chmod(0o700)
    assert done.stdout.startswith(f"unwritable The state {folder / 'syncd.db'} cannot be used"), done


def test_a_state_in_memory_is_refused() -> None:
    assert refusal("sqlite:///:memory:").code == "unwritable"


def test_a_server_that_does_not_answer_is_told_without_the_password() -> None:
    refused = refusal("postgresql://syncd:s3cret@127.0.0.1:9/syncd?connect_timeout=2")
    assert refused.code == "unreachable"
    assert "s3cret" not in str(refused)
    assert "127.0.0.1:9/syncd" in str(refused)
    assert "Check state.url and the database server" in str(refused)


def test_a_database_that_does_not_exist_is_told_whatever_its_name(backends: Backends) -> None:
    refused = refusal(backends.server().url("full_readonly_malformed"))
    assert refused.code == "unreachable"


def test_a_database_in_which_we_may_make_nothing_is_told(backends: Backends) -> None:
    url = backends.blank()
    server = backends.server()
    server.run("DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN")
    refused = refusal(url.replace("postgres@", "guest@"))
    assert refused.code == "unwritable"
    assert "is not writable by this user" in str(refused)


@pytest.mark.parametrize(
    ("code", "wanted", "said"),
    [
        ("25006", "unwritable", "is not writable by this user"),
        ("0A000", "unwritable", "is not writable by this user"),
        ("53100", "unwritable", "No space is left"),
        ("55P03", "locked", "keeps the state"),
        ("XX001", "corrupt", "is damaged"),
        ("08006", "unreachable", "cannot be opened (ConnectionFailure)"),
        ("SQLITE_FULL", "unwritable", "No space is left"),
        ("SQLITE_READONLY_DIRECTORY", "unwritable", "is not writable by this user"),
        ("SQLITE_BUSY_SNAPSHOT", "locked", "keeps the state"),
        ("SQLITE_CORRUPT_INDEX", "corrupt", "is damaged"),
        ("SQLITE_IOERR_READ", "unreachable", "cannot be opened (OperationalError)"),
    ],
)
def test_what_the_driver_reports_decides_not_its_words(code: str, wanted: str, said: str) -> None:
    words = "full malformed readonly unable to open"
    original: Exception
    if code.startswith("SQLITE"):
        original = sqlite3.OperationalError(words)
        original.sqlite_errorname = code
    else:
        original = psycopg.errors.lookup(code)(words)
    refused = unusable("HERE", DBAPIError("SELECT 'secret'", {}, original))
    assert refused.code == wanted
    assert said in str(refused)
    assert "HERE" in str(refused)
    assert "secret" not in str(refused)
